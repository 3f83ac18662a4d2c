/* What is ours among a call's arguments (which account, which page) is taken out before a connector sees them. */
#include "gateway/arguments.h"

yyjson_val *arguments_without(struct arena *arena, yyjson_val *arguments, const char *member) {
  yyjson_alc alc = json_alc(arena);
  yyjson_mut_doc *copy = yyjson_mut_doc_new(&alc);
  yyjson_mut_val *object = copy ? yyjson_val_mut_copy(copy, arguments) : NULL;
  if (!object) return NULL;
  yyjson_mut_obj_remove_key(object, member);
  yyjson_mut_doc_set_root(copy, object);
  yyjson_doc *document = yyjson_mut_doc_imut_copy(copy, &alc);
  return document ? yyjson_doc_get_root(document) : NULL;
}

yyjson_val *arguments_without_nulls(struct arena *arena, yyjson_val *arguments) {
  yyjson_alc alc = json_alc(arena);
  yyjson_mut_doc *copy = yyjson_mut_doc_new(&alc);
  yyjson_mut_val *object = copy ? yyjson_mut_obj(copy) : NULL;
  size_t i, n;
  yyjson_val *name, *value;
  if (!object) return NULL;
  yyjson_obj_foreach(arguments, i, n, name, value) {
    if (yyjson_is_null(value)) continue;
    if (!yyjson_mut_obj_add(object, yyjson_val_mut_copy(copy, name), yyjson_val_mut_copy(copy, value))) return NULL;
  }
  yyjson_mut_doc_set_root(copy, object);
  yyjson_doc *document = yyjson_mut_doc_imut_copy(copy, &alc);
  return document ? yyjson_doc_get_root(document) : NULL;
}
