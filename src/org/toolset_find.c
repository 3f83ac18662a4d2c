/* Finding prompts and resources in a user's set, by the names and URIs that the user's assistant knows. */
#include "org/toolset.h"

const struct toolset_prompt *toolset_find_prompt(const struct toolset *toolset, struct str public_name) {
  for (size_t i = 0; i < toolset->n_prompts; i++) {
    if (str_eq(toolset->prompts[i].prompt->public_name, public_name)) return &toolset->prompts[i];
  }
  return NULL;
}

bool toolset_find_resource(const struct toolset *toolset, struct arena *arena, struct str public_uri,
                           const struct connector_connection **ret_connection, struct str *ret_uri) {
  for (size_t i = 0; i < toolset->n_resources; i++) {
    if (!str_eq(toolset->resources[i].public_uri, public_uri)) continue;
    *ret_connection = toolset->resources[i].connection;
    *ret_uri = toolset->resources[i].resource->uri;
    return true;
  }
  return false;
}

const struct toolset_resource *toolset_find_template(const struct toolset *toolset, struct str public_template) {
  for (size_t i = 0; i < toolset->n_templates; i++) {
    if (str_eq(toolset->templates[i].public_uri, public_template)) return &toolset->templates[i];
  }
  return NULL;
}

struct str toolset_public_uri(const struct toolset *toolset, struct arena *arena,
                              const struct connector_connection *connection, struct str uri) {
  for (size_t i = 0; i < toolset->n_resources; i++) {
    const struct toolset_resource *resource = &toolset->resources[i];
    if (resource->connection == connection && str_eq(resource->resource->uri, uri)) return resource->public_uri;
  }
  return uri;
}
