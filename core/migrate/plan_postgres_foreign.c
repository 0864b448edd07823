/* Foreign keys: a new one holds for what is written from now on and is proved afterwards; an old
 * one goes when its place is taken, or before that when it is in the way. */
#include <string.h>

#include "core/migrate/plan_postgres_private.h"

#include "core/base/banned.h"

enum { STATEMENT_MAX = 64 * 1024 };

#define ALL "ACCESS EXCLUSIVE"

/* Why one that stays must go for a while. */
enum hindrance { NOTHING, A_TYPE, A_KEY };

static bool has_other_type(const struct pg_table *table, const struct md_def_field *field)
{
	const struct pg_column *column = table ? pg_column_of(table, field) : NULL;

	return column && column->before && column->after &&
	       (column->remade || column->type.change > PG_TYPE_LABEL);
}

static bool is_target(const struct md_def_foreign_key *key,
		      const struct md_def_field *const *fields, unsigned count)
{
	if (key->count != count)
		return false;
	for (unsigned i = 0; i < count; i++) {
		bool found = false;

		for (unsigned k = 0; k < count; k++)
			found = found || key->targets[i] == fields[k];
		if (!found)
			return false;
	}
	return true;
}

static bool is_on_index(const struct md_def_foreign_key *key, const struct md_def_index *index)
{
	const struct md_def_field *fields[MD_DEF_KEY_FIELDS];

	if (!index || !index->unique || index->count > MD_DEF_KEY_FIELDS)
		return false;
	for (unsigned i = 0; i < index->count; i++)
		fields[i] = index->columns[i].field;
	return is_target(key, fields, index->count);
}

/* Whether the unique key that the foreign key stands on goes, or is made anew. */
static bool loses_its_key(const struct pg_table *target, const struct md_def_foreign_key *key)
{
	const struct md_model_pair *pair;

	if (!target || target->created || target->restored || target->dropped)
		return false;
	pair = target->pair;
	if (pair->key_changed && is_target(key, pair->before->key, pair->before->key_count))
		return true;
	for (unsigned i = 0; i < pair->index_count; i++)
		if ((pair->indexes[i].changed || !pair->indexes[i].after) &&
		    is_on_index(key, pair->indexes[i].before))
			return true;
	return false;
}

static enum hindrance hindrance_of(const struct pg *pg, const struct pg_table *table,
				   const struct md_def_foreign_key *key)
{
	const struct pg_table *target = pg_table_of(pg, key->to);

	for (unsigned i = 0; i < key->count; i++)
		if (has_other_type(table, key->fields[i]) ||
		    has_other_type(target, key->targets[i]))
			return A_TYPE;
	return loses_its_key(target, key) ? A_KEY : NOTHING;
}

/* --- statements --------------------------------------------------------------------------------
 */

static void drop(struct pg *pg, enum pg_phase phase, const struct pg_table *table,
		 const struct md_def_foreign_key *key)
{
	const char *name = pg_live_foreign_key(table, key);
	struct md_step *step = pg_step(pg, phase, ALL, pg_object(pg, table, NULL),
				       pg_text(pg, "drop foreign key %s", name));

	pg_alter(pg, step, phase == PG_KEYS_OFF ? table->was : table->name,
		 "DROP CONSTRAINT IF EXISTS %s", pg_name(pg, name));
}

static void add(struct pg *pg, enum pg_phase phase, const struct pg_table *table,
		const struct md_def_foreign_key *key, const char *name)
{
	md_auto_buf sql = MD_BUF(STATEMENT_MAX);
	const char *object = pg_object(pg, table, NULL);
	struct md_def_foreign_key copy = *key;
	struct md_step *step;

	copy.name = name;
	md_ddl_put_foreign_key(&md_postgres_ddl, &sql, &copy);
	step = pg_step(pg, phase, "SHARE ROW EXCLUSIVE", object,
		       pg_text(pg, "add foreign key %s", key->name));
	pg_alter(pg, step, table->name, "ADD %s NOT VALID", md_plan_keep(pg->work, &sql));
	step = pg_step(
		pg, PG_KEYS_VALIDATE, "SHARE UPDATE EXCLUSIVE", object,
		pg_text(pg, "see that all rows of %s have a target for %s", object, key->name));
	pg_alter(pg, step, table->name, "VALIDATE CONSTRAINT %s", pg_name(pg, name));
	pg_long(step, table);
}

/* --- one key -----------------------------------------------------------------------------------
 */

static void replace(struct pg *pg, const struct pg_table *table, const struct md_key_pair *pair)
{
	const char *name = pair->after->name;
	bool same_name = strcmp(pg_live_foreign_key(table, pair->before), name) == 0;
	struct md_step *step;

	if (same_name)
		name = pg_temporary(pg, name);
	add(pg, PG_KEYS_ON, table, pair->after, name);
	drop(pg, PG_LAST, table, pair->before);
	if (!same_name)
		return;
	step = pg_step(pg, PG_LAST, ALL, pg_object(pg, table, NULL),
		       pg_text(pg, "put the new foreign key %s in the place of the old",
			       pair->after->name));
	pg_alter(pg, step, table->name, "RENAME CONSTRAINT %s TO %s", pg_name(pg, name),
		 pg_name(pg, pair->after->name));
}

static void keep(struct pg *pg, const struct pg_table *table, const struct md_key_pair *pair,
		 enum hindrance hindrance)
{
	const char *name = pg_live_foreign_key(table, pair->before);

	if (hindrance == NOTHING) {
		if (strcmp(name, pair->after->name) != 0)
			pg_rename(pg, table, NULL, name, pair->after->name);
		return;
	}
	drop(pg, hindrance == A_TYPE ? PG_KEYS_OFF : PG_FINISH, table, pair->before);
	add(pg, hindrance == A_TYPE ? PG_KEYS_BACK : PG_KEYS_ON, table, pair->after,
	    pair->after->name);
}

static void plan_key(struct pg *pg, const struct pg_table *table, const struct md_key_pair *pair)
{
	enum hindrance hindrance = pair->before ? hindrance_of(pg, table, pair->before) : NOTHING;

	if (!pair->after) {
		drop(pg, PG_KEYS_OFF, table, pair->before);
		return;
	}
	if (pair->before && !pair->changed) {
		keep(pg, table, pair, hindrance);
		return;
	}
	pg_ask_target(pg, table, pair->after);
	if (pair->before && hindrance == NOTHING) {
		replace(pg, table, pair);
		return;
	}
	if (pair->before)
		drop(pg, PG_KEYS_OFF, table, pair->before);
	add(pg, PG_KEYS_ON, table, pair->after, pair->after->name);
}

void pg_plan_foreign_keys(struct pg *pg, const struct pg_table *table)
{
	const struct md_model_pair *pair = table->pair;

	if (table->created)
		return;
	if (table->dropped) {
		for (unsigned i = 0; i < pair->before->foreign_key_count; i++)
			drop(pg, PG_KEYS_OFF, table, &pair->before->foreign_keys[i]);
		return;
	}
	if (table->restored) {
		for (unsigned i = 0; i < pair->after->foreign_key_count; i++) {
			pg_ask_target(pg, table, &pair->after->foreign_keys[i]);
			add(pg, PG_KEYS_ON, table, &pair->after->foreign_keys[i],
			    pair->after->foreign_keys[i].name);
		}
		return;
	}
	for (unsigned i = 0; i < pair->foreign_key_count; i++)
		plan_key(pg, table, &pair->foreign_keys[i]);
}
