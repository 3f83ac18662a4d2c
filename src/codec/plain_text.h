/* Text from strangers, for people and models to read: what a terminal would obey and what nobody can see is taken out.
 * ANSI escape sequences, control characters but line ends and tabs, bidirectional overrides, zero-width characters and
 * Unicode's tag characters. Joiners and variation selectors, which languages and emoji need, stay where at most
 * two stand together: in a longer row they carry hidden bytes. */
#ifndef CONNEK_CODEC_PLAIN_TEXT_H
#define CONNEK_CODEC_PLAIN_TEXT_H

#include "base/buf.h"
#include "base/str.h"

/* Appends `text` (valid UTF-8) without all that. True: something was taken out. */
bool plain_text_write(struct buf *out, struct str text);
/* Would nothing be taken out? */
bool plain_text_is(struct str text);

#endif
