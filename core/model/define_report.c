/* Mistakes in definition files: collected, so that all are told at once. */
#include <stdarg.h>
#include <stdio.h>

#include "core/model/define_private.h"

#include "core/base/banned.h"

enum { MESSAGE = 512, REPORT_MAX = 16 * 1024 * 1024, POINTER = 1024 };

const char *md_def_code_name(enum md_def_code code)
{
	/* clang-format off */
	static const char *const names[] = {
#define CODE(name, summary) #name,
#include "core/model/define_codes.def"
	};
	/* clang-format on */

	return code < MD_DEF_CODE_COUNT ? names[code] : "";
}

static bool is_before(const struct md_def_problem *a, const struct md_def_problem *b)
{
	int order = strcmp(a->place.file, b->place.file);

	return order < 0 || (order == 0 && a->place.line < b->place.line);
}

void md_def_report_sort(struct md_def_report *report, unsigned from)
{
	for (unsigned i = from + 1; i < report->count; i++) {
		struct md_def_problem problem = report->items[i];
		unsigned k = i;

		for (; k > from && is_before(&problem, &report->items[k - 1]); k--)
			report->items[k] = report->items[k - 1];
		report->items[k] = problem;
	}
}

void md_def_report_release(struct md_def_report *report)
{
	struct md_arena *arena = report->arena;

	*report = (struct md_def_report){ .count = 0 };
	md_arena_free(arena);
}

/* One line without control bytes, cut between characters. */
static const char *tidy(struct md_arena *arena, char *text)
{
	size_t len = strlen(text);

	if (len == MESSAGE - 1)
		while (len > 0 && ((unsigned char)text[len - 1] & 0xC0) == 0x80)
			len--;
	if (len > 0 && len < MESSAGE - 1 && (unsigned char)text[len - 1] >= 0xC0)
		len--;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
			text[i] = '?';
	return md_arena_strndup(arena, text, len);
}

static bool make_room(struct md_def_report *report)
{
	unsigned room = report->room ? report->room * 2 : 16;
	struct md_def_problem *items;

	if (!report->arena)
		report->arena = md_arena_new(REPORT_MAX);
	if (!report->arena)
		return false;
	if (report->count < report->room)
		return true;
	items = md_arena_alloc(report->arena, room * sizeof(*items));
	if (!items)
		return false;
	if (report->count > 0)
		memcpy(items, report->items, report->count * sizeof(*items));
	report->items = items;
	report->room = room;
	return true;
}

static const char *keep(struct md_def_report *report, const char *text)
{
	return text ? md_arena_strndup(report->arena, text, strlen(text)) : NULL;
}

/* A mistake in an abstract model would be told for each model that extends it. */
static bool is_told(const struct md_def_report *report, const struct md_def_place *place,
		    enum md_def_code code, const char *message)
{
	for (unsigned i = 0; i < report->count; i++) {
		const struct md_def_problem *other = &report->items[i];

		if (other->code == code && other->place.line == place->line &&
		    strcmp(other->message, message) == 0 && place->file && place->pointer &&
		    strcmp(other->place.file, place->file) == 0 &&
		    strcmp(other->place.pointer, place->pointer) == 0)
			return true;
	}
	return false;
}

static void add(struct md_def_loader *loader, const struct md_def_place *place,
		enum md_def_code code, bool warning, const char *fmt, va_list args)
{
	struct md_def_report *report = loader->report;
	char text[MESSAGE];
	struct md_def_problem problem = { .code = code, .warning = warning };

	loader->last = NULL;
	report->errors += !warning;
	report->warnings += warning;
	if (report->count == MD_DEF_PROBLEMS) {
		report->left_out++;
		return;
	}
	vsnprintf(text, sizeof(text), fmt, args);
	if (!make_room(report)) {
		loader->failed = true;
		return;
	}
	problem.message = tidy(report->arena, text);
	if (problem.message && is_told(report, place, code, problem.message)) {
		report->errors -= !warning;
		report->warnings -= warning;
		return;
	}
	problem.place.file = keep(report, place->file ? place->file : "");
	problem.place.pointer = keep(report, place->pointer ? place->pointer : "");
	problem.place.line = place->line;
	if (!problem.message || !problem.place.file || !problem.place.pointer) {
		loader->failed = true;
		return;
	}
	loader->last = &report->items[report->count++];
	*loader->last = problem;
}

