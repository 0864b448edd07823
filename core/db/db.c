#include "core/db/db.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/url.h"
#include "core/db/catalog.h"
#include "core/db/lane_pipe.h"
#include "core/db/session_private.h"

#include "core/base/banned.h"

/* Reader threads that a resize can come to. */
enum { READERS_MOST = 256 };

void md_lane_finish(struct md_unit *unit, enum md_code code)
{
	unit->ops = unit->owner_ops;
	unit->ops->done(unit, code);
}

enum md_next md_lane_next(struct md_unit *unit, struct md_call *ret_call)
{
	const struct md_db *db = ((const struct md_db_loop *)unit->lane)->db;
	enum md_next next = unit->owner_ops->next(unit, ret_call);

	if (atomic_load_explicit(&db->echo, memory_order_relaxed) != MD_DB_QUIET)
		md_echo_next(db, unit, next, ret_call);
	return next;
}

enum md_next md_lane_explain(struct md_unit *unit, struct md_call *ret_call)
{
	enum md_next next = MD_NEXT_ROLLBACK;

	if (unit->owner_ops->explain)
		next = unit->owner_ops->explain(unit, ret_call);
	if (next == MD_NEXT_CALL)
		md_lane_child(unit, ret_call);
	return next;
}

void md_lane_child(struct md_unit *unit, const struct md_call *call)
{
	const struct md_db *db = ((const struct md_db_loop *)unit->lane)->db;

	if (atomic_load_explicit(&db->echo, memory_order_relaxed) != MD_DB_QUIET)
		md_echo_call(db, call);
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

static void run_paused(struct md_task *task)
{
	struct md_unit *unit =
		(struct md_unit *)((char *)task - offsetof(struct md_unit, pause_task));

	unit->owner_ops->paused(unit);
}

/* A node of its own: a cancelled unit may be done before the loop has seen that it was paused. */
void md_lane_post_paused(struct md_unit *unit)
{
	struct md_db_loop *loop = unit->lane;

	unit->pause_task.run = run_paused;
	md_reactor_post(loop->home, &unit->pause_task);
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
		.unprepared = db->options.unprepared,
		.search_path = db->options.search_path,
		.search_path_count = db->options.search_path_count,
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
	if (code != MD_OK)
		return code;
	if (!(db->driver->features & MD_DB_BLOCKING))
		code = md_lane_greet(conn, db->prelude, err);
	db->driver->close(conn);
	return code;
}

static enum md_code find_driver(struct md_db *db, struct md_error *err)
{
	db->driver = db->options.driver ? db->options.driver : md_db_driver_find(db->url);
	if (db->driver)
		return MD_OK;
	md_fail(err, MD_INVALID, "MD400", "no database driver for '%s'", db->label);
	md_error_hint(err, "db_url is sqlite:///relative/path.db, sqlite:////absolute/path.db or "
			   "postgresql://user@host/database");
	return MD_INVALID;
}

/* A text that units may point to until the database is closed. */
struct md_db_text {
	struct md_db_text *next;
	char text[];
};

static struct md_db_text *find_text(const struct md_db *db, const char *wanted)
{
	struct md_db_text *text = db->texts;

	while (text && strcmp(text->text, wanted) != 0)
		text = text->next;
	return text;
}

/* The same text, for as long as the database is open. NULL: no memory. */
static const char *keep_text(struct md_db *db, const char *wanted)
{
	struct md_db_text *text = find_text(db, wanted);
	size_t size = strlen(wanted) + 1;

	if (text)
		return text->text;
	text = malloc(sizeof(*text) + size);
	if (!text)
		return NULL;
	memcpy(text->text, wanted, size);
	text->next = db->texts;
	db->texts = text;
	return text->text;
}

static enum md_code set_role(struct md_db *db, const char *role, struct md_error *err)
{
	const char *prelude = NULL, *name = NULL;
	md_auto_buf sql = MD_BUF(4096);

	if (!db->driver->put_role)
		return MD_OK;
	if (role && role[0] != '\0') {
		db->driver->put_role(&sql, md_str_of(role));
		md_buf_put(&sql, "", 1);
		prelude = sql.failed ? NULL : keep_text(db, sql.data);
		name = keep_text(db, role);
		if (!prelude || !name)
			return md_fail_nomem(err);
	}
	atomic_store_explicit(&db->prelude, prelude, memory_order_release);
	atomic_store_explicit(&db->role, name, memory_order_release);
	return MD_OK;
}

/* What may change at any time. */
static void tune(struct md_db *db, const struct md_db_options *o)
{
	atomic_store(&db->pool_timeout_ms, o->queue_timeout_ms);
	atomic_store(&db->pool_recycle_ms, o->pool_recycle_ms);
	atomic_store(&db->pool_idle_ms, o->pool_idle_ms);
	atomic_store(&db->end_timeout_ms, o->end_timeout_ms);
	atomic_store(&db->echo, (unsigned)o->echo);
	atomic_store(&db->echo_pool, (unsigned)o->echo_pool);
}

/* Readers in the place of those whose clients are slow. */
static unsigned spare_readers(const struct md_db_options *o)
{
	return o->pool_size == 0 || o->max_overflow < 0 ? UINT_MAX : (unsigned)o->max_overflow;
}

enum md_code md_db_tune(struct md_db *db, const struct md_db_options *options, struct md_error *err)
{
	tune(db, options);
	md_pool_resize(&db->pool, options->pool_size, options->max_overflow);
	md_lane_readers_resize(db, options->readers, spare_readers(options));
	return set_role(db, options->role, err);
}

/* The pool of an engine with connections. */
static void set_pool(struct md_db *db)
{
	const struct md_db_options *o = &db->options;

	md_pool_init(&db->pool, o->pool_size, o->max_overflow);
	db->lanes = md_pool_lanes(o->pool_size, o->max_overflow, o->loops > 0 ? o->loops : 1);
	tune(db, o);
}

/* Everything in `options` that is borrowed. */
static enum md_code copy_texts(struct md_db *db, const struct md_db_options *options,
			       struct md_error *err)
{
	unsigned count = options->search_path ? options->search_path_count : 0;

	db->url = strdup(options->url);
	db->label = label_of(options->url);
	db->schema = options->schema ? strdup(options->schema) : NULL;
	db->search_path = calloc(count + 1, sizeof(*db->search_path));
	db->options.url = db->url;
	db->options.role = NULL;
	db->options.search_path =
		options->search_path ? (const char *const *)db->search_path : NULL;
	if (!db->url || !db->label || (options->schema && !db->schema) || !db->search_path)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < count; i++) {
		db->search_path[i] = strdup(options->search_path[i]);
		if (!db->search_path[i])
			return md_fail_nomem(err);
	}
	return MD_OK;
}

