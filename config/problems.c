#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/banned.h"

enum { LINE_MAX_BYTES = 4096, QUOTE_MAX = 80, PATH_SHOWN = 4096, ROOM_FIRST = 16 };

static void quote(struct md_str text, size_t max, struct md_buf *out)
{
	size_t len = text.len > max ? max : text.len;

	while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
		len--;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < 0x20 || c == 0x7F)
			c = '?';
		md_buf_putc(out, (char)c);
	}
	if (len < text.len)
		md_buf_puts(out, "...");
}

void md_origin_put(const struct md_origin *origin, struct md_buf *out)
{
	switch (origin->layer) {
	case MD_LAYER_DEFAULT:
		md_buf_puts(out, "default");
		return;
	case MD_LAYER_FILE:
		quote(md_str_of(origin->name), PATH_SHOWN, out); /* its end matters most */
		md_buf_printf(out, ":%u", origin->line);
		return;
	case MD_LAYER_CREDENTIAL:
		md_buf_puts(out, "credential ");
		break;
	case MD_LAYER_PGRST:
	case MD_LAYER_MODELD:
		md_buf_puts(out, "environment ");
		break;
	case MD_LAYER_OPTION:
	case MD_LAYER_SET:
		md_buf_puts(out, "command line ");
		break;
	case MD_LAYER_LIVE:
		md_buf_puts(out, "changed by the ");
		break;
	}
	md_problem_quote(md_str_of(origin->name), out);
}

void md_problem_quote(struct md_str text, struct md_buf *out)
{
	quote(text, QUOTE_MAX, out);
}

static bool make_room(struct md_problems *problems)
{
	unsigned room = problems->room ? problems->room * 2 : ROOM_FIRST;
	struct md_problem *items;

	if (problems->count < problems->room)
		return true;
	items = md_arena_alloc(problems->arena, room * sizeof(*items));
	if (!items)
		return false;
	if (problems->count > 0)
		memcpy(items, problems->items, problems->count * sizeof(*items));
	problems->items = items;
	problems->room = room;
	return true;
}

void md_problem_add(struct md_problems *problems, bool warning, const struct md_origin *origin,
		    const char *fmt, ...)
{
	md_auto_buf line = { .max = 2 * LINE_MAX_BYTES };
	char text[LINE_MAX_BYTES];
	const char *copy;
	va_list args;

	problems->errors += !warning;
	if (problems->count == MD_PROBLEMS_MAX) {
		problems->left_out++;
		return;
	}
	if (origin && origin->layer != MD_LAYER_DEFAULT) {
		md_origin_put(origin, &line);
		md_buf_puts(&line, ": ");
	}
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	md_buf_puts(&line, text);
	copy = line.failed ? NULL : md_arena_strndup(problems->arena, line.data, line.len);
	if (!copy || !make_room(problems)) {
		problems->failed = true;
		return;
	}
	problems->items[problems->count++] = (struct md_problem){
		.warning = warning,
		.line = origin && origin->layer == MD_LAYER_FILE ? origin->line : 0,
		.text = copy,
	};
}
