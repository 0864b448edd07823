/* Checks: those of fields (types, lengths, ranges) and those of the model, by name and by text. An
 * engine that rewrites the text is asked for the name only. */
#include "core/base/sql_text.h"
#include "core/migrate/compare_private.h"
#include "core/migrate/ddl_private.h"

#include "core/base/banned.h"

/* --- the text of expressions -------------------------------------------------------------------
 */

static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* A name without its quotes and in small letters, or a literal as it is. */
static const char *put_quoted(struct md_buf *out, const char *p)
{
	char quote = *p == '[' ? ']' : *p;
	bool literal = quote == '\'';

	md_buf_puts(out, literal ? "'" : "");
	for (p++; *p; p++) {
		if (*p == quote && p[1] == quote && quote != ']')
			p++;
		else if (*p == quote)
			break;
		md_buf_putc(out, literal ? *p : small(*p));
	}
	return *p ? p + 1 : p;
}

enum { SEPARATOR = '\x1f' };

/* Piece by piece, each with a separator behind it. */
static void put_pieces(struct md_buf *out, const char *p)
{
	for (p = md_sql_skip_blank(p); *p; p = md_sql_skip_blank(p)) {
		if (*p == '"' || *p == '\'' || *p == '`' || *p == '[')
			p = put_quoted(out, p);
		else if (md_sql_is_word(*p))
			while (md_sql_is_word(*p))
				md_buf_putc(out, small(*p++));
		else
			md_buf_putc(out, *p++);
		md_buf_putc(out, SEPARATOR);
	}
}

static bool is_piece(const char *p, char c)
{
	return p[0] == c && p[1] == SEPARATOR;
}

/* The end of the bracket that opens at `p`; NULL: it does not close. */
static const char *close_bracket(const char *p)
{
	unsigned depth = 0;

	for (; *p; p = strchr(p, SEPARATOR) + 1) {
		depth += is_piece(p, '(');
		if (is_piece(p, ')') && --depth == 0)
			return p;
	}
	return NULL;
}

static struct md_str unwrapped(const char *text)
{
	struct md_str inner = md_str_of(text);

	while (inner.len >= 4 && is_piece(inner.ptr, '(') &&
	       close_bracket(inner.ptr) == inner.ptr + inner.len - 2)
		inner = (struct md_str){ inner.ptr + 2, inner.len - 4 };
	return inner;
}

bool md_same_sql(struct comparison *c, const char *a, const char *b)
{
	md_auto_buf left = MD_BUF(TEXT_MAX), right = MD_BUF(TEXT_MAX);

	put_pieces(&left, a);
	put_pieces(&right, b);
	if (!md_buf_text(&left) || !md_buf_text(&right)) {
		c->failed = true;
		return false;
	}
	return md_str_equal(unwrapped(left.data), unwrapped(right.data));
}

/* --- checks ------------------------------------------------------------------------------------
 */

struct wanted {
	const char *name, *rule, *column;
	bool needed, found;
};

static const char *rule_of(struct comparison *c, const struct md_def_field *field)
{
	md_auto_buf rule = MD_BUF(TEXT_MAX);

	md_ddl_put_rule(c->dialect, &rule, field);
	return keep(c, &rule);
}

static const struct md_catalog_column *find_column(const struct md_catalog_table *table,
						   const char *name)
{
	for (unsigned i = 0; i < table->column_count; i++)
		if (strcmp(table->columns[i].name, name) == 0)
			return &table->columns[i];
	return NULL;
}

/* Whether the column needs the check of its field: there must be one, and its type must not see to
 * it: one of the user's own, or an enum of the database. */
static bool needs_check(const struct comparison *c, const struct md_def_field *field)
{
	const struct md_catalog_column *column = find_column(c->table, md_def_column(field));

	return column && !md_ddl_own_sql(c->dialect, &field->sql_type) &&
	       column->kind != MD_KIND_ENUM;
}

/* NULL: no memory. */
static struct wanted *list_wanted(struct comparison *c, unsigned *ret_count)
{
	const struct md_def_model *model = c->model;
	struct wanted *list = md_arena_zalloc(c->arena, (model->field_count + model->check_count) *
								sizeof(*list));
	unsigned n = 0;

	c->failed = c->failed || !list;
	for (unsigned i = 0; list && i < model->field_count; i++) {
		const struct md_def_field *field = &model->fields[i];

		list[n] = (struct wanted){ .name = field->check_name,
					   .rule = rule_of(c, field),
					   .column = md_def_column(field),
					   .needed = needs_check(c, field) };
		n += *list[n].rule != '\0';
	}
	for (unsigned i = 0; list && i < model->check_count; i++) {
		const char *rule = md_ddl_own_sql(c->dialect, &model->checks[i].sql);

		list[n] = (struct wanted){ .name = model->checks[i].name,
					   .rule = rule,
					   .needed = true };
		n += rule != NULL;
	}
	*ret_count = n;
	return list;
}

static const char *make_check(struct comparison *c, const struct wanted *wanted)
{
	md_auto_buf sql = MD_BUF(TEXT_MAX);

	if (!c->dialect->adds_constraints)
		return MD_MAKE_ANEW;
	md_buf_puts(&sql, "ALTER TABLE ");
	md_ddl_put_name(c->dialect, &sql, c->table->name);
	md_buf_puts(&sql, " ADD CONSTRAINT ");
	md_ddl_put_name(c->dialect, &sql, wanted->name);
	md_buf_printf(&sql, " CHECK (%s)", wanted->rule);
	return keep(c, &sql);
}

static void compare_named(struct comparison *c, struct wanted *wanted,
			  const struct md_catalog_check *check)
{
	wanted->found = true;
	if (!c->dialect->verbatim || md_same_sql(c, check->expression, wanted->rule))
		return;
	tell(c, WARNS, wanted->column,
	     md_arena_printf(c->arena, "the check \"%s\" is (%s), the model says (%s)",
			     wanted->name, check->expression, wanted->rule),
	     MD_MAKE_ANEW);
}

static void see_check(struct comparison *c, struct wanted *list, unsigned count,
		      const struct md_catalog_check *check)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(list[i].name, check->name) == 0) {
			compare_named(c, &list[i], check);
			return;
		}
	for (unsigned i = 0; c->dialect->verbatim && i < count; i++)
		if (!list[i].found && md_same_sql(c, check->expression, list[i].rule)) {
			list[i].found = true;
			tell(c, WARNS, list[i].column,
			     md_arena_printf(c->arena, "the check \"%s\" is called \"%s\"",
					     list[i].name, check->name),
			     NULL);
			return;
		}
	if (c->model->managed != MD_DEF_NO)
		tell(c, WARNS, NULL,
		     md_arena_printf(
			     c->arena,
			     "the model has no check \"%s\", which may refuse its rows: (%s)",
			     check->name, check->expression),
		     NULL);
}

void md_compare_checks(struct comparison *c)
{
	unsigned count = 0;
	struct wanted *list = list_wanted(c, &count);

	for (unsigned i = 0; list && i < c->table->check_count; i++)
		see_check(c, list, count, &c->table->checks[i]);
	if (c->model->managed == MD_DEF_NO)
		return;
	for (unsigned i = 0; list && i < count; i++)
		if (list[i].needed && !list[i].found)
			tell(c, WARNS, list[i].column,
			     md_arena_printf(c->arena, "the check \"%s\" is missing: (%s)",
					     list[i].name, list[i].rule),
			     make_check(c, &list[i]));
}
