/* The command line: one table of commands, a file each. What they share in opening data and in answering. */
#ifndef CONNEK_CLI_CLI_H
#define CONNEK_CLI_CLI_H

#include <stdio.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/options.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct cli_command {
  const char *name;  /* "token create" */
  const char *words; /* "FILE...", or "" */
  size_t min_words, max_words;
  const char *summary;     /* one line, without a full stop */
  const char *description; /* paragraphs, ending with a newline */
  const char *example;     /* lines, ending with a newline */
  const struct cli_option *options;
  size_t n_options;
  int (*run)(const struct cli_args *args, struct arena *arena);
};

extern const struct cli_command cli_serve, cli_apply, cli_export, cli_token_create, cli_token_list, cli_token_revoke,
    cli_audit_list, cli_audit_verify, cli_audit_checkpoint, cli_audit_retention, cli_connector_check,
    cli_connector_list, cli_connector_review, cli_connector_try, cli_connector_import, cli_call, cli_bridge;
extern const struct cli_command cli_operator_key, cli_backup, cli_restore, cli_migrate, cli_audit_export;
extern const struct cli_command cli_user_invite, cli_user_reset, cli_client_list, cli_client_revoke, cli_session_list,
    cli_session_revoke;
extern const struct cli_command cli_client_app_set, cli_client_app_remove, cli_client_app_list, cli_connection_list,
    cli_connection_check, cli_connection_show, cli_connection_connect, cli_connection_disconnect, cli_key_rotate,
    cli_key_check;

/* The whole program. Returns the exit code. */
int cli_run(int argc, char **argv);

/* answer.c: what a command says, and the exit code that goes with it */

/* "connek token create: place: text"; CLI_FAILED. */
int cli_fail(const struct cli_args *args, const struct err *err);
/* The same with a text of its own, and where to read more; CLI_USAGE. */
int cli_usage(const struct cli_args *args, const char *format, ...) PRINTF_LIKE(2, 3);
/* A remark on standard error that does not change how the command ended. */
void cli_warn(const struct cli_args *args, const char *format, ...) PRINTF_LIKE(2, 3);
/* Writes to standard output; CLI_FAILED with a word on standard error where it could not (a full disk, a closed pipe).
 */
int cli_print(const struct cli_args *args, struct str text);
int cli_print_buf(const struct cli_args *args, const struct buf *text);

#define CLI_DATABASE_VARIABLE "CONNEK_DATABASE"
/* Options that many commands have. */
#define CLI_OPTION_DATA                                                                             \
  {"data", "DIR", "CONNEK_DATA", "var", "the data folder", false, false}, {                         \
    "database", "URL", CLI_DATABASE_VARIABLE, NULL,                                                 \
        "a PostgreSQL database (postgres://USER@HOST/NAME); without it DIR/connek.db", false, false \
  }
#define CLI_OPTION_ORGANISATION \
  {"organisation", "NAME", "CONNEK_ORGANISATION", NULL, "which organisation, where there are several", false, false}
#define CLI_OPTION_JSON {"json", NULL, NULL, NULL, "one JSON object a line", false, false}
#define CLI_OPTIONS(table) .options = (table), .n_options = sizeof(table) / sizeof((table)[0])

#endif
