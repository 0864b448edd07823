/* A plan from a syntax tree: names resolved, statements put together. See builder.h for the parts.
 */
#include "core/query/builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/banned.h"

enum { PLAN_ARENA = 1u << 20, BOUNDED_ROWS = 100 };

enum md_code md_fail_feature(struct md_error *err, const char *fmt, ...)
{
	char details[MD_DETAILS_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(details, sizeof(details), fmt, args);
	va_end(args);
	md_fail(err, MD_INVALID, "PGRST127", "Feature not implemented");
	md_error_details(err, "%s", details);
	return MD_INVALID;
}

static enum md_code resolve_links(struct md_build *b, struct md_node *node, struct md_error *err)
{
	unsigned count = 0;

	for (const struct md_select *select = node->level->select; select; select = select->next)
		count += select->kind == MD_SELECT_EMBED;
	node->links = md_arena_zalloc(b->arena, count * sizeof(*node->links));
	if (!node->links)
		return md_fail_nomem(err);
	for (const struct md_select *select = node->level->select; select; select = select->next) {
		struct md_link *link = &node->links[node->link_count];
		enum md_code code = MD_OK;

		if (select->kind != MD_SELECT_EMBED)
			continue;
		link->select = select;
		link->embed = select->embed;
		link->relation = select->embed->resolved;
		link->inner = select->embed->join == MD_JOIN_INNER;
		if (!link->relation)
			code = md_relation_resolve(b->context->registry, node->model,
						   link->embed->relation, link->embed->hint,
						   &link->relation, err);
		if (code != MD_OK)
			return code;
		if (++b->relations > b->context->embeds)
			return md_fail(err, MD_TOO_LARGE, "MD414",
				       "more than %u embedded resources", b->context->embeds);
		node->link_count++;
	}
	return MD_OK;
}

enum md_code md_node_new(struct md_build *b, const struct md_model *model,
			 const struct md_level *level, struct md_node **ret_node,
			 struct md_error *err)
{
	struct md_node *node = md_arena_zalloc(b->arena, sizeof(*node));
	enum md_code code;

