/* WWW-Authenticate fields from any server: what is read is there, printable, and the same in whatever memory. Two
 * fields read one after the other say no more than the first Bearer challenge. */
#include "codec/auth_challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void expect(bool is_so) {
  if (!is_so) __builtin_trap();
}

static void check(struct str text, size_t n) {
  expect(text.n <= n && (text.n == 0 || text.p));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  char *copy = n > 0 ? __builtin_malloc(n) : NULL; /* its end is watched */
  if (n > 0) memcpy(copy, bytes, n);
  struct arena arena, small;
  struct auth_challenge challenge = {0}, again = {0};
  arena_init(&arena, 0);
  arena_init(&small, 64); /* hardly any memory: what was not copied is empty */
  auth_challenge_read(&arena, str_make(copy, n), &challenge);
  check(challenge.resource_metadata, n);
  check(challenge.scope, n);
  check(challenge.error, n);
  if (!challenge.is_bearer) expect(challenge.resource_metadata.n + challenge.scope.n + challenge.error.n == 0);
  struct auth_challenge before = challenge;
  if (challenge.is_bearer) {
    auth_challenge_read(&arena, str_make(copy, n), &challenge);
    expect(str_eq(before.resource_metadata, challenge.resource_metadata) && str_eq(before.scope, challenge.scope) &&
           str_eq(before.error, challenge.error));
  }
  auth_challenge_read(&small, str_make(copy, n), &again);
  expect(again.is_bearer == before.is_bearer);
  check(again.scope, n);
  arena_release(&small);
  arena_release(&arena);
  __builtin_free(copy);
  return 0;
}
