/* connek token list: what tokens there are; never the tokens themselves. */
#include "base/map.h"
#include "cli/listing.h"

static void write_json(struct buf *out, const struct organisation_record *organisation,
                       const struct access_token_record *token, struct str email) {
  char id[UUID_TEXT_SIZE];
  json_line_begin(out);
  json_line_text(out, "id", listing_id(token->id, id));
  json_line_text(out, "user", email);
  json_line_text(out, "name", token->name);
  json_line_text(out, "kind", token->kind);
  json_line_time(out, "created", token->created_at);
  json_line_time(out, "expires", token->expires_at);
  json_line_time(out, "revoked", token->revoked_at);
  json_line_text(out, "organisation", organisation->name);
  json_line_end(out);
}

static void write_row(struct listing *listing, const struct organisation_record *organisation,
                      const struct access_token_record *token, struct str email) {
  char id[UUID_TEXT_SIZE], times[3][CLOCK_TEXT_SIZE];
  listing_row(listing,
              (const struct str[]){listing_id(token->id, id), email, token->name, token->kind,
                                   listing_time(token->created_at, times[0]), listing_time(token->expires_at, times[1]),
                                   listing_time(token->revoked_at, times[2]), organisation->name});
}

static enum err_code list_of(struct listing *listing, struct db_tx *tx, const struct organisation_record *organisation,
                             struct err *err) {
  const struct user_record *users = NULL;
  const struct access_token_record *tokens = NULL;
  size_t n_users = 0, n_tokens = 0;
  struct map by_id;
  map_init(&by_id);
  enum err_code code = store_user_list(tx, listing->arena, organisation->id, &users, &n_users, err);
  if (!code) code = store_access_token_list(tx, listing->arena, organisation->id, &tokens, &n_tokens, err);
  for (size_t i = 0; !code && i < n_users; i++) {
    if (map_put(&by_id, uuid_bytes(&users[i].id), (void *)(uintptr_t)&users[i])) code = err_no_memory(err);
  }
  for (size_t i = 0; !code && i < n_tokens; i++) {
    const struct user_record *user = map_get(&by_id, uuid_bytes(&tokens[i].user_id));
    struct str email = user ? user->email : STR("?");
    if (listing->email.n && !str_eq(email, listing->email)) continue;
    if (listing->is_json)
      write_json(&listing->out, organisation, &tokens[i], email);
    else
      write_row(listing, organisation, &tokens[i], email);
  }
  map_release(&by_id);
  return code;
}

static int list(const struct cli_args *args, struct arena *arena) {
  static const char *const heads[] = {"ID",      "USER",    "NAME",         "KIND", "CREATED",
                                      "EXPIRES", "REVOKED", "ORGANISATION", NULL};
  return listing_run(args, arena, heads, LISTING_ORGANISATIONS, list_of);
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
