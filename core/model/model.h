/* What exists: models (tables and views) with their fields, keys and relationships. An immutable
 * snapshot, the registry, is built from a catalog, and from definition files where there are any,
 * and read by any number of threads. Reading structs is free; nobody changes them. All memory
 * belongs to the registry. Names are compared byte for byte on every engine.
 *
 * A model is introspected (`def` NULL): it is what the database says; or declared: the definition
 * says what is served and how values are checked, the database must agree (core/migrate). Requests
 * and answers use `name`, SQL uses `table` and `column`; they differ only in declared models. */
#ifndef MD_CORE_MODEL_MODEL_H
#define MD_CORE_MODEL_MODEL_H
#include <stdbool.h>

#include "core/base/str.h"
#include "core/db/catalog.h"

struct md_model;
struct md_def_model;
struct md_def_field;
struct md_rules;

struct md_field {
	struct md_str name;     /* in requests and answers */
	struct md_str column;   /* in the database */
	struct md_str declared; /* engine's type text */
	enum md_type type;
	unsigned index; /* place in model->fields */
	bool nullable, generated;
	bool identity;         /* the engine counts when no value is given */
	int key_position;      /* in the primary key; -1: not part of it */
	bool unique;           /* alone it is a primary key or unique; never in a view */
	bool indexed;          /* first column of an index or key */
	const char *fallback;  /* DEFAULT expression; NULL: none */
	const char *collation; /* NULL: byte order */
	/* What the engine's own type is, below its domains; as in the catalog. */
	enum md_type_kind kind;
	enum md_type element_type; /* of an array */
	char delimiter;            /* in a list of such values; 0: a comma */
	const char *const *labels; /* of an enum */
	unsigned label_count;
	unsigned max_length; /* 0: none */
	const char *base;    /* a domain: the type below; NULL: not a domain */
	bool always;         /* an identity whose values clients may not give */
	const char *comment; /* NULL: none */
	/* Declared fields; nothing of it on introspected ones. */
	const struct md_def_field *def; /* NULL: introspected, the engine checks values */
	const struct md_rules *rules;   /* how values are checked and made; NULL: nothing to do */
	bool hidden;    /* never leaves the server: not shown, filtered, ordered or written */
	bool writeonly; /* written, but neither shown, filtered nor ordered */
	bool readonly;  /* set by the server only: 428C9 in a body */
	bool immutable; /* 428C9 in a body of PATCH */
	bool as_string; /* a number that JSON shows as a string */
};

/** Whether the field may be shown, filtered and ordered by. */
static inline bool md_field_is_visible(const struct md_field *field)
{
	return !field->hidden && !field->writeonly;
}

/** Something in which a declared model and its table differ. */
struct md_difference {
	bool blocking;                    /* the model could not be served correctly */
	const struct md_def_model *model; /* NULL: a table that no model describes */
	const char *table, *column;       /* column NULL: the table as a whole */
	const char *text;                 /* one line: what differs */
	const char *mend;                 /* SQL or words that would mend it; NULL: none */
};
/** All zero is empty. In the order of the models, then of the fields. */
struct md_differences {
	struct md_difference *items;
	unsigned count, room;
	unsigned blocking;
};

/** A term of a relation's own order. */
struct md_relation_order {
	const struct md_field *field;
	bool descending;
	int nulls; /* -1 first, 1 last, 0 as the engine's rule */
};

enum md_cardinality { MD_MANY_TO_ONE, MD_ONE_TO_MANY, MD_ONE_TO_ONE, MD_MANY_TO_MANY };

/** One direction of a relationship, seen from `from`. Columns come in pairs: from.local[i] =
 * to.remote[i]; through a junction: from.local[i] = junction.near[i], junction.far[j] =
 * to.remote[j]. */
struct md_relation {
	enum md_cardinality cardinality;
	const struct md_model *from, *to;
	struct md_str constraint;               /* foreign key; of a junction: the one to `from` */
	enum md_fk_action on_delete, on_update; /* of that key */
	bool deferred;                          /* it is checked at COMMIT */
	/** Key in documents of depth=N and the C API, unique in the model and no field's name: the
	 * declared name; else the table's name, or when that is taken column names or the
	 * constraint's. */
	struct md_str name;
	bool declared; /* `name` is the user's: an embed by this name means this relation */
	bool always;   /* part of every answer that does not say what it selects */
	const struct md_relation_order *order; /* of the rows of a to-many relation; NULL: none */
	unsigned order_count;
	bool to_one; /* an object: MANY_TO_ONE and ONE_TO_ONE */
	bool here;   /* the foreign key's columns stand in `from` */
	bool self;   /* from == to */
	const struct md_field *const *local;
	unsigned local_count;
	const struct md_field *const *remote;
	unsigned remote_count;
	/* MANY_TO_MANY */
	const struct md_model *junction;
	struct md_str far_constraint;
	const struct md_field *const *near;
	const struct md_field *const *far;
	/** The same foreign key(s) seen from the other side; for the cycle rule of depth=. */
	const struct md_relation *inverse;
};

/** A primary or unique key. */
struct md_key {
	struct md_str name;
	bool primary;
	const struct md_field *const *fields;
	unsigned count;
};

struct md_model {
	struct md_str name;    /* table or view name: the path segment */
	struct md_str alias;   /* declared models: the model's name, which works as path segment,
				  too; not given: none */
	struct md_str schema;  /* label in messages and profile headers */
	struct md_str space;   /* the schema of the table in the database; not given: none */
	struct md_str comment; /* not given: none */
	enum md_relation_kind kind;
	bool insertable, updatable, deletable;
	const struct md_field *fields;
	unsigned field_count;
	/** Primary key, in key order. A view has those of all tables whose key it shows whole, one
	 * behind the other; it may still show a key twice. */
	const struct md_field *const *key;
	unsigned key_count;        /* 0: none */
	const struct md_key *keys; /* all of them, primary first */
	unsigned keys_count;
	const struct md_catalog_index *indexes; /* column numbers = field indexes */
	unsigned index_count;
	/** What else refuses rows, for messages: CHECKs, and unique indexes that are no keys: they
	 * have a predicate, or expressions. */
	const struct md_catalog_check *checks;
	unsigned check_count;
	const struct md_catalog_index *unique_indexes;
	unsigned unique_index_count;
	/** Ordered by target name; those of one target as PostgREST lists them: one-to-many,
	 * many-to-one, one-to-one, many-to-many, and by constraint. */
	const struct md_relation *relations;
	unsigned relation_count;
	double rows_estimate;           /* < 0: unknown */
	const struct md_def_model *def; /* NULL: introspected */
	/** In what the table differs from the definition. */
	const struct md_difference *differences;
	unsigned difference_count;
	bool broken; /* a difference is blocking: every request is refused, 503 MD503 */
	const unsigned *field_slots; /* private: md_model_field() */
	unsigned field_mask;         /* private */
};
#endif
