/* A manifest, compiled. Internal to connector/http/. */
#ifndef CONNEK_CONNECTOR_HTTP_HTTP_H
#define CONNEK_CONNECTOR_HTTP_HTTP_H

#include "connector/connector.h"
#include "connector/http/template.h"

enum http_auth_place { HTTP_AUTH_NONE, HTTP_AUTH_HEADER, HTTP_AUTH_QUERY };

struct http_auth {
  enum http_auth_place place;
  struct str name, prefix;
};

/* connector.state */
struct http_definition {
  struct template base;
  bool has_base;
  const struct http_field *fields; /* constant ones, Accept among them */
  size_t n_fields;
  struct http_auth auth;
};

struct http_parameter {
  struct str key; /* encoded, with its '=' */
  struct template value;
};

/* connector_tool.state */
struct http_tool {
  struct str method;
  struct template path; /* begins with '/' */
  const struct http_parameter *query;
  size_t n_query;
};

/* connector_connection.state */
struct http_connection {
  struct str base; /* scheme, host, port, path; no '/' at its end */
};

/* manifest.c */
enum err_code http_compile(struct arena *arena, yyjson_val *definition, struct connector *ret_connector,
                           struct err *err);
/* connection.c */
enum err_code http_connect(struct arena *arena, const struct connector *connector, yyjson_val *settings,
                           const void **ret_state, struct err *err);
enum err_code http_check_credential(const struct connector *connector, yyjson_val *credential, struct err *err);
/* invoke.c */
void http_invoke(struct connector_call *call);
void http_cancel(struct connector_call *call);
/* url.c: the call's URL, without what is secret. ERR_INVALID names the argument. */
enum err_code http_call_url(struct connector_call *call, struct str *ret_url, struct err *err) MUST_CHECK;
/* reply.c: fills call->result. `key`: the credential, or empty: never shown, should the upstream repeat it. */
void http_reply_read(struct connector_call *call, const struct http_client_response *response, struct str key);

/* A dot segment, plain or encoded: programs on the way would take it out, and with it what stands before. */
bool http_path_has_dot_segment(struct str path);

#endif
