#include "tests/driver/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "tests/support/fault.h"

static const struct suite_engine *engine;

const struct suite_engine *suite_engine(void)
{
	return engine;
}

/* --- the rig --- */

/* A driver may change its fd and its wishes in any call; look after each. */
static void watch(struct rig *rig)
{
	const struct md_db_driver *driver = rig->conn->driver;
	int fd = driver->fd(rig->conn);
	unsigned wants = driver->wants(rig->conn);

	if (rig->source.watched && fd != rig->source.fd)
		md_reactor_forget(rig->reactor, &rig->source);
	if (fd < 0 || (rig->source.watched && wants == rig->source.wants))
		return;
	rig->source.fd = fd;
	rig->source.wants = wants;
	MUST(md_reactor_watch(rig->reactor, &rig->source), "cannot watch fd %d", fd);
}

static void on_ready(struct md_source *source, unsigned events)
{
	struct rig *rig = (struct rig *)((char *)source - offsetof(struct rig, source));

	rig->conn->driver->process(rig->conn, events);
	watch(rig);
}

static void on_turn_end(struct md_turn_hook *hook)
{
	struct rig *rig = (struct rig *)((char *)hook - offsetof(struct rig, hook));

	if (!rig->conn)
		return;
	rig->conn->driver->flush(rig->conn);
	watch(rig);
}

bool rig_is_blocking(const struct rig *rig)
{
	return rig->conn->driver->features & MD_DB_BLOCKING;
}

enum md_code rig_connect(struct rig *rig, struct md_conn_target target, struct md_error *err)
{
	enum md_code code;

	*rig = (struct rig){ .source = { .phase = MD_PHASE_DB, .ready = on_ready },
			     .hook = { .end = on_turn_end } };
	if (!target.url)
		target.url = engine->url;
	code = engine->driver->connect(&target, &rig->conn, err);
	if (code != MD_OK)
		return code;
	MUST(rig->conn->driver == engine->driver, "a connection of another driver");
	if (rig_is_blocking(rig))
		return MD_OK;
	fault_pause();
	MUST(md_reactor_new(&rig->reactor, err) == MD_OK, "no reactor");
	fault_resume();
	md_reactor_at_turn_end(rig->reactor, &rig->hook);
	watch(rig);
	return MD_OK;
}

void rig_open(struct rig *rig)
{
	struct md_error err = { 0 };

	engine->reset();
	MUST(rig_connect(rig, (struct md_conn_target){ 0 }, &err) == MD_OK, "%s", err.message);
}

void rig_close(struct rig *rig)
{
	if (rig->reactor)
		md_reactor_forget(rig->reactor, &rig->source);
	if (rig->conn)
		rig->conn->driver->close(rig->conn);
	rig->conn = NULL;
	rig->reactor = md_reactor_free(rig->reactor);
}

void rig_push(struct rig *rig, struct probe *probe)
{
	rig->conn->driver->push(rig->conn, &probe->unit);
	if (rig->reactor)
		watch(rig);
}

static void run_until(struct rig *rig, const bool *until)
{
	if (*until)
		return;
	MUST(rig->reactor != NULL, "a blocking driver returned from push() too early");
	md_reactor_run(rig->reactor, until);
}

void rig_wait_pause(struct rig *rig, struct probe *probe)
{
	probe->wake = probe->paused || probe->done;
	run_until(rig, &probe->wake);
}

enum md_code rig_wait(struct rig *rig, struct probe *probe)
{
	for (;;) {
		rig_wait_pause(rig, probe);
		if (probe->done)
			return probe->code;
		probe->paused = false;
		rig->conn->driver->resume(rig->conn, &probe->unit);
		if (rig->reactor)
			watch(rig);
	}
}

struct alarm {
	struct md_timer timer;
	bool due;
};

static void on_alarm(struct md_timer *timer)
{
	struct alarm *alarm = (struct alarm *)timer;

	alarm->due = true;
}

