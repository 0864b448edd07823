#include "core/json/sink_json.h"

#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/unit/json_shapes.h"

enum { ENOUGH = 1 << 22, RUNS = 400 };

static struct md_value tag_args[1], profile_args[1];
static struct md_value *const args[] = { tag_args, profile_args };

static json_t *convert(const struct md_shape *shape, enum md_frame frame, struct fake_db *db)
{
	const struct md_text_sink_options options = { .frame = frame, .child_args = args };
	md_auto_arena arena = md_arena_new(ENOUGH);
	struct md_error err;
	json_t *json = NULL;

	ck_assert_int_eq(md_json_sink(arena, shape, &options, fake_root(db), &json, &err), MD_OK);
	ck_assert_ptr_nonnull(json);
	return json;
}

static json_t *convert_cell(enum md_codec codec, struct md_value cell)
{
	const struct md_shape_item items[] = { CELL("x", codec, 0) };
	const struct md_shape shape = SHAPE(items);
	const struct md_value rows[][FAKE_COLUMNS] = { { cell } };
	const struct fake_table tables[] = { { NULL, rows, 1 } };
	struct fake_db db = FAKE_DB(tables);
	json_t *row = convert(&shape, MD_FRAME_OBJECT, &db);
	json_t *value = json_incref(json_object_get(row, "x"));

	json_decref(row);
	return value;
}

START_TEST(keeps_numbers_exactly_or_as_strings)
{
	static const struct {
		const char *text;
		json_type type;
	} cases[] = {
		{ "12", JSON_INTEGER },
		{ "9223372036854775807", JSON_INTEGER },
		{ "9223372036854775808", JSON_STRING },
		{ "23.45", JSON_REAL },
		{ "1.10", JSON_REAL },
		{ "-0.00", JSON_REAL },
		{ "1e3", JSON_REAL },
		{ "1e999", JSON_STRING },
		{ "12345678901234567.89", JSON_STRING },
		{ "0.1000000000000000055511151231257827", JSON_STRING },
		{ "100000000000000000000", JSON_REAL },
		{ "NaN", JSON_STRING },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *json =
			convert_cell(MD_AS_NUMBER_TEXT, md_value_text(md_str_of(cases[i].text)));

		ck_assert_msg(json_typeof(json) == cases[i].type, "%s", cases[i].text);
		if (json_is_string(json))
			ck_assert_str_eq(json_string_value(json), cases[i].text);
		json_decref(json);
	}
}
END_TEST

