#include "core/ops/check.h"

#include "core/json/write.h"
#include "core/model/define.h"
#include "core/model/rules.h"
#include "core/ops/cell.h"

#include "core/base/banned.h"

enum { ROW_MAX = 256 * 1024 * 1024, ERRORS_MAX = 1024 * 1024, MORE_ROOM = 64, SHOWN_MAX = 200 };

/* A check at work. */
struct findings {
	const struct md_check *check;
	struct md_findings *all;
};

/* --- telling -----------------------------------------------------------------------------------
 */

/* The beginning of a name that may be very long: only those that do not exist are. */
static struct md_str shown(struct md_str name)
{
	if (name.len <= SHOWN_MAX)
		return name;
	name.len = SHOWN_MAX;
	while (name.len > 0 && ((unsigned char)name.ptr[name.len] & 0xC0) == 0x80)
		name.len--;
	return name;
}

void md_pointer_put(struct md_buf *out, struct md_str name)
{
	md_buf_putc(out, '/');
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '~')
			md_buf_puts(out, "~0");
		else if (name.ptr[i] == '/')
			md_buf_puts(out, "~1");
		else
			md_buf_putc(out, name.ptr[i]);
	}
}

/* /3/name, or /name in a body that is one object (RFC 6901). Without a name the row is meant. */
static void put_pointer(struct md_buf *out, const struct md_check *check, size_t row,
			struct md_str name)
{
	if (check->put_row)
		check->put_row(out, row, check->arg);
	else if (md_body_is_array(check->body))
		md_buf_printf(out, "/%llu", (unsigned long long)check->rows_before + row);
	if (md_str_is_given(name))
		md_pointer_put(out, name);
}

/* What a constraint says is little; what stands behind it says what is asked. */
static const char *words_of(const struct md_error *problem)
{
	return problem->details[0] ? problem->details : problem->message;
}

static void tell(struct md_findings *findings, struct md_str pointer,
		 const struct md_error *problem)
{
	const char *words = words_of(problem);
	struct md_buf *list = &findings->list, *lines = &findings->lines;
	size_t len = strlen(words);

	md_buf_puts(list, findings->count == 0 ? "[" : ",");
	md_buf_puts(list, "{\"pointer\":");
	md_json_write_string(list, pointer.ptr, pointer.len);
	md_buf_puts(list, ",\"code\":");
	md_json_write_string(list, problem->wire, strlen(problem->wire));
	md_buf_puts(list, ",\"message\":");
	md_json_write_string(list, words, len);
	md_buf_putc(list, '}');
	if (findings->lines_told < findings->count ||
	    (findings->count > 0 && lines->len + pointer.len + len + MORE_ROOM > MD_DETAILS_MAX))
		return;
	md_buf_printf(lines, "%s%.*s%s%s", findings->count == 0 ? "" : "\n", MD_STR_ARG(pointer),
		      pointer.len > 0 ? ": " : "", words);
	findings->lines_told++;
}

void md_findings_add(struct md_findings *findings, struct md_str pointer,
		     const struct md_error *problem)
{
	if (findings->count == 0) {
		md_buf_init(&findings->list, ERRORS_MAX);
		md_buf_init(&findings->lines, ERRORS_MAX);
		findings->first = *problem;
	}
	if (findings->count < MD_CHECK_TOLD)
		tell(findings, pointer, problem);
	findings->count++;
}

/* One more problem, in this field of this row. */
static void add(struct findings *findings, size_t row, struct md_str name,
		const struct md_error *problem)
{
	md_auto_buf pointer = MD_BUF(ERRORS_MAX);

	if (findings->all->count < MD_CHECK_TOLD)
		put_pointer(&pointer, findings->check, row, shown(name));
	findings->all->nomem |= pointer.failed;
	md_findings_add(findings->all, md_buf_str(&pointer), problem);
}

static enum md_code finish(struct md_findings *findings, struct md_arena *arena,
			   struct md_error *err)
{
	const struct md_error *first = &findings->first;
	char *errors;

