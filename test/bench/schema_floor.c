/* What checking a call's arguments costs, by kind of schema: nanoseconds of one check, of compiling, and the memory of
 * the compiled schema. Medians of several rounds.
 *
 *   schema_floor [CHECKS]      prints a line each */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec/schema.h"

enum { ROUNDS = 9, CHECKS = 200 * 1000 };

#define INVOICE                                                                                                 \
  "{\"type\":\"object\",\"properties\":{\"customer_id\":{\"type\":\"integer\",\"minimum\":1},"                  \
  "\"status\":{\"enum\":[\"draft\",\"open\",\"paid\",\"void\"]},\"limit\":{\"type\":\"integer\",\"minimum\":1," \
  "\"maximum\":100,\"default\":20},\"cursor\":{\"type\":\"string\",\"maxLength\":200},"                         \
  "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":40},\"maxItems\":20},"             \
  "\"amount\":{\"type\":\"number\"%s}},\"required\":[\"customer_id\",\"status\"],\"additionalProperties\":false}"
#define INVOICE_VALUE \
  "{\"customer_id\":7,\"status\":\"paid\",\"limit\":50,\"tags\":[\"red\",\"blue\",\"overdue\"],\"amount\":19.99}"

static const struct {
  const char *name, *schema, *value;
} kinds[] = {
    {"empty", "{\"type\":\"object\"}", "{}"},
    {"invoice", INVOICE, INVOICE_VALUE},
    {"multiple", INVOICE, INVOICE_VALUE},
    {"pattern",
     "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\",\"pattern\":\"^[a-z0-9]+(-[a-z0-9]+)*$\"}}}",
     "{\"id\":\"acme-invoices-2026\"}"},
    {"union",
     "{\"type\":\"object\",\"properties\":{\"block\":{\"oneOf\":[{\"type\":\"object\",\"properties\":{\"type\":"
     "{\"const\":\"text\"},\"text\":{\"type\":\"string\"}},\"required\":[\"type\",\"text\"]},{\"type\":\"object\","
     "\"properties\":{\"type\":{\"const\":\"image\"},\"url\":{\"type\":\"string\"}},\"required\":[\"type\",\"url\"]},"
     "{\"$ref\":\"#/$defs/table\"}]}},\"$defs\":{\"table\":{\"type\":\"object\",\"properties\":{\"type\":{\"const\":"
     "\"table\"},\"rows\":{\"type\":\"array\"}},\"required\":[\"type\",\"rows\"]}}}",
     "{\"block\":{\"type\":\"table\",\"rows\":[1,2,3]}}"},
    {"unevaluated",
     "{\"allOf\":[{\"properties\":{\"a\":{\"type\":\"string\"},\"b\":true}},{\"properties\":{\"c\":true}}],"
     "\"unevaluatedProperties\":false}",
     "{\"a\":\"x\",\"b\":1,\"c\":2}"},
    {"list", "{\"items\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}}}}", NULL},
};

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static yyjson_val *read(struct arena *arena, struct str text) {
  yyjson_doc *doc = NULL;
  struct err err;
  if (json_read(arena, text, &doc, &err) != ERR_NONE) abort();
  return yyjson_doc_get_root(doc);
}

static struct schema *compile(struct arena *arena, yyjson_val *value) {
  struct schema *schema = NULL;
  struct err err;
  if (schema_compile(arena, value, &schema, &err) != ERR_NONE) abort();
  return schema;
}

/* A list of a thousand. */
static struct str list_of(struct arena *arena) {
  struct buf text;
  buf_init(&text, arena, 1 << 20);
  for (int i = 0; i < 1000; i++)
    buf_printf(&text, "%c{\"id\":%d}", i == 0 ? '[' : ',', i);
  buf_append_byte(&text, ']');
  return buf_str(&text);
}

static double median_of(const struct schema *schema, yyjson_val *schema_value, yyjson_val *value, long n) {
  double rounds[ROUNDS];
  for (int round = 0; round < ROUNDS; round++) {
    double start = now_ns();
    for (long i = 0; i < n; i++) {
      if (value) {
        struct err err;
        if (schema_check(schema, value, &err) != ERR_NONE) abort();
      } else {
        struct arena arena;
        arena_init(&arena, 0);
        compile(&arena, schema_value);
        arena_release(&arena);
      }
    }
    rounds[round] = (now_ns() - start) / (double)n;
  }
  qsort(rounds, ROUNDS, sizeof(rounds[0]), by_value);
  return rounds[ROUNDS / 2];
}

int main(int argc, char **argv) {
  long checks = argc > 1 ? strtol(argv[1], NULL, 10) : CHECKS;
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    struct arena arena, own;
    arena_init(&arena, 0);
    arena_init(&own, 0);
    bool is_multiple = str_eq_c(STR("multiple"), kinds[i].name);
    struct str text = arena_printf(&arena, "%s", kinds[i].schema);
    const char *mark = strstr(text.p, "%s");
    if (mark)
      text = arena_printf(&arena, "%.*s%s%s", (int)(mark - text.p), text.p, is_multiple ? ",\"multipleOf\":0.01" : "",
                          mark + 2);
    yyjson_val *schema_value = read(&arena, text);
    yyjson_val *value = read(&arena, kinds[i].value ? str_of(kinds[i].value) : list_of(&arena));
    struct schema *schema = compile(&own, schema_value);
    long n = kinds[i].value ? checks : checks / 500 + 1;
    printf("%-12s check %8.0f ns   compile %8.0f ns   %6zu bytes\n", kinds[i].name,
           median_of(schema, schema_value, value, n), median_of(schema, schema_value, NULL, checks / 100 + 1),
           own.used);
    arena_release(&own);
    arena_release(&arena);
  }
  return 0;
}
