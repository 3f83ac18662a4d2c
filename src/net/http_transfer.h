/* One transfer of the HTTP client, whichever transport carries it, and what the transports share. Internal to net/. */
#ifndef CONNEK_NET_HTTP_TRANSFER_H
#define CONNEK_NET_HTTP_TRANSFER_H

#include <arpa/inet.h>

#include "base/buf.h"
#include "codec/url.h"
#include "net/http_client.h"

struct http_curl;
struct http_plain;

/* A transport embeds it in its own, as the first member. */
struct http_transfer {
  struct http_client *client;
  const struct http_transport *transport;
  struct http_transfer *previous, *next; /* on client->active */

  /* of the request under way */
  struct arena *arena;
  http_client_done done;
  void *context;
  struct url url; /* host and port: for the guard and for texts */
  struct str organisation;
  int64_t deadline_us;
  int64_t connect_deadline_us; /* INT64_MAX: it is not being connected */
  int64_t timeout_ms;
  bool *ret_was_sent;
  bool is_sent;    /* connected, and the request begun */
  bool may_repeat; /* RFC 9110, 9.2.2: safe to send twice */
  bool needs_new_connection;

  /* of the response */
  int status;
  struct http_field *fields;
  size_t n_fields, n_fields_max, field_bytes;
  bool has_head;
  struct buf body;
  /* of one that is passed on as it comes */
  const struct http_client_stream *receiver; /* NULL: the body is collected */
  uint64_t n_streamed, max_streamed;         /* bytes; max 0: none */
  bool is_head_told, is_paused;              /* paused by its receiver */

  enum err_code failure; /* ours, where we ended it: denied, too large, no memory */
  enum address_kind refused_kind;
  char refused_address[INET6_ADDRSTRLEN];
};

/* How transfers travel: http_curl.c, http_plain.c. */
struct http_transport {
  /* Makes a transfer out of `plan`, which has all that a request says beside fields and body. On failure nothing is
   * left behind; what fails later is told by http_transfer_finish, never from within. */
  enum err_code (*begin)(const struct http_transfer *plan, const struct http_client_request *request,
                         struct http_transfer **ret_transfer, struct err *err);
  /* However far it is: wipes what was secret, and lets the transfer go. */
  void (*end)(struct http_transfer *transfer);
  /* Of a stream, whose is_paused has been set: nothing more is told; it has been cleared: all goes on, and nothing is
   * told from within. */
  void (*pause)(struct http_transfer *transfer);
  void (*resume)(struct http_transfer *transfer);
};

struct http_client {
  struct loop *loop;
  const struct address_guard *guard;
  const uint8_t *channel_key;
  struct http_curl *curl;
  struct http_plain *plain; /* NULL: everything goes through libcurl */
  struct http_transfer *active;
  uv_timer_t *tick; /* freed by its close callback: it outlives the client by a turn */
  bool is_ticking;
};

/* Why a transfer has failed, where transfer->failure does not say. */
enum http_failure {
  HTTP_FAILURE_NONE,
  HTTP_FAILURE_MEMORY,
  HTTP_FAILURE_LATE,
  HTTP_FAILURE_NAME,
  HTTP_FAILURE_PROXY_NAME,
  HTTP_FAILURE_CONNECT,
  HTTP_FAILURE_CERTIFICATE,
  HTTP_FAILURE_TLS,
  HTTP_FAILURE_CODING,
  HTTP_FAILURE_CODED, /* a stream, by a transport that takes it only as it is */
  HTTP_FAILURE_BROKEN,
};

/* ---- http_client.c ---- */

/* Ends it and tells. NONE: with the response that has been collected. `detail`: for the log. `done` may do anything
 * but free the client. */
void http_transfer_finish(struct http_transfer *transfer, enum http_failure failure, const char *detail);
/* May it be connected to this address? Remembers a no. */
bool http_transfer_may_connect(struct http_transfer *transfer, const struct sockaddr *address);
/* A connection is about to be made for it: a name looked up, a socket opened. From now on it may take so long, however
 * long it was queued. Asked again, it changes nothing. */
