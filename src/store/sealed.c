/* The table of sealed values, and the rings of keys that they are sealed under. */
#include "store/sealed.h"

#include "store/rows.h"

/* ---- rings ---- */

static const struct {
  const char *name, *value; /* where the installation keeps it; NULL: the organisation's row does */
} rings[STORE_RINGS] = {
    [STORE_RING_ORGANISATION] = {"organisation", NULL},
    [STORE_RING_INSTALLATION] = {"installation", "data_key"},
    [STORE_RING_SIGN_IN] = {"sign_in", "sign_in_data_key"},
};

const char *store_ring_name(enum store_ring ring) {
  return rings[ring].name;
}

enum err_code store_ring_get(STORE_TX, enum store_ring ring, struct uuid organisation_id, struct str *ret_data_key,
                             struct err *err) {
  struct organisation_record record;
  if (rings[ring].value) return store_installation_get(tx, arena, rings[ring].value, ret_data_key, err);
  enum err_code code = store_organisation_get(tx, arena, organisation_id, &record, err);
  if (code == ERR_NONE) *ret_data_key = record.data_key;
  return code;
}

enum err_code store_ring_set(struct db_tx *tx, enum store_ring ring, struct uuid organisation_id, struct str data_key,
                             struct err *err) {
  if (rings[ring].value) return store_installation_set(tx, rings[ring].value, data_key, err);
  return db_exec(tx, "UPDATE organisation SET data_key = $2 WHERE id = $1",
                 DB_PARAMS(DB_V_UUID(organisation_id), DB_V_BLOB(data_key)), err);
}

/* ---- sealed values ---- */

enum {
  OF_ORGANISATION = 1 << STORE_RING_ORGANISATION,
  OF_INSTALLATION = 1 << STORE_RING_INSTALLATION,
  OF_SIGN_IN = 1 << STORE_RING_SIGN_IN
};

/* $1: the organisation; $2: the last row, or the row; $3: how many, or the old value; $4: the new one. What belongs to
 * no organisation takes $1 and looks past it. */
static const struct store_sealed columns[] = {
    {.table = "connection",
     .column = "credential",
     .rings = OF_ORGANISATION,
     .list = "SELECT id, credential FROM connection WHERE organisation_id = $1 AND id > $2 AND credential IS NOT NULL "
             "ORDER BY id LIMIT $3",
     .replace = "UPDATE connection SET credential = $4 WHERE organisation_id = $1 AND id = $2 AND credential = $3"},
    {.table = "connection_grant",
     .column = "secret",
     .rings = OF_ORGANISATION,
     .list = "SELECT connection_id, secret FROM connection_grant WHERE organisation_id = $1 AND connection_id > $2 AND "
             "secret IS NOT NULL ORDER BY connection_id LIMIT $3",
     .replace = "UPDATE connection_grant SET secret = $4 WHERE organisation_id = $1 AND connection_id = $2 AND "
                "secret = $3"},
    {.table = "client_app",
     .column = "secret",
     .rings = OF_ORGANISATION | OF_INSTALLATION,
     .is_text = true,
     .list = "SELECT connector_id, secret FROM client_app WHERE organisation_id = $1 AND connector_id > $2 AND secret "
             "IS NOT NULL ORDER BY connector_id LIMIT $3",
     .replace = "UPDATE client_app SET secret = $4 WHERE organisation_id = $1 AND connector_id = $2 AND secret = $3"},
    {.table = "connector",
     .column = "environment",
     .rings = OF_ORGANISATION,
     .is_text = true,
     .list = "SELECT id, environment FROM connector WHERE organisation_id = $1 AND environment IS NOT NULL AND id IN "
             "(SELECT DISTINCT id FROM connector WHERE organisation_id = $1 AND id > $2 AND environment IS NOT NULL "
             "ORDER BY id LIMIT $3) ORDER BY id",
     .replace = "UPDATE connector SET environment = $4 WHERE organisation_id = $1 AND id = $2 AND environment = $3"},
    {.table = "oauth_state",
     .column = "verifier",
     .rings = OF_ORGANISATION,
     .list = "SELECT hash, verifier FROM oauth_state WHERE hash > $2 AND link IN (SELECT hash FROM connect_link WHERE "
             "organisation_id = $1) ORDER BY hash LIMIT $3",
     .replace = "UPDATE oauth_state SET verifier = $4 WHERE hash = $2 AND verifier = $3 AND link IN (SELECT hash FROM "
                "connect_link WHERE organisation_id = $1)"},
    {.table = "login_totp",
     .column = "secret",
     .rings = OF_SIGN_IN, /* $1 is sixteen zero bytes then: below every id */
     .list = "SELECT login_id, secret FROM login_totp WHERE login_id > $1 AND login_id > $2 ORDER BY login_id LIMIT $3",
     .replace = "UPDATE login_totp SET secret = $4 WHERE login_id > $1 AND login_id = $2 AND secret = $3"},
    {.table = "webhook_secret",
     .column = "secret",
     .rings = OF_ORGANISATION,
     .list = "SELECT id, secret FROM webhook_secret WHERE organisation_id = $1 AND id > $2 ORDER BY id LIMIT $3",
     .replace = "UPDATE webhook_secret SET secret = $4 WHERE organisation_id = $1 AND id = $2 AND secret = $3"},
    {.table = "audit_record", .column = "personal", .rings = OF_ORGANISATION, .is_kept = true},
    {.table = "organisation", .column = "data_key", .is_under_master = true},
    {.table = "installation", .column = "value", .is_under_master = true}, /* those that are a ring's */
};

const struct store_sealed *store_sealed_at(size_t i) {
  return i < sizeof(columns) / sizeof(columns[0]) ? &columns[i] : NULL;
}

bool store_sealed_is_of(const struct store_sealed *sealed, enum store_ring ring) {
  return !sealed->is_kept && (sealed->rings & (1U << ring)) != 0;
}

static struct db_value row_value(const struct store_sealed *sealed, struct str row) {
  struct str bytes = row.p ? row : STR("");
  return sealed->is_text ? DB_V_TEXT(bytes) : DB_V_BLOB(bytes);
}

static bool read_blob_row(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct sealed_record *record = ret_record;
  return store_copy_blob(rows, 0, arena, &record->row) && store_copy_blob(rows, 1, arena, &record->sealed);
}

static bool read_text_row(struct db_rows *rows, struct arena *arena, void *ret_record) {
  struct sealed_record *record = ret_record;
  return store_copy_text(rows, 0, arena, &record->row) && store_copy_blob(rows, 1, arena, &record->sealed);
}

enum err_code store_sealed_list(STORE_TX, const struct store_sealed *sealed, struct uuid organisation_id,
                                struct str after, size_t max, STORE_LIST(sealed_record)) {
  const struct db_value params[] = {DB_V_UUID(organisation_id), row_value(sealed, after), DB_V_INT((int64_t)max)};
  const struct store_select select = {sealed->list, params, 3, sealed->is_text ? read_text_row : read_blob_row,
                                      sizeof(struct sealed_record)};
  return store_select_list(tx, arena, &select, (const void **)ret_list, ret_n, err);
}

enum err_code store_sealed_replace(struct db_tx *tx, const struct store_sealed *sealed, struct uuid organisation_id,
                                   struct str row, struct str old, struct str anew, struct err *err) {
  return db_exec(tx, sealed->replace,
                 DB_PARAMS(DB_V_UUID(organisation_id), row_value(sealed, row), DB_V_BLOB(old), DB_V_BLOB(anew)), err);
}
