/* Where something is in a JSON value: "a.b.0.c", names and indices with dots between. A name that has dots in it
 * ("@odata.nextLink") is found as well, where the shorter one is not there. Compiled once, walked without parsing. */
#ifndef CONNEK_CODEC_JSON_PATH_H
#define CONNEK_CODEC_JSON_PATH_H

#include "base/arena.h"
#include "base/err.h"
#include "codec/json.h"

enum { JSON_PATH_STEPS = 16 };

struct json_path_step {
  struct str name; /* a slice of the path's text: the next step's stands right behind its dot */
  uint32_t index;  /* UINT32_MAX: not a number, a name alone */
};

struct json_path {
  struct json_path_step steps[JSON_PATH_STEPS];
  size_t n_steps; /* 0: the value itself */
};

/* Borrows `text`. "" and "." are the value itself. */
enum err_code json_path_compile(struct str text, struct json_path *ret_path, struct err *err) MUST_CHECK;
/* NULL: it is not there. */
yyjson_val *json_path_get(const struct json_path *path, yyjson_val *value);

#endif
