/* Prepared statements and their cursors. The row loop allocates nothing and makes as few calls into
 * SQLite as the cells need. */
#include "core/db/sqlite.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/clock.h"

#include "core/base/banned.h"

static struct md_sqlite_cursor **bucket_of(struct md_sqlite_cache *cache, unsigned long id)
{
	/* Ids are given out one by one, so their low bits spread by themselves. */
	return &cache->buckets[id & cache->mask];
}

static void unlink_use(struct md_sqlite_cache *cache, struct md_sqlite_cursor *cursor)
{
	*(cursor->newer ? &cursor->newer->older : &cache->newest) = cursor->older;
	*(cursor->older ? &cursor->older->newer : &cache->oldest) = cursor->newer;
}

static void link_newest(struct md_sqlite_cache *cache, struct md_sqlite_cursor *cursor)
{
	cursor->newer = NULL;
	cursor->older = cache->newest;
	*(cache->newest ? &cache->newest->newer : &cache->oldest) = cursor;
	cache->newest = cursor;
}

static void free_cursor(struct md_sqlite_cursor *cursor)
{
	sqlite3_finalize(cursor->stmt);
	free(cursor);
}

static void drop(struct md_sqlite_cache *cache, struct md_sqlite_cursor *cursor)
{
	struct md_sqlite_cursor **at = bucket_of(cache, cursor->id);

	while (*at != cursor)
		at = &(*at)->chain;
	*at = cursor->chain;
	unlink_use(cache, cursor);
	cache->count--;
	free_cursor(cursor);
}

static struct md_sqlite_cursor *look_up(struct md_sqlite_cache *cache, unsigned long id)
{
	struct md_sqlite_cursor *cursor = *bucket_of(cache, id);

	while (cursor && cursor->id != id)
		cursor = cursor->chain;
	if (cursor && cursor != cache->newest) {
		unlink_use(cache, cursor);
		link_newest(cache, cursor);
	}
	return cursor;
}

/* Statements that are open are in use by a unit: they stay, even over the limit. */
static void make_room(struct md_sqlite_cache *cache)
{
	struct md_sqlite_cursor *cursor = cache->oldest;

	while (cursor && cache->count >= cache->limit) {
		struct md_sqlite_cursor *newer = cursor->newer;

		if (!cursor->open)
			drop(cache, cursor);
		cursor = newer;
	}
}

static void keep(struct md_sqlite_cache *cache, struct md_sqlite_cursor *cursor)
{
	struct md_sqlite_cursor **bucket = bucket_of(cache, cursor->id);

	make_room(cache);
	cursor->chain = *bucket;
	*bucket = cursor;
	link_newest(cache, cursor);
	cache->count++;
}

bool md_sqlite_cache_init(struct md_sqlite_cache *cache, unsigned limit)
{
	unsigned size = 16;

	limit = limit == 0 ? 256 : limit;
	while (size < limit && size < 1u << 16)
		size *= 2;
	*cache = (struct md_sqlite_cache){ .mask = size - 1, .limit = limit };
	cache->buckets = calloc(size, sizeof(*cache->buckets));
	return cache->buckets != NULL;
}

void md_sqlite_cache_release(struct md_sqlite_cache *cache)
{
	while (cache->newest)
		drop(cache, cache->newest);
	free(cache->buckets);
	cache->buckets = NULL;
}

static enum md_step step_row(struct md_rows *rows, const struct md_value **ret_cells,
			     struct md_error *err);
static enum md_code open_child(struct md_rows *rows, const struct md_call *call,
			       struct md_rows **ret_rows, struct md_error *err);
static void close_child(struct md_rows *rows);

static enum md_code prepare(struct md_sqlite *sq, const struct md_stmt *stmt,
			    struct md_sqlite_cursor **ret_cursor, struct md_error *err)
{
	unsigned flags = stmt->id != 0 ? SQLITE_PREPARE_PERSISTENT : 0;
	struct md_sqlite_cursor *cursor;
	sqlite3_stmt *prepared = NULL;
	unsigned columns;
	bool was_trusted = sq->trusted;
	int rc;

	sq->trusted = was_trusted || stmt->trusted;
	rc = sqlite3_prepare_v3(sq->db, stmt->sql, -1, flags, &prepared, NULL);
	sq->trusted = was_trusted;
	if (rc != SQLITE_OK)
		return md_sqlite_fail(sq, rc, stmt->sql, err);
	sq->base.prepares++;
	columns = (unsigned)sqlite3_column_count(prepared);
	cursor = malloc(sizeof(*cursor) + columns * sizeof(cursor->cells[0]));
	if (!prepared || (unsigned)sqlite3_bind_parameter_count(prepared) > stmt->params ||
	    !cursor) {
		sqlite3_finalize(prepared);
		free(cursor);
		return cursor ? md_fail(err, MD_INTERNAL, "XX000",
					"the statement is empty or has more placeholders than "
					"arguments")
			      : md_fail_nomem(err);
	}
	*cursor = (struct md_sqlite_cursor){
		.rows = { columns, step_row, open_child, close_child },
		.sq = sq,
		.stmt = prepared,
		.id = stmt->id,
		.read_only = sqlite3_stmt_readonly(prepared) != 0,
	};
	*ret_cursor = cursor;
	return MD_OK;
}

