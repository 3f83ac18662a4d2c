/* Writes canonical records. Must not know chains' state nor the database. Members are written in their sorted order by
 * hand: a tree to be sorted would cost more than the whole rest of a record. */
#include "audit/record.h"

#include "base/limits.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/utf8.h"

static const char *const kinds[] = {
    [AUDIT_CALL] = "call", [AUDIT_INTENT] = "intent", [AUDIT_OUTCOME] = "outcome", [AUDIT_CHANGE] = "change"};
static const char *const decisions[] = {[AUDIT_ALLOWED] = "allowed", [AUDIT_DENIED] = "denied"};
static const char *const outcomes[] = {[AUDIT_OK] = "ok",
                                       [AUDIT_ERROR] = "error",
                                       [AUDIT_CANCELLED] = "cancelled",
                                       [AUDIT_UNKNOWN] = "unknown",
                                       [AUDIT_NONE] = "none"};

void audit_draft_init(struct audit_draft *draft) {
  buf_init(&draft->text, NULL, AUDIT_RECORD_MAX);
  buf_init(&draft->personal, NULL, AUDIT_RECORD_MAX);
}

void audit_draft_release(struct audit_draft *draft) {
  if (draft->personal.p) secret_wipe(draft->personal.p, draft->personal.capacity);
  buf_release(&draft->text);
  buf_release(&draft->personal);
}

void audit_digest(const struct vault_keys *keys, struct str bytes, char ret_hex[AUDIT_DIGEST_SIZE]) {
  uint8_t mac[AUDIT_MAC_SIZE];
  vault_mac(keys, "audit-digest", bytes, mac);
  hex_format(mac, sizeof mac, ret_hex);
}

/* Members: `name` is `,"name":`; the first comma becomes the brace. */

static void put_json(struct buf *out, struct str name, struct str json) {
  if (!json.n) return;
  buf_append_str(out, name);
  buf_append_str(out, json);
}

static void put_text(struct buf *out, struct str name, struct str text, size_t max) {
  if (!text.n) return;
  buf_append_str(out, name);
  json_write_str(out, text.n > max ? utf8_cut(text, max) : text);
}

/* A word of ours: nothing in it needs an escape. */
static void put_word(struct buf *out, struct str name, const char *word) {
  if (!*word) return;
  buf_append_str(out, name);
  buf_append_byte(out, '"');
  buf_append_c(out, word);
  buf_append_byte(out, '"');
}

static void put_number(struct buf *out, struct str name, int64_t number) {
  buf_append_str(out, name);
  buf_append_i64(out, number);
}

static void put_version(struct buf *out, struct str name, int64_t version) {
  if (version) put_number(out, name, version);
}

static void put_id(struct buf *out, struct str name, const struct uuid *id) {
  char text[UUID_TEXT_SIZE];
  if (uuid_is_nil(*id)) return;
  uuid_format(*id, text);
  put_word(out, name, text);
}

struct digests {
  char user[AUDIT_DIGEST_SIZE], client[AUDIT_DIGEST_SIZE], arguments[AUDIT_DIGEST_SIZE];
};

/* The digest is of what stands there as JSON: whatever invalid bytes a client sent, it can be computed again from the
 * sealed content. */
static void put_personal(struct buf *out, const struct vault_keys *keys, struct str name, struct str value,
                         char ret_digest[AUDIT_DIGEST_SIZE]) {
  if (!value.n) return;
  buf_append_str(out, name);
  size_t start = out->n;
  json_write_str(out, value.n > AUDIT_TEXT_MAX ? utf8_cut(value, AUDIT_TEXT_MAX) : value);
  if (!buf_failed(out)) audit_digest(keys, str_make(out->p + start, out->n - start), ret_digest);
}

/* Arguments are kept as a string, so that their exact bytes come back. */
static void write_personal(struct buf *out, const struct audit_event *event, struct digests *digests) {
  struct str arguments = event->arguments;
  if (arguments.n) {
    audit_digest(event->keys, arguments, digests->arguments);
    if (event->may_keep_arguments && arguments.n <= LIMIT_AUDIT_ARGUMENTS && utf8_is_valid(arguments))
      put_text(out, STR(",\"arguments\":"), arguments, SIZE_MAX);
  }
  put_personal(out, event->keys, STR(",\"client\":"), event->client, digests->client);
  put_personal(out, event->keys, STR(",\"user\":"), event->user_email, digests->user);
  if (buf_failed(out) || !out->n) return;
  out->p[0] = '{';
  buf_append_byte(out, '}');
}

