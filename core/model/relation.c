#include <stdio.h>

#include "core/model/private.h"

#include "core/base/banned.h"

/* What a client asks for, and how the name is taken. Introspected relations are candidates by all
 * of PostgREST's names at once; of declared models the first kind of name that fits decides. */
enum how { BY_ANY, BY_RELATION, BY_TABLE, BY_MODEL, BY_KEY };
struct wish {
	struct md_str name, hint;
	enum how how;
};

/* One column of a foreign key, where it has only one. Junctions are not found by columns. */
static bool is_only(const struct md_relation *relation, const struct md_field *const *fields,
		    struct md_str name)
{
	return relation->cardinality != MD_MANY_TO_MANY && relation->local_count == 1 &&
	       md_str_equal(fields[0]->name, name) && md_field_is_visible(fields[0]);
}

static bool is_constraint(const struct md_relation *relation, struct md_str name)
{
	return relation->cardinality != MD_MANY_TO_MANY && md_str_equal(relation->constraint, name);
}

/* Both directions of a self relation have the same names; the table's name means the many, the
 * column's the one: /tree?select=children:tree(*),parent(*). */
static bool is_meant_self(const struct md_relation *relation, struct md_str name,
			  struct md_str hint)
{
	bool many =
		relation->cardinality == MD_ONE_TO_MANY && md_str_equal(relation->to->name, name);

	if (md_str_is_given(hint))
		return many && is_only(relation, relation->remote, hint);
	return many || (relation->cardinality == MD_MANY_TO_ONE &&
			is_only(relation, relation->local, name));
}

static bool is_named(const struct md_model *model, struct md_str name)
{
	return md_str_equal(model->name, name) ||
	       (model->alias.ptr && md_str_equal(model->alias, name));
}

static bool fits_hint(const struct md_relation *relation, struct md_str hint)
{
	return is_constraint(relation, hint) || is_only(relation, relation->local, hint) ||
	       is_only(relation, relation->remote, hint) ||
	       (relation->declared && md_str_equal(relation->name, hint)) ||
	       (relation->junction && is_named(relation->junction, hint));
}

static bool is_key(const struct md_relation *relation, struct md_str name)
{
	return is_constraint(relation, name) || is_only(relation, relation->local, name);
}

static bool is_meant_any(const struct md_relation *relation, struct md_str name, struct md_str hint)
{
	bool target = md_str_equal(relation->to->name, name);

	if (relation->self)
		return is_meant_self(relation, name, hint);
	if (!md_str_is_given(hint))
		return target || (relation->to->kind != MD_REL_VIEW && is_key(relation, name));
	return target && fits_hint(relation, hint);
}

/* Seen from a model's own table, that table is the many. */
static bool is_target(const struct md_relation *relation, struct md_str target, struct md_str name)
{
	return md_str_equal(target, name) &&
	       (!relation->self || relation->cardinality == MD_ONE_TO_MANY ||
		relation->cardinality == MD_MANY_TO_MANY);
}

static bool is_meant(const struct md_relation *relation, const struct wish *wish)
{
	bool narrow = !md_str_is_given(wish->hint) || fits_hint(relation, wish->hint);

	switch (wish->how) {
	case BY_RELATION:
		return relation->declared && md_str_equal(relation->name, wish->name) && narrow;
	case BY_TABLE:
		return is_target(relation, relation->to->name, wish->name) && narrow;
	case BY_MODEL:
		return relation->to->alias.ptr &&
		       is_target(relation, relation->to->alias, wish->name) && narrow;
	case BY_KEY: /* of a model's own table the one */
		return !md_str_is_given(wish->hint) && is_key(relation, wish->name) &&
		       (!relation->self || relation->here);
	case BY_ANY:
		break;
	}
	return is_meant_any(relation, wish->name, wish->hint);
}

/* Two names of one foreign key are no choice. */
static bool is_same(const struct md_relation *a, const struct md_relation *b)
{
	return a->local == b->local && a->remote == b->remote && a->junction == b->junction &&
	       a->here == b->here;
}

/* Text in one of the error's fixed arrays. What does not fit is left out whole, back to `mark`. */
struct text {
	char *data;
	size_t size, len;
	bool full;
};

