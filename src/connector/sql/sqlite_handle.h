/* An open SQLite database under guard. A handle belongs to one thread and is used for one job at a time. Internal to
 * connector/sql/. */
#ifndef CONNEK_CONNECTOR_SQL_SQLITE_HANDLE_H
#define CONNEK_CONNECTOR_SQL_SQLITE_HANDLE_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"

/* Whose statements the authorizer is looking at. */
enum sqlite_mode {
  SQLITE_MODE_OURS,  /* fixed text of this folder */
  SQLITE_MODE_READ,  /* a caller's query */
  SQLITE_MODE_WRITE, /* a caller's statement that may change data */
};

struct sqlite_limits { /* of the job that runs */
  const atomic_bool *is_cancelled;
  int64_t deadline_us;
  size_t max_result; /* bytes of rows; 0: LIMIT_SQL_BYTES alone */
};

enum { SQLITE_KEPT = 8 };

/* A compiled query of a caller's that waits to be asked again. */
struct sqlite_kept {
  sqlite3_stmt *statement; /* NULL: the place is free */
  size_t n;                /* of its text */
  uint64_t used;
};

struct sqlite_handle {
  sqlite3 *db;
  struct uuid connection_id;
  int64_t version;
  bool may_write;
  dev_t device; /* which file it is: one that was replaced is opened anew */
  ino_t inode;
  uint64_t used; /* for the least recently used */
  enum sqlite_mode mode;
  struct sqlite_limits limits;
  bool may_stop; /* not while a transaction is being ended */
  enum { NOT_STOPPED, STOPPED_CANCELLED, STOPPED_LATE } stopped;
  char refused[80]; /* what the authorizer refused last; empty: nothing */
  struct sqlite_kept kept[SQLITE_KEPT];
  uint64_t kept_clock;
};

/* The thread's own handle for this connection, opened where it is not open yet. Valid until the next call on this
 * thread; stays in the thread's cache. `path` is absolute; no file is ever made. */
enum err_code sqlite_handle_take(struct uuid connection_id, int64_t version, const char *path, bool may_write,
                                 const struct sqlite_limits *limits, struct sqlite_handle **ret_handle,
                                 struct err *err) MUST_CHECK;

/* Runs one statement of ours that returns no rows. */
int sqlite_handle_run(struct sqlite_handle *handle, const char *sql);

/* What went wrong, in words for a person: never the file's path. */
enum err_code sqlite_handle_describe(const struct sqlite_handle *handle, int result, struct err *err);

/* sqlite_guard.c: limits, settings, authorizer. False: the database cannot be used. */
bool sqlite_guard_install(struct sqlite_handle *handle);
/* Connecting a virtual table (json_each, FTS5, R-tree) runs statements that a reader's authorizer refuses. Once
 * connected by us, it can be read by anyone. */
void sqlite_guard_connect_tables(struct sqlite_handle *handle);

#endif
