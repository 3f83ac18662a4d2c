/* The parser: what it takes, what it refuses, and that neither depends on how the bytes were cut. */
#include "net/http_parse.h"

#include "base/limits.h"
#include "http_requests.h"
#include "unit.h"

/* One request, fed in pieces of `step` bytes after a first one of `first`. */
struct fed {
  struct arena arena;
  struct http_parse parse;
  enum http_parse_event event; /* MORE, DONE or REFUSED */
  size_t used;
};

static void feed(struct fed *fed, const char *bytes, size_t n, size_t first, size_t step) {
  arena_init(&fed->arena, LIMIT_HTTP_REQUEST_ARENA);
  http_parse_init(&fed->parse, &fed->arena);
  fed->event = HTTP_PARSE_EVENT_MORE;
  fed->used = 0;
  bool has_head = false;
  size_t piece = first;
  while (fed->used < n && fed->event == HTTP_PARSE_EVENT_MORE) {
    if (piece > n - fed->used) piece = n - fed->used;
    char *copy = malloc(piece); /* so that a look beyond the piece is seen */
    memcpy(copy, bytes + fed->used, piece);
    size_t at = 0;
    do {
      size_t used;
      fed->event = http_parse_feed(&fed->parse, copy + at, piece - at, &used);
      at += used;
      assert_in_range(at, 0, piece);
      if (fed->event == HTTP_PARSE_EVENT_HEAD) assert_false(has_head);
      has_head |= fed->event == HTTP_PARSE_EVENT_HEAD;
    } while (fed->event == HTTP_PARSE_EVENT_HEAD);
    if (fed->event == HTTP_PARSE_EVENT_MORE) assert_int_equal(at, piece);
    memset(copy, '#', piece);
    free(copy);
    fed->used += at;
    piece = step;
  }
  assert_true(has_head || fed->event != HTTP_PARSE_EVENT_DONE);
}

static void assert_same(const struct fed *a, const struct fed *b, const char *what) {
  if (a->event != b->event) fail_msg("%s: the cut changes what comes of it", what);
  if (a->event == HTTP_PARSE_EVENT_REFUSED && a->parse.refusal != b->parse.refusal)
    fail_msg("%s: the cut changes the refusal (%d, %d)", what, a->parse.refusal->status, b->parse.refusal->status);
  if (a->event != HTTP_PARSE_EVENT_DONE) return;
  const struct http_parse *p = &a->parse, *q = &b->parse;
  bool is_same = a->used == b->used && str_eq(p->method, q->method) && str_eq(p->path, q->path) &&
                 str_eq(p->query, q->query) && str_eq(p->body, q->body) && p->n_fields == q->n_fields &&
                 p->keeps_alive == q->keeps_alive && p->expects_continue == q->expects_continue;
  for (size_t i = 0; is_same && i < p->n_fields; i++)
    is_same = str_eq(p->fields[i].name, q->fields[i].name) && str_eq(p->fields[i].value, q->fields[i].value);
  if (!is_same) fail_msg("%s: the cut changes the request", what);
}

static int status_of(const struct fed *fed) {
  if (fed->event == HTTP_PARSE_EVENT_REFUSED) return fed->parse.refusal->status;
  return fed->event == HTTP_PARSE_EVENT_DONE ? 200 : 0;
}

static void each_request_is_taken_or_refused_as_it_should(void **state) {
  for (size_t i = 0; i < RAW_REQUESTS; i++) {
    const struct raw_request *raw = &raw_requests[i];
    struct fed fed;
    feed(&fed, raw->bytes, raw->n, raw->n, raw->n);
    if (status_of(&fed) != raw->status) fail_msg("%s: %d, not %d", raw->what, status_of(&fed), raw->status);
    bool closes =
        fed.event == HTTP_PARSE_EVENT_REFUSED || (fed.event == HTTP_PARSE_EVENT_DONE && !fed.parse.keeps_alive);
    if (closes != raw->closes) fail_msg("%s: it %s", raw->what, closes ? "closes" : "does not close");
    if (raw->status == 200) assert_int_equal(fed.used, raw->n);
    arena_release(&fed.arena);
  }
}

static void no_cut_makes_a_difference(void **state) {
  for (size_t i = 0; i < RAW_REQUESTS; i++) {
    const struct raw_request *raw = &raw_requests[i];
    struct fed whole;
    feed(&whole, raw->bytes, raw->n, raw->n, raw->n);
    for (size_t first = 1; first < raw->n; first++) {
      for (size_t step = 1; step <= raw->n; step += raw->n - 1) {
        struct fed cut;
        feed(&cut, raw->bytes, raw->n, first, step);
        assert_same(&whole, &cut, raw->what);
        arena_release(&cut.arena);
      }
    }
    arena_release(&whole.arena);
  }
}

