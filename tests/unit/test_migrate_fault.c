/* Allocations that fail while migrations are made, told and run: no crash, no leak, MD_NOMEM or the
 * same answer as ever, and whatever was begun is ended by the next run. */
#include "tests/support/fault.h"
#include "tests/unit/migrate_rig.h"

#define USER "\"User\":{\"fields\":{\"name\":\"text\""

typedef enum md_code verb_fn(struct md_migrate *migrate, json_t **ret_document);

static enum md_code status_verb(struct md_migrate *migrate, json_t **ret_document)
{
	return md_migrate_status(migrate, true, ret_document, &err);
}

static enum md_code history_verb(struct md_migrate *migrate, json_t **ret_document)
{
	return md_migrate_history(migrate, ret_document, &err);
}

static enum md_code check_verb(struct md_migrate *migrate, json_t **ret_document)
{
	return md_migrate_check(migrate, false, ret_document, &err);
}

static enum md_code plan_verb(struct md_migrate *migrate, json_t **ret_document)
{
	return md_migrate_up(migrate, &(struct md_migrate_go){ .plan = true, .sql = true },
			     ret_document, &err);
}

static enum md_code make_verb(struct md_migrate *migrate, json_t **ret_document)
{
	const struct md_migrate_make how = { .check = true, .allow_pending = true };

	return md_migrate_make(migrate, &how, ret_document, &err);
}

static enum md_code up_verb(struct md_migrate *migrate, json_t **ret_document)
{
	return md_migrate_up(migrate, &(struct md_migrate_go){ .to = NULL }, ret_document, &err);
}

/* The verb with the allocation after `n` others failing. */
static enum md_code run_failing(verb_fn *verb, long n, bool *ret_fired, json_t **ret_document)
{
	struct md_migrate *migrate = NULL;
	enum md_code code;

	md_error_clear(&err);
	fault_arm(n);
	code = md_migrate_open(&rig_options, &migrate, &err);
	if (code == MD_OK)
		code = verb(migrate, ret_document);
	md_migrate_close(migrate);
	*ret_fired = fault_fired();
	fault_disarm();
	return code;
}

/* Every one of the first allocations, then ever fewer of them. */
static long next(long n)
{
	return n + 1 + n / 100;
}

static void each_fails(verb_fn *verb)
{
	bool fired = true;
	long failed = 0;

	for (long n = 0; fired; n = next(n)) {
		json_t *document = NULL;
		enum md_code code = run_failing(verb, n, &fired, &document);

		ck_assert_msg(code == MD_OK || code == MD_NOMEM, "call %ld: code %d %s", n, code,
			      err.message);
		ck_assert_msg((code == MD_OK) == !!document, "call %ld", n);
		failed += code == MD_NOMEM;
		json_decref(document);
	}
	ck_assert_int_gt(failed, 20);
}

static void pending(void)
{
	step(USER "}}");
	models(USER ",\"bio\":\"text? index\"}}");
	json_decref(make("bio"));
}

START_TEST(telling_survives_each_failing_allocation)
{
	pending();
	each_fails(status_verb);
	each_fails(history_verb);
	each_fails(plan_verb);
	each_fails(check_verb);
}
END_TEST

START_TEST(making_survives_each_failing_allocation)
{
	pending();
	models(USER ",\"bio\":\"text? index\",\"more\":\"int = 3\"}}");
	each_fails(make_verb);
}
END_TEST

/* A run takes many allocations, and a sanitizer's are slow. */
#ifdef __SANITIZE_ADDRESS__
enum { STEP = 97 };
#else
enum { STEP = 1 };
#endif

START_TEST(running_survives_each_failing_allocation_and_is_ended_by_the_next_run)
{
	bool fired = true;

	pending();
	for (long n = 0; fired; n += STEP) {
		json_t *document = NULL;
		enum md_code code = run_failing(up_verb, n, &fired, &document);

		ck_assert_msg(code == MD_OK || code == MD_NOMEM, "call %ld: code %d %s", n, code,
			      err.message);
		json_decref(document);
		json_decref(up());
		ck_assert_msg(strcmp(state(), "up_to_date") == 0, "call %ld: %s", n, state());
		json_decref(down(NULL));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("migrate_fault");
	TCase *tests = tcase_create("memory");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 240);
	tcase_add_checked_fixture(tests, rig_begin, rig_end);
	tcase_add_test(tests, telling_survives_each_failing_allocation);
	tcase_add_test(tests, making_survives_each_failing_allocation);
	tcase_add_test(tests,
		       running_survives_each_failing_allocation_and_is_ended_by_the_next_run);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
