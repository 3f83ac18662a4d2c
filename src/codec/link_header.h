/* The Link field of HTTP (RFC 8288, section 3). */
#ifndef CONNEK_CODEC_LINK_HEADER_H
#define CONNEK_CODEC_LINK_HEADER_H

#include "base/str.h"

/* The target of the first link of `field` with the relation type `relation`, as written: perhaps a relative reference.
 * False: there is none, or what comes before it is no Link field. A link with an anchor of its own speaks of something
 * else and is passed over. The target is a slice of `field`. */
bool link_header_find(struct str field, struct str relation, struct str *ret_target);

#endif
