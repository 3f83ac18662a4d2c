/* MCP servers as their home worker knows them: what the files of this folder share. All of it is touched on the home's
 * loop alone, except where it says otherwise.
 *
 *   upstream.c      which home an upstream has; the ways in from other threads
 *   invoke.c        the asker's side of a call: what it asks, and what becomes of the answer
 *   ask.c           the home's side of it
 *   request.c       one JSON-RPC request to an upstream: its place in the queue, its time, its end
 *   era.c           which protocol an upstream speaks: finding out, and finding out again
 *   message.c       what an upstream sends, told apart
 *   challenge.c     what it says when it lets nobody in
 *   session_http.c  messages over Streamable HTTP;  session_sse.c  over HTTP+SSE;  session_child.c  over stdio
 *   folder.c        where children work
 *   listen.c        the stream of what an upstream says unasked, and subscriptions
 *   notice.c        passing that on, within bounds
 *   park.c          requests that wait for answers of a client
 *   log_level.c     which log messages a legacy one sends
 *   breaker.c       when an upstream is left alone;  idle.c  when it is let go of;  list.c  asking for all it has */
#ifndef CONNEK_CONNECTOR_MCP_HOME_H
#define CONNEK_CONNECTOR_MCP_HOME_H

#include <stdatomic.h>

#include "base/limits.h"
#include "base/map.h"
#include "codec/auth_challenge.h"
#include "codec/jsonrpc.h"
#include "codec/mirror.h"
#include "codec/sse.h"
#include "connector/mcp/mcp.h"

#define MCP_VERSION_MODERN "2026-07-28"
#define MCP_VERSION_LEGACY "2025-11-25"

enum mcp_era { MCP_ERA_UNKNOWN, MCP_ERA_MODERN, MCP_ERA_LEGACY };
enum mcp_wire { MCP_WIRE_HTTP, MCP_WIRE_SSE, MCP_WIRE_CHILD };
enum mcp_phase { MCP_PHASE_NEW, MCP_PHASE_CONNECTING, MCP_PHASE_READY };

struct mcp_home;
struct mcp_upstream;
struct mcp_request;
struct mcp_ask;
struct mcp_parked;
struct mcp_link;
struct mcp_listen;
struct mcp_stream;
struct mcp_child;
struct mcp_subscription;

/* ---- one JSON-RPC request ---- */

/* Why an upstream did not let a message in, where the credential was the reason. */
enum mcp_refusal { MCP_LET_IN, MCP_TOKEN_REFUSED, MCP_SCOPE_WANTED };

/* What came back. Valid during the call of `done`. */
struct mcp_reply {
  enum err_code code; /* not ERR_NONE: there is no answer, `text` says why */
  const char *text;
  bool is_uncertain; /* it may have been carried out all the same */
  bool is_refused;   /* it was not: the upstream did not let it in (another session or era is needed) */
  int status;        /* of HTTP; 0: none */
  enum mcp_refusal refusal;
  yyjson_val *result, *error;
  struct str result_text; /* as it came, where nothing in it had to be changed and it is one line; or STR_NONE */
};

/* One message's way over HTTP, and what comes back on it. Part of whoever sends it. */
struct mcp_http {
  struct mcp_upstream *upstream;
  struct mcp_request *request; /* whose answer is awaited on it; NULL: none */
  struct http_transfer *transfer;
  struct arena arena; /* the transfer's */
  struct str body;    /* sent; in the arena */
  int status;
  bool is_json, is_sse, is_inside; /* inside: it is being read, so it cannot be freed */
  struct sse_parser sse;
  struct buf whole; /* a body that is JSON */
  struct err failure;
  /* Called once, when nothing more comes; `err` NULL: it came to its end. */
  void (*ended)(struct mcp_http *http, const struct err *err);
  bool (*on_event)(struct mcp_http *http, const struct sse_event *event); /* as sse_parser's */
  size_t max_bytes;                                                       /* 0: no cap */
  int64_t head_ms;                                                        /* up to its head; 0: a call's */
  bool is_plain;                                                          /* nothing of the body is looked at */
  bool was_sent;
  int64_t grant_version;           /* of the token that it carries; 0: none of a grant's */
  struct auth_challenge challenge; /* of 401 and 403; in the arena */
};

enum mcp_request_state { MCP_REQUEST_QUEUED, MCP_REQUEST_ACTIVE, MCP_REQUEST_ENDED };