/* SQLITE_STATIC: the arguments outlive the unit, and are bound anew before every run. */
static int bind_one(sqlite3_stmt *stmt, int at, const struct md_value *value)
{
	switch (value->type) {
	case MD_NULL:
		return sqlite3_bind_null(stmt, at);
	case MD_INT:
		return sqlite3_bind_int64(stmt, at, value->i);
	case MD_REAL:
		return sqlite3_bind_double(stmt, at, value->r);
	case MD_TEXT: /* a NULL pointer would bind NULL */
		return sqlite3_bind_text64(stmt, at, value->len ? value->text : "", value->len,
					   SQLITE_STATIC, SQLITE_UTF8);
	case MD_BLOB:
		return sqlite3_bind_blob64(stmt, at, value->len ? value->text : "", value->len,
					   SQLITE_STATIC);
	}
	return SQLITE_MISUSE;
}

static enum md_code bind_all(struct md_sqlite_cursor *cursor, const struct md_call *call,
			     struct md_error *err)
{
	int count = sqlite3_bind_parameter_count(cursor->stmt);

	for (int i = 0; i < count; i++) {
		int rc = bind_one(cursor->stmt, i + 1, &call->args[i]);

		if (rc != SQLITE_OK)
			return md_sqlite_fail(cursor->sq, rc, call->stmt->sql, err);
	}
	return MD_OK;
}

enum md_code md_sqlite_open_cursor(struct md_sqlite *sq, const struct md_call *call,
				   struct md_sqlite_cursor **ret_cursor, struct md_error *err)
{
	unsigned long id = call->stmt->id;
	struct md_sqlite_cursor *cursor = id != 0 ? look_up(&sq->cache, id) : NULL;
	enum md_code code = MD_OK;
	bool kept = true;

	if (!cursor || cursor->open) {
		/* Open already: it is nested in itself, so this run gets a copy of its own. */
		kept = id != 0 && !cursor;
		code = prepare(sq, call->stmt, &cursor, err);
		if (code != MD_OK)
			return code;
		if (kept)
			keep(&sq->cache, cursor);
		else
			cursor->id = 0;
	}
	if (!cursor->read_only && sq->unit && sq->unit->tx == MD_TX_READ) {
		sq->stop = MD_SQLITE_GO_ON;
		code = md_sqlite_fail(sq, SQLITE_READONLY, call->stmt->sql, err);
	}
	if (code == MD_OK)
		code = bind_all(cursor, call, err);
	if (code != MD_OK) {
		if (!kept)
			free_cursor(cursor);
		return code;
	}
	cursor->open = cursor->fresh = true;
	cursor->ended = false;
	cursor->open_next = sq->open_list;
	sq->open_list = cursor;
	*ret_cursor = cursor;
	return MD_OK;
}

/* Inside a group there are no deadlines: a statement that is interrupted while it writes takes the
 * whole transaction with it, and so the neighbours. */
bool md_sqlite_must_stop(struct md_sqlite *sq)
{
	struct md_unit *unit = sq->unit;
	bool timed = unit && unit->deadline_ns != 0 && sq->bracket != MD_SQLITE_SAVEPOINT;
	uint64_t now;

	if (sq->stop != MD_SQLITE_GO_ON)
		return true;
	now = md_now_ns();
	if (unit && atomic_load_explicit(&unit->cancelled, memory_order_relaxed))
		sq->stop = MD_SQLITE_CANCELLED;
	else if ((timed && now >= unit->deadline_ns) ||
		 (sq->statement_end_ns != 0 && now >= sq->statement_end_ns))
		sq->stop = MD_SQLITE_TIMEOUT;
	else if (sq->budget_end_ns != 0 && now >= sq->budget_end_ns)
		sq->stop = MD_SQLITE_OVER_BUDGET;
	return sq->stop != MD_SQLITE_GO_ON;
}

static enum md_step fail_step(struct md_sqlite_cursor *cursor, int rc, struct md_error *err)
{
	cursor->ended = true;
	md_sqlite_fail(cursor->sq, rc, sqlite3_sql(cursor->stmt), err);
	return MD_STEP_FAIL;
}

/* One call for the value, then only what its class needs: a third less than asking by column each
 * time. SQLite calls these values unprotected, because another thread could use the connection in
 * between; there is none. False: no memory for a text. */
