/* Access tokens by the million, and what one change among them costs a server that runs.
 *
 *   million_tokens fill DIR ORGANISATION EMAIL N    adds N live tokens (of which nobody knows the text)
 *   million_tokens change DIR ORGANISATION EMAIL N  N times: a new token, or the revocation of the one before, written
 *                                                   as a command writes it, then the server told over
 *                                                   DIR/control.sock -> [{"commit_us","sync_us"},...]
 *
 * sync_us: from the request to the server's confirmation that every worker has it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "org/coherence.h"
#include "store/store.h"

enum { PER_TRANSACTION = 50000, SYNC_MS = 10000 };

struct work {
  struct str organisation, email;
  struct uuid organisation_id, user_id;
  struct uuid token_id; /* the one made last */
  bool must_revoke;
  size_t n;
};

static enum err_code find_user(struct db_tx *tx, void *context, struct err *err) {
  struct work *work = context;
  struct arena arena;
  arena_init(&arena, 0);
  struct organisation_record organisation;
  struct user_record user;
  enum err_code code = store_organisation_find(tx, &arena, work->organisation, &organisation, err);
  if (!code) code = store_user_find(tx, &arena, organisation.id, work->email, &user, err);
  if (!code) {
    work->organisation_id = organisation.id;
    work->user_id = user.id;
  }
  arena_release(&arena);
  return code;
}

static enum err_code insert_token(struct db_tx *tx, struct work *work, struct err *err) {
  struct access_token_record record = {.id = uuid_new(),
                                       .organisation_id = work->organisation_id,
                                       .user_id = work->user_id,
                                       .kind = STR("url"),
                                       .name = STR("bench"),
                                       .created_at = clock_utc_us()};
  random_bytes(record.hash, sizeof(record.hash));
  work->token_id = record.id;
  return store_access_token_insert(tx, &record, err);
}

static enum err_code fill(struct db_tx *tx, void *context, struct err *err) {
  struct work *work = context;
  enum err_code code = ERR_NONE;
  for (size_t i = 0; i < work->n && !code; i++)
    code = insert_token(tx, work, err);
  return code;
}

static enum err_code change(struct db_tx *tx, void *context, struct err *err) {
  struct work *work = context;
  enum err_code code = work->must_revoke
                           ? store_access_token_revoke(tx, work->organisation_id, work->token_id, clock_utc_us(), err)
                           : insert_token(tx, work, err);
  if (!code) code = store_change_log(tx, work->organisation_id, CHANGE_ACCESS_TOKEN, work->token_id, err);
  return code;
}

static enum err_code sync_server(const char *dir, struct err *err) {
  bool is_running = false;
  enum err_code code = coherence_ask(dir, SYNC_MS, &is_running, err);
  if (!code && !is_running) code = err_set(err, ERR_UNAVAILABLE, "no server runs on %s", dir);
  return code;
}

static enum err_code fill_all(struct db_conn *conn, struct work *work, size_t n, struct err *err) {
  enum err_code code = ERR_NONE;
  for (size_t done = 0; done < n && !code; done += work->n) {
    work->n = n - done < PER_TRANSACTION ? n - done : PER_TRANSACTION;
    code = db_write(conn, fill, work, err);
  }
  return code;
}

static enum err_code change_all(struct db_conn *conn, const char *dir, struct work *work, size_t n, struct err *err) {
  enum err_code code = ERR_NONE;
  printf("[");
  for (size_t i = 0; i < n && !code; i++) {
    work->must_revoke = i % 2 == 1;
    int64_t begun = clock_monotonic_us();
    code = db_write(conn, change, work, err);
    int64_t committed = clock_monotonic_us();
    if (!code) code = sync_server(dir, err);
    printf("%s{\"commit_us\":%lld,\"sync_us\":%lld}", i == 0 ? "" : ",", (long long)(committed - begun),
           (long long)(clock_monotonic_us() - committed));
  }
  printf("]\n");
  return code;
}

int main(int argc, char **argv) {
  uint64_t n = 0;
  if (argc != 6 || !str_to_u64(str_of(argv[5]), &n)) {
    fprintf(stderr, "usage: million_tokens fill|change DIR ORGANISATION EMAIL N\n");
    return 2;
  }
  const char *dir = argv[2];
  struct work work = {.organisation = str_of(argv[3]), .email = str_of(argv[4])};
  struct err err = {0};
  struct db *db = NULL;
  struct db_conn *conn = NULL;
  enum err_code code = db_open(dir, false, &db, &err);
  if (!code) code = db_connect(db, &conn, &err);
  if (!code) code = db_read(conn, find_user, &work, &err);
  if (!code && str_eq_c(str_of(argv[1]), "fill"))
    code = fill_all(conn, &work, n, &err);
  else if (!code)
    code = change_all(conn, dir, &work, n, &err);
  if (code) fprintf(stderr, "million_tokens: %s %s\n", err.text, err.detail);
  if (conn) db_disconnect(conn);
  if (db) db_close(db);
  return code ? 1 : 0;
}
