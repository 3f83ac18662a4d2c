/* Paging, compiled: what is sent for the next page becomes a part of the tool's query or body, as if its manifest had
 * written {page.cursor} and {page.size} there; and the tool's arguments gain page_size and cursor. */
#include "base/limits.h"
#include "codec/url.h"
#include "connector/http/manifest.h"

enum { PATH_STEPS = 16 };

static const struct {
  const char *word;
  enum http_page_by by;
} kinds[] = {{"page", HTTP_PAGE_NUMBER},
             {"offset", HTTP_PAGE_OFFSET},
             {"cursor", HTTP_PAGE_CURSOR},
             {"link", HTTP_PAGE_LINK},
             {"last_id", HTTP_PAGE_LAST_ID}};

/* ---- where it is sent ---- */

static void make_node(struct manifest *manifest, enum template_source source, struct http_node *node) {
  struct template_piece *piece = manifest_alloc(manifest, 1, sizeof(*piece));
  if (!piece) return;
  *piece = (struct template_piece){.source = source, .text = STR("page")};
  *node = (struct http_node){.kind = HTTP_NODE_VALUE, .text = {piece, 1}};
}

static void add_to_query(struct manifest *manifest, struct manifest_tool *tool, struct str name,
                         const struct definition_place *place, enum template_source source) {
  struct http_tool *http = tool->http;
  for (size_t i = 0; i < http->n_query; i++)
    if (str_eq(http->query[i].name, name)) {
      definition_wrong(manifest->findings, place, "the tool's query has this part already");
      return;
    }
  /* manifest_read_query has left room */
  struct http_parameter *query = (struct http_parameter *)(uintptr_t)http->query;
  if (!query) return;
  struct http_parameter *parameter = &query[http->n_query++];
  *parameter = (struct http_parameter){.name = name};
  struct buf key;
  buf_init(&key, NULL, (size_t)4 * MANIFEST_TEXT_MAX);
  url_write_encoded(&key, name);
  parameter->key = buf_failed(&key) ? STR_NONE : arena_str(manifest->arena, buf_str(&key));
  buf_release(&key);
  if (!parameter->key.p) manifest->findings->has_no_memory = true;
  make_node(manifest, source, &parameter->value);
}

static struct http_member *find_member(const struct http_node *node, struct str name) {
  for (size_t i = 0; i < node->n_members; i++)
    if (str_eq(node->members[i].name, name)) return &node->members[i];
  return NULL;
}

/* The member of that name, made where it is missing: trees have room for two more. */
static struct http_member *make_member(struct manifest *manifest, struct http_node *node, struct str name) {
  if (!node->members) return NULL; /* there was no memory for them */
  struct http_member *member = &node->members[node->n_members++];
  *member = (struct http_member){.name = name};
  struct buf text;
  buf_init(&text, NULL, 16 * KIB);
  json_write_str(&text, name);
  buf_append_byte(&text, ':');
  member->json = buf_failed(&text) ? STR_NONE : arena_str(manifest->arena, buf_str(&text));
  buf_release(&text);
  member->node = (struct http_node){.kind = HTTP_NODE_OBJECT};
  member->node.members = manifest_alloc(manifest, 2, sizeof(*member->node.members));
  if (!member->json.p) manifest->findings->has_no_memory = true;
  return member->json.p && member->node.members ? member : NULL;
}

