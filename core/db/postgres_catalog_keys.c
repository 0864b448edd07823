/* What constraints and indexes say: keys, foreign keys, checks, and what serves an order. */
#include <stdlib.h>
#include <string.h>

#include "core/db/postgres_catalog.h"

#include "core/base/banned.h"

/* One answer, and the table that its present row belongs to; rows of one table stand together. */
struct walk {
	struct md_pg_survey *survey;
	const PGresult *result;
	struct md_pg_table *table;
	int row;
	bool first; /* row of its table */
};

/* The table of the present row, from its first column. False: neither served nor a base. */
static bool step(struct walk *walk)
{
	unsigned id = md_pg_cell_id(walk->result, walk->row, 0);

	walk->first = !walk->table || walk->table->id != id;
	if (walk->first)
		walk->table = md_pg_survey_any(walk->survey, id);
	return walk->table;
}

enum scope { SERVED, BASES };

static enum md_code read_with(struct md_pg_survey *survey, enum scope scope, const char *sql,
			      bool (*keep)(struct walk *walk, unsigned rows))
{
	struct walk walk = { .survey = survey };
	PGresult *result;
	enum md_code code = scope == SERVED ? md_pg_survey_ask(survey, sql, &result)
					    : md_pg_survey_ask_bases(survey, sql, &result);

	if (code != MD_OK)
		return code;
	walk.result = result;
	if (!keep(&walk, (unsigned)PQntuples(result)))
		code = md_pg_survey_nomem(survey);
	PQclear(result);
	return code;
}

/* The bracket that closes the one at `text`, quoted texts and names aside. */
static const char *closing(const char *text)
{
	unsigned depth = 0;
	char quote = '\0';

	for (; *text; text++) {
		if (quote)
			quote = *text == quote ? '\0' : quote;
		else if (*text == '\'' || *text == '"')
			quote = *text;
		else if (*text == '(')
			depth++;
		else if (*text == ')' && --depth == 0)
			return text;
	}
	return NULL;
}

/* An expression without the brackets around all of it; NULL for NULL. False: no memory. */
static bool keep_unbracketed(struct md_pg_survey *survey, const PGresult *result, int row,
			     int column, const char **ret_text)
{
	const char *text = md_pg_cell(result, row, column);
	size_t len = strlen(text);

	*ret_text = NULL;
	if (PQgetisnull(result, row, column))
		return true;
	if (*text == '(' && closing(text) == text + len - 1) {
		text++;
		len -= 2;
	}
	*ret_text = md_arena_strndup(survey->arena, text, len);
	return *ret_text;
}

/* --- indexes and keys --------------------------------------------------------------------------
 */

enum {
	I_TABLE,
	I_NAME,
	I_UNIQUE,
	I_PRIMARY,
	I_PLAIN, /* all rows, and an order that ORDER BY asks for */
	I_WHOLE, /* all rows */
	I_COUNT, /* of key columns; those that are only included stand behind */
	I_COLUMNS,
	I_COLLATIONS,
	I_CONSTRAINT,
	I_PREDICATE
};

/* Those of keys first, so that keys stand in the order of their making. */
#define INDEXES_OF(tables)                                                                        \
	"SELECT i.indrelid, ic.relname, i.indisunique, i.indisprimary,"                           \
	" i.indpred IS NULL AND m.amname = 'btree' AND"                                           \
	" (SELECT bool_and(o.opcdefault) FROM pg_opclass o WHERE o.oid = ANY (i.indclass)),"      \
	" i.indpred IS NULL, i.indnkeyatts, i.indkey, i.indcollation, n.conname,"                 \
	" pg_get_expr(i.indpred, i.indrelid)"                                                     \
	" FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid"                                  \
	" JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am m ON m.oid = ic.relam"             \
	" LEFT JOIN pg_constraint n ON n.conindid = i.indexrelid AND n.conrelid = i.indrelid AND" \
	" n.contype IN ('p', 'u', 'x')"                                                           \
	" WHERE " tables " AND i.indislive AND i.indisvalid"                                      \
	" ORDER BY i.indrelid, i.indisprimary DESC, n.oid, i.indexrelid"

/* Columns whose own collation the index sorts by. */
static unsigned sorted_columns(const struct md_pg_table *table, const unsigned *places,
			       unsigned count, const char *collations)
{
	for (unsigned i = 0; i < count; i++) {
		char *end;
		unsigned collation = (unsigned)strtoul(collations, &end, 10);

		if (collation != table->collations[places[i]])
			return i;
		collations = end;
	}
	return count;
}

