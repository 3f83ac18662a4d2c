#include "codec/auth_challenge.h"

#include "unit.h"

static struct arena arena;

static struct auth_challenge read(const char *field) {
  struct auth_challenge challenge = {0};
  auth_challenge_read(&arena, str_of(field), &challenge);
  return challenge;
}

static void assert_is(struct auth_challenge challenge, const char *metadata, const char *scope, const char *error) {
  assert_true(challenge.is_bearer);
  if (!str_eq_c(challenge.resource_metadata, metadata)) fail_msg("%.*s", STR_ARG(challenge.resource_metadata));
  if (!str_eq_c(challenge.scope, scope)) fail_msg("%.*s", STR_ARG(challenge.scope));
  if (!str_eq_c(challenge.error, error)) fail_msg("%.*s", STR_ARG(challenge.error));
}

static void a_challenge_s_parameters_are_found(void **state) {
  assert_is(read("Bearer resource_metadata=\"https://a.example/x\", scope=\"a b\", error=\"invalid_token\""),
            "https://a.example/x", "a b", "invalid_token");
  assert_is(read("bearer Error = insufficient_scope ,SCOPE= \"files:read, files:write\""), "",
            "files:read, files:write", "insufficient_scope");
  assert_is(read("Bearer"), "", "", "");
  assert_is(read("Bearer realm=\"say \\\"scope=\\\\no\\\"\", scope=yes"), "", "yes", "");
  assert_is(read("Bearer scope=a, scope=b"), "", "a", "");
}

static void other_schemes_stand_beside_it(void **state) {
  assert_is(read("Basic realm=\"x\", scope=\"no\", Bearer scope=\"yes\""), "", "yes", "");
  assert_is(read("Negotiate YWJj/ZGVm==, Bearer scope=yes, DPoP algs=\"ES256\", scope=no"), "", "yes", "");
  assert_is(read("Bearer scope=yes, Bearer scope=no, error=no"), "", "yes", "");
  assert_false(read("Basic realm=\"Bearer scope=no\"").is_bearer);
}

static void the_first_of_several_fields_counts(void **state) {
  struct auth_challenge challenge = {0};
  auth_challenge_read(&arena, STR("Basic realm=x"), &challenge);
  auth_challenge_read(&arena, STR("Bearer scope=a"), &challenge);
  auth_challenge_read(&arena, STR("Bearer scope=b, error=no"), &challenge);
  assert_is(challenge, "", "a", "");
}

static void what_is_no_challenge_ends_it(void **state) {
  assert_is(read("Bearer scope=a, error=\"never ends"), "", "a", "");
  assert_is(read("Bearer scope=a, error="), "", "a", "");
  assert_is(read("Bearer scope=a, error=\"x\\"), "", "a", "");
  assert_is(read("Bearer scope=a @ error=x"), "", "a", "");
  assert_false(read("").is_bearer);
  assert_false(read("=x").is_bearer);
  assert_false(read(",,,").is_bearer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_challenge_s_parameters_are_found),
      cmocka_unit_test(other_schemes_stand_beside_it),
      cmocka_unit_test(the_first_of_several_fields_counts),
      cmocka_unit_test(what_is_no_challenge_ends_it),
  };
  arena_init(&arena, 0);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  arena_release(&arena);
  return failed;
}