static void write_identity(struct buf *out, const struct audit_event *event, struct str writer, int64_t seq,
                           const struct digests *digests) {
  put_version(out, STR(",\"policy\":"), event->policy_version);
  put_text(out, STR(",\"reason\":"), event->reason, AUDIT_TEXT_MAX);
  put_json(out, STR(",\"roles\":"), event->roles);
  put_number(out, STR(",\"seq\":"), seq);
  put_number(out, STR(",\"time\":"), event->time);
  put_id(out, STR(",\"token\":"), &event->token_id);
  put_text(out, STR(",\"tool\":"), event->tool, AUDIT_TEXT_MAX);
  put_word(out, STR(",\"trace\":"), event->trace_id);
  put_id(out, STR(",\"user\":"), &event->user_id);
  put_word(out, STR(",\"user_digest\":"), digests->user);
  put_number(out, STR(",\"v\":"), 1);
  put_text(out, STR(",\"writer\":"), writer, SIZE_MAX);
}

static void write_whole(struct buf *out, const struct audit_event *event, struct str writer, int64_t seq,
                        const struct digests *digests) {
  put_word(out, STR(",\"arguments_digest\":"), digests->arguments);
  put_id(out, STR(",\"call\":"), &event->call_id);
  put_word(out, STR(",\"client_digest\":"), digests->client);
  put_text(out, STR(",\"connection\":"), event->connection, SIZE_MAX);
  put_id(out, STR(",\"connection_id\":"), &event->connection_id);
  put_text(out, STR(",\"connector\":"), event->connector, SIZE_MAX);
  put_version(out, STR(",\"connector_version\":"), event->connector_version);
  put_word(out, STR(",\"decision\":"), decisions[event->decision]);
  put_text(out, STR(",\"does\":"), event->does, AUDIT_TEXT_MAX);
  if (event->kind != AUDIT_INTENT) {
    put_number(out, STR(",\"duration_us\":"), event->duration_us);
    put_text(out, STR(",\"error\":"), event->error, AUDIT_TEXT_MAX);
  }
  put_word(out, STR(",\"kind\":"), kinds[event->kind]);
  put_id(out, STR(",\"org\":"), &event->organisation_id);
  if (event->kind != AUDIT_INTENT) put_word(out, STR(",\"outcome\":"), outcomes[event->outcome]);
  write_identity(out, event, writer, seq, digests);
}

static void write_outcome(struct buf *out, const struct audit_event *event, struct str writer, int64_t seq) {
  put_id(out, STR(",\"call\":"), &event->call_id);
  put_number(out, STR(",\"duration_us\":"), event->duration_us);
  put_text(out, STR(",\"error\":"), event->error, AUDIT_TEXT_MAX);
  put_word(out, STR(",\"kind\":"), kinds[event->kind]);
  put_id(out, STR(",\"org\":"), &event->organisation_id);
  put_word(out, STR(",\"outcome\":"), outcomes[event->outcome]);
  put_number(out, STR(",\"seq\":"), seq);
  put_number(out, STR(",\"time\":"), event->time);
  put_text(out, STR(",\"tool\":"), event->tool, AUDIT_TEXT_MAX);
  put_word(out, STR(",\"trace\":"), event->trace_id);
  put_number(out, STR(",\"v\":"), 1);
  put_text(out, STR(",\"writer\":"), writer, SIZE_MAX);
}

enum err_code audit_draft_write(struct audit_draft *draft, const struct audit_event *event, struct str writer,
                                int64_t seq, const uint8_t before[AUDIT_MAC_SIZE], struct err *err) {
  struct digests digests = {"", "", ""};
  struct buf *out = &draft->text;
  if (!event->keys) return err_set(err, ERR_INTERNAL, "an audit event without keys");
  buf_clear(&draft->personal);
  if (event->kind != AUDIT_OUTCOME) write_personal(&draft->personal, event, &digests);
  buf_clear(out);
  buf_append(out, before, AUDIT_MAC_SIZE);
  if (event->kind == AUDIT_OUTCOME)
    write_outcome(out, event, writer, seq);
  else
    write_whole(out, event, writer, seq, &digests);
  buf_append_byte(out, '}');
  if (buf_failed(out) || buf_failed(&draft->personal))
    return err_set(err, ERR_NO_MEMORY, "an audit record could not be written: no memory, or it is too large");
  out->p[AUDIT_MAC_SIZE] = '{';
  return ERR_NONE;
}

/* By hand: it is made for every record, and a printf costs more than the rest of the place. */
struct vault_place audit_personal_place(struct uuid organisation_id, struct str writer, int64_t seq,
                                        char space[AUDIT_PLACE_SIZE]) {
  char digits[20], *end = digits + sizeof digits, *first = end;
  uint64_t left = (uint64_t)seq;
  do
    *--first = (char)('0' + left % 10);
  while ((left /= 10) > 0);
  size_t room = AUDIT_PLACE_SIZE - UUID_TEXT_SIZE - 1 - sizeof digits;
  if (writer.n > room) writer.n = room;
  uuid_format(organisation_id, space);
  char *at = space + UUID_TEXT_SIZE - 1;
  *at++ = '/';
  if (writer.n) memcpy(at, writer.p, writer.n);
  at += writer.n;
  *at++ = '/';
  memcpy(at, first, (size_t)(end - first));
  at += end - first;
  return (struct vault_place){"audit_record", "personal", str_make(space, (size_t)(at - space))};
}
