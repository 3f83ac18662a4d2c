/* Calls, errors and times: the days' counts, put together by what is asked. */
#include "api/answer.h"
#include "api/handlers.h"
#include "audit/histogram.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/map.h"
#include "store/call_fact.h"

static const int64_t day_us = INT64_C(86400) * 1000000;

enum { USAGE_DAYS = 30, USAGE_DAYS_MAX = 400, USAGE_ROWS = 50 };

struct group {
  struct str key, label;
  int64_t ok, errors, denied, limited, n_people;
  struct histogram durations;
};

struct usage {
  struct api_request *request;
  struct usage_filter filter;
  const struct user_record *users;
  size_t n_users;
  struct map groups;
  struct map people; /* who was counted already: of each group, and of all */
  struct group total;
};

static void add(struct group *group, const struct usage_day *row) {
  group->ok += row->ok;
  group->errors += row->errors;
  group->denied += row->denied;
  group->limited += row->limited;
  histogram_merge(&group->durations, row->durations);
}

static int64_t calls_of(const struct group *group) {
  return group->ok + group->errors + group->denied;
}

static struct str day_text(struct arena *arena, int64_t day) {
  char text[CLOCK_TEXT_SIZE];
  clock_format(day * day_us, text);
  return arena_str(arena, str_make(text, 10));
}

/* What a row counts for. */
static void key_of(struct usage *usage, const struct usage_day *row, struct str *ret_key, struct str *ret_label) {
  struct arena *arena = &usage->request->arena;
  struct str by = api_query(usage->request, "by");
  char id[UUID_TEXT_SIZE];
  if (str_eq(by, STR("user"))) {
    uuid_format(row->user_id, id);
    *ret_key = *ret_label = arena_str(arena, str_of(id));
    for (size_t i = 0; i < usage->n_users; i++)
      if (uuid_eq(usage->users[i].id, row->user_id)) *ret_label = usage->users[i].email;
    return;
  }
  if (str_eq(by, STR("tool")))
    *ret_key = row->tool;
  else if (str_eq(by, STR("connection")))
    *ret_key = row->connection;
  else if (str_eq(by, STR("connector")))
    *ret_key = row->connector;
  else
    *ret_key = day_text(arena, row->day);
  *ret_label = *ret_key;
}

static struct group *group_of(struct usage *usage, struct str key, struct str label) {
  struct group *group = map_get(&usage->groups, key);
  if (group) return group;
  group = arena_new(&usage->request->arena, struct group);
  if (!group) return NULL;
  group->key = key;
  group->label = label;
  return map_put(&usage->groups, key, group) == ERR_NONE ? group : NULL;
}

/* That somebody is one of those whom a group counts. False: no memory. */
static bool note_person(struct usage *usage, struct group *group, const struct usage_day *row) {
  size_t n = 1 + sizeof(row->user_id.b) + group->key.n;
  char *key = arena_alloc(&usage->request->arena, n);
  if (!key) return false;
  key[0] = group == &usage->total ? 't' : 'g';
  memcpy(key + 1, row->user_id.b, sizeof(row->user_id.b));
  if (group->key.n) memcpy(key + 1 + sizeof(row->user_id.b), group->key.p, group->key.n);
  if (map_get(&usage->people, str_make(key, n))) return true;
  group->n_people++;
  return map_put(&usage->people, str_make(key, n), group) == ERR_NONE;
}

static enum err_code gather(struct usage *usage, struct db_tx *tx, struct err *err) {
  const struct usage_day *rows = NULL;
  size_t n = 0;
  struct arena *arena = &usage->request->arena;
  enum err_code code = store_usage_list(tx, arena, &usage->filter, &rows, &n, err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    struct str key, label;
    key_of(usage, &rows[i], &key, &label);
    struct group *group = key.p ? group_of(usage, key, label) : NULL;
    if (!group || !note_person(usage, &usage->total, &rows[i]) || !note_person(usage, group, &rows[i]))
      return err_no_memory(err);
    add(group, &rows[i]);
    add(&usage->total, &rows[i]);
  }
  return code;
}

static void write_percentile(struct buf *out, const char *name, const struct group *group, unsigned percent) {
  int64_t us = histogram_percentile(&group->durations, percent);
  if (us < 0)
    answer_null(out, name);
  else
    answer_ms(out, name, us);
}

