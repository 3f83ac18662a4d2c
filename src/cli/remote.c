/* How a command reaches an MCP server: its URL, its address, the fields of each request. Must know nothing of what the
 * messages are about. */
#include "cli/remote.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "codec/mirror.h"
#include "mcp/protocol.h"

enum { FIELDS_FIXED = 9 };

static struct str name_of(struct arena *arena, const struct url *url) {
  bool is_default = url->port == (str_eq_c(url->scheme, "https") ? 443 : 80);
  const char *before = url->is_ipv6 ? "[" : "", *after = url->is_ipv6 ? "]" : "";
  if (is_default)
    return arena_printf(arena, "%.*s://%s%.*s%s", STR_ARG(url->scheme), before, STR_ARG(url->host), after);
  return arena_printf(arena, "%.*s://%s%.*s%s:%u", STR_ARG(url->scheme), before, STR_ARG(url->host), after, url->port);
}

int remote_open(struct remote *remote, const struct cli_args *args, struct arena *arena, const char *url) {
  const char *text = url ? url : getenv("CONNEK_URL"), *token = getenv("CONNEK_TOKEN");
  struct err err = {0};
  if (!text || !text[0]) return cli_usage(args, "which server? Its URL, or CONNEK_URL in the environment");
  *remote = (struct remote){.url = str_of(text), .token = str_of(token ? token : "")};
  /* The error's own text may repeat a part of it. */
  if (url_parse(arena, remote->url, &remote->parts, &err))
    return cli_usage(args,
                     "the URL is none that begins with https:// or http:// (it is not repeated here: it may hold "
                     "a token)");
  remote->name = name_of(arena, &remote->parts);
  if (!remote->name.p) return cli_fail(args, (err_no_memory(&err), &err));
  /* Whoever calls this command may reach what its machine can reach; but never where a cloud keeps credentials. */
  remote->exception = (struct address_exception){.host = remote->parts.host, .port = remote->parts.port};
  remote->guard = (struct address_guard){.exceptions = &remote->exception, .n_exceptions = 1};
  remote->http = (struct http_client_options){
      .guard = &remote->guard, .ca_file = cli_value(args, "ca"), .proxy = cli_value(args, "proxy")};
  return CLI_OK;
}

enum err_code remote_request(const struct remote *remote, struct arena *arena, const struct remote_head *head,
                             struct str body, struct http_client_request *ret_request, struct err *err) {
  const struct mirror_field *params = NULL;
  size_t n_params = 0, n = 0;
  bool has_failed = false;
  enum err_code code = mirror_write(arena, head->input_schema, head->arguments, &params, &n_params, err);
  if (code) return code;
  struct http_field *fields = arena_new_n(arena, struct http_field, FIELDS_FIXED + n_params);
  if (!fields) return err_no_memory(err);
  struct str accept = head->accept.n > 0 ? head->accept : STR("application/json, text/event-stream");
  fields[n++] = (struct http_field){STR("Accept"), accept};
  if (body.p) fields[n++] = (struct http_field){STR("Content-Type"), STR("application/json")};
  if (head->version.n > 0)
    fields[n++] = (struct http_field){STR("MCP-Protocol-Version"), mirror_encode(arena, head->version)};
  if (head->session.n > 0) fields[n++] = (struct http_field){STR("Mcp-Session-Id"), head->session};
  if (head->has_last_event_id) fields[n++] = (struct http_field){STR("Last-Event-ID"), head->last_event_id};
  if (head->is_modern) fields[n++] = (struct http_field){STR("Mcp-Method"), mirror_encode(arena, head->method)};
  if (head->is_modern && head->name.p)
    fields[n++] = (struct http_field){STR("Mcp-Name"), mirror_encode(arena, head->name)};
  for (size_t i = 0; i < n_params; i++)
    fields[n++] = (struct http_field){params[i].name, params[i].value};
  for (size_t i = 0; i < n; i++)
    has_failed |= !fields[i].value.p;
  if (has_failed) return err_no_memory(err);
  *ret_request = (struct http_client_request){.method = head->verb,
                                              .url = remote->url,
                                              .has_secret_in_url = true,
                                              .fields = fields,
                                              .n_fields = n,
                                              .body = body,
                                              .has_body = body.p != NULL};
  if (remote->token.n > 0) {
    ret_request->secret_field = STR("Authorization");
    ret_request->secret_prefix = STR("Bearer ");
    ret_request->secret_value = remote->token;
  }
  return ERR_NONE;
}

enum { SECRET_MIN = 8 };

static void redact_one(struct str secret, char *text, size_t n) {
  if (secret.n < SECRET_MIN) return;
  for (size_t i = 0; i + secret.n <= n; i++) {
    if (memcmp(text + i, secret.p, secret.n) == 0) memset(text + i, '*', secret.n);
  }
}

void remote_redact(const struct remote *remote, char *text, size_t n) {
  redact_one(remote->token, text, n);
  struct str path = remote->parts.path, query = remote->parts.query;
  while (path.p && path.n > 0)
    redact_one(str_cut(&path, '/'), text, n);
  while (query.p && query.n > 0) {
    struct str value = str_cut(&query, '&');
    redact_one(value, text, n);
    (void)str_cut(&value, '=');
    redact_one(value, text, n);
  }
}

bool remote_is_type(struct str content_type, struct str wanted) {
  struct str rest = content_type;
  return content_type.p && str_eq_fold(str_trim(str_cut(&rest, ';')), wanted);
}

static const char *meaning_of(int status) {
  switch (status) {
    case 401:
      return "does not take this token (401): it was revoked, has expired, or is of another server";
    case 403:
      return "does not allow this (403)";
    case 404:
      return "has nothing at this URL (404)";
    case 429:
      return "has had too many requests (429)";
    default:
      return NULL;
  }
}

void remote_explain(const struct remote *remote, int status, struct str content_type, struct err *err) {
  const char *meaning = meaning_of(status);
  if (meaning) {
    (void)err_set(err, ERR_UPSTREAM, "%.*s %s", STR_ARG(remote->name), meaning);
  } else if (status >= 300 && status < 400) {
    (void)err_set(err, ERR_UPSTREAM, "%.*s sends elsewhere (%d), which is not followed; is the URL right?",
                  STR_ARG(remote->name), status);
  } else if (status == 200 && remote_is_type(content_type, STR("text/event-stream"))) {
    (void)err_set(err, ERR_UPSTREAM, "%.*s ended its stream before the answer; whether it was carried out is not known",
                  STR_ARG(remote->name));
  } else if (status == 200) {
    (void)err_set(err, ERR_UPSTREAM, "%.*s answers with %.*s, which is not MCP; is the URL right?",
                  STR_ARG(remote->name), STR_ARG(content_type.n > 0 ? content_type : STR("no content type")));
  } else {
    (void)err_set(err, ERR_UPSTREAM, "%.*s answers %d", STR_ARG(remote->name), status);
  }
}
