/* What one durable write costs on this machine, whoever does it: what strict figures have to be read against.
 *
 *   commit_time DIR   -> {"fsync":{"p50_us","p99_us"},"sqlite":{...}}
 *
 * fsync: 4 KiB appended to a file, then fdatasync. sqlite: one small row in a transaction of its own, in WAL mode with
 * synchronous=FULL, after so many that the log is overwritten and no longer grows. DIR is the folder to try it in; what
 * is made there is removed. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

enum { ROUNDS = 300, WARM_UP = 2000, PAGE = 4096, PATH_SIZE = 4096, FOR_AT_MOST_US = 8 * 1000 * 1000 };

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int by_time(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void print_times(const char *name, int64_t *times_us, size_t n) {
  qsort(times_us, n, sizeof(*times_us), by_time);
  printf("\"%s\":{\"n\":%zu,\"p50_us\":%lld,\"p99_us\":%lld}", name, n, (long long)times_us[n / 2],
         (long long)times_us[n * 99 / 100]);
}

static bool time_fsync(const char *path, int64_t *ret_times_us, size_t *ret_n) {
  char page[PAGE];
  memset(page, 'x', sizeof(page));
  int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  bool is_good = true;
  int64_t begun = now_us();
  size_t n = 0;
  for (; is_good && n < ROUNDS && now_us() - begun < FOR_AT_MOST_US; n++) {
    int64_t start = now_us();
    is_good = write(fd, page, sizeof(page)) == (ssize_t)sizeof(page) && fdatasync(fd) == 0;
    ret_times_us[n] = now_us() - start;
  }
  close(fd);
  unlink(path);
  *ret_n = n;
  return is_good && n > 0;
}

static bool time_sqlite(const char *path, int64_t *ret_times_us, size_t *ret_n) {
  sqlite3 *db = NULL;
  sqlite3_stmt *insert = NULL;
  bool is_good =
      sqlite3_open(path, &db) == SQLITE_OK &&
      sqlite3_exec(db,
                   "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                   "CREATE TABLE record (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
                   NULL, NULL, NULL) == SQLITE_OK &&
      sqlite3_prepare_v2(db, "INSERT INTO record (bytes) VALUES (zeroblob(400))", -1, &insert, NULL) == SQLITE_OK;
  int64_t begun = now_us();
  for (int i = 0; is_good && i < WARM_UP && now_us() - begun < FOR_AT_MOST_US; i++) {
    is_good = sqlite3_step(insert) == SQLITE_DONE && sqlite3_reset(insert) == SQLITE_OK;
  }
  begun = now_us();
  size_t n = 0;
  for (; is_good && n < ROUNDS && now_us() - begun < FOR_AT_MOST_US; n++) {
    int64_t start = now_us();
    is_good = sqlite3_step(insert) == SQLITE_DONE && sqlite3_reset(insert) == SQLITE_OK;
    ret_times_us[n] = now_us() - start;
  }
  if (!is_good) fprintf(stderr, "commit_time: %s\n", sqlite3_errmsg(db));
  sqlite3_finalize(insert);
  sqlite3_close(db);
  static const char *const endings[] = {"", "-wal", "-shm"};
  for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
    char file[PATH_SIZE + 8];
    if (snprintf(file, sizeof(file), "%s%s", path, endings[i]) > 0) unlink(file);
  }
  *ret_n = n;
  return is_good && n > 0;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: commit_time DIR\n");
    return 2;
  }
  char file[PATH_SIZE], database[PATH_SIZE];
  int file_n = snprintf(file, sizeof(file), "%s/fsync", argv[1]);
  int database_n = snprintf(database, sizeof(database), "%s/commit.db", argv[1]);
  if (file_n < 0 || file_n >= PATH_SIZE || database_n < 0 || database_n >= PATH_SIZE) return 2;
  int64_t fsync_us[ROUNDS], sqlite_us[ROUNDS];
  size_t fsync_n, sqlite_n;
  if (!time_fsync(file, fsync_us, &fsync_n)) {
    fprintf(stderr, "commit_time: %s: %s\n", file, strerror(errno));
    return 1;
  }
  if (!time_sqlite(database, sqlite_us, &sqlite_n)) return 1;
  printf("{");
  print_times("fsync", fsync_us, fsync_n);
  printf(",");
  print_times("sqlite", sqlite_us, sqlite_n);
  printf("}\n");
  return 0;
}
