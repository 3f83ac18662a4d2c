/* Errors: a code for programs, a text that any client may read, a private detail for the log, and the
 * place in the input that it speaks of. Every fallible function returns the code and fills a struct err. */
#ifndef CONNEK_BASE_ERR_H
#define CONNEK_BASE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

enum err_code {
  ERR_NONE = 0,
  ERR_INVALID,         /* the input is wrong: syntax, type, range */
  ERR_UNAUTHENTICATED, /* no valid credential */
  ERR_DENIED,          /* a valid principal who may not */
  ERR_NOT_FOUND,
  ERR_CONFLICT,  /* exists already, or changed meanwhile */
  ERR_TOO_LARGE, /* over a cap of limits.h */
  ERR_LIMITED,   /* over a rate: try again later */
  ERR_TIMEOUT,
  ERR_CANCELLED,   /* whoever asked has left */
  ERR_UPSTREAM,    /* what stands behind us failed or answered nonsense */
  ERR_UNAVAILABLE, /* we cannot do it now: database away, disk full, draining */
  ERR_NO_MEMORY,
  ERR_INTERNAL, /* a bug */
  ERR_CODE_COUNT
};

enum { ERR_TEXT_SIZE = 320, ERR_DETAIL_SIZE = 256, ERR_PLACE_SIZE = 128 };

struct err {
  enum err_code code;
  char text[ERR_TEXT_SIZE];     /* safe for any client: no secret, no path of ours, no SQL */
  char detail[ERR_DETAIL_SIZE]; /* for the log alone */
  char place[ERR_PLACE_SIZE];   /* JSON pointer, file:line or field; "" where there is none */
};

/* Fills `err` (which may be NULL) and returns `code`, so that `return err_set(...)` reads well. Clears detail and
 * place. */
enum err_code err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);
/* Adds what only the log may say, or where it was. Both leave code and text alone and accept NULL. */
void err_detail(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
void err_place(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
/* Puts "prefix: " before the text, cutting its end where it would not fit. */
void err_prefix(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
/* ERR_NO_MEMORY with its text; for `return err_no_memory(err);`. */
enum err_code err_no_memory(struct err *err);
/* The stable lower-case word of a code ("invalid", "not_found"), for logs, metrics and JSON. */
const char *err_code_name(enum err_code code);

#endif
