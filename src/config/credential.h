/* A connection's credential on its way from the file to the vault. Private to this folder. */
#ifndef CONNEK_CONFIG_CREDENTIAL_H
#define CONNEK_CONFIG_CREDENTIAL_H

#include "base/secret.h"
#include "config/reader.h"

/* An object of strings, {"env"} or {"file"}; as canonical JSON. The caller frees it. */
enum err_code credential_read(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                              struct secret **ret_credential) MUST_CHECK;
/* What the references in a definition's "environment" stand for, as canonical JSON; NULL: there are none. The caller
 * frees it. */
enum err_code credential_read_environment(const struct config_reader *reader, yyjson_val *environment,
                                          const struct config_place *place, struct secret **ret_environment) MUST_CHECK;
/* Are its members those that the connector takes? */
enum err_code credential_check(const struct connector *connector, const struct secret *credential,
                               struct err *err) MUST_CHECK;
/* Same content, whatever the order of members. */
enum err_code credential_is_same(const struct secret *a, const struct secret *b, bool *ret_is_same,
                                 struct err *err) MUST_CHECK;
/* Appends the names of its members as strings of `arena`, in order. */
enum err_code credential_members(struct arena *arena, const struct secret *credential, struct str **ret_names,
                                 size_t *ret_n, struct err *err) MUST_CHECK;

#endif
