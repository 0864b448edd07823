/* Migrations that fail, that are killed, and that others run at the same time. */
#include "core/migrate/history.h"
#include "tests/unit/migrate_rig.h"

#ifdef ON_POSTGRES
#define SLOW "SELECT pg_sleep(1.5)"
#define ROWS "INSERT INTO \"user\" (name) SELECT 'n' || i FROM generate_series(1, 20000) i"
#else
#define SLOW                                                                                   \
	"CREATE TABLE slow AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n " \
	"WHERE "                                                                               \
	"i < 12000000) SELECT max(i) AS most FROM n"
#define ROWS                                                                                   \
	"INSERT INTO \"user\" (name) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 " \
	"FROM n "                                                                              \
	"WHERE i < 20000) SELECT 'n' || i FROM n"
#endif
#define USER "\"User\":{\"fields\":{\"name\":\"text\""

/* --- failures ----------------------------------------------------------------------------------
 */

#define T "CREATE TABLE extra (x int)"

START_TEST(a_step_that_fails_leaves_a_note_and_is_run_again)
{
	struct md_migrate_go how = { .to = NULL };
	json_t *document;

	step(USER "}}");
	write_by_hand(1, "[{\"op\":\"sql\",\"up\":\"" T "\"},"
			 "{\"op\":\"sql\",\"up\":\"INSERT INTO nowhere VALUES (1)\"}]");
	for (unsigned i = 0; i < 2; i++) {
		struct md_migrate *migrate = rig_open();

		ck_assert_int_ne(md_migrate_up(migrate, &how, &document, &err), MD_OK);
		ck_assert_ptr_nonnull(strstr(err.message, "nowhere"));
		ck_assert_ptr_nonnull(strstr(err.details, "INSERT INTO nowhere"));
		md_migrate_close(migrate);
		document = VERB(md_migrate_status, false);
		ck_assert_str_eq(at(document, "/state"), "failed");
		ck_assert_ptr_nonnull(strstr(at(document, "/error"), "nowhere"));
		ck_assert_str_eq(at(document, "/lock"), "null");
		json_decref(document);
	}
	ck_assert(!has_table("extra"));
	sql("CREATE TABLE nowhere (x int)");
	json_decref(up());
	ck_assert(has_table("extra"));
	ck_assert_str_eq(ask("SELECT * FROM nowhere"), "1;");
	ck_assert_str_eq(state(), "up_to_date");
}
END_TEST

START_TEST(a_mark_of_a_failure_is_cleared)
{
	struct md_migrate *migrate;
	struct md_migrate_go how = { .to = NULL };
	json_t *document;

	step(USER "}}");
	write_by_hand(1, "[{\"op\":\"sql\",\"up\":\"INSERT INTO nowhere VALUES (1)\"}]");
	migrate = rig_open();
	ck_assert_int_ne(md_migrate_up(migrate, &how, &document, &err), MD_OK);
	md_migrate_close(migrate);
	json_decref(VERB(md_migrate_repair, false));
	ck_assert_str_eq(state(), "pending");
}
END_TEST

static unsigned die_at;

static void die(void *ctx, const struct md_migrate_progress *progress)
{
	(void)ctx;
	if (progress->step == die_at)
		_exit(9);
}

