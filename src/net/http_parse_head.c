/* What a request's head must be on top of what llhttp checks (RFC 9112 2 to 6, RFC 9110 7.2): a request line without
 * leniency, one Host, one way of framing. Pure; knows nothing of how the bytes came. */
#include "base/limits.h"
#include "net/http_parse.h"

#define REFUSAL(name, status, code, message)       \
  static const struct http_refusal name = {status, \
                                           STR("{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}")}

REFUSAL(refusal_line, 400, "invalid", "The request line is malformed.");
REFUSAL(refusal_target, 400, "invalid", "The request target is malformed.");
REFUSAL(refusal_target_long, 414, "too_large", "The request target is too long.");
REFUSAL(refusal_version, 505, "invalid", "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
REFUSAL(refusal_connect, 501, "invalid", "CONNECT is not served here.");
REFUSAL(refusal_host, 400, "invalid", "Exactly one valid Host field is needed.");
REFUSAL(refusal_host_differs, 400, "invalid", "The Host field and the request target name different hosts.");
REFUSAL(refusal_length, 400, "invalid", "The Content-Length field is malformed or repeated.");
REFUSAL(refusal_framing, 400, "invalid", "Content-Length and Transfer-Encoding exclude each other.");
REFUSAL(refusal_coding_1_0, 400, "invalid", "HTTP/1.0 has no Transfer-Encoding.");
REFUSAL(refusal_coding, 501, "invalid", "The only transfer coding served here is chunked.");
REFUSAL(refusal_large, 413, "too_large", "The body is too large.");
REFUSAL(refusal_fields_large, 431, "too_large", "The header section is too large.");
REFUSAL(refusal_expectation, 417, "invalid", "The only expectation served here is 100-continue.");

/* What the fields say that matter to framing. */
struct head_facts {
  struct str host;
  unsigned n_hosts;
  struct str length;
  unsigned n_lengths;
  struct str coding;
  unsigned n_codings;
  bool has_close, has_keep_alive;
  bool has_expectation, has_odd_expectation;
};

static bool is_target(struct str s) {
  for (size_t i = 0; i < s.n; i++)
    if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '#') return false; /* bytes over 127 are negative or over '~' */
  return s.n > 0;
}

/* "HTTP/" DIGIT "." DIGIT CRLF, and nothing else. */
static const struct http_refusal *version_parse(struct http_parse *parse, struct str s) {
  if (s.n != 10 || memcmp(s.p, "HTTP/", 5) != 0 || s.p[5] < '0' || s.p[5] > '9' || s.p[6] != '.' || s.p[7] < '0' ||
      s.p[7] > '9' || s.p[8] != '\r' || s.p[9] != '\n')
    return &refusal_line;
  if (s.p[5] != '1' || s.p[7] > '1') return &refusal_version;
  parse->is_1_0 = s.p[7] == '0';
  return NULL;
}

const struct http_refusal *http_parse_line(struct http_parse *parse, struct str line) {
  struct str method = str_cut(&line, ' ');
  struct str target = str_cut(&line, ' ');
  if (target.n > LIMIT_HTTP_TARGET) return &refusal_target_long;
  if (line.n == 0) return &refusal_line;
  if (!is_target(target)) return target.n == 0 ? &refusal_line : &refusal_target;
  const struct http_refusal *refusal = version_parse(parse, line);
  if (refusal) return refusal;
  if (str_eq(method, STR("CONNECT"))) return &refusal_connect;
  parse->method_n = method.n;
  parse->target_n = target.n;
  return NULL;
}

/* RFC 3986 3.2.2, as far as it is in use: names, IPv4, IPv6 in brackets, a port. Percent-encoding, user information
 * and lists have no business here. */
static bool is_host(struct str s) {
  struct str host = s;
  if (s.n > 0 && s.p[0] == '[') {
    const char *end = memchr(s.p, ']', s.n);
    if (!end || end == s.p + 1) return false;
    for (const char *c = s.p + 1; c < end; c++)
      if (!memchr("0123456789abcdefABCDEF:.", *c, 24)) return false;
    host = str_make(end + 1, s.n - (size_t)(end + 1 - s.p));
    if (host.n > 0 && host.p[0] != ':') return false;
  } else {
    while (host.n > 0 && host.p[0] != ':') {
      char c = host.p[0];
      bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                     c == '-' || c == '_';
      if (!is_fine) return false;
      host = str_make(host.p + 1, host.n - 1);
    }
  }
  for (size_t i = 1; i < host.n; i++)
    if (host.p[i] < '0' || host.p[i] > '9') return false;
  return host.n <= 6; /* ":65535" */
}

/* Connection is a list of tokens, in one field or in several (RFC 9110 7.6.1). */
static void connection_read(struct head_facts *facts, struct str value) {
  while (value.n > 0) {
    struct str token = str_trim(str_cut(&value, ','));
    if (str_eq_fold(token, STR("close"))) facts->has_close = true;
    if (str_eq_fold(token, STR("keep-alive"))) facts->has_keep_alive = true;
  }
}

