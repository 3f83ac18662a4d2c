/* What a configuration file may name outside itself: other files, and variables of the environment. Only the operator's
 * own command gets this far: without a base folder every such name is refused. Private to this folder. */
#ifndef CONNEK_CONFIG_REFERENCE_H
#define CONNEK_CONFIG_REFERENCE_H

#include "base/buf.h"
#include "config/config.h"
#include "config/reader.h"

/* `path` as it stands in the file, made relative to the file's folder; NUL-terminated, in the arena. */
enum err_code reference_path(const struct config_reader *reader, struct str path, const struct config_place *place,
                             const char **ret_path) MUST_CHECK;
/* {"env": "NAME"} or {"file": "path"}: an object of exactly that one member, a string. */
bool reference_is_one(yyjson_val *value);
/* Appends what a reference stands for (a file without the newline at its end). The error names the variable or the
 * file, never the content. */
enum err_code reference_resolve(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                                struct buf *out) MUST_CHECK;
/* Appends `value` as JSON with every reference within it replaced by the string it stands for. */
enum err_code reference_write_resolved(const struct config_reader *reader, yyjson_val *value,
                                       const struct config_place *place, struct buf *out) MUST_CHECK;

#endif
