#include "store/sealed.h"

#include "store/fixture.h"

/* Columns of bytes that hold no secret: ids, digests, and what is counted. Whatever is called otherwise is sealed, and
 * in the table. */
static bool is_plain(struct str name) {
  static const char *const plain[] = {"id",      "lease_owner", "scope_key", "subject", "link",
                                      "browser", "mac",         "hash",      "asker",   "durations"};
  for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
    if (str_eq_c(name, plain[i])) return true;
  return str_ends(name, STR("_id")) || str_ends(name, STR("_hash")) || str_ends(name, STR("_mac"));
}

static bool is_in_table(struct str table, struct str column) {
  const struct store_sealed *sealed;
  for (size_t i = 0; (sealed = store_sealed_at(i)); i++)
    if (str_eq_c(table, sealed->table) && str_eq_c(column, sealed->column)) return true;
  return false;
}

STORE_TEST(every_column_of_bytes_is_an_id_a_digest_or_known_as_sealed) {
  if (test_server()) skip_because("the columns are the same on both databases; SQLite is asked for them");
  struct db_rows *rows;
  int n = 0, n_sealed = 0;
  assert_ok(db_query(tx,
                     "SELECT m.name, c.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c "
                     "WHERE m.type = 'table' AND c.type = 'BYTEA' AND m.name <> 'schema_migration'",
                     DB_NO_PARAMS, &rows, &test_err));
  for (; db_next(rows, &test_err) == 1; n++) {
    struct str table = db_text(rows, 0), column = db_text(rows, 1);
    if (is_in_table(table, column))
      n_sealed++;
    else if (!is_plain(column))
      fail_msg("%.*s.%.*s: if it is sealed, it belongs into the table of store/sealed.c", STR_ARG(table),
               STR_ARG(column));
  }
  db_rows_close(rows);
  size_t n_table = 0;
  while (store_sealed_at(n_table))
    n_table++;
  assert_int_equal(n_sealed, n_table);
  assert_true(n > 40);
}

STORE_TEST(each_is_listed_and_replaced_in_its_own_ring_alone) {
  const struct uuid nil = {{0}};
  const struct store_sealed *sealed;
  for (size_t i = 0; (sealed = store_sealed_at(i)); i++) {
    const struct sealed_record *list;
    size_t n;
    assert_int_equal(sealed->rings == 0, sealed->is_under_master);
    assert_int_equal(sealed->list == NULL, sealed->is_under_master || sealed->is_kept);
    if (!sealed->list) continue;
    assert_ok(store_sealed_list(ARENA, sealed, nil, STR_NONE, 10, &list, &n, &test_err));
    assert_int_equal(n, 0);
    assert_ok(store_sealed_replace(tx, sealed, nil, STR("none"), STR("a"), STR("b"), &test_err));
  }
  assert_false(store_sealed_is_of(store_sealed_at(0), STORE_RING_SIGN_IN));
  assert_true(store_sealed_is_of(store_sealed_at(0), STORE_RING_ORGANISATION));
}

STORE_TEST(a_replacement_is_of_the_row_and_of_what_was_read) {
  const struct store_sealed *credentials = store_sealed_at(0);
  const struct sealed_record *list;
  size_t n;
  for (int i = 0; i < 3; i++) {
    struct connection_record connection = connection_of(&t->acme, arena_printf(&t->arena, "more-%d", i));
    connection.credential = arena_printf(&t->arena, "sealed-%d", i);
    assert_ok(store_connection_insert(tx, &connection, &test_err));
  }
  assert_ok(store_sealed_list(ARENA, credentials, t->acme.id, STR_NONE, 2, &list, &n, &test_err));
  assert_int_equal(n, 2);
  struct str row = list[0].row, last = list[1].row;
  assert_ok(store_sealed_replace(tx, credentials, t->acme.id, row, STR("another"), STR("x"), &test_err));
  assert_int_equal(db_changes(tx), 0);
  assert_ok(store_sealed_replace(tx, credentials, t->globex.id, row, list[0].sealed, STR("x"), &test_err));
  assert_int_equal(db_changes(tx), 0);
  assert_ok(store_sealed_replace(tx, credentials, t->acme.id, row, list[0].sealed, STR("anew"), &test_err));
  assert_int_equal(db_changes(tx), 1);
  assert_ok(store_sealed_list(ARENA, credentials, t->acme.id, last, 2, &list, &n, &test_err));
  assert_int_equal(n, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      STORE_UNIT(every_column_of_bytes_is_an_id_a_digest_or_known_as_sealed),
      STORE_UNIT(each_is_listed_and_replaced_in_its_own_ring_alone),
      STORE_UNIT(a_replacement_is_of_the_row_and_of_what_was_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
