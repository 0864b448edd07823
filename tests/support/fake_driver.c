#include "tests/support/fake_driver.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/db/catalog.h"
#include "core/db/dialect.h"
#include "tests/support/fault.h"

enum { ITEMS_MAX = 64, NAME_MAX_LEN = 32, SCRIPT_MAX = 32, CACHE_MAX = 256, COLUMNS_MAX = 8 };

struct item {
	int64_t number;
	char name[NAME_MAX_LEN];
	uint32_t len;
	bool null;
};
struct table {
	struct item items[ITEMS_MAX];
	unsigned count;
};
struct answer {
	const char *sql;
	unsigned columns, count;
	const struct md_value *cells;
	enum md_code code; /* not MD_OK: an error */
	const char *wire, *message;
};
/* The cursor of the statement that runs. */
struct cursor {
	struct md_rows rows; /* first */
	struct fake *fake;
	const struct md_call *call;
	unsigned left;
	int64_t number; /* series */
	char filler[101];
	struct md_value cells[COLUMNS_MAX];
	const struct md_value *from; /* rows to hand out; NULL: made in next() */
};
struct fake {
	struct md_conn base;
	bool read_only;
	uint64_t timeout_ns, budget_ns;
	unsigned long cache[CACHE_MAX]; /* most recently used first */
	unsigned cached, cache_limit;
	struct md_unit *unit;
	struct md_call call;
	struct cursor cursor;
	bool in_rows;        /* paused inside rows() */
	struct table before; /* the table as the unit found it */
};

static struct table table;
static struct answer script[SCRIPT_MAX];
static unsigned script_count, connections;
static const struct md_catalog *catalog_given;

void fake_reset(void)
{
	table.count = 0;
	script_count = 0;
	catalog_given = NULL;
}

static void add_answer(struct answer answer)
{
	if (script_count < SCRIPT_MAX)
		script[script_count++] = answer;
	else
		abort();
}

void fake_answer(const char *sql, unsigned columns, const struct md_value *cells, unsigned count)
{
	add_answer(
		(struct answer){ .sql = sql, .columns = columns, .cells = cells, .count = count });
}

void fake_refuse(const char *sql, enum md_code code, const char *wire, const char *message)
{
	add_answer((struct answer){ .sql = sql, .code = code, .wire = wire, .message = message });
}

void fake_set_catalog(const struct md_catalog *catalog)
{
	catalog_given = catalog;
}

unsigned fake_connections(void)
{
	return connections;
}

static bool may_go_on(struct md_error *err)
{
	if (!fault_tick())
		return true;
	md_fail(err, MD_UNAVAILABLE, "58030", "a fault was armed for this call");
	return false;
}

/* --- the statements --- */

static struct item *find(int64_t number)
{
	for (unsigned i = 0; i < table.count; i++)
		if (table.items[i].number == number)
			return &table.items[i];
	return NULL;
}

static enum md_code run_echo(struct cursor *cursor, struct md_error *err)
{
	(void)err;
	cursor->rows.columns = cursor->call->stmt->params;
	cursor->from = cursor->call->args;
	cursor->left = 1;
	return MD_OK;
}

static enum md_code run_put(struct cursor *cursor, struct md_error *err)
{
	const struct md_value *args = cursor->call->args;
	struct item *item = &table.items[table.count];

	if (cursor->fake->read_only || cursor->fake->unit->tx == MD_TX_READ)
		return md_fail(err, MD_INVALID, "25006",
			       "cannot execute put in a read-only transaction");
	if (find(args[0].i))
		return md_fail(err, MD_CONFLICT, "23505", "item %d is there already",
			       (int)args[0].i);
	if (table.count == ITEMS_MAX)
		return md_fail(err, MD_UNAVAILABLE, "53100", "the table is full");
	*item = (struct item){ .number = args[0].i, .null = args[1].type != MD_TEXT };
	item->len = item->null ? 0 : args[1].len;
	if (item->len > NAME_MAX_LEN)
		return md_fail(err, MD_INVALID, "22001", "the text is too long");
	if (item->len > 0)
		memcpy(item->name, args[1].text, item->len);
	table.count++;
	cursor->fake->unit->changes = 1;
	return MD_OK;
}

static enum md_code run_get(struct cursor *cursor, struct md_error *err)
{
	struct item *item = find(cursor->call->args[0].i);

	(void)err;
	cursor->rows.columns = 1;
	cursor->from = cursor->cells;
	if (!item)
		return MD_OK;
	cursor->left = 1;
	cursor->cells[0] = md_value_null();
	if (!item->null)
		cursor->cells[0] = md_value_text((struct md_str){ item->name, item->len });
	return MD_OK;
}

static enum md_code run_count(struct cursor *cursor, struct md_error *err)
{
	(void)err;
	cursor->rows.columns = 1;
	cursor->cells[0] = md_value_int(table.count);
	cursor->from = cursor->cells;
	cursor->left = 1;
	return MD_OK;
}

static enum md_code run_clear(struct cursor *cursor, struct md_error *err)
{
	(void)err;
	cursor->fake->unit->changes = table.count;
	table.count = 0;
	return MD_OK;
}

