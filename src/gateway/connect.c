/* A browser's side of connecting: reads what it brings, shows what came of it. Must not know OAuth (src/grant). */
#include "gateway/connect.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/random.h"
#include "codec/base64.h"
#include "codec/url.h"
#include "gateway/worker.h"
#include "grant/keeper.h"

enum { BROWSER_BYTES = 32, BROWSER_TEXT = 2 * BROWSER_BYTES, FIELDS_MAX = 8 };

/* From the request to its reply; the consent is the keeper's meanwhile. */
struct visit {
  struct grant_consent consent; /* first */
  struct worker *worker;
  struct http_exchange *http;
  bool is_new_browser;
};

/* ---- the cookie ---- */

static bool is_secure(const struct worker *worker) {
  return str_starts(worker->server->public_url, STR("https://"));
}

/* "__Host-": set by this host alone, over TLS alone (RFC 6265bis, 4.1.3.2). Browsers take it on https only. */
static struct str cookie_name(const struct worker *worker) {
  return is_secure(worker) ? STR("__Host-connek-connect") : STR("connek-connect");
}

static bool is_browser(struct str value) {
  uint8_t bytes[BROWSER_BYTES];
  return value.n == BROWSER_TEXT && hex_parse(value, bytes, sizeof(bytes), false);
}

static struct str cookie_of(const struct worker *worker, const struct http_exchange *http) {
  for (size_t i = 0; i < http->n_fields; i++) {
    if (!str_eq_fold(http->fields[i].name, STR("Cookie"))) continue;
    for (struct str rest = http->fields[i].value; rest.p;) {
      struct str value = str_trim(str_cut(&rest, ';'));
      struct str name = str_cut(&value, '=');
      if (str_eq(name, cookie_name(worker)) && value.p && is_browser(value)) return value;
    }
  }
  return STR_NONE;
}

/* ---- pages ---- */

static void write_escaped(struct buf *out, struct str text) {
  for (size_t i = 0; i < text.n; i++) {
    switch (text.p[i]) {
      case '&':
        buf_append_c(out, "&amp;");
        break;
      case '<':
        buf_append_c(out, "&lt;");
        break;
      case '>':
        buf_append_c(out, "&gt;");
        break;
      case '"':
        buf_append_c(out, "&quot;");
        break;
      case '\'':
        buf_append_c(out, "&#39;");
        break;
      default:
        buf_append_byte(out, text.p[i]);
    }
  }
}

static void begin_page(struct buf *out, const char *title) {
  buf_printf(out,
             "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
             "content=\"width=device-width\"><title>%s</title></head>\n<body><main><h1>%s</h1>\n",
             title, title);
}

static void end_page(struct buf *out) {
  buf_append_c(out, "</main></body></html>\n");
}

static void write_choices(struct buf *out, const struct grant_consent *consent, struct str link) {
  begin_page(out, "Which account?");
  buf_append_c(out, "<p>");
  write_escaped(out, consent->connection);
  buf_append_c(out, " may use one of these:</p>\n<form method=\"post\" action=\"/connect/");
  write_escaped(out, link);
  buf_append_c(out, "/choose\">\n<fieldset><legend>Accounts</legend>\n");
  for (size_t i = 0; i < consent->n_choices; i++) {
    buf_append_c(out, "<p><label><input type=\"radio\" name=\"choice\" required value=\"");
    write_escaped(out, consent->choice_values[i]);
    buf_append_c(out, "\"> ");
    write_escaped(out, consent->choices[i]);
    buf_append_c(out, "</label></p>\n");
  }
  buf_append_c(out, "</fieldset>\n<p><button type=\"submit\">Connect</button></p>\n</form>\n");
  end_page(out);
}

static void write_connected(struct buf *out, const struct grant_consent *consent) {
  begin_page(out, "Connected");
  buf_append_c(out, "<p>");
  write_escaped(out, consent->connection);
  buf_append_c(out, " of ");
  write_escaped(out, consent->organisation);
  buf_append_c(out, " is connected. You can close this page.</p>\n");
  if (consent->return_path.n > 0) {
    buf_append_c(out, "<p><a href=\"");
    write_escaped(out, consent->return_path);
    buf_append_c(out, "\">Go on</a></p>\n");
  }
  end_page(out);
}

static void write_failure(struct buf *out, struct str text) {
  begin_page(out, "Not connected");
  buf_append_c(out, "<p>");
  write_escaped(out, text);
  buf_append_c(out, "</p>\n");
  end_page(out);
}

/* ---- replies ---- */

static int status_of(const struct grant_consent *consent) {
  switch (consent->err.code) {
    case ERR_NOT_FOUND:
      return 404;
    case ERR_UPSTREAM:
    case ERR_TIMEOUT:
      return 502;
    case ERR_UNAVAILABLE:
    case ERR_NO_MEMORY:
      return 503;
    default:
      return 400;
  }
}

static struct str write_cookie(const struct visit *visit) {
  const struct grant_consent *consent = &visit->consent;
  return arena_printf(&visit->http->arena, "%.*s=%.*s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s",
                      STR_ARG(cookie_name(visit->worker)), STR_ARG(consent->browser), GRANT_STATE_S,
                      is_secure(visit->worker) ? "; Secure" : "");
}

