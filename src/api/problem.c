/* What went wrong, as RFC 9457 has it. Must not know any operation. */
#include "api/answer.h"
#include "api/request.h"
#include "base/limits.h"

static const struct {
  int status;
  const char *title;
} problems[ERR_CODE_COUNT] = {
    [ERR_INVALID] = {422, "The request is not valid"},
    [ERR_UNAUTHENTICATED] = {401, "Sign in first"},
    [ERR_DENIED] = {403, "Not allowed"},
    [ERR_NOT_FOUND] = {404, "Not found"},
    [ERR_CONFLICT] = {409, "It cannot be done as things are"},
    [ERR_TOO_LARGE] = {413, "Too large"},
    [ERR_LIMITED] = {429, "Too often"},
    [ERR_TIMEOUT] = {504, "It took too long"},
    [ERR_CANCELLED] = {499, "Cancelled"},
    [ERR_UPSTREAM] = {502, "The service did not answer as it should"},
    [ERR_UNAVAILABLE] = {503, "Not now"},
    [ERR_NO_MEMORY] = {503, "Not now"},
    [ERR_INTERNAL] = {500, "A mistake of Connek's own"},
};

static bool is_ours(enum err_code code) {
  return code == ERR_UNAVAILABLE || code == ERR_NO_MEMORY || code == ERR_INTERNAL;
}

/* A handler may have said which (412, 428); else the code does. */
int api_problem_status(const struct api_request *request) {
  return request->status >= 400 ? request->status : problems[request->code].status;
}

/* What reads a configuration names places as "FILE: /roles/0/name". */
static struct str pointer_of(const char *place) {
  const char *colon = strstr(place, ": ");
  return str_of(colon ? colon + 2 : place);
}

struct str api_problem(struct api_request *request) {
  const struct err *err = &request->err;
  struct buf out;
  buf_init(&out, &request->arena, 16 * KIB);
  if (is_ours(request->code) && request->api->options.on_problem) request->api->options.on_problem("api_failed", err);
  answer_open(&out, '{');
  struct str type = arena_printf(&request->arena, "urn:connek:problem:%s", err_code_name(request->code));
  answer_text(&out, "type", type);
  answer_text(&out, "title", str_of(problems[request->code].title));
  answer_int(&out, "status", api_problem_status(request));
  answer_text(&out, "detail", str_of(err->text));
  struct str pointer = pointer_of(err->place);
  if (request->code == ERR_INVALID && pointer.n) {
    answer_name(&out, "errors");
    answer_open(&out, '[');
    answer_open(&out, '{');
    answer_text(&out, "pointer", pointer);
    answer_text(&out, "detail", str_of(err->text));
    answer_close(&out, '}');
    answer_close(&out, ']');
  }
  answer_close(&out, '}');
  return buf_failed(&out)
             ? STR("{\"type\":\"about:blank\",\"title\":\"Not now\",\"status\":503,\"detail\":\"Out of memory\"}")
             : buf_str(&out);
}
