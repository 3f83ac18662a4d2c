/* A data folder, opened: its key, its database (in it, or at a server), and the check that the two belong together. */
#ifndef CONNEK_CLI_OPEN_H
#define CONNEK_CLI_OPEN_H

#include "audit/audit.h"
#include "base/map.h"
#include "cli/options.h"
#include "db/db.h"
#include "store/store.h"
#include "vault/vault.h"

enum cli_access {
  CLI_READ,   /* the folder must hold data */
  CLI_WRITE,  /* the same; built-in connectors are brought up to date */
  CLI_CREATE, /* the folder and what is in it are made where they are missing */
  CLI_SERVE,  /* the same, and nobody else serves it until cli_close */
  CLI_ALONE,  /* as CLI_WRITE, while nobody serves it */
};

struct cli_store {
  const char *dir;
  struct vault *vault;
  struct db *db;
  struct db_conn *conn;
  int lock; /* the folder's descriptor; -1: not held */
};

/* As --data and --database say. On failure nothing is held. */
enum err_code cli_open(const struct cli_args *args, enum cli_access access, struct cli_store *ret_store,
                       struct err *err) MUST_CHECK;
/* The same for a folder whose database is its own. */
enum err_code cli_open_folder(const char *dir, enum cli_access access, struct cli_store *ret_store,
                              struct err *err) MUST_CHECK;
/* The folder (made where it is missing) and its key, which has to be there, while nobody serves it; without a database:
 * whoever asks opens it into the store. */
enum err_code cli_open_empty(const struct cli_args *args, struct cli_store *ret_store, struct err *err) MUST_CHECK;
/* db_open_empty, by the rules for addresses. */
enum err_code cli_open_empty_database(const char *dir, const char *url, struct db **ret_db, struct err *err) MUST_CHECK;
void cli_close(struct cli_store *store);
/* Is there a database in the folder? */
bool cli_has_data(const char *dir);

/* Asks a running server to take what was just committed; waits until it has. ERR_TIMEOUT or another failure: it runs
 * and did not confirm. */
enum err_code cli_confirm(const struct cli_store *store, struct err *err) MUST_CHECK;

/* Every organisation with its keys. */
struct cli_organisation {
  struct organisation_record record;
  struct vault_keys *keys; /* NULL: they do not open */
};
struct cli_organisations {
  struct cli_organisation *items;
  size_t n;
  struct map by_id;
};
enum err_code cli_organisations_load(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                                     struct cli_organisations *ret_organisations, struct err *err) MUST_CHECK;
void cli_organisations_release(struct cli_organisations *organisations);
const struct cli_organisation *cli_organisations_find(const struct cli_organisations *organisations, struct uuid id);
/* Of an id as text; the id itself where it is none of them. */
struct str cli_organisation_name(const struct cli_organisations *organisations, struct str id_text);
/* audit_keys_of; the context is a struct cli_organisations. */
const struct vault_keys *cli_keys_of(struct uuid organisation_id, void *context);

#endif
