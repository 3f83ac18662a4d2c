/* Signs requests (RFC 5849, 3). Must not know whose they are, nor how they are sent. */
#include "connector/oauth1.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hmac.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/secret.h"
#include "codec/base64.h"
#include "codec/url.h"

enum { PARAMETERS_MAX = 512, BASE_MAX = 9 * MIB, KEY_MAX = 8 * KIB };

/* Both encoded (3.4.1.3.2, 1). */
struct parameter {
  struct str name, value;
};

struct parameters {
  struct arena *arena;
  struct parameter *items;
  size_t n;
  bool has_failed; /* no memory */
};

static const char *const words[] = {"HMAC-SHA1", "HMAC-SHA256", "PLAINTEXT"};

bool oauth1_signature_read(struct str word, enum oauth1_signature *ret_signature) {
  *ret_signature = OAUTH1_HMAC_SHA1;
  if (word.n == 0) return true;
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    if (!str_eq_c(word, words[i])) continue;
    *ret_signature = (enum oauth1_signature)i;
    return true;
  }
  return false;
}

void oauth1_nonce(char ret_nonce[OAUTH1_NONCE_SIZE]) {
  uint8_t bytes[(OAUTH1_NONCE_SIZE - 1) / 2];
  random_bytes(bytes, sizeof(bytes));
  hex_format(bytes, sizeof(bytes), ret_nonce);
}

/* ---- parameters ---- */

static struct str encoded(struct arena *arena, struct str raw) {
  struct buf out;
  buf_init(&out, arena, 3 * LIMIT_HTTP_BODY + 1);
  url_write_encoded(&out, raw);
  return buf_failed(&out) ? STR_NONE : out.n > 0 ? buf_str(&out) : STR("");
}

static void add(struct parameters *all, struct str name, struct str value) {
  struct parameter parameter = {encoded(all->arena, name), encoded(all->arena, value)};
  if (!parameter.name.p || !parameter.value.p) all->has_failed = true;
  if (all->has_failed || all->n > PARAMETERS_MAX) return;
  if (all->n < PARAMETERS_MAX) all->items[all->n] = parameter;
  all->n++;
}

/* application/x-www-form-urlencoded: '+' is a space. */
static struct str decoded(struct parameters *all, struct str text) {
  struct str raw;
  char *copy = arena_memdup(all->arena, text.p ? text.p : "", text.n + (text.p ? 0 : 1));
  for (size_t i = 0; copy && i < text.n; i++)
    if (copy[i] == '+') copy[i] = ' ';
  if (copy && url_decode(all->arena, str_make(copy, text.n), &raw)) return raw;
  all->has_failed = all->has_failed || !copy;
  return text; /* a stray '%' stands for itself */
}

static void add_pairs(struct parameters *all, struct str text) {
  for (struct str rest = text; rest.p && rest.n > 0;) {
    struct str value = str_cut(&rest, '&');
    if (value.n == 0) continue;
    struct str name = str_cut(&value, '=');
    add(all, decoded(all, name), decoded(all, value));
  }
}

/* The protocol's own, without the signature; written to the header in this order. */
static size_t own_parameters(const struct oauth1_request *request, char time[24], struct parameter *items) {
  size_t n = 0;
  const struct parameter all[] = {{STR("oauth_consumer_key"), request->consumer_key},
                                  {STR("oauth_token"), request->token},
                                  {STR("oauth_signature_method"), str_of(words[request->signature])},
                                  {STR("oauth_timestamp"), str_of(time)},
                                  {STR("oauth_nonce"), request->nonce},
                                  {STR("oauth_callback"), request->callback},
                                  {STR("oauth_verifier"), request->verifier}};
  (void)snprintf(time, 24, "%lld", (long long)request->time_s);
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
    struct str value = i == 3 ? str_of(time) : all[i].value; /* it has just been written */
    if (value.n > 0) items[n++] = (struct parameter){all[i].name, value};
  }
  return n;
}

/* ---- the base string ---- */

/* By their encoded bytes, name first (3.4.1.3.2, 2). */
static int by_bytes(const void *a, const void *b) {
  const struct parameter *one = a, *other = b;
  int order = str_cmp(one->name, other->name);
  return order ? order : str_cmp(one->value, other->value);
}

/* Scheme, host, port where it is not the scheme's own, and path (3.4.1.2). */
static enum err_code write_base_uri(struct arena *arena, struct str text, struct str *ret_query, struct buf *out,
                                    struct err *err) {
  struct url url;
  struct buf uri;
  enum err_code code = url_parse(arena, text, &url, err);
  if (code != ERR_NONE) return code;
  buf_init(&uri, arena, 64 * KIB);
  buf_printf(&uri, "%.*s://%s%.*s%s", STR_ARG(url.scheme), url.is_ipv6 ? "[" : "", STR_ARG(url.host),
             url.is_ipv6 ? "]" : "");
  if (url.port != (str_eq(url.scheme, STR("https")) ? 443 : 80)) buf_printf(&uri, ":%u", url.port);
  buf_append_str(&uri, url.path);
  if (buf_failed(&uri)) return err_no_memory(err);
  url_write_encoded(out, buf_str(&uri));
  *ret_query = url.query;
  return ERR_NONE;
}

