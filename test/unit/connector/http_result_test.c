/* What a tool's answer becomes, and what its service's bad answers become. */
#include "fixture.h"

#include "upstream.h"

#include "base/limits.h"
#include "codec/base64.h"

static struct upstream *upstream;

/* {"data":[{"id":0,"pad":"xx"},...]}, in the arena. */
static struct str many_items(struct arena *arena, size_t n, size_t size) {
  struct buf out;
  buf_init(&out, arena, (size_t)16 * MIB);
  buf_append_c(&out, "{\"data\":[");
  for (size_t i = 0; i < n; i++) {
    buf_printf(&out, "%s{\"id\":%zu,\"pad\":\"", i ? "," : "", i);
    memset(buf_reserve(&out, size), 'x', size);
    out.n += size;
    buf_append_c(&out, "\"}");
  }
  buf_append(&out, "]}", 3);
  return buf_str(&out);
}

static void reply_many(int fd, size_t n, size_t size) {
  struct arena arena;
  arena_init(&arena, 0);
  upstream_reply(fd, "200 OK", "application/json", many_items(&arena, n, size).p);
  arena_release(&arena);
}

static bool answer(struct upstream_connection *connection, const char *request, size_t n) {
  static const struct {
    const char *path, *type, *body;
  } answers[] = {
      {"/nested", "application/json",
       "{\"meta\":1,\"data\":[{\"id\":1,\"secret\":2,\"owner\":{\"id\":3,\"mail\":4}},{\"id\":5}]}"},
      {"/money", "application/json",
       "{\"data\":{\"amount\":10.00,\"big\":123456789012345678901234567890,\"tiny\":1E-7,\"at\":\"2026-11-20T10:00:00."
       "000+01:00\"}}"},
      {"/one", "application/json", "{\"data\":{\"id\":1,\"name\":\"x\"}}"},
      {"/scalar", "application/json", "{\"data\":7.50}"},
      {"/absent", "application/json", "{\"other\":1}"},
      {"/null", "application/json", "{\"data\":null}"},
      {"/text", "text/html; charset=utf-8", "<b>hello</b>"},
      {"/csv", "text/csv", "a,b\r\n1,2\r\n"},
      {"/png", "Image/PNG; x=y", "\x89PNG\r\n\x1a\n\xff"},
      {"/svg", "image/svg+xml", "<svg/>"},
      {"/mp3", "audio/mpeg", "\xff\xfb\x90"},
      {"/pdf", "application/pdf", "%PDF-\xff\xfe"},
      {"/odd", "no type", "\xff"},
      {"/json", "application/json", "{\"a\":1}"},
      {"/spaces", "text/plain", "  kept  \n"},
  };
  int fd = connection->fd;
  char path[64];
  snprintf(path, sizeof(path), "%.*s", (int)strcspn(request + 4, " ?"), request + 4);
  if (strcmp(path, "/many") == 0) {
    reply_many(fd, 100, 50);
  } else if (strcmp(path, "/huge-item") == 0) {
    reply_many(fd, 3, 5000);
  } else if (strcmp(path, "/large") == 0) {
    reply_many(fd, 1, 700 * KIB);
  }
  for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
    if (strcmp(path, answers[i].path) == 0) upstream_reply(fd, "200 OK", answers[i].type, answers[i].body);
  return true;
}

static const char input[] =
    "\"does\":\"read\",\"description\":\"Gets.\",\"call\":\"GET /{p}\","
    "\"input\":{\"type\":\"object\",\"properties\":{\"p\":{\"type\":\"string\"}},\"required\":[\"p\"]}";

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  upstream = upstream_start(answer);
  fixture_start(f);
  char settings[128], manifest[4096];
  snprintf(settings, sizeof(settings), "{\"base\":\"http://127.0.0.1:%u\"}", upstream->port);
  snprintf(manifest, sizeof(manifest),
           "{\"manifest\":1,\"id\":\"m\",\"name\":\"M\",\"base\":\"{conn.base}\",\"tools\":["
           "{\"name\":\"plain\",%s},"
           "{\"name\":\"keep\",%s,\"items\":\"data\",\"keep\":\"id,owner(id)\"},"
           "{\"name\":\"items\",%s,\"items\":\"data\"},"
           "{\"name\":\"result\",%s,\"result\":\"data\",\"keep\":\"*\"},"
           "{\"name\":\"small\",%s,\"items\":\"data\",\"max_result\":1024},"
           "{\"name\":\"paged\",%s,\"items\":\"data\",\"max_result\":1024,"
           "\"page\":{\"by\":\"page\",\"send\":\"query.page\"}},"
           "{\"name\":\"little\",%s,\"max_result\":1024},"
           "{\"name\":\"file\",%s,\"binary\":true}]}",
           input, input, input, input, input, input, input, input);
  fixture_connect(f, manifest, settings);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture_stop(*state);
  upstream_stop(upstream);
  free(*state);
  return 0;
}

