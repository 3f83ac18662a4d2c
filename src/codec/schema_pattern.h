/* Regular expressions of schemas: ECMA-262's with the flag u (2020-12 core, 6.4), run by PCRE2. */
#ifndef CONNEK_CODEC_SCHEMA_PATTERN_H
#define CONNEK_CODEC_SCHEMA_PATTERN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* What a pattern may cost, and why it is none. */
struct schema_ecma {
  const char *why;
  bool may_scan;       /* one step of matching may walk over all of the subject */
  size_t class_ranges; /* beyond U+00FF, of the longest class: PCRE2 looks at each of them for a character */
};

/* Appends what PCRE2 understands as the same; false: ret_found->why. Where it is not strict, it takes what other
 * dialects write and ECMA-262 forbids or has since ES2025 alone, where the meaning is plain: (?i), (?P<name>), \A, \Z,
 * needless escapes, single braces. Only the syntax that must change is judged: PCRE2 judges the rest. */
bool schema_ecma_translate(struct str text, bool is_strict, struct buf *out, struct schema_ecma *ret_found);

struct schema_pattern;
struct schema_matcher; /* what PCRE2 needs to match: one at a time */

/* Immutable, in the arena. On failure ERR_INVALID (the text says why) or ERR_NO_MEMORY. */
enum err_code schema_pattern_compile(struct arena *arena, struct str text, struct schema_pattern **ret_pattern,
                                     struct err *err) MUST_CHECK;
/* Is it a regular expression of ECMA-262? */
bool schema_pattern_is_strict(struct str text);

/* Does it match anywhere in the subject, which is valid UTF-8? Makes *matcher where that is NULL. ERR_TOO_LARGE: `work`
 * (schema_work.h) did not suffice. ERR_NO_MEMORY. */
enum err_code schema_pattern_match(const struct schema_pattern *pattern, struct str subject,
                                   struct schema_matcher **matcher, size_t *work, bool *ret_is_match) MUST_CHECK;
void schema_matcher_free(struct schema_matcher *matcher); /* NULL is fine */

#endif
