/* Reads what an MCP server offers: each item cleaned for people's eyes, pinned by the hash of what was really sent, and
 * refused alone where it cannot be trusted to be what it seems. Must not know what was accepted before. */
#include "org/catalogue_item.h"

#include <stdio.h>

#include "base/limits.h"
#include "codec/json.h"
#include "codec/mirror.h"
#include "codec/plain_text.h"
#include "codec/schema.h"
#include "codec/uri_template.h"
#include "codec/utf8.h"
#include "org/catalogue_text.h"
#include "vault/vault.h"

enum { LABEL_MAX = 64 };

const char *catalogue_kind_name(enum catalogue_kind kind) {
  static const char *const names[] = {"tool", "resource", "template", "prompt", "instructions"};
  return names[kind];
}

struct reading {
  struct arena *arena;
  const struct map *others;
  struct catalogue_seen *items;
  size_t n;
  struct map names; /* of the kind being read -> struct catalogue_seen */
  struct buf left_out;
  struct err *err;
};

static const char *refusal(struct reading *reading, const char *format, ...) PRINTF_LIKE(2, 3);
static const char *refusal(struct reading *reading, const char *format, ...) {
  char text[ERR_TEXT_SIZE];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  const char *copy = arena_strdup(reading->arena, text);
  return copy ? copy : "there was no memory to look at it";
}

/* ---- names ---- */

static bool is_visible(struct str text) {
  for (size_t i = 0; i < text.n; i++)
    if ((unsigned char)text.p[i] < 0x20) return false;
  return plain_text_is(text);
}

static bool starts_fold(struct str text, struct str prefix) {
  return text.n >= prefix.n && str_eq_fold(str_make(text.p, prefix.n), prefix);
}

static const char *check_name(struct reading *reading, struct str name) {
  if (name.n > LIMIT_CATALOGUE_NAME) return refusal(reading, "its name has more than %d bytes", LIMIT_CATALOGUE_NAME);
  if (!is_visible(name)) return "its name has control or invisible characters";
  if (starts_fold(name, STR("connek_"))) return "it is named like one of Connek's own tools";
  return NULL;
}

static const char *check_uri(struct reading *reading, struct str uri) {
  if (uri.n > LIMIT_CATALOGUE_URI) return refusal(reading, "its URI has more than %d bytes", LIMIT_CATALOGUE_URI);
  if (!is_visible(uri) || memchr(uri.p, ' ', uri.n)) return "its URI has spaces, control or invisible characters";
  const char *colon = memchr(uri.p, ':', uri.n);
  if (!colon || colon == uri.p) return "its URI has no scheme";
  if (starts_fold(uri, STR("connek:"))) return "its URI is like one of Connek's own";
  return NULL;
}

/* ---- each kind ---- */

static const char *check_schema(struct reading *reading, yyjson_val *definition, const char *member, bool is_required) {
  yyjson_val *value = json_get(definition, member);
  if (!value && !is_required) return NULL;
  if (!yyjson_is_obj(value)) return refusal(reading, "its %s is not an object", member);
  if (is_required && !str_eq(json_get_str(value, "type"), STR("object")))
    return refusal(reading, "its %s is not of type \"object\"", member);
  struct arena scratch;
  struct schema *schema;
  struct err why = {0};
  arena_init(&scratch, LIMIT_HTTP_REQUEST_ARENA);
  enum err_code code = schema_compile(&scratch, value, &schema, &why);
  arena_release(&scratch);
  if (code == ERR_NONE) return NULL;
  return refusal(reading, "its %s cannot be used: %s%s%s", member, why.text, why.place[0] ? " at " : "", why.place);
}

static void read_hints(yyjson_val *definition, struct catalogue_seen *seen) {
  yyjson_val *hints = json_get(definition, "annotations");
  seen->is_read_only = yyjson_is_true(json_get(hints, "readOnlyHint"));
  seen->hint = seen->is_read_only                                    ? DOES_READ
               : yyjson_is_false(json_get(hints, "destructiveHint")) ? DOES_WRITE
                                                                     : DOES_DESTROY;
}

