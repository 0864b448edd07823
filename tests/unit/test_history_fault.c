/* Each allocation fails once, and the disk does: no crash, no leak, MD_NOMEM or the same answer as
 * ever; and nothing half written. */
#include <jansson.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/migrate/history.h"
#include "core/migrate/revision_private.h"
#include "tests/support/fault.h"
#include "tests/unit/engines_rig.h"

#define A "aaaaaaaaaaaa"
#define B "bbbbbbbbbbbb"
#define C "cccccccccccc"
#define D "dddddddddddd"

/* jansson's allocations, too: it takes some that fail for mistakes of the text. */
static bool json_fails;

static void *failing_malloc(size_t size)
{
	return fault_tick() ? NULL : malloc(size);
}

/* Check allocates, too: not while an allocation is to fail. */
static void must(bool holds)
{
	fault_pause();
	ck_assert(holds);
	fault_resume();
}

static struct md_db_schema *schema;

/* Run until no allocation fails; returns how many did. */
static long each_fails(enum md_code (*run)(void))
{
	long n = 0;

	for (;; n++) {
		enum md_code code;
		bool fired;

		md_error_clear(&err);
		fault_arm(n);
		code = run();
		fired = fault_fired();
		fault_disarm();
		ck_assert_msg(code == MD_OK || code == MD_NOMEM ||
				      (fired && json_fails && code == MD_INVALID),
			      "call %ld: code %d %s", n, code, err.message);
		ck_assert_msg(code == MD_OK || err.code == code, "call %ld", n);
		if (!fired)
			return n;
	}
}

/* --- revisions --- */

static void put(const char *name, const char *id, const char *parent, const char *field)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"revision\":\"%s\",\"down_revision\":%s%s%s,\"message\":\"m\",\"up\":[{\"op\":"
		 "\"add_field\",\"model\":\"User\",\"field\":\"%s\",\"definition\":{\"type\":"
		 "\"text\"}}]}",
		 id, *parent ? "\"" : "", *parent ? parent : "null", *parent ? "\"" : "", field);
	write_file(name, text);
}

static enum md_code read_and_align(void)
{
	struct md_revisions *revisions = NULL;
	enum md_code code;

	code = md_revisions_read(folder, &revisions, &err);
	must(code == MD_OK || !revisions);
	if (code == MD_OK)
		code = md_revisions_align(revisions, NULL, &err);
	md_revisions_free(revisions);
	return code;
}

static enum md_code write_sums(void)
{
	return md_revisions_write_sums(folder, &err);
}

START_TEST(every_allocation_of_reading_and_aligning_may_fail)
{
	put("1.json", A, "", "a");
	put("2.json", B, A, "b");
	put("3.json", C, A, "c");
	put("4.json", D, C, "d");
	for (unsigned i = 0; i < 2; i++) {
		if (i == 1)
			json_set_alloc_funcs(failing_malloc, free);
		json_fails = i == 1;
		ck_assert_int_gt(each_fails(write_sums), 10);
		ck_assert_int_gt(each_fails(read_and_align), 10);
	}
}
END_TEST

static json_t *new_revision;

static enum md_code write_new(void)
{
	char path[256];
	enum md_code code;

	code = md_revision_write(folder, NULL, new_revision, NULL, NULL, 0, &err);
	fault_pause();
	snprintf(path, sizeof(path), "%s/20261123T091200_" B "_x.json", folder);
	/* There is a file when it has been said so, and not otherwise. */
	ck_assert_int_eq(access(path, F_OK) == 0, code == MD_OK);
	unlink(path);
	fault_resume();
	return code;
}

START_TEST(every_allocation_of_writing_may_fail)
{
	new_revision = json_pack("{s:s,s:s,s:s,s:s,s:[]}", "revision", B, "down_revision", A,
				 "message", "x", "created_at", "2026-11-23T09:12:00Z", "up");
	put("1.json", A, "", "a");
	ck_assert_int_gt(each_fails(write_new), 5);
	json_decref(new_revision);
}
END_TEST