	if (!node)
		return md_fail_nomem(err);
	node->model = model;
	node->level = level;
	node->alias = b->next_alias++;
	node->grouped = md_level_is_grouped(model, level);
	code = resolve_links(b, node, err);
	if (code == MD_OK)
		*ret_node = node;
	return code;
}

struct md_link *md_node_link(struct md_node *node, struct md_str name)
{
	for (unsigned i = 0; i < node->link_count; i++) {
		struct md_str alias = node->links[i].embed->alias;

		if (md_str_is_given(alias) && md_str_equal(alias, name))
			return &node->links[i];
	}
	for (unsigned i = 0; i < node->link_count; i++)
		if (md_str_equal(node->links[i].embed->relation, name))
			return &node->links[i];
	return NULL;
}

enum md_code md_stmt_build_init(struct md_stmt_build *s, struct md_error *err)
{
	*s = (struct md_stmt_build){ .binds_cap = MD_BINDS_MAX };
	md_buf_init(&s->cells, MD_SQL_MAX);
	md_buf_init(&s->from, MD_SQL_MAX);
	md_buf_init(&s->where, MD_SQL_MAX);
	md_buf_init(&s->group, MD_SQL_MAX);
	md_buf_init(&s->order, MD_SQL_MAX);
	s->known = calloc(MD_CELLS_MAX, sizeof(*s->known));
	s->binds = calloc(MD_BINDS_MAX, sizeof(*s->binds));
	if (s->known && s->binds)
		return MD_OK;
	md_stmt_build_release(s);
	return md_fail_nomem(err);
}

void md_stmt_build_release(struct md_stmt_build *s)
{
	md_buf_release(&s->cells);
	md_buf_release(&s->from);
	md_buf_release(&s->where);
	md_buf_release(&s->group);
	md_buf_release(&s->order);
	free(s->known);
	free(s->binds);
	s->known = NULL;
	s->binds = NULL;
}

unsigned md_level_number(const struct md_build *b, const struct md_level *level)
{
	unsigned i = 0;

	while (i < b->walk->offset_count && b->walk->offsets[i] != level)
		i++;
	return i;
}

void md_put_limit(struct md_build *b, struct md_stmt_build *s, bool has_limit, int64_t limit,
		  const struct md_level *offset_of)
{
	if (!has_limit && !offset_of)
		return;
	md_buf_puts(&s->order, " LIMIT ");
	if (has_limit)
		md_buf_put_i64(&s->order, limit);
	else
		md_buf_puts(&s->order, b->context->dialect->no_limit);
	if (!offset_of)
		return;
	md_buf_puts(&s->order, " OFFSET ");
	md_put_bind(b, s, &s->order,
		    &(struct md_bind){ .from = MD_FROM_OFFSET,
				       .index = md_level_number(b, offset_of) });
}

/* Types of the parameters that are to have a certain one. False: memory. */
static bool keep_types(struct md_build *b, const struct md_stmt_build *s,
		       const unsigned **ret_types)
{
	const unsigned *by_type = b->context->dialect->key_types;
	unsigned *types = NULL;

	for (unsigned i = 0; i < s->params; i++) {
		if (!by_type || s->binds[i].from != MD_FROM_KEY || !by_type[s->binds[i].type])
			continue;
		if (!types)
			types = md_arena_zalloc(b->arena, s->params * sizeof(*types));
		if (!types)
			return false;
		types[i] = by_type[s->binds[i].type];
	}
	*ret_types = types;
	return true;
}

/* Which parameters are secret; NULL: none. False: memory. */
static bool keep_secrets(const struct md_build *b, const struct md_stmt_build *s,
			 const bool **ret_secret)
{
	bool *secret = NULL;

	for (unsigned i = 0; i < s->params; i++) {
		if (!s->binds[i].secret)
			continue;
		if (!secret)
			secret = md_arena_zalloc(b->arena, s->params * sizeof(*secret));
		if (!secret)
			return false;
		secret[i] = true;
	}
	*ret_secret = secret;
	return true;
}

/* What its cells are to be; of a statement in another one that cannot be told. */
static bool keep_cells(struct md_build *b, const struct md_stmt_build *s, struct md_stmt *stmt)
{
	unsigned char *cells;

	if (b->context->dialect->typed_cells || s->around.before || s->cell_count == 0)
		return true;
	cells = md_arena_alloc(b->arena, s->cell_count);
	if (!cells)
		return false;
	for (unsigned i = 0; i < s->cell_count; i++)
		cells[i] = (unsigned char)s->known[i].expect;
	stmt->cells = cells;
	stmt->cell_count = s->cell_count;
	return true;
}

enum md_code md_stmt_keep(struct md_build *b, const struct md_stmt_build *s, struct md_buf *sql,
			  struct md_plan_stmt *ret_stmt, struct md_error *err)
{
	const unsigned *types;
	const bool *secret;
	struct md_bind *binds;
	char *text;

	if (s->failed || sql->no_memory)
		return md_fail_nomem(err);
	if (s->crowded)
		return md_fail(err, MD_TOO_LARGE, "MD414",
			       "the request needs more than %d columns or %d values", MD_CELLS_MAX,
			       MD_BINDS_MAX);
	if (sql->failed)
		return md_fail(err, MD_TOO_LARGE, "MD414", "the request needs too much SQL");
	text = md_arena_strndup(b->arena, sql->data, sql->len);
	binds = md_arena_alloc(b->arena, s->params * sizeof(*binds));
	if (!text || !binds || !keep_types(b, s, &types) || !keep_secrets(b, s, &secret))
		return md_fail_nomem(err);
	memcpy(binds, s->binds, s->params * sizeof(*binds));
	ret_stmt->stmt = (struct md_stmt){ .id = md_stmt_next_id(),
					   .sql = text,
					   .params = s->params,
					   .param_types = types,
					   .secret = secret };
	ret_stmt->binds = binds;
	return keep_cells(b, s, &ret_stmt->stmt) ? MD_OK : md_fail_nomem(err);
}

enum md_code md_stmt_build_finish(struct md_build *b, struct md_stmt_build *s, bool has_limit,
				  int64_t limit, const struct md_level *offset_of,
				  struct md_plan_stmt *ret_stmt, struct md_error *err)
{
	md_auto_buf sql = MD_BUF(4 * MD_SQL_MAX);
	enum md_code code;

