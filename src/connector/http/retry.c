/* Whether a request is repeated, and when. Reads no clock and draws no random number: both are given. */
#include "codec/json_path.h"
#include "codec/retry_after.h"
#include "connector/http/call.h"

enum { BACKOFF_US = 500 * 1000, BACKOFF_MAX_US = 16 * 1000 * 1000 };

static struct str field_of(const struct http_answer *reply, struct str name) {
  for (size_t i = 0; i < reply->response->n_fields; i++)
    if (str_eq_fold(reply->response->fields[i].name, name)) return reply->response->fields[i].value;
  return STR_NONE;
}

static bool is_listed(const struct http_retry *retry, const struct http_answer *reply) {
  for (size_t i = 0; i < retry->n_statuses; i++) {
    const struct http_retry_status *listed = &retry->statuses[i];
    if (listed->status == reply->status && (listed->header.n == 0 || field_of(reply, listed->header).n > 0))
      return true;
  }
  for (size_t i = 0; i < retry->n_codes; i++)
    if (str_eq(retry->codes[i], reply->code)) return true;
  return false;
}

/* What was answered, or may have arrived, is repeated only where doing it twice is doing it once. */
bool http_retry_allows(const struct http_tool *tool, enum policy_does does, const struct http_failure *failure) {
  bool may_repeat = does == DOES_READ || tool->idempotency.n > 0;
  if (tool->retry.max == 0) return false;
  if (failure->reply) return may_repeat && failure->reply->is_error && is_listed(&tool->retry, failure->reply);
  /* Broken off, or never connected. One that was waited for in vain is not waited for again. */
  return failure->code == ERR_UPSTREAM && (may_repeat || !failure->was_sent);
}

static bool read_wait(struct str text, enum http_after_unit unit, int64_t now_utc_us, int64_t *ret_wait_us) {
  switch (unit) {
    case HTTP_AFTER_SECONDS:
      return retry_number_read(text, RETRY_SECONDS, now_utc_us, ret_wait_us);
    case HTTP_AFTER_MS:
      return retry_number_read(text, RETRY_MILLISECONDS, now_utc_us, ret_wait_us);
    case HTTP_AFTER_EPOCH:
      return retry_number_read(text, RETRY_EPOCH, now_utc_us, ret_wait_us);
    case HTTP_AFTER_EPOCH_MS:
      return retry_number_read(text, RETRY_EPOCH_MS, now_utc_us, ret_wait_us);
    case HTTP_AFTER_RETRY_AFTER:
      break;
  }
  return retry_after_read(text, now_utc_us, ret_wait_us);
}

static struct str hint_of(const struct http_after *after, const struct http_answer *reply) {
  if (after->header.n > 0) return field_of(reply, after->header);
  yyjson_val *found = json_path_get(after->path, reply->root);
  return yyjson_is_raw(found) ? str_make(yyjson_get_raw(found), yyjson_get_len(found)) : json_str(found);
}

bool http_retry_told(const struct http_tool *tool, const struct http_answer *reply, int64_t now_utc_us,
                     int64_t *ret_wait_us) {
  for (size_t i = 0; i < tool->retry.n_after; i++) {
    const struct http_after *after = &tool->retry.after[i];
    if (read_wait(hint_of(after, reply), after->unit, now_utc_us, ret_wait_us)) return true;
  }
  /* HTTP's own word holds whether the manifest names it or not. */
  return retry_after_read(field_of(reply, STR("retry-after")), now_utc_us, ret_wait_us);
}

/* Doubled each time; the upper half is random, so that what failed together does not come back together. */
int64_t http_retry_backoff_us(unsigned n, uint32_t random) {
  int64_t whole = n < 5 ? (int64_t)BACKOFF_US << n : BACKOFF_MAX_US;
  return whole / 2 + (int64_t)((uint64_t)(whole / 2) * random / UINT32_MAX);
}

struct str http_retry_text(struct arena *arena, int64_t wait_us) {
  int64_t seconds = (wait_us + 999999) / 1000000;
  if (seconds <= 1) return STR("Try again in a second.");
  if (seconds < 600) return arena_printf(arena, "Try again in %lld seconds.", (long long)seconds);
  return arena_printf(arena, "Try again in %lld minutes.", (long long)(seconds + 59) / 60);
}
