/* connek operator key: the key by which the operator's own programs see the installation at the API. */
#include "base/limits.h"
#include "base/secret.h"
#include "cli/cli.h"
#include "cli/open.h"
#include "identity/token.h"
#include "store/store.h"

struct key_work {
  char text[TOKEN_TEXT_SIZE];
};

static enum err_code make_in(struct db_tx *tx, void *context, struct err *err) {
  struct key_work *work = context;
  uint8_t hash[TOKEN_HASH_SIZE];
  token_new(TOKEN_API, work->text);
  token_hash(str_of(work->text), hash);
  return store_installation_set(tx, "operator_key", str_make((const char *)hash, sizeof(hash)), err);
}

static int operator_key(const struct cli_args *args, struct arena *arena) {
  struct key_work work = {{0}};
  struct cli_store store;
  struct buf out;
  struct err err = {0};
  if (cli_open(args, CLI_WRITE, &store, &err)) return cli_fail(args, &err);
  buf_init(&out, arena, 4 * KIB);
  (void)buf_reserve(&out, 2 * KIB); /* all at once: growing would leave a copy unwiped */
  int exit_code = CLI_OK;
  if (db_write(store.conn, make_in, &work, &err)) {
    exit_code = cli_fail(args, &err);
  } else {
    buf_printf(&out, "%s\n", work.text);
    exit_code = cli_print_buf(args, &out);
    if (out.p) secret_wipe(out.p, out.capacity);
  }
  secret_wipe(work.text, sizeof(work.text));
  cli_close(&store);
  return exit_code;
}

static const struct cli_option options[] = {CLI_OPTION_DATA};

const struct cli_command cli_operator_key = {
    .name = "operator key",
    .words = "",
    .summary = "makes the key by which the operator sees the installation at the API",
    .description =
        "Prints it, this once: only its hash is kept, and a new one takes its place. It opens /api/v1/operator, which\n"
        "has figures of the installation and of each organisation, and nothing of anybody's data.\n",
    .example =
        "  curl -H \"Authorization: Bearer $(connek operator key --data /var/lib/connek)\" "
        "https://connek.example.com/api/v1/operator\n",
    CLI_OPTIONS(options),
    .run = operator_key,
};
