/* Holds header fields against the arguments that they repeat (codec/mirror.h). Must not know where fields come from. */
#include "mcp/parameter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/json.h"
#include "codec/mirror.h"

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

static bool check(void *context, struct str header, yyjson_val *value) {
  const struct walk *walk = context;
  char name[sizeof("Mcp-Param-") + NAME_MAX_BYTES];
  struct str field, text;
  snprintf(name, sizeof(name), "Mcp-Param-%.*s", STR_ARG(header));
  const char *problem = NULL;
  if (!walk->fields->get(walk->fields->context, name, &field))
    problem = "appears twice";
  else if (!value || yyjson_is_null(value))
    problem = field.p ? "has no argument that it repeats" : NULL;
  else if (!field.p)
    problem = "is missing";
  else if (!mirror_decode(walk->arena, field, &text))
    problem = "is neither plain ASCII nor valid base64";
  else if (!says(text, value))
    problem = "differs from the argument";
  if (problem) err_set(walk->err, ERR_INVALID, "Header mismatch: %s %s", name, problem);
  return !problem;
}

bool mcp_parameters_match(struct arena *arena, yyjson_val *input_schema, yyjson_val *arguments,
                          const struct mcp_fields *fields, struct err *err) {
  struct walk walk = {arena, fields, err};
  return mirror_each(input_schema, arguments, check, &walk);
}
