/* HTTP client on a worker's loop. One a worker, never shared. Keep-alive pools; no redirect is ever followed; no proxy
 * but the configured one, whatever the environment says; every connection passes the address guard with the very
 * address it will use. Two transports stand below: libcurl, and for plain HTTP one of our own (http_plain.c says why).
 * They promise the same, and are tested as one. */
#ifndef CONNEK_NET_HTTP_CLIENT_H
#define CONNEK_NET_HTTP_CLIENT_H

#include "base/arena.h"
#include "base/err.h"
#include "net/address_guard.h"
#include "net/http_server.h"
#include "net/loop.h"

struct http_client;
struct http_transfer;

struct http_client_options {
  const struct address_guard *guard; /* borrowed, outlives the client */
  const char *ca_file;               /* NULL: the system's */
  const char *proxy;                 /* NULL: none */
  const uint8_t *channel_key;        /* of CHANNEL_KEY bytes, borrowed: speaks to servers of ours alone, at literal
                                      * addresses, whatever the guard says; NULL: to anybody */
  bool uses_curl_alone;              /* for tests: plain HTTP goes through libcurl as well */
};

struct http_client_response {
  int status;
  struct str body;
  struct str content_type;
  const struct http_field *fields;
  size_t n_fields;
};

/* For a body that is looked at while it comes, such as server-sent events. Neither is called from within another call
 * of the client's; either may begin, cancel, pause and resume transfers, this one too. */
struct http_client_stream {
  /* Once, before any piece; its body is empty. */
  void (*on_head)(void *context, const struct http_client_response *head);
  /* Valid during the call. */
  void (*on_piece)(void *context, struct str piece);
  int64_t idle_ms; /* from the head on: how long nothing may come; 0: for ever */
};

struct http_client_request {
  struct str method;
  struct str url;          /* absolute, already encoded */
  struct str organisation; /* on whose behalf, by name: its exceptions hold; borrowed until done. Empty: nobody's */
  bool has_secret_in_url;  /* its path or query: the client's own copies are wiped, the caller wipes its own */
  const struct http_field *fields; /* copied; CR, LF and NUL in a value are refused */
  size_t n_fields;
  /* One secret, written last: as the field "SECRET_FIELD: PREFIX" + value, or as the query's SECRET_PARAMETER=value
   * (both encoded here), or, with neither named, not at all. The value is borrowed for the call of http_client_send
   * alone; the client's own copies are wiped before `done`. */
  struct str secret_field;
  struct str secret_parameter;
  struct str secret_prefix;
  struct str secret_value;
  struct str body; /* borrowed until done; `has_body` false: none */
  bool has_body;
  /* On a connection made for it: what cannot be sent twice must not be lost on one that the other side is closing. */
  bool needs_new_connection;
  int64_t timeout_ms; /* 0: LIMIT_UPSTREAM_TOTAL_MS; kept to within a tenth of a second */
  size_t max_body;    /* 0: LIMIT_UPSTREAM_BODY, after decompression */
  /* Set to true once the request may have left: from then on a failure does not tell whether it was carried out. Valid
   * until done or cancel. NULL: not asked. */
  bool *ret_was_sent;
  /* Not NULL: the body comes in pieces, and `done` with what is left to say. Borrowed until done or cancel. timeout_ms
   * is then the time up to the head; max_body 0 is no cap. */
  const struct http_client_stream *stream;
};

/* Called once, never from within http_client_send. `response` is NULL on failure, and lives in the arena otherwise.
 * err: ERR_UPSTREAM, ERR_TIMEOUT, ERR_TOO_LARGE, ERR_DENIED (address guard): its text names the host, never path or
 * query. */
typedef void (*http_client_done)(void *context, const struct http_client_response *response, const struct err *err);

enum err_code http_client_new(struct loop *loop, const struct http_client_options *options,
                              struct http_client **ret_client, struct err *err) MUST_CHECK;
/* Ends what is under way without calling back. Before loop_stop. */
void http_client_free(struct http_client *client);
/* `arena` must outlive the transfer. On failure nothing was begun and `done` is never called. */
enum err_code http_client_send(struct http_client *client, struct arena *arena,
                               const struct http_client_request *request, http_client_done done, void *context,
                               struct http_transfer **ret_transfer, struct err *err) MUST_CHECK;
/* Ends it; `done` is not called. */
void http_client_cancel(struct http_transfer *transfer);
/* Of a stream: no piece and no `done` come until it is resumed; the upstream has to wait once little more is taken than
 * was under way. The idle time does not run meanwhile. */
void http_client_pause(struct http_transfer *transfer);
void http_client_resume(struct http_transfer *transfer); /* never calls back from within */

#endif
