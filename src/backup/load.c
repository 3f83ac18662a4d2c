/* Reads a backup: first all of it against its digest, then into an empty place, which is read again and held against
 * the file. Must not know what a table is for. */
#include <openssl/crypto.h>

#include "backup/stream.h"
#include "base/clock.h"
#include "codec/base64.h"
#include "codec/json.h"

enum { PROGRESS_ROWS = 250000 };

/* The label */

static bool is_number(yyjson_val *value, int64_t *ret_number) {
  if (!yyjson_is_uint(value) || yyjson_get_uint(value) > INT32_MAX) return false;
  *ret_number = (int64_t)yyjson_get_uint(value);
  return true;
}

static enum err_code parse_label(struct str line, struct backup_label *ret_label, struct err *err) {
  struct arena arena;
  struct backup_label label;
  yyjson_doc *doc = NULL;
  int64_t format = 0;
  arena_init(&arena, 0);
  enum err_code code = json_read(&arena, line, &doc, err);
  yyjson_val *root = code == ERR_NONE ? yyjson_doc_get_root(doc) : NULL;
  bool is_label = is_number(json_get(root, "connek_backup"), &format);
  if (is_label && format != 2)
    code = err_set(err, ERR_CONFLICT, "the backup was made by %s Connek, in a form that this one cannot read",
                   format < 2 ? "an older" : "a newer");
  else if (code != ERR_NO_MEMORY &&
           (!is_label || !is_number(json_get(root, "migration"), &label.migration) ||
            !hex_parse(json_get_str(root, "migrations"), label.migrations, DB_HASH_SIZE, false) ||
            !hex_parse(json_get_str(root, "master"), label.master, BACKUP_FINGERPRINT_SIZE, false) ||
            !clock_parse(json_get_str(root, "time"), &label.time)))
    code = backup_damaged(err);
  arena_release(&arena);
  if (code == ERR_NONE) *ret_label = label;
  return code;
}

static enum err_code read_label(struct backup_source *source, struct backup_label *ret_label, struct err *err) {
  struct buf line;
  buf_init(&line, NULL, BACKUP_LABEL_MAX);
  enum err_code code;
  do
    code = backup_source_get(source, 1, &line, err);
  while (code == ERR_NONE && line.p[line.n - 1] != '\n');
  if (code == ERR_NO_MEMORY && line.n == BACKUP_LABEL_MAX) code = backup_damaged(err);
  if (code == ERR_NONE) code = parse_label(buf_str(&line), ret_label, err);
  buf_release(&line);
  return code;
}

/* Checked behind the digest: what is said about a damaged one must not be believed. */
static enum err_code check_label(const struct backup_label *label, struct err *err) {
  uint8_t hash[DB_HASH_SIZE];
  if (label->migration < 1) return backup_damaged(err);
  if (label->migration > db_schema_newest())
    return err_set(err, ERR_CONFLICT, "the backup has version %lld, this Connek knows up to %lld: use a newer one",
                   (long long)label->migration, (long long)db_schema_newest());
  enum err_code code = db_schema_hash(label->migration, hash, err);
  if (code == ERR_NONE && memcmp(hash, label->migrations, sizeof hash) != 0)
    code = err_set(err, ERR_CONFLICT, "the backup was made by a different build: its tables are others");
  return code;
}

enum err_code backup_check(int fd, struct backup_label *ret_label, struct err *err) {
  struct backup_source source;
  struct backup_label label;
  enum err_code code = backup_source_begin(&source, fd, err);
  if (code == ERR_NONE) code = read_label(&source, &label, err);
  while (code == ERR_NONE && source.left) {
    enum { PIECE = 1024 * 1024 };
    code = backup_source_get(&source, source.left < PIECE ? (size_t)source.left : PIECE, NULL, err);
  }
  if (code == ERR_NONE) code = backup_source_end(&source, label.digest, label.seal, err);
  if (code == ERR_NONE) code = check_label(&label, err);
  backup_source_release(&source);
  if (code == ERR_NONE) *ret_label = label;
  return code;
}

