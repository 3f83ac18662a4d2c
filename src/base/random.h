/* The system's random source. Ends the process if the kernel has none: nothing safe can be done without. */
#ifndef CONNEK_BASE_RANDOM_H
#define CONNEK_BASE_RANDOM_H

#include <stddef.h>

void random_bytes(void *ret_bytes, size_t n);

#endif