static void add_to_body(struct manifest *manifest, struct manifest_tool *tool, struct str path,
                        const struct definition_place *place, enum template_source source) {
  struct http_tool *http = tool->http;
  struct http_node *node = &http->body;
  if (str_eq(http->method, STR("GET"))) {
    definition_wrong(manifest->findings, place, "a GET has no body: say \"query.NAME\"");
    return;
  }
  if (http->as == HTTP_BODY_NONE) {
    http->as = manifest->as == HTTP_BODY_FORM ? HTTP_BODY_FORM : HTTP_BODY_JSON;
    *node = (struct http_node){.kind = HTTP_NODE_OBJECT};
    node->members = manifest_alloc(manifest, 2, sizeof(*node->members));
    if (!node->members) return;
  }
  if (http->as != HTTP_BODY_JSON && http->as != HTTP_BODY_FORM) {
    definition_wrong(manifest->findings, place, "only JSON and forms have a place for it");
    return;
  }
  for (size_t depth = 0; depth < PATH_STEPS; depth++) {
    struct str name = str_cut(&path, '.');
    if (node->kind != HTTP_NODE_OBJECT || name.n == 0) break;
    struct http_member *member = find_member(node, name);
    bool is_last = path.n == 0;
    if (is_last && member) {
      definition_wrong(manifest->findings, place, "the tool's body has this member already");
      return;
    }
    if (!member) member = make_member(manifest, node, name);
    if (!member) return;
    node = &member->node;
    if (!is_last) continue;
    make_node(manifest, source, node);
    return;
  }
  definition_wrong(manifest->findings, place, "the body has no object there");
}

static void add_place(struct manifest *manifest, struct manifest_tool *tool, struct str where,
                      const struct definition_place *place, enum template_source source) {
  if (str_starts(where, STR("query.")) && where.n > 6) {
    add_to_query(manifest, tool, str_make(where.p + 6, where.n - 6), place, source);
  } else if (str_starts(where, STR("body.")) && where.n > 5) {
    add_to_body(manifest, tool, str_make(where.p + 5, where.n - 5), place, source);
  } else {
    definition_wrong(manifest->findings, place, "must be \"query.NAME\" or \"body.PATH\"");
  }
}

/* ---- the rules ---- */

static void refuse_member(struct manifest *manifest, yyjson_val *page, const struct definition_place *place,
                          const char *name, const char *why) {
  if (json_get(page, name))
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, str_of(name)), "%s: %s", name, why);
}

static void check_kind(struct manifest *manifest, struct manifest_tool *tool, yyjson_val *page,
                       const struct definition_place *place) {
  enum http_page_by by = tool->http->page.by;
  bool sends = json_get(page, "send") != NULL;
  if (by == HTTP_PAGE_LINK) {
    refuse_member(manifest, page, place, "send", "by \"link\" the service's own URL is followed");
    if (manifest_auth_writes(manifest, HTTP_AUTH_KEY_PATH, STR_NONE))
      definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("by")),
                       "the service's links would hold the key, which is in the path: page by anything but \"link\"");
  } else if (!sends && !tool->uses_cursor) {
    definition_wrong(manifest->findings, place,
                     "\"send\" is missing: where the next page is asked for, \"query.NAME\" or \"body.PATH\"");
  } else if (sends && tool->uses_cursor) {
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("send")),
                     "the tool's templates have {page.cursor} already");
  }
  if (by == HTTP_PAGE_CURSOR && !tool->http->page.next)
    definition_wrong(manifest->findings, place, "\"next\" is missing: where the answer has the next page's cursor");
  if (by == HTTP_PAGE_LAST_ID && !tool->http->page.id)
    definition_wrong(manifest->findings, place, "\"id\" is missing: where an item has its id");
  if (by != HTTP_PAGE_CURSOR && by != HTTP_PAGE_LINK)
    refuse_member(manifest, page, place, "next", "only by \"cursor\" and \"link\"");
  if (by != HTTP_PAGE_LAST_ID) refuse_member(manifest, page, place, "id", "only by \"last_id\"");
  if (by != HTTP_PAGE_NUMBER) refuse_member(manifest, page, place, "first", "only by \"page\"");
}