static void write_group(struct buf *out, const struct group *group) {
  answer_open(out, '{');
  answer_text(out, "key", group->key);
  answer_text(out, "label", group->label);
  answer_int(out, "calls", calls_of(group));
  answer_int(out, "ok", group->ok);
  answer_int(out, "errors", group->errors);
  answer_int(out, "denied", group->denied);
  answer_int(out, "limited", group->limited);
  answer_int(out, "people", group->n_people);
  write_percentile(out, "p50_ms", group, 50);
  write_percentile(out, "p95_ms", group, 95);
  answer_close(out, '}');
}

/* Days as they come, each, also those without a call; else the most called first. */
static enum err_code write_days(struct usage *usage, struct err *err) {
  for (int64_t day = usage->filter.from_day; day <= usage->filter.to_day; day++) {
    struct str key = day_text(&usage->request->arena, day);
    struct group *group = key.p ? group_of(usage, key, key) : NULL;
    if (!group) return err_no_memory(err);
    write_group(&usage->request->out, group);
  }
  return ERR_NONE;
}

static void write_most(struct usage *usage, size_t limit) {
  for (size_t n = 0; n < limit; n++) {
    struct group *most = NULL;
    struct str key;
    void *value;
    for (size_t i = 0; map_next(&usage->groups, &i, &key, &value);) {
      struct group *group = value;
      if (calls_of(group) < 0 || !group->label.p) continue;
      bool is_more = !most || calls_of(group) > calls_of(most) ||
                     (calls_of(group) == calls_of(most) && str_cmp(group->key, most->key) < 0);
      if (is_more) most = group;
    }
    if (!most) return;
    write_group(&usage->request->out, most);
    most->label = STR_NONE; /* written */
  }
}

static enum err_code answer(struct usage *usage, struct err *err) {
  struct api_request *request = usage->request;
  struct buf *out = &request->out;
  struct str by = api_query(request, "by"), limit = api_query(request, "limit");
  uint64_t n = USAGE_ROWS;
  if (limit.p) (void)str_to_u64(limit, &n);
  usage->total.key = usage->total.label = STR("total");
  answer_open(out, '{');
  answer_time(out, "from", usage->filter.from_day * day_us);
  answer_time(out, "to", (usage->filter.to_day + 1) * day_us);
  answer_name(out, "total");
  write_group(out, &usage->total);
  answer_int(out, "n_people", usage->total.n_people);
  answer_name(out, "items");
  answer_open(out, '[');
  enum err_code code = ERR_NONE;
  if (by.n && !str_eq(by, STR("day")))
    write_most(usage, (size_t)n);
  else
    code = write_days(usage, err);
  answer_close(out, ']');
  answer_close(out, '}');
  return code;
}

static enum err_code read_filter(struct api_request *request, struct usage_filter *ret_filter, struct err *err) {
  int64_t from, to;
  enum err_code code = api_query_time(request, "from", &from, err);
  if (code == ERR_NONE) code = api_query_time(request, "to", &to, err);
  if (code != ERR_NONE) return code;
  *ret_filter = (struct usage_filter){.organisation_id = request->organisation.id,
                                      .tool = api_query(request, "tool"),
                                      .connection = api_query(request, "connection"),
                                      .to_day = (to ? to - 1 : clock_utc_us()) / day_us};
  ret_filter->from_day = from ? from / day_us : ret_filter->to_day - USAGE_DAYS + 1;
  (void)api_query_id(request, "user", &ret_filter->user_id);
  if (ret_filter->to_day - ret_filter->from_day < USAGE_DAYS_MAX) return ERR_NONE;
  return api_wrong(err, "from", "ask for %d days at most", USAGE_DAYS_MAX);
}

enum err_code usage_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct usage usage = {.request = request};
  map_init(&usage.groups);
  map_init(&usage.people);
  enum err_code code = read_filter(request, &usage.filter, err);
  if (code == ERR_NONE)
    code = store_user_list(tx, &request->arena, request->organisation.id, &usage.users, &usage.n_users, err);
  if (code == ERR_NONE) code = gather(&usage, tx, err);
  if (code == ERR_NONE) code = answer(&usage, err);
  map_release(&usage.groups);
  map_release(&usage.people);
  return code;
}
