/* For clang-tidy alone, before every file but err.c: that err_set and err_no_memory return the code they are given. The
 * analyzer sees only one file at a time, and would else follow paths on which a failed function returned ERR_NONE. */
#ifndef CONNEK_LINT_TIDY_ERR_H
#define CONNEK_LINT_TIDY_ERR_H

#include <stdio.h>

#include "base/err.h"

static inline void tidy_err(struct err *err, int formatted_n, enum err_code code) {
  if (err) *err = (struct err){.code = code};
}

/* The value stands here, not in a function, since the analyzer does not follow every call. */
#define err_set(err, code, ...) (tidy_err((err), snprintf(NULL, 0, __VA_ARGS__), (code)), (code))
#define err_no_memory(err) (tidy_err((err), 0, ERR_NO_MEMORY), ERR_NO_MEMORY)

#endif
