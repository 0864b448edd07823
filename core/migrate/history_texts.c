/* What is asked of and told to the tables of the history, in the words of each engine. */
#include "core/migrate/history_private.h"

#include "core/db/dialect.h"

#include "core/base/banned.h"

const char *const md_history_table_names[MD_HISTORY_TABLES] = {
	[MD_HISTORY_MIGRATIONS] = "_modeld_migrations",
	[MD_HISTORY_LOCK] = "_modeld_lock",
	[MD_HISTORY_OBJECTS] = "_modeld_objects",
};

#define STATES "'running', 'applied', 'failed', 'rolled_back', 'baseline', 'reverting'"
/* A revision that holds is there once, whatever happens to the lock. */
#define ONCE                                                                                  \
	"CREATE UNIQUE INDEX IF NOT EXISTS \"_modeld_migrations_once\" ON {t} (\"revision\")" \
	" WHERE \"status\" <> 'rolled_back'"
#define KEPT " WHERE \"kind\" IN ('kept column', 'kept table') ORDER BY \"created_at\", \"name\""

#define LITE_NOW "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

const struct md_history_texts md_history_sqlite = {
	.sql = &md_sqlite_dialect,
	.find = "SELECT '\"' || ?1 || '\"', (SELECT 'y' FROM sqlite_schema WHERE name = ?1)"
		" WHERE ?2 IS NULL OR ?2 <> ''",
	.make = {
		[MD_HISTORY_MIGRATIONS] = {
			"CREATE TABLE IF NOT EXISTS {t} (\n"
			"  \"seq\" INTEGER PRIMARY KEY,\n"
			"  \"revision\" TEXT NOT NULL,\n"
			"  \"down_revision\" TEXT,\n"
			"  \"message\" TEXT NOT NULL,\n"
			"  \"checksum\" TEXT NOT NULL,\n"
			"  \"body\" TEXT,\n"
			"  \"snapshot\" TEXT,\n"
			"  \"started_at\" TEXT NOT NULL,\n"
			"  \"finished_at\" TEXT,\n"
			"  \"duration_ms\" INTEGER NOT NULL DEFAULT 0,\n"
			"  \"steps_total\" INTEGER NOT NULL,\n"
			"  \"steps_done\" INTEGER NOT NULL,\n"
			"  \"status\" TEXT NOT NULL CHECK (\"status\" IN (" STATES ")),\n"
			"  \"error\" TEXT,\n"
			"  \"applied_by\" TEXT,\n"
			"  \"daemon_version\" TEXT\n"
			") STRICT",
			ONCE,
		},
		[MD_HISTORY_LOCK] = {
			"CREATE TABLE IF NOT EXISTS {t} (\n"
			"  \"id\" INTEGER PRIMARY KEY CHECK (\"id\" = 1),\n"
			"  \"owner\" TEXT NOT NULL,\n"
			"  \"host\" TEXT NOT NULL,\n"
			"  \"pid\" INTEGER NOT NULL,\n"
			"  \"process\" TEXT NOT NULL,\n"
			"  \"holder\" TEXT NOT NULL,\n"
			"  \"purpose\" TEXT NOT NULL,\n"
			"  \"acquired_at\" TEXT NOT NULL,\n"
			"  \"heartbeat_at\" TEXT NOT NULL\n"
			") STRICT",
		},
	},
	.read = "SELECT \"seq\", \"revision\", \"down_revision\", \"message\", \"checksum\","
		" \"body\", \"snapshot\", \"started_at\", \"finished_at\", \"duration_ms\","
		" \"steps_total\", \"steps_done\", \"status\", \"error\", \"applied_by\","
		" \"daemon_version\" FROM {t} ORDER BY \"seq\"",
	.newest = "SELECT \"seq\", \"status\" FROM {t} WHERE \"revision\" = ?1"
		  " AND \"status\" <> 'rolled_back'",
	.insert = "INSERT INTO {t} (\"seq\", \"revision\", \"status\", \"steps_total\","
		  " \"steps_done\", \"down_revision\", \"message\", \"checksum\", \"body\","
		  " \"snapshot\", \"applied_by\", \"daemon_version\", \"started_at\")"
		  " SELECT coalesce(max(\"seq\"), 0) + 1, ?1, ?2, ?3, ?4, ?5, coalesce(?6, ''),"
		  " ?7, ?8, ?9, ?10, ?11, " LITE_NOW " FROM {t} RETURNING \"seq\"",
	.again = "UPDATE {t} SET \"started_at\" = CASE WHEN ?1 = 'running' AND"
		 " CAST(?3 AS INTEGER) = 0 THEN " LITE_NOW " ELSE \"started_at\" END,"
		 " \"status\" = ?1, \"steps_total\" = ?2, \"steps_done\" = ?3,"
		 " \"down_revision\" = coalesce(?4, \"down_revision\"),"
		 " \"message\" = coalesce(?5, \"message\"),"
		 " \"checksum\" = coalesce(?6, \"checksum\"), \"body\" = coalesce(?7, \"body\"),"
		 " \"snapshot\" = coalesce(?8, \"snapshot\"),"
		 " \"applied_by\" = coalesce(?9, \"applied_by\"),"
		 " \"daemon_version\" = coalesce(?10, \"daemon_version\"), \"finished_at\" = NULL,"
		 " \"error\" = NULL WHERE \"seq\" = ?11",
	.step = "UPDATE {t} SET \"steps_done\" = ?2 WHERE \"seq\" = ?1",
	.end = "UPDATE {t} SET \"status\" = ?2, \"duration_ms\" = ?3, \"error\" = ?4,"
	       " \"finished_at\" = " LITE_NOW " WHERE \"seq\" = ?1",
	.forget = "DELETE FROM {t} WHERE \"revision\" = coalesce(?1, \"revision\")",
	.amend = "UPDATE {t} SET \"down_revision\" = coalesce(?2, \"down_revision\"),"
		 " \"message\" = coalesce(?3, \"message\"),"
		 " \"checksum\" = coalesce(?4, \"checksum\"), \"body\" = coalesce(?5, \"body\"),"
		 " \"snapshot\" = coalesce(?6, \"snapshot\") WHERE \"seq\" = ?1",
	.kept = "SELECT \"kind\", \"name\", \"model\", \"checksum\", \"created_at\" FROM {t}" KEPT,
	.holder = "SELECT \"owner\", \"host\", \"pid\", \"purpose\", \"acquired_at\","
		  " \"heartbeat_at\", \"process\", \"holder\","
		  " CAST(strftime('%s', 'now') - strftime('%s', \"heartbeat_at\") AS INTEGER),"
		  " 'y', NULL FROM {t} WHERE ?1 IS NOT NULL",
	.take = "INSERT OR REPLACE INTO {t} (\"id\", \"owner\", \"host\", \"pid\", \"process\","
		" \"holder\", \"purpose\", \"acquired_at\", \"heartbeat_at\")"
		" VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, " LITE_NOW ", " LITE_NOW ")",
	.beat = "UPDATE {t} SET \"heartbeat_at\" = " LITE_NOW " WHERE \"holder\" = ?1",
	.drop = "DELETE FROM {t} WHERE \"holder\" = coalesce(?1, \"holder\")",
};

