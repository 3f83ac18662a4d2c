/* Bodies, compiled into trees that are walked to write JSON, a form, or the parts of a multipart body. */
#include "base/limits.h"
#include "connector/http/manifest.h"

enum { GRAPHQL_MAX = 64 * KIB, MEMBERS_MAX = 256, SPARE = 2 /* members that paging adds */ };

/* ---- how bodies are written ---- */

void manifest_read_as(struct manifest *manifest, yyjson_val *value, const struct definition_place *place,
                      enum http_body_as *as, enum http_lists *lists) {
  static const struct {
    const char *word;
    enum http_body_as as;
  } kinds[] = {
      {"json", HTTP_BODY_JSON}, {"form", HTTP_BODY_FORM}, {"multipart", HTTP_BODY_MULTIPART}, {"raw", HTTP_BODY_RAW}};
  static const struct {
    const char *word;
    enum http_lists lists;
  } styles[] = {{"indices", HTTP_LISTS_INDICES}, {"brackets", HTTP_LISTS_BRACKETS}, {"repeat", HTTP_LISTS_REPEAT}};
  yyjson_val *word = json_get(value, "as"), *style = json_get(value, "lists");
  if (*as == HTTP_BODY_NONE) *as = HTTP_BODY_JSON;
  bool is_known = !word;
  for (size_t i = 0; word && i < COUNT(kinds); i++)
    if (str_eq_c(json_str(word), kinds[i].word)) {
      *as = kinds[i].as;
      is_known = true;
    }
  if (!is_known)
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("as")),
                     "as must be \"json\", \"form\", \"multipart\" or \"raw\"");
  is_known = !style;
  for (size_t i = 0; style && i < COUNT(styles); i++)
    if (str_eq_c(json_str(style), styles[i].word)) {
      *lists = styles[i].lists;
      is_known = true;
    }
  if (!is_known)
    definition_wrong(manifest->findings, DEFINITION_MEMBER(place, STR("lists")),
                     "lists must be \"indices\", \"brackets\" or \"repeat\"");
}

/* ---- trees ---- */

static bool write_key(struct manifest *manifest, struct http_member *member) {
  struct buf text;
  buf_init(&text, NULL, 16 * KIB);
  json_write_str(&text, member->name);
  buf_append_byte(&text, ':');
  member->json = buf_failed(&text) ? STR_NONE : arena_str(manifest->arena, buf_str(&text));
  buf_release(&text);
  if (!member->json.p) manifest->findings->has_no_memory = true;
  return member->json.p != NULL;
}

static bool read_members(struct manifest *manifest, struct manifest_tool *tool, const struct definition_place *place,
                         yyjson_val *value, enum template_place where, struct http_node *node) {
  bool is_object = yyjson_is_obj(value), is_good = true;
  size_t count = is_object ? yyjson_obj_size(value) : yyjson_arr_size(value);
  node->kind = is_object ? HTTP_NODE_OBJECT : HTTP_NODE_LIST;
  if (count > MEMBERS_MAX) {
    definition_wrong(manifest->findings, place, "at most %d members", MEMBERS_MAX);
    return false;
  }
  node->members = manifest_alloc(manifest, count + SPARE, sizeof(*node->members));
  if (!node->members) return false;
  size_t i, n;
  yyjson_val *key, *inner;
  if (is_object) {
    yyjson_obj_foreach(value, i, n, key, inner) {
      struct http_member *member = &node->members[node->n_members++];
      member->name = json_str(key);
      is_good = write_key(manifest, member) && is_good;
      is_good =
          manifest_node(manifest, tool, DEFINITION_MEMBER(place, member->name), inner, where, &member->node) && is_good;
    }
  } else {
    yyjson_arr_foreach(value, i, n, inner) {
      struct http_member *member = &node->members[node->n_members++];
      is_good = manifest_node(manifest, tool, DEFINITION_INDEX(place, i), inner, where, &member->node) && is_good;
    }
  }
  return is_good;
}

bool manifest_node(struct manifest *manifest, struct manifest_tool *tool, const struct definition_place *place,
                   yyjson_val *value, enum template_place where, struct http_node *ret_node) {
  *ret_node = (struct http_node){.kind = HTTP_NODE_CONSTANT, .constant = value};
  if (yyjson_is_ctn(value)) return read_members(manifest, tool, place, value, where, ret_node);
  if (!yyjson_is_str(value)) return true;
  if (!manifest_template(manifest, tool, place, json_str(value), where, &ret_node->text)) return false;
  if (template_is_value(&ret_node->text)) {
    ret_node->kind = HTTP_NODE_VALUE;
    return true;
  }
  ret_node->kind = HTTP_NODE_TEXT;
  for (size_t i = 0; i < ret_node->text.n_pieces; i++)
    if (ret_node->text.pieces[i].source != TEMPLATE_LITERAL) return true;
  /* Text without placeholders is what it says, but for its doubled braces. */
  bool has_braces =
      memchr(json_str(value).p, '{', json_str(value).n) || memchr(json_str(value).p, '}', json_str(value).n);
  if (!has_braces) ret_node->kind = HTTP_NODE_CONSTANT;
  return true;
}

