/* connek key rotate and connek key check: data keys of organisations, and whether everything opens.
 *
 * A rotation is a row of key_rotation and many short transactions; each moves some sealed values to the newest key and
 * notes how far it has come. Killed at any moment, the next call goes on there. The old keys stay known: what a server
 * or a client still holds under them opens, and so does audit content, which is not sealed anew. */
#include "base/clock.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/connection.h"
#include "cli/json_line.h"
#include "cli/open.h"
#include "config/config.h"
#include "store/grant.h"
#include "vault/places.h"

enum { BATCH = 200 };

struct key_work {
  const struct cli_args *args;
  const struct cli_store *store;
  struct arena *arena;
  struct buf out;
  bool is_json, has_finding;

  struct uuid organisation_id; /* of the rotation under way */
  bool is_finished;
  int64_t n_done;
};

static struct vault_place place_of(enum sealed_column column, const struct sealed_record *sealed) {
  switch (column) {
    case SEALED_CONNECTION_CREDENTIAL:
      return (struct vault_place){"connection", "credential", sealed->row};
    case SEALED_GRANT_SECRET:
      return (struct vault_place){"connection_grant", "secret", sealed->row};
    case SEALED_CLIENT_APP_SECRET:
      return vault_place_client_app(sealed->row);
    default:
      return vault_place_environment(sealed->row);
  }
}

static enum err_code open_keys(struct db_tx *tx, struct arena *arena, const struct key_work *work, struct uuid id,
                               struct organisation_record *ret_organisation, struct vault_keys **ret_keys,
                               struct err *err) {
  enum err_code code = store_organisation_get(tx, arena, id, ret_organisation, err);
  return code ? code : vault_keys_open(work->store->vault, id, ret_organisation->data_key, ret_keys, err);
}

/* ---- rotate ---- */

static bool is_under_way(struct db_tx *tx, struct arena *arena, struct uuid id,
                         struct key_rotation_record *ret_record) {
  return store_key_rotation_get(tx, arena, id, ret_record, NULL) == ERR_NONE && ret_record->finished_at == 0;
}

/* One more key, unless a rotation was cut off: that one is ended first. */
static enum err_code begin_work(struct db_tx *tx, void *context, struct err *err) {
  struct key_work *work = context;
  struct arena arena;
  struct organisation_record organisation;
  struct key_rotation_record rotation;
  struct vault_keys *keys = NULL;
  struct str data_key;
  arena_init(&arena, 0);
  enum err_code code = open_keys(tx, &arena, work, work->organisation_id, &organisation, &keys, err);
  if (!code && !is_under_way(tx, &arena, organisation.id, &rotation)) {
    rotation = (struct key_rotation_record){.organisation_id = organisation.id,
                                            .version = (int64_t)vault_keys_version(keys) + 1,
                                            .position = str_of(store_sealed_name(0)),
                                            .begun_at = clock_utc_us()};
    code = vault_data_key_add(work->store->vault, &arena, organisation.id, organisation.data_key, &data_key, err);
    if (!code) code = store_organisation_set_data_key(tx, organisation.id, data_key, err);
    if (!code) code = store_key_rotation_put(tx, &rotation, err);
    if (!code)
      code =
          connection_record_change(tx, &arena, work->store->vault, &organisation, NULL, "key.rotate", STR("{}"), err);
    if (!code) code = store_change_log(tx, organisation.id, CHANGE_ORGANISATION, organisation.id, err);
  }
  vault_keys_free(keys);
  arena_release(&arena);
  return code;
}

static enum err_code seal_anew(struct db_tx *tx, struct arena *arena, const struct vault_keys *keys,
                               enum sealed_column column, struct uuid organisation_id,
                               const struct sealed_record *sealed, struct err *err) {
  struct secret *plain = NULL;
  struct str anew;
  if (vault_is_current(keys, sealed->sealed)) return ERR_NONE;
  struct vault_place place = place_of(column, sealed);
  enum err_code code = vault_unseal(keys, place, sealed->sealed, &plain, err);
  if (code) {
    err_prefix(err, "%s", store_sealed_name(column));
    return code;
  }
  code = vault_seal(keys, arena, place, secret_open(plain), &anew, err);
  secret_free(plain);
  return code ? code : store_sealed_replace(tx, column, organisation_id, sealed->row, sealed->sealed, anew, err);
}

static enum sealed_column column_of(struct str position) {
  for (int i = 0; i < SEALED_COLUMNS; i++)
    if (str_eq_c(position, store_sealed_name((enum sealed_column)i))) return (enum sealed_column)i;
  return SEALED_CONNECTION_CREDENTIAL;
}

