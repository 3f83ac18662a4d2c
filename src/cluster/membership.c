/* The thread that keeps a server's row. A tick is one transaction: it renews, or only looks, and reads everybody's row
 * and the last change.
 *
 *      outside --join--> joined (applied -1: nobody waits for us) --beat with what we have applied--> counted
 *      counted --a later tick finds nothing newer than that--> the lease counts
 *      any --our row is gone--> outside
 *
 * That it takes a later tick: what was committed before our beat was, nobody waited for us to take. */
#include "cluster/membership.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"

enum { SOON_MS = 5, RETRY_MS = 250, AWAIT_MS = 5 };

struct membership {
  struct membership_options options;
  struct db_conn *conn;
  pthread_t thread;
  int wake_fd;
  struct uuid run;
  atomic_bool is_stopping;
  atomic_int_fast64_t applied; /* as told; -1: nothing yet */
  atomic_uint_fast64_t asked;
  atomic_int_fast64_t lease_ends_us;
  pthread_mutex_t lock; /* of `problem`, and of `peers` where it is not the thread that looks at it */
  char problem[ERR_TEXT_SIZE];
  /* the thread's */
  struct peers peers;
  bool is_joined, is_counted, has_caught_up, had_lease, has_failed;
  int64_t written;         /* `applied`, as it stands in the row */
  int64_t beaten_us;       /* when the last beat was begun */
  int64_t behind_since_us; /* 0: it is not */
};

static int64_t now_us(void) {
  return clock_boottime_us();
}

bool membership_holds(const struct membership *membership) {
  return now_us() < atomic_load_explicit(&membership->lease_ends_us, memory_order_acquire);
}

static void set_problem(struct membership *membership, const char *text) {
  pthread_mutex_lock(&membership->lock);
  (void)snprintf(membership->problem, sizeof membership->problem, "%s", text);
  pthread_mutex_unlock(&membership->lock);
}

void membership_problem(struct membership *membership, char ret_text[ERR_TEXT_SIZE]) {
  pthread_mutex_lock(&membership->lock);
  memcpy(ret_text, membership->problem, ERR_TEXT_SIZE);
  pthread_mutex_unlock(&membership->lock);
}

bool membership_find(struct membership *membership, uint32_t id, char ret_address[LIMIT_NODE_ADDRESS + 1]) {
  bool is_there = false;
  pthread_mutex_lock(&membership->lock);
  for (size_t i = 0; i < membership->peers.n && !is_there; i++) {
    const struct peer *peer = &membership->peers.items[i];
    is_there = node_id(str_of(peer->name)) == id;
    if (is_there) memcpy(ret_address, peer->address, LIMIT_NODE_ADDRESS + 1);
  }
  pthread_mutex_unlock(&membership->lock);
  return is_there;
}

void membership_peers(struct membership *membership, struct peers *ret_peers) {
  pthread_mutex_lock(&membership->lock);
  *ret_peers = membership->peers;
  pthread_mutex_unlock(&membership->lock);
}

static void wake(struct membership *membership) {
  const uint64_t one = 1;
  ssize_t n = write(membership->wake_fd, &one, sizeof one);
  (void)n; /* it is full: awake anyhow */
}

void membership_applied(struct membership *membership, int64_t version) {
  atomic_store(&membership->applied, version);
  wake(membership);
}

uint64_t membership_ask(struct membership *membership) {
  uint64_t ticket = atomic_fetch_add(&membership->asked, 1) + 1;
  wake(membership);
  return ticket;
}

/* ---- a tick ---- */

struct tick {
  struct membership *membership;
  struct arena arena;
  int64_t begun_us, applied;
  bool beats, is_there, is_new;
  const struct node_record *rows;
  size_t n_rows;
  int64_t last; /* change */
};

static struct node_record own_record(const struct membership *membership, int64_t applied) {
  return (struct node_record){.name = membership->options.node,
                              .address = membership->options.address,
                              .run = membership->run,
                              .applied = applied};
}

static enum err_code join(struct db_tx *tx, struct tick *tick, struct err *err) {
  const struct node_record own = own_record(tick->membership, -1);
  return store_node_join(tx, &own, &tick->is_new, err);
}

static enum err_code beat(struct db_tx *tx, struct tick *tick, struct err *err) {
  struct membership *membership = tick->membership;
  const struct node_record own = own_record(membership, tick->applied);
  enum err_code code = store_node_beat(tx, &own, &tick->is_there, err);
  if (code == ERR_NONE && tick->is_there && tick->applied != membership->written) code = db_notify(tx, err);
  return code;
}

static enum err_code look(struct db_tx *tx, void *context, struct err *err) {
  struct tick *tick = context;
  enum err_code code = db_check_version(tx, err);
  if (code == ERR_NONE) code = store_node_list(tx, &tick->arena, &tick->rows, &tick->n_rows, err);
  return code == ERR_NONE ? store_change_last(tx, &tick->last, err) : code;
}

