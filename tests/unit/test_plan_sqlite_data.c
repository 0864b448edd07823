/* What happens to values, and what stands against a change. */
#include "tests/unit/plan_rig.h"

static const char *models_with(const char *field)
{
	return md_arena_printf(rig_arena, "\"A\":{\"fields\":{\"v\":%s}}", field);
}

/* A value before, and after: as SQL tells it, or NULL when it is refused. */
struct change {
	const char *from, *to;
	const char *value, *after;
};

static const struct change changes[] = {
	{ "\"smallint?\"", "\"bigint?\"", "5", "integer 5" },
	{ "\"bigint?\"", "\"integer?\"", "2147483647", "integer 2147483647" },
	{ "\"bigint?\"", "\"integer?\"", "2147483648", NULL },
	{ "\"integer?\"", "\"smallint?\"", "-32769", NULL },
	{ "\"integer?\"", "\"float?\"", "7", "real 7.0" },
	{ "\"bigint?\"", "\"float?\"", "9007199254740993", NULL },
	{ "\"integer?\"", "\"decimal(5,2)?\"", "999", "real 999.0" },
	{ "\"integer?\"", "\"decimal(5,2)?\"", "1000", NULL },
	{ "\"integer?\"", "\"decimal(20,2)?\"", "12", "text 12" },
	{ "\"integer?\"", "\"string(3)?\"", "123", "text 123" },
	{ "\"integer?\"", "\"string(3)?\"", "-123", NULL },
	{ "\"integer?\"", "\"boolean?\"", "1", "integer 1" },
	{ "\"integer?\"", "\"boolean?\"", "2", NULL },
	{ "\"integer?\"", "\"json?\"", "2", "text 2" },
	{ "\"boolean?\"", "\"text?\"", "1", "text true" },
	{ "\"boolean?\"", "\"integer?\"", "0", "integer 0" },
	{ "\"boolean?\"", "\"json?\"", "0", "text false" },
	{ "\"float?\"", "\"integer?\"", "3.0", "integer 3" },
	{ "\"float?\"", "\"integer?\"", "3.5", NULL },
	{ "\"float?\"", "\"text?\"", "0.1", "text 0.1" },
	{ "\"float?\"", "\"decimal(4,1)?\"", "0.5", "real 0.5" },
	{ "\"float?\"", "\"decimal(4,1)?\"", "0.55", NULL },
	{ "\"decimal(6,2)?\"", "\"decimal(6,1)?\"", "12.5", "real 12.5" },
	{ "\"decimal(6,2)?\"", "\"decimal(6,1)?\"", "12.55", NULL },
	{ "\"decimal(6,2)?\"", "\"decimal(3,2)?\"", "12.55", NULL },
	{ "\"decimal(6,2)?\"", "\"decimal(8,3)?\"", "12.55", "real 12.55" },
	{ "\"decimal(6,2)?\"", "\"decimal(20,2)?\"", "120.0", "text 120" },
	{ "\"decimal(6,2)?\"", "\"decimal(20,2)?\"", "1.25", "text 1.25" },
	{ "\"decimal(20,2)?\"", "\"decimal(6,2)?\"", "'120.25'", "real 120.25" },
	{ "\"decimal(20,2)?\"", "\"decimal(6,2)?\"", "'1234567890123456.25'", NULL },
	{ "\"decimal(20,4)?\"", "\"decimal(20,2)?\"", "'1.1234'", NULL },
	{ "\"decimal(20,4)?\"", "\"bigint?\"", "'12'", "integer 12" },
	{ "\"decimal(20,4)?\"", "\"bigint?\"", "'12.5'", NULL },
	{ "\"text?\"", "\"integer?\"", "' 42 '", "integer 42" },
	{ "\"text?\"", "\"integer?\"", "'+7'", "integer 7" },
	{ "\"text?\"", "\"integer?\"", "'4x'", NULL },
	{ "\"text?\"", "\"integer?\"", "''", NULL },
	{ "\"text?\"", "\"integer?\"", "'-'", NULL },
	{ "\"text?\"", "\"bigint?\"", "'9223372036854775807'", "integer 9223372036854775807" },
	{ "\"text?\"", "\"bigint?\"", "'9223372036854775808'", NULL },
	{ "\"text?\"", "\"float?\"", "'-1.5e3'", "real -1500.0" },
	{ "\"text?\"", "\"float?\"", "'true'", NULL },
	{ "\"text?\"", "\"float?\"", "'1.5m'", NULL },
	{ "\"text?\"", "\"decimal(4,2)?\"", "'12.25'", "real 12.25" },
	{ "\"text?\"", "\"decimal(4,2)?\"", "'12.255'", NULL },
	{ "\"text?\"", "\"boolean?\"", "'Yes'", "integer 1" },
	{ "\"text?\"", "\"boolean?\"", "'off'", "integer 0" },
	{ "\"text?\"", "\"boolean?\"", "'maybe'", NULL },
	{ "\"text?\"", "\"datetime?\"", "'2024-02-29T23:59:59.123456+00:00'",
	  "text 2024-02-29T23:59:59.123456+00:00" },
	{ "\"text?\"", "\"datetime?\"", "'2024-02-29 23:59:59'",
	  "text 2024-02-29T23:59:59.000000+00:00" },
	{ "\"text?\"", "\"datetime?\"", "'2024-02-29 23:59:59.5'",
	  "text 2024-02-29T23:59:59.500000+00:00" },
	{ "\"text?\"", "\"datetime?\"", "'2023-02-29 23:59:59'", NULL },
	{ "\"text?\"", "\"datetime?\"", "'yesterday'", NULL },
	{ "\"text?\"", "\"date?\"", "'2024-02-29'", "text 2024-02-29" },
	{ "\"text?\"", "\"date?\"", "'2023-02-29'", NULL },
	{ "\"text?\"", "\"time?\"", "'10:11:12.5'", "text 10:11:12.500000" },
	{ "\"text?\"", "\"time?\"", "'25:11:12'", NULL },
	{ "\"text?\"", "\"uuid?\"", "'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'",
	  "text a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" },
	{ "\"text?\"", "\"uuid?\"", "'a0eebc99'", NULL },
	{ "\"text?\"", "\"json?\"", "'{\"a\":1}'", "text {\"a\":1}" },
	{ "\"text?\"", "\"json?\"", "'{'", NULL },
	{ "\"text?\"", "\"array(integer)?\"", "'[1]'", "text [1]" },
	{ "\"text?\"", "\"array(integer)?\"", "'1'", NULL },
	{ "\"text?\"", "\"bytes?\"", "'ab'", "blob ab" },
	{ "\"text?\"", "\"string(3)?\"", "'äöü'", "text äöü" },
	{ "\"string(10)?\"", "\"string(3)?\"", "'four'", NULL },
	{ "\"string(3)?\"", "\"text?\"", "'abc'", "text abc" },
	{ "\"text?\"", "\"enum(a,b)?\"", "'a'", "text a" },
	{ "\"text?\"", "\"enum(a,b)?\"", "'c'", NULL },
	{ "\"enum(a,b)?\"", "\"enum(a,c)?\"", "'a'", "text a" },
	{ "\"enum(a,b)?\"", "\"enum(a,c)?\"", "'b'", NULL },
	{ "\"enum(a,b)?\"", "\"text?\"", "'b'", "text b" },
	{ "\"datetime?\"", "\"datetime_local?\"", "'2024-02-29T23:59:59.123456+00:00'",
	  "text 2024-02-29T23:59:59.123456" },
	{ "\"datetime_local?\"", "\"datetime?\"", "'2024-02-29T23:59:59.123456'",
	  "text 2024-02-29T23:59:59.123456+00:00" },
	{ "\"datetime?\"", "\"date?\"", "'2024-02-29T23:59:59.123456+00:00'", "text 2024-02-29" },
	{ "\"date?\"", "\"datetime?\"", "'2024-02-29'", "text 2024-02-29T00:00:00.000000+00:00" },
	{ "\"uuid?\"", "\"text?\"", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
	  "text a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" },
	{ "\"json?\"", "\"array(integer)?\"", "'[1,2]'", "text [1,2]" },
	{ "\"json?\"", "\"array(integer)?\"", "'{}'", NULL },
};

