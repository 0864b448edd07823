/* Plans of writes: INSERT, UPDATE, DELETE, and how the rows they touched are told. */
#include "core/query/builder.h"

#include <string.h>

#include "core/base/banned.h"

enum { WRITE_ARENA = 1u << 20 };

struct write_build {
	struct md_build b;
	struct md_plan_request read; /* what b.request points to */
	const struct md_write_request *request;
	struct md_write_plan *plan;
	struct md_stmt_build s;
	struct md_buf sql;
	size_t where_at, where_end; /* of the condition in the write's text; 0: none */
};

static void put_name(struct write_build *w, struct md_str name)
{
	w->b.context->dialect->put_name(&w->sql, name);
}

static void put_body_bind(struct write_build *w, unsigned number)
{
	const struct md_field *field = w->request->fields[number];

	md_put_bind(&w->b, &w->s, &w->sql,
		    &(struct md_bind){ .from = MD_FROM_BODY,
				       .type = field->type,
				       .index = number,
				       .secret = !md_field_is_visible(field) });
}

static void put_made_bind(struct write_build *w, unsigned number)
{
	const struct md_field *field = w->request->made[number].field;

	md_put_bind(&w->b, &w->s, &w->sql,
		    &(struct md_bind){ .from = MD_FROM_MADE,
				       .type = field->type,
				       .index = number,
				       .secret = !md_field_is_visible(field) });
}

static void put_names(struct write_build *w, const struct md_field *const *fields, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		md_buf_puts(&w->sql, i == 0 ? " (" : ",");
		put_name(w, fields[i]->column);
	}
	md_buf_puts(&w->sql, count > 0 ? ")" : "");
}

static void put_excluded(struct write_build *w, const struct md_field *field)
{
	put_name(w, field->column);
	md_buf_puts(&w->sql, " = excluded.");
	put_name(w, field->column);
}

/* What a change of a row that is there brings by itself. Returns how many terms there are now. */
static unsigned put_made_changes(struct write_build *w, unsigned terms, const char *begin)
{
	for (unsigned i = 0; i < w->request->made_count; i++) {
		if (!w->request->made[i].update)
			continue;
		md_buf_puts(&w->sql, terms++ == 0 ? begin : ",");
		put_name(w, w->request->made[i].field->column);
		md_buf_puts(&w->sql, " = ");
		put_made_bind(w, i);
	}
	return terms;
}

/* The default of a column that the body lacks, for a row that is there. */
static void put_default(struct write_build *w, const struct md_field *field)
{
	for (unsigned i = 0; i < w->request->made_count; i++)
		if (w->request->made[i].field == field && !w->request->made[i].update) {
			put_made_bind(w, i);
			return;
		}
	md_buf_printf(&w->sql, "(%s)", field->fallback ? field->fallback : "NULL");
}

static unsigned put_merged(struct write_build *w, const struct md_field *const *fields,
			   unsigned count, unsigned terms)
{
	for (unsigned i = 0; i < count; i++) {
		if (fields[i]->immutable)
			continue;
		md_buf_puts(&w->sql, terms++ == 0 ? "" : ",");
		put_excluded(w, fields[i]);
	}
	return terms;
}

/* What is set when the row is there already: what the body gives, but never what may not change,
 * and the defaults of what it lacks. If that is all there is, the columns in conflict become what
 * they are. */
static void put_merge(struct write_build *w)
{
	const struct md_write_request *request = w->request;
	unsigned terms = put_merged(w, request->fields, request->field_count, 0);

	terms = put_merged(w, request->lacking, request->lacking_count, terms);
	terms = put_made_changes(w, terms, "");
	for (unsigned i = 0; terms == 0 && i < request->conflict_count; i++) {
		md_buf_puts(&w->sql, i == 0 ? "" : ",");
		put_excluded(w, request->conflict[i]);
	}
}

