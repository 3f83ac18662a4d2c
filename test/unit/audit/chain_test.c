#include "audit/chain.h"

#include "audit/fixture.h"

static struct audit_chain some_chain(struct audit_test *t) {
  struct audit_chain chain = {.organisation_id = t->acme, .writer = STR("node1"), .seq = 5};
  memset(chain.mac, 7, sizeof chain.mac);
  return chain;
}

static void a_head_is_bound_to_all_it_says(void **state) {
  struct audit_test *t = *state;
  struct audit_chain chains[6];
  uint8_t macs[8][AUDIT_MAC_SIZE];
  for (int i = 0; i < 6; i++)
    chains[i] = some_chain(t);
  chains[1].organisation_id = t->globex;
  chains[2].writer = STR("node2");
  chains[3].seq = 6;
  chains[4].mac[31] ^= 1;
  chains[5].writer = STR("node");
  for (int i = 0; i < 6; i++)
    assert_true(audit_head_mac(t->acme_keys, &chains[i], macs[i]));
  assert_true(audit_head_mac(t->globex_keys, &chains[0], macs[6]));
  assert_true(audit_checkpoint_mac(t->acme_keys, &chains[0], 0, macs[7])); /* no checkpoint passes for a head */
  for (int i = 0; i < 8; i++)
    for (int j = 0; j < i; j++)
      assert_memory_not_equal(macs[i], macs[j], AUDIT_MAC_SIZE);
}

static void a_checkpoint_is_bound_to_its_time(void **state) {
  struct audit_test *t = *state;
  struct audit_chain chain = some_chain(t);
  uint8_t a[AUDIT_MAC_SIZE], b[AUDIT_MAC_SIZE];
  assert_true(audit_checkpoint_mac(t->acme_keys, &chain, 1, a));
  assert_true(audit_checkpoint_mac(t->acme_keys, &chain, 2, b));
  assert_memory_not_equal(a, b, AUDIT_MAC_SIZE);
}

static void a_writer_of_no_name_of_ours_has_no_mac(void **state) {
  struct audit_test *t = *state;
  struct audit_chain chain = some_chain(t);
  char endless[AUDIT_WRITER_MAX + 1];
  uint8_t mac[AUDIT_MAC_SIZE];
  memset(endless, 'x', sizeof endless);
  chain.writer = str_make(endless, AUDIT_WRITER_MAX);
  assert_true(audit_head_mac(t->acme_keys, &chain, mac));
  chain.writer = str_make(endless, AUDIT_WRITER_MAX + 1);
  assert_false(audit_head_mac(t->acme_keys, &chain, mac));
}

/* Personal content opens in its own row alone. */
static void sealed_content_does_not_move(void **state) {
  struct audit_test *t = *state;
  struct audit_draft draft;
  struct audit_row row;
  struct secret *plain = NULL;
  char space[AUDIT_PLACE_SIZE];
  struct audit_chain chain = some_chain(t);
  struct audit_event event = event_of(t, &t->acme, 1);
  audit_draft_init(&draft);
  assert_ok(audit_chain_row(&chain, &event, &draft, &t->arena, &row, &test_err));
  assert_int_equal(row.seq, 6);
  const struct {
    const struct vault_keys *keys;
    struct uuid organisation_id;
    struct str writer;
    int64_t seq;
  } places[] = {{t->globex_keys, t->acme, STR("node1"), 6},
                {t->acme_keys, t->globex, STR("node1"), 6},
                {t->acme_keys, t->acme, STR("node2"), 6},
                {t->acme_keys, t->acme, STR("node1"), 7},
                {t->acme_keys, t->acme, STR("node1"), 6}};
  for (int i = 0; i < 5; i++) {
    struct vault_place place = audit_personal_place(places[i].organisation_id, places[i].writer, places[i].seq, space);
    enum err_code code = vault_unseal(places[i].keys, place, row.personal, &plain, &test_err);
    assert_int_equal(code, i < 4 ? ERR_INVALID : ERR_NONE);
  }
  assert_true(str_eq(secret_open(plain), buf_str(&draft.personal)));
  struct vault_place elsewhere = audit_personal_place(t->acme, STR("node1"), 6, space);
  secret_free(plain);
  elsewhere.column = "record";
  assert_int_equal(vault_unseal(t->acme_keys, elsewhere, row.personal, &plain, &test_err), ERR_INVALID);
  audit_draft_release(&draft);
}

static void a_mac_covers_what_came_before(void **state) {
  struct audit_test *t = *state;
  struct audit_draft draft;
  struct audit_row one, other;
  struct audit_chain chain = some_chain(t);
  struct audit_event event = event_of(t, &t->acme, 1);
  uint8_t again[AUDIT_MAC_SIZE];
  audit_draft_init(&draft);
  assert_ok(audit_chain_row(&chain, &event, &draft, &t->arena, &one, &test_err));
  struct str record = arena_str(&t->arena, one.record);
  struct buf space;
  buf_init(&space, &t->arena, 10000);
  assert_true(audit_record_mac(t->acme_keys, chain.mac, record, &space, again));
  assert_memory_equal(one.mac, again, AUDIT_MAC_SIZE);
  chain.mac[0] ^= 1;
  assert_ok(audit_chain_row(&chain, &event, &draft, &t->arena, &other, &test_err));
  assert_true(str_eq(record, other.record));
  assert_memory_not_equal(one.mac, other.mac, AUDIT_MAC_SIZE);
  audit_draft_release(&draft);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      AUDIT_UNIT(a_head_is_bound_to_all_it_says),         AUDIT_UNIT(a_checkpoint_is_bound_to_its_time),
      AUDIT_UNIT(a_writer_of_no_name_of_ours_has_no_mac), AUDIT_UNIT(sealed_content_does_not_move),
      AUDIT_UNIT(a_mac_covers_what_came_before),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
