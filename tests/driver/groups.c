/* A connection that only reads and that requests share: reads that were pushed in one turn share a
 * transaction, and nobody may notice. In the words of PostgreSQL, the one engine that does so. */
#include "tests/driver/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "tests/support/fault.h"

enum { UNITS_MAX = 40, STEPS_MAX = 4 };

struct sample {
	const char *sql;
	const char *prelude;
	unsigned params;
	int arg;
	enum md_code code;
	const char *rows; /* NULL: not known beforehand */
};
struct group {
	struct rig rig;
	unsigned count;
	struct probe probes[UNITS_MAX];
	struct probe_step steps[UNITS_MAX][STEPS_MAX];
	struct md_stmt stmts[UNITS_MAX];
	struct md_value args[UNITS_MAX];
};

#define GET   "SELECT name FROM item WHERE id = $1"
#define WRONG "SELECT 1 FROM nowhere"
#define NAP   "SELECT pg_sleep(0.3)"
#define WHO   "SELECT coalesce(current_setting('md.who', true), '')"
#define EVE   "SELECT set_config('md.who', 'eve', true)"
#define BOB   "SELECT set_config('md.who', 'bob', true)"

static void group_open(struct group *group, unsigned statement_timeout_ms)
{
	struct md_error err = { 0 };

	suite_engine()->reset();
	suite_engine()->admin(
		"INSERT INTO item SELECT i, 'name ' || i FROM generate_series(0, 99) i");
	group->count = 0;
	MUST(rig_connect(&group->rig,
			 (struct md_conn_target){ .shared = true,
						  .read_only = true,
						  .statement_cache = 4,
						  .statement_timeout_ms = statement_timeout_ms },
			 &err) == MD_OK,
	     "%s", err.message);
	rig_expect(&group->rig, &(struct md_stmt){ .sql = "SELECT 1", .returns_rows = true }, NULL,
		   "1|\n");
}

static void release(struct group *group)
{
	for (unsigned i = 0; i < group->count; i++)
		probe_release(&group->probes[i]);
	group->count = 0;
}

static void group_close(struct group *group)
{
	release(group);
	rig_close(&group->rig);
}

/* The same text has the same id: from its second use on it is prepared. */
static unsigned long id_of(const char *sql)
{
	static const char *known[32];
	static unsigned long ids[32];

	for (unsigned i = 0; i < 32; i++) {
		if (!known[i]) {
			known[i] = sql;
			ids[i] = md_stmt_next_id();
		}
		if (strcmp(known[i], sql) == 0)
			return ids[i];
	}
	return 0;
}

static struct probe *make(struct group *group, const struct sample *sample)
{
	unsigned i = group->count++;
	struct probe *probe = &group->probes[i];

	group->args[i] = md_value_int(sample->arg);
	group->stmts[i] = (struct md_stmt){ .id = id_of(sample->sql),
					    .sql = sample->sql,
					    .params = sample->params,
					    .returns_rows = true };
	group->steps[i][0] = (struct probe_step)CALL(&group->stmts[i], &group->args[i]);
	group->steps[i][1] = (struct probe_step)COMMIT;
	probe_init(probe, MD_TX_IMPLICIT, group->steps[i]);
	probe->unit.prelude = sample->prelude;
	return probe;
}

static struct probe *push(struct group *group, const struct sample *sample)
{
	struct probe *probe = make(group, sample);

	rig_push(&group->rig, probe);
	return probe;
}

/* What comes behind it before the turn ends goes together. */
static void push_lead(struct group *group)
{
	push(group, &(struct sample){ .sql = "SELECT 0" });
}

/* The one that pauses holds those behind it, and the order may have changed: begin with it. */
static void wait_paused(struct group *group)
{
	for (unsigned i = 0; i < group->count; i++)
		if (group->probes[i].paused)
			rig_wait(&group->rig, &group->probes[i]);
}

