/* A call at its home: the upstream's request for it, and the answers that go back to whoever asks. */
#include <stdio.h>
#include <stdlib.h>

#include "connector/mcp/home.h"

/* ---- back to the asker ---- */

static struct mcp_answer *answer_new(struct mcp_ask *ask, enum mcp_answer_kind kind) {
  struct mcp_answer *answer = calloc(1, sizeof(*answer));
  if (!answer) return NULL;
  answer->kind = kind;
  answer->ask = ask;
  arena_init(&answer->arena, 0);
  return answer;
}

static void on_answer(struct loop_task *task) {
  mcp_answer_take((struct mcp_answer *)(void *)((char *)task - offsetof(struct mcp_answer, task)));
}

/* Directly where asker and home are one. */
static void give(struct mcp_answer *answer) {
  struct mcp_ask *ask = answer->ask;
  if (ask->loop == ask->home->host->loop) {
    mcp_answer_take(answer);
    return;
  }
  answer->task.run = on_answer;
  loop_post(ask->loop, &answer->task);
}

/* What every call holds back for the case that there is no memory for an answer. */
static struct mcp_answer *last_of(struct mcp_ask *ask) {
  struct mcp_answer *answer = ask->reserve;
  ask->reserve = NULL;
  ask->is_over = true;
  ask->request = NULL;
  return answer;
}

