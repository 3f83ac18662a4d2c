#include "fixture.h"

static struct catalogue_item_record item_of(const struct org *org, const char *kind, const char *name) {
  return (struct catalogue_item_record){.id = uuid_new(),
                                        .organisation_id = org->id,
                                        .connection_id = org->connection,
                                        .kind = str_of(kind),
                                        .name = str_of(name),
                                        .status = STR("pending"),
                                        .does = STR("destroy"),
                                        .hint = STR("read"),
                                        .definition = STR("{\"a\":1}"),
                                        .hash = {1, 2, 3},
                                        .notes = STR("a note\n")};
}

static const struct catalogue_item_record *only_item(struct db_tx *tx, struct store_test *t, const struct org *org) {
  const struct catalogue_item_record *list;
  size_t n;
  assert_ok(store_catalogue_item_list(tx, &t->arena, org->id, org->connection, &list, &n, &test_err));
  assert_int_equal(n, 1);
  return list;
}

STORE_TEST(an_item_is_kept_whole_and_its_id_stays) {
  struct catalogue_item_record item = item_of(&t->acme, "tool", "a");
  assert_ok(store_catalogue_item_put(tx, &item, &test_err));
  const struct catalogue_item_record *kept = only_item(tx, t, &t->acme);
  assert_str(kept->kind, "tool");
  assert_str(kept->name, "a");
  assert_str(kept->status, "pending");
  assert_str(kept->does, "destroy");
  assert_str(kept->hint, "read");
  assert_str(kept->definition, "{\"a\":1}");
  assert_str(kept->notes, "a note\n");
  assert_memory_equal(kept->hash, item.hash, 32);
  assert_false(kept->is_pinned);
  assert_int_equal(kept->gone_at, 0);
  assert_false(kept->was_rejected);

  struct uuid first = item.id;
  item.id = uuid_new();
  item.status = STR("accepted");
  item.is_pinned = true;
  item.accepted_definition = STR("{}");
  item.accepted_hash[31] = 9;
  item.gone_at = 77;
  item.was_rejected = true;
  assert_ok(store_catalogue_item_put(tx, &item, &test_err));
  kept = only_item(tx, t, &t->acme);
  assert_true(uuid_eq(kept->id, first));
  assert_true(kept->is_pinned);
  assert_str(kept->accepted_definition, "{}");
  assert_int_equal(kept->accepted_hash[31], 9);
  assert_int_equal(kept->gone_at, 77);
  assert_true(kept->was_rejected);
}

STORE_TEST(what_is_accepted_and_there_is_listed_for_snapshots) {
  struct catalogue_item_record items[] = {item_of(&t->acme, "tool", "pending"), item_of(&t->acme, "tool", "gone"),
                                          item_of(&t->acme, "tool", "there"), item_of(&t->acme, "prompt", "there")};
  for (size_t i = 1; i < 4; i++) {
    items[i].status = STR("accepted");
    items[i].is_pinned = true;
    items[i].accepted_definition = STR("{}");
  }
  items[1].gone_at = 5;
  for (size_t i = 0; i < 4; i++)
    assert_ok(store_catalogue_item_put(tx, &items[i], &test_err));
  const struct catalogue_item_record *list;
  size_t n;
  assert_ok(store_catalogue_item_list_accepted(tx, &t->arena, t->acme.id, &list, &n, &test_err));
  assert_int_equal(n, 2);
  assert_str(list[0].kind, "prompt");
  assert_str(list[1].name, "there");
  assert_ok(store_catalogue_item_list_accepted(tx, &t->arena, t->globex.id, &list, &n, &test_err));
  assert_int_equal(n, 0);
}

STORE_TEST(another_organisations_connection_takes_and_shows_nothing) {
  struct catalogue_item_record item = item_of(&t->globex, "tool", "a");
  assert_ok(store_catalogue_item_put(tx, &item, &test_err));
  item.organisation_id = t->acme.id; /* globex's connection, named by acme */
  assert_int_equal(store_catalogue_item_put(tx, &item, &test_err), ERR_NOT_FOUND);
  struct catalogue_record head = {.connection_id = t->globex.connection,
                                  .organisation_id = t->acme.id,
                                  .protocol = STR(""),
                                  .server_info = STR("{}"),
                                  .capabilities = STR("{}")};
  assert_int_equal(store_catalogue_put(tx, &head, &test_err), ERR_NOT_FOUND);
  const struct catalogue_item_record *list;
  size_t n;
  assert_ok(store_catalogue_item_list(tx, &t->arena, t->acme.id, t->globex.connection, &list, &n, &test_err));
  assert_int_equal(n, 0);
  assert_int_equal(store_catalogue_item_delete(tx, t->acme.id, item.id, &test_err), ERR_NOT_FOUND);
  assert_ok(store_catalogue_delete(tx, t->acme.id, t->globex.connection, &test_err));
  (void)only_item(tx, t, &t->globex);
}

STORE_TEST(a_catalogue_goes_with_its_connection) {
  struct catalogue_item_record item = item_of(&t->acme, "tool", "a");
  struct catalogue_record head = {.connection_id = t->acme.connection,
                                  .organisation_id = t->acme.id,
                                  .protocol = STR("2025-11-25"),
                                  .server_info = STR("{}"),
                                  .capabilities = STR("{\"tools\":{}}"),
                                  .listed_at = 7};
  const struct catalogue_record *heads;
  size_t n;
  assert_ok(store_catalogue_item_put(tx, &item, &test_err));
  assert_ok(store_catalogue_put(tx, &head, &test_err));
  head.error = STR("it is dead");
  assert_ok(store_catalogue_put(tx, &head, &test_err));
  assert_ok(store_catalogue_list(tx, &t->arena, t->acme.id, &heads, &n, &test_err));
  assert_int_equal(n, 1);
  assert_str(heads[0].error, "it is dead");
  assert_str(heads[0].capabilities, "{\"tools\":{}}");
  assert_int_equal(heads[0].listed_at, 7);
  assert_null(heads[0].left_out.p);
  assert_ok(store_connection_delete(tx, t->acme.id, t->acme.connection, &test_err));
  assert_ok(store_catalogue_list(tx, &t->arena, t->acme.id, &heads, &n, &test_err));
  assert_int_equal(n, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(an_item_is_kept_whole_and_its_id_stays),
      STORE_UNIT(what_is_accepted_and_there_is_listed_for_snapshots),
      STORE_UNIT(another_organisations_connection_takes_and_shows_nothing),
      STORE_UNIT(a_catalogue_goes_with_its_connection),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
