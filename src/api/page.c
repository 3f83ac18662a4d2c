/* Cursors as text, and the frame of a page. Must not know what is listed. */
#include "api/page.h"

#include "api/answer.h"
#include "base/limits.h"
#include "codec/base64.h"

enum { PAGE_LIMIT = 50 };

enum err_code api_page_read(struct api_request *request, struct api_page *ret_page, struct err *err) {
  struct str limit = api_query(request, "limit"), cursor = api_query(request, "cursor");
  uint64_t n = PAGE_LIMIT;
  *ret_page = (struct api_page){PAGE_LIMIT, STR("")};
  if (limit.p && str_to_u64(limit, &n)) ret_page->limit = (size_t)n;
  if (!cursor.p || base64url_read(&request->arena, cursor, &ret_page->after)) return ERR_NONE;
  request->status = 400;
  (void)err_set(err, ERR_INVALID, "that is no cursor: use next_cursor as it came");
  err_place(err, "cursor");
  return ERR_INVALID;
}

void api_page_open(struct api_request *request) {
  answer_open(&request->out, '{');
  answer_name(&request->out, "items");
  answer_open(&request->out, '[');
}

void api_page_close(struct api_request *request, const struct api_page *page, size_t n, struct str last) {
  struct buf cursor;
  buf_init(&cursor, &request->arena, 4 * KIB);
  answer_close(&request->out, ']');
  if (n > page->limit && last.n) base64url_write(&cursor, last);
  answer_text_or_null(&request->out, "next_cursor", cursor.n ? buf_str(&cursor) : STR_NONE);
  answer_close(&request->out, '}');
}
