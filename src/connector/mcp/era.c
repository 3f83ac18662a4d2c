/* Which protocol an upstream speaks: modern is tried first, then the handshake of legacy servers, then the transport of
 * 2024-11-05. Found out with the first request, remembered, and found out anew when the upstream refuses what it used
 * to take (2026-07-28, basic/transports: backward compatibility). */
#include <stdio.h>

#include "connector/mcp/home.h"

int64_t mcp_error_code(yyjson_val *error) {
  yyjson_val *code = json_get(error, "code");
  if (!yyjson_is_raw(code)) return yyjson_get_sint(code);
  struct str text = str_make(yyjson_get_raw(code), yyjson_get_len(code));
  bool is_negative = text.n > 0 && text.p[0] == '-';
  uint64_t n;
  if (!str_to_u64(is_negative ? str_make(text.p + 1, text.n - 1) : text, &n) || n > INT32_MAX) return 0;
  return is_negative ? -(int64_t)n : (int64_t)n;
}

bool mcp_error_is_modern(yyjson_val *error) {
  int64_t code = mcp_error_code(error);
  return code == -32020 || code == -32021 || code == -32022;
}

/* ---- what it says of itself ---- */

static struct str write_json(struct arena *arena, yyjson_val *value) {
  struct buf out;
  if (!yyjson_is_obj(value)) return STR_NONE;
  buf_init(&out, arena, LIMIT_MCP_ABOUT);
  json_write_value(&out, value);
  return buf_failed(&out) ? STR_NONE : buf_str(&out);
}

static bool says(yyjson_val *capability, const char *member) {
  return yyjson_is_true(json_get(capability, member));
}

void mcp_about_read(struct mcp_upstream *upstream, yyjson_val *capabilities) {
  yyjson_val *tools = json_get(capabilities, "tools"), *prompts = json_get(capabilities, "prompts");
  yyjson_val *resources = json_get(capabilities, "resources");
  upstream->has_tools = tools != NULL;
  upstream->has_prompts = prompts != NULL;
  upstream->has_resources = resources != NULL;
  upstream->has_logging = json_get(capabilities, "logging") != NULL;
  upstream->has_subscribe = says(resources, "subscribe");
  upstream->tells_tools = says(tools, "listChanged");
  upstream->tells_prompts = says(prompts, "listChanged");
  upstream->tells_resources = says(resources, "listChanged");
}

static void keep_about(struct mcp_upstream *upstream, struct str version, yyjson_val *result, yyjson_val *server_info) {
  arena_release(&upstream->about);
  arena_init(&upstream->about, LIMIT_MCP_ABOUT * 4);
  yyjson_val *capabilities = json_get(result, "capabilities");
  upstream->protocol_version = arena_str(&upstream->about, version);
  upstream->capabilities = write_json(&upstream->about, capabilities);
  upstream->server_info = write_json(&upstream->about, server_info);
  upstream->instructions = arena_str(&upstream->about, json_get_str(result, "instructions"));
  upstream->log_level = 0;
  mcp_about_read(upstream, capabilities);
}

/* ---- the end of it ---- */

void mcp_era_connected(struct mcp_upstream *upstream) {
  upstream->phase = MCP_PHASE_READY;
  upstream->is_second_try = false;
  upstream->session++;
  mcp_idle_begin(upstream);
  mcp_listen_begin(upstream);
  mcp_requests_pump(upstream);
}

void mcp_era_failed(struct mcp_upstream *upstream, enum err_code code, const char *text) {
  upstream->phase = MCP_PHASE_NEW;
  upstream->era = MCP_ERA_UNKNOWN;
  if (code == ERR_UPSTREAM || code == ERR_TIMEOUT || code == ERR_TOO_LARGE) mcp_breaker_failed(upstream, text);
  mcp_wire_close(upstream);
  /* Those that wait now; `done` of one may bring another, which is to try for itself. */
  size_t n = upstream->n_queued;
  const struct mcp_reply reply = {.code = code, .text = text, .refusal = upstream->refusal};
  upstream->refusal = MCP_LET_IN;
  upstream->is_failing = true;
  while (n-- > 0 && upstream->queued)
    mcp_request_finish(upstream->queued, &reply);
  upstream->is_failing = upstream->is_gone;
  mcp_requests_pump(upstream);
}

