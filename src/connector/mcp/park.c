/* What a legacy upstream asks while a call runs, as what a modern one would answer: the call ends with the questions
 * and a state, its request to the upstream stays behind, parked, and the call that brings that state and the answers
 * goes on with it. The state is an id that cannot be guessed and is good once; what it is bound to is the gateway's to
 * check.
 *
 * A question belongs to the call on whose stream it came. On a channel that all calls share it can belong to one only
 * where just one is under way: else it is refused, lest one person be asked for another.
 *
 * A parked request takes no place from others. It is given up after LIMIT_MCP_PARKED_MS. */
#include <stdlib.h>

#include "base/random.h"
#include "codec/base64.h"
#include "connector/mcp/home.h"

enum { ID_BYTES = 16 };

struct question {
  struct question *next;
  struct str key, id, method, params; /* id and params: JSON; all in its own memory */
  char memory[];
};

struct mcp_parked {
  struct mcp_home *home;
  struct mcp_parked *previous, *next;
  struct mcp_upstream *upstream; /* NULL: it has gone */
  struct mcp_request *request;   /* NULL: it has ended */
  struct mcp_answer *answer;     /* with which it ended, while nobody waited */
  struct uuid connection_id;
  char id[2 * ID_BYTES + 1]; /* "": somebody waits for it again */
  unsigned n_asked;
  size_t n_questions, n_bytes;
  struct question *questions;
  struct str capabilities; /* on the heap */
  struct timer timer;
};

/* ---- telling the upstream ---- */

static void post_error(struct mcp_upstream *upstream, yyjson_val *id, int code, const char *text) {
  struct buf out;
  buf_init(&out, NULL, 4 * KIB);
  jsonrpc_write_error(&out, true, id, code, str_of(text), STR_NONE);
  if (!buf_failed(&out)) mcp_wire_post(upstream, buf_str(&out));
  buf_release(&out);
}

/* `answer`: a result, or {"error": {...}} for an error. */
static void post_answer(struct mcp_upstream *upstream, struct str id, yyjson_val *answer) {
  struct buf out;
  yyjson_val *error = json_get(answer, "error");
  bool is_error = yyjson_obj_size(answer) == 1 && yyjson_is_obj(error) && json_get(error, "code");
  buf_init(&out, NULL, LIMIT_MCP_MESSAGE);
  buf_append_c(&out, "{\"jsonrpc\":\"2.0\",\"id\":");
  buf_append_str(&out, id);
  buf_append_c(&out, is_error ? ",\"error\":" : ",\"result\":");
  json_write_value(&out, is_error ? error : answer);
  buf_append_byte(&out, '}');
  if (!buf_failed(&out)) mcp_wire_post(upstream, buf_str(&out));
  buf_release(&out);
}

static void post_nobody(struct mcp_upstream *upstream, struct str id) {
  struct buf out;
  buf_init(&out, NULL, 4 * KIB);
  buf_append_c(&out, "{\"jsonrpc\":\"2.0\",\"id\":");
  buf_append_str(&out, id);
  buf_append_c(&out, ",\"error\":{\"code\":-1,\"message\":\"nobody answered\"}}");
  if (!buf_failed(&out)) mcp_wire_post(upstream, buf_str(&out));
  buf_release(&out);
}

/* ---- questions ---- */

static struct question *question_new(unsigned n, const struct jsonrpc_message *message) {
  struct buf id, params;
  buf_init(&id, NULL, 2 * KIB);
  buf_init(&params, NULL, LIMIT_MCP_QUESTION);
  json_write_value(&id, message->id);
  if (message->params)
    json_write_value(&params, message->params);
  else
    buf_append_c(&params, "{}");
  char key[16];
  int key_n = snprintf(key, sizeof(key), "q%u", n);
  size_t size = (size_t)key_n + id.n + message->method.n + params.n;
  struct question *question = buf_failed(&id) || buf_failed(&params) ? NULL : calloc(1, sizeof(*question) + size);
  if (question) {
    char *p = question->memory;
    const struct str from[] = {str_make(key, (size_t)key_n), buf_str(&id), message->method, buf_str(&params)};
    struct str *const to[] = {&question->key, &question->id, &question->method, &question->params};
    for (int i = 0; i < 4; i++) {
      memcpy(p, from[i].p, from[i].n);
      *to[i] = str_make(p, from[i].n);
      p += from[i].n;
    }
  }
  buf_release(&id);
  buf_release(&params);
  return question;
}