struct lists {
	struct md_catalog_index *indexes;
	struct md_catalog_key *keys;
	unsigned index_count, key_count;
};

static bool add_index(struct walk *walk, struct lists *lists)
{
	const PGresult *result = walk->result;
	int row = walk->row;
	struct md_catalog_table *out = walk->table->out;
	struct md_catalog_index *index = &lists->indexes[lists->index_count];
	unsigned keys = md_pg_cell_id(result, row, I_COUNT);
	bool plain = md_pg_cell_true(result, row, I_PLAIN);
	bool everywhere = md_pg_cell_true(result, row, I_WHOLE), made_by_key;
	const unsigned *places;
	unsigned count = md_pg_survey_places(walk->survey, walk->table,
					     md_pg_cell(result, row, I_COLUMNS), &places);
	struct md_catalog_key *key = &lists->keys[lists->key_count];

	if (!places)
		return false;
	count = count < keys ? count : keys;
	index->columns = places;
	index->unique = md_pg_cell_true(result, row, I_UNIQUE);
	index->whole = count == keys;
	index->partial = !plain;
	index->count = plain ? sorted_columns(walk->table, places, count,
					      md_pg_cell(result, row, I_COLLATIONS))
			     : count;
	if (out->index_count++ == 0)
		out->indexes = index;
	lists->index_count++;
	if (!keep_unbracketed(walk->survey, result, row, I_PREDICATE, &index->predicate))
		return false;
	made_by_key = index->unique && everywhere && count == keys;
	if (PQgetisnull(result, row, I_CONSTRAINT) &&
	    !md_pg_cell_keep(walk->survey, result, row, I_NAME, &index->name))
		return false;
	if (!made_by_key)
		return true;
	key->primary = md_pg_cell_true(result, row, I_PRIMARY);
	key->columns = places;
	key->count = count;
	if (out->key_count++ == 0)
		out->keys = key;
	lists->key_count++;
	return md_pg_cell_keep(walk->survey, result, row,
			       PQgetisnull(result, row, I_CONSTRAINT) ? I_NAME : I_CONSTRAINT,
			       &key->name);
}

static bool keep_indexes(struct walk *walk, unsigned rows)
{
	struct md_arena *arena = walk->survey->arena;
	struct lists lists = {
		.indexes = md_arena_zalloc(arena, rows * sizeof(*lists.indexes)),
		.keys = md_arena_zalloc(arena, rows * sizeof(*lists.keys)),
	};

	if (!lists.indexes || !lists.keys)
		return false;
	for (; walk->row < (int)rows; walk->row++)
		if (step(walk) && !add_index(walk, &lists))
			return false;
	return true;
}

/* --- foreign keys ------------------------------------------------------------------------------
 */

enum {
	F_TABLE,
	F_NAME,
	F_TARGET,
	F_COLUMNS,
	F_TARGETS,
	F_DELETE,
	F_UPDATE,
	F_DEFERRABLE,
	F_DEFERRED
};

/* Those that partitions inherit, or that stand for the partitions of a target, have a parent. */
#define FOREIGN_KEYS_OF(tables)                                                          \
	"SELECT n.conrelid, n.conname, n.confrelid, n.conkey, n.confkey, n.confdeltype," \
	" n.confupdtype, n.condeferrable, n.condeferred"                                 \
	" FROM pg_class c JOIN pg_constraint n ON n.conrelid = c.oid"                    \
	" WHERE " tables " AND n.contype = 'f' AND n.conparentid = 0"                    \
	" ORDER BY n.conrelid, n.oid"

static enum md_fk_action action_of(char letter)
{
	static const struct {
		char letter;
		enum md_fk_action action;
	} actions[] = { { 'r', MD_FK_RESTRICT },
			{ 'c', MD_FK_CASCADE },
			{ 'n', MD_FK_SET_NULL },
			{ 'd', MD_FK_SET_DEFAULT } };

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (actions[i].letter == letter)
			return actions[i].action;
	return MD_FK_NO_ACTION;
}

/* Names of the target's columns. NULL: no memory. */
static const char *const *target_names(struct walk *walk, const struct md_pg_table *target,
				       unsigned count)
{
	const char **names = md_arena_alloc(walk->survey->arena, count * sizeof(*names));
	const unsigned *places;
	unsigned found = md_pg_survey_places(
		walk->survey, target, md_pg_cell(walk->result, walk->row, F_TARGETS), &places);

	if (!names || !places)
		return NULL;
	for (unsigned i = 0; i < count; i++)
		names[i] = i < found ? target->columns[places[i]].name : "";
	return names;
}

