/* The table of paths, and what holds before any handler runs: where sign-in may happen at all, the method, the origin
 * of a form, its token. */
#include "signin/route.h"

#include <stdlib.h>

#include "base/limits.h"
#include "codec/url.h"
#include "signin/session.h"

enum { BODY_MAX = 64 * KIB };

static const struct route routes[] = {
    /* RFC 9728, 3.1: the resource's path follows the well-known one; some clients look without it */
    {STR("/.well-known/oauth-protected-resource"), false, ROUTE_METADATA, metadata_resource, NULL},
    {STR("/.well-known/oauth-protected-resource/mcp"), false, ROUTE_METADATA, metadata_resource, NULL},
    /* RFC 8414, 3 and 5, and where older clients look who take the resource's address for the issuer's */
    {STR("/.well-known/oauth-authorization-server"), false, ROUTE_METADATA, metadata_server, NULL},
    {STR("/.well-known/oauth-authorization-server/mcp"), false, ROUTE_METADATA, metadata_server, NULL},
    {STR("/.well-known/openid-configuration"), false, ROUTE_METADATA, metadata_server, NULL},
    {STR("/.well-known/openid-configuration/mcp"), false, ROUTE_METADATA, metadata_server, NULL},
    {STR("/oauth/authorize"), false, ROUTE_PAGE, authorize_get, authorize_post},
    {STR("/oauth/token"), false, ROUTE_CLIENT, NULL, token_post},
    {STR("/oauth/revoke"), false, ROUTE_CLIENT, NULL, revoke_post},
    {STR("/oauth/register"), false, ROUTE_CLIENT, NULL, register_post},
    {STR("/sign-in"), false, ROUTE_PAGE, sign_in_get, sign_in_post},
    {STR("/sign-in/code"), false, ROUTE_PAGE, code_get, code_post},
    {STR("/sign-out"), false, ROUTE_PAGE, NULL, sign_out_post},
    {STR("/sign-up"), false, ROUTE_PAGE, sign_up_get, sign_up_post},
    {STR("/link"), true, ROUTE_PAGE, link_get, link_post},
    {STR("/account"), false, ROUTE_PAGE, account_get, account_post},
    {STR("/account/password"), false, ROUTE_PAGE, password_get, password_post},
    {STR("/account/two-step"), false, ROUTE_PAGE, totp_get, totp_post},
    {STR(PAGE_STYLE_PATH), false, ROUTE_METADATA, style_get, NULL},
};

const struct route *route_find(struct str path, struct str *ret_rest) {
  for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
    struct str own = routes[i].path;
    *ret_rest = STR_NONE;
    if (str_eq(path, own)) return &routes[i];
    if (!routes[i].has_more || path.n <= own.n || !str_starts(path, own) || path.p[own.n] != '/') continue;
    *ret_rest = str_make(path.p + own.n + 1, path.n - own.n - 1);
    return &routes[i];
  }
  return NULL;
}

bool signin_serves(struct str path) {
  struct str rest;
  return route_find(path, &rest) != NULL;
}

static bool is_loopback_name(struct str host) {
  return str_eq_fold(host, STR("localhost")) || str_eq(host, STR("127.0.0.1")) || str_eq(host, STR("::1"));
}

/* How this request calls us. Under its public URL, whatever Host says (a proxy may have changed it); without one, on
 * loopback, by the name that the browser used: "localhost" and "127.0.0.1" are one server, but two origins. */
struct str signin_base(const struct signin *signin, const struct http_exchange *http, struct arena *arena) {
  struct str host, name;
  uint16_t port;
  if (signin->options.public_url.n || !signin->is_loopback_listener) return signin->url;
  if (!http_field_once(http, "Host", &host) || !host.p) return signin->url;
  if (url_parse_authority(host, &name, &port, NULL) != ERR_NONE || !is_loopback_name(name) || port != signin->port)
    return signin->url;
  struct str base = arena_printf(arena, "http://%.*s", STR_ARG(host));
  return base.p ? base : signin->url;
}