static void wait_all(struct group *group)
{
	for (unsigned i = 0; i < group->count; i++)
		while (!group->probes[i].done) {
			wait_paused(group);
			if (!group->probes[i].done)
				rig_idle(&group->rig, 1);
		}
	ck_assert_uint_eq(group->rig.conn->depth, 0);
}

static void expect(struct probe *probe, const char *rows)
{
	ck_assert_msg(probe->code == MD_OK, "%s", probe->unit.error.message);
	ck_assert_str_eq(probe_text(probe), rows);
	ck_assert_uint_eq(probe->calls, 1);
}

static void expect_name(struct probe *probe, int id)
{
	char text[32];

	snprintf(text, sizeof(text), "name %d|\n", id);
	expect(probe, text);
}

static const struct sample *get(int id)
{
	static struct sample sample = { .sql = GET, .params = 1 };

	sample.arg = id;
	return &sample;
}

START_TEST(reads_of_one_turn_share_a_transaction)
{
	struct group group;
	unsigned changes = 0;

	group_open(&group, 0);
	push_lead(&group);
	for (int i = 0; i < 20; i++)
		push(&group, &(struct sample){ .sql = "SELECT now()" });
	wait_all(&group);
	for (unsigned i = 2; i < group.count; i++)
		changes +=
			strcmp(probe_text(&group.probes[i - 1]), probe_text(&group.probes[i])) != 0;
	ck_assert_uint_eq(changes, 1); /* 16 and 4 */
	group_close(&group);
}
END_TEST

/* At every place of the group, by a text that is sent as such and by one that has a name. */
START_TEST(an_error_in_a_group_leaves_the_others_alone)
{
	struct group group;

	group_open(&group, 0);
	for (unsigned bad = 0; bad < 10; bad++) {
		push_lead(&group);
		for (unsigned i = 0; i < 10; i++)
			push(&group,
			     i == bad ? &(struct sample){ .sql = bad % 2 ? WRONG : "SELECT 1 / 0" }
				      : get((int)i));
		wait_all(&group);
		for (unsigned i = 0; i < 10; i++)
			if (i != bad)
				expect_name(&group.probes[i + 1], (int)i);
		ck_assert_str_eq(group.probes[bad + 1].unit.error.wire,
				 bad % 2 ? "42P01" : "22012");
		release(&group);
	}
	group_close(&group);
}
END_TEST

START_TEST(a_slow_read_does_not_hold_up_all_before_it)
{
	struct group group;

	group_open(&group, 0);
	push_lead(&group);
	for (int i = 0; i < 7; i++)
		push(&group, get(i));
	push(&group, &(struct sample){ .sql = "SELECT pg_sleep(1)" });
	rig_idle(&group.rig, 300);
	for (int i = 0; i < 4; i++)
		ck_assert(group.probes[i + 1].done);
	ck_assert(!group.probes[8].done);
	wait_all(&group);
	for (int i = 0; i < 7; i++)
		expect_name(&group.probes[i + 1], i);
	group_close(&group);
}
END_TEST

/* Rows that came before the error are not handed out, and those of the neighbours are. */
START_TEST(an_error_after_rows_is_the_unit_s_own)
{
	struct group group;

	group_open(&group, 0);
	push_lead(&group);
	push(&group, get(1));
	push(&group, &(struct sample){ .sql = "SELECT 1 / (500 - i), repeat('x', 100)"
					      " FROM generate_series(1, 1000) i" });
	push(&group, get(2));
	wait_all(&group);
	expect_name(&group.probes[1], 1);
	ck_assert_str_eq(group.probes[2].unit.error.wire, "22012");
	ck_assert_uint_eq(group.probes[2].rows, 0);
	expect_name(&group.probes[3], 2);
	group_close(&group);
}
END_TEST

