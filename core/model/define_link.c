/* Relations: which foreign key each follows, in which direction, and its other side. */
#include <stdio.h>

#include "core/model/define_private.h"

#include "core/base/banned.h"

/* One relation while it is resolved. */
struct link {
	struct md_def_resolver *resolver;
	struct md_def_loader *loader;
	const struct md_def_model *from, *to;
	struct md_def_relation *relation;
};

/* Foreign keys that a relation might follow. */
struct choice {
	const struct md_def_foreign_key *first;
	unsigned count;
	const char *names[4]; /* for the hint: first fields of the first keys */
};

static void choose(struct choice *choice, const struct md_def_foreign_key *key)
{
	if (choice->count == 0)
		choice->first = key;
	if (choice->count < MD_DEF_LENGTH(choice->names))
		choice->names[choice->count] = key->fields[0]->name;
	choice->count++;
}

static bool has_fields(const struct md_def_foreign_key *key, const struct md_def_names *names)
{
	if (names->count == 0)
		return true;
	if (names->count != key->count)
		return false;
	for (unsigned i = 0; i < key->count; i++)
		if (strcmp(key->fields[i]->name, names->items[i]) != 0)
			return false;
	return true;
}

/* The keys of `holder` to `target` that have the named fields, without `but`. */
static struct choice keys_of(const struct md_def_model *holder, const struct md_def_model *target,
			     const struct md_def_names *names, const struct md_def_foreign_key *but)
{
	struct choice choice = { .count = 0 };

	for (unsigned i = 0; i < holder->foreign_key_count; i++) {
		const struct md_def_foreign_key *key = &holder->foreign_keys[i];

		if (key == but)
			continue;
		if (key->to == target && has_fields(key, names))
			choose(&choice, key);
	}
	return choice;
}

/* A field of one of the models is broken and would have been the key: say nothing. */
static bool may_be_broken(const struct md_def_model *holder, const struct md_def_model *target)
{
	for (unsigned i = 0; i < holder->field_count; i++) {
		const struct md_def_field *field = &holder->fields[i];

		if (field->broken &&
		    (!field->reference || !field->reference->to || field->reference->to == target))
			return true;
	}
	return false;
}

static void hint_choices(struct link *link, const struct choice *choice, const char *format)
{
	char text[256];
	size_t len = 0;

	for (unsigned i = 0; i < choice->count && i < MD_DEF_LENGTH(choice->names); i++) {
		int wrote =
			snprintf(text + len, sizeof(text) - len, "%s%s%s%s", i > 0 ? " or " : "",
				 format, choice->names[i], strchr(format, '"') ? "\"" : "");

		len += wrote > 0 ? (size_t)wrote : 0;
		if (len >= sizeof(text))
			return;
	}
	md_def_hint(link->loader, "name one: %s", text);
}

/* --- no key ------------------------------------------------------------------------------------
 */

/* The field that is missing: <relation>_id here, or <model>_id there. */
static void hint_field(struct link *link, const struct md_def_model *holder,
		       const struct md_def_model *target, const char *stem)
{
	const char *name = md_def_printf(link->loader, "%s_id", stem);

	if (md_def_field_of(link->resolver, holder, name))
		md_def_hint(link->loader, "did you mean \"%s\": \"-> %s\"?", name, target->name);
	else
		md_def_hint(link->loader, "add to the fields of %s: \"%s\": \"-> %s\"",
			    holder->name, name, target->name);
}

static void no_key(struct link *link)
{
	const struct md_def_relation *relation = link->relation;

	if (may_be_broken(link->from, link->to) || may_be_broken(link->to, link->from))
		return;
	md_def_report_at(link->loader, &relation->place, MD_DEF_M202,
			 "no foreign key links %s and %s%s%s", link->from->name, link->to->name,
			 relation->via.count > 0 ? " by " : "",
			 relation->via.count > 0 ? relation->via.items[0] : "");
	if (relation->via.count > 0)
		return;
	if (relation->uselist == MD_DEF_YES)
		hint_field(link, link->to, link->from,
			   relation->back_populates ? relation->back_populates
						    : md_def_lower(link->loader, link->from->name));
	else
		hint_field(link, link->from, link->to, relation->name);
}

