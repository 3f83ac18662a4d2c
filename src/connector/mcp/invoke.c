/* A call as its asker sees it: what is asked is written here, on the caller's worker, and handed to the upstream's
 * home; what comes back is copied into the call's memory. Must not know how an upstream is reached.
 *
 * The home reads the ask and what it points to until it has given the last answer; the asker keeps them until then. A
 * call that is cancelled ends when the home has both given its last answer and said that it saw the cancellation. */
#include <stdlib.h>

#include "connector/mcp/home.h"

/* ---- what is asked ---- */

static bool is_one_of(struct str name, const char *const *names) {
  for (; *names; names++)
    if (str_eq_c(name, *names)) return true;
  return false;
}

static void key_write(struct buf *out, struct str name) {
  if (out->n > 0) buf_append_byte(out, ',');
  json_write_str(out, name);
  buf_append_byte(out, ':');
}

static void member_write(struct buf *out, const char *name, yyjson_val *value) {
  if (!value) return;
  key_write(out, str_of(name));
  json_write_value(out, value);
}

static void text_write(struct buf *out, const char *name, struct str text) {
  key_write(out, str_of(name));
  json_write_str(out, text);
}

/* All members but these. */
static void rest_write(struct buf *out, yyjson_val *object, const char *const *but) {
  size_t i, n;
  yyjson_val *key, *value;
  if (!yyjson_is_obj(object)) return;
  yyjson_obj_foreach(object, i, n, key, value) {
    if (is_one_of(json_str(key), but)) continue;
    key_write(out, json_str(key));
    json_write_value(out, value);
  }
}

static void reference_write(struct buf *out, const struct connector_call *call) {
  key_write(out, STR("ref"));
  if (call->prompt) {
    buf_append_c(out, "{\"type\":\"ref/prompt\",\"name\":");
    json_write_str(out, call->prompt->name);
  } else {
    buf_append_c(out, "{\"type\":\"ref/resource\",\"uri\":");
    json_write_str(out, call->uri);
  }
  buf_append_byte(out, '}');
}

/* What is filled in already, without what is ours among it. */
static void context_write(struct buf *out, const struct connector_call *call) {
  static const char *const filled[] = {"arguments", NULL};
  yyjson_val *context = json_get(call->params, "context");
  struct buf rest;
  if (!yyjson_is_obj(context)) return;
  buf_init(&rest, call->arena, LIMIT_MCP_REQUEST);
  member_write(&rest, "arguments", call->arguments);
  rest_write(&rest, context, filled);
  key_write(out, STR("context"));
  buf_append_byte(out, '{');
  buf_append_str(out, buf_str(&rest));
  buf_append_byte(out, '}');
  if (buf_failed(&rest)) out->has_failed = true;
}

static void members_write(struct buf *out, const struct connector_call *call) {
  static const char *const named[] = {"name", "arguments", "task", "_meta", "inputResponses", "requestState", NULL};
  static const char *const read[] = {"uri", "_meta", "inputResponses", "requestState", NULL};
  static const char *const completed[] = {"ref", "context", "_meta", NULL};
  static const char *const task[] = {"taskId", "_meta", NULL};
  switch (call->verb) {
    case CONNECTOR_TOOL:
      text_write(out, "name", call->tool->name);
      member_write(out, "arguments", call->arguments);
      if (call->wants_task) member_write(out, "task", json_get(call->params, "task"));
      rest_write(out, call->params, named);
      break;
    case CONNECTOR_PROMPT:
      text_write(out, "name", call->prompt->name);
      member_write(out, "arguments", call->arguments);
      rest_write(out, call->params, named);
      break;
    case CONNECTOR_RESOURCE:
      text_write(out, "uri", call->uri);
      rest_write(out, call->params, read);
      break;
    case CONNECTOR_COMPLETION:
      reference_write(out, call);
      context_write(out, call);
      rest_write(out, call->params, completed);
      break;
    case CONNECTOR_TASK:
      text_write(out, "taskId", call->uri);
      rest_write(out, call->params, task);
      break;
  }
}