void md_def_report_at(struct md_def_loader *loader, const struct md_def_place *place,
		      enum md_def_code code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(loader, place, code, false, fmt, args);
	va_end(args);
}

void md_def_warn_at(struct md_def_loader *loader, const struct md_def_place *place,
		    enum md_def_code code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(loader, place, code, true, fmt, args);
	va_end(args);
}

void md_def_wrong(struct md_def_loader *loader, const struct md_def_here *at, enum md_def_code code,
		  const char *fmt, ...)
{
	struct md_def_place place = md_def_place_of(loader, at);
	va_list args;

	va_start(args, fmt);
	add(loader, &place, code, false, fmt, args);
	va_end(args);
}

void md_def_hint(struct md_def_loader *loader, const char *fmt, ...)
{
	char text[MESSAGE];
	va_list args;

	if (!loader->last)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	loader->last->hint = tidy(loader->report->arena, text);
	loader->failed = loader->failed || !loader->last->hint;
}

void md_def_quote(struct md_def_loader *loader, const char *text, size_t caret, size_t len)
{
	if (!loader->last)
		return;
	loader->last->quote = keep(loader->report, text);
	loader->last->caret = (unsigned)caret;
	loader->last->caret_len = (unsigned)len;
	loader->failed = loader->failed || !loader->last->quote;
}

/* The pointer of `at`, from its end; returns where it begins in `out`. */
static char *write_pointer(const struct md_def_here *at, char *out, char *end)
{
	for (; at->up; at = at->up) {
		char number[24];
		const char *key = at->key;
		size_t len;

		if (!key) {
			snprintf(number, sizeof(number), "%zu", at->index);
			key = number;
		}
		len = strlen(key);
		for (; len > 0 && end - out > 3; len--) {
			char c = key[len - 1];

			if (c == '/' || c == '~')
				*--end = c == '/' ? '1' : '0';
			*--end = c == '/' || c == '~' ? '~' : c;
		}
		if (end > out)
			*--end = '/';
	}
	return end;
}

struct md_def_place md_def_place_of(struct md_def_loader *loader, const struct md_def_here *at)
{
	struct md_def_place place = { loader->file, "", 0 };
	char text[POINTER], *end = text + sizeof(text) - 1, *begin;

	*end = '\0';
	begin = write_pointer(at, text, end);
	for (char *p = begin; p < end; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7F)
			*p = '?';
	place.pointer = md_def_copy(loader, (struct md_str){ begin, (size_t)(end - begin) });
	if (loader->nodes)
		place.line = md_def_line(loader, loader->nodes[at->node].at);
	return place;
}

/* The columns that the first `bytes` of a text take. */
static unsigned columns(const char *text, unsigned bytes)
{
	unsigned count = 0;

	for (unsigned i = 0; i < bytes && text[i] != '\0'; i++)
		count += ((unsigned char)text[i] & 0xC0) != 0x80;
	return count;
}

static void print_quote(const struct md_def_problem *problem, struct md_buf *out)
{
	unsigned before = columns(problem->quote, problem->caret);
	unsigned under = columns(problem->quote + problem->caret, problem->caret_len);

	md_buf_puts(out, "    ");
	for (const char *p = problem->quote; *p != '\0'; p++)
		md_buf_putc(out, (unsigned char)*p < 0x20 || *p == 0x7F ? ' ' : *p);
	md_buf_printf(out, "\n    %*s^", (int)before, "");
	for (unsigned i = 1; i < under; i++)
		md_buf_putc(out, '~');
	md_buf_putc(out, '\n');
}

void md_def_problem_print(const struct md_def_problem *problem, struct md_buf *out)
{
	const struct md_def_place *place = &problem->place;

	md_buf_puts(out, place->file);
	if (place->line > 0)
		md_buf_printf(out, ":%u", place->line);
	md_buf_printf(out, "%s%s%s ", place->file[0] ? ": " : "",
		      problem->warning ? "warning: " : "", md_def_code_name(problem->code));
	if (place->pointer[0])
		md_buf_printf(out, "%s: ", place->pointer);
	md_buf_printf(out, "%s\n", problem->message);
	if (problem->quote)
		print_quote(problem, out);
	if (problem->hint)
		md_buf_printf(out, "    %s\n", problem->hint);
}
