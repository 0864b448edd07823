/* A body becomes a tree of groups of rows. The text has passed the fence: it is well-formed, and no
 * object has a name twice. */
#include "core/json/body_reader.h"
#include "core/json/pieces.h"
#include "core/json/write.h"
#include "core/ops/nested_private.h"

#include "core/base/banned.h"

enum { FIRST_ROOM = 8 };

/* What was seen in a row. */
struct tally {
	unsigned columns, keys, nested;
};

/* --- rows and groups --- */

/* Room for one more of `size` bytes. NULL: no memory. */
static void *grow(struct md_arena *arena, void *items, unsigned count, unsigned *room, size_t size)
{
	unsigned more = *room > 0 ? 2 * *room : FIRST_ROOM;
	void *copy;

	if (count < *room)
		return items;
	copy = md_arena_alloc(arena, more * size);
	if (!copy)
		return NULL;
	if (count > 0)
		memcpy(copy, items, count * size);
	*room = more;
	return copy;
}

static enum md_code add_row(struct md_nested *nest, struct md_nest_group *group,
			    const struct md_nest_row *row, struct md_error *err)
{
	if (nest->rows == nest->ops->options.nested_rows)
		return md_fail(err, MD_TOO_LARGE, "MD413", "the request body has more than %u rows",
			       nest->ops->options.nested_rows);
	group->rows = grow(nest->arena, group->rows, group->count, &group->room, sizeof(*row));
	if (!group->rows)
		return md_fail_nomem(err);
	nest->rows++;
	group->rows[group->count++] = *row;
	return MD_OK;
}

static struct md_nest_group *new_group(struct md_nested *nest, const struct md_model *model)
{
	struct md_nest_group *group = md_arena_zalloc(nest->arena, sizeof(*group));

	if (!group)
		return NULL;
	group->model = model;
	group->end = &group->first;
	group->given = md_arena_zalloc(nest->arena, model->field_count * sizeof(bool));
	return group->given ? group : NULL;
}

/* The fields that the relation writes. */
static bool can_be_written(const struct md_field *const *fields, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (fields[i]->hidden || fields[i]->readonly || fields[i]->generated)
			return false;
	return true;
}

static bool can_be_seen(const struct md_field *const *fields, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!md_field_is_visible(fields[i]))
			return false;
	return true;
}

static bool is_writable(const struct md_relation *via)
{
	const struct md_model *junction = via->junction;

	if (!can_be_seen(via->local, via->local_count) ||
	    !can_be_seen(via->remote, via->remote_count))
		return false;
	if (junction)
		return junction->insertable && junction->deletable && !junction->broken &&
		       can_be_written(via->near, via->local_count) &&
		       can_be_written(via->far, via->remote_count);
	return via->here ? can_be_written(via->local, via->local_count)
			 : can_be_written(via->remote, via->remote_count);
}

static void refuse(struct md_nested *nest, struct md_nest_group *group, unsigned parent,
		   const char *why)
{
	struct md_error problem;

	if (group->refused)
		return;
	group->refused = true;
	md_fail(&problem, MD_INVALID, "MD400", "the relationship '%.*s' cannot be written: %s",
		MD_STR_ARG(group->name), why);
	md_nest_add_finding(nest, group, false, parent, &problem);
}

static struct md_nest_group *find_group(struct md_nest_group *up, const struct md_relation *via)
{
	for (struct md_nest_group *child = up->first; child; child = child->next)
		if (child->via == via)
			return child;
	return NULL;
}

static enum md_code have_group(struct md_nested *nest, struct md_nest_group *up,
			       const struct md_relation *via, struct md_str name,
			       struct md_nest_group **ret_group, struct md_error *err)
{
	struct md_nest_group *group = find_group(up, via);

	*ret_group = group;
	if (group)
		return MD_OK;
	if (up->depth == nest->ops->options.nested_depth) {
		md_fail(err, MD_TOO_LARGE, "MD413",
			"the request body has relationships more than %u levels deep", up->depth);
		md_error_hint(err, "the limit is the option nested_depth");
		return MD_TOO_LARGE;
	}
	group = new_group(nest, via->to);
	if (!group)
		return md_fail_nomem(err);
	group->up = up;
	group->via = via;
	group->name = name;
	group->depth = up->depth + 1;
	*up->end = group;
	up->end = &group->next;
	*ret_group = group;
	return md_model_check(via->to, err);
}