/* `done` is called once, then it is freed. Made by mcp_request_new. */
struct mcp_request {
  struct mcp_upstream *upstream;
  struct mcp_request *previous, *next; /* on one of the upstream's lists */
  enum mcp_request_state state;
  struct arena arena; /* of the texts */

  /* what is asked: set by whoever made it, in the arena or longer-lived */
  struct str method;
  struct str members;                /* of params, without the braces; may be empty */
  struct str members_modern;         /* further ones, for modern upstreams alone */
  struct str meta;                   /* members of params._meta, likewise */
  struct str capabilities;           /* the client's, for modern upstreams; empty: none */
  struct str client_info;            /* likewise; empty: ours */
  struct str log_level;              /* empty: no log messages are wanted */
  struct str name;                   /* for Mcp-Name; empty: there is none */
  const struct mirror_field *fields; /* Mcp-Param-* */
  size_t n_fields;
  const struct secret *credential; /* borrowed until it is sent */
  const char *traceparent;         /* or NULL */
  bool is_shaking_hands;           /* part of finding out how to speak: goes ahead of the queue */
  bool is_bare;                    /* legacy form, whatever the era: initialize */
  bool is_modern;                  /* modern form, whatever the era: server/discover */
  bool is_greeting;                /* nothing is asked: it is done once the upstream is there */
  bool wants_progress;
  bool is_endless;        /* subscriptions/listen */
  bool may_be_sent_again; /* nothing changes by it: after a lost connection too */
  int64_t timeout_us;     /* without progress */

  void (*done)(struct mcp_request *request, const struct mcp_reply *reply);
  /* A notification of this very request; `params` may be NULL. NULL: not wanted. */
  void (*notified)(struct mcp_request *request, struct str method, yyjson_val *params);
  void *context;
  struct mcp_ask *ask;       /* the call that waits for it, or NULL */
  struct mcp_parked *parked; /* it has asked something (park.c), or NULL */

  /* under way */
  uint64_t id;
  struct timer timer, resumption;
  int64_t begun_us;
  unsigned n_tries, n_notes, n_resumed;
  uint64_t n_bytes;
  bool was_sent, is_held;
  unsigned session; /* in which it was sent, and how */
  bool is_sent_modern, has_session_id;
  struct mcp_http http;
  char last_event_id[256];
  int64_t retry_ms;
};

/* ---- an upstream ---- */

enum { MCP_SESSION_ID_SIZE = 512 };

struct mcp_breaker {
  unsigned n_failures; /* in a row */
  int64_t open_until_us;
  bool is_probing;
  char why[160]; /* the last failure, while it is open */
};

struct mcp_upstream {
  struct mcp_home *home;
  struct mcp_target *target;
  struct mcp_upstream *previous, *next; /* on home->upstreams */
  bool is_ending;                       /* takes no more requests; goes when it has none */
  bool is_gone;                         /* all of it has ended */
  bool is_failing;                      /* those that wait are being told no: nothing is sent meanwhile */
  enum mcp_phase phase;
  enum mcp_era era;
  enum mcp_wire wire;
  unsigned session;          /* counts: what was refused in an earlier one is worth another try */
  struct secret *credential; /* as given last; or NULL */
  struct mcp_breaker breaker;
  enum mcp_refusal refusal; /* why finding out how to speak has failed, between there and those that wait */

  /* what it said of itself */
  struct arena about; /* of the following */
  struct str protocol_version;
  struct str server_info, capabilities, instructions; /* JSON, JSON, text; empty: none */
  bool has_tools, has_prompts, has_resources, has_logging, has_subscribe;
  bool tells_tools, tells_prompts, tells_resources; /* list_changed */
  char session_id[MCP_SESSION_ID_SIZE];             /* legacy, over HTTP; empty: none */
  struct str post_url;                              /* HTTP+SSE: where to send */

  uint64_t last_id;
  struct mcp_request *queued, *queued_last, *active, *lingering;
  size_t n_queued, n_active;
  struct mcp_request *handshake;
  size_t n_parked, n_subscriptions;
  struct mcp_link *links; /* messages under way that nobody waits for */
  size_t n_links;
  unsigned log_level; /* what a legacy server was asked for (log_level.c); 0: nothing */
  int64_t ready_us;   /* when it was connected to */
  int64_t used_us;    /* when somebody last wanted something of it; 0: nobody has */
  struct timer idle;

