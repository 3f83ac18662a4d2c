/* whoami and list_connections. */
#include "codec/json.h"
#include "connector/self/self.h"

static void write_member(struct buf *out, const char *name, struct str value) {
  buf_append_byte(out, ',');
  json_write_str(out, str_of(name));
  buf_append_byte(out, ':');
  json_write_str(out, value);
}

void self_whoami(struct buf *out, const struct connector_caller *caller, yyjson_val *arguments) {
  buf_append_c(out, "{\"organisation\":");
  json_write_str(out, caller->organisation);
  if (caller->email.n > 0) write_member(out, "email", caller->email);
  if (caller->kind.n > 0) write_member(out, "kind", caller->kind);
  buf_append_c(out, ",\"roles\":[");
  for (size_t i = 0; i < caller->n_roles; i++) {
    if (i > 0) buf_append_byte(out, ',');
    json_write_str(out, caller->roles[i]);
  }
  buf_append_c(out, "],\"tools\":");
  buf_append_u64(out, caller->n_tools);
  buf_append_c(out, ",\"connections\":");
  buf_append_u64(out, caller->n_connections);
  buf_append_byte(out, '}');
}

static void write_connection(struct buf *out, const struct connector_caller_connection *connection) {
  buf_append_c(out, "{\"name\":");
  json_write_str(out, connection->name);
  write_member(out, "connector", connection->connector_id);
  write_member(out, "connector_name", connection->connector_name);
  buf_append_c(out, ",\"labels\":{");
  for (size_t i = 0; i < connection->n_labels; i++) {
    if (i > 0) buf_append_byte(out, ',');
    json_write_str(out, connection->labels[i].name);
    buf_append_byte(out, ':');
    json_write_str(out, connection->labels[i].value);
  }
  buf_append_c(out, "},\"personal\":");
  buf_append_c(out, connection->is_personal ? "true}" : "false}");
}

void self_list_connections(struct buf *out, const struct connector_caller *caller, yyjson_val *arguments) {
  buf_append_c(out, "{\"connections\":[");
  for (size_t i = 0; i < caller->n_connections; i++) {
    if (i > 0) buf_append_byte(out, ',');
    write_connection(out, &caller->connections[i]);
  }
  buf_append_c(out, "]}");
}
