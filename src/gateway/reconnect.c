/* Asks a client to open a link: a modern one by a result that is not finished yet (2026-07-28, multi round-trip
 * requests), a legacy one by URLElicitationRequiredError (2025-11-25, elicitation). Both make the same call again. Must
 * not know how a connection is connected. */
#include "gateway/reconnect.h"

#include "base/limits.h"
#include "codec/json.h"
#include "gateway/action.h"
#include "gateway/pipeline.h"
#include "mcp/input.h"

#define ANSWER "connek-connect"

static void write_params(struct buf *out, const char *text, struct str link) {
  buf_append_c(out, "\"mode\":\"url\",\"message\":");
  json_write_str(out, str_of(text));
  buf_append_c(out, ",\"url\":");
  json_write_str(out, link);
}

static bool can_be_asked(const struct call *call) {
  yyjson_doc *doc;
  const struct str request = STR("{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\"}}");
  return json_read(call->exchange->arena, request, &doc, NULL) == ERR_NONE &&
         !mcp_input_lacks(action_capabilities(call), yyjson_doc_get_root(doc));
}

static enum stage_verdict ask_by_result(struct call *call, const char *text, struct str link) {
  struct buf out;
  buf_init(&out, call->exchange->arena, 16 * KIB);
  buf_append_c(&out, "{\"resultType\":\"input_required\",\"inputRequests\":{\"" ANSWER
                     "\":{\"method\":\"elicitation/create\",\"params\":{");
  write_params(&out, text, link);
  buf_append_c(&out, "}}}}");
  if (buf_failed(&out)) return STAGE_NEXT;
  call->invocation.result = (struct connector_result){.whole = buf_str(&out)};
  call->has_answer = true;
  return STAGE_DONE;
}

static enum stage_verdict ask_by_error(struct call *call, const char *text, struct str link) {
  struct buf out;
  char id[UUID_TEXT_SIZE];
  buf_init(&out, call->exchange->arena, 16 * KIB);
  uuid_format(call->id, id);
  buf_printf(&out, "{\"elicitations\":[{\"elicitationId\":\"%s\",", id);
  write_params(&out, text, link);
  buf_append_c(&out, "}]}");
  if (buf_failed(&out)) return STAGE_NEXT;
  call_fail(call, 0, MCP_URL_ELICITATION_REQUIRED, "%s", text);
  call->failure.data = buf_str(&out);
  return STAGE_FAIL;
}

enum stage_verdict reconnect_ask(struct call *call, const char *text, struct str link) {
  bool is_modern = call->envelope.revision->era == MCP_MODERN;
  bool was_asked = json_get(call->input_responses, ANSWER) != NULL;
  enum connector_verb verb = call_verb(call);
  bool may_ask = verb == CONNECTOR_TOOL || verb == CONNECTOR_PROMPT || verb == CONNECTOR_RESOURCE;
  if (!may_ask || was_asked || !can_be_asked(call)) return STAGE_NEXT;
  return is_modern ? ask_by_result(call, text, link) : ask_by_error(call, text, link);
}

void reconnect_forget_answer(struct call *call) {
  if (call->state.n == 0 && yyjson_obj_size(call->input_responses) == 1 && json_get(call->input_responses, ANSWER))
    call->input_responses = NULL;
}
