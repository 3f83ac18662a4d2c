/* An organisation as a file: `connek apply` and `connek export`. Strict JSON with "//" comments; unknown members are
 * refused with their place. Paths are relative to the file. */
#ifndef CONNEK_CONFIG_CONFIG_H
#define CONNEK_CONFIG_CONFIG_H

#include "audit/audit.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "db/db.h"
#include "store/store.h"
#include "vault/vault.h"

struct config; /* one parsed file: connectors compiled, {"env"} and {"file"} resolved, nothing written yet */

/* Reads and checks `path` and all it names (manifests). `data_dir`: database paths under it are refused. */
enum err_code config_read(struct arena *arena, const char *path, const char *data_dir, struct config **ret_config,
                          struct err *err) MUST_CHECK;

/* The same from memory, naming the text `file` in errors. An empty `base_dir` means that the text is not the operator's
 * own: files, variables and database paths are refused, and nothing outside the text is looked at. */
enum err_code config_read_text(struct arena *arena, struct str text, struct str file, struct str base_dir,
                               struct str data_dir, struct config **ret_config, struct err *err) MUST_CHECK;
struct config_edit {
  /* A connection that says nothing of its settings keeps these, as they are stored; .p NULL: it has none. */
  struct str kept_settings;
  /* Connections are the author's own, and made by themselves: such a one is nobody else's to change, and no file's. */
  bool is_owners;
};
/* One value or a few, as somebody edits them who may name no file: config_read_text without a folder. Errors' places
 * begin with ": ". */
enum err_code config_read_edit(struct arena *arena, struct str text, const struct config_edit *edit,
                               struct config **ret_config, struct err *err) MUST_CHECK;
/* Wipes the credentials; before the arena is released. NULL is fine. */
void config_release(struct config *config);

/* An author that is NULL in what follows: the operator, by a command. */

/* What a change is about; members that are nil or empty are not known. */
struct config_about {
  struct uuid token_id, connection_id;
  struct str connection, connector; /* name; id */
};
/* The audit record of a change that no file speaks of, in the change's own transaction; `word`: "user.invite";
 * `arguments`: RFC 8785; `about` NULL: the organisation. */
enum err_code config_record(struct db_tx *tx, const struct vault *vault, const struct organisation_record *organisation,
                            const char *word, struct str arguments, const struct config_about *about,
                            const struct audit_author *author, struct err *err) MUST_CHECK;

/* Makes the database equal to the file, in the caller's write transaction: all or nothing. Appends one line a change to
 * `out`
 * ("+ role finance", "~ connection orders: settings, credential", "- user x@acme.example"); nothing at all where
 * nothing changes. What the file does not name stays, and is listed as "  not in the file: role old (kept; --prune
 * removes it)", unless `may_prune`. Each change has its audit record and the change log's row. */
enum err_code config_apply(struct db_tx *tx, const struct vault *vault, const struct config *config, bool may_prune,
                           const struct audit_author *author, struct buf *out, size_t *ret_n_changes,
                           struct err *err) MUST_CHECK;

/* Takes one thing away, or gives it another name, as an apply would: with its audit record and the change log's row. A
 * connection that rules name, or a connector with connections, stays: ERR_CONFLICT, saying which. Rules follow a
 * connection's new name. Connectors go by their id as name. */
enum config_part { CONFIG_CONNECTOR, CONFIG_CONNECTION, CONFIG_ROLE, CONFIG_USER };
enum err_code config_remove(struct db_tx *tx, const struct vault *vault, struct uuid organisation_id,
                            enum config_part part, struct str name, const struct audit_author *author,
                            struct err *err) MUST_CHECK;
enum err_code config_rename(struct db_tx *tx, const struct vault *vault, struct uuid organisation_id,
                            enum config_part part, struct str from, struct str to, const struct audit_author *author,
                            struct err *err) MUST_CHECK;

/* Writes one organisation (by name; empty: the only one) as a file that apply takes back; credentials as {"env": "..."}
 * placeholders named after the connection. */
enum err_code config_export(struct db_tx *tx, const struct vault *vault, struct str organisation, struct buf *out,
                            struct err *err) MUST_CHECK;

/* Appends a whole file of at most `max` bytes; the text of the error says why it could not be, not which file. */
enum err_code config_read_file(const char *path, size_t max, struct buf *out, struct err *err) MUST_CHECK;

/* The organisation of that name; empty: the only one there is (ERR_INVALID where there are several). */
enum err_code config_find_organisation(struct db_tx *tx, struct arena *arena, struct str name,
                                       struct organisation_record *ret_organisation, struct err *err) MUST_CHECK;

/* The built-in connector definitions as rows (idempotent; a changed one gets the next version). At each opening of a
 * data folder that may write. */
enum err_code config_install_builtins(struct db_tx *tx, struct err *err) MUST_CHECK;

#endif
