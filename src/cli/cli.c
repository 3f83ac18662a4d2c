/* The table of commands, their help, and the way from argv to one of them. */
#include "cli/cli.h"

#include <string.h>

static const struct cli_command *const commands[] = {
    &cli_serve,
    &cli_apply,
    &cli_export,
    &cli_token_create,
    &cli_token_list,
    &cli_token_revoke,
    &cli_audit_list,
    &cli_audit_export,
    &cli_audit_verify,
    &cli_audit_checkpoint,
    &cli_audit_retention,
    &cli_connector_check,
    &cli_connector_list,
    &cli_connector_review,
    &cli_connector_try,
    &cli_connector_import,
    &cli_call,
    &cli_bridge,
    &cli_user_invite,
    &cli_user_reset,
    &cli_client_list,
    &cli_client_revoke,
    &cli_session_list,
    &cli_session_revoke,
    &cli_client_app_set,
    &cli_client_app_remove,
    &cli_client_app_list,
    &cli_connection_list,
    &cli_connection_show,
    &cli_connection_check,
    &cli_connection_connect,
    &cli_connection_disconnect,
    &cli_key_rotate,
    &cli_key_check,
    &cli_operator_key,
    &cli_backup,
    &cli_restore,
    &cli_migrate,
};
enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]), HELP_COLUMN = 32, HELP_WIDTH = 100 };

/* A paragraph's text from HELP_COLUMN on; `used` is how far its first line is written already. */
static void print_wrapped(FILE *out, size_t used, const char *text) {
  (void)fprintf(out, "%*s", used < HELP_COLUMN ? (int)(HELP_COLUMN - used) : 1, "");
  size_t column = used < HELP_COLUMN ? HELP_COLUMN : used + 1;
  bool is_first = true;
  for (struct str rest = str_of(text); rest.p;) {
    struct str word = str_cut(&rest, ' ');
    if (!is_first && column + 1 + word.n > HELP_WIDTH) {
      (void)fprintf(out, "\n%*s", HELP_COLUMN, "");
      column = HELP_COLUMN;
      is_first = true;
    }
    (void)fprintf(out, "%s%.*s", is_first ? "" : " ", STR_ARG(word));
    column += word.n + (is_first ? 0 : 1);
    is_first = false;
  }
  (void)fputc('\n', out);
}

static void print_option(FILE *out, const struct cli_option *option) {
  char text[400];
  (void)snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", option->help, option->is_required ? " (required)" : "",
                 option->is_repeated ? "; may be repeated" : "", option->fallback ? "; default " : "",
                 option->fallback ? option->fallback : "", option->variable ? "; also " : "",
                 option->variable ? option->variable : "");
  int used = fprintf(out, "  --%s%s%s", option->name, option->value ? " " : "", option->value ? option->value : "");
  print_wrapped(out, used > 0 ? (size_t)used : 0, text);
}

