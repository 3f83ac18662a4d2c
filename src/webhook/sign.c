/* Secrets and signatures of Standard Webhooks: "whsec_" and base64; HMAC-SHA-256 over id, time and body, so that a
 * message cannot be passed off as another, or sent again much later. */
#include "base/hmac.h"
#include "base/random.h"
#include "base/secret.h"
#include "codec/base64.h"
#include "webhook/webhook.h"

#define PREFIX "whsec_"

struct str webhook_secret_new(struct arena *arena) {
  uint8_t bytes[WEBHOOK_SECRET_BYTES];
  struct buf out;
  random_bytes(bytes, sizeof(bytes));
  buf_init(&out, arena, 128);
  buf_append_c(&out, PREFIX);
  base64_write(&out, str_make((const char *)bytes, sizeof(bytes)));
  secret_wipe(bytes, sizeof(bytes));
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

/* On failure nothing of it is in `out`. What is opened on the way lies in the arena, which the caller wipes. */
static bool append(struct arena *arena, struct str encoded, struct str signed_text, struct buf *out) {
  uint8_t mac[HMAC_MAX];
  size_t n;
  struct str key = STR_NONE;
  if (!base64_read(arena, encoded, &key) || key.n == 0) return false;
  if (!hmac_once(HMAC_SHA256, key, signed_text, mac, &n)) return false;
  if (out->n > 0) buf_append_byte(out, ' ');
  buf_append_c(out, "v1,");
  base64_write(out, str_make((const char *)mac, n));
  return true;
}

enum err_code webhook_sign(struct str secret, struct str id, int64_t time_s, struct str body, struct buf *out,
                           struct err *err) {
  const struct str prefix = STR(PREFIX);
  struct arena arena;
  struct buf text;
  if (!str_starts(secret, prefix)) return err_set(err, ERR_INVALID, "that is no webhook's secret");
  arena_init(&arena, 0);
  buf_init(&text, &arena, 2 * (size_t)WEBHOOK_BODY_MAX);
  buf_append_str(&text, id);
  buf_append_byte(&text, '.');
  buf_append_i64(&text, time_s);
  buf_append_byte(&text, '.');
  buf_append_str(&text, body);
  enum err_code code = ERR_NONE;
  if (buf_failed(&text))
    code = err_no_memory(err);
  else if (!append(&arena, str_make(secret.p + prefix.n, secret.n - prefix.n), buf_str(&text), out))
    code = err_set(err, ERR_INVALID, "that is no webhook's secret");
  arena_wipe(&arena);
  return code == ERR_NONE && buf_failed(out) ? err_no_memory(err) : code;
}