static void put_conflict(struct write_build *w)
{
	const struct md_write_request *request = w->request;
	bool merge = request->resolution == MD_RESOLVE_MERGE &&
		     request->field_count + request->lacking_count > 0;

	if (request->resolution == MD_RESOLVE_NOT)
		return;
	md_buf_puts(&w->sql, " ON CONFLICT");
	put_names(w, request->conflict, request->conflict_count);
	md_buf_puts(&w->sql, merge ? " DO UPDATE SET " : " DO NOTHING");
	if (merge)
		put_merge(w);
}

/* Columns of a new row: those of the body, then those that we make. Returns how many there are. */
static unsigned put_columns(struct write_build *w)
{
	const struct md_write_request *request = w->request;
	unsigned count = 0;

	for (unsigned i = 0; i < request->field_count; i++) {
		md_buf_puts(&w->sql, count++ == 0 ? " (" : ",");
		put_name(w, request->fields[i]->column);
	}
	for (unsigned i = 0; i < request->made_count; i++) {
		if (request->made[i].update)
			continue;
		md_buf_puts(&w->sql, count++ == 0 ? " (" : ",");
		put_name(w, request->made[i].field->column);
	}
	md_buf_puts(&w->sql, count > 0 ? ")" : "");
	return count;
}

static enum md_code put_insert(struct write_build *w, struct md_error *err)
{
	const struct md_write_request *request = w->request;
	unsigned count, put = 0;

	(void)err;
	md_buf_puts(&w->sql, "INSERT INTO ");
	put_name(w, request->model->name);
	count = put_columns(w);
	for (unsigned i = 0; i < request->field_count; i++) {
		md_buf_puts(&w->sql, put++ == 0 ? " VALUES (" : ",");
		put_body_bind(w, i);
	}
	for (unsigned i = 0; i < request->made_count; i++) {
		if (request->made[i].update)
			continue;
		md_buf_puts(&w->sql, put++ == 0 ? " VALUES (" : ",");
		put_made_bind(w, i);
	}
	if (count == 0) {
		/* SQLite takes no ON CONFLICT behind it: a default that is there already is an
		 * error. */
		md_buf_puts(&w->sql, " DEFAULT VALUES");
		return MD_OK;
	}
	md_buf_putc(&w->sql, ')');
	put_conflict(w);
	return MD_OK;
}

/* WHERE of UPDATE, DELETE and the search for keys: the item's key and the filters of the root. */
static enum md_code put_where(struct write_build *w, struct md_node *node, struct md_error *err)
{
	const char *separator = " WHERE ";

	if (w->request->item)
		md_put_key_conditions(&w->b, &w->s, &w->sql, node->model, node->alias, &separator);
	return md_put_conditions(&w->b, &w->s, &w->sql, node, &separator, err);
}

/* Changed through triggers: the engine counts nothing, and what it returns are not the rows. */
static bool is_view(const struct md_write_request *request)
{
	return request->model->kind == MD_REL_VIEW && request->kind != MD_WRITE_INSERT;
}

/* A change of an item that changes nothing still tells whether the item is there. */
static bool is_look(const struct md_write_request *request)
{
	return request->kind == MD_WRITE_UPDATE && request->item &&
	       request->field_count + request->lacking_count == 0;
}

static void put_set(struct write_build *w)
{
	unsigned terms = 0;

	for (unsigned i = 0; i < w->request->field_count; i++) {
		md_buf_puts(&w->sql, terms++ == 0 ? " SET " : ",");
		put_name(w, w->request->fields[i]->column);
		md_buf_puts(&w->sql, " = ");
		put_body_bind(w, i);
	}
	for (unsigned i = 0; i < w->request->lacking_count; i++) {
		md_buf_puts(&w->sql, terms++ == 0 ? " SET " : ",");
		put_name(w, w->request->lacking[i]->column);
		md_buf_puts(&w->sql, " = ");
		put_default(w, w->request->lacking[i]);
	}
	put_made_changes(w, terms, " SET ");
}