static int print_command_help(const struct cli_command *command) {
  (void)printf("connek %s: %s\n\n", command->name, command->summary);
  (void)printf("Usage: connek %s", command->name);
  if (command->words[0]) (void)printf(" %s", command->words);
  for (size_t i = 0; i < command->n_options; i++) {
    const struct cli_option *option = &command->options[i];
    if (option->is_required) (void)printf(" --%s %s", option->name, option->value);
  }
  (void)printf(" [options]\n\n%s\nOptions:\n", command->description);
  for (size_t i = 0; i < command->n_options; i++)
    print_option(stdout, &command->options[i]);
  print_option(stdout, &(struct cli_option){.name = "help", .help = "this text"});
  (void)printf("\nExample:\n%s", command->example);
  return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

static void print_commands(FILE *out, const char *group) {
  size_t n = strlen(group);
  for (size_t i = 0; i < N_COMMANDS; i++) {
    if (strncmp(commands[i]->name, group, n) != 0) continue;
    int used = fprintf(out, "  %s %s", commands[i]->name, commands[i]->words);
    print_wrapped(out, used > 0 ? (size_t)used : 0, commands[i]->summary);
  }
}

static int print_help(void) {
  (void)printf("connek " CONNEK_VERSION
               ": the access layer between a company's tools and its AI assistants\n\n"
               "Usage: connek COMMAND [options]\n\nCommands:\n");
  print_commands(stdout, "");
  (void)printf(
      "\nEvery command works on one data folder (--data DIR, default var), also while a server runs on it.\n"
      "It ends with 0, with 1 where it failed or found that something does not hold, and with 2 where it\n"
      "was called wrongly. Settings may also come from the environment as CONNEK_..., which options override.\n"
      "\nExample:\n"
      "  connek apply examples/acme/acme.json --data var\n"
      "  connek token create --data var --user finance@acme.example\n"
      "  connek serve --data var\n"
      "\nconnek COMMAND --help tells more of each.\n");
  return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

static bool is_help(const char *word) {
  return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* "token" alone, or "token" and something that is no command of it. */
static int answer_group(const char *group, const char *word) {
  char prefix[32];
  (void)snprintf(prefix, sizeof(prefix), "%s ", group);
  if (word && is_help(word)) {
    (void)printf("Commands of connek %s:\n", group);
    print_commands(stdout, prefix);
    (void)printf("\nconnek %s COMMAND --help tells more of each.\n", group);
    return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
  }
  const char *names[N_COMMANDS];
  size_t n = 0;
  for (size_t i = 0; i < N_COMMANDS; i++) {
    if (strncmp(commands[i]->name, prefix, strlen(prefix)) == 0) names[n++] = commands[i]->name + strlen(prefix);
  }
  const char *meant = word ? cli_nearest(word, names, n) : NULL;
  if (meant) {
    (void)fprintf(stderr, "connek %s: there is no \"%s\"; did you mean connek %s%s?\n", group, word, prefix, meant);
  } else if (word) {
    (void)fprintf(stderr, "connek %s: there is no \"%s\". Its commands:\n", group, word);
  } else {
    (void)fprintf(stderr, "connek %s: which of its commands?\n", group);
  }
  if (!meant) print_commands(stderr, prefix);
  return CLI_USAGE;
}

static int answer_unknown(const char *word) {
  const char *names[N_COMMANDS];
  char first[N_COMMANDS][32];
  for (size_t i = 0; i < N_COMMANDS; i++) {
    struct str rest = str_of(commands[i]->name);
    struct str name = str_cut(&rest, ' ');
    (void)snprintf(first[i], sizeof(first[i]), "%.*s", STR_ARG(name));
    names[i] = first[i];
  }
  const char *meant = word[0] == '-' ? NULL : cli_nearest(word, names, N_COMMANDS);
  if (meant) {
    (void)fprintf(stderr, "connek: there is no command \"%s\"; did you mean connek %s?\n", word, meant);
  } else {
    (void)fprintf(stderr, "connek: there is no command \"%s\"; connek --help lists them.\n", word);
  }
  return CLI_USAGE;
}

/* The command whose name is the first one or two arguments; *ret_n says how many. */
static const struct cli_command *find(int argc, char **argv, int *ret_n) {
  for (size_t i = 0; i < N_COMMANDS; i++) {
    struct str second = str_of(commands[i]->name);
    struct str first = str_cut(&second, ' ');
    if (!str_eq_c(first, argv[1])) continue;
    if (second.p && (argc < 3 || !str_eq_c(second, argv[2]))) continue;
    *ret_n = second.p ? 2 : 1;
    return commands[i];
  }
  return NULL;
}

static bool is_group(const char *word) {
  size_t n = strlen(word);
  for (size_t i = 0; i < N_COMMANDS; i++) {
    if (strncmp(commands[i]->name, word, n) == 0 && commands[i]->name[n] == ' ') return true;
  }
  return false;
}

static int run(const struct cli_command *command, int n, char **argv) {
  struct arena arena;
  arena_init(&arena, 0);
  struct cli_args args = {.command = command};
  struct err err = {0};
  int exit_code;
  if (cli_options_read(&arena, command, n, argv, &args, &err)) {
    exit_code = cli_usage(&args, "%s", err.text);
  } else if (args.wants_help) {
    exit_code = print_command_help(command);
  } else {
    exit_code = command->run(&args, &arena);
  }
  arena_release(&arena);
  return exit_code;
}

int cli_run(int argc, char **argv) {
  if (argc < 2) {
    (void)fprintf(stderr, "connek: which command? connek --help lists them.\n");
    return CLI_USAGE;
  }
  if (strcmp(argv[1], "help") == 0 && argc > 2) { /* connek help token create */
    int n_words = 0;
    const struct cli_command *asked = find(argc - 1, argv + 1, &n_words);
    if (asked) return print_command_help(asked);
    if (is_group(argv[2])) return answer_group(argv[2], "help");
    return answer_unknown(argv[2]);
  }
  if (is_help(argv[1])) return print_help();
  if (strcmp(argv[1], "--version") == 0) {
    (void)printf("connek " CONNEK_VERSION "\n");
    return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
  }
  int n_words = 0;
  const struct cli_command *command = find(argc, argv, &n_words);
  if (command) return run(command, argc - 1 - n_words, argv + 1 + n_words);
  if (is_group(argv[1])) return answer_group(argv[1], argc > 2 ? argv[2] : NULL);
  return answer_unknown(argv[1]);
}
