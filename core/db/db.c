#include "core/db/db.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/url.h"
#include "core/db/lane.h"

#include "core/base/banned.h"

void md_lane_finish(struct md_unit *unit, enum md_code code)
{
	unit->ops = unit->owner_ops;
	unit->ops->done(unit, code);
}

enum md_next md_lane_next(struct md_unit *unit, struct md_call *ret_call)
{
	return unit->owner_ops->next(unit, ret_call);
}

enum md_next md_lane_explain(struct md_unit *unit, struct md_call *ret_call)
{
	if (!unit->owner_ops->explain)
		return MD_NEXT_ROLLBACK;
	return unit->owner_ops->explain(unit, ret_call);
}

enum md_flow md_lane_rows(struct md_unit *unit, const struct md_call *call, struct md_rows *rows)
{
	return unit->owner_ops->rows(unit, call, rows);
}

static void run_done(struct md_task *task)
{
	struct md_unit *unit = (struct md_unit *)((char *)task - offsetof(struct md_unit, task));
	struct md_db_loop *loop = unit->lane;

	md_reactor_disarm(loop->home, &unit->timer);
	md_lane_note(loop->db, unit->result);
	md_lane_finish(unit, unit->result);
}

void md_lane_post_done(struct md_unit *unit)
{
	struct md_db_loop *loop = unit->lane;

	unit->task.run = run_done;
	md_reactor_post(loop->home, &unit->task);
}

void md_lane_note(struct md_db *db, enum md_code code)
{
	bool lost = code == MD_UNAVAILABLE || code == MD_UNCERTAIN;

	if (atomic_load_explicit(&db->alive, memory_order_relaxed) == lost)
		atomic_store_explicit(&db->alive, !lost, memory_order_relaxed);
}

/* NULL: out of memory. */
static char *label_of(const char *url)
{
	struct md_buf label;

	md_buf_init(&label, 1u << 16);
	md_url_blank_password(url, &label);
	if (!md_buf_text(&label))
		md_buf_release(&label);
	return label.data;
}

static void fill_target(struct md_db *db)
{
	db->target = (struct md_conn_target){
		.url = db->url,
		.read_only = true,
		.statement_timeout_ms = db->options.statement_timeout_ms,
		.lock_timeout_ms = db->options.lock_timeout_ms,
		.statement_cache = db->options.statement_cache,
		.keep_journal = db->options.keep_journal,
		.durability = db->options.durability,
		.wal_owner = &db->wal_owner,
		.log = &db->log,
		.schema = db->schema,
	};
}

/* One writable connection first: it sees that the file is a database and switches it to WAL once,
 * before any reader. */
static enum md_code probe(struct md_db *db, struct md_error *err)
{
	struct md_conn_target target = db->target;
	struct md_conn *conn;
	enum md_code code;

	target.read_only = false;
	code = db->driver->connect(&target, &conn, err);
	if (code == MD_OK)
		db->driver->close(conn);
	return code;
}

static enum md_code find_driver(struct md_db *db, struct md_error *err)
{
	db->driver = md_db_driver_find(db->url);
	if (!db->driver) {
		md_fail(err, MD_INVALID, "MD400", "no database driver for '%s'", db->label);
		md_error_hint(
			err, "db_url is sqlite:///relative/path.db or sqlite:////absolute/path.db");
		return MD_INVALID;
	}
	if (!(db->driver->features & MD_DB_BLOCKING)) {
		md_fail(err, MD_INVALID, "MD400",
			"this version serves SQLite databases only, not '%s'", db->driver->scheme);
		md_error_hint(
			err,
			"the %s driver exists and is tested; serving through it is being built",
			db->driver->scheme);
		return MD_INVALID;
	}
	return MD_OK;
}

enum md_code md_db_open(const struct md_db_options *options, struct md_db **ret_db,
			struct md_error *err)
{
	struct md_db *db = calloc(1, sizeof(*db));
	enum md_code code;

