/* Introspection: what a schema of a PostgreSQL database contains, by pg_catalog, with a handful of
 * questions whatever the number of tables. */
#include "core/db/postgres_catalog.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/banned.h"

/* --- cells and places --------------------------------------------------------------------------
 */

const char *md_pg_cell(const PGresult *result, int row, int column)
{
	return PQgetvalue(result, row, column);
}

unsigned md_pg_cell_id(const PGresult *result, int row, int column)
{
	return (unsigned)strtoul(PQgetvalue(result, row, column), NULL, 10);
}

bool md_pg_cell_true(const PGresult *result, int row, int column)
{
	return *PQgetvalue(result, row, column) == 't';
}

bool md_pg_cell_keep(struct md_pg_survey *survey, const PGresult *result, int row, int column,
		     const char **ret_text)
{
	*ret_text = NULL;
	if (PQgetisnull(result, row, column))
		return true;
	*ret_text = md_arena_strndup(survey->arena, PQgetvalue(result, row, column),
				     (size_t)PQgetlength(result, row, column));
	return *ret_text;
}

enum md_code md_pg_survey_nomem(struct md_pg_survey *survey)
{
	return md_fail_nomem(survey->err);
}

enum md_code md_pg_survey_ask(struct md_pg_survey *survey, const char *sql, PGresult **ret_result)
{
	const struct md_pg_question question = { sql, &survey->schema_id, 1 };

	return md_pg_ask(survey->pg, &question, ret_result, survey->err);
}

enum md_code md_pg_survey_ask_bases(struct md_pg_survey *survey, const char *sql,
				    PGresult **ret_result)
{
	const struct md_pg_question question = { sql, &survey->base_ids, 1 };

	return md_pg_ask(survey->pg, &question, ret_result, survey->err);
}

