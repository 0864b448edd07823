/* The C API in an event loop, on SQLite. */
#include "tests/support/fault.h"
#include "tests/unit/api_async_steps.h"

static const char *api_url(void)
{
	static char url[160];

	snprintf(url, sizeof(url), "sqlite:///%s", file_at("api.db"));
	return url;
}

/* Check allocates, too. */
static void hear_apart(struct md_work *in, const struct md_outcome *outcome, void *arg)
{
	fault_pause();
	hear(in, outcome, arg);
	fault_resume();
}

/* Begins, turns a little, and closes in the middle of it. True: it came to be on its way. */
static bool begin_and_close(struct heard *heard, unsigned turns)
{
	const struct md_then then = { .done = hear_apart, .arg = heard };
	struct md_work *mine;
	bool begun = false;

	if (md_work_open(store, &mine, &err) != MD_OK)
		return false;
	if (md_add(mine, "User", "{\"name\":\"x\"}", &err) == MD_OK &&
	    md_add(mine, "User", "{\"name\":\"y\"}", &err) == MD_OK)
		begun = md_async_create(mine, "User", "{\"name\":\"z\"}", &then, &err) == MD_OK;
	for (unsigned i = 0; i < turns; i++)
		md_store_turn(store, 10, NULL);
	md_work_close(mine);
	return begun;
}

/* Whatever fails: at most one call, none after the close, nothing written, and the store goes on.
 * False: nothing has failed. */
static bool fail_one(int n, unsigned turns, unsigned *begun)
{
	struct heard heard = { .calls = 0 };
	unsigned calls;

	fault_arm(n);
	*begun += begin_and_close(&heard, turns);
	fault_disarm();
	calls = heard.calls;
	ck_assert_uint_le(calls, 1);
	ck_assert(heard.code == MD_OK || heard.wire[0]);
	ck_assert_uint_eq(count_of("User"), 3);
	OK(md_work_rollback(work, &err));
	ck_assert_uint_eq(heard.calls, calls);
	forget(&heard);
	return fault_fired();
}

START_TEST(every_allocation_may_fail_in_a_loop)
{
	unsigned begun = 0;

	start();
	fill();
	for (unsigned turns = 0; turns < 12; turns += 3)
		for (int n = 0; fail_one(n, turns, &begun); n++)
			;
	ck_assert_uint_gt(begun, 5);
	stop();
}
END_TEST

SUITE_MAIN("api async", ASYNC_TESTS, every_allocation_may_fail_in_a_loop)
