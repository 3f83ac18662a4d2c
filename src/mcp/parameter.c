/* Walks the properties of a tool's schema, those alone that a chain of `properties` reaches, beside its arguments. */
#include "mcp/parameter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "codec/json.h"
#include "mcp/envelope.h"

enum { NAME_MAX_BYTES = 128, NUMBER_MAX = 32 };

struct walk {
  struct arena *arena;
  const struct mcp_fields *fields;
  struct err *err;
};

/* 42.0 and 42 are equal (2026-07-28, transports, Server Validation). */
static bool is_number(struct str text, double wanted) {
  char copy[NUMBER_MAX + 1];
  char *end;
  if (text.n == 0 || text.n > NUMBER_MAX || memchr(text.p, 'x', text.n) || memchr(text.p, ' ', text.n)) return false;
  memcpy(copy, text.p, text.n);
  copy[text.n] = '\0';
  double value = strtod(copy, &end);
  return *end == '\0' && isfinite(value) && value == wanted;
}

static bool says(struct str text, yyjson_val *value) {
  if (yyjson_is_str(value)) return str_eq(text, json_str(value));
  if (yyjson_is_bool(value)) return str_eq_c(text, yyjson_get_bool(value) ? "true" : "false");
  if (yyjson_is_num(value)) return is_number(text, yyjson_get_num(value));
  return true; /* nothing that a header could say: the schema refuses it */
}

static bool check(const struct walk *walk, struct str header, yyjson_val *value) {
  char name[NAME_MAX_BYTES + 16];
  struct str field, text;
  if (header.n == 0 || header.n > NAME_MAX_BYTES) return true; /* no name of a field: no such tool is accepted */
  snprintf(name, sizeof(name), "Mcp-Param-%.*s", STR_ARG(header));
  const char *problem = NULL;
  if (!walk->fields->get(walk->fields->context, name, &field))
    problem = "appears twice";
  else if (!value || yyjson_is_null(value))
    problem = field.p ? "has no argument that it repeats" : NULL;
  else if (!field.p)
    problem = "is missing";
  else if (!mcp_header_decode(walk->arena, field, &text))
    problem = "is neither plain ASCII nor valid base64";
  else if (!says(text, value))
    problem = "differs from the argument";
  if (problem) err_set(walk->err, ERR_INVALID, "Header mismatch: %s %s", name, problem);
  return !problem;
}

static bool walk_properties(const struct walk *walk, yyjson_val *schema, yyjson_val *arguments, unsigned depth) {
  size_t i, n;
  yyjson_val *key, *property;
  yyjson_val *properties = json_get(schema, "properties");
  if (depth > LIMIT_JSON_DEPTH || !properties) return true;
  yyjson_obj_foreach(properties, i, n, key, property) {
    struct str name = json_str(key), header = json_get_str(property, "x-mcp-header");
    yyjson_val *value = yyjson_obj_getn(arguments, name.p, name.n);
    if (header.p && !check(walk, header, value)) return false;
    if (!walk_properties(walk, property, value, depth + 1)) return false;
  }
  return true;
}

bool mcp_parameters_match(struct arena *arena, yyjson_val *input_schema, yyjson_val *arguments,
                          const struct mcp_fields *fields, struct err *err) {
  const struct walk walk = {arena, fields, err};
  return walk_properties(&walk, input_schema, arguments, 0);
}
