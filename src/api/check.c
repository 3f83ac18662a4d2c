/* Does a connection work now? One harmless real call: what its connector's definition names, and of an MCP server the
 * list of what it offers. How it went is kept, as `connek connection check` keeps it. Must not know how a kind speaks
 * to its service, nor how a grant is renewed. */
#include "api/answer.h"
#include "api/connections.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "base/limits.h"
#include "connector/mcp/upstream.h"
#include "connector/oauth.h"
#include "grant/exchange.h"
#include "grant/keeper.h"
#include "webhook/webhook.h"

enum { SAID_MAX = 240, PROBE_MS = 60 * 1000 };

struct check {
  struct api_request *request;
  const struct connector_connection *connection;
  struct arena arena; /* of the call: what services said may hold secrets */
  struct grant_request lease;
  struct secret *credential;
  int64_t grant_version, begun_us, duration_us;
  bool has_renewed;
  struct connector_caller caller;
  struct connector_call call;
  struct mcp_listing *listing; /* from the home of its server */
  struct err listing_err;
  struct loop_task task;
  struct connection_check_record record;
  struct str tool; /* that was called; or empty */
  struct db_job db;
};

enum err_code check_begin(struct api_request *request, struct db_tx *tx, struct err *err) {
  struct connection_record record;
  struct check *check = arena_new(&request->arena, struct check);
  enum err_code code = check ? connections_find_record(request, tx, &record, err) : err_no_memory(err);
  bool is_somebodys = code == ERR_NONE && !uuid_is_nil(record.owner_user_id);
  if (is_somebodys && !uuid_eq(record.owner_user_id, request->principal.user_id))
    code = err_set(err, ERR_DENIED, "this connection is a user's own: nobody else makes a call with it, nor this one");
  if (code == ERR_NONE) code = connections_check_maker(request, &record, err);
  if (code != ERR_NONE) return code;
  check->request = request;
  check->connection = connections_in_snapshot(request, record.id);
  request->state = check;
  if (check->connection) return ERR_NONE;
  return err_set(err, ERR_CONFLICT, "this connection cannot be used as it is: its connector or settings are broken");
}

/* ---- the end ---- */

static enum err_code tell(struct db_tx *tx, const struct check *check, struct err *err) {
  const struct policy_connection *connection = &check->connection->policy;
  struct buf detail;
  buf_init(&detail, &check->request->arena, 16 * KIB);
  answer_open(&detail, '{');
  answer_text(&detail, "text", check->record.text);
  answer_close(&detail, '}');
  if (buf_failed(&detail)) return err_no_memory(err);
  const struct webhook_happening happening = {.organisation_id = check->record.organisation_id,
                                              .time = check->record.checked_at,
                                              .user_id = check->request->principal.user_id,
                                              .user_email = check->request->principal.email,
                                              .word = STR("connection.fail"),
                                              .connector = connection->connector,
                                              .connection_id = connection->id,
                                              .connection = connection->name,
                                              .arguments = buf_str(&detail)};
  return webhook_tell(tx, &happening, err);
}

static enum err_code keep(struct db_tx *tx, void *context, struct err *err) {
  struct check *check = context;
  db_scope(tx, check->request->organisation.id);
  enum err_code code = store_connection_check_put(tx, &check->record, err);
  const struct policy_connection *policy = &check->connection->policy;
  if (code == ERR_NONE)
    code =
        api_record_connection(check->request, tx, "connection.check", policy->id, policy->name, policy->connector, err);
  return code == ERR_NONE && !check->record.is_ok ? tell(tx, check, err) : code;
}

static void answer(struct check *check) {
  struct api_request *request = check->request;
  struct buf *out = &request->out;
  answer_open(out, '{');
  answer_bool(out, "is_ok", check->record.is_ok);
  answer_ms(out, "duration_ms", check->duration_us);
  answer_text(out, "text", check->record.text);
  answer_text_or_null(out, "tool", check->tool);
  answer_close(out, '}');
  api_reply(request);
}

static void on_kept(struct db_job *job) {
  struct check *check = job->context;
  if (job->code != ERR_NONE) {
    check->request->code = job->code;
    check->request->err = job->err;
    api_reply(check->request);
  } else {
    answer(check);
  }
}

static void finish(struct check *check, bool is_ok, struct str said) {
  struct api_request *request = check->request;
  struct str text = grant_clean(&request->arena, said, SAID_MAX);
  check->duration_us = loop_now_us(request->worker->loop) - check->begun_us;
  check->record = (struct connection_check_record){.connection_id = check->connection->policy.id,
                                                   .organisation_id = request->organisation.id,
                                                   .checked_at = clock_utc_us(),
                                                   .is_ok = is_ok,
                                                   .text = text.n ? text : STR("it failed, and nobody said why")};
  secret_free(check->credential);
  check->credential = NULL;
  check->tool = arena_str(&request->arena, check->tool);
  check->db = (struct db_job){
      .db = request->api->options.db, .work = keep, .context = check, .is_write = true, .done = on_kept};
  if (!db_submit(check->db.db, request->worker->loop, &check->db)) answer(check);
}