START_TEST(nothing_is_written_in_a_group)
{
	struct group group;

	group_open(&group, 0);
	push_lead(&group);
	push(&group, get(1));
	push(&group, &(struct sample){ .sql = "INSERT INTO item VALUES (1000)" });
	push(&group, &(struct sample){ .sql = "INSERT INTO item VALUES (1001)" });
	group.stmts[3].writes = true;
	push(&group, get(2));
	wait_all(&group);
	expect_name(&group.probes[1], 1);
	ck_assert_str_eq(group.probes[2].unit.error.wire, "25006");
	ck_assert_str_eq(group.probes[3].unit.error.wire, "25006");
	expect_name(&group.probes[4], 2);
	release(&group);
	push(&group, &(struct sample){ .sql = "SELECT count(*) FROM item" });
	wait_all(&group);
	expect(&group.probes[0], "100|\n");
	group_close(&group);
}
END_TEST

/* One that runs, one behind it, one that has not been sent. */
START_TEST(cancelling_one_of_a_group_touches_nobody_else)
{
	struct group group;
	struct md_conn *conn;
	uint64_t start;

	group_open(&group, 0);
	conn = group.rig.conn;
	push_lead(&group);
	push(&group, get(1));
	push(&group, &(struct sample){ .sql = NAP });
	push(&group, get(2));
	push(&group, get(3));
	push(&group, get(4));
	conn->driver->cancel(conn, &group.probes[5].unit);
	rig_idle(&group.rig, 50);
	ck_assert_int_eq(group.probes[5].code, MD_CANCELLED);
	ck_assert(!group.probes[5].unit.sent);
	start = md_now_ns();
	conn->driver->cancel(conn, &group.probes[2].unit);
	conn->driver->cancel(conn, &group.probes[3].unit);
	ck_assert_int_eq(rig_wait(&group.rig, &group.probes[2]), MD_CANCELLED);
	ck_assert_int_eq(rig_wait(&group.rig, &group.probes[3]), MD_CANCELLED);
	ck_assert_uint_lt(md_now_ns() - start, 150 * MD_MS);
	wait_all(&group);
	expect_name(&group.probes[1], 1);
	expect_name(&group.probes[4], 3);
	ck_assert(!conn->broken);
	group_close(&group);
}
END_TEST

/* It fails, and the server skips one that has been cancelled meanwhile. */
START_TEST(a_skipped_unit_that_was_cancelled_does_not_begin_again)
{
	struct group group;

	group_open(&group, 0);
	push_lead(&group);
	push(&group, &(struct sample){ .sql = "SELECT 1 / (count(*) - count(*))::int"
					      " FROM pg_sleep(0.3)" });
	push(&group, get(2));
	push(&group, get(3));
	rig_idle(&group.rig, 50);
	group.rig.conn->driver->cancel(group.rig.conn, &group.probes[2].unit);
	wait_all(&group);
	ck_assert_str_eq(group.probes[1].unit.error.wire, "22012");
	ck_assert_int_eq(group.probes[2].code, MD_CANCELLED);
	ck_assert_uint_eq(group.probes[2].rows, 0);
	expect_name(&group.probes[3], 3);
	group_close(&group);
}
END_TEST

START_TEST(the_deadline_of_one_touches_nobody_else)
{
	struct group group;
	struct probe *late;
	uint64_t start;

	group_open(&group, 0);
	push_lead(&group);
	push(&group, get(1));
	late = make(&group, &(struct sample){ .sql = NAP });
	late->unit.deadline_ns = md_now_ns() + 60 * MD_MS;
	rig_push(&group.rig, late);
	push(&group, get(2));
	start = md_now_ns();
	ck_assert_int_eq(rig_wait(&group.rig, late), MD_TIMEOUT);
	ck_assert_uint_lt(md_now_ns() - start, 200 * MD_MS);
	wait_all(&group);
	expect_name(&group.probes[1], 1);
	expect_name(&group.probes[3], 2);
	ck_assert(!group.rig.conn->broken);
	group_close(&group);
}
END_TEST

