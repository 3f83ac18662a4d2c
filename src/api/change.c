/* Makes files of one thing, and applies them: there is one way to change a role, a user or a connection (src/config).
 * Also the record of what is no configuration. */
#include "api/change.h"

#include "api/answer.h"
#include "base/limits.h"

struct audit_author api_author(const struct api_request *request) {
  return (struct audit_author){.user_id = request->principal.user_id,
                               .token_id = request->principal.key_id,
                               .email = request->principal.email,
                               .client = request->client,
                               .reason = api_kind_word(request->principal.kinds)};
}

void api_change_open(struct api_request *request, struct buf *out) {
  buf_init(out, &request->arena, 8 * MIB);
  (void)buf_reserve(out, 16 * KIB); /* the arena is wiped: what growing leaves behind too */
  answer_open(out, '{');
  answer_text(out, "organisation", request->organisation.name);
}

void api_change_shorten(struct err *err) {
  struct str place = str_of(err->place);
  const char *slash = memchr(place.p, '/', place.n);
  char text[ERR_PLACE_SIZE];
  unsigned n_steps = 0;
  if (!slash) {
    err->place[0] = '\0';
    return;
  }
  for (; *slash && n_steps < 3; slash++)
    if (*slash == '/' && ++n_steps == 3) break;
  memcpy(text, slash, strlen(slash) + 1);
  err_place(err, "%s", text);
}

enum err_code api_change_apply(struct api_request *request, struct db_tx *tx, struct buf *text,
                               const struct config_edit *edit, struct err *err) {
  struct config *config = NULL;
  struct audit_author author = api_author(request);
  struct buf lines;
  size_t n_changes = 0;
  buf_init(&lines, &request->arena, 8 * MIB);
  answer_close(text, '}');
  if (buf_failed(text)) return err_set(err, ERR_TOO_LARGE, "that is too much at once");
  enum err_code code = config_read_edit(&request->arena, buf_str(text), edit, &config, err);
  if (code == ERR_NONE)
    code = config_apply(tx, request->api->options.vault, config, false, &author, &lines, &n_changes, err);
  config_release(config);
  if (code == ERR_NONE) request->has_changed = request->has_changed || n_changes > 0;
  if (code != ERR_NONE) api_change_shorten(err);
  return code;
}

enum err_code api_change_remove(struct api_request *request, struct db_tx *tx, enum config_part part, struct str name,
                                struct err *err) {
  struct audit_author author = api_author(request);
  request->has_changed = true;
  return config_remove(tx, request->api->options.vault, request->organisation.id, part, name, &author, err);
}

enum err_code api_change_rename(struct api_request *request, struct db_tx *tx, enum config_part part, struct str from,
                                struct str to, struct err *err) {
  struct audit_author author = api_author(request);
  request->has_changed = true;
  enum err_code code =
      config_rename(tx, request->api->options.vault, request->organisation.id, part, from, to, &author, err);
  if (code == ERR_INVALID) err_place(err, "/name");
  return code;
}

/* ---- records of what is no configuration ---- */

static enum err_code record_about(struct api_request *request, struct db_tx *tx, const char *word, struct str arguments,
                                  const struct config_about *about, struct err *err) {
  struct buf canonical;
  yyjson_doc *doc;
  struct audit_author author = api_author(request);
  buf_init(&canonical, &request->arena, 64 * KIB);
  enum err_code code = json_read(&request->arena, arguments.n ? arguments : STR("{}"), &doc, err);
  if (code == ERR_NONE) code = json_write_canonical(&canonical, yyjson_doc_get_root(doc), err);
  if (code != ERR_NONE) return code;
  if (buf_failed(&canonical)) return err_no_memory(err);
  return config_record(tx, request->api->options.vault, &request->organisation, word, buf_str(&canonical), about,
                       &author, err);
}

enum err_code api_record(struct api_request *request, struct db_tx *tx, const char *word, struct str arguments,
                         struct err *err) {
  return record_about(request, tx, word, arguments, NULL, err);
}

enum err_code api_record_connection(struct api_request *request, struct db_tx *tx, const char *word, struct uuid id,
                                    struct str name, struct str connector, struct err *err) {
  struct buf arguments;
  buf_init(&arguments, &request->arena, 16 * KIB);
  answer_open(&arguments, '{');
  answer_text(&arguments, "connection", name);
  answer_close(&arguments, '}');
  if (buf_failed(&arguments)) return err_no_memory(err);
  const struct config_about about = {.connection_id = id, .connection = name, .connector = connector};
  return record_about(request, tx, word, buf_str(&arguments), &about, err);
}

enum err_code api_record_one(struct api_request *request, struct db_tx *tx, const char *word, const char *what,
                             struct str text, struct err *err) {
  struct buf arguments;
  buf_init(&arguments, &request->arena, 16 * KIB);
  answer_open(&arguments, '{');
  answer_text(&arguments, what, text);
  answer_close(&arguments, '}');
  return buf_failed(&arguments) ? err_no_memory(err) : api_record(request, tx, word, buf_str(&arguments), err);
}
