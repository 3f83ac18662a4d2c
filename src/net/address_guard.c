/* The guard against server-side request forgery: tables of address blocks, from the IANA special-purpose registries
 * (RFC 6890) and the clouds' documentation. It judges an address that is about to be connected to, never a text: odd
 * spellings and rebinding names have all become an address by then. Must not resolve, and knows nothing of HTTP. */
#include "net/address_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "codec/url.h"

struct block {
  uint8_t bytes[16];
  uint8_t bits;
  enum address_kind kind;
};

/* First match wins; what matches none is public. */
static const struct block v4_blocks[] = {
    {{169, 254, 169, 254}, 32, ADDRESS_METADATA}, /* AWS, Azure, Google, Oracle, OpenStack, DigitalOcean, ... */
    {{169, 254, 169, 253}, 32, ADDRESS_METADATA}, /* AWS: resolver */
    {{169, 254, 169, 123}, 32, ADDRESS_METADATA}, /* AWS: time */
    {{169, 254, 170, 2}, 32, ADDRESS_METADATA},   /* AWS: credentials of ECS tasks */
    {{169, 254, 170, 23}, 32, ADDRESS_METADATA},  /* AWS: credentials of EKS pods */
    {{169, 254, 0, 23}, 32, ADDRESS_METADATA},    /* Tencent */
    {{169, 254, 10, 10}, 32, ADDRESS_METADATA},   /* Tencent, older */
    {{169, 254, 42, 42}, 32, ADDRESS_METADATA},   /* Scaleway */
    {{100, 100, 100, 200}, 32, ADDRESS_METADATA}, /* Alibaba */
    {{168, 63, 129, 16}, 32, ADDRESS_METADATA},   /* Azure: WireServer, in public space */
    {{192, 0, 0, 192}, 32, ADDRESS_METADATA},     /* Oracle, older */
    {{0}, 8, ADDRESS_RESERVED},                   /* "this network"; Linux takes 0.0.0.0 for loopback */
    {{10}, 8, ADDRESS_PRIVATE},
    {{100, 64}, 10, ADDRESS_PRIVATE}, /* CGNAT, RFC 6598 */
    {{127}, 8, ADDRESS_LOOPBACK},
    {{169, 254}, 16, ADDRESS_LINK_LOCAL},
    {{172, 16}, 12, ADDRESS_PRIVATE},
    {{192, 0, 0}, 24, ADDRESS_RESERVED},    /* IETF protocol assignments */
    {{192, 0, 2}, 24, ADDRESS_RESERVED},    /* documentation */
    {{192, 31, 196}, 24, ADDRESS_RESERVED}, /* AS112 */
    {{192, 52, 193}, 24, ADDRESS_RESERVED}, /* AMT */
    {{192, 88, 99}, 24, ADDRESS_RESERVED},  /* 6to4 relays, RFC 7526 */
    {{192, 168}, 16, ADDRESS_PRIVATE},
    {{192, 175, 48}, 24, ADDRESS_RESERVED}, /* AS112 */
    {{198, 18}, 15, ADDRESS_RESERVED},      /* benchmarking */
    {{198, 51, 100}, 24, ADDRESS_RESERVED}, /* documentation */
    {{203, 0, 113}, 24, ADDRESS_RESERVED},  /* documentation */
    {{224}, 4, ADDRESS_RESERVED},           /* multicast */
    {{240}, 4, ADDRESS_RESERVED},           /* reserved, and broadcast */
};