static void make_text(struct manifest *manifest, struct http_node *node, struct buf *text) {
  if (node->kind == HTTP_NODE_CONSTANT) {
    json_write_value(text, node->constant);
    return;
  }
  buf_append_byte(text, node->kind == HTTP_NODE_OBJECT ? '{' : '[');
  for (size_t i = 0; i < node->n_members; i++) {
    if (i > 0) buf_append_byte(text, ',');
    buf_append_str(text, node->members[i].json);
    buf_append_str(text, node->members[i].node.json);
  }
  buf_append_byte(text, node->kind == HTTP_NODE_OBJECT ? '}' : ']');
}

void manifest_fold(struct manifest *manifest, struct http_node *node) {
  bool is_constant = node->kind != HTTP_NODE_VALUE && node->kind != HTTP_NODE_TEXT;
  for (size_t i = 0; i < node->n_members; i++) {
    manifest_fold(manifest, &node->members[i].node);
    is_constant = is_constant && node->members[i].node.kind == HTTP_NODE_CONSTANT;
  }
  if (!is_constant || node->json.p) return;
  struct buf text;
  buf_init(&text, NULL, (size_t)2 * LIMIT_JSON_FILE);
  make_text(manifest, node, &text);
  yyjson_doc *doc = NULL;
  struct err err;
  node->json = buf_failed(&text) ? STR_NONE : arena_str(manifest->arena, buf_str(&text));
  buf_release(&text);
  if (node->json.p && node->kind != HTTP_NODE_CONSTANT) {
    /* paging may have added to it: read again, so that forms have a value too */
    if (json_read(manifest->arena, node->json, &doc, &err) == ERR_NONE) node->constant = yyjson_doc_get_root(doc);
    if (doc) node->kind = HTTP_NODE_CONSTANT;
  }
  if (!node->json.p) manifest->findings->has_no_memory = true;
}

/* ---- multipart ---- */

/* A file: {"file": "{x}", "name": "{y}", "type": "{z}"}. */
static bool is_file(yyjson_val *value) {
  return yyjson_is_obj(value) && json_get(value, "file");
}

static void read_parts(struct manifest *manifest, struct manifest_tool *tool, const struct definition_place *place,
                       yyjson_val *value) {
  static const char *const names[] = {"file", "name", "type"};
  struct http_node *body = &tool->http->body;
  if (!yyjson_is_obj(value) || yyjson_obj_size(value) > MEMBERS_MAX) {
    definition_wrong(manifest->findings, place, "a multipart body is an object: each member is a part");
    return;
  }
  body->kind = HTTP_NODE_OBJECT;
  body->members = manifest_alloc(manifest, yyjson_obj_size(value) + SPARE, sizeof(*body->members));
  if (!body->members) return;
  size_t i, n;
  yyjson_val *key, *part;
  yyjson_obj_foreach(value, i, n, key, part) {
    struct http_member *member = &body->members[body->n_members++];
    member->name = json_str(key);
    const struct definition_place *at = DEFINITION_MEMBER(place, member->name);
    bool is_text = is_file(part) || !yyjson_is_ctn(part);
    (void)manifest_node(manifest, tool, at, part, is_text ? TEMPLATE_IN_TEXT : TEMPLATE_IN_JSON, &member->node);
    manifest_fold(manifest, &member->node);
    member->is_file = is_file(part);
    if (member->is_file) definition_known(manifest->findings, at, part, names, COUNT(names));
    for (size_t k = 0; member->is_file && k < member->node.n_members; k++) {
      const struct http_node *inner = &member->node.members[k].node;
      if (inner->kind == HTTP_NODE_OBJECT || inner->kind == HTTP_NODE_LIST)
        definition_wrong(manifest->findings, at, "file, name and type of a part are texts");
    }
  }
}

/* ---- bodies ---- */

static bool join_lines(struct manifest *manifest, yyjson_val *lines, const struct definition_place *place,
                       yyjson_val **ret_text) {
  struct buf text, json;
  buf_init(&text, manifest->arena, GRAPHQL_MAX);
  buf_init(&json, manifest->arena, (size_t)6 * GRAPHQL_MAX);
  size_t i, n;
  yyjson_val *line;
  if (yyjson_is_str(lines)) buf_append_str(&text, json_str(lines));
  yyjson_arr_foreach(lines, i, n, line) {
    if (!yyjson_is_str(line))
      definition_wrong(manifest->findings, DEFINITION_INDEX(place, i), "a line of the document is a text");
    if (i > 0) buf_append_byte(&text, '\n');
    buf_append_str(&text, json_str(line));
  }
  json_write_str(&json, buf_str(&text));
  yyjson_doc *doc;
  struct err err;
  if (text.n == 0 || buf_failed(&json) || json_read(manifest->arena, buf_str(&json), &doc, &err) != ERR_NONE) {
    definition_wrong(manifest->findings, place,
                     "graphql is the document: a list of lines, not empty, of at most %d bytes", GRAPHQL_MAX);
    return false;
  }
  *ret_text = yyjson_doc_get_root(doc);
  return true;
}