START_TEST(values_change_their_type_or_are_told_by_their_keys)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const struct change *change = &changes[i];
		const char *from, *to, *told;

		rig_begin();
		from = models_with(change->from);
		to = models_with(change->to);
		rig_create(from);
		rig_sql(md_arena_printf(rig_arena,
					"INSERT INTO a (id, v) VALUES (3, %s), (4, NULL)",
					change->value));
		told = rig_refusal(from, to, NULL);
		if (!change->after) {
			ck_assert_msg(strstr(told, " [3]\n") && strstr(told, "a.v"),
				      "%s to %s of %s: %s", change->from, change->to, change->value,
				      told);
			rig_end();
			continue;
		}
		ck_assert_msg(*told == '\0', "%s to %s of %s: %s", change->from, change->to,
			      change->value, told);
		rig_go(from, to, NULL);
		told = rig_ask(
			"SELECT typeof(v) || ' ' || v FROM a WHERE id = 3 UNION ALL SELECT v "
			"FROM a WHERE id = 4");
		ck_assert_msg(
			strcmp(told, md_arena_printf(rig_arena, "%s\nNULL\n", change->after)) == 0,
			"%s to %s of %s: %s", change->from, change->to, change->value, told);
		rig_end();
	}
}
END_TEST

START_TEST(what_cannot_change_is_refused_before_anything_is_done)
{
	rig_begin();
	rig_create(models_with("\"boolean\""));
	ck_assert_str_eq(rig_refusal(models_with("\"boolean\""), models_with("\"date\""), NULL),
			 "MD400: a.v: a boolean cannot become a date");
	ck_assert_str_eq(rig_refusal(models_with("\"bytes\""), models_with("\"text\""), NULL),
			 "MD400: a.v: bytes cannot become a text");
	rig_end();
}
END_TEST

