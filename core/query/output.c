/* The select list: which cells a statement fetches, and the shape that makes JSON of them. To-one
 * embeds are joined into the statement of their parent. To-many embeds are child statements (and
 * so are to-one ones with a limit of their own), or where the engine makes JSON well, cells that
 * it made (nested.c). */
#include "core/query/builder.h"

#include <string.h>

#include "core/json/sink_text.h"

#include "core/base/banned.h"

static const struct md_str nothing = { NULL, 0 };

/* Typed cells (SQLite) are mostly written as what they are; text cells (PostgreSQL) by their
 * declared type. */
static const enum md_codec codecs[][2] = {
	[MD_TYPE_ANY] = { MD_AS_JSON_MADE, MD_AS_ANY },
	[MD_TYPE_INT2] = { MD_AS_NUMBER_TEXT, MD_AS_ANY },
	[MD_TYPE_INT4] = { MD_AS_NUMBER_TEXT, MD_AS_ANY },
	[MD_TYPE_INT8] = { MD_AS_NUMBER_TEXT, MD_AS_ANY },
	[MD_TYPE_FLOAT] = { MD_AS_NUMBER_TEXT, MD_AS_ANY },
	[MD_TYPE_NUMERIC] = { MD_AS_NUMBER_TEXT, MD_AS_ANY },
	[MD_TYPE_BOOL] = { MD_AS_BOOL, MD_AS_BOOL },
	[MD_TYPE_TEXT] = { MD_AS_STRING, MD_AS_STRING },
	[MD_TYPE_DATE] = { MD_AS_STRING, MD_AS_STRING },
	[MD_TYPE_TIME] = { MD_AS_STRING, MD_AS_STRING },
	[MD_TYPE_TIMESTAMP] = { MD_AS_TIMESTAMP, MD_AS_STRING },
	[MD_TYPE_TIMESTAMPTZ] = { MD_AS_TIMESTAMP, MD_AS_STRING },
	[MD_TYPE_UUID] = { MD_AS_STRING, MD_AS_STRING },
	[MD_TYPE_JSON] = { MD_AS_JSON_CHECKED, MD_AS_JSON },
	[MD_TYPE_BYTES] = { MD_AS_STRING, MD_AS_ANY },
	[MD_TYPE_OTHER] = { MD_AS_JSON_MADE, MD_AS_STRING },
	[MD_TYPE_KEPT_DATE] = { MD_AS_STRING, MD_AS_STRING },
	[MD_TYPE_KEPT_TIME] = { MD_AS_STRING, MD_AS_KEPT },
	[MD_TYPE_KEPT_TIMESTAMP] = { MD_AS_TIMESTAMP, MD_AS_KEPT },
	[MD_TYPE_KEPT_TIMESTAMPTZ] = { MD_AS_TIMESTAMP, MD_AS_KEPT },
	[MD_TYPE_KEPT_UUID] = { MD_AS_STRING, MD_AS_STRING },
	[MD_TYPE_KEPT_NUMERIC] = { MD_AS_NUMBER_TEXT, MD_AS_NUMBER_TEXT },
	[MD_TYPE_KEPT_BYTES] = { MD_AS_STRING, MD_AS_ANY },
};

static enum md_codec codec_of(const struct md_build *b, enum md_type type)
{
	return codecs[type][b->context->dialect->typed_cells];
}

static enum md_codec field_codec(const struct md_build *b, const struct md_field *field)
{
	return field->as_string ? MD_AS_TEXT : codec_of(b, field->type);
}

static unsigned add_cell(struct md_stmt_build *s)
{
	if (s->cell_count == MD_CELLS_MAX) {
		s->crowded = true;
		return 0;
	}
	if (s->cell_count > 0)
		md_buf_putc(&s->cells, ',');
	s->known[s->cell_count] = (struct md_cell){ .field = NULL };
	return s->cell_count++;
}

/* Of a type that only the engine can make JSON of. */
static const char *json_template(const struct md_build *b, enum md_type type)
{
	bool known = type != MD_TYPE_OTHER && type != MD_TYPE_ANY;

	return known ? NULL : b->context->dialect->templates[MD_SQL_AS_JSON];
}

