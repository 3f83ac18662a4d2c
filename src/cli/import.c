/* What connectors and connections are made of, whatever form a server was described in. No secret passes: where one
 * stands in the file, the configuration names a variable. */
#include "cli/import.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "connector/definition.h"

enum { VARIABLE_MAX = 100, NOTE_MAX = 400 };

static yyjson_mut_val *text_of(struct import *import, struct str text) {
  return yyjson_mut_strncpy(import->doc, text.p ? text.p : "", text.n);
}

static void put(struct import *import, yyjson_mut_val *object, const char *name, yyjson_mut_val *value) {
  yyjson_mut_obj_add(object, yyjson_mut_strcpy(import->doc, name), value);
}

void import_note(struct import_server *server, const char *format, ...) {
  char text[NOTE_MAX];
  int n = snprintf(text, sizeof(text), "%.*s: ", STR_ARG(server->id));
  va_list list;
  va_start(list, format);
  (void)vsnprintf(text + n, sizeof(text) - (size_t)n, format, list);
  va_end(list);
  yyjson_mut_arr_append(server->import->notes, text_of(server->import, str_of(text)));
}

/* ---- names ---- */

static bool is_taken(const struct import *import, struct str id) {
  size_t i, n;
  yyjson_mut_val *connector;
  yyjson_mut_arr_foreach(import->connectors, i, n, connector) {
    yyjson_mut_val *other = yyjson_mut_obj_get(connector, "id");
    if (str_eq(str_make(yyjson_mut_get_str(other), yyjson_mut_get_len(other)), id)) return true;
  }
  return false;
}

/* "io.github.someone/Email-MCP" is email. */
static struct str id_of(struct import *import, struct str name) {
  static const char *const affixes[] = {"mcp_server_", "server_", "mcp_", "_mcp_server", "_mcp", "_server"};
  char id[DEFINITION_ID_MAX + 1]; /* with room for an ending */
  size_t n = 0;
  const char *slash = name.n > 0 ? memrchr(name.p, '/', name.n) : NULL;
  if (slash && slash + 1 < name.p + name.n) name = str_make(slash + 1, name.n - (size_t)(slash + 1 - name.p));
  for (size_t i = 0; i < name.n && n < DEFINITION_ID_MAX - 7; i++) {
    unsigned char c = (unsigned char)name.p[i];
    char out = isalnum(c) && c < 0x80 ? (char)tolower(c) : '_';
    if (n == 0 && (out == '_' || isdigit((unsigned char)out))) continue;
    if (out == '_' && id[n - 1] == '_') continue;
    id[n++] = out;
  }
  while (n > 0 && id[n - 1] == '_')
    n--;
  struct str made = {id, n};
  for (size_t i = 0; i < sizeof(affixes) / sizeof(affixes[0]); i++) {
    struct str affix = str_of(affixes[i]);
    if (made.n <= affix.n) continue;
    if (affix.p[0] != '_' && str_starts(made, affix) && isalpha((unsigned char)made.p[affix.n]))
      made = str_make(made.p + affix.n, made.n - affix.n);
    else if (affix.p[0] == '_' && str_ends(made, affix))
      made.n -= affix.n;
  }
  if (made.n == 0) made = STR("server");
  /* What Connek brings along keeps its name. */
  struct str free_one =
      arena_printf(import->arena, "%.*s%s", STR_ARG(made), connector_builtin_find(made) ? "_mcp" : "");
  for (int i = 2; is_taken(import, free_one) && i < 100; i++)
    free_one = arena_printf(import->arena, "%.*s_%d", STR_ARG(made), i);
  return free_one;
}

/* The variable that holds a secret: the name that it has already, with the connector's before it where another server
 * of this file has a variable of that name. */
