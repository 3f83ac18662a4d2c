/* Migrations: numbered SQL files, each applied once and noted with its hash. Must not know what they say.
 *
 * SQL is written for SQLite and PostgreSQL alike; {{without_rowid}} stands where SQLite's own table form pays, and
 * texts are compared by their bytes in both: what sorts here sorts the same there, whatever the server's language. */
#include "db/migrate.h"

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "db/driver.h"
#include "db/migrations_sql.h"

enum { HASH_SIZE = 32 };

static enum err_code hash_of(const struct embedded_file *file, uint8_t ret_hash[HASH_SIZE], struct err *err) {
  if (EVP_Q_digest(NULL, "SHA256", NULL, file->text, file->n, ret_hash, NULL) != 1) return err_no_memory(err);
  return ERR_NONE;
}

/* How many are applied, after a look at each one's hash. */
static enum err_code applied_count(struct db_tx *tx, const struct embedded_file *files, size_t n, size_t *ret_n,
                                   struct err *err) {
  const char *name = tx->conn->db->name;
  struct db_rows *rows = NULL;
  enum err_code code = db_exec(tx,
                               "CREATE TABLE IF NOT EXISTS schema_migration (version BIGINT PRIMARY KEY, hash BYTEA "
                               "NOT NULL, applied_at BIGINT NOT NULL)",
                               DB_NO_PARAMS, err);
  if (code != ERR_NONE) return code;
  code = db_query(tx, "SELECT version, hash FROM schema_migration ORDER BY version", DB_NO_PARAMS, &rows, err);
  if (code != ERR_NONE) return code;
  size_t count = 0;
  int64_t last = 0;
  const struct embedded_file *changed = NULL;
  int got;
  while ((got = db_next(rows, err)) == 1) {
    uint8_t hash[HASH_SIZE];
    last = db_int(rows, 0);
    if (count < n) {
      if ((code = hash_of(&files[count], hash, err)) != ERR_NONE) goto out;
      bool is_same = last == (int64_t)count + 1 && str_eq(db_blob(rows, 1), str_make((char *)hash, sizeof hash));
      if (!is_same && !changed) changed = &files[count];
    }
    count++;
  }
  if (got < 0)
    code = err ? err->code : ERR_UNAVAILABLE;
  else if (last > (int64_t)n)
    code = err_set(err, ERR_CONFLICT, "%.160s has version %lld, this Connek knows up to %zu: use a newer one", name,
                   (long long)last, n);
  else if (changed)
    code = err_set(err, ERR_CONFLICT, "%.160s was made by a different build: its migration %.40s is another one", name,
                   changed->name);
  if (code == ERR_NONE) *ret_n = count;
out:
  db_rows_close(rows);
  return code;
}

/* What stands in place of `word`, or after it. */
static void replace(struct buf *out, struct str text, const char *word, const char *by, bool is_after) {
  size_t n = strlen(word);
  const char *at;
  while (text.n >= n && (at = memmem(text.p, text.n, word, n))) {
    buf_append(out, text.p, (size_t)(at - text.p) + (is_after ? n : 0));
    buf_append_c(out, by);
    text.n -= (size_t)(at - text.p) + n;
    text.p = at + n;
  }
  buf_append_str(out, text);
}

static void substitute(struct buf *out, struct buf *between, const struct db_driver *driver, struct str text) {
  replace(between, text, "{{without_rowid}}", driver->without_rowid, false);
  replace(out, buf_str(between), " TEXT", driver->text_order, true);
  buf_append_byte(out, '\0');
}

static enum err_code apply(struct db_tx *tx, const struct embedded_file *file, int64_t version, struct err *err) {
  uint8_t hash[HASH_SIZE];
  struct buf sql, between;
  const struct db_driver *driver = tx->conn->db->driver;
  enum err_code code = hash_of(file, hash, err);
  if (code != ERR_NONE) return code;
  buf_init(&sql, NULL, MIB);
  buf_init(&between, NULL, MIB);
  substitute(&sql, &between, driver, str_make(file->text, file->n));
  code = buf_failed(&sql) || buf_failed(&between) ? err_no_memory(err) : driver->script(tx, sql.p, err);
  buf_release(&sql);
  buf_release(&between);
  if (code != ERR_NONE) {
    err_prefix(err, "migration %.60s", file->name);
    return code;
  }
  return db_exec(tx, "INSERT INTO schema_migration (version, hash, applied_at) VALUES ($1, $2, $3)",
                 DB_PARAMS(DB_V_INT(version), DB_V_BLOB(str_make((char *)hash, sizeof hash)), DB_V_INT(clock_utc_us())),
                 err);
}

enum err_code migrate_run(struct db_tx *tx, const struct embedded_file *files, size_t n, struct err *err) {
  size_t applied = 0;
  enum err_code code = applied_count(tx, files, n, &applied, err);
  for (size_t i = applied; code == ERR_NONE && i < n; i++)
    code = apply(tx, &files[i], (int64_t)i + 1, err);
  if (code == ERR_NONE && tx->conn->db->driver->finish) code = tx->conn->db->driver->finish(tx, err);
  return code;
}

/* A server and the next version work side by side while one after the other is replaced. */
enum err_code db_check_version(struct db_tx *tx, struct err *err) {
  int64_t version = 0, own = (int64_t)migrations_n;
  enum err_code code = db_one_number(tx, "SELECT COALESCE(MAX(version), 0) FROM schema_migration", &version, err);
  if (code != ERR_NONE || (version >= own && version <= own + 1)) return code;
  if (version < own)
    return err_set(
        err, ERR_CONFLICT,
        "the database is of an older version of Connek: start this server again, and it is brought to its own");
  return err_set(err, ERR_CONFLICT, "the database is of a newer version of Connek: use that one here as well");
}
