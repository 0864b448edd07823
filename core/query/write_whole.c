/* Plans of writes for engines that take the whole body as one JSON parameter: one statement, for
 * any number of rows the same.
 *
 *   WITH w AS (
 *     INSERT INTO "t" AS t0 ("a","b")
 *     SELECT r."a",r."b" FROM json_to_recordset($1::json) AS r("a" integer,"b" text)
 *     ON CONFLICT … RETURNING t0."a")
 *   SELECT t1."a", … FROM w AS t1
 *
 * What we make for new rows ourselves stands in the document like what the client sent; what every
 * change brings is a parameter of its own. What is given back is a read whose root is `w`, so
 * embeds, order and shape are those of any other read. Where no rows are asked for, the first part
 * stands alone. */
#include "core/query/builder.h"

#include "core/base/banned.h"

static const struct md_str nothing = { NULL, 0 };
static const char merges_name[] = "modeld merges";

struct whole {
	struct md_build *b;
	const struct md_write_request *request;
	struct md_write_plan *plan;
	struct md_stmt_build s; /* the read of what is given back; binds of all of it */
	struct md_buf sql;      /* the write */
	unsigned target;        /* alias of the table written */
};

static const char *template_of(const struct whole *w, enum md_template which)
{
	return w->b->context->dialect->templates[which];
}

static void put_name(struct whole *w, struct md_str name)
{
	w->b->context->dialect->put_name(&w->sql, name);
}

static void put_names(struct whole *w, const struct md_field *const *fields, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		md_buf_puts(&w->sql, i == 0 ? " (" : ",");
		put_name(w, fields[i]->column);
	}
	md_buf_puts(&w->sql, count > 0 ? ")" : "");
}

/* The columns of the document, one after another: those of the body, then those that we make for
 * new rows. NULL: no more. */
static const struct md_field *next_column(const struct whole *w, unsigned *place)
{
	const struct md_write_request *request = w->request;

	while (*place < request->field_count + request->made_count) {
		unsigned i = (*place)++;

		if (i < request->field_count)
			return request->fields[i];
		if (!request->made[i - request->field_count].update)
			return request->made[i - request->field_count].field;
	}
	return NULL;
}

static bool has_columns(const struct whole *w)
{
	unsigned place = 0;

	return next_column(w, &place) != NULL;
}

/* ---- the rows of the body ---- */

static bool has_default(const struct md_field *field)
{
	return field->fallback || field->identity;
}

/* Whether rows are looked into for the columns that they lack. */
static bool looks_for_missing(const struct whole *w)
{
	for (unsigned i = 0; i < w->request->field_count; i++)
		if (has_default(w->request->fields[i]))
			return w->request->missing_default;
	return false;
}

static void put_default(struct whole *w, const struct md_field *field)
{
	md_auto_buf table = MD_BUF(1024), literal = MD_BUF(2048), column = MD_BUF(1024);

	if (field->fallback) {
		md_buf_puts(&w->sql, field->fallback);
		return;
	}
	md_put_model(w->b->context->dialect, &table, w->request->model);
	w->b->context->dialect->put_text(&literal, md_buf_str(&table));
	w->b->context->dialect->put_text(&column, field->column);
	md_put_template(&w->sql, template_of(w, MD_SQL_BODY_FALLBACK), md_buf_str(&literal),
			md_buf_str(&column));
	md_buf_inherit(&w->sql, &table);
	md_buf_inherit(&w->sql, &literal);
	md_buf_inherit(&w->sql, &column);
}

/* r."a", or its default where the row does not have it. */
static void put_value(struct whole *w, const struct md_field *field)
{
	bool missing = looks_for_missing(w) && has_default(field);
	md_auto_buf key = MD_BUF(1024);

	if (missing) {
		w->b->context->dialect->put_text(&key, field->name);
		md_buf_puts(&w->sql, "CASE WHEN ");
		md_put_template(&w->sql, template_of(w, MD_SQL_BODY_LACKS), nothing,
				md_buf_str(&key));
		md_buf_puts(&w->sql, " THEN ");
		put_default(w, field);
		md_buf_puts(&w->sql, " ELSE ");
		md_buf_inherit(&w->sql, &key);
	}
	md_buf_puts(&w->sql, "r.");
	put_name(w, field->name);
	md_buf_puts(&w->sql, missing ? " END" : "");
}

/* The body is one value: it is secret as a whole. */
static bool has_secret(const struct md_write_request *request)
{
	for (unsigned i = 0; i < request->field_count; i++)
		if (!md_field_is_visible(request->fields[i]))
			return true;
	for (unsigned i = 0; i < request->made_count; i++)
		if (!md_field_is_visible(request->made[i].field))
			return true;
	return false;
}

