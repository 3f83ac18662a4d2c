/* Whatever schema and value are, compiling and checking end, and soon: here by their codes, since tests do not look at
 * the clock. */
#include "schema_fixture.h"

#include <pthread.h>

#include "base/limits.h"
#include "codec/schema_work.h"

static char *text_of(struct buf *buf) {
  buf_append_byte(buf, '\0');
  assert_false(buf_failed(buf));
  return buf->p;
}

static struct buf text_new(void) {
  struct buf buf;
  buf_init(&buf, &arena, 64 * MIB);
  return buf;
}

static void repeat(struct buf *buf, const char *text, size_t n) {
  for (size_t i = 0; i < n; i++)
    buf_append_c(buf, text);
}

static enum err_code check(const char *schema, const char *value) {
  return schema_check(compiled(schema), read_ok(value), &test_err);
}

/* Each level sees the value twice: 2^40 times in all. */
static void doubling_references_end(void **state) {
  const char *const kinds[] = {"anyOf", "allOf", "oneOf"};
  for (size_t k = 0; k < 3; k++) {
    struct buf schema = text_new();
    buf_append_c(&schema, "{\"$ref\":\"#/$defs/d0\",\"$defs\":{");
    for (int i = 0; i < 40; i++)
      buf_printf(&schema, "\"d%d\":{\"%s\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/$defs/d%d\"}]},", i, kinds[k],
                 i + 1, i + 1);
    buf_printf(&schema, "\"d40\":{\"type\":\"%s\"}}}", k == 1 ? "integer" : "string");
    assert_int_equal(check(text_of(&schema), "1"), ERR_TOO_LARGE);
    assert_string_equal(test_err.text, "arguments: too much work to check against the tool's schema");
  }
}

static void a_circle_that_some_values_cannot_leave_ends(void **state) {
  const char *const schemas[] = {
      "{\"anyOf\":[{\"type\":\"string\"},{\"$ref\":\"#\"}]}",
      "{\"not\":{\"$ref\":\"#\"}}",
      "{\"if\":{\"$ref\":\"#\"},\"then\":true}",
      "{\"dependentSchemas\":{\"a\":{\"$ref\":\"#\"}}}",
      "{\"$dynamicAnchor\":\"a\",\"$dynamicRef\":\"#a\"}",
      "{\"oneOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}",
  };
  for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++)
    assert_int_equal(check(schemas[i], "{\"a\":1}"), ERR_TOO_LARGE);
  assert_int_equal(check(schemas[0], "\"x\""), ERR_NONE);
}

/* A negation must not turn "nobody knows" into "fits". */
static void running_out_is_never_an_answer(void **state) {
  const char *const evil = "{\"pattern\":\"^(a+)+$\"}";
  const char *const around[] = {"{\"not\":%s}", "{\"anyOf\":[%s,true]}", "{\"oneOf\":[%s,true]}",
                                "{\"if\":%s,\"else\":true}", "{\"not\":{\"not\":%s}}"};
  struct buf value = text_new();
  buf_append_byte(&value, '"');
  repeat(&value, "a", 40);
  buf_append_c(&value, "b\"");
  char *text = text_of(&value);
  for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
    const char *mark = strstr(around[i], "%s");
    struct buf schema = text_new();
    buf_printf(&schema, "%.*s%s%s", (int)(mark - around[i]), around[i], evil, mark + 2);
    assert_int_equal(check(text_of(&schema), text), ERR_TOO_LARGE);
  }
  assert_int_equal(
      check("{\"contains\":{\"pattern\":\"^(a+)+$\"}}", "[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"]"),
      ERR_TOO_LARGE);
}