static struct str variable_of(struct import_server *server, struct str wanted, struct str description) {
  struct import *import = server->import;
  struct buf name;
  buf_init(&name, import->arena, VARIABLE_MAX + DEFINITION_ID_MAX + 8);
  for (int pass = 0; pass < 2; pass++) {
    buf_clear(&name);
    if (pass > 0 || wanted.n == 0) buf_printf(&name, "%.*s_", STR_ARG(server->id));
    buf_append_str(&name,
                   wanted.n == 0 ? STR("key") : str_make(wanted.p, wanted.n < VARIABLE_MAX ? wanted.n : VARIABLE_MAX));
    for (size_t i = 0; i < name.n; i++) {
      unsigned char c = (unsigned char)name.p[i];
      name.p[i] = isalnum(c) && c < 0x80 ? (char)toupper(c) : '_';
    }
    if (name.n > 0 && isdigit((unsigned char)name.p[0])) name.p[0] = '_';
    bool is_other = false;
    size_t i, n;
    yyjson_mut_val *variable;
    yyjson_mut_arr_foreach(import->variables, i, n, variable) {
      yyjson_mut_val *other = yyjson_mut_obj_get(variable, "name");
      is_other |= str_eq(str_make(yyjson_mut_get_str(other), yyjson_mut_get_len(other)), buf_str(&name));
    }
    if (!is_other) break;
  }
  yyjson_mut_val *variable = yyjson_mut_obj(import->doc);
  put(import, variable, "name", text_of(import, buf_str(&name)));
  put(import, variable, "connector", text_of(import, server->id));
  if (description.n > 0) put(import, variable, "description", text_of(import, description));
  yyjson_mut_arr_append(import->variables, variable);
  return buf_str(&name);
}

static yyjson_mut_val *reference(struct import_server *server, struct str wanted, struct str description) {
  yyjson_mut_val *value = yyjson_mut_obj(server->import->doc);
  put(server->import, value, "env", text_of(server->import, variable_of(server, wanted, description)));
  return value;
}

/* ---- one server ---- */

void import_begin(struct import *import, struct str name, struct str title, struct import_server *ret_server) {
  *ret_server = (struct import_server){.import = import, .id = id_of(import, name)};
  ret_server->connector = yyjson_mut_obj(import->doc);
  put(import, ret_server->connector, "id", text_of(import, ret_server->id));
  put(import, ret_server->connector, "kind", text_of(import, STR("mcp")));
  if (title.n > 0 && title.n <= LIMIT_NAME) put(import, ret_server->connector, "name", text_of(import, title));
}

void import_end(struct import_server *server) {
  struct import *import = server->import;
  if (server->command) put(import, server->connector, "command", server->command);
  if (server->environment) put(import, server->connector, "environment", server->environment);
  yyjson_mut_arr_append(import->connectors, server->connector);
  yyjson_mut_val *connection = yyjson_mut_obj(import->doc);
  put(import, connection, "name", text_of(import, server->id));
  put(import, connection, "connector", text_of(import, server->id));
  if (server->credential) put(import, connection, "credential", server->credential);
  yyjson_mut_arr_append(import->connections, connection);
}

/* Without a user, and with REPLACE_ME where a part of path or query looks like a secret. */
static struct str clean_url(struct import_server *server, struct str url) {
  struct buf out;
  bool has_secret = false;
  buf_init(&out, server->import->arena, 16 * KIB);
  const char *scheme = memmem(url.p, url.n, "://", 3);
  size_t at = scheme ? (size_t)(scheme + 3 - url.p) : 0;
  size_t end = at;
  while (end < url.n && !strchr("/?#", url.p[end]))
    end++;
  const char *user = memrchr(url.p + at, '@', end - at);
  buf_append(&out, url.p, at);
  if (user) {
    has_secret = true;
    at = (size_t)(user + 1 - url.p);
  }
  buf_append(&out, url.p + at, end - at);
  bool is_query = false;
  while (end < url.n && url.p[end] != '#') {
    char separator = url.p[end++];
    is_query |= separator == '?';
    size_t start = end;
    while (end < url.n && !strchr("/?#&", url.p[end]))
      end++;
    struct str value = {url.p + start, end - start}, name = STR_NONE;
    if (is_query) name = str_cut(&value, '=');
    bool is_secret = (is_query && value.n > 0 && import_is_secret_name(name)) || import_is_secret_value(value);
    buf_append_byte(&out, separator);
    if (is_query) buf_printf(&out, "%.*s%s", STR_ARG(name), value.p ? "=" : "");
    buf_append_str(&out, is_secret ? STR("REPLACE_ME") : value);
    has_secret |= is_secret;
  }
  if (has_secret)
    import_note(server,
                "its URL holds a secret, which is not copied. Connek sends secrets in a header; if this server "
                "takes none, put it in the place of REPLACE_ME yourself");
  return buf_failed(&out) ? url : buf_str(&out);
}

