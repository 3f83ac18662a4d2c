/* Patterns compiled and run by PCRE2. Its match limit counts backtracks from each start alone, and not what lies
 * between two of them, so what a match may cost is bounded here: by starts, backtracks and length, against the budget
 * of the check. Must not know what a schema is. */
#include "codec/schema_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "codec/schema.h"
#include "codec/schema_work.h"
#include "codec/utf8.h"

enum {
  TRANSLATED_MAX = 256 * 1024,
  NESTING_MAX = 100,
  HEAP_KIB = 16 * 1024,
  SHOWN_PATTERN = 80,
  STARTS_FIRST = 64, /* where a match is looked for at first */
  SUBJECT_LONG = 4 * 1024,
  /* A backtrack costs about so many bytes' looking at, besides the bytes that it does look at. */
  TRY_BYTES = 32,
  BYTES_A_STEP = 512,
};

struct schema_pattern {
  pcre2_code *code;
  bool is_anchored;
  bool may_scan;
  size_t n;      /* bytes of its text */
  size_t weight; /* of looking at one character */
};

struct schema_matcher {
  pcre2_match_data *found;
  pcre2_match_context *context;
};

static void *in_arena(size_t size, void *arena) {
  return arena_alloc(arena, size);
}

static void in_arena_free(void *p, void *arena) {
  (void)p;
  (void)arena;
}

static const uint32_t options =
    PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;

/* -> what pcre2_compile says: NULL and a code where it fails. `arena` NULL: the heap. */
static pcre2_code *compile(struct arena *arena, struct str text, int *ret_code) {
  PCRE2_SIZE at;
  pcre2_code *code = NULL;
  pcre2_general_context *memory = arena ? pcre2_general_context_create(in_arena, in_arena_free, arena) : NULL;
  pcre2_compile_context *context = arena && !memory ? NULL : pcre2_compile_context_create(memory);
  *ret_code = PCRE2_ERROR_HEAP_FAILED;
  if (context) {
    pcre2_set_parens_nest_limit(context, NESTING_MAX);
    /* In ECMA-262 half a surrogate pair is a character; none ever stands in a subject. */
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
    code = pcre2_compile((PCRE2_SPTR)text.p, text.n, options, ret_code, &at, context);
  }
  pcre2_compile_context_free(context);
  pcre2_general_context_free(memory);
  return code;
}

static enum err_code refuse(struct err *err, struct str text, const char *why) {
  struct str shown = utf8_cut(text, SHOWN_PATTERN);
  return err_set(err, ERR_INVALID, "not a regular expression of ECMA-262: %.*s%s: %s", STR_ARG(shown),
                 shown.n < text.n ? "…" : "", why);
}

enum err_code schema_pattern_compile(struct arena *arena, struct str text, struct schema_pattern **ret_pattern,
                                     struct err *err) {
  struct buf translated;
  struct schema_ecma found;
  enum err_code code = ERR_NONE;
  buf_init(&translated, NULL, TRANSLATED_MAX);
  if (text.n > SCHEMA_MAX_PATTERN) {
    code = refuse(err, text, "it is too long");
    goto out;
  }
  if (!schema_ecma_translate(text, false, &translated, &found)) {
    code = refuse(err, text, found.why);
    goto out;
  }
  buf_append_byte(&translated, '\0');
  struct schema_pattern *pattern = arena_new(arena, struct schema_pattern);
  if (buf_failed(&translated) || !pattern) {
    code = pattern ? refuse(err, text, "it is too long") : err_no_memory(err);
    goto out;
  }
  int failure;
  pattern->code = compile(arena, str_make(translated.p, translated.n - 1), &failure);
  if (!pattern->code) {
    char message[ERR_TEXT_SIZE];
    pcre2_get_error_message(failure, (PCRE2_UCHAR *)message, sizeof(message));
    code = failure == PCRE2_ERROR_HEAP_FAILED ? err_no_memory(err) : refuse(err, text, message);
    goto out;
  }
  uint32_t used = 0;
  pcre2_pattern_info(pattern->code, PCRE2_INFO_ALLOPTIONS, &used);
  pattern->is_anchored = used & PCRE2_ANCHORED;
  pattern->may_scan = found.may_scan;
  pattern->n = text.n;
  pattern->weight = 1 + found.class_ranges;
  *ret_pattern = pattern;
out:
  buf_release(&translated);
  return code;
}