static enum err_code work(struct db_tx *tx, void *context, struct err *err) {
  struct tick *tick = context;
  enum err_code code = tick->membership->is_joined ? beat(tx, tick, err) : join(tx, tick, err);
  if (code == ERR_NONE) code = look(tx, tick, err);
  if (code != ERR_NONE || !tick->is_new || tick->n_rows <= LIMIT_NODES) return code;
  return err_set(err, ERR_CONFLICT, "%d servers serve this database already, and that is the most", LIMIT_NODES);
}

/* Our row, as it is now. */
static void settle_own(struct tick *tick) {
  struct membership *membership = tick->membership;
  if (!membership->is_joined) {
    membership->is_joined = tick->is_new;
    membership->is_counted = membership->has_caught_up = false;
    membership->written = -1;
    if (!tick->is_new) set_problem(membership, "another server of this name has taken its place");
  } else if (!tick->is_there) {
    membership->is_joined = false;
    atomic_store(&membership->lease_ends_us, 0);
    set_problem(membership, "the other servers have gone on without this one");
  } else {
    membership->beaten_us = tick->begun_us;
    membership->written = tick->applied;
  }
}

static void settle_lease(struct tick *tick, bool was_counted) {
  struct membership *membership = tick->membership;
  if (!membership->is_joined) return;
  if (was_counted && tick->applied >= tick->last) membership->has_caught_up = true;
  membership->is_counted = membership->written >= 0;
  if (tick->applied >= tick->last)
    membership->behind_since_us = 0;
  else if (membership->behind_since_us == 0)
    membership->behind_since_us = tick->begun_us;
  if (membership->has_caught_up && membership->beaten_us > 0)
    atomic_store_explicit(&membership->lease_ends_us, membership->beaten_us + LIMIT_NODE_LEASE_MS * INT64_C(1000),
                          memory_order_release);
}

static void forget_gone(struct membership *membership) {
  struct err err;
  struct peers_gone gone = {&membership->peers, membership->options.node, now_us()};
  /* What fails now is tried again with the next tick. */
  if (peers_have_gone(&gone) && db_append(membership->conn, peers_forget, &gone, &err) != ERR_NONE)
    set_problem(membership, err.text);
}

static bool is_too_far_behind(const struct membership *membership, int64_t at_us) {
  return membership->behind_since_us && at_us - membership->behind_since_us > LIMIT_NODE_BEHIND_MS * INT64_C(1000);
}

static void tell_of_lease(struct membership *membership) {
  bool has_lease = membership_holds(membership);
  if (has_lease == membership->had_lease) return;
  membership->had_lease = has_lease;
  char why[ERR_TEXT_SIZE] = "";
  if (!has_lease) membership_problem(membership, why);
  if (has_lease) set_problem(membership, "");
  membership->options.on_lease(membership->options.context, has_lease ? NULL : why);
}

static void tick_end(struct tick *tick, uint64_t ticket, bool was_counted) {
  struct membership *membership = tick->membership;
  if (tick->beats) settle_own(tick);
  settle_lease(tick, was_counted);
  pthread_mutex_lock(&membership->lock);
  peers_take(&membership->peers, tick->rows, tick->n_rows, now_us());
  pthread_mutex_unlock(&membership->lock);
  forget_gone(membership);
  int64_t applied = atomic_load(&membership->applied);
  if (applied >= 0 && tick->last > applied) membership->options.on_change(membership->options.context);
  membership->options.on_looked(membership->options.context, ticket,
                                peers_applied(&membership->peers, membership->options.node));
}

static void run_tick(struct membership *membership) {
  struct err err;
  struct tick tick = {.membership = membership, .begun_us = now_us()};
  uint64_t ticket = atomic_load(&membership->asked);
  bool was_counted = membership->is_joined && membership->is_counted;
  tick.applied = atomic_load(&membership->applied);
  bool is_due = tick.begun_us - membership->beaten_us >= LIMIT_NODE_BEAT_MS * INT64_C(1000);
  tick.beats = !membership->is_joined || is_due || tick.applied != membership->written;
  if (tick.beats && is_too_far_behind(membership, tick.begun_us)) {
    tick.beats = false;
    set_problem(membership, "changes cannot be taken in; the server's log says why");
  }
  arena_init(&tick.arena, 0);
  enum err_code code =
      tick.beats ? db_append(membership->conn, work, &tick, &err) : db_read(membership->conn, look, &tick, &err);
  membership->has_failed = code != ERR_NONE;
  if (code == ERR_NONE) {
    tick_end(&tick, ticket, was_counted);
  } else {
    set_problem(membership, err.text);
    /* A database that is of no version of ours: what it holds now may mean something else. */
    if (code == ERR_CONFLICT) atomic_store(&membership->lease_ends_us, 0);
    if (!membership_holds(membership)) membership->options.on_looked(membership->options.context, ticket, -1);
  }
  tell_of_lease(membership);
  arena_release(&tick.arena);
}

