/* Allocations that fail, one a run, each in its turn: included before everything else where meson's option
 * failing_allocations is set. */
#ifndef CONNEK_FAULTS_ALLOCATION_H
#define CONNEK_FAULTS_ALLOCATION_H

#include <stdlib.h>
#include <string.h>

void *failing_malloc(size_t size, const char *file);
void *failing_calloc(size_t n, size_t size, const char *file);
void *failing_realloc(void *block, size_t size, const char *file);
char *failing_strdup(const char *text, const char *file);
char *failing_strndup(const char *text, size_t n, const char *file);

#define malloc(size) failing_malloc(size, __FILE__)
#define calloc(n, size) failing_calloc(n, size, __FILE__)
#define realloc(block, size) failing_realloc(block, size, __FILE__)
#define strdup(text) failing_strdup(text, __FILE__)
#define strndup(text, n) failing_strndup(text, n, __FILE__)

#endif
