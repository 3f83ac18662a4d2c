/* Which keywords hold in a schema, by its $schema (2020-12 core, 8.1). Fetches nothing: a $schema that names neither a
 * draft nor one of the caller's documents changes nothing. */
#include "codec/schema_compiler.h"

static struct str without_end(struct str uri) {
  return str_ends(uri, STR("#")) ? str_make(uri.p, uri.n - 1) : uri;
}

static const enum schema_draft_bit draft_bits[] = {
    [SCHEMA_DRAFT_2020_12] = D20,
    [SCHEMA_DRAFT_2019_09] = D19,
    [SCHEMA_DRAFT_07] = D07,
    [SCHEMA_DRAFT_04] = D04,
};

struct schema_dialect schema_dialect_of(enum schema_draft draft, bool asserts_format) {
  return (struct schema_dialect){draft_bits[draft], VOCABULARY_ALL, asserts_format};
}

/* Written with http or https, as they come. */
static bool draft_find(struct str uri, enum schema_draft *ret_draft) {
  static const struct {
    const char *uri;
    enum schema_draft draft;
  } drafts[] = {
      {"://json-schema.org/draft/2020-12/schema", SCHEMA_DRAFT_2020_12},
      {"://json-schema.org/draft/2019-09/schema", SCHEMA_DRAFT_2019_09},
      {"://json-schema.org/draft-07/schema", SCHEMA_DRAFT_07},
      {"://json-schema.org/draft-06/schema", SCHEMA_DRAFT_07},
      {"://json-schema.org/draft-04/schema", SCHEMA_DRAFT_04},
  };
  if (uri.n == 0) return false;
  uri = without_end(uri);
  size_t n_scheme = str_starts(uri, STR("https:")) ? 5 : str_starts(uri, STR("http:")) ? 4 : 0;
  uri = str_make(uri.p + n_scheme, uri.n - n_scheme);
  for (size_t i = 0; n_scheme && i < sizeof(drafts) / sizeof(drafts[0]); i++) {
    if (!str_eq_c(uri, drafts[i].uri)) continue;
    *ret_draft = drafts[i].draft;
    return true;
  }
  return false;
}

static enum err_code vocabularies_read(struct schema_compiler *compiler, yyjson_val *blame, yyjson_val *listed,
                                       struct schema_dialect *dialect) {
  static const struct {
    const char *name;
    unsigned vocabularies;
    bool asserts_format;
  } known[] = {
      {"2020-12/vocab/core", VOCABULARY_CORE, false},
      {"2020-12/vocab/applicator", VOCABULARY_APPLICATOR, false},
      {"2020-12/vocab/unevaluated", VOCABULARY_UNEVALUATED, false},
      {"2020-12/vocab/validation", VOCABULARY_VALIDATION, false},
      {"2020-12/vocab/format-annotation", VOCABULARY_FORMAT, false},
      {"2020-12/vocab/format-assertion", VOCABULARY_FORMAT, true},
      {"2020-12/vocab/meta-data", 0, false},
      {"2020-12/vocab/content", 0, false},
      {"2019-09/vocab/core", VOCABULARY_CORE, false},
      {"2019-09/vocab/applicator", VOCABULARY_APPLICATOR | VOCABULARY_UNEVALUATED, false},
      {"2019-09/vocab/validation", VOCABULARY_VALIDATION, false},
      {"2019-09/vocab/format", VOCABULARY_FORMAT, false},
      {"2019-09/vocab/meta-data", 0, false},
      {"2019-09/vocab/content", 0, false},
  };
  static const struct str prefix = {"https://json-schema.org/draft/", 30};
  size_t i, count;
  yyjson_val *key, *value;
  dialect->vocabularies = VOCABULARY_CORE;
  yyjson_obj_foreach(listed, i, count, key, value) {
    struct str name = json_str(key);
    bool is_known = false;
    for (size_t k = 0; k < sizeof(known) / sizeof(known[0]) && str_starts(name, prefix); k++) {
      if (!str_eq_c(str_make(name.p + prefix.n, name.n - prefix.n), known[k].name)) continue;
      is_known = true;
      dialect->vocabularies |= known[k].vocabularies;
      dialect->asserts_format |= known[k].asserts_format;
    }
    if (!is_known && yyjson_get_bool(value))
      return schema_refuse(compiler, blame, "$schema demands a vocabulary that is not known");
  }
  return ERR_NONE;
}

enum err_code schema_dialect_read(struct schema_compiler *compiler, yyjson_val *root,
                                  const struct schema_dialect *inherited, struct schema_dialect *ret_dialect) {
  yyjson_val *value = json_get(root, "$schema");
  bool asserts_format = compiler->options->asserts_format;
  enum schema_draft draft;
  *ret_dialect = *inherited;
  if (!value) return ERR_NONE;
  if (!yyjson_is_str(value)) return schema_refuse(compiler, value, "$schema must be a URI");
  if (draft_find(json_str(value), &draft)) {
    *ret_dialect = schema_dialect_of(draft, asserts_format);
    return ERR_NONE;
  }
  for (size_t i = 0; i < compiler->options->n_documents; i++) {
    const struct schema_document *document = &compiler->options->documents[i];
    if (!str_eq(without_end(document->uri), without_end(json_str(value)))) continue;
    if (draft_find(json_get_str(document->value, "$schema"), &draft))
      *ret_dialect = schema_dialect_of(draft, asserts_format);
    yyjson_val *vocabulary = json_get(document->value, "$vocabulary");
    return yyjson_is_obj(vocabulary) ? vocabularies_read(compiler, value, vocabulary, ret_dialect) : ERR_NONE;
  }
  return ERR_NONE;
}
