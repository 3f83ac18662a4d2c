/* The trail: filtered, page by page, one record, the heads of its chains. */
#include "api/audit.h"
#include "api/answer.h"
#include "api/handlers.h"
#include "api/page.h"
#include "base/limits.h"
#include "codec/base64.h"

static void write_user(struct buf *out, const struct audit_entry *entry) {
  struct uuid id;
  answer_name(out, "user");
  answer_open(out, '{');
  if (uuid_parse(entry->user_id, &id))
    answer_uuid(out, "id", id);
  else
    answer_null(out, "id");
  answer_text(out, "email", entry->user);
  answer_close(out, '}');
}

void audit_write(struct buf *out, const struct audit_entry *entry) {
  answer_open(out, '{');
  answer_text_or_null(out, "id", entry->call_id);
  answer_time(out, "time", entry->time);
  answer_text(out, "kind", entry->kind);
  write_user(out, entry);
  answer_text_or_null(out, "token", entry->token);
  answer_text_or_null(out, "client", entry->client);
  answer_json(out, "roles", entry->roles.n ? entry->roles : STR("[]"));
  answer_text(out, "tool", entry->tool);
  answer_text_or_null(out, "does", entry->does);
  answer_text_or_null(out, "connector", entry->connector);
  answer_text_or_null(out, "connection", entry->connection);
  answer_text(out, "decision", entry->decision);
  answer_text(out, "reason", entry->reason);
  answer_text(out, "outcome", entry->outcome);
  answer_text_or_null(out, "error", entry->error);
  answer_ms(out, "duration_ms", entry->duration_us);
  answer_text(out, "writer", entry->writer);
  answer_int(out, "seq", entry->seq);
  answer_close(out, '}');
}

enum err_code audit_read_filter(const struct api_request *request, struct call_fact_filter *ret_filter,
                                struct err *err) {
  *ret_filter = (struct call_fact_filter){.organisation_id = request->organisation.id,
                                          .tool = api_query(request, "tool"),
                                          .connection = api_query(request, "connection"),
                                          .connector = api_query(request, "connector"),
                                          .decision = api_query(request, "decision"),
                                          .outcome = api_query(request, "outcome"),
                                          .kind = api_query(request, "kind")};
  (void)api_query_id(request, "user", &ret_filter->user_id);
  (void)api_query_id(request, "token", &ret_filter->token_id);
  enum err_code code = api_query_time(request, "from", &ret_filter->from, err);
  return code == ERR_NONE ? api_query_time(request, "to", &ret_filter->to, err) : code;
}

/* "TIME SEQ WRITER" */
static bool read_place(struct str text, struct call_fact_filter *filter) {
  uint64_t time, seq;
  struct str first = str_cut(&text, ' '), second = str_cut(&text, ' ');
  if (!str_to_u64(first, &time) || !str_to_u64(second, &seq) || !text.n || time > INT64_MAX || seq > INT64_MAX)
    return false;
  filter->before_time = (int64_t)time;
  filter->before_seq = (int64_t)seq;
  filter->before_writer = text;
  return true;
}

static enum err_code write_visited(const struct audit_entry *entry, void *context, struct err *err) {
  struct api_request *request = context;
  audit_write(&request->out, entry);
  return ERR_NONE;
}

static enum err_code list(struct api_request *request, struct db_tx *tx, struct call_fact_filter *filter,
                          struct err *err) {
  struct api_page page;
  struct audit_place last = {0};
  const struct vault_keys *keys;
  size_t n = 0;
  enum err_code code = api_page_read(request, &page, err);
  if (code == ERR_NONE && page.after.n && !read_place(page.after, filter))
    return api_wrong(err, "cursor", "that is no cursor of this list");
  if (code == ERR_NONE) code = api_keys(request, &keys, err);
  if (code != ERR_NONE) return code;
  api_page_open(request);
  code = audit_page(tx, &request->arena, keys, filter, page.limit, false, write_visited, request, &last, &n, err);
  struct str place =
      arena_printf(&request->arena, "%lld %lld %.*s", (long long)last.time, (long long)last.seq, STR_ARG(last.writer));
  api_page_close(request, &page, n, place);
  return code;
}

enum err_code audit_list_page(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct call_fact_filter filter;
  enum err_code code = audit_read_filter(request, &filter, err);
  return code == ERR_NONE ? list(request, tx, &filter, err) : code;
}

enum err_code me_calls(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct call_fact_filter filter;
  enum err_code code = audit_read_filter(request, &filter, err);
  filter.user_id = request->principal.user_id;
  filter.kind = STR("call");
  return code == ERR_NONE ? list(request, tx, &filter, err) : code;
}

static enum err_code write_detail(const struct audit_entry *entry, void *context, struct err *err) {
  struct api_request *request = context;
  struct buf *out = &request->out;
  char mac[2 * sizeof(entry->mac) + 1];
  hex_format(entry->mac, sizeof(entry->mac), mac);
  answer_open(out, '{');
  answer_name(out, "record");
  audit_write(out, entry);
  answer_json(out, "arguments", entry->arguments);
  answer_int(out, "policy_version", entry->policy_version);
  answer_int_or_null(out, "connector_version", entry->connector_version);
  answer_text_or_null(out, "trace", entry->trace_id);
  answer_text(out, "mac", str_of(mac));
  answer_close(out, '}');
  return ERR_NONE;
}

enum err_code audit_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct call_fact_filter filter = {.organisation_id = request->organisation.id};
  struct audit_place last;
  const struct vault_keys *keys;
  size_t n = 0;
  enum err_code code = api_path_id(request, "record", &filter.call_id, err);
  if (code == ERR_NONE) code = api_keys(request, &keys, err);
  if (code == ERR_NONE)
    code = audit_page(tx, &request->arena, keys, &filter, 1, true, write_detail, request, &last, &n, err);
  return code == ERR_NONE && n == 0 ? err_set(err, ERR_NOT_FOUND, "there is no such record") : code;
}

enum err_code audit_chains(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct audit_head_row *list = NULL;
  const struct api_page all = {.limit = SIZE_MAX};
  size_t n = 0;
  enum err_code code = store_audit_head_list(tx, &request->arena, &list, &n, err);
  if (code != ERR_NONE) return code;
  api_page_open(request);
  for (size_t i = 0; i < n; i++) {
    char mac[2 * sizeof(list[i].mac) + 1];
    if (!uuid_eq(list[i].organisation_id, request->organisation.id)) continue;
    hex_format(list[i].mac, sizeof(list[i].mac), mac);
    answer_open(&request->out, '{');
    answer_text(&request->out, "writer", list[i].writer);
    answer_int(&request->out, "seq", list[i].seq);
    answer_text(&request->out, "mac", str_of(mac));
    answer_close(&request->out, '}');
  }
  api_page_close(request, &all, 0, STR_NONE);
  return ERR_NONE;
}