/* The same for an expression, in JSON that can be grouped by where it makes groups. */
static const char *json_of_expression(const struct md_build *b, bool groups)
{
	const char *comparable = b->context->dialect->templates[MD_SQL_TO_JSON];

	return groups && comparable ? comparable : json_template(b, MD_TYPE_OTHER);
}

static void put_as_json(struct md_stmt_build *s, const char *template, struct md_str sql)
{
	if (template)
		md_put_template(&s->cells, template, sql, (struct md_str){ NULL, 0 });
	else
		md_buf_putstr(&s->cells, sql);
}

unsigned md_cell_column(struct md_build *b, struct md_stmt_build *s, unsigned alias,
			const struct md_field *field)
{
	md_auto_buf column = MD_BUF(1u << 12);
	unsigned cell;

	for (unsigned i = 0; i < s->cell_count; i++)
		if (s->known[i].field == field && s->known[i].alias == alias)
			return i;
	cell = add_cell(s);
	s->known[cell] = (struct md_cell){ .alias = alias, .field = field };
	md_put_column(b, &column, alias, field);
	s->failed |= column.failed;
	put_as_json(s, json_template(b, field->type), md_buf_str(&column));
	md_group_by(s, md_buf_str(&column));
	return cell;
}

struct items {
	struct md_shape_item *list;
	unsigned count, cap;
	bool failed;
};

/* What is spread may stand among the items. */
static bool grow(struct md_build *b, struct items *items)
{
	unsigned cap = 2 * items->cap + 8;
	struct md_shape_item *list = md_arena_alloc(b->arena, cap * sizeof(*list));

	items->failed = !list;
	if (!list)
		return false;
	memcpy(list, items->list, items->count * sizeof(*list));
	items->list = list;
	items->cap = cap;
	return true;
}

static struct md_shape_item *add_item(struct md_build *b, struct items *items, struct md_str key)
{
	struct md_shape_item *item;

	if (items->failed || (items->count == items->cap && !grow(b, items)))
		return NULL;
	item = &items->list[items->count];
	*item = (struct md_shape_item){ .nest = MD_NEST_CELL };
	if (md_str_is_given(key)) {
		item->key = md_shape_key(b->arena, key.ptr, key.len, &item->key_len);
		items->failed |= !item->key;
	}
	items->count++;
	return item;
}

/* What an engine with text cells is to give for an item. Texts of declared models may be anything:
 * their types are compared at the start. */
static void expect(struct md_stmt_build *s, const struct md_node *node,
		   const struct md_shape_item *item)
{
	static const enum md_expect expected[] = { [MD_AS_NUMBER_TEXT] = MD_EXPECT_NUMBER,
						   [MD_AS_BOOL] = MD_EXPECT_BOOL,
						   [MD_AS_JSON_CHECKED] = MD_EXPECT_JSON,
						   [MD_AS_JSON_MADE] = MD_EXPECT_JSON,
						   [MD_AS_TIMESTAMP] = MD_EXPECT_TIMESTAMP,
						   [MD_AS_STRING] = MD_EXPECT_TEXT,
						   [MD_AS_KEPT] = MD_EXPECT_ANY };
	enum md_expect wanted = expected[item->codec];

	if (wanted == MD_EXPECT_TEXT && node->model->def)
		return;
	s->known[item->column].expect = wanted;
}

static void add_field(struct md_build *b, struct md_stmt_build *s, const struct md_node *node,
		      const struct md_field *field, struct items *items)
{
	struct md_shape_item *item = add_item(b, items, field->name);

	if (!item)
		return;
	item->codec = field_codec(b, field);
	item->column = md_cell_column(b, s, node->alias, field);
	expect(s, node, item);
}

static enum md_codec codec_of_output(const struct md_build *b, const struct md_select *select,
				     const struct md_output *output)
{
	if (output->is_text)
		return MD_AS_TEXT;
	if (select->column.path_len > 0 && !md_str_is_given(select->cast) &&
	    select->aggregate == MD_AGG_NONE)
		return MD_AS_JSON_CHECKED;
	return output->field ? field_codec(b, output->field) : codec_of(b, output->type);
}

