#ifndef CONNEK_CONNECTOR_SQL_SOCKET_RECEIVED_H
#define CONNEK_CONNECTOR_SQL_SOCKET_RECEIVED_H

#include <stdint.h>

/* Bytes that have come over a TCP connection since it was made, read or not. 0 where nobody knows. */
uint64_t socket_received(int fd);

#endif
