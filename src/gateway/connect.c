/* A browser's side of connecting: reads what it brings, shows what came of it. Must not know OAuth (src/grant). */
#include "gateway/connect.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/random.h"
#include "codec/base64.h"
#include "gateway/worker.h"
#include "grant/keeper.h"
#include "grant/register.h"
#include "signin/session.h"
#include "web/form.h"
#include "web/page.h"

enum { BROWSER_BYTES = 32, BROWSER_TEXT = 2 * BROWSER_BYTES };

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
static const char *cookie_name(const struct worker *worker) {
  return is_secure(worker) ? "__Host-connek-connect" : "connek-connect";
}

static struct str cookie_of(const struct worker *worker, const struct http_exchange *http) {
  uint8_t bytes[BROWSER_BYTES];
  struct str value = cookie_find(http, cookie_name(worker));
  return value.n == BROWSER_TEXT && hex_parse(value, bytes, sizeof(bytes), false) ? value : STR_NONE;
}

/* Who is signed in here, for a link that is one person's alone. A session that still needs its code lets nobody in. */
static enum err_code find_login(struct db_tx *tx, struct arena *arena, struct str session, struct uuid *ret_login_id,
                                struct err *err) {
  struct browser_session_record record;
  bool is_live = false;
  enum err_code code = signin_session_find(tx, arena, session, &record, &is_live, err);
  if (code == ERR_NONE && is_live && !record.needs_code) *ret_login_id = record.login_id;
  return code;
}

/* ---- pages ---- */

static void write_choices(struct buf *out, const struct grant_consent *consent, struct str link) {
  page_begin(out, STR("Which account?"), STR_NONE);
  HTML(out, "<p class=\"lead\">{} may use one of these.</p><form method=\"post\" action=\"/connect/{}/choose\">",
       consent->connection, link);
  html_raw(out, "<fieldset><legend>Accounts</legend>");
  for (size_t i = 0; i < consent->n_choices; i++)
    HTML(out, "<label class=\"choice\"><input type=\"radio\" name=\"choice\" required value=\"{}\"> {}</label>",
         consent->choice_values[i], consent->choices[i]);
  html_raw(out, "</fieldset><div class=\"actions\">");
  page_button(out, "Connect", "primary", NULL, NULL);
  html_raw(out, "</div></form>");
  page_end(out);
}

static void write_connected(struct buf *out, const struct grant_consent *consent) {
  page_begin(out, STR("Connected"), STR_NONE);
  HTML(out, "<p class=\"lead\">{} of {} is connected. You can close this page.</p>", consent->connection,
       consent->organisation);
  if (consent->return_path.n > 0) HTML(out, "<p><a href=\"{}\">Go on</a></p>", consent->return_path);
  page_end(out);
}

static void write_failure(struct buf *out, struct str text) {
  page_begin(out, STR("Not connected"), STR_NONE);
  page_problem(out, text);
  page_end(out);
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
  return arena_printf(&visit->http->arena, "%s=%.*s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s",
                      cookie_name(visit->worker), STR_ARG(consent->browser), GRANT_STATE_S,
                      is_secure(visit->worker) ? "; Secure" : "");
}

static void reply(struct http_exchange *http, int status, struct str location, struct str cookie, struct str body) {
  size_t n;
  struct http_field *fields = page_fields(&http->arena, STR_NONE, &n);
  if (!fields) {
    http_reply(http, &(struct http_reply){.status = 503});
    return;
  }
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
  if (consent->has_failed && consent->err.code == ERR_UNAUTHENTICATED) {
    status = 303;
    location = arena_printf(&http->arena, "/sign-in?return=/connect/%.*s", STR_ARG(consent->link));
  } else if (consent->has_failed) {
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

static struct str form_value(struct http_exchange *http, const char *name) {
  struct form form;
  return form_read(&http->arena, http->body, &form) ? form_get(&form, name) : STR_NONE;
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
  consent->session = signin_cookie(http, signin_base(&worker->server->signin, http, &http->arena));
  consent->find_login = find_login;
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

void connect_serve_document(struct worker *worker, struct http_exchange *http) {
  static const struct http_field fields[] = {{STR("Cache-Control"), STR("public, max-age=3600")},
                                             {STR("X-Content-Type-Options"), STR("nosniff")}};
  struct str json = STR("");
  struct err err;
  bool is_get = is_method(http, "GET");
  enum err_code code = grant_client_document(&http->arena, worker->server->public_url, &json, &err);
  http_reply(http, &(struct http_reply){.status = !is_get            ? 405
                                                  : code == ERR_NONE ? 200
                                                                     : 503,
                                        .content_type = STR("application/json"),
                                        .fields = fields,
                                        .n_fields = 2,
                                        .body = is_get && code == ERR_NONE ? json : STR("")});
}
