/* What a database remembers of its migrations, and who may migrate, on each engine. */
#include <signal.h>
#include <sys/wait.h>

#include "core/migrate/history.h"
#include "core/migrate/history_private.h"
#include "tests/unit/engines_rig.h"

static struct md_arena *arena;
static struct md_history history;

static void read_history(struct md_db_schema *schema)
{
	arena = md_arena_free(arena);
	arena = md_arena_new(256u << 20);
	md_error_clear(&err);
	ck_assert_msg(md_history_read(schema, arena, &history, &err) == MD_OK, "%s", err.message);
}

static struct md_history_row row_of(const char *revision, const char *parent)
{
	struct md_history_row row = {
		.message = "add it's",
		.body = "{\"up\":[]}",
		.snapshot = "{}",
		.steps = 3,
		.applied_by = "cli:anna",
		.version = "0.1.0",
	};

	snprintf(row.revision, sizeof(row.revision), "%s", revision);
	snprintf(row.parent, sizeof(row.parent), "%s", parent);
	snprintf(row.checksum, sizeof(row.checksum), "%064d", 7);
	return row;
}

static struct md_history_row begun(struct md_db_schema *schema, const char *revision,
				   const char *parent)
{
	struct md_history_row row = row_of(revision, parent);

	md_error_clear(&err);
	ck_assert_msg(md_history_begin(schema, &row, &err) == MD_OK, "%s", err.message);
	return row;
}

static void applied(struct md_db_schema *schema, const char *revision, const char *parent)
{
	struct md_history_row row = begun(schema, revision, parent);

	ck_assert_int_eq(md_history_step(schema, row.sequence, 3, &err), MD_OK);
	ck_assert_int_eq(md_history_end(schema, row.sequence, MD_HISTORY_APPLIED, 12, NULL, &err),
			 MD_OK);
}

static struct md_db_schema *prepared(void)
{
	struct md_db_schema *schema = rig_new();

	md_error_clear(&err);
	ck_assert_msg(md_history_prepare(schema, &err) == MD_OK, "%s", err.message);
	return schema;
}

/* --- rows --- */

static void check_missing(void)
{
	struct md_db_schema *schema = rig_new(), *reader;
	const struct md_kept *kept;
	struct md_lock_holder holder;
	struct md_history_row row = row_of("0123456789ab", "");
	unsigned count = 99;

	rig_run(schema, "CREATE TABLE t (id int)");
	reader = rig_open_as((struct md_db_schema_options){ .read_only = true });
	/* Somebody else writes at the same time. */
	ck_assert_int_eq(md_db_schema_begin(schema, &err), MD_OK);
	rig_run(schema, "INSERT INTO t VALUES (1)");
	read_history(reader);
	ck_assert_uint_eq(history.count, 0);
	ck_assert(!history.exists && !history.current);
	ck_assert_int_eq(md_history_kept(reader, arena, &kept, &count, &err), MD_OK);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(md_history_holder(reader, &holder, &err), MD_OK);
	ck_assert(!holder.held);
	ck_assert_int_eq(md_history_unlock(reader, &err), MD_OK);
	ck_assert_int_eq(md_history_forget(reader, NULL, &err), MD_OK);
	ck_assert_int_eq(md_history_begin(reader, &row, &err), MD_NOT_FOUND);
	ck_assert_int_eq(md_db_schema_commit(schema, &err), MD_OK);
	md_db_schema_close(reader);
	md_db_schema_close(schema);
}
START_TEST(a_database_without_a_history_has_none_and_nobody_is_made_to_wait)
{
	for_each_engine(check_missing);
}
END_TEST