static struct str method_of(const struct connector_call *call) {
  static const char *const methods[] = {[CONNECTOR_TOOL] = "tools/call",
                                        [CONNECTOR_PROMPT] = "prompts/get",
                                        [CONNECTOR_RESOURCE] = "resources/read",
                                        [CONNECTOR_COMPLETION] = "completion/complete"};
  return call->verb == CONNECTOR_TASK ? call->method : str_of(methods[call->verb]);
}

/* What the caller's own _meta holds beyond what the protocol puts there for each hop anew. */
static void meta_write(struct buf *out, const struct connector_call *call) {
  static const char *const ours[] = {"progressToken",
                                     "traceparent",
                                     "io.modelcontextprotocol/protocolVersion",
                                     "io.modelcontextprotocol/clientInfo",
                                     "io.modelcontextprotocol/clientCapabilities",
                                     "io.modelcontextprotocol/logLevel",
                                     NULL};
  rest_write(out, json_get(call->params, "_meta"), ours);
  if (call->traceparent) return;
  member_write(out, "traceparent", json_get(json_get(call->params, "_meta"), "traceparent"));
}

static void client_info_write(struct buf *out, const struct connector_client *client) {
  buf_append_c(out, "{\"name\":");
  json_write_str(out, client->name);
  buf_append_c(out, ",\"version\":");
  json_write_str(out, client->version);
  buf_append_byte(out, '}');
}

static struct str name_of(const struct connector_call *call) {
  if (call->verb == CONNECTOR_TOOL) return call->tool->name;
  if (call->verb == CONNECTOR_PROMPT) return call->prompt->name;
  return call->verb == CONNECTOR_RESOURCE || call->verb == CONNECTOR_TASK ? call->uri : STR_NONE;
}

static enum err_code texts_write(struct mcp_ask *ask, struct connector_call *call, struct err *err) {
  struct buf parts[5];
  for (int i = 0; i < 5; i++)
    buf_init(&parts[i], call->arena, LIMIT_MCP_REQUEST);
  members_write(&parts[0], call);
  meta_write(&parts[1], call);
  if (call->client.capabilities) json_write_value(&parts[2], call->client.capabilities);
  if (call->client.name.n > 0) client_info_write(&parts[3], &call->client);
  if (call->input_responses) json_write_value(&parts[4], call->input_responses);
  for (int i = 0; i < 5; i++)
    if (buf_failed(&parts[i])) return err_set(err, ERR_TOO_LARGE, "the call is too large");
  ask->method = method_of(call);
  ask->members = buf_str(&parts[0]);
  ask->meta = buf_str(&parts[1]);
  ask->capabilities = buf_str(&parts[2]);
  ask->client_info = buf_str(&parts[3]);
  ask->responses = buf_str(&parts[4]);
  ask->state = call->request_state;
  ask->name = mirror_encode(call->arena, name_of(call));
  if (name_of(call).n > 0 && !ask->name.p) return err_no_memory(err);
  if (call->verb != CONNECTOR_TOOL) return ERR_NONE;
  return mirror_write(call->arena, call->tool->input_schema, call->arguments, &ask->fields, &ask->n_fields, err);
}

static bool is_reading(const struct connector_call *call) {
  if (call->verb == CONNECTOR_TOOL) return call->tool->does == DOES_READ;
  return !str_eq(call->method, STR("tasks/update")) && !str_eq(call->method, STR("tasks/cancel"));
}

static struct mcp_answer *reserve_new(struct mcp_ask *ask, enum mcp_answer_kind kind) {
  struct mcp_answer *answer = calloc(1, sizeof(*answer));
  if (!answer) return NULL;
  answer->kind = kind;
  answer->ask = ask;
  arena_init(&answer->arena, 0);
  return answer;
}

/* ---- its way ---- */

static void on_begin(struct loop_task *task) {
  mcp_ask_begin((struct mcp_ask *)(void *)((char *)task - offsetof(struct mcp_ask, begin_task)));
}

static void on_cancel(struct loop_task *task) {
  mcp_ask_cancel((struct mcp_ask *)(void *)((char *)task - offsetof(struct mcp_ask, cancel_task)));
}