/* --- a foreign key of one of the two models ----------------------------------------------------
 */

/* What the other side of a relation without a choice of its own follows; NULL: that does not help.
 */
static const struct md_def_relation *settled_inverse(const struct link *link)
{
	const struct md_def_relation *relation = link->relation;

	for (unsigned i = 0; relation->back_populates && i < link->to->relation_count; i++) {
		const struct md_def_relation *other = &link->to->relations[i];

		if (other != relation && strcmp(other->name, relation->back_populates) == 0 &&
		    other->key && !other->junction && other->to == link->from)
			return other;
	}
	return NULL;
}

static void set_here(struct md_def_relation *relation, const struct md_def_foreign_key *key)
{
	relation->key = key;
	relation->here = true;
	relation->to_one = true;
	relation->cardinality = key->unique ? MD_DEF_ONE_TO_ONE : MD_DEF_MANY_TO_ONE;
}

static void set_there(struct link *link, const struct md_def_foreign_key *key)
{
	struct md_def_relation *relation = link->relation;

	relation->key = key;
	relation->here = false;
	relation->to_one = key->unique;
	relation->cardinality = key->unique ? MD_DEF_ONE_TO_ONE : MD_DEF_ONE_TO_MANY;
	if (key->unique && relation->uselist == MD_DEF_YES) {
		md_def_report_at(link->loader, &relation->place, MD_DEF_M204,
				 "%s.%s is unique: there is at most one %s, not a list",
				 link->to->name, key->fields[0]->name, link->to->name);
		md_def_hint(link->loader, "write \"%s?\" in place of \"%s[]\"", link->to->name,
			    link->to->name);
	} else if (!key->unique && relation->uselist == MD_DEF_NO) {
		md_def_report_at(link->loader, &relation->place, MD_DEF_M206,
				 "%s.%s is not unique: there can be many %s", link->to->name,
				 key->fields[0]->name, link->to->name);
		md_def_hint(link->loader,
			    "add \"unique\" to the field, or write \"%s[]\" for a list",
			    link->to->name);
	}
}

static void ambiguous(struct link *link, const struct choice *choice, bool here)
{
	md_def_report_at(link->loader, &link->relation->place, MD_DEF_M203,
			 "%u foreign keys link %s and %s", choice->count, link->from->name,
			 link->to->name);
	hint_choices(link, choice,
		     md_def_printf(link->loader, "\"%s%s via ", link->to->name, here ? "" : "[]"));
}

/* Of a model that references itself, one row to one: "next": "Page? <-> before" is the other side
 * of "before": "Page <-> next", which follows the key. */
static bool is_far_side(const struct link *link)
{
	const struct md_def_relation *relation = link->relation, *other;

	if (link->from != link->to || relation->uselist != MD_DEF_NO || !relation->back_populates)
		return false;
	other = md_def_relation_of(link->to, relation->back_populates);
	return other && other != relation && other->uselist == MD_DEF_UNSET;
}

/* `last`: what is ambiguous now stays so. */
static void link_direct(struct link *link, bool last)
{
	struct md_def_relation *relation = link->relation;
	const struct md_def_relation *inverse = settled_inverse(link);
	struct choice here = keys_of(link->from, link->to, &relation->via, NULL);
	struct choice there = keys_of(link->to, link->from, &relation->via, NULL);
	bool is_here = relation->uselist != MD_DEF_YES && here.count > 0 && !is_far_side(link);
	const struct choice *choice = is_here ? &here : &there;

	if (choice->count == 1 && is_here) {
		set_here(relation, choice->first);
	} else if (choice->count == 1) {
		set_there(link, choice->first);
	} else if (choice->count > 1 && inverse && inverse->here != is_here &&
		   relation->via.count == 0) {
		if (is_here)
			set_here(relation, inverse->key);
		else
			set_there(link, inverse->key);
	} else if (!last) {
		return;
	} else if (choice->count > 1) {
		ambiguous(link, choice, is_here);
	} else if (here.count > 0) {
		md_def_report_at(link->loader, &relation->place, MD_DEF_M204,
				 "%s has the foreign key itself: one %s, not a list",
				 link->from->name, link->to->name);
		md_def_hint(link->loader, "write \"%s\" in place of \"%s[]\"", link->to->name,
			    link->to->name);
	} else {
		no_key(link);
	}
}

