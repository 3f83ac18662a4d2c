/* The handshake and the frames of channel.h. Must not know who speaks, nor what the bytes mean. */
#include "base/channel.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/hmac.h"
#include "base/secret.h"

#define MAGIC "CNKNODE1"

enum { MAGIC_N = 8, PUBLIC = 32, MAC = 32, NONCE = 12, SAID_MAX = CHANNEL_CLIENT_HELLO + CHANNEL_SERVER_HELLO };

struct direction {
  EVP_CIPHER_CTX *cipher; /* with its key */
  uint64_t n_frames;
};

struct channel {
  uint8_t key[CHANNEL_KEY];
  EVP_PKEY *own;
  uint8_t said[SAID_MAX]; /* both hellos */
  struct direction out, in;
  bool is_open;
};

struct channel *channel_new(const uint8_t key[CHANNEL_KEY]) {
  struct channel *channel = calloc(1, sizeof *channel);
  if (channel) memcpy(channel->key, key, CHANNEL_KEY);
  return channel;
}

void channel_free(struct channel *channel) {
  if (!channel) return;
  EVP_PKEY_free(channel->own);
  EVP_CIPHER_CTX_free(channel->out.cipher); /* wiped by OpenSSL */
  EVP_CIPHER_CTX_free(channel->in.cipher);
  secret_wipe(channel, sizeof *channel);
  free(channel);
}

static bool mac(const uint8_t key[CHANNEL_KEY], const void *bytes, size_t n, uint8_t ret_mac[MAC]) {
  size_t mac_n;
  return hmac_once(HMAC_SHA256, str_make((const char *)key, CHANNEL_KEY), str_make(bytes, n), ret_mac, &mac_n);
}

/* Another label for each side: what one says is never an answer to itself. */
static bool mac_of(const struct channel *channel, const char label[8], size_t n, uint8_t ret_mac[MAC]) {
  uint8_t text[8 + SAID_MAX];
  memcpy(text, label, 8);
  memcpy(text + 8, channel->said, n);
  return mac(channel->key, text, 8 + n, ret_mac);
}

static bool make_own(struct channel *channel, uint8_t ret_public[PUBLIC]) {
  size_t n = PUBLIC;
  channel->own = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
  return channel->own && EVP_PKEY_get_raw_public_key(channel->own, ret_public, &n) == 1 && n == PUBLIC;
}

/* OpenSSL refuses a secret of zeros alone: keys of small order (RFC 7748, 6.1). */
static bool exchange(const struct channel *channel, const uint8_t other[PUBLIC], uint8_t ret_shared[PUBLIC]) {
  size_t n = PUBLIC;
  EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, other, PUBLIC);
  EVP_PKEY_CTX *context = theirs ? EVP_PKEY_CTX_new(channel->own, NULL) : NULL;
  bool is_made = context && EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, theirs) == 1 &&
                 EVP_PKEY_derive(context, ret_shared, &n) == 1 && n == PUBLIC;
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(theirs);
  return is_made;
}

/* HKDF (RFC 5869): the shared key is the salt; one block of output for each direction. */
static bool expand(const struct channel *channel, const uint8_t prk[MAC], const char label[8], uint8_t ret_key[MAC]) {
  uint8_t info[8 + SAID_MAX + 1];
  memcpy(info, label, 8);
  memcpy(info + 8, channel->said, SAID_MAX);
  info[sizeof info - 1] = 1;
  return mac(prk, info, sizeof info, ret_key);
}

static bool direction_open(struct direction *direction, const uint8_t key[MAC], bool is_out) {
  direction->cipher = EVP_CIPHER_CTX_new();
  return direction->cipher &&
         EVP_CipherInit_ex(direction->cipher, EVP_aes_256_gcm(), NULL, key, NULL, is_out ? 1 : 0) == 1;
}

static bool open_frames(struct channel *channel, const uint8_t other[PUBLIC], bool is_client) {
  uint8_t shared[PUBLIC], prk[MAC], to_server[MAC], to_client[MAC];
  bool is_open = exchange(channel, other, shared) && mac(channel->key, shared, PUBLIC, prk) &&
                 expand(channel, prk, "toserver", to_server) && expand(channel, prk, "toclient", to_client) &&
                 direction_open(&channel->out, is_client ? to_server : to_client, true) &&
                 direction_open(&channel->in, is_client ? to_client : to_server, false);
  secret_wipe(shared, sizeof shared);
  secret_wipe(prk, sizeof prk);
  secret_wipe(to_server, sizeof to_server);
  secret_wipe(to_client, sizeof to_client);
  secret_wipe(channel->key, sizeof channel->key);
  EVP_PKEY_free(channel->own);
  channel->own = NULL;
  channel->is_open = is_open;
  return is_open;
}

