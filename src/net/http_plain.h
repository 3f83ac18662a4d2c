/* HTTP/1.1 without TLS, between the files that make it. Internal to net/.
 *
 * A transfer waits for a connection, has one, or has failed and is about to be told so; a connection is connecting or
 * busy with a transfer, or idle in its origin's pool. */
#ifndef CONNEK_NET_HTTP_PLAIN_H
#define CONNEK_NET_HTTP_PLAIN_H

#include <llhttp.h>

#include "base/limits.h"
#include "base/map.h"
#include "net/http_transfer.h"
#include "net/stream_sealed.h"
#include "net/stream_tcp.h"

struct plain_connection;
struct plain_origin;

struct plain_list {
  struct plain_transfer *first, *last;
};

struct plain_transfer {
  struct http_transfer base;
  struct plain_origin *origin;
  struct plain_connection *connection; /* NULL: it is on a list */
  struct plain_list *list;             /* of those that wait, that have failed, or that go on; NULL: on none */
  struct plain_transfer *previous, *next;
  struct str head;       /* as it is sent */
  struct str body;       /* the caller's */
  bool has_secret;       /* in `head` */
  bool is_head_request;  /* its answer has no body, whatever it says */
  bool has_answer;       /* its first byte */
  bool is_repeated;      /* the connection was dead: on another one */
  struct buf field;      /* the name, then the value, of the field that is being read */
  size_t name_n, read_n; /* bytes of the name; bytes of heads, all of them */
  struct buf held;       /* of a stream that was paused: read, and not looked at; on the heap */
  bool is_held;          /* even where nothing is in it */
  bool is_coded_stream;
  enum http_failure failed;
  const char *detail;
};

struct plain_connection {
  union {
    struct stream stream; /* all else uses this */
    struct stream_tcp tcp;
    struct stream_sealed sealed; /* where the client has a key */
  };
  struct http_plain *plain;
  struct plain_origin *origin;
  struct plain_transfer *transfer; /* NULL: idle, or closing */
  llhttp_t llhttp;
  bool is_up, is_writing;
  bool is_used;     /* not for the first time */
  bool is_complete; /* the answer, and */
  bool keeps_alive; /* the connection can carry another */
  /* idle: */
  bool is_idle;
  int64_t idle_since_us;
  struct plain_connection *next, *previous; /* of its origin */
  struct plain_connection *older, *newer;   /* of all */
};

/* All that goes to one host and port. It lives as long as it has connections or transfers. */
struct plain_origin {
  struct http_plain *plain;
  struct sockaddr_storage address;
  struct plain_connection *idle; /* used last first */
  size_t n_connections, n_transfers;
  struct plain_list waiting;
  size_t key_n;
  char key[];
};

struct http_plain {
  struct http_client *client;
  struct map origins;
  struct plain_connection *newest, *oldest; /* that are idle */
  size_t n_idle;
  struct plain_list failed, ready; /* ready: resumed streams, which go on with what was held */
  uv_timer_t *soon;                /* tells both; freed by its close callback */
  char buffer[LIMIT_HTTP_READ];
};

/* ---- http_plain.c ---- */

void plain_list_add(struct plain_list *list, struct plain_transfer *transfer);
void plain_list_remove(struct plain_transfer *transfer);
/* The connection is up, and the transfer's. */
void plain_transfer_send(struct plain_transfer *transfer, struct plain_connection *connection);
/* To be told, in a turn of its own. */
void plain_transfer_fail(struct plain_transfer *transfer, enum http_failure failure, const char *detail);
/* Those that failed, and those that go on. */
void plain_tell_soon(struct http_plain *plain);
/* Bytes for the connection's transfer, which may be gone afterwards. */
void plain_connection_take(struct plain_connection *connection, const char *bytes, size_t n);
extern const struct stream_events plain_events;

/* ---- http_plain_pool.c: connections and who gets them ---- */

/* For one more transfer; NULL: no memory. */
struct plain_origin *plain_origin_enter(struct http_plain *plain, const struct url *url);
void plain_origin_leave(struct plain_origin *origin);
/* A connection for the transfer: now, when one has connected, or when one comes free. Or plain_transfer_fail. */
void plain_pool_place(struct plain_transfer *transfer);
/* The connection's transfer has left it, and it can carry another. */
void plain_pool_release(struct plain_connection *connection);
/* Its transfer, if any, has left it. Whoever waits gets its place. */
void plain_pool_close(struct plain_connection *connection);
void plain_pool_free(struct http_plain *plain);

/* ---- http_plain_request.c ---- */

/* Method, target and fields, in one allocation of the arena. */
enum err_code plain_head_write(struct plain_transfer *transfer, const struct http_client_request *request,
                               struct err *err) MUST_CHECK;

/* ---- http_plain_response.c ---- */

enum plain_event {
  PLAIN_MORE,
  PLAIN_DONE,   /* the transfer has its response */
  PLAIN_GONE,   /* the transfer was cancelled by its receiver; the connection is closing */
  PLAIN_BROKEN, /* what came is no answer, or too large */
  PLAIN_CODED,  /* a stream that is compressed */
};

/* Before a transfer's request is sent. */
void plain_response_init(struct plain_connection *connection);
/* DONE: `ret_may_stay`: the connection can carry another. */
enum plain_event plain_response_feed(struct plain_connection *connection, const char *bytes, size_t n,
                                     bool *ret_may_stay);
/* The peer has ended. */
enum plain_event plain_response_end(struct plain_connection *connection);
/* Undoes the content coding, where there is one. False: it cannot. */
bool plain_response_decode(struct http_transfer *transfer) MUST_CHECK;

/* ---- http_plain_stream.c: bodies that are passed on as they come ---- */

/* From within llhttp, which is to stop where they say false: the transfer has been cancelled, is paused, or has failed.
 */
bool plain_stream_on_head(struct plain_connection *connection) MUST_CHECK;
bool plain_stream_on_piece(struct plain_connection *connection, const char *bytes, size_t n) MUST_CHECK;
/* Keeps what a paused stream has not looked at. */
bool plain_stream_hold(struct plain_connection *connection, const char *bytes, size_t n) MUST_CHECK;
/* One that is held, in a turn of its own. */
void plain_stream_go_on(struct plain_transfer *transfer);
void plain_stream_pause(struct http_transfer *transfer);
void plain_stream_resume(struct http_transfer *transfer);

#endif
