/* One parser for every command's options. Knows the tables and the environment; not what an option means. */
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static ptrdiff_t find(const struct cli_command *command, const char *name, size_t n) {
  for (size_t i = 0; i < command->n_options; i++) {
    if (strncmp(command->options[i].name, name, n) == 0 && command->options[i].name[n] == '\0') return (ptrdiff_t)i;
  }
  return -1;
}

static enum err_code unknown(const struct cli_command *command, const char *name, size_t n, struct err *err) {
  const char *names[CLI_OPTIONS_MAX + 1];
  for (size_t i = 0; i < command->n_options; i++)
    names[i] = command->options[i].name;
  names[command->n_options] = "help";
  char word[64];
  if (n >= sizeof(word)) n = sizeof(word) - 1;
  memcpy(word, name, n);
  word[n] = '\0';
  const char *meant = cli_nearest(word, names, command->n_options + 1);
  if (meant) return err_set(err, ERR_INVALID, "there is no option --%s; did you mean --%s?", word, meant);
  return err_set(err, ERR_INVALID, "there is no option --%s", word);
}

static enum err_code add(struct arena *arena, struct cli_values *values, const char *value, struct err *err) {
  const char **items = arena_new_n(arena, const char *, values->n + 1);
  if (!items) return err_no_memory(err);
  if (values->n) memcpy(items, values->items, values->n * sizeof(*items));
  items[values->n++] = value;
  values->items = items;
  return ERR_NONE;
}

/* Reads the option at argv[*i]; moves past its value. */
static enum err_code read_option(struct arena *arena, const struct cli_command *command, int n, char *const *argv,
                                 int *i, struct cli_args *args, struct err *err) {
  const char *name = argv[*i] + 2;
  const char *equals = strchr(name, '=');
  size_t length = equals ? (size_t)(equals - name) : strlen(name);
  ptrdiff_t found = find(command, name, length);
  if (found < 0) return unknown(command, name, length, err);
  const struct cli_option *option = &command->options[found];
  const char *value = equals ? equals + 1 : NULL;
  if (!option->value && value) return err_set(err, ERR_INVALID, "--%s takes no value", option->name);
  if (option->value && !value) {
    if (*i + 1 >= n || strncmp(argv[*i + 1], "--", 2) == 0) {
      return err_set(err, ERR_INVALID, "--%s needs a value: --%s %s", option->name, option->name, option->value);
    }
    value = argv[++*i];
  }
  if (option->value && !*value) return err_set(err, ERR_INVALID, "--%s must not be empty", option->name);
  if (args->values[found].n && !option->is_repeated) {
    return err_set(err, ERR_INVALID, "--%s is given twice", option->name);
  }
  return add(arena, &args->values[found], option->value ? value : "", err);
}

static enum err_code read_variable(struct arena *arena, const struct cli_option *option, struct cli_values *values,
                                   struct err *err) {
  const char *value = option->variable ? getenv(option->variable) : NULL;
  if (!value || !*value || values->n) return ERR_NONE;
  if (!option->is_repeated) return add(arena, values, value, err);
  for (struct str rest = str_of(value); rest.p;) {
    struct str item = str_trim(str_cut(&rest, ','));
    if (item.n == 0) continue;
    struct str copy = arena_str(arena, item);
    if (!copy.p) return err_no_memory(err);
    enum err_code code = add(arena, values, copy.p, err);
    if (code) return code;
  }
  return ERR_NONE;
}

static enum err_code check(const struct cli_command *command, const struct cli_args *args, struct err *err) {
  for (size_t i = 0; i < command->n_options; i++) {
    const struct cli_option *option = &command->options[i];
    if (option->is_required && !args->values[i].n) {
      return err_set(err, ERR_INVALID, "--%s %s is required", option->name, option->value);
    }
  }
  if (args->n_words < command->min_words) return err_set(err, ERR_INVALID, "%s is missing", command->words);
  if (args->n_words > command->max_words) {
    return err_set(err, ERR_INVALID, "\"%s\" is one word too many", args->words[command->max_words]);
  }
  return ERR_NONE;
}