	md_put_limit(b, s, has_limit, limit, offset_of);
	md_buf_puts(&sql, s->around.before ? s->around.before : "");
	md_buf_puts(&sql, "SELECT ");
	if (s->cells.len > 0)
		md_buf_put(&sql, s->cells.data, s->cells.len);
	else
		md_buf_putc(&sql, '1');
	md_buf_puts(&sql, " FROM ");
	md_buf_put(&sql, s->from.data, s->from.len);
	md_buf_put(&sql, s->where.data, s->where.len);
	md_buf_put(&sql, s->group.data, s->group.len);
	md_buf_put(&sql, s->order.data, s->order.len);
	md_buf_puts(&sql, s->around.behind ? s->around.behind : "");
	md_buf_inherit(&sql, &s->cells);
	md_buf_inherit(&sql, &s->from);
	md_buf_inherit(&sql, &s->where);
	md_buf_inherit(&sql, &s->group);
	md_buf_inherit(&sql, &s->order);
	code = md_stmt_keep(b, s, &sql, ret_stmt, err);
	if (code == MD_OK)
		ret_stmt->stmt.returns_rows = true;
	return code;
}

/* tN.key = ? for every part of the item's key. */
void md_put_key_conditions(struct md_build *b, struct md_stmt_build *s, struct md_buf *out,
			   const struct md_model *model, unsigned alias, const char **separator)
{
	const struct md_dialect *dialect = b->context->dialect;

	for (unsigned i = 0; i < model->key_count; i++) {
		enum md_type type = model->key[i]->type;
		bool typed = !dialect->checks_values || dialect->key_types[type] != 0;

		md_buf_puts(out, *separator);
		*separator = " AND ";
		md_put_column(b, out, alias, model->key[i]);
		md_buf_puts(out, " = ");
		md_put_bind(b, s, out,
			    &(struct md_bind){ .from = MD_FROM_KEY,
					       .as = typed ? MD_BIND_TYPED : MD_BIND_TEXT,
					       .type = type,
					       .index = i });
		md_put_composite(model->key[i], "", out);
	}
}

/* Whether the column may hold bytes: text of another column may begin with \x, too. */
static bool may_be_bytes(const struct md_model *model, unsigned column)
{
	enum md_type type = model->key_count > 0 ? model->key[column]->type : MD_TYPE_INT8;

	return type == MD_TYPE_BYTES || type == MD_TYPE_KEPT_BYTES || type == MD_TYPE_ANY;
}

/* FROM a list of keys, given as JSON, and the rows they name. */
static void put_keys(struct md_build *b, struct md_stmt_build *s, const struct md_node *node,
		     const char **separator)
{
	const struct md_dialect *dialect = b->context->dialect;
	unsigned count = node->model->key_count > 0 ? node->model->key_count : 1;
	md_auto_buf param = MD_BUF(64);
	char number[12];

	md_put_bind(b, s, &param, &(struct md_bind){ .from = MD_FROM_KEYS });
	md_put_template(&s->from, dialect->keys_from, (struct md_str){ NULL, 0 },
			(struct md_str){ param.data, param.len });
	s->failed |= param.failed;
	md_put_table(b, &s->from, node->model, node->alias);
	for (unsigned i = 0; i < count; i++) {
		md_buf_puts(&s->where, *separator);
		*separator = " AND ";
		if (node->model->key_count > 0) {
			md_put_column(b, &s->where, node->alias, node->model->key[i]);
		} else {
			md_put_alias(&s->where, node->alias);
			md_buf_printf(&s->where, ".%s", dialect->row_key);
		}
		snprintf(number, sizeof(number), "%u", i);
		md_buf_puts(&s->where, " = ");
		md_put_template(&s->where,
				may_be_bytes(node->model, i) ? dialect->keys_bytes
							     : dialect->keys_part,
				(struct md_str){ NULL, 0 }, md_str_of(number));
	}
}

/* FROM of the root and what the route asks: the item's key, or the relation that leads here from
 * the item. */
static enum md_code put_root(struct md_build *b, struct md_stmt_build *s,
			     const struct md_node *node, const struct md_relation *via,
			     const char **separator, struct md_error *err)
{
	unsigned parent;
	md_auto_buf on = MD_BUF(MD_SQL_MAX);
	enum md_code code;

	if (b->request->route == MD_READ_KEYS) {
		put_keys(b, s, node, separator);
		return MD_OK;
	}
	if (!via) {
		md_put_table(b, &s->from, node->model, node->alias);
		if (b->request->route == MD_READ_ITEM)
			md_put_key_conditions(b, s, &s->where, node->model, node->alias, separator);
		return MD_OK;
	}
	parent = b->next_alias++;
	code = md_put_relation(b, s, &s->from, &on, via, node->alias, parent, false, err);
	if (code != MD_OK)
		return code;
	md_buf_puts(&s->from, " JOIN ");
	md_put_table(b, &s->from, via->from, parent);
	md_buf_puts(&s->from, " ON ");
	md_buf_put(&s->from, on.data, on.len);
	md_put_key_conditions(b, s, &s->where, via->from, parent, separator);
	return MD_OK;
}

/* SELECT what FROM all rows that the root means; of groups all cells, by which they are grouped. */
static enum md_code put_all_rows(struct md_build *b, struct md_stmt_build *s, const char *what,
				 const struct md_model *model, const struct md_level *level,
				 const struct md_relation *via, struct md_error *err)
{
	const char *separator = " WHERE ";
	struct md_node *node;
	const struct md_shape *shape;
	enum md_code code = md_node_new(b, model, level, &node, err);

	if (code == MD_OK)
		code = put_root(b, s, node, via, &separator, err);
	if (code != MD_OK)
		return code;
	s->grouped = node->grouped;
	if (node->grouped) {
		unsigned children = b->child_count;

		md_mark_enforced(b, node, true);
		code = md_node_shape(b, s, node, true, &shape, err);
		b->child_count = children; /* nobody runs them */
	} else {
		md_buf_puts(&s->cells, what);
	}
	if (code == MD_OK)
		code = md_put_conditions(b, s, &s->where, node, &separator, err);
	return code;
}

/* The count, or with `estimate` what the engine believes it to be. */
static enum md_code build_count(struct md_build *b, const char *estimate,
				const struct md_model *model, const struct md_level *level,
				const struct md_relation *via, struct md_error *err)
{
	bool limited = !estimate && b->request->count == MD_ROWS_BOTH &&
		       b->context->dialect->templates[MD_SQL_ESTIMATE];
	bool inside = !estimate && (limited || md_level_is_grouped(model, level));
	const struct md_envelope around = { .before = estimate ? estimate
						      : inside ? "SELECT count(*) FROM ("
							       : "",
					    .behind = inside ? ") AS c" : "" };
	struct md_plan_stmt *stmt = md_arena_zalloc(b->arena, sizeof(*stmt));
	struct md_stmt_build s;
	enum md_code code;

	if (!stmt)
		return md_fail_nomem(err);
	b->relations = 0; /* the same embeds again */
	code = md_stmt_build_init(&s, err);
	if (code != MD_OK)
		return code;
	s.around = around;
	code = put_all_rows(b, &s, estimate || limited ? "1" : "count(*)", model, level, via, err);
	if (code == MD_OK)
		code = md_stmt_build_finish(b, &s, limited, b->request->count_limit, NULL, stmt,
					    err);
	md_stmt_build_release(&s);
	if (code == MD_OK)
		*(estimate ? &b->plan->estimate : &b->plan->count) = stmt;
	return code;
}

static enum md_code build_counts(struct md_build *b, const struct md_model *model,
				 const struct md_level *level, const struct md_relation *via,
				 struct md_error *err)
{
	enum md_count_rows kind = b->request->count;
	const char *estimate = b->context->dialect->templates[MD_SQL_ESTIMATE];
	enum md_code code = MD_OK;

