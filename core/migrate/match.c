#include "core/migrate/match.h"

#include "core/migrate/ddl_private.h"
#include "core/migrate/match_private.h"

#include "core/base/banned.h"

enum { TEXT_MAX = 1024 * 1024 };

bool md_match_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Two texts that are written by one function. */
struct texts {
	struct md_buf before, after;
};

static bool differ(struct matching *m, struct texts *texts)
{
	bool same = md_str_equal(md_buf_str(&texts->before), md_buf_str(&texts->after));

	m->failed = m->failed || texts->before.failed || texts->after.failed;
	md_buf_release(&texts->before);
	md_buf_release(&texts->after);
	return !same;
}

#define TEXTS                           \
	{                               \
		{ .max = TEXT_MAX },    \
		{                       \
			.max = TEXT_MAX \
		}                       \
	}

/* --- columns -----------------------------------------------------------------------------------
 */

/* Only the type, and a collation where that is asked for. */
static void put_type(struct matching *m, struct md_buf *out, const struct md_def_field *field,
		     bool collated)
{
	struct md_def_field bare = *field;

	bare.column = "c";
	bare.nullable = true;
	bare.identity = bare.is_generated = false;
	bare.value = (struct md_def_default){ .fn = MD_DEF_FN_NONE };
	if (!collated)
		bare.collate = MD_DEF_COLLATE_DATABASE;
	md_ddl_put_column(m->dialect, out, NULL, &bare);
}

static bool type_texts_differ(struct matching *m, const struct md_def_field *before,
			      const struct md_def_field *after, bool with_length)
{
	struct md_def_field one = *before, other = *after;
	struct texts texts = TEXTS;

	if (!with_length)
		one.max_length = other.max_length = 1;
	put_type(m, &texts.before, &one, false);
	put_type(m, &texts.after, &other, false);
	return differ(m, &texts);
}

static unsigned compare_type(struct matching *m, const struct md_def_field *before,
			     const struct md_def_field *after)
{
	bool decimals = before->type == MD_DEF_DECIMAL && after->type == MD_DEF_DECIMAL;

	if (before->type != after->type || before->items != after->items ||
	    (decimals &&
	     (before->precision != after->precision || before->scale != after->scale)) ||
	    type_texts_differ(m, before, after, false))
		return MD_COLUMN_TYPE;
	return type_texts_differ(m, before, after, true) ? MD_COLUMN_LENGTH : 0;
}

/* What is said behind the type. */
static unsigned compare_collation(struct matching *m, const struct md_def_field *before,
				  const struct md_def_field *after)
{
	const struct md_def_field *const fields[] = { before, after };
	md_auto_buf plain = MD_BUF(TEXT_MAX);
	struct texts texts = TEXTS;
	struct md_buf *const out[] = { &texts.before, &texts.after };

	for (unsigned i = 0; i < 2; i++) {
		md_auto_buf whole = MD_BUF(TEXT_MAX);

		md_buf_clear(&plain);
		put_type(m, &plain, fields[i], false);
		put_type(m, &whole, fields[i], true);
		m->failed = m->failed || plain.failed || whole.failed;
		if (!plain.failed && !whole.failed)
			md_buf_put(out[i], whole.data + plain.len, whole.len - plain.len);
	}
	return differ(m, &texts) ? MD_COLUMN_COLLATION : 0;
}

static unsigned compare_default(struct matching *m, const struct md_def_field *before,
				const struct md_def_field *after)
{
	struct texts texts = TEXTS;

	if (!before->is_generated)
		md_ddl_put_default(m->dialect, &texts.before, before);
	if (!after->is_generated)
		md_ddl_put_default(m->dialect, &texts.after, after);
	return differ(m, &texts) ? MD_COLUMN_DEFAULT : 0;
}

static unsigned compare_generated(const struct matching *m, const struct md_def_field *before,
				  const struct md_def_field *after)
{
	if (!before->is_generated && !after->is_generated)
		return 0;
	if (before->is_generated != after->is_generated ||
	    (before->stored == MD_DEF_NO) != (after->stored == MD_DEF_NO) ||
	    !md_match_same_text(md_ddl_own_sql(m->dialect, &before->generated),
				md_ddl_own_sql(m->dialect, &after->generated)))
		return MD_COLUMN_GENERATED;
	return 0;
}

/* Engines write a column's new name into its checks, so that is no difference. */
static unsigned compare_check(struct matching *m, const struct md_def_field *before,
			      const struct md_def_field *after)
{
	struct md_def_field former = *before;
	struct texts texts = TEXTS;
	bool named;

	former.column = md_def_column(after);
	md_ddl_put_rule(m->dialect, &texts.before, &former);
	md_ddl_put_rule(m->dialect, &texts.after, after);
	named = texts.before.len > 0 && texts.after.len > 0 &&
		strcmp(before->check_name, after->check_name) != 0;
	return differ(m, &texts) || named ? MD_COLUMN_CHECK : 0;
}

