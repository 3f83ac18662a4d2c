/* Texts for what goes wrong with a transfer. They reach people and models: they name the host, and nothing else of the
 * request. */
#include <string.h>

#include "base/limits.h"
#include "net/http_transfer.h"

bool http_transfer_literal(const struct url *url, struct sockaddr_storage *ret_address) {
  char text[INET6_ADDRSTRLEN];
  if (url->host.n >= sizeof(text)) return false;
  memcpy(text, url->host.p, url->host.n);
  text[url->host.n] = '\0';
  memset(ret_address, 0, sizeof(*ret_address));
  ret_address->ss_family = url->is_ipv6 ? AF_INET6 : AF_INET;
  struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;
  *(url->is_ipv6 ? &v6->sin6_port : &v4->sin_port) = htons(url->port);
  return inet_pton(ret_address->ss_family, text, url->is_ipv6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr) == 1;
}

/* A name's address is not told: it may be the inside of a network. */
enum err_code http_transfer_refuse(const struct url *url, enum address_kind kind, struct err *err) {
  struct sockaddr_storage address;
  const char *relation = http_transfer_literal(url, &address) ? "is" : "stands at";
  const char *kind_text = address_kind_text(kind);
  if (kind == ADDRESS_METADATA)
    return err_set(err, ERR_DENIED, "%.*s %s %s, which is never connected to", STR_ARG(url->host), relation, kind_text);
  const char *left = url->is_ipv6 ? "[" : "", *right = url->is_ipv6 ? "]" : "";
  return err_set(err, ERR_DENIED, "%.*s %s %s; the operator can allow it with --allow-upstream %s%.*s%s:%u",
                 STR_ARG(url->host), relation, kind_text, left, STR_ARG(url->host), right, url->port);
}

static enum err_code describe(const struct http_transfer *transfer, enum http_failure failure, struct err *err) {
  struct str host = transfer->url.host;
  switch (failure) {
    case HTTP_FAILURE_MEMORY:
      return err_no_memory(err);
    case HTTP_FAILURE_LATE:
      if (transfer->is_sent)
        return err_set(err, ERR_TIMEOUT, "%.*s did not answer within %lld ms", STR_ARG(host),
                       (long long)transfer->timeout_ms);
      if (http_transfer_is_queued(transfer))
        return err_set(err, ERR_TIMEOUT, "%.*s is busy with %d other calls, and none made room within %lld ms",
                       STR_ARG(host), LIMIT_UPSTREAM_HOST_CONNECTIONS, (long long)transfer->timeout_ms);
      return err_set(err, ERR_TIMEOUT, "cannot connect to %.*s: no answer from it in time", STR_ARG(host));
    case HTTP_FAILURE_NAME:
      return err_set(err, ERR_UPSTREAM, "the name %.*s cannot be resolved", STR_ARG(host));
    case HTTP_FAILURE_PROXY_NAME:
      return err_set(err, ERR_UPSTREAM, "the proxy's name cannot be resolved");
    case HTTP_FAILURE_CONNECT:
      return err_set(err, ERR_UPSTREAM, "cannot connect to %.*s, port %u", STR_ARG(host), transfer->url.port);
    case HTTP_FAILURE_CERTIFICATE:
      return err_set(err, ERR_UPSTREAM, "the TLS certificate of %.*s is not to be trusted", STR_ARG(host));
    case HTTP_FAILURE_TLS:
      return err_set(err, ERR_UPSTREAM, "no TLS connection to %.*s", STR_ARG(host));
    case HTTP_FAILURE_CODING:
      return err_set(err, ERR_UPSTREAM, "the answer of %.*s cannot be decompressed", STR_ARG(host));
    case HTTP_FAILURE_CODED:
      return err_set(err, ERR_UPSTREAM, "%.*s sends a compressed stream, though it was asked for a plain one",
                     STR_ARG(host));
    case HTTP_FAILURE_NONE:
    case HTTP_FAILURE_BROKEN:
      break;
  }
  return err_set(err, ERR_UPSTREAM, "%.*s broke off, or answered what is no HTTP", STR_ARG(host));
}

enum err_code http_transfer_describe(const struct http_transfer *transfer, enum http_failure failure,
                                     const char *detail, struct err *err) {
  enum err_code code;
  switch (transfer->failure) {
    case ERR_DENIED:
      code = http_transfer_refuse(&transfer->url, transfer->refused_kind, err);
      err_detail(err, "refused address: %s", transfer->refused_address);
      return code;
    case ERR_TOO_LARGE:
      return err_set(err, ERR_TOO_LARGE, "the answer of %.*s is larger than allowed", STR_ARG(transfer->url.host));
    case ERR_NO_MEMORY:
      return err_no_memory(err);
    default:
      code = describe(transfer, failure, err);
      err_detail(err, "%s", detail);
      return code;
  }
}
