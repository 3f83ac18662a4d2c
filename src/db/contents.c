/* The tables of a database as it describes them itself, and statements that read and fill them. Must not know what any
 * table is for. */
#include "db/contents.h"

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/limits.h"
#include "db/driver.h"
#include "db/migrate.h"
#include "db/migrations_sql.h"

/* The schema */

int64_t db_schema_newest(void) {
  return (int64_t)migrations_n;
}

enum err_code db_schema_version(struct db_tx *tx, int64_t *ret_version, struct err *err) {
  return db_one_number(tx, "SELECT count(*) FROM schema_migration", ret_version, err);
}

enum err_code db_schema_hash(int64_t version, uint8_t ret_hash[DB_HASH_SIZE], struct err *err) {
  EVP_MD_CTX *digest = EVP_MD_CTX_new();
  bool is_done = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;
  for (size_t i = 0; is_done && i < migrations_n && (int64_t)i < version; i++) /* with each one's end */
    is_done = EVP_DigestUpdate(digest, migrations[i].text, migrations[i].n + 1) == 1;
  if (is_done) is_done = EVP_DigestFinal_ex(digest, ret_hash, NULL) == 1;
  EVP_MD_CTX_free(digest);
  return is_done ? ERR_NONE : err_no_memory(err);
}

enum err_code db_schema_make(struct db_tx *tx, int64_t version, struct err *err) {
  const struct db *db = tx->conn->db;
  bool was_empty = false;
  enum err_code code = db->driver->claim(tx, &was_empty, err);
  if (code == ERR_NONE) code = db_check_opening(db, DB_EMPTY, was_empty, err);
  return code == ERR_NONE ? migrate_run(tx, migrations, (size_t)version, err) : code;
}

enum err_code db_schema_finish(struct db_tx *tx, struct err *err) {
  return migrate_run(tx, migrations, migrations_n, err);
}

/* Tables */

struct reading {
  struct db_tx *tx;
  struct arena *arena;
  struct db_table *tables;
  size_t n;
  struct str (*keys)[DB_PARAMS_MAX]; /* of each table, the primary key's columns in their order */
};

static bool kind_of(struct str word, enum db_kind *ret_kind) {
  static const struct {
    const char *word;
    enum db_kind kind;
  } kinds[] = {{"BIGINT", DB_INT}, {"TEXT", DB_TEXT}, {"BYTEA", DB_BLOB}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (!str_eq_c(word, kinds[i].word)) continue;
    *ret_kind = kinds[i].kind;
    return true;
  }
  return false;
}

static enum err_code add_table(struct reading *reading, struct str name, struct err *err) {
  size_t n = reading->n, size = sizeof *reading->tables, key_size = sizeof *reading->keys;
  struct db_table *tables = arena_realloc(reading->arena, reading->tables, n * size, (n + 1) * size);
  if (tables) reading->tables = tables;
  struct str(*keys)[DB_PARAMS_MAX] = arena_realloc(reading->arena, reading->keys, n * key_size, (n + 1) * key_size);
  if (keys) reading->keys = keys;
  if (!tables || !keys) return err_no_memory(err);
  tables[n] = (struct db_table){.name = arena_str(reading->arena, name),
                                .columns = arena_new_n(reading->arena, struct db_column, DB_PARAMS_MAX),
                                .is_of_the_moment = str_eq_c(name, "node")};
  memset(keys[n], 0, key_size);
  if (!tables[n].name.p || !tables[n].columns) return err_no_memory(err);
  reading->n++;
  return ERR_NONE;
}

static enum err_code add_column(struct reading *reading, struct db_rows *rows, struct err *err) {
  struct db_table *table = &reading->tables[reading->n - 1];
  struct db_column column = {.name = arena_str(reading->arena, db_text(rows, 1))};
  int64_t place = db_int(rows, 3);
  if (!column.name.p) return err_no_memory(err);
  if (table->n_columns == DB_PARAMS_MAX || place > DB_PARAMS_MAX || !kind_of(db_text(rows, 2), &column.kind)) {
    (void)err_set(err, ERR_INTERNAL, "a table has a form that cannot be copied");
    err_detail(err, "%.60s.%.60s", table->name.p, column.name.p);
    return ERR_INTERNAL;
  }
  table->columns[table->n_columns++] = column;
  if (place > 0) reading->keys[reading->n - 1][place - 1] = column.name;
  return ERR_NONE;
}

static enum err_code rows_end(int got, const struct err *err) {
  return got < 0 ? (err ? err->code : ERR_UNAVAILABLE) : ERR_NONE;
}

static enum err_code read_columns(struct reading *reading, struct err *err) {
  struct db_rows *rows = NULL;
  enum err_code code = db_query(reading->tx, reading->tx->conn->db->driver->columns_sql, DB_NO_PARAMS, &rows, err);
  if (code != ERR_NONE) return code;
  int got = 0;
  while (code == ERR_NONE && (got = db_next(rows, err)) == 1) {
    struct str name = db_text(rows, 0);
    if (str_eq_c(name, "schema_migration")) continue;
    if (!reading->n || !str_eq(reading->tables[reading->n - 1].name, name)) code = add_table(reading, name, err);
    if (code == ERR_NONE) code = add_column(reading, rows, err);
  }
  if (code == ERR_NONE) code = rows_end(got, err);
  db_rows_close(rows);
  return code;
}

