/* A conversation that nobody else can read, change, repeat or join: between two who hold the same key and nothing else.
 * Bytes in, bytes out; no I/O.
 *
 *   client -> server   magic, its fresh X25519 key, a mac of both under the shared key
 *   server -> client   its own, a mac of that and of all that the client said
 *   then frames        two bytes of length, AES-256-GCM; a key and a count for each direction
 *
 * The frames' keys come (HKDF-SHA-256) from the exchange of the fresh keys, the shared key and all that was said
 * before. So whoever takes down what was said and later learns the shared key reads nothing; what was said once means
 * nothing in another conversation; and the first frame that opens proves to each side that the other holds the shared
 * key now. What the stream beneath cuts off shows in what is said within: HTTP's lengths. */
#ifndef CONNEK_BASE_CHANNEL_H
#define CONNEK_BASE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
  CHANNEL_KEY = 32,
  CHANNEL_CLIENT_HELLO = 8 + 32 + 32,
  CHANNEL_SERVER_HELLO = 32 + 32,
  CHANNEL_HEAD = 2, /* of a frame: how long what follows is */
  CHANNEL_TAG = 16,
  CHANNEL_PLAIN = 16 * 1024, /* the most of one frame */
  CHANNEL_FRAME = CHANNEL_HEAD + CHANNEL_PLAIN + CHANNEL_TAG,
};

struct channel;

/* NULL: no memory. `key` is not needed any more afterwards. */
struct channel *channel_new(const uint8_t key[CHANNEL_KEY]);
/* Wipes its keys; NULL is fine. */
void channel_free(struct channel *channel);

/* The client's: what it says first; then what it makes of the answer. False: it is not from who holds the key. */
bool channel_greet(struct channel *channel, uint8_t ret_hello[CHANNEL_CLIENT_HELLO]) MUST_CHECK;
bool channel_settle(struct channel *channel, const uint8_t hello[CHANNEL_SERVER_HELLO]) MUST_CHECK;
/* The server's: what it answers. False: the client does not hold the key; nothing is answered. */
bool channel_answer(struct channel *channel, const uint8_t hello[CHANNEL_CLIENT_HELLO],
                    uint8_t ret_hello[CHANNEL_SERVER_HELLO]) MUST_CHECK;

/* A frame of 1 to CHANNEL_PLAIN bytes: n + CHANNEL_HEAD + CHANNEL_TAG. */
bool channel_seal(struct channel *channel, const uint8_t *plain, size_t n, uint8_t *ret_frame) MUST_CHECK;
/* How long a frame that begins so is, its head among it; 0: none is. */
size_t channel_frame_size(const uint8_t head[CHANNEL_HEAD]);
/* The next frame of the other side, whole. False: it is not; the conversation is over. */
bool channel_open(struct channel *channel, const uint8_t *frame, size_t n, uint8_t *ret_plain,
                  size_t *ret_plain_n) MUST_CHECK;

#endif
