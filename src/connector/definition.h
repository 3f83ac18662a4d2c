/* What kinds use to read their part of a definition. Internal to connector/. */
#ifndef CONNEK_CONNECTOR_DEFINITION_H
#define CONNEK_CONNECTOR_DEFINITION_H

#include "connector/connector.h"

/* The members of an object that a kind knows beside the shared ones. `planned`: in the format, but not read by this
 * version. */
struct definition_members {
  const char *const *known;
  size_t n_known;
  const char *const *planned;
  size_t n_planned;
};

/* Refuses any member of `object` that is neither known nor shared. `place`: the object's JSON pointer. */
enum err_code definition_check_members(yyjson_val *object, const struct definition_members *shared,
                                       const struct definition_members *own, const char *place,
                                       struct err *err) MUST_CHECK;
extern const struct definition_members definition_shared, definition_tool_shared;

/* ERR_INVALID at PLACE/NAME. */
enum err_code definition_fail(struct err *err, const char *place, const char *name, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Where connector_definition_read has put this tool of the definition's list: it sorts them. */
size_t definition_tool_index(const struct connector *connector, yyjson_val *tool);

/* A text for people and models: no control characters but line ends and tabs, nothing that makes it look other than it
 * is (bidirectional overrides, invisible characters). */
bool definition_is_text(struct str text);

#endif
