/* One tool whose requests are built and looked at, without being sent. */
#ifndef CONNEK_TEST_CONNECTOR_REQUEST_FIXTURE_H
#define CONNEK_TEST_CONNECTOR_REQUEST_FIXTURE_H

#include "fixture.h"

#include "base/limits.h"
#include "codec/url.h"
#include "connector/http/http.h"

static inline int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  arena_init(&f->arena, 0);
  *state = f;
  return 0;
}

static inline int tear_down(void **state) {
  struct fixture *f = *state;
  arena_release(&f->arena);
  free(f);
  return 0;
}

/* ---- one tool, and what its call makes ---- */

/* The manifest with `head` beside its tools, and one tool with `parts`, whose arguments are a, b, c and d: anything. */
static inline void connect_tool(struct fixture *f, const char *head, const char *settings, const char *parts) {
  const char *text =
      arena_printf(
          &f->arena,
          "{\"manifest\":1,\"id\":\"o\",\"name\":\"O\",\"base\":\"https://a.example/v1\"%s,\"tools\":[{\"name\":"
          "\"t\",\"description\":\"T\",\"does\":\"write\",\"input\":{\"type\":\"object\",\"properties\":{\"a\":{},"
          "\"b\":{},\"c\":{},\"d\":{}},\"required\":[\"a\"]},%s}]}",
          head, parts)
          .p;
  fixture_connect(f, text, settings);
}

static inline enum err_code build(struct fixture *f, const char *arguments, const struct http_turn *turn,
                                  const struct secret *credential, struct http_client_request *ret_request) {
  static struct http_secret secret;
  struct connector_call *call = arena_new(&f->arena, struct connector_call);
  *call = (struct connector_call){.connection = &f->connection,
                                  .tool = &f->connector.tools[0],
                                  .arguments = fixture_json(f, arguments),
                                  .credential = credential,
                                  .arena = &f->arena};
  static const struct http_turn first;
  enum err_code code = http_secret_open(&secret, call, &test_err);
  if (code == ERR_NONE) code = http_request_build(call, turn ? turn : &first, &secret, ret_request, &test_err);
  if (code == ERR_NONE && ret_request->secret_value.n > 0)
    ret_request->secret_value = arena_str(&f->arena, ret_request->secret_value);
  http_secret_close(&secret);
  return code;
}

static inline struct http_client_request made(struct fixture *f, const char *arguments) {
  struct http_client_request request = {.method = STR_NONE};
  assert_ok(build(f, arguments, NULL, NULL, &request));
  return request;
}

static inline void assert_refused(struct fixture *f, const char *arguments, enum err_code code, const char *text) {
  struct http_client_request request;
  enum err_code actual = build(f, arguments, NULL, NULL, &request);
  if (actual != code || !strstr(test_err.text, text)) fail_msg("%s: %s", arguments, actual ? test_err.text : "is sent");
}

static inline void assert_body(struct fixture *f, const char *arguments, const char *body) {
  struct http_client_request request = made(f, arguments);
  if (!request.has_body) fail_msg("%s: no body", arguments);
  if (!str_eq_c(request.body, body)) fail_msg("%s: %.*s\n  not %s", arguments, STR_ARG(request.body), body);
}

static inline void assert_url(struct fixture *f, const char *arguments, const char *url) {
  struct http_client_request request = made(f, arguments);
  if (!str_eq_c(request.url, url)) fail_msg("%s: %.*s\n  not %s", arguments, STR_ARG(request.url), url);
}

/* STR_NONE: not sent */
static inline struct str field_of(const struct http_client_request *request, const char *name) {
  for (size_t i = 0; i < request->n_fields; i++)
    if (str_eq_fold(request->fields[i].name, str_of(name))) return request->fields[i].value;
  return STR_NONE;
}

#endif
