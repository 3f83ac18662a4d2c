/* What a schema of each draft may look like, as a schema, for those that refer to it: meta/, in our words, each draft
 * in one document. Must not be what compiling itself goes by. */
#include "codec/schema_compiler.h"
#include "codec_meta.h"

const char *schema_meta_text(struct str uri) {
  if (str_eq(uri, STR("https://json-schema.org/draft/2020-12/schema"))) return codec_meta_draft_2020_12;
  if (str_eq(uri, STR("http://json-schema.org/draft-07/schema"))) return codec_meta_draft_07;
  return NULL;
}
