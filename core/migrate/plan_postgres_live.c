/* What the database says to a plan: names of constraints and sequences, what is kept of what was
 * dropped, and who holds on to a column. */
#include <stdio.h>
#include <string.h>

#include "core/db/schema.h"
#include "core/migrate/plan_postgres_private.h"

#include "core/base/banned.h"

/* --- reading -----------------------------------------------------------------------------------
 */

/* Rows of one query, as texts in the arena. */
struct rows {
	struct pg *pg;
	const char *(*items)[3];
	unsigned count, room;
};

static enum md_code take_row(void *ctx, const char *const *values, unsigned count,
			     struct md_error *err)
{
	struct rows *rows = ctx;

	if (rows->count == rows->room) {
		unsigned room = rows->room ? 2 * rows->room : 16;
		void *items = md_arena_zalloc(rows->pg->arena, room * sizeof(*rows->items));

		if (!items)
			return md_fail_nomem(err);
		if (rows->count > 0)
			memcpy(items, rows->items, rows->count * sizeof(*rows->items));
		rows->items = items;
		rows->room = room;
	}
	for (unsigned i = 0; i < 3 && i < count; i++) {
		const char *value = values[i] ? values[i] : "";

		rows->items[rows->count][i] =
			md_arena_strndup(rows->pg->arena, value, strlen(value));
		if (!rows->items[rows->count][i])
			return md_fail_nomem(err);
	}
	rows->count++;
	return MD_OK;
}

static struct rows ask(struct pg *pg, const char *sql)
{
	struct rows rows = { .pg = pg };

	if (pg->code == MD_OK && !pg->work->failed)
		pg->code = md_db_schema_query(pg->work->request->live, sql, NULL, 0, take_row,
					      &rows, NULL, pg->err);
	return rows;
}

static void read_constraints(struct pg *pg)
{
	struct rows rows = ask(pg, "SELECT r.relname, k.conname, k.contype"
				   " FROM pg_catalog.pg_constraint k"
				   " JOIN pg_catalog.pg_class r ON r.oid = k.conrelid"
				   " JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace"
				   " WHERE n.nspname = current_schema()");
	struct pg_constraint *list = md_arena_alloc(pg->arena, (rows.count + 1) * sizeof(*list));

	pg->work->failed = pg->work->failed || !list;
	for (unsigned i = 0; list && i < rows.count; i++)
		list[i] = (struct pg_constraint){ rows.items[i][0], rows.items[i][1],
						  *rows.items[i][2] };
	pg->live.constraints = list;
	pg->live.constraint_count = list ? rows.count : 0;
}

static void read_sequences(struct pg *pg)
{
	struct rows rows =
		ask(pg, "SELECT r.relname, a.attname, s.relname FROM pg_catalog.pg_depend d"
			" JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'"
			" JOIN pg_catalog.pg_class r ON r.oid = d.refobjid"
			" JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid"
			" AND a.attnum = d.refobjsubid"
			" JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace"
			" WHERE d.classid = 'pg_catalog.pg_class'::regclass"
			" AND d.refclassid = 'pg_catalog.pg_class'::regclass"
			" AND d.deptype IN ('i', 'a') AND n.nspname = current_schema()");
	struct pg_sequence *list = md_arena_alloc(pg->arena, (rows.count + 1) * sizeof(*list));

	pg->work->failed = pg->work->failed || !list;
	for (unsigned i = 0; list && i < rows.count; i++)
		list[i] = (struct pg_sequence){ rows.items[i][0], rows.items[i][1],
						rows.items[i][2] };
	pg->live.sequences = list;
	pg->live.sequence_count = list ? rows.count : 0;
}

static void read_kept(struct pg *pg)
{
	struct rows rows =
		ask(pg, "SELECT r.relname, a.attname FROM pg_catalog.pg_class r"
			" JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace"
			" LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid"
			" AND a.attname LIKE '\\_dropped\\_%' AND NOT a.attisdropped"
			" WHERE n.nspname = current_schema() AND r.relkind IN ('r', 'p')"
			" AND (a.attname IS NOT NULL OR r.relname LIKE '\\_dropped\\_%')");
	struct pg_name *list = md_arena_alloc(pg->arena, (rows.count + 1) * sizeof(*list));

	pg->work->failed = pg->work->failed || !list;
	for (unsigned i = 0; list && i < rows.count; i++)
		list[i] = (struct pg_name){ rows.items[i][0],
					    *rows.items[i][1] ? rows.items[i][1] : NULL };
	pg->live.kept = list;
	pg->live.kept_count = list ? rows.count : 0;
}

void pg_live_read(struct pg *pg)
{
	if (!pg->work->request->live)
		return;
	pg->live.known = true;
	read_constraints(pg);
	read_sequences(pg);
	read_kept(pg);
}

/* --- looking up --------------------------------------------------------------------------------
 */

bool pg_live_kept(const struct pg *pg, const char *table, const char *column)
{
	for (unsigned i = 0; i < pg->live.kept_count; i++) {
		const struct pg_name *kept = &pg->live.kept[i];

		if (strcmp(kept->table, table) == 0 &&
		    (!column || (kept->column && strcmp(kept->column, column) == 0)))
			return true;
	}
	return false;
}