void rig_idle(struct rig *rig, unsigned ms)
{
	struct alarm alarm = { .timer = { .due = on_alarm } };

	if (!rig->reactor)
		return;
	md_reactor_arm(rig->reactor, &alarm.timer, md_now_ns() + ms * MD_MS);
	md_reactor_run(rig->reactor, &alarm.due);
}

enum md_code rig_run(struct rig *rig, struct probe *probe)
{
	rig_push(rig, probe);
	return rig_wait(rig, probe);
}

enum md_code rig_one(struct rig *rig, const struct md_stmt *stmt, const struct md_value *args,
		     char **ret_text)
{
	struct probe probe;
	enum md_code code;

	probe_init(&probe, MD_TX_IMPLICIT, STEPS(CALL(stmt, args), COMMIT));
	code = rig_run(rig, &probe);
	if (ret_text)
		*ret_text = strdup(probe_text(&probe));
	probe_release(&probe);
	return code;
}

void rig_expect(struct rig *rig, const struct md_stmt *stmt, const struct md_value *args,
		const char *rows)
{
	struct probe probe;

	probe_init(&probe, MD_TX_IMPLICIT, STEPS(CALL(stmt, args), COMMIT));
	MUST(rig_run(rig, &probe) == MD_OK, "%s: %s", stmt->sql, probe.unit.error.message);
	ck_assert_str_eq(probe_text(&probe), rows);
	probe_release(&probe);
}

/* --- the probe --- */

static struct probe *probe_of(struct md_unit *unit)
{
	return (struct probe *)unit; /* first member */
}

static enum md_next on_next(struct md_unit *unit, struct md_call *ret_call)
{
	struct probe *probe = probe_of(unit);
	const struct probe_step *step = &probe->steps[probe->at];

	if (step->next == MD_NEXT_CALL || step->next == MD_NEXT_AFTER_ROWS)
		probe->at++;
	if (step->next == MD_NEXT_CALL)
		*ret_call = (struct md_call){ .stmt = step->stmt, .args = step->args, .tag = step };
	return step->next;
}

/* The shortest text that reads back as the same number. */
static void put_real(struct md_buf *out, double value)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	md_buf_puts(out, text);
}

static void put_cells(struct probe *probe, const struct md_value *cells, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		switch (cells[i].type) {
		case MD_NULL:
			md_buf_putc(&probe->out, '~');
			break;
		case MD_INT:
			md_buf_put_i64(&probe->out, cells[i].i);
			break;
		case MD_REAL:
			put_real(&probe->out, cells[i].r);
			break;
		case MD_TEXT:
		case MD_BLOB:
			md_buf_put(&probe->out, cells[i].text, cells[i].len);
			break;
		}
		md_buf_putc(&probe->out, '|');
	}
	md_buf_putc(&probe->out, '\n');
	probe->rows++;
}

static enum md_code put_child(struct probe *probe, struct md_rows *rows, struct md_error *err)
{
	const struct md_value *cells;
	struct md_rows *child;
	enum md_step step;
	enum md_code code = rows->child(rows, probe->child, &child, err);

	if (code != MD_OK)
		return code;
	while ((step = child->next(child, &cells, err)) == MD_STEP_ROW)
		put_cells(probe, cells, child->columns);
	rows->close(child);
	return step == MD_STEP_END ? MD_OK : MD_INTERNAL;
}

static enum md_flow at_end(struct probe *probe)
{
	probe->calls++;
	probe->changes = probe->unit.changes;
	if (!probe->abort)
		return MD_FLOW_ON;
	md_fail(&probe->unit.error, MD_INVALID, "MDTEST", "the probe wants to abort");
	return MD_FLOW_ABORT;
}

static enum md_flow on_rows(struct md_unit *unit, const struct md_call *call, struct md_rows *rows)
{
	struct probe *probe = probe_of(unit);
	const struct md_value *cells;

