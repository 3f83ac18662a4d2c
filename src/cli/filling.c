/* Puts a backup into an empty database, and lets it be kept only where all of it holds. Must not know where the backup
 * came from. */
#include "cli/filling.h"

#include <string.h>

#include "base/secret.h"
#include "keyring/keyring.h"

void filling_show(void *context, struct str table, int64_t rows, bool is_end) {
  const struct cli_args *args = context;
  if (!rows) return;
  (void)fprintf(stderr, "connek %s: %.*s: %lld%s\n", args->command->name, STR_ARG(table), (long long)rows,
                is_end ? "" : " ...");
}

void filling_count(struct buf *out, const struct backup_totals *totals) {
  buf_printf(out, "%lld tables with %lld rows", (long long)totals->tables, (long long)totals->rows);
}

void filling_owner(const struct vault *vault, struct backup_owner *ret_owner) {
  vault_fingerprint(vault, ret_owner->fingerprint);
  vault_backup_key(vault, ret_owner->key);
}

enum err_code filling_check_key(const struct vault *vault, const struct backup_label *label, struct err *err) {
  struct backup_owner owner;
  filling_owner(vault, &owner);
  bool is_ours = memcmp(owner.fingerprint, label->master, sizeof owner.fingerprint) == 0;
  enum err_code code = is_ours ? backup_check_seal(label, &owner, err) : ERR_NONE;
  secret_wipe(&owner, sizeof owner);
  if (is_ours) return code;
  const char *right = vault_find(vault, label->master);
  if (right)
    return err_set(err, ERR_UNAVAILABLE, "%s is not the master key of this backup, %s is: take the first away",
                   vault_source(vault), right);
  return err_set(err, ERR_UNAVAILABLE,
                 "%s is not the master key of this backup: put the key of the installation that it was made of there",
                 vault_source(vault));
}

static enum err_code check_trail(struct db_tx *tx, struct filling *filling, struct err *err) {
  struct cli_organisations organisations;
  enum err_code code = cli_organisations_load(tx, filling->arena, filling->vault, &organisations, err);
  if (code) return code;
  code = audit_verify(tx, cli_keys_of, &organisations, STR_NONE, &filling->finding, err);
  cli_organisations_release(&organisations);
  if (code) return code;
  if (filling->finding.holds) return ERR_NONE;
  return err_set(err, ERR_CONFLICT, "its audit trail does not hold: %s", filling->finding.text);
}

enum err_code filling_work(struct db_tx *tx, void *context, struct err *err) {
  struct filling *filling = context;
  bool is_new = false;
  enum err_code code = backup_load(tx, filling->arena, filling->fd, &filling->label, filling_show,
                                   (void *)filling->args, &filling->totals, err);
  if (!code) code = keyring_check_master(tx, filling->arena, filling->vault, filling->dir, &is_new, err);
  return code ? code : check_trail(tx, filling, err);
}
