/* Asks a server, and then whom it names, for their metadata: one place after the other, until one of them has it.
 *
 *   the server's metadata -> one of the issuers that it names -> that one's metadata -> done
 *        '-- nowhere: the server's own host, as 2025-03-26 has it -----^
 *
 * Every address here was named by a stranger: all of them pass the address guard, and no redirect is followed. */
#include "grant/discover.h"

#include "base/limits.h"
#include "grant/exchange.h"

enum { DISCOVER_MS = 15 * 1000, DOCUMENT_MAX = 256 * KIB };

static void ask(struct grant_discovery *discovery);

static void end(struct grant_discovery *discovery, const struct err *err) {
  discovery->done(discovery, err);
}

static void fail(struct grant_discovery *discovery, struct str url, const struct err *why) {
  struct err err;
  struct str host = grant_host(url);
  (void)err_set(&err, why->code, "%.*s: %s", STR_ARG(host), why->text);
  end(discovery, &err);
}

/* ---- the authorization server ---- */

/* 2025-03-26, 2.3.3: without metadata, at the addresses that everybody knows. */
static void use_defaults(struct grant_discovery *discovery) {
  struct arena *arena = discovery->arena;
  struct str base = discovery->expected_issuer;
  struct grant_server *about = &discovery->about;
  struct err err = {0};
  *about = (struct grant_server){.issuer = base,
                                 .authorize = arena_printf(arena, "%.*s/authorize", STR_ARG(base)),
                                 .token = arena_printf(arena, "%.*s/token", STR_ARG(base)),
                                 .registration = arena_printf(arena, "%.*s/register", STR_ARG(base)),
                                 .revoke = STR(""),
                                 .scopes = STR(""),
                                 .has_basic = true,
                                 .has_none = true};
  enum err_code code = about->authorize.p && about->token.p && about->registration.p ? ERR_NONE : err_no_memory(&err);
  if (code == ERR_NONE) code = grant_check_endpoint(arena, about->token, "host", &err);
  if (code == ERR_NONE)
    end(discovery, NULL);
  else
    fail(discovery, base, &err);
}

static void ask_server(struct grant_discovery *discovery, struct str issuer) {
  struct err err = {0};
  discovery->is_asking_server = true;
  discovery->expected_issuer = issuer;
  discovery->place = 0;
  enum err_code code = grant_check_endpoint(discovery->arena, issuer, "authorization server", &err);
  if (code == ERR_NONE)
    code = grant_server_places(discovery->arena, issuer, discovery->places, &discovery->n_places, &err);
  if (code == ERR_NONE)
    ask(discovery);
  else
    fail(discovery, discovery->server, &err);
}

/* ---- the server ---- */

static void take_resource(struct grant_discovery *discovery) {
  const struct grant_resource *resource = &discovery->resource;
  struct str issuer = resource->issuers[0];
  discovery->has_resource = true;
  for (size_t i = 0; i < resource->n_issuers; i++)
    if (str_eq(resource->issuers[i], discovery->issuer)) issuer = discovery->issuer;
  if (discovery->is_resource_alone)
    end(discovery, NULL);
  else
    ask_server(discovery, issuer);
}

static void use_own_host(struct grant_discovery *discovery) {
  struct err err = {0};
  struct str origin;
  if (grant_origin(discovery->arena, discovery->server, &origin, &err) != ERR_NONE) {
    fail(discovery, discovery->server, &err);
    return;
  }
  discovery->resource = (struct grant_resource){.issuers = {origin}, .n_issuers = 1, .scopes = STR("")};
  if (discovery->is_resource_alone)
    end(discovery, NULL);
  else
    ask_server(discovery, origin);
}

/* ---- what came ---- */

/* What it named was some time ago: it may have moved to where everybody looks. */
static void look_elsewhere(struct grant_discovery *discovery) {
  struct err err = {0};
  discovery->is_elsewhere = true;
  discovery->place = 0;
  if (grant_resource_places(discovery->arena, discovery->server, discovery->places, &discovery->n_places, &err) ==
      ERR_NONE)
    ask(discovery);
  else
    fail(discovery, discovery->server, &err);
}

