/* Violated constraints in PostgreSQL's words, through the real planner, writer lane and driver.
 * What whole requests answer stands in tests/http/test_write_errors.py; here is what is hard to
 * reach from there. */
#include "core/ops/constraint.h"

#include <stdio.h>

#include "tests/support/fault.h"
#include "tests/support/store.h"
#include "tests/support/suite.h"

/* "code|message|details" of a write that is refused. */
static const char *refused(enum md_write_kind kind, const char *path, const char *query,
			   const char *body)
{
	static char text[4096];
	struct md_write_ask ask = { .kind = kind };
	const char *answer = store_write(path, query, body, ask);

	ck_assert_msg(answer == store.error.wire, "not refused: %s", answer);
	snprintf(text, sizeof(text), "%s|%s|%s", store.error.wire, store.error.message,
		 store.error.details);
	return text;
}

/* --- texts ------------------------------------------------------------------------------------ */

static const char *value_text(enum md_type type, struct md_value value)
{
	static char text[256];
	md_auto_buf out = MD_BUF(sizeof(text));

	md_constraint_put_value(&out, type, &value);
	snprintf(text, sizeof(text), "%s", md_buf_text(&out));
	return text;
}

START_TEST(values_are_printed_as_postgresql_prints_them)
{
	static const struct {
		enum md_type type;
		const char *kept, *shown;
	} texts[] = {
		{ MD_TYPE_TEXT, "2024-02-29T10:00:00.000000+00:00",
		  "2024-02-29T10:00:00.000000+00:00" },
		{ MD_TYPE_KEPT_TIMESTAMPTZ, "2024-02-29T10:00:00.000000+00:00",
		  "2024-02-29 10:00:00+00" },
		{ MD_TYPE_KEPT_TIMESTAMPTZ, "2024-02-29T10:00:00.120300+00:00",
		  "2024-02-29 10:00:00.1203+00" },
		{ MD_TYPE_KEPT_TIMESTAMP, "2024-02-29T10:00:00.500000", "2024-02-29 10:00:00.5" },
		{ MD_TYPE_KEPT_TIMESTAMP, "2024-02-29T10:00:00", "2024-02-29 10:00:00" },
		{ MD_TYPE_KEPT_TIME, "23:59:59.000000", "23:59:59" },
		{ MD_TYPE_KEPT_DATE, "2024-02-29", "2024-02-29" },
		{ MD_TYPE_KEPT_NUMERIC, "12345678901234567890.10", "12345678901234567890.10" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_str_eq(value_text(texts[i].type, md_value_text(md_str_of(texts[i].kept))),
				 texts[i].shown);
	ck_assert_str_eq(value_text(MD_TYPE_INT4, md_value_null()), "null");
	ck_assert_str_eq(value_text(MD_TYPE_INT4, md_value_int(-7)), "-7");
	ck_assert_str_eq(value_text(MD_TYPE_BOOL, md_value_int(1)), "t");
	ck_assert_str_eq(value_text(MD_TYPE_BOOL, md_value_int(0)), "f");
	ck_assert_str_eq(value_text(MD_TYPE_FLOAT, md_value_real(1)), "1");
	ck_assert_str_eq(value_text(MD_TYPE_FLOAT, md_value_real(0.1)), "0.1");
	ck_assert_str_eq(
		value_text(MD_TYPE_BYTES,
			   (struct md_value){ .type = MD_BLOB, .len = 3, .text = "\x01\xfe" }),
		"\\x01fe00");
}
END_TEST

START_TEST(names_have_quotes_where_postgresql_puts_them)
{
	static const char *const names[][2] = {
		{ "a_b1", "a_b1" },
		{ "Name", "\"Name\"" },
		{ "1a", "\"1a\"" },
		{ "user", "\"user\"" },
		{ "name", "name" },
		{ "xmltable", "\"xmltable\"" },
		{ "all", "\"all\"" },
		{ "", "\"\"" },
		{ "a\"b", "\"a\"\"b\"" },
		{ "é", "\"é\"" },
		{ "a b", "\"a b\"" },
		{ "a_name_that_is_longer_than_any_word", "a_name_that_is_longer_than_any_word" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		md_auto_buf out = MD_BUF(128);

		md_constraint_put_name(&out, md_str_of(names[i][0]));
		ck_assert_str_eq(md_buf_text(&out), names[i][1]);
	}
}
END_TEST

/* --- what triggers and large bodies do -------------------------------------------------------- */

START_TEST(a_trigger_that_violates_another_tables_constraint_has_that_ones_name)
{
	store_start_on("CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT UNIQUE NOT NULL CHECK "
		       "(length(what) < 9), tag INT REFERENCES tags (id));"
		       "INSERT INTO log VALUES (1, 'a', NULL);"
		       "CREATE TRIGGER t AFTER INSERT ON tags BEGIN INSERT INTO log (what, tag) "
		       "VALUES (new.name, CASE new.name WHEN 'z' THEN 99 END); END");
	ck_assert_str_eq(refused(MD_WRITE_INSERT, "/tags", "", "{\"name\":\"a\"}"),
			 "23505|duplicate key value violates unique constraint \"log_what_key\"|");
	ck_assert_str_eq(
		refused(MD_WRITE_INSERT, "/tags", "", "{\"name\":null}"),
		"23502|null value in column \"what\" of relation \"log\" violates not-null "
		"constraint|");
	ck_assert_str_eq(refused(MD_WRITE_INSERT, "/tags", "", "{\"name\":\"123456789\"}"),
			 "23514|new row for relation \"log\" violates check constraint "
			 "\"log_what_check\"|");
	ck_assert_str_eq(refused(MD_WRITE_INSERT, "/tags", "", "{\"name\":\"z\"}"),
			 "23503|insert or update on table \"tags\" violates foreign key "
			 "constraint|");
	store_stop();
}
END_TEST

START_TEST(rows_of_a_body_may_refer_to_one_another)
{
	store_start_on("CREATE TABLE tree (id INTEGER PRIMARY KEY, up INT REFERENCES tree (id) "
		       "DEFERRABLE INITIALLY DEFERRED, over INT REFERENCES tree (id))");
	ck_assert_str_eq(
		refused(MD_WRITE_INSERT, "/tree", "",
			"[{\"id\":1,\"up\":3,\"over\":null},{\"id\":2,\"up\":1,\"over\":1},"
			"{\"id\":3,\"up\":7,\"over\":2}]"),
		"23503|insert or update on table \"tree\" violates foreign key constraint "
		"\"tree_up_fkey\"|Key (up)=(7) is not present in table \"tree\".");
	ck_assert_str_eq(
		refused(MD_WRITE_INSERT, "/tree", "",
			"[{\"id\":1,\"up\":2,\"over\":null},{\"id\":2,\"up\":9,\"over\":3}]"),
		"23503|insert or update on table \"tree\" violates foreign key constraint "
		"\"tree_over_fkey\"|Key (over)=(3) is not present in table \"tree\".");
	store_stop();
}
END_TEST

START_TEST(rows_that_go_together_do_not_hold_one_another)
{
	store_start_on("CREATE TABLE tree (id INTEGER PRIMARY KEY, up INT REFERENCES tree (id));"
		       "INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2), (4, 3)");
	ck_assert_str_eq(refused(MD_WRITE_DELETE, "/tree", "id=in.(1,2,3)", NULL),
			 "23503|update or delete on table \"tree\" violates foreign key constraint "
			 "\"tree_up_fkey\" on table \"tree\"|Key (id)=(3) is still referenced from "
			 "table \"tree\".");
	ck_assert_str_eq(
		store_write("/tree", "", NULL, (struct md_write_ask){ .kind = MD_WRITE_DELETE }),
		"");
	store_stop();
}
END_TEST

/* Of 3,000 rows the last is at fault: found by the end of the rows only, and more than are looked
 * up. */
START_TEST(a_row_that_is_not_found_has_no_details)
{
	md_auto_buf body = MD_BUF(1 << 20);

	store_start_on("CREATE TABLE late (id INTEGER PRIMARY KEY, tag INT REFERENCES tags (id) "
		       "DEFERRABLE INITIALLY DEFERRED)");
	for (unsigned i = 1; i <= 3000; i++)
		md_buf_printf(&body, "%s{\"id\":%u,\"tag\":%u}", i == 1 ? "[" : ",", i,
			      i < 3000 ? 1 : 99);
	md_buf_putc(&body, ']');
	ck_assert_str_eq(refused(MD_WRITE_INSERT, "/late", "", md_buf_text(&body)),
			 "23503|insert or update on table \"late\" violates foreign key "
			 "constraint|");
	ck_assert_str_eq(refused(MD_WRITE_INSERT, "/late", "",
				 "[{\"id\":1,\"tag\":1},{\"id\":2,\"tag\":99}]"),
			 "23503|insert or update on table \"late\" violates foreign key constraint "
			 "\"late_tag_fkey\"|Key (tag)=(99) is not present in table \"tags\".");
	store_stop();
}
END_TEST

/* The error stands whatever fails while it is explained; with memory it is told whole. */
START_TEST(an_explanation_survives_a_failure_of_every_allocation)
{
	static const struct {
		enum md_write_kind kind;
		const char *path, *query, *body, *details;
	} cases[] = {
		{ MD_WRITE_INSERT, "/posts", "", "[{\"id\":50,\"author_id\":99}]",
		  "Key (author_id)=(99) is not present in table \"users\"." },
		{ MD_WRITE_INSERT, "/nodes", "",
		  "[{\"id\":50,\"parent_id\":50},{\"id\":51,\"parent_id\":99}]",
		  "Key (parent_id)=(99) is not present in table \"nodes\"." },
		{ MD_WRITE_DELETE, "/tags", "id=gt.0", NULL,
		  "Key (id)=(1) is still referenced from table \"post_tags\"." },
		{ MD_WRITE_INSERT, "/tags", "", "[{\"id\":1,\"name\":\"x\"}]",
		  "Key (id)=(1) already exists." },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned told = 0, short_of_words = 0;
		bool fired = true;

		for (int n = 0; fired; n++) {
			struct md_write_ask ask = { .kind = cases[i].kind };
			const char *answer;

			store_start();
			fault_arm(n);
			answer = store_write(cases[i].path, cases[i].query, cases[i].body, ask);
			fired = fault_fired();
			fault_disarm();
			ck_assert_msg(answer == store.error.wire, "%s", answer);
			ck_assert(fired || strcmp(store.error.details, cases[i].details) == 0);
			if (strncmp(answer, "23", 2) == 0) {
				bool whole = strcmp(store.error.details, cases[i].details) == 0;

				ck_assert_msg(whole || store.error.details[0] == '\0' ||
						      strstr(store.error.details, "tags.id"),
					      "%s", store.error.details);
				told += whole;
				short_of_words += !whole;
			}
			store_stop();
			ck_assert_int_lt(n, 500);
		}
		ck_assert_uint_ge(told, 1);
		ck_assert_uint_ge(short_of_words, 1);
	}
}
END_TEST

SUITE_MAIN("constraint", values_are_printed_as_postgresql_prints_them,
	   names_have_quotes_where_postgresql_puts_them,
	   a_trigger_that_violates_another_tables_constraint_has_that_ones_name,
	   rows_of_a_body_may_refer_to_one_another, rows_that_go_together_do_not_hold_one_another,
	   a_row_that_is_not_found_has_no_details,
	   an_explanation_survives_a_failure_of_every_allocation)
