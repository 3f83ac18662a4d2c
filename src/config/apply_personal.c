/* "personal": connectors that people may connect accounts of their own to. What they then connect is theirs, and no
 * file speaks of it. */
#include "codec/json.h"
#include "config/apply.h"

static bool has(const struct str *list, size_t n, struct str id) {
  for (size_t i = 0; i < n; i++)
    if (str_eq(list[i], id)) return true;
  return false;
}

/* A credential becomes variables of a program that runs here, or a setting names a file: nobody but the operator's file
 * may say such a thing. */
static enum err_code check(struct apply *apply, const struct config_personal *personal) {
  const struct connector_record *connector = map_get(&apply->connectors.stored, personal->connector_id);
  yyjson_doc *doc = NULL;
  if (!connector || !apply_has(apply, &apply->connectors, personal->connector_id))
    return apply_fail(apply, personal->place, "", "there is no connector \"%.*s\"", STR_ARG(personal->connector_id));
  enum err_code code = json_read_file_text(apply->arena, connector->definition, &doc, apply->err);
  if (code) return code;
  bool is_remote = str_eq_c(connector->kind, "http") ||
                   (str_eq_c(connector->kind, "mcp") && json_get(yyjson_doc_get_root(doc), "url"));
  if (is_remote) return ERR_NONE;
  return apply_fail(apply, personal->place, "",
                    "\"%.*s\" works on this machine: people connect accounts of their own only to services elsewhere",
                    STR_ARG(personal->connector_id));
}

static enum err_code record(struct apply *apply, char sign, struct str id) {
  return apply_change(apply, &(struct apply_change){.sign = sign,
                                                    .what = "personal",
                                                    .name = id,
                                                    .word = sign == '+' ? "personal.allow" : "personal.end",
                                                    .connector = map_get(&apply->connectors.stored, id)});
}

static enum err_code end(struct apply *apply, struct str id) {
  enum err_code code = store_personal_connector_delete(apply->tx, apply->organisation.id, id, apply->err);
  return code ? code : record(apply, '-', id);
}

static bool is_wanted(const struct config *config, struct str id) {
  for (size_t i = 0; i < config->n_personal; i++)
    if (str_eq(config->personal[i].connector_id, id)) return true;
  return false;
}

enum err_code apply_personal(struct apply *apply) {
  const struct config *config = apply->config;
  const struct str *stored = NULL;
  size_t n = 0;
  enum err_code code =
      store_personal_connector_list(apply->tx, apply->arena, apply->organisation.id, &stored, &n, apply->err);
  for (size_t i = 0; i < config->n_personal && !code; i++) {
    struct str id = config->personal[i].connector_id;
    code = check(apply, &config->personal[i]);
    if (code || has(stored, n, id)) continue;
    code = store_personal_connector_insert(apply->tx, apply->organisation.id, id, apply->err);
    if (!code) code = record(apply, '+', id);
  }
  for (size_t i = 0; i < n && !code; i++) {
    if (config->has_personal && !is_wanted(config, stored[i])) code = end(apply, stored[i]);
  }
  return code;
}

enum err_code prune_personal(struct apply *apply) {
  const struct str *stored = NULL;
  size_t n = 0;
  if (apply->config->has_personal) return ERR_NONE;
  enum err_code code =
      store_personal_connector_list(apply->tx, apply->arena, apply->organisation.id, &stored, &n, apply->err);
  for (size_t i = 0; i < n && !code; i++) {
    if (apply->may_prune)
      code = end(apply, stored[i]);
    else
      apply_kept(apply, "personal", stored[i]);
  }
  return code;
}
