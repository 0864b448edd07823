/* Only for core/model/define*.c: reading a file, reporting mistakes, tables of keys. A loader lives
 * as long as one load and belongs to one thread. Memory that runs out sets `failed`; functions then
 * return something harmless and the load ends with MD_NOMEM. */
#ifndef MD_CORE_MODEL_DEFINE_PRIVATE_H
#define MD_CORE_MODEL_DEFINE_PRIVATE_H
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/model/define.h"
#include "core/model/private.h"

struct json_t;

#define MD_DEF_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/** One value of a file, in the order of the text. */
struct md_def_node {
	uint32_t at;    /* where its key begins; without a key: the value */
	uint32_t value; /* where the value begins */
	uint32_t size;  /* nodes of the value, itself included */
};

struct md_def_loader {
	struct md_arena *arena; /* of the result */
	struct md_def_report *report;
	struct md_def_limits limits;
	unsigned targets;
	bool failed;                 /* out of memory */
	struct md_def_problem *last; /* what a hint belongs to; NULL: it was left out */
	/* The file that is being read. */
	const char *file;
	const char *text;
	size_t len;
	const struct md_def_node *nodes; /* NULL: not located */
	size_t line_at;                  /* md_def_line()'s last answer */
	unsigned line;
	bool comments;
};

/** A place in the tree of a file: a chain on the stack, innermost first. */
struct md_def_here {
	const struct json_t *json;
	const struct md_def_here *up;
	const char *key; /* in an object */
	size_t index;    /* in an array */
	uint32_t node;
	void *iter; /* private */
};

/* --- define_text.c: the text of a file --- */

struct md_def_blanked {
	bool comments;
	size_t nodes;
	const char *problem; /* NULL: none; else what is wrong at `offset` */
	bool too_much;       /* the problem is a limit */
	size_t offset;
};
/** Overwrite comments, commas before a closing bracket and a byte order mark by spaces. Strings and
 * line ends stay, so that positions stay true. */
void md_def_blank(char *text, size_t len, struct md_def_blanked *ret);
/** Find all values of a text that is well-formed; `nodes` has room for them. */
void md_def_locate(const char *text, size_t len, struct md_def_node *nodes, size_t room);
/** The line of an offset, from 1; counts from the offset asked for before. */
unsigned md_def_line(struct md_def_loader *loader, size_t offset);
/** Bytes of the number that begins at `offset`. */
size_t md_def_number_len(const char *text, size_t len, size_t offset);

/* --- define_twice.c: keys that stand twice --- */

/** Report the key that ends at `key_end`, and that its object has twice, and blank it with its
 * value. False: there is none, or its value is not well-formed. */
bool md_def_take_out(struct md_def_loader *loader, char *text, size_t key_end);

/* --- define_report.c: mistakes --- */

