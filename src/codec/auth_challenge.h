/* The WWW-Authenticate field of HTTP (RFC 9110, 11.6.1) as protected resources use it (RFC 6750, 3; RFC 9728, 5.1). */
#ifndef CONNEK_CODEC_AUTH_CHALLENGE_H
#define CONNEK_CODEC_AUTH_CHALLENGE_H

#include "base/arena.h"
#include "base/str.h"

/* Of a Bearer challenge; each is empty where it is not said. */
struct auth_challenge {
  bool is_bearer; /* there was one */
  struct str resource_metadata, scope, error;
};

/* Reads one field's value, which may hold several challenges, into `challenge`: the first Bearer one counts, of several
 * fields too (call it once a field, on one that was zeroed). What is no challenge ends the reading; what was read
 * before stays. Texts are copied into the arena; without memory they stay empty. */
void auth_challenge_read(struct arena *arena, struct str field, struct auth_challenge *challenge);

#endif
