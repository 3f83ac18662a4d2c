/* What clients read before they know us: RFC 9728 and RFC 8414. */
#include "base/limits.h"
#include "codec/json.h"
#include "signin/route.h"

static void write_member(struct buf *out, const char *name, struct str base, const char *path) {
  buf_printf(out, "%s\"%s\":\"%.*s%s\"", out->p[out->n - 1] == '{' ? "" : ",", name, STR_ARG(base), path);
}

#define SCOPES "\"scopes_supported\":[\"tools:read\",\"tools:write\",\"tools:destroy\"%s]"

static void begin(struct request *request, struct buf *out) {
  buf_init(out, &request->arena, 8 * KIB);
  buf_append_byte(out, '{');
}

static void end(struct request *request, struct buf *out) {
  buf_append_byte(out, '}');
  request_reply_json(request, 200, buf_failed(out) ? STR_NONE : buf_str(out));
}

void metadata_resource(struct request *request) {
  struct buf out;
  begin(request, &out);
  if (buf_failed(&out)) {
    end(request, &out);
    return;
  }
  write_member(&out, "resource", request->base, "/mcp");
  buf_printf(&out, ",\"authorization_servers\":[\"%.*s\"],", STR_ARG(request->base));
  buf_printf(&out, SCOPES, "");
  buf_append_c(&out, ",\"bearer_methods_supported\":[\"header\"],\"resource_name\":\"Connek\"");
  end(request, &out);
}

void metadata_server(struct request *request) {
  struct buf out;
  begin(request, &out);
  if (buf_failed(&out)) {
    end(request, &out);
    return;
  }
  write_member(&out, "issuer", request->base, "");
  write_member(&out, "authorization_endpoint", request->base, "/oauth/authorize");
  write_member(&out, "token_endpoint", request->base, "/oauth/token");
  write_member(&out, "registration_endpoint", request->base, "/oauth/register");
  write_member(&out, "revocation_endpoint", request->base, "/oauth/revoke");
  buf_append_byte(&out, ',');
  buf_printf(&out, SCOPES, ",\"offline_access\"");
  buf_append_c(
      &out,
      ",\"response_types_supported\":[\"code\"],\"response_modes_supported\":[\"query\"],"
      "\"grant_types_supported\":[\"authorization_code\",\"refresh_token\"],"
      "\"code_challenge_methods_supported\":[\"S256\"],"
      "\"token_endpoint_auth_methods_supported\":[\"none\",\"client_secret_basic\",\"client_secret_post\"],"
      "\"revocation_endpoint_auth_methods_supported\":[\"none\",\"client_secret_basic\",\"client_secret_post\"],"
      "\"authorization_response_iss_parameter_supported\":true,"
      "\"client_id_metadata_document_supported\":true");
  end(request, &out);
}

void style_get(struct request *request) {
  static const struct http_field fields[] = {{STR("Cache-Control"), STR("public, max-age=300")},
                                             {STR("X-Content-Type-Options"), STR("nosniff")}};
  request_reply(request, &(struct http_reply){.status = 200,
                                              .content_type = STR("text/css; charset=utf-8"),
                                              .fields = fields,
                                              .n_fields = 2,
                                              .body = page_style()});
}
