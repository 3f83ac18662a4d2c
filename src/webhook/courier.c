/* Sends what waits: takes some deliveries whose time has come, posts them all at once, and writes down how it went. A
 * receiver that fails is left alone for a while with all that waits for it, so that one that hangs keeps nobody else
 * waiting for long. Must not know what is told. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "store/grant.h"
#include "vault/places.h"
#include "webhook/webhook.h"

enum {
  ROUND_US = 500 * 1000,
  TAKEN_MAX = 16,
  LEASE_S = 120,
  TIMEOUT_MS = 10 * 1000,
  ANSWER_MAX = 64 * KIB, /* nobody reads it */
  KEPT_DAYS = 14,
  FIELDS = 4,
  TEXT_MAX = 300,
};
static const int64_t second_us = 1000000;

/* Between one attempt and the next; behind the last there is none. */
static const int64_t waits_s[] = {5, 60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600, 12 * 3600, 24 * 3600};
enum { WAITS = sizeof(waits_s) / sizeof(waits_s[0]) };
static const int64_t pause_max_s = 15 * 60;

enum verdict { POST_IGNORED, POST_LATER, POST_READY, POST_DELIVERED, POST_FAILED, POST_GONE };

struct post {
  struct courier_round *round;
  struct job_record job;
  struct webhook_delivery_record delivery;
  struct webhook_record webhook;
  enum verdict verdict;
  struct str id, time, signatures;
  struct http_field fields[FIELDS];
  struct http_transfer *transfer;
  int64_t started_us; /* monotonic */
  int64_t due_at;     /* of the job, when it has not ended */
};

struct courier_round {
  struct db_job db_job; /* first */
  struct courier *courier;
  struct arena arena;
  struct post posts[TAKEN_MAX];
  size_t n, n_open;
  int64_t taken_at;
  bool is_due;
};

struct courier {
  struct courier_options options;
  struct timer timer;
  struct courier_round *round; /* under way */
  bool is_in_database;         /* it is: it cannot be given up now */
  bool is_stopping;
};

/* ---- one round's transactions ---- */

static enum err_code look_work(struct db_tx *tx, void *context, struct err *err) {
  struct courier_round *round = context;
  return store_job_is_due(tx, STR(WEBHOOK_JOB), clock_utc_us(), &round->is_due, err);
}

static enum err_code sign_all(struct db_tx *tx, struct post *post, struct err *err) {
  struct courier_round *round = post->round;
  const struct webhook_secret_record *list = NULL;
  struct vault_keys *keys = NULL;
  struct buf out;
  size_t n = 0;
  int64_t time_s = round->taken_at / second_us;
  char id[UUID_TEXT_SIZE];
  uuid_format(post->delivery.id, id);
  post->id = arena_printf(&round->arena, "msg_%s", id);
  post->time = arena_printf(&round->arena, "%lld", (long long)time_s);
  if (!post->id.p || !post->time.p) return err_no_memory(err);
  buf_init(&out, &round->arena, 2 * KIB);
  enum err_code code =
      vault_keys_open(round->courier->options.vault, post->webhook.organisation_id, post->webhook.data_key, &keys, err);
  if (code == ERR_NONE)
    code = store_webhook_secret_list(tx, &round->arena, post->webhook.id, round->taken_at, &list, &n, err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    struct secret *secret = NULL;
    code = vault_unseal(keys, vault_place_webhook(&list[i].id), list[i].secret, &secret, err);
    if (code == ERR_NONE) code = webhook_sign(secret_open(secret), post->id, time_s, post->delivery.body, &out, err);
    secret_free(secret);
  }
  vault_keys_free(keys);
  if (code == ERR_NONE && out.n == 0) code = err_set(err, ERR_INVALID, "the webhook has no secret");
  post->signatures = buf_str(&out);
  return code;
}

static enum err_code prepare(struct db_tx *tx, struct post *post, struct err *err) {
  struct courier_round *round = post->round;
  struct uuid id = {{0}};
  post->verdict = POST_IGNORED;
  if (post->job.subject.n == sizeof(id.b)) memcpy(id.b, post->job.subject.p, sizeof(id.b));
  enum err_code code =
      store_webhook_delivery_get(tx, &round->arena, post->job.organisation_id, id, &post->delivery, err);
  if (code == ERR_NONE)
    code = store_webhook_target(tx, &round->arena, post->job.organisation_id, post->delivery.webhook_id, &post->webhook,
                                err);
  if (code == ERR_NOT_FOUND) return ERR_NONE; /* deleted meanwhile */
  if (code != ERR_NONE || !str_eq(post->delivery.status, STR("waiting"))) return code;
  post->due_at = post->webhook.retry_at;
  post->verdict = POST_LATER;
  if (post->webhook.retry_at > round->taken_at) return ERR_NONE;
  post->verdict = POST_READY;
  if (!post->webhook.is_on) {
    post->verdict = POST_GONE;
    post->delivery.text = STR("The webhook was switched off before this was sent.");
    return ERR_NONE;
  }
  code = sign_all(tx, post, err);
  if (code != ERR_INVALID) return code;
  post->verdict = POST_GONE;
  post->delivery.text = STR("Its secret cannot be opened: make the webhook a new one.");
  return ERR_NONE;
}

