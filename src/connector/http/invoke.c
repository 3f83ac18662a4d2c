/* One call over HTTP, from its first request to its result: it waits for the connection's rate and for a place among
 * its calls, sends, reads the answer, and perhaps does it all again. The credential is open here alone, for as long as
 * a request is written (and once more, to see that no answer repeats it).
 *
 *   begin -> waiting (for the rate, or to repeat) -> queued (for a place) -> sending -> waiting again, or the end
 *
 * Each of the three can be cancelled, and ends at the call's deadline. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "connector/http/call.h"

/* call->state */
struct http_call {
  struct connector_call *call;
  struct http_rate *rate; /* NULL: no limits */
  struct http_slot slot;
  struct timer timer; /* waiting, or queued: until the deadline */
  struct http_transfer *transfer;
  struct loop_task cancelled;
  struct http_page_state page;
  struct http_turn turn;
  char idempotency_key[UUID_TEXT_SIZE];
  unsigned n_repeated;
  bool was_sent;     /* this request */
  bool is_uncertain; /* an earlier one may have been carried out */
  bool is_cancelled; /* while a place was on its way */
};

static const struct http_tool *tool_of(const struct http_call *state) {
  return state->call->tool->state;
}

static const struct http_limits *limits_of(const struct http_call *state) {
  return &((const struct http_definition *)state->call->connection->connector->state)->limits;
}

static int64_t left_us(const struct http_call *state) {
  return state->call->deadline_us - loop_now_us(state->call->host->loop);
}

/* ---- the end ---- */

static void end(struct http_call *state) {
  struct connector_call *call = state->call;
  bool may_have_happened = state->is_uncertain && call->result.is_error && call->tool->does != DOES_READ;
  call->result.is_unknown = call->result.is_unknown || may_have_happened;
  call->done(call);
}

static void end_failed(struct http_call *state, const struct err *err) {
  connector_fail(state->call, err->code, "%.*s: %s", STR_ARG(state->call->connection->policy.name), err->text);
  end(state);
}

/* Its time would come after the call's. */
static void end_limited(struct http_call *state, const char *why, int64_t wait_us) {
  connector_fail(state->call, ERR_LIMITED, "%.*s: %s. %.*s", STR_ARG(state->call->connection->policy.name), why,
                 STR_ARG(http_retry_text(state->call->arena, wait_us)));
  end(state);
}

/* ---- again ---- */

static void wait_for_rate(struct http_call *state);

static void on_time_to_repeat(struct timer *timer) {
  wait_for_rate((struct http_call *)(void *)((char *)timer - offsetof(struct http_call, timer)));
}

/* False: that would be too late, or there is nothing to wait with. */
static bool repeat_after(struct http_call *state, int64_t wait_us) {
  struct connector_call *call = state->call;
  if (!call->host->timers || wait_us >= left_us(state)) return false;
  state->is_uncertain |= state->was_sent;
  state->n_repeated++;
  state->timer.run = on_time_to_repeat;
  timers_set(call->host->timers, &state->timer, loop_now_us(call->host->loop) + wait_us);
  return true;
}

static bool may_repeat(const struct http_call *state, const struct http_failure *failure) {
  const struct http_tool *tool = tool_of(state);
  return state->n_repeated < tool->retry.max && http_retry_allows(tool, state->call->tool->does, failure);
}

static int64_t backoff_us(const struct http_call *state) {
  uint32_t random;
  random_bytes(&random, sizeof(random));
  return http_retry_backoff_us(state->n_repeated, random);
}

/* ---- what came back ---- */

static void on_error(struct http_call *state, const struct http_answer *reply) {
  struct connector_call *call = state->call;
  const struct http_failure failure = {.reply = reply, .was_sent = true};
  int64_t wait_us = 0;
  bool is_told = http_retry_told(tool_of(state), reply, clock_utc_us(), &wait_us);
  if (may_repeat(state, &failure) && repeat_after(state, is_told ? wait_us : backoff_us(state))) return;
  http_reply_fail(call, reply, is_told ? http_retry_text(call->arena, wait_us) : STR_NONE);
  end(state);
}

