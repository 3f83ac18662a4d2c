/* What the commands about connections share: which one is meant, and a keeper of grants for as long as a command runs.
 */
#ifndef CONNEK_CLI_CONNECTION_H
#define CONNEK_CLI_CONNECTION_H

#include "cli/cli.h"
#include "cli/open.h"
#include "grant/keeper.h"
#include "store/grant.h"

/* --organisation and --connection. ERR_NOT_FOUND names what there is none of. */
enum err_code connection_find(struct db_tx *tx, struct arena *arena, const struct cli_args *args,
                              struct organisation_record *ret_organisation, struct connection_record *ret_connection,
                              struct err *err) MUST_CHECK;

/* Audit record of a change that an operator made; `arguments` is JSON. */
enum err_code connection_record_change(struct db_tx *tx, struct arena *arena, const struct vault *vault,
                                       const struct organisation_record *organisation,
                                       const struct connection_record *connection, const char *word,
                                       struct str arguments, struct err *err) MUST_CHECK;

struct cli_keeper {
  struct loop loop; /* the command's own: answers come here */
  struct address_guard guard;
  struct http_client_options client;
  struct grant_keeper *keeper;
};
/* With --allow-upstream, --ca and --proxy. CLI_OK, or what the command ends with. `public_url` may be empty. */
int cli_keeper_start(const struct cli_args *args, struct arena *arena, const struct cli_store *store,
                     struct str public_url, struct cli_keeper *ret_keeper);
void cli_keeper_stop(struct cli_keeper *keeper);

#define CLI_OPTION_CONNECTION {"connection", "NAME", NULL, NULL, "which connection", true, false}
#define CLI_OPTIONS_UPSTREAM                                                                                     \
  {"allow-upstream",                                                                                             \
   "HOST[:PORT]",                                                                                                \
   "CONNEK_ALLOW_UPSTREAM",                                                                                      \
   NULL,                                                                                                         \
   "a host that may be reached although its address is private",                                                 \
   false,                                                                                                        \
   true},                                                                                                        \
      {"ca", "FILE", "CONNEK_CA", NULL, "certificates to trust (PEM), instead of the system's", false, false}, { \
    "proxy", "URL", "CONNEK_PROXY", NULL, "a proxy for everything upstream", false, false                        \
  }

#endif
