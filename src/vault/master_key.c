/* Reads the master key from where it is kept, and makes it where there is no data yet. Must not know what the key is
 * for. */
#include "vault/master_key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "codec/base64.h"

enum { TEXT_SIZE = 2 * MASTER_KEY_SIZE + 1, PATH_SIZE = 1024 }; /* the digits and a newline */

static const char file_name[] = "master.key", next_name[] = "master.key.next", credential_name[] = "connek.master-key",
                  variable_name[] = "CONNEK_MASTER_KEY";

const char *master_key_name(enum master_key_source source) {
  static const char *const names[MASTER_KEY_SOURCES] = {"the systemd credential connek.master-key", "master.key",
                                                        "the variable CONNEK_MASTER_KEY"};
  return names[source];
}

/* ---- made ---- */

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
static enum err_code make_key(int dir_fd, const char *dir, const char *name, struct err *err) {
  uint8_t key[MASTER_KEY_SIZE], suffix[4];
  char text[TEXT_SIZE + 1], digits[2 * sizeof suffix + 1], path[64];
  random_bytes(key, sizeof key);
  random_bytes(suffix, sizeof suffix);
  hex_format(key, sizeof key, text);
  secret_wipe(key, sizeof key);
  text[TEXT_SIZE - 1] = '\n';
  hex_format(suffix, sizeof suffix, digits);
  snprintf(path, sizeof path, "%s.%s.new", file_name, digits);

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

static enum err_code open_dir(const char *dir, int *ret_fd, struct err *err) {
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    int error = errno;
    return err_set(err, error == ENOENT ? ERR_NOT_FOUND : ERR_UNAVAILABLE, "%.160s cannot be opened: %s", dir,
                   strerrordesc_np(error));
  }
  *ret_fd = fd;
  return ERR_NONE;
}

enum err_code master_key_make(const char *dir, bool may_create, struct err *err) {
  int dir_fd = -1;
  bool is_empty = false;
  enum err_code code = open_dir(dir, &dir_fd, err);
  if (code != ERR_NONE) return code;
  code = check_empty(dir_fd, dir, &is_empty, err);
  if (code == ERR_NONE && !is_empty) {
    code = err_set(err, ERR_UNAVAILABLE,
                   "%.160s has data but no %s: put the key's file back from its backup; without it nothing stored "
                   "there can be opened",
                   dir, file_name);
  } else if (code == ERR_NONE && !may_create) {
    code = err_set(err, ERR_NOT_FOUND, "%.160s is empty: it holds no Connek data", dir);
  } else if (code == ERR_NONE) {
    code = make_key(dir_fd, dir, file_name, err);
  }
  close(dir_fd);
  return code;
}

enum err_code master_key_make_next(const char *dir, struct err *err) {
  int dir_fd = -1;
  enum err_code code = open_dir(dir, &dir_fd, err);
  if (code != ERR_NONE) return code;
  code = make_key(dir_fd, dir, next_name, err);
  close(dir_fd);
  return code;
}

enum err_code master_key_take_next(const char *dir, struct err *err) {
  int dir_fd = -1;
  enum err_code code = open_dir(dir, &dir_fd, err);
  if (code != ERR_NONE) return code;
  if (renameat(dir_fd, next_name, dir_fd, file_name) != 0 || fsync(dir_fd) != 0)
    code = err_set(err, ERR_UNAVAILABLE, "%.160s/%s cannot be renamed: %s", dir, next_name, strerrordesc_np(errno));
  close(dir_fd);
  return code;
}

/* ---- read ---- */

/* `is_credential`: systemd gives a service its files by an access list, so that a group may seem to read them. */
static enum err_code check_file(int fd, const char *path, bool is_credential, struct err *err) {
  struct stat st;
  if (fstat(fd, &st) != 0)
    return err_set(err, ERR_UNAVAILABLE, "%.200s cannot be read: %s", path, strerrordesc_np(errno));
  if (!S_ISREG(st.st_mode)) return err_set(err, ERR_UNAVAILABLE, "%.200s is not a regular file", path);
  if (st.st_uid != geteuid() && !(is_credential && st.st_uid == 0))
    return err_set(err, ERR_UNAVAILABLE, "%.200s belongs to user %u, not to the one who runs this (%u)", path,
                   (unsigned)st.st_uid, (unsigned)geteuid());
  unsigned mode = st.st_mode & 07777;
  bool is_private = is_credential ? (mode & 07037) == 0 : mode == 0400 || mode == 0600;
  if (!is_private)
    return err_set(err, ERR_UNAVAILABLE, "%.200s has mode %04o: others may read it; make it 0400", path, mode);
  return ERR_NONE;
}

