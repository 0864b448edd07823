/* An event loop around a store, and what its callbacks hear. Part of api_async_steps.h. */
#ifndef MD_TESTS_UNIT_API_LOOP_H
#define MD_TESTS_UNIT_API_LOOP_H
#include <poll.h>
#include <time.h>

#include "tests/unit/api_rig.h"

/** What a callback was told. */
struct heard {
	unsigned calls;
	enum md_code code;
	char wire[MD_WIRE_MAX];
	struct md_result *result;
	uint64_t count;
};

static void hear(struct md_work *in, const struct md_outcome *outcome, void *arg)
{
	struct heard *heard = arg;

	ck_assert_ptr_nonnull(in);
	ck_assert_int_eq(outcome->code, outcome->error->code);
	heard->calls++;
	heard->code = outcome->code;
	memcpy(heard->wire, outcome->error->wire, sizeof(heard->wire));
	md_result_free(heard->result);
	heard->result = outcome->result;
	heard->count = outcome->count;
}

static const struct md_then *to(struct heard *heard)
{
	static struct md_then then;

	then = (struct md_then){ .done = hear, .arg = heard };
	return &then;
}

static const struct md_then *without_rows(struct heard *heard)
{
	static struct md_then then;

	then = (struct md_then){ .done = hear, .arg = heard, .no_rows = true };
	return &then;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* One round of a loop as programs have it, which sleeps in poll() and nowhere else. */
static bool loop_once(int most_ms)
{
	struct pollfd ready = { .fd = md_store_fd(store), .events = POLLIN };
	int ms = md_store_wait_ms(store);
	int found = poll(&ready, 1, ms < 0 || ms > most_ms ? most_ms : ms);

	OK(md_store_turn(store, 0, &err));
	return found > 0;
}

static void loop_for(unsigned ms)
{
	uint64_t end = now_ms() + ms;

	while (now_ms() < end)
		loop_once((int)(end - now_ms()));
}

static void loop_until(const struct heard *heard, unsigned calls)
{
	uint64_t end = now_ms() + 20000;

	while (heard->calls < calls && now_ms() < end)
		loop_once(1000);
	ck_assert_uint_eq(heard->calls, calls);
}

/** The verb begins, is not told of before its time, and ends with this code of the wire ("" when it
 * goes well). */
#define COMES(heard, code, call)                            \
	do {                                                \
		unsigned before_ = (heard)->calls;          \
                                                            \
		OK(call);                                   \
		ck_assert_uint_eq((heard)->calls, before_); \
		loop_until((heard), before_ + 1);           \
		ck_assert_str_eq((heard)->wire, (code));    \
	} while (0)

static const char *first_text(const struct heard *heard, const char *field)
{
	ck_assert_ptr_nonnull(heard->result);
	ck_assert_ptr_nonnull(md_result_text(heard->result, 0, field));
	return md_result_text(heard->result, 0, field);
}

static void forget(struct heard *heard)
{
	heard->result = md_result_free(heard->result);
}
#endif