static enum md_code run_series(struct cursor *cursor, struct md_error *err)
{
	(void)err;
	cursor->rows.columns = 2;
	cursor->left = (unsigned)cursor->call->args[0].i;
	memset(cursor->filler, 'x', 100);
	return MD_OK;
}

/* Why the unit has to stop, if it has; start_ns 0: looks at no clock of the statement. */
static enum md_code stopped(struct fake *fake, uint64_t start_ns, struct md_error *err)
{
	const struct md_unit *unit = fake->unit;
	uint64_t now = md_now_ns();

	if (atomic_load(&unit->cancelled))
		return md_fail(err, MD_CANCELLED, "57014", "cancelled");
	if ((unit->deadline_ns && now > unit->deadline_ns) ||
	    (start_ns && fake->timeout_ns && now - start_ns > fake->timeout_ns))
		return md_fail(err, MD_TIMEOUT, "57014", "it took too long");
	if (start_ns && fake->budget_ns && now - start_ns > fake->budget_ns)
		return md_fail(err, MD_BUSY, "57014", "over its budget");
	return MD_OK;
}

static enum md_code run_slow(struct cursor *cursor, struct md_error *err)
{
	const struct timespec nap = { .tv_nsec = (long)MD_MS };
	uint64_t start = md_now_ns();
	enum md_code code;

	while ((code = stopped(cursor->fake, start, err)) == MD_OK)
		nanosleep(&nap, NULL);
	return code;
}

static const struct {
	const char *sql;
	enum md_code (*run)(struct cursor *cursor, struct md_error *err);
} verbs[] = {
	{ "echo", run_echo },   { "put", run_put },     { "get", run_get },
	{ "count", run_count }, { "clear", run_clear }, { "series", run_series },
	{ "slow", run_slow },
};

static enum md_code run_script(struct cursor *cursor, struct md_error *err)
{
	const char *sql = cursor->call->stmt->sql;

	for (unsigned i = 0; i < script_count; i++) {
		if (strcmp(script[i].sql, sql) != 0)
			continue;
		if (script[i].code != MD_OK)
			return md_fail(err, script[i].code, script[i].wire, "%s",
				       script[i].message);
		cursor->rows.columns = script[i].columns;
		cursor->from = script[i].cells;
		cursor->left = script[i].count;
		return MD_OK;
	}
	return md_fail(err, MD_NOT_FOUND, "42P01", "the fake does not know \"%.64s\"", sql);
}

/* --- cursors and statements --- */

static enum md_step next_row(struct md_rows *rows, const struct md_value **ret_cells,
			     struct md_error *err)
{
	struct cursor *cursor = (struct cursor *)rows;
	struct md_error *into = err ? err : &cursor->fake->unit->error;

	if (stopped(cursor->fake, 0, into) != MD_OK || !may_go_on(into))
		return MD_STEP_FAIL;
	if (cursor->left == 0)
		return MD_STEP_END;
	cursor->left--;
	if (cursor->from) {
		*ret_cells = cursor->from;
		cursor->from += rows->columns;
		return MD_STEP_ROW;
	}
	cursor->cells[0] = md_value_int(++cursor->number);
	cursor->cells[1] = md_value_text((struct md_str){ cursor->filler, 100 });
	*ret_cells = cursor->cells;
	return MD_STEP_ROW;
}

static void prepare(struct fake *fake, unsigned long id)
{
	unsigned at = 0;

	while (at < fake->cached && fake->cache[at] != id)
		at++;
	if (id == 0 || at == fake->cached)
		fake->base.prepares++;
	if (id == 0)
		return;
	if (at == fake->cached && fake->cached < fake->cache_limit)
		fake->cached++;
	else if (at == fake->cached)
		at--; /* the oldest goes */
	memmove(fake->cache + 1, fake->cache, at * sizeof(fake->cache[0]));
	fake->cache[0] = id;
}

static enum md_code begin_call(struct fake *fake, struct md_error *err)
{
	struct cursor *cursor = &fake->cursor;

	*cursor =
		(struct cursor){ .rows = { .next = next_row }, .fake = fake, .call = &fake->call };
	fake->unit->changes = 0;
	if (!may_go_on(err))
		return err->code;
	prepare(fake, fake->call.stmt->id);
	if (!may_go_on(err))
		return err->code;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].sql, fake->call.stmt->sql) == 0)
			return verbs[i].run(cursor, err);
	return run_script(cursor, err);
}

/* --- units --- */

static void end_unit(struct fake *fake, bool keep)
{
	struct md_unit *unit = fake->unit;

	if (keep && unit->error.code == MD_OK)
		may_go_on(&unit->error); /* the commit may fail, too */
	if (!keep || unit->error.code != MD_OK)
		table = fake->before;
	fake->unit = NULL;
	fake->in_rows = false;
	fake->base.depth = 0;
	unit->ops->done(unit, unit->error.code);
}

static void fail_unit(struct fake *fake)
{
	if (fake->unit->error.code == MD_OK)
		md_fail(&fake->unit->error, MD_INTERNAL, "XX000",
			"the unit aborted without saying why");
	end_unit(fake, false);
}

