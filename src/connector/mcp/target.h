/* How an MCP server is reached. For src/connector/mcp alone; others know it as an opaque reference (upstream.h). */
#ifndef CONNEK_CONNECTOR_MCP_TARGET_H
#define CONNEK_CONNECTOR_MCP_TARGET_H

#include <stdatomic.h>

#include "connector/mcp/upstream.h"

/* Immutable once made. Secrets are not in it: they come with each request, as the opened credential
 * {"key": "..."?, "environment": {"NAME": "value"}?}. */
struct mcp_target {
  atomic_uint references;
  struct arena arena;
  struct uuid organisation_id, connection_id;
  struct str organisation; /* its name: its exceptions from the guard hold */
  int64_t version;         /* the connection's, and the connector's: another one is another upstream */
  int64_t connector_version;
  struct str connection_name; /* for texts */

  /* a remote one: Streamable HTTP, or old HTTP+SSE where it turns out to be that */
  struct str url;         /* empty: a child */
  struct str auth_header; /* "Authorization" */
  struct str auth_prefix; /* "Bearer " */

  /* a child */
  const char *const *command;           /* NULL-terminated; NULL: a remote one. The first is a path or found in PATH. */
  const char *const *plain_environment; /* NULL-terminated "NAME=value" that are no secrets */
  const char *directory;                /* its working directory; NULL: an empty one of its own */

  int64_t idle_ms;         /* unused for so long it is let go of; 0: the default */
  int64_t timeout_ms;      /* of a request without progress; 0: the default */
  unsigned max_concurrent; /* requests under way; 0: the default */
};

/* target.c. NULL: no memory. */
struct mcp_target *mcp_target_new(void);

#endif
