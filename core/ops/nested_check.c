/* What is wrong with a tree, all of it before the first statement, and where in the body things
 * stand. */
#include "core/json/pieces.h"
#include "core/json/write.h"
#include "core/ops/nested_private.h"

#include "core/base/banned.h"

enum { POINTER_MAX = 1u << 20 };

/* --- pointers --- */

/* What the path names is what was sent. */
static bool is_base(const struct md_nested *nest, const struct md_nest_group *group)
{
	return nest->write->ask.link != MD_LINK_NONE && group->up && !group->up->up;
}

void md_nest_put_list(const struct md_nested *nest, const struct md_nest_group *group,
		      unsigned parent, struct md_buf *out)
{
	if (is_base(nest, group))
		return;
	md_nest_put_row(nest, group->up, parent, out);
	md_pointer_put(out, group->name);
}

void md_nest_put_row(const struct md_nested *nest, const struct md_nest_group *group, unsigned row,
		     struct md_buf *out)
{
	bool list = group->up ? !group->via->to_one : nest->root_list;

	if (group->up)
		md_nest_put_list(nest, group, group->rows[row].parent, out);
	if (list && !(is_base(nest, group) && nest->write->ask.link_single))
		md_buf_printf(out, "/%u", group->rows[row].place);
}

static void put_place(const struct md_nested *nest, const struct md_nest_group *group, bool row,
		      unsigned number, struct md_buf *out)
{
	if (row)
		md_nest_put_row(nest, group, number, out);
	else if (group->up)
		md_nest_put_list(nest, group, number, out);
}

void md_nest_add_finding(struct md_nested *nest, const struct md_nest_group *group, bool row,
			 unsigned number, const struct md_error *problem)
{
	md_auto_buf pointer = MD_BUF(POINTER_MAX);

	put_place(nest, group, row, number, &pointer);
	nest->findings.nomem |= pointer.failed;
	md_findings_add(&nest->findings, md_buf_str(&pointer), problem);
}

/* --- errors of the engine --- */

static const char *words_of(const struct md_error *err)
{
	return err->details[0] && !err->details_json ? err->details : err->message;
}

void md_nest_point(struct md_nested *nest, const struct md_nest_group *group, bool row,
		   unsigned number, struct md_error *err)
{
	md_auto_buf pointer = MD_BUF(POINTER_MAX), list = MD_BUF(2 * POINTER_MAX);

	put_place(nest, group, row, number, &pointer);
	md_buf_puts(&list, "[{\"pointer\":");
	md_json_write_string(&list, pointer.data ? pointer.data : "", pointer.len);
	md_buf_puts(&list, ",\"code\":");
	md_json_write_string(&list, err->wire, strlen(err->wire));
	md_buf_puts(&list, ",\"message\":");
	md_json_write_string(&list, words_of(err), strlen(words_of(err)));
	md_buf_puts(&list, "}]");
	err->errors = pointer.failed || list.failed
			      ? NULL
			      : md_arena_strndup(nest->write->ask.arena, list.data, list.len);
}

/* What stands in this column: of a junction, the key of the row at the far end. */
static const struct md_field *field_of(const struct md_nested *nest,
				       const struct md_nest_group *group, struct md_str column)
{
	const struct md_relation *via = group->via;

	if (nest->steps[nest->step].act == MD_NEST_JOIN) {
		for (unsigned i = 0; i < via->remote_count; i++)
			if (md_str_equal(via->far[i]->name, column))
				return via->remote[i];
		return NULL;
	}
	for (unsigned i = 0; i < group->model->field_count; i++)
		if (md_str_equal(group->model->fields[i].name, column))
			return &group->model->fields[i];
	return NULL;
}

/* The next part of "a, b". False: there are no more. */
static bool next_part(struct md_str *list, struct md_str *ret_part)
{
	const char *comma = list->ptr ? memmem(list->ptr, list->len, ", ", 2) : NULL;

	if (!list->ptr)
		return false;
	*ret_part = *list;
	if (!comma) {
		*list = (struct md_str){ NULL, 0 };
		return true;
	}
	ret_part->len = (size_t)(comma - list->ptr);
	*list = (struct md_str){ comma + 2, list->len - ret_part->len - 2 };
	return true;
}

static bool has_value(const struct md_nest_row *row, const struct md_field *field,
		      struct md_str wanted, unsigned *found)
{
	md_auto_buf plain = MD_BUF(POINTER_MAX);
	struct md_str value = md_pieces_find(row->known.ptr ? row->known : row->text, field->name);

	if (!value.ptr)
		return true;
	md_pieces_put_plain(&plain, value);
	(*found)++;
	return !plain.failed && md_str_equal(md_buf_str(&plain), wanted);
}