static void free_texts(struct md_db *db)
{
	for (char **name = db->search_path; name && *name; name++)
		free(*name);
	free(db->search_path);
	while (db->texts) {
		struct md_db_text *text = db->texts;

		db->texts = text->next;
		free(text);
	}
	free(db->url);
	free(db->label);
	free(db->schema);
}

static enum md_code open_db(struct md_db *db, const struct md_db_options *options,
			    struct md_error *err)
{
	enum md_code code = copy_texts(db, options, err);

	db->readers = calloc(db->reader_room, sizeof(*db->readers));
	if (code == MD_OK && !db->readers)
		code = md_fail_nomem(err);
	if (code != MD_OK)
		return code;
	fill_target(db);
	code = find_driver(db, err);
	if (code == MD_OK)
		code = set_role(db, options->role, err);
	if (code == MD_OK)
		code = probe(db, err);
	return code;
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
	set_pool(db);
	db->queue_tail = &db->queue_head;
	db->reader_count = options->readers > 0 ? options->readers : 1;
	db->reader_spare = spare_readers(options);
	db->reader_room = db->reader_count < READERS_MOST ? READERS_MOST : db->reader_count;
	atomic_store(&db->alive, true);
	code = open_db(db, options, err);
	if (code != MD_OK)
		md_db_close(db);
	else
		*ret_db = db;
	return code;
}

