/* Embeds as JSON that the engine makes: a scalar sub-select for each, which holds those of its own
 * embeds in the same way. The parent's row sees it as one cell.
 *
 *   array_to_json(ARRAY(SELECT row_to_json(e.*) FROM (
 *     SELECT t1."id" AS "id", (SELECT row_to_json(e.*) FROM (…) AS e) AS "author"
 *     FROM "posts" AS t1 WHERE t1."user_id" = t0."id" ORDER BY … LIMIT …) AS e))
 *
 * As a cell it is computed for the rows that are sent only, behind the parent's ORDER BY and LIMIT;
 * a lateral join would be computed before them. What is spread is joined: its columns stand among
 * those of its parent. */
#include "core/query/builder.h"

#include "core/base/banned.h"

static const struct md_str nothing = { NULL, 0 };

/* AS "name" */
static void put_key(struct md_build *b, struct md_buf *out, struct md_str name)
{
	md_buf_puts(out, " AS ");
	b->context->dialect->put_name(out, name);
}

static bool grow(struct md_build *b, struct md_names *names)
{
	unsigned cap = 2 * names->cap + 8;
	struct md_str *list = md_arena_alloc(b->arena, cap * sizeof(*list));

	if (!list)
		return false;
	for (unsigned i = 0; i < names->count; i++)
		list[i] = names->list[i];
	names->list = list;
	names->cap = cap;
	return true;
}

/* The name of the cell added last. */
static void put_cell_name(struct md_build *b, struct md_stmt_build *s, struct md_str name)
{
	struct md_names *names = s->names;

	if (!names) {
		put_key(b, &s->cells, name);
		return;
	}
	if (names->count == names->cap && !grow(b, names)) {
		s->failed = true;
		return;
	}
	names->list[names->count] = md_arena_str(b->arena, name);
	s->failed |= !names->list[names->count].ptr;
	md_buf_printf(&s->cells, " AS c%u", names->count++);
}

static struct md_buf *next_column(struct md_stmt_build *s)
{
	if (s->cells.len > 0)
		md_buf_putc(&s->cells, ',');
	s->cell_count++;
	return &s->cells;
}

static void group_by_column(struct md_build *b, struct md_stmt_build *s, const struct md_node *node,
			    const struct md_field *field)
{
	md_auto_buf column = MD_BUF(1u << 12);

	if (!s->grouped)
		return;
	md_put_column(b, &column, node->alias, field);
	md_group_by(s, md_buf_str(&column));
	s->failed |= column.failed;
}

/* A number that is shown as a string is made one here. */
static void put_field(struct md_build *b, struct md_stmt_build *s, const struct md_node *node,
		      const struct md_field *field, struct md_str name)
{
	struct md_buf *out = next_column(s);

	md_buf_puts(out, field->as_string ? "CAST(" : "");
	md_put_column(b, out, node->alias, field);
	md_buf_puts(out, field->as_string ? " AS text)" : "");
	put_cell_name(b, s, name);
	group_by_column(b, s, node, field);
}

/* In the order of md_node_shape(): with depth= the key comes first. */
static void put_star(struct md_build *b, struct md_stmt_build *s, const struct md_node *node)
{
	const struct md_model *model = node->model;
	bool key_first = b->request->query->has_depth;

	for (unsigned i = 0; key_first && i < model->key_count; i++)
		if (md_field_is_visible(model->key[i]))
			put_field(b, s, node, model->key[i], model->key[i]->name);
	for (unsigned i = 0; i < model->field_count; i++) {
		const struct md_field *field = &model->fields[i];

		if (md_field_is_visible(field) && (!key_first || field->key_position < 0))
			put_field(b, s, node, field, field->name);
	}
}

static enum md_code put_column(struct md_build *b, struct md_stmt_build *s,
			       const struct md_node *node, const struct md_select *select,
			       struct md_error *err)
{
	struct md_output output;
	enum md_code code = md_select_output(b, s, node, select, &output, err);

	if (code != MD_OK)
		return code;
	if (output.field) {
		put_field(b, s, node, output.field, md_output_name(select));
		return MD_OK;
	}
	md_buf_putstr(next_column(s), output.sql);
	put_cell_name(b, s, md_output_name(select));
	if (md_select_aggregate(node->model, select) == MD_AGG_NONE)
		md_group_by(s, output.group);
	return MD_OK;
}

