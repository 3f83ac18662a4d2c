/* connek client list and connek client revoke: assistants that people have let in. */
#include "base/limits.h"
#include "cli/listing.h"
#include "cli/record.h"
#include "signin/scope.h"
#include "store/sign_in.h"

static struct str scopes_of(struct arena *arena, int64_t scopes) {
  struct buf out;
  buf_init(&out, arena, 256);
  scope_write(&out, (unsigned)scopes);
  return buf_failed(&out) ? STR("?") : buf_str(&out);
}

static void write_json(struct buf *out, const struct organisation_record *organisation,
                       const struct oauth_grant_record *grant, struct str scopes) {
  char id[UUID_TEXT_SIZE];
  json_line_begin(out);
  json_line_text(out, "id", listing_id(grant->id, id));
  json_line_text(out, "user", grant->email);
  json_line_text(out, "client", grant->client_name);
  json_line_text(out, "client_id", grant->client_id);
  json_line_text(out, "scope", scopes);
  json_line_time(out, "created", grant->created_at);
  json_line_time(out, "used", grant->used_at);
  json_line_time(out, "expires", grant->expires_at);
  json_line_time(out, "revoked", grant->revoked_at);
  json_line_text(out, "organisation", organisation->name);
  json_line_end(out);
}

static void write_row(struct listing *listing, const struct organisation_record *organisation,
                      const struct oauth_grant_record *grant, struct str scopes) {
  char id[UUID_TEXT_SIZE], times[3][CLOCK_TEXT_SIZE];
  listing_row(listing,
              (const struct str[]){listing_id(grant->id, id), grant->email, grant->client_name, scopes,
                                   listing_time(grant->created_at, times[0]), listing_time(grant->used_at, times[1]),
                                   listing_time(grant->revoked_at, times[2]), organisation->name});
}

static enum err_code list_of(struct listing *listing, struct db_tx *tx, const struct organisation_record *organisation,
                             struct err *err) {
  const struct oauth_grant_record *grants = NULL;
  size_t n = 0;
  enum err_code code = store_oauth_grant_list(tx, listing->arena, organisation->id, &grants, &n, err);
  for (size_t i = 0; code == ERR_NONE && i < n; i++) {
    if (listing->email.n && !str_eq(listing->email, grants[i].email)) continue;
    struct str scopes = scopes_of(listing->arena, grants[i].scopes);
    if (listing->is_json)
      write_json(&listing->out, organisation, &grants[i], scopes);
    else
      write_row(listing, organisation, &grants[i], scopes);
  }
  return code;
}

static int list(const struct cli_args *args, struct arena *arena) {
  static const char *const heads[] = {"ID",        "USER",    "CLIENT",       "MAY", "CREATED",
                                      "LAST USED", "REVOKED", "ORGANISATION", NULL};
  return listing_run(args, arena, heads, LISTING_ORGANISATIONS, list_of);
}

static enum err_code end_one(struct ending *ending, struct db_tx *tx, const struct organisation_record *organisation,
                             const struct oauth_grant_record *grant, struct err *err) {
  if (grant->revoked_at) {
    if (!ending->email.n) ending_report(ending, grant->id, grant->revoked_at, true);
    return ERR_NONE;
  }
  int64_t now = clock_utc_us();
  enum err_code code = store_oauth_grant_revoke(tx, ending->arena, grant->id, now, err);
  if (code == ERR_NONE)
    code = cli_record_user(tx, ending->arena, ending->store->vault, organisation, "client.revoke", grant->email, err);
  if (code == ERR_NONE) ending_report(ending, grant->id, now, false);
  return code;
}

static enum err_code end_of(void *context, struct db_tx *tx, const struct organisation_record *organisation,
                            struct err *err) {
  struct ending *ending = context;
  const struct oauth_grant_record *grants = NULL;
  size_t n = 0;
  enum err_code code = store_oauth_grant_list(tx, ending->arena, organisation->id, &grants, &n, err);
  for (size_t i = 0; code == ERR_NONE && i < n; i++)
    if (ending_means(ending, grants[i].id, grants[i].email)) code = end_one(ending, tx, organisation, &grants[i], err);
  return code;
}

static enum err_code end(struct ending *ending, struct db_tx *tx, struct err *err) {
  return organisations_visit(ending->args, ending->arena, tx, end_of, ending, err);
}

static int end_command(const struct cli_args *args, struct arena *arena) {
  return ending_run(args, arena, &(struct ending_kind){.noun = "client", .end = end});
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
    CLI_OPTION_JSON,
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
    .run = end_command,
};
