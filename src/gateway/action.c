/* Where a call and its MCP server call things differently. */
#include "gateway/action.h"

#include "base/limits.h"
#include "gateway/pipeline.h"
#include "mcp/log_level.h"

static struct str public_uri(void *context, struct str uri) {
  struct call *call = context;
  const struct toolset *toolset = exchange_toolset(call->exchange);
  return toolset ? toolset_public_uri(toolset, call->exchange->arena, call->connection, uri) : STR_NONE;
}

void action_passing(struct call *call, struct mcp_passing *ret_passing) {
  struct exchange *exchange = call->exchange;
  const struct toolset *toolset = exchange_toolset(exchange);
  bool has_resources = toolset && call->connection && toolset->n_resources + toolset->n_templates > 0;
  *ret_passing = (struct mcp_passing){.arena = exchange->arena,
                                      .era = call->envelope.revision->era,
                                      .is_cacheable = call_verb(call) == CONNECTOR_RESOURCE,
                                      .public_uri = has_resources ? public_uri : NULL,
                                      .context = call};
}

void action_client(const struct call *call, struct connector_client *ret_client) {
  const struct mcp_envelope *envelope = &call->envelope;
  *ret_client = (struct connector_client){.capabilities = envelope->client_capabilities,
                                          .name = envelope->client_name,
                                          .version = envelope->client_version,
                                          .log_level = mcp_log_level_name(envelope->log_level),
                                          .wants_progress = envelope->progress_token != NULL};
}
