/* DEFLATE (RFC 1951), gzip (RFC 1952), zlib (RFC 1950), from bytes that are all there into a buffer with a cap. What is
 * made is bounded by that cap, what is done by it and the input. Must not know where the bytes come from. */
#include "codec/inflate.h"

enum {
  CODE_MAX = 15, /* bits */
  FAST_BITS = 9, /* codes up to here are looked up, longer ones are counted out */
  SYMBOLS_MAX = 288,
  DISTANCES_MAX = 30,
  END_OF_BLOCK = 256,
};

struct reader {
  const unsigned char *at, *end;
  uint32_t bits; /* read and not yet used, the next one lowest */
  unsigned n_bits;
  bool is_short; /* more was wanted than there is */
  bool is_over;  /* more would be written than `out` may hold */
  struct buf *out;
  size_t from; /* of `out`: where this stream began; nothing before it can be referred to */
};

/* A canonical code: how many symbols have each length, and the symbols in order. `fast`: the lowest FAST_BITS bits to
 * symbol << 4 | length; 0: longer, or none. */
struct code {
  uint16_t counts[CODE_MAX + 1];
  uint16_t symbols[SYMBOLS_MAX];
  uint16_t fast[1 << FAST_BITS];
};

static enum err_code broken(struct err *err) {
  return err_set(err, ERR_INVALID, "compressed content is damaged");
}

/* ---- bits ---- */

static void bits_fill(struct reader *reader, unsigned n) {
  for (; reader->n_bits < n && reader->at < reader->end; reader->n_bits += 8)
    reader->bits |= (uint32_t)*reader->at++ << reader->n_bits;
}

static unsigned bits_take(struct reader *reader, unsigned n) {
  bits_fill(reader, n);
  if (reader->n_bits < n) {
    reader->is_short = true;
    return 0;
  }
  unsigned value = reader->bits & ((1u << n) - 1);
  reader->bits >>= n;
  reader->n_bits -= n;
  return value;
}

/* To the next byte; whole ones that were read ahead are given back. */
static void bits_align(struct reader *reader) {
  reader->at -= reader->n_bits / 8;
  reader->bits = reader->n_bits = 0;
}

static char *room(struct reader *reader, size_t n) {
  struct buf *out = reader->out;
  char *p = buf_reserve(out, n);
  if (!p) reader->is_over = n > out->max - out->n;
  return p;
}

/* ---- codes ---- */

static unsigned reversed(unsigned code, unsigned n) {
  unsigned out = 0;
  for (unsigned i = 0; i < n; i++)
    out |= (code >> i & 1) << (n - 1 - i);
  return out;
}

/* False: the lengths are those of no code. One that leaves bits unused may have a single symbol only (3.2.7). */
static bool code_make(struct code *code, const uint8_t *lengths, unsigned n) {
  uint16_t offsets[CODE_MAX + 2] = {0};
  unsigned next[CODE_MAX + 2] = {0};
  *code = (struct code){0};
  for (unsigned symbol = 0; symbol < n; symbol++)
    code->counts[lengths[symbol]]++;
  unsigned n_used = n - code->counts[0];
  code->counts[0] = 0;
  int left = 1;
  for (unsigned length = 1; length <= CODE_MAX; length++) {
    left = 2 * left - code->counts[length];
    if (left < 0) return false;
    offsets[length + 1] = (uint16_t)(offsets[length] + code->counts[length]);
    next[length + 1] = (next[length] + code->counts[length]) << 1;
  }
  if (left > 0 && !(n_used == 0 || (n_used == 1 && code->counts[1] == 1))) return false;
  for (unsigned symbol = 0; symbol < n; symbol++) {
    unsigned length = lengths[symbol];
    if (length == 0) continue;
    code->symbols[offsets[length]++] = (uint16_t)symbol;
    unsigned bits = next[length]++;
    if (length > FAST_BITS) continue;
    for (unsigned i = reversed(bits, length); i < 1u << FAST_BITS; i += 1u << length)
      code->fast[i] = (uint16_t)(symbol << 4 | length);
  }
  return true;
}

/* The next symbol; negative: there is none of that code. */
static int symbol_take(struct reader *reader, const struct code *code) {
  bits_fill(reader, CODE_MAX);
  unsigned fast = code->fast[reader->bits & ((1u << FAST_BITS) - 1)];
  if (fast && (fast & 15) <= reader->n_bits) {
    reader->bits >>= fast & 15;
    reader->n_bits -= fast & 15;
    return (int)(fast >> 4);
  }
  int bits = 0, first = 0, at = 0;
  for (unsigned length = 1; length <= CODE_MAX; length++) {
    bits |= (int)bits_take(reader, 1);
    int count = code->counts[length];
    if (bits - first < count) return reader->is_short ? -1 : code->symbols[at + bits - first];
    at += count;
    first = (first + count) << 1;
    bits <<= 1;
  }
  return -1;
}