static struct trial *get(void **state, const char *tool, const char *path) {
  char arguments[64];
  snprintf(arguments, sizeof(arguments), "{\"p\":\"%s\"}", path);
  return trial_run(*state, tool, arguments);
}

/* Text and structure are the same. */
static void assert_got(void **state, const char *tool, const char *path, const char *expected) {
  struct trial *trial = get(state, tool, path);
  if (trial->call.result.is_error) fail_msg("%.*s", STR_ARG(trial->call.result.text));
  assert_str(trial->call.result.structured, expected);
  assert_str(trial->call.result.text, expected);
  trial_free(trial);
}

static void a_list_of_items_is_masked(void **state) {
  assert_got(state, "keep", "nested", "{\"items\":[{\"id\":1,\"owner\":{\"id\":3}},{\"id\":5}]}");
  assert_got(state, "items", "nested",
             "{\"items\":[{\"id\":1,\"secret\":2,\"owner\":{\"id\":3,\"mail\":4}},{\"id\":5}]}");
}

static void a_list_that_is_left_out_is_empty(void **state) {
  assert_got(state, "items", "absent", "{\"items\":[]}");
  assert_got(state, "items", "null", "{\"items\":[]}");
}

static void a_result_is_taken_from_within(void **state) {
  assert_got(state, "result", "one", "{\"id\":1,\"name\":\"x\"}");
  assert_got(state, "result", "nested",
             "{\"items\":[{\"id\":1,\"secret\":2,\"owner\":{\"id\":3,\"mail\":4}},{\"id\":5}]}");
  assert_got(state, "result", "scalar", "{\"result\":7.50}");
  assert_got(state, "result", "null", "{\"result\":null}");
  struct trial *trial = get(state, "result", "absent");
  assert_int_equal(trial->call.result.error, ERR_UPSTREAM);
  trial_free(trial);
}

static void money_and_times_leave_as_they_came(void **state) {
  const char *expected =
      "{\"amount\":10.00,\"big\":123456789012345678901234567890,\"tiny\":1E-7,"
      "\"at\":\"2026-11-20T10:00:00.000+01:00\"}";
  assert_got(state, "result", "money", expected);
}

static void text_is_text(void **state) {
  struct trial *trial = get(state, "plain", "text");
  assert_str(trial->call.result.text, "<b>hello</b>");
  assert_int_equal(trial->call.result.structured.n, 0);
  trial_free(trial);
}

/* ---- caps ---- */