/* Only 2000::/3 is assigned for public use: what no row matches outside of it is reserved. */
static const struct block v6_blocks[] = {
    {{0xfd, 0x00, 0x0e, 0xc2, [15] = 0x54, [14] = 0x02}, 128, ADDRESS_METADATA}, /* AWS: fd00:ec2::254 */
    {{0xfd, 0x00, 0x0e, 0xc2, [15] = 0x53, [14] = 0x02}, 128, ADDRESS_METADATA}, /* AWS: resolver */
    {{0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23}, 128, ADDRESS_METADATA},              /* AWS: fd00:ec2::23, EKS pods */
    {{0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54}, 128, ADDRESS_METADATA}, /* Google: fd20:ce::254 */
    {{0xfd, 0x00, 0x00, 0xc1, [12] = 0xa9, [13] = 0xfe, [14] = 0xa9, [15] = 0xfe}, 128, ADDRESS_METADATA}, /* Oracle */
    {{0xfd, 0x00, 0x00, 0x42, [15] = 0x42}, 128, ADDRESS_METADATA}, /* Scaleway: fd00:42::42 */
    {{0xfe, 0x80, [12] = 0xa9, [13] = 0xfe, [14] = 0xa9, [15] = 0xfe}, 128, ADDRESS_METADATA}, /* OpenStack */
    {{[15] = 1}, 128, ADDRESS_LOOPBACK},
    {{0xfc}, 7, ADDRESS_PRIVATE},
    {{0xfe, 0x80}, 10, ADDRESS_LINK_LOCAL},
    {{0xfe, 0xc0}, 10, ADDRESS_PRIVATE},                          /* site-local, RFC 3879 */
    {{0x20, 0x01, 0x00}, 23, ADDRESS_RESERVED},                   /* IETF: Teredo, ORCHID, benchmarking, ... */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, ADDRESS_RESERVED},             /* documentation */
    {{0x20, 0x02}, 16, ADDRESS_RESERVED},                         /* 6to4, RFC 7526 */
    {{0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}, 48, ADDRESS_RESERVED}, /* AS112 */
    {{0x3f, 0xff, 0x00}, 20, ADDRESS_RESERVED},                   /* documentation, RFC 9637 */
    {{0x20}, 3, ADDRESS_PUBLIC},
};

static const struct block v6_mapped = {{[10] = 0xff, [11] = 0xff}, 96, ADDRESS_PUBLIC};
static const struct block v6_nat64 = {{0x00, 0x64, 0xff, 0x9b}, 96, ADDRESS_PUBLIC};

bool address_bits_match(const uint8_t *one, const uint8_t *other, unsigned n_bits) {
  size_t whole = n_bits / 8;
  if (memcmp(one, other, whole) != 0) return false;
  unsigned rest = n_bits % 8;
  return rest == 0 || (one[whole] ^ other[whole]) >> (8 - rest) == 0;
}

static bool block_has(const struct block *block, const uint8_t *address) {
  return address_bits_match(block->bytes, address, block->bits);
}

static enum address_kind classify_v4(const uint8_t address[4]) {
  for (size_t i = 0; i < sizeof(v4_blocks) / sizeof(v4_blocks[0]); i++)
    if (block_has(&v4_blocks[i], address)) return v4_blocks[i].kind;
  return ADDRESS_PUBLIC;
}

/* Where transition forms keep an IPv4 address. NAT64 under a network's own prefix (RFC 6052, 2.2; 64:ff9b:1::/48 of
 * RFC 8215 leaves the prefix's length open) has it in one of several places: each is looked at. */
struct carrier {
  struct block block;
  uint8_t at[4];
  bool is_inverted; /* Teredo hides the client's address, RFC 4380, 4 */
};

static const struct carrier carriers[] = {
    {{{0}, 96}, {12, 13, 14, 15}}, /* IPv4-compatible, RFC 4291, 2.5.5.1 */
    {{{0x20, 0x02}, 16}, {2, 3, 4, 5}},
    {{{0x20, 0x01, 0x00, 0x00}, 32}, {4, 5, 6, 7}},
    {{{0x20, 0x01, 0x00, 0x00}, 32}, {12, 13, 14, 15}, true},
    {{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48}, {6, 7, 9, 10}},
    {{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48}, {7, 9, 10, 11}},
    {{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48}, {9, 10, 11, 12}},
    {{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48}, {12, 13, 14, 15}},
};

static bool carries_metadata(const uint8_t address[16]) {
  for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++) {
    const struct carrier *carrier = &carriers[i];
    if (!block_has(&carrier->block, address)) continue;
    uint8_t carried[4];
    for (size_t k = 0; k < 4; k++)
      carried[k] = address[carrier->at[k]] ^ (carrier->is_inverted ? 0xff : 0);
    if (classify_v4(carried) == ADDRESS_METADATA) return true;
  }
  return false;
}

