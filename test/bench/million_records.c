/* Audit records by the million, chained as the server chains them, for measuring how long verifying and exporting them
 * takes.
 *
 *   million_records DIR ORGANISATION N [DATABASE]    adds N records of calls to the chain "bench" */
#include <stdio.h>
#include <stdlib.h>

#include "audit/chain.h"
#include "audit_event.h"
#include "base/clock.h"

enum { PER_TRANSACTION = 20000 };

struct work {
  const char *dir;
  struct str organisation;
  const struct vault *vault;
  size_t n;
  int64_t time;
};

static enum err_code add(struct db_tx *tx, struct work *work, const struct vault_keys *keys, struct audit_chain *chain,
                         struct err *err) {
  struct audit_draft draft;
  enum err_code code = ERR_NONE;
  audit_draft_init(&draft);
  for (size_t i = 0; i < work->n && !code; i++) {
    struct arena arena;
    struct audit_row row;
    struct audit_event event = usual_event(chain->organisation_id, keys, work->time += 1000);
    arena_init(&arena, 0);
    code = audit_chain_row(chain, &event, &draft, &arena, &row, err);
    if (!code) code = store_audit_insert(tx, &row, err);
    if (!code) audit_chain_advance(chain, &row);
    arena_release(&arena);
  }
  audit_draft_release(&draft);
  return code ? code : audit_chain_put_head(tx, keys, chain, err);
}

static enum err_code fill(struct db_tx *tx, void *context, struct err *err) {
  struct work *work = context;
  struct arena arena;
  struct organisation_record organisation;
  struct vault_keys *keys = NULL;
  struct audit_chain chain;
  arena_init(&arena, 0);
  enum err_code code = store_organisation_find(tx, &arena, work->organisation, &organisation, err);
  if (!code) code = vault_keys_open(work->vault, organisation.id, organisation.data_key, &keys, err);
  if (!code) code = audit_chain_load(tx, keys, organisation.id, STR("bench"), &chain, err);
  if (!code) code = add(tx, work, keys, &chain, err);
  vault_keys_free(keys);
  arena_release(&arena);
  return code;
}

int main(int argc, char **argv) {
  uint64_t n = 0;
  if (argc < 4 || argc > 5 || !str_to_u64(str_of(argv[3]), &n)) {
    fprintf(stderr, "usage: million_records DIR ORGANISATION N [DATABASE]\n");
    return 2;
  }
  struct err err = {0};
  struct db *db = NULL;
  struct db_conn *conn = NULL;
  struct vault *vault = NULL;
  enum err_code code = vault_open(argv[1], false, &vault, &err);
  if (!code) code = argc == 5 ? db_open_server(argv[4], false, &db, &err) : db_open(argv[1], false, &db, &err);
  if (!code) code = db_connect(db, &conn, &err);
  struct work work = {argv[1], str_of(argv[2]), vault, 0, clock_utc_us() - (int64_t)n * 1000};
  for (uint64_t done = 0; done < n && !code; done += work.n) {
    work.n = n - done < PER_TRANSACTION ? (size_t)(n - done) : PER_TRANSACTION;
    code = db_fill(conn, fill, &work, &err);
  }
  if (code) fprintf(stderr, "million_records: %s %s\n", err.text, err.detail);
  if (conn) db_disconnect(conn);
  if (db) db_close(db);
  vault_close(vault);
  return code ? 1 : 0;
}
