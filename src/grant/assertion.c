/* Writes and signs a JWT (RFC 7519) for a service account, a GitHub App and their like. Must not know where it goes. */
#include "base/limits.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "grant/exchange.h"
#include "vault/sign.h"

enum { JWT_MAX = 16 * KIB };

/* "{credential.client_email}" and text around it. */
static enum err_code fill(struct arena *arena, const struct grant_subject *subject, struct str template,
                          struct str *ret_text, struct err *err) {
  static const struct str mark = STR("{credential.");
  struct buf out;
  buf_init(&out, arena, JWT_MAX);
  while (template.n > 0) {
    const char *at = memmem(template.p, template.n, mark.p, mark.n);
    size_t before = at ? (size_t)(at - template.p) : template.n;
    buf_append(&out, template.p, before);
    if (!at) break;
    struct str rest = str_make(at + mark.n, template.n - before - mark.n);
    struct str name = str_cut(&rest, '}');
    yyjson_val *value = yyjson_obj_getn(subject->credential, name.p, name.n);
    if (!yyjson_is_str(value))
      return err_set(err, ERR_UNAVAILABLE, "the connection's credential has no member \"%.*s\"", STR_ARG(name));
    buf_append_str(&out, json_str(value));
    template = rest.p ? rest : STR_NONE;
  }
  if (buf_failed(&out)) return err_no_memory(err);
  *ret_text = out.n > 0 ? buf_str(&out) : STR("");
  return ERR_NONE;
}

static enum err_code write_member(struct arena *arena, const struct grant_subject *subject, struct buf *out,
                                  struct str name, struct str template, struct err *err) {
  struct str text;
  if (template.n == 0) return ERR_NONE;
  enum err_code code = fill(arena, subject, template, &text, err);
  if (code != ERR_NONE) return code;
  buf_append_byte(out, ',');
  json_write_str(out, name);
  buf_append_byte(out, ':');
  json_write_str(out, text);
  return ERR_NONE;
}

static enum err_code write_header(struct arena *arena, const struct grant_subject *subject, struct buf *out,
                                  struct err *err) {
  buf_append_c(out, "{\"typ\":\"JWT\",\"alg\":");
  json_write_str(out, subject->oauth->algorithm);
  enum err_code code = write_member(arena, subject, out, STR("kid"), subject->oauth->key_id, err);
  buf_append_byte(out, '}');
  return code;
}

static enum err_code write_claims(struct arena *arena, const struct grant_subject *subject, int64_t now_us,
                                  struct buf *out, struct err *err) {
  const struct connector_oauth *oauth = subject->oauth;
  int64_t now_s = now_us / 1000000 - GRANT_JWT_EARLY_S;
  buf_printf(out, "{\"iat\":%lld,\"exp\":%lld", (long long)now_s,
             (long long)(now_s + oauth->jwt_lifetime_us / 1000000));
  enum err_code code = write_member(arena, subject, out, STR("iss"), oauth->issuer_claim, err);
  if (code == ERR_NONE) code = write_member(arena, subject, out, STR("sub"), oauth->subject_claim, err);
  if (code == ERR_NONE)
    code = write_member(arena, subject, out, STR("aud"), oauth->audience.n ? oauth->audience : oauth->token, err);
  if (code == ERR_NONE && oauth->scopes.n > 0)
    code = write_member(arena, subject, out, STR("scope"), oauth->scopes, err);
  for (size_t i = 0; i < oauth->n_claims && code == ERR_NONE; i++)
    code = write_member(arena, subject, out, oauth->claims[i].name, oauth->claims[i].text, err);
  buf_append_byte(out, '}');
  return code;
}

enum err_code grant_assertion(struct arena *arena, const struct grant_subject *subject, int64_t now_us,
                              struct str *ret_jwt, struct err *err) {
  struct buf header, claims, jwt;
  struct str signature, key = json_get_str(subject->credential, "private_key");
  buf_init(&header, arena, JWT_MAX);
  buf_init(&claims, arena, JWT_MAX);
  buf_init(&jwt, arena, 4 * JWT_MAX);
  enum err_code code = write_header(arena, subject, &header, err);
  if (code == ERR_NONE) code = write_claims(arena, subject, now_us, &claims, err);
  if (code != ERR_NONE) return code;
  base64url_write(&jwt, buf_str(&header));
  buf_append_byte(&jwt, '.');
  base64url_write(&jwt, buf_str(&claims));
  if (buf_failed(&header) || buf_failed(&claims) || buf_failed(&jwt)) return err_no_memory(err);
  code = vault_sign(arena, subject->oauth->algorithm, key, buf_str(&jwt), &signature, err);
  if (code != ERR_NONE) return code;
  buf_append_byte(&jwt, '.');
  base64url_write(&jwt, signature);
  if (buf_failed(&jwt)) return err_no_memory(err);
  *ret_jwt = buf_str(&jwt);
  return ERR_NONE;
}
