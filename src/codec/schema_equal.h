/* Equality as JSON Schema has it (2020-12 core, 4.2.2): 1 and 1.0 are equal, the order of members does not matter. */
#ifndef CONNEK_CODEC_SCHEMA_EQUAL_H
#define CONNEK_CODEC_SCHEMA_EQUAL_H

#include "codec/json.h"

/* Both spend `work`; once it is spent (schema_work.h) their answer means nothing. Depth is bounded by json_read's. */
bool schema_equal(yyjson_val *a, yyjson_val *b, size_t *work);
/* Finds two equal items of an array, if there are any. Fails with ERR_NO_MEMORY alone. */
enum err_code schema_find_twins(yyjson_val *array, size_t *work, bool *ret_is_found, size_t *ret_first,
                                size_t *ret_second) MUST_CHECK;

#endif
