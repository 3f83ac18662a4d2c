/* Argon2id for passwords. Knows nothing of whose they are, nor of threads. */
#include "identity/password.h"

#include <argon2.h>

#include "base/random.h"
#include "base/secret.h"

enum { SALT_SIZE = 16, DIGEST_SIZE = 32, LANES = 1 };

/* The hash of a random password that nobody knows, with our parameters: for those who do not exist. */
static const char nobody[] =
    "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/* Of the many lists of stolen passwords only what people type to be done with it. */
static const char *const worst[] = {
    "1234567890", "12345678910", "0123456789", "password12", "password123",    "password1234",
    "qwertyuiop", "1q2w3e4r5t",  "iloveyou12", "aaaaaaaaaa", "changemeplease", "letmeinplease",
};

enum err_code password_check(struct str password, struct str email, struct err *err) {
  if (password.n < PASSWORD_MIN)
    return err_set(err, ERR_INVALID, "Choose a longer password: at least %d characters", PASSWORD_MIN);
  if (password.n > PASSWORD_MAX)
    return err_set(err, ERR_INVALID, "Choose a shorter password: at most %d characters", PASSWORD_MAX);
  bool is_bad = email.n && str_eq_fold(password, email);
  for (size_t i = 0; i < sizeof(worst) / sizeof(worst[0]); i++)
    is_bad = is_bad || str_eq_fold(password, str_of(worst[i]));
  bool is_one_character = true;
  for (size_t i = 1; i < password.n; i++)
    is_one_character = is_one_character && password.p[i] == password.p[0];
  if (is_bad || is_one_character)
    return err_set(err, ERR_INVALID, "Choose another password: this one is among the first that anybody would try");
  return ERR_NONE;
}

enum err_code password_hash(struct str password, char ret_hash[PASSWORD_HASH_SIZE], struct err *err) {
  uint8_t salt[SALT_SIZE];
  random_bytes(salt, sizeof(salt));
  int code = argon2id_hash_encoded(PASSWORD_PASSES, PASSWORD_MEMORY_KIB, LANES, password.p, password.n, salt,
                                   sizeof(salt), DIGEST_SIZE, ret_hash, PASSWORD_HASH_SIZE);
  if (code == ARGON2_MEMORY_ALLOCATION_ERROR) return err_no_memory(err);
  if (code != ARGON2_OK) {
    (void)err_set(err, ERR_INTERNAL, "the password could not be kept");
    err_detail(err, "argon2: %s", argon2_error_message(code));
    return ERR_INTERNAL;
  }
  return ERR_NONE;
}

bool password_verify(struct str password, struct str hash) {
  char text[PASSWORD_HASH_SIZE * 2];
  bool is_somebody = hash.n > 0 && hash.n < sizeof(text);
  if (password.n > PASSWORD_MAX) return false;
  struct str compared = is_somebody ? hash : str_of(nobody);
  memcpy(text, compared.p, compared.n);
  text[compared.n] = '\0';
  bool is_right = argon2id_verify(text, password.p ? password.p : "", password.n) == ARGON2_OK;
  secret_wipe(text, sizeof(text));
  return is_right && is_somebody;
}
