/* Results as each era has them. */
#include "mcp/result.h"

#include "codec/json.h"

#define SERVER_INFO "{\"name\":\"connek\",\"title\":\"Connek\",\"version\":\"" CONNEK_VERSION "\"}"

#define META_SERVER_INFO "\"" MCP_META_SERVER_INFO "\":" SERVER_INFO

#define INSTRUCTIONS                                                                                                  \
  "Connek gives you the company tools that this person may use. Tools named connek_* tell what is connected. A tool " \
  "with "                                                                                                             \
  "an account argument works on the account you name there. A call that is not permitted answers with an error that " \
  "says so; "                                                                                                         \
  "it is recorded, and repeating it does not help."

/* How long a client may take a list for fresh: short, since a role may change at any moment. */
enum { LIST_TTL_MS = 30 * 1000 };

void mcp_result_open(struct buf *out, enum mcp_era era) {
  if (era == MCP_MODERN)
    buf_append_c(out, "{\"resultType\":\"complete\",\"_meta\":{" META_SERVER_INFO "}");
  else
    buf_append_byte(out, '{');
}

void mcp_result_comma(struct buf *out) {
  if (out->n && out->p[out->n - 1] != '{') buf_append_byte(out, ',');
}

void mcp_write_server_info(struct buf *out) {
  buf_append_c(out, META_SERVER_INFO);
}

static void write_capabilities(struct buf *out, const struct mcp_revision *revision,
                               const struct mcp_capabilities *capabilities) {
  buf_append_c(out, "{\"tools\":{\"listChanged\":true}");
  if (capabilities->has_prompts) buf_append_c(out, ",\"prompts\":{\"listChanged\":true}");
  if (capabilities->has_resources) {
    buf_append_c(out, ",\"resources\":{\"listChanged\":true");
    buf_append_c(out, capabilities->has_subscriptions ? ",\"subscribe\":true}" : "}");
  }
  if (capabilities->has_completions) buf_append_c(out, ",\"completions\":{}");
  if (capabilities->has_logging) buf_append_c(out, ",\"logging\":{}");
  /* Not `list`: the server's would be everybody's. */
  if (capabilities->has_tasks && revision && revision->has_tasks)
    buf_append_c(out, ",\"tasks\":{\"cancel\":{},\"requests\":{\"tools\":{\"call\":{}}}}");
  if (capabilities->extensions.n) {
    buf_append_c(out, ",\"extensions\":");
    buf_append_str(out, capabilities->extensions);
  }
  buf_append_byte(out, '}');
}

static void write_instructions(struct buf *out, struct str more) {
  struct buf text;
  buf_append_c(out, ",\"instructions\":");
  buf_init(&text, NULL, sizeof(INSTRUCTIONS) + more.n);
  buf_append_c(&text, INSTRUCTIONS);
  buf_append_str(&text, more);
  if (buf_failed(&text)) out->has_failed = true;
  json_write_str(out, buf_str(&text));
  buf_release(&text);
}

void mcp_write_initialize(struct buf *out, const struct mcp_revision *revision,
                          const struct mcp_capabilities *capabilities) {
  buf_append_c(out, "{\"protocolVersion\":");
  json_write_str(out, revision->name);
  buf_append_c(out, ",\"capabilities\":");
  write_capabilities(out, revision, capabilities);
  buf_append_c(out, ",\"serverInfo\":" SERVER_INFO);
  write_instructions(out, capabilities->instructions);
  buf_append_byte(out, '}');
}

void mcp_write_discover(struct buf *out, const struct mcp_capabilities *capabilities) {
  mcp_result_open(out, MCP_MODERN);
  buf_append_c(out, ",\"supportedVersions\":");
  buf_append_str(out, mcp_revisions_json());
  buf_append_c(out, ",\"capabilities\":");
  write_capabilities(out, NULL, capabilities);
  write_instructions(out, capabilities->instructions);
  mcp_write_cache_hints(out);
  buf_append_byte(out, '}');
}

void mcp_write_cache_hints(struct buf *out) {
  mcp_result_comma(out);
  buf_append_c(out, "\"ttlMs\":");
  buf_append_u64(out, LIST_TTL_MS);
  buf_append_c(out, ",\"cacheScope\":\"private\"");
}

void mcp_write_tool_result(struct buf *out, enum mcp_era era, const struct mcp_tool_result *result) {
  mcp_result_open(out, era);
  mcp_result_comma(out);
  buf_append_c(out, "\"content\":");
  if (result->content.n) {
    buf_append_str(out, result->content);
  } else {
    buf_append_c(out, "[{\"type\":\"text\",\"text\":");
    json_write_str(out, result->text);
    buf_append_c(out, "}]");
  }
  if (result->structured.n) {
    buf_append_c(out, ",\"structuredContent\":");
    buf_append_str(out, result->structured);
  }
  buf_append_c(out, result->is_error ? ",\"isError\":true}" : ",\"isError\":false}");
}