bool schema_pattern_is_strict(struct str text) {
  struct buf translated;
  struct schema_ecma found;
  int failure;
  if (text.n > SCHEMA_MAX_PATTERN) return false;
  buf_init(&translated, NULL, TRANSLATED_MAX);
  bool is_strict = schema_ecma_translate(text, true, &translated, &found);
  buf_append_byte(&translated, '\0');
  if (is_strict && !buf_failed(&translated)) {
    pcre2_code *code = compile(NULL, str_make(translated.p, translated.n - 1), &failure);
    is_strict = code != NULL;
    pcre2_code_free(code);
  }
  buf_release(&translated);
  return is_strict;
}

void schema_matcher_free(struct schema_matcher *matcher) {
  if (!matcher) return;
  pcre2_match_data_free(matcher->found);
  pcre2_match_context_free(matcher->context);
  free(matcher);
}

static struct schema_matcher *matcher_new(void) {
  struct schema_matcher *matcher = calloc(1, sizeof(*matcher));
  if (!matcher) return NULL;
  matcher->found = pcre2_match_data_create(1, NULL);
  matcher->context = pcre2_match_context_create(NULL);
  if (matcher->found && matcher->context) {
    pcre2_set_heap_limit(matcher->context, HEAP_KIB);
    return matcher;
  }
  schema_matcher_free(matcher);
  return NULL;
}

/* PCRE2 has a table for the characters up to U+00FF: a subject of these alone is looked at quickly. */
static bool has_only_latin(struct str subject) {
  bool is_wide = false;
  for (size_t i = 0; i < subject.n; i++)
    is_wide |= (unsigned char)subject.p[i] >= 0xC4;
  return !is_wide;
}

/* Tries from each start with few backtracks, then with more, as long as the budget lasts. */
static int match_within(const struct schema_pattern *pattern, struct schema_matcher *matcher, struct str subject,
                        size_t from, size_t starts, size_t *work) {
  size_t seen = pattern->may_scan || pattern->n > subject.n ? subject.n : pattern->n;
  size_t bytes = starts * (TRY_BYTES + seen);
  if (pattern->weight > 1 && !has_only_latin(subject)) bytes *= pattern->weight;
  for (uint32_t tries = subject.n > SUBJECT_LONG ? 2 : 16;; tries *= 4) {
    if (!schema_spend(work, 8 + bytes * tries / BYTES_A_STEP)) return PCRE2_ERROR_MATCHLIMIT;
    pcre2_set_match_limit(matcher->context, tries);
    int code = pcre2_match(pattern->code, (PCRE2_SPTR)subject.p, subject.n, from, PCRE2_NO_UTF_CHECK, matcher->found,
                           matcher->context);
    if (code != PCRE2_ERROR_MATCHLIMIT) return code;
  }
}

/* Looks among the first starts, then among more: most subjects match early, and few are paid for as if they did not. */
static int match_anywhere(const struct schema_pattern *pattern, struct schema_matcher *matcher, struct str subject,
                          size_t *work) {
  size_t from = 0, chunk = STARTS_FIRST;
  for (;;) {
    bool is_last = pattern->is_anchored || subject.n - from <= chunk;
    size_t starts = pattern->is_anchored ? 1 : (is_last ? subject.n - from : chunk) + 1;
    pcre2_set_offset_limit(matcher->context, is_last ? PCRE2_UNSET : from + chunk);
    int code = match_within(pattern, matcher, subject, from, starts, work);
    if (code != PCRE2_ERROR_NOMATCH || is_last) return code;
    from += chunk + 1;
    while (from < subject.n && ((unsigned char)subject.p[from] & 0xC0) == 0x80)
      from++;
    chunk *= 4;
  }
}

enum err_code schema_pattern_match(const struct schema_pattern *pattern, struct str subject,
                                   struct schema_matcher **matcher, size_t *work, bool *ret_is_match) {
  if (!*matcher) *matcher = matcher_new();
  if (!*matcher) return ERR_NO_MEMORY;
  if (!subject.p) subject = STR("");
  int code = match_anywhere(pattern, *matcher, subject, work);
  if (code == PCRE2_ERROR_NOMEMORY) return ERR_NO_MEMORY;
  if (code < 0 && code != PCRE2_ERROR_NOMATCH) return ERR_TOO_LARGE;
  *ret_is_match = code >= 0;
  return ERR_NONE;
}
