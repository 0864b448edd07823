/* Introspection: what an SQLite file contains, by its pragmas and, where they are silent, by the
 * text of its CREATE statements. */
#include "core/db/sqlite_catalog.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

#include "core/base/banned.h"

/* Prepared once each; a question per table takes its name as ?1. Table-valued functions are found
 * in every schema, and "temp." is ours: in main somebody's table may have the name (json_each). */
static const char *const questions[MD_ASK_COUNT] = {
	[MD_ASK_SCHEMA] = "SELECT name, sql, type = 'view' FROM main.sqlite_schema"
			  " WHERE type IN ('table', 'view')",
	[MD_ASK_KINDS] =
		"SELECT name, type, strict, wr FROM temp.pragma_table_list"
		" WHERE schema = 'main' AND (type IN ('shadow', 'virtual') OR strict OR wr)",
	[MD_ASK_TRIGGERS] = "SELECT tbl_name, sql FROM main.sqlite_schema WHERE type = 'trigger'",
	[MD_ASK_COLUMNS] = "SELECT cid, name, type, \"notnull\", dflt_value, pk, hidden"
			   " FROM temp.pragma_table_xinfo(?1, 'main') ORDER BY cid",
	[MD_ASK_INDEXES] = "SELECT name, \"unique\", unicode(origin), partial"
			   " FROM temp.pragma_index_list(?1, 'main') ORDER BY seq DESC",
	[MD_ASK_INDEX_COLUMNS] = "SELECT cid, coll FROM temp.pragma_index_xinfo(?1, 'main')"
				 " WHERE key ORDER BY seqno",
	[MD_ASK_INDEX_TEXT] = "SELECT sql FROM main.sqlite_schema"
			      " WHERE type = 'index' AND name = ?1",
	[MD_ASK_FOREIGN_KEYS] =
		"SELECT id, \"table\", \"from\", \"to\", on_delete, on_update"
		" FROM temp.pragma_foreign_key_list(?1, 'main') ORDER BY id DESC, seq",
	[MD_ASK_STATISTICS] = "SELECT tbl, max(CAST(stat AS INTEGER)) FROM main.sqlite_stat1"
			      " GROUP BY tbl",
	[MD_ASK_VIOLATIONS] = "SELECT count(*), min(\"table\") FROM"
			      " (SELECT \"table\" FROM temp.pragma_foreign_key_check LIMIT 1000)",
};

enum { CHECK_TIME_MS = 300, VIOLATIONS_MAX = 1000 };

static enum md_code fail(struct md_sqlite_survey *survey, int rc)
{
	return md_sqlite_fail(survey->sq, rc, NULL, survey->err);
}

sqlite3_stmt *md_sqlite_ask(struct md_sqlite_survey *survey, enum md_sqlite_question question,
			    const char *table)
{
	sqlite3_stmt **stmt = &survey->asked[question];
	int rc = SQLITE_OK;

	if (!*stmt)
		rc = sqlite3_prepare_v3(survey->sq->db, questions[question], -1,
					SQLITE_PREPARE_PERSISTENT, stmt, NULL);
	if (rc == SQLITE_OK && table)
		rc = sqlite3_bind_text(*stmt, 1, table, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		return *stmt;
	fail(survey, rc);
	return NULL;
}

bool md_sqlite_answer(struct md_sqlite_survey *survey, sqlite3_stmt *stmt, enum md_code *ret_code)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return true;
	*ret_code = rc == SQLITE_DONE ? MD_OK : fail(survey, rc);
	sqlite3_reset(stmt);
	return false;
}

void *md_sqlite_list_add(struct md_arena *arena, struct md_sqlite_list *list, size_t size)
{
	if (list->count == list->room) {
		unsigned room = list->room == 0 ? 4 : list->room * 2;
		void *items = md_arena_alloc(arena, room * size);

		if (!items)
			return NULL;
		if (list->count > 0)
			memcpy(items, list->items, list->count * size);
		list->items = items;
		list->room = room;
	}
	return memset((char *)list->items + size * list->count++, 0, size);
}

