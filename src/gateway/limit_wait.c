/* Between a worker's calls and the thread that asks for shares. Must not know how a bucket is kept. */
#include "gateway/limit_wait.h"

#include <stdlib.h>

#include "base/limits.h"
#include "cluster/shares.h"
#include "gateway/worker.h"
#include "limit/share.h"

/* Of one token, on one worker: there as long as something is asked. */
struct limit_wait {
  struct share_ask ask; /* first */
  struct worker *worker;
  uint8_t hash[32]; /* the token's: its entry is found again by it */
  struct limit_rate rate;
  struct call *first, **end; /* those that wait, the first to come first */
  int64_t n;
  int64_t ahead;       /* to be asked for with the next ask */
  int64_t asked_ahead; /* and with the one under way */
  int64_t asked_us;
  struct timer patience; /* of the one that waits longest */
  bool is_asking;
};

static struct token_entry *entry_of(const struct limit_wait *wait) {
  return token_index_find(wait->worker->server->tokens, wait->hash);
}

static int64_t now_of(const struct limit_wait *wait) {
  return loop_now_us(&wait->worker->loop);
}

/* ---- calls ---- */

static void append(struct limit_wait *wait, struct call *call) {
  call->limit = CALL_LIMIT_WAITING;
  call->limit_next = NULL;
  *wait->end = call;
  wait->end = &call->limit_next;
  wait->n++;
}

/* The first `n` of those that wait, as a list of their own. */
static struct call *detach(struct limit_wait *wait, int64_t n) {
  struct call *first = wait->first, **end = &first;
  for (int64_t i = 0; i < n && *end; i++)
    end = &(*end)->limit_next;
  wait->first = *end;
  *end = NULL;
  wait->n -= n;
  if (!wait->first) wait->end = &wait->first;
  return n > 0 ? first : NULL;
}

/* They go on, and may be gone afterwards. */
static void resume(struct call *first) {
  for (struct call *call = first, *next; call; call = next) {
    next = call->limit_next;
    call_run(call);
  }
}

/* Where the token was revoked meanwhile, its calls end here. */
static void mark_given(struct call *first, const struct token_entry *token) {
  for (struct call *call = first; call; call = call->limit_next) {
    call->limit = token ? CALL_LIMIT_GIVEN : CALL_LIMIT_REFUSED;
    if (!token)
      call_fail(call, 401, 401, "No valid access token: it was revoked. Ask your admin for a new personal URL");
  }
}

static void refuse(const struct limit_wait *wait, struct call *first, int64_t retry_us, struct token_entry *token) {
  for (struct call *call = first; call; call = call->limit_next) {
    call->limit = CALL_LIMIT_REFUSED;
    (void)limit_refuse(call, wait->rate, retry_us, token);
  }
}

static void give_up(struct call *first) {
  for (struct call *call = first; call; call = call->limit_next) {
    call->limit = CALL_LIMIT_REFUSED;
    call_fail(call, 503, 503,
              "The rate of this access token could not be counted: the database does not answer. "
              "Nothing was done; try again");
    call->failure.retry_after_s = 1;
  }
}

/* ---- asking ---- */

static void on_asked(struct share_ask *ask);

static void ask_bucket(struct limit_wait *wait) {
  struct worker *worker = wait->worker;
  wait->is_asking = true;
  wait->asked_ahead = wait->ahead;
  wait->ahead = 0;
  wait->asked_us = now_of(wait);
  wait->ask.bucket.cap = wait->rate.cap;
  wait->ask.bucket.cost_us = limit_cost_us(wait->rate);
  wait->ask.bucket.wanted = wait->n + wait->asked_ahead;
  wait->ask.loop = &worker->loop;
  wait->ask.done = on_asked;
  worker_exchange_begun(worker); /* the worker stays until it is answered */
  shares_ask(worker->server->shares, &wait->ask);
}

static void on_patience_ended(struct timer *timer) {
  struct limit_wait *wait = (struct limit_wait *)((char *)timer - offsetof(struct limit_wait, patience));
  struct call *calls = detach(wait, wait->n);
  give_up(calls);
  resume(calls);
}

static void set_patience(struct limit_wait *wait) {
  struct timers *timers = wait->worker->timers;
  wait->patience.run = on_patience_ended;
  if (timers && wait->n == 0) timers_cancel(timers, &wait->patience);
  if (timers && wait->n > 0) timers_set(timers, &wait->patience, now_of(wait) + LIMIT_SHARE_WAIT_MS * INT64_C(1000));
}

static void wait_free(struct limit_wait *wait) {
  struct worker *worker = wait->worker;
  if (worker->timers) timers_cancel(worker->timers, &wait->patience);
  map_remove(&worker->limit_waits, uuid_bytes(&wait->ask.bucket.token_id));
  free(wait);
}

static bool is_dry(const struct share_ask *ask) {
  return ask->code == ERR_NONE && ask->bucket.granted < ask->bucket.wanted;
}

