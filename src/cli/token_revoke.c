/* connek token revoke: returns only when the token is refused everywhere. */
#include "base/clock.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/json_line.h"
#include "cli/open.h"
#include "cli/token.h"
#include "config/token.h"
#include "config/words.h"

struct revoke_work {
  const struct cli_args *args;
  const struct cli_store *store;
  struct arena *arena;
  struct str email; /* all of this user's */
  struct uuid id;   /* or this one */
  bool is_json;
  struct buf out;
};

static void report(struct revoke_work *work, const struct access_token_record *token, int64_t revoked_at,
                   bool was_before) {
  char id[UUID_TEXT_SIZE];
  uuid_format(token->id, id);
  if (work->is_json) {
    json_line_begin(&work->out);
    json_line_text(&work->out, "id", str_of(id));
    json_line_time(&work->out, "revoked", revoked_at);
    json_line_end(&work->out);
    return;
  }
  buf_printf(&work->out, was_before ? "%s was revoked already\n" : "revoked %s\n", id);
}

static enum err_code revoke_one(struct revoke_work *work, struct db_tx *tx, const struct access_token_record *token,
                                struct str email, struct err *err) {
  if (token->revoked_at) {
    report(work, token, token->revoked_at, true);
    return ERR_NONE;
  }
  struct organisation_record organisation;
  int64_t now = clock_utc_us();
  enum err_code code = store_organisation_get(tx, work->arena, token->organisation_id, &organisation, err);
  if (!code) code = config_token_end(tx, work->arena, work->store->vault, &organisation, token, email, 0, NULL, err);
  if (!code) report(work, token, now, false);
  return code;
}

static enum err_code revoke_by_id(struct revoke_work *work, struct db_tx *tx, struct err *err) {
  struct access_token_record token;
  enum err_code code = store_access_token_get(tx, work->arena, work->id, &token, err);
  if (code) return code;
  const struct user_record *users;
  size_t n;
  code = store_user_list(tx, work->arena, token.organisation_id, &users, &n, err);
  struct str email = STR("?");
  for (size_t i = 0; !code && i < n; i++) {
    if (uuid_eq(users[i].id, token.user_id)) email = users[i].email;
  }
  return code ? code : revoke_one(work, tx, &token, email, err);
}

static enum err_code revoke_by_user(struct revoke_work *work, struct db_tx *tx, struct err *err) {
  struct organisation_record organisation;
  struct user_record user;
  const struct access_token_record *tokens;
  size_t n, n_live = 0;
  enum err_code code =
      config_find_organisation(tx, work->arena, str_of(cli_value(work->args, "organisation")), &organisation, err);
  if (!code) code = store_user_find(tx, work->arena, organisation.id, work->email, &user, err);
  if (!code) code = store_access_token_list(tx, work->arena, organisation.id, &tokens, &n, err);
  for (size_t i = 0; !code && i < n; i++) {
    if (!uuid_eq(tokens[i].user_id, user.id) || tokens[i].revoked_at) continue;
    n_live++;
    code = revoke_one(work, tx, &tokens[i], user.email, err);
  }
  if (!code && n_live == 0 && !work->is_json) {
    buf_printf(&work->out, "%.*s has no token that is not revoked\n", STR_ARG(user.email));
  }
  return code;
}

static enum err_code revoke_in(struct db_tx *tx, void *context, struct err *err) {
  struct revoke_work *work = context;
  return work->email.n ? revoke_by_user(work, tx, err) : revoke_by_id(work, tx, err);
}

static int read_options(const struct cli_args *args, struct arena *arena, struct revoke_work *work) {
  const char *user = cli_value(args, "user");
  struct err err = {0};
  if ((user != NULL) == (args->n_words == 1)) {
    return cli_usage(args, "name one token by its id (connek token list shows it), or all of --user EMAIL");
  }
  if (user && config_email_read(arena, str_of(user), &work->email, &err)) {
    return cli_usage(args, "--user: %s", err.text);
  }
  if (!user && !uuid_parse(str_of(args->words[0]), &work->id)) {
    return cli_usage(args, "that is not a token's id; connek token list shows them"); /* it may be the token itself */
  }
  return CLI_OK;
}

static int token_revoke(const struct cli_args *args, struct arena *arena) {
  struct revoke_work work = {.args = args, .arena = arena, .is_json = cli_has(args, "json")};
  int exit_code = read_options(args, arena, &work);
  if (exit_code) return exit_code;
  struct err err = {0};
  struct cli_store store;
  if (cli_open(args, CLI_WRITE, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  buf_init(&work.out, arena, (size_t)64 * MIB);
  if (db_write(store.conn, revoke_in, &work, &err)) {
    exit_code = cli_fail(args, &err);
  } else if (cli_confirm(&store, &err)) { /* also for one revoked before: that time it may not have been confirmed */
    (void)cli_print_buf(args, &work.out);
    cli_warn(args,
             "revoked in the database, but the server running on %s has not confirmed it (%s) and may still take the "
             "token. It looks for changes by itself every two seconds. Run this again; if it fails again, restart "
             "the server",
             store.dir, err.text);
    exit_code = CLI_FAILED;
  } else {
    exit_code = cli_print_buf(args, &work.out);
  }
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {
    CLI_OPTION_DATA,
    {"user", "EMAIL", NULL, NULL, "all tokens of this user", false, false},
    CLI_OPTION_ORGANISATION,
    CLI_OPTION_JSON,
};

const struct cli_command cli_token_revoke = {
    .name = "token revoke",
    .words = "[ID]",
    .max_words = 1,
    .summary = "revokes a token by its id, or all of a user",
    .description =
        "Returns when a server running on the folder has confirmed: from then on the token gets 401. Ends with\n"
        "1 where it did not confirm within 10 seconds; the token is revoked in the database all the same.\n",
    .example =
        "  connek token revoke --data /var/lib/connek 0192f4c2-8d3e-7c11-9a54-5f0e6f1b2a3c\n"
        "  connek token revoke --data /var/lib/connek --user finance@acme.example\n",
    CLI_OPTIONS(options),
    .run = token_revoke,
};
