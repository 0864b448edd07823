/* An item of a select list as SQL: column, JSON path, casts; and what it is called. */
#include "core/query/builder.h"

#include "core/base/banned.h"

static const struct md_str nothing = { NULL, 0 };

struct md_str md_embed_name(const struct md_embed *embed)
{
	return md_str_is_given(embed->alias) ? embed->alias : embed->relation;
}

/* Alias, else the aggregate, else the last key of the JSON path, else the column. */
struct md_str md_output_name(const struct md_select *select)
{
	static const char *const names[] = { [MD_AGG_COUNT] = "count",
					     [MD_AGG_SUM] = "sum",
					     [MD_AGG_AVG] = "avg",
					     [MD_AGG_MIN] = "min",
					     [MD_AGG_MAX] = "max" };

	if (md_str_is_given(select->alias))
		return select->alias;
	if (select->aggregate != MD_AGG_NONE)
		return md_str_of(names[select->aggregate]);
	for (unsigned i = select->column.path_len; i > 0; i--)
		if (!select->column.path[i - 1].is_index)
			return select->column.path[i - 1].key;
	return select->column.name;
}

#define T(name) (1u << MD_TYPE_##name)
#define WHOLE   (T(INT2) | T(INT4) | T(INT8))
#define MOMENT  (T(DATE) | T(TIMESTAMP) | T(TIMESTAMPTZ))

/* What PostgreSQL casts each type to, besides text and itself; types not listed: to everything. */
static const unsigned targets[MD_TYPE_COUNT] = {
	[MD_TYPE_INT2] = WHOLE | T(FLOAT) | T(NUMERIC) | T(BOOL),
	[MD_TYPE_INT4] = WHOLE | T(FLOAT) | T(NUMERIC) | T(BOOL),
	[MD_TYPE_INT8] = WHOLE | T(FLOAT) | T(NUMERIC) | T(BOOL),
	[MD_TYPE_FLOAT] = WHOLE | T(NUMERIC),
	[MD_TYPE_NUMERIC] = WHOLE | T(FLOAT),
	[MD_TYPE_BOOL] = T(INT4),
	[MD_TYPE_DATE] = MOMENT,
	[MD_TYPE_TIME] = T(TIME),
	[MD_TYPE_TIMESTAMP] = MOMENT | T(TIME),
	[MD_TYPE_TIMESTAMPTZ] = MOMENT | T(TIME),
	[MD_TYPE_UUID] = T(UUID),
	[MD_TYPE_BYTES] = T(BYTES),
};

static enum md_type plain_type(enum md_type type)
{
	static const enum md_type plain[MD_TYPE_COUNT] = {
		[MD_TYPE_KEPT_DATE] = MD_TYPE_DATE,
		[MD_TYPE_KEPT_TIME] = MD_TYPE_TIME,
		[MD_TYPE_KEPT_TIMESTAMP] = MD_TYPE_TIMESTAMP,
		[MD_TYPE_KEPT_TIMESTAMPTZ] = MD_TYPE_TIMESTAMPTZ,
		[MD_TYPE_KEPT_UUID] = MD_TYPE_UUID,
		[MD_TYPE_KEPT_NUMERIC] = MD_TYPE_NUMERIC,
		[MD_TYPE_KEPT_BYTES] = MD_TYPE_BYTES,
	};

	return plain[type] != MD_TYPE_ANY ? plain[type] : type;
}

/* 42846, where the engine itself would try. */
static enum md_code check_cast(const struct md_build *b, const struct md_cast *cast,
			       enum md_type from, struct md_error *err)
{
	unsigned allowed = targets[plain_type(from)];

	if (b->context->dialect->checks_values || allowed == 0 || cast->type == MD_TYPE_TEXT ||
	    cast->type == plain_type(from) || allowed & 1u << cast->type)
		return MD_OK;
	return md_fail(err, MD_INVALID, "42846", "cannot cast type %s to %s", md_type_name(from),
		       md_type_name(cast->type));
}

static const struct md_cast *find_cast(const struct md_build *b, struct md_str name)
{
	const struct md_cast *cast = b->context->dialect->casts;

	while (cast->name && !md_str_equal_nocase(md_str_of(cast->name), name))
		cast++;
	return cast->name ? cast : NULL;
}

/* A boolean that is kept as a number is true or false as text; a decimal is rounded
 * as one before it becomes an integer. */