	md_buf_putc(&findings->list, ']');
	errors = md_arena_strndup(arena, findings->list.data, findings->list.len);
	if (findings->nomem || findings->list.failed || findings->lines.failed || !errors)
		return md_fail_nomem(err);
	if (findings->count == 1 && err)
		*err = *first;
	else
		md_fail(err, MD_INVALID, first->wire, "%llu values are not valid",
			(unsigned long long)findings->count);
	if (findings->lines_told < findings->count)
		md_buf_printf(&findings->lines, "\nand %llu more",
			      (unsigned long long)findings->count - findings->lines_told);
	md_error_details(err, "%.*s", (int)findings->lines.len, findings->lines.data);
	if (err)
		err->errors = errors;
	return MD_INVALID;
}

enum md_code md_findings_finish(struct md_findings *findings, struct md_arena *arena,
				struct md_error *err)
{
	enum md_code code = MD_OK;

	if (findings->nomem)
		code = md_fail_nomem(err);
	else if (findings->count > 0)
		code = finish(findings, arena, err);
	md_buf_release(&findings->list);
	md_buf_release(&findings->lines);
	return code;
}

/* --- columns -----------------------------------------------------------------------------------
 */

enum md_code md_check_fail_column(const struct md_model *model, struct md_str name,
				  struct md_error *err)
{
	return md_fail(err, MD_INVALID, "PGRST204",
		       "Could not find the '%.*s' column of '%.*s' in the schema cache",
		       MD_STR_ARG(shown(name)), MD_STR_ARG(model->name));
}

static enum md_code fail_fixed(const struct md_check *check, const struct md_field *field,
			       const char *why, struct md_error *err)
{
	if (check->kind == MD_WRITE_UPDATE)
		md_fail(err, MD_INVALID, "428C9", "column \"%.*s\" can only be updated to DEFAULT",
			MD_STR_ARG(field->name));
	else
		md_fail(err, MD_INVALID, "428C9",
			"cannot insert a non-DEFAULT value into column \"%.*s\"",
			MD_STR_ARG(field->name));
	md_error_details(err, "Column \"%.*s\" %s.", MD_STR_ARG(field->name), why);
	return MD_INVALID;
}

/* Whether a body must not give this column at all. */
static bool is_refused(const struct md_check *check, const struct md_field *field)
{
	return !field || field->generated || field->readonly ||
	       (field->immutable && check->kind == MD_WRITE_UPDATE);
}

static enum md_code fail_column(const struct md_check *check, unsigned column, struct md_error *err)
{
	const struct md_field *field = check->fields[column];

	if (!field)
		return md_check_fail_column(check->model, check->names[column], err);
	return fail_fixed(check, field,
			  field->generated  ? "is a generated column"
			  : field->readonly ? "is set by the server"
					    : "cannot be changed",
			  err);
}

static void check_columns(struct findings *findings)
{
	const struct md_check *check = findings->check;
	struct md_error problem;

	for (unsigned i = 0; i < check->count; i++)
		if (is_refused(check, check->fields[i])) {
			fail_column(check, i, &problem);
			add(findings, 0, check->names[i], &problem);
		}
}

static bool is_given(const struct md_check *check, const struct md_field *field)
{
	for (unsigned i = 0; i < check->count; i++)
		if (check->fields[i] == field)
			return true;
	for (unsigned i = 0; i < check->granted_count; i++)
		if (check->granted[i] == field)
			return true;
	return false;
}

/* Whether a new row must give it: nobody else does. auth() has nobody to name yet. */
static bool is_required(const struct md_field *field)
{
	return field->def->required ||
	       (!field->def->nullable && field->def->value.fn == MD_DEF_AUTH);
}

/* --- rows --------------------------------------------------------------------------------------
 */

