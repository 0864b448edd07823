/* Which unique key, column or check it was: for every one of the registry the text that the engine
 * would use is made and compared with what it did say; nothing is taken apart. */
#include <string.h>

#include "core/model/define.h"
#include "core/model/registry.h"
#include "core/ops/check.h"
#include "core/ops/constraint.h"

#include "core/base/banned.h"

enum { TEXT_MAX = 64 * 1024 };

const struct md_value *md_written_value(const struct md_written_row *row,
					const struct md_field *field)
{
	for (unsigned i = 0; i < row->stmt->stmt.params; i++) {
		const struct md_bind *bind = &row->stmt->binds[i];

		if ((bind->from == MD_FROM_BODY && row->fields[bind->index] == field) ||
		    (bind->from == MD_FROM_MADE && row->made[bind->index].field == field))
			return &row->args[i];
	}
	return NULL;
}

typedef bool (*name_fn)(const struct md_constraint_ask *ask, const struct md_model *model);

/* The model in question first: triggers may have written to others. */
static void search(const struct md_constraint_ask *ask, name_fn name)
{
	const struct md_model *models;
	unsigned count;

	if (name(ask, ask->model))
		return;
	models = md_registry_models(ask->registry, &count);
	for (unsigned i = 0; i < count; i++)
		if (&models[i] != ask->model && models[i].kind == MD_REL_TABLE &&
		    name(ask, &models[i]))
			return;
}

/* "table.a, table.b", as SQLite lists columns. */
static void put_columns(struct md_buf *out, const struct md_model *model,
			const struct md_field *const *fields, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		md_buf_puts(out, i > 0 ? ", " : "");
		md_buf_putstr(out, model->name);
		md_buf_putc(out, '.');
		md_buf_putstr(out, fields[i]->column);
	}
}

static bool is_said(const struct md_constraint_ask *ask, struct md_buf *text)
{
	const char *made = md_buf_text(text);

	return made && strcmp(made, ask->unit->violated) == 0;
}

bool md_written_lacks(const struct md_written_row *row, const struct md_field *field)
{
	for (unsigned i = 0; i < row->lacking_count; i++)
		if (row->lacking[i] == field)
			return true;
	return false;
}

static void tell_duplicate(const struct md_constraint_ask *ask, struct md_str name,
			   const struct md_field *const *fields, unsigned count)
{
	const struct md_value **values = md_arena_alloc(ask->arena, count * sizeof(*values));
	md_auto_buf pairs = MD_BUF(TEXT_MAX);
	struct md_written_row row;
	bool known = values && count > 0 && ask->at_row;

	if (known)
		ask->row(ask->arg, &row);
	for (unsigned i = 0; known && i < count; i++) {
		values[i] = md_written_value(&row, fields[i]);
		known = values[i] != NULL;
	}
	known = known && md_constraint_put_pairs(&pairs, fields, count, values, true);
	md_fail(&ask->unit->error, MD_CONFLICT, "23505",
		"duplicate key value violates unique constraint \"%.*s\"", MD_STR_ARG(name));
	if (known)
		md_error_details(&ask->unit->error, "Key %.*s already exists.", (int)pairs.len,
				 pairs.data);
}

/* Unique with a predicate, or of expressions. */
static bool name_unique_index(const struct md_constraint_ask *ask, const struct md_model *model,
			      const struct md_catalog_index *index)
{
	const struct md_field **fields = md_arena_alloc(ask->arena, index->count * sizeof(*fields));
	md_auto_buf columns = MD_BUF(TEXT_MAX), name = MD_BUF(TEXT_MAX);

	if (!fields)
		return false;
	for (unsigned i = 0; i < index->count; i++)
		fields[i] = &model->fields[index->columns[i]];
	md_buf_printf(&name, "index '%s'", index->name);
	put_columns(&columns, model, fields, index->count);
	if (!is_said(ask, &name) && !(index->whole && is_said(ask, &columns)))
		return false;
	tell_duplicate(ask, md_str_of(index->name), fields, index->whole ? index->count : 0);
	return true;
}

static bool name_unique(const struct md_constraint_ask *ask, const struct md_model *model)
{
	for (unsigned i = 0; i < model->keys_count; i++) {
		const struct md_key *key = &model->keys[i];
		md_auto_buf text = MD_BUF(TEXT_MAX);

		put_columns(&text, model, key->fields, key->count);
		if (!is_said(ask, &text))
			continue;
		tell_duplicate(ask, key->name, key->fields, key->count);
		return true;
	}
	for (unsigned i = 0; i < model->unique_index_count; i++)
		if (name_unique_index(ask, model, &model->unique_indexes[i]))
			return true;
	return false;
}

static bool name_null(const struct md_constraint_ask *ask, const struct md_model *model)
{
	for (unsigned i = 0; i < model->field_count; i++) {
		const struct md_field *field = &model->fields[i];
		md_auto_buf text = MD_BUF(TEXT_MAX);

		put_columns(&text, model, &field, 1);
		if (!is_said(ask, &text))
			continue;
		md_check_fail_null(model, field, &ask->unit->error);
		return true;
	}
	return false;
}

/* What the user wrote for those who violate it; NULL: nothing. */
static const char *words_of(const struct md_model *model, const char *check)
{
	for (unsigned i = 0; model->def && i < model->def->check_count; i++)
		if (strcmp(model->def->checks[i].name, check) == 0)
			return model->def->checks[i].message;
	return NULL;
}

const char *md_constraint_words(const struct md_registry *registry, const struct md_model *model,
				const char *check)
{
	const char *words = words_of(model, check);
	const struct md_model *models;
	unsigned count;

	models = md_registry_models(registry, &count);
	for (unsigned i = 0; i < count && !words; i++)
		words = words_of(&models[i], check);
	return words;
}

/* SQLite tells the name, or for want of one the expression. */
static bool name_check(const struct md_constraint_ask *ask, const struct md_model *model)
{
	for (unsigned i = 0; i < model->check_count; i++) {
		const struct md_catalog_check *check = &model->checks[i];
		const char *words = words_of(model, check->name);

		if (strcmp(check->name, ask->unit->violated) != 0 &&
		    strcmp(check->expression, ask->unit->violated) != 0)
			continue;
		md_fail(&ask->unit->error, MD_INVALID, "23514",
			"new row for relation \"%.*s\" violates check constraint \"%s\"",
			MD_STR_ARG(model->name), check->name);
		if (words)
			md_error_details(&ask->unit->error, "%s", words);
		return true;
	}
	return false;
}

void md_constraint_find_name(const struct md_constraint_ask *ask)
{
	static const struct {
		const char *wire;
		name_fn name;
	} table[] = { { "23505", name_unique }, { "23502", name_null }, { "23514", name_check } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(ask->unit->error.wire, table[i].wire) == 0)
			search(ask, table[i].name);
}
