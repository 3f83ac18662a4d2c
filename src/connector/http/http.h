/* A manifest, compiled. Internal to connector/http/. */
#ifndef CONNEK_CONNECTOR_HTTP_HTTP_H
#define CONNEK_CONNECTOR_HTTP_HTTP_H

#include "connector/connector.h"
#include "connector/http/template.h"
#include "connector/oauth1.h"

struct json_path; /* codec/json_path.h */
struct mask;      /* codec/mask.h */
struct http_rate; /* rate.c */

enum {
  HTTP_BODY_MAX = 8 * 1024 * 1024, /* of a request, as it is sent */
  HTTP_SIZE_MAX = 10000,           /* items of a page */
};

/* ---- authentication ---- */

enum http_auth_type {
  HTTP_AUTH_KEY_HEADER,
  HTTP_AUTH_KEY_QUERY,
  HTTP_AUTH_KEY_PATH,
  HTTP_AUTH_BASIC,
  HTTP_AUTH_OAUTH2, /* what is sent is a token, which src/grant gets */
  HTTP_AUTH_JWT,    /* likewise */
  HTTP_AUTH_OAUTH1, /* every request is signed (RFC 5849) */
};

struct http_auth {
  enum http_auth_type type;
  struct str name, prefix;         /* of a key */
  struct template user, password;  /* of basic */
  yyjson_val *definition;          /* of OAUTH2, JWT and OAUTH1: oauth.c reads it for each connection */
  enum oauth1_signature signature; /* of OAUTH1, with its realm */
  struct str realm;
};

/* ---- what templates make ---- */

/* A tree of JSON whose strings are templates. */
enum http_node_kind { HTTP_NODE_CONSTANT, HTTP_NODE_VALUE, HTTP_NODE_TEXT, HTTP_NODE_OBJECT, HTTP_NODE_LIST };

struct http_member;
struct http_node {
  enum http_node_kind kind;
  yyjson_val *constant;
  struct str json;             /* the constant as JSON text */
  struct template text;        /* TEXT; VALUE: its one piece */
  struct http_member *members; /* of OBJECT and LIST */
  size_t n_members;
};
struct http_member {
  struct str name; /* empty in a list */
  struct str json; /* "name": as JSON text, with its colon */
  struct http_node node;
  bool is_file; /* of a multipart body: {"file", "name", "type"} */
};

struct http_parameter {
  struct str name;
  struct str key;   /* encoded, without '=' */
  struct str fixed; /* "key=value", encoded: where nothing is filled in */
  struct http_node value;
};

struct http_header {
  struct str name;
  struct template value;
};

enum http_body_as { HTTP_BODY_NONE, HTTP_BODY_JSON, HTTP_BODY_FORM, HTTP_BODY_MULTIPART, HTTP_BODY_RAW };
enum http_lists { HTTP_LISTS_INDICES, HTTP_LISTS_BRACKETS, HTTP_LISTS_REPEAT };

/* ---- paging, errors, retries, limits ---- */

enum http_page_by {
  HTTP_PAGE_NONE,
  HTTP_PAGE_NUMBER, /* "page" */
  HTTP_PAGE_OFFSET,
  HTTP_PAGE_CURSOR,
  HTTP_PAGE_LINK,
  HTTP_PAGE_LAST_ID,
};

/* `send` and `size` are compiled into the tool's query or body, as {page.cursor} and {page.size}. */
struct http_page {
  enum http_page_by by;
  uint64_t first;                  /* NUMBER: the first page's */
  uint64_t default_size, max_size; /* where has_size; max_size 0: HTTP_SIZE_MAX */
  bool has_size;                   /* the page's size is sent; the tool has an argument page_size */
  /* NULL where the manifest names none */
  const struct json_path *next, *more, *last, *total;
  const struct json_path *id; /* LAST_ID: inside an item */
};

/* Passed where what is at `path` equals `is`, or (is NULL) where nothing is there: absent, null or an empty list. */
struct http_ok_test {
  const struct json_path *path;
  yyjson_val *is;
};

struct http_paths {
  const struct json_path *const *items;
  size_t n;
};

