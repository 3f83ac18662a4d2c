/* Session ids that prove themselves. */
#include "gateway/session.h"

#include "fixture.h"
#include "gateway/seal.h"

static struct str begin(struct fixture *f, const char *name, const char *version) {
  struct str id = session_new(&f->arena, &f->snapshot, &f->user, str_of(name), str_of(version));
  assert_non_null(id.p);
  return id;
}

static void a_session_names_its_client(void **state) {
  struct fixture *f = *state;
  struct str client;
  assert_true(session_check(&f->arena, &f->snapshot, &f->user, begin(f, "claude", "2.1"), &client));
  assert_str(client, "claude 2.1");
  assert_true(session_check(&f->arena, &f->snapshot, &f->user, begin(f, "claude", ""), &client));
  assert_str(client, "claude");
  assert_true(session_check(&f->arena, &f->snapshot, &f->user, begin(f, "", ""), &client));
  assert_str(client, "");
}

static void no_two_are_equal(void **state) {
  struct fixture *f = *state;
  assert_false(str_eq(begin(f, "c", "1"), begin(f, "c", "1")));
}

static void a_client_may_call_itself_anything_at_any_length(void **state) {
  struct fixture *f = *state;
  enum { N = 100000 };
  char *name = arena_alloc(&f->arena, N + 1);
  for (size_t i = 0; i < N; i++)
    name[i] = "\xC3\xA9"[i % 2];
  name[N] = '\0';
  struct str client, id = begin(f, name, name);
  assert_true(id.n < 300);
  assert_true(session_check(&f->arena, &f->snapshot, &f->user, id, &client));
  assert_int_equal(client.n, 64); /* no character is cut in two */
  assert_memory_equal(client.p, name, 64);
}

static void another_persons_session_is_as_unknown_as_none(void **state) {
  struct fixture *f = *state;
  struct str client, id = begin(f, "c", "1");
  assert_false(session_check(&f->arena, &f->snapshot, &f->other_user, id, &client));
  assert_false(session_check(&f->arena, &f->other_snapshot, &f->user, id, &client));
  assert_false(session_check(&f->arena, &f->snapshot, &f->user, STR_NONE, &client));
  assert_false(session_check(&f->arena, &f->snapshot, &f->user, STR(""), &client));
  /* A cursor is ours as well, but no session; nor is what is too short to hold a nonce. */
  const char *const purposes[] = {"cursor", "session"};
  for (size_t i = 0; i < 2; i++) {
    struct str sealed = seal_text(&f->arena, &f->snapshot, &f->user, purposes[i], STR("short"));
    assert_false(session_check(&f->arena, &f->snapshot, &f->user, sealed, &client));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(a_session_names_its_client),
      fixture_test(no_two_are_equal),
      fixture_test(a_client_may_call_itself_anything_at_any_length),
      fixture_test(another_persons_session_is_as_unknown_as_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