static void patterns_pay_for_what_they_look_at(void **state) {
  const struct {
    const char *pattern;
    const char *unit;
    size_t n;
    enum err_code code;
  } cases[] = {
      {"^(a+)+$", "a", 10, ERR_NONE},
      {"^(a|aa)+$", "a", 100, ERR_NONE},
      {"[^a]*[bx]", "c", 100 * 1000, ERR_TOO_LARGE}, /* no backtrack is counted here: each start walks to the end */
      {"^(?:(?=[^a]*[xy])|c)*z", "c", 100 * 1000, ERR_TOO_LARGE},
      {"(.*)*x", "a", 100 * 1000, ERR_TOO_LARGE},
      {"^(.)\\\\1*$", "a", 1000, ERR_NONE},
      {"^(.|\\\\n)*$", "a", 20 * 1000, ERR_NONE},
      {"^[\\\\s\\\\S]*$", "a", 1000 * 1000, ERR_NONE},
      {"^\\\\S+$", "\xE8\xAA\x9E", 300 * 1000, ERR_NONE},
      {"foo", "bar", 300 * 1000, ERR_INVALID},
      {"\\\\S", " ", 1000 * 1000, ERR_INVALID},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct buf schema = text_new(), value = text_new();
    buf_printf(&schema, "{\"pattern\":\"%s\"}", cases[i].pattern);
    buf_append_byte(&value, '"');
    repeat(&value, cases[i].unit, cases[i].n);
    buf_append_byte(&value, '"');
    enum err_code code = check(text_of(&schema), text_of(&value));
    if (code != cases[i].code) fail_msg("%s: %s", cases[i].pattern, err_code_name(code));
  }
}

/* PCRE2 looks through a class range by range for what is not Latin. */
static void large_classes_pay_for_their_size(void **state) {
  struct buf schema = text_new(), latin = text_new(), other = text_new();
  buf_append_c(&schema, "{\"pattern\":\"^[");
  for (unsigned c = 0x4E00; c < 0x4E00 + 2000; c += 2) {
    const char utf8[] = {(char)(0xE0 | c >> 12), (char)(0x80 | (c >> 6 & 0x3F)), (char)(0x80 | (c & 0x3F)), '\0'};
    buf_append_c(&schema, utf8);
  }
  buf_append_c(&schema, "a]*$\"}");
  buf_append_byte(&latin, '"');
  repeat(&latin, "a", 300 * 1000);
  buf_append_byte(&latin, '"');
  buf_append_byte(&other, '"');
  repeat(&other, "\xE4\xB8\x80", 300 * 1000);
  buf_append_byte(&other, '"');
  char *text = text_of(&schema);
  assert_int_equal(check(text, text_of(&latin)), ERR_NONE);
  assert_int_equal(check(text, text_of(&other)), ERR_TOO_LARGE);
}

static void large_honest_values_are_checked(void **state) {
  struct buf list = text_new(), names = text_new();
  for (int i = 0; i < 300 * 1000; i++)
    buf_printf(&list, "%c%d", i ? ',' : '[', i);
  buf_append_byte(&list, ']');
  for (int i = 0; i < 100 * 1000; i++)
    buf_printf(&names, "%c{\"id\":%d,\"name\":\"n%d\"}", i ? ',' : '[', i, i);
  buf_append_byte(&names, ']');
  assert_int_equal(check("{\"items\":{\"type\":\"integer\"},\"uniqueItems\":true}", text_of(&list)), ERR_NONE);
  assert_int_equal(check("{\"items\":{\"properties\":{\"id\":{\"minimum\":0},\"name\":{\"type\":\"string\"}},"
                         "\"required\":[\"id\",\"name\"],\"additionalProperties\":false}}",
                         text_of(&names)),
                   ERR_NONE);
}

static void the_budget_can_be_set(void **state) {
  struct schema *schema = NULL;
  assert_ok(schema_compile_with(&arena, read_ok("{\"items\":{\"type\":\"integer\"}}"),
                                &(struct schema_options){.max_work = 10}, &schema, &test_err));
  assert_ok(schema_check(schema, read_ok("[1,2,3]"), &test_err));
  assert_int_equal(schema_check(schema, read_ok("[1,2,3,4,5,6,7,8,9,10]"), &test_err), ERR_TOO_LARGE);
}