char *md_sqlite_text(struct md_sqlite_survey *survey, sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	size_t len = (size_t)sqlite3_column_bytes(stmt, column);

	if (!text && sqlite3_column_type(stmt, column) != SQLITE_NULL)
		return NULL; /* no memory to convert it */
	return md_arena_strndup(survey->arena, text ? text : "", text ? len : 0);
}

static void fold(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text + 32);
}

struct md_sqlite_table *md_sqlite_table_named(struct md_sqlite_survey *survey, const char *name)
{
	size_t len = strlen(name);
	struct md_sqlite_table *table;
	char small[128], *folded = small;

	if (len >= sizeof(small))
		folded = malloc(len + 1);
	if (!folded)
		return NULL;
	memcpy(folded, name, len + 1);
	fold(folded);
	table = md_map_get(survey->by_name, (struct md_str){ folded, len });
	if (folded != small)
		free(folded);
	return table;
}

unsigned md_sqlite_column_named(const struct md_sqlite_table *table, const char *name)
{
	for (unsigned i = 0; i < table->out.column_count; i++)
		if (sqlite3_stricmp(table->out.columns[i].name, name) == 0)
			return i;
	return MD_SQLITE_NO_PLACE;
}

static bool is_ours_or_internal(const char *name)
{
	return sqlite3_strnicmp(name, "sqlite_", 7) == 0 ||
	       sqlite3_strnicmp(name, "_modeld_", 8) == 0 ||
	       sqlite3_stricmp(name, "alembic_version") == 0;
}

static enum md_code list_tables(struct md_sqlite_survey *survey)
{
	sqlite3_stmt *stmt = md_sqlite_ask(survey, MD_ASK_SCHEMA, NULL);
	enum md_code code = stmt ? MD_OK : survey->err->code;

	while (stmt && md_sqlite_answer(survey, stmt, &code)) {
		struct md_sqlite_table *table =
			md_sqlite_list_add(survey->arena, &survey->tables, sizeof(*table));

		if (table) {
			table->out.name = md_sqlite_text(survey, stmt, 0);
			table->sql = md_sqlite_text(survey, stmt, 1);
		}
		if (!table || !table->out.name || !table->sql) {
			sqlite3_reset(stmt);
			return md_fail_nomem(survey->err);
		}
		table->out.schema = "";
		table->out.kind = sqlite3_column_int(stmt, 2) ? MD_REL_VIEW : MD_REL_TABLE;
		table->out.rows_estimate = -1;
		table->served = !is_ours_or_internal(table->out.name);
	}
	return code;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(((const struct md_sqlite_table *)a)->out.name,
		      ((const struct md_sqlite_table *)b)->out.name);
}

static enum md_code map_tables(struct md_sqlite_survey *survey)
{
	struct md_sqlite_table *tables = survey->tables.items;

	if (survey->tables.count > 0)
		qsort(tables, survey->tables.count, sizeof(*tables), by_bytes);
	for (unsigned i = 0; i < survey->tables.count; i++) {
		const char *name = tables[i].out.name;
		char *folded = md_arena_strndup(survey->arena, name, strlen(name));

		if (folded)
			fold(folded);
		if (!folded || !md_map_set(survey->by_name, md_str_of(folded), &tables[i]))
			return md_fail_nomem(survey->err);
	}
	return MD_OK;
}

static enum md_code read_kinds(struct md_sqlite_survey *survey)
{
	sqlite3_stmt *stmt = md_sqlite_ask(survey, MD_ASK_KINDS, NULL);
	enum md_code code = stmt ? MD_OK : survey->err->code;

	while (stmt && md_sqlite_answer(survey, stmt, &code)) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		const char *kind = (const char *)sqlite3_column_text(stmt, 1);
		struct md_sqlite_table *table = name ? md_sqlite_table_named(survey, name) : NULL;