static void read_graphql(struct manifest *manifest, struct manifest_tool *tool, yyjson_val *lines) {
  struct http_tool *http = tool->http;
  const struct definition_place *place = DEFINITION_MEMBER(tool->place, STR("graphql"));
  yyjson_val *variables = json_get(tool->value, "variables"), *text;
  if (json_get(tool->value, "body"))
    definition_wrong(manifest->findings, DEFINITION_MEMBER(tool->place, STR("body")),
                     "graphql makes the body: what goes with it is \"variables\"");
  if (!str_eq(http->method, STR("POST")) && http->method.n > 0)
    definition_wrong(manifest->findings, DEFINITION_MEMBER(tool->place, STR("call")), "graphql is sent by POST");
  if (json_get(tool->value, "as") && http->as != HTTP_BODY_JSON)
    definition_wrong(manifest->findings, DEFINITION_MEMBER(tool->place, STR("as")), "graphql is sent as JSON");
  http->as = HTTP_BODY_JSON;
  http->body = (struct http_node){.kind = HTTP_NODE_OBJECT};
  http->body.members = manifest_alloc(manifest, 2 + SPARE, sizeof(*http->body.members));
  if (!http->body.members || !join_lines(manifest, lines, place, &text)) return;
  http->body.members[0] = (struct http_member){.name = STR("query"), .json = STR("\"query\":")};
  http->body.members[0].node = (struct http_node){.kind = HTTP_NODE_CONSTANT, .constant = text};
  http->body.n_members = 1;
  if (!variables) return;
  const struct definition_place *at = DEFINITION_MEMBER(tool->place, STR("variables"));
  if (!yyjson_is_obj(variables)) {
    definition_wrong(manifest->findings, at, "variables must be an object");
    return;
  }
  http->body.members[1] = (struct http_member){.name = STR("variables"), .json = STR("\"variables\":")};
  http->body.n_members = 2;
  (void)manifest_node(manifest, tool, at, variables, TEMPLATE_IN_JSON, &http->body.members[1].node);
}

static void read_raw(struct manifest *manifest, struct manifest_tool *tool, yyjson_val *value) {
  struct http_tool *http = tool->http;
  const struct definition_place *place = DEFINITION_MEMBER(tool->place, STR("body"));
  if (!yyjson_is_str(value)) {
    definition_wrong(manifest->findings, place, "a raw body is one template");
    return;
  }
  (void)manifest_node(manifest, tool, place, value, TEMPLATE_IN_TEXT, &http->body);
  manifest_fold(manifest, &http->body);
  http->raw_type = STR("application/octet-stream");
  (void)manifest_text(manifest, tool->value, tool->place, "type", 128, &http->raw_type);
  for (size_t i = 0; i < http->raw_type.n; i++)
    if (http->raw_type.p[i] < 0x20 || http->raw_type.p[i] > 0x7E) {
      definition_wrong(manifest->findings, DEFINITION_MEMBER(tool->place, STR("type")), "type must be a media type");
      break;
    }
}

void manifest_read_body(struct manifest *manifest, struct manifest_tool *tool) {
  struct http_tool *http = tool->http;
  yyjson_val *body = json_get(tool->value, "body"), *graphql = json_get(tool->value, "graphql");
  const struct definition_place *place = DEFINITION_MEMBER(tool->place, STR("body"));
  http->as = manifest->as;
  http->lists = manifest->lists;
  manifest_read_as(manifest, tool->value, tool->place, &http->as, &http->lists);
  if (json_get(tool->value, "variables") && !graphql)
    definition_wrong(manifest->findings, DEFINITION_MEMBER(tool->place, STR("variables")),
                     "variables go with \"graphql\"");
  if (json_get(tool->value, "type") && http->as != HTTP_BODY_RAW)
    definition_wrong(manifest->findings, DEFINITION_MEMBER(tool->place, STR("type")), "type goes with \"as\": \"raw\"");
  if (graphql) {
    read_graphql(manifest, tool, graphql);
    return;
  }
  if (!body) {
    if (json_get(tool->value, "as") || json_get(tool->value, "lists"))
      definition_doubt(manifest->findings, tool->place, "the tool has no body: as and lists mean nothing here");
    http->as = HTTP_BODY_NONE;
    return;
  }
  if (str_eq(http->method, STR("GET")))
    definition_wrong(manifest->findings, place, "a GET has no body: use \"query\", or another method");
  if (http->as == HTTP_BODY_RAW) {
    read_raw(manifest, tool, body);
  } else if (http->as == HTTP_BODY_MULTIPART) {
    read_parts(manifest, tool, place, body);
  } else {
    (void)manifest_node(manifest, tool, place, body, http->as == HTTP_BODY_FORM ? TEMPLATE_IN_QUERY : TEMPLATE_IN_JSON,
                        &http->body);
    if (http->as == HTTP_BODY_FORM && http->body.kind != HTTP_NODE_OBJECT && http->body.kind != HTTP_NODE_VALUE)
      definition_wrong(manifest->findings, place, "a form's body is an object: each member is a field");
  }
}
