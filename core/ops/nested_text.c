/* The texts that steps are made of: bodies with the keys that are known by now, and filters. */
#include "core/json/pieces.h"
#include "core/json/write.h"
#include "core/ops/nested_private.h"

#include "core/base/banned.h"

enum { DEPTH_MAX = 1000, PLAIN_MAX = 1u << 24 };

/* --- objects --- */

void md_nest_put_member(struct md_buf *out, struct md_str name, struct md_str value)
{
	if (out->len > 0 && out->data[out->len - 1] != '{')
		md_buf_putc(out, ',');
	md_json_write_string(out, name.ptr, name.len);
	md_buf_putc(out, ':');
	md_buf_putstr(out, value);
}

static const struct md_field *field_of(const struct md_model *model, struct md_str written)
{
	if (written.len > 0 && !memchr(written.ptr, '\\', written.len))
		return md_model_input(model, written);
	for (unsigned i = 0; i < model->field_count; i++)
		if (md_pieces_name_is(written, model->fields[i].name))
			return md_model_input(model, model->fields[i].name);
	return NULL;
}

void md_nest_put_plain(const struct md_nest_group *group, struct md_str text, bool keyless,
		       struct md_buf *out)
{
	struct md_pieces pieces;
	struct md_str name, value;

	md_pieces_open(&pieces, text);
	while (!group->in_path && md_pieces_member(&pieces, &name, &value)) {
		const struct md_field *field = field_of(group->model, name);

		if (field && !(keyless && field->key_position >= 0))
			md_nest_put_member(out, field->name, value);
	}
}

struct md_str md_nest_value(struct md_str object, const struct md_field *field)
{
	struct md_str value = object.ptr ? md_pieces_find(object, field->name) : object;

	return value.ptr ? value : MD_STR("null");
}

/* What the relation to the parent gives. */
static void put_inherited(const struct md_nest_group *group, unsigned row, struct md_buf *out)
{
	const struct md_relation *via = group->via;
	const struct md_nest_row *parent;

	if (!md_nest_is_below(via))
		return;
	parent = &group->up->rows[group->rows[row].parent];
	for (unsigned i = 0; i < via->remote_count; i++)
		md_nest_put_member(out, via->remote[i]->name,
				   md_nest_value(parent->known, via->local[i]));
}

/* What to-one relationships of the row give: the key of their row, or null. */
static void put_pointed(const struct md_nest_group *group, unsigned row, struct md_buf *out)
{
	for (const struct md_nest_group *child = group->first; child; child = child->next) {
		struct md_str known = { NULL, 0 };
		unsigned end, first;

		if (!child->via->here || !md_nest_is_given(child, row))
			continue;
		first = md_nest_rows_of(child, row, &end);
		if (first < end)
			known = child->rows[first].known;
		for (unsigned i = 0; i < child->via->local_count; i++)
			md_nest_put_member(out, child->via->local[i]->name,
					   md_nest_value(known, child->via->remote[i]));
	}
}

bool md_nest_put_object(const struct md_nest_group *group, unsigned row, bool keyless,
			struct md_buf *out)
{
	size_t before = out->len;

	md_buf_putc(out, '{');
	md_nest_put_plain(group, group->rows[row].text, keyless, out);
	put_inherited(group, row, out);
	put_pointed(group, row, out);
	md_buf_putc(out, '}');
	return out->len > before + 2;
}

static void add_name(struct md_nest_columns *columns, struct md_str name)
{
	for (unsigned i = 0; i < columns->count; i++)
		if (md_str_equal(columns->names[i], name))
			return;
	columns->names[columns->count++] = name;
}

bool md_nest_columns(struct md_nested *nest, const struct md_nest_group *group,
		     struct md_nest_columns *ret_columns)
{
	const struct md_model *model = group->model;
	struct md_nest_columns columns = { .count = 0 };

	columns.names = md_arena_alloc(nest->work, model->field_count * sizeof(*columns.names));
	if (!columns.names)
		return false;
	for (unsigned i = 0; i < model->field_count; i++)
		if (group->given[i])
			add_name(&columns, model->fields[i].name);
	for (unsigned i = 0; md_nest_is_below(group->via) && i < group->via->remote_count; i++)
		add_name(&columns, group->via->remote[i]->name);
	for (const struct md_nest_group *child = group->first; child; child = child->next)
		for (unsigned i = 0; child->via->here && i < child->via->local_count; i++)
			add_name(&columns, child->via->local[i]->name);
	*ret_columns = columns;
	return true;
}

enum md_code md_nest_open_text(struct md_nested *nest, struct md_str text,
			       const struct md_nest_columns *columns,
			       const struct md_body **ret_body, struct md_error *err)
{
	/* What was sent has been within the limits. */
	static const struct md_body_limits limits = { .size = SIZE_MAX,
						      .string = SIZE_MAX,
						      .number = SIZE_MAX,
						      .depth = DEPTH_MAX,
						      .nodes = UINT32_MAX,
						      .keys = UINT32_MAX,
						      .rows = UINT32_MAX };

	return md_body_open(nest->work, MD_BODY_JSON, text, &limits,
			    columns ? columns->names : NULL, columns ? columns->count : 0, ret_body,
			    err);
}