  struct mcp_stream *stream; /* HTTP+SSE */
  unsigned n_streams;        /* those that are being let go of as well */
  struct mcp_listen *listen;
  int64_t notices_at_us;
  unsigned n_left_out; /* notices, since the last that was passed on */
  struct mcp_child *child;
  unsigned n_crashes; /* in a row */
  int64_t not_before_us;
  bool is_second_try;
  struct loop_task settle_task;
  bool is_settling;
};

struct mcp_home {
  struct mcp_upstreams *upstreams;
  unsigned index;
  const struct connector_host *host; /* NULL: it has not joined */
  struct mcp_upstream *first;
  size_t n_upstreams;
  struct mcp_parked *parked;
  struct mcp_subscription *subscriptions;
  size_t n_subscriptions;
  bool is_closing;
  struct loop_task close_task;
  void (*left)(void *context);
  void *left_context;
};

struct mcp_upstreams {
  struct mcp_upstreams_options options;
  char *data_dir; /* absolute; or NULL */
  atomic_uint n_joined, n_left;
  unsigned n_homes;
  struct mcp_home homes[];
};

/* upstream.c */
struct mcp_home *mcp_home_of(struct mcp_upstreams *upstreams, struct uuid connection_id);
/* Makes it where there is none. ERR_CONFLICT: the target is older than the one in use; ERR_CANCELLED: we are ending. */
enum err_code mcp_upstream_find(struct mcp_home *home, struct mcp_target *target, struct mcp_upstream **ret_upstream,
                                struct err *err) MUST_CHECK;
/* Frees it, in a turn of its own, where it is ending and has nothing left. */
void mcp_upstream_settle(struct mcp_upstream *upstream);
/* Ends all that is under way and lets it go. */
void mcp_upstream_end(struct mcp_upstream *upstream);
struct str mcp_upstream_name(const struct mcp_upstream *upstream);
/* Keeps a copy of the credential that was given last: for what is sent when nobody asks. */
void mcp_upstream_keep(struct mcp_upstream *upstream, const struct secret *credential);
void mcp_upstream_log(struct mcp_upstream *upstream, const char *format, ...) PRINTF_LIKE(2, 3);
static inline int64_t mcp_now_us(const struct mcp_upstream *upstream) {
  return loop_now_us(upstream->home->host->loop);
}

/* request.c */
struct mcp_request *mcp_request_new(struct mcp_upstream *upstream);
/* Before it was begun: without calling `done`. */
void mcp_request_drop(struct mcp_request *request);
/* Queues it and sends it as soon as may be. `done` may come from within. */
void mcp_request_begin(struct mcp_request *request);
/* Calls `done`, and frees it. `reply->code` not ERR_NONE where it failed. */
void mcp_request_finish(struct mcp_request *request, const struct mcp_reply *reply);
void mcp_request_fail(struct mcp_request *request, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);
/* Tells the upstream that nobody waits any more, and fails it. */
void mcp_request_cancel(struct mcp_request *request, enum err_code code, const char *text);
/* Its time begins anew, as far as the cap on all of it lets it. */
void mcp_request_prolong(struct mcp_request *request);
/* It waits for a person: its time stands still, and it takes no place. */
void mcp_request_hold(struct mcp_request *request);
void mcp_request_unhold(struct mcp_request *request, int64_t timeout_us);
struct mcp_request *mcp_request_by_id(struct mcp_upstream *upstream, uint64_t id);
/* Puts one that was refused back in front of the queue. */
void mcp_request_again(struct mcp_request *request);
/* Sends what waits, as far as there is room. */
void mcp_requests_pump(struct mcp_upstream *upstream);
/* All that wait and run, and the one that finds out. */
void mcp_requests_fail(struct mcp_upstream *upstream, enum err_code code, const char *text);
/* {"jsonrpc":"2.0",...}, whole. STR_NONE: no memory. */
struct str mcp_request_text(struct mcp_request *request, struct arena *arena);
bool mcp_request_is_modern(const struct mcp_request *request);
/* One that has ended, and is read no more. */
void mcp_request_free(struct mcp_request *request);

