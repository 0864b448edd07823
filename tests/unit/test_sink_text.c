#include "core/json/sink_text.h"

#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/unit/json_shapes.h"

enum { ENOUGH = 1 << 20 };

struct run {
	struct md_arena *arena;
	struct md_value tag_args[1], profile_args[1];
	struct md_value *args[2];
	struct md_text_sink_options options;
	struct md_text_sink *sink;
	struct md_buf out;
	struct md_error err;
};

static void start(struct run *run, const struct md_shape *shape, enum md_frame frame)
{
	memset(run, 0, sizeof(*run));
	run->arena = md_arena_new(ENOUGH);
	run->args[0] = run->tag_args;
	run->args[1] = run->profile_args;
	run->options = (struct md_text_sink_options){ .frame = frame,
						      .piece = SIZE_MAX,
						      .child_args = run->args };
	run->sink = md_text_sink_new(run->arena, shape, &run->options);
	ck_assert_ptr_nonnull(run->sink);
	md_buf_init(&run->out, ENOUGH);
}

static void finish(struct run *run)
{
	md_buf_release(&run->out);
	md_arena_free(run->arena);
}

static const char *write_as(const struct md_shape *shape, enum md_frame frame, struct fake_db *db)
{
	static char text[4096];
	struct run run;

	start(&run, shape, frame);
	ck_assert_int_eq(md_text_sink_feed(run.sink, fake_root(db), &run.out, &run.err),
			 MD_SINK_DONE);
	snprintf(text, sizeof(text), "%.*s", (int)run.out.len, run.out.len ? run.out.data : "");
	finish(&run);
	return text;
}

/* The root table alone, as an array. */
static const char *write_rows(const struct md_shape *shape,
			      const struct md_value (*rows)[FAKE_COLUMNS], unsigned count)
{
	const struct fake_table tables[] = { { NULL, rows, count } };
	struct fake_db db = FAKE_DB(tables);

	return write_as(shape, MD_FRAME_ARRAY, &db);
}

static const char *write_cell(enum md_codec codec, struct md_value cell)
{
	const struct md_shape_item items[] = { CELL("x", codec, 0) };
	const struct md_shape shape = SHAPE(items);
	const struct md_value rows[][FAKE_COLUMNS] = { { cell } };
	const struct fake_table tables[] = { { NULL, rows, 1 } };
	struct fake_db db = FAKE_DB(tables);
	static char text[4096];

	strncpy(text, write_as(&shape, MD_FRAME_OBJECT, &db), sizeof(text) - 1);
	ck_assert_int_eq(strncmp(text, "{\"x\":", 5), 0);
	text[strlen(text) - 1] = '\0';
	return text + 5;
}