static const char *check_tool(struct reading *reading, yyjson_val *definition, struct catalogue_seen *seen) {
  read_hints(definition, seen);
  const char *why = check_name(reading, seen->name);
  if (!why) why = check_schema(reading, definition, "inputSchema", true);
  if (!why) why = check_schema(reading, definition, "outputSchema", false);
  struct err marks;
  if (!why && mirror_check(json_get(definition, "inputSchema"), &marks) != ERR_NONE)
    why = refusal(reading, "its inputSchema cannot be used: %s", marks.text);
  return why;
}

static const char *check_resource(struct reading *reading, yyjson_val *definition, struct catalogue_seen *seen) {
  if (memchr(seen->name.p, '{', seen->name.n)) return "its URI has braces, as only a template may";
  return check_uri(reading, seen->name);
}

static const char *check_template(struct reading *reading, yyjson_val *definition, struct catalogue_seen *seen) {
  const char *why = check_uri(reading, seen->name);
  return why || uri_template_is_valid(seen->name) ? why : "its template is not one of RFC 6570";
}

static const char *check_prompt(struct reading *reading, yyjson_val *definition, struct catalogue_seen *seen) {
  yyjson_val *arguments = json_get(definition, "arguments"), *item;
  size_t i, n;
  if (arguments && !yyjson_is_arr(arguments)) return "its arguments are not a list";
  if (arguments) yyjson_arr_foreach(arguments, i, n, item) {
      if (json_get_str(item, "name").n == 0) return "one of its arguments has no name";
    }
  return check_name(reading, seen->name);
}

static const struct {
  const char *name_member, *what;
  const char *(*check)(struct reading *reading, yyjson_val *definition, struct catalogue_seen *seen);
} kinds[] = {
    [CATALOGUE_TOOL] = {"name", "tools", check_tool},
    [CATALOGUE_RESOURCE] = {"uri", "resources", check_resource},
    [CATALOGUE_TEMPLATE] = {"uriTemplate", "resource templates", check_template},
    [CATALOGUE_PROMPT] = {"name", "prompts", check_prompt},
};

/* ---- hashing ---- */

/* What a resource says of its content (how large, of when) changes with it and is not what was accepted. */
static yyjson_val *without_content(struct arena *arena, yyjson_val *definition) {
  yyjson_alc alc = json_alc(arena);
  yyjson_mut_doc *doc = yyjson_mut_doc_new(&alc);
  yyjson_mut_val *root = doc ? yyjson_val_mut_copy(doc, definition) : NULL;
  if (!root) return NULL;
  yyjson_mut_doc_set_root(doc, root);
  if (yyjson_is_num(json_get(definition, "size"))) yyjson_mut_obj_remove_key(root, "size");
  struct str modified = json_get_str(json_get(definition, "annotations"), "lastModified");
  bool is_date = modified.n > 0 && modified.n <= 40;
  for (size_t i = 0; is_date && i < modified.n; i++)
    is_date = modified.p[i] && strchr("0123456789-+:.TZtz", modified.p[i]);
  if (is_date) yyjson_mut_obj_remove_key(yyjson_mut_obj_get(root, "annotations"), "lastModified");
  yyjson_doc *copy = yyjson_mut_doc_imut_copy(doc, &alc);
  return copy ? yyjson_doc_get_root(copy) : NULL;
}

static enum err_code hash_definition(struct reading *reading, yyjson_val *definition, struct catalogue_seen *seen) {
  struct buf canonical;
  struct arena scratch;
  arena_init(&scratch, 0);
  buf_init(&canonical, &scratch, (size_t)8 * LIMIT_JSON_FILE);
  yyjson_val *pinned = seen->kind == CATALOGUE_RESOURCE ? without_content(&scratch, definition) : definition;
  enum err_code code = pinned ? json_write_canonical(&canonical, pinned, reading->err) : err_no_memory(reading->err);
  if (code == ERR_NONE && buf_failed(&canonical)) code = err_no_memory(reading->err);
  if (code == ERR_NONE) vault_sha256(buf_str(&canonical), seen->hash);
  arena_release(&scratch);
  return code;
}

