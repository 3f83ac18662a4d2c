/* Trees as JSON. What is absent drops its member, and what becomes empty by that alone is absent too. */
#include "connector/http/body.h"

static enum err_code write_members(struct buf *out, const struct http_node *node, const struct template_scope *scope,
                                   bool *ret_is_absent, struct err *err) {
  bool is_object = node->kind == HTTP_NODE_OBJECT, is_empty = true;
  buf_append_byte(out, is_object ? '{' : '[');
  for (size_t i = 0; i < node->n_members; i++) {
    const struct http_member *member = &node->members[i];
    size_t before = out->n;
    if (!is_empty) buf_append_byte(out, ',');
    buf_append_str(out, member->json);
    bool is_absent;
    enum err_code code = http_node_write_json(out, &member->node, scope, &is_absent, err);
    if (code != ERR_NONE) return code;
    if (is_absent) {
      out->n = before;
    } else {
      is_empty = false;
    }
  }
  buf_append_byte(out, is_object ? '}' : ']');
  *ret_is_absent = is_empty && node->n_members > 0;
  return ERR_NONE;
}

static enum err_code write_text(struct buf *out, const struct http_node *node, const struct template_scope *scope,
                                bool *ret_is_absent, struct err *err) {
  buf_append_byte(out, '"');
  enum err_code code = template_write(out, &node->text, TEMPLATE_IN_JSON, scope, ret_is_absent, err);
  buf_append_byte(out, '"');
  return code;
}

enum err_code http_node_write_json(struct buf *out, const struct http_node *node, const struct template_scope *scope,
                                   bool *ret_is_absent, struct err *err) {
  *ret_is_absent = false;
  switch (node->kind) {
    case HTTP_NODE_CONSTANT:
      buf_append_str(out, node->json);
      return ERR_NONE;
    case HTTP_NODE_VALUE: {
      yyjson_val *value = template_value(&node->text.pieces[0], scope);
      *ret_is_absent = !value;
      if (value) json_write_value(out, value);
      return ERR_NONE;
    }
    case HTTP_NODE_TEXT:
      return write_text(out, node, scope, ret_is_absent, err);
    case HTTP_NODE_OBJECT:
    case HTTP_NODE_LIST:
      return write_members(out, node, scope, ret_is_absent, err);
  }
  return err_set(err, ERR_INTERNAL, "no such node");
}
