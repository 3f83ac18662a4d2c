/* The kind "http": manifests. */
#include "connector/http/http.h"
#include "connector/kinds.h"

const struct connector_kind connector_http = {
    .name = "http",
    .needs_rule = true,
    .compile = http_compile,
    .connect = http_connect,
    .check_credential = http_check_credential,
    .invoke = http_invoke,
    .cancel = http_cancel,
};
