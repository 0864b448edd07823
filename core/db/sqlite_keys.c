/* Primary keys, unique constraints, indexes and foreign keys of one table. The pragmas tell all but
 * the names of constraints; those come from the text of CREATE TABLE, matched by columns. */
#include "core/db/sqlite_catalog.h"

#include <string.h>

#include "core/base/banned.h"

struct index {
	const char *name;
	bool unique, partial;
	char origin; /* 'c' CREATE INDEX, 'u' UNIQUE, 'p' PRIMARY KEY */
};

/* The index's columns as far as they are plain ones in their own order of text. */
struct index_columns {
	unsigned *columns;
	unsigned count;
	bool whole; /* there is nothing else in the index */
};

static const char *place_name(const struct md_sqlite_table *table, unsigned place)
{
	return table->out.columns[place].name;
}

static bool same_columns(const struct md_sqlite_table *table, const unsigned *columns,
			 unsigned count, const struct md_ddl_constraint *c)
{
	if (c->count != count)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (sqlite3_stricmp(place_name(table, columns[i]), c->columns[i]) != 0)
			return false;
	return true;
}

/* The constraint as CREATE TABLE has it; NULL: not found there. */
static const struct md_ddl_constraint *find_given(struct md_sqlite_table *table,
						  enum md_ddl_kind kind, const char *target,
						  const unsigned *columns, unsigned count)
{
	for (struct md_ddl_constraint *c = table->constraints; c; c = c->next) {
		if (c->kind != kind || c->used || !same_columns(table, columns, count, c))
			continue;
		if (target && (!c->target || sqlite3_stricmp(target, c->target) != 0))
			continue;
		c->used = true;
		return c;
	}
	return NULL;
}

static const char *given_name(struct md_sqlite_table *table, enum md_ddl_kind kind,
			      const unsigned *columns, unsigned count)
{
	const struct md_ddl_constraint *c = find_given(table, kind, NULL, columns, count);

	return c ? c->name : NULL;
}

static bool collation_fits(const struct md_sqlite_table *table, unsigned place, const char *coll)
{
	const char *own = table->out.columns[place].collation;

	return sqlite3_stricmp(coll, own ? own : "BINARY") == 0;
}

static enum md_code read_index_columns(struct md_sqlite_survey *survey,
				       struct md_sqlite_table *table, const char *index,
				       struct index_columns *ret_columns)
{
	struct index_columns found = { .whole = true };
	struct md_sqlite_list list = { .items = NULL };
	sqlite3_stmt *stmt = md_sqlite_ask(survey, MD_ASK_INDEX_COLUMNS, index);
	enum md_code code = stmt ? MD_OK : survey->err->code;

	while (stmt && md_sqlite_answer(survey, stmt, &code)) {
		int number = sqlite3_column_int(stmt, 0);
		const char *coll = (const char *)sqlite3_column_text(stmt, 1);
		/* Below 0: the rowid, or an expression. */
		unsigned place = number >= 0 && (unsigned)number < table->out.column_count
					 ? (unsigned)number
					 : MD_SQLITE_NO_PLACE;
		unsigned *column;

		if (!found.whole || place == MD_SQLITE_NO_PLACE || !coll ||
		    !collation_fits(table, place, coll)) {
			found.whole = false;
			continue;
		}
		column = md_sqlite_list_add(survey->arena, &list, sizeof(*column));
		if (!column) {
			sqlite3_reset(stmt);
			return md_fail_nomem(survey->err);
		}
		*column = place;
	}
	found.columns = list.items;
	found.count = list.count;
	*ret_columns = found;
	return code;
}

static bool add_index(struct md_sqlite_survey *survey, struct md_sqlite_table *table,
		      const struct md_catalog_index *index)
{
	struct md_catalog_index *added =
		md_sqlite_list_add(survey->arena, &table->indexes, sizeof(*added));

	if (added)
		*added = *index;
	return added != NULL;
}

static enum md_code read_predicate(struct md_sqlite_survey *survey, const char *index,
				   const char **ret_predicate)
{
	sqlite3_stmt *stmt = md_sqlite_ask(survey, MD_ASK_INDEX_TEXT, index);
	enum md_code code = stmt ? MD_OK : survey->err->code;

	while (stmt && md_sqlite_answer(survey, stmt, &code)) {
		const char *sql = md_sqlite_text(survey, stmt, 0);

		if (!sql) {
			sqlite3_reset(stmt);
			return md_fail_nomem(survey->err);
		}
		*ret_predicate = md_ddl_predicate(sql);
	}
	return code;
}

static bool add_key(struct md_sqlite_survey *survey, struct md_sqlite_table *table,
		    const struct index *index, const struct index_columns *columns)
{
	struct md_catalog_key *key = md_sqlite_list_add(survey->arena, &table->keys, sizeof(*key));

	if (!key)
		return false;
	key->name = index->origin == 'c'
			    ? index->name
			    : given_name(table, MD_DDL_UNIQUE, columns->columns, columns->count);
	key->columns = columns->columns;
	key->count = columns->count;
	return true;
}

