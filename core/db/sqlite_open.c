/* Opening an SQLite file: what can be wrong with it, said before anything else; and the settings
 * that keep a connection safe. */
#include "core/db/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/db/wal_owner.h"

#include "core/base/banned.h"

enum { PROGRESS_OPS = 1000 };

/* Opening, commands and the catalog have no deadline; they must not wait for ever. */
static const uint64_t unit_less_wait_ns = 5 * MD_SEC;

static bool is_memory(const char *path)
{
	return strcmp(path, ":memory:") == 0;
}

/* The folder that `path` is in; it must be writable for the journal. */
static bool folder_is_writable(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (slash && len == 0)
		return faccessat(AT_FDCWD, "/", W_OK, AT_EACCESS) == 0;
	memcpy(folder, slash ? path : ".", slash ? len : 1);
	folder[slash ? len : 1] = '\0';
	return faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS) == 0;
}

static enum md_code fail_missing(const char *path, struct md_error *err)
{
	md_fail(err, MD_NOT_FOUND, "58P01", "no such file: %.300s", path);
	md_error_hint(err, "Check the path: sqlite:///file.db is relative to the current folder, "
			   "sqlite:////folder/file.db is absolute. A missing file is not created.");
	return MD_NOT_FOUND;
}

static enum md_code fail_folder(const char *path, struct md_error *err)
{
	md_fail(err, MD_UNAVAILABLE, "58030", "cannot make the file: %.300s", path);
	md_error_hint(err, "Its folder must exist, and the user that runs this program needs "
			   "write permission on it.");
	return MD_UNAVAILABLE;
}

static enum md_code check_file(const char *path, bool create, struct md_error *err)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		int why = errno;

		if (create && why == ENOENT)
			return folder_is_writable(path) ? MD_OK : fail_folder(path, err);
		if (why == ENOENT || why == ENOTDIR)
			return fail_missing(path, err);
		md_fail(err, MD_INVALID, "58P01", "cannot look at the file: %.300s: %s", path,
			strerrordesc_np(why));
		md_error_hint(err, "The user that runs this program needs search permission on "
				   "every folder of the path.");
		return MD_INVALID;
	}
	if (!S_ISREG(st.st_mode)) {
		md_fail(err, MD_INVALID, "58P01", "%s: %.300s",
			S_ISDIR(st.st_mode) ? "a folder, not a database file"
					    : "not a regular file",
			path);
		md_error_hint(err, "Name the SQLite file itself.");
		return MD_INVALID;
	}
	if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0) {
		md_fail(err, MD_INVALID, "42501", "no permission to read the file: %.300s", path);
		md_error_hint(err,
			      "The user that runs this program has uid %u; give it the file, "
			      "or read and write permission on it.",
			      (unsigned)geteuid());
		return MD_INVALID;
	}
	return MD_OK;
}

/* Runs every so many steps of the virtual machine. */
static int progress(void *arg)
{
	return md_sqlite_must_stop(arg);
}

/* Like SQLite's own, but it notices that the unit was cancelled or is out of time. */
static int wait_for_lock(void *arg, int tries)
{
	static const unsigned char delays_ms[] = { 1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100 };
	struct md_sqlite *sq = arg;
	unsigned count = sizeof(delays_ms);
	unsigned ms = delays_ms[(unsigned)tries < count ? (unsigned)tries : count - 1];
	struct timespec pause = { 0, (long)(ms * MD_MS) };
	uint64_t now = md_now_ns(), limit = sq->lock_timeout_ns;

	if (limit == 0 && !sq->unit)
		limit = unit_less_wait_ns;
	if (tries == 0)
		sq->lock_since_ns = now;
	if (md_sqlite_must_stop(sq))
		return 0;
	if (limit != 0 && now - sq->lock_since_ns >= limit) {
		if (sq->unit)
			sq->stop = MD_SQLITE_LOCK_TIMEOUT;
		return 0;
	}
	nanosleep(&pause, NULL);
	return 1;
}

static bool is_internal_name(const char *name)
{
	return name && sqlite3_strnicmp(name, "sqlite_", 7) == 0;
}

