/* A whole installation as one file, whichever database it is from, and back.
 *
 *   a line of JSON   {"connek_backup":2,"connek":VERSION,"migration":N,"migrations":HEX,"master":HEX,"time":TIME}
 *   each table       'T', its name, its columns with their kinds
 *     each row       'R', its size, its cells
 *                    'E', how many rows, SHA-256 over them
 *   the end          'Z', how many tables and rows
 *                    SHA-256 over everything above; an HMAC over that, under a key that the master key gives: the
 *                    seal; sixteen bytes that say that nothing was cut off
 *
 * Numbers stand in network order. Values that were sealed stay sealed: the master key is not in it, "master" is its
 * fingerprint alone. Rows come in the order of their keys, so that the same content gives the same rows and digests
 * from any database. */
#ifndef CONNEK_BACKUP_BACKUP_H
#define CONNEK_BACKUP_BACKUP_H

#include "db/contents.h"

enum { BACKUP_FINGERPRINT_SIZE = 32, BACKUP_DIGEST_SIZE = 32 };

/* Whose it is: its master key's fingerprint, and what that key gives for seals. */
struct backup_owner {
  uint8_t fingerprint[BACKUP_FINGERPRINT_SIZE], key[BACKUP_DIGEST_SIZE];
};

struct backup_totals {
  int64_t tables, rows;
};
/* At a table's end, and at times before it: `rows` are done. */
typedef void (*backup_progress)(void *context, struct str table, int64_t rows, bool is_end);

/* What is said about it at its beginning, and at its end. */
struct backup_label {
  int64_t migration;
  uint8_t migrations[DB_HASH_SIZE];
  uint8_t master[BACKUP_FINGERPRINT_SIZE];
  int64_t time;
  uint8_t digest[BACKUP_DIGEST_SIZE], seal[BACKUP_DIGEST_SIZE];
};

/* write.c: in a read transaction, everything as it is at one moment, to `fd` from where it stands. `arena` stays until
 * db_disconnect. */
enum err_code backup_write(struct db_tx *tx, struct arena *arena, int fd, const struct backup_owner *owner,
                           backup_progress progress, void *context, struct backup_totals *ret_totals,
                           struct err *err) MUST_CHECK;
/* The same into a new file, 0600, which takes `path`'s place when it is whole and on disk; else nothing has changed.
 * Until then it has no name, where the file system can do that: nothing is left of one that was killed. */
struct backup_file {
  int fd;
  const char *path;
  char *beside; /* its name until it takes `path`'s place */
  bool has_name;
};
enum err_code backup_file_begin(const char *path, struct backup_file *ret_file, struct err *err) MUST_CHECK;
enum err_code backup_file_take(struct backup_file *file, struct err *err) MUST_CHECK;
void backup_file_release(struct backup_file *file); /* always */

/* load.c: reads all of `fd` once and holds it against its digest. ERR_INVALID: it is none, was cut off, or is damaged;
 * ERR_CONFLICT: this Connek cannot read it, because it is older than whoever wrote it, or of another build. */
enum err_code backup_check(int fd, struct backup_label *ret_label, struct err *err) MUST_CHECK;
/* Was it written with this key, and not changed since? ERR_CONFLICT: no. */
enum err_code backup_check_seal(const struct backup_label *label, const struct backup_owner *owner,
                                struct err *err) MUST_CHECK;
/* Fills an empty place in a db_fill with the file that has this label, reads it again and holds it against the file;
 * brings it to the newest version. What it says still has to be judged: whose key, whether the trail holds. */
enum err_code backup_load(struct db_tx *tx, struct arena *arena, int fd, const struct backup_label *label,
                          backup_progress progress, void *context, struct backup_totals *ret_totals,
                          struct err *err) MUST_CHECK;

#endif