/* era.c */
void mcp_connect(struct mcp_upstream *upstream, const struct secret *credential);
/* The session is gone, or it turned out to speak otherwise: all is found out anew with the next request. */
void mcp_disconnect(struct mcp_upstream *upstream, bool is_session_alone);
/* All that was under way on it fails. */
void mcp_session_lost(struct mcp_upstream *upstream, enum err_code code, const char *text);
/* The wire stands: who is there? */
void mcp_shake_hands(struct mcp_upstream *upstream);
/* What `capabilities` says, taken apart. */
void mcp_about_read(struct mcp_upstream *upstream, yyjson_val *capabilities);
/* Is it an error that only modern servers have? */
bool mcp_error_is_modern(yyjson_val *error);
int64_t mcp_error_code(yyjson_val *error); /* read verbatim; 0: there is none */
void mcp_era_connected(struct mcp_upstream *upstream);
void mcp_era_failed(struct mcp_upstream *upstream, enum err_code code, const char *text);
/* The legacy handshake, over whatever wire stands. */
void mcp_initialize(struct mcp_upstream *upstream);

/* message.c */
/* A text from the upstream: messages, one or (2025-03-26) several. `request`: on whose stream it came, or NULL. The
 * request may be gone afterwards. Fails where it is no message: the text is for people. */
enum err_code mcp_receive(struct mcp_upstream *upstream, struct mcp_request *request, struct str text,
                          struct err *err) MUST_CHECK;

/* session_http.c */
/* May end the request at once. */
void mcp_http_send(struct mcp_request *request);
/* The same where `ended` is set already; without on_event nothing of the answer's body is looked at. */
void mcp_http_send_to(struct mcp_request *request, struct str url);
/* A notification or a response: best effort. */
void mcp_http_post(struct mcp_upstream *upstream, struct str message);
void mcp_http_end_session(struct mcp_upstream *upstream);
/* GET, to go on with a stream or to open one. */
enum err_code mcp_http_get(struct mcp_http *http, struct mcp_upstream *upstream, const char *last_event_id,
                           struct err *err) MUST_CHECK;
/* Ends the transfer, if there is one; nothing comes after it. */
void mcp_http_stop(struct mcp_http *http);
/* The same, and frees what it holds. Never while it is being read. */
void mcp_http_release(struct mcp_http *http);

/* challenge.c */
void mcp_challenge_read(struct mcp_http *http, const struct http_client_response *head);
/* It was answered with 401 or 403: whoever grants is told. */
enum mcp_refusal mcp_challenged(const struct mcp_http *http);

/* session_sse.c */
void mcp_sse_open(struct mcp_upstream *upstream); /* goes on to the legacy handshake, or to mcp_era_failed */
void mcp_sse_close(struct mcp_upstream *upstream);
void mcp_sse_send(struct mcp_request *request);

/* session_child.c */
void mcp_child_open(struct mcp_upstream *upstream); /* as mcp_wire_open */
void mcp_child_close(struct mcp_upstream *upstream);
void mcp_child_send(struct mcp_request *request);
void mcp_child_post(struct mcp_upstream *upstream, struct str message);

/* folder.c: where its child works; made where there is none. */
enum err_code mcp_folder_find(const struct mcp_upstream *upstream, char *ret_path, size_t size,
                              struct err *err) MUST_CHECK;

/* listen.c: the stream of what is said unasked. */
void mcp_listen_begin(struct mcp_upstream *upstream);
void mcp_listen_end(struct mcp_upstream *upstream);
void mcp_listen_rest(struct mcp_upstream *upstream); /* ends it, for a while */
void mcp_listen_free(struct mcp_upstream *upstream);
void mcp_subscriptions_free(struct mcp_home *home);

/* log_level.c: a request that wants log messages of this severity is about to be sent. */
void mcp_session_log_level(struct mcp_upstream *upstream, struct str level);

/* notice.c */
void mcp_notice(struct mcp_upstream *upstream, enum mcp_notice_kind kind, struct str text);

/* park.c: what a legacy upstream asks. `request`: on whose stream, or NULL. */
void mcp_question(struct mcp_upstream *upstream, struct mcp_request *request, const struct jsonrpc_message *message);
void mcp_question_cancelled(struct mcp_upstream *upstream, yyjson_val *params);
/* A call that brings the state of one that was parked. */
void mcp_park_resume(struct mcp_ask *ask);
/* Its request has ended. */
void mcp_park_ended(struct mcp_request *request, const struct mcp_reply *reply);
/* All of them, when the upstream goes. */
void mcp_park_end(struct mcp_upstream *upstream);