static enum err_code ask_new(struct connector_call *call, struct mcp_ask **ret_ask, struct err *err) {
  struct mcp_upstreams *upstreams = call->host->upstreams;
  struct mcp_target *target = mcp_target_of(call->connection);
  if (!upstreams) return err_set(err, ERR_UNAVAILABLE, "MCP servers cannot be reached from here");
  struct mcp_ask *ask = arena_new(call->arena, struct mcp_ask);
  if (!ask) return err_no_memory(err);
  ask->call = call;
  ask->loop = call->host->loop;
  ask->home = mcp_home_of(upstreams, target->connection_id);
  ask->may_be_sent_again = is_reading(call);
  ask->timeout_us = target->timeout_ms > 0 ? target->timeout_ms * 1000 : call->deadline_us - loop_now_us(ask->loop);
  enum err_code code = texts_write(ask, call, err);
  if (code != ERR_NONE) return code;
  ask->reserve = reserve_new(ask, MCP_ANSWER_END);
  ask->cancel_reserve = reserve_new(ask, MCP_ANSWER_CANCEL_SEEN);
  if (!ask->reserve || !ask->cancel_reserve) {
    free(ask->reserve);
    free(ask->cancel_reserve);
    return err_no_memory(err);
  }
  ask->target = mcp_target_ref(target);
  *ret_ask = ask;
  return ERR_NONE;
}

void mcp_invoke(struct connector_call *call) {
  struct mcp_ask *ask = NULL;
  struct err err;
  call->state = NULL;
  enum err_code code = ask_new(call, &ask, &err);
  if (!ask) {
    connector_fail(call, code, "%.*s: %s", STR_ARG(call->connection->policy.name), err.text);
    call->done(call);
    return;
  }
  call->state = ask;
  if (ask->loop == ask->home->host->loop) {
    mcp_ask_begin(ask);
    return;
  }
  ask->begin_task.run = on_begin;
  loop_post(ask->home->host->loop, &ask->begin_task);
}

void mcp_cancel(struct connector_call *call) {
  struct mcp_ask *ask = call->state;
  if (!ask || ask->is_cancelled) return;
  ask->is_cancelled = true;
  ask->cancel_task.run = on_cancel;
  loop_post(ask->home->host->loop, &ask->cancel_task);
}

/* ---- what comes back ---- */

static bool copy(struct arena *arena, struct str *text) {
  if (text->n == 0) return true;
  *text = arena_str(arena, *text);
  return text->p != NULL;
}

static void end(struct mcp_ask *ask) {
  struct connector_call *call = ask->call;
  struct mcp_answer *answer = ask->last;
  struct connector_result result = answer->result;
  bool is_copied = copy(call->arena, &result.text) && copy(call->arena, &result.whole) &&
                   copy(call->arena, &result.rpc_text) && copy(call->arena, &result.rpc_data) &&
                   copy(call->arena, &result.input_requests) && copy(call->arena, &result.state);
  call->result = result;
  if (!is_copied) {
    connector_fail(call, ERR_TOO_LARGE, "%.*s answered more than a call may hold",
                   STR_ARG(call->connection->policy.name));
    call->result.is_unknown = result.error == ERR_NONE && !ask->may_be_sent_again;
  }
  mcp_answer_free(answer);
  mcp_answer_free(ask->is_cancelled ? NULL : ask->cancel_reserve);
  mcp_target_unref(ask->target);
  call->state = NULL;
  call->done(call);
}

void mcp_answer_take(struct mcp_answer *answer) {
  struct mcp_ask *ask = answer->ask;
  switch (answer->kind) {
    case MCP_ANSWER_NOTE:
      if (!ask->is_cancelled && ask->call->notify) ask->call->notify(ask->call, answer->method, answer->params);
      mcp_answer_free(answer);
      return;
    case MCP_ANSWER_END:
      ask->last = answer;
      break;
    case MCP_ANSWER_CANCEL_SEEN:
      ask->is_cancel_seen = true;
      mcp_answer_free(answer);
      break;
  }
  if (ask->last && ask->is_cancelled == ask->is_cancel_seen) end(ask);
}
