/* A connection's credential, opened for as long as a request is written, in memory of its own that is wiped. The one
 * place that knows what of it stands where. */
#include <stdlib.h>

#include "codec/base64.h"
#include "codec/url.h"
#include "connector/http/http.h"

enum { SIGNED_MORE = 2048 }; /* nonce, time, realm and names of a signed request */

static bool has_member(yyjson_val *credential, struct str name) {
  yyjson_val *value = yyjson_obj_getn(credential, name.p, name.n);
  return yyjson_is_str(value) && yyjson_get_len(value) > 0;
}

static bool has_all(yyjson_val *credential, const struct template *template) {
  for (size_t i = 0; i < template->n_pieces; i++) {
    const struct template_piece *piece = &template->pieces[i];
    bool is_needed = piece->source == TEMPLATE_CREDENTIAL && !piece->has_default;
    if (is_needed && !has_member(credential, piece->text)) return false;
  }
  return true;
}

static const char *const oauth1_members[] = {"consumer_key", "consumer_secret", "token", "token_secret"};

static bool has_oauth1(yyjson_val *credential) {
  for (size_t i = 0; i < sizeof(oauth1_members) / sizeof(oauth1_members[0]); i++)
    if (!has_member(credential, str_of(oauth1_members[i]))) return false;
  return true;
}

bool http_oauth1_takes(struct str name) {
  for (size_t i = 0; i < sizeof(oauth1_members) / sizeof(oauth1_members[0]); i++)
    if (str_eq_c(name, oauth1_members[i])) return true;
  return false;
}

/* What is sent is a token that somebody gets for the connection. */
static bool is_token(const struct http_auth *auth) {
  return auth->type == HTTP_AUTH_OAUTH2 || auth->type == HTTP_AUTH_JWT;
}

bool http_auth_gets_token(const struct http_definition *http, yyjson_val *credential) {
  for (size_t i = 0; i < http->n_auths; i++) {
    const struct http_auth *auth = &http->auths[i];
    if (is_token(auth) && has_member(credential, auth->type == HTTP_AUTH_JWT ? STR("private_key") : STR("client_id")))
      return true;
  }
  return false;
}

const struct http_auth *http_auth_find(const struct http_definition *http, yyjson_val *credential) {
  for (size_t i = 0; i < http->n_auths; i++) {
    const struct http_auth *auth = &http->auths[i];
    if (auth->type == HTTP_AUTH_OAUTH1) {
      if (has_oauth1(credential)) return auth;
      continue;
    }
    if (is_token(auth)) {
      if (has_member(credential, STR("access_token"))) return auth;
      continue;
    }
    if (auth->type != HTTP_AUTH_BASIC && has_member(credential, STR("key"))) return auth;
    bool may_be_basic = auth->type == HTTP_AUTH_BASIC && yyjson_obj_size(credential) > 0;
    if (may_be_basic && has_all(credential, &auth->user) && has_all(credential, &auth->password)) return auth;
  }
  return NULL;
}

static void add_text(struct http_secret *secret, struct str text) {
  if (text.n > 0 && secret->n_texts < HTTP_SECRET_TEXTS) secret->texts[secret->n_texts++] = text;
}

/* RFC 7617, 2. `memory` holds both forms; it never grows, so nothing is left behind. */
static enum err_code write_basic(struct http_secret *secret, char *memory, size_t n, struct err *err) {
  struct template_scope scope = {.credential = secret->credential};
  struct buf plain = {.p = memory, .capacity = n / 3, .max = n / 3};
  struct buf coded = {.p = memory + n / 3, .capacity = n - n / 3, .max = n - n / 3};
  bool is_absent = false, is_other_absent = false;
  enum err_code code = template_write(&plain, &secret->auth->user, TEMPLATE_IN_HEADER, &scope, &is_absent, err);
  size_t n_user = plain.n;
  bool has_colon = n_user > 0 && memchr(plain.p, ':', n_user);
  buf_append_byte(&plain, ':');
  if (code == ERR_NONE)
    code = template_write(&plain, &secret->auth->password, TEMPLATE_IN_HEADER, &scope, &is_other_absent, err);
  if (code != ERR_NONE) return code;
  if (has_colon)
    return err_set(err, ERR_INVALID, "the credential's user has a \":\", which basic authentication cannot send");
  base64_write(&coded, buf_str(&plain));
  if (is_absent || is_other_absent || buf_failed(&plain) || buf_failed(&coded))
    return err_set(err, ERR_UNAVAILABLE, "the connection's credential is incomplete");
  secret->value = buf_str(&coded);
  return ERR_NONE;
}

