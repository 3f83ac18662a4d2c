/* Which of several accounts a consent is for: the manifest's `discover` lists them. Must not know how tokens are got.
 */
#include "base/limits.h"
#include "codec/json.h"
#include "grant/consent.h"

enum { CHOICES_MAX = 200, DISCOVER_MS = 20 * 1000 };

static void write_text(struct buf *out, yyjson_val *value) {
  if (yyjson_is_str(value)) {
    buf_append_str(out, json_str(value));
  } else if (yyjson_is_num(value)) {
    json_write_value(out, value);
  }
}

static struct str text_at(struct arena *arena, const struct json_path *path, yyjson_val *item) {
  struct buf out;
  buf_init(&out, arena, 4 * KIB);
  write_text(&out, json_path_get(path, item));
  return buf_failed(&out) || out.n == 0 ? STR("") : buf_str(&out);
}

/* {"tenant_id": "..."} of one item, over what is captured already. */
static enum err_code choose(struct consent_run *run, yyjson_val *item, struct err *err) {
  const struct connector_discover *discover = &run->subject.oauth->discover;
  struct buf json;
  yyjson_doc *captured, *set;
  buf_init(&json, run->arena, 16 * KIB);
  buf_append_byte(&json, '{');
  for (size_t i = 0; i < discover->n_set; i++) {
    struct str value = text_at(run->arena, &discover->set[i].path, item);
    if (i > 0) buf_append_byte(&json, ',');
    json_write_str(&json, discover->set[i].name);
    buf_append_byte(&json, ':');
    json_write_str(&json, value);
  }
  buf_append_byte(&json, '}');
  if (buf_failed(&json)) return err_no_memory(err);
  enum err_code code = json_read(run->arena, buf_str(&json), &set, err);
  if (code == ERR_NONE) code = json_read(run->arena, run->captured, &captured, err);
  if (code != ERR_NONE) return code;
  yyjson_val *all = connector_settings_with(run->arena, yyjson_doc_get_root(captured), yyjson_doc_get_root(set));
  buf_init(&json, run->arena, 64 * KIB);
  if (all) json_write_value(&json, all);
  if (!all || buf_failed(&json)) return err_no_memory(err);
  run->captured = buf_str(&json);
  return ERR_NONE;
}

static enum err_code read_choices(struct consent_run *run, yyjson_val *items, struct err *err) {
  const struct connector_discover *discover = &run->subject.oauth->discover;
  struct grant_consent *consent = run->consent;
  size_t count = yyjson_arr_size(items) < CHOICES_MAX ? yyjson_arr_size(items) : CHOICES_MAX;
  struct str *labels = arena_new_n(run->arena, struct str, count + 1), *values;
  values = arena_new_n(run->arena, struct str, count + 1);
  if (!labels || !values) return err_no_memory(err);
  yyjson_val *only = NULL, *item;
  size_t i, max, n = 0;
  yyjson_arr_foreach(items, i, max, item) {
    if (n == count) break;
    values[n] = text_at(run->arena, &discover->set[0].path, item);
    labels[n] = text_at(run->arena, &discover->label, item);
    if (values[n].n == 0) continue;
    if (labels[n].n == 0) labels[n] = values[n];
    bool is_wanted = consent->step == GRANT_CONSENT_CHOOSE ? str_eq(values[n], consent->choice) : true;
    if (is_wanted) only = item;
    n++;
  }
  if (n == 0) return err_set(err, ERR_UPSTREAM, "The service says that this account has nothing to connect to.");
  if (consent->step == GRANT_CONSENT_CHOOSE && !only) return err_set(err, ERR_INVALID, "Choose one of the list.");
  if (consent->step == GRANT_CONSENT_CHOOSE || (consent->step == GRANT_CONSENT_CALLBACK && n == 1))
    return choose(run, only, err);
  consent->choices = labels;
  consent->choice_values = values;
  consent->n_choices = n;
  return ERR_NONE;
}

static void on_discovered(void *context, const struct http_client_response *response, const struct err *failure) {
  struct consent_run *run = context;
  struct str host = grant_host(run->subject.oauth->discover.url);
  yyjson_doc *doc = NULL;
  struct err err = {0};
  run->transfer = NULL;
  if (!response) {
    consent_fail_with(run, ERR_UPSTREAM, "%.*s could not be asked which accounts there are: %s", STR_ARG(host),
                      failure->text);
    return;
  }
  bool is_list = response->status >= 200 && response->status < 300 &&
                 json_read(run->arena, response->body, &doc, &err) == ERR_NONE;
  yyjson_val *items = is_list ? json_path_get(&run->subject.oauth->discover.items, yyjson_doc_get_root(doc)) : NULL;
  if (!yyjson_is_arr(items) && yyjson_is_obj(items)) { /* the one account's own description */
    struct buf list;
    buf_init(&list, run->arena, MIB);
    buf_append_byte(&list, '[');
    json_write_value(&list, items);
    buf_append_byte(&list, ']');
    items = json_read(run->arena, buf_str(&list), &doc, &err) == ERR_NONE ? yyjson_doc_get_root(doc) : NULL;
  }
  if (!yyjson_is_arr(items)) {
    consent_fail_with(run, ERR_UPSTREAM, "%.*s answered %d where a list of accounts was expected.", STR_ARG(host),
                      response->status);
  } else if (read_choices(run, items, &err) != ERR_NONE) {
    consent_fail(run, &err);
  } else if (run->consent->step == GRANT_CONSENT_CHOICES) {
    consent_end(run);
  } else {
    consent_store(run);
  }
}

void consent_discover(struct consent_run *run, struct str access_token) {
  const struct connector_discover *discover = &run->subject.oauth->discover;
  struct http_field *fields = arena_new_n(run->arena, struct http_field, discover->n_fields + 1);
  struct err err = {0};
  if (!fields) {
    consent_fail_with(run, ERR_NO_MEMORY, "Out of memory.");
    return;
  }
  fields[0] = (struct http_field){STR("Accept"), STR("application/json")};
  for (size_t i = 0; i < discover->n_fields; i++)
    fields[i + 1] = (struct http_field){discover->fields[i].name, discover->fields[i].value};
  const struct http_client_request request = {.method = STR("GET"),
                                              .url = discover->url,
                                              .fields = fields,
                                              .n_fields = discover->n_fields + 1,
                                              .secret_field = STR("Authorization"),
                                              .secret_prefix = STR("Bearer "),
                                              .secret_value = access_token,
                                              .timeout_ms = DISCOVER_MS,
                                              .max_body = MIB};
  if (http_client_send(run->keeper->http, run->arena, &request, on_discovered, run, &run->transfer, &err) != ERR_NONE)
    consent_fail(run, &err);
}