static enum md_code put_change(struct write_build *w, struct md_error *err)
{
	struct md_node *node;
	enum md_code code =
		md_node_new(&w->b, w->request->model, &w->request->query->root, &node, err);

	if (code != MD_OK)
		return code;
	md_buf_puts(&w->sql, w->request->kind == MD_WRITE_UPDATE ? "UPDATE " : "DELETE FROM ");
	if (is_view(w->request)) {
		w->b.named = node;
		put_name(w, node->model->name);
	} else {
		md_put_table(&w->b, &w->sql, node->model, node->alias);
	}
	if (w->request->kind == MD_WRITE_UPDATE)
		put_set(w);
	w->plan->alias = node->alias;
	w->where_at = w->sql.len + strlen(" WHERE ");
	code = put_where(w, node, err);
	w->where_end = w->sql.len;
	w->b.named = NULL;
	return code;
}

/* Where the finished text says which rows. */
static void note_where(struct write_build *w)
{
	if (w->where_end > w->where_at)
		w->plan->where = (struct md_str){ w->plan->write.stmt.sql + w->where_at,
						  w->where_end - w->where_at };
}

/* The columns that identify a row: its key, else what the engine has. */
static enum md_code put_key_cells(struct write_build *w, unsigned alias, struct md_error *err)
{
	const struct md_model *model = w->request->model;
	const char *row_key = w->b.context->dialect->row_key;

	w->plan->key_cells = model->key_count > 0 ? model->key_count : 1;
	if (model->key_count == 0 && (!row_key || model->kind != MD_REL_TABLE)) {
		return md_fail_feature(
			err, "the rows of '%.*s' have no key, so their embeds cannot be given back",
			MD_STR_ARG(model->name));
	}
	if (model->key_count == 0 && alias != MD_NO_ALIAS) {
		md_put_alias(&w->sql, alias);
		md_buf_putc(&w->sql, '.');
	}
	if (model->key_count == 0)
		md_buf_puts(&w->sql, row_key);
	for (unsigned i = 0; i < model->key_count; i++) {
		if (i > 0)
			md_buf_putc(&w->sql, ',');
		md_put_column(&w->b, &w->sql, alias, model->key[i]);
	}
	return MD_OK;
}

/* RETURNING can give what is asked: columns of the table, in the order of writing. */
static bool is_direct(const struct md_write_request *request)
{
	if (request->query->root.order || is_view(request) || is_look(request) ||
	    md_level_is_grouped(request->model, &request->query->root) ||
	    md_level_is_always(request->model, &request->query->root))
		return false;
	for (const struct md_select *select = request->query->root.select; select;
	     select = select->next)
		if (select->kind == MD_SELECT_EMBED)
			return false;
	return true;
}

static enum md_code put_returning_rows(struct write_build *w, struct md_error *err)
{
	struct md_node node = { .model = w->request->model,
				.alias = MD_NO_ALIAS,
				.level = &w->request->query->root };
	enum md_code code = md_node_shape(&w->b, &w->s, &node, true, &w->plan->shape, err);

	if (code != MD_OK)
		return code;
	if (w->s.cell_count == 0)
		md_buf_puts(&w->s.cells, "1");
	md_buf_puts(&w->sql, " RETURNING ");
	md_buf_put(&w->sql, w->s.cells.data, w->s.cells.len);
	md_buf_inherit(&w->sql, &w->s.cells);
	return MD_OK;
}

static enum md_code put_returning(struct write_build *w, struct md_error *err)
{
	if (w->request->give == MD_GIVE_COUNT || w->plan->find)
		return MD_OK;
	if (w->request->give == MD_GIVE_ROWS && is_direct(w->request))
		return put_returning_rows(w, err);
	if (w->request->give == MD_GIVE_KEYS && w->request->model->key_count == 0)
		return MD_OK; /* no Location without a key */
	md_buf_puts(&w->sql, " RETURNING ");
	return put_key_cells(w, MD_NO_ALIAS, err);
}

