/* Connections that change what a database contains: questions and transactions, on each engine. */
#include "tests/unit/engines_rig.h"

/* A placeholder of the engine, with its type where the engine wants one. */
static const char *echo_sql(void)
{
	return on_server ? "SELECT $1::text, $2::text" : "SELECT ?1, ?2";
}

static void check_texts(void)
{
	struct md_db_schema *schema = rig_new();
	static const char *const params[] = { "it's \"ü\"", NULL };
	md_auto_buf out = MD_BUF(1024);
	uint64_t count = 99;

	ck_assert_int_eq(
		md_db_schema_query(schema, echo_sql(), params, 2, rig_put_row, &out, &count, &err),
		MD_OK);
	ck_assert_str_eq(md_buf_text(&out), "it's \"ü\"|-;");
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(rig_ask(schema, "SELECT '', 1, NULL WHERE 1 = 1"), "|1|-;");
	ck_assert_str_eq(rig_ask(schema, "SELECT 1 WHERE 1 = 0"), "");
	md_db_schema_close(schema);
}
START_TEST(parameters_and_rows_are_texts_and_null_is_null)
{
	for_each_engine(check_texts);
}
END_TEST

static uint64_t changed_by(struct md_db_schema *schema, const char *sql)
{
	uint64_t count = 99;

	ck_assert_msg(md_db_schema_query(schema, sql, NULL, 0, NULL, NULL, &count, &err) == MD_OK,
		      "%s: %s", sql, err.message);
	return count;
}

static void check_counts(void)
{
	struct md_db_schema *schema = rig_new();

	rig_run(schema, "CREATE TABLE t (id int)");
	ck_assert_uint_eq(changed_by(schema, "INSERT INTO t VALUES (1), (2), (3)"), 3);
	ck_assert_uint_eq(changed_by(schema, "CREATE TABLE u (id int)"), 0);
	ck_assert_uint_eq(changed_by(schema, "SELECT id FROM t WHERE id > 1"), 2);
	ck_assert_uint_eq(changed_by(schema, "UPDATE t SET id = id + 1 WHERE id > 2"), 1);
	ck_assert_uint_eq(changed_by(schema, "UPDATE t SET id = 1 WHERE id > 9"), 0);
	ck_assert_uint_eq(changed_by(schema, "INSERT INTO t VALUES (8), (9) RETURNING id"), 2);
	ck_assert_uint_eq(changed_by(schema, "DELETE FROM t"), 5);
	ck_assert_uint_eq(changed_by(schema, "DROP TABLE u"), 0);
	md_db_schema_close(schema);
}
START_TEST(a_query_tells_how_many_rows_it_wrote_or_read)
{
	for_each_engine(check_counts);
}
END_TEST

/* Stops at the row that `ctx` counts down to. */
static enum md_code stop_at(void *ctx, const char *const *values, unsigned count,
			    struct md_error *error)
{
	unsigned *left = ctx;

	(void)count;
	if (--*left > 0)
		return MD_OK;
	return md_fail(error, MD_CONFLICT, "MDSTOP", "stopped at %s", values[0]);
}

#define MANY(n)                                                                         \
	"WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < " #n \
	") SELECT i FROM c"

static void check_stop(void)
{
	struct md_db_schema *schema = rig_new();
	unsigned left = 3;

	rig_run(schema, "CREATE TABLE t (id int)");
	ck_assert_int_eq(md_db_schema_begin(schema, &err), MD_OK);
	rig_run(schema, "INSERT INTO t VALUES (1)");
	ck_assert_int_eq(
		md_db_schema_query(schema, MANY(100000), NULL, 0, stop_at, &left, NULL, &err),
		MD_CONFLICT);
	ck_assert_str_eq(err.message, "stopped at 3");
	ck_assert_str_eq(err.wire, "MDSTOP");
	ck_assert_uint_eq(left, 0);
	ck_assert(md_db_schema_in_transaction(schema));
	ck_assert_str_eq(rig_ask(schema, "SELECT id FROM t"), "1;");
	ck_assert_int_eq(md_db_schema_commit(schema, &err), MD_OK);
	ck_assert_str_eq(rig_ask(schema, "SELECT id FROM t"), "1;");
	/* A statement that writes is done when its rows come. */
	left = 1;
	ck_assert_int_eq(md_db_schema_query(schema, "INSERT INTO t VALUES (5), (6) RETURNING id",
					    NULL, 0, stop_at, &left, NULL, &err),
			 MD_CONFLICT);
	ck_assert_str_eq(rig_ask(schema, "SELECT count(*) FROM t"), "3;");
	md_db_schema_close(schema);
}
START_TEST(a_query_that_is_ended_early_leaves_the_connection_usable)
{
	for_each_engine(check_stop);
}
END_TEST