/* ---- the thread ---- */

static int pause_ms(const struct membership *membership) {
  if (membership->has_failed) return RETRY_MS;
  if (!membership->is_joined) return RETRY_MS;
  if (!membership->has_caught_up) return SOON_MS;
  int64_t left_us = membership->beaten_us + LIMIT_NODE_BEAT_MS * INT64_C(1000) - now_us();
  return left_us > 0 ? (int)(left_us / 1000 + 1) : 0;
}

static void *run(void *argument) {
  struct membership *membership = argument;
  uint64_t count;
  pthread_setname_np(pthread_self(), "node");
  while (!atomic_load(&membership->is_stopping)) {
    db_await_notice(membership->conn, membership->wake_fd, pause_ms(membership));
    if (read(membership->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN && errno != EINTR) break;
    if (!atomic_load(&membership->is_stopping)) run_tick(membership);
  }
  return NULL;
}

bool membership_await(const struct membership *membership, int timeout_ms) {
  int64_t deadline_us = now_us() + timeout_ms * INT64_C(1000);
  while (!membership_holds(membership)) {
    if (now_us() >= deadline_us) return false;
    usleep(AWAIT_MS * 1000);
  }
  return true;
}

/* ---- beginning and end ---- */

static enum err_code take_name(struct membership *membership, struct err *err) {
  int64_t deadline_us = now_us() + (LIMIT_NODE_GONE_MS + LIMIT_NODE_LEASE_MS) * INT64_C(1000);
  for (;;) {
    struct tick tick = {.membership = membership};
    const struct peer *other = peers_find(&membership->peers, membership->options.node);
    int64_t beat_before = other ? other->beat : -1;
    arena_init(&tick.arena, 0);
    enum err_code code = db_append(membership->conn, work, &tick, err);
    if (code == ERR_NONE) peers_take(&membership->peers, tick.rows, tick.n_rows, now_us());
    arena_release(&tick.arena);
    if (code != ERR_NONE || tick.is_new) {
      membership->is_joined = code == ERR_NONE;
      return code;
    }
    other = peers_find(&membership->peers, membership->options.node);
    if ((other && beat_before >= 0 && other->beat != beat_before) || now_us() > deadline_us)
      return err_set(err, ERR_CONFLICT,
                     "a server named %.*s serves this database already: give each one a name of its own with --node",
                     STR_ARG(membership->options.node));
    const struct peers_gone gone = {&membership->peers, STR(""), now_us()};
    struct peers_gone those = gone;
    if (peers_have_gone(&gone)) code = db_append(membership->conn, peers_forget, &those, err);
    if (code != ERR_NONE) return code;
    usleep(LIMIT_NODE_BEAT_MS * 1000 / 4);
  }
}

static void membership_free(struct membership *membership) {
  if (membership->conn) db_disconnect(membership->conn);
  if (membership->wake_fd >= 0) close(membership->wake_fd);
  pthread_mutex_destroy(&membership->lock);
  free(membership);
}

static enum err_code leave(struct db_tx *tx, void *context, struct err *err) {
  const struct membership *membership = context;
  enum err_code code = store_node_leave(tx, membership->options.node, membership->run, err);
  return code == ERR_NONE ? db_notify(tx, err) : code;
}

enum err_code membership_start(const struct membership_options *options, struct membership **ret_membership,
                               struct err *err) {
  if (options->node.n > NODE_NAME_MAX) return err_set(err, ERR_INVALID, "--node: at most %d characters", NODE_NAME_MAX);
  struct membership *membership = calloc(1, sizeof *membership);
  if (!membership) return err_no_memory(err);
  membership->options = *options;
  membership->written = -1;
  atomic_init(&membership->applied, -1);
  pthread_mutex_init(&membership->lock, NULL);
  random_bytes(membership->run.b, sizeof membership->run.b);
  membership->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  enum err_code code = membership->wake_fd >= 0 ? db_connect(options->db, &membership->conn, err)
                                                : err_set(err, ERR_UNAVAILABLE, "no descriptors are left");
  if (code == ERR_NONE) code = take_name(membership, err);
  if (code == ERR_NONE && pthread_create(&membership->thread, NULL, run, membership) != 0)
    code = err_set(err, ERR_UNAVAILABLE, "no thread can be started");
  if (code != ERR_NONE) {
    membership_free(membership);
    return code;
  }
  *ret_membership = membership;
  return ERR_NONE;
}

void membership_stop(struct membership *membership) {
  struct err ignored; /* the others see it be still */
  if (!membership) return;
  atomic_store(&membership->is_stopping, true);
  wake(membership);
  pthread_join(membership->thread, NULL);
  atomic_store(&membership->lease_ends_us, 0);
  if (db_append(membership->conn, leave, membership, &ignored) != ERR_NONE) ignored.text[0] = '\0';
  membership_free(membership);
}
