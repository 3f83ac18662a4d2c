#include "vault/vault.h"

#include <pthread.h>
#include <unistd.h>

#include "unit.h"

struct fixture {
  char dir[64];
  struct arena arena;
  struct vault *vault;
  struct uuid acme, globex;
  struct str acme_sealed;
  struct vault_keys *acme_keys, *globex_keys;
  struct vault_place place;
};

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  arena_init(&f->arena, 0);
  snprintf(f->dir, sizeof f->dir, "/tmp/connek-vault-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  assert_ok(vault_open(f->dir, true, &f->vault, &test_err));
  f->acme = uuid_new(), f->globex = uuid_new();
  struct str globex_sealed;
  assert_ok(vault_data_key_new(f->vault, &f->arena, f->acme, &f->acme_sealed, &test_err));
  assert_ok(vault_data_key_new(f->vault, &f->arena, f->globex, &globex_sealed, &test_err));
  assert_ok(vault_keys_open(f->vault, f->acme, f->acme_sealed, &f->acme_keys, &test_err));
  assert_ok(vault_keys_open(f->vault, f->globex, globex_sealed, &f->globex_keys, &test_err));
  f->place = (struct vault_place){"connection", "credential", STR("7")};
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  char path[96];
  vault_keys_free(f->acme_keys);
  vault_keys_free(f->globex_keys);
  vault_close(f->vault);
  arena_release(&f->arena);
  snprintf(path, sizeof path, "%s/master.key", f->dir);
  unlink(path);
  rmdir(f->dir);
  free(f);
  return 0;
}

static void a_value_opens_where_it_was_sealed(void **state) {
  struct fixture *f = *state;
  struct str sealed;
  struct secret *plain = NULL;
  assert_ok(vault_seal(f->acme_keys, &f->arena, f->place, STR("s3cret"), &sealed, &test_err));
  assert_ok(vault_unseal(f->acme_keys, f->place, sealed, &plain, &test_err));
  assert_str(secret_open(plain), "s3cret");
  secret_free(plain);
}

static void a_value_does_not_open_elsewhere(void **state) {
  struct fixture *f = *state;
  struct str sealed;
  struct secret *plain = NULL;
  assert_ok(vault_seal(f->acme_keys, &f->arena, f->place, STR("s3cret"), &sealed, &test_err));
  assert_int_equal(vault_unseal(f->globex_keys, f->place, sealed, &plain, &test_err), ERR_INVALID);
  struct vault_place place = f->place;
  place.row = STR("8");
  assert_int_equal(vault_unseal(f->acme_keys, place, sealed, &plain, &test_err), ERR_INVALID);
  place = f->place, place.column = "settings";
  assert_int_equal(vault_unseal(f->acme_keys, place, sealed, &plain, &test_err), ERR_INVALID);
  place = f->place, place.table = "connector";
  assert_int_equal(vault_unseal(f->acme_keys, place, sealed, &plain, &test_err), ERR_INVALID);
  assert_null(plain);
}

static void an_unknown_key_version_is_named(void **state) {
  struct fixture *f = *state;
  struct str sealed;
  struct secret *plain = NULL;
  assert_ok(vault_seal(f->acme_keys, &f->arena, f->place, STR("s3cret"), &sealed, &test_err));
  ((char *)sealed.p)[4] = 9;
  assert_int_equal(vault_unseal(f->acme_keys, f->place, sealed, &plain, &test_err), ERR_INVALID);
  assert_non_null(strstr(test_err.text, "key version 9"));
}

static void garbage_does_not_open(void **state) {
  struct fixture *f = *state;
  struct secret *plain = NULL;
  char bytes[64] = {0};
  for (size_t n = 0; n < sizeof bytes; n++)
    assert_int_equal(vault_unseal(f->acme_keys, f->place, str_make(bytes, n), &plain, &test_err), ERR_INVALID);
}

