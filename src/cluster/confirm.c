/* A command's wait for all servers. It judges them as they judge each other. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "cluster/membership.h"

enum { LOOK_MS = 10 };

struct sight {
  struct arena arena;
  const struct node_record *rows;
  size_t n_rows;
  int64_t last;
};

static enum err_code look(struct db_tx *tx, void *context, struct err *err) {
  struct sight *sight = context;
  enum err_code code = store_node_list(tx, &sight->arena, &sight->rows, &sight->n_rows, err);
  return code == ERR_NONE ? store_change_last(tx, &sight->last, err) : code;
}

/* *io_version: what is waited for; -1 at the first look, which sets it. */
static enum err_code look_once(struct db_conn *conn, struct peers *peers, int64_t *io_version, struct err *err) {
  struct sight sight = {.last = 0};
  arena_init(&sight.arena, 0);
  enum err_code code = db_read(conn, look, &sight, err);
  int64_t now_us = clock_boottime_us();
  if (code == ERR_NONE) peers_take(peers, sight.rows, sight.n_rows, now_us);
  if (code == ERR_NONE && *io_version < 0) *io_version = sight.last;
  arena_release(&sight.arena);
  struct peers_gone gone = {peers, STR(""), now_us};
  if (code == ERR_NONE && peers_have_gone(&gone)) code = db_append(conn, peers_forget, &gone, err);
  return code;
}

enum err_code membership_confirm(struct db_conn *conn, int timeout_ms, struct err *err) {
  int64_t deadline_us = clock_boottime_us() + timeout_ms * INT64_C(1000), version = -1;
  struct peers *peers = calloc(1, sizeof *peers);
  if (!peers) return err_no_memory(err);
  enum err_code code = look_once(conn, peers, &version, err);
  while (code == ERR_NONE && peers_applied(peers, STR("")) < version) {
    if (clock_boottime_us() > deadline_us) {
      code = err_set(err, ERR_TIMEOUT, "not every server has taken the change in time");
      break;
    }
    usleep(LOOK_MS * 1000);
    code = look_once(conn, peers, &version, err);
  }
  free(peers);
  return code;
}
