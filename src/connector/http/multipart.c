/* multipart/form-data (RFC 7578): each member of the body a part. No argument can end its part: the boundary is random,
 * and names are escaped as browsers do (WHATWG HTML, 4.10.21.8). */
#include "base/random.h"
#include "codec/base64.h"
#include "connector/http/body.h"

void http_multipart_boundary(char ret_boundary[HTTP_BOUNDARY_SIZE]) {
  static const char prefix[] = "connek-";
  uint8_t bytes[16];
  random_bytes(bytes, sizeof(bytes));
  memcpy(ret_boundary, prefix, sizeof(prefix) - 1);
  hex_format(bytes, sizeof(bytes), ret_boundary + sizeof(prefix) - 1);
}

static void write_quoted(struct buf *out, struct str text) {
  buf_append_byte(out, '"');
  for (size_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.p[i];
    if (c < 0x20 || c == '"' || c == 0x7F) {
      buf_printf(out, "%%%02X", c);
    } else {
      buf_append_byte(out, text.p[i]);
    }
  }
  buf_append_byte(out, '"');
}

static void part_begin(struct buf *out, const char *boundary, struct str name) {
  buf_printf(out, "--%s\r\nContent-Disposition: form-data; name=", boundary);
  write_quoted(out, name);
}

static void part_body(struct buf *out, struct str bytes) {
  buf_append_c(out, "\r\n\r\n");
  buf_append_str(out, bytes);
  buf_append_c(out, "\r\n");
}

/* ---- files ---- */

static enum err_code base64_bytes(struct arena *arena, yyjson_val *value, struct str name, struct str *ret_bytes,
                                  struct err *err) {
  struct str text = json_get_str(value, "base64");
  if (!yyjson_is_str(json_get(value, "base64")) || yyjson_obj_size(value) != 1)
    return err_set(err, ERR_INVALID, "%.*s must be a text, or {\"base64\": \"...\"}", STR_ARG(name));
  if (!base64_read(arena, text, ret_bytes))
    return err_set(err, ERR_INVALID, "%.*s: its base64 is not valid", STR_ARG(name));
  if (!ret_bytes->p) *ret_bytes = STR("");
  return ERR_NONE;
}

enum err_code http_file_bytes(struct arena *arena, const struct http_node *node, const struct template_scope *scope,
                              struct str *ret_bytes, bool *ret_is_base64, struct err *err) {
  *ret_bytes = STR_NONE;
  *ret_is_base64 = false;
  if (node->kind == HTTP_NODE_VALUE) {
    const struct template_piece *piece = &node->text.pieces[0];
    yyjson_val *value = template_value(piece, scope);
    if (!value) return ERR_NONE;
    if (yyjson_is_obj(value)) {
      *ret_is_base64 = true;
      return base64_bytes(arena, value, piece->text, ret_bytes, err);
    }
  }
  if (node->kind == HTTP_NODE_CONSTANT) {
    *ret_bytes = yyjson_is_str(node->constant) ? json_str(node->constant) : node->json;
    return ERR_NONE;
  }
  struct buf out;
  buf_init(&out, arena, HTTP_BODY_MAX);
  bool is_absent;
  enum err_code code = template_write(&out, &node->text, TEMPLATE_IN_TEXT, scope, &is_absent, err);
  if (code != ERR_NONE || is_absent) return code;
  if (buf_failed(&out)) return err_set(err, ERR_TOO_LARGE, "the file is too large");
  *ret_bytes = out.n > 0 ? buf_str(&out) : STR("");
  return ERR_NONE;
}

static const struct http_node *member_of(const struct http_node *node, struct str name) {
  for (size_t i = 0; i < node->n_members; i++)
    if (str_eq(node->members[i].name, name)) return &node->members[i].node;
  return NULL;
}

