/* A call on its way through the gateway, and the HTTP exchange that brought it.
 *
 * An exchange is one HTTP request to the MCP endpoint; it holds one call for each JSON-RPC message in it (more than one
 * only in a 2025-03-26 batch). Both live in the exchange's arena and on one worker's loop, from on_request to
 * http_reply.
 *
 * Lifetime of a call: begun by exchange_begin -> walks the stages of pipeline.c, perhaps waiting in some ->
 * call_dispose, which every way out passes -> its record is durable -> exchange_call_finished. The last call's end
 * sends the reply and frees everything. */
#ifndef CONNEK_GATEWAY_CALL_H
#define CONNEK_GATEWAY_CALL_H

#include "audit/audit.h"
#include "base/buf.h"
#include "codec/jsonrpc.h"
#include "connector/connector.h"
#include "gateway/event_log.h"
#include "gateway/event_stream.h"
#include "gateway/session.h"
#include "gateway/trace.h"
#include "identity/token_index.h"
#include "mcp/envelope.h"
#include "net/http_server.h"
#include "org/toolset.h"

struct worker;
struct method;
struct questions;

enum stage_verdict {
  STAGE_NEXT, /* go on with the next stage */
  STAGE_DONE, /* answered: skip the rest */
  STAGE_WAIT, /* something is under way: the stage is called again when it has come */
  STAGE_FAIL, /* call->failure (or exchange->refusal) says why */
  STAGE_VERDICTS
};

/* Who asks: a user of an organisation, by an access token. */
struct principal {
  struct org_snapshot *snapshot; /* a reference */
  struct org_user *user;
  struct uuid token_id;
  uint8_t token_hash[32];
  struct org_slot *organisation; /* whose token it is */
  int64_t expires_at;            /* of the token: UTC microseconds; 0: never */
  uint32_t scopes;               /* what the token is limited to: bits of policy_does */
  struct token_entry *token;     /* valid in the turn of the loop that authenticated: a call may have waited since */
};

/* Why an HTTP request or a message got no result. `http_status` 0: none. */
struct failure {
  int http_status;
  int code; /* JSON-RPC */
  struct str text;
  struct str data; /* JSON, or empty */
  int64_t retry_after_s;
};

/* Where several servers share the rates (limit_wait.c). */
enum call_limit { CALL_LIMIT_NONE, CALL_LIMIT_WAITING, CALL_LIMIT_GIVEN, CALL_LIMIT_REFUSED };

struct call {
  struct exchange *exchange;
  struct jsonrpc_message message;
  struct mcp_envelope envelope;
  const struct method *method;
  size_t stage; /* the next one in the table */
  struct uuid id;
  int64_t begun_us, begun_utc_us;
  bool is_cancelled;
  bool is_disposed;

  /* limit_principal */
  enum call_limit limit;
  struct call *limit_next;

  /* guard */
  const struct connector *connector;      /* whose action it is */
  const struct toolset_tool *tool;        /* of a tool's call */
  struct task_wishes *wishes;             /* of subscriptions/listen (method_listen.c); or NULL */
  const struct connector_tool *task_tool; /* of a task: whose call began it */
  bool wants_task;                        /* its client wants the call to be a task (2025-11-25), and it can be */
  const struct connector_prompt *prompt;  /* of a prompt, and where a completion is of one */
  struct str uri; /* the connection's own: a resource, the template that a completion is of, a task's id */
  const struct connector_connection *connection;
  yyjson_val *arguments;          /* as the connector gets them: without the account */
  struct str arguments_canonical; /* as they came, RFC 8785 */
  enum policy_does does;
  bool is_allowed;
  size_t max_result; /* what its roles let a result have, in bytes; 0: no cap of theirs */
  struct str reason;
  struct str state;            /* what a requestState of ours held, or a question's of a legacy call; or empty */
  yyjson_val *input_responses; /* and what the client answered; or NULL */
  struct str page;             /* what a cursor of ours said of where to go on; or empty */
  struct uuid page_connection; /* and for which connection */
  yyjson_val *page_arguments;  /* what the next cursor holds: all but the cursor; NULL: the tool has no pages */

  /* record_intent */
  enum { INTENT_NONE, INTENT_WAITING, INTENT_DURABLE, INTENT_FAILED } intent;

  /* lease_credential, invoke */
  enum { LEASE_NONE, LEASE_WAITING, LEASE_GIVEN, LEASE_REFUSED } lease;
  struct credential_wait *lease_wait; /* what it waits with; NULL: it does not */
  struct call *lease_next;
  struct loop_task lease_task;
  struct str lease_text, lease_link; /* REFUSED: why, and where to mend it */
  int64_t grant_version;             /* whose token it has; 0: no service's grant */
  bool has_renewed;                  /* the service refused a token, and another was asked for */
  struct secret *credential;
  struct connector_call invocation;
  enum { INVOKE_NONE, INVOKE_RUNNING, INVOKE_ENDED } invoke;
  bool is_inside_invoke;
  struct questions *questions; /* asked of its legacy client; or NULL */
  bool is_asking;
  bool is_told;      /* workers know what this call tells them */
  unsigned n_rounds; /* how often it was asked */
  unsigned n_notified;

