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

/* ---- reading without stopping at the first mistake ---- */

/* Where the reader stands: a list of steps up to the root (parent NULL). */
struct definition_place {
  const struct definition_place *parent;
  struct str name; /* .p NULL: an index */
  size_t index;
};
#define DEFINITION_MEMBER(parent, name) (&(struct definition_place){(parent), (name), 0})
#define DEFINITION_INDEX(parent, index) (&(struct definition_place){(parent), STR_NONE, (index)})

/* `place` NULL: the root. */
void definition_wrong(struct connector_findings *findings, const struct definition_place *place, const char *format,
                      ...) PRINTF_LIKE(3, 4);
/* What the catalogue shows of a connector and no call needs: its description, its categories. */
void definition_read_shelf(yyjson_val *definition, struct connector_findings *findings);
/* A warning; counted only where the findings want them. */
void definition_doubt(struct connector_findings *findings, const struct definition_place *place, const char *format,
                      ...) PRINTF_LIKE(3, 4);
/* An error that a function returned; its own place, where it is a pointer, goes behind this one. */
void definition_found(struct connector_findings *findings, const struct definition_place *place, const struct err *err);
/* The first error, or no memory, as a function returns it; ERR_NONE where there was none. */
enum err_code definition_result(const struct connector_findings *findings, struct err *err) MUST_CHECK;
/* Every member that is in none of `names`. */
void definition_known(struct connector_findings *findings, const struct definition_place *place, yyjson_val *object,
                      const char *const *names, size_t n);
/* The shared part. The tools are in the list's order; those that are no objects have no name. definition_finish
 * sorts them. */
void definition_read(struct arena *arena, yyjson_val *definition, struct connector *connector,
                     struct connector_tool **ret_tools, struct connector_findings *findings);
void definition_finish(struct connector *connector, struct connector_tool *tools);

/* Where connector_definition_read has put this tool of the definition's list: it sorts them. */
size_t definition_tool_index(const struct connector *connector, yyjson_val *tool);

/* A text for people and models: no control characters but line ends and tabs, nothing that makes it look other than it
 * is (bidirectional overrides, invisible characters). */
bool definition_is_text(struct str text);

enum { DEFINITION_ID_MAX = 31 };
/* [a-z][a-z0-9_]*, at most DEFINITION_ID_MAX of them. */
bool definition_is_id(struct str text);

#endif
