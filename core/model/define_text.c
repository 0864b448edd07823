/* The text of a definition file: comments are overwritten in place, so that the JSON parser's
 * positions stay true; a second pass finds where each value stands. */
#include "core/model/define_private.h"

#include "core/base/banned.h"

struct scan {
	char *text;
	size_t len, at;
	unsigned depth;
	/* The last two bytes that are no space and no comment: where they stand. SIZE_MAX: none. */
	size_t last, before;
	struct md_def_blanked *result;
};

static bool give_up(struct scan *scan, size_t offset, bool too_much, const char *problem)
{
	scan->result->problem = problem;
	scan->result->offset = offset;
	scan->result->too_much = too_much;
	return false;
}

static void blank(struct scan *scan, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (scan->text[i] != '\n' && scan->text[i] != '\r')
			scan->text[i] = ' ';
}

/* The end of the string that begins at `at`, behind its quote. */
static size_t string_end(const char *text, size_t len, size_t at)
{
	for (at++; at < len && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return at < len ? at + 1 : len;
}

static bool skip_comment(struct scan *scan)
{
	size_t from = scan->at, at = from + 2;
	bool block = scan->text[from + 1] == '*';

	scan->result->comments = true;
	if (block)
		while (at + 1 < scan->len && (scan->text[at] != '*' || scan->text[at + 1] != '/'))
			at++;
	else
		while (at < scan->len && scan->text[at] != '\n')
			at++;
	if (block && at + 1 >= scan->len)
		return give_up(scan, from, false, "comment without an end");
	scan->at = block ? at + 2 : at;
	blank(scan, from, scan->at);
	return true;
}

static bool is_value_end(char c)
{
	return c != ',' && c != ':' && c != '[' && c != '{';
}

static bool take_bracket(struct scan *scan, char c)
{
	if (c == '{' || c == '[')
		return ++scan->depth <= MD_DEF_DEPTH
			       ? true
			       : give_up(scan, scan->at, true, "nested too deeply");
	if (scan->depth > 0)
		scan->depth--;
	if (scan->last != SIZE_MAX && scan->text[scan->last] == ',' && scan->before != SIZE_MAX &&
	    is_value_end(scan->text[scan->before]))
		blank(scan, scan->last, scan->last + 1);
	return true;
}

static bool take_byte(struct scan *scan)
{
	char c = scan->text[scan->at];

	if (c == '\0')
		return give_up(scan, scan->at, false, "a NUL byte");
	/* Every value but the first comes behind one of these. */
	scan->result->nodes += c == ',' || c == ':' || c == '[' || c == '{';
	if (scan->result->nodes > MD_DEF_NODES)
		return give_up(scan, scan->at, true, "too many values");
	if (strchr("{}[]", c) && !take_bracket(scan, c))
		return false;
	scan->before = scan->last;
	scan->last = scan->at;
	scan->at = c == '"' ? string_end(scan->text, scan->len, scan->at) : scan->at + 1;
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void md_def_blank(char *text, size_t len, struct md_def_blanked *ret)
{
	struct scan scan = { text, len, 0, 0, SIZE_MAX, SIZE_MAX, ret };
	bool going = true;

	*ret = (struct md_def_blanked){ .nodes = 1 };
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		blank(&scan, 0, 3);
	while (going && scan.at < len) {
		char next = scan.at + 1 < len ? text[scan.at + 1] : '\0';

		if (is_space(text[scan.at]))
			scan.at++;
		else if (text[scan.at] == '/' && (next == '/' || next == '*'))
			going = skip_comment(&scan);
		else
			going = take_byte(&scan);
	}
}

struct locator {
	struct md_def_node *nodes;
	size_t count, room;
	uint32_t open[MD_DEF_DEPTH + 1]; /* nodes of the brackets around */
	bool object[MD_DEF_DEPTH + 1];
	unsigned depth;
	bool expects_key;
	uint32_t key; /* UINT32_MAX: none */
};

static void add_node(struct locator *l, size_t at)
{
	uint32_t value = (uint32_t)at;

	if (l->count < l->room)
		l->nodes[l->count] =
			(struct md_def_node){ l->key == UINT32_MAX ? value : l->key, value, 1 };
	l->count++;
	l->key = UINT32_MAX;
}

static void open_bracket(struct locator *l, size_t at, bool object)
{
	add_node(l, at);
	if (l->depth > MD_DEF_DEPTH)
		return;
	l->open[l->depth] = (uint32_t)(l->count - 1);
	l->object[l->depth] = object;
	l->depth++;
	l->expects_key = object;
}

static void close_bracket(struct locator *l)
{
	uint32_t node;

	if (l->depth == 0)
		return;
	node = l->open[--l->depth];
	if (node < l->room)
		l->nodes[node].size = (uint32_t)(l->count - node);
	l->expects_key = false;
}

void md_def_locate(const char *text, size_t len, struct md_def_node *nodes, size_t room)
{
	struct locator l = { .nodes = nodes, .room = room, .key = UINT32_MAX };

	for (size_t at = 0; at < len;) {
		char c = text[at];

		if (c == '{' || c == '[') {
			open_bracket(&l, at++, c == '{');
		} else if (c == '}' || c == ']') {
			close_bracket(&l);
			at++;
		} else if (c == ',' || c == ':' || is_space(c)) {
			if (c == ',')
				l.expects_key = l.depth > 0 && l.object[l.depth - 1];
			at++;
		} else if (c == '"' && l.expects_key) {
			l.key = (uint32_t)at;
			l.expects_key = false;
			at = string_end(text, len, at);
		} else {
			add_node(&l, at);
			if (c == '"')
				at = string_end(text, len, at);
			else
				while (at < len && !is_space(text[at]) && !strchr(",:]}", text[at]))
					at++;
		}
	}
}

unsigned md_def_line(struct md_def_loader *loader, size_t offset)
{
	size_t from = loader->line_at < offset ? loader->line_at : offset;
	size_t to = loader->line_at < offset ? offset : loader->line_at;
	unsigned lines = 0;

	for (size_t i = from; i < to && i < loader->len; i++)
		lines += loader->text[i] == '\n';
	loader->line = loader->line_at < offset ? loader->line + lines : loader->line - lines;
	loader->line_at = offset;
	return loader->line;
}

size_t md_def_number_len(const char *text, size_t len, size_t offset)
{
	size_t at = offset;

	while (at < len && text[at] != '\0' && strchr("+-.0123456789eE", text[at]))
		at++;
	return at - offset;
}
