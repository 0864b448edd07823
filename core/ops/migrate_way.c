/* From where to where: "head", "base", "+2", "-1", "1df7b9fe7daa", "1df7+1". */
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/ops/migrate_private.h"

#include "core/base/banned.h"

/* A place of the line, taken apart. */
struct place {
	char revision[64]; /* "": none is named */
	int64_t steps;     /* forward; 0: none */
	bool head, base;
};

static enum md_code fail_place(const char *text, struct md_error *err)
{
	md_fail(err, MD_INVALID, "MD400", "'%.64s' is no place in the history", text);
	md_error_hint(err, "It is head, base, a revision or its first four digits, +N, -N, or "
			   "REVISION+N.");
	return MD_INVALID;
}

static enum md_code read_place(const char *text, struct place *place, struct md_error *err)
{
	size_t name = strcspn(text, "+-");

	*place = (struct place){ .revision = "" };
	place->head = strcmp(text, "head") == 0 || strcmp(text, "heads") == 0;
	place->base = strcmp(text, "base") == 0;
	if (place->head || place->base)
		return MD_OK;
	if (name >= sizeof(place->revision) || !*text)
		return fail_place(text, err);
	memcpy(place->revision, text, name);
	if (!text[name])
		return MD_OK;
	if (!md_str_to_i64(md_str_of(text + name + 1), &place->steps) || place->steps < 1 ||
	    place->steps > 1000000)
		return fail_place(text, err);
	if (text[name] == '-')
		place->steps = -place->steps;
	return MD_OK;
}

static enum md_code fail_short(int64_t wanted, unsigned there, struct md_error *err)
{
	long long steps = wanted < 0 ? -wanted : wanted;

	if (there == 0)
		return md_fail(err, MD_NOT_FOUND, "MD_REVISION",
			       wanted < 0 ? "nothing is applied that could be taken back"
					  : "there is no revision left to apply");
	return md_fail(err, MD_NOT_FOUND, "MD_REVISION",
		       "%lld revisions are asked for, and there %s %u that way", steps,
		       there == 1 ? "is" : "are", there);
}

/* --- up ----------------------------------------------------------------------------------------
 */

/* A revision that should have come before others is applied when that comes to the same. */
static enum md_code check_late(const struct md_line *line, unsigned at, struct md_error *err)
{
	const struct md_link *link = &line->items[at];

	for (unsigned i = at + 1; i < line->files; i++) {
		const struct md_link *later = &line->items[i];

		if (!later->holds || later->half ||
		    md_operations_are_apart(link->file->up, later->file->up))
			continue;
		md_fail(err, MD_CONFLICT, "MD_OUT_OF_ORDER",
			"revision %s comes before %s, which is applied, and both change the same",
			link->id, later->id);
		md_error_hint(err,
			      "Take %s back with modeld db rollback first, or make the "
			      "revision anew behind it.",
			      later->id);
		return MD_CONFLICT;
	}
	return MD_OK;
}

static const struct md_link **new_list(struct md_migrate *migrate, struct md_error *err)
{
	const struct md_link **links = md_arena_zalloc(
		migrate->past, (migrate->line.count + 1) * sizeof(const struct md_link *));

	if (!links)
		md_fail_nomem(err);
	return links;
}

static bool waits(const struct md_link *link)
{
	return link->file && !link->holds;
}

/* How far in the folder's order it goes: behind the last to be run. */
static enum md_code find_end(const struct md_line *line, const struct place *place,
			     unsigned *ret_end, struct md_error *err)
{
	const struct md_link *link;
	int64_t at = 0, waiting = 0;
	enum md_code code;

	*ret_end = line->files;
	if (place->head)
		return MD_OK;
	if (*place->revision) {
		code = md_line_find(line, place->revision, &link, err);
		if (code != MD_OK)
			return code;
		at = link - line->items + place->steps + 1;
		if (at < 1 || (at > (int64_t)line->files && place->steps != 0))
			return fail_short(place->steps, line->files, err);
		*ret_end = at > (int64_t)line->files ? line->files : (unsigned)at;
		return MD_OK;
	}
	for (unsigned i = 0; i < line->files; i++) {
		waiting += waits(&line->items[i]) || line->items[i].half;
		if (waiting == place->steps) {
			*ret_end = i + 1;
			return MD_OK;
		}
	}
	return fail_short(place->steps, (unsigned)waiting, err);
}

static enum md_code check_up(struct md_migrate *migrate, const char *to, const struct place *place,
			     struct md_error *err)
{
	const struct md_line *line = &migrate->line;

	if (place->base || (!*place->revision && place->steps < 0)) {
		md_fail(err, MD_INVALID, "MD400", "migrate goes up; '%.64s' is down", to);
		md_error_hint(err, "Use modeld db rollback.");
		return MD_INVALID;
	}
	if (line->pending == 0 && line->modified == 0 && !line->half)
		return MD_OK;
	return md_line_sound(migrate, err);
}

