/* Questions that wait for a legacy client: in a table of the worker where the call runs. */
#include "gateway/question.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/random.h"
#include "codec/base64.h"
#include "gateway/action.h"
#include "gateway/exchange_stream.h"
#include "gateway/pipeline.h"
#include "gateway/worker.h"
#include "mcp/input.h"

enum { KEY_BYTES = 16, KEY_HEX = 2 * KEY_BYTES };
#define ID_PREFIX "connek-"

/* In the exchange's arena. */
struct question {
  struct question *next;
  struct call *call;
  uint8_t key[KEY_BYTES];
  struct str name;   /* in InputRequests */
  struct str answer; /* JSON; empty: none yet */
};

struct questions {
  struct question *first;
  size_t n_open;
  bool is_asking; /* within question_ask */
  struct timer patience;
  struct call *call;
};

static struct str key_of(const struct question *question) {
  return str_make((const char *)question->key, KEY_BYTES);
}

static struct questions *questions_of(struct call *call) {
  if (!call->questions) {
    call->questions = arena_new(call->exchange->arena, struct questions);
    if (call->questions) call->questions->call = call;
  }
  return call->questions;
}

bool question_is_open(const struct call *call) {
  return call->questions && call->questions->n_open > 0;
}

static struct str error_answer(struct arena *arena, int code, const char *text) {
  struct str answer = arena_printf(arena, "{\"error\":{\"code\":%d,\"message\":\"%s\"}}", code, text);
  return answer.p ? answer : STR("{\"error\":{\"code\":-32603,\"message\":\"Out of memory\"}}");
}

static void settle(struct question *question, struct str answer) {
  struct call *call = question->call;
  struct worker *worker = call->exchange->worker;
  question->answer = answer;
  map_remove(&worker->questions, key_of(question));
  if (--call->questions->n_open || call->questions->is_asking) return;
  if (worker->timers) timers_cancel(worker->timers, &call->questions->patience);
  call_run(call);
}

static void settle_all(struct call *call, int code, const char *text) {
  struct question *next;
  struct arena *arena = call->exchange->arena;
  /* With the last one the call goes on, and may be gone. */
  for (struct question *question = call->questions->first; question; question = next) {
    next = question->next;
    bool is_last = call->questions->n_open == 1;
    if (question->answer.n) continue;
    settle(question, error_answer(arena, code, text));
    if (is_last) return;
  }
}

static void on_patience_ended(struct timer *timer) {
  struct questions *questions = (struct questions *)((char *)timer - offsetof(struct questions, patience));
  bool is_cancelled = questions->call->is_cancelled;
  settle_all(questions->call, JSONRPC_INTERNAL_ERROR,
             is_cancelled ? "The call was cancelled" : "Nobody answered in time");
}

static void write_request(struct buf *out, const struct question *question, yyjson_val *request, struct call *call) {
  char hex[KEY_HEX + 1];
  struct mcp_passing passing;
  action_passing(call, &passing);
  hex_format(question->key, KEY_BYTES, hex);
  buf_printf(out, "{\"jsonrpc\":\"2.0\",\"id\":\"" ID_PREFIX "%u-%s\",", call->exchange->worker->index, hex);
  mcp_write_legacy_input(out, request, hex, &passing);
  buf_append_byte(out, '}');
}

static bool add(struct call *call, yyjson_val *name, yyjson_val *request) {
  struct exchange *exchange = call->exchange;
  struct questions *questions = call->questions;
  struct question *question = arena_new(exchange->arena, struct question);
  if (!question) return false;
  question->call = call;
  question->name = json_str(name);
  question->next = questions->first;
  questions->first = question;
  random_bytes(question->key, KEY_BYTES);
  const char *lacking = mcp_input_lacks(call->invocation.client.capabilities, request);
  if (lacking) {
    question->answer = error_answer(exchange->arena, JSONRPC_METHOD_NOT_FOUND, "The client cannot be asked this");
    return true;
  }
  struct buf out;
  buf_init(&out, NULL, LIMIT_HTTP_BODY);
  write_request(&out, question, request, call);
  bool is_sent = !buf_failed(&out) && exchange_send(exchange, buf_str(&out), false);
  buf_release(&out);
  if (!is_sent) {
    question->answer = error_answer(exchange->arena, JSONRPC_METHOD_NOT_FOUND,
                                    "The client takes no event stream, so it cannot be asked");
    return true;
  }
  if (map_put(&exchange->worker->questions, key_of(question), question) != ERR_NONE) return false;
  questions->n_open++;
  return true;
}

enum stage_verdict question_ask(struct call *call, struct str requests) {
  struct exchange *exchange = call->exchange;
  struct worker *worker = exchange->worker;
  struct questions *questions = questions_of(call);
  struct err err;
  yyjson_doc *doc;
  size_t i, n;
  yyjson_val *name, *request;
  if (!questions) return call_fail(call, 503, 503, "Out of memory");
  enum err_code code = json_read_verbatim(exchange->arena, requests.n ? requests : STR("{}"), &doc, &err);
  yyjson_val *root = code == ERR_NONE ? yyjson_doc_get_root(doc) : NULL;
  if (!yyjson_is_obj(root) || yyjson_obj_size(root) > LIMIT_INPUT_REQUESTS)
    return call_fail(call, 0, JSONRPC_INTERNAL_ERROR, "The MCP server asks for something that cannot be asked");
  questions->first = NULL;
  questions->n_open = 0;
  questions->is_asking = true;
  bool is_fine = true;
  yyjson_obj_foreach(root, i, n, name, request) is_fine = is_fine && add(call, name, request);
  questions->is_asking = false;
  if (!is_fine) {
    question_forget(call);
    return call_fail(call, 503, 503, "Out of memory");
  }
  if (!questions->n_open) return STAGE_NEXT;
  questions->patience.run = on_patience_ended;
  if (worker->timers)
    timers_set(worker->timers, &questions->patience, loop_now_us(&worker->loop) + LIMIT_INPUT_MS * INT64_C(1000));
  return STAGE_WAIT;
}