		if (!table || !kind)
			continue;
		table->out.strict = sqlite3_column_int(stmt, 2) != 0;
		table->out.without_rowid = sqlite3_column_int(stmt, 3) != 0;
		table->served = table->served && strcmp(kind, "shadow") != 0;
		table->is_virtual = strcmp(kind, "virtual") == 0;
	}
	return code;
}

/* Views may be broken, and the module of a virtual table may be missing: they are left out. */
static enum md_code try_out(struct md_sqlite_survey *survey, struct md_sqlite_table *table)
{
	sqlite3_stmt *stmt = NULL;
	char *sql = sqlite3_mprintf("SELECT * FROM main.\"%w\" LIMIT 0", table->out.name);
	int rc = sql ? sqlite3_prepare_v2(survey->sq->db, sql, -1, &stmt, NULL) : SQLITE_NOMEM;

	sqlite3_free(sql);
	sqlite3_finalize(stmt);
	if (rc == SQLITE_OK)
		return MD_OK;
	if (rc != SQLITE_ERROR && rc != SQLITE_AUTH)
		return fail(survey, rc);
	md_log_line(survey->sq->log, MD_LOG_WARN, "%s is left out: %s", table->out.name,
		    sqlite3_errmsg(survey->sq->db));
	table->served = false;
	return MD_OK;
}

static enum md_code read_collation(struct md_sqlite_survey *survey,
				   const struct md_sqlite_table *table,
				   struct md_catalog_column *column)
{
	const char *collation = NULL;
	int rc;

	if (table->out.kind == MD_REL_VIEW || table->is_virtual)
		return MD_OK;
	rc = sqlite3_table_column_metadata(survey->sq->db, "main", table->out.name, column->name,
					   NULL, &collation, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return fail(survey, rc);
	if (!collation || sqlite3_stricmp(collation, "BINARY") == 0)
		return MD_OK;
	column->collation = md_arena_strndup(survey->arena, collation, strlen(collation));
	return column->collation ? MD_OK : md_fail_nomem(survey->err);
}

enum { CID, NAME, TYPE, NOT_NULL, DEFAULT_TEXT, KEY_PLACE, HIDDEN };

static enum md_code read_column(struct md_sqlite_survey *survey, struct md_sqlite_table *table,
				sqlite3_stmt *stmt)
{
	struct md_catalog_column *column =
		md_sqlite_list_add(survey->arena, &table->columns, sizeof(*column));

	if (!column)
		return md_fail_nomem(survey->err);
	column->name = md_sqlite_text(survey, stmt, NAME);
	column->declared = md_sqlite_text(survey, stmt, TYPE);
	if (sqlite3_column_type(stmt, DEFAULT_TEXT) != SQLITE_NULL) {
		column->fallback = md_sqlite_text(survey, stmt, DEFAULT_TEXT);
		if (!column->fallback)
			return md_fail_nomem(survey->err);
	}
	if (!column->name || !column->declared)
		return md_fail_nomem(survey->err);
	column->type = md_sqlite_type(column->declared);
	column->max_length = md_sqlite_max_length(column->declared);
	column->nullable = sqlite3_column_int(stmt, NOT_NULL) == 0;
	column->generated = sqlite3_column_int(stmt, HIDDEN) >= 2; /* virtual or stored */
	return read_collation(survey, table, column);
}

/* The place of a column in the primary key, while its columns are collected. */
struct key_place {
	int at;
	unsigned column;
};

static int by_place(const void *a, const void *b)
{
	return ((const struct key_place *)a)->at - ((const struct key_place *)b)->at;
}

static enum md_code add_primary_key(struct md_sqlite_survey *survey, struct md_sqlite_table *table,
				    struct md_sqlite_list *places)
{
	struct key_place *place = places->items;
	unsigned *columns = md_arena_alloc(survey->arena, places->count * sizeof(*columns));
	struct md_catalog_key *key;