/* A row that lacks a column has NULL there until it gets the default, which a domain may not take:
 * it is the type below, and becomes the domain when it is stored. */
static struct md_str type_in_body(const struct md_field *field, enum md_template which)
{
	bool waits = which == MD_SQL_BODY_EACH && field->base && has_default(field);

	return waits ? md_str_of(field->base) : field->declared;
}

/* FROM the rows of the body, as columns of the types of the table's. */
static void put_body(struct whole *w)
{
	enum md_template which = !has_columns(w)        ? MD_SQL_BODY_EMPTY
				 : looks_for_missing(w) ? MD_SQL_BODY_EACH
							: MD_SQL_BODY_ROWS;
	md_auto_buf param = MD_BUF(64), columns = MD_BUF(MD_SQL_MAX);
	const struct md_field *field;
	unsigned place = 0;

	while ((field = next_column(w, &place))) {
		md_buf_puts(&columns, columns.len > 0 ? "," : "");
		w->b->context->dialect->put_name(&columns, field->name);
		md_buf_putc(&columns, ' ');
		md_buf_putstr(&columns, type_in_body(field, which));
	}
	md_put_bind(
		w->b, &w->s, &param,
		&(struct md_bind){ .from = MD_FROM_DOCUMENT, .secret = has_secret(w->request) });
	md_buf_puts(&w->sql, " FROM ");
	md_put_template(&w->sql, template_of(w, which), md_buf_str(&columns), md_buf_str(&param));
	md_buf_inherit(&w->sql, &param);
	md_buf_inherit(&w->sql, &columns);
}

/* ---- INSERT, UPDATE, DELETE ---- */

static bool is_merge(const struct md_write_request *request)
{
	return request->resolution == MD_RESOLVE_MERGE && request->field_count > 0;
}

static void put_excluded(struct whole *w, const struct md_field *field, unsigned *terms)
{
	md_buf_puts(&w->sql, (*terms)++ == 0 ? " SET " : ",");
	put_name(w, field->column);
	md_buf_puts(&w->sql, " = excluded.");
	put_name(w, field->column);
}

/* What a change of a row that is there brings by itself. */
static void put_made_changes(struct whole *w, unsigned *terms)
{
	for (unsigned i = 0; i < w->request->made_count; i++) {
		const struct md_field *field = w->request->made[i].field;

		if (!w->request->made[i].update)
			continue;
		md_buf_puts(&w->sql, (*terms)++ == 0 ? " SET " : ",");
		put_name(w, field->column);
		md_buf_puts(&w->sql, " = CAST(");
		md_put_bind(w->b, &w->s, &w->sql,
			    &(struct md_bind){ .from = MD_FROM_MADE,
					       .type = field->type,
					       .index = i,
					       .secret = !md_field_is_visible(field) });
		md_buf_puts(&w->sql, " AS ");
		md_buf_putstr(&w->sql, field->declared);
		md_buf_putc(&w->sql, ')');
	}
}

/* What is there already becomes what the body gives, but never what may not change. If that is all
 * there is, the columns in conflict become what they are. */
static void put_conflict(struct whole *w)
{
	const struct md_write_request *request = w->request;
	unsigned terms = 0;

	if (request->resolution == MD_RESOLVE_NOT)
		return;
	md_buf_puts(&w->sql, " ON CONFLICT");
	put_names(w, request->conflict, request->conflict_count);
	md_buf_puts(&w->sql, is_merge(request) ? " DO UPDATE" : " DO NOTHING");
	if (!is_merge(request))
		return;
	for (unsigned i = 0; i < request->field_count; i++)
		if (!request->fields[i]->immutable)
			put_excluded(w, request->fields[i], &terms);
	put_made_changes(w, &terms);
	for (unsigned i = 0; terms == 0 && i < request->conflict_count; i++)
		put_excluded(w, request->conflict[i], &terms);
	md_buf_puts(&w->sql, " WHERE ");
	md_buf_puts(&w->sql, template_of(w, MD_SQL_MERGE_COUNT));
}

static void put_insert(struct whole *w)
{
	const struct md_write_request *request = w->request;
	const struct md_field *field;
	unsigned place = 0, count = 0;

	md_buf_puts(&w->sql, "INSERT INTO ");
	md_put_table(w->b, &w->sql, request->model, w->target);
	while ((field = next_column(w, &place))) {
		md_buf_puts(&w->sql, count++ == 0 ? " (" : ",");
		put_name(w, field->column);
	}
	md_buf_puts(&w->sql, count > 0 ? ") SELECT" : " SELECT");
	for (place = count = 0; (field = next_column(w, &place));) {
		md_buf_putc(&w->sql, count++ == 0 ? ' ' : ',');
		put_value(w, field);
	}
	put_body(w);
	put_conflict(w);
}