static enum md_code build_write(struct write_build *w, struct md_error *err)
{
	enum md_code code = md_stmt_build_init(&w->s, err);

	if (code != MD_OK)
		return code;
	md_buf_clear(&w->sql);
	code = w->request->kind == MD_WRITE_INSERT ? put_insert(w, err) : put_change(w, err);
	if (code == MD_OK)
		code = put_returning(w, err);
	if (code == MD_OK)
		code = md_stmt_keep(&w->b, &w->s, &w->sql, &w->plan->write, err);
	if (code == MD_OK)
		note_where(w);
	md_stmt_build_release(&w->s);
	w->plan->write.stmt.writes = true;
	w->plan->write.stmt.returns_rows =
		w->plan->shape || (w->plan->key_cells > 0 && !w->plan->find);
	return code;
}

/* The keys of the rows that are meant: they are read before they are deleted, or counted. */
static enum md_code build_find(struct write_build *w, struct md_error *err)
{
	struct md_plan_stmt *find = md_arena_zalloc(w->b.arena, sizeof(*find));
	struct md_node *node;
	enum md_code code;

	if (!find)
		return md_fail_nomem(err);
	code = md_stmt_build_init(&w->s, err);
	if (code != MD_OK)
		return code;
	md_buf_clear(&w->sql);
	code = md_node_new(&w->b, w->request->model, &w->request->query->root, &node, err);
	if (code == MD_OK) {
		md_buf_puts(&w->sql, "SELECT ");
		if (w->request->give == MD_GIVE_ROWS)
			code = put_key_cells(w, node->alias, err);
		else
			md_buf_putc(&w->sql, '1');
	}
	if (code == MD_OK) {
		md_buf_puts(&w->sql, " FROM ");
		md_put_table(&w->b, &w->sql, node->model, node->alias);
		code = put_where(w, node, err);
	}
	if (code == MD_OK)
		code = md_stmt_keep(&w->b, &w->s, &w->sql, find, err);
	md_stmt_build_release(&w->s);
	find->stmt.returns_rows = true;
	if (code == MD_OK)
		w->plan->find = find;
	return code;
}

/* The place of a field in the body, or among what we make for a new row; false: the database makes
 * it. */
static bool find_value(const struct md_write_request *request, const struct md_field *field,
		       unsigned *ret_number, bool *ret_made)
{
	for (unsigned i = 0; i < request->field_count + request->made_count; i++) {
		unsigned number = i < request->field_count ? i : i - request->field_count;
		bool made = i >= request->field_count;

		if (made ? request->made[number].field != field || request->made[number].update
			 : request->fields[number] != field)
			continue;
		*ret_number = number;
		*ret_made = made;
		return true;
	}
	return false;
}

/* An upsert tells inserted rows from merged ones by looking first: RETURNING cannot. */
static enum md_code build_exists(struct write_build *w, struct md_error *err)
{
	const struct md_write_request *request = w->request;
	struct md_plan_stmt *exists = md_arena_zalloc(w->b.arena, sizeof(*exists));
	unsigned number;
	bool made;
	enum md_code code;

	for (unsigned i = 0; i < request->conflict_count; i++)
		if (!find_value(request, request->conflict[i], &number, &made))
			return MD_OK; /* new rows only */
	if (!exists)
		return md_fail_nomem(err);
	code = md_stmt_build_init(&w->s, err);
	if (code != MD_OK)
		return code;
	md_buf_clear(&w->sql);
	md_buf_puts(&w->sql, "SELECT 1 FROM ");
	put_name(w, request->model->name);
	for (unsigned i = 0; i < request->conflict_count; i++) {
		md_buf_puts(&w->sql, i == 0 ? " WHERE " : " AND ");
		put_name(w, request->conflict[i]->column);
		md_buf_puts(&w->sql, " = ");
		find_value(request, request->conflict[i], &number, &made);
		if (made)
			put_made_bind(w, number);
		else
			put_body_bind(w, number);
	}
	code = md_stmt_keep(&w->b, &w->s, &w->sql, exists, err);
	md_stmt_build_release(&w->s);
	exists->stmt.returns_rows = true;
	if (code == MD_OK)
		w->plan->exists = exists;
	return code;
}