START_TEST(what_is_really_lost_says_so)
{
	const struct md_step *step = NULL;

	rig_begin();
	rig_create(models_with("\"datetime\""));
	ck_assert_str_eq(rig_refusal(models_with("\"datetime\""), models_with("\"date\""), NULL),
			 "");
	step = rig_step("a.v");
	ck_assert_int_eq(step->risk, MD_RISK_LOSS);
	ck_assert_str_eq(step->at_risk, "the time of day in a.v goes");
	ck_assert(!step->reversible);
	rig_end();
}
END_TEST

/* --- what stands against it --------------------------------------------------------------------
 */

static const char parent[] = "\"P\":{\"fields\":{\"code\":\"integer unique\"}}";

struct obstacle {
	const char *from, *to; /* fields of A, and keys of the model */
	const char *rows;
	const char *told;
};

static const struct obstacle obstacles[] = {
	{ "\"v\":\"integer?\"", "\"v\":\"integer\"",
	  "INSERT INTO a (id, v) VALUES (1, 1), (2, NULL), (3, NULL)",
	  "23502 a.v: a.v is null in some rows [2 3]\n" },
	{ "\"v\":\"integer?\"", "\"v\":\"integer = 7\"", "INSERT INTO a (id, v) VALUES (1, NULL)",
	  "" },
	{ "\"v\":\"integer?\"", "\"v\":\"integer?\",\"w\":\"text\"",
	  "INSERT INTO a (id, v) VALUES (1, NULL)",
	  "23502 a.w: a.w would be null in the rows that are there [1]\n" },
	{ "\"v\":\"integer?\"", "\"v\":\"integer?\",\"w\":\"text\"", "SELECT 1", "" },
	{ "\"v\":\"text?\"", "\"v\":\"text? unique\"",
	  "INSERT INTO a (id, v) VALUES (1, 'x'), (2, 'X'), (3, NULL), (4, NULL), (5, 'x')",
	  "23505 a: rows of a have the same v [1 and 5]\n" },
	{ "\"v\":\"text?\"", "\"v\":\"text? unique collate(nocase)\"",
	  "INSERT INTO a (id, v) VALUES (1, 'x'), (2, 'X'), (3, 'y')",
	  "23505 a: rows of a have the same v [1 and 2]\n" },
	{ "\"v\":\"text? unique\"", "\"v\":\"text? unique collate(nocase)\"",
	  "INSERT INTO a (id, v) VALUES (1, 'x'), (2, 'X')",
	  "23505 a: rows of a have the same v [1 and 2]\n" },
	{ "\"v\":\"text? unique\"", "\"v\":\"integer? unique\"",
	  "INSERT INTO a (id, v) VALUES (1, '1'), (2, '01')",
	  "23505 a: rows of a have the same v [1 and 2]\n" },
	{ "\"v\":\"integer\",\"w\":\"integer\"",
	  "\"v\":\"integer\",\"w\":\"integer\"},\"indexes\":[{\"fields\":[\"v\"],\"unique\":true,"
	  "\"where\":\"w > 0\"}],\"checks\":[",
	  "INSERT INTO a (id, v, w) VALUES (1, 1, 0), (2, 1, 0), (3, 2, 1), (4, 2, 2)",
	  "23505 a: rows of a have the same v [3 and 4]\n" },
	{ "\"v\":\"integer\"", "\"v\":\"integer min(3)\"",
	  "INSERT INTO a (id, v) VALUES (1, 2), (2, 3)",
	  "23514 a.v: a.v has values that the rules of the field do not allow [1]\n" },
	{ "\"v\":\"string(9)\"", "\"v\":\"string(2)\"",
	  "INSERT INTO a (id, v) VALUES (1, 'abc'), (2, 'ab')",
	  "23514 a.v: a.v has values that are too long [1]\n" },
	{ "\"v\":\"enum(a,b)\"", "\"v\":\"enum(b,c)\"",
	  "INSERT INTO a (id, v) VALUES (1, 'a'), (2, 'b')",
	  "23514 a.v: a.v has values that are no longer labels [1]\n" },
	{ "\"v\":\"integer?\"", "\"v\":\"-> P.code?\"",
	  "INSERT INTO p (code) VALUES (5); INSERT INTO a (id, v) VALUES (1, 5), (2, 6), (3, NULL)",
	  "23503 a.v: rows of a refer to rows of p that are not there [2]\n" },
};