static enum md_code add_column(struct md_build *b, struct md_stmt_build *s,
			       const struct md_node *node, const struct md_select *select,
			       struct items *items, struct md_error *err)
{
	struct md_shape_item *item;
	struct md_output output;
	bool groups;
	enum md_code code = md_select_output(b, s, node, select, &output, err);

	if (code != MD_OK)
		return code;
	item = add_item(b, items, md_output_name(select));
	if (!item)
		return md_fail_nomem(err);
	item->codec = codec_of_output(b, select, &output);
	if (output.field) {
		item->column = md_cell_column(b, s, node->alias, output.field);
		expect(s, node, item);
		return MD_OK;
	}
	item->column = add_cell(s);
	expect(s, node, item);
	groups = md_select_aggregate(node->model, select) == MD_AGG_NONE;
	put_as_json(s, output.any_type ? json_of_expression(b, groups && s->grouped) : NULL,
		    output.sql);
	if (groups)
		md_group_by(s, output.group);
	return MD_OK;
}

/* What a table does not promise although it is declared: joined rows would come more than once. */
static bool may_be_many(const struct md_relation *relation)
{
	return relation->to->def && !relation->here &&
	       !md_model_is_unique_by(relation->to, relation->remote, relation->remote_count);
}

/* The engine makes JSON of embeds. */
static bool makes_json(const struct md_build *b)
{
	return b->context->dialect->templates[MD_SQL_LIST] != NULL;
}

/* In a statement with aggregates what is spread is joined in any case. */
static bool has_own_statement(const struct md_build *b, const struct md_link *link, bool grouped)
{
	if (!link->relation->to_one)
		return true;
	if (grouped && link->embed->spread)
		return false;
	if (!link->embed->spread && md_level_is_grouped(link->relation->to, &link->embed->level))
		return true;
	if (makes_json(b))
		return may_be_many(link->relation) && !link->embed->spread;
	return link->embed->level.has_limit || link->embed->level.has_offset ||
	       may_be_many(link->relation);
}

void md_mark_enforced(const struct md_build *b, struct md_node *node, bool inner_chain)
{
	for (unsigned i = 0; i < node->link_count; i++) {
		struct md_link *link = &node->links[i];
		bool joined = !has_own_statement(b, link, node->grouped);

		if (node->nested)
			joined = link->relation->to_one && link->embed->spread &&
				 md_has_output(&link->embed->level);
		link->enforced = inner_chain && link->inner && joined;
	}
}

/* A row at most has no page but the first. */
static void put_page_of_one(struct md_build *b, struct md_stmt_build *s, struct md_buf *on,
			    const struct md_level *level)
{
	if (level->has_limit && level->limit <= 0)
		md_buf_printf(on, " AND %s", b->context->dialect->truth[0]);
	if (!level->has_offset)
		return;
	md_buf_puts(on, " AND CAST(");
	md_put_bind(
		b, s, on,
		&(struct md_bind){ .from = MD_FROM_OFFSET, .index = md_level_number(b, level) });
	md_buf_puts(on, " AS bigint) <= 0");
}

/* LEFT JOIN, or JOIN when the embed is inner and so is everything between it and the root of the
 * statement. */
enum md_code md_join_link(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
			  struct md_link *link, bool inner, struct md_node **ret_target,
			  struct md_error *err)
{
	const char *separator = " AND ";
	struct md_node *target;
	md_auto_buf on = MD_BUF(1u << 16);
	enum md_code code;

