/* The Model Context Protocol's constants, both eras: revisions, error codes, names. Legacy: revisions that begin with
 * `initialize` (2024-11-05 to 2025-11-25). Modern: revisions whose every request says all about itself (2026-07-28). */
#ifndef CONNEK_MCP_PROTOCOL_H
#define CONNEK_MCP_PROTOCOL_H

#include <stdbool.h>

#include "base/str.h"

enum mcp_era { MCP_LEGACY = 1, MCP_MODERN = 2, MCP_BOTH = 3 };

struct mcp_revision {
  struct str name;
  enum mcp_era era;
  bool takes_batches;  /* 2025-03-26 alone demands JSON-RPC batches */
  bool primes_streams; /* 2025-11-25: a stream begins with an id and empty data */
  bool has_tasks;      /* 2025-11-25: tasks as a part of the protocol (experimental), an extension later */
  bool has_null_ids;   /* an error without an id of its own has "id":null (JSON-RPC 2.0, 5); later ones leave it out */
};

/* Newest first. */
const struct mcp_revision *mcp_revisions(size_t *ret_n);
const struct mcp_revision *mcp_revision_find(struct str name); /* NULL: not one of ours */
/* What `initialize` answers (2025-11-25, lifecycle): the revision asked for, or our newest legacy one. */
const struct mcp_revision *mcp_negotiate(struct str requested);
/* A request without MCP-Protocol-Version: 2025-03-26 (2025-06-18, transports). */
const struct mcp_revision *mcp_revision_unnamed(void);
/* JSON array of every revision's name, for UnsupportedProtocolVersion. */
struct str mcp_revisions_json(void);

/* Codes that the specification reserves (2026-07-28, basic). Codes of our own stand outside JSON-RPC's range and are
 * HTTP's numbers. */
enum mcp_code {
  MCP_RESOURCE_NOT_FOUND = -32002,       /* until 2025-11-25 */
  MCP_URL_ELICITATION_REQUIRED = -32042, /* 2025-11-25 alone */
  MCP_HEADER_MISMATCH = -32020,
  MCP_MISSING_CLIENT_CAPABILITY = -32021,
  MCP_UNSUPPORTED_VERSION = -32022,
};

#define MCP_META_VERSION "io.modelcontextprotocol/protocolVersion"
#define MCP_META_CLIENT_INFO "io.modelcontextprotocol/clientInfo"
#define MCP_META_CLIENT_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define MCP_META_SERVER_INFO "io.modelcontextprotocol/serverInfo"
#define MCP_META_LOG_LEVEL "io.modelcontextprotocol/logLevel"
#define MCP_META_RELATED_TASK "io.modelcontextprotocol/related-task" /* 2025-11-25 */
#define MCP_META_SUBSCRIPTION "io.modelcontextprotocol/subscriptionId"

#endif