#define NEEDS_HTTPS                                                                                               \
  "Signing in needs https, since passwords and tokens would cross the network in the clear: put TLS in front of " \
  "Connek and start it with --public-url https://... (plain http is for this machine alone)"

/* RFC 9700, 2.6; MCP, authorization, "Communication Security". */
bool signin_base_is_safe(struct str base) {
  if (str_starts(base, STR("https://"))) return true;
  const struct str http = STR("http://");
  struct str host;
  uint16_t port;
  if (!str_starts(base, http)) return false;
  struct str authority = str_make(base.p + http.n, base.n - http.n);
  return url_parse_authority(authority, &host, &port, NULL) == ERR_NONE && is_loopback_name(host);
}

/* A form comes from a page of ours, or from nowhere that the browser tells of (a program). */
bool signin_is_own_page(const struct http_exchange *http, struct str base) {
  struct str origin, site;
  if (!http_field_once(http, "Origin", &origin) || !http_field_once(http, "Sec-Fetch-Site", &site)) return false;
  if (origin.p) return str_eq_fold(origin, base);
  return !site.p || str_eq(site, STR("same-origin")) || str_eq(site, STR("none"));
}

bool signin_body_fits(const struct http_exchange *http, uint64_t max) {
  struct str length, coding;
  uint64_t n = 0;
  return http_field_once(http, "Transfer-Encoding", &coding) && !coding.p &&
         http_field_once(http, "Content-Length", &length) && (!length.p || (str_to_u64(length, &n) && n <= max));
}

bool signin_on_head(struct signin_worker *worker, struct http_exchange *http, struct http_reply *ret_refusal) {
  if (signin_body_fits(http, BODY_MAX)) return true;
  ret_refusal->status = 413;
  ret_refusal->body = STR("{\"error\":\"invalid_request\",\"error_description\":\"The body is too large\"}");
  return false;
}

static bool is_method(const struct request *request, const char *method) {
  return str_eq_c(request->http->method, method);
}

static void refuse_method(struct request *request) {
  request_reply_json(request, 405, STR("{\"error\":\"invalid_request\",\"error_description\":\"Not by this method\"}"));
}

static void run(struct request *request) {
  struct str rest;
  const struct route *route = route_find(request->http->path, &rest);
  (is_method(request, "POST") ? route->post : route->get)(request);
}

static void on_visitor(struct request *request) {
  if (request->code != ERR_NONE) {
    request_reply_failure(request);
  } else if (is_method(request, "POST") && !request_form_is_genuine(request)) {
    request_reply_notice(request, 403, "This form is no longer valid",
                         STR("It was open for too long, or in another browser. Go back, load the page again, and "
                             "send it once more."));
  } else {
    run(request);
  }
}

static bool read_form(struct request *request) {
  struct str type;
  if (!http_field_once(request->http, "Content-Type", &type)) return false;
  struct str kind = str_cut(&type, ';');
  return str_eq_fold(str_trim(kind), STR("application/x-www-form-urlencoded")) &&
         form_read(&request->arena, request->http->body, &request->form);
}

static void serve_page(struct request *request) {
  if (!signin_base_is_safe(request->base)) {
    request_reply_notice(request, 403, "Signing in needs https", STR(NEEDS_HTTPS));
    return;
  }
  if (is_method(request, "POST") && !signin_is_own_page(request->http, request->base)) {
    request_reply_notice(request, 403, "Not from here", STR("This form was sent by another web page."));
    return;
  }
  if (is_method(request, "POST") && !read_form(request)) {
    request_reply_notice(request, 400, "That form cannot be read", STR("Go back and try again."));
    return;
  }
  if (!visitor_read(request)) {
    on_visitor(request);
    return;
  }
  request_write(request, visitor_load, on_visitor);
}

