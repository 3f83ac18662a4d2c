/* Connectors as the API shows them: read from their definitions, without compiling. */
#ifndef CONNEK_API_CONNECTORS_H
#define CONNEK_API_CONNECTORS_H

#include "api/request.h"

/* The definition of a row, parsed. */
enum err_code connectors_definition(struct api_request *request, const struct connector_record *record,
                                    yyjson_val **ret_definition, struct err *err) MUST_CHECK;
/* Its name for people, else its id. */
struct str connectors_name(const struct connector_record *record, yyjson_val *definition);
/* Is an account of it connected by a person's consent at the service? */
bool connectors_has_consent(yyjson_val *definition);
/* "ways", "settings" and "credential": what connecting one takes. */
void connectors_write_needs(struct buf *out, struct arena *arena, const struct connector_record *record,
                            yyjson_val *definition);

#endif
