/* URLs from anybody: what is accepted can be put together again and means the same; libcurl, which would open it, takes
 * the same host out of it. */
#include <curl/curl.h>

#include "codec/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void expect(bool is_so) {
  if (!is_so) __builtin_trap();
}

static void url_check(struct arena *arena, struct str text) {
  struct err err = {0};
  struct url url, again;
  if (url_parse(arena, text, &url, &err) != ERR_NONE) {
    expect(err.text[0] != '\0');
    return;
  }
  expect(url.host.n > 0 && url.port > 0 && url.path.n > 0 && url.path.p[0] == '/');
  for (size_t i = 0; i < url.host.n; i++)
    expect(!(url.host.p[i] >= 'A' && url.host.p[i] <= 'Z'));
  struct buf out;
  buf_init(&out, arena, 100000);
  buf_printf(&out, "%.*s://%s%.*s%s:%u%.*s", STR_ARG(url.scheme), url.is_ipv6 ? "[" : "", STR_ARG(url.host),
             url.is_ipv6 ? "]" : "", url.port, STR_ARG(url.path));
  if (url.query.n > 0) buf_printf(&out, "?%.*s", STR_ARG(url.query));
  if (out.n > 8192) return; /* the port that was added may be too much */
  expect(url_parse(arena, buf_str(&out), &again, &err) == ERR_NONE);
  expect(str_eq(url.scheme, again.scheme) && str_eq(url.host, again.host) && url.port == again.port);
  expect(str_eq(url.path, again.path) && str_eq(url.query, again.query) && url.is_ipv6 == again.is_ipv6);
}

static void curl_check(struct arena *arena, struct str text) {
  struct url url;
  if (url_parse(arena, text, &url, NULL) != ERR_NONE || url.is_ipv6) return; /* curl normalises addresses */
  struct str whole = arena_str(arena, text);
  CURLU *handle = curl_url();
  char *host = NULL;
  expect(curl_url_set(handle, CURLUPART_URL, whole.p, 0) == CURLUE_OK);
  expect(curl_url_get(handle, CURLUPART_HOST, &host, 0) == CURLUE_OK);
  expect(str_eq_fold(str_of(host), url.host));
  curl_free(host);
  curl_url_cleanup(handle);
}

static void encoding_check(struct arena *arena, struct str text) {
  struct str raw;
  struct buf out;
  buf_init(&out, arena, 4 * 1024 * 1024);
  url_write_encoded(&out, text);
  bool has_nul = text.n > 0 && memchr(text.p, '\0', text.n);
  expect(url_decode(arena, buf_str(&out), &raw) == !has_nul);
  if (!has_nul) expect(str_eq(raw, text));
  if (url_decode(arena, text, &raw)) expect(raw.n <= text.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  struct arena arena;
  arena_init(&arena, (size_t)16 * 1024 * 1024);
  struct str text = str_make((const char *)bytes, n);
  struct str host;
  uint16_t port;
  struct err err = {0};
  url_check(&arena, text);
  curl_check(&arena, text);
  encoding_check(&arena, text);
  if (url_parse_authority(text, &host, &port, &err) == ERR_NONE) expect(host.n > 0 && host.n <= text.n);
  arena_release(&arena);
  return 0;
}
