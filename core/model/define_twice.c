/* Keys that stand twice in one object. The JSON parser stops at the first of them, which would hide
 * every other mistake of the file: it is told here, with its pointer, and blanked with its value,
 * so that the file can be read on. */
#include <jansson.h>

#include "core/model/define_private.h"

#include "core/base/banned.h"

struct level {
	bool object, wants_key;
	size_t index; /* of an array's item */
	size_t begin; /* behind the bracket */
	struct md_str key;
};

struct path {
	const char *text;
	size_t len, at;
	struct level levels[MD_DEF_DEPTH + 1];
	unsigned depth;
};

/* The end of the string that begins at `at`, behind its quote. */
static size_t string_end(const struct path *path, size_t at)
{
	for (at++; at < path->len && path->text[at] != '"'; at++)
		at += path->text[at] == '\\';
	return at < path->len ? at + 1 : path->len;
}

static bool open_level(struct path *path)
{
	bool object = path->text[path->at++] == '{';

	if (path->depth > MD_DEF_DEPTH)
		return false;
	path->levels[path->depth++] =
		(struct level){ .object = object, .wants_key = object, .begin = path->at };
	return true;
}

/* One token. False: the text is not well-formed. */
static bool step(struct path *path)
{
	struct level *top = path->depth > 0 ? &path->levels[path->depth - 1] : NULL;
	char c = path->text[path->at];

	if (c == '{' || c == '[')
		return open_level(path);
	if (c == '"') {
		size_t end = string_end(path, path->at);

		if (top && top->wants_key)
			top->key = (struct md_str){ path->text + path->at, end - path->at };
		if (top)
			top->wants_key = false;
		path->at = end;
		return true;
	}
	path->at++;
	if ((c == '}' || c == ']') && path->depth == 0)
		return false;
	path->depth -= c == '}' || c == ']';
	if (c == ',' && top) {
		top->index++;
		top->wants_key = top->object;
	}
	return true;
}

/* Go on to the key that ends at `end`. */
static bool find_key(struct path *path, size_t end)
{
	const struct level *top;

	while (path->at < end)
		if (!step(path))
			return false;
	top = path->depth > 0 ? &path->levels[path->depth - 1] : NULL;
	return top && path->at == end && top->key.ptr &&
	       top->key.ptr + top->key.len == path->text + end;
}

/* The key without quotes and escapes; NULL: no memory. */
static const char *plain(struct md_def_loader *loader, struct md_str key)
{
	json_t *json = json_loadb(key.ptr, key.len, JSON_DECODE_ANY, NULL);
	const char *name = json ? md_def_copy(loader, (struct md_str){ json_string_value(json),
								       json_string_length(json) })
				: NULL;

	loader->failed = loader->failed || !json;
	json_decref(json);
	return name;
}

/* The first of the two, in the same object; its text, or with another escape: nothing. */
static size_t find_first(const struct path *path)
{
	const struct level *top = &path->levels[path->depth - 1];
	struct path walk = *path;

	walk.at = top->begin;
	walk.levels[walk.depth - 1].wants_key = true;
	while (walk.text + walk.at < top->key.ptr && step(&walk)) {
		const struct level *here = &walk.levels[path->depth - 1];

		if (walk.depth == path->depth && here->key.ptr != top->key.ptr &&
		    md_str_equal(here->key, top->key))
			return (size_t)(here->key.ptr - path->text);
	}
	return SIZE_MAX;
}

static void tell(struct md_def_loader *loader, const struct path *path)
{
	const struct level *top = &path->levels[path->depth - 1];
	struct md_def_here here[MD_DEF_DEPTH + 2] = { { .up = NULL } };
	size_t first = find_first(path);
	struct md_def_place place;
	unsigned line;

	for (unsigned i = 0; i < path->depth; i++) {
		const struct level *level = &path->levels[i];

		here[i + 1].up = &here[i];
		here[i + 1].key = level->object ? plain(loader, level->key) : NULL;
		here[i + 1].index = level->index;
		if (level->object && !here[i + 1].key)
			return;
	}
	place = md_def_place_of(loader, &here[path->depth]);
	line = first == SIZE_MAX ? 0 : md_def_line(loader, first);
	place.line = md_def_line(loader, (size_t)(top->key.ptr - path->text));
	if (line > 0)
		md_def_report_at(loader, &place, MD_DEF_M103,
				 "\"%s\" is there twice, first in line %u", here[path->depth].key,
				 line);
	else
		md_def_report_at(loader, &place, MD_DEF_M103, "\"%s\" is there twice",
				 here[path->depth].key);
}

/* Where the member ends: at the comma or bracket behind its value. 0: nowhere. */
static size_t member_end(const struct path *path)
{
	struct path walk = *path;

	while (walk.at < walk.len) {
		if (walk.depth == path->depth && strchr(",}", walk.text[walk.at]))
			return walk.at;
		if (!step(&walk) || walk.depth < path->depth)
			return 0;
	}
	return 0;
}

bool md_def_take_out(struct md_def_loader *loader, char *text, size_t key_end)
{
	struct path path = { .text = text, .len = loader->len };
	size_t from, to;

	if (!find_key(&path, key_end))
		return false;
	tell(loader, &path);
	from = (size_t)(path.levels[path.depth - 1].key.ptr - text);
	to = member_end(&path);
	/* The comma before it goes, too: another member with this name is in front. */
	while (from > 0 && text[from] != ',')
		from--;
	if (to == 0 || from == 0)
		return false;
	for (size_t i = from; i < to; i++)
		if (text[i] != '\n' && text[i] != '\r')
			text[i] = ' ';
	return true;
}
