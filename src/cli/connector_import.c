/* connek connector import: what a server needs to stand in the configuration, made of what people have of it. Writes
 * nothing but to standard output. */
#include <string.h>

#include "base/limits.h"
#include "cli/cli.h"
#include "cli/import.h"
#include "config/config.h"
#include "connector/connector.h"

enum { FILE_MAX = 4 * MIB };

/* Comments and trailing commas: editors' files have them. */
static enum err_code read_file(struct arena *arena, const char *path, yyjson_doc **ret_doc, struct err *err) {
  struct buf text;
  buf_init(&text, arena, FILE_MAX + 64 * KIB);
  enum err_code code = config_read_file(path, FILE_MAX, &text, err);
  if (code) return code;
  yyjson_alc alc = json_alc(arena);
  yyjson_read_err problem;
  yyjson_doc *doc =
      yyjson_read_opts(text.p, text.n, YYJSON_READ_ALLOW_COMMENTS | YYJSON_READ_ALLOW_TRAILING_COMMAS, &alc, &problem);
  if (!doc) return err_set(err, ERR_INVALID, "byte %zu: not JSON: %s", problem.pos, problem.msg);
  *ret_doc = doc;
  return ERR_NONE;
}

static void import_snippets(struct import *import, yyjson_val *servers) {
  size_t i, n;
  yyjson_val *key, *entry;
  yyjson_obj_foreach(servers, i, n, key, entry) import_snippet(import, json_str(key), entry);
}

static bool looks_like_entry(yyjson_val *value) {
  return json_get(value, "command") || json_get(value, "url") || json_get(value, "serverUrl") ||
         json_get(value, "httpUrl");
}

static bool looks_like_registry(yyjson_val *value) {
  return json_get(value, "name") &&
         (yyjson_is_arr(json_get(value, "packages")) || yyjson_is_arr(json_get(value, "remotes")));
}

/* The name for what has none: the file's, without its folder and ending. */
static struct str name_of(const char *path) {
  const char *slash = strrchr(path, '/');
  struct str rest = str_of(slash ? slash + 1 : path);
  return str_cut(&rest, '.');
}

/* False: none of the forms. */
static bool read_form(struct import *import, const char *path, yyjson_val *root) {
  yyjson_val *servers = json_get(root, "mcpServers"), *wrapped = json_get(root, "server");
  if (!servers) servers = json_get(root, "servers");
  if (!servers) servers = json_get(json_get(root, "mcp"), "servers");
  if (!servers) servers = json_get(root, "context_servers");
  if (looks_like_registry(root)) {
    import_registry(import, root);
  } else if (looks_like_registry(wrapped)) { /* as the registry's API answers */
    import_registry(import, wrapped);
  } else if (yyjson_is_arr(servers)) {
    for (size_t i = 0; i < yyjson_arr_size(servers); i++) {
      yyjson_val *item = yyjson_arr_get(servers, i), *inner = json_get(item, "server");
      import_registry(import, inner ? inner : item);
    }
  } else if (yyjson_is_obj(servers)) {
    import_snippets(import, servers);
  } else if (looks_like_entry(root)) {
    import_snippet(import, name_of(path), root);
  } else if (yyjson_is_obj(root) && yyjson_obj_size(root) > 0 &&
             looks_like_entry(yyjson_obj_iter_get_val(unsafe_yyjson_get_first(root)))) {
    import_snippets(import, root);
  } else {
    return false;
  }
  return true;
}

/* What this version would say to what was made. */
static void check(struct import *import) {
  size_t i, n;
  yyjson_mut_val *definition;
  yyjson_mut_arr_foreach(import->connectors, i, n, definition) {
    struct connector connector;
    struct err err = {0};
    yyjson_alc alc = json_alc(import->arena);
    yyjson_doc *doc = yyjson_mut_val_imut_copy(definition, &alc);
    if (!doc || !connector_compile(import->arena, yyjson_doc_get_root(doc), &connector, &err)) continue;
    struct import_server server = {.import = import, .id = json_get_str(yyjson_doc_get_root(doc), "id")};
    import_note(&server, "as it is, apply refuses it: %s%s%s", err.place, err.place[0] ? ": " : "", err.text);
  }
}

/* ---- what is printed ---- */

static enum err_code write_value(struct arena *arena, yyjson_mut_val *value, yyjson_write_flag flags, struct buf *out,
                                 struct err *err) {
  yyjson_alc alc = json_alc(arena);
  size_t n;
  char *text = yyjson_mut_val_write_opts(value, flags, &alc, &n, NULL);
  if (!text) return err_no_memory(err);
  buf_append(out, text, n);
  buf_append_byte(out, '\n');
  return ERR_NONE;
}

