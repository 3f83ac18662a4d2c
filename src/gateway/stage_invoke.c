/* The method's own work: for an action, its connector does it; this stage waits for it. */
#include "base/limits.h"
#include "base/log.h"
#include "gateway/action.h"
#include "gateway/credential.h"
#include "gateway/page_cursor.h"
#include "gateway/pipeline.h"
#include "gateway/question.h"
#include "gateway/request_state.h"
#include "gateway/tool_answer.h"
#include "gateway/worker.h"
#include "grant/keeper.h"
#include "mcp/input.h"

enum stage_verdict stage_invoke(struct call *call) {
  return call->method->handle(call);
}

static void on_done(struct connector_call *invocation) {
  struct call *call = (struct call *)((char *)invocation - offsetof(struct call, invocation));
  call->invoke = INVOKE_ENDED;
  if (!call->is_inside_invoke) call_run(call);
}

static enum stage_verdict begin(struct call *call) {
  struct exchange *exchange = call->exchange;
  struct worker *worker = exchange->worker;
  const struct toolset *toolset = exchange_toolset(exchange);
  call->invocation = (struct connector_call){.host = &worker->host,
                                             .connection = call->connection,
                                             .verb = call_verb(call),
                                             .tool = call->tool ? call->tool->tool : NULL,
                                             .prompt = call->prompt,
                                             .uri = call->uri,
                                             .arguments = call->arguments,
                                             .credential = call->credential,
                                             .caller = &toolset->caller,
                                             .arena = exchange->arena,
                                             .deadline_us = loop_now_us(&worker->loop) + LIMIT_CALL_MS * INT64_C(1000),
                                             .traceparent = exchange->trace.traceparent,
                                             .params = call->message.params,
                                             .method = call->message.method,
                                             .wants_task = call->wants_task,
                                             .input_responses = call->input_responses,
                                             .request_state = call->state,
                                             .notify = exchange->accepts_stream ? action_notify : NULL,
                                             .page = call->page,
                                             .max_result = call->max_result,
                                             .seal_page = call->page_arguments ? page_cursor_seal : NULL,
                                             .done = on_done};
  action_client(call, &call->invocation.client);
  call->invoke = INVOKE_RUNNING;
  call->is_inside_invoke = true;
  call->connector->kind->invoke(&call->invocation);
  call->is_inside_invoke = false;
  if (call->invoke != INVOKE_RUNNING) return STAGE_NEXT;
  /* Cancelled while its client was asked: whoever waits for the answer is told, and then that it is over. */
  if (call->is_cancelled) call->connector->kind->cancel(&call->invocation);
  return STAGE_WAIT;
}

static enum audit_outcome outcome_of(const struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  if (result->is_unknown) return AUDIT_UNKNOWN;
  if (result->error == ERR_CANCELLED) return AUDIT_CANCELLED;
  return result->is_error || result->rpc_code ? AUDIT_ERROR : AUDIT_OK;
}

/* In place of an error that its client cannot read. */
static enum stage_verdict tell_plainly(struct call *call, const char *text) {
  if (call_verb(call) != CONNECTOR_TOOL) return call_fail(call, 0, JSONRPC_INTERNAL_ERROR, "%s", text);
  tool_answer_error(call, text);
  return STAGE_NEXT;
}

/* Clients of the legacy era know no such error, and cannot mend it. */
static enum stage_verdict fail_for_lack(struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  struct arena *arena = call->exchange->arena;
  yyjson_doc *doc;
  struct buf text;
  buf_init(&text, arena, ERR_TEXT_SIZE);
  buf_append_c(&text, "The MCP server does this only for clients that have, by a later revision of MCP: ");
  if (result->rpc_data.n && json_read(arena, result->rpc_data, &doc, NULL) == ERR_NONE)
    json_write_value(&text, json_get(yyjson_doc_get_root(doc), "requiredCapabilities"));
  buf_append_byte(&text, '\0');
  return tell_plainly(
      call, buf_failed(&text) ? "The MCP server does this only for clients of a later revision of MCP" : text.p);
}

/* What the MCP server answered with goes to the client, in its era's numbers. Those that speak of the way between us
 * and the server say nothing to it. */
