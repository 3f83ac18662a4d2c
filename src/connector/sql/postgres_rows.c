/* Rows of PostgreSQL's as JSON. Integers are numbers, as SQLite's are, also those that JavaScript would round: they are
 * mostly keys, which are asked for again. What is numeric is a text: its digits and its scale are meant (12.50), and
 * most readers of JSON would make it a binary fraction. */
#include "codec/base64.h"
#include "codec/json.h"
#include "connector/sql/postgres.h"

/* pg_type.dat: these never change. */
enum {
  TYPE_BOOL = 16,
  TYPE_BYTEA = 17,
  TYPE_INT8 = 20,
  TYPE_INT2 = 21,
  TYPE_INT4 = 23,
  TYPE_OID = 26,
  TYPE_JSON = 114,
  TYPE_FLOAT4 = 700,
  TYPE_FLOAT8 = 701,
  TYPE_JSONB = 3802,
};

static const struct {
  Oid array, element;
} arrays[] = {
    {1000, TYPE_BOOL}, {1001, TYPE_BYTEA},  {1005, TYPE_INT2},   {1007, TYPE_INT4}, {1016, TYPE_INT8},
    {1028, TYPE_OID},  {1021, TYPE_FLOAT4}, {1022, TYPE_FLOAT8}, {199, TYPE_JSON},  {3807, TYPE_JSONB},
    {1231, 1700},      {1009, 25},          {1015, 1043},        {1014, 1042},      {1003, 19},
    {1002, 18},        {2951, 2950},        {1182, 1082},        {1183, 1083},      {1270, 1266},
    {1115, 1114},      {1185, 1184},        {1187, 1186},        {1041, 869},       {651, 650},
};

/* RFC 8259, 6. "NaN" and "Infinity" are none. */
static bool is_number(struct str text) {
  size_t i = text.n > 0 && text.p[0] == '-', begin = i;
  while (i < text.n && text.p[i] >= '0' && text.p[i] <= '9')
    i++;
  if (i == begin || (text.p[begin] == '0' && i > begin + 1)) return false;
  if (i < text.n && text.p[i] == '.') {
    begin = ++i;
    while (i < text.n && text.p[i] >= '0' && text.p[i] <= '9')
      i++;
    if (i == begin) return false;
  }
  if (i < text.n && (text.p[i] == 'e' || text.p[i] == 'E')) {
    i++;
    if (i < text.n && (text.p[i] == '+' || text.p[i] == '-')) i++;
    begin = i;
    while (i < text.n && text.p[i] >= '0' && text.p[i] <= '9')
      i++;
    if (i == begin) return false;
  }
  return i == text.n;
}

/* What is no JSON to us (json may hold a lone surrogate, or a name twice) stays a text. */
static bool write_json(struct buf *out, struct str text) {
  struct arena arena;
  yyjson_doc *doc;
  arena_init(&arena, 64 * MIB);
  bool is_good = json_read(&arena, text, &doc, NULL) == ERR_NONE;
  arena_release(&arena);
  if (is_good) buf_append_str(out, text); /* its numbers keep their digits */
  return is_good;
}

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\x00ff10", as bytea_output = hex has it, as base64. In pieces of three bytes: no copy of the whole is needed. */
static bool write_bytes(struct buf *out, struct str text) {
  if (!str_starts(text, STR("\\x")) || text.n % 2 != 0) return false;
  for (size_t i = 2; i < text.n; i++)
    if (digit_of(text.p[i]) < 0) return false;
  buf_append_byte(out, '"');
  for (size_t i = 2; i < text.n;) {
    char piece[3];
    size_t n = 0;
    for (; n < 3 && i < text.n; n++, i += 2)
      piece[n] = (char)(digit_of(text.p[i]) << 4 | digit_of(text.p[i + 1]));
    base64_write(out, str_make(piece, n));
  }
  buf_append_byte(out, '"');
  return true;
}

static Oid element_of(Oid type) {
  for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
    if (arrays[i].array == type) return arrays[i].element;
  return InvalidOid;
}