/* SET "a" = r."a" FROM (SELECT … LIMIT 1) AS r: the first row of the body is the change. */
static void put_set(struct whole *w)
{
	const struct md_write_request *request = w->request;
	unsigned terms = 0;

	for (unsigned i = 0; i < request->field_count; i++) {
		md_buf_puts(&w->sql, terms++ == 0 ? " SET " : ",");
		put_name(w, request->fields[i]->column);
		md_buf_puts(&w->sql, " = r.");
		put_name(w, request->fields[i]->name);
	}
	put_made_changes(w, &terms);
	md_buf_puts(&w->sql, " FROM (SELECT ");
	for (unsigned i = 0; i < request->field_count; i++) {
		md_buf_puts(&w->sql, i > 0 ? "," : "");
		put_value(w, request->fields[i]);
		md_buf_puts(&w->sql, " AS ");
		put_name(w, request->fields[i]->name);
	}
	put_body(w);
	md_buf_puts(&w->sql, " LIMIT 1) AS r");
}

static enum md_code put_where(struct whole *w, struct md_buf *out, struct md_node *node,
			      struct md_error *err)
{
	const char *separator = " WHERE ";

	if (w->request->item)
		md_put_key_conditions(w->b, &w->s, out, node->model, node->alias, &separator);
	return md_put_conditions(w->b, &w->s, out, node, &separator, err);
}

static enum md_code put_change(struct whole *w, struct md_error *err)
{
	bool update = w->request->kind == MD_WRITE_UPDATE;
	struct md_node *node;
	enum md_code code =
		md_node_new(w->b, w->request->model, &w->request->query->root, &node, err);

	if (code != MD_OK)
		return code;
	w->target = node->alias;
	w->b->relations = 0; /* the same embeds again */
	md_buf_puts(&w->sql, update ? "UPDATE " : "DELETE FROM ");
	md_put_table(w->b, &w->sql, node->model, node->alias);
	if (update)
		put_set(w);
	return put_where(w, &w->sql, node, err);
}

static enum md_code put_write(struct whole *w, struct md_error *err)
{
	if (w->request->kind != MD_WRITE_INSERT)
		return put_change(w, err);
	w->target = w->b->next_alias++;
	put_insert(w);
	return MD_OK;
}

/* ---- what is given back ---- */

/* An item that is not changed is only looked at; of other rows, that is none of them. */
static bool is_look(const struct md_write_request *request)
{
	return request->kind == MD_WRITE_UPDATE && request->field_count == 0;
}

/* The read of the rows that were written; with `look`, of those in the table. */
static enum md_code build_read(struct whole *w, bool look, struct md_error *err)
{
	const struct md_model *model = w->request->model;
	struct md_level *level = md_arena_alloc(w->b->arena, sizeof(*level));
	const struct md_level *root;
	const char *separator = " WHERE ";
	struct md_node *node;
	enum md_code code;

	if (!level)
		return md_fail_nomem(err);
	*level = w->request->query->root;
	level->has_limit = level->has_offset = false;
	if (!look)
		level->where = NULL; /* they said what is to be written */
	root = md_always_level(w->b->arena, model, NULL, level);
	if (!root)
		return md_fail_nomem(err);
	code = md_node_new(w->b, model, root, &node, err);
	if (code != MD_OK)
		return code;
	if (!look) {
		w->b->source_columns = md_arena_zalloc(w->b->arena, model->field_count);
		w->b->source_alias = node->alias;
		w->b->source = "w";
		if (!w->b->source_columns)
			return md_fail_nomem(err);
	}
	md_put_table(w->b, &w->s.from, model, node->alias);
	w->s.grouped = w->plan->groups;
	w->plan->tells_rows = w->plan->groups && !(look && w->request->item);
	if (look && w->request->item)
		md_group_by_key(w->b, &w->s, node);
	md_mark_enforced(w->b, node, true);
	code = md_node_shape(w->b, &w->s, node, true, &w->plan->shape, err);
	if (code == MD_OK && look && !w->request->item) /* groups of nothing */
		md_buf_printf(&w->s.where, " WHERE %s", w->b->context->dialect->truth[0]);
	else if (code == MD_OK && look)
		code = put_where(w, &w->s.where, node, err);
	else if (code == MD_OK)
		code = md_put_conditions(w->b, &w->s, &w->s.where, node, &separator, err);
	if (code == MD_OK)
		code = md_put_order(w->b, &w->s, node, err);
	return code;
}

static void put_returning(struct whole *w, struct md_str column, unsigned *count)
{
	md_buf_puts(&w->sql, (*count)++ == 0 ? " RETURNING " : ",");
	md_put_alias(&w->sql, w->target);
	md_buf_putc(&w->sql, '.');
	put_name(w, column);
}