static enum err_code batch_in(struct db_tx *tx, struct arena *arena, struct key_work *work, struct err *err) {
  struct organisation_record organisation;
  struct key_rotation_record rotation;
  struct vault_keys *keys = NULL;
  const struct sealed_record *list;
  size_t n = 0;
  enum err_code code = store_key_rotation_get(tx, arena, work->organisation_id, &rotation, err);
  if (!code) code = open_keys(tx, arena, work, work->organisation_id, &organisation, &keys, err);
  if (code) return code;
  enum sealed_column column = column_of(rotation.position);
  code = store_sealed_list(tx, arena, column, organisation.id, rotation.last_row, BATCH, &list, &n, err);
  for (size_t i = 0; !code && i < n; i++)
    code = seal_anew(tx, arena, keys, column, organisation.id, &list[i], err);
  vault_keys_free(keys);
  if (code) return code;
  rotation.n_done += (int64_t)n;
  if (n > 0) {
    rotation.last_row = list[n - 1].row;
  } else if (column + 1 < SEALED_COLUMNS) {
    rotation.position = str_of(store_sealed_name(column + 1));
    rotation.last_row = STR_NONE;
  } else {
    rotation.finished_at = clock_utc_us();
    code = store_change_log(tx, organisation.id, CHANGE_ORGANISATION, organisation.id, err);
  }
  work->is_finished = rotation.finished_at != 0;
  work->n_done = rotation.n_done;
  return code ? code : store_key_rotation_put(tx, &rotation, err);
}

static enum err_code batch_work(struct db_tx *tx, void *context, struct err *err) {
  struct arena arena;
  arena_init(&arena, 0);
  enum err_code code = batch_in(tx, &arena, context, err);
  arena_release(&arena);
  return code;
}

static enum err_code rotate_one(struct key_work *work, const struct organisation_record *organisation,
                                struct err *err) {
  work->organisation_id = organisation->id;
  work->is_finished = false;
  enum err_code code = db_write(work->store->conn, begin_work, work, err);
  /* A server must know the new key before anything is sealed with it. */
  if (!code) code = cli_confirm(work->store, err);
  while (!code && !work->is_finished)
    code = db_write(work->store->conn, batch_work, work, err);
  if (!code) code = cli_confirm(work->store, err);
  if (!code)
    buf_printf(&work->out, "%.*s: %lld sealed values are under the new key\n", STR_ARG(organisation->name),
               (long long)work->n_done);
  return code;
}

struct organisations {
  struct key_work *work;
  const struct organisation_record *items;
  size_t n;
};

static enum err_code list_work(struct db_tx *tx, void *context, struct err *err) {
  struct organisations *all = context;
  const char *name = cli_value(all->work->args, "organisation");
  if (!name) return store_organisation_list(tx, all->work->arena, &all->items, &all->n, err);
  struct organisation_record *one = arena_new(all->work->arena, struct organisation_record);
  if (!one) return err_no_memory(err);
  all->items = one;
  all->n = 1;
  return store_organisation_find(tx, all->work->arena, str_of(name), one, err);
}

