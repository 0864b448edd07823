/* Allocations of a plan fail one at a time: no crash, no leak, MD_NOMEM or the same plan as ever,
 * and nothing in the database has changed. */
#include "tests/support/fault.h"
#include "tests/unit/plan_rig.h"

static const char from[] = "\"User\":{\"fields\":{\"name\":\"string(20)?\",\"bio\":\"text\","
			   "\"old\":\"integer index\"}},"
			   "\"Post\":{\"fields\":{\"title\":\"string(50)\",\"author_id\":\"-> User "
			   "on delete cascade\"}},"
			   "\"Gone\":{\"fields\":{\"user_id\":\"-> User\"}}";
static const char to[] =
	"\"User\":{\"fields\":{\"name\":\"string(10) unique = 'x'\",\"old\":\"text\","
	"\"age\":{\"type\":\"integer\",\"backfill\":{\"sql\":\"old + 1\"}}}},"
	"\"Post\":{\"fields\":{\"title\":\"string(50)\",\"more\":\"text?\","
	"\"author_id\":\"-> User on delete restrict\"}},"
	"\"Fresh\":{\"fields\":{\"n\":\"integer unique\"}}";

/* How a plan was: its texts in one. */
static const char *plan_text(void)
{
	md_auto_buf out = MD_BUF(4 << 20);

	for (unsigned i = 0; i < rig_plan.step_count; i++)
		for (unsigned k = 0; k < rig_plan.steps[i].sql_count; k++)
			md_buf_printf(&out, "%s;\n", rig_plan.steps[i].sql[k]);
	for (unsigned i = 0; i < rig_plan.check_count; i++)
		md_buf_printf(&out, "%s;\n", rig_plan.checks[i].sql);
	for (unsigned i = 0; i < rig_plan.verify_count; i++)
		md_buf_printf(&out, "%s;\n", rig_plan.verify[i]);
	return md_arena_strndup(rig_arena, out.data, out.len);
}

static void check_same(long n, const char *usual, const char *text)
{
	size_t same = 0;

	while (usual[same] != '\0' && usual[same] == text[same])
		same++;
	ck_assert_msg(usual[same] == text[same], "call %ld: %.200s\nis not\n%.200s", n, text + same,
		      usual + same);
}

static json_t *difference(struct md_snapshot *before)
{
	const struct md_rename_question *questions;
	struct md_diff_options options = { .no_renames = true };
	const struct md_definitions *definitions = rig_load(to);
	struct md_snapshot *after = NULL;
	json_t *operations = NULL;
	unsigned count;

	options.definitions = definitions;
	ck_assert_int_eq(md_snapshot_of(definitions, &after, &rig_err), MD_OK);
	if (md_change_diff(before, after, &options, rig_arena, &operations, &questions, &count,
			   &rig_err) != MD_OK)
		ck_abort_msg("%s", rig_err.message);
	md_snapshot_free(after);
	json_array_append_new(operations,
			      json_pack("{s:s,s:s}", "op", "sql", "up", "UPDATE user SET age = 1"));
	json_array_append_new(operations, json_pack("{s:s,s:s,s:s,s:s}", "op", "backfill", "model",
						    "Post", "field", "more", "value", "m"));
	return operations;
}

START_TEST(an_allocation_that_fails_makes_no_other_plan)
{
	struct md_snapshot *before = NULL;
	struct md_db_schema *schema;
	const char *usual = NULL;
	json_t *operations;
	bool fired = true;

	rig_begin();
	rig_create(from);
	rig_sql("CREATE VIEW v AS SELECT name FROM user; CREATE INDEX mine ON user (name)");
	ck_assert_int_eq(md_snapshot_of(rig_load(from), &before, &rig_err), MD_OK);
	operations = difference(before);
	schema = rig_schema();
	for (long n = -1; fired; n += n < 1000 ? 1 : 17) {
		struct md_plan_request request = { .dialect = &md_sqlite_ddl,
						   .before = before,
						   .operations = operations,
						   .revision = RIG_REVISION,
						   .live = schema };
		struct md_arena *arena = md_arena_new(64 << 20);
		enum md_code code;

		if (n >= 0)
			fault_arm(n);
		code = md_plan_make(&request, arena, &rig_plan, &rig_err);
		fired = n < 0 || fault_fired();
		fault_disarm();
		ck_assert_msg(code == MD_OK || (n >= 0 && code == MD_NOMEM), "call %ld: %d %s %s",
			      n, code, rig_err.message, rig_err.details);
		if (code == MD_OK && !usual)
			usual = plan_text();
		else if (code == MD_OK)
			check_same(n, usual, plan_text());
		md_arena_free(arena);
	}
	ck_assert_str_eq(
		rig_ask("SELECT name FROM sqlite_schema WHERE name LIKE '\\_%' ESCAPE '\\' "
			"AND name <> '_modeld_objects'"),
		"");
	md_db_schema_close(schema);
	json_decref(operations);
	md_snapshot_free(before);
	rig_end();
}
END_TEST

SUITE_MAIN("plan_fault", an_allocation_that_fails_makes_no_other_plan)
