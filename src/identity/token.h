/* Access tokens, and what else is handed out once and kept as SHA-256 alone, as text. The personal URL's is 64 hex
 * digits (256 random bits); the others are a prefix that names the kind + 43 characters of base64url (256 random bits)
 * + 8 hex digits: the CRC-32 of all before them, so that scanners recognise a leaked one and a mistyped one is refused
 * without a look-up. None of them is a JWT (RFC 7519): that has dots. */
#ifndef CONNEK_IDENTITY_TOKEN_H
#define CONNEK_IDENTITY_TOKEN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum token_kind {
  TOKEN_URL,     /* also what browsers' sessions and single-use links are known by */
  TOKEN_KEY,     /* ck_: an API key */
  TOKEN_ACCESS,  /* cka_: an access token for a client that signed in (OAuth 2.1) */
  TOKEN_REFRESH, /* ckr_: its refresh token */
  TOKEN_CODE,    /* ckc_: an authorization code */
  TOKEN_SECRET,  /* cks_: a registered client's secret */
  TOKEN_API,     /* cap_: a key of the REST API */
};

enum { TOKEN_TEXT_SIZE = 80, TOKEN_HASH_SIZE = 32 };

/* A fresh one; the caller wipes `ret_text` when it has been shown. */
void token_new(enum token_kind kind, char ret_text[TOKEN_TEXT_SIZE]);
/* Is it well formed (but for URLs: does the checksum fit)? Cheap; says nothing of whether it exists. */
bool token_is_well_formed(enum token_kind kind, struct str text);
/* The hash it is stored and looked up by. */
void token_hash(struct str text, uint8_t ret_hash[TOKEN_HASH_SIZE]);

#endif