static void end_share(const struct limit_wait *wait, int64_t left, struct token_entry *token) {
  const struct share_ask *ask = &wait->ask;
  const struct limit_share_grant grant = {.ahead = wait->asked_ahead,
                                          .granted = left < wait->asked_ahead ? left : wait->asked_ahead,
                                          .is_dry = is_dry(ask),
                                          .retry_us = ask->bucket.retry_us,
                                          .asked_us = wait->asked_us};
  if (token) limit_share_end(&token->bucket, wait->rate, &grant, now_of(wait));
}

/* Of those who wait still: for whom there is nothing. Who came after the ask was sent is asked for anew, where by now
 * there may be something. */
static int64_t count_refused(const struct limit_wait *wait, int64_t n_given) {
  const struct bucket_ask *bucket = &wait->ask.bucket;
  if (wait->ask.code != ERR_NONE) return wait->n;
  if (!is_dry(&wait->ask)) return 0;
  int64_t n_asked = bucket->wanted - wait->asked_ahead - n_given;
  bool is_over_for_all = now_of(wait) < wait->asked_us + bucket->retry_us;
  return is_over_for_all || n_asked > wait->n ? wait->n : n_asked > 0 ? n_asked : 0;
}

/* Those who wait are served first, those who came meanwhile among them; what is left is the share. */
static void on_asked(struct share_ask *ask) {
  struct limit_wait *wait = (struct limit_wait *)(void *)ask;
  struct worker *worker = wait->worker;
  int64_t granted = ask->code == ERR_NONE ? ask->bucket.granted : 0;
  int64_t n_given = granted < wait->n ? granted : wait->n;
  struct call *given = detach(wait, n_given), *others = detach(wait, count_refused(wait, n_given));
  struct token_entry *token = entry_of(wait);
  wait->is_asking = false;
  mark_given(given, token);
  end_share(wait, granted - n_given, token);
  if (ask->code != ERR_NONE)
    give_up(others);
  else
    refuse(wait, others, ask->bucket.retry_us, token);
  if (wait->n + wait->ahead > 0) ask_bucket(wait);
  set_patience(wait);
  if (!wait->is_asking) wait_free(wait);
  resume(given);
  resume(others);
  worker_exchange_ended(worker);
}

static struct limit_wait *wait_of(struct call *call, struct limit_rate rate) {
  struct exchange *exchange = call->exchange;
  struct worker *worker = exchange->worker;
  const struct principal *principal = &exchange->principal;
  struct limit_wait *wait = map_get(&worker->limit_waits, uuid_bytes(&principal->token_id));
  if (!wait) {
    wait = calloc(1, sizeof *wait);
    if (!wait) return NULL;
    wait->worker = worker;
    wait->end = &wait->first;
    wait->ask.bucket.token_id = principal->token_id;
    wait->ask.bucket.organisation_id = principal->snapshot->id;
    memcpy(wait->hash, principal->token_hash, sizeof wait->hash);
    if (map_put(&worker->limit_waits, uuid_bytes(&wait->ask.bucket.token_id), wait) != ERR_NONE) {
      free(wait);
      return NULL;
    }
  }
  wait->rate = rate;
  return wait;
}

/* ---- the stage ---- */

static enum stage_verdict settled(struct call *call) {
  if (call->limit == CALL_LIMIT_GIVEN) return STAGE_NEXT;
  return call->limit == CALL_LIMIT_WAITING ? STAGE_WAIT : STAGE_FAIL;
}

enum stage_verdict limit_share_call(struct call *call, struct limit_rate rate) {
  struct exchange *exchange = call->exchange;
  struct token_entry *token = exchange->principal.token;
  int64_t now_us = loop_now_us(&exchange->worker->loop), ahead, retry_us;
  if (call->limit != CALL_LIMIT_NONE) return settled(call);
  enum limit_share_answer answer = limit_share_take(&token->bucket, rate, now_us, &ahead, &retry_us);
  if (answer == LIMIT_SHARE_REFUSED) return limit_refuse(call, rate, retry_us, token);
  bool is_admitted = answer == LIMIT_SHARE_ADMITTED;
  if (is_admitted && ahead == 0) return STAGE_NEXT;
  struct limit_wait *wait = wait_of(call, rate);
  if (!wait) {
    const struct limit_share_grant nothing = {.ahead = ahead, .asked_us = now_us};
    if (ahead > 0) limit_share_end(&token->bucket, rate, &nothing, now_us);
    return is_admitted ? STAGE_NEXT : call_fail(call, 503, 503, "Out of memory");
  }
  wait->ahead += ahead;
  if (!is_admitted) append(wait, call);
  if (!wait->is_asking) ask_bucket(wait);
  if (!is_admitted && wait->n == 1) set_patience(wait);
  return is_admitted ? STAGE_NEXT : STAGE_WAIT;
}

void limit_waits_free(struct worker *worker) {
  map_release(&worker->limit_waits);
}
