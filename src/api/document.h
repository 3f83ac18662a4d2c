/* schema/api.json as a server needs it: the schema of each operation's body and of its parameters, compiled once. */
#ifndef CONNEK_API_DOCUMENT_H
#define CONNEK_API_DOCUMENT_H

#include "api/route.h"
#include "base/arena.h"
#include "codec/schema.h"
#include "web/form.h"

struct api_document;

/* Everything in the arena. ERR_INTERNAL, saying where: the document and the routes do not fit each other. */
enum err_code api_document_open(struct arena *arena, struct api_document **ret_document, struct err *err) MUST_CHECK;
/* The whole of it, as text; and parsed. */
struct str api_document_text(void);
yyjson_val *api_document_root(const struct api_document *document);
/* NULL: the operation has no body. */
const struct schema *api_document_body(const struct api_document *document, const struct api_route *route);
/* Are these the parameters of the operation? ERR_INVALID names the first that is not, as place. */
enum err_code api_document_check_query(const struct api_document *document, const struct api_route *route,
                                       struct arena *arena, const struct form *query, struct err *err) MUST_CHECK;

#endif
