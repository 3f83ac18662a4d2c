/* A server.json of the official registry (https://static.modelcontextprotocol.io/schemas/): what it can be reached at
 * (remotes), or what it can be started from (packages). Older files have their names with underscores. */
#include <string.h>

#include "cli/import.h"

static yyjson_val *either(yyjson_val *object, const char *name, const char *old_name) {
  yyjson_val *value = json_get(object, name);
  return value ? value : json_get(object, old_name);
}

static struct str either_text(yyjson_val *object, const char *name, const char *old_name) {
  return json_str(either(object, name, old_name));
}

static bool is_secret(yyjson_val *input) {
  return yyjson_get_bool(either(input, "isSecret", "is_secret"));
}

static bool is_required(yyjson_val *input) {
  return yyjson_get_bool(either(input, "isRequired", "is_required"));
}

/* Of an input: what it says itself, or its default. */
static struct str value_of(yyjson_val *input) {
  struct str value = json_get_str(input, "value");
  return value.n > 0 ? value : json_get_str(input, "default");
}

/* ---- remotes ---- */

static void read_remote(struct import_server *server, yyjson_val *remote) {
  yyjson_val *headers = json_get(remote, "headers");
  import_url(server, json_get_str(remote, "url"));
  for (size_t i = 0; i < yyjson_arr_size(headers); i++) {
    yyjson_val *header = yyjson_arr_get(headers, i);
    struct str name = json_get_str(header, "name"), value = value_of(header);
    bool is_needed = is_secret(header) || is_required(header) || value.n > 0;
    if (is_needed) import_header(server, name, value, STR_NONE);
  }
}

static yyjson_val *find_by_type(yyjson_val *list, const char *type) {
  for (size_t i = 0; i < yyjson_arr_size(list); i++) {
    yyjson_val *item = yyjson_arr_get(list, i), *transport = json_get(item, "transport");
    struct str named = transport ? json_get_str(transport, "type") : either_text(item, "type", "transport_type");
    if (str_eq_c(named, type)) return item;
  }
  return NULL;
}

/* ---- packages ---- */

static void read_argument(struct import_server *server, yyjson_val *argument) {
  struct str name = json_get_str(argument, "name"), value = value_of(argument);
  bool is_named = str_eq_c(json_get_str(argument, "type"), "named");
  if (value.n == 0 && !is_required(argument) && !(is_named && is_required(argument))) return;
  if (is_named && name.n > 0) import_word(server, name, false, STR_NONE);
  bool is_flag_alone = is_named && value.n == 0 && !either(argument, "valueHint", "value_hint");
  if (is_flag_alone) return;
  bool hides = is_secret(argument) || import_is_secret_value(value);
  if (value.n > 0 || hides) {
    import_word(server, value, hides, name);
    return;
  }
  import_word(server, STR("REPLACE_ME"), false, STR_NONE);
  struct str hint = either_text(argument, "valueHint", "value_hint"),
             description = json_get_str(argument, "description");
  import_note(server, "put an argument in the place of REPLACE_ME: %.*s%s%.*s", STR_ARG(hint),
              hint.n > 0 && description.n > 0 ? ", " : "", STR_ARG(description));
}

static void read_arguments(struct import_server *server, yyjson_val *arguments) {
  for (size_t i = 0; i < yyjson_arr_size(arguments); i++)
    read_argument(server, yyjson_arr_get(arguments, i));
}

static void word(struct import_server *server, const char *text) {
  import_word(server, str_of(text), false, STR_NONE);
}

/* The program that runs a package of its kind, up to the package. */
static bool write_runner(struct import_server *server, yyjson_val *package, struct str type, yyjson_val *variables) {
  static const char *const runners[][2] = {{"npm", "npx"}, {"pypi", "uvx"}, {"oci", "docker"}, {"nuget", "dnx"}};
  struct str runner = either_text(package, "runtimeHint", "runtime_hint");
  for (size_t i = 0; i < sizeof(runners) / sizeof(runners[0]) && runner.n == 0; i++) {
    if (str_eq_c(type, runners[i][0])) runner = str_of(runners[i][1]);
  }
  if (runner.n == 0) return false;
  import_word(server, runner, false, STR_NONE);
  if (str_eq_c(runner, "npx")) word(server, "-y");
  if (str_eq_c(runner, "docker")) {
    word(server, "run");
    word(server, "-i");
    word(server, "--rm");
    for (size_t i = 0; i < yyjson_arr_size(variables); i++) {
      word(server, "-e");
      import_word(server, json_get_str(yyjson_arr_get(variables, i), "name"), false, STR_NONE);
    }
  }
  return true;
}

static bool read_package(struct import_server *server, yyjson_val *package) {
  struct arena *arena = server->import->arena;
  struct str type = either_text(package, "registryType", "registry_type"), name = json_get_str(package, "identifier");
  if (type.n == 0) type = json_get_str(package, "registry_name");
  if (name.n == 0) name = json_get_str(package, "name");
  struct str version = json_get_str(package, "version");
  yyjson_val *variables = either(package, "environmentVariables", "environment_variables");
  if (name.n == 0 || !write_runner(server, package, type, variables)) return false;
  read_arguments(server, either(package, "runtimeArguments", "runtime_arguments"));
  const char *joint = str_eq_c(type, "oci") ? ":" : "@";
  bool has_version = version.n == 0 || (str_eq_c(type, "oci") && memchr(name.p, ':', name.n));
  import_word(server, has_version ? name : arena_printf(arena, "%.*s%s%.*s", STR_ARG(name), joint, STR_ARG(version)),
              false, STR_NONE);
  read_arguments(server, either(package, "packageArguments", "package_arguments"));
  for (size_t i = 0; i < yyjson_arr_size(variables); i++) {
    yyjson_val *variable = yyjson_arr_get(variables, i);
    struct str value = value_of(variable), variable_name = json_get_str(variable, "name");
    if (value.n == 0 && !is_required(variable) && !is_secret(variable)) continue; /* it may be left out */
    bool may_stand = !is_secret(variable) && !import_is_secret_name(variable_name);
    import_environment(server, variable_name, value, may_stand, json_get_str(variable, "description"));
  }
  return true;
}

void import_registry(struct import *import, yyjson_val *described) {
  struct import_server server;
  yyjson_val *remotes = json_get(described, "remotes"), *packages = json_get(described, "packages");
  yyjson_val *remote = find_by_type(remotes, "streamable-http"), *package = find_by_type(packages, "stdio");
  if (!remote) remote = find_by_type(remotes, "streamable");
  if (!remote && !package) remote = find_by_type(remotes, "sse");
  if (!remote && !package && yyjson_arr_size(packages) > 0) package = yyjson_arr_get_first(packages);
  import_begin(import, json_get_str(described, "name"), json_get_str(described, "title"), &server);
  if (remote) {
    read_remote(&server, remote);
    if (package) import_note(&server, "it can also be started here, from a package; the URL was taken");
  } else if (!package || !read_package(&server, package)) {
    import_note(&server, "it has neither a URL nor a package of npm, PyPI, OCI or NuGet: left out");
    return;
  }
  import_end(&server);
}