static void check_course(void)
{
	struct md_db_schema *schema = prepared(), *reader;
	struct md_history_row row;
	const struct md_history_row *read;

	ck_assert_int_eq(md_history_prepare(schema, &err), MD_OK);
	applied(schema, "aaaaaaaaaaaa", "");
	row = begun(schema, "bbbbbbbbbbbb", "aaaaaaaaaaaa");
	ck_assert_int_eq(md_history_step(schema, row.sequence, 2, &err), MD_OK);
	reader = rig_open_as((struct md_db_schema_options){ .read_only = true });
	read_history(reader);
	ck_assert(history.exists);
	ck_assert_uint_eq(history.count, 2);
	read = &history.rows[0];
	ck_assert_str_eq(read->revision, "aaaaaaaaaaaa");
	ck_assert_str_eq(read->parent, "");
	ck_assert_str_eq(read->message, "add it's");
	ck_assert_str_eq(read->body, "{\"up\":[]}");
	ck_assert_str_eq(read->snapshot, "{}");
	ck_assert_str_eq(read->applied_by, "cli:anna");
	ck_assert_str_eq(read->version, "0.1.0");
	ck_assert_int_eq(read->state, MD_HISTORY_APPLIED);
	ck_assert_int_eq(read->ms, 12);
	ck_assert_uint_eq(read->steps_done, 3);
	ck_assert_ptr_null(read->error);
	ck_assert_uint_eq(strlen(read->started_at), strlen("2026-11-22T23:00:00.000Z"));
	ck_assert_uint_eq(strlen(read->finished_at), strlen("2026-11-22T23:00:00.000Z"));
	ck_assert(strcmp(read->started_at, read->finished_at) <= 0);
	ck_assert_ptr_eq(history.current, &history.rows[1]);
	ck_assert_str_eq(history.current->parent, "aaaaaaaaaaaa");
	ck_assert_int_eq(history.current->state, MD_HISTORY_RUNNING);
	ck_assert_uint_eq(history.current->steps_done, 2);
	ck_assert_ptr_null(history.current->finished_at);
	md_db_schema_close(reader);
	md_db_schema_close(schema);
}
START_TEST(a_revision_is_noted_from_its_beginning_to_its_end)
{
	for_each_engine(check_course);
}
END_TEST

static void check_again(void)
{
	struct md_db_schema *schema = prepared();
	struct md_history_row row = begun(schema, "aaaaaaaaaaaa", ""), again;

	ck_assert_int_eq(
		md_history_end(schema, row.sequence, MD_HISTORY_FAILED, 5, "no disk", &err), MD_OK);
	read_history(schema);
	ck_assert_str_eq(history.current->error, "no disk");
	again = row_of("aaaaaaaaaaaa", "");
	again.body = NULL;
	again.steps_done = 1;
	ck_assert_int_eq(md_history_begin(schema, &again, &err), MD_OK);
	ck_assert_int_eq(again.sequence, row.sequence);
	read_history(schema);
	ck_assert_uint_eq(history.count, 1);
	ck_assert_int_eq(history.current->state, MD_HISTORY_RUNNING);
	ck_assert_uint_eq(history.current->steps_done, 1);
	ck_assert_str_eq(history.current->body, "{\"up\":[]}");
	ck_assert_ptr_null(history.current->error);
	ck_assert_int_eq(md_history_end(schema, row.sequence, MD_HISTORY_APPLIED, 5, NULL, &err),
			 MD_OK);
	ck_assert_int_eq(md_history_begin(schema, &again, &err), MD_CONFLICT);
	ck_assert_str_eq(err.wire, "MD_HISTORY");
	/* Back, and up again: behind what came meanwhile. */
	applied(schema, "bbbbbbbbbbbb", "aaaaaaaaaaaa");
	again = row_of("bbbbbbbbbbbb", "aaaaaaaaaaaa");
	again.state = MD_HISTORY_REVERTING;
	ck_assert_int_eq(md_history_begin(schema, &again, &err), MD_OK);
	read_history(schema);
	ck_assert_int_eq(history.current->state, MD_HISTORY_REVERTING);
	ck_assert_int_eq(
		md_history_end(schema, again.sequence, MD_HISTORY_ROLLED_BACK, 1, NULL, &err),
		MD_OK);
	read_history(schema);
	ck_assert_str_eq(history.current->revision, "aaaaaaaaaaaa");
	ck_assert_int_eq(md_history_begin(schema, &again, &err), MD_CONFLICT);
	ck_assert_str_eq(err.wire, "MD_HISTORY");
	applied(schema, "cccccccccccc", "aaaaaaaaaaaa");
	applied(schema, "bbbbbbbbbbbb", "cccccccccccc");
	read_history(schema);
	ck_assert_uint_eq(history.count, 4);
	ck_assert_str_eq(history.current->revision, "bbbbbbbbbbbb");
	ck_assert_int_eq(history.rows[1].state, MD_HISTORY_ROLLED_BACK);
	md_db_schema_close(schema);
}
START_TEST(a_revision_holds_once_and_goes_on_where_it_stopped)
{
	for_each_engine(check_again);
}
END_TEST

