/* The server's life: read the options, start the parts from the ground up, serve, and on SIGTERM take them down in the
 * reverse order. */
#include "gateway/serve.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/secret.h"
#include "cluster/shares.h"
#include "codec/url.h"
#include "connector/mcp/upstream.h"
#include "gateway/connect.h"
#include "gateway/credential.h"
#include "gateway/discovery.h"
#include "gateway/endpoint.h"
#include "gateway/expiry.h"
#include "gateway/nodes.h"
#include "gateway/notice.h"
#include "gateway/playground.h"
#include "gateway/worker.h"
#include "grant/keeper.h"
#include "net/stream_tcp.h"
#include "store/store.h"

enum { STORE_THREADS = 2, SQL_THREADS = 2, PEER_WINDOW_US = 60 * 1000 * 1000, ADDRESS_SIZE = 320 };

struct service {
  const struct serve_options *options;
  struct server server;
  struct loop loop; /* the main one */
  struct db_conn *conn;
  struct arena arena; /* options as parsed */
  struct str host, admin_host;
  uint16_t port;
  struct str public_url;
  struct http_server *admin;
  uv_signal_t signals[2];
  struct loop **worker_loops;
  struct nodes nodes;
  struct expiry expiry;
  struct str setup_link;
  struct loop_task changed_task;
  atomic_bool has_changed; /* changed_task is posted */
  bool has_loop, watches_signals;
};

static enum err_code read_exceptions(struct service *service, struct err *err) {
  const struct serve_options *options = service->options;
  struct address_exception *exceptions =
      arena_new_n(&service->arena, struct address_exception, options->n_allow_upstream + 1);
  bool has_organisations = false;
  if (!exceptions) return err_no_memory(err);
  for (size_t i = 0; i < options->n_allow_upstream; i++) {
    enum err_code code = address_exception_parse(str_of(options->allow_upstream[i]), &exceptions[i], err);
    if (code != ERR_NONE) {
      err_prefix(err, "--allow-upstream");
      return code;
    }
    has_organisations = has_organisations || exceptions[i].organisation.n > 0;
    log_event(LOG_INFO, "upstream_exception", LOG_STR("host", exceptions[i].host), LOG_INT("port", exceptions[i].port),
              LOG_STR("organisation", exceptions[i].organisation));
  }
  service->server.guard = (struct address_guard){exceptions, options->n_allow_upstream, has_organisations};
  return ERR_NONE;
}

static enum err_code read_proxies(struct service *service, struct err *err) {
  const struct serve_options *options = service->options;
  struct trusted_proxy *proxies = arena_new_n(&service->arena, struct trusted_proxy, options->n_trusted_proxies + 1);
  if (!proxies) return err_no_memory(err);
  for (size_t i = 0; i < options->n_trusted_proxies; i++) {
    enum err_code code = trusted_proxy_parse(str_of(options->trusted_proxies[i]), &proxies[i], err);
    if (code == ERR_NONE) continue;
    err_prefix(err, "--trusted-proxy");
    return code;
  }
  service->server.proxies = (struct trusted_proxies){proxies, options->n_trusted_proxies};
  return ERR_NONE;
}

/* An address to listen on, and none to go to. */
static bool is_everywhere(struct str host) {
  return str_eq(host, STR("0.0.0.0")) || str_eq(host, STR("::")) || str_eq(host, STR("[::]"));
}

static enum err_code read_cluster(struct service *service, struct err *err) {
  const struct serve_options *options = service->options;
  struct server *server = &service->server;
  server->node_id = node_id(str_of(options->node));
  vault_channel_key(options->vault, server->channel_key);
  if (!options->cluster_listen) return ERR_NONE;
  if (!db_is_shared(options->db))
    return err_set(err, ERR_INVALID, "--cluster-listen is for servers that share a PostgreSQL database (--database)");
  enum err_code code =
      url_parse_authority(str_of(options->cluster_listen), &server->inner_host, &server->inner_port, err);
  if (code == ERR_NONE && strlen(options->cluster_listen) > LIMIT_NODE_ADDRESS)
    code = err_set(err, ERR_INVALID, "at most %d characters", LIMIT_NODE_ADDRESS);
  if (code == ERR_NONE && (server->inner_port == 0 || is_everywhere(server->inner_host)))
    code = err_set(err, ERR_INVALID, "name the address and port at which the other servers reach this one");
  if (code == ERR_NONE) code = listener_tcp_probe(server->inner_host, server->inner_port, err);
  if (code != ERR_NONE) err_prefix(err, "--cluster-listen");
  return code;
}

