/* What it costs to lease a credential that is kept opened, and to wipe the copy when the call ends: nanoseconds, the
 * median of several rounds, by the credential's size and how many are kept.
 *
 *   lease_floor [LEASES]      prints a line each */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vault/lease.h"

enum { ROUNDS = 9, LEASES = 1000 * 1000, CREDENTIAL_MAX = 4000 };

static const struct {
  const char *name;
  size_t bytes;
  int n_kept;
} kinds[] = {{"key", 48, 1}, {"key_of_10000", 48, 10000}, {"token", 1500, 1000}, {"long", CREDENTIAL_MAX, 1000}};

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static struct uuid id_of(int i) {
  struct uuid id = {{0}};
  memcpy(&id, &i, sizeof(i));
  return id;
}

static double median_of(struct lease_cache *cache, int n_kept, long n) {
  double rounds[ROUNDS];
  for (int round = 0; round < ROUNDS; round++) {
    double start = now_ns();
    for (long i = 0; i < n; i++) {
      int64_t note;
      struct secret *secret = lease_cache_take(cache, id_of((int)(i % n_kept)), 1, 1, &note);
      if (!secret) abort();
      secret_free(secret);
    }
    rounds[round] = (now_ns() - start) / (double)n;
  }
  qsort(rounds, ROUNDS, sizeof(rounds[0]), by_value);
  return rounds[ROUNDS / 2];
}

int main(int argc, char **argv) {
  long n = argc > 1 ? strtol(argv[1], NULL, 10) : LEASES;
  char bytes[CREDENTIAL_MAX];
  memset(bytes, 'x', sizeof(bytes));
  for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
    struct lease_cache *cache = lease_cache_new();
    struct secret *secret = secret_new(bytes, kinds[k].bytes);
    if (!cache || !secret) abort();
    for (int i = 0; i < kinds[k].n_kept; i++)
      lease_cache_put(cache, id_of(i), 1, 0, secret, INT64_MAX);
    printf("%-14s lease %8.0f ns\n", kinds[k].name, median_of(cache, kinds[k].n_kept, n));
    secret_free(secret);
    lease_cache_free(cache);
  }
  return 0;
}
