/* The installation, for whoever runs it: how large it is and how it is, nothing of anybody's data. */
#include "api/answer.h"
#include "api/handlers.h"
#include "api/page.h"
#include "base/clock.h"
#include "store/api.h"
#include "store/call_fact.h"

static const int64_t day_us = INT64_C(86400) * 1000000;

enum { ACTIVE_DAYS = 30 };

static int64_t since(void) {
  return clock_utc_us() / day_us - ACTIVE_DAYS + 1;
}

static void write_own(struct buf *out, const struct api_node *node) {
  answer_open(out, '{');
  answer_text(out, "name", str_of(node->name));
  answer_bool(out, "is_answering", true);
  answer_text(out, "state", node->problem ? STR("not_ready") : STR("serving"));
  answer_int(out, "workers", node->n_workers);
  answer_time(out, "started_at", node->started_at);
  answer_int(out, "connections", node->n_connections);
  answer_close(out, '}');
}

/* How busy another one is, it alone knows. */
static void write_peer(struct buf *out, const struct api_peer *peer) {
  const char *state = !peer->has_lease ? "silent" : peer->has_loaded ? "serving" : "not_ready";
  answer_open(out, '{');
  answer_text(out, "name", str_of(peer->name));
  answer_bool(out, "is_answering", false);
  answer_text(out, "state", str_of(state));
  answer_null(out, "workers");
  answer_time(out, "started_at", peer->started_at);
  answer_null(out, "connections");
  answer_close(out, '}');
}

static void write_nodes(struct api_request *request, const struct api_node *own) {
  const struct api_peer *peers = NULL;
  size_t n = request->api->options.peers(request->worker->context, &request->arena, &peers);
  answer_name(&request->out, "nodes");
  answer_open(&request->out, '[');
  write_own(&request->out, own);
  for (size_t i = 0; i < n; i++)
    write_peer(&request->out, &peers[i]);
  answer_close(&request->out, ']');
}

enum err_code operator_get(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct organisation_record *organisations = NULL;
  struct api_node node = {0};
  struct buf *out = &request->out;
  size_t n = 0;
  int64_t n_calls = 0, n_users = 0;
  enum err_code code = store_organisation_list(tx, &request->arena, &organisations, &n, err);
  if (code == ERR_NONE) code = store_usage_total(tx, (struct uuid){{0}}, since(), &n_calls, &n_users, err);
  if (code != ERR_NONE) return code;
  request->api->options.node(request->worker->context, &node);
  answer_open(out, '{');
  answer_text(out, "version", STR(CONNEK_VERSION));
  answer_bool(out, "is_ready", !node.problem);
  answer_text_or_null(out, "problem", str_of(node.problem));
  answer_int(out, "organisations", (int64_t)n);
  answer_int(out, "active_users_30_days", n_users);
  answer_int(out, "calls_30_days", n_calls);
  write_nodes(request, &node);
  answer_close(out, '}');
  return ERR_NONE;
}

static void write_organisation(struct buf *out, const struct organisation_figures *figures) {
  answer_open(out, '{');
  answer_uuid(out, "id", figures->id);
  answer_text(out, "name", figures->name);
  answer_time(out, "created_at", figures->created_at);
  answer_int(out, "users", figures->n_users);
  answer_int(out, "active_users_30_days", figures->n_active);
  answer_int(out, "calls_30_days", figures->n_calls);
  answer_int(out, "connections", figures->n_connections);
  answer_int(out, "connections_in_trouble", figures->n_in_trouble);
  answer_close(out, '}');
}

enum err_code operator_organisations(struct api_request *request, struct db_tx *tx, struct err *err) {
  const struct organisation_figures *list = NULL;
  struct api_page page;
  size_t n = 0;
  enum err_code code = api_page_read(request, &page, err);
  if (code == ERR_NONE)
    code = store_organisation_page(tx, &request->arena, page.after, since(), page.limit + 1, &list, &n, err);
  if (code != ERR_NONE) return code;
  size_t n_shown = n < page.limit ? n : page.limit;
  api_page_open(request);
  for (size_t i = 0; i < n_shown; i++)
    write_organisation(&request->out, &list[i]);
  api_page_close(request, &page, n, n_shown ? list[n_shown - 1].name : STR_NONE);
  return ERR_NONE;
}
