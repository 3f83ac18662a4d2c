/* The organisation as a file: read, and applied, all of it or nothing. */
#include "api/answer.h"
#include "api/change.h"
#include "api/handlers.h"
#include "api/users.h"
#include "audit/retention.h"
#include "base/limits.h"

enum err_code config_read_out(struct api_request *request, struct db_tx *tx, struct err *err) {
  return config_export(tx, request->api->options.vault, request->organisation.name, &request->out, err);
}

static enum err_code apply(struct api_request *request, struct db_tx *tx, struct config *config, struct buf *lines,
                           struct err *err) {
  struct audit_author author = api_author(request);
  size_t n = 0;
  enum err_code code = config_apply(tx, request->api->options.vault, config,
                                    yyjson_is_true(json_get(request->body, "may_prune")), &author, lines, &n, err);
  request->has_changed = n > 0;
  return code;
}

static void write_lines(struct buf *out, struct str lines) {
  answer_open(out, '{');
  answer_name(out, "changes");
  answer_open(out, '[');
  while (lines.n > 0) {
    struct str line = str_cut(&lines, '\n');
    if (line.n) answer_item(out, line);
  }
  answer_close(out, ']');
  answer_close(out, '}');
}

/* As one sets it alone (settings.c). What somebody changed in the database itself is nobody's. */
static enum err_code find_retention(struct api_request *request, struct db_tx *tx, int64_t *ret_days, struct err *err) {
  struct retention_left left;
  enum err_code code = retention_look(tx, request->organisation.id, &left, err);
  if (code == ERR_NONE) *ret_days = left.days;
  return code;
}

/* Owners are owners' to make and unmake, whatever a file says or prunes; and one stays who can sign in. */
static enum err_code check_owners(const struct api_request *request, const struct api_owners *before,
                                  const struct api_owners *after, struct err *err) {
  bool is_same = before->n == after->n;
  for (size_t i = 0; i < before->n && is_same; i++)
    is_same = uuid_eq(before->ids[i], after->ids[i]);
  if (!is_same && request->principal.kinds != API_OWNER)
    return err_set(err, ERR_DENIED, "only an owner makes owners, or changes one");
  if (before->n_able > 0 && after->n_able == 0)
    return err_set(err, ERR_CONFLICT, "the last owner who can sign in has to stay one");
  return ERR_NONE;
}

static enum err_code apply_guarded(struct api_request *request, struct db_tx *tx, struct config *config,
                                   struct buf *lines, struct err *err) {
  struct api_owners before, after;
  int64_t days = 0, days_after = 0;
  enum err_code code = api_owners_load(request, tx, &before, err);
  if (code == ERR_NONE) code = find_retention(request, tx, &days, err);
  if (code == ERR_NONE) code = apply(request, tx, config, lines, err);
  if (code == ERR_NONE) code = api_owners_load(request, tx, &after, err);
  if (code == ERR_NONE) code = find_retention(request, tx, &days_after, err);
  if (code == ERR_NONE && days != days_after && request->principal.kinds != API_OWNER)
    return err_set(err, ERR_DENIED, "only an owner says how long records are kept");
  return code == ERR_NONE ? check_owners(request, &before, &after, err) : code;
}

enum err_code config_write_in(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct config *config = NULL;
  struct buf text, lines;
  yyjson_val *file = json_get(request->body, "config");
  bool is_trial = yyjson_is_true(json_get(request->body, "is_trial"));
  if (!str_eq(json_get_str(file, "organisation"), request->organisation.name))
    return api_wrong(err, "/config/organisation", "must be this organisation's name");
  buf_init(&text, &request->arena, LIMIT_JSON_FILE);
  buf_init(&lines, &request->arena, 8 * MIB);
  json_write_value(&text, file);
  if (buf_failed(&text)) return err_set(err, ERR_TOO_LARGE, "the file is too large");
  enum err_code code = config_read_edit(&request->arena, buf_str(&text), &(struct config_edit){0}, &config, err);
  if (code == ERR_NONE) code = apply_guarded(request, tx, config, &lines, err);
  config_release(config);
  if (code == ERR_INVALID && err->place[0]) {
    const char *slash = strchr(err->place, '/');
    struct str place = arena_printf(&request->arena, "/config%s", slash ? slash : "");
    err_place(err, "%.*s", STR_ARG(place));
  }
  if (code != ERR_NONE) return code;
  write_lines(&request->out, lines.n ? buf_str(&lines) : STR(""));
  if (!is_trial) return ERR_NONE;
  request->is_undone = true; /* what would have changed is known: the transaction is rolled back */
  return ERR_CANCELLED;
}