enum md_code md_nest_open(struct md_nested *nest, const struct md_nest_columns *columns,
			  const struct md_body **ret_body, struct md_error *err)
{
	if (nest->text.failed)
		return md_fail_nomem(err);
	return md_nest_open_text(nest, md_buf_str(&nest->text), columns, ret_body, err);
}

struct md_str md_nest_keep(struct md_nested *nest, struct md_str text)
{
	return md_arena_str(nest->arena, text);
}

/* --- keys and filters --- */

/* As a filter or a path has it. */
static struct md_str plain_of(struct md_nested *nest, struct md_str value)
{
	md_auto_buf out = MD_BUF(PLAIN_MAX);

	md_pieces_put_plain(&out, value);
	return out.failed ? (struct md_str){ NULL, 0 } : md_arena_str(nest->work, md_buf_str(&out));
}

const struct md_str *md_nest_key(struct md_nested *nest, const struct md_nest_group *group,
				 unsigned row)
{
	const struct md_model *model = group->model;
	struct md_str *key = md_arena_alloc(nest->work, model->key_count * sizeof(*key));

	for (unsigned i = 0; key && i < model->key_count; i++) {
		key[i] = plain_of(nest, md_nest_value(group->rows[row].text, model->key[i]));
		if (!key[i].ptr)
			return NULL;
	}
	return key;
}

struct md_query *md_nest_query(struct md_nested *nest, const struct md_nest_group *group)
{
	struct md_query *query = md_arena_zalloc(nest->work, sizeof(*query));
	struct md_select **end;

	if (!query)
		return NULL;
	query->has_select = true;
	end = &query->root.select;
	for (unsigned i = 0; i < group->needed_count; i++) {
		*end = md_arena_zalloc(nest->work, sizeof(**end));
		if (!*end)
			return NULL;
		(*end)->kind = MD_SELECT_COLUMN;
		(*end)->column.name = group->needed[i]->name;
		end = &(*end)->next;
	}
	return query;
}

/* The place of one more value. NULL: no memory. */
static struct md_str *add_values(struct md_nested *nest, struct md_query *query, unsigned more)
{
	struct md_str *values =
		md_arena_alloc(nest->work, (query->value_count + more) * sizeof(*values));

	if (!values)
		return NULL;
	for (unsigned i = 0; i < query->value_count; i++)
		values[i] = query->values[i];
	query->values = values;
	query->value_count += more;
	return values + query->value_count - more;
}

static struct md_logic *new_logic(struct md_nested *nest, enum md_logic_kind kind,
				  struct md_logic **list)
{
	struct md_logic *logic = md_arena_zalloc(nest->work, sizeof(*logic));

	if (!logic)
		return NULL;
	logic->kind = kind;
	logic->next = *list;
	*list = logic;
	return logic;
}

static bool add_leaf(struct md_nested *nest, struct md_query *query, struct md_logic **list,
		     const struct md_field *field, struct md_str value)
{
	struct md_logic *logic = new_logic(nest, MD_LOGIC_LEAF, list);
	struct md_str *values;

	if (!logic)
		return false;
	logic->leaf.column.name = field->name;
	logic->leaf.op = MD_OP_IS;
	logic->leaf.is = MD_IS_NULL;
	if (!value.ptr || value.ptr[0] == 'n')
		return true;
	logic->leaf.op = MD_OP_EQ;
	logic->leaf.value = query->value_count;
	logic->leaf.value_count = 1;
	values = add_values(nest, query, 1);
	if (!values)
		return false;
	values[0] = plain_of(nest, value);
	return values[0].ptr != NULL;
}

bool md_nest_where(struct md_nested *nest, struct md_query *query, const struct md_field *field,
		   struct md_str value)
{
	return add_leaf(nest, query, &query->root.where, field, value);
}

static bool where_values(struct md_nested *nest, struct md_query *query,
			 const struct md_field *field, const struct md_str *objects, unsigned count,
			 bool negated)
{
	struct md_logic *logic = new_logic(nest, MD_LOGIC_LEAF, &query->root.where);
	struct md_str *values;

	if (!logic)
		return false;
	logic->leaf.column.name = field->name;
	logic->leaf.op = MD_OP_IN;
	logic->leaf.negated = negated;
	logic->leaf.value = query->value_count;
	logic->leaf.value_count = count;
	values = add_values(nest, query, count);
	for (unsigned i = 0; values && i < count; i++) {
		values[i] = plain_of(nest, md_nest_value(objects[i], field));
		if (!values[i].ptr)
			return false;
	}
	return values != NULL;
}

bool md_nest_where_in(struct md_nested *nest, struct md_query *query,
		      const struct md_field *const *fields, unsigned field_count,
		      const struct md_str *objects, unsigned count, bool negated)
{
	struct md_logic *any, *all;

	if (count == 0)
		return true;
	if (field_count == 1)
		return where_values(nest, query, fields[0], objects, count, negated);
	any = new_logic(nest, MD_LOGIC_OR, &query->root.where);
	if (!any)
		return false;
	any->negated = negated;
	for (unsigned i = 0; i < count; i++) {
		all = new_logic(nest, MD_LOGIC_AND, &any->child);
		if (!all)
			return false;
		for (unsigned k = 0; k < field_count; k++)
			if (!add_leaf(nest, query, &all->child, fields[k],
				      md_nest_value(objects[i], fields[k])))
				return false;
	}
	return true;
}
