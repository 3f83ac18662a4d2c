/* What the tests of JSON Schema share: schemas and values from text, and tables of what is said of them. */
#ifndef CONNEK_TEST_SCHEMA_FIXTURE_H
#define CONNEK_TEST_SCHEMA_FIXTURE_H

#include "unit.h"

#include "codec/schema.h"

static struct arena arena;

static int setup(void **state) {
  arena_init(&arena, 0);
  return 0;
}

static int teardown(void **state) {
  arena_release(&arena);
  return 0;
}

static yyjson_val *read_ok(const char *text) {
  yyjson_doc *doc = NULL;
  assert_ok(json_read(&arena, str_of(text), &doc, &test_err));
  return yyjson_doc_get_root(doc);
}

__attribute__((unused)) static struct schema *compiled(const char *text) {
  struct schema *schema = NULL;
  if (schema_compile(&arena, read_ok(text), &schema, &test_err) != ERR_NONE)
    fail_msg("%s does not compile: %s [%s]", text, test_err.text, test_err.place);
  return schema;
}

struct check {
  const char *schema, *value;
  const char *text; /* NULL: valid */
  const char *place;
};

__attribute__((unused)) static void run_with(const struct check *checks, size_t n,
                                             const struct schema_options *options) {
  for (size_t i = 0; i < n; i++) {
    struct schema *schema = NULL;
    if (schema_compile_with(&arena, read_ok(checks[i].schema), options, &schema, &test_err) != ERR_NONE)
      fail_msg("%s does not compile: %s [%s]", checks[i].schema, test_err.text, test_err.place);
    yyjson_val *value = read_ok(checks[i].value);
    enum err_code code = schema_check(schema, value, &test_err);
    if (schema_check(schema, value, NULL) != code) fail_msg("%s: differs without an err", checks[i].schema);
    if (!checks[i].text) {
      if (code != ERR_NONE) fail_msg("%s refused %s: %s", checks[i].schema, checks[i].value, test_err.text);
      continue;
    }
    if (code != ERR_INVALID) fail_msg("%s accepted %s", checks[i].schema, checks[i].value);
    if (strcmp(test_err.text, checks[i].text) != 0 || (checks[i].place && strcmp(test_err.place, checks[i].place) != 0))
      fail_msg("%s said of %s: \"%s\" [%s]", checks[i].schema, checks[i].value, test_err.text, test_err.place);
  }
}
#define RUN(checks) run_with((checks), sizeof(checks) / sizeof((checks)[0]), &(struct schema_options){0})

struct refusal {
  const char *schema, *place;
  const char *text; /* a part of it; NULL: any */
};

__attribute__((unused)) static void refuse_all(const struct refusal *cases, size_t n,
                                               const struct schema_options *options) {
  for (size_t i = 0; i < n; i++) {
    struct schema *schema = NULL;
    if (schema_compile_with(&arena, read_ok(cases[i].schema), options, &schema, &test_err) != ERR_INVALID)
      fail_msg("compiled %s", cases[i].schema);
    assert_null(schema);
    if (strcmp(test_err.place, cases[i].place) != 0)
      fail_msg("place of %s is %s (%s)", cases[i].schema, test_err.place, test_err.text);
    if (cases[i].text && !strstr(test_err.text, cases[i].text))
      fail_msg("said of %s: %s", cases[i].schema, test_err.text);
  }
}
#define REFUSE(cases) refuse_all((cases), sizeof(cases) / sizeof((cases)[0]), &(struct schema_options){0})

#endif
