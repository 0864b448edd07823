/* Which revision comes before which: a graph with an edge from each parent to its child. */
#include <stdlib.h>
#include <string.h>

#include "core/migrate/revision_private.h"

#include "core/base/banned.h"

enum { NOBODY = -1, BITS = 64 };

/* A revision, and where it stands. */
struct place {
	const char *id;
	unsigned number;
};

struct edge {
	unsigned child;
	int next; /* of the same parent */
};

struct sorting {
	struct md_revisions *revisions;
	struct place *places; /* rising by id */
	struct edge *edges;
	unsigned edge_count;
	int *first;      /* edge of a revision */
	unsigned *waits; /* for so many parents */
	bool *done;
	unsigned *order, count;
};

const char *md_revision_follows(const struct md_revision *revision, unsigned number)
{
	const char *parent =
		json_string_value(json_object_get(revision->document, "down_revision"));
	const json_t *after = json_object_get(revision->document, "after");

	if (parent && *parent && number-- == 0)
		return parent;
	return json_string_value(json_array_get(after, number));
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->id, ((const struct place *)b)->id);
}

static const struct place *find(const struct sorting *sorting, const char *id)
{
	const struct place wanted = { id, 0 };

	return bsearch(&wanted, sorting->places, sorting->revisions->count,
		       sizeof(*sorting->places), by_id);
}

static enum md_code make_places(struct sorting *sorting, struct md_error *err)
{
	const struct md_revisions *revisions = sorting->revisions;
	struct place *places = sorting->places;

	for (unsigned i = 0; i < revisions->count; i++)
		places[i] = (struct place){ revisions->items[i].id, i };
	qsort(places, revisions->count, sizeof(*places), by_id);
	for (unsigned i = 1; i < revisions->count; i++) {
		if (strcmp(places[i - 1].id, places[i].id) != 0)
			continue;
		md_fail(err, MD_INVALID, "MD422", "%.120s and %.120s are both revision %s",
			revisions->items[places[i - 1].number].file,
			revisions->items[places[i].number].file, places[i].id);
		md_error_hint(err, "One is a copy: delete it, or give it a revision of its own.");
		return MD_INVALID;
	}
	return MD_OK;
}

static enum md_code fail_missing(const struct md_revision *revision, const char *parent,
				 struct md_error *err)
{
	md_fail(err, MD_INVALID, "MD422", "%.200s: follows revision %.60s, which is in no file",
		revision->file, parent);
	md_error_hint(err, "Put the file of that revision back, for example from the version "
			   "control system.");
	return MD_INVALID;
}

static enum md_code make_edges(struct sorting *sorting, struct md_error *err)
{
	const struct md_revisions *revisions = sorting->revisions;
	const char *id;

	/* From the last, so that the lists of edges begin with the earliest file. */
	for (unsigned i = revisions->count; i-- > 0;) {
		const struct md_revision *revision = &revisions->items[i];

		for (unsigned j = 0; (id = md_revision_follows(revision, j)); j++) {
			const struct place *parent = find(sorting, id);

			if (!parent)
				return fail_missing(revision, id, err);
			sorting->edges[sorting->edge_count] =
				(struct edge){ i, sorting->first[parent->number] };
			sorting->first[parent->number] = (int)sorting->edge_count++;
			sorting->waits[i]++;
		}
	}
	return MD_OK;
}

/* The next of the branch, else the earliest that may come. */
static int choose(const struct sorting *sorting, unsigned *from)
{
	int last = sorting->count > 0 ? sorting->first[sorting->order[sorting->count - 1]] : NOBODY;

	for (; last != NOBODY; last = sorting->edges[last].next)
		if (sorting->waits[sorting->edges[last].child] == 0 &&
		    !sorting->done[sorting->edges[last].child])
			return (int)sorting->edges[last].child;
	for (; *from < sorting->revisions->count && sorting->done[*from];)
		++*from;
	for (unsigned i = *from; i < sorting->revisions->count; i++)
		if (!sorting->done[i] && sorting->waits[i] == 0)
			return (int)i;
	return NOBODY;
}

static enum md_code fail_circle(const struct sorting *sorting, struct md_error *err)
{
	const struct md_revisions *revisions = sorting->revisions;

	for (unsigned i = 0; i < revisions->count; i++)
		if (!sorting->done[i])
			return md_fail(err, MD_INVALID, "MD422",
				       "%.200s: its revisions before it lead back to itself, or to "
				       "a circle",
				       revisions->items[i].file);
	return MD_INTERNAL;
}

static enum md_code sort(struct sorting *sorting, struct md_error *err)
{
	unsigned from = 0;

