/* A backup's bytes on their way to a file and from it, with their digest. For this folder alone. */
#ifndef CONNEK_BACKUP_STREAM_H
#define CONNEK_BACKUP_STREAM_H

#include <openssl/evp.h>

#include "backup/backup.h"
#include "base/buf.h"

enum {
  BACKUP_TAIL_SIZE = 2 * BACKUP_DIGEST_SIZE,
  BACKUP_END_SIZE = 16,
  BACKUP_LABEL_MAX = 4096,
  BACKUP_NAME_MAX = 255
};
#define BACKUP_ROW_MAX ((size_t)256 * 1024 * 1024)
#define BACKUP_END "connek-backup/2\n"

/* SHA-256, taken piece by piece. The first failure sticks. */
struct backup_digest {
  EVP_MD_CTX *context;
  bool has_failed;
};
void backup_digest_begin(struct backup_digest *digest);
void backup_digest_add(struct backup_digest *digest, struct str bytes);
/* Ends it, and begins the next one. */
enum err_code backup_digest_take(struct backup_digest *digest, uint8_t ret_digest[BACKUP_DIGEST_SIZE],
                                 struct err *err) MUST_CHECK;
void backup_digest_release(struct backup_digest *digest);

struct backup_sink {
  int fd;
  struct buf waiting;
  struct backup_digest digest;
};
void backup_sink_begin(struct backup_sink *sink, int fd);
enum err_code backup_sink_put(struct backup_sink *sink, struct str bytes, struct err *err) MUST_CHECK;
/* The digest of all that was put, its seal, the end's mark; what waits is written. */
enum err_code backup_sink_end(struct backup_sink *sink, const struct backup_owner *owner, struct err *err) MUST_CHECK;
enum err_code backup_seal(const struct backup_owner *owner, const uint8_t digest[BACKUP_DIGEST_SIZE],
                          uint8_t ret_seal[BACKUP_DIGEST_SIZE], struct err *err) MUST_CHECK;
void backup_sink_release(struct backup_sink *sink);

struct backup_source {
  int fd;
  int64_t left; /* bytes before the digest at the end that are still to come */
  char *room;
  size_t at, n;
  struct backup_digest digest;
};
/* From the file's beginning. ERR_INVALID: it has no end. */
enum err_code backup_source_begin(struct backup_source *source, int fd, struct err *err) MUST_CHECK;
/* Exactly `n` bytes more into `out`. ERR_INVALID: so many there are not. */
enum err_code backup_source_get(struct backup_source *source, size_t n, struct buf *out, struct err *err) MUST_CHECK;
/* The digest of what was read, and the seal that stands behind it. ERR_INVALID: it is not what was written. */
enum err_code backup_source_end(struct backup_source *source, uint8_t ret_digest[BACKUP_DIGEST_SIZE],
                                uint8_t ret_seal[BACKUP_DIGEST_SIZE], struct err *err) MUST_CHECK;
void backup_source_release(struct backup_source *source);
enum err_code backup_damaged(struct err *err);

/* row.c: a row with its size before it */
void backup_row_write(struct buf *out, struct db_rows *rows, const struct db_table *table);
/* The cells of a row (without its size), borrowed from it. False: it is none of such a table. */
bool backup_row_read(struct str row, const struct db_table *table, struct db_value *ret_cells) MUST_CHECK;
void backup_put_number(struct buf *out, uint64_t number, int n_bytes);
uint64_t backup_get_number(struct str *rest, int n_bytes); /* `rest` has them */
/* A table's head: 'T', name, columns. */
void backup_table_write(struct buf *out, const struct db_table *table);

#endif
