/* Paths to handlers, and what must hold for each request before any handler sees it: Host and Origin. */
#include "gateway/endpoint.h"

#include "base/limits.h"
#include "codec/json.h"
#include "dashboard/dashboard.h"
#include "gateway/connect.h"
#include "gateway/forward.h"
#include "gateway/worker.h"
#include "grant/register.h"

/* A body larger than this is not read for somebody unknown. */
enum { UNKNOWN_BODY = 16 * KIB };

static void reply_json(struct http_exchange *http, int status, struct str body) {
  http_reply(http, &(struct http_reply){.status = status, .content_type = STR("application/json"), .body = body});
}

static void serve_health(struct worker *worker, struct http_exchange *http) {
  reply_json(http, 200, STR("{\"status\":\"ok\"}"));
}

static void reply_readiness(const struct server *server, struct http_exchange *http) {
  char text[ERR_TEXT_SIZE];
  const char *problem = server_not_ready(server, text);
  if (!problem) {
    reply_json(http, 200, STR("{\"status\":\"ready\"}"));
    return;
  }
  struct buf body;
  buf_init(&body, &http->arena, 4 * KIB);
  buf_append_c(&body, "{\"status\":\"not ready\",\"reason\":");
  json_write_str(&body, str_of(problem));
  buf_append_byte(&body, '}');
  reply_json(http, 503, buf_failed(&body) ? STR("{\"status\":\"not ready\"}") : buf_str(&body));
}

static void serve_readiness(struct worker *worker, struct http_exchange *http) {
  reply_readiness(worker->server, http);
}

/* CORS for the origins that are allowed: a browser asks before it sends (Fetch, CORS-preflight). */
static void serve_preflight(struct http_exchange *http, struct str origin) {
  const struct http_field fields[] = {
      {STR("Access-Control-Allow-Origin"), origin},
      {STR("Access-Control-Allow-Methods"), STR("POST, GET, DELETE")},
      {STR("Access-Control-Allow-Headers"), STR("Authorization, Content-Type, Accept, X-API-Key, Mcp-Session-Id, "
                                                "MCP-Protocol-Version, Mcp-Method, Mcp-Name, "
                                                "Last-Event-ID, traceparent")},
      {STR("Access-Control-Max-Age"), STR("600")},
      {STR("Vary"), STR("Origin")},
  };
  http_reply(http,
             &(struct http_reply){.status = 204, .fields = fields, .n_fields = sizeof(fields) / sizeof(fields[0])});
}

static void serve_dashboard(struct worker *worker, struct http_exchange *http) {
  dashboard_serve(http);
}

static void serve_mcp(struct worker *worker, struct http_exchange *http) {
  struct str origin;
  if (str_eq(http->method, STR("OPTIONS")) && http_field_once(http, "Origin", &origin) && origin.p) {
    serve_preflight(http, origin);
    return;
  }
  exchange_begin(worker, http);
}

struct route {
  struct str path;
  bool has_more;   /* also everything below it */
  bool is_guarded; /* Host and Origin are checked */
  void (*serve)(struct worker *worker, struct http_exchange *http);
};

static const struct route routes[] = {
    {STR("/mcp"), true, true, serve_mcp},
    {STR("/connect"), true, true, connect_serve_link},
    {STR("/oauth/callback"), false, true, connect_serve_callback},
    {STR(GRANT_CLIENT_DOCUMENT_PATH), false, true, connect_serve_document},
    {STR("/healthz"), false, false, serve_health},
    {STR("/readyz"), false, false, serve_readiness},
};

static const struct route dashboard_route = {.is_guarded = true, .serve = serve_dashboard};

static const struct route *find_route(struct str path) {
  for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
    struct str own = routes[i].path;
    if (str_eq(path, own) || (routes[i].has_more && path.n > own.n && str_starts(path, own) && path.p[own.n] == '/'))
      return &routes[i];
  }
  return dashboard_serves(path) ? &dashboard_route : NULL;
}

static bool has_known_host(const struct server *server, const struct http_exchange *http) {
  struct str host;
  return http_field_once(http, "Host", &host) && (!host.p || origin_allows_host(&server->origins, host));
}

static bool has_known_source(const struct server *server, const struct http_exchange *http) {
  struct str origin;
  return has_known_host(server, http) && http_field_once(http, "Origin", &origin) &&
         (!origin.p || origin_allows(&server->origins, origin));
}

static bool may_have_large_body(const struct http_exchange *http) {
  struct str length, coding;
  uint64_t n = 0;
  if (!http_field_once(http, "Transfer-Encoding", &coding) || coding.p) return true;
  return http_field_once(http, "Content-Length", &length) && length.p && (!str_to_u64(length, &n) || n > UNKNOWN_BODY);
}

static bool refuse(struct http_reply *ret_refusal, int status, struct str body) {
  ret_refusal->status = status;
  ret_refusal->body = body;
  return false;
}

/* Programs ask for metadata and tokens from any web page; of whose page a form may come, signin/ decides. */
static bool admit_to_signin(struct worker *worker, struct http_exchange *http, struct http_reply *ret_refusal) {
  if (!has_known_host(worker->server, http))
    return refuse(ret_refusal, 403,
                  STR("{\"error\":\"Host is not one that this server is reached by; the operator can name it with "
                      "--public-url\"}"));
  return signin_on_head(&worker->signin, http, ret_refusal);
}