START_TEST(converts_reals_and_what_only_text_can_say)
{
	static const struct {
		enum md_codec codec;
		struct md_value cell;
		const char *json;
	} cases[] = {
		{ MD_AS_ANY, REAL(2), "2.0" },
		{ MD_AS_ANY, REAL(1e300 * 1e300), "\"Infinity\"" },
		{ MD_AS_TEXT, REAL(2), "\"2\"" },
		{ MD_AS_TEXT, INT(-7), "\"-7\"" },
		{ MD_AS_ANY, BLOB("\x01\xab"), "\"\\\\x01ab\"" },
		{ MD_AS_ANY, TEXT("\xff"), "\"\uFFFD\"" },
		{ MD_AS_TIMESTAMP, TEXT("2024-01-02 03:04:05+00"),
		  "\"2024-01-02T03:04:05+00:00\"" },
		{ MD_AS_JSON, TEXT("[1,2.5]"), "[1, 2.5]" },
		{ MD_AS_JSON, TEXT("[1e999]"), "\"[1e999]\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *json = convert_cell(cases[i].codec, cases[i].cell);
		char *text = json_dumps(json, JSON_ENCODE_ANY);

		ck_assert_str_eq(text, cases[i].json);
		free(text);
		json_decref(json);
	}
}
END_TEST

START_TEST(makes_the_same_tree_as_the_text)
{
	struct fake_db db = FAKE_DB(user_tables);
	json_t *tree = convert(&user_shape, MD_FRAME_ARRAY, &db);
	json_t *text = json_loads(USERS_JSON, 0, NULL);

	ck_assert(json_equal(tree, text));
	ck_assert_int_eq(db.still_open, 1);
	json_decref(tree);
	json_decref(text);
}
END_TEST

START_TEST(frames_no_rows)
{
	const struct fake_table none[] = { { NULL, user_rows, 0 } };
	struct fake_db db = FAKE_DB(none);
	json_t *json = convert(&user_shape, MD_FRAME_ARRAY, &db);

	ck_assert_uint_eq(json_array_size(json), 0);
	json_decref(json);
	json = convert(&user_shape, MD_FRAME_OBJECT, &db);
	ck_assert(json_is_null(json));
	json_decref(json);
}
END_TEST

START_TEST(fails_with_the_error_of_any_step_and_leaks_nothing)
{
	const struct md_text_sink_options options = { .child_args = args };
	struct md_error err;

	for (int step = 0;; step++) {
		struct fake_db db = FAKE_DB(user_tables);
		json_t *json = NULL;

		db.fail_step = step;
		if (md_json_sink(NULL, &user_shape, &options, fake_root(&db), &json, &err) ==
		    MD_OK) {
			json_decref(json);
			break;
		}
		ck_assert_int_eq(err.code, MD_UNAVAILABLE);
		ck_assert_ptr_null(json);
		ck_assert_int_eq(db.still_open, 1);
		ck_assert_int_lt(step, 20);
	}
}
END_TEST

static int mallocs_left;

static void *counted_malloc(size_t size)
{
	return mallocs_left-- > 0 ? malloc(size) : NULL;
}

START_TEST(survives_a_failing_malloc_at_every_call)
{
	const struct md_text_sink_options options = { .child_args = args };
	int runs = 0;

	json_object_seed(1);
	json_set_alloc_funcs(counted_malloc, free);
	for (;; runs++) {
		struct fake_db db = FAKE_DB(user_tables);
		struct md_error err = { .code = MD_OK };
		json_t *json = NULL;
		enum md_code code;

		mallocs_left = runs;
		code = md_json_sink(NULL, &user_shape, &options, fake_root(&db), &json, &err);
		if (code == MD_OK) {
			json_decref(json);
			break;
		}
		ck_assert_int_eq(code, MD_NOMEM);
		ck_assert_int_eq(err.code, MD_NOMEM);
		ck_assert_ptr_null(json);
		ck_assert_int_eq(db.still_open, 1);
		ck_assert_int_lt(runs, 1000);
	}
	ck_assert_int_gt(runs, 10);
}
END_TEST

START_TEST(refuses_to_wait)
{
	const struct md_text_sink_options options = { .child_args = args };
	struct fake_db db = FAKE_DB(user_tables);
	struct md_error err;
	json_t *json = NULL;

	db.wait = true;
	ck_assert_int_eq(md_json_sink(NULL, &user_shape, &options, fake_root(&db), &json, &err),
			 MD_INTERNAL);
	ck_assert_ptr_null(json);
}
END_TEST

/* ---- both sinks say the same about random shapes and rows ---- */

static uint64_t seed = 0x2545f4914f6cdd1du;

static unsigned pick(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 20) % below;
}

enum { POOL_SHAPES = 64, POOL_ITEMS = 6, POOL_TABLES = 24, POOL_ROWS = 4 };

/* Everything one run is made of. */
struct world {
	struct md_shape shapes[POOL_SHAPES];
	struct md_shape_item items[POOL_SHAPES][POOL_ITEMS];
	char keys[POOL_SHAPES][POOL_ITEMS][24];
	struct md_shape_cycle cycles[POOL_SHAPES];
	struct md_shape_call calls[POOL_TABLES];
	struct md_stmt stmts[POOL_TABLES];
	struct fake_table tables[POOL_TABLES];
	struct md_value rows[POOL_TABLES][POOL_ROWS][FAKE_COLUMNS];
	struct md_value args[POOL_TABLES][1];
	struct md_value *slots[POOL_TABLES];
	unsigned shape_count, table_count;
};

