/* What a cursor holds, should somebody ever be able to seal his own, and answers that say where to go on, whatever they
 * say: a request goes to the connection's origin alone, and what goes on can be sealed and opened again. First line:
 * the way of paging and the state; second: the Link field or reference; the rest: the answer. */
#include "codec/json_path.h"
#include "codec/url.h"
#include "connector/http/call.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void expect(bool is_so) {
  if (!is_so) __builtin_trap();
}

static struct str seal(struct connector_call *call, struct str state) {
  return arena_str(call->arena, state);
}

static const struct json_path *path_of(struct arena *arena, struct str text) {
  struct json_path *path = arena_new(arena, struct json_path);
  expect(path && json_path_compile(text, path, NULL) == ERR_NONE);
  return path;
}

static void check_url(struct arena *arena, struct str text) {
  struct url url;
  expect(url_parse(arena, text, &url, NULL) == ERR_NONE);
  expect(str_eq(url.scheme, STR("https")) && str_eq(url.host, STR("api.example.com")) && url.port == 443);
  expect(!http_path_has_dot_segment(url.path));
}

static void go_on(struct connector_call *call, const struct http_page_state *page, struct str link, struct str body) {
  yyjson_doc *doc;
  const struct http_tool *tool = call->tool->state;
  if (json_read_verbatim(call->arena, body, &doc, NULL) != ERR_NONE) return;
  const struct http_field field = {STR("Link"), link};
  const struct http_client_response response = {.status = 200, .fields = &field, .n_fields = 1};
  const struct http_answer answer = {.status = 200, .response = &response, .root = yyjson_doc_get_root(doc)};
  struct http_page_state next;
  struct http_turn turn;
  if (!http_page_next(call, page, &answer, json_path_get(tool->items, answer.root), &next)) return;
  call->page = http_page_seal(call, &next);
  if (!call->page.p) return;
  enum err_code code = http_page_begin(call, &next, &turn, NULL);
  if (code == ERR_NONE && turn.url.n > 0) check_url(call->arena, turn.url);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  if (n < 1 || n > 64 * 1024) return 0;
  struct arena arena;
  arena_init(&arena, (size_t)64 * 1024 * 1024);
  struct str rest = str_make((const char *)bytes + 1, n - 1);
  struct str state = str_cut(&rest, '\n'), link = str_cut(&rest, '\n');
  struct http_tool tool = {.page = {.by = (enum http_page_by)(bytes[0] % (HTTP_PAGE_LAST_ID + 1)),
                                    .has_size = true,
                                    .default_size = 2,
                                    .id = path_of(&arena, STR("id"))},
                           .items = path_of(&arena, STR("items"))};
  if (bytes[0] & 0x40 || tool.page.by == HTTP_PAGE_CURSOR) tool.page.next = path_of(&arena, STR("next"));
  if (bytes[0] & 0x80) tool.page.more = path_of(&arena, STR("more"));
  struct http_definition http = {0};
  struct http_connection connected = {.base = STR("https://api.example.com/v1")};
  struct connector connector = {.state = &http};
  struct connector_connection connection = {.connector = &connector, .state = &connected};
  struct connector_tool described = {.state = &tool, .has_pages = true};
  struct connector_call call = {
      .connection = &connection, .tool = &described, .arena = &arena, .page = state, .seal_page = seal};
  struct http_page_state page = {0};
  struct http_turn turn;
  if (http_page_begin(&call, &page, &turn, NULL) == ERR_NONE) {
    if (turn.url.n > 0) check_url(&arena, turn.url);
    page.request_url = STR("https://api.example.com/v1/items?x=1");
    go_on(&call, &page, link, rest);
  }
  arena_release(&arena);
  return 0;
}
