/* The master key's file. */
#ifndef CONNEK_VAULT_MASTER_KEY_H
#define CONNEK_VAULT_MASTER_KEY_H

#include "base/err.h"
#include "base/secret.h"

enum { MASTER_KEY_SIZE = 32 };

/* As vault_open says. */
enum err_code master_key_load(const char *dir, bool may_create, struct secret **ret_key, struct err *err) MUST_CHECK;

#endif