static enum err_code read_options(struct service *service, struct err *err) {
  const struct serve_options *options = service->options;
  struct server *server = &service->server;
  enum err_code code = url_parse_authority(str_of(options->listen), &service->host, &service->port, err);
  if (code != ERR_NONE) {
    err_prefix(err, "--listen");
    return code;
  }
  if (options->public_url) {
    struct url url;
    code = url_parse(&service->arena, str_of(options->public_url), &url, err);
    if (code != ERR_NONE) {
      err_prefix(err, "--public-url");
      return code;
    }
    if (url.path.n > 1 || url.query.n)
      return err_set(err, ERR_INVALID, "--public-url: name scheme and host alone, such as https://connek.example.com");
    struct str text = str_of(options->public_url);
    if (text.p[text.n - 1] == '/') text.n--;
    service->public_url = text;
    server->origins.public_host = url.host;
    server->origins.public_origin = text;
  }
  code = read_cluster(service, err);
  if (code != ERR_NONE) return code;
  server->origins.allowed = options->allow_origin;
  server->origins.n_allowed = options->n_allow_origin;
  server->client = (struct http_client_options){&server->guard, options->ca_file, options->proxy};
  server->credential_kept_us = options->credential_kept_us;
  server->peer_rate = (struct limit_rate){
      options->peer_limit_per_minute > 0 ? options->peer_limit_per_minute : LIMIT_PEER_FAILURES_PER_MINUTE,
      PEER_WINDOW_US};
  code = read_proxies(service, err);
  return code == ERR_NONE ? read_exceptions(service, err) : code;
}

static void on_coherence_problem(void *context, const struct err *err) {
  log_event(LOG_ERROR, "configuration_problem", LOG_TEXT("error", err->text), LOG_TEXT("detail", err->detail));
}

static void on_published(void *context, struct org_slot *slot) {
  struct service *service = context;
  discovery_published(service->server.discovery, slot);
  credentials_forget(&service->server);
}

static void on_catalogue_change(void *context) {
  struct service *service = context;
  coherence_sync(service->server.coherence);
}

static void on_change(void *context, size_t worker) {
  struct server *server = context;
  worker_changed(&server->workers[worker]);
}

/* On the main loop. */
static void on_grants_changed(struct loop_task *task) {
  struct service *service = (struct service *)((char *)task - offsetof(struct service, changed_task));
  atomic_store(&service->has_changed, false);
  if (service->server.coherence) coherence_sync(service->server.coherence);
}

/* On the keeper's thread. */
static void on_grant_changed(void *context) {
  struct service *service = context;
  if (atomic_exchange(&service->has_changed, true)) return;
  service->changed_task.run = on_grants_changed;
  loop_post(&service->loop, &service->changed_task);
}

static void on_grant_note(void *context, const struct grant_note *note) {
  char organisation[UUID_TEXT_SIZE];
  uuid_format(note->organisation_id, organisation);
  bool is_good = strcmp(note->event, "grant_refreshed") == 0 || strcmp(note->event, "grant_connected") == 0 ||
                 strcmp(note->event, "audit_removed") == 0;
  log_event(is_good ? LOG_INFO : LOG_WARN, note->event, LOG_TEXT("organisation", organisation),
            LOG_STR("connection", note->connection), LOG_STR("reason", note->text));
}

