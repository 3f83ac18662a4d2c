/* connek token create: the one moment in which an access token is seen as text. */
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"
#include "cli/cli.h"
#include "cli/open.h"
#include "cli/token.h"
#include "codec/json.h"
#include "codec/url.h"
#include "config/token.h"
#include "config/words.h"

enum { PER_MINUTE_MAX = 1000000 };

struct create_work {
  const struct cli_store *store;
  struct arena *arena;
  struct str organisation_name, email, name, public_url;
  enum token_kind kind;
  int64_t life_us;    /* 0: for ever */
  int64_t per_minute; /* 0: as the organisation's others */
  char text[TOKEN_TEXT_SIZE];
  struct access_token_record record;
};

static enum err_code create_in(struct db_tx *tx, void *context, struct err *err) {
  struct create_work *work = context;
  struct organisation_record organisation;
  struct user_record user;
  enum err_code code = config_find_organisation(tx, work->arena, work->organisation_name, &organisation, err);
  if (!code) code = store_user_find(tx, work->arena, organisation.id, work->email, &user, err);
  if (code) return code;
  const struct config_token order = {.organisation = &organisation,
                                     .user = &user,
                                     .kind = work->kind,
                                     .name = work->name,
                                     .expires_at = work->life_us ? clock_utc_us() + work->life_us : 0,
                                     .per_minute = work->per_minute};
  code = config_token_make(tx, work->arena, work->store->vault, &order, NULL, &work->record, work->text, err);
  if (!code) code = token_public_url(tx, work->arena, &work->public_url, err);
  return code;
}

static void write_answer(const struct create_work *work, bool is_json, struct buf *out) {
  char id[UUID_TEXT_SIZE];
  uuid_format(work->record.id, id);
  bool is_url = work->kind == TOKEN_URL;
  struct str token = str_of(work->text);
  if (is_json) {
    buf_printf(out, "{\"id\":\"%s\",\"token\":\"%.*s\",\"url\":", id, STR_ARG(token));
    struct buf url;
    buf_init(&url, work->arena, 4096);
    buf_printf(&url, "%.*s/mcp%s%.*s", STR_ARG(work->public_url), is_url ? "/" : "", is_url ? (int)token.n : 0,
               token.p);
    json_write_str(out, buf_str(&url));
    buf_append_c(out, "}\n");
    if (url.p) secret_wipe(url.p, url.capacity);
    return;
  }
  buf_printf(out, "%s for %.*s, id %s", is_url ? "Personal URL" : "API key", STR_ARG(work->email), id);
  if (work->record.expires_at) {
    char time[CLOCK_TEXT_SIZE];
    clock_format(work->record.expires_at, time);
    buf_printf(out, ", until %s", time);
  }
  if (is_url) {
    buf_printf(out, "\n\n  %.*s/mcp/%.*s\n\n", STR_ARG(work->public_url), STR_ARG(token));
  } else {
    buf_printf(out, "\n\n  %.*s\n\nfor %.*s/mcp, as Authorization: Bearer or X-API-Key.\n", STR_ARG(token),
               STR_ARG(work->public_url));
  }
  buf_append_c(out, "It is shown this once. Whoever has it may do what this user may do.\n");
}

static int read_options(const struct cli_args *args, struct arena *arena, struct create_work *work) {
  struct err err = {0};
  if (config_email_read(arena, str_of(cli_value(args, "user")), &work->email, &err)) {
    return cli_usage(args, "--user: %s", err.text);
  }
  struct str kind = str_of(cli_value(args, "kind"));
  if (!str_eq_c(kind, "url") && !str_eq_c(kind, "key")) return cli_usage(args, "--kind must be url or key");
  work->kind = str_eq_c(kind, "url") ? TOKEN_URL : TOKEN_KEY;
  const char *name = cli_value(args, "name");
  work->name = name ? str_of(name) : work->kind == TOKEN_URL ? STR("personal URL") : STR("API key");
  if (config_name_check(work->name, &err)) return cli_usage(args, "--name: %s", err.text);
  const char *life = cli_value(args, "expires");
  if (life &&
      (!clock_parse_duration(str_of(life), &work->life_us) || work->life_us <= 0 || work->life_us > INT64_MAX / 4)) {
    return cli_usage(args, "--expires must be a number and a unit: 90s, 15m, 12h or 30d");
  }
  const char *limit = cli_value(args, "per-minute");
  uint64_t per_minute = 0;
  if (limit && (!str_to_u64(str_of(limit), &per_minute) || per_minute < 1 || per_minute > PER_MINUTE_MAX)) {
    return cli_usage(args, "--per-minute must be from 1 to %d", PER_MINUTE_MAX);
  }
  work->per_minute = (int64_t)per_minute;
  work->organisation_name = str_of(cli_value(args, "organisation"));
  return token_read_public_url(args, arena, &work->public_url);
}

static int create(const struct cli_args *args, struct arena *arena) {
  struct create_work work = {.arena = arena};
  int exit_code = read_options(args, arena, &work);
  if (exit_code) return exit_code;
  struct err err = {0};
  struct cli_store store;
  if (cli_open(args, CLI_WRITE, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  if (db_write(store.conn, create_in, &work, &err)) {
    exit_code = cli_fail(args, &err);
  } else {
    if (cli_confirm(&store, &err)) {
      cli_warn(args, "the server running on %s has not confirmed the new token (%s); it will know it in a few seconds",
               store.dir, err.text);
    }
    struct buf out;
    buf_init(&out, arena, 16 * KIB);
    char *room = buf_reserve(&out, 8 * KIB); /* all at once: growing would leave a copy unwiped */
    write_answer(&work, cli_has(args, "json"), &out);
    exit_code = cli_print_buf(args, &out);
    if (exit_code) cli_warn(args, "the token was made but could not be shown; revoke it and make another");
    if (room) secret_wipe(out.p, out.capacity);
  }
  secret_wipe(work.text, sizeof(work.text));
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {
    CLI_OPTION_DATA,
    {"user", "EMAIL", NULL, NULL, "whose it is", true, false},
    CLI_OPTION_ORGANISATION,
    {"name", "TEXT", NULL, NULL, "what to call it in lists", false, false},
    {"expires", "DURATION", NULL, NULL, "how long it is valid: 90s, 15m, 12h, 30d; without it until it is revoked",
     false, false},
    {"kind", "url|key", NULL, "url", "a personal URL, or an API key for a header", false, false},
    {"per-minute", "N", NULL, NULL, "calls a minute of this token; without it what its organisation allows", false,
     false},
    TOKEN_OPTION_PUBLIC_URL,
    {"json", NULL, NULL, NULL, "print {\"id\",\"token\",\"url\"}", false, false},
};

const struct cli_command cli_token_create = {
    .name = "token create",
    .words = "",
    .summary = "makes an access token for a user: a personal URL or an API key",
    .description =
        "Makes a token and prints it, this once: only its hash is kept. A running server knows it when the\n"
        "command returns. The URL begins with what --public-url says, or with what the server was last\n"
        "started with.\n",
    .example = "  connek token create --data /var/lib/connek --user finance@acme.example --name laptop --expires 30d\n",
    CLI_OPTIONS(options),
    .run = create,
};
