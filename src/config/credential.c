/* Credentials: read, compared, described by the names of their members. What held one is wiped; no value ever stands in
 * an error. */
#include "config/credential.h"

#include <stdlib.h>

#include "base/limits.h"
#include "config/reference.h"

enum { CREDENTIAL_MAX = 256 * KIB, CREDENTIAL_MEMBERS = 32 };

static void wipe_release(struct buf *buf) {
  if (buf->p) secret_wipe(buf->p, buf->capacity);
  buf_release(buf);
}

/* yyjson's memory, wiped as it is given back. The size stands before each piece. */
enum { PIECE_HEADER = 16 };

static void *wiping_malloc(void *context, size_t size) {
  if (size > SIZE_MAX - PIECE_HEADER) return NULL;
  size_t *piece = malloc(size + PIECE_HEADER);
  if (!piece) return NULL;
  *piece = size;
  return (char *)piece + PIECE_HEADER;
}

static void wiping_free(void *context, void *bytes) {
  if (!bytes) return;
  size_t *piece = (size_t *)(void *)((char *)bytes - PIECE_HEADER);
  secret_wipe(bytes, *piece);
  free(piece);
}

static void *wiping_realloc(void *context, void *bytes, size_t old_size, size_t size) {
  void *moved = wiping_malloc(context, size);
  if (!moved) return NULL;
  if (bytes) memcpy(moved, bytes, old_size < size ? old_size : size);
  wiping_free(context, bytes);
  return moved;
}

/* Only for what json_read has seen before, or this program wrote. */
static enum err_code parse(const struct secret *credential, yyjson_doc **ret_doc, struct err *err) {
  struct yyjson_alc alc = {wiping_malloc, wiping_realloc, wiping_free, NULL};
  struct str text = secret_open(credential);
  yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text.p, text.n, YYJSON_READ_NOFLAG, &alc, NULL);
  if (!doc) return err_set(err, ERR_INVALID, "the credential cannot be read");
  if (!yyjson_is_obj(yyjson_doc_get_root(doc))) {
    yyjson_doc_free(doc);
    return err_set(err, ERR_INVALID, "the credential is not an object");
  }
  *ret_doc = doc;
  return ERR_NONE;
}

static enum err_code write_member(const struct config_reader *reader, struct str name, yyjson_val *value,
                                  const struct config_place *place, struct buf *out) {
  json_write_str(out, name);
  buf_append_byte(out, ':');
  if (reference_is_one(value)) return reference_write_resolved(reader, value, place, out);
  if (!yyjson_is_str(value)) {
    return config_fail(reader->err, place, "must be a string, {\"env\": NAME} or {\"file\": PATH}");
  }
  if (yyjson_get_len(value) == 0) return config_fail(reader->err, place, "must not be empty");
  json_write_str(out, json_str(value));
  return ERR_NONE;
}

/* The members of `value`, those that are references alone where `is_environment`. NULL: there is none. */
static enum err_code read_members(const struct config_reader *reader, yyjson_val *value,
                                  const struct config_place *place, bool is_environment,
                                  struct secret **ret_credential) {
  struct buf text;
  buf_init(&text, NULL, CREDENTIAL_MAX);
  struct secret *credential = NULL;
  enum err_code code = buf_reserve(&text, CREDENTIAL_MAX) ? ERR_NONE : err_no_memory(reader->err);
  size_t i, n, n_written = 0;
  yyjson_val *key, *member;
  buf_append_byte(&text, '{');
  yyjson_obj_foreach(value, i, n, key, member) {
    if (code) break;
    if (is_environment && !reference_is_one(member)) continue;
    if (n_written++) buf_append_byte(&text, ',');
    struct config_place at = PLACE_MEMBER(place, json_str(key));
    code = write_member(reader, json_str(key), member, &at, &text);
    /* The document in the arena need not keep what the vault is about to have. */
    if (yyjson_is_str(member)) secret_wipe((char *)(uintptr_t)yyjson_get_str(member), yyjson_get_len(member));
  }
  buf_append_byte(&text, '}');
  if (!code && buf_failed(&text)) {
    code = config_fail(reader->err, place, "is larger than %d bytes", CREDENTIAL_MAX);
  }
  if (!code && n_written && !(credential = secret_new(text.p, text.n))) code = err_no_memory(reader->err);
  wipe_release(&text);
  if (!code) *ret_credential = credential;
  return code;
}

enum err_code credential_read(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                              struct secret **ret_credential) {
  if (!yyjson_is_obj(value)) return config_fail(reader->err, place, "must be an object, or null");
  size_t n = yyjson_obj_size(value);
  if (n == 0) return config_fail(reader->err, place, "must have a member");
  if (n > CREDENTIAL_MEMBERS) {
    return config_fail(reader->err, place, "must have at most %d members", CREDENTIAL_MEMBERS);
  }
  if (reference_is_one(value)) {
    return config_fail(reader->err, place,
                       "names a variable or a file where its members are wanted: {\"key\": {\"env\": NAME}}");
  }
  return read_members(reader, value, place, false, ret_credential);
}

enum err_code credential_read_environment(const struct config_reader *reader, yyjson_val *environment,
                                          const struct config_place *place, struct secret **ret_environment) {
  return read_members(reader, environment, place, true, ret_environment);
}

enum err_code credential_check(const struct connector *connector, const struct secret *credential, struct err *err) {
  if (!connector->kind->check_credential) return ERR_NONE;
  yyjson_doc *doc = NULL;
  enum err_code code = parse(credential, &doc, err);
  if (code) return code;
  code = connector->kind->check_credential(connector, yyjson_doc_get_root(doc), err);
  yyjson_doc_free(doc);
  return code;
}

enum err_code credential_is_same(const struct secret *a, const struct secret *b, bool *ret_is_same, struct err *err) {
  yyjson_doc *doc_a = NULL, *doc_b = NULL;
  enum err_code code = parse(a, &doc_a, err);
  if (!code) code = parse(b, &doc_b, err);
  /* Objects without duplicate keys: equal whatever the order, as their canonical forms would be. */
  if (!code) *ret_is_same = yyjson_equals(yyjson_doc_get_root(doc_a), yyjson_doc_get_root(doc_b));
  yyjson_doc_free(doc_a);
  yyjson_doc_free(doc_b);
  return code;
}

enum err_code credential_members(struct arena *arena, const struct secret *credential, struct str **ret_names,
                                 size_t *ret_n, struct err *err) {
  yyjson_doc *doc = NULL;
  enum err_code code = parse(credential, &doc, err);
  if (code) return code;
  yyjson_val *root = yyjson_doc_get_root(doc);
  size_t i, n = yyjson_obj_size(root);
  struct str *names = arena_new_n(arena, struct str, n ? n : 1);
  if (!names) code = err_no_memory(err);
  yyjson_val *key, *member;
  yyjson_obj_foreach(root, i, n, key, member) {
    if (code) break;
    names[i] = arena_str(arena, json_str(key));
    if (!names[i].p) code = err_no_memory(err);
  }
  yyjson_doc_free(doc);
  if (code) return code;
  *ret_names = names;
  *ret_n = n;
  return ERR_NONE;
}
