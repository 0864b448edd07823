/* What a field's values must be, as one CHECK: the limits an engine can see to. Patterns and
 * formats are left to the daemon. */
#include "core/migrate/ddl_private.h"

#include "core/base/banned.h"

enum { EXPRESSIONS_MAX = 1024 * 1024 };

struct check {
	const struct md_ddl_dialect *dialect;
	const struct md_def_field *field;
	const char *column; /* quoted */
	struct md_buf *out; /* conditions joined by AND */
};

bool md_ddl_is_long(const struct md_ddl_dialect *dialect, const struct md_def_field *field)
{
	return field->type == MD_DEF_DECIMAL && dialect->long_decimal &&
	       field->precision > dialect->decimal_digits;
}

static void begin(const struct check *check)
{
	if (check->out->len > 0)
		md_buf_puts(check->out, " AND ");
}

static void put_template(const struct check *check, const char *template)
{
	const struct md_ddl_slot slots[] = { { 'c', check->column }, { 0, NULL } };

	md_ddl_put_template(check->out, template, slots);
}

static void put_type(const struct check *check)
{
	const struct md_def_names *labels = &check->field->labels;
	const char *rule = check->dialect->checks[check->field->type];

	/* A type of the user's own sees to its values by itself. */
	if (rule && !md_ddl_own_sql(check->dialect, &check->field->sql_type)) {
		begin(check);
		put_template(check, rule);
	}
	if (check->field->type != MD_DEF_ENUM)
		return;
	begin(check);
	md_buf_printf(check->out, "%s IN (", check->column);
	for (unsigned i = 0; i < labels->count; i++) {
		md_buf_puts(check->out, i > 0 ? ", " : "");
		md_ddl_put_text(check->out, labels->items[i]);
	}
	md_buf_putc(check->out, ')');
}

static bool has_length(const struct md_def_field *field)
{
	return field->type == MD_DEF_STRING || field->type == MD_DEF_TEXT ||
	       field->type == MD_DEF_BYTES;
}

static void put_length(const struct check *check, const char *operator, unsigned length)
{
	if (length == 0 || !has_length(check->field))
		return;
	begin(check);
	put_template(check, check->dialect->length);
	md_buf_printf(check->out, " %s %u", operator, length);
}

static void put_limit(const struct check *check, const char *operator,
		      const struct md_def_value * limit)
{
	if (limit->kind == MD_DEF_NO_VALUE || limit->kind == MD_DEF_NULL)
		return;
	begin(check);
	md_buf_printf(check->out, "%s %s ", check->column, operator);
	check->dialect->put_literal(check->out, check->field, limit);
}

/* Doubles have no remainder that one could rely on: only whole numbers are checked. */
static void put_multiple(const struct check *check)
{
	const struct md_def_value *unit = &check->field->multiple_of;
	int64_t number;

	if (unit->kind != MD_DEF_NUMBER || !md_def_is_integer(check->field->type) ||
	    !md_str_to_i64(md_str_of(unit->text), &number) || number == 0)
		return;
	begin(check);
	md_buf_printf(check->out, "%s %% %s = 0", check->column, unit->text);
}

static void put_limits(const struct check *check)
{
	const struct md_def_field *field = check->field;

	if (!check->dialect->types_have_length || field->type != MD_DEF_STRING ||
	    md_ddl_own_sql(check->dialect, &field->sql_type))
		put_length(check, "<=", field->max_length);
	put_length(check, ">=", field->min_length);
	if (!md_ddl_is_long(check->dialect, field)) { /* they compare as text */
		put_limit(check, ">=", &field->min);
		put_limit(check, "<=", &field->max);
		put_limit(check, ">", &field->exclusive_min);
		put_limit(check, "<", &field->exclusive_max);
	}
	put_multiple(check);
}

void md_ddl_put_rule(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		     const struct md_def_field *field)
{
	md_auto_buf column = MD_BUF(EXPRESSIONS_MAX);
	struct check check = { dialect, field, NULL, sql };
	const char *own = md_ddl_own_sql(dialect, &field->check);

	md_ddl_put_name(dialect, &column, md_def_column(field));
	check.column = md_buf_text(&column);
	if (!check.column) {
		sql->failed = true;
		return;
	}
	put_type(&check);
	if (field->enforce != MD_DEF_ENFORCE_API)
		put_limits(&check);
	if (own) {
		begin(&check);
		md_buf_printf(sql, "(%s)", own);
	}
}

void md_ddl_put_check(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		      const struct md_def_field *field)
{
	md_auto_buf out = MD_BUF(EXPRESSIONS_MAX);

	md_ddl_put_rule(dialect, &out, field);
	if (out.failed)
		sql->failed = true;
	if (out.failed || out.len == 0)
		return;
	md_buf_puts(sql, ",\n  CONSTRAINT ");
	md_ddl_put_name(dialect, sql, field->check_name);
	md_buf_puts(sql, " CHECK (");
	md_buf_put(sql, out.data, out.len);
	md_buf_putc(sql, ')');
}
