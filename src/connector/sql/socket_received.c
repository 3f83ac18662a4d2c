/* How much a peer has sent us, as the kernel counts it. A file of its own, because the kernel's header and libc's
 * (which most others include by way of libuv) describe the same structure. */
#include "connector/sql/socket_received.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

uint64_t socket_received(int fd) {
  struct tcp_info info = {0};
  socklen_t n = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0) return 0;
  return info.tcpi_bytes_received;
}