enum md_code md_check_fail_null(const struct md_model *model, const struct md_field *field,
				struct md_error *err)
{
	if (field->hidden)
		return md_fail(err, MD_INVALID, "23502",
			       "relation \"%.*s\" needs a value that cannot be given here",
			       MD_STR_ARG(model->name));
	return md_fail(err, MD_INVALID, "23502",
		       "null value in column \"%.*s\" of relation \"%.*s\" violates not-null "
		       "constraint",
		       MD_STR_ARG(field->name), MD_STR_ARG(model->name));
}

static enum md_code check_cell(const struct md_check *check, const struct md_field *field,
			       const struct md_body_cell *cell, struct md_arena *arena,
			       struct md_value *ret_value, struct md_error *err)
{
	enum md_code code;

	if (cell->kind == MD_CELL_ABSENT && check->missing_default)
		return check->kind == MD_WRITE_INSERT && is_required(field)
			       ? md_check_fail_null(check->model, field, err)
			       : MD_OK;
	code = md_cell_field(cell, field, check->texts, arena, ret_value, err);
	if (code != MD_OK)
		return code;
	if (ret_value->type == MD_NULL && !field->def->nullable)
		return md_check_fail_null(check->model, field, err);
	return md_rules_check(field->rules, ret_value, err);
}

static enum md_code check_row(struct findings *findings, size_t row,
			      const struct md_field *const *required, struct md_arena *arena,
			      struct md_value *values)
{
	const struct md_check *check = findings->check;
	struct md_error problem;

	for (unsigned i = 0; i < check->count; i++) {
		enum md_code code = MD_OK;

		values[i] = md_value_null();
		if (!is_refused(check, check->fields[i]))
			code = check_cell(check, check->fields[i], &check->cells[i], arena,
					  &values[i], &problem);
		if (code == MD_NOMEM)
			return code;
		if (code != MD_OK)
			add(findings, row, check->fields[i]->name, &problem);
	}
	for (; *required; required++) {
		md_check_fail_null(check->model, *required, &problem);
		add(findings, row,
		    (*required)->hidden ? (struct md_str){ NULL, 0 } : (*required)->name, &problem);
	}
	return MD_OK;
}

/* Fields that every new row lacks, although it must not. NULL ends them; NULL itself: no memory. */
static const struct md_field **find_required(const struct md_check *check)
{
	const struct md_model *model = check->model;
	const struct md_field **required =
		md_arena_alloc(check->arena, (model->field_count + 1) * sizeof(*required));
	unsigned count = 0;

	if (!required)
		return NULL;
	for (unsigned i = 0; i < model->field_count && check->kind == MD_WRITE_INSERT; i++)
		if (is_required(&model->fields[i]) && !is_given(check, &model->fields[i]))
			required[count++] = &model->fields[i];
	required[count] = NULL;
	return required;
}

static enum md_code check_all(struct findings *findings, struct md_arena *own,
			      struct md_value *values)
{
	const struct md_check *check = findings->check;
	const struct md_field **required = find_required(check);
	struct md_body_cursor cursor;
	enum md_code code = required ? MD_OK : MD_NOMEM;

	md_body_rewind(&cursor, check->body, check->scratch);
	for (size_t row = 0; code == MD_OK && md_body_next(&cursor, check->cells); row++) {
		if (row > 0 && check->kind == MD_WRITE_UPDATE)
			break;
		if (own)
			md_arena_reset(own, ROW_MAX);
		code = check_row(findings, row, required, own ? own : check->arena, values);
	}
	return code;
}

enum md_code md_findings_check(struct md_findings *all, const struct md_check *check,
			       struct md_value *ret_values)
{
	bool many = md_body_rows(check->body) > 1;
	md_auto_arena own = many ? md_arena_new(ROW_MAX) : NULL;
	struct findings findings = { .check = check, .all = all };

	if (many && !own)
		return MD_NOMEM;
	check_columns(&findings);
	return check_all(&findings, own, ret_values);
}

enum md_code md_check_rows(const struct md_check *check, struct md_value *ret_values,
			   struct md_error *err)
{
	struct md_findings findings = { .count = 0 };

	findings.nomem = md_findings_check(&findings, check, ret_values) != MD_OK;
	return md_findings_finish(&findings, check->arena, err);
}
