/* connek client list and connek client revoke: assistants that people have let in. */
#include "base/clock.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/json_line.h"
#include "cli/open.h"
#include "cli/record.h"
#include "cli/table.h"
#include "config/words.h"
#include "signin/scope.h"
#include "store/sign_in.h"

struct client_work {
  const struct cli_args *args;
  const struct cli_store *store;
  struct arena *arena;
  struct str email;
  struct uuid id;
  bool is_json;
  size_t n_revoked;
  struct buf out;
  struct table table;
};

static struct str minute(int64_t utc_us, char *text) {
  if (!utc_us) return STR("-");
  clock_format(utc_us, text);
  return str_make(text, 16);
}

static struct str scopes_of(struct arena *arena, int64_t scopes) {
  struct buf out;
  buf_init(&out, arena, 256);
  scope_write(&out, (unsigned)scopes);
  return buf_failed(&out) ? STR("?") : buf_str(&out);
}

static void write_one(struct client_work *work, const struct organisation_record *organisation,
                      const struct oauth_grant_record *grant) {
  char id[UUID_TEXT_SIZE], times[3][CLOCK_TEXT_SIZE];
  uuid_format(grant->id, id);
  struct str scopes = scopes_of(work->arena, grant->scopes);
  if (work->is_json) {
    json_line_begin(&work->out);
    json_line_text(&work->out, "id", str_of(id));
    json_line_text(&work->out, "user", grant->email);
    json_line_text(&work->out, "client", grant->client_name);
    json_line_text(&work->out, "client_id", grant->client_id);
    json_line_text(&work->out, "scope", scopes);
    json_line_time(&work->out, "created", grant->created_at);
    json_line_time(&work->out, "used", grant->used_at);
    json_line_time(&work->out, "expires", grant->expires_at);
    json_line_time(&work->out, "revoked", grant->revoked_at);
    json_line_text(&work->out, "organisation", organisation->name);
    json_line_end(&work->out);
    return;
  }
  const struct str cells[] = {str_of(id),
                              grant->email,
                              grant->client_name,
                              scopes,
                              minute(grant->created_at, times[0]),
                              minute(grant->used_at, times[1]),
                              minute(grant->revoked_at, times[2]),
                              organisation->name};
  if (table_add(&work->table, cells)) table_write(&work->table, &work->out);
}

/* Each grant of the organisations that the options name. */
static enum err_code each(struct client_work *work, struct db_tx *tx,
                          enum err_code (*visit)(struct client_work *work, struct db_tx *tx,
                                                 const struct organisation_record *organisation,
                                                 const struct oauth_grant_record *grant, struct err *err),
                          struct err *err) {
  const struct organisation_record *organisations;
  size_t n;
  const char *name = cli_value(work->args, "organisation");
  enum err_code code = store_organisation_list(tx, work->arena, &organisations, &n, err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    const struct oauth_grant_record *grants;
    size_t n_grants;
    if (name && !str_eq_c(organisations[i].name, name)) continue;
    code = store_oauth_grant_list(tx, work->arena, organisations[i].id, &grants, &n_grants, err);
    for (size_t k = 0; code == ERR_NONE && k < n_grants; k++) {
      if (work->email.n && !str_eq(work->email, grants[k].email)) continue;
      code = visit(work, tx, &organisations[i], &grants[k], err);
    }
  }
  return code;
}

static enum err_code list_one(struct client_work *work, struct db_tx *tx,
                              const struct organisation_record *organisation, const struct oauth_grant_record *grant,
                              struct err *err) {
  write_one(work, organisation, grant);
  return ERR_NONE;
}

static enum err_code list_in(struct db_tx *tx, void *context, struct err *err) {
  return each(context, tx, list_one, err);
}