static void read_size(struct manifest *manifest, struct manifest_tool *tool, yyjson_val *page,
                      const struct definition_place *place) {
  struct http_page *http = &tool->http->page;
  struct str where;
  http->default_size = manifest_number(manifest, page, place, "default", 1, HTTP_SIZE_MAX);
  http->max_size = manifest_number(manifest, page, place, "max", 1, HTTP_SIZE_MAX);
  if (http->max_size > 0 && http->default_size > http->max_size)
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("default")), "default is more than max");
  if (manifest_text(manifest, page, place, "size", MANIFEST_TEXT_MAX, &where)) {
    http->has_size = true;
    add_place(manifest, tool, where, DEFINITION_MEMBER(place, STR("size")), TEMPLATE_PAGE_SIZE);
  }
}

static void read_kind(struct manifest *manifest, struct manifest_tool *tool, yyjson_val *page,
                      const struct definition_place *place) {
  static const char *const names[] = {"by", "send", "first", "next", "more",   "last",
                                      "id", "size", "total", "max",  "default"};
  struct http_page *http = &tool->http->page;
  definition_known(manifest->findings, place, page, names, COUNT(names));
  for (size_t i = 0; i < COUNT(kinds); i++)
    if (str_eq_c(json_get_str(page, "by"), kinds[i].word)) http->by = kinds[i].by;
  if (http->by == HTTP_PAGE_NONE) {
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("by")),
                     "by must be \"page\", \"offset\", \"cursor\", \"link\" or \"last_id\"");
    return;
  }
  http->first = json_get(page, "first") ? manifest_number(manifest, page, place, "first", 0, 1) : 1;
  http->next = manifest_path(manifest, json_get(page, "next"), DEFINITION_MEMBER(place, STR("next")));
  http->more = manifest_path(manifest, json_get(page, "more"), DEFINITION_MEMBER(place, STR("more")));
  http->last = manifest_path(manifest, json_get(page, "last"), DEFINITION_MEMBER(place, STR("last")));
  http->total = manifest_path(manifest, json_get(page, "total"), DEFINITION_MEMBER(place, STR("total")));
  http->id = manifest_path(manifest, json_get(page, "id"), DEFINITION_MEMBER(place, STR("id")));
  check_kind(manifest, tool, page, place);
  struct str where;
  if (http->by != HTTP_PAGE_LINK && manifest_text(manifest, page, place, "send", MANIFEST_TEXT_MAX, &where))
    add_place(manifest, tool, where, DEFINITION_MEMBER(place, STR("send")), TEMPLATE_PAGE_CURSOR);
  read_size(manifest, tool, page, place);
}

void manifest_check_page(struct manifest *manifest) {
  const struct definition_place *place = DEFINITION_MEMBER(NULL, STR("page"));
  yyjson_val *page = json_get(manifest->root, "page"), *tool;
  size_t i, n;
  if (!page) return;
  yyjson_arr_foreach(json_get(manifest->root, "tools"), i, n, tool) {
    if (yyjson_is_true(json_get(tool, "page"))) return; /* read there, whole */
  }
  if (!yyjson_is_obj(page)) definition_wrong(manifest->findings, place, "page must be an object");
  definition_doubt(manifest->findings, place, "no tool says \"page\": true");
}

void manifest_read_page(struct manifest *manifest, struct manifest_tool *tool) {
  yyjson_val *page = json_get(tool->value, "page"), *inherited = json_get(manifest->root, "page");
  bool is_inherited = yyjson_is_true(page) && inherited;
  const struct definition_place *place = DEFINITION_MEMBER(is_inherited ? NULL : tool->place, STR("page"));
  if (!page || yyjson_is_false(page)) return;
  if (is_inherited) page = inherited;
  if (!yyjson_is_obj(page)) {
    definition_wrong(manifest->findings, place,
                     inherited ? "page is an object, or true for the manifest's own" : "page must be an object");
    return;
  }
  if (tool->http->is_binary || tool->http->is_text)
    definition_wrong(manifest->findings, place, "a file or a text has no pages");
  read_kind(manifest, tool, page, place);
}