/* The server's own limit is one of statements, not of the group. */
START_TEST(the_statement_timeout_counts_for_each)
{
	struct group group;

	group_open(&group, 200);
	push_lead(&group);
	for (int i = 0; i < 4; i++)
		push(&group, &(struct sample){ .sql = "SELECT pg_sleep(0.1)" });
	push(&group, &(struct sample){ .sql = NAP });
	push(&group, get(2));
	wait_all(&group);
	for (int i = 1; i <= 4; i++)
		expect(&group.probes[i], "|\n");
	ck_assert_int_eq(group.probes[5].code, MD_TIMEOUT);
	ck_assert_str_eq(group.probes[5].unit.error.wire, "57014");
	expect_name(&group.probes[6], 2);
	group_close(&group);
}
END_TEST

START_TEST(a_session_killed_amid_a_group_ends_every_unit_once)
{
	struct group group;

	group_open(&group, 0);
	push_lead(&group);
	push(&group, get(1));
	push(&group, &(struct sample){ .sql = "SELECT pg_sleep(30)" });
	push(&group, get(2));
	rig_idle(&group.rig, 50);
	push(&group, get(3));
	suite_engine()->kill();
	wait_all(&group);
	expect_name(&group.probes[1], 1); /* it came before the end */
	for (int i = 2; i <= 4; i++)
		ck_assert_int_eq(group.probes[i].code, MD_UNAVAILABLE);
	ck_assert_str_eq(group.probes[2].unit.error.wire, "57P01");
	ck_assert(group.rig.conn->broken);
	group_close(&group);
}
END_TEST

START_TEST(closing_amid_a_group_ends_every_unit_once)
{
	struct group group;

	group_open(&group, 0);
	push_lead(&group);
	push(&group, &(struct sample){ .sql = NAP });
	push(&group, get(2));
	rig_idle(&group.rig, 50);
	push(&group, get(3));
	rig_close(&group.rig);
	for (int i = 1; i <= 3; i++) {
		ck_assert(group.probes[i].done);
		ck_assert_int_eq(group.probes[i].code, MD_UNAVAILABLE);
	}
	release(&group);
}
END_TEST

START_TEST(a_prelude_is_not_seen_by_the_neighbours)
{
	static const char *const preludes[] = { NULL, EVE, BOB, EVE, EVE, NULL, NULL, BOB };
	struct group group;

	group_open(&group, 0);
	for (unsigned turn = 0; turn < 8; turn++) {
		push_lead(&group);
		for (unsigned i = 0; i < 30; i++)
			push(&group,
			     &(struct sample){ .sql = WHO,
					       .prelude = preludes[i * (turn + 1) / 3 % 8] });
		push(&group, &(struct sample){ .sql = WHO, .prelude = "SELECT nonsense" });
		push(&group, &(struct sample){ .sql = WHO });
		wait_all(&group);
		for (unsigned i = 0; i < 30; i++) {
			const char *prelude = preludes[i * (turn + 1) / 3 % 8];

			expect(&group.probes[i + 1], !prelude                    ? "|\n"
						     : strcmp(prelude, EVE) == 0 ? "eve|\n"
										 : "bob|\n");
		}
		ck_assert_str_eq(group.probes[31].unit.error.wire, "42703");
		expect(&group.probes[32], "|\n");
		release(&group);
	}
	group_close(&group);
}
END_TEST

/* --- whatever is mixed --- */

static const struct sample samples[] = {
	{ .sql = GET, .params = 1, .arg = 7 },
	{ .sql = GET, .params = 1, .arg = 8, .prelude = EVE },
	{ .sql = GET, .params = 1, .arg = 1234 },
	{ .sql = WHO },
	{ .sql = WHO, .prelude = EVE },
	{ .sql = WHO, .prelude = BOB },
	{ .sql = WHO, .prelude = "SELECT nonsense" },
	{ .sql = WRONG },
	{ .sql = "SELECT 1 / $1::int", .params = 1, .arg = 0 },
	{ .sql = "SELECT 1 / $1::int", .params = 1, .arg = 1 },
	{ .sql = "SELECT i, repeat('x', 90) FROM generate_series(1, $1) i",
	  .params = 1,
	  .arg = 900 },
	{ .sql = "SELECT 1 / (90 - i) FROM generate_series(1, $1) i", .params = 1, .arg = 100 },
	{ .sql = "INSERT INTO item VALUES (5000)" },
	{ .sql = "" },
	{ .sql = "SELECT 1 FROM" },
	{ .sql = "DEALLOCATE ALL" },
};
enum { SAMPLES = sizeof(samples) / sizeof(samples[0]) };

