/* Several writes as one piece of work, on SQLite. */
#include <stdio.h>

#include "core/base/clock.h"
#include "core/ops/chain.h"
#include "core/query/parse.h"
#include "tests/support/fault.h"
#include "tests/support/store.h"
#include "tests/support/suite.h"

enum { MOST = 8 };

/* What each write is to do; the answers, and how it ended. */
static struct one {
	const char *path, *query, *body;
	struct md_write_ask settings;
} ones[MOST];
static struct md_buf outs[MOST];
static struct md_query queries[MOST];
static unsigned failing;
static int fault = -1; /* which allocation fails; -1: none */
static bool fired;
static struct md_write_result results[MOST];

static void ready(struct md_chain *chain, void *arg)
{
	(void)chain;
	(void)arg;
	store.ended = true;
}

static void fill(unsigned i, struct md_write_ask *ask)
{
	static const struct md_body_limits limits = { .size = 1u << 20,
						      .string = 1u << 20,
						      .number = 1000,
						      .depth = 64,
						      .nodes = 100000,
						      .keys = 1000,
						      .rows = 100000 };
	struct md_path path;

	*ask = ones[i].settings;
	ck_assert_int_eq(md_parse_path(store.arena, md_str_of(ones[i].path), &path, &store.error),
			 MD_OK);
	ck_assert_int_eq(md_parse_query(store.arena, md_str_of(ones[i].query),
					&md_parse_limits_default, false, &queries[i], &store.error),
			 MD_OK);
	if (ones[i].body)
		ck_assert_int_eq(md_body_open(store.arena, MD_BODY_JSON, md_str_of(ones[i].body),
					      &limits, NULL, 0, &ask->body, &store.error),
				 MD_OK);
	ask->model = md_registry_find(store.registry, path.segments[0]);
	ask->query = &queries[i];
	ask->arena = store.arena;
	md_buf_release(&outs[i]);
	md_buf_init(&outs[i], 1u << 20);
	ask->out = &outs[i];
}

/* Run the first `count`: "" or the wire code. */
static const char *run(unsigned count, bool dry_run)
{
	struct md_write_ask asks[MOST];
	struct md_chain_ask ask = { .asks = asks,
				    .count = count,
				    .dry_run = dry_run,
				    .deadline_ns = md_now_ns() + 20 * MD_SEC,
				    .session = store.session,
				    .arena = store.arena,
				    .ready = ready };
	struct md_chain *chain;

	md_arena_reset(store.arena, 1u << 22);
	for (unsigned i = 0; i < count; i++)
		fill(i, &asks[i]);
	store.ended = false;
	if (fault >= 0)
		fault_arm(fault);
	if (!md_chain_start(store.ops, &ask, &chain))
		md_reactor_run(store.reactor, &store.ended);
	fired = fault_fired();
	fault_disarm();
	if (!chain)
		return "53200";
	failing = md_chain_failed(chain);
	if (md_chain_state(chain) == MD_READ_FAILED) {
		store.error = *md_chain_error(chain);
		ck_assert_int_ne(store.error.code, MD_OK);
		return store.error.wire;
	}
	for (unsigned i = 0; i < count; i++)
		results[i] = *md_chain_result(chain, i);
	return "";
}

static void three_tags(const char *third)
{
	static const char *const bodies[] = {
		"{\"id\":40,\"name\":\"a\"}",
		"[{\"id\":41,\"name\":\"b\"},{\"id\":42,\"name\":null}]"
	};

	memset(ones, 0, sizeof(ones));
	for (unsigned i = 0; i < 3; i++)
		ones[i] = (struct one){ .path = "/tags",
					.query = "select=id",
					.body = i < 2 ? bodies[i] : third,
					.settings = { .kind = MD_WRITE_INSERT,
						      .give = MD_GIVE_ROWS } };
}

static void tags_are(const char *want)
{
	ck_assert_str_eq(store_get("/tags", "id=gte.40&select=id&order=id"), want);
}

