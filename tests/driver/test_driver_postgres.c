/* The conformance suite on PostgreSQL: on a server of its own (tests/support/postgres.sh), or on
 * the database that MD_TEST_POSTGRES names, in which it makes and drops the tables of the suite. */
#include <libpq-fe.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/driver/suite.h"
#include "tests/support/server.h"

static char wrong_database[300], nobody_there[300];

static void reset(void)
{
	server_run(
		"SET client_min_messages = warning;"
		"DROP TABLE IF EXISTS thing, owner, item, late;"
		"CREATE TABLE item (id bigint PRIMARY KEY, name text);"
		"CREATE TABLE owner (id bigint PRIMARY KEY);"
		"CREATE TABLE thing (id bigint PRIMARY KEY, owner_id bigint"
		" REFERENCES owner DEFERRABLE INITIALLY DEFERRED);"
		"CREATE TABLE late (id bigint PRIMARY KEY);"
		"CREATE OR REPLACE FUNCTION be_late() RETURNS trigger LANGUAGE plpgsql AS"
		" 'BEGIN PERFORM pg_sleep(30); RETURN NULL; END';"
		"CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED"
		" FOR EACH ROW EXECUTE FUNCTION be_late()");
}

/* As a hung machine would look like. Only on a server of our own. */
static void freeze(bool on)
{
	PGconn *db = PQconnectdb(server_url);
	PGresult *result = PQexec(db, "SELECT pid FROM pg_stat_activity WHERE"
				      " datname = current_database() AND pid <> pg_backend_pid()");

	ck_assert_int_eq(PQresultStatus(result), PGRES_TUPLES_OK);
	for (int i = 0; i < PQntuples(result); i++)
		kill((pid_t)strtol(PQgetvalue(result, i, 0), NULL, 10), on ? SIGSTOP : SIGCONT);
	PQclear(result);
	PQfinish(db);
}

static bool sleeps(void)
{
	const char *count = server_ask("SELECT count(*) FROM pg_stat_activity WHERE datname ="
				       " current_database() AND wait_event = 'PgSleep'");

	return strcmp(count, "0") != 0;
}

static const struct suite_refusal refusals[] = {
	{ "postgresql://user:geheim@[", MD_INVALID },
	{ "postgresql://user:geheim%zz@/x", MD_INVALID },
	{ "host=/nowhere password = geheim port", MD_INVALID },
	{ "postgresql://user:geheim@/db?host=/nowhere/at/all", MD_UNAVAILABLE },
	{ "postgresql+psycopg://user:geheim@127.0.0.1:1/db", MD_UNAVAILABLE },
	{ "host=127.0.0.1 port=1 password=geheim", MD_UNAVAILABLE },
	{ nobody_there, MD_UNAVAILABLE },
	{ wrong_database, MD_NOT_FOUND },
	{ NULL, MD_OK },
};

static struct suite_engine engine = {
	.name = "PostgreSQL driver",
	.driver = &md_postgres_driver,
	.texts = { .echo = "SELECT $1::int8, $2::float8, $3::text, $4::text",
		   .put = "INSERT INTO item (id, name) VALUES ($1, $2)",
		   .get = "SELECT name FROM item WHERE id = $1",
		   .count = "SELECT count(*) FROM item",
		   .clear = "DELETE FROM item",
		   .series = "SELECT i, repeat('x', 100) FROM generate_series(1, $1::int) i",
		   .slow = "SELECT pg_sleep(30)",
		   .wrong = "SELECT 1 FROM nowhere",
		   .put_thing = "INSERT INTO thing (id, owner_id) VALUES ($1, $2) RETURNING id",
		   .count_things = "SELECT count(*) FROM thing",
		   .put_returning = "INSERT INTO item (id, name) VALUES ($1, $2)"
				    " RETURNING id, name",
		   .slow_put = "INSERT INTO item (id, name)"
			       " SELECT $1::bigint, $2::text FROM pg_sleep(30)",
		   .all = "SELECT * FROM item ORDER BY id",
		   .widen = "ALTER TABLE item ALTER name TYPE bigint USING name::bigint",
		   .hex = "SELECT upper(encode($1::bytea, 'hex'))",
		   .forget = "DEALLOCATE ALL",
		   .put_late = "INSERT INTO late (id) VALUES ($1) RETURNING id",
		   .prelude = "SELECT set_config('md.who', 'eve', true)",
		   .who = "SELECT coalesce(current_setting('md.who', true), '')" },
	.url = server_url,
	.refusals = refusals,
	.groups = true,
	.reset = reset,
	.admin = server_run,
	.kill = server_kill_sessions,
	.sleeps = sleeps,
	.freeze = freeze,
};

int main(void)
{
	if (!server_start())
		return EXIT_FAILURE;
	if (!server_is_ours())
		engine.freeze = NULL;
	server_url_with("dbname=nowhere", wrong_database, sizeof(wrong_database));
	server_url_with("port=1", nobody_there, sizeof(nobody_there));
	return suite_main(&engine);
}