/* What is behind a sample that makes it more than one read: a second call, a bracket, a pause. */
static void vary(struct group *group, struct probe *probe, unsigned how)
{
	struct probe_step *steps = group->steps[probe - group->probes];

	switch (how % 6) {
	case 0: /* twice, still in the group */
		steps[1] = steps[0];
		steps[2] = (struct probe_step)COMMIT;
		break;
	case 1: /* one snapshot: a bracket of its own */
		steps[1] = steps[0];
		steps[2] = (struct probe_step)COMMIT;
		probe->unit.tx = MD_TX_READ;
		break;
	case 2:
		steps[1] = (struct probe_step)AFTER_ROWS;
		steps[2] = steps[0];
		steps[3] = (struct probe_step)COMMIT;
		break;
	case 3:
		probe_pausing(probe, 10);
		break;
	case 4:
		probe->abort = true;
		break;
	case 5:
		probe->no_rows = true;
		break;
	}
}

struct outcome {
	enum md_code code;
	char wire[MD_WIRE_MAX], *text;
};

static void note(struct probe *probe, struct outcome *ret)
{
	ret->code = probe->code;
	snprintf(ret->wire, sizeof(ret->wire), "%s",
		 probe->code == MD_OK ? "" : probe->unit.error.wire);
	ret->text = strdup(probe->code == MD_OK ? probe_text(probe) : "");
}

static void add(struct group *group, unsigned which, unsigned how)
{
	vary(group, make(group, &samples[which]), how);
}

/* One by one, on the same kind of connection. */
static void run_alone(struct group *group, const unsigned *which, const unsigned *how,
		      unsigned count, struct outcome *ret)
{
	for (unsigned i = 0; i < count; i++) {
		add(group, which[i], how[i]);
		rig_run(&group->rig, &group->probes[0]);
		note(&group->probes[0], &ret[i]);
		release(group);
	}
}

START_TEST(random_groups_answer_as_one_by_one)
{
	static struct group group, alone;
	unsigned which[UNITS_MAX], how[UNITS_MAX], good = 0, bad = 0;
	struct outcome expected[UNITS_MAX], got;

	srand(20261122);
	group_open(&group, 0);
	group_open(&alone, 0);
	for (unsigned round = 0; round < 60; round++) {
		unsigned count = 1 + (unsigned)rand() % (UNITS_MAX - 1);

		for (unsigned i = 0; i < count; i++) {
			which[i] = (unsigned)rand() % (round % 2 ? SAMPLES : 4);
			if (round % 4 == 0 && rand() % 8 == 0)
				which[i] = SAMPLES - 1;
			how[i] = (unsigned)rand() % 30; /* most stay as they are */
			if (how[i] >= 6)
				how[i] = 3;
		}
		run_alone(&alone, which, how, count, expected);
		for (unsigned i = 0; i < count; i++) {
			add(&group, which[i], how[i]);
			rig_push(&group.rig, &group.probes[i]);
			if (rand() % 16 == 0)
				rig_idle(&group.rig, 1);
		}
		wait_all(&group);
		for (unsigned i = 0; i < count; i++) {
			note(&group.probes[i], &got);
			ck_assert_msg(got.code == expected[i].code &&
					      strcmp(got.wire, expected[i].wire) == 0,
				      "round %u, %u of %u: %s (%s): %d %s instead of %d %s", round,
				      i, count, samples[which[i]].sql,
				      group.probes[i].unit.error.message, (int)got.code, got.wire,
				      (int)expected[i].code, expected[i].wire);
			ck_assert_str_eq(got.text, expected[i].text);
			good += got.code == MD_OK;
			bad += got.code != MD_OK;
			free(got.text);
			free(expected[i].text);
		}
		release(&group);
	}
	ck_assert_uint_gt(good, 200);
	ck_assert_uint_gt(bad, 200);
	group_close(&group);
	group_close(&alone);
}
END_TEST

