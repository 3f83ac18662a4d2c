/* A client of its own right before a server that says itself who grants (MCP's extension for client credentials): that
 * is found out before each exchange, so that a secret follows no server to another authorization server. And what an
 * exchange says of a client that we made known ourselves. */
#include "grant/inner.h"
#include "grant/register.h"

static void refuse(struct flight *flight, enum grant_verdict verdict, struct str text) {
  flight->answer = (struct grant_answer){.verdict = verdict,
                                         .is_known = true,
                                         .text = text.p ? text : STR("there is no memory to look who grants access")};
  flight_store_failure(flight);
}

static enum err_code use(struct flight *flight, const struct grant_discovery *discovery, struct err *err) {
  struct grant_subject *subject = &flight->subject;
  const struct grant_server *about = &discovery->about;
  const struct connector_oauth *fixed = subject->fixed;
  bool has_key = json_get_str(subject->credential, "private_key").n > 0;
  bool has_secret = json_get_str(subject->credential, "client_secret").n > 0;
  struct grant_authorization found = {.server = fixed->server,
                                      .issuer = about->issuer,
                                      .token = about->token,
                                      .revoke = about->revoke,
                                      .resource = discovery->resource.resource,
                                      .scopes = fixed->scopes.n > 0 ? fixed->scopes : discovery->resource.scopes,
                                      .known_by = GRANT_CLIENT_APP,
                                      .client_id = json_get_str(subject->credential, "client_id"),
                                      .client = CONNECTOR_CLIENT_JWT};
  if (!str_eq(fixed->issuer, about->issuer))
    return err_set(err, ERR_DENIED,
                   "it names %.*s as its authorization server, and its connector says %.*s: the client's secret is "
                   "withheld",
                   STR_ARG(grant_clean(&flight->arena, about->issuer, 160)), STR_ARG(fixed->issuer));
  enum err_code code = has_key ? ERR_NONE : grant_client_method(about, has_secret, &found.client, err);
  return code == ERR_NONE ? grant_subject_authorize(&flight->arena, subject, &found, err) : code;
}

static void on_found(struct grant_discovery *discovery, const struct err *failure) {
  struct flight *flight = discovery->context;
  struct err err = {0};
  if (failure) {
    refuse(flight, GRANT_LATER,
           arena_printf(&flight->arena, "who grants access could not be found out: %s", failure->text));
  } else if (use(flight, discovery, &err) != ERR_NONE) {
    refuse(flight, GRANT_WRONG, arena_str(&flight->arena, str_of(err.text)));
  } else {
    flight_exchange(flight);
  }
}

enum err_code flight_discover(struct flight *flight, const struct grant_discovery *asked, struct err *err) {
  const struct grant_subject *subject = &flight->subject;
  struct grant_discovery *discovery = &flight->discovery;
  *discovery = *asked;
  discovery->http = flight->keeper->http;
  discovery->arena = &flight->arena;
  discovery->organisation = subject->organisation;
  discovery->server = subject->fixed->server;
  discovery->context = flight;
  return grant_discover(discovery, err);
}

void flight_find(struct flight *flight) {
  const struct grant_discovery asked = {.issuer = flight->subject.fixed->issuer, .done = on_found};
  struct err err = {0};
  if (flight_discover(flight, &asked, &err) != ERR_NONE)
    refuse(flight, GRANT_LATER, arena_printf(&flight->arena, "who grants access could not be found out: %s", err.text));
}

/* Where we have registered ourselves no admin can mend what it has forgotten: connecting again registers anew. */
void flight_judge_client(struct flight *flight) {
  const struct grant_subject *subject = &flight->subject;
  bool is_registered = subject->has_authorization && subject->authorization.known_by != GRANT_CLIENT_APP;
  struct grant_answer *answer = &flight->answer;
  if (!is_registered || answer->verdict != GRANT_WRONG || !str_eq(answer->word, STR("invalid_client"))) return;
  answer->verdict = GRANT_DEAD;
  answer->text =
      arena_printf(&flight->arena, "%.*s no longer knows Connek, as it was registered there (invalid_client)",
                   STR_ARG(grant_host(subject->oauth->token)));
}
