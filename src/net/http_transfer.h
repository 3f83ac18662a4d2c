/* One transfer of the HTTP client, and the three files that work on it. Internal to net/. */
#ifndef CONNEK_NET_HTTP_TRANSFER_H
#define CONNEK_NET_HTTP_TRANSFER_H

#include <arpa/inet.h>
#include <curl/curl.h>

#include "base/buf.h"
#include "codec/url.h"
#include "net/curl_loop.h"
#include "net/http_client.h"

/* A body that is passed on as it comes: http_client_stream.c. */
struct http_inflow {
  const struct http_client_stream *receiver; /* NULL: the body is collected */
  struct buf pending;                        /* came, and was not passed on; on the heap */
  uint64_t n_bytes, max_bytes;               /* max 0: none */
  struct http_transfer *next_ready;
  bool is_ready;                /* on client->ready: there is something to tell */
  bool is_head_told, is_paused; /* by its receiver */
  bool is_stalled;              /* curl was told to read no more */
  bool has_ended;
  CURLcode end_code;
};

struct http_transfer {
  struct http_client *client;
  CURL *easy;
  struct http_transfer *previous, *next; /* on client->active; `next` alone on client->idle */

  /* of the request under way */
  struct arena *arena;
  http_client_done done;
  void *context;
  struct url url; /* host and port: for the guard and for texts */
  struct str secret_line;
  int64_t deadline_us, connect_deadline_us;
  int64_t timeout_ms;
  bool *ret_was_sent;
  bool is_sent;      /* connected, and the request begun */
  bool may_repeat;   /* RFC 9110, 9.2.2: safe to send twice */
  bool is_plain_get; /* the easy handle was not changed for it */

  /* of the response */
  struct http_field *fields;
  size_t n_fields, n_fields_max, field_bytes;
  bool has_head;
  struct buf body;
  struct http_inflow inflow;
  enum err_code failure; /* ours, where a callback ended it: denied, too large, no memory */
  enum address_kind refused_kind;
  char refused_address[INET6_ADDRSTRLEN];
};

struct http_client {
  struct loop *loop;
  struct curl_loop *curl;
  const struct address_guard *guard;
  char *ca_file, *proxy;
  char accept_encoding[64]; /* a field's line: what this libcurl can decompress */
  struct http_transfer *active, *idle;
  struct http_transfer *ready;   /* streams with something to tell */
  struct http_transfer *telling; /* whose receiver is being called; NULL: its transfer has ended meanwhile */
  size_t n_idle;
  uv_timer_t *tick; /* freed by its close callback: it outlives the client by a turn */
  bool is_ticking;
};

/* http_client_request.c: puts a request into the easy handle. On failure the handle must be reset. */
enum err_code http_transfer_write(struct http_transfer *transfer, const struct http_client_request *request,
                                  struct err *err) MUST_CHECK;

/* http_client_response.c: CURLOPT_HEADERFUNCTION and CURLOPT_WRITEFUNCTION. */
size_t http_transfer_on_header(char *bytes, size_t size, size_t n, void *transfer);
size_t http_transfer_on_body(char *bytes, size_t size, size_t n, void *transfer);
/* Empty where there is no such field. */
struct str http_transfer_field(const struct http_transfer *transfer, const char *name);

/* http_client.c: the end of a transfer. */
void http_transfer_finish(struct http_transfer *transfer, CURLcode code);

/* http_client_stream.c */
void http_inflow_init(struct http_transfer *transfer, const struct http_client_request *request);
void http_inflow_release(struct http_transfer *transfer);
/* The head is complete. */
void http_inflow_on_head(struct http_transfer *transfer);
/* What CURLOPT_WRITEFUNCTION returns. */
size_t http_inflow_on_body(struct http_transfer *transfer, const char *bytes, size_t n);
void http_inflow_on_ended(struct http_transfer *transfer, CURLcode code);
/* Tells receivers what has come. Never from within a call of curl's. */
void http_inflow_tell(void *client);

/* http_client_failure.c: why it failed, without path, query or anything that was sent. */
enum err_code http_transfer_describe(const struct http_transfer *transfer, CURLcode curl_code, struct err *err);
/* The address guard's no, for a request to host:port. */
enum err_code http_transfer_refuse(const struct url *url, enum address_kind kind, struct err *err);
/* Is the host an address? Then gives it. */
bool http_transfer_literal(const struct url *url, struct sockaddr_storage *ret_address);

#endif
