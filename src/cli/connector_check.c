/* connek connector check: is a manifest one that this version takes? */
#include <string.h>

#include "base/limits.h"
#include "cli/cli.h"
#include "codec/json.h"
#include "config/config.h"
#include "connector/connector.h"

/* False: it has a mistake, which was printed. */
static bool check_file(const char *path, struct buf *out) {
  struct arena arena;
  arena_init(&arena, 0);
  struct buf text;
  buf_init(&text, &arena, (size_t)LIMIT_JSON_FILE + 64 * KIB);
  struct err err = {0};
  struct connector connector = {0};
  yyjson_doc *doc = NULL;
  enum err_code code = config_read_file(path, LIMIT_JSON_FILE, &text, &err);
  if (!code) code = json_read_file_text(&arena, buf_str(&text), &doc, &err);
  if (!code) code = connector_compile(&arena, yyjson_doc_get_root(doc), &connector, &err);
  if (code) {
    buf_printf(out, "%s: %s%s%s\n", path, err.place, err.place[0] ? ": " : "", err.text);
  } else {
    buf_printf(out, "%s: ok, %.*s, %zu %s\n", path, STR_ARG(connector.id), connector.n_tools,
               connector.n_tools == 1 ? "tool" : "tools");
  }
  arena_release(&arena);
  return !code;
}

static int check(const struct cli_args *args, struct arena *arena) {
  struct buf out;
  buf_init(&out, arena, (size_t)64 * MIB);
  bool are_all_good = true;
  for (size_t i = 0; i < args->n_words; i++) {
    if (!check_file(args->words[i], &out)) are_all_good = false;
  }
  int exit_code = cli_print_buf(args, &out);
  return are_all_good ? exit_code : CLI_FAILED;
}

const struct cli_command cli_connector_check = {
    .name = "connector check",
    .words = "FILE...",
    .min_words = 1,
    .max_words = SIZE_MAX,
    .summary = "checks manifests, without using them",
    .description =
        "Reads each manifest and compiles it as apply would. One line a file: ok, or what is wrong and where.\n"
        "Ends with 1 where one of them has a mistake. Nothing is stored and nothing is called.\n",
    .example = "  connek connector check manifests/*.json\n",
    .run = check,
};