void mcp_disconnect(struct mcp_upstream *upstream, bool is_session_alone) {
  if (upstream->phase != MCP_PHASE_READY) return;
  if (!is_session_alone) upstream->era = MCP_ERA_UNKNOWN;
  upstream->phase = MCP_PHASE_NEW;
  upstream->session_id[0] = '\0';
  upstream->protocol_version = STR_NONE;
  mcp_idle_end(upstream);
  mcp_listen_end(upstream);
}

static struct mcp_request *other_than_handshake(const struct mcp_upstream *upstream) {
  struct mcp_request *request = upstream->active;
  return request && request == upstream->handshake ? request->next : request;
}

void mcp_session_lost(struct mcp_upstream *upstream, enum err_code code, const char *text) {
  bool is_between = upstream->phase == MCP_PHASE_CONNECTING && !upstream->handshake; /* else its end decides */
  mcp_disconnect(upstream, true);
  upstream->is_failing = true;
  struct mcp_request *request;
  while ((request = other_than_handshake(upstream)))
    mcp_request_fail(request, code, "%s", text);
  if (upstream->handshake) mcp_request_fail(upstream->handshake, code, "%s", text); /* which may begin another */
  upstream->is_failing = upstream->is_gone;
  if (is_between) upstream->phase = MCP_PHASE_NEW;
  mcp_requests_pump(upstream);
}

static struct mcp_request *handshake(struct mcp_upstream *upstream, struct str method,
                                     void (*done)(struct mcp_request *, const struct mcp_reply *)) {
  struct mcp_request *request = mcp_request_new(upstream);
  if (!request) {
    mcp_era_failed(upstream, ERR_NO_MEMORY, "out of memory");
    return NULL;
  }
  request->method = method;
  request->is_shaking_hands = true;
  /* A child may have to be fetched first. */
  int64_t timeout_ms =
      upstream->wire == MCP_WIRE_CHILD && method.n == 10 ? LIMIT_MCP_REQUEST_MS : LIMIT_MCP_HANDSHAKE_MS;
  request->timeout_us = timeout_ms * 1000;
  request->done = done;
  upstream->handshake = request;
  return request;
}

/* ---- legacy ---- */

static bool is_known_version(struct str version) {
  static const char *const versions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07"};
  for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
    if (str_eq_c(version, versions[i])) return true;
  return false;
}

static void ask_discover(struct mcp_upstream *upstream);

