/* A connection's credential, opened for as long as a request or an environment is written, in memory that is wiped. */
#include <stdlib.h>

#include "codec/blot.h"
#include "codec/url.h"
#include "connector/mcp/home.h"

enum err_code mcp_credential_open(struct mcp_opened *opened, const struct secret *credential, struct err *err) {
  *opened = (struct mcp_opened){0};
  struct str json = credential ? secret_open(credential) : STR_NONE;
  if (json.n == 0) return ERR_NONE;
  size_t n = yyjson_read_max_memory_usage(json.n, YYJSON_READ_NOFLAG);
  char *memory = malloc(n);
  yyjson_alc alc;
  if (!memory || !yyjson_alc_pool_init(&alc, memory, n)) {
    free(memory);
    return err_no_memory(err);
  }
  yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json.p, json.n, YYJSON_READ_NOFLAG, &alc, NULL);
  *opened = (struct mcp_opened){.memory = memory, .n = n, .root = yyjson_doc_get_root(doc)};
  return ERR_NONE;
}

void mcp_credential_close(struct mcp_opened *opened) {
  if (opened->memory) secret_wipe(opened->memory, opened->n);
  free(opened->memory);
  *opened = (struct mcp_opened){0};
}

/* ---- what comes back of it ---- */

/* Either a message or a line. */
struct repeated {
  yyjson_val *message;
  char *line;
  size_t n;
};

static bool cover_one(const struct repeated *repeated, struct str secret) {
  return repeated->message ? blot_value(repeated->message, secret) : blot_text(repeated->line, repeated->n, secret);
}

/* As it is, as it stands in a JSON text within a text, and as it stands in a URL. `form` has room for each. */
static bool cover(const struct repeated *repeated, struct buf *form, struct str secret) {
  bool was_there = cover_one(repeated, secret);
  form->n = 0;
  json_write_str(form, secret);
  if (form->n > secret.n + 2) was_there |= cover_one(repeated, str_make(form->p + 1, form->n - 2));
  form->n = 0;
  url_write_encoded(form, secret);
  if (form->n > secret.n) was_there |= cover_one(repeated, buf_str(form));
  return was_there;
}

/* Of all texts in the credential: its members, and those of "environment". */
static bool cover_all(const struct secret *credential, const struct repeated *repeated) {
  struct mcp_opened opened;
  struct buf form;
  size_t i, n, k, n_inner;
  yyjson_val *key, *value, *name, *inner;
  bool was_there = false;
  if (!credential || mcp_credential_open(&opened, credential, NULL) != ERR_NONE) return false;
  size_t room = 6 * secret_open(credential).n + 2; /* a byte becomes \u001f at the longest */
  buf_init(&form, NULL, room);
  bool has_room = opened.root && buf_reserve(&form, room);
  yyjson_obj_foreach(opened.root, i, n, key, value) {
    if (!has_room) break;
    if (yyjson_is_str(value)) was_there |= cover(repeated, &form, json_str(value));
    if (!yyjson_is_obj(value)) continue;
    yyjson_obj_foreach(value, k, n_inner, name, inner) {
      was_there |= cover(repeated, &form, json_str(inner));
    }
  }
  if (form.p) secret_wipe(form.p, form.capacity);
  buf_release(&form);
  mcp_credential_close(&opened);
  return was_there;
}

bool mcp_credential_blot(const struct secret *credential, yyjson_val *message) {
  const struct repeated repeated = {.message = message};
  return message && cover_all(credential, &repeated);
}

void mcp_credential_blot_line(const struct secret *credential, char *line, size_t n) {
  const struct repeated repeated = {.line = line, .n = n};
  (void)cover_all(credential, &repeated);
}
