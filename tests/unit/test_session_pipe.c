/* Sessions of an engine with connections, when one breaks while it is used: whoever has asked for
 * something hears of it later, never from within the call. */
#include "core/base/clock.h"
#include "core/db/session.h"
#include "tests/support/pipe_driver.h"
#include "tests/support/suite.h"

struct rig {
	struct md_reactor *reactor;
	struct md_db *db;
	struct md_db_loop *loop;
	struct md_session *session;
	struct md_unit unit;
	unsigned heard;
	enum md_code code;
	bool idle;
};

static enum md_next unit_next(struct md_unit *unit, struct md_call *ret_call)
{
	(void)unit;
	(void)ret_call;
	return MD_NEXT_COMMIT;
}

static enum md_flow unit_rows(struct md_unit *unit, const struct md_call *call,
			      struct md_rows *rows)
{
	(void)unit;
	(void)call;
	(void)rows;
	return MD_FLOW_ON;
}

static void unit_done(struct md_unit *unit, enum md_code code)
{
	struct rig *rig = (struct rig *)((char *)unit - offsetof(struct rig, unit));

	rig->heard++;
	rig->code = code;
	rig->idle = true;
}

static const struct md_unit_ops unit_ops = { .next = unit_next,
					     .rows = unit_rows,
					     .done = unit_done };

static void heard(struct md_session *session, const struct md_error *err, void *arg)
{
	struct rig *rig = arg;

	ck_assert_ptr_eq(session, rig->session);
	rig->heard++;
	rig->code = err->code;
	rig->idle = true;
}

/* What was just begun ends in a later turn, once. */
static enum md_code wait_for(struct rig *rig)
{
	ck_assert_uint_eq(rig->heard, 0);
	md_reactor_run(rig->reactor, &rig->idle);
	ck_assert_uint_eq(rig->heard, 1);
	ck_assert(!md_session_is_busy(rig->session));
	rig->heard = 0;
	rig->idle = false;
	return rig->code;
}

static void commit(struct rig *rig)
{
	md_session_commit(rig->session, heard, rig);
}

static void roll_back(struct rig *rig)
{
	md_session_rollback(rig->session, heard, rig);
}

static void set_mark(struct rig *rig)
{
	md_session_mark(rig->session, 0, heard, rig);
}

static void undo_to_mark(struct rig *rig)
{
	md_session_unmark(rig->session, true, heard, rig);
}

static void set_point(struct rig *rig)
{
	md_session_point(rig->session, MD_POINT_SET, 1, heard, rig);
}

static void run_unit(struct rig *rig)
{
	rig->unit = (struct md_unit){ .ops = &unit_ops, .tx = MD_TX_WRITE };
	md_session_run(rig->session, &rig->unit);
}

static void open_rig(struct rig *rig)
{
	const struct md_session_options how = { .writes = true };
	const struct md_db_options options = {
		.url = "pipe:", .driver = &md_pipe_driver, .pool_size = 4, .loops = 1
	};
	struct md_error err = { 0 };

	*rig = (struct rig){ .heard = 0 };
	pipe_reset();
	ck_assert_int_eq(md_db_open(&options, &rig->db, &err), MD_OK);
	ck_assert_int_eq(md_reactor_new(&rig->reactor, &err), MD_OK);
	ck_assert_int_eq(md_db_join(rig->db, rig->reactor, &rig->loop, &err), MD_OK);
	ck_assert_int_eq(md_session_open(rig->loop, &how, &rig->session, &err), MD_OK);
}

static void break_at(void (*step)(struct rig *rig))
{
	struct rig rig;

	open_rig(&rig);
	run_unit(&rig);
	ck_assert_int_eq(wait_for(&rig), MD_OK);
	ck_assert(md_session_is_begun(rig.session));
	pipe_break_at_push(true);
	step(&rig);
	ck_assert_int_eq(wait_for(&rig), MD_UNAVAILABLE);
	pipe_break_at_push(false);
	/* Nothing is left of it, and the session can be used again. */
	roll_back(&rig);
	ck_assert_int_eq(wait_for(&rig), MD_OK);
	run_unit(&rig);
	ck_assert_int_eq(wait_for(&rig), MD_OK);
	commit(&rig);
	ck_assert_int_eq(wait_for(&rig), MD_OK);
	md_session_close(rig.session);
	md_db_leave(rig.loop);
	md_reactor_free(rig.reactor);
	md_db_close(rig.db);
	ck_assert_uint_eq(pipe_open(), 0);
}

START_TEST(a_commit_that_breaks_its_connection_at_once_ends_later)
{
	break_at(commit);
}
END_TEST

START_TEST(a_rollback_that_breaks_its_connection_at_once_ends_later)
{
	break_at(roll_back);
}
END_TEST

START_TEST(a_mark_that_breaks_its_connection_at_once_ends_later)
{
	break_at(set_mark);
}
END_TEST

START_TEST(an_undoing_that_breaks_its_connection_at_once_ends_later)
{
	break_at(undo_to_mark);
}
END_TEST

START_TEST(a_point_that_breaks_its_connection_at_once_ends_later)
{
	break_at(set_point);
}
END_TEST

START_TEST(a_unit_that_breaks_its_connection_at_once_ends_later)
{
	break_at(run_unit);
}
END_TEST

SUITE_MAIN("session_pipe", a_commit_that_breaks_its_connection_at_once_ends_later,
	   a_rollback_that_breaks_its_connection_at_once_ends_later,
	   a_mark_that_breaks_its_connection_at_once_ends_later,
	   an_undoing_that_breaks_its_connection_at_once_ends_later,
	   a_point_that_breaks_its_connection_at_once_ends_later,
	   a_unit_that_breaks_its_connection_at_once_ends_later)