static void on_initialized(struct mcp_request *request, const struct mcp_reply *reply) {
  struct mcp_upstream *upstream = request->upstream;
  struct str name = mcp_upstream_name(upstream), version = json_get_str(reply->result, "protocolVersion");
  char text[ERR_TEXT_SIZE];
  if (reply->code == ERR_NONE && reply->result && is_known_version(version)) {
    keep_about(upstream, version, reply->result, json_get(reply->result, "serverInfo"));
    upstream->era = MCP_ERA_LEGACY;
    mcp_wire_post(upstream, STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"));
    mcp_era_connected(upstream);
    return;
  }
  bool may_be_modern = upstream->wire == MCP_WIRE_HTTP ? reply->code != ERR_TIMEOUT
                                                       : upstream->wire == MCP_WIRE_CHILD && reply->code == ERR_NONE;
  if (upstream->era == MCP_ERA_LEGACY && may_be_modern) {
    upstream->era = MCP_ERA_UNKNOWN; /* it was remembered, and is so no more */
    ask_discover(upstream);
    return;
  }
  bool may_be_older = upstream->wire == MCP_WIRE_HTTP && !mcp_error_is_modern(reply->error) &&
                      (reply->status == 400 || reply->status == 404 || reply->status == 405);
  if (may_be_older) {
    mcp_sse_open(upstream);
    return;
  }
  enum err_code code = reply->code != ERR_NONE ? reply->code : ERR_UPSTREAM;
  if (reply->code != ERR_NONE)
    snprintf(text, sizeof(text), "%s", reply->text);
  else if (reply->error)
    snprintf(text, sizeof(text), "%.*s refused to begin: %.*s", STR_ARG(name),
             STR_ARG(json_get_str(reply->error, "message")));
  else
    snprintf(text, sizeof(text), "%.*s speaks no version of MCP that is known here", STR_ARG(name));
  mcp_era_failed(upstream, code, text);
}

void mcp_initialize(struct mcp_upstream *upstream) {
  struct mcp_request *request = handshake(upstream, STR("initialize"), on_initialized);
  if (!request) return;
  upstream->session_id[0] = '\0';
  request->is_bare = true;
  /* The session is shared by all who call: what one of them cannot do is answered for them (park.c). */
  request->members =
      STR("\"protocolVersion\":\"" MCP_VERSION_LEGACY
          "\",\"capabilities\":{\"roots\":{},\"sampling\":{\"tools\":{},"
          "\"context\":{}},\"elicitation\":{\"form\":{},\"url\":{}}},\"clientInfo\":{\"name\":\"connek\","
          "\"title\":\"Connek\",\"version\":\"" CONNEK_VERSION "\"}");
  mcp_request_begin(request);
}

/* ---- modern ---- */

static bool has_version(yyjson_val *versions, struct str version) {
  size_t i, n;
  yyjson_val *item;
  if (!yyjson_is_arr(versions)) return false;
  yyjson_arr_foreach(versions, i, n, item) {
    if (str_eq(json_str(item), version)) return true;
  }
  return false;
}

static bool has_legacy_version(yyjson_val *versions) {
  size_t i, n;
  yyjson_val *item;
  if (!yyjson_is_arr(versions)) return false;
  yyjson_arr_foreach(versions, i, n, item) {
    if (is_known_version(json_str(item))) return true;
  }
  return false;
}

static void on_discovered(struct mcp_request *request, const struct mcp_reply *reply) {
  struct mcp_upstream *upstream = request->upstream;
  yyjson_val *versions = reply->result ? json_get(reply->result, "supportedVersions")
                                       : json_get(json_get(reply->error, "data"), "supported");
  bool is_refusal = reply->status >= 400 && reply->status < 500 && reply->code == ERR_UPSTREAM;
  bool is_silent_child = upstream->wire == MCP_WIRE_CHILD && reply->code == ERR_TIMEOUT;
  char text[ERR_TEXT_SIZE];
  if (upstream->wire == MCP_WIRE_CHILD && reply->code == ERR_UPSTREAM && !upstream->is_second_try) {
    /* It may have ended because of the question. */
    upstream->is_second_try = true;
    upstream->era = MCP_ERA_LEGACY;
    upstream->not_before_us = 0;
    mcp_connect(upstream, NULL);
  } else if (reply->code != ERR_NONE && !is_refusal && !is_silent_child) {
    snprintf(text, sizeof(text), "%s", reply->text);
    mcp_era_failed(upstream, reply->code, text);
  } else if (reply->result && has_version(versions, STR(MCP_VERSION_MODERN))) {
    keep_about(upstream, STR(MCP_VERSION_MODERN), reply->result,
               json_get(json_get(reply->result, "_meta"), "io.modelcontextprotocol/serverInfo"));
    upstream->era = MCP_ERA_MODERN;
    mcp_era_connected(upstream);
  } else if (reply->error && has_version(versions, STR(MCP_VERSION_MODERN)) && !upstream->is_second_try) {
    /* It speaks what it has just refused ("select a mutually supported version and retry the request"). */
    upstream->is_second_try = true;
    ask_discover(upstream);
  } else if (mcp_error_is_modern(reply->error) && !has_legacy_version(versions)) {
    upstream->is_second_try = false;
    snprintf(text, sizeof(text), "%.*s does not speak MCP " MCP_VERSION_MODERN ", nor an older version that is known",
             STR_ARG(mcp_upstream_name(upstream)));
    mcp_era_failed(upstream, ERR_UPSTREAM, text);
  } else {
    mcp_initialize(upstream);
  }
}

static void ask_discover(struct mcp_upstream *upstream) {
  upstream->era = MCP_ERA_UNKNOWN;
  struct mcp_request *request = handshake(upstream, STR("server/discover"), on_discovered);
  if (!request) return;
  request->is_modern = true;
  mcp_request_begin(request);
}

void mcp_connect(struct mcp_upstream *upstream, const struct secret *credential) {
  upstream->phase = MCP_PHASE_CONNECTING;
  upstream->protocol_version = STR_NONE;
  mcp_upstream_keep(upstream, credential);
  mcp_wire_open(upstream);
}

void mcp_shake_hands(struct mcp_upstream *upstream) {
  if (upstream->era == MCP_ERA_LEGACY)
    mcp_initialize(upstream);
  else
    ask_discover(upstream);
}
