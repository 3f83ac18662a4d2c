/* A manifest's file, read and checked: what `connector check` and `connector try` share. */
#ifndef CONNEK_CLI_CONNECTOR_FILE_H
#define CONNEK_CLI_CONNECTOR_FILE_H

#include "base/buf.h"
#include "connector/connector.h"

struct connector_file {
  struct connector connector; /* to be used where n_errors is 0 */
  size_t n_errors, n_warnings;
};

/* Appends what is wrong and doubtful, one line each, in the file's order: "FILE:LINE:COLUMN: error: TEXT (POINTER)". */
void connector_file_read(struct arena *arena, const char *path, bool wants_warnings, struct buf *out,
                         struct connector_file *ret_file);

#endif
