/* What the C API promises, continued: rows in pieces, keys and groups as conditions, values that
 * are JSON. Part of api_steps.h. */
#ifndef MD_TESTS_UNIT_API_PIECES_H
#define MD_TESTS_UNIT_API_PIECES_H

/* What came, and how often. */
struct pieces {
	char text[512];
	size_t len, longest;
	unsigned count, stop_at;
};

static bool take(void *arg, const char *text, size_t len)
{
	struct pieces *pieces = arg;
	size_t room = sizeof(pieces->text) - 1 - strlen(pieces->text);

	strncat(pieces->text, text, len < room ? len : room);
	pieces->len += len;
	pieces->longest = len > pieces->longest ? len : pieces->longest;
	return ++pieces->count != pieces->stop_at;
}

START_TEST(rows_come_as_text_of_a_form)
{
	static const char *const texts[] = {
		[MD_FORM_JSON] = "[{\"name\":\"ann\",\"age\":30},{\"name\":\"bob\",\"age\":null},"
				 "{\"name\":\"cid\",\"age\":25}]",
		[MD_FORM_LINES] = "{\"name\":\"ann\",\"age\":30}\n{\"name\":\"bob\",\"age\":null}\n"
				  "{\"name\":\"cid\",\"age\":25}\n",
		[MD_FORM_CSV] = "name,age\nann,30\nbob,\ncid,25",
	};

	start();
	fill();
	for (int form = MD_FORM_JSON; form <= MD_FORM_CSV; form++) {
		struct pieces pieces = { .len = 0 };
		struct md_ask *ask = users();

		md_select(ask, "name,age");
		md_order_by(ask, "id");
		OK(md_pieces(ask, (enum md_form)form, take, &pieces, &err));
		ck_assert_str_eq(pieces.text, texts[form]);
		md_ask_free(ask);
	}
	stop();
}
END_TEST

/* 2,000 rows of about 500 bytes. */
static void fill_long(void)
{
	struct md_result *user;
	char word[480], row[640];

	OK(md_create(work, "User", "{\"name\":\"long\"}", &user, &err));
	md_result_free(user);
	memset(word, 'x', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	for (int i = 0; i < 2000; i++) {
		snprintf(row, sizeof(row), "{\"name\":\"n%d\",\"data\":\"%s\"}", i, word);
		OK(md_add(work, "User", row, &err));
	}
	OK(md_work_flush(work, &err));
}

START_TEST(long_answers_come_in_pieces_that_can_be_stopped)
{
	struct pieces all = { .len = 0 }, some = { .stop_at = 2 };
	struct md_ask *ask;

	start();
	fill_long();
	ask = users();
	OK(md_pieces(ask, MD_FORM_LINES, take, &all, &err));
	ck_assert_uint_gt(all.len, 1000 * 1000);
	ck_assert_uint_gt(all.count, 10);
	ck_assert_uint_lt(all.longest, 70 * 1000);
	ck_assert_int_eq(md_pieces(ask, MD_FORM_LINES, take, &some, &err), MD_CANCELLED);
	ck_assert_uint_eq(some.count, 2);
	md_ask_free(ask);
	/* The session goes on, with what it had. */
	ck_assert_uint_eq(count_of("User"), 2001);
	ask = users();
	FAILS("42703",
	      (md_order_by(ask, "nothing"), md_pieces(ask, MD_FORM_CSV, take, &some, &err)));
	ck_assert_uint_eq(some.count, 2);
	md_ask_free(ask);
	stop();
}
END_TEST

START_TEST(a_key_and_a_group_are_conditions)
{
	struct md_ask *ask;

	start();
	fill();
	ask = users();
	OK(md_filter_key(ask, "2"));
	ck_assert_str_eq(values(ask, "name"), "bob");
	ask = users();
	OK(md_where_group(ask, "or", "(name.eq.ann,and(age.gt.20,age.lt.26))"));
	OK(md_order_by(ask, "id"));
	ck_assert_str_eq(values(ask, "name"), "ann,cid");
	ask = users();
	OK(md_or(ask));
	OK(md_where_group(ask, "not.or", "(name.eq.ann,name.eq.bob)"));
	OK(md_where(ask, "name", "eq", "bob"));
	OK(md_end(ask));
	OK(md_order_by(ask, "id"));
	ck_assert_str_eq(values(ask, "name"), "bob,cid");
	ask = users();
	FAILS("MD400", (md_where_group(ask, "xor", "(a.eq.1)"), md_all(ask, NULL, &err)));
	md_ask_free(ask);
	ask = users();
	FAILS("PGRST100", (md_where_group(ask, "or", "(name.eq.1"), md_all(ask, NULL, &err)));
	md_ask_free(ask);
	ask = users();
	FAILS("PGRST100", (md_where_group(ask, "or", "(name.eq.1)x"), md_all(ask, NULL, &err)));
	md_ask_free(ask);
	stop();
}
END_TEST

START_TEST(values_may_be_json_beside_texts)
{
	static const struct md_value_text given[] = {
		{ .name = "name", .value = "\"ann\"", .json = true },
		{ .name = "age", .value = "41" },
		{ .name = "active", .value = "false", .json = true },
		{ .name = "balance", .value = "12345678901234.5678", .json = true },
		{ .name = "data", .value = " \"a\\\"b\"", .json = true },
	};
	struct md_result *row;
	int64_t age = 0;

	start();
	OK(md_create_values(work, "User", given, 5, &row, &err));
	ck_assert_str_eq(md_result_text(row, 0, "name"), "ann");
	ck_assert(md_result_i64(row, 0, "age", &age) && age == 41);
	ck_assert_str_eq(md_result_text(row, 0, "active"), "false");
	ck_assert_str_eq(md_result_text(row, 0, "balance"), "12345678901234.5678");
	ck_assert_str_eq(md_result_text(row, 0, "data"), "a\"b");
	md_result_free(row);
	FAILS("22P02",
	      md_create_values(work, "User",
			       &(struct md_value_text){
				       .name = "age", .value = "1,\"name\":\"x\"", .json = true },
			       1, NULL, &err));
	FAILS("22P02",
	      md_create_values(work, "User",
			       &(struct md_value_text){ .name = "age", .value = "", .json = true },
			       1, NULL, &err));
	stop();
}
END_TEST

#define API_PIECES_TESTS                                                              \
	rows_come_as_text_of_a_form, long_answers_come_in_pieces_that_can_be_stopped, \
		a_key_and_a_group_are_conditions, values_may_be_json_beside_texts
#endif
