/* The words that people choose: names and e-mail addresses. */
#ifndef CONNEK_CONFIG_WORDS_H
#define CONNEK_CONFIG_WORDS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* A name of an organisation, role, connection or token: 1 to LIMIT_NAME characters, none of them a control character,
 * no space at either end. ERR_INVALID, without a place. */
enum err_code config_name_check(struct str name, struct err *err) MUST_CHECK;

/* An address as it is stored: ASCII, lower case, one @, nothing that could be taken for something else. In the arena.
 */
enum err_code config_email_read(struct arena *arena, struct str text, struct str *ret_email,
                                struct err *err) MUST_CHECK;

#endif
