/* Command-line options, read by one table a command: `--name VALUE`, `--name=VALUE`, and for settings CONNEK_NAME in
 * the environment, which an option overrides. */
#ifndef CONNEK_CLI_OPTIONS_H
#define CONNEK_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct cli_option {
  const char *name;     /* without its dashes */
  const char *value;    /* what stands for it in help: "DIR"; NULL: a switch */
  const char *variable; /* "CONNEK_DATA", or NULL: not from the environment */
  const char *fallback; /* what help names as the default, and cli_value returns; or NULL */
  const char *help;
  bool is_required, is_repeated; /* repeated: in the environment separated by commas */
};

enum { CLI_OPTIONS_MAX = 24 };

struct cli_values {
  const char **items;
  size_t n;
};

struct cli_command;

struct cli_args {
  const struct cli_command *command;
  struct cli_values values[CLI_OPTIONS_MAX]; /* by the option's place in its table */
  const char **words;                        /* what is no option */
  size_t n_words;
  bool wants_help;
};

/* Reads `argv` (n arguments, the command's words left out). Borrows argv and the environment. On failure the text is a
 * person's: what is wrong, and what was probably meant. */
enum err_code cli_options_read(struct arena *arena, const struct cli_command *command, int n, char *const *argv,
                               struct cli_args *ret_args, struct err *err) MUST_CHECK;

/* The (last) value, its fallback, or NULL. The name must stand in the command's table. */
const char *cli_value(const struct cli_args *args, const char *name);
bool cli_has(const struct cli_args *args, const char *name);
struct cli_values cli_list(const struct cli_args *args, const char *name);

/* Of `n` candidates the one that `word` was probably meant to be, or NULL. */
const char *cli_nearest(const char *word, const char *const *candidates, size_t n);

#endif