enum err_code backup_check_seal(const struct backup_label *label, const struct backup_owner *owner, struct err *err) {
  uint8_t seal[BACKUP_DIGEST_SIZE];
  enum err_code code = backup_seal(owner, label->digest, seal, err);
  if (code != ERR_NONE || CRYPTO_memcmp(seal, label->seal, sizeof seal) == 0) return code;
  return err_set(err, ERR_CONFLICT,
                 "the backup has been changed since it was made: its seal is not what this master key makes");
}

/* Rows */

struct loading {
  struct db_tx *tx;
  const struct backup_label *label;
  struct backup_source source;
  struct backup_digest rows_digest;
  struct buf piece;
  backup_progress progress;
  void *context;
};

/* What the file says of a table, to be found in the database again. */
struct tally {
  int64_t n;
  uint8_t digest[BACKUP_DIGEST_SIZE];
};

static enum err_code get(struct loading *loading, size_t n, struct str *ret_bytes, struct err *err) {
  buf_clear(&loading->piece);
  enum err_code code = backup_source_get(&loading->source, n, &loading->piece, err);
  if (code == ERR_NONE) *ret_bytes = buf_str(&loading->piece);
  return code;
}

static enum err_code load_row(struct loading *loading, const struct db_table *table, struct err *err) {
  struct db_value cells[DB_COLUMNS_MAX];
  struct str bytes = STR_NONE;
  enum err_code code = get(loading, 4, &bytes, err);
  if (code != ERR_NONE) return code;
  backup_digest_add(&loading->rows_digest, bytes);
  uint64_t size = backup_get_number(&bytes, 4);
  if (size > BACKUP_ROW_MAX) return backup_damaged(err);
  if ((code = get(loading, (size_t)size, &bytes, err)) != ERR_NONE) return code;
  backup_digest_add(&loading->rows_digest, bytes);
  if (!backup_row_read(bytes, table, cells)) return backup_damaged(err);
  code = table->is_of_the_moment ? ERR_NONE : db_table_put(loading->tx, table, cells, err);
  if (code != ERR_NONE) err_prefix(err, "table %s", table->name.p);
  return code;
}

static enum err_code check_end(struct loading *loading, struct tally *tally, struct err *err) {
  uint8_t digest[BACKUP_DIGEST_SIZE];
  struct str bytes = STR_NONE;
  enum err_code code = get(loading, 8 + sizeof digest, &bytes, err);
  if (code == ERR_NONE) code = backup_digest_take(&loading->rows_digest, digest, err);
  if (code != ERR_NONE) return code;
  uint64_t n = backup_get_number(&bytes, 8);
  if ((int64_t)n != tally->n || memcmp(bytes.p, digest, sizeof digest) != 0) return backup_damaged(err);
  memcpy(tally->digest, digest, sizeof digest);
  return ERR_NONE;
}

/* Both have the same migrations, so the table is written of in the same words. */
static enum err_code check_head(struct loading *loading, const struct db_table *table, struct err *err) {
  struct buf head;
  struct str bytes = STR_NONE;
  buf_init(&head, NULL, BACKUP_LABEL_MAX * 4);
  backup_table_write(&head, table);
  enum err_code code = buf_failed(&head) ? err_no_memory(err) : get(loading, head.n, &bytes, err);
  if (code == ERR_NONE && !str_eq(bytes, buf_str(&head))) code = backup_damaged(err);
  buf_release(&head);
  return code;
}

static enum err_code load_table(struct loading *loading, const struct db_table *table, struct tally *tally,
                                struct err *err) {
  struct str tag = STR_NONE;
  enum err_code code = check_head(loading, table, err);
  while (code == ERR_NONE && (code = get(loading, 1, &tag, err)) == ERR_NONE && *tag.p == 'R') {
    code = load_row(loading, table, err);
    if (++tally->n % PROGRESS_ROWS == 0 && loading->progress)
      loading->progress(loading->context, table->name, tally->n, false);
  }
  if (code == ERR_NONE && *tag.p != 'E') code = backup_damaged(err);
  if (code == ERR_NONE) code = check_end(loading, tally, err);
  if (code == ERR_NONE && loading->progress) loading->progress(loading->context, table->name, tally->n, true);
  return code;
}

