/* The kinds, for registry.c alone. Internal to connector/. */
#ifndef CONNEK_CONNECTOR_KINDS_H
#define CONNEK_CONNECTOR_KINDS_H

#include "connector/connector.h"

extern const struct connector_kind connector_http, connector_mcp, connector_postgres, connector_sqlite, connector_self;

#endif