static void put(struct text *text, const char *data, size_t len)
{
	if (text->full || len >= text->size - text->len) {
		text->full = true;
		return;
	}
	memcpy(text->data + text->len, data, len);
	text->len += len;
	text->data[text->len] = '\0';
}

static void puts_text(struct text *text, const char *data)
{
	put(text, data, strlen(data));
}

static void put_name(struct text *text, struct md_str name)
{
	put(text, name.ptr, name.len);
}

/* A name inside a JSON string. */
static void put_json(struct text *text, struct md_str name)
{
	bool valid = md_utf8_is_valid(name.ptr, name.len);

	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];
		char escape[8];

		if (c == '"' || c == '\\') {
			put(text, "\\", 1);
			put(text, &name.ptr[i], 1);
		} else if (c < 0x20) {
			snprintf(escape, sizeof(escape), "\\u%04x", c);
			puts_text(text, escape);
		} else if (c >= 0x80 && !valid) {
			puts_text(text, "?");
		} else {
			put(text, &name.ptr[i], 1);
		}
	}
}

/* Those that are hidden from the client are left out. */
static void put_columns(struct text *text, const struct md_field *const *fields, unsigned count)
{
	const char *before = "";

	puts_text(text, "(");
	for (unsigned i = 0; i < count; i++) {
		if (!md_field_is_visible(fields[i]))
			continue;
		puts_text(text, before);
		put_json(text, fields[i]->name);
		before = ", ";
	}
	puts_text(text, ")");
}

static void put_detail(struct text *text, const struct md_relation *r)
{
	static const char *const names[] = { [MD_MANY_TO_ONE] = "many-to-one",
					     [MD_ONE_TO_MANY] = "one-to-many",
					     [MD_ONE_TO_ONE] = "one-to-one",
					     [MD_MANY_TO_MANY] = "many-to-many" };
	bool direct = !r->junction;

	puts_text(text, "{\"cardinality\":\"");
	puts_text(text, names[r->cardinality]);
	puts_text(text, "\",\"embedding\":\"");
	put_json(text, r->from->name);
	puts_text(text, " with ");
	put_json(text, r->to->name);
	puts_text(text, "\",\"relationship\":\"");
	put_json(text, direct ? r->constraint : r->junction->name);
	puts_text(text, " using ");
	put_json(text, direct ? r->from->name : r->constraint);
	put_columns(text, direct ? r->local : r->near, r->local_count);
	puts_text(text, " and ");
	put_json(text, direct ? r->to->name : r->far_constraint);
	put_columns(text, direct ? r->remote : r->far, r->remote_count);
	puts_text(text, "\"}");
}

static void put_proposal(struct text *text, const struct md_relation *r)
{
	puts_text(text, "'");
	if (r->declared) {
		put_name(text, r->name);
	} else {
		put_name(text, r->to->name);
		puts_text(text, "!");
		put_name(text, r->junction ? r->junction->name : r->constraint);
	}
	puts_text(text, "'");
}

/* All candidates that fit whole; `reserve` bytes stay free for what comes after the list. */
static void put_list(struct text *text, const struct md_model *from, const struct wish *wish,
		     const char *separator, size_t reserve,
		     void (*put_one)(struct text *, const struct md_relation *))
{
	bool first = true;

	text->size -= reserve;
	for (unsigned i = 0; i < from->relation_count; i++) {
		size_t mark = text->len;

		if (!is_meant(&from->relations[i], wish))
			continue;
		if (!first)
			puts_text(text, separator);
		put_one(text, &from->relations[i]);
		if (text->full) {
			text->len = mark;
			text->data[mark] = '\0';
			break;
		}
		first = false;
	}
	text->full = false;
	text->size += reserve;
}

static enum md_code fail_ambiguous(const struct md_model *from, const struct wish *wish,
				   struct md_error *err)
{
	static const char tail[] = ". Find the desired relationship in the 'details' key.";
	struct md_str shown = md_name_shown(wish->name);
	struct text details, hints;