static long resident_kb(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long size, pages = 0;

	ck_assert_int_eq(fscanf(file, "%ld %ld", &size, &pages), 2);
	fclose(file);
	return pages * 4;
}

static enum md_code add_up(void *ctx, const char *const *values, unsigned count,
			   struct md_error *error)
{
	(void)count;
	(void)error;
	*(size_t *)ctx += strlen(values[0]);
	return MD_OK;
}

static void check_long_answer(void)
{
	struct md_db_schema *schema = rig_new();
	const char *sql = on_server
				  ? "SELECT repeat('x', 1000) FROM generate_series(1, 200000)"
				  : "WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 "
				    "FROM c WHERE i < 200000) SELECT printf('%.1000c', 'x') FROM c";
	size_t total = 0;
	long before = resident_kb();

	ck_assert_msg(md_db_schema_query(schema, sql, NULL, 0, add_up, &total, NULL, &err) == MD_OK,
		      "%s", err.message);
	ck_assert_uint_eq(total, 200000000);
#ifndef __SANITIZE_ADDRESS__ /* it keeps what is freed for a while */
	ck_assert_int_lt(resident_kb() - before, 32 * 1024);
#else
	(void)before;
	(void)resident_kb;
#endif
	md_db_schema_close(schema);
}
START_TEST(a_long_answer_is_not_gathered_in_memory)
{
	for_each_engine(check_long_answer);
}
END_TEST

static void check_mistakes(void)
{
	static const char *const one[] = { "1" };
	static const struct {
		const char *sql;
		unsigned params;
		const char *wire;
	} cases[] = {
		{ "SELECT * FROM nowhere", 0, "42P01" },    { "", 0, "42601" },
		{ "SELECT 1; SELECT 2", 0, "42601" },       { "SELECT 1", 1, "08P01" },
		{ "INSERT INTO t VALUES (1)", 0, "23505" },
	};
	struct md_db_schema *schema = rig_new();

	rig_run(schema, "CREATE TABLE t (id int UNIQUE)");
	rig_run(schema, "INSERT INTO t VALUES (1)");
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t count = 99;

		md_error_clear(&err);
		ck_assert_int_ne(md_db_schema_query(schema, cases[i].sql, one, cases[i].params,
						    rig_put_row, NULL, &count, &err),
				 MD_OK);
		ck_assert_msg(strcmp(err.wire, cases[i].wire) == 0, "%s: %s %s", cases[i].sql,
			      err.wire, err.message);
		ck_assert_uint_eq(count, 99);
		ck_assert_str_eq(rig_ask(schema, "SELECT 1"), "1;");
	}
	ck_assert_str_eq(rig_ask(schema, "SELECT 1; -- the end\n;"), "1;");
	md_db_schema_close(schema);
}
START_TEST(a_query_that_fails_says_why_and_the_connection_goes_on)
{
	for_each_engine(check_mistakes);
}
END_TEST