static void try_next(struct grant_discovery *discovery, int status) {
  struct err err;
  if (++discovery->place < discovery->n_places) {
    ask(discovery);
  } else if (discovery->is_asking_server && discovery->has_resource) {
    struct str host = grant_host(discovery->expected_issuer);
    (void)err_set(&err, ERR_UPSTREAM,
                  "%.*s is named as the authorization server, and has no metadata at any of the places where it could "
                  "be (the last one answered %d)",
                  STR_ARG(host), status);
    end(discovery, &err);
  } else if (discovery->is_asking_server) {
    use_defaults(discovery);
  } else if (discovery->metadata_url.n > 0 && !discovery->is_elsewhere) {
    look_elsewhere(discovery);
  } else if (discovery->metadata_url.n > 0) {
    (void)err_set(&err, ERR_UPSTREAM, "the metadata that it names is not there (%d)", status);
    fail(discovery, discovery->metadata_url, &err);
  } else {
    use_own_host(discovery);
  }
}

static void read_document(struct grant_discovery *discovery, struct str url, struct str body) {
  struct err err = {0};
  enum err_code code =
      discovery->is_asking_server
          ? grant_server_read(discovery->arena, body, discovery->expected_issuer, &discovery->about, &err)
          : grant_resource_read(discovery->arena, body, discovery->server, &discovery->resource, &err);
  if (code != ERR_NONE)
    fail(discovery, url, &err);
  else if (discovery->is_asking_server)
    end(discovery, NULL);
  else
    take_resource(discovery);
}

static void on_answer(void *context, const struct http_client_response *response, const struct err *failure) {
  struct grant_discovery *discovery = context;
  struct str url = discovery->places[discovery->place];
  struct err err;
  discovery->transfer = NULL;
  if (!response) {
    fail(discovery, url, failure);
  } else if (response->status == 200) {
    read_document(discovery, url, response->body);
  } else if (response->status >= 400 && response->status < 500 && response->status != 429) {
    try_next(discovery, response->status); /* not there */
  } else {
    (void)err_set(&err, ERR_UPSTREAM, "its metadata was answered with %d", response->status);
    fail(discovery, url, &err);
  }
}

static enum err_code get_document(struct grant_discovery *discovery, struct err *err) {
  static const struct http_field fields[] = {{STR("Accept"), STR("application/json")},
                                             {STR("MCP-Protocol-Version"), STR("2025-11-25")}};
  const struct http_client_request request = {.method = STR("GET"),
                                              .url = discovery->places[discovery->place],
                                              .organisation = discovery->organisation,
                                              .fields = fields,
                                              .n_fields = 2,
                                              .timeout_ms = DISCOVER_MS,
                                              .max_body = DOCUMENT_MAX};
  return http_client_send(discovery->http, discovery->arena, &request, on_answer, discovery, &discovery->transfer, err);
}

static void ask(struct grant_discovery *discovery) {
  struct err err = {0};
  if (get_document(discovery, &err) != ERR_NONE) fail(discovery, discovery->places[discovery->place], &err);
}

enum err_code grant_discover(struct grant_discovery *discovery, struct err *err) {
  enum err_code code = ERR_NONE;
  discovery->place = 0;
  discovery->is_asking_server = discovery->has_resource = discovery->is_elsewhere = false;
  if (discovery->metadata_url.n > 0) {
    discovery->places[0] = discovery->metadata_url;
    discovery->n_places = 1;
    code = grant_check_endpoint(discovery->arena, discovery->metadata_url, "metadata", err);
  } else {
    code = grant_check_endpoint(discovery->arena, discovery->server, "own address", err);
    if (code == ERR_NONE)
      code = grant_resource_places(discovery->arena, discovery->server, discovery->places, &discovery->n_places, err);
  }
  return code == ERR_NONE ? get_document(discovery, err) : code;
}
