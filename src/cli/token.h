/* What the token commands share. */
#ifndef CONNEK_CLI_TOKEN_H
#define CONNEK_CLI_TOKEN_H

#include "cli/cli.h"
#include "store/store.h"

#define TOKEN_OPTION_PUBLIC_URL                                                                        \
  {"public-url",                                                                                       \
   "URL",                                                                                              \
   "CONNEK_PUBLIC_URL",                                                                                \
   NULL,                                                                                               \
   "what clients call the server; without it what it was last started with, or http://127.0.0.1:8080", \
   false,                                                                                              \
   false}

/* From the option: checked, without a slash at its end; empty where there is none. */
int token_read_public_url(const struct cli_args *args, struct arena *arena, struct str *ret_url);
/* Where `*url` is empty: what the server left in the installation table, or the default. */
enum err_code token_public_url(struct db_tx *tx, struct arena *arena, struct str *url, struct err *err) MUST_CHECK;

#endif