	if (places->count == 0)
		return MD_OK;
	key = md_sqlite_list_add(survey->arena, &table->keys, sizeof(*key));
	if (!columns || !key)
		return md_fail_nomem(survey->err);
	qsort(place, places->count, sizeof(*place), by_place);
	for (unsigned i = 0; i < places->count; i++)
		columns[i] = place[i].column;
	key->primary = true;
	key->columns = columns;
	key->count = places->count;
	return MD_OK;
}

/* A column of a table, and its place in the primary key when it has one. */
static enum md_code see_column(struct md_sqlite_survey *survey, struct md_sqlite_table *table,
			       sqlite3_stmt *stmt, struct md_sqlite_list *key)
{
	int at = sqlite3_column_int(stmt, KEY_PLACE);
	struct key_place *place;

	if (sqlite3_column_int(stmt, HIDDEN) == 1) /* belongs to a virtual table's module */
		return MD_OK;
	if (at > 0) {
		place = md_sqlite_list_add(survey->arena, key, sizeof(*place));
		if (!place)
			return md_fail_nomem(survey->err);
		*place = (struct key_place){ at, table->columns.count };
	}
	return read_column(survey, table, stmt);
}

static enum md_code read_columns(struct md_sqlite_survey *survey, struct md_sqlite_table *table)
{
	struct md_sqlite_list key = { .items = NULL };
	sqlite3_stmt *stmt = md_sqlite_ask(survey, MD_ASK_COLUMNS, table->out.name);
	enum md_code code = stmt ? MD_OK : survey->err->code;

	while (stmt && md_sqlite_answer(survey, stmt, &code)) {
		code = see_column(survey, table, stmt, &key);
		if (code != MD_OK) {
			sqlite3_reset(stmt);
			return code;
		}
	}
	table->out.columns = table->columns.items;
	table->out.column_count = table->columns.count;
	return code == MD_OK ? add_primary_key(survey, table, &key) : code;
}

static enum md_code read_table(struct md_sqlite_survey *survey, struct md_sqlite_table *table)
{
	bool is_table = table->out.kind == MD_REL_TABLE;
	enum md_code code = MD_OK;

	if (!is_table || table->is_virtual)
		code = try_out(survey, table);
	if (code != MD_OK || !table->served)
		return code;
	table->out.insertable = table->out.updatable = table->out.deletable = is_table;
	code = read_columns(survey, table);
	if (code == MD_OK && is_table && !table->is_virtual)
		code = md_sqlite_read_keys(survey, table);
	return code;
}

/* ANALYZE has counted the rows: the first number of each index's statistics. */
static enum md_code read_statistics(struct md_sqlite_survey *survey)
{
	sqlite3_stmt *stmt;
	enum md_code code;

	if (!md_sqlite_table_named(survey, "sqlite_stat1"))
		return MD_OK;
	stmt = md_sqlite_ask(survey, MD_ASK_STATISTICS, NULL);
	code = stmt ? MD_OK : survey->err->code;
	while (stmt && md_sqlite_answer(survey, stmt, &code)) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		struct md_sqlite_table *table = name ? md_sqlite_table_named(survey, name) : NULL;

		if (table)
			table->out.rows_estimate = sqlite3_column_double(stmt, 1);
	}
	return code;
}

/* A warning, no more: bounded in rows and in time, and not at all when it fails. */
static void check_foreign_keys(struct md_sqlite_survey *survey)
{
	struct md_sqlite *sq = survey->sq;
	struct md_error ignored, *err = survey->err;
	sqlite3_stmt *stmt;
	enum md_code code;

	survey->err = &ignored;
	sq->statement_end_ns = md_now_ns() + CHECK_TIME_MS * MD_MS;
	stmt = md_sqlite_ask(survey, MD_ASK_VIOLATIONS, NULL);
	while (stmt && md_sqlite_answer(survey, stmt, &code)) {
		int count = sqlite3_column_int(stmt, 0);
		const char *name = (const char *)sqlite3_column_text(stmt, 1);

		if (count > 0)
			md_log_line(sq->log, MD_LOG_WARN,
				    "%s%d rows violate a foreign key, the first of them in %s; "
				    "PRAGMA foreign_key_check lists them",
				    count == VIOLATIONS_MAX ? "at least " : "", count,
				    name ? name : "?");
	}
	sq->statement_end_ns = 0;
	sq->stop = MD_SQLITE_GO_ON;
	survey->err = err;
}