static void check_mending(void)
{
	struct md_db_schema *schema = prepared();
	struct md_history_row row = { .message = "better" };

	applied(schema, "aaaaaaaaaaaa", "");
	applied(schema, "bbbbbbbbbbbb", "aaaaaaaaaaaa");
	read_history(schema);
	row.sequence = history.current->sequence;
	ck_assert_int_eq(md_history_amend(schema, &row, &err), MD_OK);
	read_history(schema);
	ck_assert_str_eq(history.current->message, "better");
	ck_assert_str_eq(history.current->body, "{\"up\":[]}");
	ck_assert_str_eq(history.current->parent, "aaaaaaaaaaaa");
	row.sequence = 77;
	ck_assert_int_eq(md_history_amend(schema, &row, &err), MD_CONFLICT);
	ck_assert_int_eq(md_history_step(schema, 77, 1, &err), MD_CONFLICT);
	ck_assert_int_eq(md_history_end(schema, 77, MD_HISTORY_APPLIED, 1, NULL, &err),
			 MD_CONFLICT);
	ck_assert_int_eq(md_history_forget(schema, "aaaaaaaaaaaa", &err), MD_OK);
	read_history(schema);
	ck_assert_uint_eq(history.count, 1);
	ck_assert_int_eq(md_history_forget(schema, NULL, &err), MD_OK);
	read_history(schema);
	ck_assert_uint_eq(history.count, 0);
	ck_assert(history.exists);
	md_db_schema_close(schema);
}
START_TEST(rows_can_be_mended_and_taken_away_and_one_that_is_gone_is_missed)
{
	for_each_engine(check_mending);
}
END_TEST

static void check_rolled_back_step(void)
{
	struct md_db_schema *schema = prepared();
	struct md_history_row row = begun(schema, "aaaaaaaaaaaa", "");

	ck_assert_int_eq(md_db_schema_begin(schema, &err), MD_OK);
	rig_run(schema, "CREATE TABLE t (id int)");
	ck_assert_int_eq(md_history_step(schema, row.sequence, 1, &err), MD_OK);
	ck_assert_int_eq(md_db_schema_rollback(schema, &err), MD_OK);
	read_history(schema);
	ck_assert_uint_eq(history.current->steps_done, 0);
	md_db_schema_close(schema);
}
START_TEST(the_note_of_a_step_is_part_of_its_transaction)
{
	for_each_engine(check_rolled_back_step);
}
END_TEST

/* The snapshot of two thousand models, and the revision that makes them. */
static void check_size(void)
{
	struct md_db_schema *schema = prepared();
	struct md_history_row row = row_of("aaaaaaaaaaaa", "");
	md_auto_buf big = MD_BUF(64u << 20);

	for (unsigned i = 0; i < 2000; i++)
		for (unsigned j = 0; j < 40; j++)
			md_buf_printf(&big,
				      "\"model_%u_field_%u\":{\"type\":\"string\",\"max_length"
				      "\":200,\"null\":true,\"description\":\"it's ü\"},",
				      i, j);
	row.body = row.snapshot = md_buf_text(&big);
	ck_assert_uint_gt(big.len, 6u << 20);
	ck_assert_msg(md_history_begin(schema, &row, &err) == MD_OK, "%s", err.message);
	read_history(schema);
	ck_assert_uint_eq(strlen(history.current->snapshot), big.len);
	ck_assert_str_eq(history.current->body, row.body);
	md_db_schema_close(schema);
}
START_TEST(the_snapshot_of_two_thousand_models_fits)
{
	for_each_engine(check_size);
}
END_TEST

