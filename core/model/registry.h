/* The registry: one immutable, reference-counted snapshot of all models. A reload builds a new one;
 * the old one lives as long as somebody holds a reference. Counting is atomic; a loop holds one
 * reference, requests borrow it (decisions: no shared cache line per request). */
#ifndef MD_CORE_MODEL_REGISTRY_H
#define MD_CORE_MODEL_REGISTRY_H
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/model.h"

struct md_arena;
struct md_registry;
struct md_catalog;
struct json_t;

struct md_definitions;

/** What a snapshot is made of. Never-served tables (_modeld_*, sqlite_*, alembic_version, shadow
 * tables) are the driver's business. */
struct md_registry_source {
	const struct md_catalog *catalog; /* copied as far as needed */
	struct md_str schema;             /* label of the exposed schema ("public"); copied */
	uint64_t generation;
	/** NULL: all tables are served as they are. Else only what is declared is: models with
	 * their fields, under the users' names. The registry owns them from success on. */
	const struct md_definitions *definitions;
	/** What md_compare() found between the two; copied. A model with a blocking one becomes
	 * `broken`: it has no more than its names. NULL: nothing. */
	const struct md_differences *differences;
};
/** Build a snapshot, with one reference. */
enum md_code md_registry_build(const struct md_registry_source *source,
			       struct md_registry **ret_registry, struct md_error *err);
/** One more reference; returns its argument. */
struct md_registry *md_registry_ref(struct md_registry *registry);
/** One less; frees with the last. NULL is fine; returns NULL. */
struct md_registry *md_registry_unref(struct md_registry *registry);

uint64_t md_registry_generation(const struct md_registry *registry);
/** The label of the exposed schema. */
struct md_str md_registry_schema(const struct md_registry *registry);
/** What the models were declared by; NULL: tables are served as they are. */
const struct md_definitions *md_registry_definitions(const struct md_registry *registry);
/** Models of definitions that have no table: abstract ones, in the order of the files. They have
 * names and fields, and live in `arena` and the registry. False: out of memory. */
bool md_registry_abstract(const struct md_registry *registry, struct md_arena *arena,
			  const struct md_model **ret_models, unsigned *ret_count);
/** All models by name; *ret_count of them. */
const struct md_model *md_registry_models(const struct md_registry *registry, unsigned *ret_count);
/** What differs, of all models and of tables without a model. Never NULL. */
const struct md_differences *md_registry_differences(const struct md_registry *registry);
/** The model of this name or, if there is none, of this alias; NULL: none, and then
 * md_registry_fail_model() says it. */
const struct md_model *md_registry_find(const struct md_registry *registry, struct md_str name);
/** MD_NOT_FOUND, PGRST205 "Could not find the table 'schema.name' in the schema cache", with
 * PostgREST's hint
 * ("Perhaps you meant the table 'public.x'") when a name is similar enough. */
enum md_code md_registry_fail_model(const struct md_registry *registry, struct md_str name,
				    struct md_error *err);

/** MD_OK, or MD_INTERNAL, MD503 when the model is broken: its table differs from its definition. */
enum md_code md_model_check(const struct md_model *model, struct md_error *err);
/** The field that may be selected, filtered and ordered by; NULL: none. */
const struct md_field *md_model_field(const struct md_model *model, struct md_str name);
/** The field that a body may name, those that are refused there for a reason (readonly) included;
 * NULL: none. */
const struct md_field *md_model_input(const struct md_model *model, struct md_str name);
/** The field of this column, whatever it is; NULL: none. */
const struct md_field *md_model_column(const struct md_model *model, struct md_str column);
/** MD_INVALID, 42703 `column table.name does not exist`, with a hint when a column is similar. */
enum md_code md_model_fail_field(const struct md_model *model, struct md_str name,
				 struct md_error *err);
/** The same of a column that ON CONFLICT names, `column "name" does not exist`; `merges`: a row in
 * conflict is changed. */
enum md_code md_model_fail_conflict(const struct md_model *model, struct md_str name, bool merges,
				    struct md_error *err);
/** The field whose values never repeat, given columns compared by equality: true when `fields`
 * contain a key. */
bool md_model_is_unique_by(const struct md_model *model, const struct md_field *const *fields,
			   unsigned count);

/** Which relationship `name` (with `hint`, may be not given) means from `from`, by PostgREST's
 * rules (dialect.md 1.5, decisions.md 19): target by table name, then foreign key constraint or
 * column name; candidates deduplicated; a hint narrows by constraint, column, junction. None:
 * MD_INVALID, PGRST200 with details and hint. Several: MD_CONFLICT, PGRST201 with PostgREST's
 * message, details as a JSON list and hint. */
enum md_code md_relation_resolve(const struct md_registry *registry, const struct md_model *from,
				 struct md_str name, struct md_str hint,
				 const struct md_relation **ret_relation, struct md_error *err);

/** The document of /-/models: {"generation","schema","models":[…]}, or the object of one model when
 * `only` is not NULL. New reference; NULL: out of memory. */
struct json_t *md_registry_to_json(const struct md_registry *registry, const struct md_model *only);
/** The same of all models, abstract ones included. */
struct json_t *md_registry_to_json_all(const struct md_registry *registry);

/** The name of a field's type in definition files; of one without a definition, of the type nearest
 * to the engine's. */
const char *md_field_type_name(const struct md_field *field);
/** What a new row gets when it gives nothing: one of these, or NULL each. */
struct md_field_fallback {
	const char *value;    /* as text; a document as JSON */
	const char *function; /* of definition files: "now" */
	const char *sql;      /* an expression of the engine */
};
struct md_field_fallback md_field_fallback(const struct md_field *field);
/** "many-to-one" and the like. */
const char *md_cardinality_name(enum md_cardinality cardinality);

/** Similarity of two names from 0 to 1, as PostgREST's fuzzy hints measure it (threshold there 0.75
 * for tables, 0.33 for relations). */
double md_similarity(struct md_str a, struct md_str b);
#endif
