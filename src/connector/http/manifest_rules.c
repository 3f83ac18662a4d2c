/* Limits, retries and rules for errors, compiled. */
#include "base/limits.h"
#include "codec/json_path.h"
#include "connector/http/manifest.h"

enum { RULES_MAX = 32, RETRY_MAX = 10, CONCURRENT_MAX = 1000, PER_MINUTE_MAX = 1000000 };

/* ---- limits ---- */

static bool read_unit(struct str word, enum http_after_unit *ret_unit) {
  static const struct {
    const char *word;
    enum http_after_unit unit;
  } units[] = {{"epoch", HTTP_AFTER_EPOCH},
               {"epoch_ms", HTTP_AFTER_EPOCH_MS},
               {"seconds", HTTP_AFTER_SECONDS},
               {"ms", HTTP_AFTER_MS}};
  for (size_t i = 0; i < COUNT(units); i++)
    if (str_eq_c(word, units[i].word)) {
      *ret_unit = units[i].unit;
      return true;
    }
  return false;
}

static void read_header_name(struct manifest *manifest, yyjson_val *object, const struct definition_place *place,
                             const char *name, struct str *ret_name) {
  struct str text;
  if (!manifest_text(manifest, object, place, name, MANIFEST_FIELD_MAX, &text)) return;
  if (str_is_token(text)) {
    *ret_name = text;
  } else {
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, str_of(name)), "not the name of an HTTP field");
  }
}

static void read_remaining(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                           struct http_limits *limits) {
  static const char *const names[] = {"header", "reset", "reset_is"};
  if (!yyjson_is_obj(value)) {
    definition_wrong(manifest->findings, place, "remaining is {\"header\", \"reset\", \"reset_is\"}");
    return;
  }
  definition_known(manifest->findings, place, value, names, COUNT(names));
  read_header_name(manifest, value, place, "header", &limits->remaining_header);
  read_header_name(manifest, value, place, "reset", &limits->reset_header);
  if (limits->remaining_header.n == 0)
    definition_wrong(manifest->findings, place, "\"header\" is missing: the one that says how many calls are left");
  limits->reset_is = HTTP_AFTER_EPOCH;
  yyjson_val *is = json_get(value, "reset_is");
  if (is && (!read_unit(json_str(is), &limits->reset_is) || limits->reset_is == HTTP_AFTER_MS))
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("reset_is")),
                     "reset_is must be \"epoch\", \"epoch_ms\" or \"seconds\"");
}

void manifest_read_limits(struct manifest *manifest) {
  static const char *const names[] = {"concurrent", "per_minute", "per_second", "remaining"};
  const struct definition_place *place = DEFINITION_MEMBER(NULL, STR("limits"));
  yyjson_val *value = json_get(manifest->root, "limits"), *remaining;
  struct http_limits *limits = &manifest->http->limits;
  if (!value) return;
  if (!yyjson_is_obj(value)) {
    definition_wrong(manifest->findings, place, "limits must be an object");
    return;
  }
  definition_known(manifest->findings, place, value, names, COUNT(names));
  limits->concurrent = manifest_number(manifest, value, place, "concurrent", 1, CONCURRENT_MAX);
  limits->per_minute = manifest_number(manifest, value, place, "per_minute", 1, PER_MINUTE_MAX);
  limits->per_second = manifest_number(manifest, value, place, "per_second", 1, PER_MINUTE_MAX);
  remaining = json_get(value, "remaining");
  if (remaining) read_remaining(manifest, remaining, DEFINITION_MEMBER(place, STR("remaining")), limits);
}

/* ---- retries ---- */

static bool is_list(struct manifest *manifest, yyjson_val *list, const struct definition_place *place) {
  if (!list) return false;
  if (yyjson_is_arr(list) && yyjson_arr_size(list) <= RULES_MAX) return true;
  definition_wrong(manifest->findings, place, "must be a list of at most %d", RULES_MAX);
  return false;
}

