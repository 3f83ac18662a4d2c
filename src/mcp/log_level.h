/* Severities of log messages (RFC 5424, as MCP names them). */
#ifndef CONNEK_MCP_LOG_LEVEL_H
#define CONNEK_MCP_LOG_LEVEL_H

#include <stdbool.h>

#include "base/str.h"

/* 0: debug ... 7: emergency; -1: no level. */
int mcp_log_level(struct str name);
struct str mcp_log_level_name(int level);

#endif