static enum address_kind classify_v6(const uint8_t address[16]) {
  if (block_has(&v6_mapped, address) || block_has(&v6_nat64, address)) return classify_v4(address + 12);
  if (carries_metadata(address)) return ADDRESS_METADATA;
  for (size_t i = 0; i < sizeof(v6_blocks) / sizeof(v6_blocks[0]); i++)
    if (block_has(&v6_blocks[i], address)) return v6_blocks[i].kind;
  return ADDRESS_RESERVED;
}

enum address_kind address_classify(const struct sockaddr *address) {
  switch (address->sa_family) {
    case AF_INET:
      return classify_v4((const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr);
    case AF_INET6:
      return classify_v6(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
    default:
      return ADDRESS_RESERVED;
  }
}

const char *address_kind_text(enum address_kind kind) {
  switch (kind) {
    case ADDRESS_PUBLIC:
      return "a public address";
    case ADDRESS_LOOPBACK: /* as private as can be, and the word that people look for */
    case ADDRESS_PRIVATE:
      return "a private address";
    case ADDRESS_LINK_LOCAL:
      return "a link-local address";
    case ADDRESS_RESERVED:
      return "a reserved address";
    case ADDRESS_METADATA:
      return "a cloud metadata address";
  }
  return "an unknown address";
}

size_t address_literal_parse(struct str host, uint8_t ret_bytes[16]) {
  char text[INET6_ADDRSTRLEN];
  if (host.n == 0 || host.n >= sizeof(text) || memchr(host.p, '\0', host.n)) return 0;
  memcpy(text, host.p, host.n);
  text[host.n] = '\0';
  if (inet_pton(AF_INET, text, ret_bytes) == 1) return 4;
  if (inet_pton(AF_INET6, text, ret_bytes) == 1) return 16;
  return 0;
}

static bool names_the_same(struct str a, struct str b) {
  if (str_eq_fold(a, b)) return true;
  uint8_t a_bytes[16], b_bytes[16];
  size_t n = address_literal_parse(a, a_bytes);
  return n > 0 && n == address_literal_parse(b, b_bytes) && memcmp(a_bytes, b_bytes, n) == 0;
}

bool address_guard_allows(const struct address_guard *guard, struct str host, uint16_t port,
                          const struct sockaddr *address) {
  return address_guard_allows_for(guard, STR_NONE, host, port, address);
}

/* No host has a "="; an organisation's name may. */
enum err_code address_exception_parse(struct str text, struct address_exception *ret_exception, struct err *err) {
  struct address_exception exception = {.organisation = STR_NONE};
  const char *equals = text.n > 0 ? memrchr(text.p, '=', text.n) : NULL;
  if (equals) {
    exception.organisation = str_make(text.p, (size_t)(equals - text.p));
    text = str_make(equals + 1, text.n - exception.organisation.n - 1);
    if (exception.organisation.n == 0) return err_set(err, ERR_INVALID, "no organisation stands before the \"=\"");
  }
  enum err_code code = url_parse_authority(text, &exception.host, &exception.port, err);
  if (code == ERR_NONE) *ret_exception = exception;
  return code;
}

bool address_guard_allows_for(const struct address_guard *guard, struct str organisation, struct str host,
                              uint16_t port, const struct sockaddr *address) {
  enum address_kind kind = address_classify(address);
  if (kind == ADDRESS_PUBLIC) return true;
  if (kind == ADDRESS_METADATA || !guard) return false;
  for (size_t i = 0; i < guard->n_exceptions; i++) {
    const struct address_exception *exception = &guard->exceptions[i];
    if (exception->organisation.n > 0 && !str_eq(exception->organisation, organisation)) continue;
    if ((exception->port == 0 || exception->port == port) && names_the_same(exception->host, host)) return true;
  }
  return false;
}

struct str address_network(const struct sockaddr_storage *address) {
  if (address->ss_family != AF_INET6)
    return str_make((const char *)&((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
  const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(v6)) return str_make((const char *)v6 + 12, 4);
  return str_make((const char *)v6, 8);
}
