/* An MCP server over HTTP as the commands reach it that are clients themselves: a gateway's personal URL, mostly. The
 * URL is as good as a password: nothing here shows more of it than scheme, host and port. */
#ifndef CONNEK_CLI_REMOTE_H
#define CONNEK_CLI_REMOTE_H

#include "cli/cli.h"
#include "codec/json.h"
#include "codec/url.h"
#include "net/http_client.h"

struct remote {
  struct str url;  /* whole, with its secret; borrowed */
  struct str name; /* https://host[:port]: what may be shown */
  struct url parts;
  struct str token; /* CONNEK_TOKEN; empty: none */
  struct http_client_options http;
  struct address_guard guard;
  struct address_exception exception;
};

/* What a request says beside its body. */
struct remote_head {
  struct str verb;    /* POST, GET, DELETE */
  struct str accept;  /* empty: both forms of an answer */
  struct str version; /* MCP-Protocol-Version; empty: none */
  struct str session; /* Mcp-Session-Id; empty: none */
  struct str last_event_id;
  bool has_last_event_id;
  bool is_modern;                       /* with Mcp-Method, Mcp-Name */
  struct str method, name;              /* name.p NULL: none */
  yyjson_val *input_schema, *arguments; /* of the tool that is called: for Mcp-Param-...; or NULL */
};

/* `url` NULL: CONNEK_URL. On failure says what is wrong and returns an exit code. `remote` must not move afterwards. */
int remote_open(struct remote *remote, const struct cli_args *args, struct arena *arena, const char *url);
/* Fills all but timeouts and callbacks. What is written lives in the arena. */
enum err_code remote_request(const struct remote *remote, struct arena *arena, const struct remote_head *head,
                             struct str body, struct http_client_request *ret_request, struct err *err) MUST_CHECK;
/* Why a reply is not one that MCP knows, without a word of its body: a proxy's page may repeat the URL. */
void remote_explain(const struct remote *remote, int status, struct str content_type, struct err *err);
/* Puts stars in the place of what is secret in the URL and the token, should the other side have repeated it. */
void remote_redact(const struct remote *remote, char *text, size_t n);
/* Is the field "text/event-stream; charset=..." this one? */
bool remote_is_type(struct str content_type, struct str wanted);

/* The options that such commands share. */
#define REMOTE_OPTIONS                                                                                              \
  {"ca", "FILE", "CONNEK_CA", NULL, "certificates to trust (PEM), instead of the system's", false, false}, {        \
    "proxy", "URL", "CONNEK_PROXY", NULL, "a proxy on the way; the usual proxy variables are not looked at", false, \
        false                                                                                                       \
  }

#endif