	if (!db)
		return md_fail_nomem(err);
	db->options = *options;
	db->log = options->log;
	md_lock_init(&db->lock);
	md_cond_init(&db->work);
	md_wal_owner_init(&db->wal_owner);
	md_lane_writer_init(&db->writer, options->write_queue);
	db->queue_tail = &db->queue_head;
	db->reader_count = options->readers > 0 ? options->readers : 1;
	db->readers = calloc(db->reader_count, sizeof(*db->readers));
	db->url = strdup(options->url);
	db->label = label_of(options->url);
	db->schema = options->schema ? strdup(options->schema) : NULL;
	db->options.url = db->url;
	atomic_store(&db->alive, true);
	if (!db->readers || !db->url || !db->label || (options->schema && !db->schema)) {
		md_db_close(db);
		return md_fail_nomem(err);
	}
	fill_target(db);
	code = find_driver(db, err);
	if (code == MD_OK)
		code = probe(db, err);
	if (code != MD_OK) {
		md_db_close(db);
		return code;
	}
	*ret_db = db;
	return MD_OK;
}

struct md_db *md_db_close(struct md_db *db)
{
	if (!db)
		return NULL;
	if (db->readers)
		md_lane_readers_stop(db);
	md_lane_writer_stop(db);
	pthread_cond_destroy(&db->work);
	md_lock_release(&db->lock);
	md_wal_owner_release(&db->wal_owner);
	free(db->readers);
	free(db->url);
	free(db->label);
	free(db->schema);
	free(db);
	return NULL;
}

const struct md_dialect *md_db_dialect(const struct md_db *db)
{
	return db->driver->dialect;
}

unsigned md_db_features(const struct md_db *db)
{
	return db->driver->features;
}

const char *md_db_label(const struct md_db *db)
{
	return db->label;
}

enum md_code md_db_catalog(struct md_db *db, struct md_arena *arena,
			   const struct md_catalog **ret_catalog, struct md_error *err)
{
	struct md_conn *conn;
	enum md_code code = db->driver->connect(&db->target, &conn, err);

	if (code != MD_OK)
		return code;
	code = db->driver->catalog(conn, arena, ret_catalog, err);
	db->driver->close(conn);
	return code;
}

/* The inline connection never waits for a lock: a read that would have to is given to a reader. */
static enum md_code open_inline(struct md_db_loop *loop, struct md_error *err)
{
	struct md_conn_target target = loop->db->target;
	enum md_code code;

	target.lock_timeout_ms = 0;
	code = loop->db->driver->connect(&target, &loop->conn, err);
	if (code == MD_OK)
		loop->db->driver->set_budget(loop->conn,
					     loop->db->options.inline_budget_us * 1000ull);
	return code;
}

enum md_code md_db_join(struct md_db *db, struct md_reactor *home, struct md_db_loop **ret_loop,
			struct md_error *err)
{
	struct md_db_loop *loop = calloc(1, sizeof(*loop));
	enum md_code code;

	if (!loop)
		return md_fail_nomem(err);
	loop->db = db;
	loop->home = home;
	loop->turn_end.end = md_lane_inline_end_turn;
	code = open_inline(loop, err);
	if (code != MD_OK) {
		free(loop);
		return code;
	}
	md_reactor_at_turn_end(home, &loop->turn_end);
	*ret_loop = loop;
	return MD_OK;
}

struct md_db_loop *md_db_leave(struct md_db_loop *loop)
{
	if (!loop)
		return NULL;
	md_lane_inline_end_turn(&loop->turn_end);
	loop->db->driver->close(loop->conn);
	free(loop);
	return NULL;
}

bool md_lane_usable(struct md_db *db, struct md_conn *conn)
{
	if (conn->broken)
		return false;
	if (!db->driver->is_stale || !db->driver->is_stale(conn))
		return true;
	md_log_line(&db->log, MD_LOG_WARN,
		    "%s: the file was replaced or removed, or can be written now; opening it anew "
		    "(send SIGHUP when its tables differ)",
		    db->label);
	atomic_fetch_add_explicit(&db->replaced, 1, memory_order_release);
	return false;
}

