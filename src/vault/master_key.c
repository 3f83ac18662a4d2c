/* Reads DIR/master.key, or makes it where DIR is empty. Must not know what the key is for. */
#include "vault/master_key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "codec/base64.h"

enum { TEXT_SIZE = 2 * MASTER_KEY_SIZE + 1 }; /* the digits and a newline */

static const char name[] = "master.key";

/* What may lie in an otherwise empty folder: a file system's own, a running command's lock and socket, and what a
 * crash in make_key leaves. None of them holds data that a new key could not open. */
static bool is_harmless(const char *entry) {
  struct str s = str_of(entry);
  return str_eq_c(s, ".") || str_eq_c(s, "..") || str_eq_c(s, "lost+found") || str_eq_c(s, "control.sock") ||
         str_eq_c(s, "lock") || str_ends(s, STR(".lock")) ||
         (str_starts(s, STR("master.key.")) && str_ends(s, STR(".new")));
}

static enum err_code check_empty(int dir_fd, const char *dir, bool *ret_is_empty, struct err *err) {
  int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *entries = fd < 0 ? NULL : fdopendir(fd);
  if (!entries) {
    int error = errno;
    if (fd >= 0) close(fd);
    return err_set(err, ERR_UNAVAILABLE, "%.160s cannot be read: %s", dir, strerrordesc_np(error));
  }
  bool is_empty = true;
  for (const struct dirent *entry; is_empty && (entry = readdir(entries));)
    is_empty = is_harmless(entry->d_name);
  closedir(entries);
  *ret_is_empty = is_empty;
  return ERR_NONE;
}

static bool write_all(int fd, const char *bytes, size_t n) {
  while (n) {
    ssize_t written = write(fd, bytes, n);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    n -= (size_t)written;
  }
  return true;
}

/* Written beside, then linked: nobody ever sees half a key, and of two who start at once one wins (EEXIST is fine: the
 * other's key is read afterwards). */
static enum err_code make_key(int dir_fd, const char *dir, struct err *err) {
  uint8_t key[MASTER_KEY_SIZE], suffix[4];
  char text[TEXT_SIZE + 1], digits[2 * sizeof suffix + 1], path[64];
  random_bytes(key, sizeof key);
  random_bytes(suffix, sizeof suffix);
  hex_format(key, sizeof key, text);
  secret_wipe(key, sizeof key);
  text[TEXT_SIZE - 1] = '\n';
  hex_format(suffix, sizeof suffix, digits);
  snprintf(path, sizeof path, "%s.%s.new", name, digits);

  int fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
  bool is_made = fd >= 0 && fchmod(fd, 0400) == 0 && write_all(fd, text, TEXT_SIZE) && fsync(fd) == 0;
  is_made = is_made && (linkat(dir_fd, path, dir_fd, name, 0) == 0 || errno == EEXIST) && fsync(dir_fd) == 0;
  int error = errno;
  secret_wipe(text, sizeof text);
  if (fd >= 0) {
    close(fd);
    unlinkat(dir_fd, path, 0);
  }
  if (is_made) return ERR_NONE;
  return err_set(err, ERR_UNAVAILABLE, "%s cannot be made in %.160s: %s", name, dir, strerrordesc_np(error));
}

static enum err_code check_file(int fd, const char *dir, struct err *err) {
  struct stat st;
  if (fstat(fd, &st) != 0)
    return err_set(err, ERR_UNAVAILABLE, "%.160s/%s cannot be read: %s", dir, name, strerrordesc_np(errno));
  if (!S_ISREG(st.st_mode)) return err_set(err, ERR_UNAVAILABLE, "%.160s/%s is not a regular file", dir, name);
  if (st.st_uid != geteuid())
    return err_set(err, ERR_UNAVAILABLE, "%.160s/%s belongs to user %u, not to the one who runs this (%u)", dir, name,
                   (unsigned)st.st_uid, (unsigned)geteuid());
  unsigned mode = st.st_mode & 07777;
  if (mode != 0400 && mode != 0600)
    return err_set(err, ERR_UNAVAILABLE, "%.160s/%s has mode %04o: others may read it; make it 0400", dir, name, mode);
  return ERR_NONE;
}

static enum err_code read_key(int fd, const char *dir, struct secret **ret_key, struct err *err) {
  char text[TEXT_SIZE + 1];
  uint8_t key[MASTER_KEY_SIZE];
  size_t n = 0;
  ssize_t got;
  enum err_code code = ERR_NONE;
  while (n < sizeof text && ((got = read(fd, text + n, sizeof text - n)) > 0 || (got < 0 && errno == EINTR)))
    if (got > 0) n += (size_t)got;
  bool is_key = (n == TEXT_SIZE && text[TEXT_SIZE - 1] == '\n') || n == TEXT_SIZE - 1;
  if (is_key && hex_parse(str_make(text, TEXT_SIZE - 1), key, sizeof key, true)) {
    struct secret *secret = secret_new(key, sizeof key);
    if (secret)
      *ret_key = secret;
    else
      code = err_no_memory(err);
  } else {
    code =
        err_set(err, ERR_UNAVAILABLE,
                "%.160s/%s is not a master key (64 hex digits and a newline); put the right file back from its backup",
                dir, name);
  }
  secret_wipe(text, sizeof text);
  secret_wipe(key, sizeof key);
  return code;
}

enum err_code master_key_load(const char *dir, bool may_create, struct secret **ret_key, struct err *err) {
  enum err_code code = ERR_NONE;
  int fd = -1;
  int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir_fd < 0) {
    int error = errno;
    return err_set(err, error == ENOENT ? ERR_NOT_FOUND : ERR_UNAVAILABLE, "%.160s cannot be opened: %s", dir,
                   strerrordesc_np(error));
  }
  /* O_NONBLOCK: a FIFO put in its place must not hang the start. */
  fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    bool is_empty;
    if ((code = check_empty(dir_fd, dir, &is_empty, err)) != ERR_NONE) goto out;
    if (!is_empty) {
      code = err_set(err, ERR_UNAVAILABLE,
                     "%.160s has data but no %s: put the key's file back from its backup; without it nothing stored "
                     "there can be opened",
                     dir, name);
      goto out;
    }
    if (!may_create) {
      code = err_set(err, ERR_NOT_FOUND, "%.160s is empty: it holds no Connek data", dir);
      goto out;
    }
    if ((code = make_key(dir_fd, dir, err)) != ERR_NONE) goto out;
    fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  }
  if (fd < 0) {
    int error = errno;
    code = err_set(err, ERR_UNAVAILABLE, "%.160s/%s cannot be opened: %s", dir, name,
                   error == ELOOP ? "it is a symbolic link" : strerrordesc_np(error));
    goto out;
  }
  if ((code = check_file(fd, dir, err)) == ERR_NONE) code = read_key(fd, dir, ret_key, err);
out:
  if (fd >= 0) close(fd);
  close(dir_fd);
  return code;
}