	if (kind == MD_ROWS_NOT_COUNTED)
		return MD_OK;
	if (!estimate || kind != MD_ROWS_ESTIMATED)
		code = build_count(b, NULL, model, level, via, err);
	if (code == MD_OK && estimate && kind != MD_ROWS_COUNTED)
		code = build_count(b, estimate, model, level, via, err);
	return code;
}

/* `behind`: what else is to be done with the row. */
static enum md_code build_probe(struct md_build *b, const struct md_model *parent,
				const char *behind, struct md_error *err)
{
	struct md_plan_stmt *stmt = md_arena_zalloc(b->arena, sizeof(*stmt));
	const char *separator = " WHERE ";
	unsigned alias = b->next_alias++;
	struct md_stmt_build s;
	enum md_code code;

	if (!stmt)
		return md_fail_nomem(err);
	code = md_stmt_build_init(&s, err);
	if (code != MD_OK)
		return code;
	md_put_table(b, &s.from, parent, alias);
	md_put_key_conditions(b, &s, &s.where, parent, alias, &separator);
	md_buf_puts(&s.order, behind);
	code = md_stmt_build_finish(b, &s, false, 0, NULL, stmt, err);
	md_stmt_build_release(&s);
	if (code == MD_OK)
		b->plan->probe = stmt;
	return code;
}

static enum md_code build_select(struct md_build *b, const struct md_model *model,
				 const struct md_level *level, const struct md_relation *via,
				 struct md_error *err)
{
	const struct md_plan_request *request = b->request;
	const char *separator = " WHERE ";
	struct md_stmt_build s;
	struct md_node *node;
	enum md_code code = md_stmt_build_init(&s, err);

