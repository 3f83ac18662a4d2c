/* The one way out of the pipeline. An action leaves here only when its record is durable; everything that a call
 * holds is let go. */
#include "base/clock.h"
#include "base/log.h"
#include "codec/utf8.h"
#include "gateway/credential.h"
#include "gateway/pipeline.h"
#include "gateway/question.h"
#include "gateway/worker.h"

/* Bytes of what a record repeats as the client said it. */
enum { CLIENT_MAX = 128, TOOL_MAX = 128 };

enum stage_verdict call_fail(struct call *call, int http_status, int code, const char *format, ...) {
  va_list arguments;
  char text[ERR_TEXT_SIZE];
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  struct str copy = arena_str(call->exchange->arena, str_of(text));
  call->failure =
      (struct failure){.http_status = http_status, .code = code, .text = copy.p ? copy : STR("Out of memory")};
  return STAGE_FAIL;
}

static struct str client_of(const struct call *call) {
  const struct exchange *exchange = call->exchange;
  struct str agent;
  if (call->envelope.client_name.n) {
    struct str name = utf8_cut(call->envelope.client_name, CLIENT_MAX);
    struct str version = utf8_cut(call->envelope.client_version, CLIENT_MAX);
    struct str both =
        arena_printf(exchange->arena, "%.*s%s%.*s", STR_ARG(name), version.n ? " " : "", STR_ARG(version));
    return both.p ? both : name;
  }
  if (exchange->has_session && exchange->held.client.n) return exchange->held.client;
  return http_field_once(exchange->http, "User-Agent", &agent) && agent.p ? agent : STR("");
}

/* What the record names: a tool by its name alone, anything else by its method too. */
static struct str subject_of(const struct call *call) {
  yyjson_val *params = call->message.params, *ref = json_get(params, "ref");
  struct str name = json_get_str(params, "name");
  switch (call_verb(call)) {
    case CONNECTOR_TOOL:
      return name;
    case CONNECTOR_PROMPT:
      break;
    case CONNECTOR_RESOURCE:
      name = json_get_str(params, "uri");
      break;
    case CONNECTOR_COMPLETION:
      name = json_get_str(ref, json_get(ref, "name") ? "name" : "uri");
      break;
    case CONNECTOR_TASK:
      name = call->task_tool ? call->task_tool->public_name : json_get_str(params, "taskId");
      break;
  }
  struct str both = arena_printf(call->exchange->arena, "%.*s %.*s", STR_ARG(call->message.method), STR_ARG(name));
  return both.p ? both : name;
}

void call_fill_event(struct call *call, enum audit_kind kind) {
  const struct exchange *exchange = call->exchange;
  const struct principal *principal = &exchange->principal;
  const struct connector *connector = call->connector    ? call->connector
                                      : call->connection ? call->connection->connector
                                                         : NULL;
  struct audit_event *event = &call->event;
  *event = (struct audit_event){
      .kind = kind,
      .organisation_id = principal->snapshot->id,
      .keys = principal->snapshot->keys,
      .time = call->begun_utc_us,
      .call_id = call->id,
      .user_id = principal->user->id,
      .token_id = principal->token_id,
      .user_email = principal->user->email,
      .client = utf8_cut(exchange->client.n ? exchange->client : client_of(call), CLIENT_MAX),
      .roles = principal->user->roles_json,
      .policy_version = principal->snapshot->version,
      .connector = connector ? connector->id : STR(""),
      .connector_version = connector ? connector->version : 0,
      .connection_id = call->connection ? call->connection->policy.id : (struct uuid){{0}},
      .connection = call->connection ? call->connection->policy.name : STR(""),
      .tool = utf8_cut(subject_of(call), TOOL_MAX),
      .does = call->does ? str_of(policy_does_name(call->does)) : STR(""),
      .arguments = call->arguments_canonical,
      .may_keep_arguments = true,
      .decision = call->is_allowed ? AUDIT_ALLOWED : AUDIT_DENIED,
      .reason = call->reason,
      .outcome = kind == AUDIT_INTENT ? AUDIT_UNKNOWN : call->outcome,
      .error = call->error ? str_of(err_code_name(call->error)) : STR(""),
      .duration_us = clock_monotonic_us() - call->begun_us,
      .loop = &exchange->worker->loop,
  };
  memcpy(event->trace_id, exchange->trace.id, sizeof(event->trace_id));
}

static const char *withheld_text(const struct call *call) {
  if (call->invoke == INVOKE_NONE)
    return "The call could not be recorded, so it was not made. Try again; if it persists, tell your admin";
  if (call->intent == INTENT_DURABLE)
    return "The call was made, but its outcome could not be recorded, so its result is withheld. Look before you "
           "repeat it";
  return "The call could not be recorded, so its result is withheld. Try again; if it persists, tell your admin";
}

/* The reply cannot leave, since what happened is not on record (audit.h, invariant 1). */
static void withhold_reply(struct call *call) {
  buf_clear(&call->reply);
  call_fail(call, 503, 503, "%s", withheld_text(call));
  stage_reply(call);
  log_event(LOG_ERROR, "record_failed", LOG_TEXT("trace_id", call->exchange->trace.id),
            LOG_TEXT("error", err_code_name(call->event.code)));
}

static void on_durable(struct audit_event *event) {
  struct call *call = (struct call *)((char *)event - offsetof(struct call, event));
  if (event->code != ERR_NONE) withhold_reply(call);
  exchange_call_finished(call);
}

static void leave_worker(struct call *call) {
  struct worker *worker = call->exchange->worker;
  if (call->next) call->next->previous = call->previous;
  if (call->previous)
    call->previous->next = call->next;
  else
    worker->calls = call->next;
  worker->n_calls--;
}

void call_dispose(struct call *call) {
  struct worker *worker = call->exchange->worker;
  if (call->is_disposed) return;
  call->is_disposed = true;
  leave_worker(call);
  question_forget(call);
  secret_free(call->credential);
  call->credential = NULL;
  call->invocation.credential = NULL;
  if (!call->method || call->method->set != FOR_ACTIONS) {
    exchange_call_finished(call);
    return;
  }
  if (uuid_is_nil(call->id)) call->id = uuid_new();
  call_fill_event(call, call->intent == INTENT_DURABLE ? AUDIT_OUTCOME : AUDIT_CALL);
  call->event.done = on_durable;
  metrics_call(&worker->metrics, call->event.decision, call->event.outcome, call->event.duration_us);
  if (audit_submit(worker->server->audit, &call->event)) return; /* the call may be gone already */
  call->event.code = ERR_UNAVAILABLE;
  withhold_reply(call);
  exchange_call_finished(call);
}

void call_cancel(struct call *call) {
  if (call->is_cancelled || call->is_disposed) return;
  call->is_cancelled = true;
  question_give_up(call);
  credential_give_up(call);
  if (call->invoke == INVOKE_RUNNING && !call->is_inside_invoke) call->connector->kind->cancel(&call->invocation);
}
