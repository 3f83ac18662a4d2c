/* Configuration files from anybody: read, refused with a place, or compiled whole. No base folder, so nothing outside
 * the text is looked at. */
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  struct arena arena;
  arena_init(&arena, (size_t)64 * 1024 * 1024);
  struct err err = {0};
  struct config *config = NULL;
  enum err_code code = config_read_text(&arena, str_make((const char *)bytes, n), STR("fuzz.json"), STR(""),
                                        STR("/nonexistent"), &config, &err);
  if (code == ERR_NONE) {
    config_release(config);
  } else if (!err.text[0] || (code == ERR_INVALID && !err.place[0])) {
    __builtin_trap(); /* a refusal says what, and a wrong input also where */
  }
  arena_release(&arena);
  return 0;
}
