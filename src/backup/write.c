/* Writes a backup: the label, then every table. Must not know what a table is for. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/stream.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "codec/base64.h"

enum { PROGRESS_ROWS = 250000, NAME_ATTEMPTS = 100 };

static enum err_code put_label(struct db_tx *tx, struct backup_sink *sink, const struct backup_owner *owner,
                               struct err *err) {
  char line[BACKUP_LABEL_MAX], time[CLOCK_TEXT_SIZE], migrations[2 * DB_HASH_SIZE + 1],
      fingerprint[2 * BACKUP_FINGERPRINT_SIZE + 1];
  uint8_t hash[DB_HASH_SIZE];
  int64_t version = 0;
  enum err_code code = db_schema_version(tx, &version, err);
  if (code == ERR_NONE) code = db_schema_hash(version, hash, err);
  if (code != ERR_NONE) return code;
  hex_format(hash, sizeof hash, migrations);
  hex_format(owner->fingerprint, sizeof owner->fingerprint, fingerprint);
  clock_format(clock_utc_us(), time);
  int n = snprintf(line, sizeof line,
                   "{\"connek_backup\":2,\"connek\":\"" CONNEK_VERSION
                   "\",\"migration\":%lld,\"migrations\":\"%s\",\"master\":\"%s\",\"time\":\"%s\"}\n",
                   (long long)version, migrations, fingerprint, time);
  return backup_sink_put(sink, str_make(line, (size_t)n), err);
}

struct writing {
  struct db_tx *tx;
  struct backup_sink sink;
  struct backup_digest rows_digest;
  struct buf piece;
  const struct backup_owner *owner;
  backup_progress progress;
  void *context;
};

static enum err_code put_piece(struct writing *writing, struct err *err) {
  if (buf_failed(&writing->piece)) return err_no_memory(err);
  enum err_code code = backup_sink_put(&writing->sink, buf_str(&writing->piece), err);
  buf_clear(&writing->piece);
  return code;
}

static enum err_code put_row(struct writing *writing, struct db_rows *rows, const struct db_table *table,
                             struct err *err) {
  buf_append_byte(&writing->piece, 'R');
  backup_row_write(&writing->piece, rows, table);
  if (buf_failed(&writing->piece)) return err_set(err, ERR_TOO_LARGE, "a row of %s is too large", table->name.p);
  backup_digest_add(&writing->rows_digest, str_make(writing->piece.p + 1, writing->piece.n - 1));
  return put_piece(writing, err);
}

static enum err_code put_table(struct writing *writing, const struct db_table *table, int64_t *ret_n, struct err *err) {
  struct db_rows *rows = NULL;
  uint8_t digest[BACKUP_DIGEST_SIZE];
  int64_t n = 0;
  int got = 0;
  backup_table_write(&writing->piece, table);
  enum err_code code = put_piece(writing, err);
  if (code == ERR_NONE) code = db_table_read(writing->tx, table, &rows, err);
  if (code != ERR_NONE) return code;
  while (code == ERR_NONE && !table->is_of_the_moment && (got = db_next(rows, err)) == 1) {
    code = put_row(writing, rows, table, err);
    if (++n % PROGRESS_ROWS == 0 && writing->progress) writing->progress(writing->context, table->name, n, false);
  }
  if (code == ERR_NONE && got < 0) code = err ? err->code : ERR_UNAVAILABLE;
  db_rows_close(rows);
  if (code == ERR_NONE) code = backup_digest_take(&writing->rows_digest, digest, err);
  if (code != ERR_NONE) return code;
  buf_append_byte(&writing->piece, 'E');
  backup_put_number(&writing->piece, (uint64_t)n, 8);
  buf_append(&writing->piece, digest, sizeof digest);
  if (writing->progress) writing->progress(writing->context, table->name, n, true);
  *ret_n = n;
  return put_piece(writing, err);
}

static enum err_code put_all(struct writing *writing, struct arena *arena, struct backup_totals *totals,
                             struct err *err) {
  struct db_table *tables = NULL;
  size_t n = 0;
  enum err_code code = db_tables(writing->tx, arena, &tables, &n, err);
  for (size_t i = 0; code == ERR_NONE && i < n; i++) {
    int64_t n_rows = 0;
    code = put_table(writing, &tables[i], &n_rows, err);
    totals->tables++;
    totals->rows += n_rows;
  }
  if (code != ERR_NONE) return code;
  buf_append_byte(&writing->piece, 'Z');
  backup_put_number(&writing->piece, (uint64_t)totals->tables, 8);
  backup_put_number(&writing->piece, (uint64_t)totals->rows, 8);
  code = put_piece(writing, err);
  return code == ERR_NONE ? backup_sink_end(&writing->sink, writing->owner, err) : code;
}

enum err_code backup_write(struct db_tx *tx, struct arena *arena, int fd, const struct backup_owner *owner,
                           backup_progress progress, void *context, struct backup_totals *ret_totals, struct err *err) {
  struct writing writing = {.tx = tx, .owner = owner, .progress = progress, .context = context};
  struct backup_totals totals = {0};
  backup_sink_begin(&writing.sink, fd);
  backup_digest_begin(&writing.rows_digest);
  buf_init(&writing.piece, NULL, BACKUP_ROW_MAX);
  enum err_code code = put_label(tx, &writing.sink, owner, err);
  if (code == ERR_NONE) code = put_all(&writing, arena, &totals, err);
  buf_release(&writing.piece);
  backup_digest_release(&writing.rows_digest);
  backup_sink_release(&writing.sink);
  if (code == ERR_NONE) *ret_totals = totals;
  return code;
}

/* The file */