	MUST(((const struct probe_step *)call->tag)->stmt == call->stmt, "a call with a wrong tag");
	for (;;) {
		switch (rows->next(rows, &cells, &unit->error)) {
		case MD_STEP_ROW:
			put_cells(probe, cells, rows->columns);
			if (probe->child && put_child(probe, rows, &unit->error) != MD_OK)
				return MD_FLOW_ABORT;
			if (probe->no_rows)
				return at_end(probe);
			if (probe->pause_every && probe->rows % probe->pause_every == 0)
				return MD_FLOW_PAUSE;
			break;
		case MD_STEP_END:
			return at_end(probe);
		case MD_STEP_WAIT:
			return MD_FLOW_WAIT;
		case MD_STEP_FAIL:
			return MD_FLOW_ABORT;
		}
	}
}

static void on_paused(struct md_unit *unit)
{
	struct probe *probe = probe_of(unit);

	MUST(!probe->paused && !probe->done, "paused() came out of turn");
	probe->paused = probe->wake = true;
	probe->pauses++;
}

static void on_done(struct md_unit *unit, enum md_code code)
{
	struct probe *probe = probe_of(unit);

	MUST(!probe->done, "done() came twice");
	probe->done = probe->wake = true;
	probe->code = code;
	if (code == MD_OK)
		return;
	MUST(unit->error.code == code, "done(%d) but the error says %d: %s", (int)code,
	     (int)unit->error.code, unit->error.message);
	MUST(unit->error.message[0] != '\0', "an error without a message");
	MUST(unit->error.wire[0] != '\0', "an error without a code for clients");
}

static void on_reset(struct md_unit *unit)
{
	struct probe *probe = probe_of(unit);

	md_buf_clear(&probe->out);
	probe->rows = 0;
	probe->at = probe->calls = 0;
}

static const struct md_unit_ops steady_ops = {
	.next = on_next, .rows = on_rows, .paused = NULL, .done = on_done, .reset = on_reset
};
static const struct md_unit_ops pausing_ops = {
	.next = on_next, .rows = on_rows, .paused = on_paused, .done = on_done, .reset = on_reset
};

void probe_init(struct probe *probe, enum md_tx tx, const struct probe_step *steps)
{
	*probe = (struct probe){ .unit = { .ops = &steady_ops, .tx = tx }, .steps = steps };
	md_buf_init(&probe->out, 256u << 20);
}

void probe_pausing(struct probe *probe, unsigned rows)
{
	probe->unit.ops = &pausing_ops;
	probe->pause_every = rows;
}

void probe_release(struct probe *probe)
{
	md_buf_release(&probe->out);
}

const char *probe_text(struct probe *probe)
{
	return md_buf_text(&probe->out);
}

/* --- statements --- */

struct md_stmt stmt_new(const char *sql, unsigned params, bool returns_rows, bool writes)
{
	return (struct md_stmt){ .id = md_stmt_next_id(),
				 .sql = sql,
				 .params = params,
				 .returns_rows = returns_rows,
				 .writes = writes };
}

struct stmts stmts_new(void)
{
	const struct suite_texts *t = &engine->texts;

	return (struct stmts){
		.echo = stmt_new(t->echo, 4, true, false),
		.put = stmt_new(t->put, 2, false, true),
		.get = stmt_new(t->get, 1, true, false),
		.count = stmt_new(t->count, 0, true, false),
		.clear = stmt_new(t->clear, 0, false, true),
		.series = stmt_new(t->series, 1, true, false),
		.slow = stmt_new(t->slow, 0, true, false),
		.wrong = stmt_new(t->wrong, 0, true, false),
	};
}

/* --- the list --- */

void suite_add(TCase *tcase, const TTest *test, unsigned needs, unsigned forbids)
{
	unsigned features = engine->driver->features;

	if ((features & needs) == needs && (features & forbids) == 0)
		tcase_add_test(tcase, test);
	else
		printf("not for %s: %s\n", engine->name, test->name);
}

int suite_main(const struct suite_engine *under_test)
{
	Suite *suite = suite_create(under_test->name);
	TCase *tcase = tcase_create(under_test->name);
	SRunner *runner = srunner_create(suite);
	int failed;

	engine = under_test;
	tcase_set_timeout(tcase, 60);
	suite_values(tcase);
	suite_units(tcase);
	suite_flow(tcase);
	suite_loss(tcase);
	suite_groups(tcase);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