static struct str write_value(struct mcp_answer *answer, yyjson_val *value) {
  struct buf out;
  if (!value) return STR_NONE;
  buf_init(&out, &answer->arena, LIMIT_MCP_MESSAGE);
  json_write_value(&out, value);
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

static void write_error(struct mcp_answer *answer, yyjson_val *error) {
  struct connector_result *result = &answer->result;
  int64_t code = mcp_error_code(error);
  result->is_error = true;
  result->error = ERR_UPSTREAM;
  result->rpc_code = code == 0 || code > INT32_MAX || code < INT32_MIN ? JSONRPC_INTERNAL_ERROR : (int)code;
  result->rpc_text = arena_str(&answer->arena, json_get_str(error, "message"));
  result->rpc_data = write_value(answer, json_get(error, "data"));
}

void mcp_ask_questions(struct mcp_ask *ask, struct str input_requests, struct str state) {
  struct mcp_answer *answer = last_of(ask);
  answer->result.input_requests = arena_str(&answer->arena, input_requests);
  answer->result.state = arena_str(&answer->arena, state);
  if (!answer->result.input_requests.p || !answer->result.state.p)
    answer->result = (struct connector_result){.is_error = true, .error = ERR_NO_MEMORY, .text = STR("out of memory")};
  give(answer);
}

/* The upstream's own state behind one letter: whether it had one. park.c's begin with another. */
static void write_questions(struct mcp_answer *answer, yyjson_val *result) {
  yyjson_val *state = json_get(result, "requestState");
  struct str text = json_str(state);
  answer->result.input_requests = write_value(answer, json_get(result, "inputRequests"));
  if (answer->result.input_requests.n == 0) answer->result.input_requests = STR("{}");
  answer->result.state = yyjson_is_str(state) ? arena_printf(&answer->arena, "s%.*s", STR_ARG(text)) : STR("n");
}

static void fill(struct mcp_answer *answer, const struct mcp_reply *reply, bool is_modern) {
  struct connector_result *result = &answer->result;
  bool is_question = is_modern && str_eq(json_get_str(reply->result, "resultType"), STR("input_required"));
  if (reply->error) {
    write_error(answer, reply->error);
  } else if (is_question) {
    write_questions(answer, reply->result);
  } else {
    result->is_error = yyjson_is_true(json_get(reply->result, "isError"));
    result->error = result->is_error ? ERR_UPSTREAM : ERR_NONE;
    result->whole =
        reply->result_text.p ? arena_str(&answer->arena, reply->result_text) : write_value(answer, reply->result);
  }
  bool has_failed = !reply->error && (is_question ? !result->state.p : !result->whole.p);
  if (has_failed)
    *result = (struct connector_result){.is_error = true, .error = ERR_NO_MEMORY, .text = STR("out of memory")};
}

static void fill_failure(struct mcp_answer *answer, enum err_code code, bool is_uncertain, const char *text) {
  struct str copy = arena_str(&answer->arena, str_of(text));
  answer->result = (struct connector_result){.is_error = true,
                                             .error = copy.p ? code : ERR_NO_MEMORY,
                                             .text = copy.p ? copy : STR("out of memory"),
                                             .is_unknown = is_uncertain};
}

void mcp_ask_fail(struct mcp_ask *ask, enum err_code code, bool is_uncertain, const char *text) {
  struct mcp_answer *answer = last_of(ask);
  fill_failure(answer, code, is_uncertain && !ask->may_be_sent_again, text);
  give(answer);
}

static void fill_refusal(struct mcp_answer *answer, enum mcp_refusal refusal) {
  answer->result.is_refused = refusal == MCP_TOKEN_REFUSED;
  answer->result.wants_scope = refusal == MCP_SCOPE_WANTED;
}

void mcp_ask_end(struct mcp_ask *ask, const struct mcp_reply *reply, bool is_modern) {
  struct mcp_answer *answer = last_of(ask);
  if (reply->code != ERR_NONE)
    fill_failure(answer, reply->code, reply->is_uncertain && !ask->may_be_sent_again, reply->text);
  else
    fill(answer, reply, is_modern);
  fill_refusal(answer, reply->refusal);
  give(answer);
}

struct mcp_answer *mcp_answer_of(const struct mcp_reply *reply, bool is_modern) {
  struct mcp_answer *answer = answer_new(NULL, MCP_ANSWER_END);
  if (!answer) return NULL;
  if (reply->code != ERR_NONE)
    fill_failure(answer, reply->code, reply->is_uncertain, reply->text);
  else
    fill(answer, reply, is_modern);
  return answer;
}

void mcp_ask_hand(struct mcp_ask *ask, struct mcp_answer *answer) {
  mcp_answer_free(last_of(ask));
  answer->ask = ask;
  give(answer);
}

void mcp_answer_free(struct mcp_answer *answer) {
  if (!answer) return;
  arena_release(&answer->arena);
  free(answer);
}

void mcp_ask_note(struct mcp_ask *ask, struct str method, struct str params) {
  struct mcp_answer *answer = answer_new(ask, MCP_ANSWER_NOTE);
  if (!answer) return;
  answer->method = arena_str(&answer->arena, method);
  answer->params = arena_str(&answer->arena, params);
  if (answer->method.p && answer->params.p) {
    give(answer);
    return;
  }
  mcp_answer_free(answer);
}

/* ---- the upstream's request ---- */

static void on_notified(struct mcp_request *request, struct str method, yyjson_val *params) {
  struct buf text;
  if (!request->ask) return;
  if (++request->n_notes > LIMIT_MCP_NOTES) {
    char why[ERR_TEXT_SIZE];
    snprintf(why, sizeof(why), "%.*s sends notifications without end", STR_ARG(mcp_upstream_name(request->upstream)));
    mcp_request_cancel(request, ERR_TOO_LARGE, why);
    return;
  }
  buf_init(&text, NULL, LIMIT_MCP_NOTICE);
  if (params)
    json_write_value(&text, params);
  else
    buf_append_c(&text, "{}");
  if (!buf_failed(&text)) mcp_ask_note(request->ask, method, buf_str(&text));
  buf_release(&text);
}

static void on_done(struct mcp_request *request, const struct mcp_reply *reply) {
  struct mcp_ask *ask = request->ask;
  request->ask = NULL;
  if (request->parked) mcp_park_ended(request, reply);
  if (ask) mcp_ask_end(ask, reply, mcp_request_is_modern(request));
}

static bool set_up(struct mcp_request *request, struct mcp_ask *ask) {
  struct connector_call *call = ask->call; /* what is read of it does not change while it runs */
  bool has_state = ask->state.n > 0 && ask->state.p[0] == 's';
  struct buf again;
  buf_init(&again, &request->arena, LIMIT_MCP_REQUEST);
  if (ask->responses.n > 0) {
    buf_append_c(&again, "\"inputResponses\":");
    buf_append_str(&again, ask->responses);
  }
  if (has_state) {
    if (again.n > 0) buf_append_byte(&again, ',');
    buf_append_c(&again, "\"requestState\":");
    json_write_str(&again, str_make(ask->state.p + 1, ask->state.n - 1));
  }
  request->method = ask->method;
  request->members = ask->members;
  request->members_modern = buf_str(&again);
  request->meta = ask->meta;
  request->capabilities = ask->capabilities;
  request->client_info = ask->client_info;
  request->log_level = call->client.log_level;
  request->name = ask->name;
  request->fields = ask->fields;
  request->n_fields = ask->n_fields;
  request->credential = call->credential;
  request->traceparent = call->traceparent;
  request->wants_progress = call->client.wants_progress || call->verb == CONNECTOR_TOOL;
  request->may_be_sent_again = ask->may_be_sent_again;
  request->timeout_us = ask->timeout_us;
  request->done = on_done;
  request->notified = call->notify ? on_notified : NULL;
  request->ask = ask;
  return !buf_failed(&again);
}

void mcp_ask_begin(struct mcp_ask *ask) {
  if (ask->state.n > 0 && ask->state.p[0] == 'p') {
    mcp_park_resume(ask);
    return;
  }
  struct mcp_upstream *upstream;
  struct mcp_request *request = NULL;
  struct err err;
  enum err_code code = mcp_upstream_find(ask->home, ask->target, &upstream, &err);
  if (code == ERR_NONE) {
    mcp_upstream_keep(upstream, ask->call->credential);
    request = mcp_request_new(upstream);
    if (!request) code = err_no_memory(&err);
  }
  if (code == ERR_NONE && !set_up(request, ask)) {
    mcp_request_drop(request);
    code = err_set(&err, ERR_TOO_LARGE, "the call is too large");
  }
  if (code != ERR_NONE) {
    mcp_ask_fail(ask, code, false, err.text);
    return;
  }
  ask->request = request;
  mcp_request_begin(request);
}

void mcp_ask_cancel(struct mcp_ask *ask) {
  struct mcp_answer *seen = ask->cancel_reserve;
  if (!ask->is_over && ask->request) mcp_request_cancel(ask->request, ERR_CANCELLED, "The call was cancelled.");
  give(seen);
}
