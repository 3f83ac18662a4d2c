/* The caller as a user of the organisation. */
#include "api/answer.h"
#include "api/handlers.h"
#include "api/users.h"

enum err_code me_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct buf *out = &request->out;
  answer_open(out, '{');
  answer_name(out, "user");
  enum err_code code = api_user_answer(request, tx, request->principal.user_id, err);
  if (code != ERR_NONE) return code;
  request->etag = STR_NONE;
  answer_name(out, "permissions");
  answer_open(out, '[');
  for (unsigned i = 0; i < API_PERMISSIONS; i++)
    if (api_may(request, (enum api_permission)i))
      answer_item(out, str_of(api_permission_row((enum api_permission)i)->word));
  answer_close(out, ']');
  struct str mcp = arena_printf(&request->arena, "%.*s/mcp", STR_ARG(request->base));
  answer_text(out, "mcp_url", mcp);
  answer_close(out, '}');
  return mcp.p ? ERR_NONE : err_no_memory(err);
}
