/* Child processes that speak in lines: started without a shell, with an environment, a process group and limits of
 * their own, nothing of ours open, and ended with all that they have started. Own thread only. */
#ifndef CONNEK_NET_CHILD_H
#define CONNEK_NET_CHILD_H

#include "base/err.h"
#include "base/str.h"
#include "net/loop.h"

struct child;

struct child_options {
  const char *const *command;     /* NULL-terminated; the first is a path, or found in the environment's PATH */
  const char *const *environment; /* NULL-terminated, all there is of it; borrowed for child_start alone */
  const char *directory;          /* where it works; there already */
  /* Through bubblewrap: the system read-only, its own /tmp, `directory` alone writable, `hidden` (NULL-terminated, may
   * be NULL) empty. */
  bool is_sandboxed;
  const char *const *hidden;
  size_t max_line;   /* bytes of a line on its standard output; beyond: it is ended */
  size_t max_unread; /* bytes that wait for it to read them; beyond: it is ended */

  /* A line without its end, valid during the call; empty ones are left out. From within, it may be written to and
   * stopped. */
  void (*on_line)(void *context, struct str line);
  void (*on_error_line)(void *context, struct str line); /* of standard error; cut where it is long */
  /* The last: all of it has ended, and `child` is gone. `how`: "ended with status 1", for people. */
  void (*on_ended)(void *context, const char *how);
  void *context;
};

/* On failure nothing was started. Blocks until the program runs: some milliseconds. */
enum err_code child_start(struct loop *loop, const struct child_options *options, struct child **ret_child,
                          struct err *err) MUST_CHECK;
/* Adds the line's end. Copies. What it does not take in the end is dropped with it. */
void child_write(struct child *child, struct str line);
/* Ends its input and asks it to end; after a moment its whole group is killed. on_ended comes later, never from within.
 * More than once is fine. */
void child_stop(struct child *child);

/* Is bubblewrap there, and may it be used? Asked once a process; the answer is remembered. NULL: yes; else why not. */
const char *child_sandbox_problem(void);

#endif
