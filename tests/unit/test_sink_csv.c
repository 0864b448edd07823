/* CSV and lines of JSON: the frames of the text sink besides those of test_sink_text.c. */
#include <stdio.h>

#include "core/json/sink_text.h"
#include "tests/support/suite.h"
#include "tests/unit/json_shapes.h"

enum { ENOUGH = 1 << 20 };

#define USERS_CSV                                                                          \
	"id,\"a name longer than one block\",team,profile,tags\n"                          \
	"1,Ann,\"{\"\"id\"\":7,\"\"team\"\":\"\"red\"\"}\",,"                              \
	"\"[{\"\"tag\"\":\"\"x\"\"},{\"\"tag\"\":\"\"z\"\"}]\"\n"                          \
	"2,\"Bob \"\"B\"\"\",,\"{\"\"bio\"\":\"\"likes C\"\",\"\"age\"\":41}\",[]\n"       \
	"3,,\"{\"\"id\"\":8,\"\"team\"\":null}\",\"{\"\"bio\"\":null,\"\"age\"\":null}\"," \
	"\"[{\"\"tag\"\":\"\"y\"\"}]\""

struct run {
	struct md_arena *arena;
	struct md_value tag_args[1], profile_args[1];
	struct md_value *args[2];
	struct md_text_sink *sink;
	struct md_buf out;
	struct md_error err;
};

static void start(struct run *run, const struct md_shape *shape, enum md_frame frame, size_t piece)
{
	struct md_text_sink_options options = { .frame = frame, .piece = piece };

	memset(run, 0, sizeof(*run));
	run->arena = md_arena_new(ENOUGH);
	run->args[0] = run->tag_args;
	run->args[1] = run->profile_args;
	options.child_args = run->args;
	run->sink = md_text_sink_new(run->arena, shape, &options);
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

	start(&run, shape, frame, SIZE_MAX);
	ck_assert_int_eq(md_text_sink_feed(run.sink, fake_root(db), &run.out, &run.err),
			 MD_SINK_DONE);
	md_text_sink_finish(run.sink, &run.out);
	ck_assert_int_eq(db->still_open, 1);
	snprintf(text, sizeof(text), "%s", md_buf_text(&run.out));
	finish(&run);
	return text;
}

static const char *write_rows(const struct md_shape *shape, enum md_frame frame,
			      const struct md_value (*rows)[FAKE_COLUMNS], unsigned count)
{
	const struct fake_table tables[] = { { NULL, rows, count } };
	struct fake_db db = FAKE_DB(tables);

	return write_as(shape, frame, &db);
}

static const char *write_cell(enum md_codec codec, struct md_value cell)
{
	const struct md_shape_item items[] = { CELL("x", codec, 0) };
	const struct md_shape shape = SHAPE(items);
	const struct md_value rows[][FAKE_COLUMNS] = { { cell } };
	const char *text = write_rows(&shape, MD_FRAME_CSV, rows, 1);

	ck_assert_int_eq(strncmp(text, "x\n", 2), 0);
	return text + 2;
}

