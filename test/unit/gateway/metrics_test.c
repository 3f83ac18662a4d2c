/* Metrics as Prometheus reads them. The writer and coherence are the test's own (--wrap in meson.build). */
#include "fixture.h"

enum { N_WORKERS = 3 };

void __wrap_audit_count(const struct audit_writer *writer, struct audit_counts *ret_counts);
void __wrap_audit_count(const struct audit_writer *writer, struct audit_counts *ret_counts) {
  *ret_counts = (struct audit_counts){.records = 11, .commits = 5, .failures = 1};
}

bool __wrap_audit_is_healthy(const struct audit_writer *writer);
bool __wrap_audit_is_healthy(const struct audit_writer *writer) {
  return true;
}

bool __wrap_coherence_is_current(const struct coherence *coherence);
bool __wrap_coherence_is_current(const struct coherence *coherence) {
  return true;
}

struct page {
  struct server server;
  struct worker *workers;
  struct buf text;
};

static int setup(void **state) {
  struct page *page = calloc(1, sizeof(*page));
  page->workers = calloc(N_WORKERS, sizeof(*page->workers));
  page->server.workers = page->workers;
  page->server.n_workers = N_WORKERS;
  assert_ok(token_index_new(&page->server.tokens, &test_err));
  buf_init(&page->text, NULL, MIB);
  *state = page;
  return 0;
}

static int teardown(void **state) {
  struct page *page = *state;
  token_index_free(page->server.tokens);
  buf_release(&page->text);
  free(page->workers);
  free(page);
  return 0;
}

static const char *text_of(struct page *page) {
  buf_clear(&page->text);
  metrics_write(&page->text, &page->server);
  buf_append_byte(&page->text, '\0');
  assert_false(buf_failed(&page->text));
  return page->text.p;
}

static void assert_line(const char *text, const char *line) {
  for (struct str rest = str_of(text); rest.n;) {
    if (str_eq_c(str_cut(&rest, '\n'), line)) return;
  }
  fail_msg("no line \"%s\" in\n%s", line, text);
}

static void counters_of_all_workers_are_added_up(void **state) {
  struct page *page = *state;
  for (size_t i = 0; i < N_WORKERS; i++) {
    struct metrics *metrics = &page->workers[i].metrics;
    metrics_call(metrics, AUDIT_ALLOWED, AUDIT_OK, 300);
    metric_add(&metrics->call_stages[0][STAGE_FAIL], i);
    atomic_store(&metrics->http.requests, 10 * i);
    atomic_store(&metrics->http.connections, 1);
  }
  metrics_call(&page->workers[1].metrics, AUDIT_DENIED, AUDIT_NONE, 1);
  const char *text = text_of(page);
  assert_line(text, "connek_calls_total{decision=\"allowed\",outcome=\"ok\"} 3");
  assert_line(text, "connek_calls_total{decision=\"denied\",outcome=\"none\"} 1");
  assert_line(text, "connek_calls_total{decision=\"allowed\",outcome=\"cancelled\"} 0");
  assert_line(text, "connek_stage_total{stage=\"limit_principal\",verdict=\"fail\"} 3");
  assert_line(text, "connek_http_requests_total 30");
  assert_line(text, "connek_http_connections 3");
  assert_line(text, "connek_audit_records_total 11");
  assert_line(text, "connek_access_tokens 0");
  assert_line(text, "connek_ready 1");
}

static void durations_are_a_cumulative_histogram(void **state) {
  struct page *page = *state;
  static const int64_t us[] = {0, 250, 251, 600, 60000000, 60000001, INT64_C(3600000000)};
  for (size_t i = 0; i < sizeof(us) / sizeof(us[0]); i++)
    metrics_call(&page->workers[i % N_WORKERS].metrics, AUDIT_ALLOWED, AUDIT_OK, us[i]);
  const char *text = text_of(page);
  assert_line(text, "connek_call_duration_seconds_bucket{le=\"0.00025\"} 2");
  assert_line(text, "connek_call_duration_seconds_bucket{le=\"0.0005\"} 3");
  assert_line(text, "connek_call_duration_seconds_bucket{le=\"0.001\"} 4");
  assert_line(text, "connek_call_duration_seconds_bucket{le=\"60\"} 5");
  assert_line(text, "connek_call_duration_seconds_bucket{le=\"+Inf\"} 7");
  assert_line(text, "connek_call_duration_seconds_count 7");
  assert_line(text, "connek_call_duration_seconds_sum 3720.001102");
}

/* Text format 0.0.4: each sample's name was declared, once, before it. */
static void every_sample_is_declared_once(void **state) {
  struct page *page = *state;
  char declared[64][64];
  size_t n = 0;
  struct str rest = str_of(text_of(page));
  while (rest.n) {
    struct str line = str_cut(&rest, '\n');
    if (str_starts(line, STR("# HELP "))) continue;
    if (str_starts(line, STR("# TYPE "))) {
      struct str words = str_make(line.p + 7, line.n - 7), name = str_cut(&words, ' ');
      assert_true(str_eq_c(words, "counter") || str_eq_c(words, "gauge") || str_eq_c(words, "histogram"));
      assert_true(n < 64 && name.n < 64);
      for (size_t i = 0; i < n; i++)
        assert_false(str_eq_c(name, declared[i]));
      memcpy(declared[n], name.p, name.n);
      declared[n++][name.n] = '\0';
      continue;
    }
    assert_true(n > 0 && str_starts(line, str_of(declared[n - 1])));
    uint64_t value;
    struct str number = line;
    while (memchr(number.p, ' ', number.n))
      str_cut(&number, ' ');
    assert_true(str_to_u64(number, &value) || memchr(number.p, '.', number.n));
  }
  assert_true(n > 10);
}

static void readiness_is_shown(void **state) {
  struct page *page = *state;
  atomic_store(&page->server.is_draining, true);
  assert_line(text_of(page), "connek_ready 0");
}

#define page_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      page_test(counters_of_all_workers_are_added_up),
      page_test(durations_are_a_cumulative_histogram),
      page_test(every_sample_is_declared_once),
      page_test(readiness_is_shown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
