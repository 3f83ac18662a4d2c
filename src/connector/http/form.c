/* Trees and values as application/x-www-form-urlencoded, and as queries: "a[b][0]=1", brackets and all else encoded. */
#include "base/limits.h"
#include "codec/url.h"
#include "connector/http/body.h"

void http_form_begin(struct http_form *form, struct buf *out, struct arena *arena, enum http_lists lists,
                     const struct template_scope *scope, char separator) {
  *form = (struct http_form){.out = out, .lists = lists, .scope = scope, .separator = separator};
  buf_init(&form->key, arena, 64 * KIB);
}

static void key_push(struct http_form *form, struct str name) {
  bool is_first = form->key.n == 0;
  if (!is_first) buf_append_c(&form->key, "%5B");
  url_write_encoded(&form->key, name);
  if (!is_first) buf_append_c(&form->key, "%5D");
}

/* False: nothing more may be inside, as its place would not be told from its neighbours'. */
static bool key_push_index(struct http_form *form, size_t index, bool is_inner) {
  if (form->lists == HTTP_LISTS_REPEAT) return !is_inner;
  buf_append_c(&form->key, "%5B");
  if (form->lists == HTTP_LISTS_INDICES) buf_append_u64(&form->key, index);
  buf_append_c(&form->key, "%5D");
  return true;
}

static void pair_begin(struct http_form *form) {
  if (form->separator) buf_append_byte(form->out, form->separator);
  buf_append_str(form->out, buf_str(&form->key));
  buf_append_byte(form->out, '=');
}

static enum err_code refuse_list(const struct http_form *form, struct err *err) {
  return err_set(err, ERR_INVALID, "%.*s: a list of lists or objects cannot be sent here",
                 (int)(form->key.n < 64 ? form->key.n : 64), form->key.p ? form->key.p : "");
}

static enum err_code write_value(struct http_form *form, yyjson_val *value, struct err *err);

static enum err_code write_list(struct http_form *form, yyjson_val *list, struct err *err) {
  size_t i, n, index = 0;
  yyjson_val *value;
  yyjson_arr_foreach(list, i, n, value) {
    if (yyjson_is_null(value)) continue;
    size_t before = form->key.n;
    if (!key_push_index(form, index++, yyjson_is_ctn(value))) return refuse_list(form, err);
    enum err_code code = write_value(form, value, err);
    if (code != ERR_NONE) return code;
    form->key.n = before;
  }
  return ERR_NONE;
}

static enum err_code write_object(struct http_form *form, yyjson_val *object, struct err *err) {
  size_t i, n;
  yyjson_val *key, *value;
  yyjson_obj_foreach(object, i, n, key, value) {
    size_t before = form->key.n;
    if (before == 0 && yyjson_get_len(key) == 0) return err_set(err, ERR_INVALID, "a field of a form has a name");
    key_push(form, json_str(key));
    enum err_code code = write_value(form, value, err);
    if (code != ERR_NONE) return code;
    form->key.n = before;
  }
  return ERR_NONE;
}

static enum err_code write_value(struct http_form *form, yyjson_val *value, struct err *err) {
  if (!value || yyjson_is_null(value)) return ERR_NONE;
  if (yyjson_is_arr(value)) return write_list(form, value, err);
  if (yyjson_is_obj(value)) return write_object(form, value, err);
  pair_begin(form);
  form->separator = '&';
  return template_write_scalar(form->out, TEMPLATE_IN_QUERY, buf_str(&form->key), value, err);
}

static enum err_code write_text(struct http_form *form, const struct template *text, struct err *err) {
  size_t before = form->out->n;
  pair_begin(form);
  bool is_absent;
  enum err_code code = template_write(form->out, text, TEMPLATE_IN_QUERY, form->scope, &is_absent, err);
  if (is_absent) {
    form->out->n = before;
  } else {
    form->separator = '&';
  }
  return code;
}

static enum err_code write_node(struct http_form *form, const struct http_node *node, struct err *err);

