/* Pages: one call fetches one. Where the next begins is told by the answer, and goes to the caller as a cursor that the
 * gateway seals: {"n": number, "c": cursor, "u": URL, "k": items to skip}. */
#include "base/limits.h"
#include "codec/json_path.h"
#include "codec/link_header.h"
#include "connector/http/call.h"

enum { STATE_MAX = 4 * KIB };
#define NUMBER_MAX (UINT64_C(1) << 53)

static const struct http_page *page_of(const struct connector_call *call) {
  return &((const struct http_tool *)call->tool->state)->page;
}

static bool is_counted(const struct http_page *page) {
  return page->by == HTTP_PAGE_NUMBER || page->by == HTTP_PAGE_OFFSET;
}

/* How many items were asked for; 0: the service decides. */
static uint64_t size_of(const struct connector_call *call) {
  const struct http_page *page = page_of(call);
  if (!page->has_size) return 0;
  uint64_t wanted = yyjson_get_uint(json_get(call->arguments, "page_size"));
  return wanted > 0 ? wanted : page->default_size;
}

/* ---- this page ---- */

static enum err_code unknown(struct err *err) {
  return err_set(err, ERR_INVALID, "cursor: there is no such cursor");
}

static enum err_code read_state(struct connector_call *call, struct http_page_state *state, struct err *err) {
  const struct http_page *page = page_of(call);
  yyjson_doc *doc;
  enum err_code code = json_read(call->arena, call->page, &doc, err);
  if (code != ERR_NONE) return unknown(err);
  yyjson_val *root = yyjson_doc_get_root(doc), *number = json_get(root, "n"), *cursor = json_get(root, "c");
  state->skip = yyjson_get_uint(json_get(root, "k"));
  if (number) state->number = yyjson_get_uint(number);
  state->cursor = cursor;
  state->url = json_get_str(root, "u");
  /* Another version of the manifest may have made it. */
  bool fits = is_counted(page) ? yyjson_is_uint(number) && !cursor
                               : !number && (!cursor || yyjson_is_str(cursor) || yyjson_is_num(cursor));
  if (!yyjson_is_obj(root) || !fits || state->number > NUMBER_MAX || state->skip > NUMBER_MAX) return unknown(err);
  if (state->url.n > 0 && page->by != HTTP_PAGE_LINK) return unknown(err);
  return state->url.n > 0 ? http_page_url_check(call, state->url, &state->url, err) : ERR_NONE;
}

enum err_code http_page_begin(struct connector_call *call, struct http_page_state *ret_state,
                              struct http_turn *ret_turn, struct err *err) {
  const struct http_page *page = page_of(call);
  struct http_page_state state = {.number = page->by == HTTP_PAGE_NUMBER ? page->first : 0};
  struct http_turn turn = {.size = size_of(call)};
  if (page->by != HTTP_PAGE_NONE && call->page.n > 0) {
    enum err_code code = read_state(call, &state, err);
    if (code != ERR_NONE) return code;
  }
  if (is_counted(page)) {
    turn.cursor = arena_new(call->arena, yyjson_val);
    if (!turn.cursor) return err_no_memory(err);
    yyjson_set_uint(turn.cursor, state.number);
  } else {
    turn.cursor = state.cursor;
    turn.url = state.url;
  }
  *ret_state = state;
  *ret_turn = turn;
  return ERR_NONE;
}

/* ---- the next one ---- */

static bool is_true(yyjson_val *value) {
  if (yyjson_is_raw(value)) return !str_eq(str_make(yyjson_get_raw(value), yyjson_get_len(value)), STR("0"));
  if (yyjson_is_str(value)) return yyjson_get_len(value) > 0 && !str_eq_fold(json_str(value), STR("false"));
  return yyjson_is_true(value) || yyjson_is_ctn(value);
}

enum told { TOLD_NOTHING, TOLD_MORE, TOLD_END };

/* What the answer says in so many words. `n_seen`: items up to here; UINT64_MAX: not known. */
static enum told told_by(const struct http_page *page, yyjson_val *root, uint64_t n_seen) {
  if (page->more) return is_true(json_path_get(page->more, root)) ? TOLD_MORE : TOLD_END;
  if (page->last) return is_true(json_path_get(page->last, root)) ? TOLD_END : TOLD_MORE;
  yyjson_val *total = page->total ? json_path_get(page->total, root) : NULL;
  uint64_t n;
  struct str text = yyjson_is_raw(total) ? str_make(yyjson_get_raw(total), yyjson_get_len(total)) : json_str(total);
  if (n_seen == UINT64_MAX || !str_to_u64(text, &n)) return TOLD_NOTHING;
  return n_seen < n ? TOLD_MORE : TOLD_END;
}

/* A page that is shorter than asked for is the last, where nothing else is said. */
static bool is_short(const struct connector_call *call, size_t n_items) {
  return n_items == 0 || n_items < size_of(call);
}

static bool next_number(struct connector_call *call, const struct http_page_state *state, yyjson_val *root,
                        size_t n_items, struct http_page_state *next) {
  const struct http_page *page = page_of(call);
  bool is_offset = page->by == HTTP_PAGE_OFFSET;
  uint64_t size = size_of(call), n_seen = UINT64_MAX;
  if (is_offset) n_seen = state->number + n_items;
  if (!is_offset && size > 0 && size <= HTTP_SIZE_MAX && state->number >= page->first)
    n_seen = (state->number - page->first) * size + n_items;
  enum told told = told_by(page, root, n_seen);
  if (told == TOLD_END || (told == TOLD_NOTHING && is_short(call, n_items))) return false;
  if (is_offset && n_items == 0) return false; /* it would be the same page again */
  next->number = is_offset ? n_seen : state->number + 1;
  return next->number <= NUMBER_MAX;
}