/* ---- blocks ---- */

static bool copy_back(struct reader *reader, size_t distance, size_t n) {
  struct buf *out = reader->out;
  if (distance > out->n - reader->from || !room(reader, n)) return false;
  char *to = out->p + out->n;
  const char *back = to - distance;
  for (size_t i = 0; i < n; i++) /* byte by byte: it may repeat what it has just written */
    to[i] = back[i];
  out->n += n;
  return true;
}

static bool read_symbols(struct reader *reader, const struct code *literals, const struct code *distances) {
  static const uint16_t lengths[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                     31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
  static const uint8_t length_bits[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                        2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
  static const uint16_t steps[] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                   33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                   1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
  for (;;) {
    int symbol = symbol_take(reader, literals);
    if (symbol < 0) return false;
    if (symbol == END_OF_BLOCK) return true;
    if (symbol < END_OF_BLOCK) {
      char *to = room(reader, 1);
      if (!to) return false;
      *to = (char)symbol;
      reader->out->n++;
      continue;
    }
    unsigned length = (unsigned)symbol - END_OF_BLOCK - 1;
    if (length >= sizeof(length_bits)) return false;
    size_t n = lengths[length] + bits_take(reader, length_bits[length]);
    symbol = symbol_take(reader, distances);
    if (symbol < 0 || symbol >= DISTANCES_MAX) return false;
    unsigned extra = symbol < 4 ? 0 : (unsigned)symbol / 2 - 1;
    size_t distance = steps[symbol] + bits_take(reader, extra);
    if (reader->is_short || !copy_back(reader, distance, n)) return false;
  }
}

static bool read_stored(struct reader *reader) {
  bits_align(reader);
  if (reader->is_short || reader->end - reader->at < 4) return false;
  unsigned n = reader->at[0] | (unsigned)reader->at[1] << 8, inverse = reader->at[2] | (unsigned)reader->at[3] << 8;
  reader->at += 4;
  if (n != (~inverse & 0xffff) || (size_t)(reader->end - reader->at) < n || !room(reader, n)) return false;
  buf_append(reader->out, reader->at, n);
  reader->at += n;
  return true;
}

static bool read_fixed(struct reader *reader) {
  uint8_t lengths[SYMBOLS_MAX];
  struct code literals, distances;
  for (unsigned i = 0; i < SYMBOLS_MAX; i++)
    lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  bool is_made = code_make(&literals, lengths, SYMBOLS_MAX);
  memset(lengths, 5, 32);
  return is_made && code_make(&distances, lengths, 32) && read_symbols(reader, &literals, &distances);
}

/* The lengths of both codes, themselves in a code (3.2.7). */
static bool read_lengths(struct reader *reader, const struct code *code, uint8_t *lengths, unsigned n) {
  for (unsigned i = 0; i < n;) {
    int symbol = symbol_take(reader, code);
    if (symbol < 0 || reader->is_short) return false;
    if (symbol < 16) {
      lengths[i++] = (uint8_t)symbol;
      continue;
    }
    if (symbol == 16 && i == 0) return false;
    uint8_t length = symbol == 16 ? lengths[i - 1] : 0;
    unsigned times = symbol == 16   ? 3 + bits_take(reader, 2)
                     : symbol == 17 ? 3 + bits_take(reader, 3)
                                    : 11 + bits_take(reader, 7);
    if (times > n - i) return false;
    memset(lengths + i, length, times);
    i += times;
  }
  return true;
}

static bool read_dynamic(struct reader *reader) {
  static const uint8_t order[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  uint8_t lengths[SYMBOLS_MAX + 32] = {0};
  struct code literals, distances;
  unsigned n_literals = 257 + bits_take(reader, 5), n_distances = 1 + bits_take(reader, 5),
           n = 4 + bits_take(reader, 4);
  if (n_literals > 286 || n_distances > DISTANCES_MAX) return false;
  for (unsigned i = 0; i < n; i++)
    lengths[order[i]] = (uint8_t)bits_take(reader, 3);
  if (reader->is_short || !code_make(&literals, lengths, sizeof(order))) return false;
  memset(lengths, 0, sizeof(lengths));
  return read_lengths(reader, &literals, lengths, n_literals + n_distances) && lengths[END_OF_BLOCK] != 0 &&
         code_make(&distances, lengths + n_literals, n_distances) && code_make(&literals, lengths, n_literals) &&
         read_symbols(reader, &literals, &distances);
}

static enum err_code read_blocks(struct reader *reader, struct err *err) {
  bool is_last = false, is_fine = true;
  while (is_fine && !is_last) {
    is_last = bits_take(reader, 1);
    switch (bits_take(reader, 2)) {
      case 0:
        is_fine = read_stored(reader);
        break;
      case 1:
        is_fine = read_fixed(reader);
        break;
      case 2:
        is_fine = read_dynamic(reader);
        break;
      default:
        is_fine = false;
    }
  }
  if (reader->is_over) return err_set(err, ERR_TOO_LARGE, "compressed content is larger than allowed");
  if (buf_failed(reader->out)) return err_no_memory(err);
  if (!is_fine || reader->is_short) return broken(err);
  bits_align(reader);
  return ERR_NONE;
}

/* ---- gzip ---- */

static uint32_t crc32_of(const char *bytes, size_t n) {
  static const uint32_t table[] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                   0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                   0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < n; i++) {
    crc ^= (unsigned char)bytes[i];
    crc = table[crc & 15] ^ crc >> 4;
    crc = table[crc & 15] ^ crc >> 4;
  }
  return ~crc;
}

static uint32_t little_endian(const unsigned char *p) {
  return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool skip(struct reader *reader, size_t n) {
  if ((size_t)(reader->end - reader->at) < n) return false;
  reader->at += n;
  return true;
}

static bool skip_text(struct reader *reader) {
  const unsigned char *nul =
      reader->at < reader->end ? memchr(reader->at, 0, (size_t)(reader->end - reader->at)) : NULL;
  if (!nul) return false;
  reader->at = nul + 1;
  return true;
}

/* RFC 1952, 2.3. */
static bool skip_gzip_head(struct reader *reader) {
  enum { HAS_CRC = 2, HAS_EXTRA = 4, HAS_NAME = 8, HAS_COMMENT = 16, RESERVED = 0xe0 };
  const unsigned char *head = reader->at;
  if (!skip(reader, 10) || head[0] != 0x1f || head[1] != 0x8b || head[2] != 8 || head[3] & RESERVED) return false;
  if (head[3] & HAS_EXTRA) {
    const unsigned char *n = reader->at;
    if (!skip(reader, 2) || !skip(reader, n[0] | (size_t)n[1] << 8)) return false;
  }
  if (head[3] & HAS_NAME && !skip_text(reader)) return false;
  if (head[3] & HAS_COMMENT && !skip_text(reader)) return false;
  return !(head[3] & HAS_CRC) || skip(reader, 2);
}

static struct reader reader_of(struct str in, struct buf *out) {
  const unsigned char *at = (const unsigned char *)in.p;
  return (struct reader){.at = at, .end = at + in.n, .out = out, .from = out->n};
}

enum err_code inflate_gzip(struct str gzip, struct buf *out, struct err *err) {
  struct reader reader = reader_of(gzip, out);
  do {
    reader.from = out->n;
    if (!skip_gzip_head(&reader)) return broken(err);
    enum err_code code = read_blocks(&reader, err);
    if (code != ERR_NONE) return code;
    const unsigned char *tail = reader.at;
    size_t n = out->n - reader.from;
    if (!skip(&reader, 8) || little_endian(tail) != crc32_of(out->p + reader.from, n) ||
        little_endian(tail + 4) != (uint32_t)n)
      return broken(err);
  } while (reader.at < reader.end);
  return ERR_NONE;
}

/* ---- zlib ---- */

static uint32_t adler32_of(const char *bytes, size_t n) {
  enum { BASE = 65521, RUN = 5552 /* so many that the sums do not overflow (zlib's NMAX) */ };
  uint32_t a = 1, b = 0;
  for (size_t i = 0; i < n;) {
    size_t end = n - i < RUN ? n : i + RUN;
    for (; i < end; i++) {
      a += (unsigned char)bytes[i];
      b += a;
    }
    a %= BASE;
    b %= BASE;
  }
  return b << 16 | a;
}

/* RFC 1950, 2.2. A preset dictionary is nothing that HTTP knows. */
static bool has_zlib_head(struct str zlib) {
  if (zlib.n < 2) return false;
  unsigned method = (unsigned char)zlib.p[0], flags = (unsigned char)zlib.p[1];
  return (method & 15) == 8 && method >> 4 <= 7 && (method << 8 | flags) % 31 == 0 && !(flags & 0x20);
}

enum err_code inflate_zlib(struct str zlib, struct buf *out, struct err *err) {
  struct reader reader = reader_of(zlib, out);
  bool is_wrapped = has_zlib_head(zlib);
  if (is_wrapped) reader.at += 2;
  enum err_code code = read_blocks(&reader, err);
  if (code != ERR_NONE || !is_wrapped) return code;
  const unsigned char *tail = reader.at;
  if (!skip(&reader, 4)) return broken(err);
  uint32_t sum = (uint32_t)tail[0] << 24 | (uint32_t)tail[1] << 16 | (uint32_t)tail[2] << 8 | tail[3];
  return sum == adler32_of(out->p + reader.from, out->n - reader.from) ? ERR_NONE : broken(err);
}
