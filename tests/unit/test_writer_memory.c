/* The writer when memory runs out: at every allocation of ours and of SQLite's. */
#include <stdio.h>

#include "tests/support/fault.h"
#include "tests/support/suite.h"
#include "tests/support/vfs_shim.h"
#include "tests/support/writer_rig.h"

static const char schema[] = "PRAGMA journal_mode = WAL;"
			     "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE);"
			     "INSERT INTO item VALUES (0, 'taken')";

enum { UNITS = 4, TAKEN = 2 };

static sqlite3_mem_methods real;

static void *malloc_or_fail(int size)
{
	return fault_tick_soft() ? NULL : real.xMalloc(size);
}

static void *realloc_or_fail(void *block, int size)
{
	return fault_tick_soft() ? NULL : real.xRealloc(block, size);
}

/* SQLite is a shared library, which the linker's --wrap does not reach. */
static void tap_sqlite(void)
{
	sqlite3_mem_methods methods;

	MUST(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) == SQLITE_OK);
	methods = real;
	methods.xMalloc = malloc_or_fail;
	methods.xRealloc = realloc_or_fail;
	MUST(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK);
}

static void start_units(struct rig *rig, struct job *jobs, unsigned count)
{
	static struct md_stmt put = { .sql = "INSERT INTO item VALUES (?1, ?2) RETURNING name" };
	static struct md_value args[UNITS + 1][2];

	if (put.id == 0)
		put.id = md_stmt_next_id();
	for (unsigned i = 0; i < count; i++) {
		job_init(&jobs[i]);
		args[i][0] = md_value_int(i + 1);
		args[i][1] = i == TAKEN ? md_value_text(MD_STR("taken")) : md_value_int(i);
		script_add(&jobs[i].s, put.id, put.sql, args[i], 2);
		rig_start(rig, &jobs[i]);
	}
}

static void judge(struct job *jobs, unsigned count, long n)
{
	char sql[64];

	for (unsigned i = 0; i < count; i++) {
		const struct script *s = &jobs[i].s;

		snprintf(sql, sizeof(sql), "SELECT count(*) FROM item WHERE id = %u", i + 1);
		ck_assert_msg(s->done == 1, "allocation %ld, unit %u: done %u times", n, i,
			      s->done);
		ck_assert_msg(strcmp(rig_ask(sql), s->code == MD_OK ? "1" : "0") == 0,
			      "allocation %ld, unit %u: code %d, %s rows", n, i, (int)s->code,
			      rig_ask(sql));
		ck_assert_msg(s->code == s->unit.error.code || s->code == MD_OK,
			      "allocation %ld, unit %u: code %d, error %d", n, i, (int)s->code,
			      (int)s->unit.error.code);
		ck_assert_msg(s->code == MD_OK || i == TAKEN || s->code == MD_NOMEM ||
				      s->code == MD_UNAVAILABLE,
			      "allocation %ld, unit %u: %s %s", n, i, s->unit.error.wire,
			      s->unit.error.message);
		MUST(i != TAKEN || s->code != MD_OK);
	}
}

/* Warm: the connection stands and knows its statements. False: fewer allocations than `n`. */
static bool fail_at(long n, bool warm)
{
	static struct job jobs[UNITS];
	struct rig rig;
	bool fired;

	rig_admin("DELETE FROM item WHERE id > 0");
	rig_open(&rig);
	if (warm) {
		start_units(&rig, jobs, 1);
		rig_wait(&rig);
		MUST(jobs[0].s.code == MD_OK);
		rig_admin("DELETE FROM item WHERE id > 0");
	}
	fault_arm(n);
	start_units(&rig, jobs, UNITS);
	rig_wait(&rig);
	fired = fault_fired();
	fault_disarm();
	judge(jobs, UNITS, n);
	if (!fired) {
		for (unsigned i = 0; i < UNITS; i++)
			MUST(jobs[i].s.code == (i == TAKEN ? MD_CONFLICT : MD_OK));
	}
	rig_admin("DELETE FROM item WHERE id > 0");
	start_units(&rig, jobs, 1);
	rig_wait(&rig);
	EXPECT(&jobs[0], MD_OK, ""); /* the next one works */
	rig_close(&rig);
	ck_assert_str_eq(rig_ask("PRAGMA integrity_check"), "ok");
	return fired;
}

/* Opening a connection allocates most; there, one in seven must do. */
START_TEST(a_write_survives_every_allocation_that_fails)
{
	bool warm = _i == 0;
	long n = 0, step = warm ? 1 : 7;

	tap_sqlite();
	shim_install();
	shim_real_sync(false);
	rig_make_folder();
	rig_admin(schema);
	while (fail_at(n, warm)) {
		n += step;
		ck_assert_msg(n < 20000, "no end");
	}
	ck_assert_int_gt(n, 10);
	printf("%s: every %ld. of %ld allocations failed once\n", warm ? "warm" : "cold", step, n);
	rig_remove_folder();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("writer and memory");
	TCase *tcase = tcase_create("writer and memory");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, a_write_survives_every_allocation_that_fails, 0, 2);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