/* The union is known not to fit: only the texts of its branches are not to be had. */
static void a_union_too_costly_to_explain_is_refused_all_the_same(void **state) {
  struct buf schema = text_new();
  buf_append_c(&schema, "{\"anyOf\":[");
  for (int i = 0; i < 100; i++)
    buf_printf(&schema, "%s{\"const\":%d}", i ? "," : "", i);
  buf_append_c(&schema, "]}");
  struct schema *compact = NULL;
  assert_ok(schema_compile_with(&arena, read_ok(text_of(&schema)), &(struct schema_options){.max_work = 1000}, &compact,
                                &test_err));
  assert_int_equal(schema_check(compact, read_ok("-1"), &test_err), ERR_INVALID);
  assert_string_equal(test_err.text, "arguments: fits none of the forms it may have");
  assert_int_equal(schema_check(compact, read_ok("-1"), NULL), ERR_INVALID);
}

static void subschemas_are_capped(void **state) {
  struct buf schema = text_new();
  buf_append_c(&schema, "{\"properties\":{\"p\":{}");
  for (int i = 0; i < SCHEMA_MAX_SUBSCHEMAS; i++)
    buf_printf(&schema, ",\"p%d\":{}", i);
  buf_append_c(&schema, "}}");
  const struct refusal cases[] = {{text_of(&schema), "/properties/p9998", "more than 10000 subschemas"}};
  REFUSE(cases);
}

/* As deep as a value and a schema may be, within a stack that is small for a thread. */
static void *deepest_run(void *unused) {
  struct buf schema = text_new(), value = text_new();
  buf_append_c(&schema, "{\"$ref\":\"#/$defs/d0\",\"$defs\":{");
  for (int i = 0; i < SCHEMA_MAX_NESTING; i++)
    buf_printf(&schema, "\"d%d\":{\"anyOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"type\":\"null\"}]},", i, i + 1);
  buf_append_c(&schema, "\"d512\":{\"type\":\"string\"}}}");
  assert_int_equal(check(text_of(&schema), "1"), ERR_TOO_LARGE);
  repeat(&value, "{\"a\":", LIMIT_JSON_DEPTH - 1);
  buf_append_c(&value, "[1]");
  repeat(&value, "}", LIMIT_JSON_DEPTH - 1);
  const char *const tree =
      "{\"anyOf\":[{\"allOf\":[{\"oneOf\":[{\"type\":\"string\"},{\"properties\":{\"a\":{\"$ref\":\"#\"}},"
      "\"type\":\"object\",\"unevaluatedProperties\":false}]}]}]}";
  assert_int_equal(check(tree, text_of(&value)), ERR_INVALID);
  return NULL;
}

static void the_stack_is_bounded(void **state) {
  pthread_attr_t attributes;
  pthread_t thread;
  assert_int_equal(pthread_attr_init(&attributes), 0);
  assert_int_equal(pthread_attr_setstacksize(&attributes, 2 * MIB), 0); /* sanitizers need several times the space */
  assert_int_equal(pthread_create(&thread, &attributes, deepest_run, NULL), 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
}

static void spending_all_leaves_nothing(void **state) {
  size_t work = 5;
  assert_true(schema_spend(&work, 4));
  assert_false(schema_is_spent(&work));
  assert_false(schema_spend(&work, 1));
  assert_true(schema_is_spent(&work));
  assert_false(schema_spend(&work, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(doubling_references_end),
      cmocka_unit_test(a_circle_that_some_values_cannot_leave_ends),
      cmocka_unit_test(running_out_is_never_an_answer),
      cmocka_unit_test(patterns_pay_for_what_they_look_at),
      cmocka_unit_test(large_classes_pay_for_their_size),
      cmocka_unit_test(large_honest_values_are_checked),
      cmocka_unit_test(the_budget_can_be_set),
      cmocka_unit_test(a_union_too_costly_to_explain_is_refused_all_the_same),
      cmocka_unit_test(subschemas_are_capped),
      cmocka_unit_test(the_stack_is_bounded),
      cmocka_unit_test(spending_all_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
