/* The program's first steps: nothing that it holds in memory may end in a file or before another's eyes. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "cli/cli.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_LEAK_CHECKED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define IS_LEAK_CHECKED 1
#endif

int main(int argc, char **argv) {
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  (void)sigaction(SIGPIPE, &ignore, NULL); /* a reader that has left is an error of write(2), not our end */
  (void)umask(077);
  (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
#if !defined(IS_LEAK_CHECKED) /* LeakSanitizer looks at the process as a debugger does */
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
  return cli_run(argc, argv);
}
