/* The conformance suite on SQLite, in a directory of its own. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/driver/suite.h"
#include "tests/support/fault.h"

static char dir[] = "/tmp/modeld-test-XXXXXX";
static char path[64], url[80];

/* A session of the administrator: this is how tables are made, not through the driver. */
static void admin(const char *sql)
{
	sqlite3 *db;
	char *message = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	sqlite3_exec(db, sql, NULL, NULL, &message);
	ck_assert_msg(message == NULL, "%s", message);
	sqlite3_close(db);
}

static void reset(void)
{
	admin("PRAGMA journal_mode = WAL;"
	      "DROP TABLE IF EXISTS thing; DROP TABLE IF EXISTS owner; DROP TABLE IF EXISTS item;"
	      "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT);"
	      "CREATE TABLE owner (id INTEGER PRIMARY KEY);"
	      "CREATE TABLE thing (id INTEGER PRIMARY KEY, owner_id INTEGER"
	      " REFERENCES owner DEFERRABLE INITIALLY DEFERRED);");
}

static void remove_files(void)
{
	static const char *const endings[] = { "", "-wal", "-shm" };
	char name[80];

	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		unlink(name);
	}
	rmdir(dir);
}

int main(void)
{
	static const struct suite_refusal refusals[] = {
		{ "sqlite:////nowhere/at/all.db", MD_NOT_FOUND },
		{ "sqlite://user:geheim@host/file.db", MD_INVALID },
		{ "sqlite:////dev/null/x", MD_NOT_FOUND },
		{ NULL, MD_OK },
	};
	static const struct suite_engine engine = {
		.name = "SQLite driver",
		.driver = &md_sqlite_driver,
		.texts = { .echo = "SELECT ?1, ?2, ?3, ?4",
			   .put = "INSERT INTO item (id, name) VALUES (?1, ?2)",
			   .get = "SELECT name FROM item WHERE id = ?1",
			   .count = "SELECT count(*) FROM item",
			   .clear = "DELETE FROM item",
			   .series = "WITH RECURSIVE n (i) AS (SELECT 1 WHERE ?1 > 0 UNION ALL"
				     " SELECT i + 1 FROM n WHERE i < ?1)"
				     " SELECT i, replace(hex(zeroblob(50)), '0', 'x') FROM n",
			   .slow = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM "
				   "n)"
				   " SELECT count(*) FROM n",
			   .wrong = "SELECT 1 FROM nowhere",
			   .put_thing = "INSERT INTO thing (id, owner_id) VALUES (?1, ?2)"
					" RETURNING id",
			   .count_things = "SELECT count(*) FROM thing",
			   .put_returning = "INSERT INTO item (id, name) VALUES (?1, ?2)"
					    " RETURNING id, name",
			   .slow_put = "INSERT INTO item (id, name) WITH RECURSIVE n (i) AS"
				       " (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
				       " SELECT ?1, ?2 FROM n WHERE i < 0",
			   .all = "SELECT * FROM item ORDER BY id",
			   .widen = "ALTER TABLE item RENAME TO old;"
				    " CREATE TABLE item (id INTEGER PRIMARY KEY, name);"
				    " INSERT INTO item SELECT * FROM old; DROP TABLE old",
			   .hex = "SELECT hex(?1)" },
		.url = url,
		.refusals = refusals,
		.reset = reset,
		.admin = admin,
	};
	int status;

	if (!mkdtemp(dir))
		return EXIT_FAILURE;
	snprintf(path, sizeof(path), "%s/suite.db", dir);
	snprintf(url, sizeof(url), "sqlite:///%s", path);
	status = suite_main(&engine);
	remove_files();
	return status;
}