static struct str member(yyjson_mut_val *object, const char *name) {
  yyjson_mut_val *value = yyjson_mut_obj_get(object, name);
  return str_make(yyjson_mut_get_str(value), yyjson_mut_get_len(value));
}

/* On standard error, so that standard output is the configuration alone. */
static void tell(const struct import *import) {
  size_t i, n;
  yyjson_mut_val *item;
  if (yyjson_mut_arr_size(import->variables) > 0)
    (void)fprintf(stderr, "\nSet these variables where `connek apply` runs; no secret was copied:\n");
  yyjson_mut_arr_foreach(import->variables, i, n, item) {
    struct str description = member(item, "description");
    (void)fprintf(stderr, "  %.*s (%.*s)%s%.*s\n", STR_ARG(member(item, "name")), STR_ARG(member(item, "connector")),
                  description.n > 0 ? ": " : "", STR_ARG(description));
  }
  if (yyjson_mut_arr_size(import->notes) > 0) (void)fprintf(stderr, "\nTo know:\n");
  yyjson_mut_arr_foreach(import->notes, i, n, item)(void)
      fprintf(stderr, "  %.*s\n", (int)yyjson_mut_get_len(item), yyjson_mut_get_str(item));
}

static int print(const struct cli_args *args, struct import *import) {
  bool is_json = cli_has(args, "json");
  yyjson_mut_val *root = yyjson_mut_obj(import->doc);
  struct err err = {0};
  struct buf out;
  buf_init(&out, import->arena, 64 * MIB);
  yyjson_mut_obj_add_val(import->doc, root, "connectors", import->connectors);
  yyjson_mut_obj_add_val(import->doc, root, "connections", import->connections);
  if (is_json) yyjson_mut_obj_add_val(import->doc, root, "variables", import->variables);
  if (is_json) yyjson_mut_obj_add_val(import->doc, root, "notes", import->notes);
  if (write_value(import->arena, root, is_json ? YYJSON_WRITE_NOFLAG : YYJSON_WRITE_PRETTY_TWO_SPACES, &out, &err))
    return cli_fail(args, &err);
  int exit_code = cli_print_buf(args, &out);
  if (!is_json) tell(import);
  return exit_code;
}

static int import_file(const struct cli_args *args, struct arena *arena) {
  const char *path = args->words[0];
  yyjson_alc alc = json_alc(arena);
  struct import import = {.arena = arena, .doc = yyjson_mut_doc_new(&alc)};
  struct err err = {0};
  yyjson_doc *doc = NULL;
  if (!import.doc) return cli_fail(args, (err_no_memory(&err), &err));
  if (read_file(arena, path, &doc, &err)) {
    err_prefix(&err, "%s", path);
    return cli_fail(args, &err);
  }
  import.connectors = yyjson_mut_arr(import.doc);
  import.connections = yyjson_mut_arr(import.doc);
  import.variables = yyjson_mut_arr(import.doc);
  import.notes = yyjson_mut_arr(import.doc);
  if (!read_form(&import, path, yyjson_doc_get_root(doc))) {
    cli_warn(args, "%s: neither a server.json of the registry nor a file with mcpServers or servers", path);
    return CLI_FAILED;
  }
  check(&import);
  int exit_code = print(args, &import);
  if (yyjson_mut_arr_size(import.connectors) > 0) return exit_code;
  cli_warn(args, "%s: no server that could be taken", path);
  return CLI_FAILED;
}

static const struct cli_option options[] = {
    {"json", NULL, NULL, NULL, "one JSON object on a line, with the variables and remarks", false, false},
};

const struct cli_command cli_connector_import = {
    .name = "connector import",
    .words = "FILE",
    .min_words = 1,
    .max_words = 1,
    .summary = "makes connectors and connections of a server.json or an mcpServers snippet",
    .description =
        "Reads a server.json of the official registry (or what its API answers), or a file with MCP servers as\n"
        "Claude Desktop, Claude Code, Cursor, Windsurf (\"mcpServers\") and VS Code (\"servers\") have it, and prints\n"
        "what to add to the configuration. Nothing is stored. No secret is copied: the configuration names a\n"
        "variable of the environment for each, and standard error says which ones to set. A server that is started\n"
        "by a command runs on Connek's machine, as Connek.\n",
    .example = "  connek connector import ~/.cursor/mcp.json\n",
    CLI_OPTIONS(options),
    .run = import_file,
};
