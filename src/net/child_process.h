/* Making a child's process: what happens between fork and exec. Internal to net/. */
#ifndef CONNEK_NET_CHILD_PROCESS_H
#define CONNEK_NET_CHILD_PROCESS_H

#include <sys/types.h>

#include "net/child.h"

struct child_process {
  pid_t pid;
  int pidfd;                /* readable when it has ended */
  int input, output, error; /* our ends of its standard streams */
};

enum err_code child_process_start(const struct child_options *options, struct child_process *ret_process,
                                  struct err *err) MUST_CHECK;

#endif
