/* The parts of `connek connector import`. For src/cli/import*.c alone. */
#ifndef CONNEK_CLI_IMPORT_H
#define CONNEK_CLI_IMPORT_H

#include "base/arena.h"
#include "codec/json.h"

/* What is made of a file: connectors and connections for a configuration, the variables that hold their secrets, and
 * what a person has to know. Texts are copied into `doc`. */
struct import {
  struct arena *arena;
  yyjson_mut_doc *doc;
  yyjson_mut_val *connectors, *connections, *variables, *notes;
};

/* One server under way. */
struct import_server {
  struct import *import;
  struct str id;
  yyjson_mut_val *connector;
  yyjson_mut_val *credential; /* of its connection; NULL: none */
  yyjson_mut_val *command, *environment;
};

/* import.c: what every form is made of */

/* `name` as the file has it; the id is made of it, and is another one where that is taken. */
void import_begin(struct import *import, struct str name, struct str title, struct import_server *ret_server);
void import_end(struct import_server *server);
void import_note(struct import_server *server, const char *format, ...) PRINTF_LIKE(2, 3);
/* A URL; what looks like a secret in it is left out, and said. */
void import_url(struct import_server *server, struct str url);
/* A header with a secret: the credential of the connection. Only one can be sent. `wanted`: a name for its variable, or
 * empty. */
void import_header(struct import_server *server, struct str name, struct str value, struct str wanted);
/* One word of the command. */
void import_word(struct import_server *server, struct str word, bool is_secret, struct str named);
/* A variable of the server's process. `may_stand`: it is known to be no secret. */
void import_environment(struct import_server *server, struct str name, struct str value, bool may_stand,
                        struct str description);

/* import_secret.c */
bool import_is_secret_name(struct str name);   /* API_KEY, --token, x-auth */
bool import_is_secret_value(struct str value); /* a token's prefix, much randomness, a password in a URL */
bool import_is_harmless(struct str name, struct str value);
/* "${input:x}", "${env:X}", "${X}", "{x}", "<x>": the name in it, or empty. */
struct str import_placeholder(struct str value);

/* import_snippet.c: an entry of mcpServers; import_registry.c: a server.json */
void import_snippet(struct import *import, struct str name, yyjson_val *entry);
void import_registry(struct import *import, yyjson_val *server);

#endif