static yyjson_val *structure_of(struct trial *trial) {
  yyjson_doc *doc;
  assert_false(trial->call.result.is_error);
  assert_ok(json_read(&trial->arena, trial->call.result.structured, &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

static void a_long_list_is_cut_between_items(void **state) {
  struct trial *trial = get(state, "small", "many");
  yyjson_val *root = structure_of(trial);
  assert_in_range(yyjson_arr_size(json_get(root, "items")), 10, 20);
  assert_true(yyjson_is_true(json_get(root, "truncated")));
  assert_null(json_get(root, "next_cursor"));
  assert_true(trial->call.result.structured.n <= 1100);
  trial_free(trial);
}

static void where_there_are_pages_the_rest_can_be_had(void **state) {
  struct str page = STR_NONE;
  char kept[128];
  size_t n_seen = 0;
  for (int calls = 0; calls < 100; calls++) {
    struct trial *trial = trial_start(*state, "paged", "{\"p\":\"many\"}");
    trial->call.page = page;
    trial_invoke(trial);
    trial_wait(trial);
    yyjson_val *root = structure_of(trial), *items = json_get(root, "items"), *item;
    size_t i, n;
    yyjson_arr_foreach(items, i, n, item) assert_int_equal(yyjson_get_uint(json_get(item, "id")), n_seen++);
    bool is_cut = yyjson_is_true(json_get(root, "truncated"));
    snprintf(kept, sizeof(kept), "%.*s", STR_ARG(json_get_str(root, "next_cursor")));
    page = str_of(kept);
    trial_free(trial);
    if (!is_cut) break;
  }
  assert_int_equal(n_seen, 100);
}

static void an_item_that_fits_nowhere_does_not_bar_the_way(void **state) {
  struct trial *trial = get(state, "small", "huge-item");
  assert_str(trial->call.result.structured,
             "{\"items\":[{\"truncated\":true},{\"truncated\":true},{\"truncated\":true}]}");
  trial_free(trial);
}

static void an_object_over_the_cap_is_text_and_says_so(void **state) {
  struct trial *trial = get(state, "little", "large");
  assert_false(trial->call.result.is_error);
  assert_int_equal(trial->call.result.structured.n, 0);
  assert_true(trial->call.result.text.n <= 1100);
  assert_non_null(memmem(trial->call.result.text.p, trial->call.result.text.n, "[cut here: ", 11));
  trial_free(trial);
}

/* ---- files ---- */

static void assert_content(void **state, const char *path, const char *expected) {
  struct trial *trial = get(state, "file", path);
  if (trial->call.result.is_error) fail_msg("%.*s", STR_ARG(trial->call.result.text));
  assert_str(trial->call.result.content, expected);
  assert_int_equal(trial->call.result.structured.n, 0);
  trial_free(trial);
}

static void files_are_given_by_their_type(void **state) {
  assert_content(state, "png", "[{\"type\":\"image\",\"mimeType\":\"image/png\",\"data\":\"iVBORw0KGgr/\"}]");
  assert_content(state, "mp3", "[{\"type\":\"audio\",\"mimeType\":\"audio/mpeg\",\"data\":\"//uQ\"}]");
  assert_content(
      state, "pdf",
      "[{\"type\":\"resource\",\"resource\":{\"uri\":\"connek://ledger/file\",\"mimeType\":\"application/pdf\","
      "\"blob\":\"JVBERi3//g==\"}}]");
  assert_content(state, "csv",
                 "[{\"type\":\"resource\",\"resource\":{\"uri\":\"connek://ledger/file\",\"mimeType\":\"text/csv\","
                 "\"text\":\"a,b\\r\\n1,2\\r\\n\"}}]");
  assert_content(
      state, "svg",
      "[{\"type\":\"resource\",\"resource\":{\"uri\":\"connek://ledger/file\",\"mimeType\":\"image/svg+xml\","
      "\"text\":\"<svg/>\"}}]");
  assert_content(state, "json",
                 "[{\"type\":\"resource\",\"resource\":{\"uri\":\"connek://ledger/file\",\"mimeType\":\"application/"
                 "json\",\"text\":\"{\\\"a\\\":1}\"}}]");
  assert_content(state, "odd",
                 "[{\"type\":\"resource\",\"resource\":{\"uri\":\"connek://ledger/file\",\"mimeType\":\"application/"
                 "octet-stream\",\"blob\":\"/w==\"}}]");
  assert_content(state, "spaces",
                 "[{\"type\":\"resource\",\"resource\":{\"uri\":\"connek://ledger/file\",\"mimeType\":\"text/plain\","
                 "\"text\":\"  kept  \\n\"}}]");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_list_of_items_is_masked),
      TEST(a_list_that_is_left_out_is_empty),
      TEST(a_result_is_taken_from_within),
      TEST(money_and_times_leave_as_they_came),
      TEST(text_is_text),
      TEST(a_long_list_is_cut_between_items),
      TEST(where_there_are_pages_the_rest_can_be_had),
      TEST(an_item_that_fits_nowhere_does_not_bar_the_way),
      TEST(an_object_over_the_cap_is_text_and_says_so),
      TEST(files_are_given_by_their_type),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
