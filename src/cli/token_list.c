/* connek token list: what tokens there are; never the tokens themselves. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/map.h"
#include "cli/cli.h"
#include "cli/json_line.h"
#include "cli/open.h"
#include "cli/table.h"
#include "config/config.h"
#include "config/words.h"

struct list_work {
  const struct cli_args *args;
  struct arena *arena;
  struct str email; /* of this user alone, or empty */
  bool is_json;
  struct buf out;
  struct table table;
};

static void write_json(struct list_work *work, const struct organisation_record *organisation,
                       const struct access_token_record *token, struct str email) {
  char id[UUID_TEXT_SIZE];
  uuid_format(token->id, id);
  json_line_begin(&work->out);
  json_line_text(&work->out, "id", str_of(id));
  json_line_text(&work->out, "user", email);
  json_line_text(&work->out, "name", token->name);
  json_line_text(&work->out, "kind", token->kind);
  json_line_time(&work->out, "created", token->created_at);
  json_line_time(&work->out, "expires", token->expires_at);
  json_line_time(&work->out, "revoked", token->revoked_at);
  json_line_text(&work->out, "organisation", organisation->name);
  json_line_end(&work->out);
}

static struct str day_of(int64_t utc_us, char *text) {
  if (!utc_us) return STR("-");
  clock_format(utc_us, text);
  return str_make(text, 19); /* to the second */
}

static void write_row(struct list_work *work, const struct organisation_record *organisation,
                      const struct access_token_record *token, struct str email) {
  char id[UUID_TEXT_SIZE], times[3][CLOCK_TEXT_SIZE];
  uuid_format(token->id, id);
  const struct str cells[] = {str_of(id),
                              email,
                              token->name,
                              token->kind,
                              day_of(token->created_at, times[0]),
                              day_of(token->expires_at, times[1]),
                              day_of(token->revoked_at, times[2]),
                              organisation->name};
  if (table_add(&work->table, cells)) table_write(&work->table, &work->out);
}

static enum err_code list_one(struct list_work *work, struct db_tx *tx, const struct organisation_record *organisation,
                              struct err *err) {
  const struct user_record *users;
  const struct access_token_record *tokens;
  size_t n_users, n_tokens;
  struct map by_id;
  map_init(&by_id);
  enum err_code code = store_user_list(tx, work->arena, organisation->id, &users, &n_users, err);
  if (!code) code = store_access_token_list(tx, work->arena, organisation->id, &tokens, &n_tokens, err);
  for (size_t i = 0; !code && i < n_users; i++) {
    if (map_put(&by_id, uuid_bytes(&users[i].id), (void *)(uintptr_t)&users[i])) code = err_no_memory(err);
  }
  for (size_t i = 0; !code && i < n_tokens; i++) {
    const struct user_record *user = map_get(&by_id, uuid_bytes(&tokens[i].user_id));
    struct str email = user ? user->email : STR("?");
    if (work->email.n && !str_eq(email, work->email)) continue;
    (work->is_json ? write_json : write_row)(work, organisation, &tokens[i], email);
  }
  map_release(&by_id);
  return code;
}

static enum err_code list_in(struct db_tx *tx, void *context, struct err *err) {
  struct list_work *work = context;
  const char *name = cli_value(work->args, "organisation");
  if (name) {
    struct organisation_record one;
    enum err_code code = store_organisation_find(tx, work->arena, str_of(name), &one, err);
    return code ? code : list_one(work, tx, &one, err);
  }
  const struct organisation_record *all;
  size_t n;
  enum err_code code = store_organisation_list(tx, work->arena, &all, &n, err);
  for (size_t i = 0; !code && i < n; i++)
    code = list_one(work, tx, &all[i], err);
  return code;
}

static int list(const struct cli_args *args, struct arena *arena) {
  static const char *const heads[] = {"ID",      "USER",    "NAME",         "KIND", "CREATED",
                                      "EXPIRES", "REVOKED", "ORGANISATION", NULL};
  struct list_work work = {.args = args, .arena = arena, .is_json = cli_has(args, "json")};
  struct err err = {0};
  if (cli_value(args, "user") && config_email_read(arena, str_of(cli_value(args, "user")), &work.email, &err)) {
    return cli_usage(args, "--user: %s", err.text);
  }
  struct cli_store store;
  if (cli_open(args, CLI_READ, &store, &err)) return cli_fail(args, &err);
  buf_init(&work.out, NULL, (size_t)1024 * MIB);
  table_init(&work.table, heads);
  int exit_code = CLI_OK;
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

static const struct cli_option options[] = {
    CLI_OPTION_DATA,
    CLI_OPTION_ORGANISATION,
    {"user", "EMAIL", NULL, NULL, "this user's alone", false, false},
    CLI_OPTION_JSON,
};

const struct cli_command cli_token_list = {
    .name = "token list",
    .words = "",
    .summary = "lists access tokens: whose, what kind, until when",
    .description = "Lists every access token of every organisation, or of one. The tokens themselves are not kept.\n",
    .example = "  connek token list --data /var/lib/connek --user finance@acme.example\n",
    CLI_OPTIONS(options),
    .run = list,
};
