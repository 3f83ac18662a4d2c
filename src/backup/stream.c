/* A backup's bytes: written through a digest, and read through one up to where the file says that they end. Must not
 * know what they mean. */
#include "backup/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hmac.h"
#include "base/limits.h"

enum { PIECE = 256 * 1024 };

/* Digests */

void backup_digest_begin(struct backup_digest *digest) {
  digest->context = EVP_MD_CTX_new();
  digest->has_failed = !digest->context || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1;
}

void backup_digest_add(struct backup_digest *digest, struct str bytes) {
  if (!digest->has_failed && EVP_DigestUpdate(digest->context, bytes.p, bytes.n) != 1) digest->has_failed = true;
}

enum err_code backup_digest_take(struct backup_digest *digest, uint8_t ret_digest[BACKUP_DIGEST_SIZE],
                                 struct err *err) {
  if (!digest->has_failed && (EVP_DigestFinal_ex(digest->context, ret_digest, NULL) != 1 ||
                              EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1))
    digest->has_failed = true;
  return digest->has_failed ? err_no_memory(err) : ERR_NONE;
}

void backup_digest_release(struct backup_digest *digest) {
  EVP_MD_CTX_free(digest->context);
  digest->context = NULL;
}

/* Writing */

static enum err_code io_failed(const char *what, struct err *err) {
  const char *reason = strerrordesc_np(errno);
  return err_set(err, ERR_UNAVAILABLE, "%s: %s", what, reason ? reason : "unknown error");
}

static enum err_code write_all(int fd, struct str bytes, struct err *err) {
  while (bytes.n) {
    ssize_t n = write(fd, bytes.p, bytes.n);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_failed("the backup cannot be written", err);
    bytes = str_make(bytes.p + n, bytes.n - (size_t)n);
  }
  return ERR_NONE;
}

void backup_sink_begin(struct backup_sink *sink, int fd) {
  sink->fd = fd;
  buf_init(&sink->waiting, NULL, (size_t)4 * PIECE);
  backup_digest_begin(&sink->digest);
}

static enum err_code flush(struct backup_sink *sink, struct err *err) {
  enum err_code code = write_all(sink->fd, buf_str(&sink->waiting), err);
  buf_clear(&sink->waiting);
  return code;
}

enum err_code backup_sink_put(struct backup_sink *sink, struct str bytes, struct err *err) {
  backup_digest_add(&sink->digest, bytes);
  if (sink->waiting.n + bytes.n > PIECE) {
    enum err_code code = flush(sink, err);
    if (code != ERR_NONE) return code;
  }
  if (bytes.n > PIECE) return write_all(sink->fd, bytes, err);
  buf_append_str(&sink->waiting, bytes);
  return buf_failed(&sink->waiting) ? err_no_memory(err) : ERR_NONE;
}

enum err_code backup_seal(const struct backup_owner *owner, const uint8_t digest[BACKUP_DIGEST_SIZE],
                          uint8_t ret_seal[BACKUP_DIGEST_SIZE], struct err *err) {
  size_t n = 0;
  uint8_t mac[HMAC_MAX];
  if (!hmac_once(HMAC_SHA256, str_make((const char *)owner->key, sizeof owner->key),
                 str_make((const char *)digest, BACKUP_DIGEST_SIZE), mac, &n) ||
      n != BACKUP_DIGEST_SIZE)
    return err_no_memory(err);
  memcpy(ret_seal, mac, n);
  return ERR_NONE;
}

enum err_code backup_sink_end(struct backup_sink *sink, const struct backup_owner *owner, struct err *err) {
  uint8_t digest[BACKUP_DIGEST_SIZE], seal[BACKUP_DIGEST_SIZE];
  enum err_code code = backup_digest_take(&sink->digest, digest, err);
  if (code == ERR_NONE) code = backup_seal(owner, digest, seal, err);
  if (code == ERR_NONE) code = backup_sink_put(sink, str_make((char *)digest, sizeof digest), err);
  if (code == ERR_NONE) code = backup_sink_put(sink, str_make((char *)seal, sizeof seal), err);
  if (code == ERR_NONE) code = backup_sink_put(sink, STR(BACKUP_END), err);
  return code == ERR_NONE ? flush(sink, err) : code;
}

void backup_sink_release(struct backup_sink *sink) {
  buf_release(&sink->waiting);
  backup_digest_release(&sink->digest);
}

/* Reading */

