/* URLs as this server uses them: absolute http and https (RFC 3986), query strings, percent-encoding. */
#ifndef CONNEK_CODEC_URL_H
#define CONNEK_CODEC_URL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct url {
  struct str scheme; /* "http" or "https", lower case */
  struct str host;   /* lower case; an IPv6 address without its brackets */
  uint16_t port;     /* filled from the scheme where absent */
  bool is_ipv6;
  struct str path;  /* starts with '/'; as written, encoded */
  struct str query; /* without '?'; empty where absent */
};

/* Refuses user information, fragments, control characters, spaces, backslashes, empty hosts, bad escapes, odd ports. */
enum err_code url_parse(struct arena *arena, struct str text, struct url *ret_url, struct err *err) MUST_CHECK;
/* Does it say itself that it leads to this machine: localhost, 127.x.y.z, [::1]? */
bool url_is_loopback(const struct url *url);
/* HOST[:PORT], [V6][:PORT]; the port is 0 where absent (and where it says 0, as --listen may). The host is a slice of
 * `text`, as written and without brackets. For --listen, --allow-upstream and the Host field. */
enum err_code url_parse_authority(struct str text, struct str *ret_host, uint16_t *ret_port,
                                  struct err *err) MUST_CHECK;
/* Everything but unreserved characters (RFC 3986, 2.3) becomes %XX: right for one path segment and one query part. */
void url_write_encoded(struct buf *out, struct str raw);
/* %XX decoded ('+' is left alone). False: a bad escape, or %00. */
bool url_decode(struct arena *arena, struct str encoded, struct str *ret_raw) MUST_CHECK;

#endif