static enum md_code use_index(struct md_sqlite_survey *survey, struct md_sqlite_table *table,
			      const struct index *index)
{
	struct index_columns columns = { .whole = false };
	enum md_code code = read_index_columns(survey, table, index->name, &columns);
	struct md_catalog_index found = { .name = index->origin == 'c' ? index->name : NULL,
					  .columns = columns.columns,
					  .count = columns.count,
					  .unique = index->unique,
					  .partial = index->partial,
					  .whole = columns.whole };
	bool ok;

	if (code == MD_OK && index->partial)
		code = read_predicate(survey, index->name, &found.predicate);
	if (code != MD_OK)
		return code;
	ok = add_index(survey, table, &found);
	if (ok && index->unique && index->origin != 'p' && columns.whole && !index->partial)
		ok = add_key(survey, table, index, &columns);
	return ok ? MD_OK : md_fail_nomem(survey->err);
}

static enum md_code read_indexes(struct md_sqlite_survey *survey, struct md_sqlite_table *table)
{
	struct md_sqlite_list list = { .items = NULL };
	sqlite3_stmt *stmt = md_sqlite_ask(survey, MD_ASK_INDEXES, table->out.name);
	enum md_code code = stmt ? MD_OK : survey->err->code;
	struct index *indexes;

	while (stmt && md_sqlite_answer(survey, stmt, &code)) {
		struct index *index = md_sqlite_list_add(survey->arena, &list, sizeof(*index));

		if (index)
			index->name = md_sqlite_text(survey, stmt, 0);
		if (!index || !index->name) {
			sqlite3_reset(stmt);
			return md_fail_nomem(survey->err);
		}
		index->unique = sqlite3_column_int(stmt, 1) != 0;
		index->origin = (char)sqlite3_column_int(stmt, 2);
		index->partial = sqlite3_column_int(stmt, 3) != 0;
	}
	indexes = list.items;
	for (unsigned i = 0; code == MD_OK && i < list.count; i++) {
		table->indexed_key = table->indexed_key || indexes[i].origin == 'p';
		code = use_index(survey, table, &indexes[i]);
	}
	return code;
}

/* Its columns stand in table->keys[0] already, in key order; the name is missing. */
static enum md_code finish_primary_key(struct md_sqlite_survey *survey,
				       struct md_sqlite_table *table)
{
	struct md_catalog_key *key = table->keys.items;
	struct md_catalog_column *columns = table->columns.items;

	if (table->keys.count == 0 || !key->primary)
		return MD_OK;
	key->name = given_name(table, MD_DDL_PRIMARY_KEY, key->columns, key->count);
	/* A primary key without index is the rowid under another name: never NULL, ordered, and
	 * counted. */
	if (table->indexed_key)
		return MD_OK;
	columns[key->columns[0]].nullable = false;
	columns[key->columns[0]].identity = true;
	return add_index(survey, table,
			 &(struct md_catalog_index){ .columns = key->columns,
						     .count = key->count,
						     .unique = true,
						     .whole = true })
		       ? MD_OK
		       : md_fail_nomem(survey->err);
}

static enum md_code read_checks(struct md_sqlite_survey *survey, struct md_sqlite_table *table)
{
	for (struct md_ddl_constraint *c = table->constraints; c; c = c->next) {
		struct md_catalog_check *check;

		if (c->kind != MD_DDL_CHECK || !c->expression)
			continue;
		check = md_sqlite_list_add(survey->arena, &table->checks, sizeof(*check));
		if (!check)
			return md_fail_nomem(survey->err);
		check->name = c->name;
		check->expression = c->expression;
	}
	return MD_OK;
}

enum md_code md_sqlite_read_keys(struct md_sqlite_survey *survey, struct md_sqlite_table *table)
{
	enum md_code code;

	if (table->sql && !md_ddl_constraints(survey->arena, table->sql, &table->constraints))
		return md_fail_nomem(survey->err);
	code = read_indexes(survey, table);
	if (code == MD_OK)
		code = finish_primary_key(survey, table);
	return code == MD_OK ? read_checks(survey, table) : code;
}

/* --- foreign keys ---------------------------------------------------------------------------- */

struct reference {
	const char *from, *to; /* to: NULL: the primary key */
};
struct foreign {
	int id;
	const char *target;
	enum md_fk_action on_delete, on_update;
	struct md_sqlite_list references;
};
enum { ID, TARGET, FROM, TO, ON_DELETE, ON_UPDATE };

static enum md_fk_action action_of(sqlite3_stmt *stmt, int column)
{
	static const char *const names[] = { [MD_FK_RESTRICT] = "RESTRICT",
					     [MD_FK_CASCADE] = "CASCADE",
					     [MD_FK_SET_NULL] = "SET NULL",
					     [MD_FK_SET_DEFAULT] = "SET DEFAULT" };
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	for (unsigned i = MD_FK_RESTRICT; text && i <= MD_FK_SET_DEFAULT; i++)
		if (sqlite3_stricmp(text, names[i]) == 0)
			return (enum md_fk_action)i;
	return MD_FK_NO_ACTION;
}