static void on_reply(struct http_call *state, const struct http_client_response *response) {
  struct connector_call *call = state->call;
  struct http_secret secret;
  struct http_answer reply;
  struct err err;
  /* One that does not open was not sent either. */
  if (http_secret_open(&secret, call, &err) == ERR_NONE) http_secret_find_texts(&secret);
  enum err_code code = http_reply_read(call, response, &secret, &reply, &err);
  http_secret_close(&secret);
  state->was_sent = false; /* it is known what came of it */
  if (code != ERR_NONE) {
    end_failed(state, &err);
  } else if (reply.is_error) {
    on_error(state, &reply);
  } else {
    http_result_write(call, &state->page, &reply);
    call->done(call);
  }
}

static void on_failure(struct http_call *state, const struct err *err) {
  struct connector_call *call = state->call;
  const struct http_failure failure = {.code = err->code, .was_sent = state->was_sent};
  if (may_repeat(state, &failure) && repeat_after(state, backoff_us(state))) return;
  state->is_uncertain |= state->was_sent;
  connector_fail(call, err->code, "%.*s: %s", STR_ARG(call->connection->policy.name), err->text);
  end(state);
}

static void on_done(void *context, const struct http_client_response *response, const struct err *err) {
  struct http_call *state = context;
  state->transfer = NULL;
  (void)http_slot_leave(&state->slot);
  if (!response) {
    on_failure(state, err);
    return;
  }
  if (state->rate)
    http_rate_learn(state->rate, limits_of(state), response, loop_now_us(state->call->host->loop), clock_utc_us());
  on_reply(state, response);
}

/* ---- sending ---- */

static enum err_code send_request(struct http_call *state, struct err *err) {
  struct connector_call *call = state->call;
  struct http_client_request request;
  struct http_secret secret;
  int64_t left_ms = left_us(state) / 1000, own_ms = tool_of(state)->timeout_ms;
  if (own_ms <= 0) own_ms = LIMIT_UPSTREAM_TOTAL_MS;
  if (left_ms <= 0) return err_set(err, ERR_TIMEOUT, "the time for this call was up before it could be sent");
  enum err_code code = http_secret_open(&secret, call, err);
  if (code == ERR_NONE) code = http_request_build(call, &state->turn, &secret, &request, err);
  if (code == ERR_NONE) {
    if (!request.has_secret_in_url) state->page.request_url = request.url;
    request.timeout_ms = left_ms < own_ms ? left_ms : own_ms;
    request.ret_was_sent = &state->was_sent;
    code = http_client_send(call->host->http, call->arena, &request, on_done, state, &state->transfer, err);
    if (request.has_secret_in_url) secret_wipe((char *)(uintptr_t)request.url.p, request.url.n);
  }
  http_secret_close(&secret);
  return code;
}

static void send_now(struct http_call *state) {
  struct err err;
  if (send_request(state, &err) == ERR_NONE) return;
  state->transfer = NULL;
  (void)http_slot_leave(&state->slot);
  end_failed(state, &err);
}

/* ---- a place among the connection's calls ---- */

static void on_cancelled(struct loop_task *task);

static void on_granted(struct loop_task *task) {
  struct http_call *state = (struct http_call *)(void *)((char *)task - offsetof(struct http_call, slot.granted));
  struct connector_host const *host = state->call->host;
  if (!host->http) return; /* the worker has ended: nobody waits for the call */
  timers_cancel(host->timers, &state->timer);
  http_slot_hold(&state->slot);
  if (!state->is_cancelled) {
    send_now(state);
    return;
  }
  (void)http_slot_leave(&state->slot);
  on_cancelled(&state->cancelled);
}

