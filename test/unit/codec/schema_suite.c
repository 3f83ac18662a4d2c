/* Runs the official test suite of JSON Schema, from a folder that holds its tests/ and remotes/ (scripts/schema-suite
 * makes one), and prints TAP: a line for each draft, which counts its required tests, and a line for each file of
 * optional tests; of optional tests that are not asserted, comments. A suite with fewer tests than those known is a
 * failure.
 *
 *   schema_suite FOLDER */
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/schema.h"

enum { DOCUMENTS_MAX = 1000, PATH_SIZE = 4096, FILE_MAX = 16 * 1024 * 1024, SHOWN_FAILURES = 100 };

struct suite {
  const char *folder;
  struct arena arena; /* of the remotes */
  struct schema_document documents[DOCUMENTS_MAX];
  size_t n_documents;
  int n_lines, n_failed_lines;
};

struct tally {
  unsigned passed, ran;
};

static const struct draft {
  const char *name, *folder;
  enum schema_draft draft;
  unsigned known; /* required tests in the suite of Debian 12 */
} drafts[] = {
    {"2020-12", "draft2020-12", SCHEMA_DRAFT_2020_12, 1176},
    {"draft-07", "draft7", SCHEMA_DRAFT_07, 861},
};

/* Not by json_read: the suite holds NULs in strings, and numbers of any size. */
static yyjson_val *file_read(struct arena *arena, const char *path) {
  yyjson_doc *doc = NULL;
  FILE *file = fopen(path, "rb");
  char *text = arena_alloc(arena, FILE_MAX);
  size_t n = file && text ? fread(text, 1, FILE_MAX, file) : 0;
  yyjson_alc alc = json_alc(arena);
  if (n > 0) doc = yyjson_read_opts(text, n, YYJSON_READ_BIGNUM_AS_RAW, &alc, NULL);
  if (file) fclose(file);
  if (!doc) printf("# cannot read %s\n", path);
  return yyjson_doc_get_root(doc);
}