/* --- the values of a relationship --- */

static enum md_code read_row(struct md_nested *nest, struct md_nest_group *group, unsigned number,
			     struct md_error *err);

/* 7 stands for {"id":7}. */
static struct md_str object_of(struct md_nested *nest, const struct md_model *model,
			       struct md_str value)
{
	md_auto_buf out = MD_BUF(SIZE_MAX);

	md_buf_putc(&out, '{');
	md_nest_put_member(&out, model->key[0]->name, value);
	md_buf_putc(&out, '}');
	if (out.failed)
		return (struct md_str){ NULL, 0 };
	return md_arena_str(nest->arena, md_buf_str(&out));
}

static bool is_key(struct md_str value)
{
	return value.ptr[0] == '"' || value.ptr[0] == '-' ||
	       (value.ptr[0] >= '0' && value.ptr[0] <= '9');
}

static void refuse_value(struct md_nested *nest, const struct md_nest_group *group, bool row,
			 unsigned number, const char *what)
{
	struct md_error problem;

	md_fail(&problem, MD_INVALID, "PGRST102", "'%.*s' takes %s", MD_STR_ARG(group->name), what);
	md_nest_add_finding(nest, group, row, number, &problem);
}

static enum md_code take_value(struct md_nested *nest, struct md_nest_group *group, unsigned parent,
			       unsigned place, struct md_str value, struct md_error *err)
{
	struct md_nest_row row = { .text = value, .parent = parent, .place = place };
	bool keyed = is_key(value) && group->model->key_count == 1;
	unsigned number = group->count;
	enum md_code code;

	if (keyed)
		row.text = object_of(nest, group->model, value);
	if (!row.text.ptr)
		return md_fail_nomem(err);
	code = add_row(nest, group, &row, err);
	if (code != MD_OK)
		return code;
	if (keyed || value.ptr[0] == '{')
		return read_row(nest, group, number, err);
	group->rows[number].text = MD_STR("{}");
	refuse_value(nest, group, true, number,
		     is_key(value) ? "objects: the key has several columns" : "objects and keys");
	return MD_OK;
}

static enum md_code take_list(struct md_nested *nest, struct md_nest_group *group, unsigned parent,
			      struct md_str value, struct md_error *err)
{
	struct md_pieces pieces;
	struct md_str element;
	enum md_code code = MD_OK;

	if (value.ptr[0] != '[') {
		refuse_value(nest, group, false, parent, "a list");
		return MD_OK;
	}
	md_pieces_open(&pieces, value);
	for (unsigned i = 0; code == MD_OK && md_pieces_element(&pieces, &element); i++)
		code = take_value(nest, group, parent, i, element, err);
	return code;
}

static enum md_code take_relation(struct md_nested *nest, struct md_nest_group *up, unsigned parent,
				  const struct md_relation *via, struct md_str name,
				  struct md_str value, struct md_error *err)
{
	struct md_nest_group *group;
	enum md_code code = have_group(nest, up, via, name, &group, err);

	if (code != MD_OK)
		return code;
	if (md_nest_is_given(group, parent)) {
		refuse_value(nest, group, false, parent, "one value: it has two names here");
		return MD_OK;
	}
	group->givers = grow(nest->arena, group->givers, group->giver_count, &group->giver_room,
			     sizeof(*group->givers));
	if (!group->givers)
		return md_fail_nomem(err);
	group->givers[group->giver_count++] = parent;
	if (!is_writable(via))
		refuse(nest, group, parent, "its keys are not for clients");
	if (!via->to_one)
		return take_list(nest, group, parent, value, err);
	return value.ptr[0] == 'n' ? MD_OK : take_value(nest, group, parent, 0, value, err);
}

/* --- the members of a row --- */

