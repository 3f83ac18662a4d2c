/* The words of a definition: made fit to be shown, and looked at for what should make a reviewer look twice. For
 * src/org alone. */
#ifndef CONNEK_ORG_CATALOGUE_TEXT_H
#define CONNEK_ORG_CATALOGUE_TEXT_H

#include <yyjson.h>

#include "base/buf.h"
#include "base/map.h"

#define CATALOGUE_NOTE_HIDDEN "terminal escapes or invisible characters were taken out of its texts\n"

/* Appends `definition` as JSON, texts for people (titles and descriptions, at any depth; the
 * whole's own name where `is_name_text`) cleaned; a note is added where
 * something was taken out. Where what is no text for people (a name, a value of a schema) hides something, *ret_refusal
 * says so: it could not be cleaned without meaning another thing. */
void catalogue_text_write(struct buf *out, yyjson_val *definition, bool is_name_text, struct buf *notes,
                          const char **ret_refusal);
/* Adds notes on titles and descriptions that speak of tools of other connections (`others`: a map by their names, or
 * NULL), or to a model past its person. */
void catalogue_text_judge(yyjson_val *definition, const struct map *others, struct buf *notes);
void catalogue_text_judge_one(struct str text, const struct map *others, struct buf *notes);

#endif