static enum err_code start_keeper(struct service *service, struct err *err) {
  struct server *server = &service->server;
  const struct grant_keeper_options options = {.db = server->db,
                                               .vault = service->options->vault,
                                               .client = &server->client,
                                               .public_url = service->public_url,
                                               .node = str_of(service->options->node),
                                               .does_jobs = true,
                                               .note = on_grant_note,
                                               .changed = on_grant_changed,
                                               .context = service};
  server->public_url = service->public_url;
  return grant_keeper_start(&options, &server->keeper, err);
}

/* On the loop of the server's home. */
static void on_challenge(void *context, const struct mcp_challenge *challenge) {
  const struct server *server = context;
  grant_challenged(server->keeper, &(struct grant_challenge){.organisation_id = challenge->organisation_id,
                                                             .connection_id = challenge->connection_id,
                                                             .grant_version = challenge->grant_version,
                                                             .wants_scope = challenge->wants_scope,
                                                             .resource_metadata = challenge->resource_metadata,
                                                             .scope = challenge->scope});
}

static unsigned worker_count(const struct serve_options *options) {
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  if (options->workers) return options->workers;
  return cores > 0 && cores <= 64 ? (unsigned)cores : 1;
}

/* Everything that workers share. */
static enum err_code start_ground(struct service *service, struct err *err) {
  const struct serve_options *options = service->options;
  struct server *server = &service->server;
  server->db = options->db;
  server->peers = limit_peers_new();
  server->rates = http_rates_new();
  server->postgres = postgres_pools_new(&server->client);
  const struct mcp_upstreams_options upstreams = {.n_workers = server->n_workers,
                                                  .on_notice = notice_spread,
                                                  .on_line = notice_log,
                                                  .on_challenge = on_challenge,
                                                  .context = server,
                                                  .data_dir = options->data_dir};
  server->upstreams = mcp_upstreams_new(&upstreams);
  if (!server->peers || !server->rates || !server->postgres || !server->upstreams) return err_no_memory(err);
  enum err_code code = loop_init(&service->loop, err);
  service->has_loop = code == ERR_NONE;
  if (code == ERR_NONE) code = db_start_threads(options->db, STORE_THREADS, err);
  if (code == ERR_NONE) code = db_connect(options->db, &service->conn, err);
  if (code == ERR_NONE) code = executor_start("sql", SQL_THREADS, &server->sql, err);
  if (code != ERR_NONE) return code;
  const struct audit_writer_options audit = {.writer = str_of(options->node), .is_relaxed = options->is_audit_relaxed};
  return audit_writer_start(options->db, &audit, &server->audit, err);
}

/* HOST:PORT, as it stands in a URL. */
static const char *write_address(char ret_text[ADDRESS_SIZE], struct str host, uint16_t port) {
  bool is_v6 = memchr(host.p, ':', host.n) != NULL;
  snprintf(ret_text, ADDRESS_SIZE, is_v6 ? "[%.*s]:%u" : "%.*s:%u", STR_ARG(host), port);
  return ret_text;
}

static enum err_code settle_signin(struct service *service, struct err *err) {
  char address[ADDRESS_SIZE];
  struct str url = service->public_url;
  if (!url.n) {
    url = arena_printf(&service->arena, "http://%s", write_address(address, service->host, service->port));
    if (!url.p) return err_no_memory(err);
  }
  return signin_settle(&service->server.signin, &service->arena, url, service->port, err);
}

static void on_signin_problem(const char *what, const struct err *err) {
  log_event(LOG_ERROR, what, LOG_TEXT("error", err->text), LOG_TEXT("detail", err->detail));
}

static enum err_code start_signin(struct service *service, struct err *err) {
  const struct serve_options *options = service->options;
  struct server *server = &service->server;
  const struct signin_options signin = {.db = options->db,
                                        .vault = options->vault,
                                        .public_url = service->public_url,
                                        .listen_host = service->host,
                                        .may_sign_up = options->may_sign_up,
                                        .token_us = options->token_us,
                                        .client_us = options->client_us,
                                        .on_problem = on_signin_problem};
  enum err_code code = signin_start(&server->signin, &signin, service->conn, err);
  /* Before tokens are loaded: whose they are for has to be known. With port 0 it is settled once there is one. */
  return code == ERR_NONE ? settle_signin(service, err) : code;
}

