/* Where the master key comes from: a credential of systemd's, a file of the data folder, a variable, in that order. */
#ifndef CONNEK_VAULT_MASTER_KEY_H
#define CONNEK_VAULT_MASTER_KEY_H

#include "base/err.h"
#include "base/secret.h"

enum { MASTER_KEY_SIZE = 32 };

enum master_key_source {
  MASTER_KEY_CREDENTIAL, /* $CREDENTIALS_DIRECTORY/connek.master-key */
  MASTER_KEY_FILE,       /* DIR/master.key */
  MASTER_KEY_VARIABLE,   /* CONNEK_MASTER_KEY */
  MASTER_KEY_SOURCES
};
/* For people. */
const char *master_key_name(enum master_key_source source);

/* From one source. ERR_NOT_FOUND: there is none. The variable is wiped from the environment as it is read, also where
 * /proc shows it. */
enum err_code master_key_read(const char *dir, enum master_key_source source, struct secret **ret_key,
                              struct err *err) MUST_CHECK;
/* Of a file anywhere, under the rules of DIR's. */
enum err_code master_key_read_file(const char *path, struct secret **ret_key, struct err *err) MUST_CHECK;
/* Makes DIR/master.key (0400, fsynced with its folder) where DIR holds nothing and `may_create`; else says why not:
 * ERR_UNAVAILABLE where there is data, ERR_NOT_FOUND where there is none. */
enum err_code master_key_make(const char *dir, bool may_create, struct err *err) MUST_CHECK;

/* The key that takes its place: DIR/master.key.next, made where it is not there yet. */
enum err_code master_key_make_next(const char *dir, struct err *err) MUST_CHECK;
enum err_code master_key_read_next(const char *dir, struct secret **ret_key, struct err *err) MUST_CHECK;
/* It is DIR/master.key from now on. */
enum err_code master_key_take_next(const char *dir, struct err *err) MUST_CHECK;

#endif