/* A constant object was folded: its members are in the value. */
static enum err_code text_of(struct arena *arena, const struct http_node *part, struct str name,
                             const struct template_scope *scope, struct str *ret_text, struct err *err) {
  bool is_base64;
  *ret_text = STR_NONE;
  if (part->kind == HTTP_NODE_CONSTANT) {
    yyjson_val *value = yyjson_obj_getn(part->constant, name.p, name.n);
    if (yyjson_is_str(value)) *ret_text = json_str(value);
    return ERR_NONE;
  }
  const struct http_node *node = member_of(part, name);
  return node ? http_file_bytes(arena, node, scope, ret_text, &is_base64, err) : ERR_NONE;
}

static bool is_media_type(struct str type) {
  for (size_t i = 0; i < type.n; i++)
    if (type.p[i] < 0x20 || type.p[i] > 0x7E) return false;
  return type.n > 0 && type.n <= 128 && memchr(type.p, '/', type.n);
}

static enum err_code write_file(struct buf *out, const struct http_member *member, const struct template_scope *scope,
                                const char *boundary, struct err *err) {
  const struct http_node *part = &member->node, *file = member_of(part, STR("file"));
  struct str bytes = STR_NONE, name, type;
  bool is_base64 = false;
  enum err_code code = file ? http_file_bytes(out->arena, file, scope, &bytes, &is_base64, err)
                            : text_of(out->arena, part, STR("file"), scope, &bytes, err);
  if (code == ERR_NONE) code = text_of(out->arena, part, STR("name"), scope, &name, err);
  if (code == ERR_NONE) code = text_of(out->arena, part, STR("type"), scope, &type, err);
  if (code != ERR_NONE || !bytes.p) return code;
  if (!type.p) type = is_base64 ? STR("application/octet-stream") : STR("text/plain; charset=utf-8");
  if (!is_media_type(type)) return err_set(err, ERR_INVALID, "%.*s: not a media type", STR_ARG(member->name));
  part_begin(out, boundary, member->name);
  buf_append_c(out, "; filename=");
  write_quoted(out, name.n > 0 ? name : STR("file"));
  buf_printf(out, "\r\nContent-Type: %.*s", STR_ARG(type));
  part_body(out, bytes);
  return ERR_NONE;
}

/* ---- the rest ---- */

static enum err_code write_json_part(struct buf *out, const struct http_member *member,
                                     const struct template_scope *scope, const char *boundary, struct err *err) {
  size_t before = out->n;
  part_begin(out, boundary, member->name);
  buf_append_c(out, "\r\nContent-Type: application/json\r\n\r\n");
  bool is_absent;
  enum err_code code = http_node_write_json(out, &member->node, scope, &is_absent, err);
  buf_append_c(out, "\r\n");
  if (is_absent) out->n = before;
  return code;
}

static enum err_code write_part(struct buf *out, const struct http_member *member, const struct template_scope *scope,
                                const char *boundary, struct err *err) {
  const struct http_node *node = &member->node;
  if (member->is_file) return write_file(out, member, scope, boundary, err);
  yyjson_val *value = node->kind == HTTP_NODE_CONSTANT ? node->constant
                      : node->kind == HTTP_NODE_VALUE  ? template_value(&node->text.pieces[0], scope)
                                                       : NULL;
  bool is_json = node->kind == HTTP_NODE_OBJECT || node->kind == HTTP_NODE_LIST || yyjson_is_ctn(value);
  if (is_json) return write_json_part(out, member, scope, boundary, err);
  struct str text;
  bool is_base64;
  enum err_code code = http_file_bytes(out->arena, node, scope, &text, &is_base64, err);
  if (code != ERR_NONE || !text.p) return code;
  part_begin(out, boundary, member->name);
  part_body(out, text);
  return ERR_NONE;
}

enum err_code http_multipart_write(struct buf *out, const struct http_node *body, const struct template_scope *scope,
                                   const char *boundary, struct err *err) {
  for (size_t i = 0; i < body->n_members; i++) {
    enum err_code code = write_part(out, &body->members[i], scope, boundary, err);
    if (code != ERR_NONE) return code;
  }
  buf_printf(out, "--%s--\r\n", boundary);
  return ERR_NONE;
}