static void write_parameters(struct parameters *all, struct buf *out) {
  struct buf text;
  buf_init(&text, all->arena, BASE_MAX);
  qsort(all->items, all->n, sizeof(*all->items), by_bytes);
  for (size_t i = 0; i < all->n; i++) {
    if (i > 0) buf_append_byte(&text, '&');
    buf_append_str(&text, all->items[i].name);
    buf_append_byte(&text, '=');
    buf_append_str(&text, all->items[i].value);
  }
  all->has_failed = all->has_failed || buf_failed(&text);
  if (!all->has_failed) url_write_encoded(out, buf_str(&text));
}

enum err_code oauth1_base_string(struct arena *arena, const struct oauth1_request *request, struct buf *out,
                                 struct err *err) {
  char time[24];
  struct parameter own[8];
  struct str query = STR_NONE;
  struct parameters all = {.arena = arena, .items = arena_new_n(arena, struct parameter, PARAMETERS_MAX)};
  if (!all.items) return err_no_memory(err);
  buf_append_str(out, request->method); /* upper case already */
  buf_append_byte(out, '&');
  enum err_code code = write_base_uri(arena, request->url, &query, out, err);
  if (code != ERR_NONE) return code;
  buf_append_byte(out, '&');
  add_pairs(&all, query);
  add_pairs(&all, request->form);
  size_t n = own_parameters(request, time, own);
  for (size_t i = 0; i < n; i++)
    add(&all, own[i].name, own[i].value);
  if (all.n > PARAMETERS_MAX)
    return err_set(err, ERR_TOO_LARGE, "the request has more parameters than can be signed (%d)", PARAMETERS_MAX);
  write_parameters(&all, out);
  return all.has_failed || buf_failed(out) ? err_no_memory(err) : ERR_NONE;
}

/* ---- the signature ---- */

/* "consumer secret&token secret", each encoded (3.4.2), in memory that the caller wipes. */
static bool write_key(const struct oauth1_request *request, struct buf *out) {
  url_write_encoded(out, request->consumer_secret);
  buf_append_byte(out, '&');
  url_write_encoded(out, request->token_secret);
  return !buf_failed(out);
}

static enum err_code write_signature(struct arena *arena, const struct oauth1_request *request, struct buf *out,
                                     struct err *err) {
  char bytes[KEY_MAX], text[64];
  struct buf key = {.p = bytes, .capacity = sizeof(bytes), .max = sizeof(bytes)}, base;
  struct buf coded = {.p = text, .capacity = sizeof(text), .max = sizeof(text)};
  uint8_t mac[HMAC_MAX];
  size_t n = 0;
  enum hmac_digest_kind digest = request->signature == OAUTH1_HMAC_SHA1 ? HMAC_SHA1 : HMAC_SHA256;
  enum err_code code = write_key(request, &key) ? ERR_NONE : err_set(err, ERR_TOO_LARGE, "the secrets are too long");
  buf_init(&base, arena, BASE_MAX);
  if (code == ERR_NONE && request->signature == OAUTH1_PLAINTEXT) {
    url_write_encoded(out, buf_str(&key));
  } else if (code == ERR_NONE) {
    code = oauth1_base_string(arena, request, &base, err);
    if (code == ERR_NONE && !hmac_once(digest, buf_str(&key), buf_str(&base), mac, &n))
      code = err_set(err, ERR_UNAVAILABLE, "%s cannot be computed here", words[request->signature]);
    if (code == ERR_NONE) base64_write(&coded, str_make((const char *)mac, n));
    if (code == ERR_NONE) url_write_encoded(out, buf_str(&coded));
  }
  secret_wipe(bytes, sizeof(bytes));
  return code;
}

enum err_code oauth1_write(struct arena *arena, const struct oauth1_request *request, struct buf *out,
                           struct err *err) {
  char time[24];
  struct parameter own[8];
  size_t n = own_parameters(request, time, own);
  if (request->realm.n > 0) buf_printf(out, "realm=\"%.*s\", ", STR_ARG(request->realm));
  for (size_t i = 0; i < n; i++) {
    buf_append_str(out, own[i].name);
    buf_append_c(out, "=\"");
    url_write_encoded(out, own[i].value);
    buf_append_c(out, "\", ");
  }
  buf_append_c(out, "oauth_signature=\"");
  enum err_code code = write_signature(arena, request, out, err);
  buf_append_byte(out, '"');
  if (code != ERR_NONE) return code;
  return buf_failed(out) ? err_no_memory(err) : ERR_NONE;
}