static void put_merges(struct whole *w, unsigned *count)
{
	if (!is_merge(w->request))
		return;
	md_buf_puts(&w->sql, (*count)++ == 0 ? " RETURNING " : ",");
	md_buf_puts(&w->sql, template_of(w, MD_SQL_MERGES));
	md_buf_puts(&w->sql, " AS ");
	put_name(w, md_str_of(merges_name));
	w->plan->tells_merges = w->plan->write.stmt.solo = true;
}

/* RETURNING what the read needs. */
static void put_source(struct whole *w)
{
	const struct md_model *model = w->request->model;
	unsigned count = 0;

	for (unsigned i = 0; i < model->field_count; i++)
		if (w->b->source_columns[i])
			put_returning(w, model->fields[i].column, &count);
	put_merges(w, &count);
	if (count == 0)
		md_buf_puts(&w->sql, " RETURNING 1");
}

static void put_keys(struct whole *w)
{
	const struct md_model *model = w->request->model;
	unsigned count = 0;

	for (unsigned i = 0; w->request->give == MD_GIVE_KEYS && i < model->key_count; i++)
		put_returning(w, model->key[i]->column, &count);
	w->plan->key_cells = count;
	put_merges(w, &count);
	w->plan->write.stmt.returns_rows = count > 0;
}

/* What is for us, behind the cells that are shown. */
static void put_own_cells(struct whole *w, struct md_buf *out)
{
	bool groups = w->plan->groups;

	if (w->plan->tells_merges) {
		md_buf_puts(out, groups ? ",max(" : ",");
		md_put_alias(out, w->b->source_alias);
		md_buf_putc(out, '.');
		w->b->context->dialect->put_name(out, md_str_of(merges_name));
		md_buf_puts(out, groups ? ")" : "");
	}
	if (w->plan->tells_rows)
		md_buf_puts(out, is_look(w->request) ? ",0" : ",(SELECT count(*) FROM w)");
}

/* The read, around the write unless there is none. */
static void put_read(struct whole *w, struct md_buf *out)
{
	if (w->sql.len > 0) {
		md_buf_puts(out, "WITH w AS (");
		md_buf_put(out, w->sql.data, w->sql.len);
		md_buf_puts(out, ") ");
	}
	md_buf_puts(out, "SELECT ");
	if (w->s.cell_count > 0)
		md_buf_put(out, w->s.cells.data, w->s.cells.len);
	else
		md_buf_putc(out, '1');
	put_own_cells(w, out);
	md_buf_puts(out, " FROM ");
	md_buf_put(out, w->s.from.data, w->s.from.len);
	md_buf_put(out, w->s.where.data, w->s.where.len);
	md_buf_put(out, w->s.group.data, w->s.group.len);
	md_buf_put(out, w->s.order.data, w->s.order.len);
	md_buf_inherit(out, &w->sql);
	md_buf_inherit(out, &w->s.group);
	md_buf_inherit(out, &w->s.cells);
	md_buf_inherit(out, &w->s.from);
	md_buf_inherit(out, &w->s.where);
	md_buf_inherit(out, &w->s.order);
}

static enum md_code build(struct whole *w, struct md_error *err)
{
	bool look = is_look(w->request), rows = w->request->give == MD_GIVE_ROWS || look;
	md_auto_buf sql = MD_BUF(4 * MD_SQL_MAX);
	enum md_code code = MD_OK;
	bool returns_rows;

	if (!look)
		code = put_write(w, err);
	if (code == MD_OK && rows)
		code = build_read(w, look, err);
	if (code != MD_OK)
		return code;
	if (rows && !look)
		put_source(w);
	else if (!rows)
		put_keys(w);
	returns_rows = rows || w->plan->write.stmt.returns_rows;
	if (rows)
		put_read(w, &sql);
	code = md_stmt_keep(w->b, &w->s, rows ? &sql : &w->sql, &w->plan->write, err);
	w->plan->write.stmt.returns_rows = returns_rows;
	w->plan->write.stmt.writes = !look;
	return code;
}

enum md_code md_write_build_whole(struct md_build *b, const struct md_write_request *request,
				  struct md_write_plan *plan, struct md_error *err)
{
	struct whole w = { .b = b, .request = request, .plan = plan };
	enum md_code code = md_stmt_build_init(&w.s, err);

	if (code != MD_OK)
		return code;
	md_buf_init(&w.sql, MD_SQL_MAX);
	plan->whole = true;
	code = build(&w, err);
	md_buf_release(&w.sql);
	md_stmt_build_release(&w.s);
	return code;
}
