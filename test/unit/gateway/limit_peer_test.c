/* Who counts as one host. */
#include <arpa/inet.h>

#include "fixture.h"

static struct sockaddr_storage address(const char *text) {
  struct sockaddr_storage peer = {0};
  struct sockaddr_in *v4 = (struct sockaddr_in *)&peer;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&peer;
  if (strchr(text, ':')) {
    peer.ss_family = AF_INET6;
    assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
  } else {
    peer.ss_family = AF_INET;
    assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
  }
  return peer;
}

static bool is_one_host(const char *a, const char *b) {
  struct sockaddr_storage left = address(a), right = address(b);
  return str_eq(peer_address(&left), peer_address(&right));
}

static void an_ipv4_address_is_a_host(void **state) {
  assert_true(is_one_host("192.0.2.1", "192.0.2.1"));
  assert_false(is_one_host("192.0.2.1", "192.0.2.2"));
}

static void an_ipv6_network_of_64_bits_is_a_host(void **state) {
  assert_true(is_one_host("2001:db8::1", "2001:db8::ffff:1"));
  assert_false(is_one_host("2001:db8::1", "2001:db8:0:1::1"));
}

/* On [::] all IPv4 clients come from ::ffff:0:0/96. */
static void ipv4_over_an_ipv6_listener_is_told_apart(void **state) {
  assert_false(is_one_host("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
  assert_true(is_one_host("::ffff:192.0.2.1", "192.0.2.1"));
}

static void a_host_that_failed_too_often_waits_and_others_do_not(void **state) {
  struct fixture *f = *state;
  struct sockaddr_storage bad = address("192.0.2.1"), good = address("192.0.2.2");
  int64_t retry_us;
  assert_non_null(f->server.peers = limit_peers_new());
  f->server.peer_rate = (struct limit_rate){2, FIXTURE_MINUTE_US};
  f->http.peer = &bad;
  for (int i = 0; i < 2; i++) {
    assert_int_equal(stage_limit_peer(&f->exchange), STAGE_NEXT);
    limit_take(worker_peer_bucket(&f->worker, &bad), f->server.peer_rate, 1, loop_now_us(&f->worker.loop), &retry_us);
  }
  assert_int_equal(stage_limit_peer(&f->exchange), STAGE_FAIL);
  assert_int_equal(f->exchange.refusal.http_status, 429);
  assert_true(f->exchange.refusal.retry_after_s >= 1);
  f->http.peer = &good;
  assert_int_equal(stage_limit_peer(&f->exchange), STAGE_NEXT);
  limit_peers_free(f->server.peers);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_ipv4_address_is_a_host),
      cmocka_unit_test(an_ipv6_network_of_64_bits_is_a_host),
      cmocka_unit_test(ipv4_over_an_ipv6_listener_is_told_apart),
      fixture_test(a_host_that_failed_too_often_waits_and_others_do_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