/* ---- the list ---- */

static void leave_out(struct reading *reading, const char *format, ...) PRINTF_LIKE(2, 3);
static void leave_out(struct reading *reading, const char *format, ...) {
  char text[ERR_TEXT_SIZE];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  buf_printf(&reading->left_out, "%s%s", reading->left_out.n ? "; " : "", text);
}

/* A name that can stand in a row and a table: of a refused item, it only names it. */
static struct str label(struct reading *reading, struct str name) {
  struct buf clean;
  buf_init(&clean, reading->arena, 4 * LABEL_MAX);
  struct str cut = utf8_cut(name, LABEL_MAX);
  (void)plain_text_write(&clean, cut);
  for (size_t i = 0; i < clean.n; i++)
    if ((unsigned char)clean.p[i] < 0x20) clean.p[i] = ' ';
  return arena_printf(reading->arena, "(refused) %.*s%s", (int)clean.n, clean.n ? clean.p : "",
                      cut.n < name.n ? "..." : "");
}

/* The same name twice: which of the two would a call mean? */
static void refuse_twin(struct reading *reading, struct catalogue_seen *first, const struct catalogue_seen *second) {
  if (memcmp(first->hash, second->hash, sizeof(first->hash)) == 0) return;
  if (!first->refusal) first->refusal = "the server lists it twice, and not the same";
}

static enum err_code write_definition(struct reading *reading, yyjson_val *definition, struct catalogue_seen *seen) {
  struct buf text, notes;
  buf_init(&text, reading->arena, LIMIT_CATALOGUE_DEFINITION);
  buf_init(&notes, reading->arena, 4 * KIB);
  const char *why = NULL;
  /* A resource's name is for people: its URI is what it is known by. */
  bool is_name_text = seen->kind == CATALOGUE_RESOURCE || seen->kind == CATALOGUE_TEMPLATE;
  catalogue_text_write(&text, definition, is_name_text, &notes, &why);
  if (buf_failed(&text)) {
    why = refusal(reading, "its definition has more than %d KiB", LIMIT_CATALOGUE_DEFINITION / KIB);
    seen->definition = STR("{}");
  } else {
    seen->definition = buf_str(&text);
  }
  if (!seen->refusal) seen->refusal = why;
  if (!why) catalogue_text_judge(definition, reading->others, &notes);
  seen->notes = notes.n > 0 ? buf_str(&notes) : STR("");
  return ERR_NONE;
}

static enum err_code read_item(struct reading *reading, enum catalogue_kind kind, yyjson_val *definition) {
  struct catalogue_seen *seen = &reading->items[reading->n];
  *seen = (struct catalogue_seen){.kind = kind, .hint = DOES_READ};
  seen->name = json_get_str(definition, kinds[kind].name_member);
  enum err_code code = hash_definition(reading, definition, seen);
  if (code != ERR_NONE) return code;
  struct catalogue_seen *first = map_get(&reading->names, seen->name);
  if (first) {
    refuse_twin(reading, first, seen);
    return ERR_NONE;
  }
  struct str key = seen->name;
  seen->refusal = kinds[kind].check(reading, definition, seen);
  if (seen->name.n > LIMIT_CATALOGUE_URI || !is_visible(seen->name)) seen->name = label(reading, seen->name);
  code = write_definition(reading, definition, seen);
  if (code != ERR_NONE) return code;
  if (!seen->name.p || map_put(&reading->names, key, seen) != ERR_NONE) return err_no_memory(reading->err);
  reading->n++;
  return ERR_NONE;
}

