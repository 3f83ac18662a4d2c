/* Results that are the same for every kind. */
#include <stdarg.h>
#include <stdio.h>

#include "connector/connector.h"

void connector_fail(struct connector_call *call, enum err_code code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  call->result = (struct connector_result){.is_error = true, .text = STR("out of memory"), .error = code};
  char *text = n < 0 ? NULL : arena_alloc(call->arena, (size_t)n + 1);
  if (!text) {
    call->result.error = ERR_NO_MEMORY;
    return;
  }
  va_start(arguments, format);
  vsnprintf(text, (size_t)n + 1, format, arguments);
  va_end(arguments);
  call->result.text = str_make(text, (size_t)n);
}