static enum err_code start_coherence(struct service *service, struct err *err) {
  const struct serve_options *options = service->options;
  struct server *server = &service->server;
  service->worker_loops = arena_new_n(&service->arena, struct loop *, server->n_workers);
  if (!service->worker_loops) return err_no_memory(err);
  for (unsigned i = 0; i < server->n_workers; i++)
    service->worker_loops[i] = &server->workers[i].loop;
  const struct discovery_options discovery = {.db = options->db,
                                              .loop = &service->loop,
                                              .upstreams = server->upstreams,
                                              .keeper = &server->keeper,
                                              .on_change = on_catalogue_change,
                                              .context = service};
  server->discovery = discovery_new(&discovery);
  if (!server->discovery) return err_no_memory(err);
  struct coherence_options coherence = {.db = options->db,
                                        .vault = options->vault,
                                        .loop = &service->loop,
                                        .workers = service->worker_loops,
                                        .n_workers = server->n_workers,
                                        .dir = options->data_dir,
                                        .on_problem = on_coherence_problem,
                                        .on_published = on_published,
                                        .context = service,
                                        .on_change = on_change,
                                        .change_context = server,
                                        .is_own_audience = signin_is_own_audience,
                                        .audience_context = &server->signin};
  nodes_fill(&service->nodes, &coherence);
  enum err_code code = coherence_new(&coherence, service->conn, &server->coherence, err);
  server->signin.coherence = server->coherence;
  if (code == ERR_NONE) server->tokens = coherence_tokens(server->coherence);
  return code;
}

static enum err_code start_api(struct service *service, struct err *err) {
  const struct serve_options *options = service->options;
  struct server *server = &service->server;
  const struct api_options api = {.db = options->db,
                                  .vault = options->vault,
                                  .signin = &server->signin,
                                  .on_problem = on_signin_problem,
                                  .call = playground_call,
                                  .node = playground_node,
                                  .peers = playground_peers};
  enum err_code code = api_start(&server->api, &api, err);
  server->api.coherence = server->coherence;
  server->api.keeper = server->keeper;
  return code;
}

static enum err_code start_workers(struct service *service, struct err *err) {
  struct server *server = &service->server;
  if (service->port != 0) {
    enum err_code code = listener_tcp_probe(service->host, service->port, err);
    if (code != ERR_NONE) return code;
  }
  for (unsigned i = 0; i < server->n_workers; i++) {
    enum err_code code = worker_init(&server->workers[i], server, i, service->host, service->port, err);
    if (code != ERR_NONE) return code;
    if (service->port == 0) service->port = http_server_port(server->workers[i].http);
  }
  server->origins.port = service->port;
  return ERR_NONE;
}

static enum err_code start_admin(struct service *service, struct err *err) {
  uint16_t port;
  if (!service->options->admin_listen) return ERR_NONE;
  enum err_code code = url_parse_authority(str_of(service->options->admin_listen), &service->admin_host, &port, err);
  const struct http_server_options options = {.on_request = endpoint_on_admin_request, .context = &service->server};
  if (code == ERR_NONE)
    code = http_server_start(&service->loop, service->admin_host, port, false, &options, &service->admin, err);
  if (code != ERR_NONE) err_prefix(err, "--admin-listen");
  return code;
}

/* Commands print URLs long after we were told the public one: it is remembered. */
static enum err_code remember_public_url(struct db_tx *tx, void *context, struct err *err) {
  const struct service *service = context;
  return store_installation_set(tx, "public_url", service->public_url, err);
}

static enum err_code settle_public_url(struct service *service, struct err *err) {
  if (!service->public_url.n) {
    char address[ADDRESS_SIZE];
    service->public_url =
        arena_printf(&service->arena, "http://%s", write_address(address, service->host, service->port));
    if (!service->public_url.p) return err_no_memory(err);
  }
  return db_write(service->conn, remember_public_url, service, err);
}

