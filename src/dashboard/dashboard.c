/* Serves the dashboard. Must not know who asks: its files are the same for everybody. */
#include "dashboard/dashboard.h"

#include "base/limits.h"
#include "base/random.h"
#include "codec/base64.h"
#include "codec/inflate.h"

enum { NONCE_BYTES = 18, MAX_FIELDS = 12, PLAIN_MAX = 8 * MIB };

/* The first part of each page's address; below it a page may have details of its own ("/sources/<id>"). */
static const struct str pages[] = {
    STR("activity"), STR("assistant"), STR("developers"), STR("me"),    STR("playground"), STR("operator"),
    STR("rules"),    STR("settings"),  STR("sources"),    STR("usage"), STR("users"),
};

static bool is_page(struct str path) {
  struct str rest = str_make(path.p + 1, path.n - 1);
  struct str first = str_cut(&rest, '/');
  if (path.n == 1) return true;
  for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
    if (str_eq(first, pages[i])) return true;
  }
  return false;
}

static const struct asset *file_at(struct str path) {
  const struct asset *asset = asset_find(path);
  return asset && !asset->is_template ? asset : NULL;
}

bool dashboard_serves(struct str path) {
  return path.n && path.p[0] == '/' && (is_page(path) || file_at(path));
}

static void add(struct http_field *fields, size_t *n, struct str name, struct str value) {
  fields[(*n)++] = (struct http_field){name, value};
}

static void add_for_all(struct http_field *fields, size_t *n) {
  add(fields, n, STR("X-Content-Type-Options"), STR("nosniff"));
  add(fields, n, STR("Cross-Origin-Resource-Policy"), STR("same-origin"));
}

/* --- the page --- */

#define NOT_BUILT_IN                                                                                         \
  "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "                \
  "content=\"width=device-width,initial-scale=1\"><title>Connek</title><link rel=\"stylesheet\" "            \
  "href=\"/assets/page.css\"></head><body><main><h1>The dashboard is not built in</h1><p class=\"lead\">"    \
  "This Connek was built without it (by scripts/build with CONNEK_DASHBOARD=off, or without npm). What you " \
  "can do in a browser is on <a href=\"/account\">your account page</a>; the rest is done by commands: "     \
  "<code>connek --help</code>.</p></main></body></html>\n"

/* Appends the text with the nonce at each place of its word. */
static void write_page(struct buf *out, struct str template, struct str nonce) {
  const struct str word = STR(DASHBOARD_NONCE);
  while (template.n) {
    const char *at = memmem(template.p, template.n, word.p, word.n);
    size_t n = at ? (size_t)(at - template.p) : template.n;
    buf_append(out, template.p, n);
    if (at) buf_append_str(out, nonce);
    n += at ? word.n : 0;
    template = str_make(template.p + n, template.n - n);
  }
}

