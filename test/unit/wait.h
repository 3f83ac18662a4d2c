/* How a test waits for what another thread, process or turn of a loop brings. */
#ifndef CONNEK_TEST_WAIT_H
#define CONNEK_TEST_WAIT_H

#include "unit.h"

#include "base/clock.h"
#include "net/loop.h"

#ifndef PATIENCE_US /* shorter where most of what is waited for never comes (the build `starving`) */
#define PATIENCE_US (10 * 1000 * 1000)
#endif

/* What happens elsewhere does not wake the loop. */
static inline void loop_turn(struct loop *loop) {
  uv_run(&loop->uv, UV_RUN_NOWAIT);
  uv_sleep(1);
}

/* Does `turn` again and again until the condition holds; whoever waits in vain fails. Not for the end of a call or a
 * transfer: that comes whatever happens, and a test that waits for it without end shows where it does not
 * (test/soak/promises/allocations.js). */
#define WAIT_UNTIL(condition, turn)                                                               \
  do {                                                                                            \
    int64_t until_us_ = clock_monotonic_us() + PATIENCE_US;                                       \
    while (!(condition)) {                                                                        \
      turn;                                                                                       \
      if (clock_monotonic_us() > until_us_) fail_msg("line %d: never: %s", __LINE__, #condition); \
    }                                                                                             \
  } while (0)

#endif