static void every_refusal_is_json(void **state) {
  for (size_t i = 0; i < RAW_REQUESTS; i++) {
    const struct raw_request *raw = &raw_requests[i];
    struct fed fed;
    feed(&fed, raw->bytes, raw->n, raw->n, raw->n);
    if (fed.event == HTTP_PARSE_EVENT_REFUSED) {
      assert_true(str_starts(fed.parse.refusal->body, STR("{\"error\":{\"code\":\"")));
      assert_true(str_ends(fed.parse.refusal->body, STR("\"}}")));
    }
    arena_release(&fed.arena);
  }
}

static void feed_text(struct fed *fed, const char *text) {
  feed(fed, text, strlen(text), strlen(text), 1);
}

static void the_parts_of_a_request_come_out(void **state) {
  struct fed fed;
  feed_text(&fed,
            "POST /a%20b?c=d?e HTTP/1.1\r\nHost: x:1\r\nAccept:  a , b  \r\nEmpty:\r\nContent-Length: 3\r\n\r\nabcGET");
  assert_int_equal(fed.event, HTTP_PARSE_EVENT_DONE);
  assert_str(fed.parse.method, "POST");
  assert_str(fed.parse.target, "/a%20b?c=d?e");
  assert_str(fed.parse.path, "/a%20b");
  assert_str(fed.parse.query, "c=d?e");
  assert_int_equal(fed.parse.n_fields, 4);
  assert_str(fed.parse.fields[1].name, "Accept");
  assert_str(fed.parse.fields[1].value, "a , b");
  assert_str(fed.parse.fields[2].value, "");
  assert_str(fed.parse.body, "abc");
  assert_memory_equal("POST /a", fed.parse.head.p, 7);
  arena_release(&fed.arena);
}

static void an_absolute_target_gives_its_path(void **state) {
  struct fed fed;
  feed_text(&fed, "GET http://A.example:80?x HTTP/1.1\r\nHost: a.example:80\r\n\r\n");
  assert_int_equal(fed.event, HTTP_PARSE_EVENT_DONE);
  assert_str(fed.parse.target, "http://A.example:80?x");
  assert_str(fed.parse.path, "/");
  assert_str(fed.parse.query, "x");
  arena_release(&fed.arena);
}

static void chunks_become_one_body_and_trailers_no_fields(void **state) {
  struct fed fed;
  feed_text(&fed, CHUNKED "3;x=y\r\nabc\r\n00a\r\n0123456789\r\n0\r\nX: y\r\n\r\n");
  assert_int_equal(fed.event, HTTP_PARSE_EVENT_DONE);
  assert_str(fed.parse.body, "abc0123456789");
  assert_int_equal(fed.parse.n_fields, 2);
  arena_release(&fed.arena);
}

static void a_continuation_is_expected_only_with_a_body(void **state) {
  struct fed fed;
  feed_text(&fed, "POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\na");
  assert_true(fed.parse.expects_continue);
  arena_release(&fed.arena);
  feed_text(&fed, "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n");
  assert_false(fed.parse.expects_continue);
  arena_release(&fed.arena);
  feed_text(&fed, "POST / HTTP/1.0\r\n" H "Expect: 100-continue\r\nContent-Length: 1\r\n\r\na");
  assert_false(fed.parse.expects_continue);
  arena_release(&fed.arena);
}

/* `made` is fed whole, in two cuts and byte by byte. */
static void assert_status(const struct buf *made, int status) {
  size_t steps[] = {made->n, 1, 1000, LIMIT_HTTP_READ};
  for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
    struct fed fed;
    feed(&fed, made->p, made->n, steps[i], steps[i]);
    if (status_of(&fed) != status) fail_msg("in steps of %zu: %d, not %d", steps[i], status_of(&fed), status);
    arena_release(&fed.arena);
  }
}

static struct buf made;
static void make(const char *text) {
  buf_init(&made, NULL, 64 * MIB);
  buf_append_c(&made, text);
}
static void make_fill(char c, size_t n) {
  char *p = buf_reserve(&made, n);
  assert_non_null(p);
  memset(p, c, n);
  made.n += n;
}
static void make_end(const char *text, int status) {
  buf_append_c(&made, text);
  assert_status(&made, status);
  buf_release(&made);
}

static void a_target_is_capped(void **state) {
  make("GET /");
  make_fill('a', LIMIT_HTTP_TARGET - 1);
  make_end(" HTTP/1.1\r\n" H "\r\n", 200);
  make("GET /");
  make_fill('a', LIMIT_HTTP_TARGET);
  make_end(" HTTP/1.1\r\n" H "\r\n", 414);
  make("GET /");
  make_fill('a', 10 * LIMIT_HTTP_TARGET);
  make_end("", 414);
}

