/* "audit": how long records are kept. */
#include "audit/retention.h"
#include "config/apply.h"

static enum err_code retention_change(struct apply *apply, char sign, int64_t from, int64_t to) {
  struct str detail = from && to ? arena_printf(apply->arena, "%lld instead of %lld", (long long)to, (long long)from)
                      : to       ? arena_printf(apply->arena, "%lld", (long long)to)
                                 : STR("for ever");
  struct str arguments =
      arena_printf(apply->arena, "{\"from_days\":%lld,\"to_days\":%lld}", (long long)from, (long long)to);
  if (!detail.p || !arguments.p) return err_no_memory(apply->err);
  return apply_change(apply, &(struct apply_change){.sign = sign,
                                                    .what = "audit",
                                                    .name = STR("retention_days"),
                                                    .detail = detail,
                                                    .word = "audit.retention",
                                                    .arguments = arguments});
}

/* What somebody changed in the database itself counts as nothing: it is set again. */
static enum err_code find(struct apply *apply, int64_t *ret_days, bool *ret_is_ours) {
  *ret_days = 0;
  enum err_code code = retention_get(apply->tx, apply->keys, apply->organisation.id, ret_days, apply->err);
  *ret_is_ours = code != ERR_CONFLICT;
  return *ret_is_ours ? code : ERR_NONE;
}

static enum err_code set(struct apply *apply, int64_t days) {
  return retention_set(apply->tx, apply->keys, apply->organisation.id, days, apply->now, apply->err);
}

enum err_code apply_audit(struct apply *apply) {
  int64_t wanted = apply->config->retention_days, old;
  bool is_ours;
  if (wanted < 0) return ERR_NONE;
  enum err_code code = find(apply, &old, &is_ours);
  if (code || (is_ours && old == wanted)) return code;
  code = set(apply, wanted);
  return code ? code : retention_change(apply, !old ? '+' : wanted ? '~' : '-', old, wanted);
}

enum err_code prune_audit(struct apply *apply) {
  int64_t old;
  bool is_ours;
  if (apply->config->retention_days >= 0) return ERR_NONE;
  enum err_code code = find(apply, &old, &is_ours);
  if (code || (is_ours && !old)) return code;
  if (!apply->may_prune) {
    apply_kept(apply, "audit", STR("retention_days"));
    return ERR_NONE;
  }
  code = set(apply, 0);
  return code ? code : retention_change(apply, '-', old, 0);
}