struct md_pg_table *md_pg_survey_table(const struct md_pg_survey *survey, unsigned id)
{
	unsigned low = 0, high = survey->count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (survey->tables[middle].id == id)
			return &survey->tables[middle];
		if (survey->tables[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

unsigned md_pg_survey_place(const struct md_pg_table *table, int number)
{
	unsigned low = 0, high = table->out->column_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (table->numbers[middle] == number)
			return middle;
		if (table->numbers[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return MD_PG_NO_PLACE;
}

unsigned md_pg_survey_places(struct md_pg_survey *survey, const struct md_pg_table *table,
			     const char *numbers, const unsigned **ret_places)
{
	unsigned room = 1, count = 0;
	unsigned *places;

	for (const char *p = numbers; *p; p++)
		room += *p == ' ' || *p == ',';
	places = md_arena_alloc(survey->arena, room * sizeof(*places));
	*ret_places = places;
	for (const char *p = numbers; places && *p; count++) {
		char *end;

		p += strspn(p, "{, ");
		places[count] = md_pg_survey_place(table, (int)strtol(p, &end, 10));
		if (end == p || places[count] == MD_PG_NO_PLACE)
			break;
		p = end + strspn(end, "} ,");
	}
	return count;
}

/* --- tables ------------------------------------------------------------------------------------
 */

enum { T_ID, T_NAME, T_KIND, T_ROWS, T_EVENTS, T_COMMENT };

/* A foreign table whose wrapper has no code behind it cannot be asked. */
#define IS_REACHABLE                                                                            \
	"EXISTS (SELECT FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver" \
	" JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw"                                   \
	" WHERE f.ftrelid = c.oid AND w.fdwhandler <> 0)"

/* What can be done with views and foreign tables, INSTEAD OF triggers included, as bits 1 <<
 * CmdType.
 */
static const char tables_question[] =
	"SELECT c.oid, c.relname, c.relkind,"
	" CASE WHEN c.relkind = 'v' OR (c.reltuples = 0 AND c.relpages = 0) THEN -1"
	" ELSE c.reltuples END,"
	" CASE WHEN c.relkind = 'm' THEN 0 WHEN c.relkind = 'v' OR c.relkind = 'f' "
	"AND " IS_REACHABLE
	" THEN pg_relation_is_updatable(c.oid, true) WHEN c.relkind = 'f' THEN 0 ELSE 28 END,"
	" d.description"
	" FROM pg_class c LEFT JOIN pg_description d ON d.objoid = c.oid AND d.objsubid = 0 AND"
	" d.classoid = 'pg_class'::regclass"
	" WHERE " MD_PG_SERVED " ORDER BY c.relname COLLATE \"C\"";

enum { CAN_UPDATE = 1 << 2, CAN_INSERT = 1 << 3, CAN_DELETE = 1 << 4 };

static bool read_table(struct md_pg_survey *survey, const PGresult *result, unsigned i)
{
	struct md_catalog_table *out = &survey->out[i];
	struct md_pg_table *table = &survey->tables[i];
	unsigned events = md_pg_cell_id(result, (int)i, T_EVENTS);

	table->id = md_pg_cell_id(result, (int)i, T_ID);
	table->kind = *md_pg_cell(result, (int)i, T_KIND);
	table->out = out;
	out->schema = survey->schema;
	out->kind = table->kind == 'v' || table->kind == 'm' ? MD_REL_VIEW : MD_REL_TABLE;
	out->insertable = events & CAN_INSERT;
	out->updatable = events & CAN_UPDATE;
	out->deletable = events & CAN_DELETE;
	out->rows_estimate = -1;
	md_str_to_double(md_str_of(md_pg_cell(result, (int)i, T_ROWS)), &out->rows_estimate);
	return md_pg_cell_keep(survey, result, (int)i, T_NAME, &out->name) &&
	       md_pg_cell_keep(survey, result, (int)i, T_COMMENT, &out->comment);
}

static int by_id(const void *a, const void *b)
{
	unsigned left = ((const struct md_pg_table *)a)->id;
	unsigned right = ((const struct md_pg_table *)b)->id;

	return (left > right) - (left < right);
}

static enum md_code read_tables(struct md_pg_survey *survey)
{
	PGresult *result;
	enum md_code code = md_pg_survey_ask(survey, tables_question, &result);

	if (code != MD_OK)
		return code;
	survey->count = (unsigned)PQntuples(result);
	survey->out = md_arena_zalloc(survey->arena, survey->count * sizeof(*survey->out));
	survey->tables = md_arena_zalloc(survey->arena, survey->count * sizeof(*survey->tables));
	if (!survey->out || !survey->tables)
		code = md_pg_survey_nomem(survey);
	for (unsigned i = 0; code == MD_OK && i < survey->count; i++)
		if (!read_table(survey, result, i))
			code = md_pg_survey_nomem(survey);
	if (code == MD_OK && survey->count > 0)
		qsort(survey->tables, survey->count, sizeof(*survey->tables), by_id);
	PQclear(result);
	return code;
}

/* --- columns -----------------------------------------------------------------------------------
 */

enum {
	C_TABLE,
	C_NUMBER,
	C_NAME,
	C_TYPE,
	C_MODIFIER,
	C_DECLARED,
	C_NOT_NULL,
	C_GENERATED,
	C_IDENTITY,
	C_DEFAULT,
	C_DEFAULT_OF_TYPE,
	C_COLLATION,
	C_COLLATION_NAME,
	C_COMMENT
};

static const char columns_question[] =
	"SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod,"
	" format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated <> '', a.attidentity,"
	" coalesce(pg_get_expr(e.adbin, e.adrelid), CASE WHEN a.attidentity = '' THEN"
	" pg_get_expr(t.typdefaultbin, 0) END), e.adbin IS NULL AND t.typdefaultbin IS NOT NULL,"
	" a.attcollation, o.collname, d.description"
	" FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
	" JOIN pg_type t ON t.oid = a.atttypid"
	" LEFT JOIN pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum"
	" LEFT JOIN pg_collation o ON o.oid = a.attcollation"
	" LEFT JOIN pg_description d ON d.objoid = a.attrelid AND d.objsubid = a.attnum AND"
	" d.classoid = 'pg_class'::regclass"
	" WHERE " MD_PG_SERVED " AND a.attnum > 0 AND NOT a.attisdropped"
	" ORDER BY a.attrelid, a.attnum";

struct columns {
	const PGresult *result;
	struct md_catalog_column *items;
	int *numbers;
	unsigned *collations;
	unsigned count;
};

static const char *collation_of(const struct md_pg_survey *survey, const char *name)
{
	static const char *const bytewise[] = { "", "C", "POSIX", "ucs_basic" };

	for (size_t i = 0; i < sizeof(bytewise) / sizeof(bytewise[0]); i++)
		if (strcmp(name, bytewise[i]) == 0)
			return NULL;
	return survey->bytewise && strcmp(name, "default") == 0 ? NULL : name;
}

static bool read_column(struct md_pg_survey *survey, struct columns *columns, unsigned i)
{
	const PGresult *result = columns->result;
	struct md_catalog_column *column = &columns->items[i];
	char identity = *md_pg_cell(result, (int)i, C_IDENTITY);
	int modifier = (int)strtol(md_pg_cell(result, (int)i, C_MODIFIER), NULL, 10);

	columns->numbers[i] = (int)md_pg_cell_id(result, (int)i, C_NUMBER);
	columns->collations[i] = md_pg_cell_id(result, (int)i, C_COLLATION);
	column->nullable = !md_pg_cell_true(result, (int)i, C_NOT_NULL);
	column->generated = md_pg_cell_true(result, (int)i, C_GENERATED);
	column->always = identity == 'a';
	column->fallback_of_type = md_pg_cell_true(result, (int)i, C_DEFAULT_OF_TYPE);
	column->identity = identity != '\0' ||
			   md_str_starts_with(md_str_of(md_pg_cell(result, (int)i, C_DEFAULT)),
					      MD_STR("nextval("));
	if (collation_of(survey, md_pg_cell(result, (int)i, C_COLLATION_NAME)) &&
	    !md_pg_cell_keep(survey, result, (int)i, C_COLLATION_NAME, &column->collation))
		return false;
	if (!column->generated &&
	    !md_pg_cell_keep(survey, result, (int)i, C_DEFAULT, &column->fallback))
		return false;
	md_pg_describe_type(survey, md_pg_cell_id(result, (int)i, C_TYPE), modifier, column);
	return md_pg_cell_keep(survey, result, (int)i, C_NAME, &column->name) &&
	       md_pg_cell_keep(survey, result, (int)i, C_DECLARED, &column->declared) &&
	       md_pg_cell_keep(survey, result, (int)i, C_COMMENT, &column->comment);
}

/* Rows of one table stand together. */
static bool hand_out_columns(struct md_pg_survey *survey, struct columns *columns)
{
	struct md_pg_table *table = NULL;

	for (unsigned i = 0; i < columns->count; i++) {
		unsigned id = md_pg_cell_id(columns->result, (int)i, C_TABLE);

		if (!read_column(survey, columns, i))
			return false;
		if (!table || table->id != id) {
			table = md_pg_survey_table(survey, id);
			if (!table)
				continue;
			table->out->columns = table->columns = &columns->items[i];
			table->numbers = &columns->numbers[i];
			table->collations = &columns->collations[i];
		}
		table->out->column_count++;
	}
	return true;
}

static enum md_code read_columns(struct md_pg_survey *survey)
{
	struct columns columns = { .count = 0 };
	PGresult *result;
	enum md_code code = md_pg_survey_ask(survey, columns_question, &result);
	size_t count;

	if (code != MD_OK)
		return code;
	count = (size_t)PQntuples(result);
	columns = (struct columns){
		.result = result,
		.items = md_arena_zalloc(survey->arena, count * sizeof(*columns.items)),
		.numbers = md_arena_alloc(survey->arena, count * sizeof(*columns.numbers)),
		.collations = md_arena_alloc(survey->arena, count * sizeof(*columns.collations)),
		.count = (unsigned)count,
	};
	if (!columns.items || !columns.numbers || !columns.collations ||
	    !hand_out_columns(survey, &columns))
		code = md_pg_survey_nomem(survey);
	PQclear(result);
	return code;
}

/* --- the whole ---------------------------------------------------------------------------------
 */

/* Of the session, before its path of schemas is emptied. */
static const char schema_question[] =
	"SELECT n.oid, n.nspname, d.datcollate IN ('C', 'POSIX') AND"
	" coalesce(to_jsonb(d)->>'datlocprovider', 'c') <> 'i'"
	" FROM pg_catalog.pg_namespace n, pg_catalog.pg_database d"
	" WHERE d.datname = pg_catalog.current_database()"
	" AND n.nspname = coalesce($1, pg_catalog.current_schema(), 'public')";

static enum md_code find_schema(struct md_pg_survey *survey)
{
	const char *wanted = survey->pg->schema;
	const struct md_pg_question question = { schema_question, &wanted, 1 };
	PGresult *result;
	enum md_code code = md_pg_ask(survey->pg, &question, &result, survey->err);

	if (code != MD_OK)
		return code;
	if (PQntuples(result) == 0) {
		code = md_fail(survey->err, MD_INVALID, "3F000", "the schema \"%s\" does not exist",
			       wanted ? wanted : "public");
		md_error_hint(survey->err, "Create it, or name another in db_schemas.");
	} else if (!md_pg_cell_keep(survey, result, 0, 0, &survey->schema_id) ||
		   !md_pg_cell_keep(survey, result, 0, 1, &survey->schema)) {
		code = md_pg_survey_nomem(survey);
	} else {
		survey->bytewise = md_pg_cell_true(result, 0, 2);
	}
	PQclear(result);
	return code;
}

/* Limits of roles and databases are not for superusers, nor are the places kept for them. */
static enum md_code read_room(struct md_pg_survey *survey)
{
	static const struct md_pg_question question = {
		.sql = "SELECT CASE WHEN r.rolsuper THEN s.places ELSE least("
		       "s.places - current_setting('superuser_reserved_connections')::int"
		       " - coalesce(current_setting('reserved_connections', true)::int, 0),"
		       " nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1)) END"
		       " FROM (SELECT current_setting('max_connections')::int AS places) AS s,"
		       " pg_catalog.pg_roles AS r, pg_catalog.pg_database AS d"
		       " WHERE r.rolname = session_user AND d.datname = current_database()"
	};
	PGresult *result;
	enum md_code code = md_pg_ask(survey->pg, &question, &result, survey->err);

	if (code != MD_OK)
		return code;
	if (PQntuples(result) > 0)
		survey->room = md_pg_cell_id(result, 0, 0);
	PQclear(result);
	return MD_OK;
}

static enum md_code read_all(struct md_pg_survey *survey)
{
	static enum md_code (*const steps[])(struct md_pg_survey *) = { read_tables,
									md_pg_read_types,
									read_columns,
									md_pg_read_views,
									md_pg_read_constraints,
									md_pg_read_rights,
									md_pg_read_functions,
									read_room };
	enum md_code code = MD_OK;

	for (size_t i = 0; code == MD_OK && i < sizeof(steps) / sizeof(steps[0]); i++)
		code = steps[i](survey);
	return code;
}

/* Names come with their schema, moments in UTC, whatever the role's settings are; plans of big
 * joins are not worth compiling. */
#define SETTINGS                                                                             \
	"SET LOCAL search_path = ''; SET LOCAL TimeZone = 'UTC'; SET LOCAL IntervalStyle = " \
	"postgres;"                                                                          \
	" SET LOCAL DateStyle = ISO; SET LOCAL bytea_output = hex;"                          \
	" SET LOCAL quote_all_identifiers = off; SET LOCAL jit = off"

/* In a transaction that is somebody's, what was set goes with a savepoint. */
static const struct bracket {
	const char *open, *set, *close;
} brackets[] = {
	{ "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", SETTINGS, "ROLLBACK" },
	{ "SAVEPOINT _modeld_catalog", SETTINGS,
	  "ROLLBACK TO _modeld_catalog; RELEASE _modeld_catalog" },
};

static enum md_code survey_all(struct md_pg_survey *survey, const struct md_catalog **ret_catalog)
{
	struct md_conn *conn = &survey->pg->base;
	const struct bracket *bracket =
		&brackets[PQtransactionStatus(survey->pg->db) != PQTRANS_IDLE];
	enum md_code code = md_pg_command(conn, bracket->open, survey->err), end;
	struct md_catalog *catalog;

	if (code != MD_OK)
		return code;
	code = find_schema(survey);
	if (code == MD_OK)
		code = md_pg_command(conn, bracket->set, survey->err);
	if (code == MD_OK)
		code = read_all(survey);
	end = conn->broken
		      ? MD_OK
		      : md_pg_command(conn, bracket->close, code == MD_OK ? survey->err : NULL);
	if (code == MD_OK)
		code = end;
	if (code != MD_OK)
		return code;
	catalog = md_arena_alloc(survey->arena, sizeof(*catalog));
	if (!catalog)
		return md_pg_survey_nomem(survey);
	*catalog = (struct md_catalog){ survey->out,       survey->count,
					survey->functions, survey->function_count,
					survey->bases_out, survey->base_count,
					survey->room };
	*ret_catalog = catalog;
	return MD_OK;
}

/* Its functions look things up as they are now, not as they were when the snapshot was taken: what
 * is dropped meanwhile makes them fail. */
static bool is_torn(const struct md_pg *pg, const struct md_error *err)
{
	return !pg->base.broken && strcmp(err->wire, "XX000") == 0;
}

enum md_code md_pg_catalog(struct md_conn *conn, struct md_arena *arena,
			   const struct md_catalog **ret_catalog, struct md_error *err)
{
	struct md_error why = { .code = MD_OK };
	struct md_pg_survey survey = {
		.pg = (struct md_pg *)conn,
		.arena = arena,
		.err = &why,
	};
	enum md_code code = md_pg_block(survey.pg, survey.err);

	if (code == MD_OK)
		code = survey_all(&survey, ret_catalog);
	if (code == MD_INTERNAL && is_torn(survey.pg, survey.err))
		code = survey_all(&survey, ret_catalog);
	if (code != MD_OK && err)
		*err = why;
	return code;
}
