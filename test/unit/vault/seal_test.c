#include "vault/seal.h"

#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

struct fixture {
  struct arena arena;
  EVP_CIPHER *cipher;
  struct hmac_key root;
  struct seal_place place;
  uint8_t plain[256];
};

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  arena_init(&f->arena, 0);
  f->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
  hmac_key_init(&f->root, STR("root"));
  f->place = (struct seal_place){1, STR("acme"), STR("connection"), STR("credential"), STR("row")};
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  arena_release(&f->arena);
  EVP_CIPHER_free(f->cipher);
  free(f);
  return 0;
}

static struct str seal(struct fixture *f, struct str plain) {
  struct str sealed = STR_NONE;
  assert_ok(seal_close(f->cipher, &f->root, &f->place, &f->arena, plain, &sealed, &test_err));
  return sealed;
}

static enum err_code open_at(struct fixture *f, const struct seal_place *place, struct str sealed) {
  return seal_open(f->cipher, &f->root, place, sealed, f->plain, &test_err);
}

static void what_is_sealed_opens(void **state) {
  struct fixture *f = *state;
  struct str sealed = seal(f, STR("{\"key\":\"s3cret\"}"));
  assert_int_equal(sealed.n, 16 + SEAL_OVERHEAD);
  assert_null(memmem(sealed.p, sealed.n, "s3cret", 6));
  assert_ok(open_at(f, &f->place, sealed));
  assert_memory_equal(f->plain, "{\"key\":\"s3cret\"}", 16);
}

static void nothing_can_be_sealed_too(void **state) {
  struct fixture *f = *state;
  struct str sealed = seal(f, STR_NONE);
  assert_int_equal(sealed.n, SEAL_OVERHEAD);
  assert_ok(open_at(f, &f->place, sealed));
}

static void the_same_value_never_looks_the_same(void **state) {
  struct fixture *f = *state;
  assert_false(str_eq(seal(f, STR("same")), seal(f, STR("same"))));
}

static const char *nonce_of(struct str sealed) {
  return sealed.p + 1 + 4;
}

static void no_two_nonces_are_alike(void **state) {
  struct fixture *f = *state;
  enum { N = 200 }; /* several times what one system call brings */
  struct str sealed[N];
  for (int i = 0; i < N; i++) {
    sealed[i] = seal(f, STR("same"));
    for (int k = 0; k < i; k++)
      assert_memory_not_equal(nonce_of(sealed[i]), nonce_of(sealed[k]), SEAL_NONCE);
  }
}

static void a_forked_child_uses_other_nonces(void **state) {
  struct fixture *f = *state;
  seal(f, STR("one"));
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) _exit(write(ends[1], nonce_of(seal(f, STR("two"))), SEAL_NONCE) == SEAL_NONCE ? 0 : 1);
  close(ends[1]); /* a child that says nothing is heard to end */
  char theirs[SEAL_NONCE];
  assert_int_equal(read(ends[0], theirs, SEAL_NONCE), SEAL_NONCE);
  waitpid(child, NULL, 0);
  close(ends[0]);
  assert_memory_not_equal(nonce_of(seal(f, STR("two"))), theirs, SEAL_NONCE);
}

static void every_changed_bit_is_noticed(void **state) {
  struct fixture *f = *state;
  struct str sealed = seal(f, STR("value"));
  char *bytes = arena_memdup(&f->arena, sealed.p, sealed.n);
  for (size_t i = 5; i < sealed.n; i++) {
    for (int bit = 0; bit < 8; bit++) {
      bytes[i] ^= (char)(1 << bit);
      assert_int_equal(open_at(f, &f->place, str_make(bytes, sealed.n)), ERR_INVALID);
      bytes[i] ^= (char)(1 << bit);
    }
  }
  assert_ok(open_at(f, &f->place, str_make(bytes, sealed.n)));
}

static void every_cut_is_noticed(void **state) {
  struct fixture *f = *state;
  struct str sealed = seal(f, STR("value"));
  for (size_t n = 0; n < sealed.n; n++)
    assert_int_equal(open_at(f, &f->place, str_make(sealed.p, n)), ERR_INVALID);
}

static void a_moved_value_does_not_open(void **state) {
  struct fixture *f = *state;
  struct str sealed = seal(f, STR("value"));
  struct seal_place elsewhere[5];
  for (int i = 0; i < 5; i++)
    elsewhere[i] = f->place;
  elsewhere[0].key_version = 2;
  elsewhere[1].owner = STR("globex");
  elsewhere[2].table = STR("access_token");
  elsewhere[3].column = STR("settings");
  elsewhere[4].row = STR("rov");
  for (int i = 0; i < 5; i++)
    assert_int_equal(open_at(f, &elsewhere[i], sealed), ERR_INVALID);
}

/* "ab"+"c" and "a"+"bc" are different places. */
static void fields_do_not_run_into_each_other(void **state) {
  struct fixture *f = *state;
  f->place.table = STR("ab"), f->place.column = STR("c");
  struct str sealed = seal(f, STR("value"));
  struct seal_place shifted = f->place;
  shifted.table = STR("a"), shifted.column = STR("bc");
  assert_int_equal(open_at(f, &shifted, sealed), ERR_INVALID);
}

static void another_root_does_not_open(void **state) {
  struct fixture *f = *state;
  struct str sealed = seal(f, STR("value"));
  hmac_key_init(&f->root, STR("other"));
  assert_int_equal(open_at(f, &f->place, sealed), ERR_INVALID);
}

static void a_place_too_long_is_refused(void **state) {
  struct fixture *f = *state;
  char row[600];
  memset(row, 'r', sizeof row);
  struct str sealed = STR("untouched");
  for (size_t n = 400; n <= sizeof row; n++) {
    f->place.row = str_make(row, n);
    enum err_code code = seal_close(f->cipher, &f->root, &f->place, &f->arena, STR("value"), &sealed, &test_err);
    if (n < 450) assert_int_equal(code, ERR_NONE);
    if (n > 500) assert_int_equal(code, ERR_INVALID);
  }
}

static void the_version_is_read_from_well_formed_values_only(void **state) {
  struct fixture *f = *state;
  f->place.key_version = 0x01020304;
  struct str sealed = seal(f, STR("value"));
  uint32_t version = 0;
  assert_true(seal_key_version(sealed, &version));
  assert_int_equal(version, 0x01020304);
  assert_false(seal_key_version(str_make(sealed.p, SEAL_OVERHEAD - 1), &version));
  char *bytes = arena_memdup(&f->arena, sealed.p, sealed.n);
  bytes[0] = 2;
  assert_false(seal_key_version(str_make(bytes, sealed.n), &version));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_is_sealed_opens, set_up, tear_down),
      cmocka_unit_test_setup_teardown(nothing_can_be_sealed_too, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_same_value_never_looks_the_same, set_up, tear_down),
      cmocka_unit_test_setup_teardown(no_two_nonces_are_alike, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_forked_child_uses_other_nonces, set_up, tear_down),
      cmocka_unit_test_setup_teardown(every_changed_bit_is_noticed, set_up, tear_down),
      cmocka_unit_test_setup_teardown(every_cut_is_noticed, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_moved_value_does_not_open, set_up, tear_down),
      cmocka_unit_test_setup_teardown(fields_do_not_run_into_each_other, set_up, tear_down),
      cmocka_unit_test_setup_teardown(another_root_does_not_open, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_place_too_long_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_version_is_read_from_well_formed_values_only, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