/* Column 0 links children to parents, columns 1 and 2 hold what is well-formed JSON if it is text,
 * the others anything. */
static struct md_value random_cell(unsigned column)
{
	static const char *const json[] = { "[1,2]", "{\"a\":null}", "null", "\"x\"", "1.5" };
	static const char *const text[] = { "",
					    "plain",
					    "say \"x\"\n",
					    "t",
					    "f",
					    "\xff",
					    "\xe2\x82",
					    "23.45",
					    "1e3",
					    "NaN",
					    "null",
					    "[1,",
					    "grüße",
					    "007",
					    "9007199254740993",
					    "2024-01-02 03:04:05+00" };
	static const struct md_value blob = BLOB("\x01\x02");
	static const double reals[] = { 0, -1.5, 23.45, 0.1 + 0.2, 1e20, 1e-7, 2 };

	if (column == 0)
		return md_value_int(pick(2));
	if (column <= 2 && pick(3) > 0)
		return md_value_text(md_str_of(json[pick(5)]));
	switch (pick(5)) {
	case 0:
		return md_value_null();
	case 1:
		return md_value_int((int64_t)pick(1000) - 2);
	case 2:
		return md_value_real(reals[pick(7)]);
	case 3:
		return column > 2 ? blob : md_value_null();
	default:
		return column > 2 ? md_value_text(md_str_of(text[pick(16)])) : md_value_null();
	}
}

static const struct md_shape_call *random_table(struct world *world)
{
	unsigned n = world->table_count++;

	for (unsigned row = 0; row < POOL_ROWS; row++)
		for (unsigned column = 0; column < FAKE_COLUMNS; column++)
			world->rows[n][row][column] = random_cell(column);
	world->stmts[n] = (struct md_stmt){ .id = n + 1, .params = 1 };
	world->tables[n] =
		(struct fake_table){ n > 0 ? &world->stmts[n] : NULL,
				     (const struct md_value(*)[FAKE_COLUMNS])world->rows[n],
				     pick(POOL_ROWS + 1) };
	world->slots[n] = world->args[n];
	world->calls[n] = (struct md_shape_call){ &world->stmts[n], n, by_id, 1 };
	return &world->calls[n];
}

static const struct md_shape *random_shape(struct world *world, unsigned depth);

static void random_item(struct world *world, struct md_shape_item *item, char *key, unsigned depth)
{
	static const char *const forms[] = { "k", "a \\\"long\\\" key ", "ä" };
	bool full = world->shape_count >= POOL_SHAPES - 2 || world->table_count >= POOL_TABLES - 1;
	static unsigned serial;

	item->nest = depth == 0 || full ? MD_NEST_CELL : (enum md_nest)pick(5);
	item->codec = (enum md_codec)pick(MD_AS_TIMESTAMP + 1);
	item->column = item->codec == MD_AS_JSON_CHECKED || item->codec == MD_AS_JSON_MADE
			       ? 1 + pick(2)
			       : pick(FAKE_COLUMNS);
	if (item->nest == MD_NEST_CELL || item->nest == MD_NEST_ARRAY ||
	    (item->nest != MD_NEST_COLUMNS && pick(3) > 0)) {
		snprintf(key, 24, "\"%s%u\":", forms[pick(3)], ++serial);
		item->key = key;
		item->key_len = (unsigned)strlen(key);
	}
	if (item->nest >= MD_NEST_ROW)
		item->call = random_table(world);
	if (item->nest != MD_NEST_CELL)
		item->child = random_shape(world, depth - 1);
}