void http_transfer_begin_connecting(struct http_transfer *transfer);
/* It waits for its turn, as its host has as many connections as it may have. */
static inline bool http_transfer_is_queued(const struct http_transfer *transfer) {
  return !transfer->is_sent && transfer->connect_deadline_us == INT64_MAX;
}
/* Connected, the request is about to be written. False: it was before, and must not be again: the other side may have
 * taken it. */
bool http_transfer_begin_sending(struct http_transfer *transfer) MUST_CHECK;

/* ---- http_client_fields.c ---- */

bool http_client_is_value(struct str value);
bool http_request_has_field(const struct http_client_request *request, const char *name);
/* RFC 9110, 8.6: methods that expect content say that there is none. */
bool http_request_wants_length(const struct http_client_request *request);
enum err_code http_field_check(struct str name, struct str prefix, struct str value, struct err *err) MUST_CHECK;
/* Path and query, with the secret that may be in it. */
void http_target_write(struct buf *out, const struct url *url, const struct http_client_request *request);
/* The arena's copy of what stands behind the authority; nothing asks for it again. */
void http_target_wipe(struct url *url);
/* At most as many bytes as http_target_write writes. */
size_t http_target_size(const struct http_client_request *request);

/* ---- http_client_response.c: what comes back, collected in the request's arena under caps ---- */

/* False: it must end; transfer->failure says why. */
bool http_response_add_field(struct http_transfer *transfer, struct str name, struct str value) MUST_CHECK;
bool http_response_add_body(struct http_transfer *transfer, const char *bytes, size_t n) MUST_CHECK;
/* The most that a body may be unpacked to of which `packed` bytes have come: a compressed bomb is no answer. */
size_t http_response_max_unpacked(const struct http_transfer *transfer, uint64_t packed);
/* Another head begins: the one before was interim (1xx). */
void http_response_restart(struct http_transfer *transfer);
void http_response_end_head(struct http_transfer *transfer);
/* Empty where there is no such field. */
struct str http_transfer_field(const struct http_transfer *transfer, const char *name);

/* ---- http_client_stream.c: a body that is passed on as it comes ---- */

/* From now on it may be silent for so long; while it is paused, for ever. */
void http_transfer_begin_idle(struct http_transfer *transfer);
/* The transfer may be gone afterwards. */
void http_transfer_tell_head(struct http_transfer *transfer);
/* So many bytes are to be told. False: that is over the cap; transfer->failure says so. */
bool http_transfer_add_streamed(struct http_transfer *transfer, size_t n) MUST_CHECK;

/* ---- http_client_failure.c: why it failed, without path, query or anything that was sent ---- */

enum err_code http_transfer_describe(const struct http_transfer *transfer, enum http_failure failure,
                                     const char *detail, struct err *err);
/* The address guard's no, for a request to host:port. */
enum err_code http_transfer_refuse(const struct url *url, enum address_kind kind, struct err *err);
/* Is the host an address? Then gives it, with the port. */
bool http_transfer_literal(const struct url *url, struct sockaddr_storage *ret_address);

/* ---- http_curl.c: libcurl, for TLS and proxies ---- */

extern const struct http_transport http_curl_transport;
enum err_code http_curl_new(struct http_client *client, const struct http_client_options *options,
                            struct http_curl **ret_curl, struct err *err) MUST_CHECK;
void http_curl_free(struct http_curl *curl); /* none of its transfers is left; NULL is fine */
/* What a burst has left over. */
void http_curl_trim(struct http_curl *curl);

/* ---- http_plain.c: HTTP/1.1 without TLS, over a byte stream ---- */

extern const struct http_transport http_plain_transport;
enum err_code http_plain_new(struct http_client *client, struct http_plain **ret_plain, struct err *err) MUST_CHECK;
void http_plain_free(struct http_plain *plain); /* none of its transfers is left; NULL is fine */
/* Can it carry a request there? */
bool http_plain_takes(const struct url *url);

#endif
