/* DIR/control.sock: how commands speak to the server of DIR. One JSON object a line, {"op":"sync"}; one line in answer,
 * {"ok":true,"version":7} or {"ok":false,"error":"..."}. Only for this user and root. All of the server's side is on
 * its loop's thread. For src/org alone. */
#ifndef CONNEK_ORG_CONTROL_SOCKET_H
#define CONNEK_ORG_CONTROL_SOCKET_H

#include "base/str.h"
#include "net/loop.h"

enum {
  CONTROL_LINE = 1024,         /* bytes of a line, its end included */
  CONTROL_CONNECTIONS = 64,    /* open at once; further ones are closed at once */
  CONTROL_LINE_MS = 10 * 1000, /* until a whole line has come */
  CONTROL_BACKLOG = 64,
};

#define CONTROL_SOCKET_NAME "control.sock"

struct control_socket;

/* A line that waits for its answer. Lives until control_answer, even if its sender leaves. */
struct control_request {
  struct control_request *next; /* for whoever holds it */
};

/* Must see to one answer, now or later. `op` is valid during the call. */
typedef void (*control_handler)(void *context, struct control_request *request, struct str op);

/* Takes the place of a socket that a killed server left; refuses where something else has that name. */
enum err_code control_socket_open(struct loop *loop, const char *dir, control_handler handler, void *context,
                                  struct control_socket **ret_socket, struct err *err) MUST_CHECK;
/* Removes the socket's name and closes all connections; frees itself when they are closed and every request has been
 * answered (to nobody). NULL is fine. */
void control_socket_close(struct control_socket *socket);

/* `err` NULL: done, the change log has been applied up to `version`. */
void control_answer(struct control_request *request, int64_t version, const struct err *err);

/* The path of the socket in `dir`, fit for sun_path (108 bytes) however long `dir` is: through an open descriptor of
 * the folder, which must stay open while the path is used. */
enum { CONTROL_PATH_SIZE = 64 };
void control_socket_path(int dir_fd, char ret_path[CONTROL_PATH_SIZE]);

#endif
