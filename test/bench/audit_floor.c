/* What a durable audit record costs: CPU of the whole process per record, strict, with 64 and with 1 under way. The
 * data lies in a folder made beside the program's working folder, on the disk that is asked about.
 *
 *   audit_floor [RECORDS]      prints a line each */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "audit_event.h"

enum { BATCH_MAX = 64 };

struct floor_run {
  struct audit_writer *writer;
  struct loop loop;
  struct loop_task first;
  struct audit_event events[BATCH_MAX];
  int batch, n_open;
  long n_left, n_failed;
};

/* As so many connections do: each asks again when it has its answer. */
static void submit(struct floor_run *run, struct audit_event *event) {
  run->n_left--;
  run->n_open++;
  if (!audit_submit(run->writer, event)) abort();
}

static void on_done(struct audit_event *event) {
  struct floor_run *run = (struct floor_run *)(void *)((char *)event->loop - offsetof(struct floor_run, loop));
  run->n_failed += event->code != ERR_NONE;
  run->n_open--;
  if (run->n_left > 0)
    submit(run, event);
  else if (run->n_open == 0)
    loop_stop(&run->loop);
}

static void on_first(struct loop_task *task) {
  struct floor_run *run = (struct floor_run *)(void *)((char *)task - offsetof(struct floor_run, first));
  for (int i = 0; i < run->batch; i++)
    submit(run, &run->events[i]);
}

static struct audit_event event_of(struct floor_run *run, struct uuid organisation_id, const struct vault_keys *keys) {
  struct audit_event event = usual_event(organisation_id, keys, 1763600000000000);
  event.loop = &run->loop;
  event.done = on_done;
  return event;
}

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void measure(struct audit_writer *writer, struct uuid organisation_id, const struct vault_keys *keys, int batch,
                    long n) {
  struct floor_run *run = calloc(1, sizeof *run);
  struct err err;
  struct audit_counts before, after;
  if (!run || loop_init(&run->loop, &err) != ERR_NONE) abort();
  run->writer = writer;
  run->batch = batch;
  run->n_left = n;
  run->first.run = on_first;
  for (int i = 0; i < batch; i++)
    run->events[i] = event_of(run, organisation_id, keys);
  audit_count(writer, &before);
  double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
  loop_post(&run->loop, &run->first);
  loop_run(&run->loop);
  cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  wall = seconds(CLOCK_MONOTONIC) - wall;
  audit_count(writer, &after);
  double records = (double)(after.records - before.records), commits = (double)(after.commits - before.commits);
  printf("%2d at once: %.2f us CPU a record, %.0f records/s, %.1f records a commit, %.1f us a commit, %ld failed\n",
         batch, cpu / records * 1e6, records / wall, records / commits, wall / commits * 1e6, run->n_failed);
  loop_release(&run->loop);
  free(run);
}

static void fail(const struct err *err) {
  fprintf(stderr, "audit_floor: %s (%s)\n", err->text, err->detail);
  exit(1);
}

int main(int argc, char **argv) {
  long n = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
  char dir[] = "audit_floor-XXXXXX", path[64];
  static const char *const names[] = {"connek.db", "connek.db-wal", "connek.db-shm", "master.key"};
  struct err err;
  struct vault *vault;
  struct vault_keys *keys;
  struct db *db;
  struct audit_writer *writer;
  struct arena arena;
  struct str data_key;
  struct uuid organisation_id = uuid_new();
  const struct audit_writer_options options = {STR("node1"), false};
  arena_init(&arena, 0);
  if (!mkdtemp(dir)) return 1;
  if (vault_open(dir, true, &vault, &err) != ERR_NONE || db_open(dir, true, &db, &err) != ERR_NONE ||
      vault_data_key_new(vault, &arena, organisation_id, &data_key, &err) != ERR_NONE ||
      vault_keys_open(vault, organisation_id, data_key, &keys, &err) != ERR_NONE ||
      audit_writer_start(db, &options, &writer, &err) != ERR_NONE)
    fail(&err);
  measure(writer, organisation_id, keys, 64, n);
  measure(writer, organisation_id, keys, 1, n / 20);
  audit_writer_stop(writer);
  vault_keys_free(keys);
  vault_close(vault);
  db_close(db);
  arena_release(&arena);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    unlink(path);
  }
  return rmdir(dir) == 0 ? 0 : 1;
}
