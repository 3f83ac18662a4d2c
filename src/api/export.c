/* The trail as a file: a stream, a few hundred records a transaction, as fast as its reader takes it. */
#include "api/answer.h"
#include "api/audit.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "base/limits.h"

enum { EXPORT_ROWS = 200, EXPORT_PIECE = 4 * MIB };

struct export {
  struct api_request *request;
  struct call_fact_filter filter;
  bool is_csv, is_begun, is_over, has_left, is_reading;
  struct buf piece;
  struct arena arena; /* of one piece */
  struct db_job db;
  char writer[64]; /* of filter.before_writer */
};

enum err_code audit_export(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct vault_keys *keys;
  struct export *export = arena_new(&request->arena, struct export);
  if (!export) return err_no_memory(err);
  export->request = request;
  export->is_csv = str_eq(api_query(request, "format"), STR("csv"));
  request->state = export;
  enum err_code code = audit_read_filter(request, &export->filter, err);
  return code == ERR_NONE ? api_keys(request, &keys, err) : code;
}

/* RFC 4180; a cell that a spreadsheet would take for a formula is one no longer. */
static void write_cell(struct buf *out, struct str text, bool is_last) {
  buf_append_byte(out, '"');
  if (text.n && memchr("=+-@\t\r", text.p[0], 6)) buf_append_byte(out, '\'');
  for (size_t i = 0; i < text.n; i++) {
    if (text.p[i] == '"') buf_append_byte(out, '"');
    buf_append_byte(out, text.p[i]);
  }
  buf_append_c(out, is_last ? "\"\r\n" : "\",");
}

static void write_csv(struct buf *out, const struct audit_entry *entry) {
  char time[CLOCK_TEXT_SIZE], ms[32];
  clock_format(entry->time, time);
  (void)snprintf(ms, sizeof(ms), "%lld.%03lld", (long long)(entry->duration_us / 1000),
                 (long long)(entry->duration_us % 1000));
  const struct str cells[] = {str_of(time),   entry->kind,      entry->user,       entry->client,   entry->tool,
                              entry->does,    entry->connector, entry->connection, entry->decision, entry->reason,
                              entry->outcome, entry->error,     str_of(ms),        entry->call_id};
  enum { CELLS = sizeof(cells) / sizeof(cells[0]) };
  for (size_t i = 0; i < CELLS; i++)
    write_cell(out, cells[i], i + 1 == CELLS);
}

static enum err_code write_one(const struct audit_entry *entry, void *context, struct err *err) {
  struct export *export = context;
  if (export->is_csv) {
    write_csv(&export->piece, entry);
  } else {
    audit_write(&export->piece, entry);
    buf_append_byte(&export->piece, '\n');
  }
  return buf_failed(&export->piece) ? err_no_memory(err) : ERR_NONE;
}

static enum err_code read_piece(struct db_tx *tx, void *context, struct err *err) {
  struct export *export = context;
  struct audit_place last = {0};
  size_t n = 0;
  db_scope(tx, export->filter.organisation_id);
  enum err_code code = audit_page(tx, &export->arena, export->request->keys, &export->filter, EXPORT_ROWS, false,
                                  write_one, export, &last, &n, err);
  export->is_over = n <= EXPORT_ROWS;
  if (code != ERR_NONE || export->is_over) return code;
  if (last.writer.n >= sizeof(export->writer)) return err_set(err, ERR_INTERNAL, "a writer's name is too long");
  memcpy(export->writer, last.writer.p, last.writer.n);
  export->filter.before_time = last.time;
  export->filter.before_seq = last.seq;
  export->filter.before_writer = str_make(export->writer, last.writer.n);
  return ERR_NONE;
}

static void read_on(struct export *export);

static void end(struct export *export) {
  struct api_request *request = export->request;
  arena_release(&export->arena);
  buf_release(&export->piece);
  http_stream_end(request->http);
  api_end(request);
}

static void on_drain(struct http_exchange *http) {
  struct export *export = http->context;
  if (export && !export->is_reading) read_on(export);
}

static void on_departed(struct http_exchange *http) {
  struct export *export = http->context;
  export->has_left = true;
  if (!export->is_reading) end(export);
}

static void on_read(struct db_job *job) {
  struct export *export = job->context;
  export->is_reading = false;
  bool has_room = true;
  if (job->code != ERR_NONE && export->request->api->options.on_problem)
    export->request->api->options.on_problem("export_failed", &job->err);
  if (!export->has_left && job->code == ERR_NONE && export->piece.n)
    has_room = http_stream_write(export->request->http, buf_str(&export->piece));
  buf_clear(&export->piece);
  arena_release(&export->arena);
  if (export->has_left || export->is_over || job->code != ERR_NONE)
    end(export);
  else if (has_room)
    read_on(export);
}

static void read_on(struct export *export) {
  export->db =
      (struct db_job){.db = export->request->api->options.db, .work = read_piece, .context = export, .done = on_read};
  export->is_reading = db_submit(export->db.db, export->request->worker->loop, &export->db);
  if (!export->is_reading) end(export);
}

void audit_export_then(struct api_request *request) {
  static const struct http_field csv[] = {{STR("Cache-Control"), STR("no-store")},
                                          {STR("X-Content-Type-Options"), STR("nosniff")},
                                          {STR("Content-Disposition"), STR("attachment; filename=\"activity.csv\"")}};
  static const struct http_field ndjson[] = {
      {STR("Cache-Control"), STR("no-store")},
      {STR("X-Content-Type-Options"), STR("nosniff")},
      {STR("Content-Disposition"), STR("attachment; filename=\"activity.ndjson\"")}};
  struct export *export = request->state;
  arena_init(&export->arena, 64 * MIB);
  buf_init(&export->piece, NULL, EXPORT_PIECE);
  request->http->context = export;
  request->http->on_departed = on_departed;
  if (export->is_csv)
    buf_append_c(&export->piece,
                 "time,kind,user,client,tool,does,connector,connection,decision,reason,outcome,error,"
                 "duration_ms,id\r\n");
  const struct http_reply head = {
      .status = 200,
      .content_type = export->is_csv ? STR("text/csv; charset=utf-8") : STR("application/x-ndjson"),
      .fields = export->is_csv ? csv : ndjson,
      .n_fields = 3};
  http_stream_begin(request->http, &head, on_drain);
  read_on(export);
}
