/* The beginning of a write: which columns the body has, which plans they need, and every value that
 * does not come from a row of the body. */
#include <stddef.h>

#include "core/ops/check.h"
#include "core/ops/write_private.h"

#include "core/base/banned.h"

/* The fields of these names, as far as there are any: `ret_missing` is the number of the first name
 * without one, or `count`. */
static enum md_code find_fields(struct md_write *write, const struct md_str *names, unsigned count,
				const struct md_field ***ret_fields, unsigned *ret_missing,
				struct md_error *err)
{
	const struct md_field **fields = md_arena_alloc(write->ask.arena, count * sizeof(*fields));
	unsigned i;

	if (!fields)
		return md_fail_nomem(err);
	for (i = 0; i < count; i++) {
		fields[i] = md_model_input(write->ask.model, names[i]);
		if (!fields[i])
			break;
	}
	*ret_missing = i;
	*ret_fields = fields;
	return MD_OK;
}

static enum md_code find_columns(struct md_write *write, const struct md_str *names,
				 struct md_error *err)
{
	unsigned missing;
	enum md_code code =
		find_fields(write, names, write->column_count, &write->fields, &missing, err);

	return code == MD_OK && missing < write->column_count
		       ? md_check_fail_column(write->ask.model, names[missing], err)
		       : code;
}

/* The columns of on_conflict. They are the database's to find in PostgREST, so it says what is
 * wrong with them. */
static enum md_code find_conflict(struct md_write *write, const struct md_field ***ret_fields,
				  struct md_error *err)
{
	const struct md_write_ask *ask = &write->ask;
	unsigned missing;
	enum md_code code =
		find_fields(write, ask->conflict, ask->conflict_count, ret_fields, &missing, err);

	return code == MD_OK && missing < ask->conflict_count
		       ? md_model_fail_conflict(ask->model, ask->conflict[missing],
						ask->resolution == MD_RESOLUTION_MERGE, err)
		       : code;
}

static enum md_code check_rows(struct md_write *write, const struct md_str *names,
			       struct md_value **ret_values, struct md_error *err)
{
	struct md_arena *arena = md_write_arena(write);
	struct md_value *values = md_arena_alloc(arena, write->column_count * sizeof(*values));
	const struct md_check check = {
		.kind = write->ask.kind,
		.model = write->ask.model,
		.body = write->ask.body,
		.rows_before = write->rows_before,
		.names = names,
		.fields = write->fields,
		.count = write->column_count,
		.texts = write->ask.texts,
		.missing_default = write->ask.missing_default,
		.cells = write->cells,
		.scratch = write->scratch,
		.arena = arena,
	};

	if (!values)
		return md_fail_nomem(err);
	*ret_values = values;
	return md_check_rows(&check, values, err);
}

enum md_code md_write_check_part(struct md_write *write, struct md_error *err)
{
	struct md_value *values;
	unsigned count;
	const struct md_str *names = md_body_columns(write->ask.body, &count);

	return write->ask.model->def ? check_rows(write, names, &values, err) : MD_OK;
}

/* Everything that is wrong with the body of a declared model, its columns included. */
static enum md_code check_body(struct md_write *write, const struct md_str *names,
			       struct md_error *err)
{
	const struct md_field **fields =
		md_arena_alloc(write->ask.arena, write->column_count * sizeof(*fields));
	struct md_value *values;
	enum md_code code;

	if (!fields)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < write->column_count; i++)
		fields[i] = md_model_input(write->ask.model, names[i]);
	write->fields = fields;
	code = check_rows(write, names, &values, err);
	if (code == MD_OK && md_body_rows(write->ask.body) == 1 && !write->ask.bulk)
		write->values = values;
	return code;
}

/* Texts of several rows do not stay. */
static enum md_code make_row_arena(struct md_write *write, struct md_error *err)
{
	if (!write->ask.bulk && (!write->ask.model->def || write->values))
		return MD_OK;
	write->row_arena = md_arena_new(MD_WRITE_ROW_MAX);
	return write->row_arena ? MD_OK : md_fail_nomem(err);
}

static enum md_code read_columns(struct md_write *write, struct md_error *err)
{
	const struct md_str *names;
	enum md_code code;

