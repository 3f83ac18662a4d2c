/* connek key rotate and connek key check: data keys, and whether everything opens. */
#include "cli/key.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/connection.h"
#include "cli/json_line.h"
#include "cli/open.h"
#include "keyring/keyring.h"

struct key_work {
  const struct cli_args *args;
  const struct cli_store *store;
  struct arena *arena;
  struct buf out;
  bool is_json, has_finding;

  const struct keyring *rings;
  size_t n_rings;
  const struct keyring *ring; /* whose keys are changed now */
  struct keyring_progress progress;
};

static enum err_code list_work(struct db_tx *tx, void *context, struct err *err) {
  struct key_work *work = context;
  return keyring_list(tx, work->arena, cli_value(work->args, "organisation"), &work->rings, &work->n_rings, err);
}

/* ---- rotate ---- */

static enum err_code note(struct db_tx *tx, struct arena *arena, const struct key_work *work, const char *word,
                          struct err *err) {
  struct organisation_record organisation;
  enum err_code code = store_organisation_get(tx, arena, work->ring->organisation_id, &organisation, err);
  if (!code && word)
    code = connection_record_change(tx, arena, work->store->vault, &organisation, NULL, word, STR("{}"), err);
  return code ? code : store_change_log(tx, organisation.id, CHANGE_ORGANISATION, organisation.id, err);
}

static enum err_code begin_work(struct db_tx *tx, void *context, struct err *err) {
  struct key_work *work = context;
  struct arena arena;
  bool is_new = false;
  arena_init(&arena, 0);
  enum err_code code = keyring_rotate_begin(tx, &arena, work->store->vault, work->ring, &is_new, err);
  if (!code && is_new && work->ring->ring == STORE_RING_ORGANISATION) code = note(tx, &arena, work, "key.rotate", err);
  arena_release(&arena);
  return code;
}

static enum err_code step_work(struct db_tx *tx, void *context, struct err *err) {
  struct key_work *work = context;
  struct arena arena;
  arena_init(&arena, 0);
  enum err_code code = keyring_rotate_step(tx, &arena, work->store->vault, work->ring, &work->progress, err);
  if (!code && work->progress.is_finished && work->ring->ring == STORE_RING_ORGANISATION)
    code = note(tx, &arena, work, NULL, err);
  arena_release(&arena);
  return code;
}

static enum err_code rotate_one(struct key_work *work, struct err *err) {
  work->progress = (struct keyring_progress){0};
  enum err_code code = db_write(work->store->conn, begin_work, work, err);
  /* A server must know the new key before anything is sealed with it. */
  if (!code) code = cli_confirm(work->store, err);
  while (!code && !work->progress.is_finished)
    code = db_write(work->store->conn, step_work, work, err);
  if (!code) code = cli_confirm(work->store, err);
  if (!code)
    buf_printf(&work->out, "%.*s: %lld sealed values are under the new key\n", STR_ARG(work->ring->name),
               (long long)work->progress.n_done);
  return code;
}