static enum stage_verdict pass_error(struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  bool is_modern = call->envelope.revision->era == MCP_MODERN;
  int code = result->rpc_code, status = 0;
  if (code == MCP_HEADER_MISMATCH || code == MCP_UNSUPPORTED_VERSION) code = JSONRPC_INTERNAL_ERROR;
  if (is_modern && code == MCP_RESOURCE_NOT_FOUND) code = JSONRPC_INVALID_PARAMS;
  if (is_modern && code == MCP_MISSING_CLIENT_CAPABILITY) status = 400;
  if (is_modern && code == JSONRPC_METHOD_NOT_FOUND) status = 404;
  call->failure = (struct failure){.http_status = status,
                                   .code = code,
                                   .text = result->rpc_text.p ? result->rpc_text : STR(""),
                                   .data = result->rpc_data};
  return STAGE_FAIL;
}

/* An action that is no tool's has no result that could be an error. */
static enum stage_verdict fail_plainly(struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  call->failure =
      (struct failure){.code = JSONRPC_INTERNAL_ERROR, .text = result->text.p ? result->text : STR("It failed")};
  return STAGE_FAIL;
}

static bool asks(const struct connector_result *result) {
  return result->input_requests.n || result->state.n;
}

/* The first of the requests that this client cannot be asked for; NULL: it can be asked for all. */
static const char *lacking(const struct call *call, struct str requests) {
  yyjson_doc *doc;
  yyjson_val *name;
  if (!requests.n) return NULL;
  if (json_read_verbatim(call->exchange->arena, requests, &doc, NULL) != ERR_NONE) return "";
  yyjson_obj_iter at = yyjson_obj_iter_with(yyjson_doc_get_root(doc));
  while ((name = yyjson_obj_iter_next(&at))) {
    const char *lacks = mcp_input_lacks(call->envelope.client_capabilities, yyjson_obj_iter_get_val(name));
    if (lacks) return lacks;
  }
  return NULL;
}

/* 2026-07-28, multi round-trip requests: "MUST NOT send an inputRequests that the client has not declared support for".
 */
static enum stage_verdict refuse_to_ask(struct call *call, const char *lacks) {
  struct arena *arena = call->exchange->arena;
  call->outcome = AUDIT_ERROR;
  call->error = ERR_INVALID;
  call_fail(call, lacks[0] ? 400 : 0, lacks[0] ? MCP_MISSING_CLIENT_CAPABILITY : JSONRPC_INTERNAL_ERROR,
            "The MCP server asks for something that this client cannot be asked");
  if (lacks[0]) call->failure.data = arena_printf(arena, "{\"requiredCapabilities\":%s}", lacks);
  return STAGE_FAIL;
}

/* A modern client is asked by the result, and calls again. */
static enum stage_verdict ask_by_result(struct call *call, struct str requests, struct str state) {
  const char *lacks = lacking(call, requests);
  struct buf out;
  if (lacks) return refuse_to_ask(call, lacks);
  struct str sealed = state.n ? request_state_seal(call, state) : STR_NONE;
  buf_init(&out, call->exchange->arena, LIMIT_HTTP_REQUEST_ARENA);
  buf_append_c(&out, "{\"resultType\":\"input_required\"");
  if (requests.n) {
    buf_append_c(&out, ",\"inputRequests\":");
    buf_append_str(&out, requests);
  }
  if (sealed.p) {
    buf_append_c(&out, ",\"requestState\":");
    json_write_str(&out, sealed);
  }
  buf_append_byte(&out, '}');
  if (buf_failed(&out) || (state.n && !sealed.p)) {
    call->outcome = AUDIT_ERROR;
    call->error = ERR_TOO_LARGE;
    return call_fail(call, 0, JSONRPC_INTERNAL_ERROR, "What the MCP server asks is too large to hand on");
  }
  call->invocation.result.whole = buf_str(&out);
  call->has_answer = true;
  return STAGE_NEXT;
}

/* A legacy client is asked on its stream, and the call goes on with what it answers. */
static enum stage_verdict ask_on_stream(struct call *call) {
  if (!call->is_asking) {
    if (++call->n_rounds > LIMIT_INPUT_ROUNDS) {
      call->outcome = AUDIT_ERROR;
      return call_fail(call, 0, JSONRPC_INTERNAL_ERROR, "The MCP server asked too often");
    }
    call->is_asking = true;
    call->state = call->invocation.result.state;
    enum stage_verdict verdict = question_ask(call, call->invocation.result.input_requests);
    if (verdict != STAGE_NEXT) return verdict;
  }
  if (question_is_open(call)) return STAGE_WAIT;
  call->is_asking = false;
  call->input_responses = question_answers(call);
  if (!call->input_responses) return call_fail(call, 503, 503, "Out of memory");
  call->invoke = INVOKE_NONE;
  return STAGE_NEXT;
}