static enum md_code put_columns(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
				bool inner_chain, struct md_error *err);

/* Lists of values among the columns. */
static enum md_code put_spread_columns(struct md_build *b, struct md_stmt_build *s,
				       struct md_node *node, struct md_link *link,
				       struct md_error *err)
{
	struct md_names names = { .list = NULL };
	unsigned alias;
	enum md_code code = md_check_columns(&link->embed->level, err);

	if (code == MD_OK)
		code = md_join_columns(b, s, node, link, &names, &alias, err);
	for (unsigned i = 0; code == MD_OK && i < names.count; i++) {
		md_put_joined_column(b, s, next_column(s), alias, i);
		put_cell_name(b, s, names.list[i]);
		md_group_by(s, nothing);
	}
	return code;
}

static enum md_code put_embed(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
			      struct md_link *link, bool inner_chain, struct md_error *err)
{
	const struct md_embed *embed = link->embed;
	struct md_node *target;
	enum md_code code;

	if (!md_has_output(&embed->level))
		return MD_OK; /* counts in conditions only */
	if (!embed->spread) {
		code = md_put_nested(b, s, next_column(s), node, link, err);
		put_cell_name(b, s, md_embed_name(embed));
		md_group_by(s, nothing);
		return code;
	}
	if (!link->relation->to_one)
		return put_spread_columns(b, s, node, link, err);
	code = md_join_link(b, s, node, link, link->inner && inner_chain, &target, err);
	return code == MD_OK ? put_columns(b, s, target, link->inner && inner_chain, err) : code;
}

static enum md_code put_columns(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
				bool inner_chain, struct md_error *err)
{
	enum md_code code = MD_OK;
	unsigned link = 0;

	for (const struct md_select *select = node->level->select; select && code == MD_OK;
	     select = select->next) {
		if (select->kind == MD_SELECT_STAR)
			put_star(b, s, node);
		else if (select->kind == MD_SELECT_COLUMN)
			code = put_column(b, s, node, select, err);
		else
			code = put_embed(b, s, node, &node->links[link++], inner_chain, err);
	}
	return code;
}

/* depth=: conditions under which the row is one of those on the way from the root to it. False:
 * it cannot be. */
static bool put_same_row(struct md_build *b, struct md_buf *out, const struct md_node *node)
{
	const struct md_model *model = node->model;
	bool any = false;

	for (unsigned i = 0; i < model->key_count; i++)
		if (!md_field_is_visible(model->key[i]))
			return false;
	for (const struct md_node *up = node->parent; up; up = up->parent) {
		if (up->model != model || model->key_count == 0)
			continue;
		md_buf_puts(out, any ? " OR " : "");
		any = true;
		for (unsigned i = 0; i < model->key_count; i++) {
			md_buf_puts(out, i > 0 ? " AND " : "");
			md_put_column(b, out, node->alias, model->key[i]);
			md_buf_puts(out, " = ");
			md_put_column(b, out, up->alias, model->key[i]);
		}
	}
	return any;
}

/* The row of a sub-select named e, as JSON. */
static void put_row(const struct md_build *b, struct md_buf *out)
{
	const char *const *templates = b->context->dialect->templates;
	md_auto_buf row = MD_BUF(256);

	md_put_template(&row, templates[MD_SQL_ROW], MD_STR("e.*"), nothing);
	if (b->request->strip_nulls)
		md_put_template(out, templates[MD_SQL_STRIP], md_buf_str(&row), nothing);
	else
		md_buf_putstr(out, md_buf_str(&row));
	md_buf_inherit(out, &row);
}

/* (SELECT row_to_json(e.*) FROM (SELECT columns) AS e) */
static void put_object(const struct md_build *b, struct md_buf *out, struct md_str columns)
{
	md_buf_puts(out, "(SELECT ");
	put_row(b, out);
	md_buf_puts(out, " FROM (SELECT ");
	md_buf_putstr(out, columns);
	md_buf_puts(out, ") AS e)");
}

/* depth=: in place of the columns one JSON value: a row that is on the way already shows its key
 * only. */
static void put_cut(struct md_build *b, struct md_stmt_build *s, const struct md_node *node,
		    struct md_str same)
{
	md_auto_buf whole = MD_BUF(MD_SQL_MAX), key = MD_BUF(1u << 14);

