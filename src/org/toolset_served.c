/* One user's prompts, resources and templates of MCP servers, made from a snapshot. Must not know protocols. */
#include <stdlib.h>

#include "base/limits.h"
#include "codec/uri_template.h"
#include "codec/url.h"
#include "org/tool_json.h"
#include "org/toolset_making.h"

static bool may_use(const struct toolset_making *making, const struct connector_connection *connection,
                    enum policy_action_kind kind, struct str name) {
  struct policy_action action = {.kind = kind, .connection = &connection->policy, .name = name, .does = DOES_READ};
  struct policy_decision decision;
  policy_decide(&making->user->principal, &action, &decision);
  return decision.effect == POLICY_ALLOW; /* what needs asking is not there yet */
}

static bool is_left_out(const struct connector *of, struct str connector) {
  return connector.n > 0 && !str_eq(of->id, connector);
}

/* ---- prompts ---- */

static bool add_prompt(struct toolset_making *making, const struct org_prompt *prompt) {
  const struct org_snapshot *snapshot = making->snapshot;
  const struct connector_connection **allowed = NULL;
  size_t n = 0;
  for (size_t i = 0; i < snapshot->n_connections; i++) {
    const struct connector_connection *connection = &snapshot->connections[i];
    if (connection->connector != prompt->connector || !org_has_prompt(connection, prompt->prompt)) continue;
    if (!may_use(making, connection, POLICY_PROMPT, prompt->prompt->name)) continue;
    if (!allowed)
      allowed = arena_new_n(&making->set->arena, const struct connector_connection *, snapshot->n_connections - i);
    if (!allowed) return false;
    allowed[n++] = connection;
    toolset_mark_usable(making, i);
  }
  if (n == 0) return true;
  making->prompts[making->set->n_prompts++] = (struct toolset_prompt){.prompt = prompt->prompt,
                                                                      .connector = prompt->connector,
                                                                      .connections = allowed,
                                                                      .n_connections = n,
                                                                      .json = prompt->json,
                                                                      .mark = prompt->mark};
  return true;
}

bool toolset_add_prompts(struct toolset_making *making, struct str connector) {
  const struct org_snapshot *snapshot = making->snapshot;
  if (snapshot->n_prompts == 0) return true;
  making->prompts = arena_new_n(&making->scratch, struct toolset_prompt, snapshot->n_prompts);
  if (!making->prompts) return false;
  for (size_t i = 0; i < snapshot->n_prompts; i++) {
    if (is_left_out(snapshot->prompts[i]->connector, connector)) continue;
    if (!add_prompt(making, snapshot->prompts[i])) return false;
  }
  if (making->set->n_prompts == 0) return true;
  making->prompts =
      arena_memdup(&making->set->arena, making->prompts, making->set->n_prompts * sizeof(making->prompts[0]));
  making->set->prompts = making->prompts;
  return making->prompts != NULL;
}

static bool add_account(struct toolset_making *making, struct toolset_prompt *prompt, struct buf *out) {
  prompt->account_argument = prompt_json_account_argument(prompt->prompt);
  if (!prompt->account_argument) return true;
  buf_clear(out);
  prompt_json_write(out, prompt->connector, prompt->prompt, prompt->account_argument, prompt->connections,
                    prompt->n_connections);
  if (buf_failed(out)) return false;
  prompt->json = arena_str(&making->set->arena, buf_str(out));
  prompt->mark = str_hash(prompt->json);
  return prompt->json.p != NULL;
}

bool toolset_finish_prompts(struct toolset_making *making) {
  struct toolset *set = making->set;
  struct buf out;
  bool is_done = true;
  size_t n = 0;
  buf_init(&out, NULL, LIMIT_JSON_FILE);
  for (size_t i = 0; i < set->n_prompts && is_done; i++) {
    struct toolset_prompt prompt = making->prompts[i];
    if (toolset_wants_account(making, prompt.connector)) {
      is_done = add_account(making, &prompt, &out);
      if (!prompt.account_argument) continue; /* all names that we could use are taken */
    }
    making->prompts[n++] = prompt;
    set->prompts_mark = toolset_mix(set->prompts_mark, prompt.mark);
  }
  buf_release(&out);
  set->n_prompts = n;
  return is_done;
}

/* ---- resources and templates ---- */

