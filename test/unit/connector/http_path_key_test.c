/* A key in the path, as Telegram has it: nothing of it stays in a call's memory, and nothing that comes back shows it.
 */
#include "fixture.h"

#include <fcntl.h>

#include "upstream.h"

#define CANARY "7719:AA/canary-53c2"

static bool answer(struct upstream_connection *connection, const char *request, size_t n) {
  const char *path = request + strcspn(request, "/");
  bool is_echo = strstr(request, "/echo") != NULL;
  char body[1024], reply[2048];
  int path_n = (int)strcspn(path, " ?");
  snprintf(body, sizeof(body),
           is_echo ? "{\"url\":\"%.*s\",\"raw\":\"" CANARY "\",\"php\":\"7719:AA\\/canary-53c2\"}" : "{\"ok\":\"%d\"}",
           path_n, path);
  if (strstr(request, "/escaped")) snprintf(body, sizeof(body), "{\"a\":[\"x 7719:AA/\\u0063anary-53c2\",1.50]}");
  snprintf(reply, sizeof(reply),
           "HTTP/1.1 %s\r\nContent-Type: application/json\r\nLocation: %.*s\r\nContent-Length: %zu\r\n\r\n%s",
           strstr(request, "-fail") ? "400 Bad Request" : "200 OK", is_echo ? path_n : 0, path, strlen(body), body);
  upstream_text(connection->fd, reply);
  return true;
}

static struct upstream *upstream;
static struct secret *credential;

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  upstream = upstream_start(answer);
  credential = secret_new("{\"key\":\"" CANARY "\"}", sizeof("{\"key\":\"" CANARY "\"}") - 1);
  fixture_start(f);
  char text[2048];
  snprintf(text, sizeof(text),
           "{\"manifest\":1,\"id\":\"bot\",\"name\":\"Bot\",\"base\":\"http://127.0.0.1:%u/bot{key}\","
           "\"auth\":[{\"type\":\"key\",\"in\":\"path\"}],\"errors\":{\"message\":[\"url\"]},\"tools\":["
           "{\"name\":\"get\",\"does\":\"read\",\"description\":\"G\",\"input\":{\"type\":\"object\",\"properties\":{"
           "\"a\":{},\"b\":{}},\"required\":[\"a\"]},\"call\":\"GET /{a}\",\"headers\":{\"X-B\":\"{b}\"}}]}",
           upstream->port);
  fixture_connect(f, text, "{}");
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture_stop(*state);
  upstream_stop(upstream);
  secret_free(credential);
  free(*state);
  return 0;
}

static struct trial *run(struct fixture *f, const char *arguments) {
  struct trial *trial = trial_start(f, "get", arguments);
  trial->call.credential = credential;
  trial_invoke(trial);
  trial_wait(trial);
  return trial;
}

/* How base/arena.c begins a block. */
struct block {
  struct block *next;
  size_t size;
};

/* All of an arena's memory, what ASan has fenced off too: the kernel reads it for us. */
static bool arena_holds(const struct arena *arena, const char *text) {
  int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  assert_true(memory >= 0);
  bool is_there = false;
  for (const struct block *block = (const struct block *)(const void *)arena->first; block; block = block->next) {
    char *copy = malloc(block->size);
    assert_int_equal(pread(memory, copy, block->size, (off_t)(uintptr_t)block), block->size);
    is_there = is_there || memmem(copy, block->size, text, strlen(text));
    free(copy);
  }
  close(memory);
  return is_there;
}

static void nothing_of_it_stays_in_memory(void **state) {
  struct fixture *f = *state;
  struct trial *trial = run(f, "{\"a\":\"marker\"}");
  assert_false(trial->call.result.is_error);
  assert_true(upstream_saw(upstream, "GET /bot7719:AA%2Fcanary-53c2/marker HTTP/1.1\r\n"));
  assert_true(arena_holds(&trial->arena, "marker"));
  assert_false(arena_holds(&trial->arena, "canary"));
  trial_free(trial);
  /* One that cannot be sent, once its URL was written. */
  static const char *const refused[] = {"{\"a\":\"marker\",\"b\":\"x\\ny\"}", "{\"a\":\"..\"}"};
  for (size_t i = 0; i < 2; i++) {
    trial = run(f, refused[i]);
    assert_true(trial->call.result.is_error);
    assert_false(arena_holds(&trial->arena, "canary"));
    trial_free(trial);
  }
  assert_int_equal(atomic_load(&upstream->n_requests), 1);
}

static void it_is_blotted_out_of_what_comes_back(void **state) {
  struct fixture *f = *state;
  struct trial *trial = run(f, "{\"a\":\"echo\"}");
  assert_false(trial->call.result.is_error);
  assert_null(memmem(trial->call.result.text.p, trial->call.result.text.n, "canary", 6));
  assert_str(trial->call.result.text,
             "{\"url\":\"/bot[credential removed]/echo\",\"raw\":\"[credential removed]\","
             "\"php\":\"[credential removed]\"}");
  trial_free(trial);
  trial = run(f, "{\"a\":\"echo-fail\"}");
  assert_true(trial->call.result.is_error);
  assert_null(memmem(trial->call.result.text.p, trial->call.result.text.n, "canary", 6));
  trial_free(trial);
}

static void a_credential_that_comes_back_with_escapes_is_blotted_out_too(void **state) {
  struct fixture *f = *state;
  struct trial *trial = run(f, "{\"a\":\"escaped\"}");
  assert_str(trial->call.result.text, "{\"a\":[\"x *******************\",1.50]}");
  trial_free(trial);
}

static void watch_response(void *context, const struct http_client_response *response, struct str body) {
  int *n = context;
  for (size_t i = 0; i < response->n_fields; i++) {
    assert_null(memmem(response->fields[i].value.p, response->fields[i].value.n, "canary", 6));
    *n += str_eq_c(response->fields[i].value, "/bot[credential removed]/echo");
  }
  assert_null(memmem(body.p, body.n, "canary", 6));
}

static void who_watches_sees_none_of_it(void **state) {
  struct fixture *f = *state;
  int n = 0;
  const struct connector_watch watch = {watch_response, &n};
  struct trial *trial = trial_start(f, "get", "{\"a\":\"echo\"}");
  trial->call.credential = credential;
  trial->call.watch = &watch;
  trial_invoke(trial);
  trial_wait(trial);
  assert_int_equal(n, 1);
  trial_free(trial);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(nothing_of_it_stays_in_memory),
      TEST(it_is_blotted_out_of_what_comes_back),
      TEST(a_credential_that_comes_back_with_escapes_is_blotted_out_too),
      TEST(who_watches_sees_none_of_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