START_TEST(writes_cells_by_codec)
{
	static const struct {
		enum md_codec codec;
		struct md_value cell;
		const char *text;
	} cases[] = {
		{ MD_AS_ANY, { .type = MD_NULL }, "null" },
		{ MD_AS_ANY, { .type = MD_INT, .i = INT64_MIN }, "-9223372036854775808" },
		{ MD_AS_ANY, { .type = MD_REAL, .r = 23.45 }, "23.45" },
		{ MD_AS_ANY, TEXT("a\nb"), "\"a\\nb\"" },
		{ MD_AS_ANY, BLOB("\x01\xfe"), "\"\\\\x01fe\"" },
		{ MD_AS_STRING, INT(5), "5" },
		{ MD_AS_STRING, TEXT("\xff"), "\"\uFFFD\"" },
		{ MD_AS_TEXT, INT(-5), "\"-5\"" },
		{ MD_AS_TEXT, REAL(1.5), "\"1.5\"" },
		{ MD_AS_TEXT, REAL(1e300 * 1e300), "\"Infinity\"" },
		{ MD_AS_TEXT, TEXT("t"), "\"t\"" },
		{ MD_AS_TEXT, NULL_CELL, "null" },
		{ MD_AS_TEXT, BLOB("\x10"), "\"\\\\x10\"" },
		{ MD_AS_NUMBER_TEXT, TEXT("12345678901234567.890"), "12345678901234567.890" },
		{ MD_AS_NUMBER_TEXT, TEXT("NaN"), "\"NaN\"" },
		{ MD_AS_NUMBER_TEXT, TEXT(""), "\"\"" },
		{ MD_AS_NUMBER_TEXT, INT(3), "3" },
		{ MD_AS_BOOL, INT(0), "false" },
		{ MD_AS_BOOL, INT(1), "true" },
		{ MD_AS_BOOL, INT(2), "2" },
		{ MD_AS_BOOL, REAL(1), "1" },
		{ MD_AS_BOOL, TEXT("t"), "true" },
		{ MD_AS_BOOL, TEXT("f"), "false" },
		{ MD_AS_BOOL, TEXT("yes"), "\"yes\"" },
		{ MD_AS_BOOL, TEXT(""), "\"\"" },
		{ MD_AS_JSON, TEXT(" {\"a\": [1.0]}"), " {\"a\": [1.0]}" },
		{ MD_AS_JSON, TEXT("{a:1}"), "\"{a:1}\"" },
		{ MD_AS_JSON, INT(7), "7" },
		{ MD_AS_JSON_CHECKED, TEXT("[1]"), "[1]" },
		{ MD_AS_TIMESTAMP, TEXT("2024-01-02 03:04:05"), "\"2024-01-02T03:04:05\"" },
		{ MD_AS_TIMESTAMP, TEXT("2024-01-02 03:04:05.6+00"),
		  "\"2024-01-02T03:04:05.6+00:00\"" },
		{ MD_AS_TIMESTAMP, TEXT("12890-01-01 05:30:00-08"),
		  "\"12890-01-01T05:30:00-08:00\"" },
		{ MD_AS_TIMESTAMP, TEXT("1890-01-01 00:19:32+00:19:32 BC"),
		  "\"1890-01-01T00:19:32+00:19:32 BC\"" },
		{ MD_AS_TIMESTAMP, TEXT("0044-03-15 01:02:03+00 BC"),
		  "\"0044-03-15T01:02:03+00:00 BC\"" },
		{ MD_AS_TIMESTAMP, TEXT("infinity"), "\"infinity\"" },
		{ MD_AS_TIMESTAMP, TEXT("2024-01-02"), "\"2024-01-02\"" },
		{ MD_AS_TIMESTAMP, TEXT(""), "\"\"" },
		{ MD_AS_TIMESTAMP, INT(1700000000), "1700000000" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(write_cell(cases[i].codec, cases[i].cell), cases[i].text);
}
END_TEST

START_TEST(writes_nested_rows)
{
	struct fake_db db = FAKE_DB(user_tables);

	ck_assert_str_eq(write_as(&user_shape, MD_FRAME_ARRAY, &db), USERS_JSON);
	ck_assert_int_eq(db.still_open, 1); /* the root is its owner's */
}
END_TEST

START_TEST(frames_no_rows_and_one_row)
{
	const struct md_shape_item items[] = { CELL("id", MD_AS_ANY, 0) };
	const struct md_shape shape = SHAPE(items), empty = { .items = NULL, .count = 0 };
	const struct fake_table tables[] = { { NULL, user_rows, 3 } };
	const struct fake_table none[] = { { NULL, user_rows, 0 } };
	struct fake_db db = FAKE_DB(tables), no_rows = FAKE_DB(none);

	ck_assert_str_eq(write_as(&shape, MD_FRAME_ARRAY, &db),
			 "[{\"id\":1},{\"id\":2},{\"id\":3}]");
	ck_assert_str_eq(write_as(&shape, MD_FRAME_OBJECT, &db), "{\"id\":1}");
	ck_assert_str_eq(write_as(&shape, MD_FRAME_ARRAY, &no_rows), "[]");
	ck_assert_str_eq(write_as(&shape, MD_FRAME_OBJECT, &no_rows), "");
	ck_assert_str_eq(write_as(&empty, MD_FRAME_ARRAY, &db), "[{},{},{}]");
}
END_TEST

START_TEST(counts_the_rows_of_the_root)
{
	struct fake_db db = FAKE_DB(user_tables);
	struct run run;

	start(&run, &user_shape, MD_FRAME_OBJECT);
	ck_assert_uint_eq(md_text_sink_rows(run.sink), 0);
	md_text_sink_feed(run.sink, fake_root(&db), &run.out, &run.err);
	ck_assert_uint_eq(md_text_sink_rows(run.sink), 3);
	finish(&run);
}
END_TEST

START_TEST(leaves_nulls_out_when_asked)
{
	const struct md_shape_item items[] = {
		CELL("a", MD_AS_ANY, 0),
		CELL("b", MD_AS_JSON, 1),
		{ KEY("team"), .nest = MD_NEST_OBJECT, .column = 2, .child = &team_shape },
	};
	const struct md_shape shape = SHAPE(items, .strip_nulls = true);
	const struct md_value rows[][FAKE_COLUMNS] = {
		{ INT(1), TEXT("{\"x\":null}"), INT(3), NULL_CELL },
		{ NULL_CELL, TEXT("null"), NULL_CELL },
		{ NULL_CELL, TEXT("2"), NULL_CELL },
		{ TEXT("null"), NULL_CELL, NULL_CELL },
	};

	ck_assert_str_eq(write_rows(&shape, rows, 4),
			 "[{\"a\":1,\"b\":{},\"team\":{\"id\":3,\"team\":null}},{},"
			 "{\"b\":2},{\"a\":\"null\"}]");
}
END_TEST

START_TEST(spreads_an_object_in_place)
{
	const struct md_shape_item inner[] = { CELL("y", MD_AS_ANY, 3) };
	const struct md_shape inner_shape = SHAPE(inner), nothing = { .count = 0 };
	const struct md_shape_item outer[] = {
		{ .nest = MD_NEST_OBJECT, .column = 3, .child = &nothing },
		CELL("x", MD_AS_ANY, 1),
		{ .nest = MD_NEST_OBJECT, .column = 2, .child = &inner_shape },
	};
	const struct md_shape outer_shape = SHAPE(outer);
	const struct md_shape_item items[] = {
		{ .nest = MD_NEST_OBJECT, .column = 0, .child = &outer_shape },
		CELL("z", MD_AS_ANY, 4),
	};
	struct md_shape shape = SHAPE(items);
	const struct md_value rows[][FAKE_COLUMNS] = {
		{ INT(1), INT(2), INT(3), INT(4), INT(5) },
		{ INT(1), INT(2), NULL_CELL, INT(4), INT(5) },
		{ NULL_CELL, INT(2), INT(3), INT(4), INT(5) },
	};

	ck_assert_str_eq(write_rows(&shape, rows, 3),
			 "[{\"x\":2,\"y\":4,\"z\":5},{\"x\":2,\"y\":null,\"z\":5},"
			 "{\"x\":null,\"y\":null,\"z\":5}]");
	shape.strip_nulls = true;
	ck_assert_str_eq(write_rows(&shape, rows, 3),
			 "[{\"x\":2,\"y\":4,\"z\":5},{\"x\":2,\"z\":5},{\"z\":5}]");
}
END_TEST

START_TEST(spreads_the_row_of_a_child_statement)
{
	const struct md_shape_item items[] = {
		{ .nest = MD_NEST_ROW, .child = &profile_shape, .call = &profile_call },
		CELL("id", MD_AS_ANY, 0),
	};
	const struct md_shape shape = SHAPE(items);
	struct fake_db db = FAKE_DB(user_tables);

	ck_assert_str_eq(write_as(&shape, MD_FRAME_ARRAY, &db),
			 "[{\"bio\":null,\"age\":null,\"id\":1},{\"bio\":\"likes C\",\"age\":41,"
			 "\"id\":2},{\"bio\":null,\"age\":null,\"id\":3}]");
}
END_TEST

START_TEST(spreads_the_rows_of_a_child_statement_as_columns)
{
	static const struct md_shape_item pair[] = { CELL("tag", MD_AS_STRING, 1),
						     CELL("of", MD_AS_ANY, 0) };
	static const struct md_shape pair_shape = SHAPE(pair);
	const struct md_shape_item items[] = {
		{ .nest = MD_NEST_COLUMNS, .child = &pair_shape, .call = &tags_call },
		CELL("id", MD_AS_ANY, 0),
	};
	struct md_shape shape = SHAPE(items);
	struct fake_db db = FAKE_DB(user_tables);

	ck_assert_str_eq(write_as(&shape, MD_FRAME_ARRAY, &db),
			 "[{\"tag\":[\"x\",\"z\"],\"of\":[1,1],\"id\":1},"
			 "{\"tag\":[],\"of\":[],\"id\":2},"
			 "{\"tag\":[\"y\"],\"of\":[3],\"id\":3}]");
	shape.strip_nulls = true;
	ck_assert_str_eq(write_as(&shape, MD_FRAME_LINES, &db),
			 "{\"tag\":[\"x\",\"z\"],\"of\":[1,1],\"id\":1}\n"
			 "{\"tag\":[],\"of\":[],\"id\":2}\n"
			 "{\"tag\":[\"y\"],\"of\":[3],\"id\":3}");
	ck_assert_str_eq(write_as(&shape, MD_FRAME_CSV, &db),
			 "tag,of,id\n\"[\"\"x\"\",\"\"z\"\"]\",\"[1,1]\",1\n"
			 "[],[],2\n\"[\"\"y\"\"]\",[3],3");
}
END_TEST

/* In columns, what is spread lies beside them, and columns are elements. */
START_TEST(columns_nest)
{
	static const struct md_shape_item tag[] = { CELL("tag", MD_AS_STRING, 1) };
	static const struct md_shape one_tag = SHAPE(tag);
	static const struct md_shape_item inner[] = {
		CELL("bio", MD_AS_STRING, 1),
		{ .nest = MD_NEST_OBJECT, .column = 2, .child = &one_tag },
		{ .nest = MD_NEST_COLUMNS, .child = &one_tag, .call = &tags_call },
		{ .nest = MD_NEST_ROW, .child = &one_tag, .call = &tags_call },
		{ KEY("all"), .nest = MD_NEST_ARRAY, .child = &one_tag, .call = &tags_call },
	};
	static const struct md_shape inner_shape = SHAPE(inner);
	const struct md_shape_item items[] = {
		{ .nest = MD_NEST_COLUMNS, .child = &inner_shape, .call = &profile_call },
	};
	const struct md_shape shape = SHAPE(items);
	struct fake_db db = FAKE_DB(user_tables);

	ck_assert_str_eq(write_as(&shape, MD_FRAME_ARRAY, &db),
			 "[{\"bio\":[],\"tag\":[],\"tag\":[],\"tag\":[],\"all\":[]},"
			 "{\"bio\":[\"likes C\"],\"tag\":[\"likes C\"],\"tag\":[[]],\"tag\":[null],"
			 "\"all\":[[]]},"
			 "{\"bio\":[null],\"tag\":[null],\"tag\":[[\"y\"]],\"tag\":[\"y\"],"
			 "\"all\":[[{\"tag\":\"y\"}]]}]");
}
END_TEST

START_TEST(ends_a_cycle_with_the_key)
{
	/* node (id, name, parent's id and name, in one row); the parent's parent is the node. */
	static const char model = 'n';
	const struct md_shape_cycle cycle = { &model, 1 };
	const struct md_shape_item third[] = { CELL("id", MD_AS_ANY, 0),
					       CELL("name", MD_AS_ANY, 1) };
	const struct md_shape third_shape = SHAPE(third, .cycle = &cycle);
	const struct md_shape_item second[] = {
		CELL("id", MD_AS_ANY, 2),
		CELL("name", MD_AS_ANY, 3),
		{ KEY("up"), .nest = MD_NEST_OBJECT, .column = 0, .child = &third_shape },
	};
	const struct md_shape second_shape = SHAPE(second, .cycle = &cycle);
	const struct md_shape_item first[] = {
		CELL("id", MD_AS_ANY, 0),
		CELL("name", MD_AS_ANY, 1),
		{ KEY("up"), .nest = MD_NEST_OBJECT, .column = 2, .child = &second_shape },
	};
	struct md_shape shape = SHAPE(first, .cycle = &cycle);
	const struct md_value rows[][FAKE_COLUMNS] = {
		{ INT(1), TEXT("a"), INT(2), TEXT("b") },
		{ INT(3), TEXT("c"), INT(3), TEXT("c") },
	};

	ck_assert_str_eq(write_rows(&shape, rows, 2),
			 "[{\"id\":1,\"name\":\"a\",\"up\":{\"id\":2,\"name\":\"b\",\"up\":"
			 "{\"id\":1}}},{\"id\":3,\"name\":\"c\",\"up\":{\"id\":3}}]");
}
END_TEST

START_TEST(goes_on_after_waiting_and_after_a_full_buffer)
{
	for (size_t piece = 1; piece < sizeof(USERS_JSON) + 10; piece += 7) {
		struct fake_db db = FAKE_DB(user_tables);
		struct md_rows *rows = fake_root(&db);
		char text[2 * sizeof(USERS_JSON)] = "";
		unsigned waits = 0, pieces = 0;
		enum md_sink result;
		struct run run;

		db.wait = true;
		start(&run, &user_shape, MD_FRAME_ARRAY);
		run.options.piece = piece;
		run.sink = md_text_sink_new(run.arena, &user_shape, &run.options);
		while ((result = md_text_sink_feed(run.sink, rows, &run.out, &run.err)) !=
		       MD_SINK_DONE) {
			waits += result == MD_SINK_WAIT;
			if (result != MD_SINK_FULL)
				continue;
			ck_assert_uint_ge(run.out.len, piece);
			strncat(text, run.out.data, run.out.len);
			md_buf_clear(&run.out);
			pieces++;
		}
		strncat(text, run.out.data, run.out.len);
		ck_assert_str_eq(text, USERS_JSON);
		ck_assert_uint_eq(waits, 4); /* three rows and the end */
		ck_assert(piece > 100 || pieces == 3);
		finish(&run);
	}
}
END_TEST

START_TEST(starts_over_after_a_reset)
{
	struct fake_db db = FAKE_DB(user_tables);
	struct run run;

	start(&run, &user_shape, MD_FRAME_ARRAY);
	db.fail_step = 3;
	ck_assert_int_eq(md_text_sink_feed(run.sink, fake_root(&db), &run.out, &run.err),
			 MD_SINK_FAIL);
	md_text_sink_reset(run.sink);
	md_buf_clear(&run.out);
	db.fail_step = FAKE_NEVER;
	ck_assert_int_eq(md_text_sink_feed(run.sink, fake_root(&db), &run.out, &run.err),
			 MD_SINK_DONE);
	ck_assert_str_eq(md_buf_text(&run.out), USERS_JSON);
	finish(&run);
}
END_TEST

START_TEST(writes_by_a_form_that_is_used_again)
{
	md_auto_arena arena = md_arena_new(ENOUGH);
	const struct md_text_form *form = md_text_form_new(arena, &user_shape);

	for (int i = 0; i < 2; i++) {
		struct fake_db db = FAKE_DB(user_tables);
		struct run run;

		start(&run, &user_shape, MD_FRAME_ARRAY);
		run.options.form = form;
		run.sink = md_text_sink_new(run.arena, &user_shape, &run.options);
		md_text_sink_feed(run.sink, fake_root(&db), &run.out, &run.err);
		ck_assert_str_eq(md_buf_text(&run.out), USERS_JSON);
		finish(&run);
	}
}
END_TEST

START_TEST(fails_with_the_error_of_any_step)
{
	for (int step = 0;; step++) {
		struct fake_db db = FAKE_DB(user_tables);
		enum md_sink result;
		struct run run;

		start(&run, &user_shape, MD_FRAME_ARRAY);
		db.fail_step = step;
		result = md_text_sink_feed(run.sink, fake_root(&db), &run.out, &run.err);
		ck_assert_int_eq(db.still_open, 1);
		finish(&run);
		if (result == MD_SINK_DONE) {
			ck_assert_int_eq(step, 4 + 3 * 2 + 3); /* root, children and their rows */
			break;
		}
		ck_assert_int_eq(result, MD_SINK_FAIL);
		ck_assert_int_eq(run.err.code, MD_UNAVAILABLE);
	}
}
END_TEST

START_TEST(fails_when_a_child_cannot_be_opened_or_waits)
{
	struct fake_db db = FAKE_DB(user_tables);
	struct md_rows *rows;
	struct run run;

	for (db.fail_open = 0; db.fail_open < 6; db.fail_open++) {
		start(&run, &user_shape, MD_FRAME_ARRAY);
		ck_assert_int_eq(md_text_sink_feed(run.sink, fake_root(&db), &run.out, &run.err),
				 MD_SINK_FAIL);
		ck_assert_int_eq(run.err.code, MD_BUSY);
		finish(&run);
	}
	db.fail_open = FAKE_NEVER;
	db.child_waits = true;
	start(&run, &user_shape, MD_FRAME_ARRAY);
	ck_assert_int_eq(md_text_sink_feed(run.sink, fake_root(&db), &run.out, &run.err),
			 MD_SINK_FAIL);
	ck_assert_int_eq(run.err.code, MD_INTERNAL);
	md_text_sink_reset(run.sink);
	rows = fake_root(&db);
	rows->child = NULL;
	ck_assert_int_eq(md_text_sink_feed(run.sink, rows, &run.out, &run.err), MD_SINK_FAIL);
	ck_assert_int_eq(run.err.code, MD_INTERNAL);
	finish(&run);
}
END_TEST

START_TEST(needs_no_more_room_than_the_answer)
{
	for (size_t max = 0;; max++) {
		struct fake_db db = FAKE_DB(user_tables);
		enum md_sink result;
		struct run run;

		start(&run, &user_shape, MD_FRAME_ARRAY);
		md_buf_init(&run.out, max);
		result = md_text_sink_feed(run.sink, fake_root(&db), &run.out, &run.err);
		ck_assert_int_eq(db.still_open, 1);
		if (result == MD_SINK_DONE)
			ck_assert_int_eq(memcmp(run.out.data, USERS_JSON, run.out.len), 0);
		finish(&run);
		if (result == MD_SINK_DONE)
			break;
		ck_assert_int_eq(result, MD_SINK_FAIL);
		ck_assert_int_eq(run.err.code, MD_TOO_LARGE);
		ck_assert_uint_lt(max, sizeof(USERS_JSON) - 1);
	}
}
END_TEST

START_TEST(is_made_in_any_arena_that_is_large_enough)
{
	const struct md_text_sink_options options = { .piece = SIZE_MAX };
	unsigned failures = 0;

	for (size_t limit = 0;; limit += 16, failures++) {
		md_auto_arena arena = md_arena_new(limit);

		if (md_text_sink_new(arena, &user_shape, &options))
			break;
		ck_assert_uint_lt(limit, ENOUGH);
	}
	ck_assert_uint_gt(failures, 0);
	for (size_t limit = 0; limit <= 6; limit++) {
		md_auto_arena arena = md_arena_new(limit);
		unsigned len = 77;

		ck_assert(!md_shape_key(arena, "key", 3, &len));
		ck_assert_uint_eq(len, 77);
	}
}
END_TEST

START_TEST(renders_keys)
{
	md_auto_arena arena = md_arena_new(ENOUGH);
	unsigned len;

	ck_assert_str_eq(md_shape_key(arena, "a\"b\xff", 4, &len), "\"a\\\"b\uFFFD\":");
	ck_assert_uint_eq(len, 10);
	ck_assert_str_eq(md_shape_key(arena, "", 0, &len), "\"\":");
}
END_TEST

SUITE_MAIN("sink_text", writes_cells_by_codec, writes_nested_rows, frames_no_rows_and_one_row,
	   counts_the_rows_of_the_root, leaves_nulls_out_when_asked, spreads_an_object_in_place,
	   spreads_the_row_of_a_child_statement, spreads_the_rows_of_a_child_statement_as_columns,
	   columns_nest, ends_a_cycle_with_the_key, goes_on_after_waiting_and_after_a_full_buffer,
	   starts_over_after_a_reset, writes_by_a_form_that_is_used_again,
	   fails_with_the_error_of_any_step, fails_when_a_child_cannot_be_opened_or_waits,
	   needs_no_more_room_than_the_answer, is_made_in_any_arena_that_is_large_enough,
	   renders_keys)