struct str toolset_own_uri(struct arena *arena, const struct connector_connection *connection, struct str uri) {
  struct buf out;
  buf_init(&out, arena, 8 * (LIMIT_CATALOGUE_URI + 8 * LIMIT_NAME));
  buf_append_c(&out, "connek://connection/");
  url_write_encoded(&out, connection->policy.name);
  buf_append_byte(&out, '/');
  uri_template_write_encoded(&out, uri);
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

/* One of the two lists: they are made alike. */
struct served {
  struct toolset_resource *items;
  size_t n;
};

static const struct connector_resource *list_of(const struct connector_connection *connection, bool is_template,
                                                size_t *ret_n) {
  const struct connector_catalogue *catalogue = connection->catalogue;
  *ret_n = !catalogue ? 0 : is_template ? catalogue->n_templates : catalogue->n_resources;
  return !catalogue ? NULL : is_template ? catalogue->templates : catalogue->resources;
}

static bool gather(struct toolset_making *making, struct str connector, bool is_template, struct served *served) {
  const struct org_snapshot *snapshot = making->snapshot;
  size_t room = 0, n;
  for (size_t i = 0; i < snapshot->n_connections; i++) {
    (void)list_of(&snapshot->connections[i], is_template, &n);
    room += n;
  }
  if (room == 0) return true;
  served->items = arena_new_n(&making->scratch, struct toolset_resource, room);
  if (!served->items) return false;
  for (size_t i = 0; i < snapshot->n_connections; i++) {
    const struct connector_connection *connection = &snapshot->connections[i];
    const struct connector_resource *list = list_of(connection, is_template, &n);
    if (is_left_out(connection->connector, connector)) continue;
    for (size_t k = 0; k < n; k++) {
      if (!may_use(making, connection, POLICY_RESOURCE, list[k].uri)) continue;
      toolset_mark_usable(making, i);
      served->items[served->n++] = (struct toolset_resource){.connection = connection,
                                                             .resource = &list[k],
                                                             .public_uri = list[k].uri,
                                                             .json = list[k].json,
                                                             .mark = list[k].mark};
    }
  }
  return true;
}

static int uri_order(const void *a, const void *b) {
  const struct toolset_resource *left = a, *right = b;
  return str_cmp(left->public_uri, right->public_uri);
}

static bool rename_item(struct toolset_making *making, struct toolset_resource *item) {
  struct buf out;
  struct arena *arena = &making->set->arena;
  item->public_uri = toolset_own_uri(arena, item->connection, item->resource->uri);
  if (!item->public_uri.p) return false;
  buf_init(&out, NULL, LIMIT_JSON_FILE);
  resource_json_write(&out, item->resource, item->public_uri);
  item->json = buf_failed(&out) ? STR_NONE : arena_str(arena, buf_str(&out));
  buf_release(&out);
  item->mark = str_hash(item->json);
  return item->json.p != NULL;
}

/* Where several have one URI, none of them has it: which one was meant could not be told. */
static bool rename_twins(struct toolset_making *making, struct served *served) {
  struct toolset_resource *items = served->items;
  for (size_t first = 0, end; first < served->n; first = end) {
    struct str uri = items[first].resource->uri;
    for (end = first + 1; end < served->n && str_eq(items[end].resource->uri, uri);)
      end++;
    for (size_t i = first; end - first > 1 && i < end; i++)
      if (!rename_item(making, &items[i])) return false;
  }
  return true;
}

static bool make_list(struct toolset_making *making, struct str connector, bool is_template,
                      const struct toolset_resource **ret_list, size_t *ret_n) {
  struct served served = {NULL, 0};
  if (!gather(making, connector, is_template, &served)) return false;
  if (served.n == 0) return true;
  qsort(served.items, served.n, sizeof(served.items[0]), uri_order);
  if (!rename_twins(making, &served)) return false;
  qsort(served.items, served.n, sizeof(served.items[0]), uri_order);
  for (size_t i = 0; i < served.n; i++)
    making->set->resources_mark = toolset_mix(making->set->resources_mark, served.items[i].mark);
  *ret_list = arena_memdup(&making->set->arena, served.items, served.n * sizeof(served.items[0]));
  *ret_n = served.n;
  return *ret_list != NULL;
}

bool toolset_add_resources(struct toolset_making *making, struct str connector) {
  struct toolset *set = making->set;
  return make_list(making, connector, false, &set->resources, &set->n_resources) &&
         make_list(making, connector, true, &set->templates, &set->n_templates);
}