/* Whether the row has all values of a key that it has at all: the rest is its parent's. */
static bool is_meant(const struct md_nested *nest, const struct md_nest_group *group,
		     const struct md_nest_row *row, struct md_str names, struct md_str values)
{
	struct md_str name, value;
	unsigned found = 0;

	while (next_part(&names, &name)) {
		const struct md_field *field = field_of(nest, group, name);

		if (!next_part(&values, &value) || (field && !has_value(row, field, value, &found)))
			return false;
	}
	return found > 0 && !values.ptr;
}

/* `Key (name)=(x) already exists.`: the row that has x as its name, among those of the map. */
static bool find_by_details(const struct md_nested *nest, const struct md_nest_group *group,
			    const struct md_error *err, unsigned *ret_row)
{
	const char *name = strchr(err->details, '('), *middle = strstr(err->details, ")=("), *end;
	unsigned found = 0;

	if (!name || !middle || name > middle)
		return false;
	name++;
	end = strrchr(middle + 3, ')');
	for (unsigned i = 0; end && i < nest->map_count; i++) {
		if (!is_meant(nest, group, &group->rows[nest->map[i]],
			      (struct md_str){ name, (size_t)(middle - name) },
			      (struct md_str){ middle + 3, (size_t)(end - middle) - 3 }))
			continue;
		*ret_row = nest->map[i]; /* the last one: of two that are equal, it is too many */
		found++;
	}
	return found > 0;
}

void md_nest_blame(struct md_nested *nest, const struct md_nest_group *group, struct md_error *err)
{
	const struct md_write *write = nest->writing;
	unsigned row = 0, parent;
	bool known = nest->map_count == 1;

	if (err->errors || nest->map_count == 0)
		return;
	if (known) {
		row = nest->map[0];
	} else if (write && !md_write_is_whole(write) && write->row > 0 &&
		   write->row <= nest->map_count) {
		row = nest->map[write->row - 1];
		known = true;
	} else {
		known = find_by_details(nest, group, err, &row);
	}
	if (known) {
		md_nest_point(nest, group, true, row, err);
		return;
	}
	parent = group->rows[nest->map[0]].parent;
	for (unsigned i = 0; i < nest->map_count; i++)
		if (group->rows[nest->map[i]].parent != parent)
			return;
	md_nest_point(nest, group, false, parent, err);
}

/* --- checks --- */

static void put_mapped(struct md_buf *out, size_t row, void *arg)
{
	const struct md_nested *nest = arg;

	md_nest_put_row(nest, nest->blame, nest->map[row], out);
}

/* The foreign keys that rows get from their relations. NULL: no memory. */
static const struct md_field **granted_to(struct md_nested *nest, const struct md_nest_group *group,
					  unsigned *ret_count)
{
	const struct md_field **fields =
		md_arena_alloc(nest->work, group->model->field_count * sizeof(*fields));
	unsigned count = 0;

	if (!fields)
		return NULL;
	for (unsigned i = 0; i < group->model->field_count; i++) {
		const struct md_field *field = &group->model->fields[i];
		bool granted = md_nest_is_inherited(group, field);

		for (const struct md_nest_group *child = group->first; child; child = child->next)
			for (unsigned k = 0; child->via->here && k < child->via->local_count; k++)
				granted |= child->via->local[k] == field && child->giver_count > 0;
		if (granted)
			fields[count++] = field;
	}
	*ret_count = count;
	return fields;
}

/* The columns themselves were looked at when they were read. */
static enum md_code check_body(struct md_nested *nest, const struct md_nest_group *group,
			       enum md_write_kind kind, const struct md_body *body,
			       struct md_error *err)
{
	struct md_check check = { .kind = kind,
				  .model = group->model,
				  .body = body,
				  .missing_default = group->up || nest->write->ask.missing_default,
				  .arena = nest->work,
				  .put_row = put_mapped,
				  .arg = nest };
	const struct md_field **fields;
	struct md_value *values;

	check.names = md_body_columns(body, &check.count);
	check.granted = granted_to(nest, group, &check.granted_count);
	fields = md_arena_alloc(nest->work, check.count * sizeof(*fields));
	values = md_arena_alloc(nest->work, check.count * sizeof(*values));
	check.cells = md_arena_zalloc(nest->work, check.count * sizeof(*check.cells));
	check.scratch = md_arena_alloc(nest->work, md_body_scratch(body));
	if (!fields || !values || !check.granted || !check.cells || !check.scratch)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < check.count; i++)
		fields[i] = md_model_input(group->model, check.names[i]);
	check.fields = fields;
	return md_findings_check(&nest->findings, &check, values) == MD_OK ? MD_OK
									   : md_fail_nomem(err);
}

