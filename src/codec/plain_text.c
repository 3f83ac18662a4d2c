/* Takes out of a text what is not to be seen. Pure. Must not know where texts come from. */
#include "codec/plain_text.h"

#include "codec/utf8.h"

enum {
  ESCAPE = 0x1B,
  BELL = 0x07,
  CSI_C1 = 0x9B,
  OSC_C1 = 0x9D,
  ST_C1 = 0x9C,
  JOINERS_MAX = 2 /* a heart between two people has two */
};

static const struct {
  uint32_t first, last;
} hidden[] = {
    {0x00, 0x08},       {0x0B, 0x0C},       {0x0E, 0x1F},       {0x7F, 0x9F},     {0xAD, 0xAD},     {0x34F, 0x34F},
    {0x61C, 0x61C},     {0x115F, 0x1160},   {0x17B4, 0x17B5},   {0x180B, 0x180F}, {0x200B, 0x200B}, {0x200E, 0x200F},
    {0x202A, 0x202E},   {0x2060, 0x206F},   {0x3164, 0x3164},   {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB},
    {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

static bool is_hidden(uint32_t c) {
  for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
    if (c >= hidden[i].first && c <= hidden[i].last) return true;
  return c == UINT32_MAX;
}

static bool joins(uint32_t c) {
  return c == 0x200C || c == 0x200D || (c >= 0xFE00 && c <= 0xFE0F);
}

/* ECMA-48, 5.4: parameters and intermediates, then one final byte. */
static void skip_control_sequence(struct str text, size_t *i) {
  while (*i < text.n && text.p[*i] >= 0x20 && text.p[*i] <= 0x3F)
    (*i)++;
  if (*i < text.n && text.p[*i] >= 0x40 && text.p[*i] <= 0x7E) (*i)++;
}

/* Up to BEL or ST; one that never ends goes on to the line's end. */
static void skip_command_string(struct str text, size_t *i) {
  while (*i < text.n && text.p[*i] != '\n') {
    uint32_t c = utf8_next(text, i);
    if (c == BELL || c == ST_C1) return;
    if (c == ESCAPE && *i < text.n && text.p[*i] == '\\') {
      (*i)++;
      return;
    }
  }
}

static void skip_escape(struct str text, size_t *i) {
  if (*i >= text.n) return;
  char c = text.p[*i];
  if (c == '[') {
    (*i)++;
    skip_control_sequence(text, i);
  } else if (c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_') {
    (*i)++;
    skip_command_string(text, i);
  } else if (c >= 0x20 && c <= 0x7E) {
    while (*i < text.n && text.p[*i] >= 0x20 && text.p[*i] <= 0x2F)
      (*i)++;
    if (*i < text.n && text.p[*i] >= 0x30 && text.p[*i] <= 0x7E) (*i)++;
  }
}

/* `out` NULL: stops at the first thing that would be taken out. */
static bool clean(struct buf *out, struct str text) {
  bool has_taken = false;
  unsigned n_joiners = JOINERS_MAX; /* none of them may begin a text */
  for (size_t i = 0; i < text.n;) {
    size_t start = i;
    uint32_t c = utf8_next(text, &i);
    bool is_joiner = joins(c);
    bool is_lone_return = c == '\r' && (i >= text.n || text.p[i] != '\n'); /* writes over what stands there */
    if (is_hidden(c) || is_lone_return || (is_joiner && n_joiners >= JOINERS_MAX)) {
      if (!out) return true;
      has_taken = true;
      if (c == ESCAPE) skip_escape(text, &i);
      if (c == CSI_C1) skip_control_sequence(text, &i);
      if (c == OSC_C1) skip_command_string(text, &i);
      continue;
    }
    n_joiners = is_joiner ? n_joiners + 1 : 0;
    if (out) buf_append(out, text.p + start, i - start);
  }
  return has_taken;
}

bool plain_text_write(struct buf *out, struct str text) {
  return clean(out, text);
}

bool plain_text_is(struct str text) {
  return !clean(NULL, text);
}
