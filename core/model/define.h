/* Model definitions: what users declare in definition files (docs/models.md), read, checked and
 * resolved. Two things come out of files. A document is one file as it is written; it is printed
 * again in the short or the long form. Definitions are all files together: names resolved,
 * inherited fields, implicit ids, time stamps, keys, indexes and names of constraints filled in.
 * Both are immutable and own all their memory; any thread may read them. Names are compared byte
 * for byte. No engine is in here but the SQL texts that users give per engine.
 *
 * The order of models is that of the files, then that within a file; the order of fields is the
 * order of columns. Texts end in NUL and contain none; NULL means not given. */
#ifndef MD_CORE_MODEL_DEFINE_H
#define MD_CORE_MODEL_DEFINE_H
#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/engine.h"
#include "core/base/error.h"
#include "core/base/str.h"

struct md_arena;
struct md_def_model;
struct md_def_field;
struct md_def_relation;

/** A setting that may be left open. */
enum md_def_maybe { MD_DEF_UNSET, MD_DEF_NO, MD_DEF_YES };

enum md_def_type {
	MD_DEF_NONE, /* not known, or not resolved yet */
	MD_DEF_SMALLINT,
	MD_DEF_INTEGER,
	MD_DEF_BIGINT,
	MD_DEF_FLOAT,
	MD_DEF_DECIMAL,
	MD_DEF_STRING, /* of at most max_length characters */
	MD_DEF_TEXT,
	MD_DEF_BOOLEAN,
	MD_DEF_DATETIME, /* an instant */
	MD_DEF_DATETIME_LOCAL,
	MD_DEF_DATE,
	MD_DEF_TIME,
	MD_DEF_UUID,
	MD_DEF_JSON,
	MD_DEF_BYTES,
	MD_DEF_ENUM,
	MD_DEF_ARRAY,
	MD_DEF_TYPE_COUNT
};

enum md_def_action {
	MD_DEF_ACTION_UNSET,
	MD_DEF_NO_ACTION,
	MD_DEF_RESTRICT,
	MD_DEF_CASCADE,
	MD_DEF_SET_NULL,
	MD_DEF_SET_DEFAULT
};
enum md_def_deferrable { MD_DEF_NOT_DEFERRABLE, MD_DEF_IMMEDIATE, MD_DEF_DEFERRED };
enum md_def_fn {
	MD_DEF_FN_NONE,
	MD_DEF_NOW, /* of the transaction: one value per request */
	MD_DEF_TODAY,
	MD_DEF_UUID4,
	MD_DEF_UUID7,
	MD_DEF_RANDOM_HEX, /* 32 digits */
	MD_DEF_AUTH        /* who asks */
};
enum md_def_format {
	MD_DEF_FORMAT_NONE,
	MD_DEF_EMAIL,
	MD_DEF_URI,
	MD_DEF_HOSTNAME,
	MD_DEF_IPV4,
	MD_DEF_IPV6,
	MD_DEF_SLUG,
	MD_DEF_PHONE
};
enum md_def_enforce {
	MD_DEF_ENFORCE_UNSET,
	MD_DEF_ENFORCE_BOTH,
	MD_DEF_ENFORCE_API,
	MD_DEF_ENFORCE_DATABASE
};
enum md_def_collate { MD_DEF_COLLATE_UNSET, MD_DEF_BINARY, MD_DEF_NOCASE, MD_DEF_COLLATE_DATABASE };
enum md_def_number { MD_DEF_NUMBER_UNSET, MD_DEF_AS_NUMBER, MD_DEF_AS_STRING };
enum md_def_using {
	MD_DEF_USING_UNSET,
	MD_DEF_BTREE,
	MD_DEF_HASH,
	MD_DEF_GIN,
	MD_DEF_GIST,
	MD_DEF_BRIN,
	MD_DEF_FULLTEXT
};
enum md_def_nulls { MD_DEF_NULLS_UNSET, MD_DEF_NULLS_FIRST, MD_DEF_NULLS_LAST };

/** Where something is declared. */
struct md_def_place {
	const char *file;
	const char *pointer; /* JSON pointer */
	unsigned line;
};

struct md_def_names {
	const char *const *items;
	unsigned count;
};

