/* The unit of a chain passes everything on to the unit of the write whose turn it is. A call has
 * its write as its tag, because an engine with a pipeline asks for the next calls before it gives
 * the rows of those before. */
#include "core/ops/chain.h"

#include "core/ops/write_private.h"

#include "core/base/banned.h"

/* More than that must not make neighbours wait. */
enum { SHARED_MAX = 64 };

struct md_chain {
	struct md_unit unit; /* first */
	struct md_ops *ops;
	struct md_chain_ask ask;
	struct md_write **writes;
	unsigned *open; /* of each: calls whose rows have not been heard of */
	unsigned made;  /* prepared so far */
	unsigned at;    /* whose calls come next */
	unsigned heard; /* whose rows came last */
	unsigned failed;
	bool blamed; /* `failed` is known */
	bool explaining;
	enum md_read_state state;
};

static struct md_chain *chain_of(struct md_unit *unit)
{
	return (struct md_chain *)unit;
}

/* --- the unit --- */

static enum md_next fail_at(struct md_chain *chain, unsigned index)
{
	chain->failed = index;
	chain->blamed = true;
	chain->unit.error = chain->writes[index]->unit.error;
	return MD_NEXT_ROLLBACK;
}

static enum md_next next(struct md_unit *unit, struct md_call *ret_call)
{
	struct md_chain *chain = chain_of(unit);

	while (chain->at < chain->ask.count) {
		struct md_write *write = chain->writes[chain->at];
		enum md_next how = write->unit.ops->next(&write->unit, ret_call);

		ret_call->tag = write;
		chain->open[chain->at] += how == MD_NEXT_CALL;
		if (how == MD_NEXT_CALL || how == MD_NEXT_AFTER_ROWS)
			return how;
		if (how == MD_NEXT_ROLLBACK)
			return fail_at(chain, chain->at);
		chain->at++;
	}
	return chain->ask.dry_run ? MD_NEXT_ROLLBACK : MD_NEXT_COMMIT;
}

/* Rows come in the order of the calls. */
static unsigned index_of(struct md_chain *chain, const struct md_write *write)
{
	while (chain->writes[chain->heard] != write)
		chain->heard++;
	return chain->heard;
}

static enum md_flow rows(struct md_unit *unit, const struct md_call *call, struct md_rows *rows)
{
	struct md_chain *chain = chain_of(unit);
	unsigned index = index_of(chain, call->tag);
	struct md_write *write = chain->writes[index];
	enum md_flow flow;

	write->unit.changes = unit->changes;
	flow = write->unit.ops->rows(&write->unit, call, rows);
	if (chain->explaining)
		return flow;
	if (flow == MD_FLOW_ABORT)
		fail_at(chain, index);
	else
		chain->open[index] -= flow == MD_FLOW_ON;
	return flow;
}

/* The engine refused a call: the first that nothing was heard of; or the commit. */
static void blame(struct md_chain *chain)
{
	unsigned i = 0, last = chain->ask.count - 1;

	while (i < last && chain->open[i] == 0)
		i++;
	if (!chain->blamed)
		chain->failed = i;
	chain->blamed = true;
}

/* A constraint stood against one of them. */
static enum md_next explain(struct md_unit *unit, struct md_call *ret_call)
{
	struct md_chain *chain = chain_of(unit);
	struct md_write *write;
	enum md_next how;

	blame(chain);
	write = chain->writes[chain->failed];
	if (!write->unit.ops->explain)
		return MD_NEXT_ROLLBACK;
	if (!chain->explaining) {
		write->unit.error = unit->error;
		memcpy(write->unit.violated, unit->violated, sizeof(unit->violated));
		chain->explaining = true;
		chain->heard = chain->failed;
	}
	how = write->unit.ops->explain(&write->unit, ret_call);
	ret_call->tag = write;
	unit->error = write->unit.error;
	return how;
}

static void reset(struct md_unit *unit)
{
	struct md_chain *chain = chain_of(unit);

	chain->at = chain->heard = chain->failed = 0;
	chain->blamed = chain->explaining = false;
	for (unsigned i = 0; i < chain->ask.count; i++) {
		chain->open[i] = 0;
		md_error_clear(&chain->writes[i]->unit.error);
		chain->writes[i]->unit.ops->reset(&chain->writes[i]->unit);
	}
}

