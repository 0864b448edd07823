/* Branches that were brought together: one line of them, when their order does not matter. */
#include <stdio.h>
#include <string.h>

#include "core/migrate/revision_private.h"

#include "core/base/banned.h"

enum { COMMON_MAX = 1024 };

static enum md_code fail_order(const struct md_revision *one, const struct md_revision *other,
			       const char *common, struct md_error *err)
{
	md_fail(err, MD_CONFLICT, "MD_OUT_OF_ORDER",
		"revisions %s (%.100s) and %s (%.100s) were made beside each other and touch the "
		"same things",
		one->id, one->message, other->id, other->message);
	md_error_details(err, "%s", common);
	md_error_hint(err,
		      "Decide which comes first: in the file of the other set \"down_revision\" to "
		      "it, make its operations fit, and run modeld db repair.");
	return MD_CONFLICT;
}

static enum md_code check_pair(const struct md_revision *one, const struct md_revision *other,
			       struct md_error *err)
{
	md_auto_buf common = MD_BUF(COMMON_MAX);
	enum md_code code = md_operations_common(one->up, other->up, &common, err);
	const char *text;

	if (code != MD_OK || (common.len == 0 && !common.failed))
		return code;
	text = md_buf_text(&common);
	if (common.no_memory)
		return md_fail_nomem(err);
	return fail_order(one, other, text ? text : "very many of them", err);
}

/* Somebody who knew both has made a revision behind them. */
static bool are_joined(const struct md_revision_graph *graph, unsigned one, unsigned other)
{
	for (unsigned i = other + 1; i < graph->count; i++)
		if (md_revision_comes_before(graph, one, i) &&
		    md_revision_comes_before(graph, other, i))
			return true;
	return false;
}

static enum md_code check_pairs(const struct md_revisions *revisions, struct md_error *err)
{
	const struct md_revision_graph *graph = md_revision_graph_make(revisions);
	enum md_code code = graph ? MD_OK : md_fail_nomem(err);

	for (unsigned i = 1; code == MD_OK && i < revisions->count; i++)
		for (unsigned j = 0; code == MD_OK && j < i; j++)
			if (!md_revision_comes_before(graph, j, i) && !are_joined(graph, j, i))
				code = check_pair(&revisions->items[j], &revisions->items[i], err);
	return code;
}

enum md_code md_revisions_align(struct md_revisions *revisions, unsigned *ret_moved,
				struct md_error *err)
{
	const struct md_revision **head = md_arena_alloc(revisions->arena, sizeof(*head));
	unsigned moved = 0;
	enum md_code code = head ? MD_OK : md_fail_nomem(err);

	if (code == MD_OK && revisions->head_count > 1)
		code = check_pairs(revisions, err);
	if (code != MD_OK)
		return code;
	for (unsigned i = 1; i < revisions->count; i++) {
		struct md_revision *revision = &revisions->items[i];
		const struct md_revision *before = &revisions->items[i - 1];

		if (strcmp(revision->parent, before->id) == 0)
			continue;
		snprintf(revision->parent, sizeof(revision->parent), "%s", before->id);
		revision->previous = before;
		moved++;
	}
	if (revisions->count > 0) {
		*head = &revisions->items[revisions->count - 1];
		revisions->heads = head;
		revisions->head_count = 1;
	}
	if (ret_moved)
		*ret_moved = moved;
	return MD_OK;
}