static enum err_code read_list(struct reading *reading, enum catalogue_kind kind, struct str json) {
  if (json.n == 0) return ERR_NONE;
  yyjson_doc *doc;
  enum err_code code = json_read(reading->arena, json, &doc, reading->err);
  if (code == ERR_NONE && !yyjson_is_arr(yyjson_doc_get_root(doc)))
    code = err_set(reading->err, ERR_INVALID, "it is not a list");
  if (code != ERR_NONE) {
    if (code != ERR_NO_MEMORY) err_prefix(reading->err, "its list of %s", kinds[kind].what);
    return code;
  }
  size_t first = reading->n, n_nameless = 0, n_over = 0, i, n;
  yyjson_val *item;
  map_init(&reading->names);
  yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, item) {
    if (json_get_str(item, kinds[kind].name_member).n == 0) {
      n_nameless++;
    } else if (reading->n - first >= LIMIT_CATALOGUE_ITEMS) {
      n_over++;
    } else if ((code = read_item(reading, kind, item)) != ERR_NONE) {
      break;
    }
  }
  map_release(&reading->names);
  if (n_nameless) leave_out(reading, "%zu of its %s have no %s", n_nameless, kinds[kind].what, kinds[kind].name_member);
  if (n_over)
    leave_out(reading, "it has %zu %s; only the first %d are taken", n, kinds[kind].what, LIMIT_CATALOGUE_ITEMS);
  return code;
}

static enum err_code read_instructions(struct reading *reading, struct str instructions) {
  if (instructions.n == 0) return ERR_NONE;
  struct catalogue_seen *seen = &reading->items[reading->n++];
  *seen = (struct catalogue_seen){.kind = CATALOGUE_INSTRUCTIONS, .name = STR(""), .hint = DOES_READ};
  struct buf clean, json, notes;
  buf_init(&clean, reading->arena, LIMIT_CATALOGUE_DEFINITION);
  buf_init(&json, reading->arena, 2 * LIMIT_CATALOGUE_DEFINITION);
  buf_init(&notes, reading->arena, 4 * KIB);
  vault_sha256(instructions, seen->hash);
  if (plain_text_write(&clean, instructions)) buf_append_c(&notes, CATALOGUE_NOTE_HIDDEN);
  json_write_str(&json, clean.n ? buf_str(&clean) : STR(""));
  if (buf_failed(&clean) || buf_failed(&json)) {
    seen->refusal = "its instructions are too long";
    seen->definition = STR("\"\"");
  } else {
    seen->definition = buf_str(&json);
    catalogue_text_judge_one(buf_str(&clean), reading->others, &notes);
  }
  seen->notes = notes.n > 0 ? buf_str(&notes) : STR("");
  return ERR_NONE;
}

enum err_code catalogue_read(struct arena *arena, const struct mcp_listing *listing, const struct map *others,
                             struct catalogue_reading *ret_reading, struct err *err) {
  struct reading reading = {.arena = arena, .others = others, .err = err};
  reading.items = arena_new_n(arena, struct catalogue_seen, 4 * LIMIT_CATALOGUE_ITEMS + 1);
  if (!reading.items) return err_no_memory(err);
  buf_init(&reading.left_out, arena, 4 * KIB);
  const struct str lists[] = {[CATALOGUE_TOOL] = listing->tools,
                              [CATALOGUE_RESOURCE] = listing->resources,
                              [CATALOGUE_TEMPLATE] = listing->templates,
                              [CATALOGUE_PROMPT] = listing->prompts};
  enum err_code code = ERR_NONE;
  for (int kind = CATALOGUE_TOOL; kind <= CATALOGUE_PROMPT && code == ERR_NONE; kind++)
    code = read_list(&reading, (enum catalogue_kind)kind, lists[kind]);
  if (code == ERR_NONE) code = read_instructions(&reading, listing->instructions);
  if (code != ERR_NONE) return code;
  *ret_reading = (struct catalogue_reading){reading.items, reading.n, STR_NONE};
  if (reading.left_out.n > 0) ret_reading->left_out = buf_str(&reading.left_out);
  return ERR_NONE;
}