/* Everything that has been prepared, ended. */
static void end_all(struct md_chain *chain, enum md_code code)
{
	for (unsigned i = 0; i < chain->made; i++) {
		struct md_write *write = chain->writes[i];

		if (code != MD_OK && i == chain->failed)
			write->unit.error = chain->unit.error;
		md_write_done(&write->unit, code);
		if (code != MD_OK && i == chain->failed)
			chain->unit.error = write->unit.error;
	}
	chain->state = code == MD_OK ? MD_READ_DONE : MD_READ_FAILED;
}

static void done(struct md_unit *unit, enum md_code code)
{
	struct md_chain *chain = chain_of(unit);

	if (code != MD_OK)
		blame(chain);
	end_all(chain, code);
	chain->ask.ready(chain, chain->ask.arg);
}

static const struct md_unit_ops chain_ops = {
	.next = next, .rows = rows, .done = done, .reset = reset, .explain = explain
};

/* --- starting --- */

static void ignore(struct md_write *write, void *arg)
{
	(void)write;
	(void)arg;
}

static enum md_code prepare(struct md_chain *chain)
{
	enum md_code code = MD_OK;

	while (code == MD_OK && chain->made < chain->ask.count) {
		struct md_write_ask ask = chain->ask.asks[chain->made];
		struct md_write *write;

		ask.ready = ignore;
		ask.dry_run = false;
		write = md_write_new(chain->ops, &ask);
		if (!write)
			return md_fail_nomem(&chain->unit.error);
		chain->failed = chain->made;
		chain->unit.error = write->unit.error;
		code = write->unit.error.code;
		if (code == MD_OK)
			chain->writes[chain->made++] = write;
	}
	if (code == MD_OK)
		chain->failed = 0;
	return code;
}

static bool goes_alone(const struct md_chain *chain)
{
	bool alone = chain->ask.count > SHARED_MAX;

	for (unsigned i = 0; i < chain->ask.count; i++)
		alone = alone || chain->writes[i]->unit.alone;
	return alone;
}

static void give_up(struct md_chain *chain)
{
	struct md_error error = chain->unit.error;
	unsigned failed = chain->failed;

	chain->failed = chain->made; /* none of those that are prepared */
	end_all(chain, error.code);
	chain->failed = failed;
	chain->unit.error = error;
}

bool md_chain_start(struct md_ops *ops, const struct md_chain_ask *ask, struct md_chain **ret_chain)
{
	struct md_chain *chain = md_arena_zalloc(ask->arena, sizeof(*chain));

	if (chain) {
		chain->writes = md_arena_zalloc(ask->arena, ask->count * sizeof(struct md_write *));
		chain->open = md_arena_zalloc(ask->arena, ask->count * sizeof(*chain->open));
	}
	*ret_chain = chain && chain->writes && chain->open ? chain : NULL;
	if (!*ret_chain)
		return true;
	chain->ops = ops;
	chain->ask = *ask;
	if (prepare(chain) != MD_OK) {
		give_up(chain);
		return true;
	}
	chain->unit.ops = &chain_ops;
	chain->unit.tx = MD_TX_WRITE;
	chain->unit.alone = goes_alone(chain);
	chain->unit.deadline_ns = ask->deadline_ns;
	if (ask->session)
		md_session_run(ask->session, &chain->unit);
	else
		md_db_run(ops->options.db, &chain->unit, MD_LANE_WRITE);
	return false;
}

enum md_read_state md_chain_state(const struct md_chain *chain)
{
	return chain->state;
}

const struct md_error *md_chain_error(const struct md_chain *chain)
{
	return &chain->unit.error;
}

unsigned md_chain_failed(const struct md_chain *chain)
{
	return chain->failed;
}

const struct md_write_result *md_chain_result(const struct md_chain *chain, unsigned index)
{
	return md_write_result(chain->writes[index]);
}

struct md_write *md_chain_write(const struct md_chain *chain, unsigned index)
{
	return chain->writes[index];
}

void md_chain_cancel(struct md_chain *chain)
{
	if (chain->state != MD_READ_RUNNING)
		return;
	if (chain->ask.session)
		md_session_cancel(chain->ask.session, &chain->unit);
	else
		md_db_cancel(chain->ops->options.db, &chain->unit);
}
