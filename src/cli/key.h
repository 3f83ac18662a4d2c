/* The parts of connek key. */
#ifndef CONNEK_CLI_KEY_H
#define CONNEK_CLI_KEY_H

#include "cli/options.h"

/* connek key rotate --master */
int key_rotate_master(const struct cli_args *args, struct arena *arena);

#endif
