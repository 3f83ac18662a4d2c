/* What compiles and is doubtful all the same: warnings of `connector check`, for whoever writes a manifest. */
#include "base/limits.h"
#include "codec/json_path.h"
#include "codec/mask.h"
#include "connector/http/manifest.h"

enum { DESCRIPTION_MIN = 20, DESCRIPTION_LONG = 1000, ARGUMENTS_MANY = 20, EXAMPLE_DEPTH = 3 };

/* ---- words for models ---- */

/* The name's words in the same order and nothing more: "get_invoices", "Get invoices." */
static bool repeats_name(struct str name, struct str description) {
  char words[128];
  size_t n = 0;
  for (size_t i = 0; i < description.n; i++) {
    char c = description.p[i];
    if (c >= 'A' && c <= 'Z') c = (char)(c + 32);
    bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!is_word) c = '_';
    if (c == '_' && (n == 0 || words[n - 1] == '_')) continue;
    if (n == sizeof(words)) return false;
    words[n++] = c;
  }
  while (n > 0 && words[n - 1] == '_')
    n--;
  return str_eq(str_make(words, n), name);
}

static void advise_description(struct manifest *manifest, const struct manifest_tool *tool,
                               const struct connector_tool *connector) {
  struct connector_findings *findings = manifest->findings;
  const struct definition_place *place = DEFINITION_MEMBER(tool->place, STR("description"));
  struct str text = connector->description;
  if (text.n == 0) return;
  if (repeats_name(connector->name, text)) {
    definition_doubt(findings, place,
                     "only the name again: say what it gives or changes, and when to choose it over its neighbours");
  } else if (text.n < DESCRIPTION_MIN) {
    definition_doubt(findings, place,
                     "%zu characters tell a model too little: say what it gives or changes, and when to choose it",
                     text.n);
  } else if (text.n > DESCRIPTION_LONG) {
    definition_doubt(findings, place, "%zu characters: every one costs in each conversation; keep it under %d", text.n,
                     DESCRIPTION_LONG);
  }
}

/* ---- arguments ---- */

static bool is_argument_of_paging(const struct http_tool *http, struct str name) {
  return http->page.by != HTTP_PAGE_NONE && (str_eq(name, STR("cursor")) || str_eq(name, STR("page_size")));
}

static void advise_arguments(struct manifest *manifest, const struct manifest_tool *tool) {
  struct connector_findings *findings = manifest->findings;
  const struct definition_place *input = DEFINITION_MEMBER(tool->place, STR("input"));
  const struct definition_place *place = DEFINITION_MEMBER(input, STR("properties"));
  yyjson_val *properties = json_get(tool->input, "properties"), *key, *value;
  size_t i, n;
  if (properties) yyjson_obj_foreach(properties, i, n, key, value) {
      struct str name = json_str(key);
      const struct definition_place *at = DEFINITION_MEMBER(place, name);
      if (is_argument_of_paging(tool->http, name)) continue;
      if (!manifest_names_have(&tool->arguments, name))
        definition_doubt(findings, at, "{%.*s} is used nowhere: the argument would be taken and dropped",
                         STR_ARG(name));
      if (!json_get(value, "description") && !json_get(value, "enum") && !json_get(value, "const"))
        definition_doubt(findings, at, "no description: a model has to guess what it means");
    }
  yyjson_arr_foreach(json_get(tool->input, "required"), i, n, value) {
    if (!yyjson_obj_getn(properties, json_str(value).p, json_str(value).n))
      definition_doubt(findings, DEFINITION_MEMBER(input, STR("required")), "\"%.*s\" is required and no property",
                       STR_ARG(json_str(value)));
  }
  if (yyjson_obj_size(properties) > ARGUMENTS_MANY)
    definition_doubt(findings, place, "%zu arguments: models choose better among fewer", yyjson_obj_size(properties));
}

/* ---- what it does ---- */

static void advise_does(struct manifest *manifest, const struct manifest_tool *tool,
                        const struct connector_tool *connector) {
  struct connector_findings *findings = manifest->findings;
  const struct http_tool *http = tool->http;
  enum policy_does said;
  yyjson_val *does = json_get(tool->value, "does");
  if (does && !policy_does_parse(json_str(does), &said)) return; /* an error already */
  if (!does)
    definition_doubt(findings, tool->place,
                     "\"does\" is missing: \"read\", \"write\" or \"destroy\"; without it the tool counts as destroy");
  if (connector->does == DOES_READ && (str_eq(http->method, STR("DELETE")) || str_eq(http->method, STR("PATCH"))))
    definition_doubt(findings, DEFINITION_MEMBER(tool->place, STR("does")), "a %.*s that only reads?",
                     STR_ARG(http->method));
  if (connector->does != DOES_READ && str_eq(http->method, STR("GET")))
    definition_doubt(findings, DEFINITION_MEMBER(tool->place, STR("does")),
                     "a GET that changes something? Say \"read\" if it does not");
  /* PUT and DELETE say the same twice (RFC 9110, 9.2.2): a person who repeats one by hand does no harm. */
  bool may_double = str_eq(http->method, STR("POST")) || str_eq(http->method, STR("PATCH"));
  if (connector->does == DOES_WRITE && may_double && !tool->says_idempotency)
    definition_doubt(findings, tool->place,
                     "a write without \"idempotency\": should its answer be lost, it is not repeated; name the "
                     "service's header for it, or say false where it has none");
  if (connector->does == DOES_READ && http->idempotency.n > 0)
    definition_doubt(findings, DEFINITION_MEMBER(tool->place, STR("idempotency")), "a read is repeated without it");
}