static bool labels_differ(const struct md_def_field *before, const struct md_def_field *after)
{
	if (before->labels.count != after->labels.count)
		return true;
	for (unsigned i = 0; i < before->labels.count; i++)
		if (strcmp(before->labels.items[i], after->labels.items[i]) != 0)
			return true;
	return false;
}

static unsigned compare_fields(struct matching *m, const struct md_def_field *before,
			       const struct md_def_field *after)
{
	unsigned changed = compare_type(m, before, after) | compare_collation(m, before, after) |
			   compare_default(m, before, after) | compare_generated(m, before, after) |
			   compare_check(m, before, after);

	if (strcmp(md_def_column(before), md_def_column(after)) != 0)
		changed |= MD_COLUMN_NAME;
	/* Where the type has no length, a CHECK has it. */
	if (before->max_length != after->max_length && (changed & MD_COLUMN_CHECK) &&
	    before->type == after->type)
		changed |= MD_COLUMN_LENGTH;
	if (before->nullable != after->nullable)
		changed |= MD_COLUMN_NULL;
	if (before->identity != after->identity)
		changed |= MD_COLUMN_IDENTITY;
	if (before->type == MD_DEF_ENUM && after->type == MD_DEF_ENUM &&
	    labels_differ(before, after))
		changed |= MD_COLUMN_LABELS;
	if (!md_match_same_text(before->description, after->description))
		changed |= MD_COLUMN_COMMENT;
	return changed;
}

static const struct md_def_field *find_field(const struct md_def_model *model, const char *name)
{
	for (unsigned i = 0; name && model && i < model->field_count; i++)
		if (strcmp(model->fields[i].name, name) == 0)
			return &model->fields[i];
	return NULL;
}

void md_match_columns(struct matching *m, struct md_model_pair *pair)
{
	unsigned before = pair->before ? pair->before->field_count : 0;
	unsigned after = pair->after ? pair->after->field_count : 0, count = 0;
	struct md_column_pair *columns =
		md_arena_zalloc(m->arena, (before + after) * sizeof(*columns));

	m->failed = m->failed || !columns;
	pair->columns = columns;
	for (unsigned i = 0; columns && i < after; i++) {
		const struct md_def_field *field = &pair->after->fields[i];
		struct md_column_pair *column = &columns[count++];

		column->after = field;
		column->before = find_field(
			pair->before, md_match_field_before(m, pair->after->name, field->name));
		if (column->before)
			column->changed = compare_fields(m, column->before, field);
	}
	pair->column_count = count;
	for (unsigned i = 0; columns && i < before; i++)
		if (!md_match_field_after(pair, &pair->before->fields[i]))
			columns[count++].before = &pair->before->fields[i];
	pair->column_count = count;
}

const struct md_def_field *md_match_field_after(const struct md_model_pair *pair,
						const struct md_def_field *field)
{
	for (unsigned i = 0; i < pair->column_count; i++)
		if (pair->columns[i].before == field)
			return pair->columns[i].after;
	return NULL;
}

/* --- models ------------------------------------------------------------------------------------
 */

static bool key_differs(const struct md_model_pair *pair)
{
	if (pair->before->key_count != pair->after->key_count)
		return true;
	for (unsigned i = 0; i < pair->after->key_count; i++)
		if (md_match_field_after(pair, pair->before->key[i]) != pair->after->key[i])
			return true;
	return false;
}

/* What is said of a table around its columns, comments left out. */
static void put_options(struct matching *m, struct md_buf *out, const struct md_def_model *model)
{
	struct md_def_model bare = *model;

	bare.description = NULL;
	bare.field_count = 0;
	if (m->dialect->put_create)
		m->dialect->put_create(out, &bare);
	m->dialect->put_table_options(out, &bare);
}

static void compare_models(struct matching *m, struct md_model_pair *pair)
{
	struct texts options = TEXTS;
	const struct md_def_model *before = pair->before, *after = pair->after;

	pair->table_renamed = strcmp(before->table, after->table) != 0;
	pair->key_changed = key_differs(pair);
	pair->key_renamed = before->key_count > 0 && after->key_count > 0 &&
			    strcmp(before->key_name, after->key_name) != 0;
	put_options(m, &options.before, before);
	put_options(m, &options.after, after);
	pair->options_changed = differ(m, &options);
	pair->comment_changed = !md_match_same_text(before->description, after->description);
}

static bool columns_changed(const struct md_model_pair *pair)
{
	for (unsigned i = 0; i < pair->column_count; i++)
		if (!pair->columns[i].before || !pair->columns[i].after || pair->columns[i].changed)
			return true;
	return false;
}

