/* Opens a data folder for a command or the server. Says in plain words what is missing or does not fit. */
#include "cli/open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "cli/cli.h"
#include "cluster/membership.h"
#include "config/config.h"
#include "keyring/keyring.h"
#include "org/coherence.h"

enum { CONFIRM_MS = 10 * 1000 };

bool cli_has_data(const char *dir) {
  char path[PATH_MAX];
  int n = snprintf(path, sizeof(path), "%s/connek.db", dir);
  return n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) == 0;
}

/* With the folders above it, for whoever runs this alone. */
static enum err_code make_folder(const char *dir, struct err *err) {
  char path[PATH_MAX];
  size_t n = strlen(dir);
  if (n == 0 || n >= sizeof(path)) return err_set(err, ERR_INVALID, "not a folder's name");
  memcpy(path, dir, n + 1);
  for (size_t i = 1; i <= n; i++) {
    if (path[i] != '/' && path[i] != '\0') continue;
    path[i] = '\0';
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
      return err_set(err, ERR_UNAVAILABLE, "the data folder cannot be made: %s", strerror(errno));
    }
    if (i < n) path[i] = '/';
  }
  return ERR_NONE;
}

static enum err_code look(const char *dir, enum cli_access access, bool is_database_elsewhere, struct err *err) {
  struct stat status;
  bool may_create = access == CLI_CREATE || access == CLI_SERVE;
  if (stat(dir, &status) != 0) {
    if (errno == ENOENT && may_create) return make_folder(dir, err);
    if (errno == ENOENT) {
      return err_set(err, ERR_NOT_FOUND, "there is no such folder; connek apply FILE --data %s makes it", dir);
    }
    return err_set(err, ERR_UNAVAILABLE, "the data folder cannot be opened: %s", strerror(errno));
  }
  if (!S_ISDIR(status.st_mode)) return err_set(err, ERR_INVALID, "is not a folder");
  if (!may_create && !is_database_elsewhere && !cli_has_data(dir)) {
    return err_set(err, ERR_NOT_FOUND, "holds no data of Connek; connek apply FILE --data %s makes it", dir);
  }
  return ERR_NONE;
}