static void a_data_key_serves_its_organisation_alone(void **state) {
  struct fixture *f = *state;
  struct vault_keys *keys = NULL;
  assert_int_equal(vault_keys_open(f->vault, f->globex, f->acme_sealed, &keys, &test_err), ERR_INVALID);
  assert_null(keys);
}

static void another_installations_master_key_opens_nothing(void **state) {
  struct fixture *f = *state, *other;
  void *other_state = NULL;
  set_up(&other_state);
  other = other_state;
  struct vault_keys *keys = NULL;
  assert_int_equal(vault_keys_open(other->vault, f->acme, f->acme_sealed, &keys, &test_err), ERR_INVALID);
  assert_non_null(strstr(test_err.text, "another installation"));
  uint8_t mine[VAULT_MAC_SIZE], theirs[VAULT_MAC_SIZE];
  vault_fingerprint(f->vault, mine);
  vault_fingerprint(other->vault, theirs);
  assert_memory_not_equal(mine, theirs, VAULT_MAC_SIZE);
  tear_down(&other_state);
}

static void the_same_master_key_is_recognised(void **state) {
  struct fixture *f = *state;
  struct vault *again = NULL;
  struct vault_keys *keys = NULL;
  uint8_t mine[VAULT_MAC_SIZE], theirs[VAULT_MAC_SIZE];
  assert_ok(vault_open(f->dir, false, &again, &test_err));
  vault_fingerprint(f->vault, mine);
  vault_fingerprint(again, theirs);
  assert_memory_equal(mine, theirs, VAULT_MAC_SIZE);
  assert_ok(vault_keys_open(again, f->acme, f->acme_sealed, &keys, &test_err));
  vault_mac(f->acme_keys, "audit", STR("x"), mine);
  vault_mac(keys, "audit", STR("x"), theirs);
  assert_memory_equal(mine, theirs, VAULT_MAC_SIZE);
  vault_keys_free(keys);
  vault_close(again);
}

static void no_two_purposes_share_a_key(void **state) {
  struct fixture *f = *state;
  static const char *const names[] = {"audit", "audit-head", "audit-digest", "cursor", "session", "other", ""};
  enum { N = sizeof names / sizeof *names };
  uint8_t macs[2 * N][VAULT_MAC_SIZE];
  for (int i = 0; i < N; i++) {
    vault_mac(f->acme_keys, names[i], STR("same"), macs[i]);
    vault_mac(f->globex_keys, names[i], STR("same"), macs[N + i]);
  }
  for (int i = 0; i < 2 * N; i++)
    for (int j = 0; j < i; j++)
      assert_memory_not_equal(macs[i], macs[j], VAULT_MAC_SIZE);
}

static void keys_live_as_long_as_somebody_holds_them(void **state) {
  struct fixture *f = *state;
  uint8_t before[VAULT_MAC_SIZE], after[VAULT_MAC_SIZE];
  const struct vault_keys *held = vault_keys_ref(f->acme_keys);
  vault_mac(f->acme_keys, "audit", STR("x"), before);
  vault_keys_free(f->acme_keys);
  f->acme_keys = NULL;
  vault_mac(held, "audit", STR("x"), after);
  assert_memory_equal(before, after, VAULT_MAC_SIZE);
  vault_keys_unref(held);
  vault_keys_free(NULL);
}

static void *use_keys(void *context) {
  struct fixture *f = context;
  struct arena arena;
  arena_init(&arena, 0);
  for (int i = 0; i < 200; i++) {
    struct str sealed;
    struct secret *plain = NULL;
    struct err err;
    const struct vault_keys *keys = vault_keys_ref(f->acme_keys);
    if (vault_seal(keys, &arena, f->place, STR("v"), &sealed, &err) != ERR_NONE ||
        vault_unseal(keys, f->place, sealed, &plain, &err) != ERR_NONE) {
      arena_release(&arena);
      return NULL;
    }
    secret_free(plain);
    uint8_t mac[VAULT_MAC_SIZE];
    vault_mac(keys, "audit", STR("x"), mac);
    vault_keys_unref(keys);
  }
  arena_release(&arena);
  return f;
}

