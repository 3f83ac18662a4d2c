/* The parts of `connek bridge`. For src/cli/bridge*.c alone. */
#ifndef CONNEK_CLI_BRIDGE_H
#define CONNEK_CLI_BRIDGE_H

#include "cli/remote.h"
#include "codec/jsonrpc.h"
#include "codec/sse.h"
#include "net/line_reader.h"
#include "net/timers.h"

struct bridge;
struct passage;

/* What a passage is for. */
enum passage_kind {
  PASSAGE_ASK,     /* the client's request */
  PASSAGE_TELL,    /* its notification, or its answer to a request of the server's */
  PASSAGE_LISTEN,  /* the legacy era's stream of what the server says by itself */
  PASSAGE_RENEW,   /* a request of ours, to make a session anew */
  PASSAGE_LEARN,   /* a request of ours, for the tools' definitions */
  PASSAGE_GOODBYE, /* the end of a session */
};

/* One message on its way to the server, and all that comes back, however often the way there breaks. */
struct passage {
  struct bridge *bridge;
  struct passage *previous, *next; /* on bridge->first */
  enum passage_kind kind;
  bool is_modern, is_subscription;
  struct arena arena; /* the message */
  struct str text;
  yyjson_doc *doc;
  struct jsonrpc_message message;
  struct str version; /* modern: of this very message */

  /* the try under way */
  struct arena reply_arena;
  struct http_transfer *transfer;
  struct http_client_stream receiver;
  struct sse_parser sse;
  struct buf body;
  int status;
  int64_t retry_after_ms;
  struct str content_type;
  struct str new_session; /* Mcp-Session-Id of the reply */
  bool was_sent, has_sse, is_resuming;

  /* what is known of the way so far */
  bool is_waiting;      /* for a session, or for definitions */
  bool is_answered;     /* the client has its answer */
  bool is_acknowledged; /* a subscription's acknowledgement has passed */
  bool has_mismatch, has_learnt;
  struct buf last_id; /* of the last event */
  bool has_last_id;
  unsigned long generation; /* of the session it was sent in */
  unsigned tries, renewals;
  int64_t until_us; /* when patience ends; 0: nothing has gone wrong */
  struct timer timer;
  struct passage *learns_for; /* LEARN: who waits */
};

/* bridge_session.c: the legacy era's */
struct bridge_session {
  struct buf id, version;
  struct buf initialize, level; /* params, to be said again */
  struct buf uris;              /* subscribed to; each ends with LF */
  bool is_used, is_busy, is_initialized;
  unsigned long generation;
  unsigned step;
  size_t uri_at;
  unsigned n_own; /* requests of ours so far */
  struct passage *stream;
};

/* bridge_tools.c: definitions whose arguments go into headers */
struct bridge_tool {
  struct arena arena;
  struct str name;
  yyjson_val *input_schema;
  struct bridge_tool *next;
};

struct bridge {
  const struct cli_args *args;
  struct remote remote;
  struct loop loop;
  struct http_client *http;
  struct timers *timers;
  struct line_reader *reader;
  struct passage *first, *last;
  int64_t patience_us;
  struct bridge_session session;
  struct bridge_tool *tools;
  bool is_unreachable, has_modern, has_input_ended, is_over;
  struct loop_task finish;
};

/* bridge.c */

/* A line to the client. One that has left ends the process. */
void bridge_write(struct str message);
void bridge_write_error(yyjson_val *id, int code, const char *text);
/* Ends all where nothing is left to do. */
void bridge_look_for_end(struct bridge *bridge);
struct passage *bridge_find(struct bridge *bridge, yyjson_val *id);

/* bridge_passage.c */

/* NULL: no memory, or no JSON-RPC (`ret_code` says which). `text` is copied. */
struct passage *passage_new(struct bridge *bridge, enum passage_kind kind, struct str text, int *ret_code);
/* Sends it, or has it wait. */
void passage_start(struct passage *passage);
void passage_resend(struct passage *passage); /* later, after something that was no fault */
/* Tells the client that it cannot be answered, and ends it. */
void passage_refuse(struct passage *passage, const char *text);
void passage_end(struct passage *passage); /* also one that is under way: it is cancelled */
bool passage_may_repeat(const struct passage *passage);

/* bridge_session.c */

bool session_holds(const struct passage *passage); /* must it wait? */
void session_on_start(struct passage *passage);    /* it is about to be sent, for the first time */
void session_on_answer(struct passage *passage, yyjson_val *message);
void session_on_end(struct passage *passage, bool is_good);
/* The server does not know the session of this passage any more. False: there is none to be made anew. */
bool session_renew(struct passage *passage);
void session_release(struct bridge_session *session);

/* bridge_tools.c */

void tools_learn(struct bridge *bridge, yyjson_val *result);
yyjson_val *tools_schema(const struct bridge *bridge, struct str name);
/* Asks for the list; `passage` goes on once it is there. */
void tools_ask(struct passage *passage, struct str cursor);
void tools_release(struct bridge *bridge);

#endif