struct md_db *md_db_close(struct md_db *db)
{
	if (!db)
		return NULL;
	if (db->readers)
		md_lane_readers_stop(db);
	md_session_threads_stop(db);
	md_lane_writer_stop(db);
	pthread_cond_destroy(&db->work);
	md_lock_release(&db->lock);
	md_wal_owner_release(&db->wal_owner);
	md_pool_release(&db->pool);
	free_texts(db);
	free(db->readers);
	free(db);
	return NULL;
}

struct md_wal_owner *md_db_wal_owner(struct md_db *db)
{
	return &db->wal_owner;
}

void md_db_echoes(const struct md_db *db, unsigned *ret_echo, unsigned *ret_echo_pool)
{
	*ret_echo = atomic_load_explicit(&db->echo, memory_order_relaxed);
	*ret_echo_pool = atomic_load_explicit(&db->echo_pool, memory_order_relaxed);
}

const struct md_dialect *md_db_dialect(const struct md_db *db)
{
	return db->driver->dialect;
}

unsigned md_db_features(const struct md_db *db)
{
	return db->driver->features;
}

bool md_db_has_one_writer(const struct md_db *db)
{
	return db->driver->features & MD_DB_ONE_WRITER;
}

const char *md_db_label(const struct md_db *db)
{
	return db->label;
}

enum md_code md_db_catalog(struct md_db *db, struct md_arena *arena,
			   const struct md_catalog **ret_catalog, struct md_error *err)
{
	struct md_conn_target target = db->target;
	const struct md_catalog *catalog;
	struct md_conn *conn;
	enum md_code code;

	target.role = atomic_load_explicit(&db->role, memory_order_acquire);
	if (!db->driver->catalog)
		return md_fail(err, MD_INVALID, "MD400", "the %s driver cannot tell what there is",
			       db->driver->engine);
	code = db->driver->connect(&target, &conn, err);
	if (code != MD_OK)
		return code;
	code = db->driver->catalog(conn, arena, &catalog, err);
	db->driver->close(conn);
	if (code == MD_OK)
		catalog = md_catalog_without_kept(catalog, arena);
	if (code == MD_OK && !catalog)
		code = md_fail_nomem(err);
	if (code == MD_OK)
		*ret_catalog = catalog;
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
	if (!(db->driver->features & MD_DB_BLOCKING)) {
		code = md_pipes_new(loop, &loop->pipes, err);
		if (code != MD_OK)
			free(loop);
		else
			*ret_loop = loop;
		return code;
	}
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
	if (loop->pipes) {
		md_pipes_free(loop->pipes);
		free(loop);
		return NULL;
	}
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

bool md_db_is_shared(const struct md_db_loop *loop)
{
	return loop->pipes != NULL;
}

bool md_db_run(struct md_db_loop *loop, struct md_unit *unit, enum md_lane lane)
{
	unit->asked = (unsigned char)lane;
	if (loop->pipes) {
		md_pipes_run(loop->pipes, unit);
		return false;
	}
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
	if (loop->pipes)
		md_pipes_resume(loop->pipes, unit);
	else
		md_lane_readers_resume(loop, unit);
}

void md_db_cancel(struct md_db_loop *loop, struct md_unit *unit)
{
	if (loop->pipes)
		md_pipes_cancel(loop->pipes, unit);
	else if (unit->on_writer)
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

/* One more of a kind of waiting: for a reader. */
static void tell_readers(struct md_db *db, struct md_pool_stats *ret_stats)
{
	md_lock_enter(&db->lock);
	*ret_stats = (struct md_pool_stats){
		.size = db->reader_count,
		.max_overflow = db->reader_spare > INT_MAX ? -1 : (int)db->reader_spare,
		.overflow = db->aside,
		.idle = db->idle,
		.in_use = db->started - db->idle,
		.waiting = db->waiting,
		.opened = db->started,
	};
	md_lock_leave(&db->lock);
}

void md_db_pool(const struct md_db *db, struct md_pool_stats *ret_stats)
{
	struct md_db *unlocked =
		(struct md_db *)(uintptr_t)db; /* the lock is not part of the value */

	if (db->driver->features & MD_DB_BLOCKING)
		tell_readers(unlocked, ret_stats);
	else
		md_pool_tell(&unlocked->pool, ret_stats);
	ret_stats->alive = atomic_load_explicit(&db->alive, memory_order_relaxed);
}