	if (!write->ask.body)
		return MD_OK;
	names = md_body_columns(write->ask.body, &write->column_count);
	write->cells =
		md_arena_zalloc(write->ask.arena, write->column_count * sizeof(*write->cells));
	write->scratch = md_arena_alloc(write->ask.arena, md_body_scratch(write->ask.body));
	if (!write->cells || !write->scratch)
		return md_fail_nomem(err);
	code = write->ask.model->def ? check_body(write, names, err)
				     : find_columns(write, names, err);
	return code == MD_OK ? make_row_arena(write, err) : code;
}

static enum md_code set_resolution(struct md_write *write, struct md_write_request *request,
				   struct md_error *err)
{
	const struct md_write_ask *ask = &write->ask;
	const struct md_field **fields;
	enum md_code code;

	if (ask->kind != MD_WRITE_INSERT || ask->resolution == MD_RESOLUTION_NONE)
		return MD_OK;
	request->conflict = ask->model->key;
	request->conflict_count = ask->model->key_count;
	if (ask->conflict) {
		code = find_conflict(write, &fields, err);
		if (code != MD_OK)
			return code;
		request->conflict = fields;
		request->conflict_count = ask->conflict_count;
	}
	if (request->conflict_count == 0)
		return MD_OK; /* nothing to conflict with: a plain INSERT */
	request->resolution =
		ask->resolution == MD_RESOLUTION_MERGE ? MD_RESOLVE_MERGE : MD_RESOLVE_IGNORE;
	write->result.resolved = true;
	return MD_OK;
}

static enum md_code build_plan(struct md_write *write, const struct md_write_request *request,
			       struct md_str key, struct md_write_variant *variant,
			       struct md_error *err)
{
	struct md_write_plan *plan;
	enum md_code code;

	code = md_write_plan_build(request, write->walk, &write->context, &plan, err);
	if (code != MD_OK)
		return code;
	variant->cached = md_ops_cache(write->ops, key, NULL, plan);
	return variant->cached ? MD_OK : md_fail_nomem(err);
}

/* A plan for this write alone, which goes when it is no longer used. */
static enum md_code make_plan(struct md_write *write, const struct md_write_request *request,
			      struct md_write_variant *variant, struct md_error *err)
{
	md_auto_buf key = MD_BUF(256 * 1024);
	struct md_cached_plan *cached;
	struct md_write_plan *plan;
	enum md_code code = md_write_plan_key(request, &key, write->walk, err);

	if (code == MD_OK)
		code = md_write_plan_build(request, write->walk, &write->context, &plan, err);
	if (code != MD_OK)
		return code;
	cached = md_arena_zalloc(plan->arena, sizeof(*cached));
	if (!cached) {
		md_write_plan_free(plan);
		return md_fail_nomem(err);
	}
	cached->write = plan;
	md_plans_use(cached);
	variant->cached = cached;
	return MD_OK;
}

static enum md_code find_plan(struct md_write *write, const struct md_write_request *request,
			      struct md_write_variant *variant, struct md_error *err)
{
	struct md_ops *ops = write->ops;
	struct md_str key;
	enum md_code code;

	md_buf_clear(&ops->key);
	code = md_write_plan_key(request, &ops->key, write->walk, err);
	if (code != MD_OK)
		return code;
	key = (struct md_str){ ops->key.data, ops->key.len };
	variant->cached = md_ops_find(ops, key);
	if (!variant->cached)
		code = build_plan(write, request, key, variant, err);
	if (code == MD_OK)
		md_plans_use(variant->cached);
	return code;
}

enum md_code md_write_bind(struct md_write *write, const struct md_plan_stmt *stmt,
			   const struct md_str *key, struct md_value **ret_args,
			   struct md_error *err)
{
	const struct md_plan_values values = { .query = write->ask.query,
					       .walk = write->walk,
					       .key = key,
					       .arena = write->ask.arena };
	struct md_value *args;

	if (!stmt)
		return MD_OK;
	args = md_arena_alloc(write->ask.arena, stmt->stmt.params * sizeof(*args));
	if (!args)
		return md_fail_nomem(err);
	*ret_args = args;
	return md_plan_bind(stmt, &values, args, err);
}