/* The digits, and a newline or none. */
static enum err_code read_digits(struct str text, const char *where, struct secret **ret_key, struct err *err) {
  uint8_t key[MASTER_KEY_SIZE];
  if (text.n == TEXT_SIZE && text.p[TEXT_SIZE - 1] == '\n') text.n--;
  if (text.n != TEXT_SIZE - 1 || !hex_parse(text, key, sizeof key, true))
    return err_set(err, ERR_UNAVAILABLE,
                   "%.200s is not a master key (64 hex digits and a newline); put the right one back from its backup",
                   where);
  struct secret *secret = secret_new(key, sizeof key);
  secret_wipe(key, sizeof key);
  if (!secret) return err_no_memory(err);
  *ret_key = secret;
  return ERR_NONE;
}

static enum err_code read_open(int fd, const char *path, struct secret **ret_key, struct err *err) {
  char text[TEXT_SIZE + 1];
  size_t n = 0;
  ssize_t got;
  while (n < sizeof text && ((got = read(fd, text + n, sizeof text - n)) > 0 || (got < 0 && errno == EINTR)))
    if (got > 0) n += (size_t)got;
  enum err_code code = read_digits(str_make(text, n), path, ret_key, err);
  secret_wipe(text, sizeof text);
  return code;
}

static enum err_code read_path(const char *path, bool is_credential, struct secret **ret_key, struct err *err) {
  /* O_NONBLOCK: a FIFO put in its place must not hang the start. */
  int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    int error = errno;
    return err_set(err, error == ENOENT ? ERR_NOT_FOUND : ERR_UNAVAILABLE, "%.200s cannot be opened: %s", path,
                   error == ELOOP ? "it is a symbolic link" : strerrordesc_np(error));
  }
  enum err_code code = check_file(fd, path, is_credential, err);
  if (code == ERR_NONE) code = read_open(fd, path, ret_key, err);
  close(fd);
  return code;
}

static enum err_code read_within(const char *dir, const char *name, bool is_credential, struct secret **ret_key,
                                 struct err *err) {
  char path[PATH_SIZE];
  int n = snprintf(path, sizeof path, "%s/%s", dir, name);
  if (n < 0 || (size_t)n >= sizeof path) return err_set(err, ERR_INVALID, "the folder's name is too long");
  return read_path(path, is_credential, ret_key, err);
}

static enum err_code read_variable(struct secret **ret_key, struct err *err) {
  const char *value = getenv(variable_name);
  if (!value || !*value) return err_set(err, ERR_NOT_FOUND, "%s is not set", variable_name);
  enum err_code code = read_digits(str_of(value), variable_name, ret_key, err);
  secret_wipe_variable(variable_name);
  return code;
}

enum err_code master_key_read(const char *dir, enum master_key_source source, struct secret **ret_key,
                              struct err *err) {
  const char *credentials = getenv("CREDENTIALS_DIRECTORY");
  switch (source) {
    case MASTER_KEY_CREDENTIAL:
      if (credentials && *credentials) return read_within(credentials, credential_name, true, ret_key, err);
      return err_set(err, ERR_NOT_FOUND, "there are no credentials of systemd");
    case MASTER_KEY_FILE:
      return read_within(dir, file_name, false, ret_key, err);
    default:
      return read_variable(ret_key, err);
  }
}

enum err_code master_key_read_file(const char *path, struct secret **ret_key, struct err *err) {
  return read_path(path, false, ret_key, err);
}

enum err_code master_key_read_next(const char *dir, struct secret **ret_key, struct err *err) {
  return read_within(dir, next_name, false, ret_key, err);
}
