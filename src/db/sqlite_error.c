/* SQLite's result codes as ours. Texts name neither SQL nor paths: any client may read them. */
#include <errno.h>

#include "db/sqlite.h"

static enum err_code constraint_failed(int rc, struct err *err) {
  switch (rc) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return err_set(err, ERR_CONFLICT, "it exists already");
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return err_set(err, ERR_CONFLICT, "what it refers to does not exist, or something still refers to it");
    default:
      return err_set(err, ERR_INVALID, "the database does not take this value");
  }
}

static enum err_code map(int rc, int system_errno, struct err *err) {
  if (system_errno == ENOSPC || system_errno == EDQUOT)
    return err_set(err, ERR_UNAVAILABLE, "the disk is full: the database cannot grow");
  switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return err_set(err, ERR_UNAVAILABLE, "the database is busy: another process holds it");
    case SQLITE_FULL:
      return err_set(err, ERR_UNAVAILABLE, "the disk is full: the database cannot grow");
    case SQLITE_IOERR:
      return err_set(err, ERR_UNAVAILABLE, "the database cannot be read or written: its disk failed");
    case SQLITE_CORRUPT:
      return err_set(err, ERR_UNAVAILABLE, "the database is damaged; put a backup back");
    case SQLITE_NOTADB:
      return err_set(err, ERR_UNAVAILABLE, "the database's file is not a database");
    case SQLITE_READONLY:
      return err_set(err, ERR_UNAVAILABLE, "the database may not be written: its file or folder is read-only");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return err_set(err, ERR_UNAVAILABLE, "the database cannot be opened: look at the folder's permissions");
    case SQLITE_CONSTRAINT:
      return constraint_failed(rc, err);
    case SQLITE_NOMEM:
      return err_no_memory(err);
    case SQLITE_TOOBIG:
      return err_set(err, ERR_TOO_LARGE, "the value is too large for the database");
    case SQLITE_INTERRUPT:
      return err_set(err, ERR_CANCELLED, "the database's work was interrupted");
    default:
      return err_set(err, ERR_INTERNAL, "the database refused a statement");
  }
}

enum err_code sqlite_describe(sqlite3 *handle, int rc, const char *sql, struct err *err) {
  bool is_io = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;
  enum err_code code = map(rc, is_io && handle ? sqlite3_system_errno(handle) : 0, err);
  err_detail(err, "sqlite %d: %s%s%.120s", rc, handle ? sqlite3_errmsg(handle) : sqlite3_errstr(rc), sql ? "; " : "",
             sql ? sql : "");
  return code;
}
