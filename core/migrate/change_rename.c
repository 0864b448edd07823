/* What was renamed: told from outside, declared by renamed_from, or, when something went and
 * something like it came, asked. */
#include <stdio.h>

#include "core/base/arena.h"
#include "core/migrate/change_private.h"
#include "core/model/registry.h"

#include "core/base/banned.h"

/* Models are alike when so many of their fields are; names count for half with fields. */
#define ALIKE_MODELS 0.5
#define ALIKE_NAMES  0.4

/* --- questions ---------------------------------------------------------------------------------
 */

static enum md_code ask(struct md_differing *d, const char *model, const char *from, const char *to,
			double alike)
{
	struct md_rename_question *grown;

	if (d->question_count == d->question_room) {
		unsigned room = d->question_room ? 2 * d->question_room : 8;

		grown = md_arena_alloc(d->arena, room * sizeof(*grown));
		if (!grown)
			return md_fail_nomem(d->err);
		if (d->question_count > 0)
			memcpy(grown, d->questions, d->question_count * sizeof(*grown));
		d->questions = grown;
		d->question_room = room;
	}
	d->questions[d->question_count++] = (struct md_rename_question){
		.model = model ? md_arena_strndup(d->arena, model, strlen(model)) : NULL,
		.from = md_arena_strndup(d->arena, from, strlen(from)),
		.to = md_arena_strndup(d->arena, to, strlen(to)),
		.alike = alike,
	};
	grown = &d->questions[d->question_count - 1];
	if (!grown->from || !grown->to || (model && !grown->model))
		return md_fail_nomem(d->err);
	return MD_OK;
}

enum md_code md_differ_ask(struct md_differing *d)
{
	md_auto_buf text = MD_BUF(MD_DETAILS_MAX);

	for (unsigned i = 0; i < d->question_count; i++) {
		const struct md_rename_question *one = &d->questions[i];

		md_buf_printf(&text, "%s--rename %s%s%s:%s", i > 0 ? "\n" : "",
			      one->model ? one->model : "", one->model ? "." : "", one->from,
			      one->to);
	}
	md_fail(d->err, MD_CONFLICT, "MD_AMBIGUOUS", "%u change%s may be a rename or a drop",
		d->question_count, d->question_count == 1 ? "" : "s");
	md_error_details(d->err, "%.*s", (int)text.len, text.data ? text.data : "");
	md_error_hint(d->err, "say which are renames by the options in the details or by "
			      "\"renamed_from\" in the models, or --no-renames when none is");
	return MD_CONFLICT;
}

/* --- models ------------------------------------------------------------------------------------
 */

static const json_t *models_before(const struct md_differing *d)
{
	return json_object_get(d->before->document, "models");
}

static const json_t *model_after(const struct md_differing *d, const char *name)
{
	return json_object_get(d->models, name);
}

/* Gone or not, as far as operations have come. */
static bool is_gone(const struct md_differing *d, const char *name)
{
	return md_differ_model(d, name) && !model_after(d, name);
}

static bool has_come(const struct md_differing *d, const char *name)
{
	return model_after(d, name) && !md_differ_model(d, name);
}

static enum md_code rename_model(struct md_differing *d, const char *from, const char *to)
{
	const char *table = md_change_str(md_differ_model(d, from), "table");
	const char *wanted = md_change_str(model_after(d, to), "table");
	json_t *operation =
		json_pack("{s:s, s:s, s:s}", "op", "rename_model", "from", from, "to", to);

	if (operation && table && wanted && strcmp(table, wanted) != 0 &&
	    json_object_set_new(operation, "table",
				json_pack("{s:s, s:s}", "from", table, "to", wanted)) != 0) {
		json_decref(operation);
		operation = NULL;
	}
	return md_differ_emit(d, operation);
}