static void check_strange_row(void)
{
	struct md_db_schema *schema = prepared();

	applied(schema, "aaaaaaaaaaaa", "");
	rig_run(schema, "UPDATE _modeld_migrations SET revision = 'by hand, and much too long'");
	ck_assert_int_eq(md_history_read(schema, arena, &history, &err), MD_CONFLICT);
	ck_assert_str_eq(err.wire, "MD_HISTORY");
	ck_assert_ptr_nonnull(strstr(err.message, "by hand"));
	md_db_schema_close(schema);
}
START_TEST(a_row_that_cannot_be_understood_is_named)
{
	arena = md_arena_new(1 << 20);
	for_each_engine(check_strange_row);
}
END_TEST

static void check_kept(void)
{
	struct md_db_schema *schema = prepared();
	const struct md_kept *kept;
	unsigned count;

	rig_run(schema, "INSERT INTO _modeld_objects (kind, name, model, checksum) VALUES"
			" ('table', 'user', 'User', 'x'), ('kept column', 'a._dropped_b.user"
			"._dropped_aaaaaaaaaaaa_bio', 'user.bio', 'aaaaaaaaaaaa'),"
			" ('kept table', 'old._dropped_bbbbbbbbbbbb_x', 'old', 'bbbbbbbbbbbb')");
	read_history(schema);
	ck_assert_int_eq(md_history_kept(schema, arena, &kept, &count, &err), MD_OK);
	ck_assert_uint_eq(count, 2);
	if (!kept[0].column)
		kept++;
	ck_assert_str_eq(kept[0].table, "a._dropped_b.user");
	ck_assert_str_eq(kept[0].column, "_dropped_aaaaaaaaaaaa_bio");
	ck_assert_str_eq(kept[0].was, "user.bio");
	ck_assert_str_eq(kept[0].revision, "aaaaaaaaaaaa");
	ck_assert_ptr_nonnull(kept[0].since);
	md_db_schema_close(schema);
}
START_TEST(what_is_kept_of_what_was_dropped_is_listed)
{
	for_each_engine(check_kept);
}
END_TEST

#ifdef MD_HAVE_POSTGRES
START_TEST(the_history_of_another_schema_is_not_ours)
{
	struct md_db_schema *schema;
	struct md_db_schema_options how = { .schema = "other" };

	on_server = true;
	schema = prepared();
	applied(schema, "aaaaaaaaaaaa", "");
	pg_admin("SET client_min_messages = warning; DROP SCHEMA IF EXISTS other CASCADE;"
		 "CREATE SCHEMA other; ALTER ROLE CURRENT_USER SET search_path = \"it's\"");
	md_db_schema_close(schema);
	how.url = rig_url;
	ck_assert_int_eq(md_db_schema_open(&how, &schema, &err), MD_OK);
	read_history(schema);
	ck_assert(!history.exists);
	ck_assert_int_eq(md_history_prepare(schema, &err), MD_OK);
	applied(schema, "bbbbbbbbbbbb", "");
	read_history(schema);
	ck_assert_uint_eq(history.count, 1);
	ck_assert_str_eq(pg_admin("SELECT count(*) FROM \"it's\"._modeld_migrations"), "1");
	ck_assert_str_eq(pg_admin("SELECT count(*) FROM other._modeld_objects"), "0");
	/* And neither is its lock. */
	ck_assert_int_eq(md_history_lock(schema, "a", "b", NULL, &err), MD_OK);
	on_server = true;
	{
		struct md_db_schema *first = rig_open();

		ck_assert_int_eq(md_history_lock(first, "c", "d", NULL, &err), MD_OK);
		md_db_schema_close(first);
	}
	md_db_schema_close(schema);
	how.schema = "nowhere";
	ck_assert_int_eq(md_db_schema_open(&how, &schema, &err), MD_OK);
	read_history(schema);
	ck_assert(!history.exists);
	ck_assert_int_eq(md_history_prepare(schema, &err), MD_INVALID);
	ck_assert_str_eq(err.wire, "3F000");
	md_db_schema_close(schema);
	pg_admin("ALTER ROLE CURRENT_USER RESET search_path");
}
END_TEST
#endif

