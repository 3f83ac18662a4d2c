/* The legacy era's session: made by the client's `initialize`, made anew by ourselves when the server has forgotten it,
 * unseen by the client. What it had subscribed to, and its log level, are said again.
 *
 * While a handshake is under way (`is_busy`) everything else of the legacy era waits. */
#include <string.h>

#include "base/limits.h"
#include "cli/bridge.h"

enum { RENEWALS_MAX = 3 /* for one message */, STATE_MAX = 4 * MIB };

/* The requests of ours that make a session anew, in their order. */
enum { STEP_INITIALIZE, STEP_INITIALIZED, STEP_LEVEL, STEP_URIS, STEP_DONE };

static bool is_named(const struct passage *passage, const char *method) {
  return str_eq_c(passage->message.method, method);
}

static bool is_initialize(const struct passage *passage) {
  return passage->kind == PASSAGE_ASK && is_named(passage, "initialize");
}

static void buf_set(struct buf *buf, struct str text) {
  if (!buf->p) buf_init(buf, NULL, STATE_MAX);
  buf_clear(buf);
  buf_append_str(buf, text);
}

static void buf_set_value(struct buf *buf, yyjson_val *value) {
  buf_set(buf, STR(""));
  if (value) json_write_value(buf, value);
}

/* All that waited goes on, in its order. */
static void wake(struct bridge *bridge) {
  bridge->session.is_busy = false;
  for (;;) { /* from the first again each time: to start one may end others */
    struct passage *passage = bridge->first;
    while (passage && (!passage->is_waiting || passage->is_modern))
      passage = passage->next;
    if (!passage || bridge->session.is_busy) return;
    passage->is_waiting = false;
    passage_start(passage);
  }
}

static void stop_stream(struct bridge_session *session) {
  if (session->stream) passage_end(session->stream);
  session->stream = NULL;
}

static void forget(struct bridge_session *session) {
  session->generation++;
  buf_set(&session->id, STR_NONE);
  buf_set(&session->version, STR_NONE);
}

/* Before whatever waited: what that makes the server say would be lost without it. */
static void open_stream(struct bridge *bridge) {
  int code;
  stop_stream(&bridge->session);
  bridge->session.is_busy = false;
  if (bridge->has_input_ended || !bridge->session.is_initialized) return;
  bridge->session.stream = passage_new(bridge, PASSAGE_LISTEN, STR_NONE, &code);
  if (bridge->session.stream) passage_start(bridge->session.stream);
}

bool session_holds(const struct passage *passage) {
  bool is_part = is_initialize(passage) || passage->kind == PASSAGE_RENEW || passage->kind == PASSAGE_GOODBYE;
  return !passage->is_modern && !is_part && passage->bridge->session.is_busy;
}

void session_on_start(struct passage *passage) {
  struct bridge_session *session = &passage->bridge->session;
  if (passage->is_modern) return;
  if (is_initialize(passage) && passage->tries == 0) {
    stop_stream(session);
    forget(session);
    session->is_initialized = false;
    session->is_used = session->is_busy = true;
    buf_set_value(&session->initialize, passage->message.params);
  }
  if (passage->kind == PASSAGE_TELL && is_named(passage, "notifications/initialized")) session->is_busy = true;
  passage->generation = session->generation;
}

static void adopt(struct passage *passage, yyjson_val *result) {
  struct bridge_session *session = &passage->bridge->session;
  buf_set(&session->id, passage->new_session);
  buf_set(&session->version, json_get_str(result, "protocolVersion"));
}

static void add_uri(struct bridge_session *session, struct str uri, bool is_wanted) {
  struct str rest = buf_str(&session->uris);
  struct buf kept = {0};
  buf_set(&kept, STR(""));
  while (rest.p && rest.n > 0) {
    struct str line = str_cut(&rest, '\n');
    if (!str_eq(line, uri)) buf_printf(&kept, "%.*s\n", STR_ARG(line));
  }
  if (is_wanted && uri.n > 0 && !memchr(uri.p, '\n', uri.n)) buf_printf(&kept, "%.*s\n", STR_ARG(uri));
  buf_release(&session->uris);
  session->uris = kept;
}

/* What has to be said again to a session made anew. */
void session_on_answer(struct passage *passage, yyjson_val *message) {
  struct bridge_session *session = &passage->bridge->session;
  yyjson_val *result = json_get(message, "result");
  if (passage->is_modern || !result) return;
  if (is_named(passage, "initialize")) adopt(passage, result);
  if (passage->kind != PASSAGE_ASK) return;
  struct str uri = json_get_str(passage->message.params, "uri");
  if (is_named(passage, "logging/setLevel")) buf_set_value(&session->level, passage->message.params);
  if (is_named(passage, "resources/subscribe")) add_uri(session, uri, true);
  if (is_named(passage, "resources/unsubscribe")) add_uri(session, uri, false);
}

