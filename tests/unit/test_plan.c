#include "tests/unit/plan_rig.h"

static struct md_snapshot *snapshot_of(const char *models)
{
	const struct md_definitions *definitions = rig_load(models);
	struct md_snapshot *snapshot = NULL;

	if (md_snapshot_of(definitions, &snapshot, &rig_err) != MD_OK)
		ck_abort_msg("%s", rig_err.message);
	return snapshot;
}

/* What makes `to` of `from`, with operations by hand put in between by the test. */
static json_t *difference(const char *from, const char *to)
{
	struct md_snapshot *before = snapshot_of(from), *after = snapshot_of(to);
	const struct md_rename_question *questions;
	struct md_diff_options options = { .no_renames = true };
	json_t *operations = NULL;
	unsigned count;

	if (md_change_diff(before, after, &options, rig_arena, &operations, &questions, &count,
			   &rig_err) != MD_OK)
		ck_abort_msg("%s", rig_err.message);
	md_snapshot_free(before);
	md_snapshot_free(after);
	return operations;
}

static enum md_code make(const char *from, const json_t *operations, bool asks)
{
	struct md_db_schema *schema = asks ? rig_schema() : NULL;
	struct md_snapshot *before = snapshot_of(from);
	struct md_plan_request request = { .dialect = &md_sqlite_ddl,
					   .before = before,
					   .operations = operations,
					   .revision = RIG_REVISION,
					   .live = schema };
	enum md_code code;

	memset(&rig_plan, 0, sizeof(rig_plan));
	md_error_clear(&rig_err);
	code = md_plan_make(&request, rig_arena, &rig_plan, &rig_err);
	md_snapshot_free(before);
	md_db_schema_close(schema);
	return code;
}

static void must_make(const char *from, const json_t *operations, bool asks)
{
	if (make(from, operations, asks) != MD_OK)
		ck_abort_msg("%s\n%s", rig_err.message, rig_err.details);
}

static void run(void)
{
	struct md_db_schema *schema = rig_schema();

	rig_run(schema);
	md_db_schema_close(schema);
}

static const char one[] = "\"A\":{\"fields\":{\"x\":\"integer\",\"t\":\"text?\"}}";
static const char two[] = "\"A\":{\"fields\":{\"x\":\"bigint\",\"t\":\"text\",\"n\":\"integer?\"}}";

START_TEST(a_revision_goes_in_stretches_around_what_is_by_hand)
{
	json_t *operations;

	rig_begin();
	operations = difference(one, two);
	rig_create(one);
	rig_sql("INSERT INTO a (x, t) VALUES (1, NULL), (2, 'two')");
	/* Nulls go by hand before the column must not have them. */
	json_array_insert_new(operations, 0,
			      json_pack("{s:s,s:{s:[s,s],s:s}}", "op", "sql", "up", "sqlite",
					"CREATE TABLE made (n INTEGER)",
					"INSERT INTO made SELECT count(*) FROM a", "postgresql",
					"SELECT nonsense"));
	json_array_insert_new(operations, 1,
			      json_pack("{s:s,s:s,s:s,s:s}", "op", "backfill", "model", "A",
					"field", "t", "value", "it's"));
	json_array_append_new(operations,
			      json_pack("{s:s,s:s,s:s,s:{s:s}}", "op", "backfill", "model", "A",
					"field", "n", "value", "sql", "x + 1"));
	must_make(one, operations, true);
	ck_assert_uint_eq(rig_plan.check_count, 0);
	ck_assert_uint_eq(rig_plan.steps[0].sql_count, 2);
	ck_assert(!rig_plan.steps[0].reversible);
	ck_assert_uint_eq(rig_plan.steps[rig_plan.step_count - 1].operation,
			  json_array_size(operations) - 1);
	run();
	ck_assert_str_eq(rig_ask("SELECT x, t, n FROM a ORDER BY x"), "1|it's|2\n2|two|3\n");
	ck_assert_str_eq(rig_ask("SELECT n FROM made"), "2\n");
	json_decref(operations);
	rig_end();
}
END_TEST

START_TEST(a_value_by_hand_must_fit_its_field)
{
	json_t *operations = json_pack("[{s:s,s:s,s:s,s:s}]", "op", "backfill", "model", "A",
				       "field", "x", "value", "no number");

	rig_begin();
	rig_create(one);
	ck_assert_int_eq(make(one, operations, true), MD_INVALID);
	json_object_set_new(json_array_get(operations, 0), "field", json_string("none"));
	ck_assert_int_eq(make(one, operations, true), MD_INVALID);
	json_decref(operations);
	rig_end();
}
END_TEST