static enum md_code read_all(struct md_sqlite_survey *survey)
{
	enum md_code code = list_tables(survey);
	struct md_sqlite_table *tables;

	if (code == MD_OK)
		code = map_tables(survey);
	if (code == MD_OK)
		code = read_kinds(survey);
	tables = survey->tables.items;
	for (unsigned i = 0; code == MD_OK && i < survey->tables.count; i++)
		if (tables[i].served)
			code = read_table(survey, &tables[i]);
	for (unsigned i = 0; code == MD_OK && i < survey->tables.count; i++)
		if (tables[i].served && tables[i].out.kind == MD_REL_TABLE)
			code = md_sqlite_read_foreign_keys(survey, &tables[i]);
	if (code == MD_OK)
		code = md_sqlite_name_constraints(survey);
	if (code == MD_OK)
		code = md_sqlite_read_views(survey);
	return code == MD_OK ? read_statistics(survey) : code;
}

static enum md_code publish(struct md_sqlite_survey *survey, const struct md_catalog **ret_catalog)
{
	const struct md_sqlite_table *tables = survey->tables.items;
	struct md_catalog *catalog = md_arena_zalloc(survey->arena, sizeof(*catalog));
	struct md_catalog_table *out =
		md_arena_alloc(survey->arena, survey->tables.count * sizeof(*out));

	if (!catalog || !out)
		return md_fail_nomem(survey->err);
	for (unsigned i = 0; i < survey->tables.count; i++) {
		struct md_catalog_table *to = &out[catalog->count];

		if (!tables[i].served)
			continue;
		*to = tables[i].out;
		to->keys = tables[i].keys.items;
		to->key_count = tables[i].keys.count;
		to->foreign_keys = tables[i].foreign_keys.items;
		to->foreign_key_count = tables[i].foreign_keys.count;
		to->indexes = tables[i].indexes.items;
		to->index_count = tables[i].indexes.count;
		to->checks = tables[i].checks.items;
		to->check_count = tables[i].checks.count;
		catalog->count++;
	}
	catalog->tables = out;
	*ret_catalog = catalog;
	return MD_OK;
}

static enum md_code survey_all(struct md_sqlite_survey *survey,
			       const struct md_catalog **ret_catalog)
{
	enum md_code code = MD_OK;

	survey->by_name = md_map_new();
	survey->taken = md_map_new();
	if (!survey->by_name || !survey->taken)
		code = md_fail_nomem(survey->err);
	if (code == MD_OK)
		code = read_all(survey);
	if (code == MD_OK)
		code = publish(survey, ret_catalog);
	if (code == MD_OK)
		check_foreign_keys(survey);
	for (unsigned i = 0; i < MD_ASK_COUNT; i++)
		sqlite3_finalize(survey->asked[i]);
	md_map_free(survey->by_name);
	md_map_free(survey->taken);
	return code;
}

enum md_code md_sqlite_catalog(struct md_conn *conn, struct md_arena *arena,
			       const struct md_catalog **ret_catalog, struct md_error *err)
{
	struct md_error local = { .code = MD_OK };
	struct md_sqlite_survey survey = {
		.sq = (struct md_sqlite *)conn,
		.arena = arena,
		.err = err ? err : &local,
	};
	struct md_sqlite *sq = survey.sq;
	bool alone = sqlite3_get_autocommit(sq->db) != 0;
	enum md_code code = MD_OK;

	/* One snapshot for all questions. */
	if (alone)
		code = conn->driver->command(conn, "BEGIN", survey.err);
	if (code != MD_OK)
		return code;
	sq->trusted = true;
	code = survey_all(&survey, ret_catalog);
	sq->trusted = false;
	if (alone && conn->driver->command(conn, "ROLLBACK", NULL) != MD_OK)
		conn->broken = true;
	return code;
}
