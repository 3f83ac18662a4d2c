/* HTTP/1.1 server (RFC 9110, RFC 9112): strict framing, absolute deadlines, whole requests in, whole replies or streams
 * out. It knows nothing of what is served. One server a worker; all of it on the worker's loop.
 *
 * Strictness on top of llhttp: exactly one Host field in HTTP/1.1, single spaces in the request line, no
 * Transfer-Encoding in HTTP/1.0, no Transfer-Encoding beside Content-Length, "chunked" alone as coding, no differing or
 * repeated Content-Length, no obsolete line folding, no bare CR or LF, no control characters in values; caps of
 * base/limits.h. After any parse error: answer, close. `Expect: 100-continue` is answered; any other expectation is
 * 417. Upgrade is ignored. */
#ifndef CONNEK_NET_HTTP_SERVER_H
#define CONNEK_NET_HTTP_SERVER_H

#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "net/loop.h"

struct http_server;
struct http_reply;

struct http_field {
  struct str name; /* as it came; compare with str_eq_fold */
  struct str value;
};

/* One request and its reply. Lives from on_request until its reply is finished; valid on the server's loop only. */
struct http_exchange {
  struct str method;
  struct str target; /* as it came */
  struct str path;   /* of the target, before '?': still percent-encoded */
  struct str query;  /* after '?', or empty */
  const struct http_field *fields;
  size_t n_fields;
  struct str body;
  struct arena arena; /* this request's memory: freed when the exchange ends */
  struct loop *loop;
  const struct sockaddr_storage *peer;
  int64_t received_us; /* monotonic: when its last byte was read */
  bool has_departed;   /* the client has gone, or ended its side: the reply may go nowhere, but is still owed */
  /* May be set by the handler; called once when the client goes, which may be while a stream is open; never after
   * http_reply or http_stream_end. It may reply from within. */
  void (*on_departed)(struct http_exchange *exchange);
  void *context; /* the handler's own */
};

/* Written on the server's loop alone; read from any thread. */
struct http_server_counts {
  _Atomic(uint64_t) connections; /* open now */
  _Atomic(uint64_t) accepted;
  _Atomic(uint64_t) requests;
  _Atomic(uint64_t) refused; /* answered 4xx by the server itself: malformed, too large, too slow */
};

struct http_server_options {
  /* Called with each whole request. It must see to exactly one http_reply (now or later), or one http_stream_begin and
   * http_stream_end, even after the client has departed: only then is the exchange freed. */
  void (*on_request)(struct http_exchange *exchange, void *context);
  void *context;
  /* Optional: looks at a request's head before its body is read. False refuses it with `ret_refusal` (all of it static
   * or in the exchange's arena; JSON unless it says otherwise) and closes. For what must be turned away cheaply:
   * unknown paths, methods, unauthenticated peers. */
  bool (*on_head)(struct http_exchange *exchange, void *context, struct http_reply *ret_refusal);
  const uint8_t *channel_key;        /* of CHANNEL_KEY bytes, borrowed: for servers of ours alone; NULL: plain TCP */
  size_t max_connections;            /* 0: LIMIT_HTTP_CONNECTIONS */
  struct http_server_counts *counts; /* where to count: zeroed, it outlives the server; NULL: the server's own */
};

/* Listens on host:port (port 0: any; a literal address or "localhost"). With `reuse_port` several servers share one
 * address. */
enum err_code http_server_start(struct loop *loop, struct str host, uint16_t port, bool reuse_port,
                                const struct http_server_options *options, struct http_server **ret_server,
                                struct err *err) MUST_CHECK;
uint16_t http_server_port(const struct http_server *server);
/* On the server's loop: others look at options.counts, which does not go with the server. */
void http_server_count(const struct http_server *server, struct http_server_counts *ret_counts);
/* Graceful: stops accepting, closes idle connections, answers open requests with `Connection: close`; calls `drained`
 * (on the loop) when the last connection is closed, at the latest after LIMIT_HTTP_DRAIN_MS, then frees the server. */
void http_server_drain(struct http_server *server, void (*drained)(void *context), void *context);

/* The value of a field that may appear once. STR_NONE: absent. False: it appears more than once. */
bool http_field_once(const struct http_exchange *exchange, const char *name, struct str *ret_value) MUST_CHECK;

struct http_reply {
  int status;
  struct str content_type;         /* empty: no Content-Type */
  const struct http_field *fields; /* further ones; names and values are trusted: never what a client sent */
  size_t n_fields;
  struct str body; /* must stay valid until the exchange ends: arena or static */
  bool must_close; /* close the connection afterwards */
  /* What keeps `body` alive where it is neither: called once the reply has left or is dropped. May be NULL. */
  void (*release)(void *context);
  void *release_context;
};

/* Sends a whole reply (HEAD gets its head alone) and ends the exchange: after this call it may be gone. */
void http_reply(struct http_exchange *exchange, const struct http_reply *reply);

/* A reply whose length is not known: chunked (HTTP/1.0: until close). Pieces are copied. `http_stream_write` returns
 * false when the unsent rest is over a cap: write no more until on_drain. Used for server-sent events. */
void http_stream_begin(struct http_exchange *exchange, const struct http_reply *head,
                       void (*on_drain)(struct http_exchange *exchange));
bool http_stream_write(struct http_exchange *exchange, struct str piece);
void http_stream_end(struct http_exchange *exchange);
/* Lets go of the request's memory while its stream goes on: of the exchange, what it says of the request is empty from
 * now on. Not from within a callback of the server's. Returns where the exchange is now: the old one is gone. */
struct http_exchange *http_stream_compact(struct http_exchange *exchange) MUST_CHECK;

const char *http_status_reason(int status);

#endif
