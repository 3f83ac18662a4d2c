/* What a caller's SQL may do. SQLite's own compiler asks the authorizer about every object that a statement touches, so
 * that no text is searched for words. Also here: caps on what one statement may cost, checked while it runs. */
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/limits.h"
#include "connector/sql/sqlite_handle.h"

enum {
  PROGRESS_OPS = 1000, /* virtual machine steps between two looks at the clock */
  BUSY_MS = 2000,      /* how long a lock is waited for */
  BUSY_STEP_MS = 10,
  VALUE_MAX = 4 * MIB, /* one text or blob, at any place of a statement */
  CACHE_KIB = 1024,
};

static const struct {
  int what, value;
} caps[] = {
    {SQLITE_LIMIT_LENGTH, VALUE_MAX},         {SQLITE_LIMIT_SQL_LENGTH, LIMIT_SQL_TEXT},
    {SQLITE_LIMIT_EXPR_DEPTH, 200},           {SQLITE_LIMIT_COMPOUND_SELECT, 100},
    {SQLITE_LIMIT_VDBE_OP, 100 * 1000},       {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000}, {SQLITE_LIMIT_VARIABLE_NUMBER, LIMIT_SQL_PARAMS},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 20},         {SQLITE_LIMIT_WORKER_THREADS, 0},
};

static const struct {
  int action;
  const char *word;
} words[] = {
    {SQLITE_INSERT, "INSERT"},
    {SQLITE_UPDATE, "UPDATE"},
    {SQLITE_DELETE, "DELETE"},
    {SQLITE_CREATE_TABLE, "CREATE TABLE"},
    {SQLITE_CREATE_INDEX, "CREATE INDEX"},
    {SQLITE_CREATE_VIEW, "CREATE VIEW"},
    {SQLITE_CREATE_TRIGGER, "CREATE TRIGGER"},
    {SQLITE_CREATE_VTABLE, "CREATE VIRTUAL TABLE"},
    {SQLITE_CREATE_TEMP_TABLE, "a temporary table"},
    {SQLITE_CREATE_TEMP_INDEX, "a temporary index"},
    {SQLITE_CREATE_TEMP_VIEW, "a temporary view"},
    {SQLITE_CREATE_TEMP_TRIGGER, "a temporary trigger"},
    {SQLITE_DROP_TABLE, "DROP TABLE"},
    {SQLITE_DROP_INDEX, "DROP INDEX"},
    {SQLITE_DROP_VIEW, "DROP VIEW"},
    {SQLITE_DROP_TRIGGER, "DROP TRIGGER"},
    {SQLITE_DROP_VTABLE, "DROP TABLE"},
    {SQLITE_ALTER_TABLE, "ALTER TABLE"},
    {SQLITE_ATTACH, "ATTACH"},
    {SQLITE_DETACH, "DETACH"},
    {SQLITE_PRAGMA, "PRAGMA"},
    {SQLITE_TRANSACTION, "a transaction of your own"},
    {SQLITE_SAVEPOINT, "SAVEPOINT"},
    {SQLITE_REINDEX, "REINDEX"},
    {SQLITE_ANALYZE, "ANALYZE"},
};

static int refuse(struct sqlite_handle *handle, int action, const char *name) {
  const char *word = "this";
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    if (words[i].action == action) word = words[i].word;
  if (name) {
    snprintf(handle->refused, sizeof(handle->refused), "%s", name);
  } else {
    snprintf(handle->refused, sizeof(handle->refused), "%s", word);
  }
  return SQLITE_DENY;
}

static bool is_one_of(const char *name, const char *const *names, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (strcasecmp(name, names[i]) == 0) return true;
  return false;
}

/* They reach out of the database, or change how it is read. */
static bool is_function_allowed(const char *name) {
  static const char *const refused[] = {"load_extension", "fts3_tokenizer", "writefile",  "readfile",
                                        "edit",           "fsdir",          "sqlite_log", "lsmode"};
  return name && !is_one_of(name, refused, sizeof(refused) / sizeof(refused[0]));
}

/* SQLite's own tables: the schema and statistics may be seen. Others show what else this handle runs (sqlite_stmt), or
 * are PRAGMA by another name. */
static bool is_table_allowed(const char *name) {
  static const char *const seen[] = {"sqlite_master",      "sqlite_schema",      "sqlite_sequence", "sqlite_stat1",
                                     "sqlite_temp_master", "sqlite_temp_schema", "sqlite_stat4"};
  if (!name) return true;
  if (strncasecmp(name, "pragma_", 7) == 0) return false;
  return strncasecmp(name, "sqlite_", 7) != 0 || is_one_of(name, seen, sizeof(seen) / sizeof(seen[0]));
}

static int authorize_access(struct sqlite_handle *handle, int action, const char *first, const char *second) {
  if (action == SQLITE_FUNCTION)
    return is_function_allowed(second) ? SQLITE_OK : refuse(handle, action, second ? second : "this function");
  if (action == SQLITE_READ) return is_table_allowed(first) ? SQLITE_OK : refuse(handle, action, first);
  return SQLITE_OK;
}

