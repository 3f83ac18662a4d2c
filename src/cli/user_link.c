/* connek user invite and connek user reset: links for people, printed for whoever hands them on. */
#include "base/limits.h"
#include "base/secret.h"
#include "cli/cli.h"
#include "cli/open.h"
#include "cli/record.h"
#include "cli/token.h"
#include "codec/json.h"
#include "config/config.h"
#include "config/words.h"
#include "signin/people.h"

struct link_work {
  const struct cli_args *args;
  const struct cli_store *store;
  struct arena *arena;
  bool is_reset;
  struct str email, kind, public_url;
  struct user_record user;
  char text[TOKEN_TEXT_SIZE];
};

static enum err_code invite_in(struct db_tx *tx, void *context, struct err *err) {
  struct link_work *work = context;
  struct organisation_record organisation;
  enum err_code code =
      config_find_organisation(tx, work->arena, str_of(cli_value(work->args, "organisation")), &organisation, err);
  if (code == ERR_NONE)
    code = people_ensure(tx, work->arena, organisation.id, work->email, work->kind, &work->user, err);
  if (code == ERR_NONE && work->user.disabled_at)
    code = err_set(err, ERR_INVALID, "the user %.*s is disabled", STR_ARG(work->email));
  if (code == ERR_NONE)
    code = people_link(tx, "invitation", work->user.id, work->user.login_id, INVITATION_HOURS, work->text, err);
  if (code == ERR_NONE)
    code = cli_record_user(tx, work->arena, work->store->vault, &organisation, "user.invite", work->email, err);
  return code == ERR_NONE ? token_public_url(tx, work->arena, &work->public_url, err) : code;
}

static enum err_code record_reset(struct link_work *work, struct db_tx *tx, struct uuid login_id, const char *word,
                                  struct err *err) {
  const struct membership_record *list;
  size_t n;
  enum err_code code = store_membership_list(tx, work->arena, login_id, &list, &n, err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    struct organisation_record organisation;
    code = store_organisation_get(tx, work->arena, list[i].organisation_id, &organisation, err);
    if (code == ERR_NONE)
      code = cli_record_user(tx, work->arena, work->store->vault, &organisation, word, work->email, err);
  }
  return code;
}

static enum err_code reset_in(struct db_tx *tx, void *context, struct err *err) {
  struct link_work *work = context;
  struct login_record login;
  enum err_code code = store_login_find(tx, work->arena, work->email, &login, err);
  if (code == ERR_NONE) code = people_link(tx, "reset", (struct uuid){{0}}, login.id, RESET_HOURS, work->text, err);
  if (code == ERR_NONE) code = record_reset(work, tx, login.id, "user.reset", err);
  if (code == ERR_NONE && login.totp_confirmed_at && cli_has(work->args, "no-second-step")) {
    code = store_totp_delete(tx, login.id, err);
    if (code == ERR_NONE) code = record_reset(work, tx, login.id, "user.end_second_step", err);
  }
  return code == ERR_NONE ? token_public_url(tx, work->arena, &work->public_url, err) : code;
}

static int write_answer(const struct link_work *work) {
  struct buf out;
  buf_init(&out, work->arena, 16 * KIB);
  char *room = buf_reserve(&out, 8 * KIB); /* all at once: growing would leave a copy unwiped */
  if (cli_has(work->args, "json"))
    buf_printf(&out, "{\"link\":\"%.*s/link/%s\"}\n", STR_ARG(work->public_url), work->text);
  else
    buf_printf(&out, "A link for %.*s, good for %d hours and for one use:\n\n  %.*s/link/%s\n\n%s\n",
               STR_ARG(work->email), work->is_reset ? RESET_HOURS : INVITATION_HOURS, STR_ARG(work->public_url),
               work->text, "Hand it to that person alone: whoever opens it first is them.");
  int exit_code = cli_print_buf(work->args, &out);
  if (room) secret_wipe(out.p, out.capacity);
  return exit_code;
}

static int run(struct link_work *work) {
  struct err err = {0};
  struct cli_store store;
  if (cli_open(work->args, CLI_WRITE, &store, &err)) return cli_fail(work->args, &err);
  work->store = &store;
  int exit_code = CLI_OK;
  if (db_write(store.conn, work->is_reset ? reset_in : invite_in, work, &err)) {
    exit_code = cli_fail(work->args, &err);
  } else {
    if (cli_confirm(&store, &err))
      cli_warn(work->args,
               "the server running on %s has not confirmed the change (%s); it will know it in a few seconds",
               store.dir, err.text);
    exit_code = write_answer(work);
  }
  secret_wipe(work->text, sizeof(work->text));
  cli_close(&store);
  return exit_code;
}

static int read_options(struct link_work *work) {
  struct err err = {0};
  if (config_email_read(work->arena, str_of(work->args->words[0]), &work->email, &err))
    return cli_usage(work->args, "%s: %s", work->args->words[0], err.text);
  return token_read_public_url(work->args, work->arena, &work->public_url);
}

static int invite(const struct cli_args *args, struct arena *arena) {
  static const char *const kinds[] = {"owner", "admin", "member", "auditor"};
  struct link_work work = {.args = args, .arena = arena, .kind = str_of(cli_value(args, "kind"))};
  bool is_kind = !work.kind.n;
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
    is_kind = is_kind || str_eq_c(work.kind, kinds[i]);
  if (!is_kind) return cli_usage(args, "--kind must be owner, admin, member or auditor");
  int exit_code = read_options(&work);
  return exit_code ? exit_code : run(&work);
}

static int reset(const struct cli_args *args, struct arena *arena) {
  struct link_work work = {.args = args, .arena = arena, .is_reset = true};
  int exit_code = read_options(&work);
  return exit_code ? exit_code : run(&work);
}

static const struct cli_option invite_options[] = {
    CLI_OPTION_DATA,
    CLI_OPTION_ORGANISATION,
    {"kind", "KIND", NULL, NULL, "owner, admin, member or auditor; without it what they are, or member", false, false},
    TOKEN_OPTION_PUBLIC_URL,
    {"json", NULL, NULL, NULL, "print {\"link\"}", false, false},
};

const struct cli_command cli_user_invite = {
    .name = "user invite",
    .words = "EMAIL",
    .min_words = 1,
    .max_words = 1,
    .summary = "prints a link by which somebody joins an organisation and can sign in",
    .description =
        "Makes the user where there is none, and a link that works once, for 72 hours: by it they choose a password\n"
        "(or show the one they have). Until then nobody can sign in as them. Roles are the config file's.\n",
    .example = "  connek user invite finance@acme.example --data /var/lib/connek\n",
    CLI_OPTIONS(invite_options),
    .run = invite,
};

static const struct cli_option reset_options[] = {
    CLI_OPTION_DATA,
    {"no-second-step", NULL, NULL, NULL, "also turn their second step off: their app and recovery codes are lost",
     false, false},
    TOKEN_OPTION_PUBLIC_URL,
    {"json", NULL, NULL, NULL, "print {\"link\"}", false, false},
};

const struct cli_command cli_user_reset = {
    .name = "user reset",
    .words = "EMAIL",
    .min_words = 1,
    .max_words = 1,
    .summary = "prints a link by which somebody chooses a new password",
    .description =
        "The link works once, for 24 hours. Using it signs that person out everywhere. Clients they let in stay;\n"
        "connek client revoke ends those.\n",
    .example = "  connek user reset finance@acme.example --data /var/lib/connek\n",
    CLI_OPTIONS(reset_options),
    .run = reset,
};