/* Hand the rows over. True: the call is done. */
static bool feed(struct fake *fake)
{
	struct md_unit *unit = fake->unit;

	fake->in_rows = false;
	switch (unit->ops->rows(unit, &fake->call, &fake->cursor.rows)) {
	case MD_FLOW_ON:
		return true;
	case MD_FLOW_PAUSE:
		fake->in_rows = true;
		unit->ops->paused(unit);
		return false;
	case MD_FLOW_WAIT: /* there is nothing to wait for */
	case MD_FLOW_ABORT:
		break;
	}
	fail_unit(fake);
	return false;
}

/* From next() on, until the unit is done or pauses. */
static void go_on(struct fake *fake)
{
	struct md_unit *unit = fake->unit;

	for (;;) {
		switch (unit->ops->next(unit, &fake->call)) {
		case MD_NEXT_AFTER_ROWS:
			break;
		case MD_NEXT_COMMIT:
			end_unit(fake, true);
			return;
		case MD_NEXT_ROLLBACK:
			end_unit(fake, false);
			return;
		case MD_NEXT_CALL:
			if (begin_call(fake, &unit->error) != MD_OK) {
				fail_unit(fake);
				return;
			}
			if (!feed(fake))
				return;
			break;
		}
	}
}

static void push(struct md_conn *conn, struct md_unit *unit)
{
	struct fake *fake = (struct fake *)conn;

	fake->unit = unit;
	fake->before = table;
	conn->depth = 1;
	conn->head_ns = md_now_ns();
	unit->sent = true;
	if (stopped(fake, 0, &unit->error) != MD_OK || !may_go_on(&unit->error))
		end_unit(fake, false);
	else
		go_on(fake);
}

static void resume(struct md_conn *conn, struct md_unit *unit)
{
	struct fake *fake = (struct fake *)conn;

	(void)unit;
	if (fake->in_rows && feed(fake))
		go_on(fake);
}

static void cancel(struct md_conn *conn, struct md_unit *unit)
{
	(void)conn;
	atomic_store(&unit->cancelled, true);
}

/* --- connections --- */

static enum md_code connect_fake(const struct md_conn_target *target, struct md_conn **ret_conn,
				 struct md_error *err)
{
	struct fake *fake;

	if (strcmp(target->url, "fake:memory") != 0)
		return md_fail(err, MD_INVALID, "08001", "the fake driver knows fake:memory only");
	if (fault_tick())
		return md_fail(err, MD_UNAVAILABLE, "08001", "a fault was armed for this call");
	fake = calloc(1, sizeof(*fake));
	if (!fake)
		return md_fail_nomem(err);
	fake->base = (struct md_conn){ .driver = &md_fake_driver,
				       .features = md_fake_driver.features,
				       .born_ns = md_now_ns() };
	fake->read_only = target->read_only;
	fake->timeout_ns = target->statement_timeout_ms * MD_MS;
	fake->cache_limit = target->statement_cache ? target->statement_cache : CACHE_MAX;
	if (fake->cache_limit > CACHE_MAX)
		fake->cache_limit = CACHE_MAX;
	connections++;
	*ret_conn = &fake->base;
	return MD_OK;
}

static void close_fake(struct md_conn *conn)
{
	struct fake *fake = (struct fake *)conn;

	if (fake->unit) {
		md_fail(&fake->unit->error, MD_UNAVAILABLE, "08003", "the connection was closed");
		end_unit(fake, false);
	}
	connections--;
	free(fake);
}

static enum md_code command(struct md_conn *conn, const char *sql, struct md_error *err)
{
	(void)conn;
	(void)sql;
	return may_go_on(err) ? MD_OK : MD_UNAVAILABLE;
}

static enum md_code catalog(struct md_conn *conn, struct md_arena *arena,
			    const struct md_catalog **ret_catalog, struct md_error *err)
{
	static const struct md_catalog empty;

	(void)conn;
	(void)arena;
	if (!may_go_on(err))
		return MD_UNAVAILABLE;
	*ret_catalog = catalog_given ? catalog_given : &empty;
	return MD_OK;
}

static void set_budget(struct md_conn *conn, uint64_t ns)
{
	((struct fake *)conn)->budget_ns = ns;
}

static void put_name(struct md_buf *sql, struct md_str name)
{
	md_buf_putc(sql, '"');
	md_buf_putstr(sql, name);
	md_buf_putc(sql, '"');
}

static void put_param(struct md_buf *sql, unsigned number)
{
	md_buf_printf(sql, "?%u", number);
}

static const struct md_dialect fake_dialect = { .name = "fake",
						.put_name = put_name,
						.put_param = put_param };

const struct md_db_driver md_fake_driver = {
	.engine = "fake",
	.dialect = &fake_dialect,
	.features = MD_DB_BLOCKING,
	.connect = connect_fake,
	.close = close_fake,
	.push = push,
	.resume = resume,
	.cancel = cancel,
	.command = command,
	.catalog = catalog,
	.set_budget = set_budget,
};