static enum err_code file_failed(const char *what, struct err *err) {
  const char *reason = strerrordesc_np(errno);
  return err_set(err, ERR_UNAVAILABLE, "%s: %s", what, reason ? reason : "unknown error");
}

static char *folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

static int open_nameless(const char *path) {
  char *folder = folder_of(path);
  int fd = folder && access("/proc/self/fd", X_OK) == 0 ? open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
  free(folder);
  return fd;
}

/* Of the name until it is whole: PATH, a dot, and six or eight characters that nobody else has. */
static size_t beside_size(const char *path) {
  return strlen(path) + sizeof ".01234567";
}

enum err_code backup_file_begin(const char *path, struct backup_file *ret_file, struct err *err) {
  struct backup_file file = {.path = path, .fd = -1};
  size_t n = beside_size(path);
  struct stat status;
  if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
    return err_set(err, ERR_INVALID, "is there already, and is not a file");
  file.beside = malloc(n);
  if (!file.beside) return err_no_memory(err);
  file.fd = open_nameless(path);
  if (file.fd < 0) { /* not every file system has such files */
    snprintf(file.beside, n, "%s.XXXXXX", path);
    file.fd = mkostemp(file.beside, O_CLOEXEC); /* 0600 */
    file.has_name = file.fd >= 0;
  }
  if (file.fd < 0) {
    enum err_code code = file_failed("the backup cannot be made there", err);
    free(file.beside);
    return code;
  }
  *ret_file = file;
  return ERR_NONE;
}

/* linkat never takes an older file's place: rename does. */
static enum err_code give_name(struct backup_file *file, struct err *err) {
  char own[32];
  size_t n = beside_size(file->path);
  snprintf(own, sizeof own, "/proc/self/fd/%d", file->fd);
  for (int attempt = 0; !file->has_name && attempt < NAME_ATTEMPTS; attempt++) {
    uint32_t number;
    random_bytes(&number, sizeof number);
    snprintf(file->beside, n, "%s.%08x", file->path, number);
    file->has_name = linkat(AT_FDCWD, own, AT_FDCWD, file->beside, AT_SYMLINK_FOLLOW) == 0;
    if (!file->has_name && errno != EEXIST) break;
  }
  return file->has_name ? ERR_NONE : file_failed("the backup cannot be put in its place", err);
}

static enum err_code sync_folder(const char *path, struct err *err) {
  char *folder = folder_of(path);
  if (!folder) return err_no_memory(err);
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  enum err_code code = fd < 0 || fsync(fd) != 0 ? file_failed("the backup's folder cannot be synced", err) : ERR_NONE;
  if (fd >= 0) close(fd);
  free(folder);
  return code;
}

enum err_code backup_file_take(struct backup_file *file, struct err *err) {
  if (fsync(file->fd) != 0) return file_failed("the backup cannot be written", err);
  enum err_code code = give_name(file, err);
  if (code != ERR_NONE) return code;
  if (rename(file->beside, file->path) != 0) return file_failed("the backup cannot be put in its place", err);
  file->has_name = false;
  return sync_folder(file->path, err);
}

void backup_file_release(struct backup_file *file) {
  if (file->has_name) (void)unlink(file->beside);
  free(file->beside);
  if (file->fd >= 0) (void)close(file->fd);
  *file = (struct backup_file){.fd = -1};
}