static bool read_cells(struct md_sqlite_cursor *cursor)
{
	struct md_value *cell = cursor->cells;
	int count = (int)cursor->rows.columns;

	for (int i = 0; i < count; i++, cell++) {
		sqlite3_value *value = sqlite3_column_value(cursor->stmt, i);

		switch (sqlite3_value_type(value)) {
		case SQLITE_INTEGER:
			*cell = md_value_int(sqlite3_value_int64(value));
			break;
		case SQLITE_FLOAT:
			*cell = md_value_real(sqlite3_value_double(value));
			break;
		case SQLITE_TEXT:
			cell->type = MD_TEXT;
			cell->text = (const char *)sqlite3_value_text(value);
			cell->len = (uint32_t)sqlite3_value_bytes(value);
			if (!cell->text)
				return false;
			break;
		case SQLITE_BLOB:
			cell->type = MD_BLOB;
			cell->text = sqlite3_value_blob(value);
			cell->len = (uint32_t)sqlite3_value_bytes(value);
			if (cell->len == 0) /* SQLite gives NULL for it */
				cell->text = "";
			else if (!cell->text)
				return false;
			break;
		default:
			*cell = md_value_null();
		}
	}
	return true;
}

/* After a change of the schema SQLite prepares again by itself; the cells must still fit. */
static bool columns_changed(struct md_sqlite_cursor *cursor)
{
	if (!cursor->fresh)
		return false;
	cursor->fresh = false;
	return (unsigned)sqlite3_data_count(cursor->stmt) != cursor->rows.columns;
}

static enum md_step end_rows(struct md_sqlite_cursor *cursor)
{
	struct md_sqlite *sq = cursor->sq;

	cursor->ended = true;
	cursor->fresh = false;
	if (!cursor->read_only && sq->unit)
		sq->unit->changes = (uint64_t)sqlite3_changes64(sq->db);
	return MD_STEP_END;
}

static enum md_step step_row(struct md_rows *rows, const struct md_value **ret_cells,
			     struct md_error *err)
{
	struct md_sqlite_cursor *cursor = (struct md_sqlite_cursor *)rows;
	struct md_sqlite *sq = cursor->sq;
	int rc;

	if (cursor->ended)
		return MD_STEP_END;
	if (sq->unit && atomic_load_explicit(&sq->unit->cancelled, memory_order_relaxed)) {
		sq->stop = MD_SQLITE_CANCELLED;
		return fail_step(cursor, SQLITE_INTERRUPT, err);
	}
	rc = sqlite3_step(cursor->stmt);
	if (rc == SQLITE_DONE)
		return end_rows(cursor);
	if (rc != SQLITE_ROW)
		return fail_step(cursor, rc, err);
	if (columns_changed(cursor)) {
		cursor->ended = cursor->stale = true;
		md_fail(err, MD_INTERNAL, "0A000", "cached plan must not change result type");
		return MD_STEP_FAIL;
	}
	if (!read_cells(cursor))
		return fail_step(cursor, SQLITE_NOMEM, err);
	*ret_cells = cursor->cells;
	return MD_STEP_ROW;
}

static void forget_open(struct md_sqlite_cursor *cursor)
{
	struct md_sqlite_cursor **at = &cursor->sq->open_list;

	while (*at != cursor)
		at = &(*at)->open_next;
	*at = cursor->open_next;
}

/* Reset tells the failure of the last step once more; it has been reported there. */
static void end_use(struct md_sqlite_cursor *cursor)
{
	sqlite3_reset(cursor->stmt);
	cursor->open = false;
	if (cursor->id == 0)
		free_cursor(cursor);
	else if (cursor->stale)
		drop(&cursor->sq->cache, cursor);
}

static void reset(struct md_sqlite_cursor *cursor)
{
	forget_open(cursor);
	end_use(cursor);
}

enum md_code md_sqlite_close_cursor(struct md_sqlite_cursor *cursor, struct md_error *err)
{
	const struct md_value *cells;
	enum md_step step = MD_STEP_END;

	while (!cursor->ended && !cursor->read_only)
		step = step_row(&cursor->rows, &cells, err);
	reset(cursor);
	return step == MD_STEP_FAIL ? (err ? err->code : MD_INTERNAL) : MD_OK;
}

void md_sqlite_close_all(struct md_sqlite *sq)
{
	struct md_sqlite_cursor *cursor = sq->open_list;

	sq->open_list = sq->cursor = NULL;
	while (cursor) {
		struct md_sqlite_cursor *next = cursor->open_next;

		end_use(cursor);
		cursor = next;
	}
}

static enum md_code open_child(struct md_rows *rows, const struct md_call *call,
			       struct md_rows **ret_rows, struct md_error *err)
{
	struct md_sqlite *sq = ((struct md_sqlite_cursor *)rows)->sq;
	struct md_sqlite_cursor *child;
	enum md_code code;

	if (sq->unit && sq->unit->ops->child)
		sq->unit->ops->child(sq->unit, call);
	code = md_sqlite_open_cursor(sq, call, &child, err);
	if (code == MD_OK)
		*ret_rows = &child->rows;
	return code;
}

static void close_child(struct md_rows *rows)
{
	reset((struct md_sqlite_cursor *)rows);
}