static const struct md_shape *random_shape(struct world *world, unsigned depth)
{
	unsigned n = world->shape_count++, count = pick(POOL_ITEMS + 1);
	struct md_shape_item *items = world->items[n];
	struct md_shape *shape = &world->shapes[n];

	shape->items = items;
	shape->count = count;
	shape->strip_nulls = pick(3) == 0;
	for (unsigned i = 0; i < count; i++)
		random_item(world, &items[i], world->keys[n][i], depth);
	if (count > 0 && items[0].key && items[0].nest == MD_NEST_CELL && pick(2) == 0) {
		items[0].column = 0;
		items[0].codec = MD_AS_ANY;
		world->cycles[n] = (struct md_shape_cycle){ world, 1 };
		shape->cycle = &world->cycles[n];
	}
	return shape;
}

/* Equal but for the kind of number; members in the same order. */
static bool is_same(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;
	void *other;
	size_t i;

	if (json_is_number(a) && json_is_number(b))
		return !(json_number_value(a) < json_number_value(b)) &&
		       !(json_number_value(a) > json_number_value(b));
	if (json_typeof(a) != json_typeof(b))
		return false;
	if (json_is_array(a)) {
		json_array_foreach(a, i,
				   value) if (!is_same(value, json_array_get(b, i))) return false;
		return json_array_size(a) == json_array_size(b);
	}
	if (!json_is_object(a))
		return json_equal(a, b);
	other = json_object_iter((json_t *)(uintptr_t)b);
	json_object_foreach((json_t *)(uintptr_t)a, key, value)
	{
		if (!other || strcmp(key, json_object_iter_key(other)) != 0 ||
		    !is_same(value, json_object_iter_value(other)))
			return false;
		other = json_object_iter_next((json_t *)(uintptr_t)b, other);
	}
	return !other;
}

static void compare_sinks(struct world *world, enum md_frame frame)
{
	const struct md_shape *shape = random_shape(world, 3);
	struct fake_db db = { .tables = world->tables,
			      .table_count = world->table_count,
			      .fail_step = FAKE_NEVER,
			      .fail_open = FAKE_NEVER };
	const struct md_text_sink_options options = { .frame = frame,
						      .piece = SIZE_MAX,
						      .child_args = world->slots };
	md_auto_arena arena = md_arena_new(ENOUGH);
	struct md_text_sink *sink = md_text_sink_new(arena, shape, &options);
	struct md_error err = { .code = MD_OK };
	json_t *parsed, *tree = NULL;
	md_auto_buf out;

	md_buf_init(&out, ENOUGH);
	ck_assert_int_eq(md_text_sink_feed(sink, fake_root(&db), &out, &err), MD_SINK_DONE);
	if (frame == MD_FRAME_OBJECT && md_text_sink_rows(sink) == 0)
		md_buf_puts(&out, "null");
	parsed = json_loadb(out.data, out.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(parsed != NULL, "%s", md_buf_text(&out));
	ck_assert_int_eq(md_json_sink(arena, shape, &options, fake_root(&db), &tree, &err), MD_OK);
	ck_assert_msg(is_same(parsed, tree), "%s\n%s", md_buf_text(&out),
		      json_dumps(tree, JSON_ENCODE_ANY));
	json_decref(parsed);
	json_decref(tree);
}

START_TEST(agrees_with_the_text_sink_on_random_shapes)
{
	for (int run = 0; run < RUNS; run++) {
		struct world *world = calloc(1, sizeof(*world));

		random_table(world);
		compare_sinks(world, run % 4 == 0 ? MD_FRAME_OBJECT : MD_FRAME_ARRAY);
		free(world);
	}
}
END_TEST

SUITE_MAIN("sink_json", keeps_numbers_exactly_or_as_strings,
	   converts_reals_and_what_only_text_can_say, makes_the_same_tree_as_the_text,
	   frames_no_rows, fails_with_the_error_of_any_step_and_leaks_nothing,
	   survives_a_failing_malloc_at_every_call, refuses_to_wait,
	   agrees_with_the_text_sink_on_random_shapes)
