/* DEFLATE in its wrappings, by zlib, from bytes that are all there into a buffer with a cap. What is made is bounded by
 * that cap, what is done by it and the input. Must not know where the bytes come from. */
#include "codec/inflate.h"

#include <limits.h>
#define ZLIB_CONST /* next_in points to what is not to be changed */
#include <zlib.h>

/* zlib's inflateInit2: what stands around the DEFLATE stream, by the window's bits. */
enum { WRAP_GZIP = 15 + 16, WRAP_ZLIB = 15, WRAP_NONE = -15 };

enum { PIECE = 16 * 1024 };

static enum err_code put(struct buf *out, const unsigned char *bytes, size_t n, struct err *err) {
  if (n > out->max - out->n) return err_set(err, ERR_TOO_LARGE, "unpacked it is over %zu bytes", out->max);
  buf_append(out, (const char *)bytes, n);
  return buf_failed(out) ? err_no_memory(err) : ERR_NONE;
}

/* To the stream's end. Every turn makes bytes, or takes some, or is the last. */
static enum err_code inflate_stream(z_stream *stream, struct buf *out, struct err *err) {
  unsigned char piece[PIECE];
  int status = Z_OK;
  while (status == Z_OK) {
    stream->next_out = piece;
    stream->avail_out = sizeof(piece);
    status = inflate(stream, Z_NO_FLUSH);
    enum err_code code = put(out, piece, sizeof(piece) - stream->avail_out, err);
    if (code != ERR_NONE) return code;
  }
  if (status == Z_STREAM_END) return ERR_NONE;
  if (status == Z_MEM_ERROR) return err_no_memory(err);
  return err_set(err, ERR_INVALID, "it is damaged where it is compressed");
}

static enum err_code inflate_all(struct str in, int wrap, struct buf *out, struct err *err) {
  z_stream stream = {.next_in = (const unsigned char *)in.p, .avail_in = (unsigned)in.n};
  if (in.n > UINT_MAX) return err_set(err, ERR_TOO_LARGE, "it is over 4 GiB");
  if (buf_failed(out)) return err_no_memory(err);
  if (inflateInit2(&stream, wrap) != Z_OK) return err_no_memory(err);
  enum err_code code = inflate_stream(&stream, out, err);
  while (code == ERR_NONE && stream.avail_in > 0 && wrap == WRAP_GZIP) { /* RFC 1952, 2.2: members follow each other */
    (void)inflateReset(&stream); /* of a stream that was begun: it cannot fail */
    code = inflate_stream(&stream, out, err);
  }
  if (code == ERR_NONE && stream.avail_in > 0)
    code = err_set(err, ERR_INVALID, "something follows where it is compressed");
  (void)inflateEnd(&stream);
  return code;
}

enum err_code inflate_gzip(struct str gzip, struct buf *out, struct err *err) {
  return inflate_all(gzip, WRAP_GZIP, out, err);
}

/* RFC 1950, 2.2: DEFLATE with a window of at most 32 KiB, and a check over both bytes. */
static bool has_zlib_head(struct str text) {
  if (text.n < 2) return false;
  unsigned method = (unsigned char)text.p[0], flags = (unsigned char)text.p[1];
  return (method & 0x0F) == 8 && method >> 4 <= 7 && (method << 8 | flags) % 31 == 0;
}

enum err_code inflate_zlib(struct str zlib, struct buf *out, struct err *err) {
  return inflate_all(zlib, has_zlib_head(zlib) ? WRAP_ZLIB : WRAP_NONE, out, err);
}