	code = md_node_new(b, link->relation->to, &link->embed->level, &target, err);
	if (code != MD_OK)
		return code;
	target->parent = node;
	target->nested = node->nested;
	target->grouped = node->grouped;
	target->spread = link->embed->spread ? link->relation : NULL;
	md_mark_enforced(b, target, inner);
	md_buf_puts(&s->from, inner ? " JOIN " : " LEFT JOIN ");
	code = md_put_relation(b, s, &s->from, &on, link->relation, target->alias, node->alias,
			       false, err);
	if (code == MD_OK)
		code = md_put_conditions(b, s, &on, target, &separator, err);
	if (code != MD_OK)
		return code;
	put_page_of_one(b, s, &on, &link->embed->level);
	md_buf_puts(&s->from, " ON ");
	md_buf_put(&s->from, on.data, on.len);
	s->failed |= on.failed;
	link->joined = target;
	*ret_target = target;
	return MD_OK;
}

static struct md_str key_of(const struct md_embed *embed)
{
	return embed->spread ? nothing : md_embed_name(embed);
}

/* NULL where there is no row, and the same everywhere else, so that it groups nothing apart. */
static unsigned add_presence(struct md_build *b, struct md_stmt_build *s, unsigned alias,
			     const struct md_relation *relation)
{
	unsigned cell = add_cell(s);

	md_buf_puts(&s->cells, "CASE WHEN ");
	md_put_column(b, &s->cells, alias, relation->remote[0]);
	md_buf_puts(&s->cells, " IS NOT NULL THEN 1 END");
	md_group_by(s, nothing);
	return cell;
}

static enum md_code add_items(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
			      bool inner_chain, struct items *items, struct md_error *err);

static enum md_code join_link(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
			      struct md_link *link, bool inner_chain, struct items *items,
			      struct md_error *err)
{
	struct md_shape_item *item;
	unsigned index;
	bool inner = link->inner && inner_chain;
	struct md_node *target;
	enum md_code code = md_join_link(b, s, node, link, inner, &target, err);

	if (code != MD_OK || !items) /* rel(): joined for its filters only */
		return code;
	if (node->grouped && link->embed->spread)
		return add_items(b, s, target, inner, items, err);
	item = add_item(b, items, key_of(link->embed));
	if (!item)
		return md_fail_nomem(err);
	index = items->count - 1;
	item->nest = MD_NEST_OBJECT;
	item->column = node->grouped
			       ? add_presence(b, s, target->alias, link->relation)
			       : md_cell_column(b, s, target->alias, link->relation->remote[0]);
	return md_node_shape(b, s, target, inner, &items->list[index].child, err);
}

bool md_embed_limit(const struct md_build *b, const struct md_level *level, int64_t *ret_limit)
{
	bool capped = b->context->max_rows <= INT64_MAX;

	*ret_limit = level->has_limit ? level->limit : INT64_MAX;
	if (capped && *ret_limit > (int64_t)b->context->max_rows)
		*ret_limit = (int64_t)b->context->max_rows;
	return level->has_limit || capped;
}

static enum md_code build_child(struct md_build *b, struct md_node *node, struct md_link *link,
				struct md_shape_item *item, struct md_stmt_build *s,
				struct md_plan_stmt *stmt, struct md_error *err)
{
	const struct md_level *level = &link->embed->level;
	const char *separator = " AND ";
	int64_t limit;
	bool limited = md_embed_limit(b, level, &limit);
	struct md_node *target;
	enum md_code code = md_node_new(b, link->relation->to, level, &target, err);

	if (code != MD_OK)
		return code;
	target->parent = node;
	md_buf_puts(&s->where, " WHERE ");
	code = md_put_relation(b, s, &s->from, &s->where, link->relation, target->alias,
			       node->alias, true, err);
	s->grouped = target->grouped;
	if (code == MD_OK)
		code = md_node_shape(b, s, target, true, &item->child, err);
	if (code == MD_OK)
		code = md_put_conditions(b, s, &s->where, target, &separator, err);
	if (code == MD_OK)
		code = level->order ? md_put_order(b, s, target, err)
				    : md_put_relation_order(b, s, target, link->relation, err);
	if (code == MD_OK)
		code = md_stmt_build_finish(b, s, limited, limit, level->has_offset ? level : NULL,
					    stmt, err);
	return code;
}

/* What a child statement needs of its parent. In a group it is that of any row: the list is the
 * same for all of them. */