/* The call has ended, and its memory with it: not from within its own callback. */
static void on_turn(struct loop_task *task) {
  struct check *check = (struct check *)((char *)task - offsetof(struct check, task));
  const struct connector_result *result = &check->call.result;
  struct arena *arena = &check->request->arena;
  struct str text = result->is_error ? arena_str(arena, result->text)
                                     : arena_printf(arena, "%.*s was answered%s%.*s", STR_ARG(check->call.tool->name),
                                                    result->notice.n ? "; " : "", STR_ARG(result->notice));
  bool is_ok = !result->is_error;
  arena_wipe(&check->arena);
  finish(check, is_ok, text);
}

/* ---- asking ---- */

static void lease(struct check *check, int64_t refused_version);

static void on_called(struct connector_call *call) {
  struct check *check = (struct check *)((char *)call - offsetof(struct check, call));
  if (call->result.is_refused && check->grant_version && !check->has_renewed) {
    check->has_renewed = true;
    secret_free(check->credential);
    check->credential = NULL;
    lease(check, check->grant_version);
    return;
  }
  check->task.run = on_turn;
  loop_post(check->request->worker->loop, &check->task);
}

static void probe(struct check *check) {
  const struct connector_connection *connection = check->connection;
  struct api_request *request = check->request;
  yyjson_val *arguments;
  const struct connector_tool *tool = connector_probe(&request->arena, connection->connector, &arguments);
  if (!tool) {
    finish(check, false,
           STR("its connector has no call that changes nothing and needs no arguments: name one in its manifest's "
               "\"check\""));
    return;
  }
  check->tool = tool->name;
  check->caller = (struct connector_caller){.organisation = request->snapshot->name};
  check->call = (struct connector_call){.host = request->worker->host,
                                        .connection = connection,
                                        .verb = CONNECTOR_TOOL,
                                        .tool = tool,
                                        .arguments = arguments,
                                        .credential = check->credential,
                                        .caller = &check->caller,
                                        .arena = &check->arena,
                                        .deadline_us = loop_now_us(request->worker->loop) + PROBE_MS * INT64_C(1000),
                                        .done = on_called};
  connection->connector->kind->invoke(&check->call);
}

static size_t count(struct arena *arena, struct str list) {
  yyjson_doc *doc;
  bool is_list = list.n > 0 && json_read_verbatim(arena, list, &doc, NULL) == ERR_NONE;
  return is_list ? yyjson_arr_size(yyjson_doc_get_root(doc)) : 0;
}

static void on_home(struct loop_task *task) {
  struct check *check = (struct check *)((char *)task - offsetof(struct check, task));
  struct mcp_listing *listing = check->listing;
  struct str text = str_of(check->listing_err.text);
  if (listing)
    text = arena_printf(&check->request->arena, "it offers %zu tools, %zu prompts and %zu resources",
                        count(&listing->arena, listing->tools), count(&listing->arena, listing->prompts),
                        count(&listing->arena, listing->resources));
  mcp_listing_free(listing);
  finish(check, listing != NULL, text);
}

/* On the loop of the server's home. */
static void on_listed(void *context, struct mcp_listing *listing, const struct err *err) {
  struct check *check = context;
  check->listing = listing;
  if (!listing) check->listing_err = *err;
  check->task.run = on_home;
  loop_post(check->request->worker->loop, &check->task);
}

static void ask(struct check *check) {
  const struct connector_connection *connection = check->connection;
  struct err err = {0};
  if (!connection->connector->kind->has_catalogue)
    probe(check);
  else if (mcp_list(check->request->worker->host->upstreams, mcp_target_of(connection), check->credential, on_listed,
                    check, &err) != ERR_NONE)
    finish(check, false, str_of(err.text));
}

/* ---- its credential ---- */

static void on_leased(struct grant_request *request) {
  struct check *check = (struct check *)((char *)request - offsetof(struct check, lease));
  check->credential = request->credential;
  check->grant_version = request->grant_version;
  if (request->code != ERR_NONE)
    finish(check, false, str_of(request->err.text));
  else
    ask(check);
}

static void lease(struct check *check, int64_t refused_version) {
  struct api_request *request = check->request;
  struct err err = {0};
  if (connector_is_granted(check->connection)) {
    check->lease = (struct grant_request){.organisation_id = request->organisation.id,
                                          .connection_id = check->connection->policy.id,
                                          .refused_version = refused_version,
                                          .loop = request->worker->loop,
                                          .done = on_leased};
    grant_lease(request->api->keeper, &check->lease);
  } else if (org_lease_credential(request->snapshot, check->connection, &check->credential, &err) != ERR_NONE) {
    finish(check, false, str_of(err.text));
  } else {
    ask(check);
  }
}

void check_then(struct api_request *request) {
  struct check *check = request->state;
  arena_init(&check->arena, 64 * MIB);
  check->begun_us = loop_now_us(request->worker->loop);
  lease(check, 0);
}