static enum md_code told_models(struct md_differing *d)
{
	for (unsigned i = 0; i < d->options->rename_count; i++) {
		const struct md_rename *rename = &d->options->renames[i];
		enum md_code code;

		if (rename->model)
			continue;
		if (!is_gone(d, rename->from) || !has_come(d, rename->to))
			return md_fail(d->err, MD_INVALID, "MD422",
				       "%s cannot have been renamed to %s: %s", rename->from,
				       rename->to,
				       !md_differ_model(d, rename->from) ? "it was not there"
				       : model_after(d, rename->from)    ? "it is still there"
				       : model_after(d, rename->to)      ? "that was there before"
								    : "there is no such model");
		code = rename_model(d, rename->from, rename->to);
		if (code != MD_OK)
			return code;
	}
	return MD_OK;
}

static enum md_code declared_models(struct md_differing *d)
{
	const struct md_definitions *definitions = d->options->definitions;

	for (unsigned i = 0; definitions && i < definitions->model_count; i++) {
		const struct md_def_model *model = &definitions->models[i];
		enum md_code code;

		if (!model->renamed_from || !has_come(d, model->name) ||
		    !is_gone(d, model->renamed_from))
			continue;
		code = rename_model(d, model->renamed_from, model->name);
		if (code != MD_OK)
			return code;
	}
	return MD_OK;
}

/* The share of fields that are equal; the key that comes by itself does not count. */
static double models_alike(const json_t *one, const json_t *other)
{
	json_t *fields = json_object_get(one, "fields"), *value;
	const json_t *others = json_object_get(other, "fields");
	size_t most = json_object_size(fields), equal = 0;
	const char *key;
	bool id = json_equal(json_object_get(fields, "id"), json_object_get(others, "id"));

	if (json_object_size(others) > most)
		most = json_object_size(others);
	json_object_foreach(fields, key, value) equal +=
		json_equal(value, json_object_get(others, key)) != 0;
	if (id && json_object_get(fields, "id") && most > 1) {
		most--;
		equal--;
	}
	return most > 0 ? (double)equal / (double)most : 0;
}

/* Of each model that came, the one that went and is most like it. */
static enum md_code ask_models(struct md_differing *d)
{
	const char *to, *from;
	json_t *after, *before;

	json_object_foreach((json_t *)(uintptr_t)d->models, to, after)
	{
		const char *best = NULL;
		double most = 0;
		enum md_code code;

		if (!has_come(d, to))
			continue;
		json_object_foreach((json_t *)(uintptr_t)models_before(d), from, before)
		{
			double alike = is_gone(d, from) ? models_alike(before, after) : 0;

			if (alike < ALIKE_MODELS || alike <= most)
				continue;
			best = from;
			most = alike;
		}
		code = best ? ask(d, NULL, best, to, most) : MD_OK;
		if (code != MD_OK)
			return code;
	}
	return MD_OK;
}

/* --- fields ------------------------------------------------------------------------------------
 */

/* One model of both sides, under the name that it has now. */
struct sides {
	const char *name;
	const json_t *before, *after; /* fields; before: as operations have made it */
};

static struct sides sides_of(const struct md_differing *d, const char *name)
{
	return (struct sides){ .name = name,
			       .before = json_object_get(md_differ_model(d, name), "fields"),
			       .after = json_object_get(model_after(d, name), "fields") };
}

static enum md_code rename_field(struct md_differing *d, const char *model, const char *from,
				 const char *to)
{
	return md_differ_emit(d, json_pack("{s:s, s:s, s:s, s:s}", "op", "rename_field", "model",
					   model, "from", from, "to", to));
}

static bool is_field_renamed(const struct sides *sides, const char *from, const char *to)
{
	return json_object_get(sides->before, from) && !json_object_get(sides->after, from) &&
	       json_object_get(sides->after, to) && !json_object_get(sides->before, to);
}

static enum md_code fail_field(struct md_differing *d, const struct sides *sides,
			       const struct md_rename *rename)
{
	const char *why = "there is no such field";

	if (!sides->before || !sides->after)
		why = "there is no such model";
	else if (!json_object_get(sides->before, rename->from))
		why = "it was not there";
	else if (json_object_get(sides->after, rename->from))
		why = "it is still there";
	else if (json_object_get(sides->after, rename->to))
		why = "that was there before";
	return md_fail(d->err, MD_INVALID, "MD422", "%s.%s cannot have been renamed to %s: %s",
		       rename->model, rename->from, rename->to, why);
}