static bool is_status(yyjson_val *value) {
  return yyjson_is_uint(value) && yyjson_get_uint(value) >= 400 && yyjson_get_uint(value) <= 599;
}

/* {"status": 403, "header": "retry-after"} */
static bool read_status(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                        struct http_retry_status *status) {
  static const char *const names[] = {"status", "header"};
  if (is_status(value)) {
    status->status = (uint16_t)yyjson_get_uint(value);
    return true;
  }
  if (!yyjson_is_obj(value) || !is_status(json_get(value, "status"))) return false;
  definition_known(manifest->findings, place, value, names, COUNT(names));
  status->status = (uint16_t)yyjson_get_uint(json_get(value, "status"));
  read_header_name(manifest, value, place, "header", &status->header);
  return true;
}

static void read_on(struct manifest *manifest, yyjson_val *list, const struct definition_place *place,
                    struct http_retry *retry) {
  if (!is_list(manifest, list, place)) return;
  struct http_retry_status *statuses = manifest_alloc(manifest, yyjson_arr_size(list), sizeof(*statuses));
  struct str *codes = manifest_alloc(manifest, yyjson_arr_size(list), sizeof(*codes));
  if (!statuses || !codes) return;
  *retry = (struct http_retry){
      .statuses = statuses, .codes = codes, .after = retry->after, .n_after = retry->n_after, .max = retry->max};
  size_t i, n;
  yyjson_val *value;
  yyjson_arr_foreach(list, i, n, value) {
    const struct definition_place *at = DEFINITION_INDEX(place, i);
    if (yyjson_is_str(value) && yyjson_get_len(value) > 0) {
      codes[retry->n_codes++] = json_str(value);
    } else if (read_status(manifest, value, at, &statuses[retry->n_statuses])) {
      retry->n_statuses++;
    } else {
      definition_wrong(manifest->findings, at,
                       "a status from 400 to 599, {\"status\", \"header\"}, or a word that errors.code finds");
    }
  }
}

/* "retry-after", "HEADER@UNIT", "body:PATH", "body:PATH@UNIT" */
static void read_after_entry(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                             struct http_after *after) {
  struct str rest = json_str(value);
  if (!yyjson_is_str(value) || rest.n == 0 || rest.n > MANIFEST_FIELD_MAX) {
    definition_wrong(manifest->findings, place,
                     "says where the wait stands: \"retry-after\", \"HEADER@epoch\", \"body:PATH\"");
    return;
  }
  const char *at = memrchr(rest.p, '@', rest.n);
  bool is_body = str_starts(rest, STR("body:"));
  after->unit = is_body ? HTTP_AFTER_SECONDS : HTTP_AFTER_RETRY_AFTER;
  if (at && (!is_body || read_unit(str_make(at + 1, rest.n - (size_t)(at + 1 - rest.p)), &after->unit))) {
    if (!read_unit(str_make(at + 1, rest.n - (size_t)(at + 1 - rest.p)), &after->unit))
      definition_wrong(manifest->findings, place, "behind the @ stands epoch, epoch_ms, seconds or ms");
    rest.n = (size_t)(at - rest.p);
  }
  if (is_body) {
    struct json_path *path = manifest_alloc(manifest, 1, sizeof(*path));
    struct err err = {0};
    if (!path) return;
    if (json_path_compile(str_make(rest.p + 5, rest.n - 5), path, &err) != ERR_NONE)
      definition_found(manifest->findings, place, &err);
    after->path = path;
  } else if (str_is_token(rest)) {
    after->header = rest;
  } else {
    definition_wrong(manifest->findings, place, "not the name of an HTTP field");
  }
}

