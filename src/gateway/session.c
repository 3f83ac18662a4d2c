/* Session ids: a nonce and the client's name, sealed for one user. */
#include "gateway/session.h"

#include "base/random.h"
#include "codec/base64.h"
#include "codec/utf8.h"
#include "gateway/seal.h"

enum { NONCE_BYTES = 16, NONCE_HEX = 2 * NONCE_BYTES, CLIENT_MAX = 64 };

struct str session_new(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                       struct str name, struct str version) {
  uint8_t nonce[NONCE_BYTES];
  char hex[NONCE_HEX + 1];
  random_bytes(nonce, sizeof(nonce));
  hex_format(nonce, sizeof(nonce), hex);
  name = utf8_cut(name, CLIENT_MAX);
  version = utf8_cut(version, CLIENT_MAX);
  struct str client = arena_printf(arena, "%.*s%s%.*s", STR_ARG(name), version.n ? " " : "", STR_ARG(version));
  if (!client.p) return STR_NONE;
  client = utf8_cut(client, CLIENT_MAX);
  struct str text = arena_printf(arena, "%s%.*s", hex, STR_ARG(client));
  return text.p ? seal_text(arena, snapshot, user, "session", text) : STR_NONE;
}

bool session_check(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user, struct str id,
                   struct str *ret_client) {
  struct str text;
  if (!unseal_text(arena, snapshot, user, "session", id, &text) || text.n < NONCE_HEX) return false;
  *ret_client = str_make(text.p + NONCE_HEX, text.n - NONCE_HEX);
  return true;
}