static int key_rotate(const struct cli_args *args, struct arena *arena) {
  struct key_work work = {.args = args, .arena = arena};
  struct organisations all = {.work = &work};
  struct cli_store store;
  struct err err = {0};
  if (cli_open(cli_value(args, "data"), CLI_WRITE, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  buf_init(&work.out, arena, (size_t)16 * MIB);
  enum err_code code = db_read(store.conn, list_work, &all, &err);
  for (size_t i = 0; !code && i < all.n; i++)
    code = rotate_one(&work, &all.items[i], &err);
  int exit_code = cli_print_buf(args, &work.out);
  if (code) exit_code = cli_fail(args, &err);
  cli_close(&store);
  return exit_code;
}

/* ---- check ---- */

struct tally {
  int64_t n, n_old, n_broken;
};

static enum err_code check_column(struct db_tx *tx, struct key_work *work, const struct vault_keys *keys,
                                  struct uuid organisation_id, enum sealed_column column, struct tally *tally,
                                  struct err *err) {
  char last[256];
  size_t n = 0, n_last = 0;
  do {
    struct arena arena;
    const struct sealed_record *list;
    arena_init(&arena, 0);
    enum err_code code =
        store_sealed_list(tx, &arena, column, organisation_id, str_make(last, n_last), BATCH, &list, &n, err);
    for (size_t i = 0; !code && i < n; i++) {
      struct secret *plain = NULL;
      tally->n++;
      if (!vault_is_current(keys, list[i].sealed)) tally->n_old++;
      if (vault_unseal(keys, place_of(column, &list[i]), list[i].sealed, &plain, NULL)) tally->n_broken++;
      secret_free(plain);
    }
    if (!code && n > 0) {
      n_last = list[n - 1].row.n < sizeof(last) ? list[n - 1].row.n : sizeof(last);
      memcpy(last, list[n - 1].row.p, n_last);
    }
    arena_release(&arena);
    if (code) return code;
  } while (n > 0);
  return ERR_NONE;
}

static enum err_code check_one(struct db_tx *tx, struct key_work *work, const struct organisation_record *organisation,
                               struct err *err) {
  struct key_rotation_record rotation;
  struct vault_keys *keys = NULL;
  struct tally tally = {0};
  struct err why = {0};
  enum err_code code = ERR_NONE;
  bool has_keys =
      vault_keys_open(work->store->vault, organisation->id, organisation->data_key, &keys, &why) == ERR_NONE;
  for (int i = 0; has_keys && !code && i < SEALED_COLUMNS; i++)
    code = check_column(tx, work, keys, organisation->id, (enum sealed_column)i, &tally, err);
  bool is_rotating = is_under_way(tx, work->arena, organisation->id, &rotation);
  uint32_t version = has_keys ? vault_keys_version(keys) : 0;
  vault_keys_free(keys);
  if (code) return code;
  if (!has_keys || tally.n_broken > 0) work->has_finding = true;
  if (work->is_json) {
    json_line_begin(&work->out);
    json_line_text(&work->out, "organisation", organisation->name);
    json_line_raw(&work->out, "keys_open", has_keys ? STR("true") : STR("false"));
    json_line_int(&work->out, "version", (int64_t)version);
    json_line_int(&work->out, "sealed", tally.n);
    json_line_int(&work->out, "under_older_keys", tally.n_old);
    json_line_int(&work->out, "broken", tally.n_broken);
    json_line_raw(&work->out, "is_rotating", is_rotating ? STR("true") : STR("false"));
    json_line_end(&work->out);
    return ERR_NONE;
  }
  if (!has_keys) {
    buf_printf(&work->out, "%.*s: %s\n", STR_ARG(organisation->name), why.text);
    return ERR_NONE;
  }
  buf_printf(&work->out, "%.*s: key %u; %lld sealed values, %lld under older keys, %lld that do not open%s\n",
             STR_ARG(organisation->name), (unsigned)version, (long long)tally.n, (long long)tally.n_old,
             (long long)tally.n_broken,
             is_rotating ? "; a rotation was cut off: connek key rotate goes on with it" : "");
  return ERR_NONE;
}

static enum err_code check_work(struct db_tx *tx, void *context, struct err *err) {
  struct key_work *work = context;
  struct organisations all = {.work = work};
  enum err_code code = list_work(tx, &all, err);
  for (size_t i = 0; !code && i < all.n; i++)
    code = check_one(tx, work, &all.items[i], err);
  return code;
}

static int key_check(const struct cli_args *args, struct arena *arena) {
  struct key_work work = {.args = args, .arena = arena, .is_json = cli_has(args, "json")};
  struct cli_store store;
  struct err err = {0};
  if (cli_open(cli_value(args, "data"), CLI_READ, &store, &err)) return cli_fail(args, &err);
  work.store = &store;
  buf_init(&work.out, arena, (size_t)16 * MIB);
  int exit_code = db_read(store.conn, check_work, &work, &err) ? cli_fail(args, &err) : CLI_OK;
  if (!exit_code) exit_code = cli_print_buf(args, &work.out);
  cli_close(&store);
  return exit_code == CLI_OK && work.has_finding ? CLI_FAILED : exit_code;
}

static const struct cli_option rotate_options[] = {CLI_OPTION_DATA, CLI_OPTION_ORGANISATION};
static const struct cli_option check_options[] = {CLI_OPTION_DATA, CLI_OPTION_ORGANISATION, CLI_OPTION_JSON};

const struct cli_command cli_key_rotate = {
    .name = "key rotate",
    .words = "",
    .summary = "gives organisations new data keys, and brings what is sealed under them",
    .description =
        "Credentials, tokens of services and client secrets are sealed anew, some at a time, while a server\n"
        "serves. It may be killed at any moment: the next call goes on where it stood. Older keys stay known, for\n"
        "the content of audit records alone.\n",
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