/* Order */

struct reference {
  struct str from, to;
  struct reference *next;
};

static enum err_code read_references(struct reading *reading, struct reference **ret_first, struct err *err) {
  struct db_rows *rows = NULL;
  struct reference *first = NULL;
  enum err_code code = db_query(reading->tx, reading->tx->conn->db->driver->references_sql, DB_NO_PARAMS, &rows, err);
  if (code != ERR_NONE) return code;
  int got = 0;
  while (code == ERR_NONE && (got = db_next(rows, err)) == 1) {
    struct reference *reference = arena_new(reading->arena, struct reference);
    if (!reference) {
      code = err_no_memory(err);
      break;
    }
    *reference = (struct reference){arena_str(reading->arena, db_text(rows, 0)),
                                    arena_str(reading->arena, db_text(rows, 1)), first};
    if (!reference->from.p || !reference->to.p) code = err_no_memory(err);
    first = reference;
  }
  if (code == ERR_NONE) code = rows_end(got, err);
  db_rows_close(rows);
  if (code == ERR_NONE) *ret_first = first;
  return code;
}

static bool stands_before(const struct reading *reading, size_t n, struct str name) {
  for (size_t i = 0; i < n; i++)
    if (str_eq(reading->tables[i].name, name)) return true;
  return false;
}

static bool may_follow(const struct reading *reading, size_t n, const struct db_table *table,
                       const struct reference *first) {
  for (const struct reference *reference = first; reference; reference = reference->next)
    if (str_eq(reference->from, table->name) && !stands_before(reading, n, reference->to)) return false;
  return true;
}

/* Of those whose turn it may be the first by name: the same order in every database. */
static enum err_code put_in_order(struct reading *reading, struct err *err) {
  struct reference *first = NULL;
  enum err_code code = read_references(reading, &first, err);
  for (size_t n = 0; code == ERR_NONE && n < reading->n; n++) {
    size_t next = n;
    while (next < reading->n && !may_follow(reading, n, &reading->tables[next], first))
      next++;
    if (next == reading->n) return err_set(err, ERR_INTERNAL, "tables refer to each other in a circle");
    struct db_table table = reading->tables[next];
    memmove(&reading->tables[n + 1], &reading->tables[n], (next - n) * sizeof table);
    reading->tables[n] = table;
  }
  return code;
}

/* Statements */

static void write_names(struct buf *out, const struct db_table *table) {
  for (size_t i = 0; i < table->n_columns; i++)
    buf_printf(out, "%s\"%s\"", i ? ", " : "", table->columns[i].name.p);
}

static enum err_code write_statements(struct reading *reading, size_t at, struct err *err) {
  struct db_table *table = &reading->tables[at];
  struct str *key = reading->keys[at];
  struct buf select, insert;
  buf_init(&select, reading->arena, 64 * KIB);
  buf_init(&insert, reading->arena, 64 * KIB);
  buf_append_c(&select, "SELECT ");
  write_names(&select, table);
  buf_printf(&select, " FROM \"%s\" ORDER BY ", table->name.p);
  for (size_t i = 0; i < DB_PARAMS_MAX && key[i].p; i++)
    buf_printf(&select, "%s\"%s\"", i ? ", " : "", key[i].p);
  if (!key[0].p) write_names(&select, table);
  buf_append_byte(&select, '\0');
  buf_printf(&insert, "INSERT INTO \"%s\" (", table->name.p);
  write_names(&insert, table);
  buf_append_c(&insert, ") VALUES (");
  for (size_t i = 0; i < table->n_columns; i++)
    buf_printf(&insert, "%s$%zu", i ? ", " : "", i + 1);
  buf_append(&insert, ")", 2);
  if (buf_failed(&select) || buf_failed(&insert)) return err_no_memory(err);
  table->select = select.p;
  table->insert = insert.p;
  return ERR_NONE;
}

enum err_code db_tables(struct db_tx *tx, struct arena *arena, struct db_table **ret_tables, size_t *ret_n,
                        struct err *err) {
  struct reading reading = {.tx = tx, .arena = arena};
  enum err_code code = read_columns(&reading, err);
  for (size_t i = 0; code == ERR_NONE && i < reading.n; i++)
    code = write_statements(&reading, i, err);
  if (code == ERR_NONE) code = put_in_order(&reading, err);
  if (code != ERR_NONE) return code;
  *ret_tables = reading.tables;
  *ret_n = reading.n;
  return ERR_NONE;
}

enum err_code db_table_read(struct db_tx *tx, const struct db_table *table, struct db_rows **ret_rows,
                            struct err *err) {
  return db_query_large(tx, table->select, DB_NO_PARAMS, ret_rows, err);
}

enum err_code db_table_put(struct db_tx *tx, const struct db_table *table, const struct db_value *cells,
                           struct err *err) {
  return db_exec(tx, table->insert, cells, table->n_columns, err);
}

struct db_value db_cell(struct db_rows *rows, const struct db_table *table, size_t column) {
  int at = (int)column;
  if (db_is_null(rows, at)) return DB_V_NULL;
  switch (table->columns[column].kind) {
    case DB_INT:
      return DB_V_INT(db_int(rows, at));
    case DB_TEXT:
      return DB_V_TEXT(db_text(rows, at));
    default:
      return DB_V_BLOB(db_blob(rows, at));
  }
}
