/* The columns and constraints of a CREATE TABLE, as they are written. The text was parsed by SQLite
 * before, so it is a correct one. */
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "core/migrate/plan_sqlite_private.h"

#include "core/base/banned.h"

/* Behind one token: a name or text in quotes, a comment, a word, or one character. */
static const char *skip(const char *p)
{
	static const char quotes[] = "\"'`[";
	const char *quote = strchr(quotes, *p);

	if (quote && *quote != '\0') {
		char end = *p == '[' ? ']' : *p;

		for (p++; *p != '\0'; p++) {
			if (*p != end)
				continue;
			if (end == ']' || p[1] != end)
				return p + 1;
			p++;
		}
		return p;
	}
	if (p[0] == '-' && p[1] == '-')
		return p + strcspn(p, "\n");
	if (p[0] == '/' && p[1] == '*') {
		const char *end = strstr(p + 2, "*/");

		return end ? end + 2 : p + strlen(p);
	}
	if (isalnum((unsigned char)*p) || *p == '_' || (unsigned char)*p >= 0x80) {
		while (isalnum((unsigned char)*p) || *p == '_' || *p == '$' ||
		       (unsigned char)*p >= 0x80)
			p++;
		return p;
	}
	return p + 1;
}

static bool is_space_or_comment(const char *p)
{
	return isspace((unsigned char)*p) || (p[0] == '-' && p[1] == '-') ||
	       (p[0] == '/' && p[1] == '*');
}

static const char *skip_space(const char *p)
{
	while (*p != '\0' && is_space_or_comment(p))
		p = skip(p);
	return p;
}

static bool is_word(const char *p, const char *word)
{
	size_t len = strlen(word);

	return strncasecmp(p, word, len) == 0 && skip(p) == p + len;
}

/* A name at `p`, without its quotes. */
static const char *name_at(struct md_lite *lite, const char *p)
{
	const char *end = skip(p);
	md_auto_buf name = MD_BUF(MD_LITE_SQL);

	if (!strchr("\"'`[", *p)) {
		md_buf_put(&name, p, (size_t)(end - p));
		return md_plan_keep(lite->work, &name);
	}
	for (const char *c = p + 1; c < end - 1; c++) {
		md_buf_putc(&name, *c);
		if (*c == *p)
			c++;
	}
	return md_plan_keep(lite->work, &name);
}

/* The names in the first brackets. */
static const char *columns_at(struct md_lite *lite, const char *p, const char *end)
{
	md_auto_buf names = MD_BUF(MD_LITE_SQL);

	md_buf_putc(&names, '\n');
	while (p < end && *p != '(')
		p = skip(p);
	while (p < end && *p != ')') {
		p = skip_space(p + 1);
		md_buf_printf(&names, "%s\n", name_at(lite, p));
		while (p < end && *p != ',' && *p != ')')
			p = skip(p);
	}
	return md_plan_keep(lite->work, &names);
}

static void see(struct md_lite *lite, struct md_lite_segment *segment, const char *p,
		const char *end)
{
	static const struct {
		const char *word;
		enum md_lite_part part;
	} words[] = {
		{ "PRIMARY", MD_LITE_PRIMARY_KEY },
		{ "UNIQUE", MD_LITE_UNIQUE },
		{ "FOREIGN", MD_LITE_FOREIGN_KEY },
		{ "CHECK", MD_LITE_CHECK },
	};
	md_auto_buf text = MD_BUF(MD_LITE_SQL);

	md_buf_put(&text, p, (size_t)(end - p));
	segment->text = md_plan_keep(lite->work, &text);
	segment->columns = "\n";
	if (is_word(p, "CONSTRAINT")) {
		p = skip_space(skip(p));
		segment->name = name_at(lite, p);
		p = skip_space(skip(p));
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_word(p, words[i].word))
			segment->part = words[i].part;
	if (segment->part == MD_LITE_COLUMN)
		segment->name = name_at(lite, p);
	else if (segment->part != MD_LITE_CHECK)
		segment->columns = columns_at(lite, p, end);
}

/* The end of what begins at `p`: a comma or a bracket of the table's own. */
static const char *end_of(const char *p)
{
	unsigned depth = 0;

	while (*p != '\0' && (depth > 0 || (*p != ',' && *p != ')'))) {
		depth += *p == '(';
		depth -= *p == ')';
		p = skip(p);
	}
	return p;
}

/* Comments and white space at the end are not part of it: a comment would hide what follows. */
static const char *last_of(const char *p, const char *end)
{
	const char *last = p;

	while (p < end) {
		bool space = is_space_or_comment(p);

		p = skip(p);
		last = space ? last : p;
	}
	return last;
}

const struct md_lite_segment *md_lite_segments(struct md_lite *lite, const char *sql,
					       bool *ret_without_rowid)
{
	struct md_lite_segment *first = NULL, **end = &first;
	const char *p = sql;

	while (*p != '\0' && *p != '(')
		p = skip(p);
	while (*p != '\0' && *p != ')') {
		struct md_lite_segment *segment = md_arena_zalloc(lite->arena, sizeof(*segment));
		const char *begin = skip_space(p + 1);

		p = end_of(begin);
		if (!segment) {
			lite->work->failed = true;
			return NULL;
		}
		see(lite, segment, begin, last_of(begin, p));
		*end = segment;
		end = &segment->next;
	}
	*ret_without_rowid = false;
	for (; *p != '\0'; p = skip_space(skip(p)))
		*ret_without_rowid = *ret_without_rowid || is_word(p, "WITHOUT");
	return first;
}
