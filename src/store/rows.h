/* What the files of this folder share: reading records out of rows. Nobody else includes it. */
#ifndef CONNEK_STORE_ROWS_H
#define CONNEK_STORE_ROWS_H

#include "store/store.h"

/* Fills a zeroed record from the current row, its strings in the arena. False: no memory. */
typedef bool (*store_read)(struct db_rows *rows, struct arena *arena, void *ret_record);

struct store_select {
  const char *sql; /* a literal */
  const struct db_value *params;
  size_t n_params;
  store_read read;
  size_t record_size;
};

enum err_code store_select_list(struct db_tx *tx, struct arena *arena, const struct store_select *select,
                                const void **ret_list, size_t *ret_n, struct err *err) MUST_CHECK;
/* The first row, into `ret_record`, which must be as large as record_size says. ERR_NOT_FOUND, with a text that the
 * caller makes better, where there is none. */
enum err_code store_select_one(struct db_tx *tx, struct arena *arena, const struct store_select *select,
                               void *ret_record, struct err *err) MUST_CHECK;
/* What a loop over db_next ended with. */
enum err_code store_rows_end(int got, const struct err *err) MUST_CHECK;

/* Copies a column; NULL becomes STR_NONE. False: no memory. */
bool store_copy_text(struct db_rows *rows, int column, struct arena *arena, struct str *ret_text) MUST_CHECK;
bool store_copy_blob(struct db_rows *rows, int column, struct arena *arena, struct str *ret_bytes) MUST_CHECK;
/* False: the column does not hold exactly n bytes. */
bool store_copy_fixed(struct db_rows *rows, int column, uint8_t *ret_bytes, size_t n) MUST_CHECK;
/* A mac of another length is read as zeros: it then fits nothing. */
void store_copy_mac(struct db_rows *rows, int column, uint8_t ret_mac[32]);

/* Values that stand for "none" are NULL in the database. */
static inline struct db_value store_v_time(int64_t time) {
  return time ? DB_V_INT(time) : DB_V_NULL;
}
static inline struct db_value store_v_uuid(const struct uuid *id) {
  return uuid_is_nil(*id) ? DB_V_NULL : DB_V_BLOB(uuid_bytes(id));
}
/* Where a list that begins with the newest goes on: nil, at its start. An index is entered there; "id < $1 OR $1 IS
 * NULL" would be read from its end. */
static inline struct db_value store_v_before(const struct uuid *after) {
  static const struct uuid last = {
      {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
  return DB_V_BLOB(uuid_bytes(uuid_is_nil(*after) ? &last : after));
}
static inline struct db_value store_v_hash(const uint8_t hash[32]) {
  return DB_V_BLOB(str_make((const char *)hash, 32));
}
static inline struct db_value store_v_text(struct str text) {
  return text.p ? DB_V_TEXT(text) : DB_V_NULL;
}
/* A filter: empty is none. */
static inline struct db_value store_v_filled(struct str text) {
  return text.n ? DB_V_TEXT(text) : DB_V_NULL;
}
static inline struct db_value store_v_blob(struct str bytes) {
  return bytes.p ? DB_V_BLOB(bytes) : DB_V_NULL;
}

/* "IN (" STORE_SOME_PARAMS ")": STORE_SOME ids, which store_v_some binds. */
#define STORE_SOME_PARAMS                                                   \
  "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, " \
  "$17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32"
static inline void store_v_some(const struct uuid ids[STORE_SOME], struct db_value ret_params[STORE_SOME]) {
  for (size_t i = 0; i < STORE_SOME; i++)
    ret_params[i] = DB_V_BLOB(uuid_bytes(&ids[i]));
}

#endif