static void stop_main_loop(void *context) {
  struct service *service = context;
  loop_stop(&service->loop);
}

/* No worker has a connection left. Until now changes were taken and confirmed; from here on nobody is served who could
 * miss one. */
static void on_all_drained(struct loop_task *task) {
  struct service *service = (struct service *)((char *)task - offsetof(struct service, server.drained_task));
  nodes_stop(&service->nodes); /* the others wait for us no more */
  coherence_stop(service->server.coherence);
  discovery_stop(service->server.discovery);
  expiry_stop(&service->expiry);
  for (unsigned i = 0; i < service->server.n_workers; i++)
    worker_stop(&service->server.workers[i]);
  if (service->admin)
    http_server_drain(service->admin, stop_main_loop, service);
  else
    loop_stop(&service->loop);
}

static void unwatch_signals(struct service *service) {
  if (!service->watches_signals) return;
  service->watches_signals = false;
  for (int i = 0; i < 2; i++)
    uv_close((uv_handle_t *)&service->signals[i], NULL);
}

/* On the main loop: stop taking calls, and let those under way end. */
static void on_signal(uv_signal_t *signal, int number) {
  struct service *service = signal->data;
  if (atomic_exchange(&service->server.is_draining, true)) return;
  log_event(LOG_INFO, "stopping", LOG_INT("signal", number));
  for (int i = 0; i < 2; i++)
    uv_close((uv_handle_t *)&service->signals[i], NULL);
  for (unsigned i = 0; i < service->server.n_workers; i++)
    worker_drain(&service->server.workers[i]);
}

static enum err_code watch_signals(struct service *service, struct err *err) {
  static const int numbers[2] = {SIGTERM, SIGINT};
  for (int i = 0; i < 2; i++) {
    service->signals[i].data = service;
    uv_signal_init(&service->loop.uv, &service->signals[i]);
  }
  service->watches_signals = true;
  for (int i = 0; i < 2; i++) {
    int failure = uv_signal_start(&service->signals[i], on_signal, numbers[i]);
    if (failure) return err_set(err, ERR_UNAVAILABLE, "signals cannot be watched: %s", uv_strerror(failure));
  }
  return ERR_NONE;
}

static void log_listening(const struct service *service) {
  char address[ADDRESS_SIZE];
  log_event(LOG_INFO, "listening", LOG_TEXT("address", write_address(address, service->host, service->port)),
            LOG_STR("public_url", service->public_url), LOG_INT("workers", service->server.n_workers),
            LOG_TEXT("audit", service->options->is_audit_relaxed ? "relaxed" : "strict"));
  if (!service->admin) return;
  write_address(address, service->admin_host, http_server_port(service->admin));
  log_event(LOG_INFO, "admin_listening", LOG_TEXT("address", address));
}

static enum err_code start(struct service *service, struct err *err) {
  struct server *server = &service->server;
  server->n_workers = worker_count(service->options);
  server->main_loop = &service->loop;
  server->started_at = clock_utc_us();
  server->node = service->options->node;
  server->nodes = &service->nodes;
  server->drained_task.run = on_all_drained;
  atomic_store(&server->n_serving, server->n_workers);
  server->workers = calloc(server->n_workers, sizeof(*server->workers));
  if (!server->workers) {
    server->n_workers = 0;
    return err_no_memory(err);
  }
  enum err_code code = read_options(service, err);
  if (code == ERR_NONE) code = start_ground(service, err);
  if (code == ERR_NONE)
    code = nodes_start(&service->nodes, service->options->db, service->options->node,
                       str_of(service->options->cluster_listen ? service->options->cluster_listen : ""), &service->loop,
                       &server->coherence, err);
  if (code == ERR_NONE && nodes_are_several(&service->nodes)) code = shares_start(server->db, &server->shares, err);
  if (code == ERR_NONE) code = start_signin(service, err);
  if (code == ERR_NONE) code = start_coherence(service, err);
  if (code == ERR_NONE) code = start_workers(service, err);
  if (code == ERR_NONE) code = start_admin(service, err);
  if (code == ERR_NONE) code = settle_public_url(service, err);
  if (code == ERR_NONE) code = settle_signin(service, err);
  if (code == ERR_NONE)
    code = signin_setup_link(&server->signin, service->conn, &service->arena, &service->setup_link, err);
  if (code == ERR_NONE) code = start_keeper(service, err);
  if (code == ERR_NONE) code = start_api(service, err);
  if (code == ERR_NONE) code = watch_signals(service, err);
  if (code == ERR_NONE) code = coherence_start(server->coherence, err);
  if (code == ERR_NONE) nodes_ready(&service->nodes, coherence_version(server->coherence));
  for (unsigned i = 0; code == ERR_NONE && i < server->n_workers; i++)
    code = worker_start(&server->workers[i], err);
  if (code == ERR_NONE) discovery_start(server->discovery);
  if (code == ERR_NONE)
    expiry_start(&service->expiry, service->options->db, &service->loop, server->coherence, service->options->data_dir);
  return code;
}