  /* what there is to say */
  struct buf result; /* a method's result: a JSON object */
  bool has_answer;   /* an action's result is in invocation.result */

  /* the way out */
  enum audit_outcome outcome;
  enum err_code error;
  struct failure failure;
  struct buf reply; /* the JSON-RPC response; empty: there is none to send */
  struct audit_event event;
  struct call *previous, *next; /* the worker's calls under way */
};

struct exchange {
  struct http_exchange *http;
  struct worker *worker;
  struct arena *arena; /* the HTTP exchange's */

  /* the path: /mcp, /mcp/<token>, /mcp/<token>/<connector> */
  struct str path_token, path_connector;

  struct mcp_headers headers;
  const struct mcp_revision *named; /* by MCP-Protocol-Version; NULL: it names none of ours, or nothing */
  struct str session;               /* Mcp-Session-Id, as it came; "", which is nobody's, where it came twice */
  struct session held;              /* what it says; `has_session`: it is one of ours */
  bool has_session;
  bool is_forwarded;      /* from another server of this installation */
  struct str new_session; /* to be handed out; or empty */
  struct principal principal;
  struct toolset *one_connector; /* for path_connector: made for this exchange; else NULL */
  struct trace trace;

  struct call *calls;
  size_t n_calls, n_open;
  size_t held_bytes; /* its memory when its calls began to wait: counted in the worker's */
  bool is_batch;
  struct str challenge; /* of a 403 for lack of a scope: its WWW-Authenticate; or empty */

  /* a reply that is a stream */
  bool accepts_stream; /* its client takes one */
  bool is_streaming;
  bool is_given; /* the reply is somebody else's now: a stream that outlives the request */
  struct event_stream stream;
  struct event_reader reader;
  struct event_log *log; /* its events are kept here; or NULL */
  /* For what is asked of the API and not by a client (playground.c): told in place of a reply, which is then the
   * teller's to give. NULL: the reply is sent. */
  void (*answered)(struct exchange *exchange, struct str body);
  void *answered_context;
  struct str client;      /* who asks, in its records; empty: what the client says of itself */
  struct failure refusal; /* of the whole request */
};

/* exchange.c */
/* Takes an HTTP request to the MCP endpoint from its first stage to its reply. */
void exchange_begin(struct worker *worker, struct http_exchange *http);
/* The same for one that another server of this installation forwarded. */
void exchange_begin_forwarded(struct worker *worker, struct http_exchange *http);
/* The same for somebody who has been authenticated otherwise: `exchange` is theirs, in the HTTP exchange's arena, with
 * principal, client and `answered` filled in; http->body is the message. */
void exchange_begin_as(struct exchange *exchange, struct worker *worker, struct http_exchange *http);
/* Would it be authenticated? For large bodies, before they are read. */
bool exchange_check_head(struct worker *worker, struct http_exchange *http, struct failure *ret_refusal) MUST_CHECK;
/* The fields that an answer of the endpoint carries, whoever gives it (`challenge`: WWW-Authenticate, or empty). In the
 * request's arena; NULL: no memory. */
const struct http_field *exchange_fields(struct http_exchange *http, int status, int64_t retry_after_s,
                                         struct str new_session, struct str challenge, size_t *ret_n);
/* What a 401 says in WWW-Authenticate. In the request's arena. */
struct str exchange_challenge(const struct worker *worker, struct http_exchange *http);
enum stage_verdict exchange_refuse(struct exchange *exchange, int http_status, int code, const char *format, ...)
    PRINTF_LIKE(4, 5);
void exchange_call_finished(struct call *call);
/* An answer without a body, of an exchange without calls. It may be gone afterwards. */
void exchange_reply_empty(struct exchange *exchange, int status);
/* Has an error "id":null where it cannot tell its message's id? */
bool exchange_has_null_ids(const struct exchange *exchange);
/* The tools that this request sees. NULL: no memory. */
const struct toolset *exchange_toolset(struct exchange *exchange);

/* pipeline.c */
/* Walks the stages from where the call stands; called again by whatever it waited for. */
void call_run(struct call *call);
/* STAGE_FAIL with a JSON-RPC error. */
enum stage_verdict call_fail(struct call *call, int http_status, int code, const char *format, ...) PRINTF_LIKE(4, 5);
/* Stops what is under way for a call whose client no longer wants it; it ends later, never from within. */
void call_cancel(struct call *call);
/* stage_reply.c: is a response due? Not for notifications, nor (in legacy) for a request that its client has cancelled.
 */
bool call_wants_response(const struct call *call);

/* dispose.c: the one way out */
void call_dispose(struct call *call);
/* Fills what every record of this call says. */
void call_fill_event(struct call *call, enum audit_kind kind);

#endif
