/* A connection's credential, opened for one use: what is stored of the connection, and of its connector's definition.
 * Every copy made on the way is wiped. */
#include <stdlib.h>

#include "base/secret.h"
#include "codec/json.h"
#include "org/snapshot.h"
#include "vault/places.h"

/* A JSON object, parsed in one piece of memory that is wiped with it. */
struct opened {
  struct secret *plain;
  yyjson_doc *doc;
  char *memory;
  size_t size;
};

static void opened_close(struct opened *opened) {
  if (opened->memory) secret_wipe(opened->memory, opened->size);
  free(opened->memory);
  secret_free(opened->plain);
}

static enum err_code opened_read(struct opened *opened, struct err *err) {
  struct str text = secret_open(opened->plain);
  yyjson_alc alc;
  opened->size = yyjson_read_max_memory_usage(text.n, YYJSON_READ_NOFLAG);
  opened->memory = malloc(opened->size);
  if (!opened->memory) return err_no_memory(err);
  if (yyjson_alc_pool_init(&alc, opened->memory, opened->size))
    opened->doc = yyjson_read_opts((char *)(uintptr_t)text.p, text.n, YYJSON_READ_NOFLAG, &alc, NULL);
  if (!yyjson_is_obj(yyjson_doc_get_root(opened->doc)))
    return err_set(err, ERR_INVALID, "what is under the seal cannot be read");
  return ERR_NONE;
}

/* `sealed` empty: nothing is there, and nothing is done. */
static enum err_code opened_open(const struct vault_keys *keys, struct vault_place place, struct str sealed,
                                 struct opened *opened, struct err *err) {
  if (!sealed.n) return ERR_NONE;
  enum err_code code = vault_unseal(keys, place, sealed, &opened->plain, err);
  return code == ERR_NONE ? opened_read(opened, err) : code;
}

static void write_members(struct buf *out, yyjson_val *object, yyjson_val *but) {
  size_t i, n;
  yyjson_val *key, *value;
  if (!object) return; /* yyjson's loop counts from it */
  yyjson_obj_foreach(object, i, n, key, value) {
    if (but && yyjson_obj_getn(but, yyjson_get_str(key), yyjson_get_len(key))) continue;
    if (out->p[out->n - 1] != '{') buf_append_byte(out, ',');
    json_write_str(out, json_str(key));
    buf_append_byte(out, ':');
    json_write_str(out, json_str(value));
  }
}

/* The connection's own variables before the definition's of the same name. */
static enum err_code merge(const struct opened *own, const struct opened *shared, struct secret **ret_credential,
                           struct err *err) {
  struct buf out;
  /* All its room at once (a character may become six): growing would leave copies behind. */
  size_t room = 64;
  if (own->plain) room += 6 * secret_open(own->plain).n;
  if (shared->plain) room += 6 * secret_open(shared->plain).n;
  buf_init(&out, NULL, room);
  if (!buf_reserve(&out, room)) return err_no_memory(err);
  buf_append_c(&out, "{\"environment\":{");
  write_members(&out, yyjson_doc_get_root(own->doc), NULL);
  write_members(&out, yyjson_doc_get_root(shared->doc), yyjson_doc_get_root(own->doc));
  buf_append_c(&out, "}}");
  struct secret *credential = buf_failed(&out) ? NULL : secret_new(out.p, out.n);
  secret_wipe(out.p, out.capacity);
  buf_release(&out);
  if (!credential) return err_no_memory(err);
  *ret_credential = credential;
  return ERR_NONE;
}

enum err_code org_lease_credential(const struct org_snapshot *snapshot, const struct connector_connection *connection,
                                   struct secret **ret_credential, struct err *err) {
  const struct connector *connector = connection->connector;
  struct vault_place place = vault_place_credential(&connection->policy.id);
  if (!connector->has_environment) {
    *ret_credential = NULL;
    if (!connection->sealed_credential.n) return ERR_NONE;
    return vault_unseal(snapshot->keys, place, connection->sealed_credential, ret_credential, err);
  }
  struct opened own = {0}, shared = {0};
  enum err_code code = opened_open(snapshot->keys, place, connection->sealed_credential, &own, err);
  if (code == ERR_NONE) {
    code = opened_open(snapshot->keys, vault_place_environment(connector->id), connector->sealed_environment, &shared,
                       err);
  }
  if (code == ERR_NONE) code = merge(&own, &shared, ret_credential, err);
  opened_close(&own);
  opened_close(&shared);
  return code;
}