static void advise_name(struct manifest *manifest, const struct manifest_tool *tool,
                        const struct connector_tool *connector) {
  struct str id = json_get_str(manifest->root, "id");
  size_t n = id.n + 1 + connector->name.n;
  if (connector->name.n > 0 && n > LIMIT_TOOL_NAME)
    definition_doubt(manifest->findings, DEFINITION_MEMBER(tool->place, STR("name")),
                     "clients see at most %d characters and this makes %zu: it would be \"%.*s\"", LIMIT_TOOL_NAME, n,
                     STR_ARG(connector->public_name));
}

/* ---- the answer ---- */

/* What the mask is applied to: the result, and where there are items each of them. */
static yyjson_val *masked_part(struct manifest *manifest, const struct manifest_tool *tool) {
  const struct http_tool *http = tool->http;
  const struct http_page *page = &http->page;
  struct connector_findings *findings = manifest->findings;
  yyjson_val *value = http->example;
  const struct {
    const char *member;
    const struct json_path *path;
  } paths[] = {{"items", http->items}, {"result", http->result}};
  const struct {
    const char *member;
    const struct json_path *path;
  } page_paths[] = {{"next", page->next}, {"more", page->more}, {"last", page->last}, {"total", page->total}};
  const struct definition_place *at = DEFINITION_MEMBER(tool->place, STR("page"));
  bool ends_here = page->more && yyjson_is_false(json_path_get(page->more, value)); /* a last page has no next */
  for (size_t i = 0; i < COUNT(page_paths); i++)
    if (page_paths[i].path && !json_path_get(page_paths[i].path, value) &&
        !(page_paths[i].path == page->next && ends_here))
      definition_doubt(findings, DEFINITION_MEMBER(at, str_of(page_paths[i].member)),
                       "the example has nothing at this path");
  for (size_t i = 0; i < COUNT(paths); i++) {
    if (!paths[i].path) continue;
    yyjson_val *inner = json_path_get(paths[i].path, http->example);
    if (!inner)
      definition_doubt(findings, DEFINITION_MEMBER(tool->place, str_of(paths[i].member)),
                       "the example has nothing at this path");
    if (paths[i].path == http->items && inner && !yyjson_is_arr(inner))
      definition_doubt(findings, DEFINITION_MEMBER(tool->place, STR("items")), "what the example has there is no list");
    return inner;
  }
  return value;
}

static void advise_answer(struct manifest *manifest, const struct manifest_tool *tool) {
  const struct http_tool *http = tool->http;
  struct connector_findings *findings = manifest->findings;
  if (http->page.by != HTTP_PAGE_NONE && !http->items && yyjson_is_obj(http->example))
    definition_doubt(findings, tool->place, "it pages and has no \"items\": say where the answer has its list");
  if (!http->example) return;
  yyjson_val *part = masked_part(manifest, tool);
  if (!part || !http->keep) return;
  struct str name = mask_unmatched(manifest->arena, http->keep, part);
  if (name.n > 0)
    definition_doubt(findings, DEFINITION_MEMBER(tool->place, STR("keep")),
                     "\"%.*s\" matches nothing in the example: a name misspelt, or an example that lacks it",
                     STR_ARG(name));
}

void manifest_advise(struct manifest *manifest, const struct manifest_tool *tool,
                     const struct connector_tool *connector) {
  advise_description(manifest, tool, connector);
  advise_name(manifest, tool, connector);
  advise_does(manifest, tool, connector);
  advise_arguments(manifest, tool);
  advise_answer(manifest, tool);
}

/* ---- the whole ---- */

void manifest_advise_all(struct manifest *manifest) {
  struct connector_findings *findings = manifest->findings;
  const struct http_definition *http = manifest->http;
  const struct definition_place *place = DEFINITION_MEMBER(NULL, STR("settings"));
  if (!json_get(manifest->root, "source"))
    definition_doubt(findings, NULL, "\"source\" is missing: say where the facts are from, and when");
  for (size_t i = 0; http->has_settings && i < http->n_settings; i++) {
    struct str name = http->settings[i].name;
    if (!manifest_names_have(&manifest->settings, name) && !str_eq(name, STR("base")))
      definition_doubt(findings, DEFINITION_MEMBER(place, name), "{conn.%.*s} is used nowhere", STR_ARG(name));
  }
}