START_TEST(a_full_disk_leaves_the_folder_as_it_was)
{
	struct rlimit limit = { 100, RLIM_INFINITY };
	char before[1024] = "", after[1024] = "", name[256];
	FILE *file;

	put("1.json", A, "", "a");
	ck_assert_int_eq(write_sums(), MD_OK);
	new_revision = json_pack("{s:s,s:s,s:s,s:s,s:[]}", "revision", B, "down_revision", A,
				 "message", "x", "created_at", "2026-11-23T09:12:00Z", "up");
	file = fopen(file_at("migrations.sum"), "r");
	ck_assert_uint_gt(fread(before, 1, sizeof(before) - 1, file), 0);
	fclose(file);
	signal(SIGXFSZ, SIG_IGN);
	/* First the file does not fit, then the line for it, which makes two of them. */
	for (rlim_t size = 100; size <= 150; size += 25) {
		limit.rlim_cur = size;
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
		md_error_clear(&err);
		ck_assert_int_eq(md_revision_write(folder, NULL, new_revision, NULL, NULL, 0, &err),
				 MD_UNAVAILABLE);
		limit.rlim_cur = RLIM_INFINITY;
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
		snprintf(name, sizeof(name), "%s", file_at("20261123T091200_" B "_x.json"));
		ck_assert_int_ne(access(name, F_OK), 0);
		snprintf(name, sizeof(name), "%s", file_at(".20261123T091200_" B "_x.json.new"));
		ck_assert_int_ne(access(name, F_OK), 0);
	}
	file = fopen(file_at("migrations.sum"), "r");
	ck_assert_uint_gt(fread(after, 1, sizeof(after) - 1, file), 0);
	fclose(file);
	ck_assert_str_eq(before, after);
	ck_assert_int_eq(read_and_align(), MD_OK);
	json_decref(new_revision);
}
END_TEST

/* --- history --- */

static enum md_code count_row(void *ctx, const char *const *values, unsigned count,
			      struct md_error *error)
{
	(void)values;
	(void)count;
	(void)error;
	++*(unsigned *)ctx;
	return MD_OK;
}

static enum md_code ask(void)
{
	unsigned rows = 0;
	enum md_code code = md_db_schema_query(schema, "SELECT 1, NULL, 'x'", NULL, 0, count_row,
					       &rows, NULL, &err);

	must(code != MD_OK || rows == 1);
	return code;
}

static enum md_code note(void)
{
	struct md_history_row row = { .revision = A, .message = "m", .body = "{}", .steps = 1 };
	struct md_history history;
	struct md_arena *arena = md_arena_new(1 << 20);
	enum md_code code = arena ? md_history_begin(schema, &row, &err) : md_fail_nomem(&err);

	if (code == MD_OK)
		code = md_history_step(schema, row.sequence, 1, &err);
	if (code == MD_OK)
		code = md_history_read(schema, arena, &history, &err);
	must(code != MD_OK || (history.count == 1 && history.current));
	if (code == MD_OK)
		code = md_history_forget(schema, A, &err);
	md_arena_free(arena);
	return code;
}

static enum md_code lock(void)
{
	struct md_lock_holder holder;
	enum md_code code = md_history_lock(schema, "a", "b", &holder, &err);

	if (code == MD_OK)
		code = md_history_heartbeat(schema, &err);
	fault_pause();
	ck_assert_int_eq(md_history_unlock(schema, &err), MD_OK);
	ck_assert_int_eq(md_history_holder(schema, &holder, NULL), MD_OK);
	ck_assert(!holder.held);
	if (code != MD_OK)
		md_fail_nomem(&err);
	fault_resume();
	return code;
}

static enum md_code prepare(void)
{
	enum md_code code = md_history_prepare(schema, &err);

	must(!md_db_schema_in_transaction(schema));
	return code;
}

static void check_history(void)
{
	schema = rig_new();
	each_fails(prepare);
	ck_assert_int_eq(md_history_prepare(schema, &err), MD_OK);
	ck_assert_int_gt(each_fails(ask), 0);
	ck_assert_int_gt(each_fails(note), 3);
	ck_assert_int_gt(each_fails(lock), 3);
	md_db_schema_close(schema);
}
START_TEST(every_allocation_of_the_history_may_fail)
{
	for_each_engine(check_history);
}
END_TEST

ENGINES_MAIN("history faults", every_allocation_of_reading_and_aligning_may_fail,
	     every_allocation_of_writing_may_fail, a_full_disk_leaves_the_folder_as_it_was,
	     every_allocation_of_the_history_may_fail)