/** A piece of SQL; an engine's own text goes before `any`. */
struct md_def_sql {
	const char *any;
	const char *own[MD_ENGINES]; /* in the order of md_engines */
};
/** Is there any text? */
bool md_def_sql_is_given(const struct md_def_sql *sql);
/** For those who only show it: the text for any engine, else the first there is. NULL: none. */
const char *md_def_sql_first(const struct md_def_sql *sql);

enum md_def_literal {
	MD_DEF_NO_VALUE,
	MD_DEF_NULL,
	MD_DEF_BOOL,
	MD_DEF_NUMBER,
	MD_DEF_TEXTUAL,
	MD_DEF_TREE
};

/** A value of a file. `text` is the number as it is written, the characters of a string, true or
 * false, or a JSON array or object without spaces. */
struct md_def_value {
	enum md_def_literal kind;
	const char *text;
};

/** Where a value comes from: one of the three, or nothing. */
struct md_def_default {
	struct md_def_value literal;
	enum md_def_fn fn;
	struct md_def_sql sql;
};

struct md_def_enum {
	const char *name;
	struct md_def_names labels;
	struct md_def_place place;
};

/** The reference of one field. */
struct md_def_reference {
	const char *model, *field; /* as written; field NULL: the primary key */
	const char *name;          /* of the constraint, when given */
	enum md_def_action on_delete, on_update;
	enum md_def_deferrable deferrable;
	/* Definitions only. */
	const struct md_def_model *to;
	const struct md_def_field *to_field;
};

struct md_def_field {
	const char *name;
	struct md_def_place place;
	/** In definitions the type is known, also where only a reference was given. */
	enum md_def_type type;
	enum md_def_type items;     /* of an array */
	unsigned precision, scale;  /* decimal */
	bool typed;                 /* the file gives the type, not only a reference */
	const char *enum_name;      /* NULL: labels stand in the field */
	struct md_def_names labels; /* enum; in a document only those of the field itself */
	const struct md_def_reference *reference; /* NULL: none */

	bool nullable, primary_key, unique;
	enum md_def_maybe index, auto_increment;
	struct md_def_default value; /* default */
	bool on_update_now;
	struct md_def_sql generated;
	bool is_generated;
	enum md_def_maybe stored;
	struct md_def_default backfill; /* for rows that exist when the field is added */

	unsigned max_length; /* 0: none */
	unsigned min_length;
	struct md_def_value min, max, exclusive_min, exclusive_max, multiple_of;
	const char *pattern; /* POSIX extended, matches the whole value */
	enum md_def_format format;
	struct md_def_sql check;
	enum md_def_enforce enforce;
	bool hidden, readonly, writeonly, immutable;
	enum md_def_collate collate;
	enum md_def_number json_number;
	const char *column; /* NULL: the field's name; see md_def_column() */
	struct md_def_sql sql_type;
	const char *title, *description, *renamed_from;
	struct md_def_value example;

	bool broken; /* private: already reported */

	/* Definitions only. */
	bool identity; /* the engine counts: one integer key without reference and default */
	bool required; /* POST must give it */
	const char *check_name; /* of the constraint that the engine checks the value with */
};

struct md_def_foreign_key {
	const char *name;                        /* in definitions always given */
	struct md_def_names names, target_names; /* as written; targets may be missing */
	const char *model;
	enum md_def_action on_delete, on_update;
	enum md_def_deferrable deferrable;
	struct md_def_place place;
	/* Definitions only: pairs of fields. */
	const struct md_def_model *to;
	const struct md_def_field *const *fields, *const *targets;
	unsigned count;
	bool declared; /* stands in the model's foreign_keys, not at a field */
	bool unique;   /* at most one row points to a target */
};

struct md_def_index_column {
	const char *name;
	bool descending;
	enum md_def_nulls nulls;
	const struct md_def_field *field; /* definitions only */
};
/** An index, or a unique constraint: a unique index without a predicate. */
struct md_def_index {
	const char *name;
	const struct md_def_index_column *columns;
	unsigned count;
	bool unique;
	bool in_unique; /* stands in the model's `unique` */
	bool declared;  /* stands in the model's lists, not at a field */
	struct md_def_sql where;
	enum md_def_using using;
	struct md_def_names include;
	const char *renamed_from;
	struct md_def_place place;
};

struct md_def_check {
	const char *name;
	struct md_def_sql sql;
	const char *message;
	struct md_def_place place;
};