static void check_rollback(void)
{
	struct md_db_schema *schema = rig_new();

	rig_run(schema, "CREATE TABLE t (id int)");
	ck_assert_int_eq(md_db_schema_rollback(schema, &err), MD_OK);
	ck_assert(!md_db_schema_in_transaction(schema));
	ck_assert_int_eq(md_db_schema_begin(schema, &err), MD_OK);
	ck_assert(md_db_schema_in_transaction(schema));
	rig_run(schema, "INSERT INTO t VALUES (1)");
	rig_run(schema, "CREATE TABLE u (id int)");
	ck_assert_int_ne(md_db_schema_run(schema, "SELECT * FROM nowhere", &err), MD_OK);
	ck_assert_int_eq(md_db_schema_rollback(schema, &err), MD_OK);
	ck_assert(!md_db_schema_in_transaction(schema));
	ck_assert_str_eq(rig_ask(schema, "SELECT id FROM t"), "");
	rig_run(schema, "CREATE TABLE u (id int)");
	ck_assert_int_eq(md_db_schema_begin(schema, &err), MD_OK);
	rig_run(schema, "INSERT INTO t VALUES (2)");
	ck_assert_int_eq(md_db_schema_commit(schema, &err), MD_OK);
	ck_assert_str_eq(rig_ask(schema, "SELECT id FROM t"), "2;");
	md_db_schema_close(schema);
}
START_TEST(a_rollback_undoes_what_was_begun_and_nothing_when_nothing_was)
{
	for_each_engine(check_rollback);
}
END_TEST

static void check_rehearsal(void)
{
	struct md_db_schema *schema = rig_new();
	struct md_db_schema *scratch =
		rig_open_as((struct md_db_schema_options){ .scratch = true });

	ck_assert_int_eq(md_db_schema_begin(scratch, &err), MD_OK);
	rig_run(scratch, "CREATE TABLE t (id int)");
	ck_assert_int_eq(md_db_schema_commit(scratch, &err), MD_OK);
	ck_assert_str_eq(rig_ask(scratch, "SELECT count(*) FROM t"), "0;");
	ck_assert_int_eq(md_db_schema_begin(scratch, &err), MD_OK);
	rig_run(scratch, "INSERT INTO t VALUES (1)");
	ck_assert_int_eq(md_db_schema_rollback(scratch, &err), MD_OK);
	rig_run(scratch, "CREATE TABLE u (id int)");
	md_db_schema_close(scratch);
	rig_run(schema, "CREATE TABLE t (id int)");
	rig_run(schema, "CREATE TABLE u (id int)");
	md_db_schema_close(schema);
}
START_TEST(a_rehearsal_leaves_nothing_behind_whatever_is_committed_in_it)
{
	for_each_engine(check_rehearsal);
}
END_TEST

#ifdef MD_HAVE_POSTGRES
START_TEST(a_rollback_on_a_connection_that_is_lost_has_happened_already)
{
	struct md_db_schema *schema;

	on_server = true;
	schema = rig_new();
	rig_run(schema, "CREATE TABLE t (id int)");
	ck_assert_int_eq(md_db_schema_begin(schema, &err), MD_OK);
	rig_run(schema, "INSERT INTO t VALUES (1)");
	pg_admin(PG_KILL_OTHERS);
	ck_assert_int_eq(md_db_schema_query(schema, "SELECT 1", NULL, 0, NULL, NULL, NULL, &err),
			 MD_UNAVAILABLE);
	ck_assert(!md_db_schema_in_transaction(schema));
	ck_assert_int_eq(md_db_schema_rollback(schema, &err), MD_OK);
	ck_assert_int_eq(md_db_schema_query(schema, "SELECT 1", NULL, 0, NULL, NULL, NULL, &err),
			 MD_UNAVAILABLE);
	ck_assert_str_eq(pg_admin("SELECT count(*) FROM \"it's\".t"), "0");
	md_db_schema_close(schema);
}
END_TEST
#define ON_SERVER , a_rollback_on_a_connection_that_is_lost_has_happened_already
#else
#define ON_SERVER
#endif

ENGINES_MAIN("schema connections", parameters_and_rows_are_texts_and_null_is_null,
	     a_query_tells_how_many_rows_it_wrote_or_read,
	     a_query_that_is_ended_early_leaves_the_connection_usable,
	     a_long_answer_is_not_gathered_in_memory,
	     a_query_that_fails_says_why_and_the_connection_goes_on,
	     a_rollback_undoes_what_was_begun_and_nothing_when_nothing_was,
	     a_rehearsal_leaves_nothing_behind_whatever_is_committed_in_it ON_SERVER)