struct http_errors {
  const struct http_ok_test *ok; /* all must pass, else a 2xx answer is an error */
  size_t n_ok;
  struct http_paths messages, codes;
};

enum http_after_unit {
  HTTP_AFTER_RETRY_AFTER,
  HTTP_AFTER_SECONDS,
  HTTP_AFTER_MS,
  HTTP_AFTER_EPOCH,
  HTTP_AFTER_EPOCH_MS
};

/* Where a service says how long to wait. */
struct http_after {
  enum http_after_unit unit;    /* RETRY_AFTER: seconds or a date (RFC 9110, 10.2.3) */
  struct str header;            /* or empty: */
  const struct json_path *path; /* in the body */
};

struct http_retry_status {
  uint16_t status;
  struct str header; /* empty, or: only where the answer has it */
};

struct http_retry {
  const struct http_retry_status *statuses;
  size_t n_statuses;
  const struct str *codes; /* words that errors.codes may find */
  size_t n_codes;
  const struct http_after *after;
  size_t n_after;
  unsigned max; /* repetitions; 0: never */
};

/* Of one connection. 0 or empty: none. */
struct http_limits {
  uint64_t concurrent, per_minute, per_second;
  struct str remaining_header, reset_header;
  enum http_after_unit reset_is; /* EPOCH, EPOCH_MS or SECONDS */
};

/* ---- the whole ---- */

/* A setting that the manifest declares. */
struct http_setting {
  struct str name;
  bool is_required;
  yyjson_val *fallback;        /* or NULL */
  const struct schema *schema; /* of its value: a text, with its pattern; or NULL */
};

/* connector.state */
struct http_definition {
  struct template base;
  bool has_base, may_change_base;
  bool has_settings; /* they are declared: others are refused */
  const struct http_setting *settings;
  size_t n_settings;
  const struct http_auth *auths; /* in the manifest's order */
  size_t n_auths;
  struct http_limits limits;
};

/* connector_tool.state. What a tool inherits from its manifest is in it already. */
struct http_tool {
  struct str method;
  struct template path; /* begins with '/' */
  const struct http_parameter *query;
  size_t n_query;
  const struct http_field *fields; /* constant ones: Accept and Content-Type among them */
  size_t n_fields;
  const struct http_header *headers; /* with templates */
  size_t n_headers;

  enum http_body_as as;
  enum http_lists lists;
  struct http_node body;
  struct str raw_type; /* Content-Type of a raw body */

  struct str idempotency; /* a header's name, or empty */
  struct http_page page;
  struct http_errors errors;
  struct http_retry retry;
  int64_t timeout_ms; /* of one request; 0: the client's */

  const struct json_path *items, *result; /* or NULL */
  const struct mask *keep;                /* or NULL: all */
  size_t max_result;                      /* bytes; never 0 */
  bool is_binary;                         /* the answer is a file */
  bool is_text;                           /* the answer is text, whatever its type says */
  yyjson_val *example;                    /* or NULL */
};

/* connector_connection.state */
struct http_connection {
  /* Scheme, host, port, path; no '/' at its end. Where auth is in the path, the key goes between the parts. */
  struct str base; /* the first part */
  const struct str *base_parts;
  size_t n_base;
  yyjson_val *settings;                /* with the defaults */
  const struct connector_oauth *oauth; /* or NULL */
  struct str missing;                  /* a setting that connecting gives, and has not given yet; or empty */
  _Atomic(struct http_rate *) rate;    /* rate.c's: found at the first call, then known; the one thing that changes */
};

/* ---- between the files ---- */

/* manifest.c */
enum err_code http_compile(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                           struct err *err);
void http_check(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                struct connector_findings *findings);
/* oauth.c */
const struct http_auth *http_oauth_find(const struct http_definition *http); /* the first oauth2 or jwt, or NULL */
/* Does connecting give this setting? */
bool http_oauth_gives(const struct http_definition *http, struct str name);
enum err_code http_oauth_read(struct arena *arena, const struct http_definition *http, yyjson_val *settings,
                              const struct connector_oauth **ret_oauth, struct err *err) MUST_CHECK;