/* In a process of its own, which ends at a step as if it were killed. */
static int run_killed(bool back, unsigned at_step)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		struct md_migrate_go how = { .consent = { .all = true } };
		struct md_migrate *migrate = NULL;
		json_t *document = NULL;
		enum md_code code;

		die_at = at_step;
		rig_options.progress = die;
		code = md_migrate_open(&rig_options, &migrate, &err);
		if (code == MD_OK)
			code = (back ? md_migrate_down : md_migrate_up)(migrate, &how, &document,
									&err);
		if (code != MD_OK)
			fprintf(stderr, "%s %s\n", err.message, err.details);
		_exit(code == MD_OK ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define BEFORE USER ",\"age\":\"int?\",\"old\":\"text?\"},\"indexes\":[[\"age\"]]}"
#define AFTER                                                                                    \
	"\"User\":{\"fields\":{\"name\":\"text index\",\"age\":{\"type\":\"int\",\"default\":7," \
	"\"backfill\":7},\"bio\":\"text = 'b' index\",\"mail\":\"text? unique\"}},"              \
	"\"Post\":{\"fields\":{\"user_id\":{\"references\":\"User\"},\"title\":\"text\"}}"

START_TEST(a_run_killed_at_any_step_goes_on_there)
{
	struct md_migrate_go how = { .consent = { .all = true } };
	unsigned steps = 1;

	step(BEFORE);
	sql("INSERT INTO \"user\" (name, age) VALUES ('a', 1), ('b', NULL)");
	models(AFTER);
	json_decref(make("all"));
	for (unsigned i = 1; i <= steps; i++) {
		json_t *document;

		ck_assert_int_eq(run_killed(false, i), 9);
		ck_assert(strcmp(state(), "failed") == 0 || strcmp(state(), "pending") == 0);
		document = VERB(md_migrate_up, &how);
		steps = (unsigned)json_array_size(json_object_get(
			json_array_get(json_object_get(document, "revisions"), 0), "steps"));
		json_decref(document);
		ck_assert_msg(strcmp(state(), "up_to_date") == 0, "%u of %u: %s", i, steps,
			      state());
		ck_assert_str_eq(ask("SELECT name, age, bio FROM \"user\" ORDER BY 1"),
				 "a,1,b;b,7,b;");
		ck_assert_str_eq(ask("SELECT count(*) FROM \"_modeld_migrations\" WHERE "
				     "status = 'applied'"),
				 "2;");
		json_decref(down(NULL));
		sql("UPDATE \"user\" SET age = NULL WHERE name = 'b'");
	}
	ck_assert_uint_gt(steps, 2);
}
END_TEST

START_TEST(a_rollback_killed_at_any_step_goes_on_there)
{
	struct md_migrate_go how = { .consent = { .all = true } };
	unsigned steps = 1;

	step(BEFORE);
	sql("INSERT INTO \"user\" (name, age) VALUES ('a', 1), ('b', 7)");
	models(AFTER);
	json_decref(make("all"));
	json_decref(VERB(md_migrate_up, &how));
	for (unsigned i = 1; i <= steps; i++) {
		json_t *document;

		ck_assert_int_eq(run_killed(true, i), 9);
		document = VERB(md_migrate_down, &how);
		ck_assert_uint_eq(count_of(document, "revisions"), 1);
		steps = (unsigned)json_array_size(json_object_get(
			json_array_get(json_object_get(document, "revisions"), 0), "steps"));
		json_decref(document);
		ck_assert_str_eq(state(), "pending");
		ck_assert_str_eq(ask("SELECT name, age FROM \"user\" ORDER BY 1"), "a,1;b,7;");
		json_decref(VERB(md_migrate_up, &how));
		ck_assert_str_eq(state(), "up_to_date");
	}
}
END_TEST

START_TEST(what_was_done_in_part_is_taken_back)
{
	struct md_migrate_go how = { .consent = { .all = true } };
	unsigned steps = 1;

	step(BEFORE);
	sql("INSERT INTO \"user\" (name, age) VALUES ('a', 1), ('b', NULL)");
	models(AFTER);
	json_decref(make("all"));
	for (unsigned i = 1; i <= steps; i++) {
		json_t *document;

		ck_assert_int_eq(run_killed(false, i), 9);
		document = VERB(md_migrate_status, false);
		if (strcmp(at(document, "/state"), "failed") == 0 &&
		    strcmp(at(document, "/applied/1/revision"), "null") != 0)
			json_decref(down("-1"));
		json_decref(document);
		document = VERB(md_migrate_drift, false, NULL);
		ck_assert_str_eq(at(document, "/drift"), "[]");
		json_decref(document);
		ck_assert_str_eq(ask("SELECT name FROM \"user\" WHERE age = 1"), "a;");
		document = VERB(md_migrate_up, &how);
		steps = (unsigned)json_array_size(json_object_get(
			json_array_get(json_object_get(document, "revisions"), 0), "steps"));
		json_decref(document);
		ck_assert_str_eq(state(), "up_to_date");
		json_decref(down(NULL));
		sql("UPDATE \"user\" SET age = NULL WHERE name = 'b'");
	}
}
END_TEST

/* --- others ------------------------------------------------------------------------------------
 */

START_TEST(of_several_at_once_one_migrates_and_none_fails)
{
	enum { MANY = 8 };
	pid_t children[MANY];

	step(USER "}}");
	models(AFTER);
	write_by_hand(1, "[{\"op\":\"sql\",\"up\":\"CREATE TABLE once (x int)\"},"
			 "{\"op\":\"sql\",\"up\":\"INSERT INTO once VALUES (1)\"}]");
	for (unsigned i = 0; i < MANY; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			struct md_migrate_go how = { .to = NULL };
			struct md_migrate *migrate = NULL;
			json_t *document = NULL;
			enum md_code code = md_migrate_open(&rig_options, &migrate, &err);

			if (code == MD_OK)
				code = md_migrate_up(migrate, &how, &document, &err);
			if (code != MD_OK)
				fprintf(stderr, "%s: %s\n", err.wire, err.message);
			_exit(code != MD_OK                                        ? 1
			      : json_is_true(json_object_get(document, "applied")) ? 2
										   : 0);
		}
	}
	for (unsigned i = 0, applied = 0; i < MANY; i++) {
		int status = 0;

		ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
		ck_assert(WIFEXITED(status));
		ck_assert_int_ne(WEXITSTATUS(status), 1);
		applied += WEXITSTATUS(status) == 2;
		ck_assert(i + 1 < MANY || applied == 1);
	}
	ck_assert_str_eq(ask("SELECT * FROM once"), "1;");
}
END_TEST