/* Since `from`, where that is not the text itself. */
static void add_form(struct http_secret *secret, struct str text, const struct buf *memory, size_t from) {
  struct str form = str_make(memory->p + from, memory->n - from);
  if (form.n > text.n) add_text(secret, form);
}

/* As an upstream may give it back: as it stands in a URL, and as PHP writes it in JSON. */
static void add_other_forms(struct http_secret *secret, struct str text) {
  struct buf *memory = &secret->forms;
  size_t from = memory->n;
  url_write_encoded(memory, text);
  if (memory->n - from == text.n) return; /* plain everywhere */
  add_form(secret, text, memory, from);
  from = memory->n;
  http_url_write_key(memory, text);
  add_form(secret, text, memory, from);
  from = memory->n;
  for (size_t i = 0; i < text.n; i++) {
    if (text.p[i] == '/') buf_append_byte(memory, '\\');
    buf_append_byte(memory, text.p[i]);
  }
  add_form(secret, text, memory, from);
}

void http_secret_find_texts(struct http_secret *secret) {
  size_t i, n;
  yyjson_val *key, *value;
  if (!secret->auth) return;
  if (secret->auth->type == HTTP_AUTH_BASIC) add_text(secret, secret->value);
  yyjson_obj_foreach(secret->credential, i, n, key, value) {
    bool is_name = str_eq(json_str(key), STR("user")) && secret->auth->type == HTTP_AUTH_BASIC;
    if (is_name) continue; /* a user's name is no secret, and may be any word */
    add_text(secret, json_str(value));
    if (yyjson_is_str(value)) add_other_forms(secret, json_str(value));
  }
}

static enum err_code refuse(struct err *err) {
  return err_set(err, ERR_UNAVAILABLE, "the connection has no key");
}

enum err_code http_secret_open(struct http_secret *secret, const struct connector_call *call, struct err *err) {
  const struct http_definition *http = call->connection->connector->state;
  secret->auth = NULL;
  secret->credential = NULL;
  secret->value = STR_NONE;
  secret->n_texts = 0;
  secret->heap = NULL;
  secret->n_heap = secret->n_used = 0;
  if (http->n_auths == 0) return ERR_NONE;
  struct str json = call->credential ? secret_open(call->credential) : STR_NONE;
  if (json.n == 0) return refuse(err);
  /* yyjson says how much memory it may need; credentials are small, and what is used is what has to be wiped */
  size_t n_json = yyjson_read_max_memory_usage(json.n, YYJSON_READ_NOFLAG), n_basic = 4 * json.n + 64;
  size_t n_forms = 8 * json.n, n_signed = 0;
  for (size_t i = 0; i < http->n_auths; i++)
    if (http->auths[i].type == HTTP_AUTH_OAUTH1) n_signed = 9 * json.n + SIGNED_MORE;
  size_t n = n_json + n_basic + n_forms + n_signed;
  char *memory = secret->pool;
  secret->n_used = n;
  if (n > sizeof(secret->pool)) {
    secret->n_used = 0;
    memory = secret->heap = malloc(n);
    secret->n_heap = n;
    if (!memory) return err_no_memory(err);
  }
  yyjson_alc alc;
  if (!yyjson_alc_pool_init(&alc, memory, n_json)) return err_no_memory(err);
  yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json.p, json.n, YYJSON_READ_NOFLAG, &alc, NULL);
  secret->credential = yyjson_doc_get_root(doc);
  secret->auth = http_auth_find(http, secret->credential);
  if (!secret->auth) return refuse(err);
  if (secret->auth->type == HTTP_AUTH_BASIC) {
    enum err_code code = write_basic(secret, memory + n_json, n_basic, err);
    if (code != ERR_NONE) return code;
  } else if (secret->auth->type != HTTP_AUTH_OAUTH1) {
    secret->value = json_get_str(secret->credential, is_token(secret->auth) ? "access_token" : "key");
  }
  secret->signed_value = (struct buf){.p = memory + n_json + n_basic + n_forms, .capacity = n_signed, .max = n_signed};
  secret->forms = (struct buf){.p = memory + n_json + n_basic, .capacity = n_forms, .max = n_forms};
  return ERR_NONE;
}

void http_secret_close(struct http_secret *secret) {
  secret_wipe(secret->pool, secret->n_used);
  if (secret->heap) secret_wipe(secret->heap, secret->n_heap);
  free(secret->heap);
  secret->heap = NULL;
  secret->credential = NULL;
  secret->value = STR_NONE;
  secret->n_texts = 0;
}
