/* Only for core/model: the registry's body, and what its files share. During the build the registry
 * belongs to one thread; afterwards nothing in it changes but the count of references. */
#ifndef MD_CORE_MODEL_PRIVATE_H
#define MD_CORE_MODEL_PRIVATE_H
#include <stdatomic.h>

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/model/define.h"
#include "core/model/registry.h"

struct md_registry {
	atomic_uint references;
	uint64_t generation;
	struct md_str schema;
	struct md_arena *arena; /* owns everything below but the map */
	struct md_map *by_name;
	struct md_model *models;
	unsigned count;
	unsigned base_count; /* tables that only views show, behind them; nobody finds those */
	/* All fields and all relations of all models, one slice each. */
	struct md_field *fields;
	size_t field_count;
	struct md_relation *relations;
	struct md_differences differences;
	const struct md_definitions *definitions; /* NULL: tables are served as they are */
};

enum {
	/* What a snapshot may weigh: about a million columns. */
	MD_REGISTRY_MAX = 512 * 1024 * 1024,
	MD_NAME_SHOWN = 64 /* characters of a client's name in our messages */
};

/** Make the models of all tables: names, fields, keys. False: out of memory. */
bool md_tables_build(struct md_registry *registry, const struct md_catalog *catalog);
/** The same of all definitions. Names are borrowed from them. */
bool md_declared_build(struct md_registry *registry, const struct md_registry_source *source);
/** Fill in the keys that views inherit and all relations. The models have their names, fields and
 * keys. */
enum md_code md_relations_build(struct md_registry *registry,
				const struct md_registry_source *source, struct md_error *err);

/** The type of a declared field: what its column holds, told more exactly by the definition where
 * the engine has no such type. */
enum md_type md_declared_type(const struct md_def_field *field,
			      const struct md_catalog_column *column);
/** What a declared field has from its definition, without rules. */
struct md_field md_declared_field_of(const struct md_def_field *definition,
				     const struct md_catalog_column *column);
/** The model in the registry that `definition` declares. */
const struct md_model *md_declared_find(const struct md_registry *registry,
					const struct md_def_model *definition);
/** The field that `definition` declares; NULL: not one of this model's. */
const struct md_field *md_declared_field(const struct md_model *model,
					 const struct md_def_field *definition);

#define MD_NO_PLACE (~0u)
/** A table whose keys and indexes become a model's. */
struct md_table_copy {
	struct md_arena *arena;
	const struct md_catalog_table *table;
	struct md_model *model;
	struct md_field *fields; /* of the model */
	/** Of each column among the fields, or MD_NO_PLACE; NULL: the same order. */
	const unsigned *places;
};
/** Keys and indexes, as far as all their columns are fields. False: out of memory. */
bool md_table_copy_keys(const struct md_table_copy *copy);
/** What a field has from its column besides the name and what it may hold. */
bool md_copy_column(struct md_arena *arena, const struct md_catalog_column *column,
		    struct md_field *field);
/** Copies; false: one that was there has become NULL. */
bool md_copy_text(struct md_arena *arena, const char *from, const char **ret_copy);
bool md_copy_str(struct md_arena *arena, const char *from, struct md_str *ret_copy);
/** Make the fields findable by name. */
bool md_fields_index(struct md_arena *arena, struct md_model *model);
/** The field of this name, hidden or not; NULL: none. */
const struct md_field *md_model_any(const struct md_model *model, struct md_str name);

/** Room for `count` pointers to fields. NULL: out of memory. */
static inline const struct md_field **md_field_list(struct md_arena *arena, size_t count)
{
	return md_arena_alloc(arena, count * sizeof(void *));
}

/** Fill in the model's checks and unique indexes that are no keys; it has its fields. False: out of
 * memory. */
bool md_constraints_copy(struct md_arena *arena, const struct md_catalog_table *table,
			 struct md_model *model);

/** The first MD_NAME_SHOWN characters of what a client wrote. */
struct md_str md_name_shown(struct md_str name);

enum { MD_GUESS_MAX = 128 }; /* longer names are like no other */

/** Search for the name most like `wanted`: start with md_guess_init(), offer candidates, read
 * `best`. */
struct md_guess {
	struct md_str best; /* not given: nothing was similar enough */
	double score;       /* similarity of the best */
	/* Private. */
	double minimum, cosine;
	unsigned grams, looks;
	unsigned len, letters;
	uint32_t wanted[MD_GUESS_MAX];
};
/** Only names of at least `minimum` similarity count. */
void md_guess_init(struct md_guess *guess, struct md_str wanted, double minimum);
void md_guess_offer(struct md_guess *guess, struct md_str candidate);

/** Whether one is the other with two neighbours swapped (pots, post): two edits, and so in a short
 * name too many for the rule above, but one slip of the fingers. */
bool md_is_swapped(struct md_str a, struct md_str b);

/** Edit distance of two names in characters; more than `limit` when it is more. Names over
 * MD_GUESS_MAX characters are never near. */
unsigned md_edit_distance(struct md_str a, struct md_str b, unsigned limit);
#endif
