/* Types of columns, down through their domains. */
#include <stdlib.h>
#include <string.h>

#include "core/db/postgres_catalog.h"

#include "core/base/banned.h"

enum { VARCHAR = 1043, BPCHAR = 1042, HEADER = 4, DEPTH_MAX = 32 };

/* Rising by id; they never change. */
static const struct {
	unsigned id;
	enum md_type type;
} known[] = {
	{ 16, MD_TYPE_BOOL },          { 17, MD_TYPE_BYTES },     { 19, MD_TYPE_TEXT }, /* name */
	{ 20, MD_TYPE_INT8 },          { 21, MD_TYPE_INT2 },      { 23, MD_TYPE_INT4 },
	{ 25, MD_TYPE_TEXT },          { 114, MD_TYPE_JSON },     { 700, MD_TYPE_FLOAT },
	{ 701, MD_TYPE_FLOAT },        { BPCHAR, MD_TYPE_TEXT },  { VARCHAR, MD_TYPE_TEXT },
	{ 1082, MD_TYPE_DATE },        { 1083, MD_TYPE_TIME },    { 1114, MD_TYPE_TIMESTAMP },
	{ 1184, MD_TYPE_TIMESTAMPTZ }, { 1700, MD_TYPE_NUMERIC }, { 2950, MD_TYPE_UUID },
	{ 3802, MD_TYPE_JSON }, /* jsonb */
};

enum md_type md_pg_type_of(unsigned id)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].id == id)
			return known[i].type;
	return MD_TYPE_OTHER;
}

/* --- reading -----------------------------------------------------------------------------------
 */

enum { Y_ID, Y_KIND, Y_ARRAY, Y_BELOW, Y_NOT_NULL, Y_NAME, Y_BASED, Y_MODIFIER, Y_DELIMITER };

#define BELOW                                                                                      \
	"CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typtype = 'r' THEN r.rngsubtype WHEN" \
	" t.typcategory = 'A' THEN t.typelem ELSE 0 END"

static const char types_question[] =
	"WITH RECURSIVE used (id) AS ("
	" SELECT DISTINCT a.atttypid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
	" WHERE " MD_PG_SERVED " AND a.attnum > 0 AND NOT a.attisdropped"
	" UNION SELECT " BELOW " FROM used u JOIN pg_type t ON t.oid = u.id"
	" LEFT JOIN pg_range r ON r.rngtypid = t.oid)"
	" SELECT t.oid, t.typtype, t.typcategory = 'A' AND t.typelem <> 0, " BELOW ", t.typnotnull,"
	" format_type(t.oid, NULL),"
	" CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END, t.typtypmod,"
	" t.typdelim"
	" FROM used u JOIN pg_type t ON t.oid = u.id LEFT JOIN pg_range r ON r.rngtypid = t.oid"
	" ORDER BY t.oid";

static const char labels_question[] =
	"SELECT enumtypid, enumlabel FROM pg_enum WHERE $1::oid IS NOT NULL"
	" ORDER BY enumtypid, enumsortorder";

