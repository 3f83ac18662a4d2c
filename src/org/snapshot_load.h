/* The parts of org_snapshot_load, one file each. For src/org alone. */
#ifndef CONNEK_ORG_SNAPSHOT_LOAD_H
#define CONNEK_ORG_SNAPSHOT_LOAD_H

#include "base/limits.h"
#include "org/snapshot.h"

enum { SNAPSHOT_TEXT_SIZE = 2 * KIB };

/* What a load needs until it is done. */
struct snapshot_load {
  struct db_tx *tx;
  struct org_snapshot *snapshot;
  const struct connection_record *records; /* of the connections, as snapshot->connections */
  struct arena scratch;                    /* freed at the end of the load */
  char problem[SNAPSHOT_TEXT_SIZE];
  char warnings[SNAPSHOT_TEXT_SIZE];
};

/* The first one stays: one is enough to deny all. */
void snapshot_load_problem(struct snapshot_load *load, const char *format, ...) PRINTF_LIKE(2, 3);
/* A line; what no longer fits is cut off. */
void snapshot_load_warning(struct snapshot_load *load, const char *format, ...) PRINTF_LIKE(2, 3);

/* snapshot_policy.c: roles with their rules; users with their roles */
enum err_code snapshot_load_roles(struct snapshot_load *load, struct err *err) MUST_CHECK;
enum err_code snapshot_load_users(struct snapshot_load *load, struct err *err) MUST_CHECK;
/* snapshot_connectors.c: connectors with their tools; connections */
enum err_code snapshot_load_connectors(struct snapshot_load *load, struct err *err) MUST_CHECK;
enum err_code snapshot_load_connections(struct snapshot_load *load, struct err *err) MUST_CHECK;
/* The tools of one connector, ready to be listed. ERR_CONFLICT: a name is another's already; none was added. */
enum err_code snapshot_add_tools(struct snapshot_load *load, const struct connector *connector,
                                 struct err *err) MUST_CHECK;
/* snapshot_catalogue.c: what was accepted of MCP servers */
enum err_code snapshot_load_catalogues(struct snapshot_load *load, struct err *err) MUST_CHECK;
/* When all are there: in order of their names. */
enum err_code snapshot_sort(struct snapshot_load *load, struct err *err) MUST_CHECK;

#endif
