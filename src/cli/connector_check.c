/* connek connector check: is a manifest one that this version takes, and is it a good one? */
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/connector_file.h"

/* False: it has a mistake, which was printed. */
static bool check_file(const char *path, struct buf *out) {
  struct arena arena;
  arena_init(&arena, 0);
  struct connector_file file;
  connector_file_read(&arena, path, true, out, &file);
  if (file.n_errors == 0) {
    buf_printf(out, "%s: ok, %.*s, %zu %s", path, STR_ARG(file.connector.id), file.connector.n_tools,
               file.connector.n_tools == 1 ? "tool" : "tools");
    if (file.n_warnings > 0)
      buf_printf(out, ", %zu %s", file.n_warnings, file.n_warnings == 1 ? "warning" : "warnings");
    buf_append_byte(out, '\n');
  } else {
    buf_printf(out, "%s: %zu %s\n", path, file.n_errors, file.n_errors == 1 ? "mistake" : "mistakes");
  }
  arena_release(&arena);
  return file.n_errors == 0;
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
        "Reads each manifest and compiles it as apply would, and says everything that is wrong with it, not only\n"
        "the first: FILE:LINE:COLUMN: error: what, and how to mend it (JSON pointer). Warnings are about what\n"
        "works and is doubtful: a description that helps no model, an argument that goes nowhere, a mask that\n"
        "matches nothing in the tool's example. Ends with 1 where there is an error; warnings do not count.\n"
        "Nothing is stored and nothing is called.\n",
    .example = "  connek connector check manifests/*.json\n",
    .run = check,
};
