/* Links that let a person connect one account and nothing else. */
#include "base/random.h"
#include "codec/base64.h"
#include "grant/inner.h"

enum { RETURN_MAX = 1024 };

enum err_code grant_link_new(struct db_tx *tx, struct uuid organisation_id, struct uuid connection_id,
                             struct str return_path, int64_t expires_at, char ret_token[GRANT_TOKEN_SIZE],
                             struct err *err) {
  uint8_t bytes[(GRANT_TOKEN_SIZE - 1) / 2];
  struct connect_link_record record = {.organisation_id = organisation_id,
                                       .connection_id = connection_id,
                                       .return_path = return_path,
                                       .expires_at = expires_at};
  random_bytes(bytes, sizeof(bytes));
  hex_format(bytes, sizeof(bytes), ret_token);
  vault_sha256(str_make(ret_token, GRANT_TOKEN_SIZE - 1), record.hash);
  return store_connect_link_insert(tx, &record, err);
}

/* "//host" and "/\host" are other hosts to a browser, and control characters are dropped by it. */
bool grant_is_return_path(struct str path) {
  if (path.n == 0 || path.n > RETURN_MAX || path.p[0] != '/') return false;
  if (path.n > 1 && (path.p[1] == '/' || path.p[1] == '\\')) return false;
  for (size_t i = 0; i < path.n; i++) {
    unsigned char c = (unsigned char)path.p[i];
    if (c <= 0x20 || c >= 0x7F || c == '\\' || c == '"' || c == '<' || c == '>') return false;
  }
  return true;
}