/* The columns of the group's rows without foreign keys. False: no memory. */
static bool own_columns(struct md_nested *nest, const struct md_nest_group *group,
			struct md_nest_columns *ret_columns)
{
	struct md_nest_columns columns = { .count = 0 };

	columns.names =
		md_arena_alloc(nest->work, group->model->field_count * sizeof(*columns.names));
	for (unsigned i = 0; columns.names && i < group->model->field_count; i++)
		if (group->given[i] && !md_nest_is_inherited(group, &group->model->fields[i]))
			columns.names[columns.count++] = group->model->fields[i].name;
	*ret_columns = columns;
	return columns.names != NULL;
}

static void put_to_check(struct md_nested *nest, const struct md_nest_group *group, unsigned row,
			 bool keyless)
{
	md_buf_puts(&nest->text, nest->text.len == 0 ? "[{" : ",{");
	md_nest_put_plain(group, group->rows[row].text, keyless, &nest->text);
	md_buf_putc(&nest->text, '}');
	nest->map[nest->map_count++] = row;
}

static bool is_inserted(enum md_nest_kind kind)
{
	return kind == MD_NEST_CREATE || kind == MD_NEST_MERGE || kind == MD_NEST_MERGE_ONE;
}

/* Rows to be inserted, all of them; or the one row to be changed. */
static enum md_code check_rows(struct md_nested *nest, struct md_nest_group *group, bool insert,
			       unsigned row, struct md_error *err)
{
	struct md_nest_columns columns;
	const struct md_body *body;
	enum md_code code;

	md_arena_reset(nest->work, nest->write->ask.out->max);
	md_buf_clear(&nest->text);
	nest->blame = group;
	nest->map_count = 0;
	nest->map = md_arena_alloc(nest->work, (insert ? group->count : 1) * sizeof(*nest->map));
	if (!nest->map || !own_columns(nest, group, &columns))
		return md_fail_nomem(err);
	if (!insert)
		put_to_check(nest, group, row, group->up != NULL);
	for (unsigned i = 0; insert && i < group->count; i++)
		if (is_inserted(group->rows[i].kind))
			put_to_check(nest, group, i, false);
	if (nest->map_count == 0)
		return MD_OK;
	md_buf_putc(&nest->text, ']');
	code = md_nest_open(nest, insert ? &columns : NULL, &body, err);
	return code == MD_OK ? check_body(nest, group, insert ? MD_WRITE_INSERT : MD_WRITE_UPDATE,
					  body, err)
			     : code;
}

/* The relation's own column of a row that is there may be one that does not change. */
static void check_links(struct md_nested *nest, struct md_nest_group *group)
{
	const struct md_relation *via = group->via;
	struct md_error problem;

	if (!md_nest_is_below(via) ||
	    group->kinds[MD_NEST_LINK] + group->kinds[MD_NEST_CHANGE] == 0)
		return;
	for (unsigned i = 0; i < via->remote_count; i++) {
		const struct md_field *field = via->remote[i];

		if (!field->immutable)
			continue;
		md_fail(&problem, MD_INVALID, "428C9",
			"column \"%.*s\" can only be updated to DEFAULT", MD_STR_ARG(field->name));
		md_error_details(&problem, "Column \"%.*s\" cannot be changed.",
				 MD_STR_ARG(field->name));
		for (unsigned row = 0; row < group->count; row++)
			if (!is_inserted(group->rows[row].kind))
				md_nest_add_finding(nest, group, true, row, &problem);
	}
}

static enum md_code check_group(struct md_nested *nest, struct md_nest_group *group,
				struct md_error *err)
{
	enum md_code code = MD_OK;

	if (group->model->def && !group->refused) {
		check_links(nest, group);
		code = check_rows(nest, group, true, 0, err);
	}
	for (unsigned i = 0; code == MD_OK && group->model->def && i < group->count; i++)
		if (group->rows[i].kind == MD_NEST_CHANGE)
			code = check_rows(nest, group, false, i, err);
	for (struct md_nest_group *child = group->first; code == MD_OK && child;
	     child = child->next)
		code = check_group(nest, child, err);
	return code;
}

enum md_code md_nest_check(struct md_nested *nest, struct md_error *err)
{
	enum md_code code = check_group(nest, nest->root, err);

	nest->blame = NULL;
	nest->map_count = 0;
	return code == MD_OK ? md_findings_finish(&nest->findings, nest->write->ask.arena, err)
			     : code;
}
