/* Requests signed with OAuth 1.0a (RFC 5849). Pure but for nonce and time, which the caller gives. */
#ifndef CONNEK_CONNECTOR_OAUTH1_H
#define CONNEK_CONNECTOR_OAUTH1_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum oauth1_signature { OAUTH1_HMAC_SHA1, OAUTH1_HMAC_SHA256, OAUTH1_PLAINTEXT };
/* "HMAC-SHA1", "HMAC-SHA256", "PLAINTEXT"; empty is the first. False: none of them. */
bool oauth1_signature_read(struct str word, enum oauth1_signature *ret_signature);

struct oauth1_request {
  enum oauth1_signature signature;
  struct str method, url; /* as it is sent */
  struct str form;        /* the body, where it is application/x-www-form-urlencoded; else empty */
  struct str realm;       /* empty: none is said */
  struct str consumer_key, consumer_secret;
  struct str token, token_secret; /* empty: none */
  struct str callback, verifier;  /* of the way to a token; empty: not sent */
  struct str nonce;
  int64_t time_s;
};

enum { OAUTH1_NONCE_SIZE = 33 };
void oauth1_nonce(char ret_nonce[OAUTH1_NONCE_SIZE]);

/* The value of Authorization behind "OAuth ". What is written on the way stands in the arena and holds no secret;
 * PLAINTEXT alone puts the secrets into `out`, whose memory the caller wipes. ERR_TOO_LARGE: more parameters than can
 * be signed. */
enum err_code oauth1_write(struct arena *arena, const struct oauth1_request *request, struct buf *out,
                           struct err *err) MUST_CHECK;
/* The signature base string (3.4.1), for tests. */
enum err_code oauth1_base_string(struct arena *arena, const struct oauth1_request *request, struct buf *out,
                                 struct err *err) MUST_CHECK;

#endif