/* The folder itself carries the lock: no file is left behind, and it ends with the process. */
static enum err_code lock(struct cli_store *store, const char *problem, struct err *err) {
  store->lock = open(store->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (store->lock < 0) return err_set(err, ERR_UNAVAILABLE, "the data folder cannot be opened: %s", strerror(errno));
  if (flock(store->lock, LOCK_EX | LOCK_NB) == 0) return ERR_NONE;
  if (errno == EWOULDBLOCK) return err_set(err, ERR_CONFLICT, "%s", problem);
  return err_set(err, ERR_UNAVAILABLE, "the data folder cannot be locked: %s", strerror(errno));
}

/* --- do the key and the database belong together? --- */

static enum err_code check_master(struct db_tx *tx, const struct cli_store *store, bool *ret_is_new, struct err *err) {
  struct arena arena;
  arena_init(&arena, 0);
  enum err_code code = keyring_check_master(tx, &arena, store->vault, store->dir, ret_is_new, err);
  arena_release(&arena);
  return code;
}

static enum err_code check(struct db_tx *tx, void *context, struct err *err) {
  bool is_new = false;
  return check_master(tx, context, &is_new, err);
}

static enum err_code check_and_install(struct db_tx *tx, void *context, struct err *err) {
  const struct cli_store *store = context;
  bool is_new = false;
  enum err_code code = check_master(tx, store, &is_new, err);
  if (!code && is_new) code = keyring_set_master(tx, store->vault, err);
  return code ? code : config_install_builtins(tx, err);
}

/* A change of the master key that was cut off between its transaction and its end: the new one is in the folder. */
static void take_next(struct cli_store *store) {
  struct vault *next = NULL, *old = store->vault;
  if (!vault_is_of_folder(old) || vault_find_next(store->dir, &next, NULL)) return;
  store->vault = next;
  if (db_read(store->conn, check, store, NULL) || vault_take_next(store->dir, NULL)) {
    store->vault = old;
    vault_close(next);
    return;
  }
  vault_close(old);
}

/* An argument is seen by every process of the machine, the environment by its owner alone; and not even there for
 * longer than it takes to read it. */
static enum err_code open_server(const char *url, bool is_empty, bool may_create, struct db **ret_db, struct err *err) {
  bool is_of_variable = url == getenv(CLI_DATABASE_VARIABLE);
  if (!is_of_variable && db_url_has_password(url))
    return err_set(err, ERR_INVALID,
                   "--database holds a password, which every process of this machine could read. Say the address by "
                   "the variable %s, or leave its password out and put it into a file (PGPASSFILE)",
                   CLI_DATABASE_VARIABLE);
  enum err_code code = is_empty ? db_open_empty(NULL, url, ret_db, err) : db_open_server(url, may_create, ret_db, err);
  if (is_of_variable) secret_wipe_variable(CLI_DATABASE_VARIABLE);
  return code;
}

enum err_code cli_open_empty_database(const char *dir, const char *url, struct db **ret_db, struct err *err) {
  return url ? open_server(url, true, false, ret_db, err) : db_open_empty(dir, NULL, ret_db, err);
}

static enum err_code open_database(const char *dir, const char *url, bool may_create, struct db **ret_db,
                                   struct err *err) {
  return url ? open_server(url, false, may_create, ret_db, err) : db_open(dir, may_create, ret_db, err);
}

static enum err_code check_unsealed(struct db_tx *tx, void *context, struct err *err) {
  const struct cli_store *store = context;
  struct arena arena;
  bool has_master = false;
  arena_init(&arena, 0);
  enum err_code code = keyring_has_master(tx, &arena, &has_master, err);
  arena_release(&arena);
  if (code || !has_master) return code;
  return err_set(
      err, ERR_UNAVAILABLE,
      "%.160s has no master.key, but the database has data: put the installation's key there (0400); without "
      "it nothing stored can be opened",
      store->dir);
}

/* Of a database elsewhere an empty folder does not say that nothing was sealed: a key made there would open nothing. */
static enum err_code open_vault_and_database(struct cli_store *store, const char *url, bool may_create,
                                             struct err *err) {
  enum err_code code = vault_open(store->dir, may_create && !url, &store->vault, err);
  bool has_no_key = url && code == ERR_NOT_FOUND;
  if (has_no_key) code = ERR_NONE;
  if (!code) code = open_database(store->dir, url, may_create, &store->db, err);
  if (!code) code = db_connect(store->db, &store->conn, err);
  if (!code && has_no_key) code = db_read(store->conn, check_unsealed, store, err);
  if (!code && has_no_key) code = vault_open(store->dir, may_create, &store->vault, err);
  return code;
}

static const char is_served[] = "connek serve runs on this data folder: stop it first";

static enum err_code open_store(const char *dir, const char *url, enum cli_access access, struct cli_store *ret_store,
                                struct err *err) {
  struct cli_store store = {.dir = dir, .lock = -1};
  bool may_create = access == CLI_CREATE || access == CLI_SERVE;
  enum err_code code = look(dir, access, url != NULL, err);
  if (code) err_place(err, "%s", dir);
  if (!code && access == CLI_SERVE) code = lock(&store, "another connek serve runs on this data folder", err);
  if (!code && access == CLI_ALONE) code = lock(&store, is_served, err);
  if (!code) code = open_vault_and_database(&store, url, may_create, err);
  if (!code && db_read(store.conn, check, &store, NULL)) take_next(&store);
  if (!code) {
    code = access == CLI_READ ? db_read(store.conn, check, &store, err)
                              : db_write(store.conn, check_and_install, &store, err);
  }
  if (code) {
    if (err && !url && !err->place[0] && !strstr(err->text, dir)) err_place(err, "%s", dir);
    cli_close(&store);
    return code;
  }
  *ret_store = store;
  return ERR_NONE;
}

enum err_code cli_open(const struct cli_args *args, enum cli_access access, struct cli_store *ret_store,
                       struct err *err) {
  return open_store(cli_value(args, "data"), cli_value(args, "database"), access, ret_store, err);
}

enum err_code cli_open_folder(const char *dir, enum cli_access access, struct cli_store *ret_store, struct err *err) {
  return open_store(dir, NULL, access, ret_store, err);
}

enum err_code cli_open_empty(const struct cli_args *args, struct cli_store *ret_store, struct err *err) {
  const char *dir = cli_value(args, "data"), *url = cli_value(args, "database");
  struct cli_store store = {.dir = dir, .lock = -1};
  enum err_code code = look(dir, CLI_CREATE, url != NULL, err);
  if (!code) code = lock(&store, is_served, err);
  if (code) err_place(err, "%s", dir);
  if (!code) code = vault_open(dir, false, &store.vault, err);
  if (code == ERR_NOT_FOUND)
    code = err_set(err, ERR_NOT_FOUND, "there is no master key: put the installation's into %s/master.key (0400) first",
                   dir);
  if (code) {
    cli_close(&store);
    return code;
  }
  *ret_store = store;
  return ERR_NONE;
}

void cli_close(struct cli_store *store) {
  if (store->conn) db_disconnect(store->conn);
  if (store->db) db_close(store->db);
  if (store->vault) vault_close(store->vault);
  if (store->lock >= 0) (void)close(store->lock);
  *store = (struct cli_store){.lock = -1};
}

enum err_code cli_confirm(const struct cli_store *store, struct err *err) {
  bool is_running = false;
  enum err_code code = coherence_ask(store->dir, CONFIRM_MS, &is_running, err);
  /* A server of this folder answers for all of them. */
  if (code || is_running || !db_is_shared(store->db)) return code;
  return membership_confirm(store->conn, CONFIRM_MS, err);
}

/* --- organisations and their keys --- */

enum err_code cli_organisations_load(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                                     struct cli_organisations *ret_organisations, struct err *err) {
  const struct organisation_record *records;
  size_t n;
  enum err_code code = store_organisation_list(tx, arena, &records, &n, err);
  if (code) return code;
  struct cli_organisations all = {.items = arena_new_n(arena, struct cli_organisation, n + 1), .n = n};
  if (!all.items) return err_no_memory(err);
  map_init(&all.by_id);
  for (size_t i = 0; i < n && !code; i++) {
    all.items[i].record = records[i];
    /* Keys that do not open are a finding about their organisation alone. */
    if (vault_keys_open(vault, records[i].id, records[i].data_key, &all.items[i].keys, err)) all.items[i].keys = NULL;
    if (map_put(&all.by_id, uuid_bytes(&all.items[i].record.id), &all.items[i])) code = err_no_memory(err);
  }
  if (code) {
    cli_organisations_release(&all);
    return code;
  }
  *ret_organisations = all;
  return ERR_NONE;
}

void cli_organisations_release(struct cli_organisations *organisations) {
  for (size_t i = 0; i < organisations->n; i++)
    vault_keys_free(organisations->items[i].keys);
  map_release(&organisations->by_id);
  *organisations = (struct cli_organisations){0};
}

const struct cli_organisation *cli_organisations_find(const struct cli_organisations *organisations, struct uuid id) {
  return map_get(&organisations->by_id, uuid_bytes(&id));
}

struct str cli_organisation_name(const struct cli_organisations *organisations, struct str id_text) {
  struct uuid id;
  if (!uuid_parse(id_text, &id)) return id_text;
  const struct cli_organisation *organisation = cli_organisations_find(organisations, id);
  return organisation ? organisation->record.name : id_text;
}

const struct vault_keys *cli_keys_of(struct uuid organisation_id, void *context) {
  const struct cli_organisation *organisation = cli_organisations_find(context, organisation_id);
  return organisation ? organisation->keys : NULL;
}