static void reply(struct http_exchange *http, int status, struct str location, struct str cookie, struct str body) {
  struct http_field *fields = arena_new_n(&http->arena, struct http_field, FIELDS_MAX);
  size_t n = 0;
  if (!fields) {
    http_reply(http, &(struct http_reply){.status = 503});
    return;
  }
  fields[n++] = (struct http_field){STR("Cache-Control"), STR("no-store")};
  fields[n++] = (struct http_field){STR("Referrer-Policy"), STR("no-referrer")};
  fields[n++] = (struct http_field){STR("X-Content-Type-Options"), STR("nosniff")};
  fields[n++] =
      (struct http_field){STR("Content-Security-Policy"),
                          STR("default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")};
  if (location.n > 0) fields[n++] = (struct http_field){STR("Location"), location};
  if (cookie.n > 0) fields[n++] = (struct http_field){STR("Set-Cookie"), cookie};
  http_reply(http, &(struct http_reply){.status = status,
                                        .content_type = STR("text/html; charset=utf-8"),
                                        .fields = fields,
                                        .n_fields = n,
                                        .body = body});
}

static void reply_result(struct visit *visit) {
  struct grant_consent *consent = &visit->consent;
  struct http_exchange *http = visit->http;
  struct str location = STR_NONE, cookie = STR_NONE;
  struct buf body;
  int status = 200;
  buf_init(&body, &http->arena, MIB);
  if (consent->has_failed) {
    status = status_of(consent);
    write_failure(&body, str_of(consent->err.text));
  } else if (consent->step == GRANT_CONSENT_BEGIN) {
    status = 302;
    location = arena_str(&http->arena, consent->location); /* all of it encoded */
    cookie = write_cookie(visit);
  } else if (consent->choice_link.n > 0) {
    status = 303;
    location = arena_printf(&http->arena, "/connect/%.*s/choose", STR_ARG(consent->choice_link));
  } else if (consent->step == GRANT_CONSENT_CHOICES) {
    write_choices(&body, consent, consent->link);
  } else {
    write_connected(&body, consent);
  }
  reply(http, buf_failed(&body) ? 503 : status, location, cookie, body.n > 0 ? buf_str(&body) : STR(""));
}

/* ---- visits ---- */

static void on_done(struct grant_consent *consent) {
  struct visit *visit = (struct visit *)(void *)consent;
  struct worker *worker = visit->worker;
  reply_result(visit);
  arena_wipe(&consent->arena);
  free(visit);
  worker_exchange_ended(worker);
}

static void refuse(struct http_exchange *http, int status, const char *text) {
  struct buf body;
  buf_init(&body, &http->arena, 4 * KIB);
  write_failure(&body, str_of(text));
  reply(http, status, STR_NONE, STR_NONE, buf_failed(&body) ? STR("") : buf_str(&body));
}

static struct visit *visit_new(struct worker *worker, struct http_exchange *http) {
  struct visit *visit = calloc(1, sizeof(*visit));
  if (!visit) return NULL;
  visit->worker = worker;
  visit->http = http;
  arena_init(&visit->consent.arena, 0);
  visit->consent.loop = &worker->loop;
  visit->consent.done = on_done;
  visit->consent.browser = cookie_of(worker, http);
  return visit;
}

static void begin(struct visit *visit) {
  worker_exchange_begun(visit->worker);
  grant_consent_run(visit->worker->server->keeper, &visit->consent);
}

/* Of a form's body (application/x-www-form-urlencoded). */
static struct str form_value(struct http_exchange *http, const char *wanted) {
  for (struct str rest = http->body; rest.p && rest.n > 0;) {
    struct str value = str_cut(&rest, '&'), raw;
    struct str name = str_cut(&value, '=');
    if (!str_eq_c(name, wanted) || !value.p) continue;
    char *copy = arena_memdup(&http->arena, value.p, value.n);
    for (size_t i = 0; copy && i < value.n; i++)
      if (copy[i] == '+') copy[i] = ' ';
    if (copy && url_decode(&http->arena, str_make(copy, value.n), &raw)) return raw;
  }
  return STR_NONE;
}

static bool is_method(const struct http_exchange *http, const char *method) {
  return str_eq_c(http->method, method);
}

void connect_serve_link(struct worker *worker, struct http_exchange *http) {
  struct str rest = http->path;
  (void)str_cut(&rest, '/'); /* before the first one */
  (void)str_cut(&rest, '/'); /* "connect" */
  struct str link = str_cut(&rest, '/');
  bool is_choice = str_eq(rest, STR("choose"));
  bool is_known = link.n == GRANT_TOKEN_SIZE - 1 && (!rest.p || is_choice);
  bool is_post = is_method(http, "POST");
  if (!is_known) {
    refuse(http, 404, "This link is not known here. Ask for a new one.");
    return;
  }
  if (!is_method(http, "GET") && !(is_post && is_choice)) {
    refuse(http, 405, "Open this link in a browser.");
    return;
  }
  struct visit *visit = visit_new(worker, http);
  if (!visit) {
    refuse(http, 503, "The server cannot do this now. Try again in a moment.");
    return;
  }
  struct grant_consent *consent = &visit->consent;
  consent->step = !is_choice ? GRANT_CONSENT_BEGIN : is_post ? GRANT_CONSENT_CHOOSE : GRANT_CONSENT_CHOICES;
  consent->link = link;
  if (is_post) consent->choice = form_value(http, "choice");
  if (consent->browser.n == 0) {
    uint8_t bytes[BROWSER_BYTES];
    char text[BROWSER_TEXT + 1];
    random_bytes(bytes, sizeof(bytes));
    hex_format(bytes, sizeof(bytes), text);
    consent->browser = arena_str(&http->arena, str_of(text));
  }
  begin(visit);
}

void connect_serve_callback(struct worker *worker, struct http_exchange *http) {
  if (!is_method(http, "GET")) {
    refuse(http, 405, "Services send browsers here with GET.");
    return;
  }
  struct visit *visit = visit_new(worker, http);
  if (!visit) {
    refuse(http, 503, "The server cannot do this now. Try again in a moment.");
    return;
  }
  visit->consent.step = GRANT_CONSENT_CALLBACK;
  visit->consent.query = http->query;
  begin(visit);
}