enum md_code md_write_bind_children(struct md_write *write, const struct md_plan *plan,
				    const struct md_str *key, struct md_value ***ret_args,
				    struct md_error *err)
{
	enum md_code code = MD_OK;
	struct md_value **args;

	if (plan->child_count == 0)
		return MD_OK;
	args = md_arena_alloc(write->ask.arena, plan->child_count * sizeof(*args));
	if (!args)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < plan->child_count && code == MD_OK; i++)
		code = md_write_bind(write, &plan->children[i], key, &args[i], err);
	*ret_args = args;
	return code;
}

static enum md_code bind_stmt(struct md_write *write, const struct md_plan_stmt *stmt,
			      struct md_value **ret_args, struct md_error *err)
{
	return md_write_bind(write, stmt, write->ask.key, ret_args, err);
}

static enum md_code bind_rows(struct md_write *write, const struct md_plan *rows,
			      struct md_error *err)
{
	enum md_code code = bind_stmt(write, &rows->select, &write->rows_args, err);

	return code == MD_OK ? md_write_bind_children(write, rows, write->ask.key,
						      &write->child_args, err)
			     : code;
}

static bool is_among(const struct md_field *const *fields, unsigned count,
		     const struct md_field *field)
{
	for (unsigned i = 0; i < count; i++)
		if (fields[i] == field)
			return true;
	return false;
}

/* Whether a row has its value without us: from the body or, in a change, the default that `columns`
 * asks for. */
static bool has_field(const struct md_write_variant *variant, const struct md_field *field,
		      bool update)
{
	return is_among(variant->fields, variant->count, field) ||
	       (update && is_among(variant->lacking, variant->lacking_count, field));
}

static void add_made(const struct md_model *model, bool update, struct md_write_variant *variant)
{
	for (unsigned i = 0; i < model->field_count; i++)
		if (md_is_made(&model->fields[i], update) &&
		    !has_field(variant, &model->fields[i], update))
			variant->made[variant->made_count++] =
				(struct md_made){ &model->fields[i], update };
}

/* Defaults for a change. */
static void add_lacking(struct md_write_variant *variant)
{
	for (unsigned i = 0; i < variant->lacking_count; i++)
		if (md_is_made(variant->lacking[i], false))
			variant->made[variant->made_count++] =
				(struct md_made){ variant->lacking[i], false };
}

/* What we give the rows of a variant ourselves, and those values that are the same in all rows. */
static enum md_code find_made(struct md_write *write, const struct md_write_request *request,
			      struct md_write_variant *variant, struct md_error *err)
{
	const struct md_model *model = request->model;
	struct md_arena *arena = write->ask.arena;
	size_t most = 2 * (size_t)model->field_count;
	enum md_code code = MD_OK;

	if (!model->def || request->kind == MD_WRITE_DELETE)
		return MD_OK;
	variant->made = md_arena_alloc(arena, most * sizeof(*variant->made));
	if (!variant->made)
		return md_fail_nomem(err);
	if (request->kind == MD_WRITE_INSERT)
		add_made(model, false, variant);
	else
		add_lacking(variant);
	if (variant->count + variant->lacking_count > 0 &&
	    (request->kind == MD_WRITE_UPDATE || request->resolution == MD_RESOLVE_MERGE))
		add_made(model, true, variant);
	variant->made_values =
		md_arena_alloc(arena, variant->made_count * sizeof(*variant->made_values));
	variant->made_room =
		md_arena_alloc(arena, variant->made_count * sizeof(*variant->made_room));
	if (!variant->made_values || !variant->made_room)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < variant->made_count && code == MD_OK; i++)
		code = md_generate(write->generator, &variant->made[i], arena,
				   variant->made_room[i], &variant->made_values[i], err);
	return code;
}

static enum md_code plan_variant(struct md_write *write, struct md_write_request *request,
				 struct md_write_variant *variant, struct md_error *err)
{
	const struct md_write_plan *plan;
	enum md_code code;