static void field_read(struct head_facts *facts, struct str name, struct str value) {
  switch (name.n) {
    case 4:
      if (!str_eq_fold(name, STR("Host"))) return;
      facts->host = value;
      facts->n_hosts++;
      return;
    case 6:
      if (!str_eq_fold(name, STR("Expect"))) return;
      if (str_eq_fold(value, STR("100-continue")))
        facts->has_expectation = true;
      else
        facts->has_odd_expectation = true;
      return;
    case 10:
      if (str_eq_fold(name, STR("Connection"))) connection_read(facts, value);
      return;
    case 14:
      if (!str_eq_fold(name, STR("Content-Length"))) return;
      facts->length = value;
      facts->n_lengths++;
      return;
    case 17:
      if (!str_eq_fold(name, STR("Transfer-Encoding"))) return;
      facts->coding = value;
      facts->n_codings++;
      return;
    default:
      return;
  }
}

static const struct http_refusal *fields_read(struct http_parse *parse, struct head_facts *facts) {
  struct http_field *fields = arena_alloc(parse->arena, parse->n_spans * sizeof(*fields));
  if (!fields) return &http_refusal_memory;
  size_t bytes = 0;
  for (size_t i = 0; i < parse->n_spans; i++) {
    const struct http_span *span = &parse->spans[i];
    fields[i].name = str_make(parse->head.p + span->name_at, span->name_n);
    fields[i].value = str_trim(str_make(parse->head.p + span->value_at, span->value_n));
    bytes += span->name_n + span->value_n;
    field_read(facts, fields[i].name, fields[i].value);
  }
  parse->fields = fields;
  parse->n_fields = parse->n_spans;
  return bytes > LIMIT_HTTP_HEADER_BYTES ? &refusal_fields_large : NULL;
}

/* The origin form, the absolute form (which a server must accept, RFC 9112 3.2.2; then Host has to say the same), or
 * "*" for OPTIONS. */
static const struct http_refusal *target_read(struct http_parse *parse, const struct head_facts *facts) {
  struct str rest = parse->target;
  if (str_eq(rest, STR("*"))) {
    parse->path = rest;
    return str_eq(parse->method, STR("OPTIONS")) ? NULL : &refusal_target;
  }
  if (rest.p[0] != '/') {
    size_t scheme_n = rest.n >= 7 && str_eq_fold(str_make(rest.p, 7), STR("http://"))    ? 7
                      : rest.n >= 8 && str_eq_fold(str_make(rest.p, 8), STR("https://")) ? 8
                                                                                         : 0;
    if (scheme_n == 0) return &refusal_target;
    rest = str_make(rest.p + scheme_n, rest.n - scheme_n);
    size_t host_n = 0;
    while (host_n < rest.n && rest.p[host_n] != '/' && rest.p[host_n] != '?')
      host_n++;
    struct str host = str_make(rest.p, host_n);
    if (host_n == 0 || !is_host(host)) return &refusal_target;
    if (facts->n_hosts > 0 && !str_eq_fold(host, facts->host)) return &refusal_host_differs;
    rest = str_make(rest.p + host_n, rest.n - host_n);
  }
  parse->path = str_cut(&rest, '?');
  if (parse->path.n == 0) parse->path = STR("/");
  parse->query = rest;
  return NULL;
}

static const struct http_refusal *framing_read(struct http_parse *parse, const struct head_facts *facts) {
  if (facts->n_codings > 0) {
    if (parse->is_1_0) return &refusal_coding_1_0;
    if (facts->n_lengths > 0) return &refusal_framing;
    /* llhttp has to agree: it decodes. */
    if (facts->n_codings > 1 || !str_eq_fold(facts->coding, STR("chunked")) || !(parse->llhttp.flags & F_CHUNKED))
      return &refusal_coding;
    parse->phase = HTTP_PARSE_BODY_FRAMING;
    return NULL;
  }
  uint64_t length = 0;
  if (facts->n_lengths > 1 || (facts->n_lengths == 1 && !str_to_u64(facts->length, &length))) return &refusal_length;
  if (length > LIMIT_HTTP_BODY) return &refusal_large;
  parse->body_left = (size_t)length;
  parse->phase = HTTP_PARSE_BODY_LENGTH;
  return NULL;
}

const struct http_refusal *http_parse_head(struct http_parse *parse) {
  parse->method = str_make(parse->head.p, parse->method_n);
  parse->target = str_make(parse->head.p + parse->method_n + 1, parse->target_n);
  struct head_facts facts = {0};
  const struct http_refusal *refusal = fields_read(parse, &facts);
  if (refusal) return refusal;
  if (facts.n_hosts > 1 || (facts.n_hosts == 0 && !parse->is_1_0) || !is_host(facts.host)) return &refusal_host;
  refusal = target_read(parse, &facts);
  if (!refusal) refusal = framing_read(parse, &facts);
  if (refusal) return refusal;
  /* RFC 9110 10.1.1: a server must ignore it in HTTP/1.0. */
  if (facts.has_odd_expectation && !parse->is_1_0) return &refusal_expectation;
  bool has_body = parse->phase == HTTP_PARSE_BODY_FRAMING || parse->body_left > 0;
  parse->expects_continue = facts.has_expectation && !parse->is_1_0 && has_body;
  parse->keeps_alive = !facts.has_close && (!parse->is_1_0 || facts.has_keep_alive);
  return NULL;
}