enum md_def_cardinality {
	MD_DEF_MANY_TO_ONE,
	MD_DEF_ONE_TO_MANY,
	MD_DEF_ONE_TO_ONE,
	MD_DEF_MANY_TO_MANY
};

struct md_def_relation {
	const char *name;
	struct md_def_place place;
	const char *model;
	enum md_def_maybe uselist;
	const char *back_populates;
	const char *secondary;
	struct md_def_names via, local, remote;
	struct md_def_names order_by;
	bool always; /* loaded without being asked for */
	bool cascade_delete;
	const char *description;
	bool broken; /* private: already reported */
	/* Definitions only. */
	enum md_def_cardinality cardinality;
	bool to_one, here; /* here: the foreign key's fields stand in this model */
	const struct md_def_model *to;
	const struct md_def_relation *inverse; /* what back_populates names */
	const struct md_def_foreign_key *key; /* of MANY_TO_MANY: from the junction to this model */
	const struct md_def_model *junction;
	const struct md_def_foreign_key *far_key; /* from the junction to `to` */
};

struct md_def_options {
	enum md_def_maybe strict, without_rowid; /* SQLite */
	enum md_def_maybe unlogged;              /* PostgreSQL */
	const char *tablespace;                  /* PostgreSQL */
	unsigned fillfactor;                     /* PostgreSQL; 0: not given */
	const char *engine, *collate;            /* MariaDB */
};

struct md_def_model {
	const char *name;
	struct md_def_place place;
	const char *table; /* in definitions always given, but not for abstract models */
	const char *schema, *description, *renamed_from;
	bool abstract; /* no table: only there to be extended */
	bool read_only;
	enum md_def_maybe managed;
	const struct md_def_field *fields;
	unsigned field_count;
	struct md_def_names primary_key; /* as written */
	const struct md_def_relation *relations;
	unsigned relation_count;
	/** As written; in definitions complete, those of fields included. */
	const struct md_def_index *indexes;
	unsigned index_count;
	const struct md_def_foreign_key *foreign_keys;
	unsigned foreign_key_count;
	const struct md_def_check *checks;
	unsigned check_count;
	struct md_def_options options;

	/* Documents only: definitions have them worked in. */
	struct md_def_names extends;
	enum md_def_maybe timestamps;
	const char *created, *updated; /* names of the time stamps, when given */

	/* Definitions only. */
	const char *key_name; /* of the primary key's constraint */
	const struct md_def_field *const *key;
	unsigned key_count;
};

enum md_def_case { MD_DEF_CASE_UNSET, MD_DEF_LOWER, MD_DEF_SNAKE, MD_DEF_EXACT };
enum md_def_id {
	MD_DEF_ID_UNSET,
	MD_DEF_ID_BIGINT,
	MD_DEF_ID_INTEGER,
	MD_DEF_ID_UUID,
	MD_DEF_ID_NONE
};

/** What a file says for all its models. */
struct md_def_defaults {
	enum md_def_id auto_id;
	enum md_def_maybe timestamps;
	enum md_def_case table_name;
	enum md_def_action on_delete;
	unsigned string_max;
};

/** One file, or all of them. Read the members freely. */
struct md_definitions {
	const struct md_def_enum *enums;
	unsigned enum_count;
	const struct md_def_model *models;
	unsigned model_count;
	struct md_def_defaults defaults; /* of a document */
	const char *schema_url;          /* of a document: "$schema" */
	bool has_comments;               /* of a document: also "$comment" */
	struct md_arena *arena;          /* private: owns everything */
};

/* clang-format off */
enum md_def_code {
#define CODE(name, summary) MD_DEF_##name,
#include "core/model/define_codes.def"
	MD_DEF_CODE_COUNT
};
/* clang-format on */

/** One mistake, or something to think about. */
struct md_def_problem {
	enum md_def_code code;
	bool warning;
	struct md_def_place place; /* line 0: the file as a whole; pointer "" is the whole file */
	const char *message;
	const char *hint;          /* NULL: none; "did you mean …?" or the line to add */
	const char *quote;         /* shorthand in question; NULL: none */
	unsigned caret, caret_len; /* the part of it, in bytes */
};

/** All that is wrong with some files. Start with all zero; release it. */
struct md_def_report {
	struct md_def_problem *items;
	unsigned count, room;
	unsigned errors, warnings; /* also those left out */
	unsigned left_out;
	struct md_arena *arena;
};

