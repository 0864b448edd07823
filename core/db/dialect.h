/* Where engines differ in the text of SQL: quoting, placeholders, operators, casts, JSON paths. A
 * table per engine; the SQL generator (core/query) fills it in and never asks which engine it is.
 * No user data passes through here: values are placeholders, names come from the registry. */
#ifndef MD_CORE_DB_DIALECT_H
#define MD_CORE_DB_DIALECT_H
#include <stdbool.h>

#include "core/base/buf.h"
#include "core/db/catalog.h"

/** Expressions that engines write differently. In a template {c} is the column's expression, {p}
 * the placeholder. */
enum md_template {
	MD_SQL_LIKE,
	MD_SQL_ILIKE,
	MD_SQL_MATCH,
	MD_SQL_IMATCH,
	MD_SQL_IS_DISTINCT,
	MD_SQL_CONTAINS,     /* cs: JSON @> */
	MD_SQL_CONTAINED,    /* cd: JSON <@ */
	MD_SQL_OVERLAPS,     /* ov: arrays && */
	MD_SQL_LEFT_OF,      /* sl: ranges << */
	MD_SQL_RIGHT_OF,     /* sr: ranges >> */
	MD_SQL_NOT_RIGHT,    /* nxr: ranges &< */
	MD_SQL_NOT_LEFT,     /* nxl: ranges &> */
	MD_SQL_ADJACENT,     /* adj: ranges -|- */
	MD_SQL_SEARCH,       /* what is searched {c} and the question {p}: does it match */
	MD_SQL_SEARCH_TEXT,  /* text {c} made searchable, in language {p}; … */
	MD_SQL_SEARCH_PLAIN, /* … in the engine's own */
	MD_SQL_FTS,          /* the functions that make a question of words: fts, … */
	MD_SQL_PLFTS,
	MD_SQL_PHFTS,
	MD_SQL_WFTS,
	MD_SQL_JSON_GET,      /* ->: JSON at path {p}, as JSON */
	MD_SQL_JSON_GET_TEXT, /* ->>: the same as text */
	MD_SQL_TO_JSON,       /* a column that is no JSON, for a path into it; NULL: as it is */
	MD_SQL_AS_JSON,       /* a value of any type as JSON; NULL: cells say what they are */
	MD_SQL_BOOL_TEXT,     /* a boolean column cast to text; NULL: the cast itself does it */
	MD_SQL_ANY_CAST,      /* to a type {p} that is not among `casts`; NULL: there are no more */
	MD_SQL_ROW,           /* the row {c} of a sub-select as a JSON object; NULL: embeds are
				 child statements */
	MD_SQL_LIST,          /* the JSON values of sub-select {c} as a JSON array */
	MD_SQL_COLUMN,        /* the values {c} of all rows as a JSON array */
	MD_SQL_STRIP,         /* JSON {c} without what is null in it */
	MD_SQL_ESTIMATE,      /* before a SELECT: tells how many rows it might have; NULL: cannot */
	/* A write in one statement, with the whole body as one JSON parameter {p}; NULL: row by
	 * row. {c} are the columns with their types, `r` is what they are called. */
	MD_SQL_BODY_ROWS,     /* the rows of the body */
	MD_SQL_BODY_EACH,     /* the same, and each as JSON e.j */
	MD_SQL_BODY_EMPTY,    /* rows without columns */
	MD_SQL_BODY_LACKS,    /* e.j has no key {p} */
	MD_SQL_BODY_FALLBACK, /* next value of column {p} of table {c}, which counts */
	MD_SQL_MERGE_COUNT,   /* condition that counts a row that was merged, not inserted */
	MD_SQL_MERGES,        /* how many there were so far */
	MD_SQL_LOCK,          /* behind a SELECT of one row: nobody else changes it until the
				 transaction ends; NULL: nobody could */
	MD_SQL_DECIMAL,       /* a decimal that is kept as text, to be ordered by its value; NULL:
				 nothing has to be done */
	MD_SQL_JSON_KEY,      /* JSON, to be compared and ordered by its value; NULL: as
				 MD_SQL_DECIMAL */
	MD_SQL_JSON_ASKED,    /* … of a value that somebody asks for, which is checked */
	MD_SQL_ALTERED,  /* a SELECT: a row for each column {c}, (name, type) in texts, that table
			    {p}, a text, has otherwise; NULL: the engine tells by itself */
	MD_SQL_SUM,      /* sums and averages of exact numbers {c} … */
	MD_SQL_SUM_REAL, /* … and of floating point numbers */
	MD_SQL_AVG,
	MD_SQL_AVG_REAL,
	MD_SQL_ROUND, /* a decimal, to be cast to an integer; NULL: the cast
			 itself does it */
	MD_SQL_TEMPLATES
};

/** A type name that clients may cast to. */
struct md_cast {
	const char *name; /* lower case; NULL ends the table */
	const char *sql;  /* template with {c} */
	enum md_type type;
};

struct md_dialect {
	const char *name;
	/** Cells come typed (SQLite), not as PostgreSQL's text. */
	bool typed_cells;
	/** "name" with its quotes doubled. */
	void (*put_name)(struct md_buf *sql, struct md_str name);
	/** 'text' with its quotes doubled. */
	void (*put_text)(struct md_buf *sql, struct md_str text);
	/** The placeholder of parameter `number`, counted from 1. */
	void (*put_param)(struct md_buf *sql, unsigned number);
	const char *templates[MD_SQL_TEMPLATES]; /* NULL: this engine cannot do it (PGRST127) */
	/** JSON paths step by step, [as_text][is_index], {p} the key or number; NULL: the whole
	 * path is one parameter of JSON_GET. */
	const char *json_steps[2][2];
	/** Values are bound as the text that they are: the engine converts them, and says in its
	 * own words when they do not fit. */
	bool checks_values;
	/** A list of values is one parameter, an array literal: = ANY({p}). */
	bool array_lists;
	bool prefix_range; /* like with a literal beginning is also written as a range */
	/** Types of the parameters that keys are compared with, by md_type; 0: inferred. */
	const unsigned *key_types;
	const char *no_limit; /* LIMIT for an OFFSET without a limit */
	const char *truth[2]; /* constant conditions: never, always */
	const struct md_cast *casts;
	/** A list of keys as one JSON parameter, joined as `keys`: {p} the parameter, {n} the
	 * number of the key's column, which may hold bytes or not. */
	const char *keys_from, *keys_part, *keys_bytes, *keys_order;
	const char *row_key; /* column that identifies a row of a table without a primary key; NULL:
				there is none */
};
extern const struct md_dialect md_sqlite_dialect;
#ifdef MD_HAVE_POSTGRES
extern const struct md_dialect md_postgres_dialect;
#endif
#endif
