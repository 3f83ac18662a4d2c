/* What `connek call` prints: tools as a table, results as text, or both as JSON. */
#ifndef CONNEK_CLI_CALL_PRINT_H
#define CONNEK_CLI_CALL_PRINT_H

#include "base/buf.h"
#include "cli/table.h"
#include "codec/json.h"

struct call_print {
  struct buf out;
  struct arena *arena;
  bool is_json, is_terminal;
  struct table table;
  bool has_table;
};

void call_print_init(struct call_print *print, struct arena *arena, bool is_json, bool is_terminal);
void call_print_release(struct call_print *print);
void call_print_begin_tools(struct call_print *print);
void call_print_tool(struct call_print *print, yyjson_val *tool);
void call_print_end_tools(struct call_print *print);
void call_print_result(struct call_print *print, yyjson_val *result);
/* Takes out of a text what a terminal would obey. */
void call_print_plain(char *text);

#endif