/* --- through a junction ------------------------------------------------------------------------
 */

/* The junction's key to one side; NULL: that has been told. */
static const struct md_def_foreign_key *
side_of(struct link *link, const struct md_def_model *junction, const struct choice *choice,
	const struct md_def_model *target, const char *setting)
{
	if (choice->count == 1)
		return choice->first;
	if (choice->count == 0 && may_be_broken(junction, target))
		return NULL;
	if (choice->count == 0) {
		md_def_report_at(link->loader, &link->relation->place, MD_DEF_M202,
				 "no foreign key links %s and %s", junction->name, target->name);
		hint_field(link, junction, target, md_def_lower(link->loader, target->name));
		return NULL;
	}
	md_def_report_at(link->loader, &link->relation->place, MD_DEF_M203,
			 "%u foreign keys link %s and %s", choice->count, junction->name,
			 target->name);
	hint_choices(link, choice, md_def_printf(link->loader, "\"%s\": \"", setting));
	return NULL;
}

static void link_many(struct link *link, const struct md_def_model *junction)
{
	struct md_def_relation *relation = link->relation;
	const struct md_def_foreign_key *near, *far;
	struct choice sides;

	if (relation->uselist == MD_DEF_NO) {
		md_def_report_at(link->loader, &relation->place, MD_DEF_M204,
				 "a relation by way of %s is a list", junction->name);
		md_def_hint(link->loader, "write \"%s[] via %s\"", link->to->name, junction->name);
		return;
	}
	/* The side that is named leaves the other one free. */
	if (relation->local.count == 0 && relation->remote.count > 0) {
		sides = keys_of(junction, link->to, &relation->remote, NULL);
		far = side_of(link, junction, &sides, link->to, "remote");
		sides = keys_of(junction, link->from, &relation->local, far);
		near = far ? side_of(link, junction, &sides, link->from, "local") : NULL;
	} else {
		sides = keys_of(junction, link->from, &relation->local, NULL);
		near = side_of(link, junction, &sides, link->from, "local");
		sides = keys_of(junction, link->to, &relation->remote, near);
		far = near ? side_of(link, junction, &sides, link->to, "remote") : NULL;
	}
	if (!near || !far)
		return;
	relation->key = near;
	relation->far_key = far;
	relation->junction = junction;
	relation->cardinality = MD_DEF_MANY_TO_MANY;
}

/* --- one relation ------------------------------------------------------------------------------
 */

static void offer_keys(struct md_def_guess *guess, const struct md_def_model *holder,
		       const struct md_def_model *target)
{
	for (unsigned i = 0; i < holder->foreign_key_count; i++)
		if (holder->foreign_keys[i].to == target)
			md_def_guess_offer(guess, holder->foreign_keys[i].fields[0]->name);
}

static void hint_via(struct link *link, const char *name)
{
	struct md_def_guess guess;

	md_def_guess_init(&guess, md_str_of(name));
	offer_keys(&guess, link->from, link->to);
	offer_keys(&guess, link->to, link->from);
	for (unsigned i = 0; i < link->resolver->count; i++) {
		if (link->resolver->models[i].abstract)
			continue;
		md_def_guess_offer(&guess, link->resolver->models[i].name);
		md_def_guess_offer(&guess, link->resolver->models[i].table);
	}
	md_def_guess_hint(link->loader, &guess);
}