bool channel_greet(struct channel *channel, uint8_t ret_hello[CHANNEL_CLIENT_HELLO]) {
  memcpy(channel->said, MAGIC, MAGIC_N);
  if (!make_own(channel, channel->said + MAGIC_N) ||
      !mac_of(channel, "client..", MAGIC_N + PUBLIC, channel->said + MAGIC_N + PUBLIC))
    return false;
  memcpy(ret_hello, channel->said, CHANNEL_CLIENT_HELLO);
  return true;
}

bool channel_answer(struct channel *channel, const uint8_t hello[CHANNEL_CLIENT_HELLO],
                    uint8_t ret_hello[CHANNEL_SERVER_HELLO]) {
  uint8_t expected[MAC], *answer = channel->said + CHANNEL_CLIENT_HELLO;
  memcpy(channel->said, hello, CHANNEL_CLIENT_HELLO);
  if (memcmp(hello, MAGIC, MAGIC_N) != 0 || !mac_of(channel, "client..", MAGIC_N + PUBLIC, expected) ||
      CRYPTO_memcmp(expected, hello + MAGIC_N + PUBLIC, MAC) != 0)
    return false;
  if (!make_own(channel, answer) || !mac_of(channel, "server..", CHANNEL_CLIENT_HELLO + PUBLIC, answer + PUBLIC))
    return false;
  memcpy(ret_hello, answer, CHANNEL_SERVER_HELLO);
  return open_frames(channel, hello + MAGIC_N, false);
}

bool channel_settle(struct channel *channel, const uint8_t hello[CHANNEL_SERVER_HELLO]) {
  uint8_t expected[MAC];
  memcpy(channel->said + CHANNEL_CLIENT_HELLO, hello, CHANNEL_SERVER_HELLO);
  if (!mac_of(channel, "server..", CHANNEL_CLIENT_HELLO + PUBLIC, expected) ||
      CRYPTO_memcmp(expected, hello + PUBLIC, MAC) != 0)
    return false;
  return open_frames(channel, hello, true);
}

/* The frame's number is its nonce: no key seals two under one, and none is taken out of its place. */
static bool begin_frame(struct direction *direction, const uint8_t head[CHANNEL_HEAD]) {
  uint8_t nonce[NONCE] = {0};
  int n;
  uint64_t number = direction->n_frames++;
  for (int i = 0; i < 8; i++)
    nonce[NONCE - 1 - i] = (uint8_t)(number >> (8 * i));
  return number < UINT32_MAX && EVP_CipherInit_ex(direction->cipher, NULL, NULL, NULL, nonce, -1) == 1 &&
         EVP_CipherUpdate(direction->cipher, NULL, &n, head, CHANNEL_HEAD) == 1;
}

bool channel_seal(struct channel *channel, const uint8_t *plain, size_t n, uint8_t *ret_frame) {
  EVP_CIPHER_CTX *cipher = channel->out.cipher;
  uint8_t *body = ret_frame + CHANNEL_HEAD;
  int written, last;
  if (!channel->is_open || n == 0 || n > CHANNEL_PLAIN) return false;
  ret_frame[0] = (uint8_t)(n >> 8);
  ret_frame[1] = (uint8_t)n;
  return begin_frame(&channel->out, ret_frame) && EVP_CipherUpdate(cipher, body, &written, plain, (int)n) == 1 &&
         EVP_CipherFinal_ex(cipher, body + written, &last) == 1 && (size_t)written + (size_t)last == n &&
         EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, CHANNEL_TAG, body + n) == 1;
}

size_t channel_frame_size(const uint8_t head[CHANNEL_HEAD]) {
  size_t n = (size_t)head[0] << 8 | head[1];
  return n == 0 || n > CHANNEL_PLAIN ? 0 : CHANNEL_HEAD + n + CHANNEL_TAG;
}

bool channel_open(struct channel *channel, const uint8_t *frame, size_t n, uint8_t *ret_plain, size_t *ret_plain_n) {
  EVP_CIPHER_CTX *cipher = channel->in.cipher;
  int written, last;
  size_t plain_n = n - CHANNEL_HEAD - CHANNEL_TAG;
  uint8_t tag[CHANNEL_TAG];
  if (n < CHANNEL_HEAD + CHANNEL_TAG || channel_frame_size(frame) != n) channel->is_open = false;
  if (!channel->is_open) return false;
  memcpy(tag, frame + CHANNEL_HEAD + plain_n, CHANNEL_TAG);
  channel->is_open = begin_frame(&channel->in, frame) &&
                     EVP_CipherUpdate(cipher, ret_plain, &written, frame + CHANNEL_HEAD, (int)plain_n) == 1 &&
                     EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, CHANNEL_TAG, tag) == 1 &&
                     EVP_CipherFinal_ex(cipher, ret_plain + written, &last) == 1;
  if (channel->is_open) *ret_plain_n = plain_n;
  return channel->is_open;
}
