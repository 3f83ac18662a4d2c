/* The eight severities, least severe first. */
#include "mcp/log_level.h"

static const struct str names[] = {STR("debug"), STR("info"),     STR("notice"), STR("warning"),
                                   STR("error"), STR("critical"), STR("alert"),  STR("emergency")};

enum { N_LEVELS = sizeof(names) / sizeof(names[0]) };

int mcp_log_level(struct str name) {
  for (int i = 0; i < N_LEVELS; i++) {
    if (str_eq(names[i], name)) return i;
  }
  return -1;
}

struct str mcp_log_level_name(int level) {
  return level >= 0 && level < N_LEVELS ? names[level] : STR_NONE;
}