static enum md_code told_fields(struct md_differing *d)
{
	for (unsigned i = 0; i < d->options->rename_count; i++) {
		const struct md_rename *rename = &d->options->renames[i];
		struct sides sides;
		enum md_code code;

		if (!rename->model)
			continue;
		sides = sides_of(d, rename->model);
		if (!is_field_renamed(&sides, rename->from, rename->to))
			return fail_field(d, &sides, rename);
		code = rename_field(d, rename->model, rename->from, rename->to);
		if (code != MD_OK)
			return code;
	}
	return MD_OK;
}

static enum md_code declared_fields(struct md_differing *d, const struct md_def_model *model)
{
	for (unsigned i = 0; i < model->field_count; i++) {
		const struct md_def_field *field = &model->fields[i];
		struct sides sides = sides_of(d, model->name);
		enum md_code code;

		if (!field->renamed_from || !sides.before || !sides.after ||
		    !is_field_renamed(&sides, field->renamed_from, field->name))
			continue;
		code = rename_field(d, model->name, field->renamed_from, field->name);
		if (code != MD_OK)
			return code;
	}
	return MD_OK;
}

/* What kind of value it holds. */
static bool same_type(const json_t *one, const json_t *other)
{
	static const char *const keys[] = { "type", "enum", "references", "items" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *a = json_object_get(one, keys[i]);
		const json_t *b = json_object_get(other, keys[i]);

		if (a && b ? !json_equal(a, b) : a || b)
			return false;
	}
	return true;
}

/* What went of the same type as what came: how many, and the one whose name is most like it. */
static unsigned candidates(const struct sides *sides, const char *to, const char **ret_best,
			   double *ret_alike)
{
	const json_t *after = json_object_get(sides->after, to);
	unsigned count = 0;
	const char *from;
	json_t *before;

	*ret_alike = -1;
	json_object_foreach((json_t *)(uintptr_t)sides->before, from, before)
	{
		double alike;

		if (json_object_get(sides->after, from) || !same_type(before, after))
			continue;
		count++;
		alike = md_similarity(md_str_of(from), md_str_of(to));
		if (alike <= *ret_alike)
			continue;
		*ret_best = from;
		*ret_alike = alike;
	}
	return count;
}

/* How many came that are of the same type as what went. */
static unsigned rivals(const struct sides *sides, const char *from)
{
	const json_t *before = json_object_get(sides->before, from);
	unsigned count = 0;
	const char *to;
	json_t *after;

	json_object_foreach((json_t *)(uintptr_t)sides->after, to, after) count +=
		!json_object_get(sides->before, to) && same_type(before, after);
	return count;
}

/* Where there is a choice, only names that are alike make a question. */
static enum md_code ask_fields(struct md_differing *d, const char *model)
{
	struct sides sides = sides_of(d, model);
	const char *to, *from = NULL;
	json_t *after;

	if (!sides.before)
		return MD_OK;
	json_object_foreach((json_t *)(uintptr_t)sides.after, to, after)
	{
		double alike;
		unsigned count;
		enum md_code code;

		if (json_object_get(sides.before, to))
			continue;
		count = candidates(&sides, to, &from, &alike);
		if (count == 0 || ((count > 1 || rivals(&sides, from) > 1) && alike < ALIKE_NAMES))
			continue;
		code = ask(d, model, from, to, 0.5 + alike / 2);
		if (code != MD_OK)
			return code;
	}
	return MD_OK;
}

enum md_code md_differ_renames(struct md_differing *d)
{
	const struct md_definitions *definitions = d->options->definitions;
	enum md_code code = told_models(d);
	const char *name;
	json_t *model;

	if (code == MD_OK)
		code = declared_models(d);
	if (code == MD_OK && !d->options->no_renames)
		code = ask_models(d);
	if (code == MD_OK)
		code = told_fields(d);
	for (unsigned i = 0; code == MD_OK && definitions && i < definitions->model_count; i++)
		if (!definitions->models[i].abstract)
			code = declared_fields(d, &definitions->models[i]);
	json_object_foreach((json_t *)(uintptr_t)d->models, name,
			    model) if (code == MD_OK && !d->options->no_renames) code =
		ask_fields(d, name);
	return code;
}