	if (code != MD_OK)
		return code;
	code = md_node_new(b, model, level, &node, err);
	if (code == MD_OK)
		code = put_root(b, &s, node, via, &separator, err);
	if (code == MD_OK)
		s.grouped = node->grouped;
	if (code == MD_OK && request->route == MD_READ_ITEM)
		md_group_by_key(b, &s, node);
	if (code == MD_OK)
		md_mark_enforced(b, node, true);
	if (code == MD_OK)
		code = md_node_shape(b, &s, node, true, &b->plan->shape, err);
	if (code == MD_OK && request->route != MD_READ_KEYS)
		code = md_put_conditions(b, &s, &s.where, node, &separator, err);
	if (code == MD_OK)
		code = via && !level->order ? md_put_relation_order(b, &s, node, via, err)
					    : md_put_order(b, &s, node, err);
	if (request->route == MD_READ_KEYS &&
	    !s.grouped) /* in the order in which they were written */
		md_buf_printf(&s.order, "%s%s", s.order.len > 0 ? "," : " ORDER BY ",
			      b->context->dialect->keys_order);
	if (code == MD_OK)
		code = md_stmt_build_finish(b, &s, request->has_limit, request->limit,
					    request->has_offset ? b->walk->offsets[0] : NULL,
					    &b->plan->select, err);
	md_stmt_build_release(&s);
	return code;
}

/* Equality with a whole key: one row at most. */
static bool is_unique(const struct md_plan_request *request)
{
	const struct md_field *fields[16];
	unsigned count = 0;

	if (request->route == MD_READ_ITEM)
		return true;
	for (const struct md_logic *logic = request->query->root.where; logic && count < 16;
	     logic = logic->next) {
		const struct md_filter *leaf = &logic->leaf;

		if (logic->kind != MD_LOGIC_LEAF || leaf->op != MD_OP_EQ || leaf->negated ||
		    leaf->quantifier != MD_QUANT_NONE || leaf->column.path_len > 0)
			continue;
		fields[count] = md_model_field(request->model, leaf->column.name);
		count += fields[count] != NULL;
	}
	return md_model_is_unique_by(request->model, fields, count);
}

static bool is_bounded(const struct md_plan_request *request)
{
	const struct md_order *order = request->query->root.order;
	const struct md_field *field;

	if (request->route == MD_READ_LIST && is_unique(request))
		return true;
	if (request->route == MD_READ_ITEM)
		return true;
	if (request->count || !request->has_limit || request->limit > BOUNDED_ROWS ||
	    md_level_is_grouped(request->model, &request->query->root))
		return false;
	if (!order)
		return true;
	field = md_str_is_given(order->relation)
			? NULL
			: md_model_field(request->model, order->column.name);
	return field && field->indexed && order->column.path_len == 0;
}

enum md_code md_keep_children(struct md_build *b, struct md_plan *plan, struct md_error *err)
{
	struct md_plan_stmt *children =
		md_arena_alloc(b->arena, b->child_count * sizeof(*children));

