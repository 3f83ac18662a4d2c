/* Where a $ref leads (2020-12 core, 8.2.3): to a resource by its URI, in it to an anchor or along a JSON pointer.
 * Never to the network. */
#include "codec/schema_char.h"
#include "codec/schema_compiler.h"
#include "codec/schema_uri.h"
#include "codec/utf8.h"

enum { SHOWN_REFERENCE = 120, FRAGMENT_MAX = 64 * 1024 };

static enum err_code refuse(struct schema_compiler *compiler, yyjson_val *reference, const char *why) {
  struct str shown = utf8_cut(json_str(reference), SHOWN_REFERENCE);
  return schema_refuse(compiler, reference, "the reference \"%.*s\" %s", STR_ARG(shown), why);
}

static enum err_code document_load(struct schema_compiler *compiler, struct str uri,
                                   struct schema_resource **ret_resource) {
  for (size_t i = 0; i < compiler->options->n_documents; i++) {
    const struct schema_document *document = &compiler->options->documents[i];
    if (str_eq(document->uri, uri)) return schema_index_document(compiler, uri, document->value, ret_resource);
  }
  const char *meta = schema_meta_text(uri);
  if (!meta) return ERR_NOT_FOUND;
  yyjson_doc *doc = NULL;
  if (json_read(compiler->arena, str_of(meta), &doc, NULL) != ERR_NONE) return err_no_memory(compiler->err);
  return schema_index_document(compiler, uri, yyjson_doc_get_root(doc), ret_resource);
}

static enum err_code resource_find(struct schema_compiler *compiler, const struct schema_spot *spot,
                                   struct str reference, struct schema_resource **ret_resource) {
  if (reference.n == 0 || reference.p[0] == '#') {
    *ret_resource = spot->resource;
    return ERR_NONE;
  }
  struct str uri = schema_uri_resolve(&compiler->scratch, spot->resource->base, reference);
  if (!uri.p) return err_no_memory(compiler->err);
  *ret_resource = map_get(&compiler->resources, uri);
  return *ret_resource ? ERR_NONE : document_load(compiler, uri, ret_resource);
}

/* %XX; a '%' that begins none stands for itself. */
static struct str fragment_decode(struct schema_compiler *compiler, struct str fragment) {
  struct buf out;
  buf_init(&out, &compiler->scratch, FRAGMENT_MAX);
  for (size_t i = 0; i < fragment.n; i++) {
    if (fragment.p[i] == '%' && fragment.n - i > 2 && char_is_hex(fragment.p[i + 1]) &&
        char_is_hex(fragment.p[i + 2])) {
      buf_append_byte(&out, (char)(char_hex_value(fragment.p[i + 1]) * 16 + char_hex_value(fragment.p[i + 2])));
      i += 2;
    } else {
      buf_append_byte(&out, fragment.p[i]);
    }
  }
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

/* RFC 6901, 4: ~1 first, then ~0; in place. */
static struct str token_decode(char *p, size_t n) {
  size_t out = 0;
  for (size_t i = 0; i < n; i++) {
    bool is_escape = p[i] == '~' && i + 1 < n && (p[i + 1] == '0' || p[i + 1] == '1');
    p[out++] = is_escape ? (p[i + 1] == '0' ? '~' : '/') : p[i];
    if (is_escape) i++;
  }
  return str_make(p, out);
}

static yyjson_val *step(yyjson_val *value, struct str token) {
  uint64_t index;
  if (yyjson_is_obj(value)) return yyjson_obj_getn(value, token.p, token.n);
  if (!yyjson_is_arr(value) || !str_to_u64(token, &index) || (token.n > 1 && token.p[0] == '0')) return NULL;
  return yyjson_arr_get(value, index);
}

/* `resource` becomes the one in which the value stands. */
static yyjson_val *pointer_walk(struct schema_compiler *compiler, struct str pointer,
                                struct schema_resource **resource) {
  yyjson_val *value = (*resource)->root;
  char *p = (char *)(uintptr_t)pointer.p, *end = p + pointer.n; /* in scratch memory: ours to change */
  while (value && p < end) {
    char *stop = memchr(p + 1, '/', (size_t)(end - p - 1));
    if (!stop) stop = end;
    value = step(value, token_decode(p + 1, (size_t)(stop - p - 1)));
    struct schema_spot *spot = value ? schema_spot_find(compiler, value) : NULL;
    if (spot) *resource = spot->resource;
    p = stop;
  }
  return value;
}

enum err_code schema_reference_follow(struct schema_compiler *compiler, const struct schema_spot *spot,
                                      yyjson_val *reference, yyjson_val **ret_value,
                                      struct schema_anchor **ret_anchor) {
  if (!yyjson_is_str(reference)) return schema_refuse(compiler, reference, "a reference must be a URI");
  struct schema_resource *resource = NULL;
  struct schema_uri uri;
  schema_uri_split(json_str(reference), &uri);
  enum err_code code = resource_find(compiler, spot, json_str(reference), &resource);
  if (code == ERR_NOT_FOUND) return refuse(compiler, reference, "leads out of the schema, and nothing is fetched");
  if (code != ERR_NONE) return code;
  struct str fragment = fragment_decode(compiler, uri.fragment);
  if (uri.fragment.n > 0 && !fragment.p) return err_no_memory(compiler->err);
  yyjson_val *value = resource->root;
  struct schema_anchor *anchor = NULL;
  if (str_starts(fragment, STR("/"))) {
    value = pointer_walk(compiler, fragment, &resource);
  } else if (fragment.n > 0) {
    anchor = schema_anchor_find(compiler, resource, fragment);
    value = anchor ? anchor->spot->value : NULL;
  }
  if (!value) return refuse(compiler, reference, "leads nowhere");
  if (!yyjson_is_bool(value) && !yyjson_is_obj(value)) return refuse(compiler, reference, "leads to what is no schema");
  code = schema_index_value(compiler, value, resource);
  if (code != ERR_NONE) return code;
  *ret_value = value;
  if (ret_anchor) *ret_anchor = anchor;
  return ERR_NONE;
}