static enum err_code claim_work(struct db_tx *tx, void *context, struct err *err) {
  struct courier_round *round = context;
  const struct job_record *list = NULL;
  size_t n = 0;
  round->taken_at = clock_utc_us();
  const struct job_claim claim = {.kind = STR(WEBHOOK_JOB),
                                  .owner = round->courier->options.owner,
                                  .now = round->taken_at,
                                  .until = round->taken_at + LEASE_S * second_us,
                                  .max = TAKEN_MAX};
  enum err_code code = store_job_claim(tx, &round->arena, &claim, &list, &n, err);
  if (code == ERR_NONE)
    code = store_webhook_delivery_sweep(tx, round->taken_at - KEPT_DAYS * INT64_C(86400) * second_us, err);
  for (size_t i = 0; i < n && i < TAKEN_MAX && code == ERR_NONE; i++) {
    struct post *post = &round->posts[i];
    *post = (struct post){.round = round, .job = list[i]};
    code = prepare(tx, post, err);
    round->n = i + 1;
  }
  return code;
}

/* Longer with every failure, and never the same for all that failed together. */
static int64_t with_jitter(int64_t wait_s) {
  uint32_t random;
  random_bytes(&random, sizeof(random));
  return wait_s * second_us + (int64_t)(random % 1000) * wait_s * second_us / 5000;
}

static int64_t pause_us(int64_t failures) {
  int64_t wait_s = failures < 8 ? waits_s[0] << failures : pause_max_s;
  return with_jitter(wait_s < pause_max_s ? wait_s : pause_max_s);
}

/* What is known of one now. */
static enum err_code end_one(struct db_tx *tx, struct post *post, struct err *err) {
  struct webhook_delivery_record *delivery = &post->delivery;
  int64_t now = clock_utc_us();
  if (post->verdict == POST_IGNORED) return store_job_end(tx, &post->job, 0, err);
  if (post->verdict == POST_LATER || post->verdict == POST_READY)
    return store_job_end(tx, &post->job, post->due_at > now ? post->due_at : now + second_us, err);
  bool is_delivered = post->verdict == POST_DELIVERED;
  bool is_last = post->verdict == POST_GONE || delivery->attempts >= WAITS;
  delivery->next_at = is_delivered || is_last ? 0 : now + with_jitter(waits_s[delivery->attempts]);
  delivery->attempts++;
  delivery->tried_at = now;
  delivery->status = is_delivered ? STR("delivered") : is_last ? STR("failed") : STR("waiting");
  enum err_code code = store_webhook_delivery_update(tx, delivery, err);
  if (code == ERR_NONE) code = store_job_end(tx, &post->job, delivery->next_at, err);
  if (code == ERR_NONE && delivery->response == 410) return store_webhook_switch_off(tx, post->webhook.id, err);
  if (code != ERR_NONE || post->verdict == POST_GONE) return code;
  return store_webhook_result(tx, post->webhook.id, post->round->taken_at,
                              is_delivered ? 0 : now + pause_us(post->webhook.failures), err);
}

static enum err_code end_work(struct db_tx *tx, void *context, struct err *err) {
  struct courier_round *round = context;
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < round->n && code == ERR_NONE; i++)
    code = end_one(tx, &round->posts[i], err);
  return code;
}

/* ---- rounds ---- */

static void plan(struct courier *courier);

static void round_free(struct courier_round *round) {
  struct courier *courier = round->courier;
  courier->round = NULL;
  courier->is_in_database = false;
  arena_wipe(&round->arena);
  free(round);
  if (courier->is_stopping)
    courier->options.is_idle(courier->options.context);
  else
    plan(courier);
}

static bool submit(struct courier_round *round, db_work work, bool is_write, void (*done)(struct db_job *job)) {
  struct courier *courier = round->courier;
  round->db_job =
      (struct db_job){.db = courier->options.db, .work = work, .context = round, .is_write = is_write, .done = done};
  courier->is_in_database = db_submit(courier->options.db, courier->options.loop, &round->db_job);
  return courier->is_in_database;
}

static void on_ended(struct db_job *job) {
  round_free((struct courier_round *)(void *)job); /* what was not written down is due again when its lease ends */
}

static void round_end(struct courier_round *round) {
  if (!submit(round, end_work, true, on_ended)) round_free(round);
}