	while (sorting->count < sorting->revisions->count) {
		int next = choose(sorting, &from);

		if (next == NOBODY)
			return fail_circle(sorting, err);
		sorting->done[next] = true;
		sorting->order[sorting->count++] = (unsigned)next;
		for (int e = sorting->first[next]; e != NOBODY; e = sorting->edges[e].next)
			sorting->waits[sorting->edges[e].child]--;
	}
	return MD_OK;
}

/* Move the items into their order; then let each know its parent. */
static enum md_code apply(const struct sorting *sorting, struct md_error *err)
{
	struct md_revisions *revisions = sorting->revisions;
	const struct md_revision **heads;
	struct md_revision *items;
	unsigned *where;

	items = md_arena_alloc(revisions->arena, revisions->count * sizeof(*items));
	heads = md_arena_alloc(revisions->arena, revisions->count * sizeof(const void *));
	where = md_arena_alloc(revisions->arena, revisions->count * sizeof(*where));
	if (!items || !heads || !where)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < revisions->count; i++) {
		items[i] = revisions->items[sorting->order[i]];
		where[sorting->order[i]] = i;
	}
	for (unsigned i = 0; i < revisions->count; i++) {
		if (*items[i].parent)
			items[i].previous = &items[where[find(sorting, items[i].parent)->number]];
		if (sorting->first[sorting->order[i]] == NOBODY)
			heads[revisions->head_count++] = &items[i];
	}
	revisions->items = items;
	revisions->heads = revisions->tips = heads;
	revisions->tip_count = revisions->head_count;
	return MD_OK;
}

static unsigned count_edges(const struct md_revisions *revisions)
{
	unsigned edges = 0;

	for (unsigned i = 0; i < revisions->count; i++)
		for (unsigned j = 0; md_revision_follows(&revisions->items[i], j); j++)
			edges++;
	return edges;
}

enum md_code md_revision_order(struct md_revisions *revisions, struct md_error *err)
{
	unsigned count = revisions->count;
	struct sorting sorting = {
		.revisions = revisions,
		.places = calloc(count + 1, sizeof(*sorting.places)),
		.edges = calloc(count_edges(revisions) + 1, sizeof(*sorting.edges)),
		.first = calloc(count + 1, sizeof(*sorting.first)),
		.waits = calloc(count + 1, sizeof(*sorting.waits)),
		.done = calloc(count + 1, sizeof(*sorting.done)),
		.order = calloc(count + 1, sizeof(*sorting.order)),
	};
	enum md_code code = MD_OK;

	if (!sorting.places || !sorting.edges || !sorting.first || !sorting.waits ||
	    !sorting.done || !sorting.order)
		code = md_fail_nomem(err);
	for (unsigned i = 0; code == MD_OK && i < count; i++)
		sorting.first[i] = NOBODY;
	if (code == MD_OK)
		code = make_places(&sorting, err);
	if (code == MD_OK)
		code = make_edges(&sorting, err);
	if (code == MD_OK)
		code = sort(&sorting, err);
	if (code == MD_OK)
		code = apply(&sorting, err);
	free(sorting.places);
	free(sorting.edges);
	free(sorting.first);
	free(sorting.waits);
	free(sorting.done);
	free(sorting.order);
	return code;
}

/* --- who comes before whom ---------------------------------------------------------------------
 */

bool md_revision_comes_before(const struct md_revision_graph *graph, unsigned one, unsigned other)
{
	return graph->before[(size_t)other * graph->words + one / BITS] >> (one % BITS) & 1;
}

static void add_before(struct md_revision_graph *graph, unsigned number, unsigned parent)
{
	uint64_t *row = graph->before + (size_t)number * graph->words;
	const uint64_t *above = graph->before + (size_t)parent * graph->words;

	row[parent / BITS] |= UINT64_C(1) << (parent % BITS);
	for (unsigned i = 0; i < graph->words; i++)
		row[i] |= above[i];
}

const struct md_revision_graph *md_revision_graph_make(const struct md_revisions *revisions)
{
	unsigned count = revisions->count, words = count / BITS + 1;
	struct md_revision_graph *graph = md_arena_alloc(revisions->arena, sizeof(*graph));
	struct sorting sorting = { .revisions = (struct md_revisions *)(uintptr_t)revisions };
	const char *id;

	sorting.places = calloc(count + 1, sizeof(*sorting.places));
	if (graph)
		*graph = (struct md_revision_graph){
			count, words,
			md_arena_zalloc(revisions->arena,
					(size_t)count * words * sizeof(*graph->before))
		};
	if (!graph || !graph->before || !sorting.places) {
		free(sorting.places);
		return NULL;
	}
	make_places(&sorting, NULL);
	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; (id = md_revision_follows(&revisions->items[i], j)); j++)
			add_before(graph, i, find(&sorting, id)->number);
	free(sorting.places);
	return graph;
}
