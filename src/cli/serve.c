/* connek serve: options into struct serve_options; the server itself is the gateway's. */
#include "gateway/serve.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/open.h"
#include "codec/url.h"
#include "net/address_guard.h"
#include "net/client_address.h"

enum { WORKERS_MAX = 256, PEER_LIMIT_MAX = 10000000 };

static int read_number(const struct cli_args *args, const char *name, uint64_t max, uint64_t *ret_number) {
  const char *text = cli_value(args, name);
  if (!text) return CLI_OK;
  uint64_t number;
  if (!str_to_u64(str_of(text), &number) || number < 1 || number > max) {
    return cli_usage(args, "--%s must be a whole number from 1 to %llu", name, (unsigned long long)max);
  }
  *ret_number = number;
  return CLI_OK;
}

static int check_authorities(const struct cli_args *args, const char *name) {
  const char *fallback = cli_value(args, name);
  struct cli_values values = cli_list(args, name);
  if (!values.n && fallback) values = (struct cli_values){&fallback, 1};
  for (size_t i = 0; i < values.n; i++) {
    struct str host;
    uint16_t port;
    struct err err = {0};
    if (url_parse_authority(str_of(values.items[i]), &host, &port, &err)) {
      return cli_usage(args, "--%s %s: %s", name, values.items[i], err.text);
    }
  }
  return CLI_OK;
}

static int check_exceptions(const struct cli_args *args) {
  struct cli_values values = cli_list(args, "allow-upstream");
  for (size_t i = 0; i < values.n; i++) {
    struct address_exception exception;
    struct err err = {0};
    if (address_exception_parse(str_of(values.items[i]), &exception, &err))
      return cli_usage(args, "--allow-upstream %s: %s", values.items[i], err.text);
  }
  return CLI_OK;
}

static int check_proxies(const struct cli_args *args) {
  struct cli_values values = cli_list(args, "trusted-proxy");
  for (size_t i = 0; i < values.n; i++) {
    struct trusted_proxy proxy;
    struct err err = {0};
    if (trusted_proxy_parse(str_of(values.items[i]), &proxy, &err))
      return cli_usage(args, "--trusted-proxy %s: %s", values.items[i], err.text);
  }
  return CLI_OK;
}

static int read_options(const struct cli_args *args, struct arena *arena, struct serve_options *options) {
  uint64_t workers = 0, peer_limit = 0;
  int exit_code = read_number(args, "workers", WORKERS_MAX, &workers);
  if (!exit_code) exit_code = read_number(args, "peer-limit", PEER_LIMIT_MAX, &peer_limit);
  if (!exit_code) exit_code = check_authorities(args, "listen");
  if (!exit_code) exit_code = check_authorities(args, "admin-listen");
  if (!exit_code) exit_code = check_authorities(args, "cluster-listen");
  if (!exit_code) exit_code = check_exceptions(args);
  if (!exit_code) exit_code = check_proxies(args);
  if (exit_code) return exit_code;

  struct str audit = str_of(cli_value(args, "audit"));
  if (!str_eq_c(audit, "strict") && !str_eq_c(audit, "relaxed")) {
    return cli_usage(args, "--audit must be strict or relaxed");
  }
  enum log_level level;
  if (!log_parse_level(str_of(cli_value(args, "log-level")), &level)) {
    return cli_usage(args, "--log-level must be debug, info, warn, error or off");
  }
  log_set_level(level);
  const char *public_url = cli_value(args, "public-url");
  struct url url;
  struct err err = {0};
  if (public_url && url_parse(arena, str_of(public_url), &url, &err)) {
    return cli_usage(args, "--public-url: %s", err.text);
  }
  struct cli_values upstreams = cli_list(args, "allow-upstream"), origins = cli_list(args, "allow-origin"),
                    proxies = cli_list(args, "trusted-proxy");
  *options = (struct serve_options){.data_dir = cli_value(args, "data"),
                                    .node = cli_value(args, "node"),
                                    .listen = cli_value(args, "listen"),
                                    .cluster_listen = cli_value(args, "cluster-listen"),
                                    .admin_listen = cli_value(args, "admin-listen"),
                                    .public_url = public_url,
                                    .workers = (unsigned)workers,
                                    .is_audit_relaxed = str_eq_c(audit, "relaxed"),
                                    .allow_upstream = upstreams.items,
                                    .n_allow_upstream = upstreams.n,
                                    .allow_origin = origins.items,
                                    .n_allow_origin = origins.n,
                                    .trusted_proxies = proxies.items,
                                    .n_trusted_proxies = proxies.n,
                                    .ca_file = cli_value(args, "ca"),
                                    .proxy = cli_value(args, "proxy"),
                                    .peer_limit_per_minute = (int)peer_limit};
  return CLI_OK;
}

/* Not into the log, which others may read: on standard output, for whoever started the server. It works once. */
static void on_setup_link(const char *url) {
  (void)printf("Set up its owner's account, once: %s\n", url);
  (void)fflush(stdout);
}

static int read_duration(const struct cli_args *args, const char *name, int64_t *ret_us) {
  const char *text = cli_value(args, name);
  if (!text) return CLI_OK;
  if (clock_parse_duration(str_of(text), ret_us) && *ret_us > 0 && *ret_us < INT64_MAX / 4) return CLI_OK;
  return cli_usage(args, "--%s must be a number and a unit: 90s, 15m, 12h or 30d", name);
}

