/* What introspection of a large PostgreSQL database costs, in time of processors: that of this
 * process and of the back end together. What else the machine does is not counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/db/catalog.h"
#include "core/db/driver.h"
#include "tests/support/server.h"
#include "tests/support/suite.h"

enum { BATCHES = 20, BATCH = 500, TABLES = BATCHES * BATCH, ARENA = 256 << 20 };

/* Batches: a lock per table is kept until the end of a transaction. */
static void run_in_batches(const char *command, bool downwards)
{
	for (int i = 0; i < BATCHES; i++) {
		int first = (downwards ? BATCHES - 1 - i : i) * BATCH, last = first + BATCH - 1;
		char sql[800];

		snprintf(sql, sizeof(sql),
			 "DO $$ BEGIN FOR i IN %s %d..%d LOOP EXECUTE %s; END LOOP; END $$",
			 downwards ? "REVERSE" : "", downwards ? last : first,
			 downwards ? first : last, command);
		server_run(sql);
	}
}

static double own_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* All that the one back end of ours has used since it began; 0: it runs on another machine. */
static double server_seconds(void)
{
	const char *pid = server_ask("SELECT max(pid) FROM pg_stat_activity WHERE datname ="
				     " current_database() AND backend_type = 'client backend'"
				     " AND pid <> pg_backend_pid()");
	unsigned long user, system;
	char path[64];
	FILE *stat;
	int found;

	if (!server_is_ours())
		return 0;
	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	stat = fopen(path, "r");
	ck_assert_ptr_ne(stat, NULL);
	/* Behind the name: state, seven numbers of identity and terminal, four of page faults. */
	found = fscanf(stat, "%*d %*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		       &user, &system);
	fclose(stat);
	ck_assert_int_eq(found, 2);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static const struct md_catalog_table *table_named(const struct md_catalog *catalog,
						  const char *name)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (strcmp(catalog->tables[i].name, name) == 0)
			return &catalog->tables[i];
	ck_abort_msg("no table %s", name);
	return NULL;
}

START_TEST(ten_thousand_tables_take_three_seconds_and_300_mib_at_most)
{
	const struct md_conn_target target = { .url = server_url,
					       .read_only = true,
					       .schema = "api" };
	md_auto_arena arena = md_arena_new(ARENA);
	const struct md_catalog *catalog = NULL;
	const struct md_catalog_table *last;
	struct md_conn *conn = NULL;
	struct md_error err;
	double own, server;

	server_run("SET client_min_messages = warning; DROP SCHEMA IF EXISTS api CASCADE;"
		   "CREATE SCHEMA api");
	run_in_batches("format('CREATE TABLE api.t%s (id bigint PRIMARY KEY, name varchar(80) NOT"
		       " NULL DEFAULT ''x'', at timestamptz DEFAULT now(), n numeric(10,2) CHECK"
		       " (n > 0), ok boolean, ref bigint%s)', i,"
		       " CASE WHEN i > 0 THEN ' REFERENCES api.t' || i - 1 END)",
		       false);
	md_error_clear(&err);
	own = own_seconds();
	ck_assert_int_eq(md_postgres_driver.connect(&target, &conn, &err), MD_OK);
	if (md_postgres_driver.catalog(conn, arena, &catalog, &err) != MD_OK)
		ck_abort_msg("%s", err.message);
	own = own_seconds() - own;
	server = server_seconds();
	md_postgres_driver.close(conn);
	printf("10,000 tables: %.2f s here and %.2f s there, %.1f MiB of arena, %.1f MiB in all\n",
	       own, server, (double)md_arena_used(arena) / 1048576, (double)peak_kib() / 1024);
	ck_assert_uint_eq(catalog->count, TABLES);
	last = table_named(catalog, "t9999");
	ck_assert_uint_eq(last->column_count, 6);
	ck_assert_uint_eq(last->foreign_key_count, 1);
	ck_assert_str_eq(last->foreign_keys[0].target, "t9998");
#ifndef __SANITIZE_ADDRESS__
	ck_assert_double_lt(own + server, 3);
	ck_assert_int_lt(peak_kib(), 300 * 1024);
#endif
	run_in_batches("'DROP TABLE api.t' || i", true);
}
END_TEST

SUITE_RUN("postgres size", ten_thousand_tables_take_three_seconds_and_300_mib_at_most)

int main(void)
{
	return server_start() ? suite_run() : EXIT_FAILURE;
}