void import_url(struct import_server *server, struct str url) {
  struct str clean = clean_url(server, url);
  put(server->import, server->connector, "url", text_of(server->import, clean));
  if (memchr(clean.p, '{', clean.n)) import_note(server, "fill in what stands in braces in its URL");
}

void import_header(struct import_server *server, struct str name, struct str value, struct str wanted) {
  struct import *import = server->import;
  if (server->credential) {
    import_note(server, "the header %.*s is left out: only one can be sent", STR_ARG(name));
    return;
  }
  struct str rest = value, prefix = STR_NONE;
  const char *space = value.n > 0 ? memchr(value.p, ' ', value.n) : NULL;
  if (space) {
    prefix = str_make(value.p, (size_t)(space + 1 - value.p));
    rest = str_make(space + 1, value.n - prefix.n);
  }
  struct str placeholder = import_placeholder(rest);
  if (wanted.n == 0) wanted = placeholder;
  bool is_usual = str_eq_fold(name, STR("Authorization")) && (str_eq_fold(prefix, STR("Bearer ")) || !space);
  if (!is_usual) {
    yyjson_mut_val *key = yyjson_mut_obj(import->doc), *auth = yyjson_mut_obj(import->doc);
    put(import, key, "header", text_of(import, name));
    if (prefix.n > 0) put(import, key, "prefix", text_of(import, prefix));
    put(import, auth, "key", key);
    put(import, server->connector, "auth", auth);
  }
  server->credential = yyjson_mut_obj(import->doc);
  put(import, server->credential, "key", reference(server, wanted, STR_NONE));
}

void import_word(struct import_server *server, struct str word, bool is_secret, struct str named) {
  struct import *import = server->import;
  struct str shown = word;
  if (!server->command) server->command = yyjson_mut_arr(import->doc);
  if (is_secret) {
    struct str flag = word;
    const char *equals = word.n > 0 && word.p[0] == '-' ? memchr(word.p, '=', word.n) : NULL;
    flag.n = equals ? (size_t)(equals + 1 - word.p) : 0;
    shown = arena_printf(import->arena, "%.*sREPLACE_ME", STR_ARG(flag));
    import_note(server,
                "its command has a secret as an argument (%.*s), which is not copied: whoever may list processes can "
                "read it there. If it takes a variable instead, put that under \"environment\"",
                STR_ARG(named.n > 0 ? named : STR("REPLACE_ME")));
  }
  yyjson_mut_arr_append(server->command, text_of(import, shown));
}

void import_environment(struct import_server *server, struct str name, struct str value, bool may_stand,
                        struct str description) {
  struct import *import = server->import;
  if (!server->environment) server->environment = yyjson_mut_obj(import->doc);
  struct str placeholder = import_placeholder(value);
  bool is_plain =
      value.n > 0 && !placeholder.p && (may_stand || import_is_harmless(name, value)) && !import_is_secret_value(value);
  yyjson_mut_val *member = is_plain ? text_of(import, value) : reference(server, name, description);
  yyjson_mut_obj_add(server->environment, text_of(import, name), member);
}
