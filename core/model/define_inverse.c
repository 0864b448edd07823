/* The other side of a relation: what back_populates names must exist, name this one, and follow the
 * same foreign key. */
#include "core/model/define_private.h"

#include "core/base/banned.h"

/* One relation whose other side is looked at. */
struct side {
	struct md_def_loader *loader;
	const struct md_def_model *from, *to;
	struct md_def_relation *relation;
};

/* A relation of the other model that leads back here, and is called nearly so. */
static const char *like_inverse(const struct side *side, const char *name)
{
	struct md_def_guess guess;

	md_def_guess_init(&guess, md_str_of(name));
	for (unsigned i = 0; i < side->to->relation_count; i++)
		if (side->to->relations[i].to == side->from &&
		    &side->to->relations[i] != side->relation)
			md_def_guess_offer(&guess, side->to->relations[i].name);
	return md_def_guess_best(&guess);
}

static void hint_line(struct side *side)
{
	const struct md_def_relation *relation = side->relation;
	const char *suffix = "";
	const char *junction = relation->junction ? relation->junction->name : NULL;

	if (!relation->key) /* not found, and that has been told */
		suffix = relation->uselist == MD_DEF_YES ? "" : "[]";
	else if (junction || (relation->here && relation->cardinality == MD_DEF_MANY_TO_ONE))
		suffix = "[]";
	else if (relation->here)
		suffix = "?";
	md_def_hint(side->loader, "add to the relations of %s: \"%s\": \"%s%s%s%s <-> %s\"",
		    side->to->name, relation->back_populates, side->from->name, suffix,
		    junction ? " via " : "", junction ? junction : "", relation->name);
}

static void no_inverse(struct side *side)
{
	const char *back = side->relation->back_populates;
	const char *like = like_inverse(side, back);

	md_def_report_at(side->loader, &side->relation->place, MD_DEF_M205,
			 "back_populates names %s.%s, which does not exist", side->to->name, back);
	if (like)
		md_def_hint(side->loader, "did you mean \"<-> %s\"?", like);
	else
		hint_line(side);
}

const struct md_def_relation *md_def_relation_of(const struct md_def_model *model, const char *name)
{
	for (unsigned i = 0; i < model->relation_count; i++)
		if (strcmp(model->relations[i].name, name) == 0)
			return &model->relations[i];
	return NULL;
}

static bool is_inverse(const struct md_def_relation *a, const struct md_def_relation *b)
{
	if (a->junction || b->junction)
		return a->junction == b->junction && a->key == b->far_key && a->far_key == b->key;
	return a->key == b->key && a->here != b->here;
}

/* Both sides name each other; do they mean the same? */
static void check_inverse(struct side *side, const struct md_def_relation *other)
{
	struct md_def_relation *relation = side->relation;

	if (!relation->key || !other->key)
		return;
	relation->inverse = other;
	if (is_inverse(relation, other) || other < relation)
		return;
	md_def_report_at(side->loader, &relation->place, MD_DEF_M205,
			 "%s.%s and %s.%s are not two sides of the same foreign key",
			 side->from->name, relation->name, side->to->name, other->name);
	if (other != relation && side->from == side->to && relation->here && other->here &&
	    relation->uselist == MD_DEF_NO)
		md_def_hint(side->loader,
			    "write \"%s\" without \"?\" at the one that follows the field of its "
			    "own row",
			    side->to->name);
}

void md_def_check_inverse(struct md_def_resolver *resolver, const struct md_def_model *from,
			  struct md_def_relation *relation)
{
	struct side one = { resolver->loader, from, relation->to, relation }, *side = &one;
	const char *back = relation->back_populates;
	const struct md_def_relation *other;

	if (!back || !side->to)
		return;
	other = md_def_relation_of(side->to, back);
	if (!other) {
		no_inverse(side);
	} else if (!other->to) {
		return; /* told before */
	} else if (other->to != side->from) {
		md_def_report_at(side->loader, &relation->place, MD_DEF_M205,
				 "%s.%s is a relation to %s, not to %s", side->to->name, back,
				 other->to->name, side->from->name);
	} else if (!other->back_populates) {
		md_def_report_at(side->loader, &relation->place, MD_DEF_M205,
				 "%s.%s does not name %s.%s back", side->to->name, back,
				 side->from->name, relation->name);
		md_def_hint(side->loader, "add \"<-> %s\" to %s.%s", relation->name, side->to->name,
			    back);
	} else if (strcmp(other->back_populates, relation->name) != 0) {
		md_def_report_at(side->loader, &relation->place, MD_DEF_M205,
				 "%s.%s names %s.%s, not %s.%s", side->to->name, back,
				 side->from->name, other->back_populates, side->from->name,
				 relation->name);
	} else {
		check_inverse(side, other);
	}
}