bool pg_live_constraint(const struct pg *pg, const char *table, const char *name, char type)
{
	for (unsigned i = 0; i < pg->live.constraint_count; i++) {
		const struct pg_constraint *found = &pg->live.constraints[i];

		if (found->type == type && strcmp(found->name, name) == 0 &&
		    strcmp(found->table, table) == 0)
			return true;
	}
	return false;
}

const char *pg_live_sequence(const struct pg *pg, const char *table, const char *column)
{
	for (unsigned i = 0; i < pg->live.sequence_count; i++)
		if (strcmp(pg->live.sequences[i].table, table) == 0 &&
		    strcmp(pg->live.sequences[i].column, column) == 0)
			return pg->live.sequences[i].name;
	return NULL;
}

static bool same_columns(const struct md_catalog_table *table, const unsigned *columns,
			 unsigned count, const struct md_def_index *index)
{
	if (count != index->count)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (strcmp(table->columns[columns[i]].name,
			   md_def_column(index->columns[i].field)) != 0)
			return false;
	return true;
}

static const char *named_otherwise(const struct md_catalog_table *live,
				   const struct md_def_index *index)
{
	bool partial = md_ddl_own_sql(&md_postgres_ddl, &index->where);

	for (unsigned i = 0; index->unique && !partial && i < live->key_count; i++)
		if (!live->keys[i].primary &&
		    same_columns(live, live->keys[i].columns, live->keys[i].count, index))
			return live->keys[i].name;
	for (unsigned i = 0; i < live->index_count; i++) {
		const struct md_catalog_index *found = &live->indexes[i];

		if (found->name && found->whole && found->unique == index->unique &&
		    found->partial == partial &&
		    same_columns(live, found->columns, found->count, index))
			return found->name;
	}
	return NULL;
}

const char *pg_live_index(struct pg *pg, const struct pg_table *table,
			  const struct md_def_index *index)
{
	const struct md_catalog_table *live = table->live;
	const char *other;

	(void)pg;
	if (!live)
		return index->name;
	for (unsigned i = 0; i < live->index_count; i++)
		if (live->indexes[i].name && strcmp(live->indexes[i].name, index->name) == 0)
			return index->name;
	other = named_otherwise(live, index);
	return other ? other : index->name;
}

const char *pg_live_primary_key(const struct pg_table *table, const char *name)
{
	const struct md_catalog_table *live = table->live;

	return live && live->key_count > 0 && live->keys[0].primary ? live->keys[0].name : name;
}

static bool same_key(const struct md_catalog_table *live,
		     const struct md_catalog_foreign_key *found,
		     const struct md_def_foreign_key *key)
{
	if (found->count != key->count || strcmp(found->target, key->to->table) != 0)
		return false;
	for (unsigned i = 0; i < key->count; i++)
		if (strcmp(live->columns[found->columns[i]].name, md_def_column(key->fields[i])) !=
		    0)
			return false;
	return true;
}

const char *pg_live_foreign_key(const struct pg_table *table, const struct md_def_foreign_key *key)
{
	const struct md_catalog_table *live = table->live;
	const char *other = key->name;

	for (unsigned i = 0; live && i < live->foreign_key_count; i++) {
		const struct md_catalog_foreign_key *found = &live->foreign_keys[i];

		if (strcmp(found->name, key->name) == 0)
			return key->name;
		if (same_key(live, found, key))
			other = found->name;
	}
	return other;
}

/* --- who holds on to a column ------------------------------------------------------------------
 */

#define DEPENDENTS                                                                                \
	"SELECT DISTINCT CASE WHEN w.oid IS NOT NULL THEN"                                        \
	" 'view ' || w.ev_class::regclass::text"                                                  \
	" ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END"                 \
	" FROM pg_catalog.pg_depend d LEFT JOIN pg_catalog.pg_rewrite w"                          \
	" ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND w.oid = d.objid"                   \
	" WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = to_regclass(%s)"  \
	" AND d.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_policy'::regclass," \
	" 'pg_catalog.pg_trigger'::regclass)"                                                     \
	" AND d.deptype IN ('n', 'a') AND %s ORDER BY 1 LIMIT 10"

void pg_live_dependents(struct pg *pg, const struct pg_table *table, const char *column,
			const char *doing)
{
	const char *which = "d.classid = 'pg_catalog.pg_rewrite'::regclass", *list = "";
	const char *name = pg_literal(pg, pg_name(pg, table->was));
	struct rows rows;

	if (!pg->live.known)
		return;
	if (column)
		which = pg_text(pg,
				"d.refobjsubid = (SELECT attnum FROM pg_catalog.pg_attribute"
				" WHERE attrelid = to_regclass(%s) AND attname = %s)",
				name, pg_literal(pg, column));
	rows = ask(pg, pg_text(pg, DEPENDENTS, name, which));
	for (unsigned i = 0; i < rows.count; i++)
		list = pg_text(pg, "%s%s%s", list, i > 0 ? ", " : "", rows.items[i][0]);
	if (rows.count > 0)
		pg_fail(pg, MD_INVALID, "2BP01",
			"drop it by an operation \"sql\" before the change and make it again "
			"behind it",
			"%s %s%s%s is not possible: %s would have to go", doing, table->was,
			column ? "." : "", column ? column : "", list);
}