static void on_queued_too_long(struct timer *timer) {
  struct http_call *state = (struct http_call *)(void *)((char *)timer - offsetof(struct http_call, timer));
  if (http_slot_leave(&state->slot)) /* else it is on its way, and sending will see that it is late */
    end_limited(state, "as many calls as it takes at once are under way", 0);
}

static void take_place(struct http_call *state) {
  struct connector_call *call = state->call;
  uint64_t concurrent = limits_of(state)->concurrent;
  if (!state->rate || concurrent == 0) {
    send_now(state);
    return;
  }
  state->slot.loop = call->host->loop;
  state->slot.granted.run = on_granted;
  state->timer.run = on_queued_too_long;
  timers_set(call->host->timers, &state->timer, call->deadline_us);
  if (!http_slot_take(state->rate, concurrent, &state->slot)) return;
  timers_cancel(call->host->timers, &state->timer);
  send_now(state);
}

/* ---- its turn ---- */

static void on_turn(struct timer *timer) {
  take_place((struct http_call *)(void *)((char *)timer - offsetof(struct http_call, timer)));
}

static void wait_for_rate(struct http_call *state) {
  const struct connector_host *host = state->call->host;
  int64_t wait_us = 0, now_us = loop_now_us(host->loop);
  bool is_in_time = !state->rate || http_rate_reserve(state->rate, limits_of(state), now_us, left_us(state), &wait_us);
  if (!is_in_time) {
    end_limited(state, "its limit of calls is reached", wait_us);
  } else if (wait_us > 0) {
    state->timer.run = on_turn;
    timers_set(host->timers, &state->timer, now_us + wait_us);
  } else {
    take_place(state);
  }
}

static enum err_code begin(struct connector_call *call, struct err *err) {
  struct str missing = ((const struct http_connection *)call->connection->state)->missing;
  if (missing.n > 0)
    return err_set(err, ERR_UNAVAILABLE, "\"%.*s\", which connecting gives, is not known. Connect it again",
                   STR_ARG(missing));
  struct http_call *state = arena_new(call->arena, struct http_call);
  if (!state) return err_no_memory(err);
  state->call = call;
  enum err_code code = http_page_begin(call, &state->page, &state->turn, err);
  if (code != ERR_NONE) return code;
  if (tool_of(state)->idempotency.n > 0) {
    uuid_format(uuid_new(), state->idempotency_key);
    state->turn.idempotency_key = str_of(state->idempotency_key);
  }
  if (call->host->timers) state->rate = http_rate_find(call);
  call->state = state;
  return ERR_NONE;
}

void http_invoke(struct connector_call *call) {
  struct err err;
  call->state = NULL;
  if (begin(call, &err) == ERR_NONE) {
    wait_for_rate(call->state);
    return;
  }
  connector_fail(call, err.code, "%.*s: %s", STR_ARG(call->connection->policy.name), err.text);
  call->done(call);
}

/* ---- cancelling ---- */

static void on_cancelled(struct loop_task *task) {
  struct http_call *state = (struct http_call *)(void *)((char *)task - offsetof(struct http_call, cancelled));
  connector_fail(state->call, ERR_CANCELLED, "The call was cancelled.");
  end(state);
}

/* `done` comes from the mailbox, so that whoever cancels is not called back from within. */
void http_cancel(struct connector_call *call) {
  struct http_call *state = call->state;
  if (!state || state->is_cancelled) return;
  const struct connector_host *host = call->host;
  bool is_under_way = state->transfer || state->timer.is_set;
  if (!is_under_way) return;
  state->is_cancelled = true;
  if (host->timers) timers_cancel(host->timers, &state->timer);
  if (state->transfer) {
    http_client_cancel(state->transfer);
    state->transfer = NULL;
    state->is_uncertain |= state->was_sent;
  }
  if (!http_slot_leave(&state->slot)) return; /* on_granted ends it */
  state->cancelled.run = on_cancelled;
  loop_post(host->loop, &state->cancelled);
}