#ifdef MD_HAVE_POSTGRES
#define POST_TIME(c) "to_char(" c " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
#define LOCK_KEY     "pg_catalog.hashtextextended('modeld: migrations of ' || $1::text, 0)"
/* Sessions that hold the lock. */
#define LOCK_HELD                                                                   \
	"l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database =" \
	" (SELECT oid FROM pg_catalog.pg_database WHERE datname ="                  \
	" pg_catalog.current_database()) AND"                                       \
	" ((l.classid::bigint << 32) | l.objid::bigint) = " LOCK_KEY
#define SESSION_OF(a) a ".pid || '@' || extract(epoch FROM " a ".backend_start)::text"

const struct md_history_texts md_history_postgres = {
	.sql = &md_postgres_dialect,
	.find = "SELECT pg_catalog.format('%I.%I', n.nspname, $1::text), (SELECT 'y' FROM"
		" pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relname = $1::text)"
		" FROM pg_catalog.pg_namespace n WHERE n.nspname ="
		" coalesce($2::text, pg_catalog.current_schema(), 'public')",
	.make = {
		[MD_HISTORY_MIGRATIONS] = {
			"CREATE TABLE IF NOT EXISTS {t} (\n"
			"  \"seq\" bigint PRIMARY KEY,\n"
			"  \"revision\" text NOT NULL,\n"
			"  \"down_revision\" text,\n"
			"  \"message\" text NOT NULL,\n"
			"  \"checksum\" text NOT NULL,\n"
			"  \"body\" text,\n"
			"  \"snapshot\" text,\n"
			"  \"started_at\" timestamptz NOT NULL,\n"
			"  \"finished_at\" timestamptz,\n"
			"  \"duration_ms\" bigint NOT NULL DEFAULT 0,\n"
			"  \"steps_total\" integer NOT NULL,\n"
			"  \"steps_done\" integer NOT NULL,\n"
			"  \"status\" text NOT NULL CHECK (\"status\" IN (" STATES ")),\n"
			"  \"error\" text,\n"
			"  \"applied_by\" text,\n"
			"  \"daemon_version\" text\n"
			")",
			ONCE,
		},
		[MD_HISTORY_LOCK] = {
			"CREATE TABLE IF NOT EXISTS {t} (\n"
			"  \"id\" integer PRIMARY KEY CHECK (\"id\" = 1),\n"
			"  \"owner\" text NOT NULL,\n"
			"  \"host\" text NOT NULL,\n"
			"  \"pid\" bigint NOT NULL,\n"
			"  \"process\" text NOT NULL,\n"
			"  \"holder\" text NOT NULL,\n"
			"  \"session\" text NOT NULL,\n"
			"  \"purpose\" text NOT NULL,\n"
			"  \"acquired_at\" timestamptz NOT NULL,\n"
			"  \"heartbeat_at\" timestamptz NOT NULL\n"
			")",
		},
	},
	.read = "SELECT \"seq\", \"revision\", \"down_revision\", \"message\", \"checksum\","
		" \"body\", \"snapshot\", " POST_TIME("\"started_at\"") ", "
		POST_TIME("\"finished_at\"") ", \"duration_ms\", \"steps_total\","
		" \"steps_done\", \"status\", \"error\", \"applied_by\", \"daemon_version\""
		" FROM {t} ORDER BY \"seq\"",
	.newest = "SELECT \"seq\", \"status\" FROM {t} WHERE \"revision\" = $1::text"
		  " AND \"status\" <> 'rolled_back'",
	.insert = "INSERT INTO {t} (\"seq\", \"revision\", \"status\", \"steps_total\","
		  " \"steps_done\", \"down_revision\", \"message\", \"checksum\", \"body\","
		  " \"snapshot\", \"applied_by\", \"daemon_version\", \"started_at\")"
		  " SELECT coalesce(max(\"seq\"), 0) + 1, $1::text, $2::text, $3::integer,"
		  " $4::integer, $5::text, coalesce($6::text, ''), $7::text, $8::text, $9::text,"
		  " $10::text, $11::text, clock_timestamp() FROM {t} RETURNING \"seq\"",
	.again = "UPDATE {t} SET \"started_at\" = CASE WHEN $1::text = 'running' AND"
		 " $3::integer = 0 THEN clock_timestamp() ELSE \"started_at\" END,"
		 " \"status\" = $1::text, \"steps_total\" = $2::integer,"
		 " \"steps_done\" = $3::integer,"
		 " \"down_revision\" = coalesce($4::text, \"down_revision\"),"
		 " \"message\" = coalesce($5::text, \"message\"),"
		 " \"checksum\" = coalesce($6::text, \"checksum\"),"
		 " \"body\" = coalesce($7::text, \"body\"),"
		 " \"snapshot\" = coalesce($8::text, \"snapshot\"),"
		 " \"applied_by\" = coalesce($9::text, \"applied_by\"),"
		 " \"daemon_version\" = coalesce($10::text, \"daemon_version\"),"
		 " \"finished_at\" = NULL, \"error\" = NULL WHERE \"seq\" = $11::bigint",
	.step = "UPDATE {t} SET \"steps_done\" = $2::integer WHERE \"seq\" = $1::bigint",
	.end = "UPDATE {t} SET \"status\" = $2::text, \"duration_ms\" = $3::bigint,"
	       " \"error\" = $4::text, \"finished_at\" = clock_timestamp()"
	       " WHERE \"seq\" = $1::bigint",
	.forget = "DELETE FROM {t} WHERE \"revision\" = coalesce($1::text, \"revision\")",
	.amend = "UPDATE {t} SET \"down_revision\" = coalesce($2::text, \"down_revision\"),"
		 " \"message\" = coalesce($3::text, \"message\"),"
		 " \"checksum\" = coalesce($4::text, \"checksum\"),"
		 " \"body\" = coalesce($5::text, \"body\"),"
		 " \"snapshot\" = coalesce($6::text, \"snapshot\") WHERE \"seq\" = $1::bigint",
	.kept = "SELECT \"kind\", \"name\", \"model\", \"checksum\", "
		POST_TIME("\"created_at\"") " FROM {t}" KEPT,
	.try_session = "SELECT CASE WHEN pg_catalog.pg_try_advisory_lock(" LOCK_KEY ") THEN 'y' END",
	.end_session = "SELECT pg_catalog.pg_terminate_backend(l.pid) FROM pg_catalog.pg_locks l"
		       " WHERE " LOCK_HELD " AND l.pid <> pg_catalog.pg_backend_pid()",
	.drop_session = "SELECT pg_catalog.pg_advisory_unlock(" LOCK_KEY ") FROM"
			" pg_catalog.pg_locks l WHERE " LOCK_HELD
			" AND l.pid = pg_catalog.pg_backend_pid()",
	/* What the row says counts only when it is of the session that holds the lock. */
	.holder = "SELECT r.owner, r.host, r.pid, r.purpose, " POST_TIME("r.acquired_at") ", "
		  POST_TIME("r.heartbeat_at") ", r.process, r.holder,"
		  " extract(epoch FROM clock_timestamp() - r.heartbeat_at)::bigint, 'y',"
		  " CASE WHEN coalesce(a.state, 'active') = 'active' OR a.state_change >"
		  " clock_timestamp() - interval '60 seconds' THEN 'y' END"
		  " FROM pg_catalog.pg_locks l"
		  " LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"
		  " LEFT JOIN {t} r ON split_part(r.session, '@', 1) = l.pid::text"
		  " AND (a.backend_start IS NULL OR r.session = " SESSION_OF("a") ")"
		  " WHERE " LOCK_HELD " LIMIT 1",
	.take = "INSERT INTO {t} (\"id\", \"owner\", \"host\", \"pid\", \"process\", \"holder\","
		" \"purpose\", \"session\", \"acquired_at\", \"heartbeat_at\")"
		" SELECT 1, $1::text, $2::text, $3::bigint, $4::text, $5::text, $6::text, "
		SESSION_OF("a") ", clock_timestamp(), clock_timestamp()"
		" FROM pg_catalog.pg_stat_activity a WHERE a.pid = pg_catalog.pg_backend_pid()"
		" ON CONFLICT (\"id\") DO UPDATE SET \"owner\" = excluded.\"owner\","
		" \"host\" = excluded.\"host\", \"pid\" = excluded.\"pid\","
		" \"process\" = excluded.\"process\", \"holder\" = excluded.\"holder\","
		" \"session\" = excluded.\"session\", \"purpose\" = excluded.\"purpose\","
		" \"acquired_at\" = excluded.\"acquired_at\","
		" \"heartbeat_at\" = excluded.\"heartbeat_at\"",
	.beat = "UPDATE {t} SET \"heartbeat_at\" = clock_timestamp()"
		" WHERE \"holder\" = $1::text",
	.drop = "DELETE FROM {t} WHERE \"holder\" = coalesce($1::text, \"holder\")",
};
#endif
