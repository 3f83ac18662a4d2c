#include "base/channel.h"

#include "unit.h"

static const uint8_t key[CHANNEL_KEY] = {1, 2, 3}, other_key[CHANNEL_KEY] = {1, 2, 4};

struct pair {
  struct channel *client, *server;
  uint8_t client_hello[CHANNEL_CLIENT_HELLO], server_hello[CHANNEL_SERVER_HELLO];
};

static void pair_open(struct pair *pair) {
  pair->client = channel_new(key);
  pair->server = channel_new(key);
  assert_true(channel_greet(pair->client, pair->client_hello));
  assert_true(channel_answer(pair->server, pair->client_hello, pair->server_hello));
  assert_true(channel_settle(pair->client, pair->server_hello));
}

static void pair_close(struct pair *pair) {
  channel_free(pair->client);
  channel_free(pair->server);
}

static size_t seal(struct channel *channel, const char *text, uint8_t frame[CHANNEL_FRAME]) {
  assert_true(channel_seal(channel, (const uint8_t *)text, strlen(text), frame));
  size_t n = channel_frame_size(frame);
  assert_int_equal(n, strlen(text) + CHANNEL_HEAD + CHANNEL_TAG);
  return n;
}

static bool opens(struct channel *channel, const uint8_t *frame, size_t n, const char *text) {
  static uint8_t plain[CHANNEL_PLAIN];
  size_t plain_n = 0;
  if (!channel_open(channel, frame, n, plain, &plain_n)) return false;
  assert_int_equal(plain_n, strlen(text));
  assert_memory_equal(plain, text, plain_n);
  return true;
}

static void both_sides_read_what_the_other_says(void **state) {
  static uint8_t frame[CHANNEL_FRAME];
  struct pair pair;
  pair_open(&pair);
  for (int i = 0; i < 3; i++) {
    size_t n = seal(pair.client, "to the server", frame);
    assert_null(memmem(frame, n, "server", 6));
    assert_true(opens(pair.server, frame, n, "to the server"));
    assert_true(opens(pair.client, frame, seal(pair.server, "to the client", frame), "to the client"));
  }
  pair_close(&pair);
}

static void who_does_not_hold_the_key_is_not_answered_and_not_believed(void **state) {
  uint8_t hello[CHANNEL_CLIENT_HELLO], answer[CHANNEL_SERVER_HELLO];
  struct channel *stranger = channel_new(other_key), *server = channel_new(key), *client = channel_new(key),
                 *false_server = channel_new(other_key);
  assert_true(channel_greet(stranger, hello));
  assert_false(channel_answer(server, hello, answer));
  assert_true(channel_greet(client, hello));
  assert_false(channel_answer(false_server, hello, answer));
  memset(answer, 7, sizeof answer);
  assert_false(channel_settle(client, answer));
  channel_free(stranger);
  channel_free(server);
  channel_free(client);
  channel_free(false_server);
}

static void every_changed_bit_of_a_hello_is_noticed(void **state) {
  struct pair pair;
  uint8_t answer[CHANNEL_SERVER_HELLO];
  pair_open(&pair);
  for (size_t i = 0; i < 8 * sizeof pair.client_hello; i++) {
    struct channel *server = channel_new(key);
    pair.client_hello[i / 8] ^= (uint8_t)(1 << i % 8);
    assert_false(channel_answer(server, pair.client_hello, answer));
    pair.client_hello[i / 8] ^= (uint8_t)(1 << i % 8);
    channel_free(server);
  }
  pair_close(&pair);
  for (size_t i = 0; i < 8 * sizeof answer; i++) {
    struct channel *client = channel_new(key), *server = channel_new(key);
    assert_true(channel_greet(client, pair.client_hello));
    assert_true(channel_answer(server, pair.client_hello, answer));
    answer[i / 8] ^= (uint8_t)(1 << i % 8);
    assert_false(channel_settle(client, answer));
    channel_free(client);
    channel_free(server);
  }
}

static void every_changed_bit_of_a_frame_ends_the_conversation(void **state) {
  static uint8_t frame[CHANNEL_FRAME];
  size_t n = 5 + CHANNEL_HEAD + CHANNEL_TAG;
  for (size_t i = 0; i < 8 * n; i++) {
    struct pair pair;
    pair_open(&pair);
    assert_int_equal(seal(pair.client, "hello", frame), n);
    frame[i / 8] ^= (uint8_t)(1 << i % 8);
    assert_false(opens(pair.server, frame, n, "hello"));
    frame[i / 8] ^= (uint8_t)(1 << i % 8);
    assert_false(opens(pair.server, frame, n, "hello"));
    pair_close(&pair);
  }
}

static void what_was_said_once_is_not_taken_again(void **state) {
  static uint8_t first[CHANNEL_FRAME], second[CHANNEL_FRAME];
  struct pair pair, later;
  uint8_t answer[CHANNEL_SERVER_HELLO];
  pair_open(&pair);
  size_t n = seal(pair.client, "first", first);
  assert_true(opens(pair.server, first, n, "first"));
  assert_false(opens(pair.server, first, n, "first"));
  /* A whole conversation, said again to a server that answers anew. */
  later.server = channel_new(key);
  assert_true(channel_answer(later.server, pair.client_hello, answer));
  assert_false(opens(later.server, first, n, "first"));
  channel_free(later.server);
  pair_close(&pair);
  pair_open(&pair);
  n = seal(pair.client, "first", first);
  assert_int_equal(seal(pair.client, "other", second), n);
  assert_false(opens(pair.server, second, n, "other")); /* out of its order */
  pair_close(&pair);
}

static void what_one_says_is_no_answer_to_itself(void **state) {
  static uint8_t frame[CHANNEL_FRAME];
  struct pair pair;
  pair_open(&pair);
  size_t n = seal(pair.client, "hello", frame);
  assert_false(opens(pair.client, frame, n, "hello"));
  pair_close(&pair);
  struct channel *client = channel_new(key);
  uint8_t hello[CHANNEL_CLIENT_HELLO];
  assert_true(channel_greet(client, hello));
  assert_false(channel_settle(client, hello + 8)); /* its own key and mac, sent back */
  channel_free(client);
}

static void nothing_is_sealed_before_both_have_said_who_they_are(void **state) {
  static uint8_t frame[CHANNEL_FRAME];
  struct channel *client = channel_new(key);
  uint8_t hello[CHANNEL_CLIENT_HELLO];
  assert_true(channel_greet(client, hello));
  assert_false(channel_seal(client, (const uint8_t *)"x", 1, frame));
  channel_free(client);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_sides_read_what_the_other_says),
      cmocka_unit_test(who_does_not_hold_the_key_is_not_answered_and_not_believed),
      cmocka_unit_test(every_changed_bit_of_a_hello_is_noticed),
      cmocka_unit_test(every_changed_bit_of_a_frame_ends_the_conversation),
      cmocka_unit_test(what_was_said_once_is_not_taken_again),
      cmocka_unit_test(what_one_says_is_no_answer_to_itself),
      cmocka_unit_test(nothing_is_sealed_before_both_have_said_who_they_are),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