	if (!children)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < b->child_count; i++)
		children[i] = *b->children[i];
	plan->children = children;
	plan->child_count = b->child_count;
	return MD_OK;
}

static enum md_code build(struct md_build *b, struct md_error *err)
{
	const struct md_plan_request *request = b->request;
	const struct md_model *model = request->model;
	const struct md_level *level = &request->query->root;
	const struct md_relation *via = NULL;
	enum md_code code = MD_OK;

	if (request->route == MD_READ_RELATED) {
		code = md_relation_resolve(b->context->registry, model, request->relationship,
					   (struct md_str){ NULL, 0 }, &via, err);
		if (code == MD_OK)
			code = build_probe(b, model, "", err);
		if (code != MD_OK)
			return code;
		b->plan->to_one = via->to_one;
		model = via->to;
	}
	if (request->lock)
		code = build_probe(b, model, b->context->dialect->templates[MD_SQL_LOCK], err);
	if (code != MD_OK)
		return code;
	if (request->query->has_depth)
		level = md_depth_level(b->arena, model, (unsigned)request->query->depth);
	else
		level = md_always_level(b->arena, model, via, level);
	if (!level)
		return md_fail_nomem(err);
	b->root = level;
	code = md_check_aggregates(b, level, err);
	if (code == MD_OK)
		code = build_select(b, model, level, via, err);
	if (code == MD_OK)
		code = build_counts(b, model, level, via, err);
	if (code == MD_OK)
		code = md_keep_children(b, b->plan, err);
	b->plan->bounded = is_bounded(request);
	return code;
}

enum md_code md_plan_build(const struct md_plan_request *request, const struct md_walk *walk,
			   const struct md_plan_context *context, struct md_plan **ret_plan,
			   struct md_error *err)
{
	struct md_arena *arena = md_arena_new(PLAN_ARENA);
	struct md_plan *plan = arena ? md_arena_zalloc(arena, sizeof(*plan)) : NULL;
	struct md_build b = {
		.request = request, .walk = walk, .context = context, .plan = plan, .arena = arena
	};
	enum md_code code;

	if (!plan) {
		md_arena_free(arena);
		return md_fail_nomem(err);
	}
	plan->arena = arena;
	code = md_model_check(request->model, err);
	if (code == MD_OK)
		code = build(&b, err);
	if (code != MD_OK) {
		md_arena_free(arena);
		return code;
	}
	*ret_plan = plan;
	return MD_OK;
}

struct md_plan *md_plan_free(struct md_plan *plan)
{
	if (plan)
		md_arena_free(plan->arena);
	return NULL;
}
