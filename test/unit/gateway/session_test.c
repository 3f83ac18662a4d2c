/* Session ids that prove themselves. */
#include "gateway/session.h"

#include "fixture.h"
#include "gateway/seal.h"

static struct str begin(struct fixture *f, const char *name, const char *version) {
  struct str id = session_new(&f->arena, &f->snapshot, &f->user, str_of(name), str_of(version), NULL, 0xfedcba98, 3);
  assert_non_null(id.p);
  return id;
}

static void a_session_names_its_client(void **state) {
  struct fixture *f = *state;
  struct session session;
  assert_true(session_check(&f->arena, &f->snapshot, &f->user, begin(f, "claude", "2.1"), &session));
  assert_str(session.client, "claude 2.1");
  assert_true(session_check(&f->arena, &f->snapshot, &f->user, begin(f, "claude", ""), &session));
  assert_str(session.client, "claude");
  assert_true(session_check(&f->arena, &f->snapshot, &f->user, begin(f, "", ""), &session));
  assert_str(session.client, "");
}

static void a_session_says_what_its_client_can_and_where_it_is_at_home(void **state) {
  struct fixture *f = *state;
  struct session session;
  yyjson_doc *doc;
  assert_ok(
      json_read(&f->arena,
                STR("{\"roots\":{\"listChanged\":true},\"sampling\":{},\"experimental\":{\"x\":{}},\"elicitation\":"
                    "{\"url\":{}}}"),
                &doc, &test_err));
  struct str id = session_new(&f->arena, &f->snapshot, &f->user, STR("{\"odd\"}"), STR_NONE, yyjson_doc_get_root(doc),
                              0xfedcba98, 513);
  assert_true(session_check(&f->arena, &f->snapshot, &f->user, id, &session));
  assert_int_equal(session.home, 513);
  assert_int_equal(session.node, 0xfedcba98);
  assert_str(session.client, "{\"odd\"}");
  assert_str(session.capabilities, "{\"elicitation\":{\"url\":{}},\"sampling\":{},\"roots\":{\"listChanged\":true}}");
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
  struct session session;
  struct str id = begin(f, name, name);
  assert_true(id.n < 300);
  assert_true(session_check(&f->arena, &f->snapshot, &f->user, id, &session));
  assert_int_equal(session.client.n, 64); /* no character is cut in two */
  assert_memory_equal(session.client.p, name, 64);
}

static void another_persons_session_is_as_unknown_as_none(void **state) {
  struct fixture *f = *state;
  struct session session;
  struct str id = begin(f, "c", "1");
  assert_false(session_check(&f->arena, &f->snapshot, &f->other_user, id, &session));
  assert_false(session_check(&f->arena, &f->other_snapshot, &f->user, id, &session));
  assert_false(session_check(&f->arena, &f->snapshot, &f->user, STR_NONE, &session));
  assert_false(session_check(&f->arena, &f->snapshot, &f->user, STR(""), &session));
  /* A cursor is ours as well, but no session; nor is what is too short to hold a nonce. */
  const char *const purposes[] = {"cursor", "session"};
  for (size_t i = 0; i < 2; i++) {
    struct str sealed = seal_text(&f->arena, &f->snapshot, &f->user, purposes[i], STR("short"));
    assert_false(session_check(&f->arena, &f->snapshot, &f->user, sealed, &session));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(a_session_names_its_client),
      fixture_test(a_session_says_what_its_client_can_and_where_it_is_at_home),
      fixture_test(no_two_are_equal),
      fixture_test(a_client_may_call_itself_anything_at_any_length),
      fixture_test(another_persons_session_is_as_unknown_as_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
