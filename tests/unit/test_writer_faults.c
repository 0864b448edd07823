/* The writer when the disk is full, when calls fail, and when the power goes. */
#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/support/vfs_shim.h"
#include "tests/support/writer_rig.h"

static const char schema[] = "CREATE TABLE item (id INTEGER PRIMARY KEY, batch INTEGER, filler);"
			     "CREATE INDEX item_batch ON item (batch);"
			     "INSERT INTO item VALUES (0, 0, NULL)";

/* A batch is three rows of one unit, written by two statements. Every fifth repeats key 0 at its
 * end and so is refused. */
enum { ROWS = 3, BATCHES = 12, NARROW = 900, WIDE = 250000 };

struct batch {
	struct job job; /* first */
	struct md_value args[ROWS];
};

static bool is_refused(unsigned number)
{
	return number % 5 == 4;
}

static struct md_stmt two = { .sql = "INSERT INTO item VALUES (?1, ?3, randomblob(900)),"
				     " (?2, ?3, randomblob(900))" },
		      one = { .sql = "INSERT INTO item VALUES (?1, ?3, randomblob(?2))"
				     " RETURNING id" };

static void batch_init(struct batch *batch, unsigned number, unsigned width)
{
	static struct md_value last[4096][ROWS];

	if (two.id == 0) {
		two.id = md_stmt_next_id();
		one.id = md_stmt_next_id();
	}
	job_init(&batch->job);
	batch->args[0] = md_value_int(number * 10 + 1);
	batch->args[1] = md_value_int(number * 10 + 2);
	batch->args[2] = md_value_int(number);
	last[number][0] = md_value_int(is_refused(number) ? 0 : number * 10 + 3);
	last[number][1] = md_value_int(width);
	last[number][2] = md_value_int(number);
	script_add(&batch->job.s, two.id, two.sql, batch->args, 3);
	script_add(&batch->job.s, one.id, one.sql, last[number], 3);
}

static unsigned rows_of(sqlite3 *db, unsigned number)
{
	sqlite3_stmt *stmt;
	unsigned rows;

	MUST(sqlite3_prepare_v2(db, "SELECT count(*) FROM item WHERE batch = ?1", -1, &stmt,
				NULL) == SQLITE_OK);
	sqlite3_bind_int(stmt, 1, (int)number);
	ck_assert_msg(sqlite3_step(stmt) == SQLITE_ROW, "%s", sqlite3_errmsg(db));
	rows = (unsigned)sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return rows;
}

/* What became of batches, compared with what their clients were told. */
struct outcome {
	unsigned acknowledged, refused, unknown; /* told */
	unsigned lost, ghosts, torn;             /* found */
	uint64_t reruns;
};

static void judge(sqlite3 *db, const struct batch *batches, unsigned count, unsigned first,
		  struct outcome *out)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned rows = rows_of(db, first + i);
		const struct script *s = &batches[i].job.s;
		bool refused = s->code == MD_CONFLICT;

		MUST(s->done == 1);
		out->acknowledged += s->code == MD_OK;
		out->refused += refused;
		out->unknown += s->code != MD_OK && !refused;
		out->lost += s->code == MD_OK && rows == 0;
		out->ghosts += refused && rows > 0;
		out->torn += rows != 0 && rows != ROWS;
		MUST(!refused || is_refused(first + i));
	}
}

static void check_whole(sqlite3 *db)
{
	sqlite3_stmt *stmt;

	MUST(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) == SQLITE_OK);
	MUST(sqlite3_step(stmt) == SQLITE_ROW);
	ck_assert_str_eq((const char *)sqlite3_column_text(stmt, 0), "ok");
	sqlite3_finalize(stmt);
}

static sqlite3 *open_raw(void)
{
	sqlite3 *db;

	MUST(sqlite3_open(rig_path, &db) == SQLITE_OK);
	return db;
}

static void start_wide(struct rig *rig, struct batch *batches, unsigned count, unsigned first,
		       unsigned width)
{
	for (unsigned i = 0; i < count; i++) {
		batch_init(&batches[i], first + i, width);
		rig_start(rig, &batches[i].job);
	}
}

static void start_batches(struct rig *rig, struct batch *batches, unsigned count, unsigned first)
{
	start_wide(rig, batches, count, first, NARROW);
}

static void make_database(const char *journal)
{
	char sql[64];

	rig_make_folder();
	snprintf(sql, sizeof(sql), "PRAGMA journal_mode = %s", journal);
	rig_admin(sql);
	rig_admin(schema);
}

/* The journal stays as it was made. */
static void open_durable(struct rig *rig, enum md_durability durability)
{
	struct md_db_options options = rig_options();

	options.durability = durability;
	options.keep_journal = true;
	rig_open_with(rig, &options);
}

/* --- calls that fail ------------------------------------------------------------------------- */