static unsigned parent_cell(struct md_build *b, struct md_stmt_build *parent, unsigned alias,
			    const struct md_field *field)
{
	unsigned cell;

	if (!parent->grouped)
		return md_cell_column(b, parent, alias, field);
	cell = add_cell(parent);
	md_put_column(b, &parent->cells, alias, field);
	return cell;
}

static enum md_code group_by_list(struct md_build *b, struct md_stmt_build *s,
				  const struct md_node *node, const struct md_link *link,
				  struct md_error *err)
{
	md_auto_buf key = MD_BUF(MD_SQL_MAX);
	enum md_code code = md_put_list_key(b, s, &key, node, link, err);

	md_group_by(s, md_buf_str(&key));
	s->failed |= key.failed;
	return code;
}

/* A child statement; its first parameters are the parent's columns of the relation. */
static enum md_code child_link(struct md_build *b, struct md_stmt_build *parent,
			       struct md_node *node, struct md_link *link,
			       struct md_shape_item *item, struct md_error *err)
{
	const struct md_relation *relation = link->relation;
	struct md_plan_stmt *stmt = md_arena_zalloc(b->arena, sizeof(*stmt));
	struct md_shape_call *call = md_arena_zalloc(b->arena, sizeof(*call));
	struct md_shape_bind *binds =
		md_arena_alloc(b->arena, relation->local_count * sizeof(*binds));
	struct md_stmt_build s;
	enum md_code code;

	if (!stmt || !call || !binds)
		return md_fail_nomem(err);
	if (b->child_count == sizeof(b->children) / sizeof(b->children[0]))
		return md_fail(err, MD_TOO_LARGE, "MD414", "more than %u embedded lists",
			       b->child_count);
	call->slot = b->child_count;
	b->children[b->child_count++] = stmt;
	code = md_stmt_build_init(&s, err);
	if (code != MD_OK)
		return code;
	code = build_child(b, node, link, item, &s, stmt, err);
	md_stmt_build_release(&s);
	if (code != MD_OK)
		return code;
	for (unsigned i = 0; i < relation->local_count; i++)
		binds[i] = (struct md_shape_bind){ .param = i,
						   .column = parent_cell(b, parent, node->alias,
									 relation->local[i]) };
	call->stmt = &stmt->stmt;
	call->binds = binds;
	call->bind_count = relation->local_count;
	item->nest = relation->to_one ? MD_NEST_ROW : item->key ? MD_NEST_ARRAY : MD_NEST_COLUMNS;
	item->call = call;
	return MD_OK;
}

bool md_has_output(const struct md_level *level)
{
	for (const struct md_select *select = level->select; select; select = select->next)
		if (select->kind != MD_SELECT_EMBED || md_has_output(&select->embed->level))
			return true;
	return false;
}

/* A cell that the engine makes. */
static enum md_code nested_link(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
				struct md_link *link, struct md_shape_item *item,
				struct md_error *err)
{
	item->codec = MD_AS_JSON_CHECKED;
	item->column = add_cell(s);
	md_group_by(s, nothing);
	return md_put_nested(b, s, &s->cells, node, link, err);
}

/* Lists that the engine makes, as cells. */
static enum md_code add_columns(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
				struct md_link *link, struct items *items, struct md_error *err)
{
	struct md_names names = { .list = NULL };
	unsigned alias;
	enum md_code code = md_join_columns(b, s, node, link, &names, &alias, err);

	for (unsigned i = 0; code == MD_OK && i < names.count; i++) {
		struct md_shape_item *item = add_item(b, items, names.list[i]);

		if (!item)
			return md_fail_nomem(err);
		item->codec = MD_AS_JSON_CHECKED;
		item->column = add_cell(s);
		md_put_joined_column(b, s, &s->cells, alias, i);
		md_group_by(s, nothing);
	}
	return code;
}

static enum md_code add_embed(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
			      struct md_link *link, bool inner_chain, struct items *items,
			      struct md_error *err)
{
	const struct md_embed *embed = link->embed;
	bool own_statement = has_own_statement(b, link, node->grouped);
	bool output = md_has_output(&embed->level);
	struct md_shape_item *item;

