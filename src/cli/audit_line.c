/* Entries of the trail as lines: JSON, syslog (RFC 5424), CEF. What strangers chose stands in all of them, and in none
 * can it end a value or a line. */
#include "cli/audit_line.h"

#include <string.h>

#include "base/clock.h"
#include "cli/json_line.h"
#include "codec/base64.h"

enum { HEX_SIZE = 65 };

/* JSON */

static void write_members(struct buf *out, const struct audit_entry *entry, struct str organisation,
                          bool with_arguments) {
  json_line_begin(out);
  json_line_time(out, "time", entry->time);
  json_line_text(out, "user", entry->user);
  json_line_text(out, "tool", entry->tool);
  json_line_text(out, "connection", entry->connection);
  json_line_text(out, "decision", entry->decision);
  json_line_text(out, "outcome", entry->outcome);
  json_line_ms(out, "duration_ms", entry->duration_us);
  json_line_text(out, "reason", entry->reason);
  json_line_text(out, "does", entry->does);
  json_line_text(out, "error", entry->error);
  json_line_text(out, "client", entry->client);
  if (str_starts(entry->roles, STR("["))) {
    json_line_raw(out, "roles", entry->roles);
  } else {
    json_line_text(out, "roles", entry->roles);
  }
  json_line_text(out, "token", entry->token);
  json_line_text(out, "connector", entry->connector);
  json_line_int(out, "connector_version", entry->connector_version);
  json_line_int(out, "policy_version", entry->policy_version);
  json_line_text(out, "trace_id", entry->trace_id);
  json_line_text(out, "call_id", entry->call_id);
  json_line_text(out, "kind", entry->kind);
  json_line_text(out, "organisation", organisation);
  json_line_text(out, "writer", entry->writer);
  json_line_int(out, "seq", entry->seq);
  if (with_arguments) json_line_raw(out, "arguments", entry->arguments);
}

void audit_line_json(struct buf *out, const struct audit_entry *entry, struct str organisation, bool with_arguments) {
  write_members(out, entry, organisation, with_arguments);
  json_line_end(out);
}

void audit_line_json_record(struct buf *out, const struct audit_entry *entry, struct str organisation,
                            bool with_arguments) {
  char mac[HEX_SIZE];
  hex_format(entry->mac, sizeof entry->mac, mac);
  write_members(out, entry, organisation, with_arguments);
  json_line_text(out, "mac", str_of(mac));
  json_line_end(out);
}

/* What both of the others say, each in its way. */

struct field {
  const char *syslog, *cef; /* cef NULL: nothing of CEF's fits */
  struct str value;
};
enum { FIELDS_MAX = 24 };

struct line {
  struct field fields[FIELDS_MAX];
  size_t n;
  char numbers[3][24], mac[HEX_SIZE];
};

static struct str write_number(char room[24], int64_t number) {
  int n = snprintf(room, 24, "%lld", (long long)number);
  return str_make(room, n > 0 ? (size_t)n : 0);
}

static void gather(struct line *line, const struct audit_entry *entry, struct str organisation, bool with_arguments) {
  hex_format(entry->mac, sizeof entry->mac, line->mac);
  const struct field fields[] = {
      {"organisation", "cs1", organisation},
      {"user", "suser", entry->user},
      {"userId", "suid", entry->user_id},
      {"tool", "cs2", entry->tool},
      {"does", NULL, entry->does},
      {"connection", "cs3", entry->connection},
      {"connector", "app", entry->connector},
      {"decision", "act", entry->decision},
      {"reason", "reason", entry->reason},
      {"outcome", "outcome", entry->outcome},
      {"error", "msg", entry->error},
      {"client", "requestClientApplication", entry->client},
      {"token", "cs4", entry->token},
      {"callId", "cs5", entry->call_id},
      {"traceId", "cs6", entry->trace_id},
      {"durationUs", "cn1", write_number(line->numbers[0], entry->duration_us)},
      {"policyVersion", "cn2", write_number(line->numbers[1], entry->policy_version)},
      {"writer", "dvchost", entry->writer},
      {"seq", "externalId", write_number(line->numbers[2], entry->seq)},
      {"mac", "fileHash", str_of(line->mac)},
      {"arguments", "request", with_arguments ? entry->arguments : STR_NONE},
  };
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    if (fields[i].value.n) line->fields[line->n++] = fields[i];
}