struct failing {
	const char *name, *journal;
	unsigned kinds;
	int rc;
	bool lasting;
	unsigned width, step;
};

static const struct failing failings[] = {
	{ "disk full", "WAL", SHIM_WRITE, SQLITE_FULL, true, NARROW, 1 },
	{ "disk full once", "WAL", SHIM_WRITE, SQLITE_FULL, false, NARROW, 1 },
	{ "disk full in a large group", "WAL", SHIM_WRITE, SQLITE_FULL, false, WIDE, 100 },
	{ "write error", "WAL", SHIM_WRITE, SQLITE_IOERR_WRITE, false, NARROW, 1 },
	{ "sync error", "WAL", SHIM_SYNC, SQLITE_IOERR_FSYNC, false, NARROW, 1 },
	{ "syncs fail", "WAL", SHIM_SYNC, SQLITE_IOERR_FSYNC, true, NARROW, 1 },
	{ "journal, disk full", "DELETE", SHIM_WRITE, SQLITE_FULL, true, NARROW, 1 },
	{ "journal, write error", "DELETE", SHIM_WRITE, SQLITE_IOERR_WRITE, false, NARROW, 1 },
	{ "journal, large group", "DELETE", SHIM_WRITE, SQLITE_FULL, false, WIDE, 150 },
	{ "journal, sync error", "DELETE", SHIM_SYNC, SQLITE_IOERR_FSYNC, false, NARROW, 1 },
	{ "journal, delete error", "DELETE", SHIM_DELETE, SQLITE_IOERR_DELETE, false, NARROW, 1 },
};

static void check_codes(const struct failing *failing, const struct batch *batches)
{
	for (unsigned i = 0; i < BATCHES; i++) {
		const struct script *s = &batches[i].job.s;

		if (s->code == MD_OK || s->code == MD_CONFLICT)
			continue;
		ck_assert_msg(s->code == MD_UNAVAILABLE || s->code == MD_UNCERTAIN, "%s: code %d",
			      failing->name, (int)s->code);
		ck_assert_str_eq(s->unit.error.wire,
				 failing->rc == SQLITE_FULL ? "53100" : "58030");
	}
}

/* False: the call never came, so this was the last one. */
static bool fail_at(const struct failing *failing, long call, unsigned first, struct outcome *out)
{
	static struct batch batches[BATCHES + 2];
	struct rig rig;
	sqlite3 *db;
	bool failed;

	open_durable(&rig, MD_DURABLE);
	start_batches(&rig, batches, 1, first); /* the connection stands */
	rig_wait(&rig);
	shim_fail(failing->kinds, call, failing->rc, failing->lasting);
	start_wide(&rig, batches + 1, BATCHES, first + 1, failing->width);
	rig_wait(&rig);
	failed = shim_heal();
	check_codes(failing, batches + 1);
	start_batches(&rig, batches + 1 + BATCHES, 1, first + BATCHES + 1);
	rig_wait(&rig);
	out->reruns += rig_stats(&rig).reruns;
	MUST(batches[0].job.s.code == MD_OK || is_refused(first));
	MUST(batches[BATCHES + 1].job.s.code == MD_OK || is_refused(first + BATCHES + 1));
	rig_close(&rig);
	db = open_raw();
	judge(db, batches, BATCHES + 2, first, out);
	check_whole(db);
	sqlite3_exec(db, "DELETE FROM item WHERE id > 0; PRAGMA wal_checkpoint(TRUNCATE)", NULL,
		     NULL, NULL);
	sqlite3_close(db);
	return failed;
}

START_TEST(a_disk_that_fails_at_any_call_loses_nothing)
{
	const struct failing *failing = &failings[_i];
	struct outcome out = { 0 };
	unsigned calls = 0;

	shim_install();
	shim_real_sync(false);
	make_database(failing->journal);
	while (calls < 200 && fail_at(failing, calls * failing->step, 1 + calls % 5, &out))
		calls++;
	printf("%s: %u calls failed, %u acknowledged, %u refused, %u failed\n", failing->name,
	       calls, out.acknowledged, out.refused, out.unknown);
	ck_assert_uint_gt(calls, 0);
	/* In WAL mode only a large group writes before its commit. */
	if (strcmp(failing->journal, "WAL") == 0)
		ck_assert_int_eq((out.reruns > 0), (failing->width == WIDE));
	ck_assert_uint_eq(out.lost, 0);
	ck_assert_uint_eq(out.ghosts, 0);
	ck_assert_uint_eq(out.torn, 0);
	rig_remove_folder();
}
END_TEST

/* --- power cuts ------------------------------------------------------------------------------ */

/* A sync fails, and then the process dies: whoever was told that nothing was written must be
 * right. */