void manifest_read_retry(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                         struct http_retry *retry) {
  static const char *const names[] = {"on", "after", "max"};
  if (!value) return;
  if (!yyjson_is_obj(value)) {
    definition_wrong(manifest->findings, place, "retry is {\"on\", \"after\", \"max\"}");
    return;
  }
  definition_known(manifest->findings, place, value, names, COUNT(names));
  retry->max = json_get(value, "max") ? (unsigned)manifest_number(manifest, value, place, "max", 0, RETRY_MAX)
               : retry->max == 0      ? 3
                                      : retry->max;
  read_on(manifest, json_get(value, "on"), DEFINITION_MEMBER(place, STR("on")), retry);
  yyjson_val *list = json_get(value, "after"), *entry;
  const struct definition_place *at = DEFINITION_MEMBER(place, STR("after"));
  if (!is_list(manifest, list, at)) return;
  struct http_after *after = manifest_alloc(manifest, yyjson_arr_size(list), sizeof(*after));
  if (!after) return;
  retry->after = after;
  retry->n_after = yyjson_arr_size(list);
  size_t i, n;
  yyjson_arr_foreach(list, i, n, entry) {
    read_after_entry(manifest, entry, DEFINITION_INDEX(at, i), &after[i]);
  }
}

/* ---- errors ---- */

static struct http_paths read_paths(struct manifest *manifest, yyjson_val *list, const struct definition_place *place) {
  struct http_paths paths = {NULL, 0};
  if (!is_list(manifest, list, place)) return paths;
  const struct json_path **items = manifest_alloc(manifest, yyjson_arr_size(list), sizeof(const struct json_path *));
  if (!items) return paths;
  size_t i, n;
  yyjson_val *value;
  yyjson_arr_foreach(list, i, n, value) {
    items[i] = manifest_path(manifest, value, DEFINITION_INDEX(place, i));
  }
  return (struct http_paths){items, yyjson_arr_size(list)};
}

static void read_test(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                      struct http_ok_test *test) {
  static const char *const names[] = {"path", "is", "absent"};
  yyjson_val *absent = json_get(value, "absent");
  test->is = json_get(value, "is");
  if (!yyjson_is_obj(value) || !json_get(value, "path") || (test->is != NULL) == (absent != NULL)) {
    definition_wrong(manifest->findings, place,
                     "a test is {\"path\": \"ok\", \"is\": true} or {\"path\": \"errors\", \"absent\": true}");
    return;
  }
  definition_known(manifest->findings, place, value, names, COUNT(names));
  if (absent && !yyjson_is_true(absent))
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("absent")), "absent is true, or not there");
  if (yyjson_is_ctn(test->is))
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("is")), "is takes no list and no object");
  test->path = manifest_path(manifest, json_get(value, "path"), DEFINITION_MEMBER(place, STR("path")));
}

void manifest_read_errors(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                          struct http_errors *errors) {
  static const char *const names[] = {"ok", "message", "code"};
  if (!value) return;
  if (!yyjson_is_obj(value)) {
    definition_wrong(manifest->findings, place, "errors is {\"ok\", \"message\", \"code\"}");
    return;
  }
  definition_known(manifest->findings, place, value, names, COUNT(names));
  yyjson_val *ok = json_get(value, "ok"), *test;
  const struct definition_place *at = DEFINITION_MEMBER(place, STR("ok"));
  size_t count = yyjson_is_arr(ok) ? yyjson_arr_size(ok) : 1;
  struct http_ok_test *tests = manifest_alloc(manifest, count, sizeof(*tests));
  if (!tests) return;
  if (ok && !yyjson_is_arr(ok)) read_test(manifest, ok, at, &tests[0]);
  if (ok && (!yyjson_is_arr(ok) || is_list(manifest, ok, at))) {
    size_t i, n;
    yyjson_arr_foreach(ok, i, n, test) {
      read_test(manifest, test, DEFINITION_INDEX(at, i), &tests[i]);
    }
    errors->ok = tests;
    errors->n_ok = count;
  }
  if (json_get(value, "message"))
    errors->messages = read_paths(manifest, json_get(value, "message"), DEFINITION_MEMBER(place, STR("message")));
  if (json_get(value, "code"))
    errors->codes = read_paths(manifest, json_get(value, "code"), DEFINITION_MEMBER(place, STR("code")));
}
