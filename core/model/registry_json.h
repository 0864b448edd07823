/* Only for the two files that make the document of /-/models. Functions that make JSON return a new
 * reference, or NULL when memory is out; those that return int are 0 unless it is. */
#ifndef MD_CORE_MODEL_REGISTRY_JSON_H
#define MD_CORE_MODEL_REGISTRY_JSON_H
#include <jansson.h>

#include "core/model/private.h"

/** Drops `json` when something has failed. */
json_t *md_json_checked(json_t *json, int failed);
/** A text that may not be UTF-8; null when it is not given. */
json_t *md_json_text(struct md_str s);

/** The name of the field's type in definition files. */
const char *md_declared_type_name(const struct md_field *field);
/** Add what the definition says about a field. */
int md_declared_put_field(json_t *json, const struct md_field *field);
/** The default as the definition has it. */
json_t *md_declared_default(const struct md_def_field *def);
/** Add what a definition says about a model. */
int md_declared_put_model(json_t *json, const struct md_model *model);
/** Those of the items that belong to `def`: NULL are those of tables without a model. */
json_t *md_differences_json(const struct md_difference *items, unsigned count,
			    const struct md_def_model *def);
#endif
