/* connek connection connect: a link by which a person connects one account and nothing else. */
#include "base/clock.h"
#include "base/limits.h"
#include "cli/connection.h"
#include "cli/json_line.h"
#include "cli/token.h"
#include "connector/oauth.h"
#include "grant/subject.h"

struct connect_work {
  const struct cli_args *args;
  const struct cli_store *store;
  struct arena *arena;
  struct str public_url, return_path;
  int64_t valid_us;
  bool is_json;
  struct buf out;
};

static enum err_code check_subject(struct db_tx *tx, struct connect_work *work, const struct connection_record *record,
                                   struct err *err) {
  struct arena arena; /* it gets secrets */
  struct grant_subject subject;
  arena_init(&arena, 0);
  enum err_code code =
      grant_subject_load(tx, &arena, work->store->vault, record->organisation_id, record->id, &subject, err);
  if (!code) {
    code = grant_check_consent(&subject, err);
    if (!code && subject.record.is_made_by_owner)
      code = err_set(err, ERR_CONFLICT, "a user made %.*s for themselves: they alone connect it, on their page",
                     STR_ARG(subject.record.name));
    grant_subject_release(&subject);
  }
  arena_wipe(&arena);
  return code;
}

static enum err_code connect_in(struct db_tx *tx, void *context, struct err *err) {
  struct connect_work *work = context;
  struct organisation_record organisation;
  struct connection_record connection;
  char token[GRANT_TOKEN_SIZE];
  int64_t expires_at = clock_utc_us() + work->valid_us;
  enum err_code code = connection_find(tx, work->arena, work->args, &organisation, &connection, err);
  if (!code) code = check_subject(tx, work, &connection, err);
  if (!code) code = token_public_url(tx, work->arena, &work->public_url, err);
  if (!code) code = grant_link_new(tx, organisation.id, connection.id, work->return_path, expires_at, token, err);
  if (!code)
    code = connection_record_change(tx, work->arena, work->store->vault, &organisation, &connection, "connection.link",
                                    STR("{}"), err);
  if (code) return code;
  struct str url = arena_printf(work->arena, "%.*s/connect/%s", STR_ARG(work->public_url), token);
  if (!url.p) return err_no_memory(err);
  if (work->is_json) {
    json_line_begin(&work->out);
    json_line_text(&work->out, "connection", connection.name);
    json_line_text(&work->out, "url", url);
    json_line_time(&work->out, "expires", expires_at);
    json_line_end(&work->out);
  } else {
    buf_printf(&work->out, "%.*s\n", STR_ARG(url));
  }
  return ERR_NONE;
}

static int connection_connect(const struct cli_args *args, struct arena *arena) {
  struct connect_work work = {.args = args, .arena = arena, .is_json = cli_has(args, "json")};
  int exit_code = token_read_public_url(args, arena, &work.public_url);
  if (exit_code) return exit_code;
  if (cli_value(args, "return")) work.return_path = str_of(cli_value(args, "return"));
  if (work.return_path.n > 0 && !grant_is_return_path(work.return_path))
    return cli_usage(args, "--return must be a path of this server, such as /connections");
  if (!clock_parse_duration(str_of(cli_value(args, "valid")), &work.valid_us) || work.valid_us <= 0 ||
      work.valid_us > INT64_C(24) * 3600 * 1000000)
    return cli_usage(args, "--valid must be a duration of at most 24h, such as 15m");
  struct err err = {0};
  struct cli_store store;
  if (cli_open(args, CLI_WRITE, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  buf_init(&work.out, arena, MIB);
  exit_code = db_write(store.conn, connect_in, &work, &err) ? cli_fail(args, &err) : cli_print_buf(args, &work.out);
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {
    CLI_OPTION_DATA,
    CLI_OPTION_CONNECTION,
    {"return", "PATH", NULL, NULL, "where the page leads on to afterwards, a path of this server", false, false},
    {"valid", "DURATION", NULL, "15m", "how long the link is good, 24h at most", false, false},
    {"public-url", "URL", "CONNEK_PUBLIC_URL", NULL, "what the server is called; without it what it last said", false,
     false},
    CLI_OPTION_ORGANISATION,
    CLI_OPTION_JSON,
};

const struct cli_command cli_connection_connect = {
    .name = "connection connect",
    .words = "",
    .summary = "makes a link by which a person connects an account",
    .description =
        "Prints a link for a browser: it leads to the service's consent page, and back to this server, which\n"
        "then has access. The link is good for one connection, once, and for a short time; whoever has it can\n"
        "connect that account and nothing else. A server has to run on the folder.\n",
    .example = "  connek connection connect --data /var/lib/connek --connection books\n",
    CLI_OPTIONS(options),
    .run = connection_connect,
};