/* What stands in the database now: no trigger, type or collation has made something else of it. */
static enum err_code read_again(struct loading *loading, const struct db_table *table, const struct tally *tally,
                                struct err *err) {
  uint8_t digest[BACKUP_DIGEST_SIZE];
  struct db_rows *rows = NULL;
  int64_t n = 0;
  int got = 0;
  enum err_code code = db_table_read(loading->tx, table, &rows, err);
  if (code != ERR_NONE) return code;
  while (code == ERR_NONE && (got = db_next(rows, err)) == 1) {
    buf_clear(&loading->piece);
    backup_row_write(&loading->piece, rows, table);
    if (buf_failed(&loading->piece)) code = err_no_memory(err);
    backup_digest_add(&loading->rows_digest, buf_str(&loading->piece));
    n++;
  }
  if (code == ERR_NONE && got < 0) code = err ? err->code : ERR_UNAVAILABLE;
  db_rows_close(rows);
  if (code == ERR_NONE) code = backup_digest_take(&loading->rows_digest, digest, err);
  if (code == ERR_NONE && (n != tally->n || memcmp(digest, tally->digest, sizeof digest) != 0))
    code = err_set(err, ERR_INTERNAL, "the table %s does not read as it was written (%lld rows of %lld)", table->name.p,
                   (long long)n, (long long)tally->n);
  return code;
}

/* It may have changed since it was checked. */
static enum err_code check_again(struct loading *loading, struct err *err) {
  uint8_t digest[BACKUP_DIGEST_SIZE], seal[BACKUP_DIGEST_SIZE];
  enum err_code code = backup_source_end(&loading->source, digest, seal, err);
  if (code == ERR_NONE && memcmp(digest, loading->label->digest, sizeof digest) != 0) code = backup_damaged(err);
  return code;
}

static enum err_code load_all(struct loading *loading, struct arena *arena, struct backup_totals *totals,
                              struct err *err) {
  struct db_table *tables = NULL;
  struct str end = STR_NONE;
  size_t n = 0;
  enum err_code code = db_tables(loading->tx, arena, &tables, &n, err);
  struct tally *tallies = code == ERR_NONE ? arena_new_n(arena, struct tally, n + 1) : NULL;
  if (code == ERR_NONE && !tallies) code = err_no_memory(err);
  for (size_t i = 0; code == ERR_NONE && i < n; i++) {
    code = load_table(loading, &tables[i], &tallies[i], err);
    totals->rows += tallies[i].n;
  }
  totals->tables = (int64_t)n;
  if (code == ERR_NONE) code = get(loading, 17, &end, err);
  if (code != ERR_NONE) return code;
  if (backup_get_number(&end, 1) != 'Z' || backup_get_number(&end, 8) != n ||
      (int64_t)backup_get_number(&end, 8) != totals->rows)
    return backup_damaged(err);
  code = check_again(loading, err);
  for (size_t i = 0; code == ERR_NONE && i < n; i++)
    if (!tables[i].is_of_the_moment) code = read_again(loading, &tables[i], &tallies[i], err);
  return code;
}

enum err_code backup_load(struct db_tx *tx, struct arena *arena, int fd, const struct backup_label *label,
                          backup_progress progress, void *context, struct backup_totals *ret_totals, struct err *err) {
  struct loading loading = {.tx = tx, .label = label, .progress = progress, .context = context};
  struct backup_totals totals = {0};
  struct backup_label found;
  backup_digest_begin(&loading.rows_digest);
  buf_init(&loading.piece, NULL, BACKUP_ROW_MAX);
  enum err_code code = backup_source_begin(&loading.source, fd, err);
  if (code == ERR_NONE) code = read_label(&loading.source, &found, err);
  if (code == ERR_NONE) code = check_label(&found, err);
  if (code == ERR_NONE) code = db_schema_make(tx, found.migration, err);
  if (code == ERR_NONE) code = load_all(&loading, arena, &totals, err);
  if (code == ERR_NONE) code = db_schema_finish(tx, err);
  buf_release(&loading.piece);
  backup_digest_release(&loading.rows_digest);
  backup_source_release(&loading.source);
  if (code == ERR_NONE) *ret_totals = totals;
  return code;
}