	request->fields = variant->fields;
	request->field_count = variant->count;
	request->lacking = variant->lacking;
	request->lacking_count = variant->lacking_count;
	code = find_made(write, request, variant, err);
	if (code != MD_OK)
		return code;
	request->made = variant->made;
	request->made_count = variant->made_count;
	code = write->away ? make_plan(write, request, variant, err)
			   : find_plan(write, request, variant, err);
	if (code != MD_OK)
		return code;
	plan = variant->cached->write;
	code = bind_stmt(write, &plan->write, &variant->write_args, err);
	if (code == MD_OK)
		code = bind_stmt(write, plan->exists, &variant->exists_args, err);
	if (code == MD_OK && variant == write->variants)
		code = bind_stmt(write, plan->find, &write->find_args, err);
	if (code == MD_OK && variant == write->variants && plan->rows)
		code = bind_rows(write, plan->rows, err);
	return code;
}

static enum md_frame frame_of(const struct md_write *write)
{
	const struct md_write_plan *plan = md_write_plan_of(write);

	if (write->ask.answer != MD_ANSWER_JSON)
		return write->ask.answer == MD_ANSWER_CSV ? MD_FRAME_CSV : MD_FRAME_LINES;
	if (write->ask.singular)
		return MD_FRAME_OBJECT;
	return plan->rows || (plan->whole && !write->ask.bulk) ? MD_FRAME_ARRAY : MD_FRAME_ROWS;
}

static enum md_code make_sink(struct md_write *write, struct md_error *err)
{
	const struct md_write_plan *plan = md_write_plan_of(write);
	const struct md_text_sink_options options = {
		.frame = frame_of(write),
		.piece = SIZE_MAX,
		.child_args = write->child_args,
	};

	if (!md_write_wants_rows(write))
		return MD_OK;
	write->sink = md_text_sink_new(write->ask.arena,
				       plan->rows ? plan->rows->shape : plan->shape, &options);
	return write->sink ? MD_OK : md_fail_nomem(err);
}

static enum md_code start_generator(struct md_write *write, struct md_error *err)
{
	if (!write->ask.model->def)
		return MD_OK;
	write->generator = md_arena_alloc(write->ask.arena, sizeof(*write->generator));
	if (!write->generator)
		return md_fail_nomem(err);
	md_generator_start(write->generator);
	return MD_OK;
}

bool md_write_late_variant(struct md_write *write)
{
	struct md_error *err = &write->unit.error;
	struct md_write_variant *variant;

	if (md_write_add_variant(write, err) != MD_OK)
		return false;
	variant = &write->variants[write->variant_count - 1];
	return plan_variant(write, &write->request, variant, err) == MD_OK;
}

/* Variants may turn up while the rows are read: what makes plans is kept for them. */
static enum md_code set_tools(struct md_write *write, struct md_error *err)
{
	write->walk = &write->ops->walk;
	md_ops_context(write->ops, &write->context);
	write->context.max_rows = UINT64_MAX; /* the cap is for reads */
	if (!write->ask.bulk)
		return MD_OK;
	write->walk = md_arena_alloc(write->ask.arena, sizeof(*write->walk));
	return write->walk ? MD_OK : md_fail_nomem(err);
}

enum md_code md_write_prepare(struct md_write *write, struct md_error *err)
{
	enum md_code code = start_generator(write, err);

	write->request = (struct md_write_request){
		.kind = write->ask.kind,
		.give = write->ask.give,
		.model = write->ask.model,
		.query = write->ask.query,
		.item = write->ask.key != NULL && write->ask.kind != MD_WRITE_INSERT,
		.missing_default = write->ask.missing_default && md_write_is_whole(write),
		.strip_nulls = write->ask.strip_nulls
	};

	if (code == MD_OK)
		code = set_tools(write, err);
	if (code == MD_OK)
		code = read_columns(write, err);
	if (code == MD_OK)
		code = md_write_find_variants(write, err);
	if (code == MD_OK)
		code = set_resolution(write, &write->request, err);
	for (unsigned i = 0; i < write->variant_count && code == MD_OK; i++)
		code = plan_variant(write, &write->request, &write->variants[i], err);
	if (code == MD_OK)
		code = make_sink(write, err);
	write->away = write->ask.bulk != NULL;
	return code;
}
