/* What an MCP server and its authorization server publish about themselves. The first byte says of whom, the rest is
 * the document: whatever it says, what is taken is about the one that was asked, and leads to nowhere that a secret
 * could be read on the way. */
#include "grant/discover.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void expect(bool is_so) {
  if (!is_so) __builtin_trap();
}

static void check_endpoint(struct arena *arena, struct str url, bool may_be_missing) {
  struct err err = {0};
  if (may_be_missing && url.n == 0) return;
  expect(grant_check_endpoint(arena, url, "it", &err) == ERR_NONE);
}

static void read_resource(struct arena *arena, struct str body, struct str server) {
  struct grant_resource resource = {0};
  struct str places[GRANT_WELL_KNOWN_MAX];
  size_t n_places;
  struct err err = {0};
  if (grant_resource_read(arena, body, server, &resource, &err) != ERR_NONE) {
    expect(err.text[0] != '\0' && resource.n_issuers == 0);
    return;
  }
  expect(resource.n_issuers >= 1 && resource.n_issuers <= GRANT_ISSUERS_MAX);
  for (size_t i = 0; i < resource.n_issuers; i++)
    if (grant_server_places(arena, resource.issuers[i], places, &n_places, &err) == ERR_NONE)
      expect(n_places >= 1 && n_places <= GRANT_WELL_KNOWN_MAX);
}

static void read_server(struct arena *arena, struct str body, struct str issuer) {
  struct grant_server about = {0};
  struct err err = {0};
  if (grant_server_read(arena, body, issuer, &about, &err) != ERR_NONE) {
    expect(err.text[0] != '\0' && about.token.n == 0);
    return;
  }
  expect(str_eq(about.issuer, issuer));
  /* Whoever gives codes has said S256. */
  if (about.authorize.n > 0) expect(memmem(body.p, body.n, "S256", 4) || memchr(body.p, '\\', body.n));
  check_endpoint(arena, about.authorize, true); /* of one that gives no codes */
  check_endpoint(arena, about.token, false);
  check_endpoint(arena, about.registration, true);
  check_endpoint(arena, about.revoke, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  static const struct str known[] = {STR("https://mcp.example/mcp"), STR("https://as.example"),
                                     STR("https://as.example/tenant/1"), STR("http://127.0.0.1:8080/mcp")};
  if (n == 0) return 0;
  struct arena arena;
  struct str who = known[bytes[0] % 4];
  arena_init(&arena, 0);
  struct str body = arena_str(&arena, str_make((const char *)bytes + 1, n - 1));
  if (body.p) {
    read_resource(&arena, body, who);
    read_server(&arena, body, who);
  }
  arena_release(&arena);
  return 0;
}