START_TEST(a_commit_whose_sync_failed_is_not_called_undone)
{
	static struct batch batches[BATCHES];
	unsigned present = 0;
	struct rig rig;
	sqlite3 *db;

	shim_install();
	shim_real_sync(false);
	make_database("WAL");
	shim_track();
	open_durable(&rig, MD_DURABLE);
	start_batches(&rig, batches, 1, 1);
	rig_wait(&rig);
	MUST(batches[0].job.s.code == MD_OK);
	shim_fail(SHIM_SYNC, 0, SQLITE_IOERR_FSYNC, true);
	start_batches(&rig, batches, BATCHES, 2);
	rig_wait(&rig);
	shim_cut(0);
	rig_close(&rig);
	shim_heal();
	shim_power_on(SHIM_KEEP_ALL);
	db = open_raw();
	for (unsigned i = 0; i < BATCHES; i++) {
		unsigned rows = rows_of(db, 2 + i);

		present += rows;
		ck_assert_int_ne(batches[i].job.s.code, MD_OK);
		ck_assert_msg(rows == 0 || batches[i].job.s.code == MD_UNCERTAIN, "code %d",
			      (int)batches[i].job.s.code);
	}
	printf("%u rows of a commit whose sync failed\n", present);
	sqlite3_close(db);
	rig_remove_folder();
}
END_TEST

/* Start, write until the power goes at changing call `call`, and look at what is left. */
static void cut_at(long call, unsigned seed, enum md_durability durability, unsigned first,
		   struct outcome *out)
{
	static struct batch batches[2][BATCHES];
	struct rig rig;
	sqlite3 *db;

	open_durable(&rig, durability);
	shim_cut(call);
	for (unsigned i = 0; i < 2; i++) {
		start_batches(&rig, batches[i], BATCHES, first + i * BATCHES);
		rig_wait(&rig);
	}
	shim_cut(0); /* now at the latest */
	rig_close(&rig);
	shim_power_on(seed);
	shim_track();
	db = open_raw();
	judge(db, batches[0], 2 * BATCHES, first, out);
	if (durability != MD_DURABLE_NEVER) /* that may damage it */
		check_whole(db);
	sqlite3_close(db);
}

enum { CUTS_A_ROUND = 50 };

static void cut_often(const char *journal, enum md_durability durability, unsigned rounds,
		      struct outcome *out)
{
	shim_install();
	shim_real_sync(false);
	for (unsigned round = 0; round < rounds; round++) {
		make_database(journal);
		shim_track();
		for (unsigned i = 0; i < CUTS_A_ROUND; i++)
			cut_at((long)((round * 7 + i * 3) % 120), i % 2 ? round * 100 + i + 1 : 0,
			       durability, 1 + i * 2 * BATCHES, out);
		rig_remove_folder();
	}
	printf("%s, %u cuts: %u acknowledged, %u refused, %u cut off; %u lost, %u ghosts, %u "
	       "torn\n",
	       journal, rounds * CUTS_A_ROUND, out->acknowledged, out->refused, out->unknown,
	       out->lost, out->ghosts, out->torn);
}

static void expect_no_loss(const struct outcome *out, unsigned cuts)
{
	ck_assert_uint_eq(out->lost, 0);
	ck_assert_uint_eq(out->ghosts, 0);
	ck_assert_uint_eq(out->torn, 0);
	ck_assert_uint_gt(out->acknowledged, cuts);
	ck_assert_uint_gt(out->unknown, cuts);
}

START_TEST(no_acknowledged_row_is_lost_in_500_power_cuts)
{
	struct outcome out = { 0 };

	cut_often("WAL", MD_DURABLE, 10, &out);
	expect_no_loss(&out, 500);
}
END_TEST

START_TEST(no_acknowledged_row_is_lost_with_a_rollback_journal)
{
	struct outcome out = { 0 };

	cut_often("DELETE", MD_DURABLE, 2, &out);
	expect_no_loss(&out, 100);
}
END_TEST

/* The tests above can fail. */
START_TEST(without_syncs_the_same_cuts_lose_rows)
{
	struct outcome later = { 0 }, never = { 0 };

	cut_often("WAL", MD_DURABLE_LATER, 1, &later);
	ck_assert_uint_gt(later.lost, 0);
	ck_assert_uint_eq(later.torn, 0);
	cut_often("WAL", MD_DURABLE_NEVER, 1, &never);
	ck_assert_uint_gt(never.lost, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("writer and disk");
	TCase *tcase = tcase_create("writer and disk");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, a_disk_that_fails_at_any_call_loses_nothing, 0,
			    sizeof(failings) / sizeof(failings[0]));
	tcase_add_test(tcase, a_commit_whose_sync_failed_is_not_called_undone);
	tcase_add_test(tcase, no_acknowledged_row_is_lost_in_500_power_cuts);
	tcase_add_test(tcase, no_acknowledged_row_is_lost_with_a_rollback_journal);
	tcase_add_test(tcase, without_syncs_the_same_cuts_lose_rows);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
