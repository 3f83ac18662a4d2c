/* "limits": calls a minute of each access token that has no limit of its own. */
#include "config/apply.h"

enum { MINUTE_US = 60 * 1000 * 1000 };

enum err_code limit_find(struct db_tx *tx, struct arena *arena, struct uuid organisation_id,
                         struct call_limit_record *ret_limit, struct err *err) {
  const struct call_limit_record *limits;
  size_t n;
  enum err_code code = store_call_limit_list(tx, arena, organisation_id, &limits, &n, err);
  if (code) return code;
  *ret_limit = (struct call_limit_record){0};
  for (size_t i = 0; i < n; i++) {
    /* An empty key: for every token. Those of single tokens are no part of the file. */
    if (str_eq_c(limits[i].scope, "token") && limits[i].scope_key.n == 0 && limits[i].window_us == MINUTE_US) {
      *ret_limit = limits[i];
    }
  }
  return ERR_NONE;
}

static enum err_code limit_change(struct apply *apply, char sign, const char *word, struct str detail) {
  return apply_change(apply, &(struct apply_change){.sign = sign,
                                                    .what = "limit",
                                                    .name = STR("per_minute"),
                                                    .detail = detail,
                                                    .word = word,
                                                    .arguments = arena_printf(apply->arena, "{\"per_minute\":%lld}",
                                                                              (long long)apply->config->per_minute)});
}

enum err_code apply_limits(struct apply *apply) {
  int64_t wanted = apply->config->per_minute;
  if (!wanted) return ERR_NONE;
  struct call_limit_record limit;
  enum err_code code = limit_find(apply->tx, apply->arena, apply->organisation.id, &limit, apply->err);
  if (code || (!uuid_is_nil(limit.id) && limit.cap == wanted)) return code;
  bool is_new = uuid_is_nil(limit.id);
  struct str detail = is_new
                          ? arena_printf(apply->arena, "%lld", (long long)wanted)
                          : arena_printf(apply->arena, "%lld instead of %lld", (long long)wanted, (long long)limit.cap);
  if (!detail.p) return err_no_memory(apply->err);
  if (is_new) {
    limit = (struct call_limit_record){.id = uuid_new(),
                                       .organisation_id = apply->organisation.id,
                                       .scope = STR("token"),
                                       .scope_key = STR(""),
                                       .window_us = MINUTE_US};
  }
  limit.cap = wanted;
  code = store_call_limit_put(apply->tx, &limit, apply->err);
  return code ? code : limit_change(apply, is_new ? '+' : '~', is_new ? "limit.create" : "limit.update", detail);
}

enum err_code prune_limits(struct apply *apply) {
  if (apply->config->per_minute) return ERR_NONE;
  struct call_limit_record limit;
  enum err_code code = limit_find(apply->tx, apply->arena, apply->organisation.id, &limit, apply->err);
  if (code || uuid_is_nil(limit.id)) return code;
  if (!apply->may_prune) {
    apply_kept(apply, "limit", STR("per_minute"));
    return ERR_NONE;
  }
  code = store_call_limit_delete(apply->tx, apply->organisation.id, limit.id, apply->err);
  return code ? code : limit_change(apply, '-', "limit.delete", STR_NONE);
}