/* --- memory --- */

/* A unit may fail for it, or the connection; what says that it worked has worked. */
static bool run_short_of_memory(void)
{
	static const struct sample mixed[] = {
		{ .sql = "SELECT 0" },
		{ .sql = GET, .params = 1, .arg = 1 },
		{ .sql = WHO, .prelude = EVE },
		{ .sql = WHO, .prelude = EVE },
		{ .sql = WRONG },
		{ .sql = WHO, .prelude = EVE },
		{ .sql = GET, .params = 1, .arg = 1 },
	};
	static const char *const rows[] = { "0|\n", "name 1|\n", "eve|\n",   "eve|\n",
					    NULL,   "eve|\n",    "name 1|\n" };
	struct md_conn_target target = { .shared = true, .read_only = true, .statement_cache = 2 };
	static struct group group;
	struct md_error err;
	bool all = true;

	if (rig_connect(&group.rig, target, &err) != MD_OK)
		return false;
	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned i = 0; i < 7; i++)
			push(&group, &mixed[i]);
		for (unsigned i = 0; i < 7; i++) {
			struct probe *probe = &group.probes[i];
			enum md_code code = rig_wait(&group.rig, probe);

			fault_pause();
			MUST(code != MD_OK || rows[i], "what is wrong has worked");
			if (code == MD_OK && probe_text(probe))
				expect(probe, rows[i]);
			all = all && (code == MD_OK ||
				      (!rows[i] && strcmp(probe->unit.error.wire, "42P01") == 0));
			fault_resume();
		}
		fault_pause();
		release(&group);
		fault_resume();
	}
	MUST(group.rig.conn->depth == 0, "depth is %u", group.rig.conn->depth);
	rig_close(&group.rig);
	return all;
}

START_TEST(a_group_survives_a_failed_allocation_at_every_place)
{
	long n;

	suite_engine()->reset();
	suite_engine()->admin("INSERT INTO item VALUES (1, 'name 1')");
	id_of(GET);
	for (n = 0; n < 1000; n++) {
		bool all;

		fault_arm(n);
		all = run_short_of_memory();
		if (!fault_fired()) {
			fault_disarm();
			ck_assert(all);
			break;
		}
		fault_disarm();
	}
	ck_assert_msg(n > 3 && n < 1000, "%ld calls could fail", n);
}
END_TEST

void suite_groups(TCase *tcase)
{
	if (!suite_engine()->groups)
		return;
	suite_add(tcase, reads_of_one_turn_share_a_transaction, 0, 0);
	suite_add(tcase, an_error_in_a_group_leaves_the_others_alone, 0, 0);
	suite_add(tcase, a_slow_read_does_not_hold_up_all_before_it, 0, 0);
	suite_add(tcase, an_error_after_rows_is_the_unit_s_own, 0, 0);
	suite_add(tcase, nothing_is_written_in_a_group, 0, 0);
	suite_add(tcase, cancelling_one_of_a_group_touches_nobody_else, 0, 0);
	suite_add(tcase, a_skipped_unit_that_was_cancelled_does_not_begin_again, 0, 0);
	suite_add(tcase, the_deadline_of_one_touches_nobody_else, 0, 0);
	suite_add(tcase, the_statement_timeout_counts_for_each, 0, 0);
	suite_add(tcase, a_session_killed_amid_a_group_ends_every_unit_once, 0, 0);
	suite_add(tcase, closing_amid_a_group_ends_every_unit_once, 0, 0);
	suite_add(tcase, a_prelude_is_not_seen_by_the_neighbours, 0, 0);
	suite_add(tcase, random_groups_answer_as_one_by_one, 0, 0);
	suite_add(tcase, a_group_survives_a_failed_allocation_at_every_place, 0, 0);
}
