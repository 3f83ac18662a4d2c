/* Accepted instructions of MCP servers, put together. What was quarantined or is not decided yet never gets here
 * (org/catalogue.h). */
#include "gateway/instructions.h"

#include "base/limits.h"
#include "codec/utf8.h"

static bool is_seen(const struct toolset *set, const struct connector_connection *connection) {
  return connection->catalogue && connection->catalogue->instructions.n &&
         toolset_has_connection(set, connection->policy.id);
}

/* Connections of one server say the same: it is there once. */
static bool is_same(const struct connector_connection *one, const struct connector_connection *other) {
  return one->connector == other->connector && str_eq(one->catalogue->instructions, other->catalogue->instructions);
}

static bool is_said_before(const struct org_snapshot *snapshot, const struct toolset *set, size_t at) {
  for (size_t i = 0; i < at; i++) {
    if (is_seen(set, &snapshot->connections[i]) && is_same(&snapshot->connections[i], &snapshot->connections[at]))
      return true;
  }
  return false;
}

static void write_one(struct buf *out, const struct org_snapshot *snapshot, const struct toolset *set, size_t at) {
  const struct connector_connection *first = &snapshot->connections[at];
  struct str text = first->catalogue->instructions, cut = utf8_cut(text, LIMIT_INSTRUCTIONS_EACH);
  buf_printf(out, "\n\nThe MCP server of %.*s", STR_ARG(first->policy.name));
  for (size_t i = at + 1; i < snapshot->n_connections; i++) {
    const struct connector_connection *other = &snapshot->connections[i];
    if (is_seen(set, other) && is_same(first, other)) buf_printf(out, ", %.*s", STR_ARG(other->policy.name));
  }
  buf_printf(out, " says of itself: %.*s%s", STR_ARG(cut), cut.n < text.n ? " [...]" : "");
}

struct str instructions_of(struct exchange *exchange) {
  const struct org_snapshot *snapshot = exchange->principal.snapshot;
  const struct toolset *set = exchange_toolset(exchange);
  struct buf all, one;
  buf_init(&all, exchange->arena, LIMIT_INSTRUCTIONS);
  for (size_t i = 0; set && i < snapshot->n_connections; i++) {
    if (!is_seen(set, &snapshot->connections[i]) || is_said_before(snapshot, set, i)) continue;
    buf_init(&one, exchange->arena, LIMIT_INSTRUCTIONS);
    write_one(&one, snapshot, set, i);
    if (!buf_failed(&one) && all.n + one.n <= LIMIT_INSTRUCTIONS) buf_append_str(&all, buf_str(&one));
  }
  return buf_failed(&all) ? STR_NONE : buf_str(&all);
}
