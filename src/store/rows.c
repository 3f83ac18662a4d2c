/* Reading records out of rows, for the other files of this folder. Must not know which records. */
#include "store/rows.h"

enum err_code store_rows_end(int got, const struct err *err) {
  if (got >= 0) return ERR_NONE;
  return err ? err->code : ERR_UNAVAILABLE;
}

/* Room for one more record at the end; arrays double, and what they leave behind goes with the arena. */
static void *list_add(struct arena *arena, char **list, size_t *capacity, size_t n, size_t size) {
  if (n == *capacity) {
    size_t grown_capacity = *capacity ? 2 * *capacity : 8;
    char *grown = arena_zalloc_n(arena, grown_capacity, size);
    if (!grown) return NULL;
    if (n) memcpy(grown, *list, n * size);
    *list = grown;
    *capacity = grown_capacity;
  }
  return *list + n * size;
}

enum err_code store_select_list(struct db_tx *tx, struct arena *arena, const struct store_select *select,
                                const void **ret_list, size_t *ret_n, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(tx, select->sql, select->params, select->n_params, &rows, err);
  if (code != ERR_NONE) return code;
  char *list = NULL;
  size_t n = 0, capacity = 0;
  int got;
  while ((got = db_next(rows, err)) == 1) {
    void *record = list_add(arena, &list, &capacity, n, select->record_size);
    if (!record || !select->read(rows, arena, record)) {
      code = err_no_memory(err);
      goto out;
    }
    n++;
  }
  if ((code = store_rows_end(got, err)) != ERR_NONE) goto out;
  *ret_list = list;
  *ret_n = n;
out:
  db_rows_close(rows);
  return code;
}

enum err_code store_select_one(struct db_tx *tx, struct arena *arena, const struct store_select *select,
                               void *ret_record, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(tx, select->sql, select->params, select->n_params, &rows, err);
  if (code != ERR_NONE) return code;
  int got = db_next(rows, err);
  code = store_rows_end(got, err);
  if (got == 0) code = err_set(err, ERR_NOT_FOUND, "there is no such record");
  if (got == 1) {
    void *record = arena_zalloc(arena, select->record_size);
    if (!record || !select->read(rows, arena, record))
      code = err_no_memory(err);
    else
      memcpy(ret_record, record, select->record_size);
  }
  db_rows_close(rows);
  return code;
}

static bool copy(struct arena *arena, struct str source, bool is_null, struct str *ret_copy) {
  if (is_null) {
    *ret_copy = STR_NONE;
    return true;
  }
  *ret_copy = arena_str(arena, source.p ? source : STR(""));
  return ret_copy->p != NULL;
}

bool store_copy_text(struct db_rows *rows, int column, struct arena *arena, struct str *ret_text) {
  bool is_null = db_is_null(rows, column);
  return copy(arena, db_text(rows, column), is_null, ret_text);
}

bool store_copy_blob(struct db_rows *rows, int column, struct arena *arena, struct str *ret_bytes) {
  bool is_null = db_is_null(rows, column);
  return copy(arena, db_blob(rows, column), is_null, ret_bytes);
}

bool store_copy_fixed(struct db_rows *rows, int column, uint8_t *ret_bytes, size_t n) {
  struct str bytes = db_blob(rows, column);
  if (bytes.n != n) return false;
  memcpy(ret_bytes, bytes.p, n);
  return true;
}

void store_copy_mac(struct db_rows *rows, int column, uint8_t ret_mac[32]) {
  if (!store_copy_fixed(rows, column, ret_mac, 32)) memset(ret_mac, 0, 32);
}
