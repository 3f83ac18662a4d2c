/* How every command speaks: results on standard output, problems on standard error, each beginning with the command. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cli/cli.h"

static void complain(const struct cli_args *args, const char *text) {
  (void)fprintf(stderr, "connek %s: %s\n", args->command->name, text);
}

int cli_fail(const struct cli_args *args, const struct err *err) {
  (void)fprintf(stderr, "connek %s: %s%s%s\n", args->command->name, err->place, err->place[0] ? ": " : "", err->text);
  if (err->detail[0]) (void)fprintf(stderr, "  (%s)\n", err->detail);
  return CLI_FAILED;
}

int cli_usage(const struct cli_args *args, const char *format, ...) {
  char text[ERR_TEXT_SIZE];
  va_list list;
  va_start(list, format);
  (void)vsnprintf(text, sizeof(text), format, list);
  va_end(list);
  complain(args, text);
  (void)fprintf(stderr, "connek %s --help tells more.\n", args->command->name);
  return CLI_USAGE;
}

void cli_warn(const struct cli_args *args, const char *format, ...) {
  char text[ERR_TEXT_SIZE * 2];
  va_list list;
  va_start(list, format);
  (void)vsnprintf(text, sizeof(text), format, list);
  va_end(list);
  complain(args, text);
}

int cli_print(const struct cli_args *args, struct str text) {
  if (fwrite(text.p ? text.p : "", 1, text.n, stdout) == text.n && fflush(stdout) == 0) return CLI_OK;
  cli_warn(args, "standard output cannot be written: %s", strerror(errno));
  return CLI_FAILED;
}

int cli_print_buf(const struct cli_args *args, const struct buf *text) {
  if (!buf_failed(text)) return cli_print(args, buf_str(text));
  cli_warn(args, "out of memory");
  return CLI_FAILED;
}