static void fields_are_counted(void **state) {
  for (int n = LIMIT_HTTP_HEADER_COUNT; n <= LIMIT_HTTP_HEADER_COUNT + 1; n++) {
    make("GET / HTTP/1.1\r\n" H);
    for (int i = 1; i < n; i++)
      buf_append_c(&made, "X: y\r\n");
    make_end("\r\n", n > LIMIT_HTTP_HEADER_COUNT ? 431 : 200);
  }
}

static void a_header_section_is_capped(void **state) {
  size_t others = strlen("Host") + strlen("a") + strlen("X");
  make("GET / HTTP/1.1\r\n" H "X: ");
  make_fill('a', LIMIT_HTTP_HEADER_BYTES - others);
  make_end("\r\n\r\n", 200);
  make("GET / HTTP/1.1\r\n" H "X: ");
  make_fill('a', LIMIT_HTTP_HEADER_BYTES - others + 1);
  make_end("\r\n\r\n", 431);
  make("GET / HTTP/1.1\r\n" H "X: ");
  make_fill('a', 4 * LIMIT_HTTP_HEADER_BYTES);
  make_end("", 431);
  make("GET / HTTP/1.1\r\n" H);
  make_fill('a', 4 * LIMIT_HTTP_HEADER_BYTES); /* a name without an end */
  make_end("", 431);
  make("GET / HTTP/1.1\r\n" H "X: ");
  make_fill(' ', 4 * LIMIT_HTTP_HEADER_BYTES); /* llhttp shows nothing of it */
  make_end("", 431);
}

static void a_body_is_capped(void **state) {
  make("POST / HTTP/1.1\r\n" H "Content-Length: 4194304\r\n\r\n");
  make_fill('a', LIMIT_HTTP_BODY);
  make_end("", 200);
  make(CHUNKED "400000\r\n");
  make_fill('a', LIMIT_HTTP_BODY);
  make_end("\r\n0\r\n\r\n", 200);
  make(CHUNKED "3fffff\r\n");
  make_fill('a', LIMIT_HTTP_BODY - 1);
  make_end("\r\n2\r\n", 413);
}

static void the_framing_of_chunks_is_capped(void **state) {
  make(CHUNKED);
  make_fill('0', 64 * KIB); /* a size that is zeros without an end */
  make_end("", 413);
  make(CHUNKED "5;a=");
  make_fill('b', 64 * KIB);
  make_end("", 413);
  make(CHUNKED "0\r\nX: ");
  make_fill('b', 64 * KIB);
  make_end("", 431);
  make(CHUNKED "0\r\n");
  for (int i = 0; i <= LIMIT_HTTP_HEADER_COUNT; i++)
    buf_append_c(&made, "X: y\r\n");
  make_end("\r\n", 431);
  make(CHUNKED); /* what a byte a chunk costs is fine */
  for (int i = 0; i < 20000; i++)
    buf_append_c(&made, "1\r\na\r\n");
  make_end("0\r\n\r\n", 200);
}

static void memory_that_runs_out_is_a_refusal(void **state) {
  static const char text[] = "POST /a HTTP/1.1\r\n" H "A: b\r\nContent-Length: 5\r\n\r\nabcde";
  for (size_t max = 16; max < 4096; max += 16) {
    struct arena arena;
    arena_init(&arena, max);
    struct http_parse parse;
    http_parse_init(&parse, &arena);
    size_t at = 0, used;
    enum http_parse_event event;
    do {
      event = http_parse_feed(&parse, text + at, sizeof(text) - 1 - at, &used);
      at += used;
    } while (event == HTTP_PARSE_EVENT_HEAD);
    if (event == HTTP_PARSE_EVENT_REFUSED)
      assert_int_equal(parse.refusal->status, 503);
    else
      assert_int_equal(event, HTTP_PARSE_EVENT_DONE);
    arena_release(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_request_is_taken_or_refused_as_it_should),
      cmocka_unit_test(no_cut_makes_a_difference),
      cmocka_unit_test(every_refusal_is_json),
      cmocka_unit_test(the_parts_of_a_request_come_out),
      cmocka_unit_test(an_absolute_target_gives_its_path),
      cmocka_unit_test(chunks_become_one_body_and_trailers_no_fields),
      cmocka_unit_test(a_continuation_is_expected_only_with_a_body),
      cmocka_unit_test(a_target_is_capped),
      cmocka_unit_test(fields_are_counted),
      cmocka_unit_test(a_header_section_is_capped),
      cmocka_unit_test(a_body_is_capped),
      cmocka_unit_test(the_framing_of_chunks_is_capped),
      cmocka_unit_test(memory_that_runs_out_is_a_refusal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
