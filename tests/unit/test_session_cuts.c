/* Sessions when the power goes: what a commit has acknowledged is there, whole, and nothing else.
 */
#include <stdio.h>

#include "core/db/session.h"
#include "tests/support/suite.h"
#include "tests/support/vfs_shim.h"
#include "tests/support/writer_rig.h"

enum { SESSIONS = 6, ROWS = 2, CUTS_A_ROUND = 25 };

/* Several transactions, one after the other, each of two units. */
struct outcome {
	unsigned acknowledged, failed; /* told */
	unsigned lost, torn;           /* found */
};
struct end {
	struct rig *rig;
	enum md_code code;
};

static void ended(struct md_session *session, const struct md_error *err, void *arg)
{
	struct end *end = arg;

	(void)session;
	end->code = err->code;
	end->rig->idle = true;
}

static enum md_code run_unit(struct rig *rig, struct md_session *session, unsigned number)
{
	static struct job job;
	char sql[96];

	snprintf(sql, sizeof(sql), "INSERT INTO item VALUES (NULL, %u, randomblob(900))", number);
	job_text(&job, sql);
	job.rig = rig;
	rig->flying++;
	rig->idle = false;
	md_session_run(session, &job.s.unit);
	rig_wait(rig);
	return job.s.code;
}

static enum md_code run_session(struct rig *rig, unsigned number)
{
	const struct md_session_options how = { .writes = number % 2 };
	struct end end = { .rig = rig };
	struct md_session *session;
	enum md_code code = MD_OK;

	MUST(md_session_open(rig->loop, &how, &session, NULL) == MD_OK);
	for (unsigned i = 0; i < ROWS && code == MD_OK; i++)
		code = run_unit(rig, session, number);
	rig->idle = false;
	if (code == MD_OK)
		md_session_commit(session, ended, &end);
	else
		md_session_rollback(session, ended, &end);
	md_reactor_run(rig->reactor, &rig->idle);
	md_session_close(session);
	return code == MD_OK ? end.code : code;
}

static void judge(unsigned first, const enum md_code *codes, struct outcome *out)
{
	for (unsigned i = 0; i < SESSIONS; i++) {
		char sql[64];
		unsigned rows;

		snprintf(sql, sizeof(sql), "SELECT count(*) FROM item WHERE batch = %u", first + i);
		rows = (unsigned)strtoul(rig_ask(sql), NULL, 10);
		out->acknowledged += codes[i] == MD_OK;
		out->failed += codes[i] != MD_OK;
		out->lost += codes[i] == MD_OK && rows == 0;
		out->torn += rows != 0 && rows != ROWS;
	}
}

static void cut_at(long call, unsigned seed, enum md_durability durability, unsigned first,
		   struct outcome *out)
{
	struct md_db_options options = rig_options();
	enum md_code codes[SESSIONS];
	struct rig rig;

	options.durability = durability;
	options.keep_journal = true;
	rig_open_with(&rig, &options);
	shim_cut(call);
	for (unsigned i = 0; i < SESSIONS; i++)
		codes[i] = run_session(&rig, first + i);
	shim_cut(0);
	rig_close(&rig);
	shim_power_on(seed);
	shim_track();
	judge(first, codes, out);
	ck_assert_str_eq(rig_ask("PRAGMA integrity_check"), "ok");
}

static void cut_often(const char *journal, enum md_durability durability, unsigned rounds,
		      struct outcome *out)
{
	char sql[64];

	shim_install();
	shim_real_sync(false);
	snprintf(sql, sizeof(sql), "PRAGMA journal_mode = %s", journal);
	for (unsigned round = 0; round < rounds; round++) {
		rig_make_folder();
		rig_admin(sql);
		rig_admin("CREATE TABLE item (id INTEGER PRIMARY KEY, batch INTEGER, filler)");
		shim_track();
		for (unsigned i = 0; i < CUTS_A_ROUND; i++)
			cut_at((long)((round * 7 + i * 3) % 60), i % 2 ? round * 100 + i + 1 : 0,
			       durability, 1 + i * SESSIONS, out);
		rig_remove_folder();
	}
	printf("%s, %u cuts: %u acknowledged, %u cut off; %u lost, %u torn\n", journal,
	       rounds * CUTS_A_ROUND, out->acknowledged, out->failed, out->lost, out->torn);
	ck_assert_uint_eq(out->torn, 0);
	ck_assert_uint_gt(out->acknowledged, rounds * CUTS_A_ROUND / 4);
	ck_assert_uint_gt(out->failed, rounds * CUTS_A_ROUND / 4);
}

START_TEST(no_transaction_that_was_acknowledged_is_lost)
{
	struct outcome wal = { 0 }, journal = { 0 };

	cut_often("WAL", MD_DURABLE, 4, &wal);
	ck_assert_uint_eq(wal.lost, 0);
	cut_often("DELETE", MD_DURABLE, 2, &journal);
	ck_assert_uint_eq(journal.lost, 0);
}
END_TEST

/* The test above can fail. */
START_TEST(without_syncs_the_same_cuts_lose_transactions)
{
	struct outcome out = { 0 };

	cut_often("WAL", MD_DURABLE_LATER, 1, &out);
	ck_assert_uint_gt(out.lost, 0);
}
END_TEST

SUITE_MAIN("session_cuts", no_transaction_that_was_acknowledged_is_lost,
	   without_syncs_the_same_cuts_lose_transactions)