/* wire.c: whatever the wire. */
void mcp_wire_open(struct mcp_upstream *upstream); /* goes on to mcp_shake_hands, or to mcp_era_failed */
void mcp_wire_send(struct mcp_request *request);
void mcp_wire_post(struct mcp_upstream *upstream, struct str message);
/* The request will not be waited for: what the wire needs to know of that. */
void mcp_wire_cancel(struct mcp_request *request, const char *why);
void mcp_wire_close(struct mcp_upstream *upstream);
/* It says too much unasked. */
void mcp_wire_quiet(struct mcp_upstream *upstream);
bool mcp_wire_is_closed(const struct mcp_upstream *upstream);

/* idle.c: from when it is connected until it is not. */
void mcp_idle_begin(struct mcp_upstream *upstream);
void mcp_idle_end(struct mcp_upstream *upstream);

/* breaker.c */
/* False: it is left alone for now; `ret_wait_us` how long still. */
bool mcp_breaker_lets(struct mcp_upstream *upstream, int64_t *ret_wait_us);
void mcp_breaker_succeeded(struct mcp_upstream *upstream);
void mcp_breaker_failed(struct mcp_upstream *upstream, const char *why);

/* ---- a call, between its asker and the home ---- */

/* In the call's arena, filled by the asker before it is posted; read alone by the home until its last answer. */
struct mcp_ask {
  struct loop_task begin_task, cancel_task;
  struct mcp_home *home;
  struct mcp_target *target; /* counted */
  struct loop *loop;         /* the asker's */
  struct connector_call *call;
  struct str method, members, meta, name, capabilities, client_info;
  struct str responses; /* MCP's InputResponses; empty: none */
  struct str state;     /* of an earlier result; empty: none */
  const struct mirror_field *fields;
  size_t n_fields;
  bool may_be_sent_again;
  int64_t timeout_us;

  /* the home's */
  struct mcp_request *request;                 /* or NULL */
  bool is_over;                                /* the last answer was given */
  struct mcp_answer *reserve, *cancel_reserve; /* for the last answers: they need no memory then */

  /* the asker's */
  bool is_cancelled, is_cancel_seen;
  struct mcp_answer *last; /* held back until the home has seen that it was cancelled */
};

enum mcp_answer_kind { MCP_ANSWER_NOTE, MCP_ANSWER_END, MCP_ANSWER_CANCEL_SEEN };

/* Made by the home, given away with the message. Slices are in its arena. */
struct mcp_answer {
  struct loop_task task;
  enum mcp_answer_kind kind;
  struct mcp_ask *ask;
  struct arena arena;
  struct str method, params;
  struct connector_result result;
};

/* invoke.c, on the asker's loop. */
void mcp_answer_take(struct mcp_answer *answer);

/* ask.c, on the home's */
void mcp_ask_begin(struct mcp_ask *ask);
void mcp_ask_cancel(struct mcp_ask *ask);
void mcp_ask_note(struct mcp_ask *ask, struct str method, struct str params);
/* The last answers; each lets go of the ask, which may be gone afterwards. */
void mcp_ask_fail(struct mcp_ask *ask, enum err_code code, bool is_uncertain, const char *text);
void mcp_ask_end(struct mcp_ask *ask, const struct mcp_reply *reply, bool is_modern);
void mcp_ask_questions(struct mcp_ask *ask, struct str input_requests, struct str state);
/* An answer that was made before anybody asked. NULL: no memory. */
struct mcp_answer *mcp_answer_of(const struct mcp_reply *reply, bool is_modern);
void mcp_ask_hand(struct mcp_ask *ask, struct mcp_answer *answer);
void mcp_answer_free(struct mcp_answer *answer); /* NULL is fine */

/* credential.c: opened for as long as something is written with it. */
struct mcp_opened {
  char *memory;
  size_t n;
  yyjson_val *root; /* NULL: there is none */
};
enum err_code mcp_credential_open(struct mcp_opened *opened, const struct secret *credential,
                                  struct err *err) MUST_CHECK;
void mcp_credential_close(struct mcp_opened *opened);
/* Covers whatever a server repeats of its credential, in the forms in which it may: in a message and in a line. */
bool mcp_credential_blot(const struct secret *credential, yyjson_val *message);
void mcp_credential_blot_line(const struct secret *credential, char *line, size_t n);

#endif