static void put_cast_from(const struct md_build *b, const struct md_cast *cast,
			  const struct md_output *output, struct md_buf *out)
{
	const char *bool_text = b->context->dialect->templates[MD_SQL_BOOL_TEXT];
	const char *round = b->context->dialect->templates[MD_SQL_ROUND];
	md_auto_buf rounded = MD_BUF(1u << 16);

	if (bool_text && output->type == MD_TYPE_BOOL && cast->type == MD_TYPE_TEXT) {
		md_put_template(out, bool_text, output->sql, nothing);
	} else if (round && plain_type(output->type) == MD_TYPE_NUMERIC &&
		   1u << cast->type & WHOLE) {
		md_put_template(&rounded, round, output->sql, nothing);
		md_put_template(out, cast->sql, md_buf_str(&rounded), nothing);
	} else {
		md_put_template(out, cast->sql, output->sql, nothing);
	}
	md_buf_inherit(out, &rounded);
}

/* The name of a type that our table does not have: in quotes, in lower case, as the engine takes a
 * name that is not quoted. */
static void put_type_name(const struct md_build *b, struct md_buf *out, struct md_str name)
{
	md_auto_buf folded = MD_BUF(1u << 12);

	for (size_t i = 0; i < name.len; i++) {
		bool upper = name.ptr[i] >= 'A' && name.ptr[i] <= 'Z';

		md_buf_putc(&folded, upper ? (char)(name.ptr[i] + ('a' - 'A')) : name.ptr[i]);
	}
	b->context->dialect->put_name(out, md_buf_str(&folded));
	md_buf_inherit(out, &folded);
}

static enum md_code put_cast(struct md_build *b, struct md_str name, struct md_output *output,
			     struct md_error *err)
{
	const char *any = b->context->dialect->templates[MD_SQL_ANY_CAST];
	const struct md_cast *cast = find_cast(b, name);
	md_auto_buf text = MD_BUF(1u << 16), type = MD_BUF(1u << 12);

	if (!cast && (!any || name.len == 0))
		return md_fail(err, MD_INVALID, "42704", "type \"%.*s\" does not exist",
			       MD_STR_ARG(name));
	if (cast && check_cast(b, cast, output->type, err) != MD_OK)
		return MD_INVALID;
	put_type_name(b, &type, name);
	if (cast)
		put_cast_from(b, cast, output, &text);
	else
		md_put_template(&text, any, output->sql, md_buf_str(&type));
	output->sql = md_arena_str(b->arena, md_buf_str(&text));
	output->type = cast ? cast->type : MD_TYPE_OTHER;
	output->is_text = cast && cast->type == MD_TYPE_TEXT;
	output->any_type = output->type == MD_TYPE_OTHER;
	output->field = NULL;
	return text.failed || type.failed || !output->sql.ptr ? md_fail_nomem(err) : MD_OK;
}

/* A column, its JSON path and cast; nothing for count(). */
static enum md_code input_of(struct md_build *b, struct md_stmt_build *s,
			     const struct md_node *node, const struct md_select *select,
			     struct md_output *output, struct md_error *err)
{
	enum md_code code;

	if (!md_str_is_given(select->column.name))
		return MD_OK;
	code = md_column_expression(b, s, node, &select->column, &output->sql, &output->type, err);
	if (code != MD_OK)
		return code;
	if (select->column.path_len > 0)
		output->is_text = output->type == MD_TYPE_TEXT;
	else
		output->field = md_model_field(node->model, select->column.name);
	if (!md_str_is_given(select->cast))
		return MD_OK;
	if (md_groups_uncast(node, select))
		output->group = output->sql;
	return put_cast(b, select->cast, output, err);
}

enum md_code md_select_output(struct md_build *b, struct md_stmt_build *s,
			      const struct md_node *node, const struct md_select *select,
			      struct md_output *ret_output, struct md_error *err)
{
	enum md_aggregate aggregate = md_select_aggregate(node->model, select);
	struct md_output output = { .field = NULL };
	struct md_str cast = select->aggregate_cast;
	enum md_code code = MD_OK;

	if (aggregate != select->aggregate) /* count, without parentheses */
		cast = select->cast;
	else
		code = input_of(b, s, node, select, &output, err);
	if (code == MD_OK && aggregate != MD_AGG_NONE)
		code = md_put_aggregate(b, node, select, &output, err);
	if (code == MD_OK && md_str_is_given(cast))
		code = put_cast(b, cast, &output, err);
	if (code == MD_OK)
		*ret_output = output;
	return code;
}