bool md_nest_is_inherited(const struct md_nest_group *group, const struct md_field *field)
{
	const struct md_relation *via = group->via;

	for (unsigned i = 0; md_nest_is_below(via) && i < via->remote_count; i++)
		if (via->remote[i] == field)
			return true;
	return false;
}

static void refuse_column(struct md_nested *nest, const struct md_nest_group *group,
			  unsigned number, struct md_str name, const struct md_error *problem)
{
	md_auto_buf pointer = MD_BUF(1u << 20);

	md_nest_put_row(nest, group, number, &pointer);
	md_pointer_put(&pointer, name);
	nest->findings.nomem |= pointer.failed;
	md_findings_add(&nest->findings, md_buf_str(&pointer), problem);
}

static void take_column(struct md_nested *nest, struct md_nest_group *group, unsigned number,
			const struct md_field *field, struct md_str value, struct tally *tally)
{
	struct md_error problem;

	tally->columns++;
	tally->keys += field->key_position >= 0 && value.ptr[0] != 'n';
	group->given[field->index] = true;
	if (!md_nest_is_inherited(group, field))
		return;
	md_fail(&problem, MD_INVALID, "42701", "column \"%.*s\" specified more than once",
		MD_STR_ARG(field->name));
	md_error_details(&problem, "The relationship '%.*s' gives it.", MD_STR_ARG(group->name));
	refuse_column(nest, group, number, field->name, &problem);
}

static struct md_str decode(struct md_nested *nest, struct md_str written)
{
	char *out;

	if (written.len == 0 || !memchr(written.ptr, '\\', written.len))
		return written;
	out = md_arena_alloc(nest->arena, written.len);
	return (struct md_str){ out, out ? md_json_unescape(out, written) : 0 };
}

/* A relationship in the path wins over a column of its name. */
static const struct md_field *column_of(const struct md_nest_group *group, struct md_str name)
{
	return group->in_path ? NULL : md_model_input(group->model, name);
}

static enum md_code take_member(struct md_nested *nest, struct md_nest_group *group,
				unsigned number, struct md_str written, struct md_str value,
				struct tally *tally, struct md_error *err)
{
	struct md_str name = decode(nest, written);
	const struct md_relation *via;
	const struct md_field *field;
	struct md_error problem;
	enum md_code code;

	if (!name.ptr)
		return md_fail_nomem(err);
	field = column_of(group, name);
	if (field) {
		take_column(nest, group, number, field, value, tally);
		return MD_OK;
	}
	code = md_relation_resolve(nest->generation->registry, group->model, name,
				   (struct md_str){ NULL, 0 }, &via, &problem);
	if (code == MD_OK) {
		tally->nested++;
		return take_relation(nest, group, number, via, name, value, err);
	}
	if (strcmp(problem.wire, "PGRST200") != 0) {
		*err = problem;
		return code;
	}
	md_check_fail_column(group->model, name, &problem);
	refuse_column(nest, group, number, name, &problem);
	return MD_OK;
}

/* --- what becomes of a row --- */

static unsigned inherited_keys(const struct md_nest_group *group)
{
	unsigned count = 0;

	for (unsigned i = 0; i < group->model->key_count; i++)
		count += md_nest_is_inherited(group, group->model->key[i]);
	return count;
}

static enum md_nest_kind root_kind(const struct md_nested *nest)
{
	if (nest->write->ask.kind == MD_WRITE_UPDATE)
		return nest->write->ask.link != MD_LINK_NONE ? MD_NEST_LINK : MD_NEST_CHANGE;
	return nest->write->ask.resolution == MD_RESOLUTION_MERGE ? MD_NEST_MERGE : MD_NEST_CREATE;
}