static bool write_as(struct buf *out, Oid type, struct str text) {
  switch (type) {
    case TYPE_BOOL:
      buf_append_c(out, str_eq(text, STR("t")) ? "true" : "false");
      return true;
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_OID:
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
      if (is_number(text)) buf_append_str(out, text);
      return is_number(text);
    case TYPE_JSON:
    case TYPE_JSONB:
      return write_json(out, text);
    case TYPE_BYTEA:
      return write_bytes(out, text);
    default:
      return element_of(type) != InvalidOid && postgres_array_write(out, element_of(type), text);
  }
}

void postgres_value_write(struct buf *out, Oid type, struct str text) {
  if (!write_as(out, type, text)) json_write_str(out, text);
}

/* ---- rows ---- */

static void write_value(struct buf *out, void *context, size_t column) {
  const PGresult *result = context;
  int at = (int)column;
  if (PQgetisnull(result, 0, at)) {
    buf_append_c(out, "null");
    return;
  }
  struct str text = str_make(PQgetvalue(result, 0, at), (size_t)PQgetlength(result, 0, at));
  postgres_value_write(out, PQftype(result, at), text);
}

struct reading {
  struct postgres_session *session;
  const struct postgres_job *job;
  struct arena scratch; /* of columns' names */
  struct buf *out;
  struct sql_rows rows;
  bool has_begun, is_cut;
  uint64_t changes;
};

static enum err_code begin_rows(struct reading *reading, const PGresult *result, struct err *err) {
  struct arena *scratch = &reading->scratch;
  size_t n = (size_t)PQnfields(result);
  struct str *names = arena_new_n(scratch, struct str, n + 1);
  if (!names) return err_no_memory(err);
  for (size_t i = 0; i < n; i++) {
    names[i] = arena_str(scratch, str_of(PQfname(result, (int)i)));
    if (!names[i].p) return err_no_memory(err);
  }
  reading->has_begun = true;
  return sql_rows_begin(&reading->rows, reading->out, reading->job->max_result, scratch, names, n, err);
}

static void count_changes(struct reading *reading, PGresult *result) {
  static const char *const words[] = {"INSERT", "UPDATE", "DELETE", "MERGE"};
  struct str tag = str_of(PQcmdStatus(result));
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    if (str_starts(tag, str_of(words[i]))) (void)str_to_u64(str_of(PQcmdTuples(result)), &reading->changes);
}

/* One result of the statement. */
static enum err_code take(struct reading *reading, PGresult *result, struct err *err) {
  enum err_code code = ERR_NONE;
  switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
      if (!reading->has_begun) code = begin_rows(reading, result, err);
      if (code == ERR_NONE && !reading->is_cut) reading->is_cut = !sql_rows_add(&reading->rows, write_value, result);
      return code;
    case PGRES_TUPLES_OK:
      if (!reading->has_begun) code = begin_rows(reading, result, err);
      count_changes(reading, result);
      return code;
    case PGRES_COMMAND_OK:
      count_changes(reading, result);
      return ERR_NONE;
    case PGRES_EMPTY_QUERY:
      return err_set(err, ERR_INVALID, "there is no statement in the text");
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
      postgres_session_close(reading->session); /* it waits for a stream that nobody will send */
      return err_set(err, ERR_INVALID, "COPY is not allowed here");
    default:
      return postgres_describe(reading->session, result, err);
  }
}

enum err_code postgres_rows_write(struct postgres_session *session, struct postgres_job *job, struct buf *out,
                                  uint64_t *ret_changes, struct err *err) {
  struct reading reading = {.session = session, .job = job, .out = out};
  enum err_code code = ERR_NONE;
  /* What changes something goes on to its end, seen or not. */
  bool has_all = false, may_cut = job->operation != SQL_EXECUTE;
  arena_init(&reading.scratch, 16 * MIB);
  while (code == ERR_NONE && !has_all && !(reading.is_cut && may_cut)) {
    PGresult *result = NULL;
    code = postgres_session_next(session, &result, err);
    has_all = !result;
    if (code == ERR_NONE && result) code = take(&reading, result, err);
    PQclear(result);
  }
  if (!has_all) postgres_session_cut(session);
  if (code == ERR_NONE && reading.has_begun) code = sql_rows_end(&reading.rows, err);
  arena_release(&reading.scratch);
  *ret_changes = reading.changes;
  return code;
}