/* Data statements read and write tables and call functions; nothing else. */
static int authorize(void *arg, int action, const char *name, const char *detail,
		     const char *database, const char *trigger)
{
	const struct md_sqlite *sq = arg;

	(void)database;
	(void)trigger;
	if (sq->trusted)
		return SQLITE_OK;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_READ:
	case SQLITE_INSERT:
	case SQLITE_UPDATE:
	case SQLITE_DELETE:
		return is_internal_name(name) ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_FUNCTION:
		return detail && sqlite3_stricmp(detail, "load_extension") == 0 ? SQLITE_DENY
										: SQLITE_OK;
	default:
		return SQLITE_DENY;
	}
}

static const struct {
	int option, value;
} settings[] = {
	{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
	{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
	{ SQLITE_DBCONFIG_DQS_DML, 0 },
	{ SQLITE_DBCONFIG_DQS_DDL, 0 },
	{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
	{ SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
};

/* Columns, expression depth, compound selects and function arguments keep SQLite's own limits: the
 * stored schema is parsed under them too, and a file with one wide table or one long UNION view
 * could not be opened at all. */
static const struct {
	int id, value;
} limits[] = {
	{ SQLITE_LIMIT_LENGTH, 64 << 20 },          { SQLITE_LIMIT_SQL_LENGTH, 1 << 20 },
	{ SQLITE_LIMIT_VDBE_OP, 1000000 },          { SQLITE_LIMIT_ATTACHED, 0 },
	{ SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000 }, { SQLITE_LIMIT_VARIABLE_NUMBER, 32766 },
	{ SQLITE_LIMIT_TRIGGER_DEPTH, 10 },         { SQLITE_LIMIT_WORKER_THREADS, 0 },
};

static int configure(struct md_sqlite *sq)
{
	int rc;

	sqlite3_extended_result_codes(sq->db, 1);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		rc = sqlite3_db_config(sq->db, settings[i].option, settings[i].value, NULL);
		if (rc != SQLITE_OK)
			return rc;
	}
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		sqlite3_limit(sq->db, limits[i].id, limits[i].value);
	sqlite3_busy_handler(sq->db, wait_for_lock, sq);
	sqlite3_progress_handler(sq->db, PROGRESS_OPS, progress, sq);
	rc = sqlite3_set_authorizer(sq->db, authorize, sq);
	if (rc != SQLITE_OK)
		return rc;
	return md_sqlite_add_functions(sq->db);
}

static int exec(struct md_sqlite *sq, const char *sql)
{
	return sqlite3_exec(sq->db, sql, NULL, NULL, NULL);
}

static int first_text(void *arg, int count, char **values, char **names)
{
	(void)names;
	if (count > 0 && values[0])
		snprintf(arg, 16, "%s", values[0]);
	return 0;
}

/* WAL lets readers and the writer work at the same time; the mode is stored in the file. */
static int choose_journal(struct md_sqlite *sq, const char *path, bool keep)
{
	char mode[16] = "";
	int rc = sqlite3_exec(sq->db, "PRAGMA journal_mode", first_text, mode, NULL);

	if (rc != SQLITE_OK || sq->read_only || keep || strcmp(mode, "wal") == 0)
		return rc;
	rc = sqlite3_exec(sq->db, "PRAGMA journal_mode=WAL", first_text, mode, NULL);
	if (rc == SQLITE_OK && strcmp(mode, "wal") == 0)
		md_log_line(sq->log, MD_LOG_INFO, "%s: journal mode switched to WAL", path);
	else
		md_log_line(sq->log, MD_LOG_WARN,
			    "%s: cannot switch the journal mode to WAL (%s); it stays '%s'", path,
			    sqlite3_errmsg(sq->db), mode);
	return rc == SQLITE_NOMEM ? rc : SQLITE_OK;
}

static const char settings_sql[] = "PRAGMA cell_size_check=ON;"
				   "PRAGMA mmap_size=0;"
				   "PRAGMA cache_size=-2000;"
				   "PRAGMA journal_size_limit=67108864";

/* EXTRA is FULL, and with a rollback journal it also waits until its deletion, which is the commit,
 * is on the disk. */
static const char *const durability_sql[] = {
	[MD_DURABLE] = "PRAGMA synchronous=EXTRA",
	[MD_DURABLE_LATER] = "PRAGMA synchronous=NORMAL",
	[MD_DURABLE_NEVER] = "PRAGMA synchronous=OFF",
};

/* SQLite reads nothing from the file before the first statement. */
static int look_inside(struct md_sqlite *sq, const char *path, bool keep_journal)
{
	int rc = exec(sq, settings_sql);

	if (rc == SQLITE_OK)
		rc = exec(sq, durability_sql[sq->durability]);
	if (rc == SQLITE_OK)
		rc = exec(sq, "SELECT count(*) FROM sqlite_schema");
	/* A table-valued function declares its table at first use, which the authorizer forbids
	 * later. */
	if (rc == SQLITE_OK)
		rc = exec(sq, "SELECT count(*) FROM temp.json_each('[]')");
	if (rc == SQLITE_OK && !is_memory(path))
		rc = choose_journal(sq, path, keep_journal);
	if (rc == SQLITE_OK && sq->read_only)
		rc = exec(sq, "PRAGMA query_only=ON");
	return rc;
}

static enum md_code fail_open(struct md_sqlite *sq, int rc, const char *path, struct md_error *err)
{
	switch (rc & 0xFF) {
	case SQLITE_NOTADB:
		md_fail(err, MD_INVALID, "08001", "not an SQLite database: %.300s", path);
		md_error_hint(err, "The file is of another kind, damaged, or encrypted.");
		return MD_INVALID;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		md_fail(err, MD_UNAVAILABLE, "55P03", "locked by another program: %.300s", path);
		md_error_hint(err, "Another program holds the file exclusively; end it, or let it "
				   "finish its transaction.");
		return MD_UNAVAILABLE;
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
		md_fail(err, MD_UNAVAILABLE, "58030", "cannot open the database: %.300s", path);
		md_error_hint(err, "A database in WAL mode needs a folder in which its -wal and "
				   "-shm files can be written. On read-only media, first run "
				   "PRAGMA journal_mode=DELETE on a writable copy.");
		return MD_UNAVAILABLE;
	case SQLITE_CORRUPT:
		md_fail(err, MD_INVALID, "XX001", "the database is damaged: %.200s: %.200s", path,
			sqlite3_errmsg(sq->db));
		md_error_hint(err, "PRAGMA integrity_check tells more; restore a backup, or try "
				   "the .recover command of the sqlite3 shell.");
		return MD_INVALID;
	default:
		return md_sqlite_fail(sq, rc, NULL, err);
	}
}

static enum md_code open_file(struct md_sqlite *sq, const char *path,
			      const struct md_conn_target *target, struct md_error *err)
{
	int flags = SQLITE_OPEN_NOMUTEX;
	int rc;

	if (is_memory(path))
		flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY;
	else
		flags |= sq->read_only    ? SQLITE_OPEN_READONLY
			 : target->create ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
					  : SQLITE_OPEN_READWRITE;
	rc = sqlite3_open_v2(path, &sq->db, flags, NULL);
	if (rc == SQLITE_OK)
		rc = configure(sq);
	if (rc == SQLITE_OK)
		rc = look_inside(sq, path, target->keep_journal);
	return rc == SQLITE_OK ? MD_OK : fail_open(sq, rc, path, err);
}

static bool is_locked_away(const char *path)
{
	return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0 && errno != ENOENT;
}

/* SQLite gives a new log the permissions of the file. */
bool md_sqlite_may_write(const char *path, const char **ret_what)
{
	char log[PATH_MAX];

	snprintf(log, sizeof(log), "%s-wal", path);
	if (is_locked_away(path))
		*ret_what = "the file";
	else if (is_locked_away(log))
		*ret_what = "its write-ahead log";
	else if (!folder_is_writable(path))
		*ret_what = "its folder";
	else
		return true;
	return false;
}

/* A file that cannot be written is served read-only. */
static void choose_access(struct md_sqlite *sq, const char *path)
{
	const char *what;

	if (sq->read_only || is_memory(path) || md_sqlite_may_write(path, &what))
		return;
	sq->read_only = sq->wants_write = true;
	md_log_line(sq->log, MD_LOG_WARN, "%s: %s cannot be written, served read-only", path, what);
}

bool md_sqlite_has_moved(struct md_sqlite *sq)
{
	int moved = 0;

	return sqlite3_file_control(sq->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
	       moved != 0;
}

/* Open the file itself, and never with the log of one that stood there before. */
static enum md_code open_owned(struct md_sqlite *sq, const char *path,
			       const struct md_conn_target *target, struct md_error *err)
{
	struct md_wal_owner *owner = is_memory(path) ? NULL : target->wal_owner;
	enum md_code code;

	if (owner && md_wal_owner_check(owner, path))
		md_log_line(sq->log, MD_LOG_WARN,
			    "%s: removed the write-ahead log, or its index, of the file that was "
			    "replaced",
			    path);
	code = open_file(sq, path, target, err);
	if (owner && code == MD_OK && !md_sqlite_has_moved(sq))
		md_wal_owner_note(owner, path);
	return code;
}

static struct md_sqlite *new_connection(const struct md_conn_target *target)
{
	struct md_sqlite *sq = calloc(1, sizeof(*sq));

	if (!sq || !md_sqlite_cache_init(&sq->cache, target->statement_cache)) {
		free(sq);
		return NULL;
	}
	md_lock_init(&sq->cancel_lock);
	sq->base.driver = &md_sqlite_driver;
	sq->base.features = md_sqlite_driver.features;
	sq->base.born_ns = md_now_ns();
	sq->log = target->log;
	sq->durability = target->durability;
	sq->read_only = target->read_only;
	sq->trusted = true;
	return sq;
}

enum md_code md_sqlite_connect(const struct md_conn_target *target, struct md_conn **ret_conn,
			       struct md_error *err)
{
	struct md_sqlite *sq;
	char path[PATH_MAX];
	enum md_code code = md_sqlite_path(target->url, path, sizeof(path), err);

	if (code == MD_OK && !is_memory(path))
		code = check_file(path, target->create && !target->read_only, err);
	if (code != MD_OK)
		return code;
	sq = new_connection(target);
	if (!sq)
		return md_fail_nomem(err);
	choose_access(sq, path);
	sq->lock_timeout_ns = target->lock_timeout_ms * MD_MS;
	code = open_owned(sq, path, target, err);
	if (code != MD_OK) {
		md_sqlite_close(&sq->base);
		return code;
	}
	sq->statement_timeout_ns = target->statement_timeout_ms * MD_MS;
	sq->trusted = false;
	*ret_conn = &sq->base;
	return MD_OK;
}

void md_sqlite_close(struct md_conn *conn)
{
	struct md_sqlite *sq = (struct md_sqlite *)conn;
	struct md_unit *unit;

	if (!sq)
		return;
	unit = sq->unit;
	md_lock_enter(&sq->cancel_lock);
	sq->running = NULL;
	md_lock_leave(&sq->cancel_lock);
	md_sqlite_close_all(sq);
	for (unsigned i = 0; i < MD_SQLITE_COMMAND_COUNT; i++)
		sqlite3_finalize(sq->commands[i]);
	md_sqlite_cache_release(&sq->cache);
	/* SQLite leaves the log of a file that was moved alone; what it holds was acknowledged. */
	if (sq->db && !sq->read_only && md_sqlite_has_moved(sq))
		sqlite3_wal_checkpoint_v2(sq->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	/* An open transaction is rolled back by closing. */
	sqlite3_close(sq->db);
	md_lock_release(&sq->cancel_lock);
	free(sq);
	if (unit) {
		md_fail(&unit->error, MD_UNAVAILABLE, "08006", "the connection was closed");
		unit->ops->done(unit, MD_UNAVAILABLE);
	}
}