/* The session with the server is everybody's, so the server cannot know who shows pages. */
static enum stage_verdict refuse_page(struct call *call) {
  return tell_plainly(call,
                      "The MCP server wants you to visit a page first, and this client shows none. Use one that does "
                      "(MCP's elicitation by URL), then call again");
}

static bool shows_pages(const struct call *call) {
  yyjson_val *elicitation = json_get(call->invocation.client.capabilities, "elicitation");
  return yyjson_is_obj(json_get(elicitation, "url"));
}

/* 2025-11-25's error is in the modern era a question like any other. */
static enum stage_verdict ask_for_url(struct call *call) {
  struct arena *arena = call->exchange->arena;
  struct str data = call->invocation.result.rpc_data;
  struct buf requests;
  yyjson_doc *doc;
  buf_init(&requests, arena, LIMIT_HTTP_REQUEST_ARENA);
  if (json_read_verbatim(arena, data.n ? data : STR("{}"), &doc, NULL) != ERR_NONE ||
      !mcp_write_url_elicitations(&requests, yyjson_doc_get_root(doc)) || buf_failed(&requests))
    return call_fail(call, 0, JSONRPC_INTERNAL_ERROR, "The MCP server needs a visit to a page that it does not name");
  call->outcome = AUDIT_OK;
  call->error = ERR_NONE;
  return ask_by_result(call, buf_str(&requests), STR_NONE);
}

/* A token or key that its service takes no more has to be told of. */
static void note_use(const struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  struct grant_keeper *keeper = call->exchange->worker->server->keeper;
  if (!keeper || !call->connection) return;
  const struct grant_use use = {.organisation_id = call->exchange->principal.snapshot->id,
                                .connection_id = call->connection->policy.id,
                                .version = call->connection->version,
                                .grant_version = call->grant_version,
                                .tool = call->tool ? call->tool->tool->name : call->uri};
  if (result->is_refused)
    grant_was_refused(keeper, &use);
  else if (!result->is_error && !result->rpc_code)
    grant_was_accepted(keeper, &use);
}

/* What the service said is not for everybody. */
static void log_detail(const struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  if (!result->detail.n || !call->connection) return;
  log_event(LOG_WARN, "connection_failed", LOG_TEXT("trace_id", call->exchange->trace.id),
            LOG_STR("connection", call->connection->policy.name), LOG_TEXT("error", err_code_name(result->error)),
            LOG_STR("detail", result->detail));
}

static enum stage_verdict answer(struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  note_use(call);
  log_detail(call);
  bool is_modern = call->envelope.revision->era == MCP_MODERN;
  call->outcome = outcome_of(call);
  call->error = result->error;
  if (asks(result)) return ask_by_result(call, result->input_requests, result->state);
  if (result->rpc_code == MCP_URL_ELICITATION_REQUIRED && is_modern) return ask_for_url(call);
  if (result->rpc_code == MCP_URL_ELICITATION_REQUIRED && !shows_pages(call)) return refuse_page(call);
  if (!is_modern && result->rpc_code == MCP_MISSING_CLIENT_CAPABILITY) return fail_for_lack(call);
  if (result->rpc_code) return pass_error(call);
  if (call_verb(call) != CONNECTOR_TOOL && !result->whole.n) return fail_plainly(call);
  call->has_answer = true;
  return STAGE_NEXT;
}

enum stage_verdict method_act(struct call *call) {
  const struct connector_result *result = &call->invocation.result;
  for (;;) {
    if (call->invoke == INVOKE_NONE && begin(call) == STAGE_WAIT) return STAGE_WAIT;
    if (call->invoke == INVOKE_RUNNING) return STAGE_WAIT;
    if ((result->is_refused || result->wants_scope) && !call->is_cancelled) {
      /* Nothing was done: it may be sent again with a token that is good. */
      enum credential_renewal renewed = credential_renew(call);
      if (renewed == CREDENTIAL_WAIT) return STAGE_WAIT;
      if (renewed == CREDENTIAL_REFUSED) return credential_refuse(call);
      if (renewed == CREDENTIAL_RENEWED) {
        call->lease = LEASE_NONE;
        call->invoke = INVOKE_NONE;
        continue;
      }
    }
    if (!asks(result) || call->envelope.revision->era == MCP_MODERN) return answer(call);
    enum stage_verdict verdict = ask_on_stream(call);
    if (verdict != STAGE_NEXT) return verdict;
  }
}
