/* A tool's result in the making: what a stage or the connector has to say, until `reply` gives it the era's form. */
#ifndef CONNEK_GATEWAY_TOOL_ANSWER_H
#define CONNEK_GATEWAY_TOOL_ANSWER_H

#include "gateway/call.h"

/* An error that the model reads: isError with one text block. */
void tool_answer_error(struct call *call, const char *text);

#endif
