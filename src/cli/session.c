/* connek session list and connek session revoke: browsers in which somebody is signed in. */
#include "cli/listing.h"
#include "cli/record.h"
#include "store/sign_in.h"

static const struct uuid everybody = {{0}};

static void write_json(struct buf *out, const struct browser_session_record *session) {
  char id[UUID_TEXT_SIZE];
  json_line_begin(out);
  json_line_text(out, "id", listing_id(session->id, id));
  json_line_text(out, "user", session->email);
  json_line_text(out, "browser", session->agent);
  json_line_time(out, "created", session->created_at);
  json_line_time(out, "seen", session->seen_at);
  json_line_time(out, "expires", session->expires_at);
  json_line_end(out);
}

static void write_row(struct listing *listing, const struct browser_session_record *session) {
  char id[UUID_TEXT_SIZE], times[3][CLOCK_TEXT_SIZE];
  listing_row(listing, (const struct str[]){listing_id(session->id, id), session->email,
                                            listing_time(session->created_at, times[0]),
                                            listing_time(session->seen_at, times[1]),
                                            listing_time(session->expires_at, times[2]), session->agent});
}

/* A person's, and so no organisation's. */
static enum err_code list_all(struct listing *listing, struct db_tx *tx, const struct organisation_record *none,
                              struct err *err) {
  const struct browser_session_record *sessions = NULL;
  size_t n = 0;
  int64_t now = clock_utc_us();
  enum err_code code = store_browser_session_list(tx, listing->arena, everybody, &sessions, &n, err);
  for (size_t i = 0; code == ERR_NONE && i < n; i++) {
    if (sessions[i].expires_at <= now || (listing->email.n && !str_eq(listing->email, sessions[i].email))) continue;
    if (listing->is_json)
      write_json(&listing->out, &sessions[i]);
    else
      write_row(listing, &sessions[i]);
  }
  return code;
}

static int list(const struct cli_args *args, struct arena *arena) {
  static const char *const heads[] = {"ID", "USER", "SINCE", "LAST SEEN", "UNTIL", "BROWSER", NULL};
  return listing_run(args, arena, heads, LISTING_INSTALLATION, list_all);
}

/* In each organisation that the person is somebody in. */
static enum err_code record(struct ending *ending, struct db_tx *tx, const struct browser_session_record *session,
                            struct err *err) {
  const struct membership_record *memberships = NULL;
  size_t n = 0;
  enum err_code code = store_membership_list(tx, ending->arena, session->login_id, &memberships, &n, err);
  for (size_t i = 0; code == ERR_NONE && i < n; i++) {
    struct organisation_record organisation;
    code = store_organisation_get(tx, ending->arena, memberships[i].organisation_id, &organisation, err);
    if (code == ERR_NONE)
      code = cli_record_user(tx, ending->arena, ending->store->vault, &organisation, "session.revoke", session->email,
                             err);
  }
  return code;
}

static enum err_code end(struct ending *ending, struct db_tx *tx, struct err *err) {
  const struct browser_session_record *sessions = NULL;
  size_t n = 0;
  enum err_code code = store_browser_session_list(tx, ending->arena, everybody, &sessions, &n, err);
  for (size_t i = 0; code == ERR_NONE && i < n; i++) {
    if (!ending_means(ending, sessions[i].id, sessions[i].email)) continue;
    code = store_browser_session_delete(tx, sessions[i].id, err);
    if (code == ERR_NONE) code = record(ending, tx, &sessions[i], err);
    if (code == ERR_NONE) ending_report(ending, sessions[i].id, clock_utc_us(), false);
  }
  return code;
}

static int end_command(const struct cli_args *args, struct arena *arena) {
  return ending_run(args, arena, &(struct ending_kind){.noun = "session", .is_asked_again = true, .end = end});
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
    CLI_OPTION_JSON,
};

const struct cli_command cli_session_revoke = {
    .name = "session revoke",
    .words = "[ID]",
    .max_words = 1,
    .summary = "signs somebody out of a browser, or of all",
    .description = "From the next request on. Clients that they let in stay: connek client revoke ends those.\n",
    .example = "  connek session revoke --data /var/lib/connek --user finance@acme.example\n",
    CLI_OPTIONS(revoke_options),
    .run = end_command,
};