static void fail(struct post *post, const char *text) {
  post->verdict = POST_FAILED;
  post->delivery.text = arena_printf(&post->round->arena, "%.*s", TEXT_MAX, text);
}

static void judge(struct post *post, const struct http_client_response *response, const struct err *err) {
  char text[96];
  post->delivery.response = response ? response->status : 0;
  if (!response) {
    fail(post, err->text);
  } else if (response->status >= 200 && response->status < 300) {
    post->verdict = POST_DELIVERED;
    post->delivery.text = STR_NONE;
  } else {
    const char *what = response->status < 400    ? ": Connek follows no redirect. Name the address that it leads to"
                       : response->status == 410 ? ", which switches the webhook off"
                                                 : "";
    (void)snprintf(text, sizeof(text), "It answered %d%s.", response->status, what);
    fail(post, text);
    if (response->status == 410) post->verdict = POST_GONE;
  }
}

static void on_answered(void *context, const struct http_client_response *response, const struct err *err) {
  struct post *post = context;
  struct courier_round *round = post->round;
  post->transfer = NULL;
  post->delivery.duration_us = clock_monotonic_us() - post->started_us;
  judge(post, response, err);
  if (--round->n_open == 0) round_end(round);
}

static void post_send(struct post *post) {
  struct courier *courier = post->round->courier;
  struct err err = {0};
  post->fields[0] = (struct http_field){STR("Content-Type"), STR("application/json")};
  post->fields[1] = (struct http_field){STR("webhook-id"), post->id};
  post->fields[2] = (struct http_field){STR("webhook-timestamp"), post->time};
  post->fields[3] = (struct http_field){STR("webhook-signature"), post->signatures};
  const struct http_client_request request = {.method = STR("POST"),
                                              .url = post->webhook.url,
                                              .organisation = post->webhook.organisation,
                                              .fields = post->fields,
                                              .n_fields = FIELDS,
                                              .has_secret_in_url = true,
                                              .body = post->delivery.body,
                                              .has_body = true,
                                              .timeout_ms = TIMEOUT_MS,
                                              .max_body = ANSWER_MAX};
  post->started_us = clock_monotonic_us();
  /* One from before that was asked may still be http. */
  if (webhook_check_address(&post->round->arena, request.url, &err) != ERR_NONE ||
      http_client_send(courier->options.http, &post->round->arena, &request, on_answered, post, &post->transfer,
                       &err) != ERR_NONE) {
    fail(post, err.text);
    return;
  }
  post->round->n_open++;
}

static void on_claimed(struct db_job *job) {
  struct courier_round *round = (struct courier_round *)(void *)job;
  round->courier->is_in_database = false;
  if (job->code != ERR_NONE || round->courier->is_stopping) {
    round_free(round);
    return;
  }
  round->n_open = 1; /* one more, so that it outlives this loop */
  for (size_t i = 0; i < round->n; i++)
    if (round->posts[i].verdict == POST_READY) post_send(&round->posts[i]);
  if (--round->n_open == 0) round_end(round);
}

static void on_looked(struct db_job *job) {
  struct courier_round *round = (struct courier_round *)(void *)job;
  round->courier->is_in_database = false;
  bool is_worth_it = job->code == ERR_NONE && round->is_due && !round->courier->is_stopping;
  if (!is_worth_it || !submit(round, claim_work, true, on_claimed)) round_free(round);
}

static void on_time(struct timer *timer) {
  struct courier *courier = (struct courier *)(void *)((char *)timer - offsetof(struct courier, timer));
  struct courier_round *round = calloc(1, sizeof(*round));
  if (!round) {
    plan(courier);
    return;
  }
  round->courier = courier;
  arena_init(&round->arena, 0);
  courier->round = round;
  if (!submit(round, look_work, false, on_looked)) round_free(round);
}

static void plan(struct courier *courier) {
  courier->timer.run = on_time;
  timers_set(courier->options.timers, &courier->timer, loop_now_us(courier->options.loop) + ROUND_US);
}

/* ---- beginning and end ---- */

struct courier *courier_start(const struct courier_options *options) {
  struct courier *courier = calloc(1, sizeof(*courier));
  if (!courier) return NULL;
  courier->options = *options;
  plan(courier);
  return courier;
}

void courier_stop(struct courier *courier) {
  struct courier_round *round = courier->round;
  courier->is_stopping = true;
  timers_cancel(courier->options.timers, &courier->timer);
  if (!round || courier->is_in_database) return;
  for (size_t i = 0; i < round->n; i++) {
    if (!round->posts[i].transfer) continue;
    http_client_cancel(round->posts[i].transfer);
    round->posts[i].transfer = NULL;
  }
  round_end(round); /* what is still to be sent is due at once */
}

bool courier_is_idle(const struct courier *courier) {
  return !courier || !courier->round;
}

void courier_free(struct courier *courier) {
  free(courier);
}
