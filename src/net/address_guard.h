/* Which addresses Connek may connect to on behalf of others: the guard against server-side request forgery. Pure. */
#ifndef CONNEK_NET_ADDRESS_GUARD_H
#define CONNEK_NET_ADDRESS_GUARD_H

#include <sys/socket.h>

#include "base/err.h"
#include "base/str.h"

/* The operator's exceptions (--allow-upstream [ORGANISATION=]HOST[:PORT]); immutable once serving has begun. */
struct address_exception {
  struct str host;         /* a name or a literal address, lower case */
  uint16_t port;           /* 0: any */
  struct str organisation; /* by name; empty: for each of them */
};

struct address_guard {
  const struct address_exception *exceptions;
  size_t n_exceptions;
  bool has_organisations; /* some exception is one organisation's: a connection that may be used again is judged anew */
};

/* What an address is for. Only ADDRESS_PUBLIC may be reached without an exception; ADDRESS_METADATA never may. */
enum address_kind {
  ADDRESS_PUBLIC,
  ADDRESS_LOOPBACK,
  ADDRESS_PRIVATE,    /* RFC 1918, CGNAT, unique local */
  ADDRESS_LINK_LOCAL, /* reaches whatever shares the cable */
  ADDRESS_RESERVED,   /* 0/8, multicast, documentation, benchmarking, obsolete transition forms, not assigned */
  ADDRESS_METADATA,   /* where clouds hand their machines credentials */
};

enum address_kind address_classify(const struct sockaddr *address);
/* "a private address", for texts. */
const char *address_kind_text(enum address_kind kind);

/* The bytes of an address as it is written, 4 or 16; 0 where it is anything else. */
size_t address_literal_parse(struct str text, uint8_t ret_bytes[16]);
/* Do both begin with the same bits? */
bool address_bits_match(const uint8_t *one, const uint8_t *other, unsigned n_bits);

/* What one host has for itself: an IPv4 address, or an IPv6 network of /64; the bytes, in `address`. On a listener for
 * both, IPv4 comes as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2): one network that all of them would share. */
struct str address_network(const struct sockaddr_storage *address);

/* May a connection go to this resolved address, which was named as `host`:`port`? Refused unless excepted: loopback,
 * private, link-local, unique-local, CGNAT, 0/8, multicast, reserved, documentation, benchmarking, and IPv6 forms that
 * carry such an IPv4 address (mapped, NAT64) or are obsolete (compatible, 6to4, Teredo). Refused always, exception or
 * not: cloud metadata addresses (169.254.169.254, 169.254.170.2, fd00:ec2::254, 100.100.100.200 and the rest of
 * 169.254/16's known ones), in any form that carries them. */
bool address_guard_allows(const struct address_guard *guard, struct str host, uint16_t port,
                          const struct sockaddr *address);
/* The same on behalf of an organisation (its name; empty: of nobody in particular). */
bool address_guard_allows_for(const struct address_guard *guard, struct str organisation, struct str host,
                              uint16_t port, const struct sockaddr *address);
/* "[ORGANISATION=]HOST[:PORT]". Slices of `text`. */
enum err_code address_exception_parse(struct str text, struct address_exception *ret_exception,
                                      struct err *err) MUST_CHECK;

#endif
