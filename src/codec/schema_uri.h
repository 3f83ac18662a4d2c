/* URI references (RFC 3986) as $id and $ref use them: any scheme, taken apart and resolved, never fetched. */
#ifndef CONNEK_CODEC_SCHEMA_URI_H
#define CONNEK_CODEC_SCHEMA_URI_H

#include "base/arena.h"
#include "base/str.h"

/* Slices of the text; .p is NULL where the part is absent (a path is never absent, but may be empty). */
struct schema_uri {
  struct str scheme, authority, path, query, fragment;
};

void schema_uri_split(struct str text, struct schema_uri *ret_uri); /* RFC 3986, appendix B */
/* RFC 3986, 5.2, without the fragment of the reference, which is left to the caller. .p is NULL without memory. A base
 * that is relative itself, even empty, is used as it is. */
struct str schema_uri_resolve(struct arena *arena, struct str base, struct str reference);

enum schema_uri_kind { SCHEMA_URI, SCHEMA_URI_REFERENCE, SCHEMA_IRI, SCHEMA_IRI_REFERENCE };
bool schema_uri_is_valid(struct str text, enum schema_uri_kind kind);

#endif