static bool parts_changed(const struct md_model_pair *pair)
{
	for (unsigned i = 0; i < pair->index_count; i++)
		if (!pair->indexes[i].before || !pair->indexes[i].after ||
		    pair->indexes[i].changed || pair->indexes[i].renamed)
			return true;
	for (unsigned i = 0; i < pair->check_count; i++)
		if (!pair->checks[i].before || !pair->checks[i].after || pair->checks[i].changed ||
		    pair->checks[i].renamed)
			return true;
	for (unsigned i = 0; i < pair->foreign_key_count; i++)
		if (!pair->foreign_keys[i].before || !pair->foreign_keys[i].after ||
		    pair->foreign_keys[i].changed || pair->foreign_keys[i].renamed)
			return true;
	return false;
}

static bool anything_changed(const struct md_model_pair *pair)
{
	return !pair->before || !pair->after || pair->table_renamed || pair->key_changed ||
	       pair->key_renamed || pair->options_changed || pair->comment_changed ||
	       columns_changed(pair) || parts_changed(pair);
}

const struct md_model_pair *md_match_pair_of(const struct matching *m,
					     const struct md_def_model *before)
{
	for (unsigned i = 0; i < m->model_count; i++)
		if (m->models[i].before == before)
			return &m->models[i];
	return NULL;
}

/* What each model of afterwards was, when that had a table that modeld makes. */
static void find_former(struct matching *m)
{
	m->former = md_arena_zalloc(m->arena, m->after->model_count * sizeof(void *));
	m->failed = m->failed || !m->former;
	for (unsigned i = 0; !m->failed && i < m->after->model_count; i++) {
		const char *name = md_match_model_before(m, m->after->models[i].name);
		const struct md_def_model *model =
			name ? md_definitions_find(m->before, md_str_of(name)) : NULL;

		m->former[i] = model && md_ddl_is_made(model) ? model : NULL;
	}
}

/* A model that is no longer managed keeps its table: that is no drop. */
static bool is_kept(const struct matching *m, const struct md_def_model *before)
{
	for (unsigned i = 0; i < m->after->model_count; i++)
		if (m->former[i] == before)
			return true;
	return false;
}

static void match_models(struct matching *m)
{
	m->models = md_arena_zalloc(m->arena, (m->before->model_count + m->after->model_count) *
						      sizeof(*m->models));
	m->failed = m->failed || !m->models;
	find_former(m);
	for (unsigned i = 0; !m->failed && i < m->after->model_count; i++)
		if (md_ddl_is_made(&m->after->models[i]))
			m->models[m->model_count++] =
				(struct md_model_pair){ .before = m->former[i],
							.after = &m->after->models[i] };
	for (unsigned i = 0; !m->failed && i < m->before->model_count; i++) {
		const struct md_def_model *before = &m->before->models[i];

		if (md_ddl_is_made(before) && !is_kept(m, before))
			m->models[m->model_count++].before = before;
	}
}

enum md_code md_match_make(const struct md_ddl_dialect *dialect,
			   const struct md_definitions *before, const struct md_definitions *after,
			   const json_t *operations, struct md_arena *arena,
			   const struct md_match **ret_match, struct md_error *err)
{
	struct matching m = {
		.dialect = dialect, .before = before, .after = after, .arena = arena
	};
	struct md_match *match = md_arena_zalloc(arena, sizeof(*match));

	md_match_renamings(&m, operations);
	match_models(&m);
	for (unsigned i = 0; i < m.model_count && !m.failed; i++)
		md_match_columns(&m, &m.models[i]);
	for (unsigned i = 0; i < m.model_count && !m.failed; i++) {
		struct md_model_pair *pair = &m.models[i];

		if (pair->before && pair->after)
			compare_models(&m, pair);
		md_match_parts(&m, pair);
		pair->changed = !m.failed && anything_changed(pair);
	}
	if (m.failed || !match)
		return md_fail_nomem(err);
	*match = (struct md_match){ before, after, m.models, m.model_count };
	*ret_match = match;
	return MD_OK;
}

const struct md_model_pair *md_match_model(const struct md_match *match,
					   const struct md_def_model *model)
{
	for (unsigned i = 0; model && i < match->model_count; i++)
		if (match->models[i].before == model || match->models[i].after == model)
			return &match->models[i];
	return NULL;
}

const struct md_column_pair *md_match_column(const struct md_model_pair *pair,
					     const struct md_def_field *field)
{
	for (unsigned i = 0; field && i < pair->column_count; i++)
		if (pair->columns[i].before == field || pair->columns[i].after == field)
			return &pair->columns[i];
	return NULL;
}