enum md_code md_lane_fail_connect(struct md_db *db, struct md_error *err)
{
	md_log_line(&db->log, MD_LOG_ERROR, "cannot open the database: %s%s%s", err->message,
		    err->hint[0] ? "; " : "", err->hint);
	if (strcmp(err->wire, "55P03") == 0) /* locked: that is safe to tell, and will pass */
		return err->code;
	return md_fail(err, MD_UNAVAILABLE, "PGRST000",
		       "Database connection error. Retrying the connection.");
}

/* The inline connection is replaced when it broke, and when its file was (asked once a second, and
 * when another connection has found out: what is written to the new file must be read there).
 * Until that works, readers are tried: they say why it does not. */
static bool inline_is_usable(struct md_db_loop *loop)
{
	uint64_t now = md_reactor_now_ns(loop->home);
	uint64_t replaced = atomic_load_explicit(&loop->db->replaced, memory_order_acquire);
	struct md_conn *old = loop->conn;

	if (!old->broken && replaced == loop->seen_replaced && now - loop->looked_ns < MD_SEC)
		return true;
	loop->looked_ns = now;
	loop->seen_replaced = replaced;
	if (md_lane_usable(loop->db, old))
		return true;
	if (loop->inline_end) /* a unit is running on it */
		return false;
	md_lane_inline_end_turn(&loop->turn_end);
	if (open_inline(loop, NULL) != MD_OK) {
		loop->conn = old;
		old->broken = true;
		return false;
	}
	loop->seen_prepares = 0;
	loop->db->driver->close(old);
	return true;
}

bool md_db_run(struct md_db_loop *loop, struct md_unit *unit, enum md_lane lane)
{
	unit->on_writer = lane == MD_LANE_WRITE;
	if (unit->on_writer) {
		md_lane_writer_run(loop, unit);
		return false;
	}
	if (lane == MD_LANE_INLINE && unit->ops->reset && inline_is_usable(loop))
		return md_lane_inline_run(loop, unit);
	md_lane_readers_run(loop, unit);
	return false;
}

void md_db_resume(struct md_db_loop *loop, struct md_unit *unit)
{
	md_lane_readers_resume(loop, unit);
}

void md_db_cancel(struct md_db_loop *loop, struct md_unit *unit)
{
	if (unit->on_writer)
		md_lane_writer_cancel(loop, unit);
	else
		md_lane_readers_cancel(loop, unit);
}

void md_db_note_commit(struct md_db *db)
{
	atomic_fetch_add_explicit(&db->commits, 1, memory_order_release);
}

static uint64_t load(const atomic_uint_fast64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void md_db_stats(const struct md_db *db, struct md_db_stats *ret_stats)
{
	struct md_db *unlocked =
		(struct md_db *)(uintptr_t)db; /* the lock is not part of the value */

	*ret_stats = (struct md_db_stats){
		.inline_reads = load(&db->inline_reads),
		.inline_over_budget = load(&db->over_budget),
		.offloaded = load(&db->offloaded),
		.snapshots = load(&db->snapshots),
		.snapshot_renewals = load(&db->renewals),
		.prepares = load(&db->prepares),
		.commits = load(&db->writer.commits),
		.writes = load(&db->writer.members),
		.reruns = load(&db->writer.reruns),
		.alive = atomic_load_explicit(&db->alive, memory_order_relaxed),
	};
	md_lock_enter(&unlocked->lock);
	ret_stats->readers = db->started;
	ret_stats->readers_busy = db->started - db->idle;
	ret_stats->waiting = db->waiting;
	md_lock_leave(&unlocked->lock);
	md_lock_enter(&unlocked->writer.lock);
	ret_stats->writes_waiting = db->writer.waiting;
	md_lock_leave(&unlocked->writer.lock);
}