static int key_rotate(const struct cli_args *args, struct arena *arena) {
  struct key_work work = {.args = args, .arena = arena};
  if (cli_has(args, "master")) return key_rotate_master(args, arena);
  if (cli_value(args, "new-key")) return cli_usage(args, "--new-key goes with --master");
  struct cli_store store;
  struct err err = {0};
  if (cli_open(args, CLI_WRITE, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  buf_init(&work.out, arena, (size_t)16 * MIB);
  enum err_code code = db_read(store.conn, list_work, &work, &err);
  for (size_t i = 0; !code && i < work.n_rings; i++) {
    work.ring = &work.rings[i];
    code = rotate_one(&work, &err);
  }
  int exit_code = cli_print_buf(args, &work.out);
  if (code) exit_code = cli_fail(args, &err);
  cli_close(&store);
  return exit_code;
}

/* ---- check ---- */

static void print_json(struct buf *out, const struct keyring *ring, const struct keyring_tally *tally) {
  bool is_organisation = ring->ring == STORE_RING_ORGANISATION;
  json_line_begin(out);
  json_line_text(out, is_organisation ? "organisation" : "installation",
                 is_organisation ? ring->name : str_of(store_ring_name(ring->ring)));
  json_line_raw(out, "keys_open", tally->has_keys ? STR("true") : STR("false"));
  json_line_int(out, "version", (int64_t)tally->version);
  json_line_int(out, "sealed", tally->n);
  json_line_int(out, "under_older_keys", tally->n_old);
  json_line_int(out, "broken", tally->n_broken);
  json_line_raw(out, "is_rotating", tally->is_rotating ? STR("true") : STR("false"));
  json_line_end(out);
}

static void print_line(struct buf *out, const struct keyring *ring, const struct keyring_tally *tally) {
  if (!tally->has_keys) {
    buf_printf(out, "%.*s: %s\n", STR_ARG(ring->name), tally->why.text);
    return;
  }
  buf_printf(out, "%.*s: key %u; %lld sealed values, %lld under older keys, %lld that do not open%s\n",
             STR_ARG(ring->name), (unsigned)tally->version, (long long)tally->n, (long long)tally->n_old,
             (long long)tally->n_broken,
             tally->is_rotating ? "; a rotation was cut off: connek key rotate goes on with it" : "");
}

static enum err_code check_work(struct db_tx *tx, void *context, struct err *err) {
  struct key_work *work = context;
  enum err_code code = list_work(tx, work, err);
  for (size_t i = 0; !code && i < work->n_rings; i++) {
    struct keyring_tally tally;
    code = keyring_check(tx, work->arena, work->store->vault, &work->rings[i], &tally, err);
    if (code) break;
    if (!tally.has_keys || tally.n_broken > 0) work->has_finding = true;
    if (work->is_json)
      print_json(&work->out, &work->rings[i], &tally);
    else
      print_line(&work->out, &work->rings[i], &tally);
  }
  return code;
}

static int key_check(const struct cli_args *args, struct arena *arena) {
  struct key_work work = {.args = args, .arena = arena, .is_json = cli_has(args, "json")};
  struct cli_store store;
  struct err err = {0};
  if (cli_open(args, CLI_READ, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  buf_init(&work.out, arena, (size_t)16 * MIB);
  int exit_code = db_read(store.conn, check_work, &work, &err) ? cli_fail(args, &err) : CLI_OK;
  if (!exit_code) exit_code = cli_print_buf(args, &work.out);
  cli_close(&store);
  return exit_code == CLI_OK && work.has_finding ? CLI_FAILED : exit_code;
}

static const struct cli_option rotate_options[] = {
    CLI_OPTION_DATA,
    CLI_OPTION_ORGANISATION,
    {"master", NULL, NULL, NULL, "puts all data keys under another master key; no server may run meanwhile", false,
     false},
    {"new-key", "FILE", NULL, NULL, "with --master: the new key, where it is kept outside of the data folder", false,
     false},
};
static const struct cli_option check_options[] = {CLI_OPTION_DATA, CLI_OPTION_ORGANISATION, CLI_OPTION_JSON};

const struct cli_command cli_key_rotate = {
    .name = "key rotate",
    .words = "",
    .summary = "gives organisations and the installation new data keys, and seals everything anew",
    .description =
        "Credentials, tokens of services, client secrets, variables of started servers and second steps are sealed\n"
        "anew, some at a time, while a server serves. It may be killed at any moment: the next call goes on where\n"
        "it stood. Older keys stay known, for the content of audit records alone.\n"
        "--master changes the key above them all, in one transaction; the old one opens nothing from then on. It\n"
        "may be killed as well. Where DIR/master.key holds the key, a new one is made and takes its place.\n",
    .example = "  connek key rotate --data /var/lib/connek\n",
    CLI_OPTIONS(rotate_options),
    .run = key_rotate,
};
const struct cli_command cli_key_check = {
    .name = "key check",
    .words = "",
    .summary = "opens everything that is sealed, and says what does not open",
    .description = "Shows no secret. Ends with 1 where something does not open.\n",
    .example = "  connek key check --data /var/lib/connek\n",
    CLI_OPTIONS(check_options),
    .run = key_check,
};
