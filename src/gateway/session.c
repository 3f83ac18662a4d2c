/* Session ids: nonce, home, the client's name and what it can, sealed for one user. */
#include "gateway/session.h"

#include "base/random.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/utf8.h"
#include "gateway/seal.h"
#include "gateway/task_id.h"

enum { NONCE_HEX = 2 * SESSION_NONCE, FIXED_HEX = 14, CLIENT_MAX = 64, CAPABILITY_MAX = 256, TEXT_MAX = 1800 };

/* What a server may ask of a client, and the extensions that it knows. */
static const char *const kept[] = {"elicitation", "sampling", "roots", "extensions"};

/* All but that of tasks: what a server answers a client with that has it, none of the legacy era understands. */
static void write_extensions(struct buf *out, yyjson_val *extensions) {
  size_t i, n, n_written = 0;
  yyjson_val *name, *value;
  buf_append_byte(out, '{');
  yyjson_obj_foreach(extensions, i, n, name, value) {
    if (str_eq(json_str(name), STR(TASKS_EXTENSION))) continue;
    if (n_written++) buf_append_byte(out, ',');
    json_write_value(out, name);
    buf_append_byte(out, ':');
    json_write_value(out, value);
  }
  buf_append_byte(out, '}');
}

/* Those alone, and a long one as if it said nothing of itself. */
static void write_capabilities(struct buf *out, yyjson_val *capabilities) {
  size_t n = 0;
  buf_append_byte(out, '{');
  for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
    yyjson_val *value = json_get(capabilities, kept[i]);
    struct buf one;
    if (!yyjson_is_obj(value)) continue;
    buf_init(&one, NULL, CAPABILITY_MAX);
    if (strcmp(kept[i], "extensions") == 0)
      write_extensions(&one, value);
    else
      json_write_value(&one, value);
    buf_printf(out, "%s\"%s\":", n++ ? "," : "", kept[i]);
    buf_append_str(out, buf_failed(&one) ? STR("{}") : buf_str(&one));
    buf_release(&one);
  }
  buf_append_byte(out, '}');
}

struct str session_new(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user,
                       struct str name, struct str version, yyjson_val *capabilities, uint32_t node, unsigned home) {
  uint8_t nonce[SESSION_NONCE];
  char hex[NONCE_HEX + 1];
  struct buf text;
  random_bytes(nonce, sizeof(nonce));
  hex_format(nonce, sizeof(nonce), hex);
  name = utf8_cut(name, CLIENT_MAX);
  version = utf8_cut(version, CLIENT_MAX);
  struct str client = arena_printf(arena, "%.*s%s%.*s", STR_ARG(name), version.n ? " " : "", STR_ARG(version));
  if (!client.p) return STR_NONE;
  client = utf8_cut(client, CLIENT_MAX);
  buf_init(&text, arena, TEXT_MAX);
  buf_printf(&text, "%s%08x%04x%02x", hex, node, home & 0xffff, (unsigned)client.n);
  buf_append_str(&text, client);
  write_capabilities(&text, capabilities);
  return buf_failed(&text) ? STR_NONE : seal_text(arena, snapshot, user, "session", buf_str(&text));
}

bool session_check(struct arena *arena, const struct org_snapshot *snapshot, const struct org_user *user, struct str id,
                   struct session *ret_session) {
  struct session session = {.node = 0};
  struct str text;
  uint8_t numbers[FIXED_HEX / 2]; /* node, home, and how long the client's name is */
  if (!unseal_text(arena, snapshot, user, "session", id, &text) || text.n < NONCE_HEX + FIXED_HEX) return false;
  if (!hex_parse(str_make(text.p, NONCE_HEX), session.nonce, sizeof(session.nonce), false) ||
      !hex_parse(str_make(text.p + NONCE_HEX, FIXED_HEX), numbers, sizeof(numbers), false))
    return false;
  struct str rest = str_make(text.p + NONCE_HEX + FIXED_HEX, text.n - NONCE_HEX - FIXED_HEX);
  size_t client_n = numbers[6];
  if (client_n > rest.n) return false;
  for (size_t i = 0; i < 4; i++)
    session.node = session.node << 8 | numbers[i];
  session.home = (unsigned)numbers[4] << 8 | numbers[5];
  session.client = str_make(rest.p, client_n);
  session.capabilities = str_make(rest.p + client_n, rest.n - client_n);
  *ret_session = session;
  return true;
}