START_TEST(writes_cells_as_postgresql_writes_a_row)
{
	static const struct {
		enum md_codec codec;
		struct md_value cell;
		const char *text;
	} cases[] = {
		{ MD_AS_ANY, NULL_CELL, "" },
		{ MD_AS_ANY, TEXT(""), "\"\"" },
		{ MD_AS_ANY, INT(INT64_MIN), "-9223372036854775808" },
		{ MD_AS_TEXT, INT(-5), "-5" },
		{ MD_AS_ANY, REAL(23.45), "23.45" },
		{ MD_AS_TEXT, REAL(1e300 * 1e300), "Infinity" },
		{ MD_AS_BOOL, INT(1), "t" },
		{ MD_AS_BOOL, TEXT("f"), "f" },
		{ MD_AS_BOOL, INT(2), "2" },
		{ MD_AS_NUMBER_TEXT, TEXT("12345678901234567.890"), "12345678901234567.890" },
		{ MD_AS_STRING, TEXT("plain-text_é;'!"), "plain-text_é;'!" },
		{ MD_AS_STRING, TEXT("a b"), "\"a b\"" },
		{ MD_AS_STRING, TEXT("a,b"), "\"a,b\"" },
		{ MD_AS_STRING, TEXT("(a"), "\"(a\"" },
		{ MD_AS_STRING, TEXT("a)"), "\"a)\"" },
		{ MD_AS_STRING, TEXT("\""), "\"\"\"\"" },
		{ MD_AS_STRING, TEXT("a\"b\"\"c"), "\"a\"\"b\"\"\"\"c\"" },
		{ MD_AS_STRING, TEXT("a\\b"), "\"a\\b\"" },
		{ MD_AS_STRING, TEXT("a\r\nb\tc"), "\"a\r\nb\tc\"" },
		{ MD_AS_STRING, TEXT("a\xff\xc3z"), "a\uFFFD\uFFFDz" },
		{ MD_AS_JSON, TEXT("{\"a\":1}"), "\"{\"\"a\"\":1}\"" },
		{ MD_AS_JSON, TEXT("[1]"), "[1]" },
		{ MD_AS_JSON_CHECKED, TEXT("\"s\""), "\"\"\"s\"\"\"" },
		{ MD_AS_JSON_MADE, TEXT("\"sad\""), "sad" },
		{ MD_AS_JSON_MADE, TEXT("\"\""), "\"\"" },
		{ MD_AS_JSON_MADE, TEXT("\"[1,5)\""), "\"[1,5)\"" },
		{ MD_AS_JSON_MADE, TEXT("\"a\\u00e9 \\\"b\\\"\\n\""), "\"aé \"\"b\"\"\n\"" },
		{ MD_AS_JSON_MADE, TEXT("[1,\"a\"]"), "\"[1,\"\"a\"\"]\"" },
		{ MD_AS_JSON_MADE, TEXT("7"), "7" },
		{ MD_AS_ANY, BLOB("\x01\xfe"), "\"\\x01fe\"" },
		{ MD_AS_TIMESTAMP, TEXT("2024-01-02 03:04:05.6+00"),
		  "\"2024-01-02 03:04:05.6+00\"" },
		{ MD_AS_KEPT, TEXT("2024-01-02T03:04:05.600000+00:00"),
		  "\"2024-01-02 03:04:05.6+00\"" },
		{ MD_AS_KEPT, TEXT("2024-01-02T03:04:05.000000"), "\"2024-01-02 03:04:05\"" },
		{ MD_AS_KEPT, TEXT("23:59:59.120000"), "23:59:59.12" },
		{ MD_AS_KEPT, TEXT("soon"), "soon" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(write_cell(cases[i].codec, cases[i].cell), cases[i].text);
}
END_TEST

START_TEST(writes_embedded_rows_as_json_in_a_cell)
{
	struct fake_db db = FAKE_DB(user_tables);

	ck_assert_str_eq(write_as(&user_shape, MD_FRAME_CSV, &db), USERS_CSV);
}
END_TEST

START_TEST(writes_spread_rows_as_cells_of_their_own)
{
	const struct md_shape nothing = { .count = 0 };
	const struct md_shape_item items[] = {
		{ .nest = MD_NEST_OBJECT, .column = 0, .child = &nothing },
		{ .nest = MD_NEST_ROW, .child = &profile_shape, .call = &profile_call },
		CELL("id", MD_AS_ANY, 0),
		{ .nest = MD_NEST_OBJECT, .column = 2, .child = &team_shape },
	};
	const struct md_shape shape = SHAPE(items);
	struct fake_db db = FAKE_DB(user_tables);

	ck_assert_str_eq(write_as(&shape, MD_FRAME_CSV, &db),
			 "bio,age,id,id,team\n,,1,7,red\n\"likes C\",41,2,,\n,,3,8,");
}
END_TEST

START_TEST(quotes_names_that_need_it)
{
	const struct md_shape_item items[] = {
		CELL("a,b", MD_AS_ANY, 0),
		{ .key = "\"say \\\"hi\\\"\\u0041\":", .key_len = 19, .column = 1 },
		{ .key = "\"\":", .key_len = 3, .column = 1 },
	};
	const struct md_shape shape = SHAPE(items);
	const struct md_value rows[][FAKE_COLUMNS] = { { INT(1), INT(2) } };

	ck_assert_str_eq(write_rows(&shape, MD_FRAME_CSV, rows, 1),
			 "\"a,b\",\"say \"\"hi\"\"A\",\"\"\n1,2,2");
}
END_TEST

START_TEST(writes_a_line_feed_for_no_rows_of_csv)
{
	const struct md_shape_item items[] = { CELL("x", MD_AS_ANY, 0) };
	const struct md_shape shape = SHAPE(items);

	ck_assert_str_eq(write_rows(&shape, MD_FRAME_CSV, NULL, 0), "\n");
	ck_assert_str_eq(write_rows(&shape, MD_FRAME_LINES, NULL, 0), "");
}
END_TEST

START_TEST(writes_a_line_of_json_for_each_row)
{
	const struct md_shape_item items[] = { CELL("x", MD_AS_ANY, 0) };
	const struct md_shape shape = SHAPE(items), stripped = SHAPE(items, .strip_nulls = true);
	const struct md_value rows[][FAKE_COLUMNS] = { { TEXT("a\nb") }, { NULL_CELL } };

	ck_assert_str_eq(write_rows(&shape, MD_FRAME_LINES, rows, 2),
			 "{\"x\":\"a\\nb\"}\n{\"x\":null}\n");
	ck_assert_str_eq(write_rows(&stripped, MD_FRAME_LINES, rows, 2), "{\"x\":\"a\\nb\"}\n{}\n");
}
END_TEST

START_TEST(goes_on_after_waiting_and_a_full_buffer_and_another_cursor)
{
	for (size_t piece = 1; piece < sizeof(USERS_CSV) + 10; piece += 7) {
		char text[3 * sizeof(USERS_CSV)] = "", twice[3 * sizeof(USERS_CSV)];
		struct fake_db db = FAKE_DB(user_tables);
		enum md_sink result;
		struct run run;

		db.wait = true;
		start(&run, &user_shape, MD_FRAME_CSV, piece);
		for (unsigned i = 0; i < 2; i++) {
			struct md_rows *rows = fake_root(&db);

			while ((result = md_text_sink_feed(run.sink, rows, &run.out, &run.err)) !=
			       MD_SINK_DONE) {
				ck_assert_int_ne(result, MD_SINK_FAIL);
				strncat(text, run.out.len > 0 ? run.out.data : "", run.out.len);
				md_buf_clear(&run.out);
			}
		}
		md_text_sink_finish(run.sink, &run.out);
		strncat(text, run.out.len > 0 ? run.out.data : "", run.out.len);
		snprintf(twice, sizeof(twice), "%s%s", USERS_CSV, strchr(USERS_CSV, '\n'));
		ck_assert_str_eq(text, twice);
		ck_assert_uint_eq(md_text_sink_rows(run.sink), 6);
		finish(&run);
	}
}
END_TEST

START_TEST(fails_with_the_error_of_any_step)
{
	const struct md_shape_item items[] = {
		CELL("id", MD_AS_ANY, 0),
		{ .nest = MD_NEST_ROW, .child = &profile_shape, .call = &profile_call },
		{ KEY("tags"), .nest = MD_NEST_ARRAY, .child = &tag_shape, .call = &tags_call },
	};
	const struct md_shape shape = SHAPE(items);
	enum md_sink result = MD_SINK_FAIL;

	for (int step = 0; result != MD_SINK_DONE; step++) {
		struct fake_db db = FAKE_DB(user_tables);
		struct run run;

		start(&run, &shape, MD_FRAME_CSV, SIZE_MAX);
		db.fail_step = step;
		db.fail_open = step > 0 ? FAKE_NEVER : 0;
		result = md_text_sink_feed(run.sink, fake_root(&db), &run.out, &run.err);
		ck_assert_int_eq(db.still_open, 1);
		finish(&run);
		if (result == MD_SINK_DONE) {
			ck_assert_int_ge(step, 12);
			break;
		}
		ck_assert_int_eq(result, MD_SINK_FAIL);
		ck_assert_int_eq(run.err.code, MD_UNAVAILABLE);
	}
}
END_TEST

START_TEST(needs_no_more_room_than_the_answer)
{
	enum md_sink result = MD_SINK_FAIL;

	for (size_t max = 0; result != MD_SINK_DONE; max++) {
		struct fake_db db = FAKE_DB(user_tables);
		struct run run;

		start(&run, &user_shape, MD_FRAME_CSV, SIZE_MAX);
		md_buf_init(&run.out, max);
		result = md_text_sink_feed(run.sink, fake_root(&db), &run.out, &run.err);
		ck_assert_int_eq(db.still_open, 1);
		if (result == MD_SINK_DONE) {
			ck_assert_uint_eq(run.out.len, sizeof(USERS_CSV) - 1);
			ck_assert_int_eq(memcmp(run.out.data, USERS_CSV, run.out.len), 0);
		} else {
			ck_assert_int_eq(result, MD_SINK_FAIL);
			ck_assert_int_eq(run.err.code, MD_TOO_LARGE);
			ck_assert_uint_lt(max, sizeof(USERS_CSV) + 64);
		}
		finish(&run);
	}
}
END_TEST

START_TEST(is_made_in_any_arena_that_is_large_enough)
{
	const struct md_text_sink_options options = { .piece = SIZE_MAX, .frame = MD_FRAME_CSV };
	unsigned failures = 0;

	for (size_t limit = 0;; limit += 16, failures++) {
		md_auto_arena arena = md_arena_new(limit);

		ck_assert_ptr_nonnull(arena);
		if (md_text_sink_new(arena, &user_shape, &options))
			break;
	}
	ck_assert_uint_gt(failures, 5);
}
END_TEST

SUITE_MAIN("sink_csv", writes_cells_as_postgresql_writes_a_row,
	   writes_embedded_rows_as_json_in_a_cell, writes_spread_rows_as_cells_of_their_own,
	   quotes_names_that_need_it, writes_a_line_feed_for_no_rows_of_csv,
	   writes_a_line_of_json_for_each_row,
	   goes_on_after_waiting_and_a_full_buffer_and_another_cursor,
	   fails_with_the_error_of_any_step, needs_no_more_room_than_the_answer,
	   is_made_in_any_arena_that_is_large_enough)