static int serve(const struct cli_args *args, struct arena *arena) {
  struct serve_options options = {0};
  int exit_code = read_options(args, arena, &options);
  if (!exit_code) exit_code = read_duration(args, "token-life", &options.token_us);
  if (!exit_code) exit_code = read_duration(args, "client-life", &options.client_us);
  if (!exit_code) exit_code = read_duration(args, "credential-kept", &options.credential_kept_us);
  if (!exit_code && options.credential_kept_us > LIMIT_CREDENTIAL_KEPT_MS * INT64_C(1000))
    exit_code = cli_usage(args, "--credential-kept must be an hour at most");
  if (exit_code) return exit_code;
  options.may_sign_up = cli_has(args, "allow-sign-up");
  options.on_setup_link = on_setup_link;
  struct err err = {0};
  struct cli_store store = {.lock = -1};
  if (cli_open(args, CLI_SERVE, &store, &err)) return cli_fail(args, &err);
  if (!db_keeps_scope(store.db))
    log_event(LOG_WARN, "database_role",
              LOG_TEXT("text",
                       "row-level security does not hold for our role: give Connek one that is no superuser "
                       "and has no BYPASSRLS"));
  options.db = store.db;
  options.vault = store.vault;
  if (serve_run(&options, &err)) exit_code = cli_fail(args, &err);
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {
    CLI_OPTION_DATA,
    {"node", "NAME", "CONNEK_NODE", "node1",
     "this server's name: where several servers use one database, each has its own", false, false},
    {"listen", "HOST:PORT", "CONNEK_LISTEN", "127.0.0.1:8080", "where clients are served", false, false},
    {"admin-listen", "HOST:PORT", "CONNEK_ADMIN_LISTEN", NULL,
     "where /metrics is served, to nobody but those who may reach it; without it nowhere", false, false},
    {"cluster-listen", "HOST:PORT", "CONNEK_CLUSTER_LISTEN", NULL,
     "where other servers of one database forward what is at home here; they prove to hold its master key", false,
     false},
    {"public-url", "URL", "CONNEK_PUBLIC_URL", NULL,
     "what clients call this server, when something stands in front of it (https://mcp.example.org)", false, false},
    {"workers", "N", "CONNEK_WORKERS", NULL, "threads that serve clients; without it one a processor", false, false},
    {"audit", "strict|relaxed", "CONNEK_AUDIT", "strict",
     "strict: a reply leaves only after its audit record is safe on disk; relaxed: it does not wait", false, false},
    {"allow-upstream", "[ORGANISATION=]HOST[:PORT]", "CONNEK_ALLOW_UPSTREAM", NULL,
     "a host that connectors may reach although its address is private; those of one organisation, where it is named",
     false, true},
    {"allow-origin", "ORIGIN", "CONNEK_ALLOW_ORIGIN", NULL, "a web page's origin that may call this server", false,
     true},
    {"trusted-proxy", "ADDRESS[/BITS]", "CONNEK_TRUSTED_PROXY", NULL,
     "a proxy in front whose X-Forwarded-For is believed; rates are by that address then. Without it by the peer's",
     false, true},
    {"ca", "FILE", "CONNEK_CA", NULL, "certificates to trust upstream (PEM), instead of the system's", false, false},
    {"proxy", "URL", "CONNEK_PROXY", NULL,
     "a proxy for everything upstream; the usual proxy variables are not looked at", false, false},
    {"peer-limit", "N", "CONNEK_PEER_LIMIT", NULL, "failed authentications of one address in a minute; without it 6000",
     false, false},
    {"allow-sign-up", NULL, NULL, NULL, "whoever reaches this server may make an organisation of their own", false,
     false},
    {"token-life", "DURATION", "CONNEK_TOKEN_LIFE", "1h", "how long an assistant that signed in uses one access token",
     false, false},
    {"client-life", "DURATION", "CONNEK_CLIENT_LIFE", "90d", "how long an assistant stays signed in without being used",
     false, false},
    {"credential-kept", "DURATION", "CONNEK_CREDENTIAL_KEPT", "4m",
     "how long a connection's opened credential is kept for its next call, in locked memory", false, false},
    {"log-level", "LEVEL", "CONNEK_LOG_LEVEL", "info", "debug, info, warn, error or off", false, false},
};

const struct cli_command cli_serve = {
    .name = "serve",
    .words = "",
    .summary = "serves assistants until SIGTERM or SIGINT",
    .description =
        "Serves every organisation of the data folder: the MCP endpoint /mcp, personal URLs /mcp/<token>,\n"
        "/healthz and /readyz, and the pages on which people sign in and let assistants in. The folder, its database "
        "and its key (DIR/master.key) are made where there is\n"
        "nothing yet; a key may also come from systemd or CONNEK_MASTER_KEY (docs/vault.md). Without its key a\n"
        "folder with data is refused, and so is a second server on one folder.\n"
        "Logs go to standard error, one JSON object a line. Changes made by the other commands are taken at\n"
        "once. On SIGTERM or SIGINT open calls end before the server does.\n",
    .example = "  connek serve --data /var/lib/connek --listen 127.0.0.1:8080 --public-url https://mcp.example.org\n",
    CLI_OPTIONS(options),
    .run = serve,
};
