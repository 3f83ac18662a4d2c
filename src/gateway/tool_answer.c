/* Tool results that are errors for the model to read. */
#include "gateway/tool_answer.h"

void tool_answer_error(struct call *call, const char *text) {
  struct str copy = arena_str(call->exchange->arena, str_of(text));
  call->invocation.result = (struct connector_result){.is_error = true, .text = copy.p ? copy : STR("Out of memory")};
  call->has_answer = true;
}
