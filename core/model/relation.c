#include <stdio.h>

#include "core/model/private.h"

#include "core/base/banned.h"

/* One column of a foreign key, where it has only one. Junctions are not found by columns. */
static bool is_only(const struct md_relation *relation, const struct md_field *const *fields,
		    struct md_str name)
{
	return relation->cardinality != MD_MANY_TO_MANY && relation->local_count == 1 &&
	       md_str_equal(fields[0]->name, name);
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

static bool is_meant(const struct md_relation *relation, struct md_str name, struct md_str hint)
{
	bool target = md_str_equal(relation->to->name, name);

	if (relation->self)
		return is_meant_self(relation, name, hint);
	if (!md_str_is_given(hint))
		return target || (relation->to->kind != MD_REL_VIEW &&
				  (is_constraint(relation, name) ||
				   is_only(relation, relation->local, name)));
	return target &&
	       (is_constraint(relation, hint) || is_only(relation, relation->local, hint) ||
		is_only(relation, relation->remote, hint) ||
		(relation->junction && md_str_equal(relation->junction->name, hint)));
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

static void put_columns(struct text *text, const struct md_field *const *fields, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		puts_text(text, i == 0 ? "(" : ", ");
		put_json(text, fields[i]->name);
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
	put_name(text, r->to->name);
	puts_text(text, "!");
	put_name(text, r->junction ? r->junction->name : r->constraint);
	puts_text(text, "'");
}

/* All candidates that fit whole; `reserve` bytes stay free for what comes after the list. */
static void put_list(struct text *text, const struct md_model *from, struct md_str name,
		     struct md_str hint, const char *separator, size_t reserve,
		     void (*put_one)(struct text *, const struct md_relation *))
{
	bool first = true;

	text->size -= reserve;
	for (unsigned i = 0; i < from->relation_count; i++) {
		size_t mark = text->len;

		if (!is_meant(&from->relations[i], name, hint))
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

static enum md_code fail_ambiguous(const struct md_model *from, struct md_str name,
				   struct md_str hint, struct md_error *err)
{
	static const char tail[] = ". Find the desired relationship in the 'details' key.";
	struct md_str shown = md_name_shown(name);
	struct text details, hints;

	md_fail(err, MD_CONFLICT, "PGRST201",
		"Could not embed because more than one relationship was found for '%.*s' and "
		"'%.*s'",
		MD_STR_ARG(from->name), MD_STR_ARG(shown));
	if (!err)
		return MD_CONFLICT;
	details = (struct text){ err->details, sizeof(err->details), 0, false };
	puts_text(&details, "[");
	put_list(&details, from, name, hint, ",", 1, put_detail);
	puts_text(&details, "]");
	err->details_json = true;
	hints = (struct text){ err->hint, sizeof(err->hint), 0, false };
	puts_text(&hints, "Try changing '");
	put_name(&hints, shown);
	puts_text(&hints, "' to one of the following: ");
	put_list(&hints, from, name, hint, ", ", sizeof(tail) - 1, put_proposal);
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
	for (unsigned i = 0; i < from->relation_count; i++)
		if (i == 0 || from->relations[i].to != from->relations[i - 1].to)
			md_guess_offer(&guess, from->relations[i].to->name);
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

enum md_code md_relation_resolve(const struct md_registry *registry, const struct md_model *from,
				 struct md_str name, struct md_str hint,
				 const struct md_relation **ret_relation, struct md_error *err)
{
	const struct md_relation *found = NULL;

	for (unsigned i = 0; i < from->relation_count; i++) {
		if (!is_meant(&from->relations[i], name, hint))
			continue;
		if (found)
			return fail_ambiguous(from, name, hint, err);
		found = &from->relations[i];
	}
	if (!found)
		return fail_none(registry, from, name, hint, err);
	*ret_relation = found;
	return MD_OK;
}