	md_buf_put(&whole, s->cells.data, s->cells.len);
	for (unsigned i = 0; i < node->model->key_count; i++) {
		md_buf_puts(&key, i > 0 ? "," : "");
		md_put_column(b, &key, node->alias, node->model->key[i]);
		put_key(b, &key, node->model->key[i]->name);
	}
	s->failed |= s->cells.failed;
	md_buf_clear(&s->cells);
	md_buf_puts(&s->cells, "CASE WHEN ");
	md_buf_putstr(&s->cells, same);
	md_buf_puts(&s->cells, " THEN ");
	put_object(b, &s->cells, md_buf_str(&key));
	md_buf_puts(&s->cells, " ELSE ");
	put_object(b, &s->cells, md_buf_str(&whole));
	md_buf_puts(&s->cells, " END AS v");
	s->failed |= whole.failed || key.failed;
}

/* The parts of the sub-select in `s`; *ret_cut: its one column is JSON already. */
static enum md_code build_parts(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
				struct md_link *link, bool *ret_cut, struct md_error *err)
{
	const struct md_level *level = &link->embed->level;
	const char *separator = " AND ";
	md_auto_buf same = MD_BUF(1u << 14);
	struct md_node *target;
	int64_t limit;
	bool limited = md_embed_limit(b, level, &limit);
	enum md_code code = md_node_new(b, link->relation->to, level, &target, err);

	if (code != MD_OK)
		return code;
	target->parent = node;
	target->nested = true;
	if (link->relation->to_one && limit > 1) {
		limited = true;
		limit = 1;
	}
	s->grouped = target->grouped;
	md_mark_enforced(b, target, true);
	md_buf_puts(&s->where, " WHERE ");
	code = md_put_relation(b, s, &s->from, &s->where, link->relation, target->alias,
			       node->alias, false, err);
	if (code == MD_OK)
		code = md_check_old_count(target, err);
	if (code == MD_OK)
		code = put_columns(b, s, target, true, err);
	if (code == MD_OK)
		code = md_put_conditions(b, s, &s->where, target, &separator, err);
	if (code == MD_OK)
		code = level->order ? md_put_order(b, s, target, err)
				    : md_put_relation_order(b, s, target, link->relation, err);
	if (code != MD_OK)
		return code;
	md_put_limit(b, s, limited, limit, level->has_offset ? level : NULL);
	*ret_cut = b->request->query->has_depth && put_same_row(b, &same, target);
	if (*ret_cut)
		put_cut(b, s, target, md_buf_str(&same));
	s->failed |= same.failed;
	return MD_OK;
}

static void put_select(const struct md_stmt_build *s, struct md_buf *out)
{
	md_buf_puts(out, "SELECT ");
	md_buf_put(out, s->cells.data, s->cells.len);
	md_buf_puts(out, " FROM ");
	md_buf_put(out, s->from.data, s->from.len);
	md_buf_put(out, s->where.data, s->where.len);
	md_buf_put(out, s->group.data, s->group.len);
	md_buf_put(out, s->order.data, s->order.len);
}

static void put_parts(const struct md_build *b, const struct md_stmt_build *s, bool to_one,
		      bool cut, struct md_buf *out)
{
	const char *list = b->context->dialect->templates[MD_SQL_LIST];
	md_auto_buf select = MD_BUF(MD_SQL_MAX);

	md_buf_puts(&select, "SELECT ");
	if (cut)
		md_buf_puts(&select, "e.v");
	else
		put_row(b, &select);
	md_buf_puts(&select, " FROM (");
	put_select(s, &select);
	md_buf_puts(&select, ") AS e");
	md_put_template(out, to_one ? "({c})" : list, md_buf_str(&select), nothing);
	md_buf_inherit(out, &select);
}

/* As JSON that can be grouped by. */
static void put_comparable(const struct md_build *b, struct md_stmt_build *s,
			   const struct md_stmt_build *inner, bool to_one, struct md_buf *out)
{
	md_auto_buf json = MD_BUF(MD_SQL_MAX);

	put_parts(b, inner, to_one, false, &json);
	md_put_template(out, b->context->dialect->templates[MD_SQL_TO_JSON], md_buf_str(&json),
			nothing);
	s->failed |= json.failed;
}

