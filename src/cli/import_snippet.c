/* An entry of mcpServers as people have it: Claude Desktop and Code, Cursor, Windsurf, Gemini (mcpServers), VS Code
 * (servers). A command with arguments and variables, or a URL with headers. */
#include <string.h>

#include "cli/import.h"

static struct str first_text(yyjson_val *entry, const char *const *names, size_t n) {
  for (size_t i = 0; i < n; i++) {
    struct str text = json_get_str(entry, names[i]);
    if (text.n > 0) return text;
  }
  return STR_NONE;
}

static void read_remote(struct import_server *server, yyjson_val *entry, struct str url) {
  size_t i, n;
  yyjson_val *headers = json_get(entry, "headers"), *key, *value;
  import_url(server, url);
  if (str_eq_c(json_get_str(entry, "type"), "sse"))
    import_note(server, "it was written down as HTTP+SSE, an older transport; Connek finds out which one it speaks");
  if (!headers) return;
  yyjson_obj_foreach(headers, i, n, key, value) import_header(server, json_str(key), json_str(value), STR_NONE);
}

/* `npx mcp-remote URL --header "Name: value"` is a remote server already. */
static bool read_wrapped(struct import_server *server, yyjson_val *args) {
  struct str url = STR_NONE;
  bool is_wrapped = false;
  size_t n = yyjson_arr_size(args);
  for (size_t i = 0; i < n; i++) {
    struct str word = json_str(yyjson_arr_get(args, i));
    bool is_bridge = str_eq_c(word, "mcp-remote") || str_starts(word, STR("mcp-remote@")) ||
                     str_eq_c(word, "connek-bridge") || str_starts(word, STR("connek-bridge@"));
    is_wrapped |= is_bridge;
    bool is_url = str_starts(word, STR("http://")) || str_starts(word, STR("https://"));
    if (is_wrapped && is_url && !url.p) url = word;
  }
  if (!is_wrapped || !url.p) return false;
  import_url(server, url);
  for (size_t i = 0; i + 1 < n; i++) {
    if (!str_eq_c(json_str(yyjson_arr_get(args, i)), "--header")) continue;
    struct str value = json_str(yyjson_arr_get(args, i + 1));
    struct str name = str_cut(&value, ':');
    import_header(server, str_trim(name), str_trim(value), STR_NONE);
  }
  import_note(server, "it was started as a bridge to a URL; Connek goes to that URL itself");
  return true;
}

static void read_child(struct import_server *server, yyjson_val *entry, struct str command) {
  yyjson_val *args = json_get(entry, "args"), *variables = json_get(entry, "env"), *key, *value;
  struct str before = STR_NONE;
  size_t i, n;
  if (read_wrapped(server, args)) return;
  import_word(server, command, false, STR_NONE);
  for (i = 0, n = yyjson_arr_size(args); i < n; i++) {
    struct str word = json_str(yyjson_arr_get(args, i)), name = word;
    bool is_flag = word.n > 1 && word.p[0] == '-';
    struct str given = word;
    if (is_flag) name = str_cut(&given, '=');
    bool is_value = !is_flag && before.n > 1 && before.p[0] == '-' && import_is_secret_name(before);
    bool is_assigned = is_flag && given.p && (import_is_secret_name(name) || import_is_secret_value(given));
    bool is_secret = is_value || is_assigned || (!is_flag && import_is_secret_value(word)) ||
                     (!is_flag && import_placeholder(word).n > 0);
    import_word(server, word, is_secret, is_value ? before : is_flag ? name : STR_NONE);
    before = given.p && is_flag ? STR_NONE : word;
  }
  if (!variables) return;
  yyjson_obj_foreach(variables, i, n, key, value)
      import_environment(server, json_str(key), json_str(value), false, STR_NONE);
}

void import_snippet(struct import *import, struct str name, yyjson_val *entry) {
  static const char *const urls[] = {"url", "serverUrl", "httpUrl"};
  struct import_server server;
  import_begin(import, name, STR_NONE, &server);
  struct str url = first_text(entry, urls, sizeof(urls) / sizeof(urls[0])), command = json_get_str(entry, "command");
  if (!yyjson_is_obj(entry) || (!url.p && command.n == 0)) {
    import_note(&server, "it has neither a command nor a URL: left out");
    return;
  }
  if (yyjson_get_bool(json_get(entry, "disabled"))) {
    import_note(&server, "it is disabled: left out");
    return;
  }
  if (url.p)
    read_remote(&server, entry, url);
  else
    read_child(&server, entry, command);
  import_end(&server);
}