/* What "via" or "secondary" names, when that is no field. *ret_wrong: it is nothing. */
static const struct md_def_model *junction_of(struct link *link, bool *ret_wrong)
{
	const struct md_def_relation *relation = link->relation;
	const char *name = relation->secondary;
	const struct md_def_model *junction = NULL;
	bool field = false;

	*ret_wrong = false;
	if (!name && relation->via.count == 1)
		name = relation->via.items[0];
	for (unsigned i = 0; i < relation->via.count; i++)
		field = field ||
			md_def_field_of(link->resolver, link->from, relation->via.items[i]) ||
			md_def_field_of(link->resolver, link->to, relation->via.items[i]);
	if (!name || (field && !md_map_get(link->resolver->by_name, md_str_of(name))))
		return NULL;
	junction = md_def_model_of(link->resolver, name);
	if (junction && !junction->abstract)
		return junction;
	*ret_wrong = true;
	if (relation->secondary) {
		md_def_no_model(link->resolver, &relation->place, name);
		return NULL;
	}
	md_def_report_at(link->loader, &relation->place, MD_DEF_M201,
			 "\"%s\" is neither a model nor a table, nor a field of %s or %s", name,
			 link->from->name, link->to->name);
	hint_via(link, name);
	return NULL;
}

static void check_order(struct link *link)
{
	const struct md_def_names *order = &link->relation->order_by;

	for (unsigned i = 0; i < order->count; i++) {
		const char *name =
			md_def_copy(link->loader, (struct md_str){ order->items[i],
								   strcspn(order->items[i], " ") });

		if (md_def_field_of(link->resolver, link->to, name))
			continue;
		md_def_report_at(link->loader, &link->relation->place, MD_DEF_M113,
				 "order_by names \"%s\", which is no field of %s", name,
				 link->to->name);
		md_def_hint_field(link->loader, link->to, name);
	}
}

/* Find the model, tell what can be told now. */
static void begin(struct link *link)
{
	struct md_def_relation *relation = link->relation;
	struct md_def_model *to;

	if (md_def_field_of(link->resolver, link->from, relation->name))
		md_def_report_at(link->loader, &relation->place, MD_DEF_M103,
				 "%s has a field with the name of the relation \"%s\"",
				 link->from->name, relation->name);
	to = md_def_model_of(link->resolver, relation->model);
	if (!to) {
		md_def_no_model(link->resolver, &relation->place, relation->model);
	} else if (to->abstract) {
		md_def_report_at(link->loader, &relation->place, MD_DEF_M201,
				 "%s is abstract and has no rows", to->name);
		to = NULL;
	}
	relation->broken = !to;
	relation->to = to;
	if (!to)
		return;
	relation->model = to->name;
	link->to = to;
	check_order(link);
}

static void follow(struct link *link, bool last)
{
	const struct md_def_model *junction;
	bool wrong;

	link->to = link->relation->to;
	if (link->relation->broken || link->relation->key)
		return;
	junction = junction_of(link, &wrong);
	if (!wrong && !junction) {
		link_direct(link, last);
		link->relation->broken = last && !link->relation->key;
		return;
	}
	if (junction)
		link_many(link, junction);
	link->relation->broken = !link->relation->key;
}

enum pass { BEGIN, FOLLOW, FOLLOW_INVERSE, MEET, PASSES };

static void run(struct md_def_resolver *resolver, enum pass pass)
{
	for (unsigned i = 0; i < resolver->count && !resolver->loader->failed; i++) {
		const struct md_def_model *model = &resolver->models[i];
		unsigned count = model->abstract ? 0 : model->relation_count;

		for (unsigned k = 0; k < count; k++) {
			struct link link = { .resolver = resolver,
					     .loader = resolver->loader,
					     .from = model,
					     .relation = &resolver->slots[i].relations[k] };

			if (pass == BEGIN && !link.relation->broken)
				begin(&link);
			else if (pass == FOLLOW || pass == FOLLOW_INVERSE)
				follow(&link, pass == FOLLOW_INVERSE);
			else if (pass == MEET)
				md_def_check_inverse(resolver, model, link.relation);
		}
	}
}

void md_def_resolve_relations(struct md_def_resolver *resolver)
{
	for (unsigned pass = 0; pass < PASSES; pass++)
		run(resolver, pass);
}