/* --- the lock --- */

static void check_lock(void)
{
	struct md_db_schema *one = rig_new(), *other = rig_open();
	struct md_lock_holder holder;

	ck_assert_int_eq(md_history_lock(one, "cli:anna", "migrate", &holder, &err), MD_OK);
	ck_assert(!holder.held);
	ck_assert_int_eq(md_history_lock(other, "daemon", "start", &holder, &err), MD_BUSY);
	ck_assert_str_eq(err.wire, "MD_MIGRATING");
	ck_assert_ptr_nonnull(strstr(err.message, "cli:anna"));
	ck_assert(holder.held && !holder.dead && !holder.mine);
	ck_assert_str_eq(holder.owner, "cli:anna");
	ck_assert_str_eq(holder.purpose, "migrate");
	ck_assert_int_eq(holder.pid, getpid());
	ck_assert_int_eq(md_history_heartbeat(other, &err), MD_BUSY);
	ck_assert_int_eq(md_history_unlock(other, &err), MD_OK);
	ck_assert_int_eq(md_history_heartbeat(one, &err), MD_OK);
	ck_assert_int_eq(md_history_holder(one, &holder, &err), MD_OK);
	ck_assert(holder.held && holder.mine);
	/* Once more is no second lock. */
	ck_assert_int_eq(md_history_lock(one, "cli:anna", "rollback", &holder, &err), MD_OK);
	ck_assert_int_eq(md_history_unlock(one, &err), MD_OK);
	ck_assert_int_eq(md_history_lock(other, "daemon", "start", &holder, &err), MD_OK);
	ck_assert(!holder.held);
	ck_assert_int_eq(md_history_lock(one, "cli:anna", "migrate", &holder, &err), MD_BUSY);
	ck_assert_str_eq(holder.owner, "daemon");
	ck_assert_int_eq(md_history_seize(one, &holder, &err), MD_OK);
	ck_assert_str_eq(holder.owner, "daemon");
	ck_assert_int_ne(md_history_heartbeat(other, &err), MD_OK);
	ck_assert_int_eq(md_history_lock(one, "cli:anna", "migrate", NULL, &err), MD_OK);
	md_db_schema_close(other);
	md_db_schema_close(one);
}
START_TEST(the_lock_is_held_by_one_and_can_be_given_up_or_taken_away)
{
	for_each_engine(check_lock);
}
END_TEST

