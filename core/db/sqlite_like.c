/* LIKE and ILIKE by PostgreSQL's rules: % and _, a backslash takes the meaning away. */
#include "core/db/sqlite_functions.h"

#include <stdbool.h>
#include <string.h>

#include "core/base/banned.h"

enum { PATTERN_MAX = 1000 };

/* One long value and a pattern of many near misses cost their product; this is about half a second,
 * and SQLite cannot interrupt a function. */
static const uint64_t steps_max = 100000000;

enum outcome { NO, YES, TOO_LONG, BAD_ESCAPE };

struct match {
	const char *p, *p_end, *s, *s_end;
	const char *star_p, *star_s; /* behind the last %, and where it stops for now */
	bool fold;
	uint64_t steps;
};

/* The pattern's next character is a literal or _: does the value's next one fit? Both move on. */
static bool one(struct match *m)
{
	uint32_t a, b;

	if (*m->p == '_') {
		m->p++;
		md_sqlite_next_char(&m->s, m->s_end);
		return true;
	}
	if (*m->p == '\\')
		m->p++;
	if (!m->fold && (unsigned char)*m->p < 0x80)
		return *m->p++ == *m->s++;
	a = md_sqlite_next_char(&m->p, m->p_end);
	b = md_sqlite_next_char(&m->s, m->s_end);
	return a == b || (m->fold && md_sqlite_fold(a) == md_sqlite_fold(b));
}

/* Let the last % take one character more. Where a plain ASCII letter must follow it, go straight to
 * the next one. False: the value is at its end. */
static bool widen(struct match *m)
{
	const char *found;

	if (!m->star_p || m->star_s == m->s_end)
		return false;
	md_sqlite_next_char(&m->star_s, m->s_end);
	if (!m->fold && m->star_p < m->p_end && (unsigned char)*m->star_p < 0x80 &&
	    *m->star_p != '_' && *m->star_p != '\\') {
		found = memchr(m->star_s, *m->star_p, (size_t)(m->s_end - m->star_s));
		if (!found)
			return false;
		m->star_s = found;
	}
	m->p = m->star_p;
	m->s = m->star_s;
	return true;
}

/* Greedy: only the last % is ever widened, so there is no blow-up. */
static enum outcome matches(struct match *m)
{
	for (;;) {
		if (++m->steps > steps_max)
			return TOO_LONG;
		if (m->p < m->p_end && *m->p == '%') {
			m->star_p = ++m->p;
			m->star_s = m->s;
			if (m->p == m->p_end)
				return YES;
			continue;
		}
		if (m->p == m->p_end && m->s == m->s_end)
			return YES;
		if (m->p < m->p_end && m->s < m->s_end && one(m))
			continue;
		if (!widen(m))
			return NO;
	}
}

/* A backslash at the end escapes nothing. */
static bool ends_in_escape(struct md_str pattern)
{
	size_t count = 0;

	while (count < pattern.len && pattern.ptr[pattern.len - 1 - count] == '\\')
		count++;
	return count % 2 == 1;
}

static enum outcome like(struct md_str pattern, struct md_str value, bool fold)
{
	struct match m = {
		.p = pattern.ptr,
		.p_end = pattern.ptr + pattern.len,
		.s = value.ptr,
		.s_end = value.ptr + value.len,
		.fold = fold,
	};

	if (pattern.len > PATTERN_MAX)
		return TOO_LONG;
	return ends_in_escape(pattern) ? BAD_ESCAPE : matches(&m);
}

void md_sqlite_like(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	char scratch[2][MD_SQLITE_NUMBER_MAX];
	struct md_str pattern = md_sqlite_value_text(args[0], scratch[0]);
	struct md_str value = md_sqlite_value_text(args[1], scratch[1]);

	(void)count;
	if (!pattern.ptr || !value.ptr)
		return;
	switch (like(pattern, value, sqlite3_value_int(args[2]) != 0)) {
	case NO:
		sqlite3_result_int(ctx, 0);
		break;
	case YES:
		sqlite3_result_int(ctx, 1);
		break;
	case TOO_LONG:
		md_sqlite_raise(ctx, "54000", "the LIKE pattern is too long");
		break;
	case BAD_ESCAPE:
		md_sqlite_raise(ctx, "22025", "LIKE pattern must not end with escape character");
		break;
	}
}