static enum md_code read_references(struct md_sqlite_survey *survey, const char *name,
				    struct md_sqlite_list *ret_list)
{
	sqlite3_stmt *stmt = md_sqlite_ask(survey, MD_ASK_FOREIGN_KEYS, name);
	enum md_code code = stmt ? MD_OK : survey->err->code;
	struct foreign *foreign = NULL;

	while (stmt && md_sqlite_answer(survey, stmt, &code)) {
		struct reference *reference = NULL;

		if (!foreign || foreign->id != sqlite3_column_int(stmt, ID)) {
			foreign = md_sqlite_list_add(survey->arena, ret_list, sizeof(*foreign));
			if (foreign) {
				foreign->id = sqlite3_column_int(stmt, ID);
				foreign->target = md_sqlite_text(survey, stmt, TARGET);
				foreign->on_delete = action_of(stmt, ON_DELETE);
				foreign->on_update = action_of(stmt, ON_UPDATE);
			}
		}
		if (foreign && foreign->target)
			reference = md_sqlite_list_add(survey->arena, &foreign->references,
						       sizeof(*reference));
		if (reference)
			reference->from = md_sqlite_text(survey, stmt, FROM);
		if (reference && sqlite3_column_type(stmt, TO) != SQLITE_NULL) {
			reference->to = md_sqlite_text(survey, stmt, TO);
			reference = reference->to ? reference : NULL;
		}
		if (!reference || !reference->from) {
			sqlite3_reset(stmt);
			return md_fail_nomem(survey->err);
		}
	}
	return code;
}

/* The column of `target` that the `at`-th reference means, by its real name; NULL: there is none.
 */
static const char *target_column(const struct md_sqlite_table *target, const struct reference *r,
				 unsigned at, unsigned count)
{
	const struct md_catalog_key *key = target->keys.items;
	unsigned place;

	if (r->to) {
		place = md_sqlite_column_named(target, r->to);
		return place == MD_SQLITE_NO_PLACE ? NULL : place_name(target, place);
	}
	if (target->keys.count == 0 || !key->primary || key->count != count)
		return NULL;
	return place_name(target, key->columns[at]);
}

/* False: it points to nothing that is served. *ret_nomem: memory is out. */
static bool resolve(struct md_sqlite_survey *survey, struct md_sqlite_table *table,
		    const struct foreign *foreign, struct md_catalog_foreign_key *ret_key,
		    bool *ret_nomem)
{
	const struct md_sqlite_table *target = md_sqlite_table_named(survey, foreign->target);
	const struct reference *references = foreign->references.items;
	unsigned count = foreign->references.count;
	const struct md_ddl_constraint *given;
	unsigned *columns;
	const char **names;

	if (!target || !target->served)
		return false;
	columns = md_arena_alloc(survey->arena, count * sizeof(*columns));
	names = md_arena_alloc(survey->arena, count * sizeof(*names));
	*ret_nomem = !columns || !names;
	if (!columns || !names)
		return false;
	for (unsigned i = 0; i < count; i++) {
		columns[i] = md_sqlite_column_named(table, references[i].from);
		names[i] = target_column(target, &references[i], i, count);
		if (columns[i] == MD_SQLITE_NO_PLACE || !names[i])
			return false;
	}
	*ret_key = (struct md_catalog_foreign_key){ .columns = columns,
						    .count = count,
						    .target = target->out.name,
						    .target_columns = names,
						    .on_delete = foreign->on_delete,
						    .on_update = foreign->on_update };
	given = find_given(table, MD_DDL_FOREIGN_KEY, foreign->target, columns, count);
	if (given) {
		ret_key->name = given->name;
		ret_key->deferrable = given->deferrable;
		ret_key->deferred = given->deferred;
	}
	return true;
}

enum md_code md_sqlite_read_foreign_keys(struct md_sqlite_survey *survey,
					 struct md_sqlite_table *table)
{
	struct md_sqlite_list list = { .items = NULL };
	enum md_code code = read_references(survey, table->out.name, &list);
	const struct foreign *foreign = list.items;

	for (unsigned i = 0; code == MD_OK && i < list.count; i++) {
		struct md_catalog_foreign_key key, *kept;
		bool nomem = false;

		if (!resolve(survey, table, &foreign[i], &key, &nomem)) {
			if (nomem)
				return md_fail_nomem(survey->err);
			md_log_line(survey->sq->log, MD_LOG_WARN,
				    "%s: the foreign key to %s is left out: no such table or key",
				    table->out.name, foreign[i].target);
			continue;
		}
		kept = md_sqlite_list_add(survey->arena, &table->foreign_keys, sizeof(*kept));
		if (!kept)
			return md_fail_nomem(survey->err);
		*kept = key;
	}
	return code;
}