static bool read_foreign_key(struct walk *walk, const struct md_pg_table *target,
			     struct md_catalog_foreign_key *key)
{
	const PGresult *result = walk->result;
	int row = walk->row;

	key->target_base = target->base;
	key->count = md_pg_survey_places(walk->survey, walk->table,
					 md_pg_cell(result, row, F_COLUMNS), &key->columns);
	if (!key->columns || !md_pg_cell_keep(walk->survey, result, row, F_NAME, &key->name))
		return false;
	key->target = target->out->name;
	key->target_columns = target_names(walk, target, key->count);
	key->on_delete = action_of(*md_pg_cell(result, row, F_DELETE));
	key->on_update = action_of(*md_pg_cell(result, row, F_UPDATE));
	key->deferrable = md_pg_cell_true(result, row, F_DEFERRABLE);
	key->deferred = md_pg_cell_true(result, row, F_DEFERRED);
	return key->target_columns;
}

/* A key of what is served to a base is none of the schema's own: it has a list apart. */
struct foreign_lists {
	struct md_catalog_foreign_key *inside, *outside;
	unsigned inside_count, outside_count;
};

static bool add_foreign_key(struct walk *walk, struct foreign_lists *lists)
{
	struct md_catalog_table *out = walk->table->out;
	const struct md_pg_table *target =
		md_pg_survey_any(walk->survey, md_pg_cell_id(walk->result, walk->row, F_TARGET));
	struct md_catalog_foreign_key *key;

	if (!target)
		return true;
	if (target->base > 0 && walk->table->base == 0) {
		key = &lists->outside[lists->outside_count++];
		if (out->outside_count++ == 0)
			out->outside = key;
	} else {
		key = &lists->inside[lists->inside_count++];
		if (out->foreign_key_count++ == 0)
			out->foreign_keys = key;
	}
	return read_foreign_key(walk, target, key);
}

static bool keep_foreign_keys(struct walk *walk, unsigned rows)
{
	struct md_arena *arena = walk->survey->arena;
	unsigned outside = walk->survey->base_count > 0 ? rows : 0;
	struct foreign_lists lists = {
		.inside = md_arena_zalloc(arena, rows * sizeof(*lists.inside)),
		.outside = md_arena_zalloc(arena, outside * sizeof(*lists.outside)),
	};

	if (!lists.inside || !lists.outside)
		return false;
	for (; walk->row < (int)rows; walk->row++)
		if (step(walk) && !add_foreign_key(walk, &lists))
			return false;
	return true;
}

/* --- checks ------------------------------------------------------------------------------------
 */

static const char checks_question[] =
	"SELECT n.conrelid, n.conname, pg_get_expr(n.conbin, n.conrelid)"
	" FROM pg_class c JOIN pg_constraint n ON n.conrelid = c.oid"
	" WHERE " MD_PG_SERVED " AND n.contype = 'c' ORDER BY n.conrelid, n.oid";

static bool keep_check(struct walk *walk, struct md_catalog_check *check)
{
	struct md_catalog_table *out = walk->table->out;

	if (out->check_count++ == 0)
		out->checks = check;
	return md_pg_cell_keep(walk->survey, walk->result, walk->row, 1, &check->name) &&
	       keep_unbracketed(walk->survey, walk->result, walk->row, 2, &check->expression);
}

static bool keep_checks(struct walk *walk, unsigned rows)
{
	struct md_catalog_check *checks =
		md_arena_zalloc(walk->survey->arena, rows * sizeof(*checks));
	unsigned count = 0;

	if (!checks)
		return false;
	for (; walk->row < (int)rows; walk->row++)
		if (step(walk) && !keep_check(walk, &checks[count++]))
			return false;
	return true;
}

enum md_code md_pg_read_constraints(struct md_pg_survey *survey)
{
	static const struct {
		enum scope scope;
		const char *question;
		bool (*keep)(struct walk *walk, unsigned rows);
	} steps[] = {
		{ SERVED, INDEXES_OF(MD_PG_SERVED), keep_indexes },
		{ BASES, INDEXES_OF(MD_PG_BASES), keep_indexes },
		{ SERVED, FOREIGN_KEYS_OF(MD_PG_SERVED), keep_foreign_keys },
		{ BASES, FOREIGN_KEYS_OF(MD_PG_BASES), keep_foreign_keys },
		{ SERVED, checks_question, keep_checks },
	};
	enum md_code code = MD_OK;

	for (size_t i = 0; code == MD_OK && i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i].scope == SERVED || survey->base_count > 0)
			code = read_with(survey, steps[i].scope, steps[i].question, steps[i].keep);
	return code;
}
