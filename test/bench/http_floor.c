/* The least a request can cost on our HTTP server: a fixed reply to whatever comes. Prints, when SIGTERM ends it, the
 * requests, the CPU each took (user and system, whole process), and the memory.
 *
 *   http_floor [PORT [BODY_BYTES]] */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "net/http_server.h"

static struct {
  struct loop loop;
  struct http_server *server;
  struct http_server_counts counts;
  uv_signal_t signal;
  struct str body;
} floor_of;

static void on_request(struct http_exchange *exchange, void *context) {
  http_reply(exchange,
             &(struct http_reply){.status = 200, .content_type = STR("application/json"), .body = floor_of.body});
}

static void on_drained(void *context) {
  loop_stop(&floor_of.loop);
}

static void on_signal(uv_signal_t *signal, int number) {
  http_server_count(floor_of.server, &floor_of.counts);
  uv_close((uv_handle_t *)signal, NULL);
  http_server_drain(floor_of.server, on_drained, NULL);
}

static void print_cost(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double user_us = (double)usage.ru_utime.tv_sec * 1e6 + (double)usage.ru_utime.tv_usec;
  double system_us = (double)usage.ru_stime.tv_sec * 1e6 + (double)usage.ru_stime.tv_usec;
  double n = floor_of.counts.requests > 0 ? (double)floor_of.counts.requests : 1;
  printf("{\"requests\":%llu,\"cpu_us\":%.2f,\"user_us\":%.2f,\"system_us\":%.2f,\"peak_kib\":%ld}\n",
         (unsigned long long)floor_of.counts.requests, (user_us + system_us) / n, user_us / n, system_us / n,
         usage.ru_maxrss);
}

int main(int argc, char **argv) {
  unsigned long port = argc > 1 ? strtoul(argv[1], NULL, 10) : 8099;
  size_t body_n = argc > 2 ? strtoul(argv[2], NULL, 10) : 64;
  char *body = malloc(body_n + 1);
  struct err err = {0};
  if (!body) return 1;
  memset(body, 'x', body_n);
  floor_of.body = str_make(body, body_n);
  if (loop_init(&floor_of.loop, &err) != ERR_NONE ||
      http_server_start(&floor_of.loop, STR("127.0.0.1"), (uint16_t)port, true,
                        &(struct http_server_options){.on_request = on_request}, &floor_of.server, &err) != ERR_NONE) {
    fprintf(stderr, "http_floor: %s\n", err.text);
    return 1;
  }
  uv_signal_init(&floor_of.loop.uv, &floor_of.signal);
  uv_signal_start(&floor_of.signal, on_signal, SIGTERM);
  loop_run(&floor_of.loop);
  loop_release(&floor_of.loop);
  print_cost();
  free(body);
  return 0;
}