yyjson_val *question_answers(struct call *call) {
  struct arena *arena = call->exchange->arena;
  struct buf out;
  yyjson_doc *doc;
  size_t n = 0;
  buf_init(&out, arena, LIMIT_HTTP_REQUEST_ARENA);
  buf_append_byte(&out, '{');
  for (const struct question *question = call->questions->first; question; question = question->next) {
    if (n++) buf_append_byte(&out, ',');
    json_write_str(&out, question->name);
    buf_append_byte(&out, ':');
    buf_append_str(&out, question->answer);
  }
  buf_append_byte(&out, '}');
  if (buf_failed(&out) || json_read(arena, buf_str(&out), &doc, NULL) != ERR_NONE) return NULL;
  return yyjson_doc_get_root(doc);
}

void question_give_up(struct call *call) {
  struct worker *worker = call->exchange->worker;
  if (question_is_open(call) && worker->timers)
    timers_set(worker->timers, &call->questions->patience, loop_now_us(&worker->loop));
}

void question_forget(struct call *call) {
  struct worker *worker = call->exchange->worker;
  if (!call->questions) return;
  for (struct question *question = call->questions->first; question; question = question->next) {
    if (!question->answer.n) map_remove(&worker->questions, key_of(question));
  }
  call->questions->n_open = 0;
  if (worker->timers) timers_cancel(worker->timers, &call->questions->patience);
}

/* ---- answers ---- */

/* A response on its way to the worker that asked. */
struct answer {
  struct loop_task task;
  struct worker *worker;
  uint8_t key[KEY_BYTES];
  struct uuid organisation_id, user_id;
  size_t session_n, n;
  char text[]; /* the session's id, then the result or {"error"} */
};

static void on_answer(struct loop_task *task) {
  struct answer *answer = (struct answer *)task;
  struct question *question =
      map_get(&answer->worker->questions, str_make((const char *)answer->key, sizeof(answer->key)));
  if (question) {
    const struct exchange *exchange = question->call->exchange;
    const struct principal *principal = &exchange->principal;
    bool is_theirs = uuid_eq(principal->user->id, answer->user_id) &&
                     uuid_eq(principal->snapshot->id, answer->organisation_id) &&
                     str_eq(exchange->session, str_make(answer->text, answer->session_n));
    struct str text =
        is_theirs ? arena_str(exchange->arena, str_make(answer->text + answer->session_n, answer->n)) : STR_NONE;
    if (text.p) settle(question, text);
  }
  free(answer);
}

static bool read_id(struct str id, unsigned *ret_worker, uint8_t ret_key[KEY_BYTES]) {
  const struct str prefix = STR(ID_PREFIX);
  uint64_t worker;
  if (id.n < prefix.n || !str_starts(id, prefix)) return false;
  struct str rest = str_make(id.p + prefix.n, id.n - prefix.n), number = str_cut(&rest, '-');
  if (!str_to_u64(number, &worker) || worker > 0xffff || !hex_parse(rest, ret_key, KEY_BYTES, false)) return false;
  *ret_worker = (unsigned)worker;
  return true;
}

static void write_answer(struct buf *out, const struct jsonrpc_message *message) {
  if (message->result) {
    json_write_value(out, message->result);
    return;
  }
  buf_append_c(out, "{\"error\":");
  json_write_value(out, message->error);
  buf_append_byte(out, '}');
}

void question_take_answer(struct exchange *exchange, const struct jsonrpc_message *message) {
  const struct principal *principal = &exchange->principal;
  struct server *server = exchange->worker->server;
  unsigned worker;
  uint8_t key[KEY_BYTES];
  struct buf text;
  if (!read_id(json_str(message->id), &worker, key) || worker >= server->n_workers) return;
  if (message->result && !yyjson_is_obj(message->result)) return;
  buf_init(&text, NULL, LIMIT_HTTP_BODY + KIB);
  write_answer(&text, message);
  size_t session_n = exchange->session.n;
  struct answer *answer = buf_failed(&text) ? NULL : malloc(sizeof(*answer) + session_n + text.n);
  if (answer) {
    *answer = (struct answer){.task = {.run = on_answer},
                              .worker = &server->workers[worker],
                              .organisation_id = principal->snapshot->id,
                              .user_id = principal->user->id,
                              .session_n = session_n,
                              .n = text.n};
    memcpy(answer->key, key, sizeof(answer->key));
    if (session_n) memcpy(answer->text, exchange->session.p, session_n);
    memcpy(answer->text + session_n, text.p, text.n);
    loop_post(&answer->worker->loop, &answer->task);
  }
  buf_release(&text);
}