/** Add a mistake, or a warning. `place` may have no file: none is to blame. */
void md_def_report_at(struct md_def_loader *loader, const struct md_def_place *place,
		      enum md_def_code code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void md_def_warn_at(struct md_def_loader *loader, const struct md_def_place *place,
		    enum md_def_code code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/** The same at a place of the tree. */
void md_def_wrong(struct md_def_loader *loader, const struct md_def_here *at, enum md_def_code code,
		  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/** Give the mistake just added a hint. */
void md_def_hint(struct md_def_loader *loader, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/** Show a part of a shorthand with the mistake just added. */
void md_def_quote(struct md_def_loader *loader, const char *text, size_t caret, size_t len);
/** Order the mistakes from number `from` on by file and line, equal ones as they came. */
void md_def_report_sort(struct md_def_report *report, unsigned from);
/** The place of a value. */
struct md_def_place md_def_place_of(struct md_def_loader *loader, const struct md_def_here *at);

/* --- define_read.c, define_print.c, define_sql.c: values and objects --- */

/** A word of a file and the number that stands for it; a table ends with a NULL. The first word
 * with a number is the one that is printed. */
struct md_def_word {
	const char *text;
	unsigned value;
};
enum md_def_reads {
	MD_DEF_READ_TEXT,
	MD_DEF_READ_NAME,  /* [A-Za-z_][A-Za-z0-9_]*, at most MD_DEF_NAME */
	MD_DEF_READ_IDENT, /* of a database: any text of at most MD_DEF_NAME bytes */
	MD_DEF_READ_BOOL,
	MD_DEF_READ_MAYBE,
	MD_DEF_READ_UINT, /* from min to max */
	MD_DEF_READ_WORD,
	MD_DEF_READ_VALUE,
	MD_DEF_READ_SQL,
	MD_DEF_READ_NAMES,    /* an array of them */
	MD_DEF_READ_ONE_NAME, /* the same, or one name alone */
	MD_DEF_READ_CALL,
	MD_DEF_READ_COMMENT
};
/** A key of an object: how to read it into a struct and how to print it again. */
struct md_def_key {
	const char *name;
	enum md_def_reads reads;
	size_t offset;
	unsigned min, max;
	const struct md_def_word *words;
	/* READ_CALL; print returns false when there is nothing to print, `out` untouched. */
	void (*read)(struct md_def_loader *loader, const struct md_def_here *at, void *into);
	bool (*print)(const void *from, struct md_buf *out);
};

/** The next child of an object or array; start with all zero. */
bool md_def_next(const struct md_def_loader *loader, const struct md_def_here *at,
		 struct md_def_here *child);
/** Report that the value is not what `expected` tells ("a text"). */
void md_def_wrong_kind(struct md_def_loader *loader, const struct md_def_here *at,
		       const char *expected);
/** Fill `into` by the keys; unknown keys are mistakes. False: it is no object. */
bool md_def_read_object(struct md_def_loader *loader, const struct md_def_here *at,
			const struct md_def_key *keys, unsigned count, void *into);
/** Print "key": value pairs, separated by ", "; returns how many. */
unsigned md_def_print_object(const void *from, const struct md_def_key *keys, unsigned count,
			     struct md_buf *out);
/** A mistake unless the value is of the kind that `expected` tells ("an object"). */
bool md_def_is_object(struct md_def_loader *loader, const struct md_def_here *at);
bool md_def_is_array(struct md_def_loader *loader, const struct md_def_here *at);
/** The text; NULL: it is none, and that has been told. */
const char *md_def_text(struct md_def_loader *loader, const struct md_def_here *at);
bool md_def_is_name(struct md_str name);
/** Report a name that cannot be one. */
bool md_def_check_name(struct md_def_loader *loader, const struct md_def_here *at,
		       const char *name);
struct md_def_value md_def_read_value(struct md_def_loader *loader, const struct md_def_here *at);
void md_def_read_sql(struct md_def_loader *loader, const struct md_def_here *at,
		     struct md_def_sql *into);
void md_def_print_sql(const struct md_def_sql *sql, struct md_buf *out);
void md_def_print_value(const struct md_def_value *value, struct md_buf *out);
void md_def_print_names(const struct md_def_names *names, struct md_buf *out);
/** Write a JSON string. */
void md_def_print_text(const char *text, struct md_buf *out);

/** Names are like each other from this similarity on. */
#define MD_DEF_LIKE 0.5

/** The number of a word; false: there is no such word. */
bool md_def_word_find(const struct md_def_word *words, struct md_str text, unsigned *ret_value);
const char *md_def_word_of(const struct md_def_word *words, unsigned value);
/** The word most like `text`; NULL: none. */
const char *md_def_word_like(const struct md_def_word *words, struct md_str text);
/** Whether an array may have items of this type. */
bool md_def_can_be_item(enum md_def_type type);
enum {
	MD_DEF_STRING_MAX = 10485760, /* PostgreSQL's varchar */
	MD_DEF_PRECISION = 38,
	MD_DEF_SCALE = 30
};
extern const struct md_def_word md_def_types[], md_def_actions[], md_def_fns[], md_def_formats[],
	md_def_collates[];

/** Memory of the result, zeroed; NULL: it ran out. */
void *md_def_alloc(struct md_def_loader *loader, size_t count, size_t size);
/** A copy; never NULL. */
const char *md_def_copy(struct md_def_loader *loader, struct md_str text);
const char *md_def_printf(struct md_def_loader *loader, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
struct md_def_names md_def_one_name(struct md_def_loader *loader, const char *name);

/* --- define_guess.c: "did you mean …?" --- */

/** Start with md_def_guess_init(), offer candidates, then ask for the best. */
struct md_def_guess {
	struct md_guess likeness;
	struct md_str wanted;
	const char *swapped; /* the same but for two letters that changed places */
};
void md_def_guess_init(struct md_def_guess *guess, struct md_str wanted);
void md_def_guess_offer(struct md_def_guess *guess, const char *candidate);
/** NULL: none is like it. */
const char *md_def_guess_best(const struct md_def_guess *guess);
/** Give the mistake just added the best as a hint. */
void md_def_guess_hint(struct md_def_loader *loader, const struct md_def_guess *guess);
/** The type that is meant, also by a name that SQL has for it; NULL: none. */
const char *md_def_type_like(struct md_str text);
/** How the shorthand says what the long form or SQL say by this word; NULL: it is none. */
const char *md_def_said_otherwise(struct md_str word);

/* --- define_field.c, define_relation.c, define_index.c, define_document.c: what stands in a file
 * --- */

/** The labels of an enum. */
void md_def_read_labels(struct md_def_loader *loader, const struct md_def_here *at,
			struct md_def_names *into);
void md_def_read_field(struct md_def_loader *loader, const struct md_def_here *at,
		       struct md_def_field *field);
/** Whether it is a key of fields that are objects. */
bool md_def_is_field_key(struct md_str word);
/** The value of a field, as an object or, if it can be, as a shorthand. */
void md_def_print_field(const struct md_def_field *field, enum md_def_form form,
			struct md_buf *out);
void md_def_read_relation(struct md_def_loader *loader, const struct md_def_here *at,
			  struct md_def_relation *relation);
void md_def_print_relation(const struct md_def_relation *relation, enum md_def_form form,
			   struct md_buf *out);
/** Of a reference or a foreign key; `into` is an enum md_def_deferrable. */
void md_def_read_deferrable(struct md_def_loader *loader, const struct md_def_here *at, void *into);
bool md_def_print_deferrable(const void *from, struct md_buf *out);
/** "name [asc|desc] [nulls first|last]" */
struct md_def_order {
	struct md_str name;
	bool descending;
	enum md_def_nulls nulls;
};
/** False: the text is none. */
bool md_def_take_order(const char *text, struct md_def_order *ret_order);
/** Report that. */
void md_def_no_order(struct md_def_loader *loader, const struct md_def_here *at, const char *text);
void md_def_read_unique(struct md_def_loader *loader, const struct md_def_here *at, void *model);
void md_def_read_indexes(struct md_def_loader *loader, const struct md_def_here *at, void *model);
void md_def_read_checks(struct md_def_loader *loader, const struct md_def_here *at, void *into);
void md_def_read_foreign_keys(struct md_def_loader *loader, const struct md_def_here *at,
			      void *into);
void md_def_print_index(const struct md_def_index *index, struct md_buf *out);
void md_def_print_check(const struct md_def_check *check, struct md_buf *out);
void md_def_print_foreign_key(const struct md_def_foreign_key *key, struct md_buf *out);
void md_def_read_options(struct md_def_loader *loader, const struct md_def_here *at, void *into);
bool md_def_print_options(const void *from, struct md_buf *out);
/** Read the file that the loader has open. */
void md_def_read_document(struct md_def_loader *loader, const struct md_def_here *root,
			  struct md_definitions *into);

/* --- define_shorthand.c --- */

/** Parse a field's shorthand; a mistake is reported at `at`, and the field is broken. */
void md_def_parse_field(struct md_def_loader *loader, const struct md_def_here *at,
			const char *text, struct md_def_field *field);
void md_def_parse_relation(struct md_def_loader *loader, const struct md_def_here *at,
			   const char *text, struct md_def_relation *relation);
/** Print as a shorthand, without JSON's quotes. False: it has none, `out` untouched. */
bool md_def_shorten_field(const struct md_def_field *field, struct md_buf *out);
bool md_def_shorten_relation(const struct md_def_relation *relation, struct md_buf *out);

/* --- define_resolve.c and what it calls: several files become one --- */

enum md_def_state { MD_DEF_NEW, MD_DEF_OPEN, MD_DEF_DONE };
/** A model on its way to definitions; `fields` and the lists are those of the resolved model, that
 * can still be changed. */
struct md_def_slot {
	const struct md_def_model *written;
	const struct md_def_defaults *defaults;
	struct md_def_field *fields;
	enum md_def_state state;  /* of the fields: inherited ones are in */
	enum md_def_state *typed; /* of each field: a reference has the type of its target */
	struct md_def_index *indexes;
	struct md_def_foreign_key *foreign_keys;
	struct md_def_check *checks;
	struct md_def_relation *relations;
};
struct md_def_resolver {
	struct md_def_loader *loader;
	struct md_definitions *documents;
	unsigned document_count;
	struct md_map *by_name;  /* struct md_def_model, resolved */
	struct md_map *by_table; /* the same, by the table's name in lower case */
	struct md_map *enums;    /* struct md_def_enum */
	struct md_map *names;    /* of constraints and indexes */
	struct md_def_slot *slots;
	struct md_def_model *models; /* one for each slot */
	unsigned count, field_total;
	bool too_many; /* fields: nothing more can be said */
	struct md_def_enum *enum_list;
	unsigned enum_count;
};

/** Resolve the documents; false: there are mistakes, or memory is out. */
bool md_def_resolve(struct md_def_resolver *resolver);
static inline struct md_def_slot *md_def_slot_of(const struct md_def_resolver *resolver,
						 const struct md_def_model *model)
{
	return &resolver->slots[model - resolver->models];
}
/** Add to a map; memory that is out sets `failed`. */
void md_def_map_set(struct md_def_resolver *resolver, struct md_map *map, const char *key,
		    void *value);
/** The field of this name, or NULL. */
struct md_def_field *md_def_field_of(const struct md_def_resolver *resolver,
				     const struct md_def_model *model, const char *name);
/** "did you mean" for the field of a model. */
void md_def_hint_field(struct md_def_loader *loader, const struct md_def_model *model,
		       const char *name);
/** The resolved model that `name` names, as a model or as a table; NULL: none. */
struct md_def_model *md_def_model_of(const struct md_def_resolver *resolver, const char *name);
/** Report that there is no model `name`. */
void md_def_no_model(const struct md_def_resolver *resolver, const struct md_def_place *place,
		     const char *name);
/** A copy in lower case. */
const char *md_def_lower(struct md_def_loader *loader, const char *name);

/* define_inherit.c */
void md_def_resolve_fields(struct md_def_resolver *resolver);
/* define_reference.c */
void md_def_resolve_types(struct md_def_resolver *resolver);
void md_def_resolve_foreign_keys(struct md_def_resolver *resolver);
/* define_keys.c */
void md_def_resolve_primary_keys(struct md_def_resolver *resolver);
void md_def_resolve_indexes(struct md_def_resolver *resolver);
/** Whether at most one row of the model has given values in these fields. */
bool md_def_is_unique(const struct md_def_model *model, const struct md_def_field *const *fields,
		      unsigned count);
/* define_names.c */
void md_def_resolve_names(struct md_def_resolver *resolver);
/** `name` in at most MD_DEF_NAME bytes: the first 54, `_` and 8 digits of its SHA-256. */
const char *md_def_short_name(struct md_def_loader *loader, const char *name);
/* define_link.c */
void md_def_resolve_relations(struct md_def_resolver *resolver);
/* define_inverse.c */
/** Tell what is wrong with the other side of a relation that has been resolved. */
void md_def_check_inverse(struct md_def_resolver *resolver, const struct md_def_model *from,
			  struct md_def_relation *relation);
/** The relation of this name, or NULL. */
const struct md_def_relation *md_def_relation_of(const struct md_def_model *model,
						 const char *name);
/* define_check.c */
void md_def_check_fields(struct md_def_resolver *resolver);
/* define_engines.c */
void md_def_check_engines(struct md_def_resolver *resolver);
void md_def_check_cascades(struct md_def_resolver *resolver);

/** Why a value does not fit a field's type; NULL: it does. */
const char *md_def_misfit(struct md_def_loader *loader, const struct md_def_field *field,
			  const struct md_def_value *value);
/** Why a pattern cannot be taken; NULL: it can. */
const char *md_def_bad_pattern(struct md_def_loader *loader, const char *pattern);
#endif
