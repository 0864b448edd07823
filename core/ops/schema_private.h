/* Only for core/ops/schema*.c: what the writers share. A writer appends to a buffer whose failure
 * is sticky; it is looked at once, at the end. */
#ifndef MD_CORE_OPS_SCHEMA_PRIVATE_H
#define MD_CORE_OPS_SCHEMA_PRIVATE_H
#include "core/base/arena.h"
#include "core/model/define.h"
#include "core/ops/schema.h"

/** One document that is being written. */
struct md_schema {
	const struct md_schema_source *source;
	struct md_buf *out;
	struct md_arena *arena;
	const struct md_model *models; /* by name */
	unsigned count;
	/* Abstract ones, when they are asked for. */
	const struct md_model *abstract;
	unsigned abstract_count;
	bool no_memory;
};

void md_schema_write_json(struct md_schema *schema);
void md_schema_write_json_schema(struct md_schema *schema);
void md_schema_write_openapi(struct md_schema *schema);
void md_schema_write_typescript(struct md_schema *schema);
void md_schema_write_sql(struct md_schema *schema);
void md_schema_write_dbml(struct md_schema *schema);
void md_schema_write_mermaid(struct md_schema *schema);

/* --- what there is to show --- */

/** A field's type in the words of definition files, whether it is declared or not. */
struct md_shape {
	enum md_def_type type;  /* MD_DEF_NONE: any value */
	enum md_def_type items; /* of an array; MD_DEF_NONE: any */
	const char *const *labels;
	unsigned label_count;
	unsigned max_length, precision, scale;
	bool as_string;
	bool nested; /* lists may be in the list, and null */
};
struct md_shape md_shape_of(const struct md_field *field);
/** "bigint"; of MD_DEF_NONE "any". */
const char *md_shape_name(enum md_def_type type);

/** Clients may know it. */
static inline bool md_field_is_known(const struct md_field *field)
{
	return !field->hidden;
}
bool md_fields_are_known(const struct md_field *const *fields, unsigned count);
bool md_relation_is_known(const struct md_relation *relation);
/** Whether SQL, if there is any, speaks of the column. */
bool md_sql_names(const char *sql, struct md_str column);
/** Whether SQL speaks of no hidden column of the model. NULL: it does not. */
bool md_sql_is_known(const struct md_model *model, const char *sql);
bool md_index_is_known(const struct md_model *model, const struct md_catalog_index *index);

enum md_variant { MD_ROW, MD_INSERT, MD_UPDATE };
/** Whether rows of this kind have the field. */
bool md_field_is_in(const struct md_field *field, enum md_variant variant);
/** Whether they must have it. */
bool md_field_is_needed(const struct md_field *field, enum md_variant variant);
/** Whether there are such rows: the model can be read, written to, changed. */
bool md_model_has(const struct md_model *model, enum md_variant variant);
/** The text that explains it; not given: none. */
struct md_str md_model_note(const struct md_model *model);
struct md_str md_field_note(const struct md_field *field);

/** A default as it may be shown. Both NULL: none, or one that clients may not know. */
struct md_shown_default {
	const struct md_def_value *value;
	const char *sql;
};
struct md_shown_default md_field_default(const struct md_model *model,
					 const struct md_field *field);

/** The definitions that the registry was made of, without what clients may not know. NULL: out of
 * memory. */
const struct md_definitions *md_definitions_known(const struct md_registry *registry,
						  struct md_arena *arena);

/* --- JSON --- */

/** Where a JSON text stands. All zero with `out` and `lines` is the beginning. */
struct md_json_out {
	struct md_buf *out;
	bool lines;
	unsigned depth;
	bool has_items;
};
/* `key` is not given in an array and at the beginning. */
#define MD_NO_KEY ((struct md_str){ NULL, 0 })
void md_json_open(struct md_json_out *json, struct md_str key, char bracket);
void md_json_close(struct md_json_out *json, char bracket);
void md_json_text_value(struct md_json_out *json, struct md_str key, struct md_str text);
/** Nothing when the text is not given. */
void md_json_text_if(struct md_json_out *json, struct md_str key, struct md_str text);
/** A number, true, false, null: as it is. */
void md_json_plain(struct md_json_out *json, struct md_str key, const char *text);
void md_json_unsigned(struct md_json_out *json, struct md_str key, unsigned value);
void md_json_bool(struct md_json_out *json, struct md_str key, bool value);
/** Nothing when it is false. */
void md_json_flag(struct md_json_out *json, struct md_str key, bool value);
void md_json_names(struct md_json_out *json, struct md_str key,
		   const struct md_field *const *fields, unsigned count);
/** A value of a definition file; nothing when there is none. */
void md_json_value(struct md_json_out *json, struct md_str key, const struct md_def_value *value);

/* --- JSON Schema, for two documents --- */

/** Members of the object that describes a field. */
void md_json_schema_field(struct md_json_out *json, const struct md_field *field,
			  enum md_variant variant);
/** The object that describes a row: type, properties, required. It is left open. */
void md_json_schema_rows(struct md_json_out *json, struct md_str key, const struct md_model *model,
			 enum md_variant variant);

/** As JSON and JavaScript write texts; not valid UTF-8 is replaced. */
void md_schema_quote(struct md_buf *out, struct md_str text);
#endif