static enum err_code revoke_one(struct client_work *work, struct db_tx *tx,
                                const struct organisation_record *organisation, const struct oauth_grant_record *grant,
                                struct err *err) {
  char id[UUID_TEXT_SIZE];
  bool is_wanted = work->email.n ? grant->revoked_at == 0 : uuid_eq(grant->id, work->id);
  if (!is_wanted) return ERR_NONE;
  work->n_revoked++;
  uuid_format(grant->id, id);
  buf_printf(&work->out, grant->revoked_at ? "%s was revoked already\n" : "revoked %s\n", id);
  if (grant->revoked_at) return ERR_NONE;
  enum err_code code = store_oauth_grant_revoke(tx, work->arena, grant->id, clock_utc_us(), err);
  return code == ERR_NONE
             ? cli_record_user(tx, work->arena, work->store->vault, organisation, "client.revoke", grant->email, err)
             : code;
}

static enum err_code revoke_in(struct db_tx *tx, void *context, struct err *err) {
  struct client_work *work = context;
  enum err_code code = each(work, tx, revoke_one, err);
  if (code != ERR_NONE || work->n_revoked) return code;
  if (work->email.n) {
    buf_printf(&work->out, "%.*s has let in no client that is not revoked\n", STR_ARG(work->email));
    return ERR_NONE;
  }
  return err_set(err, ERR_NOT_FOUND, "there is no such client; connek client list shows them");
}

static int read_email(struct client_work *work) {
  struct err err = {0};
  const char *user = cli_value(work->args, "user");
  if (user && config_email_read(work->arena, str_of(user), &work->email, &err))
    return cli_usage(work->args, "--user: %s", err.text);
  return CLI_OK;
}

static int list(const struct cli_args *args, struct arena *arena) {
  static const char *const heads[] = {"ID",        "USER",    "CLIENT",       "MAY", "CREATED",
                                      "LAST USED", "REVOKED", "ORGANISATION", NULL};
  struct client_work work = {.args = args, .arena = arena, .is_json = cli_has(args, "json")};
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

static int end(const struct cli_args *args, struct arena *arena) {
  struct client_work work = {.args = args, .arena = arena};
  struct err err = {0};
  struct cli_store store;
  int exit_code = read_email(&work);
  if (exit_code) return exit_code;
  if ((work.email.n > 0) == (args->n_words == 1) || (args->n_words && !uuid_parse(str_of(args->words[0]), &work.id)))
    return cli_usage(args, "name one client by its id (connek client list shows it), or all of --user EMAIL");
  if (cli_open(args, CLI_WRITE, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  buf_init(&work.out, arena, MIB);
  if (db_write(store.conn, revoke_in, &work, &err)) {
    exit_code = cli_fail(args, &err);
  } else if (cli_confirm(&store, &err)) {
    (void)cli_print_buf(args, &work.out);
    cli_warn(args, "revoked in the database, but the server running on %s has not confirmed it (%s). Run this again",
             store.dir, err.text);
    exit_code = CLI_FAILED;
  } else {
    exit_code = cli_print_buf(args, &work.out);
  }
  cli_close(&store);
  return exit_code;
}

static const struct cli_option list_options[] = {
    CLI_OPTION_DATA,
    CLI_OPTION_ORGANISATION,
    {"user", "EMAIL", NULL, NULL, "this user's alone", false, false},
    CLI_OPTION_JSON,
};

const struct cli_command cli_client_list = {
    .name = "client list",
    .words = "",
    .summary = "lists the assistants that people have let in by signing in",
    .description = "One line for each time that somebody let a client in: whose, which, what it may do, until when.\n",
    .example = "  connek client list --data /var/lib/connek\n",
    CLI_OPTIONS(list_options),
    .run = list,
};

static const struct cli_option revoke_options[] = {
    CLI_OPTION_DATA,
    CLI_OPTION_ORGANISATION,
    {"user", "EMAIL", NULL, NULL, "all clients of this user", false, false},
};

const struct cli_command cli_client_revoke = {
    .name = "client revoke",
    .words = "[ID]",
    .max_words = 1,
    .summary = "ends what somebody let a client do, with all of its tokens",
    .description =
        "Returns when a server running on the folder has confirmed: from then on the client gets 401, and its\n"
        "refresh tokens give nothing. To come back it has to be let in anew.\n",
    .example = "  connek client revoke --data /var/lib/connek 0192f4c2-8d3e-7c11-9a54-5f0e6f1b2a3c\n",
    CLI_OPTIONS(revoke_options),
    .run = end,
};
