/* From one file made of a seed to another and back: the schema is what the definitions say each
 * time, and what was there before is there again. */
#include "tests/unit/ddl_random.h"
#include "tests/unit/plan_rig.h"

enum { SEEDS = 260 };

static const struct md_definitions *load_random(uint32_t seed)
{
	md_auto_buf text = MD_BUF(1 << 20);
	const struct md_definitions *definitions = NULL;
	struct md_def_report report = { .items = NULL };
	struct md_def_source source = { .name = "random.json" };

	random_definitions(&text, seed);
	source.text = md_buf_str(&text);
	if (md_definitions_load(&source, 1, NULL, MD_ENGINE_SQLITE, &report, &definitions,
				&rig_err) != MD_OK)
		ck_abort_msg("seed %u: %s", seed, report.items[0].message);
	md_def_report_release(&report);
	return definitions;
}

static const char *quoted(const char *name)
{
	md_auto_buf out = MD_BUF(4096);

	md_ddl_put_name(&md_sqlite_ddl, &out, name);
	return md_arena_strndup(rig_arena, out.data, out.len);
}

/* Rows as far as the rules let them in; what they do not let in is left out. */
static void fill(const struct md_definitions *definitions)
{
	sqlite3 *db = rig_open(rig_path);

	for (unsigned i = 0; i < definitions->model_count; i++) {
		const char *table = quoted(definitions->models[i].table);

		for (unsigned n = 1; n <= 3; n++)
			sqlite3_exec(db,
				     md_arena_printf(rig_arena,
						     "INSERT INTO %s (a, b, u) VALUES (%u, 'b%u', "
						     "%u)",
						     table, n, n, n),
				     NULL, NULL, NULL);
		for (unsigned r = 0; r < 3; r++)
			sqlite3_exec(db,
				     md_arena_printf(rig_arena, "UPDATE OR IGNORE %s SET r%u = u",
						     table, r),
				     NULL, NULL, NULL);
	}
	sqlite3_close(db);
}

/* No reference may point to what was left out. */
static void mend(const struct md_definitions *definitions)
{
	sqlite3 *db = rig_open(rig_path);

	for (unsigned i = 0; i < definitions->model_count; i++)
		for (unsigned k = 0; k < definitions->models[i].foreign_key_count; k++) {
			const struct md_def_foreign_key *key =
				&definitions->models[i].foreign_keys[k];
			const char *column = quoted(md_def_column(key->fields[0]));

			sqlite3_exec(db,
				     md_arena_printf(rig_arena,
						     "UPDATE %s SET %s = NULL WHERE %s NOT IN "
						     "(SELECT u FROM %s)",
						     quoted(definitions->models[i].table), column,
						     column, quoted(key->to->table)),
				     NULL, NULL, NULL);
		}
	sqlite3_close(db);
}

/* One line for each value of each row. */
static const char *dump(const struct md_definitions *definitions)
{
	md_auto_buf out = MD_BUF(4 << 20);

	for (unsigned i = 0; i < definitions->model_count; i++) {
		const struct md_def_model *model = &definitions->models[i];

		for (unsigned k = 0; k < model->field_count; k++)
			if (!model->fields[k].is_generated)
				md_buf_printf(
					&out, "%s.%s\n%s", model->table,
					md_def_column(&model->fields[k]),
					rig_ask(md_arena_printf(
						rig_arena, "SELECT quote(%s) FROM %s ORDER BY u",
						quoted(md_def_column(&model->fields[k])),
						quoted(model->table))));
	}
	return md_arena_strndup(rig_arena, out.data ? out.data : "", out.len);
}

/* The same, but for what was null and was given a value. */
static bool is_same_data(const char *before, const char *after)
{
	while (*before != '\0' && *after != '\0') {
		size_t one = strcspn(before, "\n"), other = strcspn(after, "\n");

		if ((one != other || memcmp(before, after, one) != 0) &&
		    (one != 4 || memcmp(before, "NULL", 4) != 0))
			return false;
		before += one + 1;
		after += other + 1;
	}
	return *before == *after;
}

/* False: the change is one that is refused. */
static bool go(const struct md_definitions *from, const struct md_definitions *to, uint32_t seed)
{
	struct md_db_schema *schema = rig_schema();
	enum md_code code = rig_plan_between(schema, from, to, NULL);
	bool ok = code == MD_OK && *rig_checks(schema) == '\0';

	if (code != MD_OK && strcmp(rig_err.wire, "MD400") != 0)
		ck_abort_msg("seed %u: %s\n%s", seed, rig_err.message, rig_err.details);
	for (unsigned i = 0; ok && i < rig_plan.step_count; i++)
		ok = rig_plan.steps[i].risk != MD_RISK_LOSS;
	if (ok) {
		rig_run(schema);
		rig_compare(schema, to);
	}
	md_db_schema_close(schema);
	return ok;
}

START_TEST(there_and_back_again)
{
	unsigned there = 0, back = 0, values = 0;

	for (uint32_t seed = 0; seed < SEEDS; seed++) {
		const struct md_definitions *before, *after;
		const char *data;

		rig_begin();
		before = load_random(seed);
		after = load_random(seed + 1000);
		rig_create_in(rig_url, before);
		fill(before);
		mend(before);
		data = dump(before);
		if (go(before, after, seed)) {
			there++;
			if (go(after, before, seed)) {
				back++;
				values += strlen(data) > 0;
				ck_assert_msg(is_same_data(data, dump(before)),
					      "seed %u:\n%s\nis not\n%s", seed, data, dump(before));
			}
		}
		md_definitions_free(before);
		md_definitions_free(after);
		rig_end();
	}
	ck_assert_uint_gt(there, SEEDS / 8);
	ck_assert_uint_gt(back, SEEDS / 8);
	ck_assert_uint_gt(values, SEEDS / 16);
}
END_TEST

SUITE_MAIN("plan_sqlite_random", there_and_back_again)
