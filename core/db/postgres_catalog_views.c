/* Where columns of views come from. The server notes with each column of a query which column of
 * which relation it shows unchanged; that is part of the rule behind a view, which it tells as a
 * text of nested nodes: {QUERY … :targetList ({TARGETENTRY … :resno 1 … :resorigtbl 16384
 * :resorigcol 1 …} …) …}. A view over a view leads to that one, so origins are followed. */
#include <stdlib.h>
#include <string.h>

#include "core/base/map.h"
#include "core/db/postgres_catalog.h"

#include "core/base/banned.h"

enum { DEPTH_MAX = 64, ID_TEXT = 12 };

struct origin {
	unsigned table; /* 0: computed */
	int column;
};
struct view {
	struct origin *columns; /* by number - 1 */
	unsigned count;
};
struct trace {
	struct md_pg_survey *survey;
	struct md_map *views;      /* by the text of the oid */
	struct md_pg_shown *shown; /* from what is not served */
	unsigned shown_count;
};

/* Views of other schemas may stand between a view and its tables. */
static const char views_question[] =
	"SELECT c.oid, (SELECT max(a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid),"
	" r.ev_action"
	" FROM pg_class c JOIN pg_rewrite r ON r.ev_class = c.oid AND r.ev_type = '1'"
	" WHERE c.relkind IN ('v', 'm') AND $1::oid IS NOT NULL AND c.relnamespace NOT IN"
	" ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)";

/* --- the text of nodes -------------------------------------------------------------------------
 */

/* Behind the next token: a bracket, or a word, in which a backslash takes away the meaning of what
 * follows. At the end of the text, `p` itself. */
static const char *next_token(const char *p, struct md_str *ret_token)
{
	const char *start;

	while (*p == ' ' || *p == '\n' || *p == '\t')
		p++;
	start = p;
	if (*p && strchr("{}()", *p))
		p++;
	else
		while (*p && !strchr(" \n\t{}()", *p))
			p += *p == '\\' && p[1] ? 2 : 1;
	*ret_token = (struct md_str){ start, (size_t)(p - start) };
	return p;
}

static unsigned number_of(struct md_str token)
{
	uint64_t value = 0;

	return md_str_to_u64(token, &value) && value <= 0xFFFFFFFF ? (unsigned)value : 0;
}

/* What is known of the present entry. */
struct entry {
	unsigned number, table, column;
	bool junk;
};

static void note_entry(struct view *view, const struct entry *entry)
{
	if (!entry->junk && entry->number >= 1 && entry->number <= view->count)
		view->columns[entry->number - 1] =
			(struct origin){ entry->table, (int)entry->column };
}

static void note_member(struct entry *entry, struct md_str member, struct md_str value)
{
	if (md_str_is(member, ":resno"))
		entry->number = number_of(value);
	else if (md_str_is(member, ":resorigtbl"))
		entry->table = number_of(value);
	else if (md_str_is(member, ":resorigcol"))
		entry->column = number_of(value);
	else if (md_str_is(member, ":resjunk"))
		entry->junk = md_str_is(value, "true");
}

/* Braces deep: 1 is the query, 2 an entry of its list; what is deeper belongs to expressions and
 * subqueries. */
static void read_rule(struct view *view, const char *p)
{
	struct entry entry = { .number = 0 };
	struct md_str token, member = { NULL, 0 };
	unsigned braces = 0, brackets = 0;
	bool in_list = false;

	for (p = next_token(p, &token); token.len > 0; p = next_token(p, &token)) {
		char c = *token.ptr;

		if (c == '{') {
			if (++braces == 2)
				entry = (struct entry){ .number = 0 };
		} else if (c == '}') {
			if (braces-- == 2 && in_list)
				note_entry(view, &entry);
		} else if (c == '(') {
			brackets++;
		} else if (c == ')') {
			brackets--;
			if (braces == 1 && in_list && brackets == 1)
				return;
		} else if (c == ':') {
			member = token;
			in_list = in_list || (braces == 1 && md_str_is(token, ":targetList"));
		} else if (in_list && braces == 2) {
			note_member(&entry, member, token);
		}
	}
}

