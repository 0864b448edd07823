/* Writes when memory runs out: at every allocation of ours and of SQLite's, from body to answer. A
 * write that failed has not happened, one that succeeded has, and the next one is right. */
#include <sqlite3.h>
#include <stdio.h>

#include "tests/support/fault.h"
#include "tests/support/store.h"
#include "tests/support/suite.h"
#include "tests/support/vfs_shim.h"

static const char rows_before[] =
	"DELETE FROM posts WHERE id >= 50;"
	"INSERT INTO posts VALUES (50, 'fifty', 1, 2), (51, 'more', 2, 1)";
static const char state[] = "select=id,title,author_id&id=gte.50&order=id";

struct sample {
	const char *name, *filter, *body;
	struct md_write_ask ask;
};

static const struct sample samples[] = {
	{ "POST", "", "{\"id\":60,\"author_id\":1}", { .give = MD_GIVE_ROWS } },
	{ "bulk POST",
	  "",
	  "[{\"id\":61,\"title\":\"a\",\"author_id\":1},{\"id\":62,\"title\":\"b\",\"author_id\":2}"
	  ","
	  "{\"id\":63,\"title\":null,\"author_id\":3},{\"id\":64,\"title\":\"d\",\"author_id\":1}]",
	  { .give = MD_GIVE_ROWS } },
	{ "PATCH",
	  "&id=gte.50",
	  "{\"title\":\"changed\"}",
	  { .kind = MD_WRITE_UPDATE, .give = MD_GIVE_ROWS } },
	{ "DELETE", "&id=gte.50", NULL, { .kind = MD_WRITE_DELETE, .give = MD_GIVE_ROWS } },
	{ "upsert",
	  "",
	  "[{\"id\":51,\"title\":\"other\",\"author_id\":1},{\"id\":65,\"title\":\"e\","
	  "\"author_id\":2}]",
	  { .give = MD_GIVE_ROWS, .resolution = MD_RESOLUTION_MERGE } },
};

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

	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real), SQLITE_OK);
	methods = real;
	methods.xMalloc = malloc_or_fail;
	methods.xRealloc = realloc_or_fail;
	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
}

/* `number` 0: the plan that is known; otherwise one that has to be made. */
static const char *run(const struct sample *sample, int number)
{
	char query[160], alias[32] = "";

	if (number > 0)
		snprintf(alias, sizeof(alias), "n%d:title,", number);
	snprintf(query, sizeof(query), "select=id,%susers!author_id(name)%s", alias,
		 sample->filter);
	return store_write("/posts", query, sample->body, sample->ask);
}

static void expect(const struct sample *sample, int n, const char *got, const char *wanted)
{
	ck_assert_msg(strcmp(got, wanted) == 0,
		      "%s, allocation %d:\ngot      %s\nexpected %s\n(%s)", sample->name, n, got,
		      wanted, store.error.message);
}

struct texts {
	char before[1024], after[1024], answer[1024];
};

/* What is right, without a failure. */
static void learn(const struct sample *sample, struct texts *texts)
{
	store_execute(rows_before);
	snprintf(texts->before, sizeof(texts->before), "%s", store_get("/posts", state));
	snprintf(texts->answer, sizeof(texts->answer), "%s", run(sample, 0));
	snprintf(texts->after, sizeof(texts->after), "%s", store_get("/posts", state));
	ck_assert_str_ne(texts->before, texts->after);
	ck_assert_msg(texts->answer[0] == '[', "%s: %s", sample->name, texts->answer);
}

static bool is_expected(const char *wire)
{
	/* A connection was lost with it, and the next could not be opened. */
	if (strcmp(wire, "PGRST000") == 0)
		return true;
	/* SQLite's json_each(), which reads the keys of written rows, takes having no memory for
	 * malformed JSON; nothing tells the one from the other. */
	if (strcmp(wire, "22P02") == 0)
		return strcmp(store.error.message, "invalid input syntax for type json") == 0;
	return strcmp(wire, "53200") == 0;
}

/* False: the write has fewer allocations. */
static bool fail_at(const struct sample *sample, const struct texts *texts, int n, bool planned,
		    int *failures)
{
	const char *answer;
	bool fired, failed;

	store_execute(rows_before);
	fault_arm(n);
	answer = run(sample, planned ? 0 : n + 1);
	fired = fault_fired();
	fault_disarm();
	failed = answer == store.error.wire;
	ck_assert_msg(!failed || (fired && is_expected(answer)), "%s, allocation %d: %s %s",
		      sample->name, n, answer, store.error.message);
	if (!failed && planned)
		expect(sample, n, answer, texts->answer);
	expect(sample, n, store_get("/posts", state), failed ? texts->before : texts->after);
	store_execute(rows_before);
	expect(sample, n, run(sample, 0), texts->answer);
	expect(sample, n, store_get("/posts", state), texts->after);
	*failures += failed;
	return fired;
}

START_TEST(a_write_survives_a_failure_of_every_allocation)
{
	const struct sample *sample = &samples[_i / 2];
	bool planned = _i % 2 == 0;
	struct texts texts;
	int n = 0, failures = 0;

	tap_sqlite();
	shim_install();
	shim_real_sync(false);
	store_start();
	learn(sample, &texts);
	while (fail_at(sample, &texts, n, planned, &failures))
		ck_assert_int_lt(++n, 3000);
	printf("%s, %s: %d allocations, %d of them are needed\n", sample->name,
	       planned ? "plan known" : "plan to make", n, failures);
	ck_assert_int_gt(failures, 10);
	store_stop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("write and memory");
	TCase *tcase = tcase_create("write and memory");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, a_write_survives_a_failure_of_every_allocation, 0,
			    2 * sizeof(samples) / sizeof(samples[0]));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
