/* Views: which base column a column shows, and what INSTEAD OF triggers make writable. */
#include "core/db/sqlite_catalog.h"

#include "core/base/banned.h"

static enum md_code read_triggers(struct md_sqlite_survey *survey)
{
	sqlite3_stmt *stmt = md_sqlite_ask(survey, MD_ASK_TRIGGERS, NULL);
	enum md_code code = stmt ? MD_OK : survey->err->code;

	while (stmt && md_sqlite_answer(survey, stmt, &code)) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		const char *sql = (const char *)sqlite3_column_text(stmt, 1);
		struct md_sqlite_table *view = name ? md_sqlite_table_named(survey, name) : NULL;
		unsigned event;

		if (!view || !sql || view->out.kind != MD_REL_VIEW)
			continue;
		event = md_ddl_instead_of(sql);
		view->out.insertable |= event == MD_DDL_INSERT;
		view->out.updatable |= event == MD_DDL_UPDATE;
		view->out.deletable |= event == MD_DDL_DELETE;
	}
	return code;
}

#ifdef HAVE_SQLITE3_COLUMN_TABLE_NAME
struct look {
	struct md_sqlite_survey *survey;
	const struct md_sqlite_table *self;
	bool opaque;
};

/* SQLite traces a column of a compound select to one of its arms. Such a view, and whatever is
 * named like one inside another view, is not traced. */
static bool see_word(void *arg, const char *word, bool quoted)
{
	static const char *const set_words[] = { "UNION", "INTERSECT", "EXCEPT" };
	struct look *look = arg;
	const struct md_sqlite_table *other;

	for (unsigned i = 0; !quoted && i < 3; i++)
		if (sqlite3_stricmp(word, set_words[i]) == 0)
			look->opaque = true;
	other = md_sqlite_table_named(look->survey, word);
	if (other && other != look->self && other->opaque)
		look->opaque = true;
	return true;
}

/* Until nothing changes: a view may be named before or after the one that it reads. */
static enum md_code mark_opaque(struct md_sqlite_survey *survey)
{
	const size_t words_max = 64 << 20;
	md_auto_arena words = md_arena_new(words_max);
	struct md_sqlite_table *tables = survey->tables.items;
	bool changed = true;

	while (words && changed) {
		changed = false;
		for (unsigned i = 0; i < survey->tables.count; i++) {
			struct look look = { survey, &tables[i], false };

			if (tables[i].out.kind != MD_REL_VIEW || tables[i].opaque)
				continue;
			md_arena_reset(words, words_max);
			if (!md_ddl_each_word(words, tables[i].sql, see_word, &look))
				return md_fail_nomem(survey->err);
			tables[i].opaque = look.opaque;
			changed = changed || look.opaque;
		}
	}
	return words ? MD_OK : md_fail_nomem(survey->err);
}

static void trace_column(struct md_sqlite_survey *survey, struct md_catalog_column *column,
			 const char *table_name, const char *column_name)
{
	const struct md_sqlite_table *table =
		table_name ? md_sqlite_table_named(survey, table_name) : NULL;
	unsigned place = table && column_name ? md_sqlite_column_named(table, column_name)
					      : MD_SQLITE_NO_PLACE;

	if (place == MD_SQLITE_NO_PLACE || !table->served)
		return;
	column->origin_table = table->out.name;
	column->origin_column = table->out.columns[place].name;
	column->collation = table->out.columns[place].collation;
}

static enum md_code trace_columns(struct md_sqlite_survey *survey, struct md_sqlite_table *view)
{
	struct md_catalog_column *columns = view->columns.items;
	sqlite3_stmt *stmt = NULL;
	char *sql = sqlite3_mprintf("SELECT * FROM main.\"%w\"", view->out.name);
	int rc = sql ? sqlite3_prepare_v2(survey->sq->db, sql, -1, &stmt, NULL) : SQLITE_NOMEM;

	sqlite3_free(sql);
	if (rc != SQLITE_OK)
		return md_sqlite_fail(survey->sq, rc, NULL, survey->err);
	for (unsigned i = 0; i < view->columns.count; i++)
		trace_column(survey, &columns[i], sqlite3_column_table_name(stmt, (int)i),
			     sqlite3_column_origin_name(stmt, (int)i));
	sqlite3_finalize(stmt);
	return MD_OK;
}

static enum md_code trace_all(struct md_sqlite_survey *survey)
{
	struct md_sqlite_table *tables = survey->tables.items;
	enum md_code code = mark_opaque(survey);

	for (unsigned i = 0; code == MD_OK && i < survey->tables.count; i++)
		if (tables[i].out.kind == MD_REL_VIEW && tables[i].served && !tables[i].opaque)
			code = trace_columns(survey, &tables[i]);
	return code;
}
#else /* SQLite was built without SQLITE_ENABLE_COLUMN_METADATA: every column counts as computed. \
       */
static enum md_code trace_all(struct md_sqlite_survey *survey)
{
	(void)survey;
	return MD_OK;
}
#endif

enum md_code md_sqlite_read_views(struct md_sqlite_survey *survey)
{
	enum md_code code = read_triggers(survey);

	return code == MD_OK ? trace_all(survey) : code;
}