struct str dashboard_page(struct arena *arena, struct str template, struct str nonce) {
  struct buf out;
  buf_init(&out, arena, MIB);
  write_page(&out, template, nonce);
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

/* CSP level 3. Component libraries insert style elements: each response lets those in that carry its nonce. Scripts
 * are files of ours alone: no nonce, no eval. */
static struct str policy_of(struct arena *arena, struct str nonce) {
  return arena_printf(arena,
                      "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-%.*s'; img-src 'self' data:; "
                      "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
                      "base-uri 'none'",
                      STR_ARG(nonce));
}

static void reply_page(struct http_exchange *http) {
  const struct asset *asset = asset_find(STR("/index.html"));
  uint8_t bytes[NONCE_BYTES];
  struct buf nonce;
  random_bytes(bytes, sizeof(bytes));
  buf_init(&nonce, &http->arena, KIB);
  base64_write(&nonce, str_make((const char *)bytes, sizeof(bytes)));
  struct str page = asset ? dashboard_page(&http->arena, asset->body, buf_str(&nonce)) : STR(NOT_BUILT_IN);
  struct str policy = policy_of(&http->arena, buf_str(&nonce));
  struct http_field *fields = arena_new_n(&http->arena, struct http_field, MAX_FIELDS);
  if (buf_failed(&nonce) || !page.p || !policy.p || !fields) {
    http_reply(http, &(struct http_reply){.status = 503});
    return;
  }
  size_t n = 0;
  add_for_all(fields, &n);
  /* It carries a nonce, which must never serve twice. */
  add(fields, &n, STR("Cache-Control"), STR("no-store"));
  add(fields, &n, STR("Content-Security-Policy"), policy);
  add(fields, &n, STR("X-Frame-Options"), STR("DENY"));
  add(fields, &n, STR("Referrer-Policy"), STR("same-origin"));
  add(fields, &n, STR("Cross-Origin-Opener-Policy"), STR("same-origin"));
  http_reply(http, &(struct http_reply){.status = 200,
                                        .content_type = STR("text/html; charset=utf-8"),
                                        .fields = fields,
                                        .n_fields = n,
                                        .body = page});
}

/* --- files --- */

/* RFC 9110, 12.5.3: is gzip among the codings, and not with a weight of nothing? */
static bool takes_gzip(const struct http_exchange *http) {
  struct str list;
  if (!http_field_once(http, "Accept-Encoding", &list) || !list.p) return false;
  while (list.n) {
    struct str item = str_cut(&list, ',');
    struct str coding = str_trim(str_cut(&item, ';'));
    if (!str_eq_fold(coding, STR("gzip")) && !str_eq(coding, STR("*"))) continue;
    struct str weight = str_trim(item);
    return !str_eq(weight, STR("q=0")) && !str_starts(weight, STR("q=0.0"));
  }
  return false;
}

static struct str without_weakness(struct str tag) {
  return str_starts(tag, STR("W/")) ? str_make(tag.p + 2, tag.n - 2) : tag;
}

/* RFC 9110, 13.1.2: weak comparison, as it is for a GET. */
static bool has_it_already(const struct http_exchange *http, struct str etag) {
  struct str list;
  if (!http_field_once(http, "If-None-Match", &list) || !list.p) return false;
  while (list.n) {
    struct str item = str_trim(str_cut(&list, ','));
    if (str_eq(without_weakness(item), without_weakness(etag)) || str_eq(item, STR("*"))) return true;
  }
  return false;
}

/* For the few who do not take gzip. */
static struct str plain_body(struct http_exchange *http, const struct asset *asset) {
  struct buf out;
  struct err err;
  buf_init(&out, &http->arena, PLAIN_MAX);
  return inflate_gzip(asset->body, &out, &err) == ERR_NONE ? buf_str(&out) : STR_NONE;
}

static void reply_file(struct http_exchange *http, const struct asset *asset) {
  struct http_field *fields = arena_new_n(&http->arena, struct http_field, MAX_FIELDS);
  struct http_reply reply = {.status = 200, .content_type = asset->content_type, .fields = fields};
  bool is_gzip = takes_gzip(http);
  if (!fields) {
    http_reply(http, &(struct http_reply){.status = 503});
    return;
  }
  add_for_all(fields, &reply.n_fields);
  add(fields, &reply.n_fields, STR("Cache-Control"),
      asset->is_immutable ? STR("public, max-age=31536000, immutable") : STR("no-cache"));
  add(fields, &reply.n_fields, STR("ETag"), asset->etag);
  add(fields, &reply.n_fields, STR("Vary"), STR("Accept-Encoding"));
  /* An image that is opened by itself runs nothing either. */
  add(fields, &reply.n_fields, STR("Content-Security-Policy"), STR("default-src 'none'"));
  if (has_it_already(http, asset->etag)) {
    reply.status = 304;
    reply.content_type = STR_NONE;
  } else if (is_gzip) {
    add(fields, &reply.n_fields, STR("Content-Encoding"), STR("gzip"));
    reply.body = asset->body;
  } else {
    reply.body = plain_body(http, asset);
    if (!reply.body.p) reply = (struct http_reply){.status = 503};
  }
  http_reply(http, &reply);
}

static void refuse_method(struct http_exchange *http) {
  static const struct http_field allow[] = {{STR("Allow"), STR("GET, HEAD")}};
  http_reply(http, &(struct http_reply){.status = 405, .fields = allow, .n_fields = 1});
}

void dashboard_serve(struct http_exchange *http) {
  const struct asset *asset = file_at(http->path);
  if (!str_eq(http->method, STR("GET")) && !str_eq(http->method, STR("HEAD")))
    refuse_method(http);
  else if (asset)
    reply_file(http, asset);
  else
    reply_page(http);
}