	enum md_code code = MD_OK;

	if (embed->spread && !link->relation->to_one)
		code = md_check_columns(&embed->level, err);
	if (code != MD_OK)
		return code;
	if (!own_statement)
		return join_link(b, s, node, link, inner_chain, output ? items : NULL, err);
	if (!output)
		return MD_OK; /* counts in conditions only */
	if (embed->spread && !link->relation->to_one && makes_json(b))
		return add_columns(b, s, node, link, items, err);
	item = add_item(b, items, key_of(embed));
	if (!item)
		return md_fail_nomem(err);
	if (makes_json(b))
		return nested_link(b, s, node, link, item, err);
	if (s->key) {
		item->column = add_cell(s);
		md_group_by(s, nothing);
		return md_put_list_key(b, s, &s->cells, node, link, err);
	}
	if (s->grouped)
		code = group_by_list(b, s, node, link, err);
	return code == MD_OK ? child_link(b, s, node, link, item, err) : code;
}

static unsigned count_items(const struct md_node *node)
{
	unsigned count = 0;

	for (const struct md_select *select = node->level->select; select; select = select->next)
		count += select->kind == MD_SELECT_STAR ? node->model->field_count : 1;
	return count;
}

/* depth=: rows are recognised by their key, which comes first. */
static const struct md_shape_cycle *cycle_of(struct md_build *b, const struct md_node *node,
					     bool *failed)
{
	struct md_shape_cycle *cycle;

	if (!b->request->query->has_depth || node->model->key_count == 0)
		return NULL;
	for (unsigned i = 0; i < node->model->key_count; i++)
		if (!md_field_is_visible(node->model->key[i]))
			return NULL; /* not written; depth= has an end without it */
	cycle = md_arena_alloc(b->arena, sizeof(*cycle));
	if (!cycle) {
		*failed = true;
		return NULL;
	}
	*cycle = (struct md_shape_cycle){ .model = node->model,
					  .key_count = node->model->key_count };
	return cycle;
}

static void add_star(struct md_build *b, struct md_stmt_build *s, const struct md_node *node,
		     struct items *items)
{
	bool key_first = b->request->query->has_depth;

	for (unsigned i = 0; key_first && i < node->model->key_count; i++)
		if (md_field_is_visible(node->model->key[i]))
			add_field(b, s, node, node->model->key[i], items);
	for (unsigned i = 0; i < node->model->field_count; i++) {
		const struct md_field *field = &node->model->fields[i];

		if (md_field_is_visible(field) && (!key_first || field->key_position < 0))
			add_field(b, s, node, field, items);
	}
}

static enum md_code add_items(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
			      bool inner_chain, struct items *items, struct md_error *err)
{
	unsigned link = 0;
	enum md_code code = md_check_old_count(node, err);

	for (const struct md_select *select = node->level->select; select && code == MD_OK;
	     select = select->next) {
		if (select->kind == MD_SELECT_STAR)
			add_star(b, s, node, items);
		else if (select->kind == MD_SELECT_COLUMN)
			code = add_column(b, s, node, select, items, err);
		else
			code = add_embed(b, s, node, &node->links[link++], inner_chain, items, err);
	}
	return code;
}

enum md_code md_node_shape(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
			   bool inner_chain, const struct md_shape **ret_shape,
			   struct md_error *err)
{
	struct md_shape *shape = md_arena_zalloc(b->arena, sizeof(*shape));
	struct items items = { .cap = count_items(node) };
	enum md_code code;

	items.list = md_arena_alloc(b->arena, items.cap * sizeof(*items.list));
	if (!shape || !items.list)
		return md_fail_nomem(err);
	code = add_items(b, s, node, inner_chain, &items, err);
	if (code != MD_OK)
		return code;
	shape->cycle = cycle_of(b, node, &items.failed);
	if (items.failed)
		return md_fail_nomem(err);
	shape->items = items.list;
	shape->count = items.count;
	shape->strip_nulls = b->request->strip_nulls;
	*ret_shape = shape;
	return MD_OK;
}
