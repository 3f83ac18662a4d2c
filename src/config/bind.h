/* A connection and its connector brought together: are the settings and the credential what the connector takes?
 * Private to this folder. */
#ifndef CONNEK_CONFIG_BIND_H
#define CONNEK_CONFIG_BIND_H

#include "config/model.h"
#include "config/place.h"

/* Checks them, makes database paths absolute, and returns the settings as they are stored (canonical JSON, in the
 * arena). `connection` is not changed. The error's place lies under connection->place. */
enum err_code config_bind(struct arena *arena, const struct config *config, const struct config_connection *connection,
                          const struct connector *connector, struct str *ret_settings, struct err *err) MUST_CHECK;

#endif