static enum err_code write_members(struct http_form *form, const struct http_node *node, struct err *err) {
  size_t index = 0;
  for (size_t i = 0; i < node->n_members; i++) {
    const struct http_node *inner = &node->members[i].node;
    size_t key_before = form->key.n, out_before = form->out->n;
    if (node->kind == HTTP_NODE_OBJECT) {
      key_push(form, node->members[i].name);
    } else {
      bool is_inner =
          inner->kind == HTTP_NODE_OBJECT || inner->kind == HTTP_NODE_LIST ||
          (inner->kind == HTTP_NODE_VALUE && yyjson_is_ctn(template_value(&inner->text.pieces[0], form->scope)));
      if (!key_push_index(form, index, is_inner)) return refuse_list(form, err);
    }
    enum err_code code = write_node(form, inner, err);
    if (code != ERR_NONE) return code;
    if (form->out->n > out_before) index++;
    form->key.n = key_before;
  }
  return ERR_NONE;
}

static enum err_code write_node(struct http_form *form, const struct http_node *node, struct err *err) {
  switch (node->kind) {
    case HTTP_NODE_CONSTANT:
      return write_value(form, node->constant, err);
    case HTTP_NODE_VALUE:
      return write_value(form, template_value(&node->text.pieces[0], form->scope), err);
    case HTTP_NODE_TEXT:
      return write_text(form, &node->text, err);
    case HTTP_NODE_OBJECT:
    case HTTP_NODE_LIST:
      return write_members(form, node, err);
  }
  return err_set(err, ERR_INTERNAL, "no such node");
}

static enum err_code finish(const struct http_form *form, enum err_code code, struct err *err) {
  if (code == ERR_NONE && buf_failed(&form->key)) return err_set(err, ERR_TOO_LARGE, "a name in a form is too long");
  return code;
}

enum err_code http_form_write(struct http_form *form, const struct http_node *node, struct err *err) {
  if (node->kind == HTTP_NODE_VALUE) {
    const struct template_piece *piece = &node->text.pieces[0];
    yyjson_val *value = template_value(piece, form->scope);
    if (value && !yyjson_is_obj(value))
      return err_set(err, ERR_INVALID, "%.*s must be an object: its members are the fields", STR_ARG(piece->text));
  }
  return finish(form, write_node(form, node, err), err);
}

static void separate(struct http_form *form) {
  if (form->separator) buf_append_byte(form->out, form->separator);
  form->separator = '&';
}

/* A list repeats its name; what is inside of an object is written as in a form. */
static enum err_code write_nested(struct http_form *form, const struct http_parameter *parameter, bool is_list,
                                  struct err *err) {
  enum http_lists lists = form->lists;
  form->key.n = 0;
  buf_append_str(&form->key, parameter->key);
  if (is_list) form->lists = HTTP_LISTS_REPEAT;
  enum err_code code = write_node(form, &parameter->value, err);
  form->lists = lists;
  return finish(form, code, err);
}

enum err_code http_form_write_parameter(struct http_form *form, const struct http_parameter *parameter,
                                        struct err *err) {
  const struct http_node *node = &parameter->value;
  if (parameter->fixed.p) {
    separate(form);
    buf_append_str(form->out, parameter->fixed);
    return ERR_NONE;
  }
  if (node->kind != HTTP_NODE_VALUE)
    return write_nested(form, parameter, node->kind == HTTP_NODE_LIST || yyjson_is_arr(node->constant), err);
  yyjson_val *value = template_value(&node->text.pieces[0], form->scope);
  if (!value) return ERR_NONE;
  if (yyjson_is_ctn(value)) return write_nested(form, parameter, yyjson_is_arr(value), err);
  separate(form);
  buf_append_str(form->out, parameter->key);
  buf_append_byte(form->out, '=');
  return template_write_scalar(form->out, TEMPLATE_IN_QUERY, parameter->name, value, err);
}