static enum md_nest_kind kind_of(const struct md_nested *nest, const struct md_nest_group *group,
				 unsigned number, const struct tally *tally)
{
	static const enum md_nest_kind by_mode[] = { [MD_NEST_ADD] = MD_NEST_CREATE,
						     [MD_NEST_EDIT] = MD_NEST_CHANGE,
						     [MD_NEST_SET] = MD_NEST_MERGE,
						     [MD_NEST_REMOVE] = MD_NEST_LINK };
	unsigned inherited = inherited_keys(group), keys = group->model->key_count;
	const struct md_nest_row *row = &group->rows[number];
	bool is_new;

	if (!group->up)
		return root_kind(nest);
	is_new = group->up->rows[row->parent].kind == MD_NEST_CREATE;
	if (keys > 0 && inherited == 0 && tally->keys == keys)
		return tally->columns == keys ? MD_NEST_LINK : by_mode[nest->mode];
	if (inherited > 0 && tally->keys > 0 && tally->keys + inherited == keys)
		return nest->mode == MD_NEST_ADD || is_new ? MD_NEST_CREATE : MD_NEST_MERGE;
	if (md_nest_is_below(group->via) && group->via->to_one && !is_new)
		return MD_NEST_MERGE_ONE;
	return MD_NEST_CREATE;
}

/* Its relationships need to know what becomes of it: columns first. */
static enum md_code read_members(struct md_nested *nest, struct md_nest_group *group,
				 unsigned number, bool columns, struct tally *tally,
				 struct md_error *err)
{
	struct md_str name, value, text = group->rows[number].text;
	struct md_pieces pieces;
	enum md_code code = MD_OK;

	md_pieces_open(&pieces, text);
	while (code == MD_OK && md_pieces_member(&pieces, &name, &value)) {
		struct md_str plain = decode(nest, name);

		if (!plain.ptr)
			return md_fail_nomem(err);
		if ((column_of(group, plain) != NULL) == columns)
			code = take_member(nest, group, number, name, value, tally, err);
	}
	return code;
}

static enum md_code read_row(struct md_nested *nest, struct md_nest_group *group, unsigned number,
			     struct md_error *err)
{
	struct tally tally = { .columns = 0 };
	enum md_code code = read_members(nest, group, number, true, &tally, err);
	enum md_nest_kind kind;

	if (code != MD_OK)
		return code;
	kind = kind_of(nest, group, number, &tally);
	group->rows[number].kind = kind;
	group->kinds[kind]++;
	if (nest->mode == MD_NEST_REMOVE && group->up && kind != MD_NEST_LINK)
		refuse_value(nest, group, true, number, "keys");
	return read_members(nest, group, number, false, &tally, err);
}

enum md_code md_nest_read(struct md_nested *nest, struct md_str body, struct md_error *err)
{
	struct md_nest_group *root = new_group(nest, nest->write->ask.model);
	struct md_nest_row row = { .text = body };
	struct md_pieces pieces;
	enum md_code code = MD_OK;

	nest->root = root;
	if (!root)
		return md_fail_nomem(err);
	root->in_path = nest->write->ask.link != MD_LINK_NONE;
	body.ptr = md_json_blanks(body.ptr, body.ptr + body.len);
	nest->root_list = *body.ptr == '[';
	if (!nest->root_list) {
		code = add_row(nest, root, &row, err);
		return code == MD_OK ? read_row(nest, root, 0, err) : code;
	}
	md_pieces_open(&pieces, body);
	while (code == MD_OK && md_pieces_element(&pieces, &row.text)) {
		code = add_row(nest, root, &row, err);
		row.place++;
		if (code == MD_OK)
			code = read_row(nest, root, root->count - 1, err);
	}
	return code;
}

/* --- looking at it --- */

/* The first row of the parent or of one behind it. */
static unsigned first_from(const struct md_nest_group *group, unsigned parent)
{
	unsigned low = 0, high = group->count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (group->rows[middle].parent < parent)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

unsigned md_nest_rows_of(const struct md_nest_group *group, unsigned parent, unsigned *ret_end)
{
	unsigned first = first_from(group, parent), end = first;

	while (end < group->count && group->rows[end].parent == parent)
		end++;
	*ret_end = end;
	return first;
}

bool md_nest_is_given(const struct md_nest_group *group, unsigned parent)
{
	unsigned low = 0, high = group->giver_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (group->givers[middle] < parent)
			low = middle + 1;
		else
			high = middle;
	}
	return low < group->giver_count && group->givers[low] == parent;
}
