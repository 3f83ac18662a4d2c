/* What a server says when it lets nobody in (RFC 6750, 3; RFC 9728, 5). Must not know what becomes of it. */
#include "connector/mcp/home.h"

void mcp_challenge_read(struct mcp_http *http, const struct http_client_response *head) {
  if (head->status != 401 && head->status != 403) return;
  for (size_t i = 0; i < head->n_fields; i++)
    if (str_eq_fold(head->fields[i].name, STR("WWW-Authenticate")))
      auth_challenge_read(&http->arena, head->fields[i].value, &http->challenge);
}

enum mcp_refusal mcp_challenged(const struct mcp_http *http) {
  const struct mcp_upstream *upstream = http->upstream;
  const struct mcp_upstreams_options *options = &upstream->home->upstreams->options;
  bool wants_scope = http->status == 403 && str_eq(http->challenge.error, STR("insufficient_scope"));
  if (http->status != 401 && !wants_scope) return MCP_LET_IN;
  const struct mcp_challenge challenge = {.organisation_id = upstream->target->organisation_id,
                                          .connection_id = upstream->target->connection_id,
                                          .grant_version = http->grant_version,
                                          .wants_scope = wants_scope,
                                          .resource_metadata = http->challenge.resource_metadata,
                                          .scope = http->challenge.scope};
  if (options->on_challenge) options->on_challenge(options->context, &challenge);
  return wants_scope ? MCP_SCOPE_WANTED : MCP_TOKEN_REFUSED;
}
