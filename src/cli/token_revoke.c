/* connek token revoke: returns only when the token is refused everywhere. */
#include "cli/listing.h"
#include "config/token.h"

static enum err_code end_one(struct ending *ending, struct db_tx *tx, const struct access_token_record *token,
                             struct str email, struct err *err) {
  if (token->revoked_at) {
    if (!ending->email.n) ending_report(ending, token->id, token->revoked_at, true);
    return ERR_NONE;
  }
  struct organisation_record organisation;
  int64_t now = clock_utc_us();
  enum err_code code = store_organisation_get(tx, ending->arena, token->organisation_id, &organisation, err);
  if (!code)
    code = config_token_end(tx, ending->arena, ending->store->vault, &organisation, token, email, 0, NULL, err);
  if (!code) ending_report(ending, token->id, now, false);
  return code;
}

static struct str email_of(const struct user_record *users, size_t n, struct uuid id) {
  for (size_t i = 0; i < n; i++)
    if (uuid_eq(users[i].id, id)) return users[i].email;
  return STR("?");
}

static enum err_code end_by_id(struct ending *ending, struct db_tx *tx, struct err *err) {
  struct access_token_record token;
  const struct user_record *users = NULL;
  size_t n = 0;
  enum err_code code = store_access_token_get(tx, ending->arena, ending->id, &token, err);
  if (!code) code = store_user_list(tx, ending->arena, token.organisation_id, &users, &n, err);
  return code ? code : end_one(ending, tx, &token, email_of(users, n, token.user_id), err);
}

static enum err_code end_of(void *context, struct db_tx *tx, const struct organisation_record *organisation,
                            struct err *err) {
  struct ending *ending = context;
  const struct access_token_record *tokens = NULL;
  struct user_record user;
  size_t n = 0;
  enum err_code code = store_user_find(tx, ending->arena, organisation->id, ending->email, &user, err);
  if (code == ERR_NOT_FOUND) return ERR_NONE;
  if (!code) code = store_access_token_list(tx, ending->arena, organisation->id, &tokens, &n, err);
  for (size_t i = 0; !code && i < n; i++)
    if (uuid_eq(tokens[i].user_id, user.id)) code = end_one(ending, tx, &tokens[i], user.email, err);
  return code;
}

static enum err_code end(struct ending *ending, struct db_tx *tx, struct err *err) {
  if (!ending->email.n) return end_by_id(ending, tx, err);
  return organisations_visit(ending->args, ending->arena, tx, end_of, ending, err);
}

static int end_command(const struct cli_args *args, struct arena *arena) {
  return ending_run(args, arena, &(struct ending_kind){.noun = "token", .end = end});
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
    .run = end_command,
};
