/* Settings that a service gave join those that an admin set. */
#include "codec/json.h"
#include "connector/connector.h"

yyjson_val *connector_settings_with(struct arena *arena, yyjson_val *settings, yyjson_val *captured) {
  if (yyjson_obj_size(captured) == 0) return settings;
  yyjson_alc alc = json_alc(arena);
  yyjson_mut_doc *doc = yyjson_mut_doc_new(&alc);
  yyjson_mut_val *root = !doc ? NULL : settings ? yyjson_val_mut_copy(doc, settings) : yyjson_mut_obj(doc);
  if (!root) return NULL;
  yyjson_mut_doc_set_root(doc, root);
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach(captured, i, n, key, value) {
    yyjson_mut_val *name = yyjson_val_mut_copy(doc, key), *copy = yyjson_val_mut_copy(doc, value);
    if (!name || !copy || !yyjson_mut_obj_put(root, name, copy)) return NULL;
  }
  yyjson_doc *merged = yyjson_mut_doc_imut_copy(doc, &alc);
  return merged ? yyjson_doc_get_root(merged) : NULL;
}