START_TEST(without_a_database_the_plan_is_for_the_snapshot)
{
	json_t *operations;

	rig_begin();
	operations = difference(one, two);
	must_make(one, operations, false);
	ck_assert_uint_eq(rig_plan.note_count, 1);
	ck_assert_uint_eq(rig_rewrites(), 1);
	ck_assert(rig_plan.steps[0].rows < 0);
	rig_create(one);
	run();
	ck_assert_str_eq(rig_ask("SELECT name FROM pragma_table_info('a')"), "id\nx\nt\nn\n");
	json_decref(operations);
	rig_end();
}
END_TEST

START_TEST(tables_are_made_in_an_empty_database)
{
	json_t *operations;

	rig_begin();
	operations = difference("", two);
	rig_sql("CREATE TABLE theirs (n)");
	must_make("", operations, true);
	run();
	ck_assert_str_eq(rig_ask("SELECT name, kind, model FROM _modeld_objects"), "a|table|A\n");
	ck_assert_str_eq(rig_ask("SELECT sql FROM sqlite_schema WHERE tbl_name = 'a'"),
			 rig_fresh_text(two, "a"));
	json_decref(operations);
	rig_end();
}
END_TEST

START_TEST(a_table_that_is_there_is_taken_over_or_refused)
{
	json_t *operations, *others;

	rig_begin();
	operations = difference("", one);
	others = difference("", two);
	rig_sql("CREATE TABLE a (id INTEGER NOT NULL CONSTRAINT a_pkey PRIMARY KEY AUTOINCREMENT, "
		"x "
		"INTEGER NOT NULL CONSTRAINT a_x_check CHECK (x BETWEEN -2147483648 AND "
		"2147483647), t TEXT, more TEXT)");
	must_make("", operations, true);
	ck_assert_uint_eq(rig_plan.step_count, 0);
	ck_assert_uint_eq(rig_plan.note_count, 1);
	ck_assert_int_eq(make("", others, true), MD_CONFLICT);
	ck_assert_str_eq(rig_err.wire, "MD_DRIFT");
	ck_assert_ptr_nonnull(strstr(rig_err.details, "a.n: the column is missing"));
	ck_assert_ptr_nonnull(strstr(rig_err.details, "a.t: "));
	json_decref(operations);
	json_decref(others);
	rig_end();
}
END_TEST

START_TEST(a_table_that_was_taken_over_is_changed_with_what_it_has_besides)
{
	static const char from[] = "\"A\":{\"fields\":{\"x\":\"bigint\",\"t\":\"text?\"}}";
	static const char to[] = "\"A\":{\"fields\":{\"x\":\"bigint\",\"t\":\"text = 'none'\"}}";
	json_t *operations;

	rig_begin();
	operations = difference(from, to);
	rig_sql("CREATE TABLE b (id INTEGER PRIMARY KEY);"
		"CREATE TABLE a (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, x BIGINT NOT NULL, "
		"t "
		"VARCHAR, more VARCHAR(20) DEFAULT 'm', b INTEGER, u INTEGER, -- a comment, too\n"
		"UNIQUE (u), CHECK (u > 0), FOREIGN KEY (b) REFERENCES b (id) -- the end\n);"
		"INSERT INTO b VALUES (1); INSERT INTO a (x, t, more, b, u) VALUES (1, NULL, 'n', "
		"1, "
		"4)");
	must_make(from, operations, true);
	run();
	ck_assert_str_eq(rig_ask("SELECT * FROM a"), "1|1|none|n|1|4\n");
	ck_assert_str_eq(rig_ask("SELECT \"table\" FROM pragma_foreign_key_list('a')"), "b\n");
	ck_assert_str_eq(rig_ask("SELECT count(*) FROM pragma_index_list('a') WHERE \"unique\""),
			 "1\n");
	rig_sql("INSERT INTO a (x) VALUES (2)");
	ck_assert_str_eq(rig_ask("SELECT more FROM a WHERE x = 2"), "m\n");
	ck_assert_ptr_nonnull(
		strstr(rig_ask("SELECT sql FROM sqlite_schema WHERE name = 'a'"), "CHECK (u > 0)"));
	json_decref(operations);
	rig_end();
}
END_TEST

SUITE_MAIN("plan", a_revision_goes_in_stretches_around_what_is_by_hand,
	   a_value_by_hand_must_fit_its_field, without_a_database_the_plan_is_for_the_snapshot,
	   tables_are_made_in_an_empty_database, a_table_that_is_there_is_taken_over_or_refused,
	   a_table_that_was_taken_over_is_changed_with_what_it_has_besides)