/** One file in memory; `name` is for messages. Borrowed. */
struct md_def_source {
	const char *name;
	struct md_str text;
};

/** Limits; 0 is the default. */
struct md_def_limits {
	size_t file;        /* bytes of one file; 1 MiB */
	unsigned models;    /* 2,000 */
	unsigned fields;    /* of one model; 1,000 */
	const char *schema; /* the one that PostgreSQL serves; NULL: not known yet */
};
enum {
	MD_DEF_FILE = 1024 * 1024,
	MD_DEF_MODELS = 2000,
	MD_DEF_FIELDS = 1000,
	MD_DEF_DEPTH = 32,          /* nesting of a file */
	MD_DEF_NODES = 200000,      /* values of a file */
	MD_DEF_NAME = 63,           /* bytes of a name: what every engine keeps */
	MD_DEF_PATTERN = 256,       /* bytes of a pattern */
	MD_DEF_SHORTHAND = 1024,    /* bytes of a shorthand */
	MD_DEF_KEY_FIELDS = 16,     /* of a key, an index or a foreign key */
	MD_DEF_LABELS = 1000,       /* of an enum */
	MD_DEF_ALL_FIELDS = 100000, /* of all models together, inherited ones counted */
	MD_DEF_PROBLEMS = 200       /* told; the rest is counted */
};

/** Read all files and resolve them. MD_INVALID: there are mistakes, all of them in `report`, and
 * err has their number. MD_NOMEM. Warnings alone are no failure. `targets` are the engines for
 * which the definitions are checked; 0: none. */
enum md_code md_definitions_load(const struct md_def_source *sources, unsigned count,
				 const struct md_def_limits *limits, unsigned targets,
				 struct md_def_report *report,
				 const struct md_definitions **ret_definitions,
				 struct md_error *err);
/** Read one file, without a look at other models. */
enum md_code md_definitions_read(const struct md_def_source *source,
				 const struct md_def_limits *limits, struct md_def_report *report,
				 const struct md_definitions **ret_document, struct md_error *err);
/** NULL is fine; returns NULL. */
const struct md_definitions *md_definitions_free(const struct md_definitions *definitions);

/** The model of this name; NULL: none. */
const struct md_def_model *md_definitions_find(const struct md_definitions *definitions,
					       struct md_str name);
/** The model most like `name`; NULL: none is. */
const char *md_definitions_like(const struct md_definitions *definitions, struct md_str name);

enum md_def_form { MD_DEF_LONG, MD_DEF_SHORT };
/** Write a file; `only` NULL: all of it, else one model with the enums it uses. The short form
 * says in the long one what has no shorthand. */
void md_definitions_print(const struct md_definitions *definitions, const struct md_def_model *only,
			  enum md_def_form form, struct md_buf *out);

static inline bool md_def_is_integer(enum md_def_type type)
{
	return type == MD_DEF_SMALLINT || type == MD_DEF_INTEGER || type == MD_DEF_BIGINT;
}
/** What a type has of a moment: MD_MOMENT_DATE, …; 0: it is none. */
unsigned md_def_moment(enum md_def_type type);
/** The name of a field's column. */
static inline const char *md_def_column(const struct md_def_field *field)
{
	return field->column ? field->column : field->name;
}

/** "M121". */
const char *md_def_code_name(enum md_def_code code);
/** Several lines for people, ends with a newline:
 *	blog.json:12: M121 /models/User/fields/email: unknown modifier 'uniqe'
 *	    string(254) uniqe
 *	                ^~~~~
 *	    did you mean 'unique'? */
void md_def_problem_print(const struct md_def_problem *problem, struct md_buf *out);
void md_def_report_release(struct md_def_report *report);

/** Files of a pattern of the shell ("/etc/modeld/models.d/ *.json" without the space), sorted. */
struct md_def_files {
	struct md_def_source *sources;
	unsigned count;
	char **texts; /* private */
};
/** Read the files that `pattern` matches. MD_NOT_FOUND: none. What cannot be read or is too long is
 * an error in `report`, and MD_INVALID. MD_NOMEM. Release the files also after a failure. */
enum md_code md_def_files_read(const char *pattern, const struct md_def_limits *limits,
			       struct md_def_report *report, struct md_def_files *files,
			       struct md_error *err);
void md_def_files_release(struct md_def_files *files);
#endif
