/* connek export: an organisation as a file that apply takes back. */
#include "cli/cli.h"
#include "cli/open.h"
#include "config/config.h"

struct export_work {
  const struct cli_store *store;
  struct str organisation;
  struct buf out;
};

static enum err_code export_in(struct db_tx *tx, void *context, struct err *err) {
  struct export_work *work = context;
  return config_export(tx, work->store->vault, work->organisation, &work->out, err);
}

static int export(const struct cli_args *args, struct arena *arena) {
  struct err err = {0};
  struct cli_store store;
  if (cli_open(args, CLI_READ, &store, &err)) return cli_fail(args, &err);
  struct export_work work = {.store = &store, .organisation = str_of(cli_value(args, "organisation"))};
  buf_init(&work.out, arena, (size_t)256 * 1024 * 1024);
  int exit_code = db_read(store.conn, export_in, &work, &err) ? cli_fail(args, &err) : cli_print_buf(args, &work.out);
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {CLI_OPTION_DATA, CLI_OPTION_ORGANISATION};

const struct cli_command cli_export = {
    .name = "export",
    .words = "",
    .summary = "prints an organisation as a file that apply takes back",
    .description =
        "Prints JSON: limits, connectors of the organisation's own, connections, roles and users. Credentials\n"
        "never leave: each of their members is printed as {\"env\": \"CONNECTION_MEMBER\"}, the variable to put it\n"
        "in before the file is applied. Access tokens are not part of it.\n",
    .example = "  connek export --data /var/lib/connek > acme.json\n",
    CLI_OPTIONS(options),
    .run = export,
};
