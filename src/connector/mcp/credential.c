/* A connection's credential, opened for as long as a request or an environment is written, in memory that is wiped. */
#include <stdlib.h>

#include "connector/mcp/home.h"

enum err_code mcp_credential_open(struct mcp_opened *opened, const struct secret *credential, struct err *err) {
  *opened = (struct mcp_opened){0};
  struct str json = credential ? secret_open(credential) : STR_NONE;
  if (json.n == 0) return ERR_NONE;
  size_t n = yyjson_read_max_memory_usage(json.n, YYJSON_READ_NOFLAG);
  char *memory = malloc(n);
  yyjson_alc alc;
  if (!memory || !yyjson_alc_pool_init(&alc, memory, n)) {
    free(memory);
    return err_no_memory(err);
  }
  yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json.p, json.n, YYJSON_READ_NOFLAG, &alc, NULL);
  *opened = (struct mcp_opened){.memory = memory, .n = n, .root = yyjson_doc_get_root(doc)};
  return ERR_NONE;
}

void mcp_credential_close(struct mcp_opened *opened) {
  if (opened->memory) secret_wipe(opened->memory, opened->n);
  free(opened->memory);
  *opened = (struct mcp_opened){0};
}