enum err_code backup_damaged(struct err *err) {
  return err_set(err, ERR_INVALID, "the backup is damaged: it is not what was written");
}

static enum err_code read_at(int fd, char *room, size_t n, off_t at, struct err *err) {
  for (size_t done = 0; done < n;) {
    ssize_t got = pread(fd, room + done, n - done, at + (off_t)done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_failed("the backup cannot be read", err);
    if (got == 0) return backup_damaged(err); /* somebody cuts it while it is read */
    done += (size_t)got;
  }
  return ERR_NONE;
}

enum err_code backup_source_begin(struct backup_source *source, int fd, struct err *err) {
  static const char first[] = "{\"connek_backup\":";
  struct stat status;
  char end[BACKUP_END_SIZE], begin[sizeof first - 1];
  *source = (struct backup_source){.fd = fd};
  if (fstat(fd, &status) != 0) return io_failed("the backup cannot be read", err);
  if (!S_ISREG(status.st_mode)) return err_set(err, ERR_INVALID, "a backup is a file");
  off_t size = status.st_size;
  if (size < (off_t)sizeof begin) return err_set(err, ERR_INVALID, "this is no backup of Connek");
  enum err_code code = read_at(fd, begin, sizeof begin, 0, err);
  if (code == ERR_NONE && memcmp(begin, first, sizeof begin) != 0)
    code = err_set(err, ERR_INVALID, "this is no backup of Connek");
  if (code != ERR_NONE) return code;
  source->left = size - BACKUP_END_SIZE - BACKUP_TAIL_SIZE;
  if (source->left > 0) code = read_at(fd, end, sizeof end, size - BACKUP_END_SIZE, err);
  if (code != ERR_NONE) return code;
  if (source->left <= 0 || memcmp(end, BACKUP_END, sizeof end) != 0)
    return err_set(err, ERR_INVALID, "the backup was cut off: its end is missing");
  if (lseek(fd, 0, SEEK_SET) != 0) return io_failed("the backup cannot be read", err);
  backup_digest_begin(&source->digest);
  source->room = malloc(PIECE);
  return source->room ? ERR_NONE : err_no_memory(err);
}

static enum err_code read_more(struct backup_source *source, struct err *err) {
  ssize_t got;
  do
    got = read(source->fd, source->room, PIECE);
  while (got < 0 && errno == EINTR);
  if (got < 0) return io_failed("the backup cannot be read", err);
  if (got == 0) return backup_damaged(err);
  source->at = 0;
  source->n = (size_t)got;
  return ERR_NONE;
}

enum err_code backup_source_get(struct backup_source *source, size_t n, struct buf *out, struct err *err) {
  if ((uint64_t)n > (uint64_t)source->left) return backup_damaged(err);
  for (size_t left = n; left;) {
    if (source->at == source->n) {
      enum err_code code = read_more(source, err);
      if (code != ERR_NONE) return code;
    }
    size_t piece = source->n - source->at < left ? source->n - source->at : left;
    struct str bytes = str_make(source->room + source->at, piece);
    backup_digest_add(&source->digest, bytes);
    if (out) buf_append_str(out, bytes);
    source->at += piece;
    left -= piece;
  }
  source->left -= (int64_t)n;
  return out && buf_failed(out) ? err_no_memory(err) : ERR_NONE;
}

enum err_code backup_source_end(struct backup_source *source, uint8_t ret_digest[BACKUP_DIGEST_SIZE],
                                uint8_t ret_seal[BACKUP_DIGEST_SIZE], struct err *err) {
  uint8_t digest[BACKUP_DIGEST_SIZE], written[BACKUP_TAIL_SIZE];
  off_t size = lseek(source->fd, 0, SEEK_END);
  if (source->left != 0) return backup_damaged(err);
  if (size < 0) return io_failed("the backup cannot be read", err);
  enum err_code code = backup_digest_take(&source->digest, digest, err);
  if (code == ERR_NONE)
    code = read_at(source->fd, (char *)written, sizeof written, size - BACKUP_END_SIZE - BACKUP_TAIL_SIZE, err);
  if (code == ERR_NONE && memcmp(digest, written, sizeof digest) != 0) code = backup_damaged(err);
  if (code != ERR_NONE) return code;
  memcpy(ret_digest, digest, sizeof digest);
  memcpy(ret_seal, written + sizeof digest, BACKUP_DIGEST_SIZE);
  return ERR_NONE;
}

void backup_source_release(struct backup_source *source) {
  free(source->room);
  backup_digest_release(&source->digest);
}
