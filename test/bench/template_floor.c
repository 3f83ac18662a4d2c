/* What writing a template costs, by the place where it stands: nanoseconds of one, of compiling it, and the memory of
 * the compiled template. Medians of several rounds.
 *
 *   template_floor [WRITES]      prints a line each */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "connector/http/template.h"

enum { ROUNDS = 9, WRITES = 500 * 1000, OUT_MAX = 4096 };

static const struct {
  const char *name, *text;
  enum template_place place;
} kinds[] = {
    {"literal", "/v2/orders", TEMPLATE_IN_PATH},
    {"path", "/v2/customers/{customer}/orders/{id}", TEMPLATE_IN_PATH},
    {"query", "{customer}", TEMPLATE_IN_QUERY},
    {"csv", "{status|csv}", TEMPLATE_IN_QUERY},
    {"mixed", "total>={at_least} and name:{customer}", TEMPLATE_IN_QUERY},
    {"header", "list-{customer|or:all}", TEMPLATE_IN_HEADER},
    {"json", "Order {id} of {customer}, {note}", TEMPLATE_IN_JSON},
    {"nested", "{lines.1.sku}", TEMPLATE_IN_QUERY},
};

static const char arguments[] =
    "{\"customer\":\"acme-trading-2\",\"id\":\"ord_20261120_0001\",\"at_least\":9.5,"
    "\"status\":[\"open\",\"paid\"],\"note\":\"for \\\"Ada\\\"\","
    "\"lines\":[{\"sku\":\"SKU-1000\"},{\"sku\":\"SKU-1001\"}]}";

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static struct template compile(struct arena *arena, size_t kind) {
  struct template template;
  struct err err;
  if (template_compile(arena, str_of(kinds[kind].text), kinds[kind].place, &template, &err) != ERR_NONE) abort();
  return template;
}

static void write_once(const struct template *template, size_t kind, const struct template_scope *scope,
                       struct buf *out) {
  struct err err;
  bool is_absent;
  buf_clear(out);
  if (template_write(out, template, kinds[kind].place, scope, &is_absent, &err) != ERR_NONE || is_absent) abort();
}

static void compile_once(size_t kind) {
  struct arena arena;
  arena_init(&arena, 0);
  compile(&arena, kind);
  arena_release(&arena);
}

/* `template` NULL: of compiling it. */
static double median_of(const struct template *template, size_t kind, const struct template_scope *scope,
                        struct buf *out, long n) {
  double rounds[ROUNDS];
  for (int round = 0; round < ROUNDS; round++) {
    double start = now_ns();
    for (long i = 0; i < n; i++) {
      if (template)
        write_once(template, kind, scope, out);
      else
        compile_once(kind);
    }
    rounds[round] = (now_ns() - start) / (double)n;
  }
  qsort(rounds, ROUNDS, sizeof(rounds[0]), by_value);
  return rounds[ROUNDS / 2];
}

int main(int argc, char **argv) {
  long writes = argc > 1 ? strtol(argv[1], NULL, 10) : WRITES;
  struct arena arena;
  struct buf out;
  struct err err;
  yyjson_doc *doc = NULL;
  arena_init(&arena, 0);
  buf_init(&out, &arena, OUT_MAX);
  if (json_read(&arena, str_of(arguments), &doc, &err) != ERR_NONE) abort();
  const struct template_scope scope = {.arguments = yyjson_doc_get_root(doc)};
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    struct arena own;
    arena_init(&own, 0);
    struct template template = compile(&own, i);
    printf("%-12s write %8.0f ns   compile %8.0f ns   %6zu bytes\n", kinds[i].name,
           median_of(&template, i, &scope, &out, writes), median_of(NULL, i, &scope, &out, writes / 100 + 1), own.used);
    arena_release(&own);
  }
  arena_release(&arena);
  return 0;
}