/* A process that takes the lock, says so, and waits to be killed. */
static pid_t start_holder(bool writes)
{
	int ready[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct md_db_schema *schema = rig_open();

		if (md_history_lock(schema, "victim", "migrate", NULL, &err) != MD_OK ||
		    (writes && (md_db_schema_begin(schema, &err) != MD_OK ||
				md_db_schema_run(schema, "CREATE TABLE half (id int)", &err))) ||
		    write(ready[1], "r", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void kill_holder(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void check_killed(void)
{
	for (int writes = 0; writes < 2; writes++) {
		struct md_db_schema *schema = prepared();
		struct md_lock_holder holder;
		pid_t pid = start_holder(writes);
		enum md_code code = md_history_lock(schema, "next", "migrate", &holder, &err);

		ck_assert_int_eq(code, MD_BUSY);
		ck_assert_str_eq(err.wire, "MD_MIGRATING");
		ck_assert_int_eq(holder.pid, pid);
		kill_holder(pid);
		md_error_clear(&err);
		code = md_history_lock(schema, "next", "migrate", &holder, &err);
		for (int i = 0; on_server && code == MD_BUSY && i < 100; i++) {
			usleep(10000); /* until the server has noticed */
			code = md_history_lock(schema, "next", "migrate", &holder, &err);
		}
		ck_assert_msg(code == MD_OK, "%s", err.message);
		ck_assert(on_server || (holder.dead && holder.pid == pid));
		ck_assert_int_eq(md_history_holder(schema, &holder, &err), MD_OK);
		ck_assert(holder.mine);
		ck_assert_int_ne(md_db_schema_run(schema, "SELECT * FROM half", &err), MD_OK);
		md_db_schema_close(schema);
	}
}
START_TEST(a_holder_that_is_killed_is_followed_at_once)
{
	for_each_engine(check_killed);
}
END_TEST

/* As many as there are lines in the journal had it, one after the other. */
static void race(int report)
{
	struct md_db_schema *schema = rig_open();
	char line[32];

	for (unsigned wins = 0; wins < 5;) {
		enum md_code code = md_history_lock(schema, "racer", "migrate", NULL, &err);

		if (code == MD_BUSY) {
			usleep(500);
			continue;
		}
		if (code != MD_OK || md_db_schema_run(schema, "UPDATE t SET n = n + 1", &err))
			_exit(1);
		snprintf(line, sizeof(line), "%s", rig_ask(schema, "SELECT n FROM t"));
		usleep(2000);
		if (strcmp(line, rig_ask(schema, "SELECT n FROM t")) != 0)
			_exit(2); /* there was another */
		if (md_history_unlock(schema, &err) != MD_OK || write(report, "w", 1) != 1)
			_exit(3);
		wins++;
	}
	md_db_schema_close(schema);
	_exit(0);
}

static void check_race(void)
{
	enum { RACERS = 4 };
	struct md_db_schema *schema = rig_new();
	pid_t racers[RACERS];
	int report[2], status;

	/* The tables of the history are made in the race as well. */
	rig_run(schema, "CREATE TABLE t (n int)");
	rig_run(schema, "INSERT INTO t VALUES (0)");
	ck_assert_int_eq(pipe(report), 0);
	for (unsigned i = 0; i < RACERS; i++) {
		racers[i] = fork();
		if (racers[i] == 0)
			race(report[1]);
	}
	for (unsigned i = 0; i < RACERS; i++) {
		ck_assert_int_eq(waitpid(racers[i], &status, 0), racers[i]);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "racer %u: %d", i,
			      status);
	}
	ck_assert_str_eq(rig_ask(schema, "SELECT n FROM t"), "20;");
	md_db_schema_close(schema);
}
START_TEST(of_several_processes_that_race_for_the_lock_one_has_it_at_a_time)
{
	for_each_engine(check_race);
}
END_TEST

/* The row of a holder elsewhere. */
static void pretend(struct md_db_schema *schema, const char *set)
{
	char sql[1024];

	snprintf(sql, sizeof(sql), "UPDATE _modeld_lock SET %s", set);
	rig_run(schema, sql);
}

static bool is_held_by_the_living(struct md_db_schema *schema)
{
	struct md_lock_holder holder;

	ck_assert_int_eq(md_history_holder(schema, &holder, &err), MD_OK);
	return holder.held && !holder.dead;
}

START_TEST(a_holder_elsewhere_lives_as_long_as_it_is_heard_of)
{
	struct md_db_schema *schema, *other;

	on_server = false;
	schema = rig_new();
	other = rig_open();
	ck_assert_int_eq(md_history_lock(schema, "a", "b", NULL, &err), MD_OK);
	pretend(schema, "holder = 'x', host = 'elsewhere', pid = 1");
	ck_assert(is_held_by_the_living(other));
	pretend(schema, "heartbeat_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-59 seconds')");
	ck_assert(is_held_by_the_living(other));
	ck_assert_int_eq(md_history_lock(other, "c", "d", NULL, &err), MD_BUSY);
	pretend(schema, "heartbeat_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-62 seconds')");
	ck_assert(!is_held_by_the_living(other));
	ck_assert_int_eq(md_history_lock(other, "c", "d", NULL, &err), MD_OK);
	ck_assert_int_eq(md_history_heartbeat(schema, &err), MD_BUSY);
	md_db_schema_close(other);
	md_db_schema_close(schema);
}
END_TEST

START_TEST(the_number_of_a_process_that_is_used_again_does_not_keep_a_lock)
{
	struct md_db_schema *schema, *other;
	char mark[MD_PROCESS_TEXT], set[512], *end;

	on_server = false;
	schema = rig_new();
	other = rig_open();
	ck_assert_int_eq(md_history_lock(schema, "a", "b", NULL, &err), MD_OK);
	ck_assert(md_process_mark(getpid(), mark));
	ck_assert_int_eq(md_process_look(getpid(), mark), MD_PROCESS_ALIVE);
	end = strrchr(mark, ' ');
	snprintf(end, 8, " 12345");
	ck_assert_int_eq(md_process_look(getpid(), mark), MD_PROCESS_GONE);
	snprintf(set, sizeof(set), "process = '%s', holder = 'x'", mark);
	pretend(schema, set);
	ck_assert(!is_held_by_the_living(other));
	/* On the same host as it was before it was started anew, or in another container: the
	 * heartbeat decides. */
	mark[0] = 'x';
	ck_assert_int_eq(md_process_look(getpid(), mark), MD_PROCESS_UNKNOWN);
	snprintf(set, sizeof(set), "process = '%s'", mark);
	pretend(schema, set);
	ck_assert(is_held_by_the_living(other));
	md_db_schema_close(other);
	md_db_schema_close(schema);
}
END_TEST

#ifdef MD_HAVE_POSTGRES
START_TEST(a_session_that_is_at_work_keeps_its_lock_and_one_that_hangs_loses_it)
{
	struct md_db_schema *schema, *other;
	struct md_lock_holder holder;

	on_server = true;
	schema = rig_new();
	other = rig_open();
	ck_assert_int_eq(md_history_lock(schema, "a", "b", NULL, &err), MD_OK);
	pretend(other,
		"holder = 'x', host = 'elsewhere', heartbeat_at = now() - interval '1 hour'");
	ck_assert(is_held_by_the_living(other)); /* it did something a moment ago */
	pretend(other, "process = 'p'");
	/* As if its process were of this host, and gone. */
	{
		char mark[MD_PROCESS_TEXT], host[256], set[512], *end;

		ck_assert(md_process_mark(getpid(), mark));
		end = strrchr(mark, ' ');
		snprintf(end, 8, " 12345");
		ck_assert_int_eq(gethostname(host, sizeof(host)), 0);
		snprintf(set, sizeof(set), "process = '%s', host = '%s'", mark, host);
		pretend(other, set);
	}
	ck_assert(!is_held_by_the_living(other));
	ck_assert_int_eq(md_history_lock(other, "c", "d", &holder, &err), MD_OK);
	ck_assert(holder.dead);
	ck_assert_int_eq(md_db_schema_query(schema, "SELECT 1", NULL, 0, NULL, NULL, NULL, &err),
			 MD_UNAVAILABLE);
	md_db_schema_close(other);
	md_db_schema_close(schema);
}
END_TEST
#define ON_SERVER                                    \
	, the_history_of_another_schema_is_not_ours, \
		a_session_that_is_at_work_keeps_its_lock_and_one_that_hangs_loses_it
#else
#define ON_SERVER
#endif

ENGINES_MAIN("history", a_database_without_a_history_has_none_and_nobody_is_made_to_wait,
	     a_revision_is_noted_from_its_beginning_to_its_end,
	     a_revision_holds_once_and_goes_on_where_it_stopped,
	     rows_can_be_mended_and_taken_away_and_one_that_is_gone_is_missed,
	     the_note_of_a_step_is_part_of_its_transaction,
	     the_snapshot_of_two_thousand_models_fits, a_row_that_cannot_be_understood_is_named,
	     what_is_kept_of_what_was_dropped_is_listed,
	     the_lock_is_held_by_one_and_can_be_given_up_or_taken_away,
	     a_holder_that_is_killed_is_followed_at_once,
	     of_several_processes_that_race_for_the_lock_one_has_it_at_a_time,
	     a_holder_elsewhere_lives_as_long_as_it_is_heard_of,
	     the_number_of_a_process_that_is_used_again_does_not_keep_a_lock ON_SERVER)