void md_parts_open(struct md_stmt_build *inner, const struct md_stmt_build *s)
{
	*inner = (struct md_stmt_build){ .binds = s->binds,
					 .params = s->params,
					 .binds_cap = s->binds_cap };
	md_buf_init(&inner->cells, MD_SQL_MAX);
	md_buf_init(&inner->from, MD_SQL_MAX);
	md_buf_init(&inner->where, MD_SQL_MAX);
	md_buf_init(&inner->group, MD_SQL_MAX);
	md_buf_init(&inner->order, MD_SQL_MAX);
}

void md_parts_close(struct md_stmt_build *inner, struct md_stmt_build *s)
{
	s->params = inner->params;
	s->crowded |= inner->crowded;
	s->failed |= inner->failed || inner->cells.failed || inner->from.failed ||
		     inner->where.failed || inner->group.failed || inner->order.failed;
	md_buf_release(&inner->cells);
	md_buf_release(&inner->from);
	md_buf_release(&inner->where);
	md_buf_release(&inner->group);
	md_buf_release(&inner->order);
}

enum md_code md_put_nested(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
			   struct md_node *node, struct md_link *link, struct md_error *err)
{
	struct md_stmt_build inner;
	bool cut = false;
	enum md_code code;

	md_parts_open(&inner, s);
	code = build_parts(b, &inner, node, link, &cut, err);
	if (code == MD_OK && s->grouped)
		put_comparable(b, s, &inner, link->relation->to_one, out);
	else if (code == MD_OK)
		put_parts(b, &inner, link->relation->to_one, cut, out);
	md_parts_close(&inner, s);
	return code;
}

/* ---- rows as columns ---- */

/* SELECT coalesce(array_to_json(array_agg(to_json(e.c0))), '[]') AS c0, … FROM (…) AS e */
static void put_columns_of(const struct md_build *b, const struct md_stmt_build *inner,
			   struct md_buf *out)
{
	const char *template = b->context->dialect->templates[MD_SQL_COLUMN];

	md_buf_puts(out, "SELECT ");
	for (unsigned i = 0; i < inner->names->count; i++) {
		md_auto_buf column = MD_BUF(64);

		md_buf_printf(&column, "e.c%u", i);
		md_buf_puts(out, i > 0 ? "," : "");
		md_put_template(out, template, md_buf_str(&column), nothing);
		md_buf_inherit(out, &column);
		md_buf_printf(out, " AS c%u", i);
	}
	md_buf_puts(out, " FROM (");
	put_select(inner, out);
	md_buf_puts(out, ") AS e");
}

/* Where what is around is spread itself, there are no lists without its row. */
enum md_code md_join_columns(struct md_build *b, struct md_stmt_build *s, struct md_node *node,
			     struct md_link *link, struct md_names *names, unsigned *ret_alias,
			     struct md_error *err)
{
	struct md_stmt_build inner;
	bool cut = false;
	enum md_code code;

	md_parts_open(&inner, s);
	inner.names = names;
	code = build_parts(b, &inner, node, link, &cut, err);
	if (code == MD_OK) {
		*ret_alias = b->next_alias++;
		md_buf_puts(&s->from, " LEFT JOIN LATERAL (");
		put_columns_of(b, &inner, &s->from);
		md_buf_putc(&s->from, ')');
		md_buf_puts(&s->from, " AS ");
		md_put_alias(&s->from, *ret_alias);
		md_buf_puts(&s->from, " ON ");
		if (node->spread) {
			md_put_column(b, &s->from, node->alias, node->spread->remote[0]);
			md_buf_puts(&s->from, " IS NOT NULL");
		} else {
			md_buf_puts(&s->from, b->context->dialect->truth[1]);
		}
	}
	md_parts_close(&inner, s);
	return code;
}

void md_put_joined_column(struct md_build *b, const struct md_stmt_build *s, struct md_buf *out,
			  unsigned alias, unsigned column)
{
	md_auto_buf name = MD_BUF(64);

	md_put_alias(&name, alias);
	md_buf_printf(&name, ".c%u", column);
	md_put_template(out, s->grouped ? b->context->dialect->templates[MD_SQL_TO_JSON] : "{c}",
			md_buf_str(&name), nothing);
	md_buf_inherit(out, &name);
}