static const char *model_of(const char *fields)
{
	/* "checks":[ is open at the end of those that have more than fields. */
	return md_arena_printf(rig_arena, "\"A\":{\"fields\":{%s%s},%s", fields,
			       strstr(fields, "\"checks\":[") ? "]" : "}", parent);
}

START_TEST(data_are_asked_before_anything_is_done)
{
	for (size_t i = 0; i < sizeof(obstacles) / sizeof(obstacles[0]); i++) {
		const struct obstacle *obstacle = &obstacles[i];
		const char *from, *to;

		rig_begin();
		from = model_of(obstacle->from);
		to = model_of(obstacle->to);
		rig_create(from);
		rig_sql(obstacle->rows);
		ck_assert_str_eq(rig_refusal(from, to, NULL), obstacle->told);
		if (*obstacle->told == '\0')
			rig_go(from, to, NULL);
		rig_end();
	}
}
END_TEST

START_TEST(questions_give_a_few_keys_only)
{
	const struct md_data_check *check;

	rig_begin();
	rig_create(models_with("\"integer?\""));
	rig_sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) "
		"INSERT INTO a (id) SELECT i FROM n");
	ck_assert_str_eq(rig_refusal(models_with("\"integer?\""), models_with("\"integer\""), NULL),
			 "23502 a.v: a.v is null in some rows [1 2 3 4 5 6]\n");
	check = &rig_plan.checks[0];
	ck_assert_ptr_nonnull(check->hint);
	rig_end();
}
END_TEST

START_TEST(a_primary_key_changes_when_the_rows_allow_it)
{
	static const char from[] = "\"A\":{\"fields\":{\"id\":\"bigint "
				   "pk\",\"code\":\"string(9)?\",\"n\":\"integer\"}}";
	static const char to[] = "\"A\":{\"fields\":{\"id\":\"bigint?\",\"code\":\"string(9) "
				 "pk\",\"n\":\"integer\"}}";

	rig_begin();
	rig_create(from);
	rig_sql("INSERT INTO a VALUES (1, 'x', 5), (2, 'x', 6), (3, NULL, 7)");
	ck_assert_str_eq(rig_refusal(from, to, NULL),
			 "23502 a.code: a.code is null in some rows [3]\n"
			 "23505 a: rows of a have the same code [1 and 2]\n");
	rig_sql("UPDATE a SET code = 'c' || id");
	rig_go(from, to, NULL);
	ck_assert_str_eq(rig_ask("SELECT id, code, n FROM a ORDER BY n"),
			 "1|c1|5\n2|c2|6\n3|c3|7\n");
	ck_assert_str_eq(rig_ask("SELECT name FROM pragma_table_info('a') WHERE pk"), "code\n");
	rig_go(to, from, NULL);
	ck_assert_str_eq(rig_ask("SELECT id, code, n FROM a ORDER BY n"),
			 "1|c1|5\n2|c2|6\n3|c3|7\n");
	rig_end();
}
END_TEST

START_TEST(a_large_table_is_copied_in_pieces)
{
	static const char from[] = "\"A\":{\"fields\":{\"n\":\"integer?\"}}";
	static const char to[] = "\"A\":{\"fields\":{\"n\":\"integer = 0\"}}";
	unsigned pieces = 0;

	rig_begin();
	rig_create(from);
	rig_sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000) "
		"INSERT INTO a (id, n) SELECT i * 3 - 70, nullif(i % 7, 0) FROM n");
	rig_go(from, to, NULL);
	for (unsigned i = 0; i < rig_plan.steps[0].sql_count; i++)
		pieces += strncmp(rig_plan.steps[0].sql[i], "INSERT INTO \"_modeld_new",
				  strlen("INSERT INTO \"_modeld_new")) == 0;
	ck_assert_uint_eq(pieces, 3);
	ck_assert(rig_plan.steps[0].rows == 150000);
	ck_assert_str_eq(rig_ask("SELECT count(*), sum(id), sum(n), min(id), max(id) FROM a"),
			 "150000|33739725000|449998|-67|449930\n");
	rig_end();
}
END_TEST

SUITE_MAIN("plan_sqlite_data", values_change_their_type_or_are_told_by_their_keys,
	   what_cannot_change_is_refused_before_anything_is_done, what_is_really_lost_says_so,
	   data_are_asked_before_anything_is_done, questions_give_a_few_keys_only,
	   a_primary_key_changes_when_the_rows_allow_it, a_large_table_is_copied_in_pieces)