/* From here on the peer is the client, whatever stands in between: rates are by it. */
static void find_client(const struct worker *worker, struct http_exchange *http) {
  if (worker->server->proxies.n == 0) return;
  struct sockaddr_storage *client = arena_new(&http->arena, struct sockaddr_storage);
  if (!client) return;
  client_address_find(http, &worker->server->proxies, client);
  http->peer = client;
}

/* Whose page it may come from, api/ decides: for sessions our own alone, for keys any. */
static bool admit_to_api(struct worker *worker, struct http_exchange *http, struct http_reply *ret_refusal) {
  if (!has_known_host(worker->server, http))
    return refuse(ret_refusal, 403,
                  STR("{\"error\":\"Host is not one that this server is reached by; the operator can name it with "
                      "--public-url\"}"));
  return api_on_head(http, ret_refusal);
}

bool endpoint_on_head(struct http_exchange *http, void *context, struct http_reply *ret_refusal) {
  struct worker *worker = context;
  const struct route *route = find_route(http->path);
  struct failure failure;
  find_client(worker, http);
  if (signin_serves(http->path)) return admit_to_signin(worker, http, ret_refusal);
  if (api_serves(http->path)) return admit_to_api(worker, http, ret_refusal);
  if (!route)
    return refuse(ret_refusal, 404,
                  STR("{\"error\":\"Nothing is here: the MCP endpoint is /mcp, the dashboard is /\"}"));
  if (route->is_guarded && !has_known_source(worker->server, http))
    return refuse(ret_refusal, 403,
                  STR("{\"error\":\"Host or Origin is not one that this server is reached by; the operator can name it "
                      "with --public-url or --allow-origin\"}"));
  if (route->serve != serve_mcp || !may_have_large_body(http) || exchange_check_head(worker, http, &failure))
    return true;
  struct str challenge = failure.http_status == 401 ? exchange_challenge(worker, http) : STR_NONE;
  ret_refusal->fields =
      exchange_fields(http, failure.http_status, failure.retry_after_s, STR_NONE, challenge, &ret_refusal->n_fields);
  struct buf body;
  buf_init(&body, &http->arena, 4 * KIB);
  jsonrpc_write_error(&body, true, NULL, failure.code, failure.text, STR_NONE);
  return refuse(ret_refusal, failure.http_status, buf_str(&body));
}

/* Says what it would serve anybody, whatever has changed elsewhere. */
static bool is_same_for_all(struct str path) {
  const struct route *route = find_route(path);
  return !signin_serves(path) && !api_serves(path) && route && (!route->is_guarded || route == &dashboard_route);
}

/* What others have changed is not known here any more: nobody is served by it. */
static void refuse_without_lease(struct http_exchange *http) {
  static const struct http_field fields[] = {{STR("Retry-After"), STR("1")}};
  http_reply(http, &(struct http_reply){.status = 503,
                                        .content_type = STR("application/json"),
                                        .fields = fields,
                                        .n_fields = 1,
                                        .body = STR("{\"error\":\"This server has lost the others and its database; "
                                                    "/readyz says why. Try again\"}")});
}

void endpoint_on_request(struct http_exchange *http, void *context) {
  struct worker *worker = context;
  if (worker->server->nodes && !nodes_hold(worker->server->nodes) && !is_same_for_all(http->path))
    refuse_without_lease(http);
  else if (signin_serves(http->path))
    signin_serve(&worker->signin, http);
  else if (api_serves(http->path))
    api_serve(&worker->api, http);
  else
    find_route(http->path)->serve(worker, http); /* endpoint_on_head has refused what has no route */
}

void endpoint_on_forwarded_request(struct http_exchange *http, void *context) {
  struct worker *worker = context;
  const struct route *route = find_route(http->path);
  if (!route || route->serve != serve_mcp) {
    reply_json(http, 404, STR("{\"error\":\"Nothing is here\"}"));
  } else if (!nodes_hold(worker->server->nodes)) {
    refuse_without_lease(http);
  } else {
    forward_find_client(http);
    exchange_begin_forwarded(worker, http);
  }
}

void endpoint_on_admin_request(struct http_exchange *http, void *context) {
  const struct server *server = context;
  struct buf body;
  if (str_eq(http->path, STR("/metrics"))) {
    buf_init(&body, &http->arena, MIB);
    metrics_write(&body, server);
    http_reply(http, &(struct http_reply){.status = buf_failed(&body) ? 503 : 200,
                                          .content_type = STR("text/plain; version=0.0.4; charset=utf-8"),
                                          .body = buf_failed(&body) ? STR("") : buf_str(&body)});
  } else if (str_eq(http->path, STR("/healthz"))) {
    reply_json(http, 200, STR("{\"status\":\"ok\"}"));
  } else if (str_eq(http->path, STR("/readyz"))) {
    reply_readiness(server, http);
  } else {
    reply_json(http, 404, STR("{\"error\":\"Nothing is here: /metrics, /healthz, /readyz\"}"));
  }
}