/* A database in the middle of what became one has tables that this one would make. */
static enum md_code check_place(const struct md_line *line, const struct md_link *link,
				struct md_error *err)
{
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(link->file->document, "replaces"), i,
			   name) for (unsigned k = 0; k < line->count;
				      k++) if (line->items[k].holds && json_is_string(name) &&
					       strcmp(line->items[k].id, json_string_value(name)) ==
						       0)
	{
		md_fail(err, MD_CONFLICT, "MD_HISTORY",
			"revision %s took the place of others, of which the "
			"database has some only",
			link->id);
		md_error_hint(err,
			      "Bring it to %s with the files that were there "
			      "before.",
			      link->id);
		return MD_CONFLICT;
	}
	return MD_OK;
}

/* What was begun comes first, whatever it was; a rollback that was begun is ended before the
 * revision is applied again. */
static enum md_code list_up(const struct md_line *line, unsigned end, const struct md_link **links,
			    unsigned *ret_count, struct md_error *err)
{
	bool back = line->half && line->half->row->state == MD_HISTORY_REVERTING;
	unsigned count = 0;
	enum md_code code = MD_OK;

	if (line->half)
		links[count++] = line->half;
	for (unsigned i = 0; code == MD_OK && i < end; i++) {
		const struct md_link *link = &line->items[i];

		if (waits(link) || (back && link == line->half))
			links[count++] = link;
		if (waits(link))
			code = check_late(line, i, err);
		if (code == MD_OK && waits(link))
			code = check_place(line, link, err);
	}
	*ret_count = count;
	return code;
}

enum md_code md_way_up(struct md_migrate *migrate, const char *to,
		       const struct md_link ***ret_links, unsigned *ret_count, struct md_error *err)
{
	const struct md_link **links = new_list(migrate, err);
	struct place place;
	unsigned end = 0, count = 0;
	enum md_code code = links ? read_place(to ? to : "head", &place, err) : MD_NOMEM;

	if (code == MD_OK)
		code = check_up(migrate, to, &place, err);
	if (code == MD_OK)
		code = find_end(&migrate->line, &place, &end, err);
	if (code == MD_OK)
		code = list_up(&migrate->line, end, links, &count, err);
	if (code != MD_OK)
		return code;
	*ret_links = links;
	*ret_count = count;
	return MD_OK;
}

/* --- down --------------------------------------------------------------------------------------
 */

/* How many of those that hold stay. */
static enum md_code find_rest(const struct md_line *line, const struct place *place,
			      int64_t *ret_rest, struct md_error *err)
{
	const struct md_link *link;
	unsigned at = 0;
	enum md_code code;

	*ret_rest = 0;
	if (place->base)
		return MD_OK;
	if (!*place->revision) {
		*ret_rest = line->applied_count + place->steps;
		return *ret_rest < 0 ? fail_short(place->steps, line->applied_count, err) : MD_OK;
	}
	code = md_line_find(line, place->revision, &link, err);
	if (code != MD_OK)
		return code;
	while (at < line->applied_count && line->applied[at] != link)
		at++;
	if (at == line->applied_count)
		return md_fail(err, MD_NOT_FOUND, "MD_REVISION", "revision %s is not applied",
			       link->id);
	*ret_rest = at + 1 + place->steps;
	return *ret_rest < 0 ? fail_short(place->steps, at + 1, err) : MD_OK;
}

static enum md_code check_down(const struct md_link *link, struct md_error *err)
{
	if (link->row->state != MD_HISTORY_BASELINE)
		return MD_OK;
	md_fail(err, MD_CONFLICT, "MD_IRREVERSIBLE",
		"revision %s is the baseline: it was noted, not run", link->id);
	md_error_hint(err, "What was there before modeld is not taken away. modeld db stamp "
			   "changes what is noted.");
	return MD_CONFLICT;
}

enum md_code md_way_down(struct md_migrate *migrate, const char *to,
			 const struct md_link ***ret_links, unsigned *ret_count,
			 struct md_error *err)
{
	const struct md_line *line = &migrate->line;
	const struct md_link **links = new_list(migrate, err);
	struct place place;
	unsigned count = 0;
	int64_t rest = 0;
	enum md_code code = links ? read_place(to ? to : "-1", &place, err) : MD_NOMEM;

	if (code == MD_OK && (place.head || (!*place.revision && place.steps > 0)))
		return md_fail(err, MD_INVALID, "MD400", "rollback goes down; '%.64s' is up", to);
	if (code == MD_OK)
		code = find_rest(line, &place, &rest, err);
	for (unsigned i = line->applied_count; code == MD_OK && (int64_t)i > rest; i--) {
		links[count++] = line->applied[i - 1];
		code = check_down(line->applied[i - 1], err);
	}
	if (code != MD_OK)
		return code;
	*ret_links = links;
	*ret_count = count;
	return MD_OK;
}
