/* Which allocation fails: the first of src/ that was reached in a way (the return addresses above it) that the file
 * named by FAILED_ALLOCATIONS does not hold yet. It is added to that file; nothing more fails in that run. Without the
 * variable nothing fails. FAILED_ALLOCATIONS_DEPTH: how many return addresses tell one way from another.
 * FAILED_ALLOCATIONS_TEST: the one test that is run. */
#undef malloc
#undef calloc
#undef realloc
#undef strdup
#undef strndup
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAYS_MAX = 1 << 16, DEPTH_MAX = 12, DEPTH_USUAL = 5 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
void cmocka_set_test_filter(const char *pattern) __attribute__((weak)); /* of programs that are tests */

static uint64_t known[WAYS_MAX];
static size_t n_known;
static int depth = DEPTH_USUAL;
static int file_fd = -1;
static bool is_armed;

static void arm(void) {
  const char *name = getenv("FAILED_ALLOCATIONS");
  const char *deep = getenv("FAILED_ALLOCATIONS_DEPTH");
  if (!name) return;
  if (deep && *deep >= '1' && *deep <= '9') depth = *deep - '0';
  file_fd = open(name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file_fd < 0) return;
  ssize_t n = read(file_fd, known, sizeof(known));
  n_known = n > 0 ? (size_t)n / sizeof(known[0]) : 0;
  is_armed = true;
}

__attribute__((constructor)) static void choose(void) {
  const char *test = getenv("FAILED_ALLOCATIONS_TEST");
  if (test && cmocka_set_test_filter) cmocka_set_test_filter(test);
}

static bool is_known(uint64_t way) {
  for (size_t i = 0; i < n_known; i++)
    if (known[i] == way) return true;
  return false;
}

/* The frame pointers' chain (all is compiled with them); addresses are told from ours, so that they are the same in
 * each run. */
static uint64_t way_here(void *const *frame) {
  uint64_t way = 14695981039346656037u; /* FNV-1a */
  for (int i = 0; i < depth && i < DEPTH_MAX; i++) {
    uint64_t from = (uint64_t)(uintptr_t)frame[1] - (uint64_t)(uintptr_t)arm;
    if (from > UINT32_MAX && from < UINT64_MAX - UINT32_MAX) break; /* out of this program: libuv, libc */
    way = (way ^ from) * 1099511628211u;
    void *const *above = frame[0];
    if (above <= frame || (uintptr_t)above - (uintptr_t)frame > 1 << 20) break;
    frame = above;
  }
  return way;
}

static bool fails(const char *file, void *const *frame) {
  pthread_once(&once, arm);
  if (!is_armed || !strstr(file, "src/") || strstr(file, "test/")) return false;
  pthread_mutex_lock(&lock);
  bool will = false;
  if (is_armed) {
    uint64_t way = way_here(frame);
    if (!is_known(way)) {
      will = write(file_fd, &way, sizeof(way)) == sizeof(way); /* not while a test has the disk full */
      is_armed = !will;
      if (will) dprintf(STDERR_FILENO, "an allocation fails in %s\n", file);
    }
  }
  pthread_mutex_unlock(&lock);
  return will;
}

#define FAILS(file) fails(file, __builtin_frame_address(0))

void *failing_malloc(size_t size, const char *file) {
  return FAILS(file) ? NULL : malloc(size);
}

void *failing_calloc(size_t n, size_t size, const char *file) {
  return FAILS(file) ? NULL : calloc(n, size);
}

void *failing_realloc(void *block, size_t size, const char *file) {
  return FAILS(file) ? NULL : realloc(block, size);
}

char *failing_strdup(const char *text, const char *file) {
  return FAILS(file) ? NULL : strdup(text);
}

char *failing_strndup(const char *text, size_t n, const char *file) {
  return FAILS(file) ? NULL : strndup(text, n);
}

/* A test that fails says so at once. cmocka says it when the fixture has been taken down, and what a thread that is
 * left then reads is reported before. */
_Noreturn void _fail(const char *file, int line);
_Noreturn void _fail(const char *file, int line) {
  void (*of_cmocka)(const char *, int);
  dprintf(STDERR_FILENO, "ERROR: the test has failed\n");
  *(void **)&of_cmocka = dlsym(RTLD_NEXT, "_fail");
  if (of_cmocka) of_cmocka(file, line);
  abort();
}