/* What SQLite's own virtual tables ask of the connection while a caller's statement uses them: FTS5 looks whether the
 * file has changed. */
static bool is_asked_by_virtual_tables(int action, const char *first, const char *second) {
  return action == SQLITE_PRAGMA && first && strcasecmp(first, "data_version") == 0 && !second;
}

/* A temporary object would outlive the call: the handle serves other people's calls as well. */
static bool is_refused_in_writing(int action, const char *first, const char *database) {
  switch (action) {
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
    case SQLITE_PRAGMA:
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_VIEW:
    case SQLITE_CREATE_TEMP_TRIGGER:
      return true;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
      /* ALTER TABLE looks at the temporary schema, and changes nothing there. */
      return database && strcasecmp(database, "temp") == 0 && strcasecmp(first ? first : "", "sqlite_temp_master") != 0;
    default:
      return false;
  }
}

static int authorize(void *context, int action, const char *first, const char *second, const char *database,
                     const char *inner) {
  (void)inner;
  struct sqlite_handle *handle = context;
  switch (handle->mode) {
    case SQLITE_MODE_OURS:
      return SQLITE_OK;
    case SQLITE_MODE_READ:
      if (is_asked_by_virtual_tables(action, first, second)) return SQLITE_OK;
      if (action == SQLITE_SELECT || action == SQLITE_RECURSIVE) return SQLITE_OK;
      if (action == SQLITE_READ || action == SQLITE_FUNCTION) return authorize_access(handle, action, first, second);
      return refuse(handle, action, NULL);
    case SQLITE_MODE_WRITE:
      if (is_asked_by_virtual_tables(action, first, second)) return SQLITE_OK;
      if (is_refused_in_writing(action, first, database)) return refuse(handle, action, NULL);
      return authorize_access(handle, action, first, second);
  }
  return SQLITE_DENY;
}

static bool must_stop(struct sqlite_handle *handle) {
  if (!handle->may_stop) return false;
  if (atomic_load_explicit(handle->limits.is_cancelled, memory_order_relaxed)) {
    handle->stopped = STOPPED_CANCELLED;
  } else if (clock_monotonic_us() > handle->limits.deadline_us) {
    handle->stopped = STOPPED_LATE;
  }
  return handle->stopped != NOT_STOPPED;
}

static int on_progress(void *context) {
  return must_stop(context);
}

static int on_busy(void *context, int n_before) {
  if (must_stop(context) || n_before >= BUSY_MS / BUSY_STEP_MS) return 0;
  const struct timespec step = {.tv_nsec = BUSY_STEP_MS * 1000L * 1000L};
  nanosleep(&step, NULL);
  return 1;
}

static void connect_table(struct sqlite_handle *handle, const char *name) {
  char *sql = sqlite3_mprintf("SELECT 1 FROM \"%w\"", name);
  sqlite3_stmt *statement = NULL;
  if (sql) (void)sqlite3_prepare_v3(handle->db, sql, -1, 0, &statement, NULL);
  sqlite3_finalize(statement);
  sqlite3_free(sql);
}

void sqlite_guard_connect_tables(struct sqlite_handle *handle) {
  static const char *const built_in[] = {"json_each", "json_tree"};
  enum sqlite_mode mode = handle->mode;
  handle->mode = SQLITE_MODE_OURS;
  for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
    connect_table(handle, built_in[i]);
  sqlite3_stmt *names = NULL;
  if (sqlite3_prepare_v3(handle->db, "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND rootpage = 0", -1, 0,
                         &names, NULL) == SQLITE_OK)
    while (sqlite3_step(names) == SQLITE_ROW)
      connect_table(handle, (const char *)sqlite3_column_text(names, 0));
  sqlite3_finalize(names);
  handle->mode = mode;
}

bool sqlite_guard_install(struct sqlite_handle *handle) {
  static const struct {
    int what, value;
  } settings[] = {
      {SQLITE_DBCONFIG_DEFENSIVE, 1},
      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
      {SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
      {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
      {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
      {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
  };
  sqlite3 *db = handle->db;
  for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
    if (sqlite3_db_config(db, settings[i].what, settings[i].value, (int *)NULL) != SQLITE_OK) return false;
  for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
    sqlite3_limit(db, caps[i].what, caps[i].value);
  /* From here on statements run, and may have to wait or to stop. */
  sqlite3_progress_handler(db, PROGRESS_OPS, on_progress, handle);
  if (sqlite3_busy_handler(db, on_busy, handle) != SQLITE_OK) return false;
  char cache[64];
  snprintf(cache, sizeof(cache), "PRAGMA cache_size = -%d", CACHE_KIB);
  if (sqlite_handle_run(handle, cache) != SQLITE_OK) return false;
  if (!handle->may_write && sqlite_handle_run(handle, "PRAGMA query_only = 1") != SQLITE_OK) return false;
  return sqlite3_set_authorizer(db, authorize, handle) == SQLITE_OK;
}