static bool is_refused(const struct audit_entry *entry) {
  return str_eq_c(entry->decision, "denied");
}

static bool has_failed(const struct audit_entry *entry) {
  return str_eq_c(entry->outcome, "error");
}

/* Characters that end a value get a backslash before them, control characters RFC 5424's "#010" (6.3.3 lets a relay
 * change them so). */
static void put_escaped(struct buf *out, struct str value, const char *special) {
  for (size_t i = 0; i < value.n; i++) {
    unsigned char byte = (unsigned char)value.p[i];
    if (byte < 0x20 || byte == 0x7f) {
      buf_printf(out, "#%03o", byte);
      continue;
    }
    if (strchr(special, byte)) buf_append_byte(out, '\\');
    buf_append_byte(out, (char)byte);
  }
}

/* syslog */

/* A HOSTNAME is printable ASCII without spaces (RFC 5424, 6.2.4). */
static void put_host(struct buf *out, struct str name) {
  bool is_fit = name.n > 0 && name.n < 256;
  for (size_t i = 0; i < name.n; i++)
    if (name.p[i] <= ' ' || name.p[i] > '~') is_fit = false;
  buf_append_str(out, is_fit ? name : STR("-"));
}

void audit_line_syslog(struct buf *out, const struct audit_entry *entry, struct str organisation, bool with_arguments) {
  enum { LOG_AUDIT = 13, WARNING = 4, NOTICE = 5 };
  struct line line = {.n = 0};
  char time[CLOCK_TEXT_SIZE];
  clock_format(entry->time, time);
  gather(&line, entry, organisation, with_arguments);
  buf_printf(out, "<%d>1 %s ", LOG_AUDIT * 8 + (is_refused(entry) || has_failed(entry) ? WARNING : NOTICE), time);
  put_host(out, entry->writer);
  /* Names of one's own need an enterprise's number; 32473 is IANA's for who has none (RFC 5612). */
  buf_printf(out, " connek - %.*s [connek@32473", STR_ARG(entry->kind));
  for (size_t i = 0; i < line.n; i++) {
    buf_printf(out, " %s=\"", line.fields[i].syslog);
    put_escaped(out, line.fields[i].value, "\"\\]");
    buf_append_byte(out, '"');
  }
  buf_append_c(out, "]\n");
}

/* CEF */

void audit_line_cef(struct buf *out, const struct audit_entry *entry, struct str organisation, bool with_arguments) {
  static const struct {
    const char *key, *label;
  } labels[] = {{"cs1", "organisation"}, {"cs2", "tool"},    {"cs3", "connection"}, {"cs4", "token"},
                {"cs5", "callId"},       {"cs6", "traceId"}, {"cn1", "durationUs"}, {"cn2", "policyVersion"}};
  struct line line = {.n = 0};
  gather(&line, entry, organisation, with_arguments);
  buf_append_c(out, "CEF:0|Connek|Connek|" CONNEK_VERSION "|");
  put_escaped(out, entry->kind, "|\\");
  buf_append_byte(out, '|');
  put_escaped(out, entry->tool.n ? entry->tool : entry->kind, "|\\");
  buf_printf(out, "|%d|rt=%lld", is_refused(entry) ? 6 : has_failed(entry) ? 5 : 3, (long long)(entry->time / 1000));
  for (size_t i = 0; i < line.n; i++) {
    const char *key = line.fields[i].cef;
    if (!key) continue;
    buf_printf(out, " %s=", key);
    put_escaped(out, line.fields[i].value, "=\\");
    for (size_t l = 0; l < sizeof labels / sizeof *labels; l++)
      if (strcmp(labels[l].key, key) == 0) buf_printf(out, " %sLabel=%s", key, labels[l].label);
  }
  buf_append_byte(out, '\n');
}
