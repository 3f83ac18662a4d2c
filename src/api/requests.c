/* Requests for connectors: people say what they miss and why, admins see it and answer. */
#include "api/answer.h"
#include "api/handlers.h"
#include "api/page.h"
#include "base/clock.h"
#include "base/limits.h"
#include "store/api.h"

enum { OPEN_MAX = 20 }; /* of one person */

static bool is_own(const struct api_request *request) {
  return request->route->permission == API_SELF;
}

static void write_request(struct buf *out, const struct connector_request_record *record) {
  answer_open(out, '{');
  answer_uuid(out, "id", record->id);
  answer_name(out, "user");
  answer_open(out, '{');
  answer_uuid(out, "id", record->user_id);
  answer_text(out, "email", record->email);
  answer_close(out, '}');
  answer_text(out, "name", record->name);
  answer_text(out, "reason", record->reason);
  answer_text(out, "status", record->status);
  answer_text(out, "answer", record->answer);
  answer_time(out, "created_at", record->created_at);
  answer_time(out, "answered_at", record->answered_at);
  answer_close(out, '}');
}

enum err_code requests_list(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct connector_request_record *list = NULL;
  struct api_page page;
  size_t n = 0;
  struct connector_request_filter filter = {.organisation_id = request->organisation.id,
                                            .status = api_query(request, "status")};
  enum err_code code = api_page_read(request, &page, err);
  if (code == ERR_NONE && page.after.n == sizeof(filter.after.b)) memcpy(filter.after.b, page.after.p, page.after.n);
  if (is_own(request)) filter.user_id = request->principal.user_id;
  if (code == ERR_NONE)
    code = store_connector_request_page(tx, &request->arena, &filter, page.limit + 1, &list, &n, err);
  if (code != ERR_NONE) return code;
  size_t n_shown = n < page.limit ? n : page.limit;
  api_page_open(request);
  for (size_t i = 0; i < n_shown; i++)
    write_request(&request->out, &list[i]);
  api_page_close(request, &page, n, n_shown ? uuid_bytes(&list[n_shown - 1].id) : STR_NONE);
  return ERR_NONE;
}

static enum err_code answer_one(struct api_request *request, struct db_tx *tx, struct uuid id, struct err *err) {
  struct connector_request_record record;
  enum err_code code = store_connector_request_get(tx, &request->arena, request->organisation.id, id, &record, err);
  if (code == ERR_NONE) write_request(&request->out, &record);
  return code;
}

static enum err_code check_room(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct connector_request_record *list = NULL;
  size_t n = 0;
  const struct connector_request_filter filter = {
      .organisation_id = request->organisation.id, .user_id = request->principal.user_id, .status = STR("open")};
  enum err_code code = store_connector_request_page(tx, &request->arena, &filter, OPEN_MAX, &list, &n, err);
  if (code != ERR_NONE || n < OPEN_MAX) return code;
  return err_set(err, ERR_CONFLICT, "%d requests of yours are open already: wait until an admin has answered",
                 OPEN_MAX);
}

enum err_code requests_create(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct connector_request_record record = {.id = uuid_new(),
                                                  .organisation_id = request->organisation.id,
                                                  .user_id = request->principal.user_id,
                                                  .name = json_get_str(request->body, "name"),
                                                  .reason = json_get_str(request->body, "reason"),
                                                  .created_at = clock_utc_us()};
  char id[UUID_TEXT_SIZE];
  enum err_code code = check_room(request, tx, err);
  if (code == ERR_NONE) code = store_connector_request_insert(tx, &record, err);
  if (code == ERR_NONE) code = api_record_one(request, tx, "request.create", "name", record.name, err);
  if (code != ERR_NONE) return code;
  uuid_format(record.id, id);
  request->location = arena_printf(&request->arena, "%.*s/%s", STR_ARG(request->http->path), id);
  return request->location.p ? answer_one(request, tx, record.id, err) : err_no_memory(err);
}

static enum err_code record_answer(struct api_request *request, struct db_tx *tx,
                                   const struct connector_request_record *record, struct err *err) {
  struct buf arguments;
  buf_init(&arguments, &request->arena, 16 * KIB);
  answer_open(&arguments, '{');
  answer_text(&arguments, "name", record->name);
  answer_text(&arguments, "status", record->status);
  answer_text(&arguments, "user", record->email);
  answer_close(&arguments, '}');
  return buf_failed(&arguments) ? err_no_memory(err)
                                : api_record(request, tx, "request.answer", buf_str(&arguments), err);
}

/* Also a second time: who asked sees the last one. */
enum err_code requests_answer(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct connector_request_record record;
  struct str text = json_get_str(request->body, "answer");
  struct uuid id;
  enum err_code code = api_path_id(request, "request", &id, err);
  if (code == ERR_NONE)
    code = store_connector_request_get(tx, &request->arena, request->organisation.id, id, &record, err);
  if (code != ERR_NONE) return code;
  record.status = json_get_str(request->body, "status");
  record.answer = text.p ? text : STR("");
  record.answered_at = clock_utc_us();
  code = store_connector_request_answer(tx, &record, err);
  if (code == ERR_NONE) code = record_answer(request, tx, &record, err);
  if (code == ERR_NONE) write_request(&request->out, &record);
  return code;
}