static void many_threads_may_use_the_same_keys(void **state) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, use_keys, *state), 0);
  for (int i = 0; i < 4; i++) {
    void *result;
    pthread_join(threads[i], &result);
    assert_non_null(result);
  }
}

static void old_values_open_and_new_ones_are_of_the_newest_key(void **state) {
  struct fixture *f = *state;
  struct str first, added, second;
  struct vault_keys *both;
  struct secret *plain = NULL;
  uint8_t mac[VAULT_MAC_SIZE], again[VAULT_MAC_SIZE];
  assert_ok(vault_seal(f->acme_keys, &f->arena, f->place, STR("s3cret"), &first, &test_err));
  assert_ok(vault_data_key_add(f->vault, &f->arena, f->acme, f->acme_sealed, &added, &test_err));
  assert_ok(vault_keys_open(f->vault, f->acme, added, &both, &test_err));
  assert_int_equal(vault_keys_version(both), 2);
  assert_false(vault_is_current(both, first));
  assert_ok(vault_unseal(both, f->place, first, &plain, &test_err));
  assert_str(secret_open(plain), "s3cret");
  secret_free(plain);
  assert_ok(vault_seal(both, &f->arena, f->place, STR("s3cret"), &second, &test_err));
  assert_true(vault_is_current(both, second));
  /* Who has not seen the new key yet cannot open what it sealed. */
  assert_int_equal(vault_unseal(f->acme_keys, f->place, second, &plain, &test_err), ERR_INVALID);
  vault_mac(f->acme_keys, "audit", STR("a"), mac);
  vault_mac(both, "audit", STR("a"), again);
  assert_memory_equal(mac, again, sizeof mac);
  vault_keys_free(both);
}

static void the_key_version_cannot_be_changed(void **state) {
  struct fixture *f = *state;
  struct str added, sealed;
  struct vault_keys *both;
  struct secret *plain = NULL;
  assert_ok(vault_data_key_add(f->vault, &f->arena, f->acme, f->acme_sealed, &added, &test_err));
  assert_ok(vault_keys_open(f->vault, f->acme, added, &both, &test_err));
  assert_ok(vault_seal(both, &f->arena, f->place, STR("s3cret"), &sealed, &test_err));
  ((char *)(uintptr_t)sealed.p)[4] = 1;
  assert_int_equal(vault_unseal(both, f->place, sealed, &plain, &test_err), ERR_INVALID);
  vault_keys_free(both);
  /* Nor can the list's keys change places. */
  size_t half = added.n / 2;
  char *swapped = arena_alloc(&f->arena, added.n);
  memcpy(swapped, added.p + half, half);
  memcpy(swapped + half, added.p, half);
  assert_int_equal(vault_keys_open(f->vault, f->acme, str_make(swapped, added.n), &both, &test_err), ERR_INVALID);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_value_opens_where_it_was_sealed, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_value_does_not_open_elsewhere, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_unknown_key_version_is_named, set_up, tear_down),
      cmocka_unit_test_setup_teardown(garbage_does_not_open, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_data_key_serves_its_organisation_alone, set_up, tear_down),
      cmocka_unit_test_setup_teardown(another_installations_master_key_opens_nothing, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_same_master_key_is_recognised, set_up, tear_down),
      cmocka_unit_test_setup_teardown(no_two_purposes_share_a_key, set_up, tear_down),
      cmocka_unit_test_setup_teardown(keys_live_as_long_as_somebody_holds_them, set_up, tear_down),
      cmocka_unit_test_setup_teardown(many_threads_may_use_the_same_keys, set_up, tear_down),
      cmocka_unit_test_setup_teardown(old_values_open_and_new_ones_are_of_the_newest_key, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_key_version_cannot_be_changed, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
