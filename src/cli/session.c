/* connek session list and connek session revoke: browsers in which somebody is signed in. */
#include "base/clock.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/json_line.h"
#include "cli/open.h"
#include "cli/table.h"
#include "config/words.h"
#include "store/sign_in.h"

struct session_work {
  const struct cli_args *args;
  struct arena *arena;
  struct str email;
  struct uuid id;
  bool is_json;
  size_t n;
  struct buf out;
  struct table table;
};

static struct str minute(int64_t utc_us, char *text) {
  clock_format(utc_us, text);
  return str_make(text, 16);
}

static void write_one(struct session_work *work, const struct browser_session_record *session) {
  char id[UUID_TEXT_SIZE], times[3][CLOCK_TEXT_SIZE];
  uuid_format(session->id, id);
  if (work->is_json) {
    json_line_begin(&work->out);
    json_line_text(&work->out, "id", str_of(id));
    json_line_text(&work->out, "user", session->email);
    json_line_text(&work->out, "browser", session->agent);
    json_line_time(&work->out, "created", session->created_at);
    json_line_time(&work->out, "seen", session->seen_at);
    json_line_time(&work->out, "expires", session->expires_at);
    json_line_end(&work->out);
    return;
  }
  const struct str cells[] = {str_of(id),
                              session->email,
                              minute(session->created_at, times[0]),
                              minute(session->seen_at, times[1]),
                              minute(session->expires_at, times[2]),
                              session->agent};
  if (table_add(&work->table, cells)) table_write(&work->table, &work->out);
}

static enum err_code sessions(struct session_work *work, struct db_tx *tx,
                              const struct browser_session_record **ret_list, size_t *ret_n, struct err *err) {
  struct uuid login_id = {{0}};
  if (work->email.n) {
    struct login_record login;
    enum err_code code = store_login_find(tx, work->arena, work->email, &login, err);
    if (code != ERR_NONE) return code;
    login_id = login.id;
  }
  return store_browser_session_list(tx, work->arena, login_id, ret_list, ret_n, err);
}

static enum err_code list_in(struct db_tx *tx, void *context, struct err *err) {
  struct session_work *work = context;
  const struct browser_session_record *list;
  size_t n;
  int64_t now = clock_utc_us();
  enum err_code code = sessions(work, tx, &list, &n, err);
  for (size_t i = 0; code == ERR_NONE && i < n; i++)
    if (list[i].expires_at > now) write_one(work, &list[i]);
  return code;
}

static enum err_code revoke_in(struct db_tx *tx, void *context, struct err *err) {
  struct session_work *work = context;
  const struct browser_session_record *list;
  size_t n;
  enum err_code code = sessions(work, tx, &list, &n, err);
  for (size_t i = 0; code == ERR_NONE && i < n; i++) {
    if (!work->email.n && !uuid_eq(list[i].id, work->id)) continue;
    work->n++;
    code = store_browser_session_delete(tx, list[i].id, err);
  }
  if (code == ERR_NONE && !work->n && !work->email.n)
    return err_set(err, ERR_NOT_FOUND, "there is no such session; connek session list shows them");
  return code;
}

static int read_email(struct session_work *work) {
  struct err err = {0};
  const char *user = cli_value(work->args, "user");
  if (user && config_email_read(work->arena, str_of(user), &work->email, &err))
    return cli_usage(work->args, "--user: %s", err.text);
  return CLI_OK;
}

static int list(const struct cli_args *args, struct arena *arena) {
  static const char *const heads[] = {"ID", "USER", "SINCE", "LAST SEEN", "UNTIL", "BROWSER", NULL};
  struct session_work work = {.args = args, .arena = arena, .is_json = cli_has(args, "json")};
  struct err err = {0};
  struct cli_store store;
  int exit_code = read_email(&work);
  if (exit_code) return exit_code;
  if (cli_open(args, CLI_READ, &store, &err)) return cli_fail(args, &err);
  buf_init(&work.out, NULL, (size_t)256 * MIB);
  table_init(&work.table, heads);
  if (db_read(store.conn, list_in, &work, &err)) {
    exit_code = cli_fail(args, &err);
  } else {
    if (!work.is_json) table_write(&work.table, &work.out);
    exit_code = cli_print_buf(args, &work.out);
  }
  table_release(&work.table);
  buf_release(&work.out);
  cli_close(&store);
  return exit_code;
}

/* The server asks the database at each page: nothing has to be told. */
static int end(const struct cli_args *args, struct arena *arena) {
  struct session_work work = {.args = args, .arena = arena};
  struct err err = {0};
  struct cli_store store;
  int exit_code = read_email(&work);
  if (exit_code) return exit_code;
  if ((work.email.n > 0) == (args->n_words == 1) || (args->n_words && !uuid_parse(str_of(args->words[0]), &work.id)))
    return cli_usage(args, "name one session by its id (connek session list shows it), or all of --user EMAIL");
  if (cli_open(args, CLI_WRITE, &store, &err)) return cli_fail(args, &err);
  buf_init(&work.out, arena, KIB);
  if (db_write(store.conn, revoke_in, &work, &err)) {
    exit_code = cli_fail(args, &err);
  } else {
    buf_printf(&work.out, "ended %zu session%s\n", work.n, work.n == 1 ? "" : "s");
    exit_code = cli_print_buf(args, &work.out);
  }
  cli_close(&store);
  return exit_code;
}

static const struct cli_option list_options[] = {
    CLI_OPTION_DATA,
    {"user", "EMAIL", NULL, NULL, "this person's alone", false, false},
    CLI_OPTION_JSON,
};

const struct cli_command cli_session_list = {
    .name = "session list",
    .words = "",
    .summary = "lists the browsers in which somebody is signed in",
    .description = "One line a browser: whose, since when, last seen, until when.\n",
    .example = "  connek session list --data /var/lib/connek\n",
    CLI_OPTIONS(list_options),
    .run = list,
};

static const struct cli_option revoke_options[] = {
    CLI_OPTION_DATA,
    {"user", "EMAIL", NULL, NULL, "all sessions of this person", false, false},
};

const struct cli_command cli_session_revoke = {
    .name = "session revoke",
    .words = "[ID]",
    .max_words = 1,
    .summary = "signs somebody out of a browser, or of all",
    .description = "From the next request on. Clients that they let in stay: connek client revoke ends those.\n",
    .example = "  connek session revoke --data /var/lib/connek --user finance@acme.example\n",
    CLI_OPTIONS(revoke_options),
    .run = end,
};