/* ---- made anew ---- */

static void step(struct bridge *bridge);

static void send_own(struct bridge *bridge, const char *method, bool is_request, struct str params) {
  struct buf text;
  int code;
  buf_init(&text, NULL, STATE_MAX);
  buf_append_c(&text, "{\"jsonrpc\":\"2.0\",");
  if (is_request) buf_printf(&text, "\"id\":\"connek-bridge-%u\",", ++bridge->session.n_own);
  buf_printf(&text, "\"method\":\"%s\"", method);
  if (params.n > 0) buf_printf(&text, ",\"params\":%.*s", STR_ARG(params));
  buf_append_byte(&text, '}');
  struct passage *own = buf_failed(&text) ? NULL : passage_new(bridge, PASSAGE_RENEW, buf_str(&text), &code);
  buf_release(&text);
  if (own) {
    passage_start(own);
  } else {
    wake(bridge);
  }
}

static void send_uri(struct bridge *bridge, struct str uri) {
  struct buf params;
  buf_init(&params, NULL, STATE_MAX);
  buf_append_c(&params, "{\"uri\":");
  json_write_str(&params, uri);
  buf_append_byte(&params, '}');
  send_own(bridge, "resources/subscribe", true, buf_str(&params));
  buf_release(&params);
}

static void step(struct bridge *bridge) {
  struct bridge_session *session = &bridge->session;
  switch (session->step) {
    case STEP_INITIALIZE:
      send_own(bridge, "initialize", true, buf_str(&session->initialize));
      return;
    case STEP_INITIALIZED:
      send_own(bridge, "notifications/initialized", false, STR_NONE);
      return;
    case STEP_LEVEL:
      if (session->level.n > 0) {
        send_own(bridge, "logging/setLevel", true, buf_str(&session->level));
        return;
      }
      session->step = STEP_URIS;
      session->uri_at = 0;
      __attribute__((fallthrough));
    case STEP_URIS:
      if (session->uri_at < session->uris.n) {
        struct str rest = {session->uris.p + session->uri_at, session->uris.n - session->uri_at};
        struct str uri = str_cut(&rest, '\n');
        session->uri_at += uri.n + 1;
        send_uri(bridge, uri);
        return;
      }
      session->step = STEP_DONE;
      open_stream(bridge);
      wake(bridge);
      return;
    default:
      return;
  }
}

bool session_renew(struct passage *passage) {
  struct bridge *bridge = passage->bridge;
  struct bridge_session *session = &bridge->session;
  if (passage->is_modern || is_initialize(passage) || session->initialize.n == 0 || passage->renewals++ >= RENEWALS_MAX)
    return false;
  bool is_first = passage->generation == session->generation && !session->is_busy;
  if (session->id.n == 0 && is_first) return false;
  if (passage->kind == PASSAGE_LISTEN) {
    session->stream = NULL;
    passage_end(passage);
  } else {
    passage->is_waiting = true;
  }
  if (!is_first) { /* somebody else has noticed before */
    if (!session->is_busy) wake(bridge);
    return true;
  }
  cli_warn(bridge->args, "%.*s no longer knows the session; a new one is made", STR_ARG(bridge->remote.name));
  session->is_busy = true;
  stop_stream(session);
  forget(session);
  session->step = STEP_INITIALIZE;
  step(bridge);
  return true;
}

/* `is_good`: answered, or taken. */
void session_on_end(struct passage *passage, bool is_good) {
  struct bridge *bridge = passage->bridge;
  struct bridge_session *session = &bridge->session;
  if (passage->kind == PASSAGE_RENEW) {
    if (session->step == STEP_INITIALIZE && !is_good) {
      wake(bridge); /* who waited finds out for itself */
    } else {
      if (session->step < STEP_URIS) session->step++;
      step(bridge);
    }
  } else if (!passage->is_modern && is_initialize(passage)) {
    wake(bridge);
  } else if (passage->kind == PASSAGE_TELL && is_named(passage, "notifications/initialized")) {
    session->is_initialized = true;
    open_stream(bridge);
    wake(bridge);
  }
}

void session_release(struct bridge_session *session) {
  buf_release(&session->id);
  buf_release(&session->version);
  buf_release(&session->initialize);
  buf_release(&session->level);
  buf_release(&session->uris);
}