START_TEST(who_holds_the_lock_is_waited_for_and_told)
{
	struct md_migrate_go how = { .to = NULL };
	struct md_db_schema *db;
	json_t *document;
	struct md_error failed = { .code = MD_OK };

	step(USER "}}");
	write_by_hand(1, "[]");
	db = rig_connect();
	ck_assert_int_eq(md_history_lock(db, "somebody", "migrate", NULL, &failed), MD_OK);
	rig_options.lock_wait_ms = 300;
	REFUSED("MD_MIGRATING", md_migrate_up, &how);
	ck_assert_int_eq(err.code, MD_BUSY);
	document = VERB(md_migrate_unlock, false);
	ck_assert_str_eq(at(document, "/lock/owner"), "somebody");
	ck_assert_str_eq(at(document, "/taken"), "false");
	json_decref(document);
	document = VERB(md_migrate_unlock, true);
	ck_assert_str_eq(at(document, "/taken"), "true");
	json_decref(document);
	json_decref(up());
	md_db_schema_close(db);
	document = VERB(md_migrate_unlock, false);
	ck_assert_str_eq(at(document, "/lock"), "null");
	json_decref(document);
}
END_TEST

/* Another connection that holds up the table, or the file, for so long. */
static pid_t hold_up(unsigned ms)
{
	static const char statement[] =
#ifdef ON_POSTGRES
		"SELECT * FROM \"user\"";
#else
		"UPDATE \"user\" SET name = name";
#endif
	int ready[2];
	char byte = 0;
	pid_t child;

	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		struct md_db_schema *db = rig_connect();

		md_db_schema_run(db, "BEGIN", NULL);
		md_db_schema_run(db, statement, NULL);
		ck_assert_int_eq(write(ready[1], &byte, 1), 1);
		usleep(ms * 1000);
		md_db_schema_commit(db, NULL);
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

START_TEST(a_lock_that_others_hold_is_tried_for_again_and_again)
{
	struct md_migrate_go how = { .to = NULL };
	struct md_migrate *migrate;
	json_t *document = NULL;
	pid_t child;
	int status;

	step(USER "}}");
	models(USER ",\"bio\":\"text?\"}}");
	json_decref(make("bio"));
	child = hold_up(1500);
	rig_options.lock_timeout_ms = 100;
	json_decref(up());
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_str_eq(state(), "up_to_date");
	json_decref(down(NULL));
	child = hold_up(1500);
	rig_options.lock_tries = 1;
	rig_options.lock_wait_ms = 0;
	migrate = rig_open();
	ck_assert_int_ne(md_migrate_up(migrate, &how, &document, &err), MD_OK);
	ck_assert_msg(strcmp(err.wire, "55P03") == 0, "%s %s", err.wire, err.message);
	md_migrate_close(migrate);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	json_decref(up());
	ck_assert_str_eq(state(), "up_to_date");
}
END_TEST

static struct {
	unsigned waiting, steps;
	double rows_done;
	bool seconds;
	char who[128];
} seen;

static void see(void *ctx, const struct md_migrate_progress *progress)
{
	(void)ctx;
	if (progress->waiting) {
		seen.waiting++;
		snprintf(seen.who, sizeof(seen.who), "%s", progress->what);
		return;
	}
	seen.steps = progress->step > seen.steps ? progress->step : seen.steps;
	seen.seconds = seen.seconds || progress->seconds > 0;
	if (progress->rows_done > seen.rows_done)
		seen.rows_done = progress->rows_done;
}

START_TEST(who_is_waited_for_is_told_and_how_long_a_step_takes)
{
	struct md_error failed = { .code = MD_OK };
	struct md_migrate_go how = { .to = NULL };
	struct md_db_schema *db;

	step(USER "}}");
	write_by_hand(1, "[{\"op\":\"sql\",\"up\":\"" SLOW "\"}]");
	rig_options.progress = see;
	db = rig_connect();
	ck_assert_int_eq(md_history_lock(db, "somebody", "migrate", NULL, &failed), MD_OK);
	rig_options.lock_wait_ms = 300;
	REFUSED("MD_MIGRATING", md_migrate_up, &how);
	ck_assert_uint_eq(seen.waiting, 1);
	ck_assert_int_eq(strncmp(seen.who, "somebody (", 10), 0);
	md_history_unlock(db, NULL);
	md_db_schema_close(db);
	json_decref(up());
	ck_assert_uint_eq(seen.steps, 1);
	ck_assert_msg(seen.seconds, "a long statement was not told about");
}
END_TEST

START_TEST(rows_are_filled_in_batches)
{
	step(USER ",\"age\":\"int?\"}}");
	sql(ROWS);
	models("\"User\":{\"fields\":{\"name\":\"text\",\"age\":{\"type\":\"int\","
	       "\"backfill\":7}}}");
	json_decref(make("fill"));
	rig_options.progress = see;
	json_decref(up());
	ck_assert_str_eq(ask("SELECT count(*), min(age), max(age) FROM \"user\""), "20000,7,7;");
	ck_assert_str_eq(state(), "up_to_date");
#ifdef ON_POSTGRES
	ck_assert_msg(seen.rows_done == 20000, "%g", seen.rows_done);
#endif
}
END_TEST

static Suite *migrate_suite(void)
{
	Suite *suite = suite_create("migrate");
	TCase *tests = tcase_create("failures");

	tcase_set_timeout(tests, 240);
	tcase_add_checked_fixture(tests, rig_begin, rig_end);
	tcase_add_test(tests, a_step_that_fails_leaves_a_note_and_is_run_again);
	tcase_add_test(tests, a_mark_of_a_failure_is_cleared);
	tcase_add_test(tests, a_run_killed_at_any_step_goes_on_there);
	tcase_add_test(tests, a_rollback_killed_at_any_step_goes_on_there);
	tcase_add_test(tests, what_was_done_in_part_is_taken_back);
	tcase_add_test(tests, of_several_at_once_one_migrates_and_none_fails);
	tcase_add_test(tests, who_holds_the_lock_is_waited_for_and_told);
	tcase_add_test(tests, a_lock_that_others_hold_is_tried_for_again_and_again);
	tcase_add_test(tests, who_is_waited_for_is_told_and_how_long_a_step_takes);
	tcase_add_test(tests, rows_are_filled_in_batches);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	SRunner *runner;
	int failed;

#ifdef ON_POSTGRES
	if (!pg_start())
		return EXIT_FAILURE;
#endif
	runner = srunner_create(migrate_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
