/* connek connection disconnect: what a service granted is given up, there and here. */
#include "cli/connection.h"

#include "base/limits.h"

struct disconnect_work {
  const struct cli_args *args;
  struct arena *arena;
  struct organisation_record organisation;
  struct connection_record connection;
  struct grant_disconnect order;
};

static enum err_code find_in(struct db_tx *tx, void *context, struct err *err) {
  struct disconnect_work *work = context;
  return connection_find(tx, work->arena, work->args, &work->organisation, &work->connection, err);
}

static void on_done(struct grant_disconnect *order) {
  loop_stop(order->loop);
}

static int report(const struct disconnect_work *work) {
  struct buf out;
  const struct grant_disconnect *order = &work->order;
  buf_init(&out, work->arena, 4 * KIB);
  buf_printf(&out, "disconnected %.*s%s\n", STR_ARG(work->connection.name),
             order->is_revoked       ? "; the service has revoked the access"
             : order->remark.text[0] ? ""
                                     : "; the service takes no revocations, or had given nothing");
  if (!order->is_revoked && order->remark.text[0])
    cli_warn(work->args, "the service did not revoke the access: %s. Remove it there by hand", order->remark.text);
  return cli_print_buf(work->args, &out);
}

static int run(struct disconnect_work *work, const struct cli_store *store) {
  struct cli_keeper keeper;
  struct err err = {0};
  if (db_read(store->conn, find_in, work, &err)) return cli_fail(work->args, &err);
  int exit_code = cli_keeper_start(work->args, work->arena, store, STR_NONE, &keeper);
  if (exit_code) return exit_code;
  work->order = (struct grant_disconnect){.organisation_id = work->organisation.id,
                                          .connection_id = work->connection.id,
                                          .loop = &keeper.loop,
                                          .done = on_done};
  grant_disconnect_run(keeper.keeper, &work->order);
  loop_run(&keeper.loop);
  cli_keeper_stop(&keeper);
  if (work->order.code) return cli_fail(work->args, &work->order.err);
  if (cli_confirm(store, &err)) {
    cli_warn(work->args, "disconnected in the database, but the server running on %s has not confirmed it (%s)",
             store->dir, err.text);
    return CLI_FAILED;
  }
  return report(work);
}

static int connection_disconnect(const struct cli_args *args, struct arena *arena) {
  struct disconnect_work work = {.args = args, .arena = arena};
  struct err err = {0};
  struct cli_store store;
  if (cli_open(args, CLI_WRITE, &store, &err)) return cli_fail(args, &err);
  int exit_code = run(&work, &store);
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {
    CLI_OPTION_DATA,
    CLI_OPTION_CONNECTION,
    CLI_OPTION_ORGANISATION,
    CLI_OPTIONS_UPSTREAM,
};

const struct cli_command cli_connection_disconnect = {
    .name = "connection disconnect",
    .words = "",
    .summary = "gives up what a service granted to a connection",
    .description =
        "Asks the service to revoke the access, where its connector says how, and forgets the tokens in any\n"
        "case. Returns when a server running on the folder has confirmed: from then on no call uses them. The\n"
        "connection stays, and can be connected again. A credential of its own, from the configuration file, is\n"
        "not touched.\n",
    .example = "  connek connection disconnect --data /var/lib/connek --connection books\n",
    CLI_OPTIONS(options),
    .run = connection_disconnect,
};