enum err_code cli_options_read(struct arena *arena, const struct cli_command *command, int n, char *const *argv,
                               struct cli_args *ret_args, struct err *err) {
  struct cli_args args = {.command = command};
  args.words = arena_new_n(arena, const char *, (size_t)n + 1);
  if (!args.words) return err_no_memory(err);
  bool are_options_over = false;
  enum err_code code = ERR_NONE;
  for (int i = 0; i < n && !code; i++) {
    if (!are_options_over && strcmp(argv[i], "--") == 0) {
      are_options_over = true;
    } else if (!are_options_over && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
      args.wants_help = true;
      *ret_args = args;
      return ERR_NONE; /* whatever else is wrong, this is what was asked for */
    } else if (!are_options_over && strncmp(argv[i], "--", 2) == 0) {
      code = read_option(arena, command, n, argv, &i, &args, err);
    } else if (!are_options_over && argv[i][0] == '-' && argv[i][1]) {
      code = err_set(err, ERR_INVALID, "there is no option %s; options have two dashes", argv[i]);
    } else {
      args.words[args.n_words++] = argv[i];
    }
  }
  for (size_t i = 0; i < command->n_options && !code; i++) {
    code = read_variable(arena, &command->options[i], &args.values[i], err);
  }
  if (!code) code = check(command, &args, err);
  if (!code) *ret_args = args;
  return code;
}

struct cli_values cli_list(const struct cli_args *args, const char *name) {
  ptrdiff_t found = find(args->command, name, strlen(name));
  return found < 0 ? (struct cli_values){NULL, 0} : args->values[found];
}

const char *cli_value(const struct cli_args *args, const char *name) {
  struct cli_values values = cli_list(args, name);
  if (values.n) return values.items[values.n - 1];
  ptrdiff_t found = find(args->command, name, strlen(name));
  return found < 0 ? NULL : args->command->options[found].fallback;
}

bool cli_has(const struct cli_args *args, const char *name) {
  return cli_list(args, name).n > 0;
}

/* --- did you mean --- */

enum { WORD_MAX = 31 };

/* Damerau's distance in its restricted form: how many insertions, deletions, changes and swaps of neighbours. */
static size_t distance(const char *a, size_t n, const char *b, size_t m) {
  size_t rows[3][WORD_MAX + 1] = {{0}};
  for (size_t k = 0; k <= m; k++)
    rows[0][k] = k;
  for (size_t i = 1; i <= n; i++) {
    size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
    row[0] = i;
    for (size_t k = 1; k <= m; k++) {
      size_t best = above[k - 1] + (a[i - 1] != b[k - 1]);
      if (above[k] + 1 < best) best = above[k] + 1;
      if (row[k - 1] + 1 < best) best = row[k - 1] + 1;
      bool is_swapped = i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1];
      if (is_swapped && two_above[k - 2] + 1 < best) best = two_above[k - 2] + 1;
      row[k] = best;
    }
  }
  return rows[n % 3][m];
}

const char *cli_nearest(const char *word, const char *const *candidates, size_t n) {
  size_t length = strlen(word), best = 3;
  const char *nearest = NULL;
  if (length == 0 || length > WORD_MAX) return NULL;
  for (size_t i = 0; i < n; i++) {
    size_t other = strlen(candidates[i]);
    if (other > WORD_MAX) continue;
    size_t away = distance(word, length, candidates[i], other);
    /* "organization" shares its beginning with "organisation"; "org" is its beginning. */
    if (length >= 2 && strncmp(word, candidates[i], length) == 0) away = 1;
    if (away < best && away < other) {
      best = away;
      nearest = candidates[i];
    }
  }
  return nearest;
}
