/* Names of tools and prompts as clients see them. Pure: the same name is always made of the same parts. */
#include "base/limits.h"
#include "codec/base64.h"
#include "codec/utf8.h"
#include "connector/connector.h"

enum { HASH_DIGITS = 8 };

static bool is_plain(uint32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

struct str connector_hashed_name(struct arena *arena, struct str public_name, uint32_t hash) {
  size_t room = LIMIT_TOOL_NAME - HASH_DIGITS - 1;
  size_t n = public_name.n < room ? public_name.n : room;
  return arena_printf(arena, "%.*s_%08x", (int)n, public_name.p, hash);
}

/* Each character that clients could not have becomes one that they can. */
static struct str fit(struct arena *arena, struct str name) {
  struct str fitting = arena_str(arena, name);
  if (!fitting.p) return STR_NONE;
  char *out = (char *)(uintptr_t)fitting.p;
  size_t n = 0;
  bool is_changed = false;
  for (size_t i = 0; i < name.n; n++) {
    uint32_t c = utf8_next(name, &i);
    bool fits = is_plain(c);
    out[n] = fits ? (char)c : '_';
    is_changed |= !fits;
  }
  out[n] = '\0';
  fitting.n = n;
  if (!is_changed && n <= LIMIT_TOOL_NAME) return fitting;
  return connector_hashed_name(arena, fitting, crc32_of(name));
}

struct str connector_public_name(struct arena *arena, struct str slug, struct str tool) {
  struct str full = arena_printf(arena, "%.*s_%.*s", STR_ARG(slug), STR_ARG(tool));
  return full.p ? fit(arena, full) : STR_NONE;
}

struct str connector_plain_name(struct arena *arena, struct str tool) {
  return fit(arena, tool);
}