static void question_drop(struct mcp_parked *parked, struct question **link) {
  struct question *question = *link;
  *link = question->next;
  parked->n_questions--;
  parked->n_bytes -= question->params.n;
  free(question);
}

static void requests_write(struct buf *out, const struct mcp_parked *parked) {
  buf_append_byte(out, '{');
  for (const struct question *question = parked->questions; question; question = question->next) {
    if (question != parked->questions) buf_append_byte(out, ',');
    json_write_str(out, question->key);
    buf_append_c(out, ":{\"method\":");
    json_write_str(out, question->method);
    buf_append_c(out, ",\"params\":");
    buf_append_str(out, question->params);
    buf_append_byte(out, '}');
  }
  buf_append_byte(out, '}');
}

/* ---- its life ---- */

static void parked_free(struct mcp_parked *parked) {
  struct mcp_home *home = parked->home;
  timers_cancel(home->host->timers, &parked->timer);
  while (parked->questions)
    question_drop(parked, &parked->questions);
  if (parked->previous) parked->previous->next = parked->next;
  if (!parked->previous) home->parked = parked->next;
  if (parked->next) parked->next->previous = parked->previous;
  if (parked->upstream) parked->upstream->n_parked--;
  if (parked->request) parked->request->parked = NULL;
  mcp_answer_free(parked->answer);
  free((char *)(uintptr_t)parked->capabilities.p);
  free(parked);
}

static void on_forgotten(struct timer *timer) {
  struct mcp_parked *parked = (struct mcp_parked *)(void *)((char *)timer - offsetof(struct mcp_parked, timer));
  struct mcp_request *request = parked->request;
  for (struct question *question = parked->questions; question && request; question = question->next)
    post_nobody(request->upstream, question->id);
  parked_free(parked);
  if (request) mcp_request_cancel(request, ERR_TIMEOUT, "nobody answered what was asked");
}

static struct mcp_parked *parked_new(struct mcp_request *request) {
  struct mcp_upstream *upstream = request->upstream;
  struct mcp_home *home = upstream->home;
  struct mcp_parked *parked = upstream->n_parked < LIMIT_MCP_PARKED ? calloc(1, sizeof(*parked)) : NULL;
  char *capabilities = parked ? malloc(request->capabilities.n + 1) : NULL;
  if (!capabilities) {
    free(parked);
    return NULL;
  }
  if (request->capabilities.n > 0) memcpy(capabilities, request->capabilities.p, request->capabilities.n);
  *parked = (struct mcp_parked){.home = home,
                                .upstream = upstream,
                                .request = request,
                                .next = home->parked,
                                .connection_id = upstream->target->connection_id,
                                .capabilities = str_make(capabilities, request->capabilities.n)};
  if (home->parked) home->parked->previous = parked;
  home->parked = parked;
  upstream->n_parked++;
  request->parked = parked;
  return parked;
}

/* The call that waits is told what is asked, and ends; the request stays behind. */
static void park(struct mcp_parked *parked) {
  struct mcp_request *request = parked->request;
  struct mcp_ask *ask = request->ask;
  struct buf requests;
  char state[2 + 2 * ID_BYTES], bytes[ID_BYTES];
  buf_init(&requests, NULL, LIMIT_MCP_MESSAGE);
  requests_write(&requests, parked);
  if (buf_failed(&requests)) {
    buf_release(&requests);
    mcp_request_cancel(request, ERR_TOO_LARGE, "more was asked than can be passed on");
    return;
  }
  random_bytes(bytes, sizeof(bytes));
  hex_format(bytes, sizeof(bytes), parked->id);
  snprintf(state, sizeof(state), "p%s", parked->id);
  struct mcp_upstream *upstream = request->upstream;
  request->ask = NULL;
  mcp_request_hold(request);
  parked->timer.run = on_forgotten;
  timers_set(parked->home->host->timers, &parked->timer,
             mcp_now_us(request->upstream) + LIMIT_MCP_PARKED_MS * INT64_C(1000));
  mcp_ask_questions(ask, buf_str(&requests), str_of(state));
  buf_release(&requests);
  mcp_requests_pump(upstream);
}

