/* Only for the two files that make relations: link.c finds the links, relation_build.c makes
 * relations of them. Everything lives as long as one build, in the builder's arena. */
#ifndef MD_CORE_MODEL_BUILD_H
#define MD_CORE_MODEL_BUILD_H
#include "core/model/private.h"

enum { MD_NO_LINK = -1 };

/* A view that shows all columns of one side of a foreign key, in the key's order. */
struct md_shown {
	const struct md_model *view;
	const struct md_field *const *fields;
	struct md_shown *next;
};

struct md_link {
	const struct md_model *from, *to;
	struct md_str name;
	const struct md_def_foreign_key *key; /* declared; NULL: of the catalog */
	const struct md_field *const *local, *const *remote;
	unsigned count;
	bool one_to_one, deferred;
	enum md_fk_action on_delete, on_update;
	int next_from, next_to; /* links of the same model, in order */
	/* Only for links between tables. */
	struct md_shown *local_shown, **local_last, *remote_shown, **remote_last;
};

struct md_draft {
	struct md_relation relation;
	const struct md_def_foreign_key *near, *far; /* declared keys of a junction */
	int inverse;                                 /* another draft */
	struct md_relation *finished;                /* its place */
};

/* First and last link of a model, by number. */
struct md_chain {
	int first, last;
};

struct md_builder {
	struct md_registry *registry;
	const struct md_catalog *catalog;
	struct md_arena *scratch;
	struct md_link *links;
	size_t link_count, link_size;
	struct md_chain *from, *to; /* one per model */
	struct md_draft *drafts;
	size_t draft_count, draft_size;
	/* One per field of the registry: the table's column that a view's column shows. */
	const struct md_field **origin;
	const struct md_model **origin_model;
};

static inline size_t md_model_index(const struct md_builder *b, const struct md_model *model)
{
	return (size_t)(model - b->registry->models);
}

/** Room for one more item of an array in the arena; the outgrown array stays behind until the arena
 * goes. NULL: out of memory. */
void *md_grown(struct md_arena *arena, void *items, size_t count, size_t *size, size_t each);
/** All links, those of tables first; views get the keys they inherit. False: out of memory. */
bool md_links_build(struct md_builder *b);
#endif