/* The Fetch standard's preflight; nothing here depends on who asks. */
static void reply_preflight(struct http_exchange *http) {
  static const struct http_field fields[] = {
      {STR("Access-Control-Allow-Origin"), STR("*")},
      {STR("Access-Control-Allow-Methods"), STR("GET, POST")},
      {STR("Access-Control-Allow-Headers"), STR("Authorization, Content-Type, MCP-Protocol-Version")},
      {STR("Access-Control-Max-Age"), STR("600")},
  };
  http_reply(http,
             &(struct http_reply){.status = 204, .fields = fields, .n_fields = sizeof(fields) / sizeof(fields[0])});
}

static void serve_client(struct request *request, const struct route *route) {
  if (route->get != style_get && !signin_base_is_safe(request->base))
    request_reply_json(request, 403, STR("{\"error\":\"access_denied\",\"error_description\":\"" NEEDS_HTTPS "\"}"));
  else
    run(request);
}

void signin_serve(struct signin_worker *worker, struct http_exchange *http) {
  struct str rest;
  const struct route *route = route_find(http->path, &rest);
  if (route->kind != ROUTE_PAGE && str_eq(http->method, STR("OPTIONS"))) {
    reply_preflight(http);
    return;
  }
  struct request *request = calloc(1, sizeof(*request));
  if (!request) {
    http_reply(http, &(struct http_reply){.status = 503});
    return;
  }
  arena_init(&request->arena, 8 * MIB);
  request->worker = worker;
  request->signin = worker->signin;
  request->http = http;
  request->rest = rest;
  request->base = signin_base(worker->signin, http, &request->arena);
  worker->begun(worker->context);
  bool is_get = is_method(request, "GET") || is_method(request, "HEAD");
  if (!(is_get ? route->get != NULL : is_method(request, "POST") && route->post)) {
    refuse_method(request);
  } else if (!form_read(&request->arena, http->query, &request->query)) {
    request_reply_notice(request, 400, "That address cannot be read", STR("Its query is malformed."));
  } else if (route->kind == ROUTE_PAGE) {
    serve_page(request);
  } else {
    serve_client(request, route);
  }
}

/* --- what the MCP endpoint says to those who are not let in --- */

struct str signin_challenge(const struct signin *signin, struct http_exchange *http, bool has_token) {
  struct str base = signin_base(signin, http, &http->arena);
  struct str text = STR_NONE;
  if (signin_base_is_safe(base))
    text =
        arena_printf(&http->arena,
                     "Bearer realm=\"connek\", %sresource_metadata=\"%.*s/.well-known/oauth-protected-resource/mcp\", "
                     "scope=\"tools:read tools:write tools:destroy\"",
                     has_token ? "error=\"invalid_token\", " : "", STR_ARG(base));
  return text.p ? text : STR("Bearer realm=\"connek\"");
}

struct str signin_scope_challenge(const struct signin *signin, struct http_exchange *http, uint32_t scopes) {
  struct str base = signin_base(signin, http, &http->arena);
  struct str text =
      arena_printf(&http->arena,
                   "Bearer realm=\"connek\", error=\"insufficient_scope\", scope=\"%s%s%s\", "
                   "resource_metadata=\"%.*s/.well-known/oauth-protected-resource/mcp\"",
                   scopes & 1 ? "tools:read" : "", scopes & 2 ? (scopes & 1 ? " tools:write" : "tools:write") : "",
                   scopes & 4 ? (scopes & 3 ? " tools:destroy" : "tools:destroy") : "", STR_ARG(base));
  return text.p ? text : STR("Bearer realm=\"connek\", error=\"insufficient_scope\"");
}

bool signin_is_own_audience(void *context, struct str audience) {
  const struct signin *signin = context;
  static const struct str names[] = {STR("localhost"), STR("127.0.0.1"), STR("[::1]")};
  struct str path = STR("/mcp");
  if (!str_ends(audience, path)) return false;
  struct str base = str_make(audience.p, audience.n - path.n);
  if (str_eq(base, signin->url)) return true;
  if (signin->options.public_url.n || !signin->is_loopback_listener) return false;
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    char text[64];
    int n = snprintf(text, sizeof(text), "http://%.*s:%u", STR_ARG(names[i]), signin->port);
    if (str_eq(base, str_make(text, (size_t)n))) return true;
  }
  return false;
}
