/* Transactions on store threads: each thread of the executor has its own connection. */
#include <stdlib.h>

#include "db/driver.h"

enum err_code db_start_threads(struct db *db, unsigned n, struct err *err) {
  db->conns = calloc(n, sizeof(struct db_conn *));
  if (!db->conns) return err_no_memory(err);
  for (; db->n_conns < n; db->n_conns++) {
    enum err_code code = db_connect(db, &db->conns[db->n_conns], err);
    if (code != ERR_NONE) return code; /* db_close disconnects those that are there */
  }
  return executor_start("store", n, &db->executor, err);
}

static struct db_job *job_of(struct executor_job *job) {
  return (struct db_job *)(void *)((char *)job - offsetof(struct db_job, job));
}

static enum err_code run_scoped(struct db_tx *tx, void *context, struct err *err) {
  const struct db_job *job = context;
  if (!uuid_is_nil(job->scope)) db_scope(tx, job->scope);
  return job->work(tx, job->context, err);
}

static void run_job(struct executor_job *executor_job, unsigned thread) {
  struct db_job *job = job_of(executor_job);
  struct db_conn *conn = job->db->conns[thread];
  job->code = (job->is_write ? db_write : db_read)(conn, run_scoped, job, &job->err);
}

static void job_done(struct executor_job *executor_job) {
  struct db_job *job = job_of(executor_job);
  job->done(job);
}

bool db_submit(struct db *db, struct loop *loop, struct db_job *job) {
  job->db = db;
  job->code = ERR_NONE;
  job->err = (struct err){0};
  job->job = (struct executor_job){.run = run_job, .done = job_done, .loop = loop};
  return executor_submit(db->executor, &job->job);
}
