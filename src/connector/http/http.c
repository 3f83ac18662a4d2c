/* The kind "http": manifests. */
#include "connector/http/http.h"
#include "connector/kinds.h"

const struct connector_kind connector_http = {
    .name = "http",
    .needs_rule = true,
    .compile = http_compile,
    .check = http_check,
    .connect = http_connect,
    .oauth = http_oauth,
    .check_credential = http_check_credential,
    .destination = http_destination,
    .show = http_show,
    .invoke = http_invoke,
    .cancel = http_cancel,
};
