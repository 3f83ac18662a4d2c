/* Compressed answers, made plain: DEFLATE (RFC 1951) in its wrappings of HTTP. Pure. */
#ifndef CONNEK_CODEC_INFLATE_H
#define CONNEK_CODEC_INFLATE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* One or more gzip members (RFC 1952), checksums and all. Appends to `out`. ERR_INVALID; ERR_TOO_LARGE: more than
 * out->max, found out before more is written; ERR_NO_MEMORY. */
enum err_code inflate_gzip(struct str gzip, struct buf *out, struct err *err) MUST_CHECK;
/* A zlib stream (RFC 1950), which HTTP calls "deflate"; or a bare DEFLATE stream, which some servers do. */
enum err_code inflate_zlib(struct str zlib, struct buf *out, struct err *err) MUST_CHECK;

#endif
