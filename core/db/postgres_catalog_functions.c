/* Functions of the schema: those that a client could call by name, so neither triggers nor what
 * takes values that only the server has. */
#include <string.h>

#include "core/db/postgres_catalog.h"

#include "core/base/banned.h"

/* Served: a plain function whose result and arguments have a text. */
#define CALLABLE                                                                       \
	"p.pronamespace = $1::oid AND p.prokind = 'f' AND p.prorettype NOT IN"         \
	" ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype) AND NOT" \
	" 'internal'::regtype = ANY (p.proargtypes) AND left(p.proname, 8) <> '_modeld_'"

enum {
	F_ID,
	F_NAME,
	F_RETURNS,
	F_RETURNS_ID,
	F_SET,
	F_COMPOSITE,
	F_RELATION,
	F_VOLATILITY,
	F_COMMENT,
	F_OWN,
	F_WEB
};

#define MAY_NOT(role) "coalesce(NOT has_function_privilege(" role ", p.oid, 'EXECUTE'), true)"

static const char functions_question[] =
	"SELECT p.oid, p.proname, format_type(p.prorettype, NULL), p.prorettype, p.proretset,"
	" t.typtype = 'c' OR 't' = ANY (p.proargmodes)"
	" OR coalesce(cardinality(array_positions(p.proargmodes, 'o'))"
	" + cardinality(array_positions(p.proargmodes, 'b')), 0) > 1,"
	" CASE WHEN r.relnamespace = $1::oid AND r.relkind IN ('r', 'p', 'f', 'v', 'm')"
	" THEN r.relname END, p.provolatile, d.description, " MAY_NOT("self.oid") ", " MAY_NOT(
		"web.oid") " FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype"
			   " LEFT JOIN pg_class r ON r.oid = t.typrelid"
			   " LEFT JOIN pg_description d ON d.objoid = p.oid AND d.objsubid = 0 AND"
			   " d.classoid = 'pg_proc'::regclass,"
			   " (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user) self,"
			   " (SELECT (SELECT r.oid FROM pg_roles r WHERE r.rolname = $2) AS oid) "
			   "web"
			   " WHERE " CALLABLE " ORDER BY p.proname COLLATE \"C\", p.oid";

enum { A_FUNCTION, A_NAME, A_MODE, A_TYPE_ID, A_TYPE, A_DEFAULT };

static const char arguments_question[] =
	"SELECT p.oid, coalesce(p.proargnames[x.n], ''), coalesce(p.proargmodes[x.n], 'i'), x.id,"
	" format_type(x.id, NULL), CASE WHEN p.pronargdefaults > 0 THEN"
	" pg_get_function_arg_default(p.oid, x.n::int) END"
	" FROM pg_proc p, unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]))"
	" WITH ORDINALITY x (id, n)"
	" WHERE " CALLABLE " ORDER BY p.proname COLLATE \"C\", p.oid, x.n";

static enum md_volatility volatility_of(char letter)
{
	if (letter == 'i')
		return MD_IMMUTABLE;
	return letter == 's' ? MD_STABLE : MD_VOLATILE;
}

static bool read_function(struct md_pg_survey *survey, const PGresult *result, int row,
			  struct md_catalog_function *function)
{
	function->returns_id = md_pg_cell_id(result, row, F_RETURNS_ID);
	function->returns_type = md_pg_type_of(function->returns_id);
	function->returns_set = md_pg_cell_true(result, row, F_SET);
	function->returns_composite = md_pg_cell_true(result, row, F_COMPOSITE);
	function->volatility = volatility_of(*md_pg_cell(result, row, F_VOLATILITY));
	function->lacks = md_pg_cell_true(result, row, F_OWN);
	function->web_lacks = md_pg_cell_true(result, row, survey->pg->role ? F_WEB : F_OWN);
	return md_pg_cell_keep(survey, result, row, F_NAME, &function->name) &&
	       md_pg_cell_keep(survey, result, row, F_RETURNS, &function->returns) &&
	       md_pg_cell_keep(survey, result, row, F_RELATION, &function->returns_relation) &&
	       md_pg_cell_keep(survey, result, row, F_COMMENT, &function->comment);
}

static enum md_argument_mode mode_of(char letter)
{
	switch (letter) {
	case 'o':
		return MD_ARG_OUT;
	case 'b':
		return MD_ARG_INOUT;
	case 'v':
		return MD_ARG_VARIADIC;
	case 't':
		return MD_ARG_TABLE;
	default:
		return MD_ARG_IN;
	}
}

static bool read_argument(struct md_pg_survey *survey, const PGresult *result, int row,
			  struct md_catalog_argument *argument)
{
	argument->mode = mode_of(*md_pg_cell(result, row, A_MODE));
	argument->type_id = md_pg_cell_id(result, row, A_TYPE_ID);
	argument->type = md_pg_type_of(argument->type_id);
	return md_pg_cell_keep(survey, result, row, A_NAME, &argument->name) &&
	       md_pg_cell_keep(survey, result, row, A_TYPE, &argument->declared) &&
	       md_pg_cell_keep(survey, result, row, A_DEFAULT, &argument->fallback);
}

/* Both in the order of functions; those of one stand together. */
static bool hand_out(struct md_pg_survey *survey, const PGresult *functions,
		     const PGresult *arguments)
{
	unsigned count = (unsigned)PQntuples(functions), all = (unsigned)PQntuples(arguments),
		 at = 0;
	struct md_catalog_function *list = md_arena_zalloc(survey->arena, count * sizeof(*list));
	struct md_catalog_argument *items = md_arena_zalloc(survey->arena, all * sizeof(*items));

	if (!list || !items)
		return false;
	for (unsigned i = 0; i < count; i++) {
		unsigned id = md_pg_cell_id(functions, (int)i, F_ID);

		if (!read_function(survey, functions, (int)i, &list[i]))
			return false;
		list[i].arguments = &items[at];
		for (; at < all && md_pg_cell_id(arguments, (int)at, A_FUNCTION) == id; at++) {
			if (!read_argument(survey, arguments, (int)at, &items[at]))
				return false;
			list[i].argument_count++;
		}
	}
	survey->functions = list;
	survey->function_count = count;
	return true;
}

enum md_code md_pg_read_functions(struct md_pg_survey *survey)
{
	PGresult *functions, *arguments;
	enum md_code code = md_pg_survey_ask_role(survey, functions_question, &functions);

	if (code != MD_OK)
		return code;
	code = md_pg_survey_ask(survey, arguments_question, &arguments);
	if (code != MD_OK) {
		PQclear(functions);
		return code;
	}
	if (!hand_out(survey, functions, arguments))
		code = md_pg_survey_nomem(survey);
	PQclear(functions);
	PQclear(arguments);
	return code;
}
