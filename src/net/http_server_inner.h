/* What the files of the HTTP server share. Not for others.
 *
 *   http_server.c             the listener, deadlines, drain
 *   http_server_connection.c  states of a connection, reading, parsing
 *   http_server_reply.c       whole replies
 *   http_server_stream.c      streamed replies
 *   http_server_status.c      reason phrases */
#ifndef CONNEK_NET_HTTP_SERVER_INNER_H
#define CONNEK_NET_HTTP_SERVER_INNER_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/limits.h"
#include "net/http_parse.h"
#include "net/http_server.h"
#include "net/stream_sealed.h"
#include "net/stream_tcp.h"

/* Each state has a list of its connections in the server. All on one list wait equally long, so a list is ordered by
 * deadline and only its first has to be looked at. http_connection_move alone changes a state.
 *
 *   state       what it waits for                            deadline (LIMIT_HTTP_)   when it passes
 *   IDLE        a request's first byte                       IDLE_MS                  close
 *   HEAD        the head's last byte                         HEADER_MS                408 (or close: only blank lines)
 *   BODY        the body's last byte                         BODY_MS                  408
 *   HANDLING    the handler: its reply, or more of a stream  none
 *   WRITING     the client, to take what is written          WRITE_MS                 close, unless it took enough
 *   LINGERING   the client's end; its bytes are dropped      LINGER_MS                close
 *   CLOSING     on_closed, and the reply still owed          none
 *
 *   IDLE -> HEAD -> BODY -> HANDLING -> WRITING -> IDLE      a request that comes in pieces, answered slowly
 *   IDLE -> HANDLING -> IDLE                                 one that comes whole, and whose reply is taken at once
 *   HANDLING <-> WRITING                                     a stream
 *   HEAD, BODY -> WRITING -> LINGERING                       a request that is refused
 *   HANDLING, WRITING -> LINGERING                           the last reply of a connection
 *   any -> CLOSING                                           */
enum http_connection_state {
  HTTP_CONNECTION_IDLE,
  HTTP_CONNECTION_HEAD,
  HTTP_CONNECTION_BODY,
  HTTP_CONNECTION_HANDLING,
  HTTP_CONNECTION_WRITING,
  HTTP_CONNECTION_LINGERING,
  HTTP_CONNECTION_CLOSING,
  HTTP_CONNECTION_STATE_COUNT
};

enum http_writing { HTTP_WRITING_NOTHING, HTTP_WRITING_INTERIM, HTTP_WRITING_REPLY, HTTP_WRITING_STREAM };

/* Small: thousands of them do nothing. What a request needs is in its exchange.
 *
 * Freed when its stream has closed and it has no exchange, whichever comes last. While a reply is owed there is an
 * exchange; without one the state is IDLE, LINGERING or CLOSING. */
struct http_connection {
  union {
    struct stream stream; /* all else uses this */
    struct stream_tcp tcp;
    struct stream_sealed sealed; /* where the server has a key */
  };
  struct http_server *server;
  struct http_connection *previous, *next; /* of its state's list */
  int64_t deadline_us;
  struct http_server_exchange *exchange;
  char *held; /* what came while a reply was owed; NULL: nothing */
  uint32_t held_at, held_n, held_capacity;
  uint8_t state;
  uint8_t writing; /* enum http_writing: what the stream has not taken yet */
  bool is_reading;
  bool is_parsing; /* further up the stack: what ends an exchange need not look for the next request */
  bool has_ended;  /* the client's side (FIN) */
  bool is_closed;
  size_t unsent_before; /* WRITING: when its deadline was set */
};

enum http_reply_kind { HTTP_REPLY_NONE, HTTP_REPLY_WHOLE, HTTP_REPLY_STREAM };

/* An exchange and what the handler does not see of it. Lives in its own arena. */
struct http_server_exchange {
  struct http_exchange exchange; /* first */
  struct http_connection *connection;
  struct http_parse parse;
  bool is_given; /* to the handler, who now owes a reply */
  bool keeps_alive;
  enum http_reply_kind reply;
  struct str out_head, out_body; /* a whole reply, while an interim one is under way */
  void (*release)(void *context);
  void *release_context;

