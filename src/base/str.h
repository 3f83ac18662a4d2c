/* Slices: text that somebody else owns. Not NUL-terminated unless a prototype says so; may hold any byte. */
#ifndef CONNEK_BASE_STR_H
#define CONNEK_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
  const char *p;
  size_t n;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_of(const char *text) {
  return (struct str){text, text ? strlen(text) : 0};
}

static inline struct str str_make(const char *p, size_t n) {
  return (struct str){p, n};
}

static inline bool str_eq(struct str a, struct str b) {
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_eq_c(struct str a, const char *b) {
  return str_eq(a, str_of(b));
}

/* ASCII letters alone are folded: names of HTTP fields, schemes, hosts. */
bool str_eq_fold(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Byte order, shorter first among equals: <0, 0, >0. */
int str_cmp(struct str a, struct str b);
struct str str_trim(struct str s); /* spaces and tabs, both ends */
/* The part before the first `separator`, which is cut off `rest` with it; the whole of `rest` where there is none. */
struct str str_cut(struct str *rest, char separator);
/* RFC 9110, 5.6.2: a name of a field, a method. */
bool str_is_token(struct str s);
/* Decimal digits only, no sign, no overflow. False leaves `ret_value` untouched. */
bool str_to_u64(struct str s, uint64_t *ret_value);
/* Takes the same time wherever they differ; lengths are not hidden. */
bool str_eq_constant_time(struct str a, struct str b);
/* SipHash-1-3 under a key drawn at start: for tables whose keys strangers choose. Never stored. */
uint64_t str_hash(struct str s);

#endif