/* ---- may the client be asked this? ---- */

static bool has(yyjson_val *object, const char *member) {
  return yyjson_is_obj(json_get(object, member));
}

static const char *refusal(yyjson_val *capabilities, const struct jsonrpc_message *message, int *ret_code) {
  yyjson_val *elicitation = json_get(capabilities, "elicitation");
  *ret_code = JSONRPC_METHOD_NOT_FOUND;
  if (str_eq(message->method, STR("roots/list"))) return has(capabilities, "roots") ? NULL : "the client has no roots";
  if (str_eq(message->method, STR("sampling/createMessage"))) {
    bool wants_tools = json_get(message->params, "tools") || json_get(message->params, "toolChoice");
    if (!has(capabilities, "sampling")) return "the client does not do sampling";
    return wants_tools && !has(json_get(capabilities, "sampling"), "tools") ? "the client does not sample with tools"
                                                                            : NULL;
  }
  if (!str_eq(message->method, STR("elicitation/create"))) return "there is no such method";
  if (!yyjson_is_obj(elicitation)) return "the client does not do elicitation";
  struct str mode = json_get_str(message->params, "mode");
  *ret_code = JSONRPC_INVALID_PARAMS;
  /* An empty capability is that of 2025-06-18: forms alone. */
  if (mode.n == 0 || str_eq(mode, STR("form")))
    return has(elicitation, "form") || yyjson_obj_size(elicitation) == 0 ? NULL : "the client does not do forms";
  return str_eq(mode, STR("url")) && has(elicitation, "url") ? NULL : "the client does not do that mode";
}

static const char *refusal_of(struct str capabilities, const struct jsonrpc_message *message, int *ret_code) {
  struct arena arena;
  yyjson_doc *doc;
  arena_init(&arena, LIMIT_MCP_PARSE);
  bool is_read = capabilities.n > 0 && json_read(&arena, capabilities, &doc, NULL) == ERR_NONE;
  const char *text = refusal(is_read ? yyjson_doc_get_root(doc) : NULL, message, ret_code);
  arena_release(&arena);
  return text;
}

/* ---- a question comes ---- */

static struct mcp_request *owner_of(struct mcp_upstream *upstream, struct mcp_request *request) {
  struct mcp_request *found = NULL;
  if (request) return request->ask || request->parked ? request : NULL;
  for (request = upstream->active; request; request = request->next) {
    if (!request->ask && !request->parked) continue;
    if (found) return NULL;
    found = request;
  }
  return found;
}

void mcp_question(struct mcp_upstream *upstream, struct mcp_request *request, const struct jsonrpc_message *message) {
  int code;
  if (str_eq(message->method, STR("ping"))) {
    struct buf out;
    buf_init(&out, NULL, 4 * KIB);
    jsonrpc_write_result(&out, message->id, STR("{}"));
    if (!buf_failed(&out)) mcp_wire_post(upstream, buf_str(&out));
    buf_release(&out);
    return;
  }
  struct mcp_request *owner = upstream->era == MCP_ERA_LEGACY ? owner_of(upstream, request) : NULL;
  if (!owner) {
    post_error(upstream, message->id, JSONRPC_METHOD_NOT_FOUND, "it is not clear whom this asks: nobody is asked");
    return;
  }
  struct str capabilities = owner->parked ? owner->parked->capabilities : owner->capabilities;
  const char *text = refusal_of(capabilities, message, &code);
  struct mcp_parked *parked = text ? NULL : owner->parked ? owner->parked : parked_new(owner);
  struct question *question =
      parked && parked->n_questions < LIMIT_MCP_QUESTIONS ? question_new(++parked->n_asked, message) : NULL;
  if (!question || parked->n_bytes + question->params.n > LIMIT_MCP_QUESTION) {
    free(question);
    post_error(upstream, message->id, text ? code : JSONRPC_INTERNAL_ERROR, text ? text : "too much is asked");
    return;
  }
  struct question **link = &parked->questions;
  while (*link)
    link = &(*link)->next;
  *link = question;
  parked->n_questions++;
  parked->n_bytes += question->params.n;
  if (owner->ask) park(parked);
}