	md_fail(err, MD_CONFLICT, "PGRST201",
		"Could not embed because more than one relationship was found for '%.*s' and "
		"'%.*s'",
		MD_STR_ARG(from->name), MD_STR_ARG(shown));
	if (!err)
		return MD_CONFLICT;
	details = (struct text){ err->details, sizeof(err->details), 0, false };
	puts_text(&details, "[");
	put_list(&details, from, wish, ",", 1, put_detail);
	puts_text(&details, "]");
	err->details_json = true;
	hints = (struct text){ err->hint, sizeof(err->hint), 0, false };
	puts_text(&hints, "Try changing '");
	put_name(&hints, shown);
	puts_text(&hints, "' to one of the following: ");
	put_list(&hints, from, wish, ", ", sizeof(tail) - 1, put_proposal);
	puts_text(&hints, tail);
	return MD_CONFLICT;
}

/* Like PostgREST: a model without any relation may be misspelt itself, so another one is proposed
 * in its place; else a target. A target that exists but is not related gets no hint. */
static void hint_none(const struct md_registry *registry, const struct md_model *from,
		      struct md_str name, struct md_error *err)
{
	struct md_str wrong = from->relation_count > 0 ? name : from->name;
	struct md_str shown = md_name_shown(wrong);
	struct md_guess guess;

	md_guess_init(&guess, wrong, 0.33);
	for (unsigned i = 0; i < from->relation_count; i++) {
		const struct md_relation *relation = &from->relations[i];

		if (relation->declared)
			md_guess_offer(&guess, relation->name);
		if (i == 0 || relation->to != from->relations[i - 1].to)
			md_guess_offer(&guess, relation->to->name);
	}
	for (unsigned i = 0; from->relation_count == 0 && i < registry->count; i++)
		if (registry->models[i].relation_count > 0)
			md_guess_offer(&guess, registry->models[i].name);
	if (md_str_is_given(guess.best) && guess.score < 1)
		md_error_hint(err, "Perhaps you meant '%.*s' instead of '%.*s'.",
			      MD_STR_ARG(guess.best), MD_STR_ARG(shown));
}

static enum md_code fail_none(const struct md_registry *registry, const struct md_model *from,
			      struct md_str name, struct md_str hint, struct md_error *err)
{
	struct md_str shown = md_name_shown(name);
	struct md_str shown_hint = md_name_shown(hint);
	const char *using = md_str_is_given(hint) ? "' using the hint '" : "";

	md_fail(err, MD_INVALID, "PGRST200",
		"Could not find a relationship between '%.*s' and '%.*s' in the schema cache",
		MD_STR_ARG(from->name), MD_STR_ARG(shown));
	md_error_details(err,
			 "Searched for a foreign key relationship between '%.*s' and '%.*s%s%.*s' "
			 "in the schema '%.*s', but no matches were found.",
			 MD_STR_ARG(from->name), MD_STR_ARG(shown), using, MD_STR_ARG(shown_hint),
			 MD_STR_ARG(registry->schema));
	hint_none(registry, from, name, err);
	return MD_INVALID;
}

/* *ret_relation NULL: none is meant. */
static enum md_code find(const struct md_model *from, const struct wish *wish,
			 const struct md_relation **ret_relation, struct md_error *err)
{
	const struct md_relation *found = NULL;

	for (unsigned i = 0; i < from->relation_count; i++) {
		const struct md_relation *relation = &from->relations[i];

		if (!is_meant(relation, wish) || (found && is_same(found, relation)))
			continue;
		if (found)
			return fail_ambiguous(from, wish, err);
		found = relation;
	}
	*ret_relation = found;
	return MD_OK;
}

enum md_code md_relation_resolve(const struct md_registry *registry, const struct md_model *from,
				 struct md_str name, struct md_str hint,
				 const struct md_relation **ret_relation, struct md_error *err)
{
	struct wish wish = { name, hint, from->def ? BY_RELATION : BY_ANY };
	enum how last = from->def ? BY_KEY : BY_ANY;
	const struct md_relation *found = NULL;
	enum md_code code = MD_OK;

	for (; code == MD_OK && !found && wish.how <= last; wish.how++)
		code = find(from, &wish, &found, err);
	if (code != MD_OK)
		return code;
	if (!found)
		return fail_none(registry, from, name, hint, err);
	*ret_relation = found;
	return MD_OK;
}
