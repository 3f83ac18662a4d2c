/* The kernel's random source, nothing in between. */
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

void random_bytes(void *ret_bytes, size_t n) {
  unsigned char *p = ret_bytes;
  while (n > 0) {
    ssize_t got = getrandom(p, n, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      static const char text[] = "no random source: getrandom failed\n";
      ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
      (void)ignored;
      abort();
    }
    p += got;
    n -= (size_t)got;
  }
}