/* connection.c */
const struct connector_oauth *http_oauth(const void *state);
enum err_code http_connect(struct arena *arena, const struct connector *connector, yyjson_val *settings,
                           const void **ret_state, struct err *err);
enum err_code http_check_credential(const struct connector *connector, yyjson_val *credential, struct err *err);
/* The hosts that are sent a credential. */
void http_destination(const struct connector *connector, const void *state, struct buf *out);
/* invoke.c */
void http_invoke(struct connector_call *call);
void http_cancel(struct connector_call *call);

/* auth.c: a connection's credential, open for as long as a request is written. All of its memory is wiped on close,
 * which is owed once http_secret_open was called, whatever it returned. */
enum { HTTP_SECRET_POOL = 4096, HTTP_SECRET_TEXTS = 16 };
struct http_secret {
  const struct http_auth *auth;        /* the way it authenticates, or NULL: none */
  yyjson_val *credential;              /* its members */
  struct str value;                    /* the key; for basic USER:PASSWORD in base64 */
  struct str texts[HTTP_SECRET_TEXTS]; /* http_secret_find_texts */
  size_t n_texts;
  struct buf forms;        /* of those texts: memory of ours that never grows */
  struct buf signed_value; /* of OAUTH1: likewise, for what request.c writes */
  char *heap;              /* where the pool is too small */
  size_t n_heap;
  size_t n_used;
  char pool[HTTP_SECRET_POOL];
};
/* ERR_UNAVAILABLE where the connector wants a credential and the connection has none that fits. */
enum err_code http_secret_open(struct http_secret *secret, const struct connector_call *call,
                               struct err *err) MUST_CHECK;
/* Fills `texts`: what must never be shown, should an upstream repeat it. For whoever reads an answer. */
void http_secret_find_texts(struct http_secret *secret);
void http_secret_close(struct http_secret *secret);
/* Has it what a token is got with: a client's id, or a key that signs? */
bool http_auth_gets_token(const struct http_definition *http, yyjson_val *credential);
/* oauth.c: does the way's JWT have {credential.NAME} in it? */
bool http_jwt_uses(const struct http_auth *auth, struct str name);
/* Is it a member of a credential that signs requests (OAUTH1)? */
bool http_oauth1_takes(struct str name);
/* The first way that this credential has the members for, or NULL. */
const struct http_auth *http_auth_find(const struct http_definition *http, yyjson_val *credential);

/* What of a request the call does not tell: which page, and the key of an idempotent write. All zero: the first page,
 * of the default size. */
struct http_turn {
  yyjson_val *cursor;         /* the value of {page.cursor}: the page's number, the offset, the service's cursor, the
                                 last id; NULL: absent (but for NUMBER and OFFSET, where it is then the first) */
  uint64_t size;              /* of the page; 0: the default */
  struct str url;             /* not empty: a page that the service named itself, same origin already checked */
  struct str idempotency_key; /* the same for every repetition; sent where the tool has `idempotency` */
};

/* request.c: the request of this call, whole: everything http_client_send wants but timeout_ms and ret_was_sent.
 * `secret` is borrowed until http_client_send has returned; all else lives in the call's arena. ERR_INVALID names the
 * argument. */
enum err_code http_request_build(struct connector_call *call, const struct http_turn *turn, struct http_secret *secret,
                                 struct http_client_request *ret_request, struct err *err) MUST_CHECK;

/* The first request, for a person: secrets are "***". */
enum err_code http_show(struct connector_call *call, struct buf *out, struct err *err);

/* url.c */
/* A dot segment, plain or encoded: programs on the way would take it out, and with it what stands before. */
bool http_path_has_dot_segment(struct str path);
/* A key in a path as services write it, "123456:ABC": what may stand plain in a segment (RFC 3986, 3.3) does. */
void http_url_write_key(struct buf *out, struct str key);
/* Base, path and query. The secret's key is in it where auth says path. */
enum err_code http_url_write(struct buf *out, const struct connector_call *call, const struct template_scope *scope,
                             const struct http_secret *secret, struct err *err) MUST_CHECK;

#endif