static int by_name(const FTSENT **a, const FTSENT **b) {
  return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Calls back with each JSON file, in order; `max_level` 1: of the folder itself alone. */
static void files_walk(const char *folder, int max_level, void (*each)(const char *path, void *context),
                       void *context) {
  char *roots[] = {(char *)(uintptr_t)folder, NULL};
  FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
  for (FTSENT *entry = walk ? fts_read(walk) : NULL; entry; entry = fts_read(walk)) {
    if (entry->fts_info == FTS_F && entry->fts_level <= max_level && str_ends(str_of(entry->fts_name), STR(".json")))
      each(entry->fts_path, context);
  }
  if (walk) fts_close(walk);
}

static void remote_add(const char *path, void *context) {
  struct suite *suite = context;
  struct arena file;
  arena_init(&file, 0);
  struct schema_document *document = &suite->documents[suite->n_documents];
  document->uri =
      arena_printf(&suite->arena, "http://localhost:1234%s", path + strlen(suite->folder) + strlen("/remotes"));
  yyjson_val *value = file_read(&file, path);
  if (value && suite->n_documents < DOCUMENTS_MAX) {
    struct buf text;
    yyjson_alc alc = json_alc(&suite->arena);
    buf_init(&text, &suite->arena, FILE_MAX);
    json_write_value(&text, value);
    document->value = yyjson_doc_get_root(yyjson_read_opts(text.p, text.n, 0, &alc, NULL));
    suite->n_documents++;
  }
  arena_release(&file);
}

struct run {
  struct suite *suite;
  const struct draft *draft;
  bool asserts_format;
  struct tally tally;
};

static void report(const struct run *run, const char *path, yyjson_val *group, yyjson_val *test, const char *what,
                   const struct err *err) {
  if (run->tally.ran - run->tally.passed > SHOWN_FAILURES) return;
  printf("# %s: %s: %s: %s%s%s %s\n", path + strlen(run->suite->folder), json_get_str(group, "description").p,
         json_get_str(test, "description").p, what, err->text[0] ? ": " : "", err->text, err->place);
}

static void group_run(struct run *run, struct arena *arena, const char *path, yyjson_val *group) {
  struct schema_options options = {.draft = run->draft->draft,
                                   .asserts_format = run->asserts_format,
                                   .documents = run->suite->documents,
                                   .n_documents = run->suite->n_documents};
  struct schema *schema = NULL;
  struct err err = {0};
  enum err_code compiled = schema_compile_with(arena, json_get(group, "schema"), &options, &schema, &err);
  size_t i, count;
  yyjson_val *test;
  yyjson_arr_foreach(json_get(group, "tests"), i, count, test) {
    run->tally.ran++;
    if (compiled != ERR_NONE) {
      report(run, path, group, test, "does not compile", &err);
      continue;
    }
    struct err failure = {0};
    enum err_code code = schema_check(schema, json_get(test, "data"), &failure);
    bool is_valid = yyjson_get_bool(json_get(test, "valid"));
    if (code != (is_valid ? ERR_NONE : ERR_INVALID))
      report(run, path, group, test, code == ERR_NONE ? "accepted" : "refused", &failure);
    else if (schema_check(schema, json_get(test, "data"), NULL) != code)
      report(run, path, group, test, "differs where nobody asks why", &failure);
    else if (code == ERR_INVALID && !failure.text[0])
      report(run, path, group, test, "refused without a reason", &failure);
    else
      run->tally.passed++;
  }
}

static void file_run(const char *path, void *context) {
  struct run *run = context;
  struct arena arena;
  arena_init(&arena, 0);
  size_t i, count;
  yyjson_val *group;
  yyjson_arr_foreach(file_read(&arena, path), i, count, group) group_run(run, &arena, path, group);
  arena_release(&arena);
}

static void line(struct suite *suite, bool has_passed, const struct run *run, unsigned expected, const char *what) {
  suite->n_lines++;
  suite->n_failed_lines += !has_passed;
  printf("%s - JSON Schema %s: %u/%u %s\n", has_passed ? "ok" : "not ok", run->draft->name, run->tally.passed, expected,
         what);
}

static void required_run(struct suite *suite, const struct draft *draft) {
  char path[PATH_SIZE];
  struct run run = {suite, draft, false, {0}};
  snprintf(path, sizeof(path), "%s/tests/%s", suite->folder, draft->folder);
  files_walk(path, 1, file_run, &run);
  unsigned expected = run.tally.ran > draft->known ? run.tally.ran : draft->known;
  line(suite, run.tally.passed == expected, &run, expected, "required tests");
}

static void optional_run(const char *path, void *context) {
  /* idn-hostname asks for tables of Unicode, content for what lies in a string: annotations both. */
  static const char *const not_asserted[] = {"idn-hostname.json", "content.json"};
  const struct run *all = context;
  const char *name = strrchr(path, '/') + 1;
  struct run run = {all->suite, all->draft, all->asserts_format || str_starts(str_of(name), STR("ecmascript")), {0}};
  file_run(path, &run);
  if (run.tally.ran == 0) return;
  for (size_t i = 0; i < sizeof(not_asserted) / sizeof(not_asserted[0]); i++) {
    if (strcmp(name, not_asserted[i]) != 0) continue;
    printf("# %s: %u of %u\n", name, run.tally.passed, run.tally.ran);
    return;
  }
  char what[PATH_SIZE];
  snprintf(what, sizeof(what), "optional tests of %s%s", all->asserts_format ? "format " : "", name);
  line(all->suite, run.tally.passed == run.tally.ran, &run, run.tally.ran, what);
}

int main(int argc, char **argv) {
  static struct suite suite;
  if (argc != 2) {
    fputs("usage: schema_suite FOLDER\n", stderr);
    return 2;
  }
  suite.folder = argv[1];
  arena_init(&suite.arena, 0);
  char path[PATH_SIZE];
  snprintf(path, sizeof(path), "%s/remotes", suite.folder);
  files_walk(path, 100, remote_add, &suite);
  for (size_t i = 0; i < sizeof(drafts) / sizeof(drafts[0]); i++) {
    struct run run = {&suite, &drafts[i], false, {0}}, format_run = {&suite, &drafts[i], true, {0}};
    required_run(&suite, &drafts[i]);
    snprintf(path, sizeof(path), "%s/tests/%s/optional", suite.folder, drafts[i].folder);
    files_walk(path, 1, optional_run, &run);
    snprintf(path, sizeof(path), "%s/tests/%s/optional/format", suite.folder, drafts[i].folder);
    files_walk(path, 1, optional_run, &format_run);
  }
  printf("1..%d\n", suite.n_lines);
  arena_release(&suite.arena);
  return suite.n_failed_lines > 0;
}
