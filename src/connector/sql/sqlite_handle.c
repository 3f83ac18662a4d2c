/* Open databases, a few a thread. Opening one costs a hundred times what a small query does, so each executor thread
 * keeps those it used last: no lock, and a handle is never seen by two threads. */
#include "connector/sql/sqlite_statement.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum { HANDLES = 16 };

/* The thread's own; emptied when the thread ends. */
struct handle_cache {
  struct sqlite_handle *handles[HANDLES];
  size_t n;
  uint64_t clock;
  bool will_be_closed;
};
static _Thread_local struct handle_cache cache;

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

static void handle_close(struct sqlite_handle *handle) {
  sqlite_kept_release(handle);
  sqlite3_close(handle->db);
  free(handle);
}

static void cache_close(void *value) {
  struct handle_cache *mine = value;
  while (mine->n > 0)
    handle_close(mine->handles[--mine->n]);
}

static void key_make(void) {
  has_key = pthread_key_create(&key, cache_close) == 0;
}

static bool cache_will_be_closed(void) {
  if (cache.will_be_closed) return true;
  pthread_once(&key_once, key_make);
  cache.will_be_closed = has_key && pthread_setspecific(key, &cache) == 0;
  return cache.will_be_closed;
}

static void cache_drop(size_t i) {
  handle_close(cache.handles[i]);
  cache.handles[i] = cache.handles[--cache.n];
}

/* Drops what cannot be used any more: the connection has another version, or its path another file. */
static struct sqlite_handle *cache_find(struct uuid connection_id, int64_t version, bool may_write,
                                        const struct stat *file) {
  for (size_t i = cache.n; i-- > 0;) {
    struct sqlite_handle *handle = cache.handles[i];
    if (!uuid_eq(handle->connection_id, connection_id)) continue;
    bool is_current = handle->version == version && handle->device == file->st_dev && handle->inode == file->st_ino;
    if (!is_current) {
      cache_drop(i);
    } else if (handle->may_write == may_write) {
      return handle;
    }
  }
  return NULL;
}

static void cache_put(struct sqlite_handle *handle) {
  if (cache.n == HANDLES) {
    size_t oldest = 0;
    for (size_t i = 1; i < cache.n; i++)
      if (cache.handles[i]->used < cache.handles[oldest]->used) oldest = i;
    cache_drop(oldest);
  }
  cache.handles[cache.n++] = handle;
}

int sqlite_handle_run(struct sqlite_handle *handle, const char *sql) {
  enum sqlite_mode mode = handle->mode;
  handle->mode = SQLITE_MODE_OURS;
  int result = sqlite3_exec(handle->db, sql, NULL, NULL, NULL);
  handle->mode = mode;
  return result;
}

static enum err_code handle_open(const char *path, bool may_write, struct sqlite_handle *handle, struct err *err) {
  int flags = (may_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  int result = sqlite3_open_v2(path, &handle->db, flags, NULL);
  if (result == SQLITE_OK && sqlite_guard_install(handle)) return ERR_NONE;
  if (!handle->db) return err_no_memory(err);
  if (result == SQLITE_OK) result = sqlite3_errcode(handle->db);
  return sqlite_handle_describe(handle, result, err);
}

static enum err_code file_missing(int error, struct err *err) {
  if (error == ENOENT || error == ENOTDIR)
    return err_set(err, ERR_UNAVAILABLE, "the database file is not there (any more)");
  return err_set(err, ERR_UNAVAILABLE, "the database file cannot be opened: %s", strerror(error));
}

enum err_code sqlite_handle_take(struct uuid connection_id, int64_t version, const char *path, bool may_write,
                                 const struct sqlite_limits *limits, struct sqlite_handle **ret_handle,
                                 struct err *err) {
  struct stat file;
  if (stat(path, &file) != 0) return file_missing(errno, err);
  if (!S_ISREG(file.st_mode)) return err_set(err, ERR_UNAVAILABLE, "the database file is not a regular file");
  struct sqlite_handle *handle = cache_find(connection_id, version, may_write, &file);
  if (!handle) {
    if (!cache_will_be_closed()) return err_no_memory(err);
    handle = calloc(1, sizeof(*handle));
    if (!handle) return err_no_memory(err);
    *handle = (struct sqlite_handle){.connection_id = connection_id,
                                     .version = version,
                                     .may_write = may_write,
                                     .device = file.st_dev,
                                     .inode = file.st_ino,
                                     .limits = *limits,
                                     .may_stop = true};
    enum err_code code = handle_open(path, may_write, handle, err);
    if (code != ERR_NONE) {
      handle_close(handle);
      return code;
    }
    cache_put(handle);
  }
  handle->used = ++cache.clock;
  handle->limits = *limits;
  handle->stopped = NOT_STOPPED;
  handle->may_stop = true;
  handle->refused[0] = '\0';
  *ret_handle = handle;
  return ERR_NONE;
}

static enum err_code describe_refusal(const struct sqlite_handle *handle, struct err *err) {
  const char *what = handle->refused[0] ? handle->refused : "this";
  if (handle->may_write) return err_set(err, ERR_INVALID, "%s is not allowed here", what);
  return err_set(err, ERR_INVALID, "only reading is allowed here, not %s", what);
}

enum err_code sqlite_handle_describe(const struct sqlite_handle *handle, int result, struct err *err) {
  switch (result & 0xFF) {
    case SQLITE_AUTH:
      return describe_refusal(handle, err);
    case SQLITE_INTERRUPT:
      if (handle->stopped == STOPPED_CANCELLED) return err_set(err, ERR_CANCELLED, "the call was cancelled");
      return err_set(err, ERR_TIMEOUT, "the statement took too long and was stopped");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      if (handle->stopped == STOPPED_CANCELLED) return err_set(err, ERR_CANCELLED, "the call was cancelled");
      return err_set(err, ERR_UNAVAILABLE, "the database is in use by another program; try again in a moment");
    case SQLITE_NOMEM:
      return err_no_memory(err);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return err_set(err, ERR_UNAVAILABLE, "the file is damaged, or no SQLite database");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return err_set(err, ERR_UNAVAILABLE, "the database file cannot be opened: it may lack permissions");
    case SQLITE_READONLY:
      return err_set(err, ERR_UNAVAILABLE, "the database cannot be written to");
    case SQLITE_FULL:
      return err_set(err, ERR_UNAVAILABLE, "there is no room left for the database");
    case SQLITE_IOERR:
      return err_set(err, ERR_UNAVAILABLE, "the database file cannot be read or written");
    case SQLITE_TOOBIG:
      return err_set(err, ERR_TOO_LARGE, "a text, a value or the statement is too large");
    default:
      /* SQLite's words speak of the statement and its tables: they help whoever wrote it. */
      return err_set(err, ERR_INVALID, "SQLite: %s", sqlite3_errmsg(handle->db));
  }
}