void mcp_question_cancelled(struct mcp_upstream *upstream, yyjson_val *params) {
  struct buf id;
  buf_init(&id, NULL, 2 * KIB);
  json_write_value(&id, json_get(params, "requestId"));
  for (struct mcp_parked *parked = upstream->home->parked; parked; parked = parked->next) {
    if (parked->upstream != upstream) continue;
    for (struct question **link = &parked->questions; *link;) {
      if (str_eq((*link)->id, buf_str(&id)))
        question_drop(parked, link);
      else
        link = &(*link)->next;
    }
  }
  buf_release(&id);
}

/* ---- somebody comes back ---- */

static struct mcp_parked *find(const struct mcp_home *home, const struct mcp_ask *ask) {
  struct str id = str_make(ask->state.p + 1, ask->state.n - 1);
  struct mcp_parked *parked = home->parked;
  for (; parked; parked = parked->next) {
    bool is_waiting = parked->id[0] && uuid_eq(parked->connection_id, ask->target->connection_id);
    if (is_waiting && str_eq_constant_time(str_of(parked->id), id)) break;
  }
  return parked;
}

static void answer_questions(struct mcp_parked *parked, struct str responses) {
  struct arena arena;
  yyjson_doc *doc;
  arena_init(&arena, LIMIT_MCP_PARSE);
  bool is_read = responses.n > 0 && json_read_verbatim(&arena, responses, &doc, NULL) == ERR_NONE;
  for (struct question **link = &parked->questions; is_read && *link;) {
    struct str key = (*link)->key;
    yyjson_val *answer = yyjson_obj_getn(yyjson_doc_get_root(doc), key.p, key.n);
    if (yyjson_is_obj(answer)) {
      post_answer(parked->upstream, (*link)->id, answer);
      question_drop(parked, link);
    } else {
      link = &(*link)->next;
    }
  }
  arena_release(&arena);
}

void mcp_park_resume(struct mcp_ask *ask) {
  struct mcp_parked *parked = find(ask->home, ask);
  if (!parked) {
    mcp_ask_fail(
        ask, ERR_NOT_FOUND, false,
        "What this answers is not waiting any more: it took too long, or was answered already. Make the call again.");
    return;
  }
  timers_cancel(parked->home->host->timers, &parked->timer);
  parked->id[0] = '\0';
  struct mcp_request *request = parked->request;
  if (!request) {
    struct mcp_answer *answer = parked->answer;
    parked->answer = NULL;
    parked_free(parked);
    mcp_ask_hand(ask, answer);
    return;
  }
  mcp_upstream_keep(request->upstream, ask->call->credential);
  request->ask = ask;
  ask->request = request;
  mcp_request_unhold(request, ask->timeout_us);
  answer_questions(parked, ask->responses);
  if (parked->questions) park(parked);
}

void mcp_park_ended(struct mcp_request *request, const struct mcp_reply *reply) {
  struct mcp_parked *parked = request->parked;
  request->parked = NULL;
  parked->request = NULL;
  if (parked->id[0]) parked->answer = mcp_answer_of(reply, false);
  if (!parked->answer) parked_free(parked);
}

void mcp_park_end(struct mcp_upstream *upstream) {
  struct mcp_parked *next;
  for (struct mcp_parked *parked = upstream->home->parked; parked; parked = next) {
    next = parked->next;
    if (parked->upstream == upstream) parked_free(parked);
  }
}
