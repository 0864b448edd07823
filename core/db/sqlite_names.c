/* PostgreSQL's automatic names of constraints, for those that SQLite leaves without one: table and
 * columns joined by "_", cut so that the name fits into 63 bytes, a number when it is taken. */
#include "core/db/sqlite_catalog.h"

#include <stdio.h>
#include <string.h>

#include "core/base/banned.h"

enum { NAME_MAX_BYTES = 63 };

/* Cut `len` bytes of `text` at a character. */
static size_t clip(const char *text, size_t len)
{
	while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
		len--;
	return len;
}

/* As makeObjectName() of PostgreSQL: the longer of table and columns is cut first. */
static void compose(char *out, size_t size, const char *table, const char *columns,
		    const char *label)
{
	size_t room = NAME_MAX_BYTES - strlen(label) - 1 - (*columns ? 1 : 0);
	size_t table_len = strlen(table), columns_len = strlen(columns);

	while (table_len + columns_len > room)
		(*(table_len > columns_len ? &table_len : &columns_len))--;
	if (table[table_len])
		table_len = clip(table, table_len);
	if (columns[columns_len])
		columns_len = clip(columns, columns_len);
	snprintf(out, size, "%.*s%s%.*s_%s", (int)table_len, table, *columns ? "_" : "",
		 (int)columns_len, columns, label);
}

static void join_columns(char *out, size_t size, const struct md_sqlite_table *table,
			 const unsigned *columns, unsigned count)
{
	size_t len = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < count && len + 1 < size; i++) {
		snprintf(out + len, size - len, "%s%s", i > 0 ? "_" : "",
			 table->out.columns[columns[i]].name);
		len += strlen(out + len);
	}
}

static const char *choose(struct md_sqlite_survey *survey, const char *table, const char *columns,
			  const char *kind)
{
	char name[NAME_MAX_BYTES + 1], label[24];
	struct md_str kept;

	snprintf(label, sizeof(label), "%s", kind);
	for (unsigned n = 1;; n++) {
		compose(name, sizeof(name), table, columns, label);
		if (!md_map_get(survey->taken, md_str_of(name)))
			break;
		snprintf(label, sizeof(label), "%s%u", kind, n);
	}
	kept = md_arena_str(survey->arena, md_str_of(name));
	if (!kept.ptr || !md_map_set(survey->taken, kept, survey))
		return NULL;
	return kept.ptr;
}

static bool name_keys(struct md_sqlite_survey *survey, struct md_sqlite_table *table)
{
	struct md_catalog_key *keys = table->keys.items;
	char columns[256];

	for (unsigned i = 0; i < table->keys.count; i++) {
		if (keys[i].name)
			continue;
		columns[0] = '\0';
		if (!keys[i].primary)
			join_columns(columns, sizeof(columns), table, keys[i].columns,
				     keys[i].count);
		keys[i].name =
			choose(survey, table->out.name, columns, keys[i].primary ? "pkey" : "key");
		if (!keys[i].name)
			return false;
	}
	return true;
}

static bool name_foreign_keys(struct md_sqlite_survey *survey, struct md_sqlite_table *table)
{
	struct md_catalog_foreign_key *keys = table->foreign_keys.items;
	char columns[256];

	for (unsigned i = 0; i < table->foreign_keys.count; i++) {
		if (keys[i].name)
			continue;
		join_columns(columns, sizeof(columns), table, keys[i].columns, keys[i].count);
		keys[i].name = choose(survey, table->out.name, columns, "fkey");
		if (!keys[i].name)
			return false;
	}
	return true;
}

/* The columns that the expression names, as far as they are the table's. PostgreSQL puts one into
 * the name, but not several. */
static const char *only_column(const struct md_sqlite_table *table,
			       const struct md_ddl_constraint *check)
{
	unsigned only = MD_SQLITE_NO_PLACE;

	for (unsigned i = 0; i < check->count; i++) {
		unsigned place = md_sqlite_column_named(table, check->columns[i]);

		if (place == MD_SQLITE_NO_PLACE || place == only)
			continue;
		if (only != MD_SQLITE_NO_PLACE)
			return "";
		only = place;
	}
	return only == MD_SQLITE_NO_PLACE ? "" : table->out.columns[only].name;
}

/* The checks stand in the order of the constraints. */
static bool name_checks(struct md_sqlite_survey *survey, struct md_sqlite_table *table)
{
	struct md_catalog_check *check = table->checks.items;

	for (struct md_ddl_constraint *c = table->constraints; c; c = c->next) {
		if (c->kind != MD_DDL_CHECK || !c->expression)
			continue;
		if (!check->name)
			check->name =
				choose(survey, table->out.name, only_column(table, c), "check");
		if (!check->name)
			return false;
		check++;
	}
	return true;
}

static bool take_given(struct md_sqlite_survey *survey, const struct md_sqlite_table *table)
{
	const struct md_catalog_key *keys = table->keys.items;
	const struct md_catalog_foreign_key *foreign = table->foreign_keys.items;
	const struct md_catalog_check *checks = table->checks.items;
	bool ok = md_map_set(survey->taken, md_str_of(table->out.name), survey);

	for (unsigned i = 0; ok && i < table->keys.count; i++)
		ok = !keys[i].name || md_map_set(survey->taken, md_str_of(keys[i].name), survey);
	for (unsigned i = 0; ok && i < table->foreign_keys.count; i++)
		ok = !foreign[i].name ||
		     md_map_set(survey->taken, md_str_of(foreign[i].name), survey);
	for (unsigned i = 0; ok && i < table->checks.count; i++)
		ok = !checks[i].name ||
		     md_map_set(survey->taken, md_str_of(checks[i].name), survey);
	return ok;
}

enum md_code md_sqlite_name_constraints(struct md_sqlite_survey *survey)
{
	struct md_sqlite_table *tables = survey->tables.items;
	bool ok = true;

	/* Names that the database gives come first, whatever the order of the tables. */
	for (unsigned i = 0; ok && i < survey->tables.count; i++)
		ok = take_given(survey, &tables[i]);
	for (unsigned i = 0; ok && i < survey->tables.count; i++)
		ok = name_keys(survey, &tables[i]) && name_foreign_keys(survey, &tables[i]) &&
		     name_checks(survey, &tables[i]);
	return ok ? MD_OK : md_fail_nomem(survey->err);
}