  /* a stream: `pending` is what came since the last write, `flying` what the stream writes now */
  struct buf pending, flying;
  void (*on_drain)(struct http_exchange *exchange);
  struct http_server_exchange **dirty_before, *dirty_next; /* to be flushed this turn; dirty_before NULL: not */
  bool is_chunked;
  bool is_bodiless; /* HEAD, 204, 304 */
  bool has_stream_ended;
  bool is_full; /* on_drain is owed */
  bool is_flushing;
};

struct http_connection_list {
  struct http_connection *first, *last;
};

enum { HTTP_DATE_SIZE = 48 };

struct http_server {
  struct loop *loop;
  struct http_server_options options;
  struct http_server_counts *counts; /* the owner's, or the next */
  struct http_server_counts own_counts;
  struct http_connection_list lists[HTTP_CONNECTION_STATE_COUNT];
  struct listener_tcp listener;
  uv_timer_t sweep;
  uv_idle_t flush; /* active while streams are dirty */
  struct http_server_exchange *dirty;
  size_t n_orphans; /* connections that are closed but whose reply is still owed */
  bool is_draining, is_listener_closed, is_ending, has_drained;
  unsigned n_handles; /* of sweep and flush, not closed yet */
  int64_t drain_deadline_us;
  void (*drained)(void *context);
  void *drained_context;
  char date[HTTP_DATE_SIZE]; /* the Date field with its CRLF */
  size_t date_n;
  int64_t date_until_us;        /* monotonic: when the second is over */
  char buffer[LIMIT_HTTP_READ]; /* of all reads */
};

static inline struct http_server_exchange *http_server_exchange_of(struct http_exchange *exchange) {
  return (struct http_server_exchange *)exchange;
}
static inline struct stream *http_connection_stream(struct http_connection *connection) {
  return &connection->stream;
}

/* One writer: no read-modify-write instruction is needed. */
static inline void http_count(_Atomic(uint64_t) *counter, int more) {
  atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + (uint64_t)(int64_t)more,
                        memory_order_relaxed);
}

/* http_server.c */
/* Looks at the heads of the lists; a timer calls it, and tests do. */
void http_server_sweep(struct http_server *server);
/* A stream is dirty: flushes it before the loop sleeps. */
void http_server_start_flush(struct http_server *server);
/* A connection's stream has closed; a closed one's reply was given. Either may have been what draining waits for. */
void http_server_connection_closed(struct http_server *server);
void http_server_orphan_ended(struct http_server *server);

/* http_server_connection.c */
void http_connection_accept(struct http_server *server, int fd, const struct sockaddr_storage *peer);
void http_connection_move(struct http_connection *connection, enum http_connection_state state);
/* Its deadline has passed. */
void http_connection_expire(struct http_connection *connection);
/* At once, whatever is under way; who owes a reply is told. The exchange may be gone afterwards. */
void http_connection_break(struct http_connection *connection);
/* Writes two pieces, which must stay valid until all is taken; on_written then goes on by `writing`. That may be at
 * once: a whole reply's exchange may then be gone. False: the connection is to be broken; nothing went on. */
bool http_connection_write(struct http_connection *connection, enum http_writing writing, struct str head,
                           struct str body) MUST_CHECK;
/* Into the state WRITING: all that is left is the client's to take. */
void http_connection_await_written(struct http_connection *connection);
/* The reply has left or is dropped: frees the exchange; the connection goes on to the next request, or ends. */
void http_exchange_end(struct http_server_exchange *exchange);

/* http_server_reply.c */
/* Where memory for a reply's own head is lacking. */
#define HTTP_REPLY_LAST_RESORT STR("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
/* The head of a reply, in the exchange's arena; `.p` NULL: no memory. `is_stream`: without Content-Length. Decides
 * keeps_alive and is_chunked. */
struct str http_reply_head(struct http_server_exchange *exchange, const struct http_reply *reply, bool is_stream);
/* Begins to write a whole reply, unless something is being written still. The exchange may be gone afterwards. */
void http_reply_send(struct http_server_exchange *exchange);
/* For requests that the handler never sees. */
void http_reply_refusal(struct http_server_exchange *exchange, const struct http_refusal *refusal);

/* http_server_stream.c */
/* Writes what is pending; ends the exchange after the last of it. The exchange may be gone afterwards. */
void http_stream_flush(struct http_server_exchange *exchange);
void http_stream_written(struct http_server_exchange *exchange);
/* Before the exchange goes. */
void http_stream_release(struct http_server_exchange *exchange);
/* All dirty ones: once a turn. */
void http_stream_flush_dirty(struct http_server *server);

#endif