START_TEST(all_of_them_happen)
{
	store_start();
	three_tags("{\"name\":\"c\"}");
	ones[3] = (struct one){ .path = "/tags",
				.query = "id=eq.41",
				.body = "{\"name\":\"changed\"}",
				.settings = { .kind = MD_WRITE_UPDATE } };
	ones[4] = (struct one){ .path = "/tags",
				.query = "id=eq.42",
				.settings = { .kind = MD_WRITE_DELETE } };
	ck_assert_str_eq(run(5, false), "");
	ck_assert_str_eq(md_buf_text(&outs[0]), "[{\"id\":40}]");
	ck_assert_str_eq(md_buf_text(&outs[1]), "[{\"id\":41},{\"id\":42}]");
	ck_assert_uint_eq(results[1].rows, 2);
	ck_assert_uint_eq(results[3].rows, 1);
	ck_assert_uint_eq(results[4].rows, 1);
	ck_assert_str_eq(store_get("/tags", "id=gte.40&order=id"),
			 "[{\"id\":40,\"name\":\"a\"},{\"id\":41,\"name\":\"changed\"},"
			 "{\"id\":43,\"name\":\"c\"}]");
	store_stop();
}
END_TEST

START_TEST(one_that_fails_undoes_them_all_and_is_named)
{
	store_start();
	three_tags("{\"id\":41}");
	ck_assert_str_eq(run(3, false), "23505");
	ck_assert_uint_eq(failing, 2);
	ck_assert_str_eq(store.error.details, "Key (id)=(41) already exists.");
	tags_are("[]");
	three_tags("{\"nothing\":1}"); /* before anything runs */
	ck_assert_str_eq(run(3, false), "PGRST204");
	ck_assert_uint_eq(failing, 2);
	tags_are("[]");
	three_tags("{}");
	ones[1].settings.has_max_affected = true;
	ones[1].settings.max_affected = 1;
	ck_assert_str_eq(run(3, false), "PGRST124");
	ck_assert_uint_eq(failing, 1);
	tags_are("[]");
	store_stop();
}
END_TEST

START_TEST(a_rehearsal_leaves_nothing)
{
	store_start();
	three_tags("{\"id\":43}");
	ck_assert_str_eq(run(3, true), "");
	ck_assert_str_eq(md_buf_text(&outs[2]), "[{\"id\":43}]");
	tags_are("[]");
	store_stop();
}
END_TEST

START_TEST(in_a_session_it_is_one_step)
{
	struct md_session *session;

	store_start();
	store_begin();
	session = store.session;
	three_tags("{\"id\":43}");
	ck_assert_str_eq(run(3, false), "");
	three_tags("{\"id\":40}");
	ck_assert_str_eq(run(3, false), "23505");
	tags_are("[{\"id\":40},{\"id\":41},{\"id\":42},{\"id\":43}]");
	store.session = NULL;
	tags_are("[]");
	store.session = session;
	ck_assert_int_eq(store_commit(), MD_OK);
	tags_are("[{\"id\":40},{\"id\":41},{\"id\":42},{\"id\":43}]");
	store_stop();
}
END_TEST

START_TEST(survives_a_failure_of_every_allocation)
{
	int missed = 0;

	for (int n = 0;; n++) {
		const char *wire;

		store_start();
		three_tags("{\"id\":43}");
		fault = n;
		wire = run(3, false);
		if (wire[0] != '\0') {
			ck_assert(fired);
			missed++;
			tags_are("[]");
		} else {
			tags_are("[{\"id\":40},{\"id\":41},{\"id\":42},{\"id\":43}]");
		}
		store_stop();
		if (!fired)
			break;
		ck_assert_int_lt(n, 500);
	}
	ck_assert_int_gt(missed, 5);
}
END_TEST

SUITE_MAIN("chain", all_of_them_happen, one_that_fails_undoes_them_all_and_is_named,
	   a_rehearsal_leaves_nothing, in_a_session_it_is_one_step,
	   survives_a_failure_of_every_allocation)
