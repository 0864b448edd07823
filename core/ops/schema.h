/* What is served, written down for other programs: the documents of GET /-/schema and of `modeld
 * models export`. All are made of a registry, so of declared models as well as of introspected
 * ones; equal registries give equal texts. What a client may not know is in none of them: hidden
 * fields, and keys, indexes, checks and relations that need one. No state, any thread. */
#ifndef MD_CORE_OPS_SCHEMA_H
#define MD_CORE_OPS_SCHEMA_H
#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/model/registry.h"

struct md_arena;
struct md_catalog;
struct md_definitions;
struct md_dialect;

enum md_schema_format {
	MD_SCHEMA_JSON,        /* everything, in one form */
	MD_SCHEMA_JSON_SCHEMA, /* 2020-12 */
	MD_SCHEMA_OPENAPI,     /* 3.1 */
	MD_SCHEMA_TYPESCRIPT,  /* the type Database of postgrest-js */
	MD_SCHEMA_SQL,
	MD_SCHEMA_DBML,
	MD_SCHEMA_MERMAID,
	MD_SCHEMA_FORMATS
};
/** "json-schema"; all of them: up to MD_SCHEMA_FORMATS. */
const char *md_schema_format_name(enum md_schema_format format);
/** False: there is no such format. */
bool md_schema_format_find(struct md_str name, enum md_schema_format *ret_format);
/** Content-Type. */
const char *md_schema_format_type(enum md_schema_format format);

struct md_schema_source {
	const struct md_registry *registry;
	const struct md_dialect *dialect; /* whose SQL is written */
	bool empty;                       /* abstract models, too, in the formats that have them */
	bool lines;                       /* JSON for people: a line for each value */
	/** The administrator asks, not a client: SQL makes all columns. */
	bool trusted;
};
/** Append the document to `out`. MD_NOMEM; MD_TOO_LARGE: it is longer than `out` may be. */
enum md_code md_schema_write(const struct md_schema_source *source, enum md_schema_format format,
			     struct md_buf *out, struct md_error *err);

/** What a database would contain if it had just been made of these definitions, for a registry
 * without a database. Lives in the arena. NULL: out of memory. */
const struct md_catalog *md_schema_catalog(const struct md_definitions *definitions,
					   struct md_arena *arena);

/** The SQL of the engine whose bit this is (MD_ENGINE_…), without a database. SQLite's for several,
 * and for one whose SQL cannot be made. */
const struct md_dialect *md_schema_dialect(unsigned engines);

struct md_schema_database {
	const char *url;
	const char *schema; /* of PostgreSQL; NULL: the session's own */
};
/** What a database contains. It is opened, read and closed again. */
enum md_code md_schema_read(const struct md_schema_database *database, struct md_arena *arena,
			    const struct md_catalog **ret_catalog,
			    const struct md_dialect **ret_dialect, struct md_error *err);

/** How a definition file is made of a database. */
struct md_schema_import {
	const struct md_catalog *catalog;
	const struct md_dialect *dialect; /* whose catalog it is */
	bool managed; /* the tables become modeld's own; else they stay somebody else's */
};
/** Append a definition file of everything that can be declared to `out`; what cannot is said in
 * `notes`, a line each. MD_NOMEM, MD_TOO_LARGE. */
enum md_code md_schema_import(const struct md_schema_import *source, struct md_buf *out,
			      struct md_buf *notes, struct md_error *err);
#endif
