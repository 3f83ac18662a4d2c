/* Texts that clients bring back. */
#include "gateway/seal.h"

#include "fixture.h"

static bool opens(struct fixture *f, const struct org_snapshot *snapshot, const struct org_user *user,
                  const char *purpose, struct str sealed) {
  struct str text = STR("untouched");
  bool is_open = unseal_text(&f->arena, snapshot, user, purpose, sealed, &text);
  if (!is_open) assert_str(text, "untouched");
  return is_open;
}

static void what_was_sealed_comes_back(void **state) {
  struct fixture *f = *state;
  const struct str texts[] = {STR(""), STR("sqlite_query"), STR("\0\xff."), STR("a.b"), STR("\xF0\x9F\x98\x80")};
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    struct str text, sealed = seal_text(&f->arena, &f->snapshot, &f->user, "cursor", texts[i]);
    assert_non_null(sealed.p);
    assert_true(unseal_text(&f->arena, &f->snapshot, &f->user, "cursor", sealed, &text));
    assert_true(str_eq(text, texts[i]));
    for (size_t k = 0; k < sealed.n; k++) /* fit for a header (2025-11-25, Session Management) */
      assert_true(sealed.p[k] > ' ' && sealed.p[k] < 0x7f);
  }
}

static void it_is_good_for_its_user_purpose_and_organisation_alone(void **state) {
  struct fixture *f = *state;
  struct str sealed = seal_text(&f->arena, &f->snapshot, &f->user, "cursor", STR("x"));
  assert_true(opens(f, &f->snapshot, &f->user, "cursor", sealed));
  assert_false(opens(f, &f->snapshot, &f->other_user, "cursor", sealed));
  assert_false(opens(f, &f->snapshot, &f->user, "session", sealed));
  assert_false(opens(f, &f->other_snapshot, &f->user, "cursor", sealed));
}

static void no_character_of_it_can_be_changed(void **state) {
  struct fixture *f = *state;
  struct str sealed = seal_text(&f->arena, &f->snapshot, &f->user, "cursor", STR("abcdefghi"));
  for (size_t i = 0; i < sealed.n; i++) {
    struct str changed = arena_str(&f->arena, sealed);
    ((char *)(uintptr_t)changed.p)[i] = changed.p[i] == 'A' ? 'B' : 'A';
    if (opens(f, &f->snapshot, &f->user, "cursor", changed)) fail_msg("changed at %zu: %.*s", i, STR_ARG(changed));
  }
  for (size_t n = 0; n < sealed.n; n++)
    assert_false(opens(f, &f->snapshot, &f->user, "cursor", str_make(sealed.p, n)));
  assert_false(opens(f, &f->snapshot, &f->user, "cursor", arena_printf(&f->arena, "%.*s0", STR_ARG(sealed))));
}

static void what_is_not_ours_is_refused_cheaply(void **state) {
  struct fixture *f = *state;
  const struct str wrong[] = {STR_NONE,
                              STR(""),
                              STR("."),
                              STR("x"),
                              STR(".00000000000000000000000000000000"),
                              STR("!!.00000000000000000000000000000000"),
                              STR("eA.00000000000000000000000000000000.")};
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
    assert_false(opens(f, &f->snapshot, &f->user, "cursor", wrong[i]));
  char *long_text = arena_alloc(&f->arena, 100000);
  memset(long_text, 'A', 100000);
  assert_false(opens(f, &f->snapshot, &f->user, "cursor", str_make(long_text, 100000)));
  assert_null(seal_text(&f->arena, &f->snapshot, &f->user, "cursor", str_make(long_text, 100000)).p);
}

static void a_page_is_sealed_for_one_user_and_tool_and_cannot_be_read(void **state) {
  struct fixture *f = *state;
  struct str text, sealed = seal_page(&f->arena, &f->snapshot, &f->user, STR("orders_find"), STR("https://inner/?p=2"));
  assert_non_null(sealed.p);
  assert_true(unseal_page(&f->arena, &f->snapshot, &f->user, STR("orders_find"), sealed, &text));
  assert_str(text, "https://inner/?p=2");
  assert_false(unseal_page(&f->arena, &f->snapshot, &f->other_user, STR("orders_find"), sealed, &text));
  assert_false(unseal_page(&f->arena, &f->snapshot, &f->user, STR("orders_get"), sealed, &text));
  assert_false(unseal_page(&f->arena, &f->other_snapshot, &f->user, STR("orders_find"), sealed, &text));
  for (size_t n = 0; n < sealed.n; n++)
    assert_false(unseal_page(&f->arena, &f->snapshot, &f->user, STR("orders_find"), str_make(sealed.p, n), &text));
  struct str again = seal_page(&f->arena, &f->snapshot, &f->user, STR("orders_find"), STR("https://inner/?p=2"));
  assert_false(str_eq(sealed, again)); /* nor does it tell whether two are equal */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(what_was_sealed_comes_back),
      fixture_test(it_is_good_for_its_user_purpose_and_organisation_alone),
      fixture_test(no_character_of_it_can_be_changed),
      fixture_test(what_is_not_ours_is_refused_cheaply),
      fixture_test(a_page_is_sealed_for_one_user_and_tool_and_cannot_be_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
