/* A Check suite in one line at the end of a test file: SUITE_MAIN("name", test_one, test_two).
 * SUITE_RUN makes suite_run() of it instead, for a main that has more to do.
 * Check's START_TEST makes a variable of each name, so the list is an automatic array. Fork mode is
 * left on: a crash or a hang stays in its test. */
#ifndef MD_TESTS_SUITE_H
#define MD_TESTS_SUITE_H
#include <check.h>
#include <stdlib.h>

/* Tests follow pointers that a failing assertion has ruled out to be NULL; gcc cannot know. */
#pragma GCC diagnostic ignored "-Wnull-dereference"

#define SUITE_RUN(title, ...)                                                 \
	static int suite_run(void)                                            \
	{                                                                     \
		const TTest *tests[] = { __VA_ARGS__ };                       \
		Suite *suite = suite_create(title);                           \
		TCase *tcase = tcase_create(title);                           \
		SRunner *runner = srunner_create(suite);                      \
		int failed;                                                   \
                                                                              \
		tcase_set_timeout(tcase, 240);                                \
		for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) \
			tcase_add_test(tcase, tests[i]);                      \
		suite_add_tcase(suite, tcase);                                \
		srunner_run_all(runner, CK_NORMAL);                           \
		failed = srunner_ntests_failed(runner);                       \
		srunner_free(runner);                                         \
		return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;             \
	}

#define SUITE_MAIN(title, ...)        \
	SUITE_RUN(title, __VA_ARGS__) \
	int main(void)                \
	{                             \
		return suite_run();   \
	}
#endif
