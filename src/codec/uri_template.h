/* URI templates (RFC 6570) read backwards: does a URI fit one, and what would it be under another one with the same
 * expressions? Pure, bounded. */
#ifndef CONNEK_CODEC_URI_TEMPLATE_H
#define CONNEK_CODEC_URI_TEMPLATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum { URI_TEMPLATE_EXPRESSIONS = 32 };

/* Braces in pairs, each with an expression of variables; at most URI_TEMPLATE_EXPRESSIONS. */
bool uri_template_is_valid(struct str text);
/* What stands before the first expression. */
struct str uri_template_prefix(struct str text);
/* Could the template have made this URI? More is taken than the RFC would write, as servers do: {x} is anything but a
 * slash, {+x} and {#x} are anything. A URI that takes too long to say fits none. */
bool uri_template_fits(struct str text, struct str uri);
/* Where `uri` fits `from`: what stands in its expressions, put into those of `to`, which must be the same. In the
 * arena; STR_NONE: it does not fit, or no memory. */
struct str uri_template_move(struct arena *arena, struct str from, struct str to, struct str uri);
/* The template with everything but its expressions percent-encoded. */
void uri_template_write_encoded(struct buf *out, struct str text);

#endif
