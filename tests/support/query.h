/* Helpers of the parsers' tests: a query string in, its printed tree or its error out. */
#ifndef MD_TESTS_QUERY_H
#define MD_TESTS_QUERY_H
#include <stdio.h>

#include "core/query/parse.h"
#include "tests/support/suite.h"

struct parsed {
	struct md_arena *arena;
	struct md_query query;
	struct md_error err;
	enum md_code code;
};

static inline struct parsed parse_as(const char *text, bool item_route)
{
	struct parsed parsed = { .arena = md_arena_new(1 << 24) };

	ck_assert_ptr_nonnull(parsed.arena);
	parsed.code = md_parse_query(parsed.arena, md_str_of(text), &md_parse_limits_default,
				     item_route, &parsed.query, &parsed.err);
	ck_assert_int_eq(parsed.code, parsed.err.code);
	return parsed;
}

/** Parse; it must succeed. Free with md_arena_free(parsed.arena). */
static inline struct parsed parse_ok(const char *text)
{
	struct parsed parsed = parse_as(text, false);

	ck_assert_msg(parsed.code == MD_OK, "%s: %s, %s", text, parsed.err.message,
		      parsed.err.details);
	return parsed;
}

/** `text` must parse, and its tree be printed as `expected`, which must print as itself. */
static inline void check_prints(const char *text, const char *expected)
{
	for (int i = 0; i < 2; i++) {
		struct parsed parsed = parse_ok(i == 0 ? text : expected);
		md_auto_buf out = { .max = 1 << 20 };

		md_query_print(&parsed.query, &out);
		ck_assert_str_eq(out.len ? md_buf_text(&out) : "", expected);
		md_arena_free(parsed.arena);
	}
}

struct failure {
	const char *text;  /* the query string */
	const char *what;  /* "failed to parse …" */
	const char *shown; /* the text in the message */
	int column;
	const char *details;
};

/** Each must fail as PostgREST fails. */
static inline void check_failures(const struct failure *failures, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct failure *f = &failures[i];
		struct parsed parsed = parse_as(f->text, false);
		char message[600];

		snprintf(message, sizeof(message),
			 "\"failed to parse %s (%s)\" (line 1, column %d)", f->what, f->shown,
			 f->column);
		ck_assert_msg(parsed.code == MD_INVALID, "%s", f->text);
		ck_assert_str_eq(parsed.err.wire, "PGRST100");
		ck_assert_str_eq(parsed.err.message, message);
		ck_assert_str_eq(parsed.err.details, f->details);
		md_arena_free(parsed.arena);
	}
}

/** `text` must fail with this wire code and message. */
static inline void check_fails(const char *text, enum md_code code, const char *wire,
			       const char *message)
{
	struct parsed parsed = parse_as(text, false);

	ck_assert_int_eq(parsed.code, code);
	ck_assert_str_eq(parsed.err.wire, wire);
	ck_assert_str_eq(parsed.err.message, message);
	md_arena_free(parsed.arena);
}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#endif
