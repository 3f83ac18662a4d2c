/* What apply made, export writes; and apply takes it back as no change. */
#include "fixture.h"

#define ORDERS                                                                                \
  "{\"manifest\":1,\"id\":\"orders\",\"name\":\"Orders\",\"base\":\"http://127.0.0.1:4010\"," \
  "\"auth\":[{\"type\":\"key\",\"in\":\"header\",\"name\":\"X-Key\"}],\"tools\":[{\"name\":"  \
  "\"list\",\"does\":\"read\",\"description\":\"Lists orders\",\"call\":\"GET /orders\"}]}"

static const char whole[] =
    "{\"organisation\":\"acme\",\"limits\":{\"per_minute\":600},\"audit\":{\"retention_days\":365},\"connectors\":"
    "[" ORDERS
    "],\"connections\":["
    "{\"name\":\"ledger\",\"connector\":\"sqlite\",\"settings\":{\"file\":\"ledger.db\"}},"
    "{\"name\":\"orders\",\"connector\":\"orders\",\"labels\":{\"client\":\"globex\"},\"credential\":{\"key\":"
    "\"s3cret\"}},"
    "{\"name\":\"Orders\",\"connector\":\"orders\",\"credential\":{\"key\":\"other\"}},"
    "{\"name\":\"4 \xc3\xa4\",\"connector\":\"orders\",\"owner\":\"ann@acme.example\","
    "\"credential\":{\"key\":\"third\"}}],"
    "\"roles\":[{\"name\":\"finance\",\"max_result\":20000,\"rules\":[{\"connection\":\"ledger\",\"does\":[\"read\","
    "\"write\"]},"
    "{\"label\":\"client=globex\",\"tools\":[\"*\"],\"effect\":\"deny\"},"
    "{\"connector\":\"orders\",\"tools\":[\"list\"],\"does\":[\"read\"],\"effect\":\"ask\"}]},{\"name\":\"empty\"}],"
    "\"users\":[{\"email\":\"ann@acme.example\",\"kind\":\"owner\",\"roles\":[\"finance\",\"empty\"]},"
    "{\"email\":\"bob@acme.example\"}]}";

struct export_run {
  struct fixture *t;
  struct str organisation;
  struct buf out;
};

static enum err_code export_in(struct db_tx *tx, void *context, struct err *err) {
  struct export_run *run = context;
  return config_export(tx, run->t->vault, run->organisation, &run->out, err);
}

static const char *export_text(struct fixture *t, const char *organisation) {
  struct export_run run = {.t = t, .organisation = str_of(organisation)};
  buf_init(&run.out, &t->arena, 1 << 20);
  if (db_read(t->conn, export_in, &run, &test_err)) return NULL;
  buf_append_byte(&run.out, '\0');
  return run.out.p;
}

static void apply_takes_an_export_back_without_a_change(void **state) {
  struct fixture *t = *state;
  assert_non_null(apply_text(t, whole, false, NULL));
  const char *exported = export_text(t, "");
  assert_non_null(exported);
  /* By name: "Orders" stands before "orders" and has the plain variable. */
  assert_int_equal(setenv("ORDERS_KEY", "other", 1), 0);
  assert_int_equal(setenv("ORDERS_KEY_2", "s3cret", 1), 0);
  assert_int_equal(setenv("_4____KEY", "third", 1), 0);
  assert_nothing_to_change(t, exported);
  assert_string_equal(export_text(t, ""), exported);
}

static void an_export_makes_the_same_organisation_elsewhere(void **state) {
  struct fixture *t = *state;
  assert_non_null(apply_text(t, whole, false, NULL));
  const char *exported = export_text(t, "acme");
  void *other = NULL;
  assert_int_equal(set_up(&other), 0);
  if (!apply_text(other, exported, false, NULL)) fail_msg("refused: %s [%s]", test_err.text, test_err.place);
  assert_string_equal(export_text(other, ""), exported);
  assert_int_equal(tear_down(&other), 0);
}

static void an_export_holds_no_secret(void **state) {
  struct fixture *t = *state;
  assert_non_null(apply_text(t, whole, false, NULL));
  const char *exported = export_text(t, "");
  assert_null(strstr(exported, "s3cret"));
  assert_null(strstr(exported, "third"));
}

static void a_small_organisation_is_a_small_file(void **state) {
  struct fixture *t = *state;
  assert_non_null(apply_text(t,
                             "{\"organisation\":\"acme\",\"roles\":[{\"name\":\"finance\",\"rules\":[{\"connector\":"
                             "\"sqlite\",\"does\":[\"read\"]}]}]}",
                             false, NULL));
  assert_string_equal(export_text(t, ""),
                      "{\n  \"organisation\": \"acme\",\n  \"roles\": [\n    {\n      \"name\": \"finance\",\n"
                      "      \"rules\": [\n        {\n          \"connector\": \"sqlite\",\n          \"does\": [\n"
                      "            \"read\"\n          ]\n        }\n      ]\n    }\n  ]\n}\n");
}

static void with_several_organisations_one_must_be_named(void **state) {
  struct fixture *t = *state;
  assert_null(export_text(t, ""));
  assert_non_null(strstr(test_err.text, "no organisation yet"));
  assert_non_null(apply_text(t, "{\"organisation\":\"acme\"}", false, NULL));
  assert_non_null(apply_text(t, "{\"organisation\":\"globex\"}", false, NULL));
  assert_null(export_text(t, ""));
  assert_non_null(strstr(test_err.text, "2 organisations"));
  assert_non_null(strstr(export_text(t, "globex"), "globex"));
  assert_null(export_text(t, "initech"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CONFIG_UNIT(apply_takes_an_export_back_without_a_change),
      CONFIG_UNIT(an_export_makes_the_same_organisation_elsewhere),
      CONFIG_UNIT(an_export_holds_no_secret),
      CONFIG_UNIT(a_small_organisation_is_a_small_file),
      CONFIG_UNIT(with_several_organisations_one_must_be_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