static enum md_code build_rows(struct write_build *w, const struct md_walk *walk,
			       struct md_error *err)
{
	struct md_plan_request read = w->read;

	read.route = MD_READ_KEYS;
	return md_plan_build(&read, walk, w->b.context, &w->plan->rows, err);
}

/* Row by row. */
static enum md_code build_by_row(struct write_build *w, struct md_error *err)
{
	const struct md_write_request *request = w->request;
	bool by_key = request->give == MD_GIVE_ROWS && !is_direct(request);
	enum md_code code = MD_OK;

	md_buf_init(&w->sql, MD_SQL_MAX);
	if (by_key)
		code = build_rows(w, w->b.walk, err);
	if (code == MD_OK &&
	    ((by_key && request->kind == MD_WRITE_DELETE) || is_view(request) || is_look(request)))
		code = build_find(w, err);
	if (code == MD_OK && request->resolution != MD_RESOLVE_NOT)
		code = build_exists(w, err);
	if (code == MD_OK)
		code = build_write(w, err);
	md_buf_release(&w->sql);
	return code;
}

/* What new rows would be shown with must exist, although they are not shown. Changes look for it by
 * themselves: it may say which rows are meant. */
static enum md_code check_embeds(const struct write_build *w, struct md_error *err)
{
	struct md_build b = w->b; /* its numbers are for what is built */
	struct md_node *node;

	if (w->request->kind != MD_WRITE_INSERT || w->request->give == MD_GIVE_ROWS)
		return MD_OK;
	return md_node_new(&b, w->request->model, &w->request->query->root, &node, err);
}

enum md_code md_write_plan_build(const struct md_write_request *request, const struct md_walk *walk,
				 const struct md_plan_context *context,
				 struct md_write_plan **ret_plan, struct md_error *err)
{
	bool whole = context->dialect->templates[MD_SQL_BODY_ROWS] != NULL;
	struct md_arena *arena = md_arena_new(WRITE_ARENA);
	struct write_build w = { .b = { .walk = walk, .context = context, .arena = arena },
				 .request = request };
	enum md_code code;

	w.plan = arena ? md_arena_zalloc(arena, sizeof(*w.plan)) : NULL;
	if (!w.plan) {
		md_arena_free(arena);
		return md_fail_nomem(err);
	}
	w.plan->arena = arena;
	code = md_model_check(request->model, err);
	w.read = (struct md_plan_request){ .route = request->item ? MD_READ_ITEM : MD_READ_LIST,
					   .model = request->model,
					   .query = request->query,
					   .strip_nulls = request->strip_nulls };
	w.b.request = &w.read;
	w.plan->bounded = request->kind == MD_WRITE_INSERT || request->item;
	w.plan->groups = request->give == MD_GIVE_ROWS &&
			 md_level_is_grouped(request->model, &request->query->root);
	if (code == MD_OK)
		code = md_check_aggregates(&w.b, &request->query->root, err);
	if (code == MD_OK)
		code = check_embeds(&w, err);
	if (code == MD_OK)
		code = whole ? md_write_build_whole(&w.b, request, w.plan, err)
			     : build_by_row(&w, err);
	if (code != MD_OK) {
		md_write_plan_free(w.plan);
		return code;
	}
	*ret_plan = w.plan;
	return MD_OK;
}

struct md_write_plan *md_write_plan_free(struct md_write_plan *plan)
{
	if (!plan)
		return NULL;
	md_plan_free(plan->rows);
	md_arena_free(plan->arena);
	return NULL;
}
