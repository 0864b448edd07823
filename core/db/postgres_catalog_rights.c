/* What the role of the session, and the one that requests run as, may not do. Columns have rights
 * of their own only where somebody has given some: those few are asked for one by one. */
#include <string.h>

#include "core/db/postgres_catalog.h"

#include "core/base/banned.h"

enum { R_TABLE, R_OWN, R_WEB, R_NUMBER };

/* $2 is a name; a role that does not exist may do nothing. */
#define WEB  "(SELECT r.oid FROM pg_roles r WHERE r.rolname = $2)"
#define SELF "(SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user)"

/* Bits of enum md_right that are lacking. */
#define LACKS(function, role, place)                                                        \
	"CASE WHEN coalesce(" function "(" role ", " place ", 'SELECT'), false) THEN 0 "    \
	"ELSE 1 END"                                                                        \
	" + CASE WHEN coalesce(" function "(" role ", " place ", 'INSERT'), false) THEN 0 " \
	"ELSE 2 END"                                                                        \
	" + CASE WHEN coalesce(" function "(" role ", " place ", 'UPDATE'), false) THEN 0 " \
	"ELSE 4 END"

#define LACKS_DELETE(role)                                \
	" + CASE WHEN coalesce(has_table_privilege(" role \
	", c.oid, 'DELETE'), false) THEN 0 ELSE 8 END"

static const char tables_question[] =
	"SELECT c.oid, " LACKS("has_table_privilege", "self.oid", "c.oid")
		LACKS_DELETE("self.oid") ", " LACKS("has_table_privilege", "web.oid", "c.oid")
			LACKS_DELETE("web.oid") " FROM pg_class c, (SELECT " SELF
						" AS oid) self, (SELECT " WEB " AS oid) web"
						" WHERE " MD_PG_SERVED;

static const char columns_question[] =
	"SELECT c.oid, " LACKS("has_column_privilege", "self.oid", "c.oid, a.attnum") ", " LACKS(
		"has_column_privilege", "web.oid",
		"c.oid, a.attnum") ", a.attnum"
				   " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid,"
				   " (SELECT " SELF " AS oid) self, (SELECT " WEB " AS oid) web"
				   " WHERE a.attacl IS NOT NULL AND a.attnum > 0 AND NOT "
				   "a.attisdropped AND " MD_PG_SERVED;

enum md_code md_pg_survey_ask_role(struct md_pg_survey *survey, const char *sql,
				   PGresult **ret_result)
{
	const char *const values[] = { survey->schema_id, survey->pg->role };
	const struct md_pg_question question = { sql, values, 2 };

	return md_pg_ask(survey->pg, &question, ret_result, survey->err);
}

/* Without a role of its own a request is the session. */
static unsigned char web_of(const struct md_pg_survey *survey, const PGresult *result, int row)
{
	return (unsigned char)md_pg_cell_id(result, row, survey->pg->role ? R_WEB : R_OWN);
}

static void set_tables(struct md_pg_survey *survey, const PGresult *result)
{
	for (int i = 0; i < PQntuples(result); i++) {
		struct md_pg_table *table =
			md_pg_survey_table(survey, md_pg_cell_id(result, i, R_TABLE));

		if (!table)
			continue;
		table->out->lacks = (unsigned char)md_pg_cell_id(result, i, R_OWN);
		table->out->web_lacks = web_of(survey, result, i);
		for (unsigned k = 0; k < table->out->column_count; k++) {
			table->columns[k].lacks = table->out->lacks & MD_RIGHTS_OF_COLUMNS;
			table->columns[k].web_lacks = table->out->web_lacks & MD_RIGHTS_OF_COLUMNS;
		}
	}
}

/* A right in any column is one in the table. */
static void set_columns(struct md_pg_survey *survey, const PGresult *result)
{
	for (int i = 0; i < PQntuples(result); i++) {
		struct md_pg_table *table =
			md_pg_survey_table(survey, md_pg_cell_id(result, i, R_TABLE));
		int number = (int)md_pg_cell_id(result, i, R_NUMBER);
		unsigned place = table ? md_pg_survey_place(table, number) : MD_PG_NO_PLACE;
		struct md_catalog_column *column;

		if (place == MD_PG_NO_PLACE)
			continue;
		column = &table->columns[place];
		column->lacks = (unsigned char)md_pg_cell_id(result, i, R_OWN);
		column->web_lacks = web_of(survey, result, i);
		table->out->lacks &= column->lacks | MD_RIGHT_DELETE;
		table->out->web_lacks &= column->web_lacks | MD_RIGHT_DELETE;
	}
}

enum md_code md_pg_read_rights(struct md_pg_survey *survey)
{
	PGresult *result;
	enum md_code code = md_pg_survey_ask_role(survey, tables_question, &result);

	if (code != MD_OK)
		return code;
	set_tables(survey, result);
	PQclear(result);
	code = md_pg_survey_ask_role(survey, columns_question, &result);
	if (code != MD_OK)
		return code;
	set_columns(survey, result);
	PQclear(result);
	return MD_OK;
}
