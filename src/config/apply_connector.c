/* The organisation's own connectors. A changed definition becomes the next version beside the old one. */
#include "config/apply.h"
#include "config/credential.h"
#include "vault/places.h"

static enum err_code environment_differs(struct apply *apply, const struct connector_record *old,
                                         const struct config_connector *connector, bool *ret_differs) {
  *ret_differs = (old->environment.n > 0) != (connector->environment != NULL);
  if (*ret_differs || !connector->environment) return ERR_NONE;
  struct secret *plain = NULL;
  *ret_differs = true;
  enum err_code code =
      vault_unseal(apply->keys, vault_place_environment(old->id), old->environment, &plain, apply->err);
  if (code == ERR_INVALID) return ERR_NONE; /* what does not open is replaced by what the file gives */
  bool is_same = false;
  if (!code) code = credential_is_same(plain, connector->environment, &is_same, apply->err);
  secret_free(plain);
  if (!code) *ret_differs = !is_same;
  return code;
}

static enum err_code apply_connector(struct apply *apply, const struct config_connector *connector) {
  const struct connector_record *old = map_get(&apply->connectors.stored, connector->id);
  if (old && uuid_is_nil(old->organisation_id)) {
    return apply_fail(apply, connector->place, "", "\"%.*s\" is a built-in connector; one of your own needs another id",
                      STR_ARG(connector->id));
  }
  bool is_same = old && memcmp(old->hash, connector->hash, sizeof(old->hash)) == 0, has_other_secrets = false;
  enum err_code code = is_same ? environment_differs(apply, old, connector, &has_other_secrets) : ERR_NONE;
  if (code || (is_same && !has_other_secrets)) return code;
  struct connector_record *record = arena_new(apply->arena, struct connector_record);
  if (!record) return err_no_memory(apply->err);
  *record = (struct connector_record){.organisation_id = apply->organisation.id,
                                      .id = connector->id,
                                      .version = old ? old->version + 1 : 1,
                                      .status = connector->status,
                                      .kind = str_of(connector->compiled->kind->name),
                                      .source = STR("custom"),
                                      .definition = connector->definition};
  memcpy(record->hash, connector->hash, sizeof(record->hash));
  if (connector->environment) {
    code = vault_seal(apply->keys, apply->arena, vault_place_environment(record->id),
                      secret_open(connector->environment), &record->environment, apply->err);
  }
  if (!code) code = store_connector_insert(apply->tx, record, apply->err);
  if (!code) code = apply_put(apply, &apply->connectors.stored, record->id, record);
  if (code) return code;
  struct str detail = STR_NONE;
  if (old) {
    detail = arena_printf(apply->arena, "version %lld%s", (long long)record->version,
                          has_other_secrets ? ", environment" : "");
    if (!detail.p) return err_no_memory(apply->err);
  }
  return apply_change(apply, &(struct apply_change){.sign = old ? '~' : '+',
                                                    .what = "connector",
                                                    .name = connector->id,
                                                    .detail = detail,
                                                    .word = old ? "connector.update" : "connector.create",
                                                    .connector = record});
}

enum err_code apply_connectors(struct apply *apply) {
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < apply->config->n_connectors && !code; i++) {
    code = apply_connector(apply, &apply->config->connectors[i]);
  }
  return code;
}

enum err_code remove_connector(struct apply *apply, const struct connector_record *old) {
  enum err_code code = store_connector_delete(apply->tx, apply->organisation.id, old->id, apply->err);
  if (!code) code = store_personal_connector_delete(apply->tx, apply->organisation.id, old->id, apply->err);
  return code ? code
              : apply_change(apply, &(struct apply_change){.sign = '-',
                                                           .what = "connector",
                                                           .name = old->id,
                                                           .word = "connector.delete",
                                                           .connector = old});
}

enum err_code prune_connectors(struct apply *apply) {
  for (size_t i = 0; i < apply->n_old_connectors; i++) {
    const struct connector_record *old = &apply->old_connectors[i];
    if (map_get(&apply->connectors.file, old->id)) continue;
    if (!apply->may_prune) {
      apply_kept(apply, "connector", old->id);
      continue;
    }
    enum err_code code = remove_connector(apply, old);
    if (code) return code;
  }
  return ERR_NONE;
}