/* Where start failed half-way: nothing has been served; whatever runs is told to end. */
static void end_unserved(struct service *service) {
  struct server *server = &service->server;
  atomic_store(&server->is_draining, true);
  for (unsigned i = 0; server->upstreams && i < server->n_workers; i++) {
    if (!server->workers[i].has_thread) mcp_upstreams_leave(server->upstreams, i, NULL, NULL);
  }
  for (unsigned i = 0; i < server->n_workers; i++) {
    if (server->workers[i].has_thread) worker_stop(&server->workers[i]);
  }
  if (!service->has_loop) return;
  unwatch_signals(service);
  nodes_stop(&service->nodes);
  coherence_stop(server->coherence);
  discovery_stop(server->discovery);
  expiry_stop(&service->expiry);
  if (service->admin) http_server_drain(service->admin, stop_main_loop, service);
  loop_stop(&service->loop);
  loop_run(&service->loop);
}

/* The reverse of start, after the main loop has ended. */
/* False: something of a connector's is still at work. */
static bool stop(struct service *service) {
  struct server *server = &service->server;
  for (unsigned i = 0; i < server->n_workers; i++) {
    if (server->workers[i].has_thread) pthread_join(server->workers[i].thread, NULL);
  }
  shares_stop(server->shares);
  server->shares = NULL;
  grant_keeper_stop(server->keeper);
  if (server->sql) executor_stop(server->sql);
  bool has_all_ended = postgres_pools_free(server->postgres);
  if (server->audit) audit_writer_stop(server->audit);
  for (unsigned i = 0; i < server->n_workers; i++)
    worker_release(&server->workers[i]);
  api_stop(&server->api);
  signin_stop(&server->signin);
  db_disconnect(service->conn);
  coherence_free(server->coherence);
  server->coherence = NULL;
  if (service->has_loop) loop_release(&service->loop);
  discovery_free(server->discovery);
  limit_peers_free(server->peers);
  http_rates_free(server->rates);
  mcp_upstreams_free(server->upstreams);
  secret_wipe(server->channel_key, sizeof(server->channel_key));
  free(server->workers);
  arena_release(&service->arena);
  return has_all_ended;
}

enum err_code serve_run(const struct serve_options *options, struct err *err) {
  static struct service service; /* once a process; large */
  service.options = options;
  arena_init(&service.arena, 0);
  char address[ADDRESS_SIZE] = "";
  enum err_code code = start(&service, err);
  if (code == ERR_NONE) {
    write_address(address, service.host, service.port);
    log_listening(&service);
    if (service.setup_link.n && options->on_setup_link) options->on_setup_link(service.setup_link.p);
    loop_run(&service.loop);
  } else {
    end_unserved(&service);
  }
  bool has_all_ended = stop(&service);
  if (code != ERR_NONE) return code;
  log_event(LOG_INFO, "stopped", LOG_TEXT("address", address));
  if (!has_all_ended) _exit(0); /* all that is to last is on disk */
  return ERR_NONE;
}