static enum md_code see_view(void *arg, const PGresult *result)
{
	struct trace *trace = arg;
	struct md_arena *arena = trace->survey->arena;
	struct view *view = md_arena_alloc(arena, sizeof(*view));
	unsigned count = md_pg_cell_id(result, 0, 1);
	struct md_str name = md_arena_str(arena, md_str_of(md_pg_cell(result, 0, 0)));

	if (view)
		*view = (struct view){ md_arena_zalloc(arena, count * sizeof(*view->columns)),
				       count };
	if (!view || !view->columns || !name.ptr || !md_map_set(trace->views, name, view))
		return md_pg_survey_nomem(trace->survey);
	read_rule(view, md_pg_cell(result, 0, 2));
	return MD_OK;
}

/* --- following ---------------------------------------------------------------------------------
 */

static const struct view *find_view(const struct trace *trace, unsigned id)
{
	char text[ID_TEXT + 8];
	size_t len = md_i64_to_text(id, text);

	return md_map_get(trace->views, (struct md_str){ text, len });
}

/* Down to a relation that is no view; {0} when the way ends before. */
static struct origin follow(const struct trace *trace, struct origin at)
{
	const struct view *view = find_view(trace, at.table);

	for (unsigned depth = 0; view && depth < DEPTH_MAX; depth++) {
		if (at.column < 1 || (unsigned)at.column > view->count)
			return (struct origin){ 0, 0 };
		at = view->columns[at.column - 1];
		view = find_view(trace, at.table);
	}
	return view ? (struct origin){ 0, 0 } : at;
}

static void set_origins(struct trace *trace, struct md_pg_table *table)
{
	for (unsigned i = 0; i < table->out->column_count; i++) {
		struct origin at = { table->id, table->numbers[i] };
		const struct md_pg_table *base;
		unsigned place;

		at = follow(trace, at);
		base = at.table ? md_pg_survey_table(trace->survey, at.table) : NULL;
		if (at.table && !base)
			trace->shown[trace->shown_count++] =
				(struct md_pg_shown){ &table->columns[i], at.table, at.column };
		place = base ? md_pg_survey_place(base, at.column) : MD_PG_NO_PLACE;
		if (place == MD_PG_NO_PLACE)
			continue;
		table->columns[i].origin_table = base->out->name;
		table->columns[i].origin_column = base->columns[place].name;
	}
}

static enum md_code set_all(struct trace *trace, unsigned columns)
{
	struct md_pg_survey *survey = trace->survey;

	trace->shown = md_arena_alloc(survey->arena, columns * sizeof(*trace->shown));
	if (!trace->shown)
		return md_pg_survey_nomem(survey);
	for (unsigned i = 0; i < survey->count; i++)
		if (survey->tables[i].out->kind == MD_REL_VIEW)
			set_origins(trace, &survey->tables[i]);
	return md_pg_read_bases(survey, trace->shown, trace->shown_count);
}

static unsigned count_columns(const struct md_pg_survey *survey)
{
	unsigned count = 0;

	for (unsigned i = 0; i < survey->count; i++)
		if (survey->tables[i].out->kind == MD_REL_VIEW)
			count += survey->tables[i].out->column_count;
	return count;
}

enum md_code md_pg_read_views(struct md_pg_survey *survey)
{
	const struct md_pg_question question = { views_question, &survey->schema_id, 1 };
	struct trace trace = { .survey = survey };
	unsigned columns = count_columns(survey);
	enum md_code code;

	if (columns == 0)
		return MD_OK;
	trace.views = md_map_new();
	if (!trace.views)
		return md_pg_survey_nomem(survey);
	code = md_pg_ask_each(survey->pg, &question, see_view, &trace, survey->err);
	if (code == MD_OK)
		code = set_all(&trace, columns);
	md_map_free(trace.views);
	return code;
}