/* ---- the arguments that paging adds ---- */

static yyjson_mut_val *size_schema(yyjson_mut_doc *doc, const struct http_page *page, struct arena *arena) {
  yyjson_mut_val *schema = yyjson_mut_obj(doc);
  struct str text = page->default_size > 0
                        ? arena_printf(arena, "How many to return at most; %llu where it is not given.",
                                       (unsigned long long)page->default_size)
                        : STR("How many to return at most.");
  if (!text.p) return NULL;
  uint64_t max = page->max_size > 0 ? page->max_size : HTTP_SIZE_MAX;
  bool is_good = yyjson_mut_obj_add_str(doc, schema, "type", "integer") &&
                 yyjson_mut_obj_add_uint(doc, schema, "minimum", 1) &&
                 yyjson_mut_obj_add_uint(doc, schema, "maximum", max) &&
                 yyjson_mut_obj_add_strncpy(doc, schema, "description", text.p, text.n);
  return is_good ? schema : NULL;
}

static yyjson_mut_val *cursor_schema(yyjson_mut_doc *doc) {
  yyjson_mut_val *schema = yyjson_mut_obj(doc);
  bool is_good = yyjson_mut_obj_add_str(doc, schema, "type", "string") &&
                 yyjson_mut_obj_add_str(doc, schema, "description",
                                        "The next_cursor of the answer before, to go on behind it. The other "
                                        "arguments need not be repeated.");
  return is_good ? schema : NULL;
}

static bool add_arguments(struct manifest *manifest, struct manifest_tool *tool, yyjson_mut_doc *doc) {
  yyjson_mut_val *root = yyjson_mut_doc_get_root(doc), *properties = yyjson_mut_obj_get(root, "properties");
  if (!properties) {
    properties = yyjson_mut_obj(doc);
    if (!yyjson_mut_obj_add_val(doc, root, "properties", properties)) return false;
  }
  const struct http_page *page = &tool->http->page;
  if (page->has_size && !yyjson_mut_obj_get(properties, "page_size")) {
    yyjson_mut_val *schema = size_schema(doc, page, manifest->arena);
    if (!schema || !yyjson_mut_obj_add_val(doc, properties, "page_size", schema)) return false;
  }
  if (yyjson_mut_obj_get(properties, "cursor")) return true;
  yyjson_mut_val *schema = cursor_schema(doc);
  return schema && yyjson_mut_obj_add_val(doc, properties, "cursor", schema);
}

void manifest_extend_input(struct manifest *manifest, struct manifest_tool *tool, struct connector_tool *connector) {
  if (tool->http->page.by == HTTP_PAGE_NONE || !connector->input_schema) return;
  yyjson_alc alc = json_alc(manifest->arena);
  yyjson_mut_doc *doc = yyjson_mut_doc_new(&alc);
  yyjson_mut_val *root = doc ? yyjson_val_mut_copy(doc, connector->input_schema) : NULL;
  if (!root) {
    manifest->findings->has_no_memory = true;
    return;
  }
  yyjson_mut_doc_set_root(doc, root);
  if (!add_arguments(manifest, tool, doc)) {
    manifest->findings->has_no_memory = true;
    return;
  }
  yyjson_doc *copy = yyjson_mut_doc_imut_copy(doc, &alc);
  struct schema *schema = NULL;
  struct err err = {0};
  if (!copy) {
    manifest->findings->has_no_memory = true;
  } else if (schema_compile(manifest->arena, yyjson_doc_get_root(copy), &schema, &err) != ERR_NONE) {
    definition_found(manifest->findings, DEFINITION_MEMBER(tool->place, STR("input")), &err);
  } else {
    /* A tool that has an argument of that name pages by itself. */
    connector->has_pages = !json_get(json_get(connector->input_schema, "properties"), "cursor");
    connector->input_schema = yyjson_doc_get_root(copy);
    connector->schema = schema;
  }
}
