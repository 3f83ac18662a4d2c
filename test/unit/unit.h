/* What every unit test includes. A test's name says what is promised; one file mirrors one file of src/. */
#ifndef CONNEK_TEST_UNIT_H
#define CONNEK_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

#define assert_ok(expression)                                                                                \
  do {                                                                                                       \
    struct err *assert_err_ = &test_err;                                                                     \
    test_err.text[0] = '\0';                                                                                 \
    if ((expression) != ERR_NONE)                                                                            \
      fail_msg("%s: %s [%s] (%s)", #expression, assert_err_->text, assert_err_->place, assert_err_->detail); \
  } while (0)
/* Compares a slice with a C string. */
#define assert_str(actual, expected)                                                   \
  do {                                                                                 \
    struct str assert_s_ = (actual);                                                   \
    if (!str_eq_c(assert_s_, (expected)))                                              \
      fail_msg("%s is \"%.*s\", not \"%s\"", #actual, STR_ARG(assert_s_), (expected)); \
  } while (0)

/* Ends the test here; scripts/suite/unit puts the reason behind the test's name. */
#define skip_because(reason)    \
  do {                          \
    puts("# skipped: " reason); \
    skip();                     \
  } while (0)

/* Pass &test_err where a function wants a struct err. */
static struct err test_err __attribute__((unused));

#endif
