/* Where a connection leads: its host's addresses, each judged by the guard, and how the way there is secured. What was
 * judged is what is connected to: libpq gets addresses, and the name only for its certificate. Must not know libpq. */
#include <netdb.h>
#include <netinet/in.h>

#include "connector/sql/postgres.h"

enum { ADDRESSES_MAX = 8, ADDRESS_TEXT = 64 };

const char *postgres_tls_mode(const struct postgres_target *target, enum address_kind kind, struct err *err) {
  switch (target->tls) {
    case POSTGRES_TLS_DEFAULT:
      return kind == ADDRESS_LOOPBACK ? "prefer" : "verify-full";
    case POSTGRES_TLS_VERIFIED:
      return "verify-full";
    case POSTGRES_TLS_REQUIRED:
    case POSTGRES_TLS_NONE:
      /* Any other kind was excepted by the operator. */
      if (kind != ADDRESS_PUBLIC) return target->tls == POSTGRES_TLS_NONE ? "disable" : "require";
      break;
  }
  (void)err_set(
      err, ERR_DENIED,
      "%.*s stands at a public address, and its certificate is not looked at: an administrator can set tls to "
      "verify-full, with the server's own certificates in ca",
      STR_ARG(target->host));
  return NULL;
}

static enum err_code refuse(const struct postgres_target *target, enum address_kind kind, struct err *err) {
  if (kind == ADDRESS_METADATA)
    return err_set(err, ERR_DENIED, "%.*s stands at %s, which is never connected to", STR_ARG(target->host),
                   address_kind_text(kind));
  bool is_v6 = memchr(target->host.p, ':', target->host.n) != NULL;
  return err_set(err, ERR_DENIED, "%.*s stands at %s; the operator can allow it with --allow-upstream %s%.*s%s:%u",
                 STR_ARG(target->host), address_kind_text(kind), is_v6 ? "[" : "", STR_ARG(target->host),
                 is_v6 ? "]" : "", target->port);
}

struct found {
  unsigned n;
  const char *mode;
  struct buf addresses;
};

/* Two addresses that want different modes are not mixed: the first decides. */
static enum err_code take(const struct postgres_reach *reach, const struct sockaddr *address, socklen_t length,
                          struct found *found, struct err *err) {
  const struct postgres_target *target = reach->target;
  enum address_kind kind = address_classify(address);
  char text[ADDRESS_TEXT];
  if (!address_guard_allows_for(reach->guard, reach->organisation, target->host, target->port, address))
    return refuse(target, kind, err);
  const char *mode = postgres_tls_mode(target, kind, err);
  if (!mode) return ERR_DENIED;
  if (found->n > 0 && strcmp(mode, found->mode) != 0) return ERR_NONE;
  if (getnameinfo(address, length, text, sizeof(text), NULL, 0, NI_NUMERICHOST) != 0) return ERR_NONE;
  if (found->n > 0) buf_append_byte(&found->addresses, ',');
  buf_append_c(&found->addresses, text);
  found->mode = mode;
  found->n++;
  return ERR_NONE;
}

enum err_code postgres_find(const struct postgres_reach *reach, struct arena *arena, struct str *ret_addresses,
                            unsigned *ret_n, const char **ret_mode, struct err *err) {
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo *list = NULL;
  struct found found = {.n = 0};
  if (!reach->guard) return err_set(err, ERR_INTERNAL, "nobody guards where this leads");
  if (getaddrinfo(reach->target->host.p, NULL, &hints, &list) != 0)
    return err_set(err, ERR_UPSTREAM, "the name %.*s cannot be resolved", STR_ARG(reach->target->host));
  buf_init(&found.addresses, arena, KIB);
  enum err_code code = err_set(err, ERR_UPSTREAM, "the name %.*s has no address", STR_ARG(reach->target->host));
  for (struct addrinfo *at = list; at && found.n < ADDRESSES_MAX; at = at->ai_next) {
    enum err_code this_code = take(reach, at->ai_addr, at->ai_addrlen, &found, err);
    if (code != ERR_NONE) code = this_code;
    if (found.n > 0) code = ERR_NONE;
  }
  freeaddrinfo(list);
  buf_append_byte(&found.addresses, '\0');
  if (code == ERR_NONE && buf_failed(&found.addresses)) code = err_no_memory(err);
  if (code != ERR_NONE) return code;
  *ret_addresses = buf_str(&found.addresses);
  *ret_n = found.n;
  *ret_mode = found.mode;
  return ERR_NONE;
}