static struct md_pg_type *find_type(const struct md_pg_survey *survey, unsigned id)
{
	unsigned low = 0, high = survey->type_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (survey->types[middle].id == id)
			return &survey->types[middle];
		if (survey->types[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool keep_types(struct md_pg_survey *survey, const PGresult *result)
{
	unsigned count = (unsigned)PQntuples(result);

	survey->types = md_arena_zalloc(survey->arena, count * sizeof(*survey->types));
	if (!survey->types)
		return false;
	survey->type_count = count;
	for (unsigned i = 0; i < count; i++) {
		struct md_pg_type *type = &survey->types[i];

		type->id = md_pg_cell_id(result, (int)i, Y_ID);
		type->kind = *md_pg_cell(result, (int)i, Y_KIND);
		type->array = md_pg_cell_true(result, (int)i, Y_ARRAY);
		type->below = md_pg_cell_id(result, (int)i, Y_BELOW);
		type->delimiter = *md_pg_cell(result, (int)i, Y_DELIMITER);
		type->not_null = md_pg_cell_true(result, (int)i, Y_NOT_NULL);
		type->modifier = (int)strtol(md_pg_cell(result, (int)i, Y_MODIFIER), NULL, 10);
		if (!md_pg_cell_keep(survey, result, (int)i, Y_NAME, &type->name) ||
		    !md_pg_cell_keep(survey, result, (int)i, Y_BASED, &type->based))
			return false;
	}
	return true;
}

/* Labels of one enum stand together. */
static bool keep_labels(struct md_pg_survey *survey, const PGresult *result)
{
	unsigned count = (unsigned)PQntuples(result);
	const char **labels = md_arena_alloc(survey->arena, count * sizeof(*labels));
	struct md_pg_type *type;

	if (!labels)
		return false;
	for (unsigned i = 0; i < count; i++) {
		type = find_type(survey, md_pg_cell_id(result, (int)i, 0));
		if (!type)
			continue;
		if (!md_pg_cell_keep(survey, result, (int)i, 1, &labels[i]))
			return false;
		if (type->label_count++ == 0)
			type->labels = &labels[i];
	}
	return true;
}

static enum md_code read_with(struct md_pg_survey *survey, const char *sql,
			      bool (*keep)(struct md_pg_survey *, const PGresult *))
{
	PGresult *result;
	enum md_code code = md_pg_survey_ask(survey, sql, &result);

	if (code != MD_OK)
		return code;
	if (!keep(survey, result))
		code = md_pg_survey_nomem(survey);
	PQclear(result);
	return code;
}

enum md_code md_pg_read_types(struct md_pg_survey *survey)
{
	enum md_code code = read_with(survey, types_question, keep_types);

	return code == MD_OK ? read_with(survey, labels_question, keep_labels) : code;
}

/* --- telling -----------------------------------------------------------------------------------
 */

/* The type below all domains of `type`; on the way, whether one of them forbids NULL. */
static const struct md_pg_type *ground(const struct md_pg_survey *survey,
				       const struct md_pg_type *type,
				       struct md_catalog_column *column, int *modifier)
{
	for (unsigned depth = 0; type && type->kind == 'd' && depth < DEPTH_MAX; depth++) {
		if (type->not_null)
			column->nullable = false;
		column->base = type->based;
		if (type->modifier >= 0)
			*modifier = type->modifier;
		type = find_type(survey, type->below);
	}
	return type;
}

static enum md_type_kind kind_of(const struct md_pg_type *type)
{
	switch (type->kind) {
	case 'e':
		return MD_KIND_ENUM;
	case 'c':
		return MD_KIND_COMPOSITE;
	case 'r':
		return MD_KIND_RANGE;
	case 'm':
		return MD_KIND_MULTIRANGE;
	default:
		return type->array ? MD_KIND_ARRAY : MD_KIND_SCALAR;
	}
}

static void describe_elements(const struct md_pg_survey *survey, const struct md_pg_type *type,
			      struct md_catalog_column *column)
{
	struct md_catalog_column ignored = { .nullable = true };
	const struct md_pg_type *element = find_type(survey, type->below);
	int modifier = -1;

	if (!element)
		return;
	column->element = element->name;
	element = ground(survey, element, &ignored, &modifier);
	if (element)
		column->element_type = md_pg_type_of(element->id);
}

void md_pg_describe_type(const struct md_pg_survey *survey, unsigned id, int modifier,
			 struct md_catalog_column *column)
{
	const struct md_pg_type *type = ground(survey, find_type(survey, id), column, &modifier);

	column->type_id = id;
	column->type = MD_TYPE_OTHER;
	if (!type)
		return;
	column->delimiter = type->delimiter;
	column->kind = kind_of(type);
	column->type = md_pg_type_of(type->id);
	if ((type->id == VARCHAR || type->id == BPCHAR) && modifier > HEADER)
		column->max_length = (unsigned)(modifier - HEADER);
	column->labels = (const char *const *)type->labels;
	column->label_count = type->label_count;
	if (column->kind == MD_KIND_ARRAY || column->kind == MD_KIND_RANGE)
		describe_elements(survey, type, column);
}