/* A text or a number that says where to go on. */
static bool is_position(yyjson_val *value) {
  return (yyjson_is_str(value) && yyjson_get_len(value) > 0) || yyjson_is_raw(value) || yyjson_is_num(value);
}

static struct str position_text(yyjson_val *value) {
  return yyjson_is_raw(value) ? str_make(yyjson_get_raw(value), yyjson_get_len(value)) : json_str(value);
}

static bool next_cursor(const struct http_page *page, const struct http_page_state *state, yyjson_val *root,
                        struct http_page_state *next) {
  if (told_by(page, root, UINT64_MAX) == TOLD_END) return false;
  next->cursor = page->next ? json_path_get(page->next, root) : NULL;
  /* One that leads to itself would be walked for ever. */
  bool is_same = yyjson_is_str(state->cursor) && str_eq(position_text(state->cursor), position_text(next->cursor));
  return is_position(next->cursor) && !is_same;
}

static bool find_link(const struct http_page *page, const struct http_answer *reply, struct str *ret_reference) {
  if (page->next) {
    *ret_reference = json_str(json_path_get(page->next, reply->root));
    return ret_reference->n > 0;
  }
  for (size_t i = 0; i < reply->response->n_fields; i++) {
    const struct http_field *field = &reply->response->fields[i];
    if (str_eq_fold(field->name, STR("link")) && link_header_find(field->value, STR("next"), ret_reference))
      return ret_reference->n > 0;
  }
  return false;
}

static bool next_link(struct connector_call *call, const struct http_page_state *state, const struct http_answer *reply,
                      struct http_page_state *next) {
  const struct http_page *page = page_of(call);
  struct str reference;
  if (told_by(page, reply->root, UINT64_MAX) == TOLD_END || !find_link(page, reply, &reference)) return false;
  next->url = http_reference_resolve(call->arena, state->request_url, reference);
  return next->url.n > 0 && !str_eq(next->url, state->url);
}

static bool next_id(struct connector_call *call, yyjson_val *root, yyjson_val *items, struct http_page_state *next) {
  const struct http_page *page = page_of(call);
  enum told told = told_by(page, root, UINT64_MAX);
  size_t n = yyjson_arr_size(items);
  if (n == 0 || told == TOLD_END || (told == TOLD_NOTHING && is_short(call, n))) return false;
  next->cursor = json_path_get(page->id, yyjson_arr_get_last(items));
  return is_position(next->cursor);
}

bool http_page_next(struct connector_call *call, const struct http_page_state *state, const struct http_answer *reply,
                    yyjson_val *items, struct http_page_state *ret_next) {
  *ret_next = (struct http_page_state){0};
  switch (page_of(call)->by) {
    case HTTP_PAGE_NUMBER:
    case HTTP_PAGE_OFFSET:
      return next_number(call, state, reply->root, yyjson_arr_size(items), ret_next);
    case HTTP_PAGE_CURSOR:
      return next_cursor(page_of(call), state, reply->root, ret_next);
    case HTTP_PAGE_LINK:
      return next_link(call, state, reply, ret_next);
    case HTTP_PAGE_LAST_ID:
      return next_id(call, reply->root, items, ret_next);
    case HTTP_PAGE_NONE:
      break;
  }
  return false;
}

/* Where a place inside of a page can be named it is, else the page is fetched again and its first items dropped. */
void http_page_rest(struct connector_call *call, const struct http_page_state *state, yyjson_val *items, size_t n_shown,
                    struct http_page_state *ret_next) {
  const struct http_page *page = page_of(call);
  *ret_next = *state;
  ret_next->skip = n_shown;
  if (page->by == HTTP_PAGE_OFFSET) {
    ret_next->number = state->number + n_shown;
    ret_next->skip = 0;
  }
  yyjson_val *id =
      page->by == HTTP_PAGE_LAST_ID && n_shown > 0 ? json_path_get(page->id, yyjson_arr_get(items, n_shown - 1)) : NULL;
  if (!is_position(id)) return;
  ret_next->cursor = id;
  ret_next->skip = 0;
}

struct str http_page_seal(struct connector_call *call, const struct http_page_state *state) {
  if (!call->seal_page) return STR_NONE;
  struct buf out;
  buf_init(&out, call->arena, STATE_MAX);
  buf_append_c(&out, "{\"k\":");
  buf_append_u64(&out, state->skip);
  if (is_counted(page_of(call))) {
    buf_append_c(&out, ",\"n\":");
    buf_append_u64(&out, state->number);
  }
  if (state->cursor) {
    buf_append_c(&out, ",\"c\":");
    json_write_value(&out, state->cursor);
  }
  if (state->url.n > 0) {
    buf_append_c(&out, ",\"u\":");
    json_write_str(&out, state->url);
  }
  buf_append_byte(&out, '}');
  return buf_failed(&out) ? STR_NONE : call->seal_page(call, buf_str(&out));
}
