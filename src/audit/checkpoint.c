/* Writes and reads checkpoints. Must not know what a record says. */
#include "audit/checkpoint.h"

#include <stdlib.h>

#include "base/clock.h"
#include "codec/base64.h"
#include "codec/json.h"

/* Writing */

static enum err_code refuse(const struct audit_head_row *head, const char *why, struct err *err) {
  char id[UUID_TEXT_SIZE];
  uuid_format(head->organisation_id, id);
  return err_set(err, ERR_CONFLICT, "no checkpoint: organisation %s, writer %.64s: %s", id, head->writer.p, why);
}

/* A checkpoint must not vouch for a head that does not hold: audit_chain_load compares it with the key and with the
 * last record. */
static enum err_code write_chain(struct db_tx *tx, const struct vault_keys *keys, const struct audit_head_row *head,
                                 int64_t time, bool is_first, struct buf *out, struct err *err) {
  struct audit_chain chain;
  uint8_t check[AUDIT_MAC_SIZE];
  char id[UUID_TEXT_SIZE], hex[2 * AUDIT_MAC_SIZE + 1];
  if (!keys) return refuse(head, "its keys cannot be opened", err);
  enum err_code code = audit_chain_load(tx, keys, head->organisation_id, head->writer, &chain, err);
  if (code == ERR_CONFLICT) return refuse(head, "the trail does not hold; connek audit verify says more", err);
  if (code != ERR_NONE) return code;
  if (!audit_checkpoint_mac(keys, &chain, time, check)) return refuse(head, "its name is none of ours", err);
  uuid_format(chain.organisation_id, id);
  hex_format(chain.mac, AUDIT_MAC_SIZE, hex);
  buf_printf(out, "%s{\"organisation\":\"%s\",\"writer\":", is_first ? "" : ",", id);
  json_write_str(out, chain.writer);
  buf_printf(out, ",\"seq\":%lld,\"mac\":\"%s\",\"check\":\"", (long long)chain.seq, hex);
  hex_format(check, AUDIT_MAC_SIZE, hex);
  buf_append_c(out, hex);
  buf_append_c(out, "\"}");
  return ERR_NONE;
}

enum err_code audit_checkpoint(struct db_tx *tx, audit_keys_of keys_of, void *context, struct buf *out,
                               struct err *err) {
  struct arena arena;
  const struct audit_head_row *heads = NULL;
  size_t n = 0;
  int64_t time = clock_utc_us();
  char time_text[CLOCK_TEXT_SIZE];
  arena_init(&arena, 0);
  enum err_code code = store_audit_head_list(tx, &arena, &heads, &n, err);
  clock_format(time, time_text);
  buf_printf(out, "{\"connek_checkpoint\":1,\"time\":\"%s\",\"chains\":[", time_text);
  const struct vault_keys *keys = NULL;
  for (size_t i = 0; code == ERR_NONE && i < n; i++) {
    bool is_same = i && uuid_eq(heads[i].organisation_id, heads[i - 1].organisation_id);
    if (!is_same) keys = keys_of(heads[i].organisation_id, context);
    code = write_chain(tx, keys, &heads[i], time, i == 0, out, err);
  }
  buf_append_c(out, "]}\n");
  if (code == ERR_NONE && buf_failed(out)) code = err_no_memory(err);
  arena_release(&arena);
  return code;
}

/* Reading */

int audit_chain_order(const struct audit_chain *a, const struct audit_chain *b) {
  int order = memcmp(a->organisation_id.b, b->organisation_id.b, sizeof a->organisation_id.b);
  return order ? order : str_cmp(a->writer, b->writer);
}

static int by_chain_and_seq(const void *left, const void *right) {
  const struct checkpoint_chain *a = left, *b = right;
  int order = audit_chain_order(&a->chain, &b->chain);
  if (order) return order;
  return (a->chain.seq > b->chain.seq) - (a->chain.seq < b->chain.seq);
}

static bool read_chain(yyjson_val *value, int64_t time, struct checkpoint_chain *ret_chain) {
  yyjson_val *seq = json_get(value, "seq");
  struct checkpoint_chain read = {.time = time, .chain = {.writer = json_get_str(value, "writer")}};
  if (!yyjson_is_uint(seq) || yyjson_get_uint(seq) > INT64_MAX || !read.chain.writer.n) return false;
  read.chain.seq = (int64_t)yyjson_get_uint(seq);
  if (!uuid_parse(json_get_str(value, "organisation"), &read.chain.organisation_id) ||
      !hex_parse(json_get_str(value, "mac"), read.chain.mac, AUDIT_MAC_SIZE, false) ||
      !hex_parse(json_get_str(value, "check"), read.check, AUDIT_MAC_SIZE, false))
    return false;
  *ret_chain = read;
  return true;
}

struct reading {
  struct arena *arena;
  struct checkpoint_chain *chains;
  size_t n;
};

static enum err_code read_line(struct reading *reading, struct str line, size_t number, struct err *err) {
  yyjson_doc *doc;
  int64_t time;
  enum err_code code = json_read(reading->arena, line, &doc, err);
  if (code == ERR_INVALID) {
    err_prefix(err, "the checkpoint's line %zu", number);
    return code;
  }
  if (code != ERR_NONE) return code;
  yyjson_val *root = yyjson_doc_get_root(doc), *chains = json_get(root, "chains"), *version, *chain;
  version = json_get(root, "connek_checkpoint");
  if (!yyjson_is_uint(version) || yyjson_get_uint(version) != 1 || !yyjson_is_arr(chains) ||
      !clock_parse(json_get_str(root, "time"), &time))
    return err_set(err, ERR_INVALID, "line %zu is not a checkpoint of Connek", number);
  size_t i, n, total = reading->n + yyjson_arr_size(chains);
  struct checkpoint_chain *grown = arena_new_n(reading->arena, struct checkpoint_chain, total ? total : 1);
  if (!grown) return err_no_memory(err);
  if (reading->n) memcpy(grown, reading->chains, reading->n * sizeof *grown);
  reading->chains = grown;
  yyjson_arr_foreach(chains, i, n, chain) {
    if (!read_chain(chain, time, &grown[reading->n]))
      return err_set(err, ERR_INVALID, "the checkpoint's line %zu: chain %zu cannot be read", number, i + 1);
    reading->n++;
  }
  return ERR_NONE;
}

enum err_code checkpoint_read(struct arena *arena, struct str text, struct checkpoint_chain **ret_chains, size_t *ret_n,
                              struct err *err) {
  struct reading reading = {.arena = arena};
  bool has_line = false;
  for (size_t number = 1; text.n; number++) {
    struct str line = str_cut(&text, '\n');
    if (line.n && line.p[line.n - 1] == '\r') line.n--;
    if (!str_trim(line).n) continue;
    has_line = true;
    enum err_code code = read_line(&reading, line, number, err);
    if (code != ERR_NONE) return code;
  }
  if (!has_line) return err_set(err, ERR_INVALID, "the checkpoint is empty");
  if (reading.n) qsort(reading.chains, reading.n, sizeof *reading.chains, by_chain_and_seq);
  *ret_chains = reading.chains;
  *ret_n = reading.n;
  return ERR_NONE;
}
