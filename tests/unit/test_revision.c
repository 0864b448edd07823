/* Revision files, the chain that they form, and migrations.sum. */
#include <sys/stat.h>
#include <unistd.h>

#include "core/migrate/revision.h"
#include "core/migrate/revision_private.h"
#include "tests/support/suite.h"

#include "tests/support/folder.h"

static struct md_error err;
static struct md_revisions *revisions;

static const char *here(void)
{
	file_at("x");
	return folder;
}

/* A file with a revision: operations as a text. */
static void put(const char *name, const char *id, const char *parent, const char *up)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"revision\":\"%s\",\"down_revision\":%s%s%s,\"message\":\"m\",\"up\":[%s],"
		 "\"down\":[]}",
		 id, *parent ? "\"" : "", *parent ? parent : "null", *parent ? "\"" : "", up);
	write_file(name, text);
}

static enum md_code read_it(void)
{
	revisions = md_revisions_free(revisions);
	md_error_clear(&err);
	return md_revisions_read(here(), &revisions, &err);
}

static void must_read(void)
{
	ck_assert_msg(read_it() == MD_OK, "%s", err.message);
}

static void sum_up(void)
{
	md_error_clear(&err);
	ck_assert_msg(md_revisions_write_sums(here(), &err) == MD_OK, "%s", err.message);
}

/* "a b c": the first letters of the names, in order. */
static const char *line(void)
{
	static char text[256];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < revisions->count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%c", i ? " " : "",
					revisions->items[i].id[0]);
	return text;
}

#define A "aaaaaaaaaaaa"
#define B "bbbbbbbbbbbb"
#define C "cccccccccccc"
#define D "dddddddddddd"
#define E "eeeeeeeeeeee"
#define ADD(model, field)                                                                       \
	"{\"op\":\"add_field\",\"model\":\"" model "\",\"field\":\"" field "\",\"definition\":" \
	"{\"type\":\"string\"}}"

/* --- reading --- */

START_TEST(a_folder_that_is_missing_or_empty_has_no_revisions)
{
	ck_assert_int_eq(md_revisions_read("/nonexistent/folder", &revisions, &err), MD_OK);
	ck_assert_uint_eq(revisions->count, 0);
	ck_assert_uint_eq(revisions->head_count, 0);
	ck_assert_int_eq(md_revisions_align(revisions, NULL, &err), MD_OK);
	must_read();
	ck_assert_uint_eq(revisions->count, 0);
	write_file("snapshot.json", "{}");
	write_file("README.md", "about");
	write_file(".20_hidden.json", "nonsense");
	must_read();
	ck_assert_uint_eq(revisions->count, 0);
	ck_assert_int_eq(md_revisions_read(file_at("README.md"), &revisions, &err), MD_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "README.md"));
}
END_TEST

START_TEST(parents_come_before_children_whatever_their_files_are_called)
{
	put("1.json", C, B, ADD("User", "c"));
	put("2.json", A, "", ADD("User", "a"));
	put("3.json", B, A, ADD("User", "b"));
	must_read();
	ck_assert_str_eq(line(), "a b c");
	ck_assert_ptr_null(revisions->items[0].previous);
	ck_assert_ptr_eq(revisions->items[2].previous, &revisions->items[1]);
	ck_assert_uint_eq(revisions->head_count, 1);
	ck_assert_ptr_eq(revisions->heads[0], &revisions->items[2]);
	ck_assert_str_eq(revisions->items[2].file, "1.json");
	ck_assert_str_eq(revisions->items[2].message, "m");
	ck_assert_uint_eq(json_array_size(revisions->items[2].up), 1);
	revisions = md_revisions_free(revisions);
}
END_TEST

START_TEST(what_is_wrong_with_a_file_is_said_with_its_name)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "line 1" },
		{ "{\n\"revision\": nope}", "line 2" },
		{ "[]", "a revision is a JSON object" },
		{ "{\"revision\":\"A23456789012\",\"up\":[]}", "\"revision\"" },
		{ "{\"revision\":\"12345\",\"up\":[]}", "\"revision\"" },
		{ "{\"revision\":\"" A "\"}", "\"up\"" },
		{ "{\"revision\":\"" A "\",\"up\":[{}]}", "\"up\"" },
		{ "{\"revision\":\"" A "\",\"up\":[],\"down\":{}}", "\"down\"" },
		{ "{\"revision\":\"" A "\",\"up\":[],\"down_revision\":\"x\"}", "down_revision" },
		{ "{\"revision\":\"" A "\",\"up\":[],\"message\":1}", "\"message\"" },
		{ "{\"revision\":\"" A "\",\"up\":[],\"consent\":[1]}", "\"consent\"" },
		{ "{\"revision\":\"" A "\",\"up\":[],\"after\":[\"x\"]}", "\"after\"" },
		{ "{\"revision\":\"" A "\",\"up\":[],\"snapshot\":\"x\"}", "\"snapshot\"" },
		{ "{\"revision\":\"" A "\",\"revision\":\"" B "\",\"up\":[]}", "duplicate" },
		{ "{\n<<<<<<< HEAD\n", "line 2: marks of a merge" },
		{ "{\"revision\":\"" A "\",\"up\":[],\"down_revision\":\"" B "\"}",
		  "follows revision " B },
		{ "{\"revision\":\"" A "\",\"up\":[],\"down_revision\":\"" A "\"}", "circle" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file("1_bad.json", cases[i].text);
		ck_assert_msg(read_it() == MD_INVALID, "%s", cases[i].text);
		ck_assert_msg(strstr(err.message, "1_bad.json: ") == err.message, "%s",
			      err.message);
		ck_assert_msg(strstr(err.message, cases[i].says), "%s: %s", cases[i].text,
			      err.message);
	}
}
END_TEST

START_TEST(what_cannot_be_a_revision_file_is_refused)
{
	char deep[1024];
	FILE *file;

	snprintf(deep, sizeof(deep), "{\"revision\":\"%s\",\"up\":[],\"x\":", A);
	for (int i = 0; i < 100; i++)
		strncat(deep, "[", sizeof(deep) - strlen(deep) - 1);
	write_file("deep.json", deep);
	ck_assert_int_eq(read_it(), MD_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "brackets inside of each other"));
	file = fopen(file_at("deep.json"), "w");
	ck_assert_int_eq(ftruncate(fileno(file), MD_REVISION_BYTES + 1), 0);
	fclose(file);
	ck_assert_int_eq(read_it(), MD_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "bytes"));
	ck_assert_int_eq(unlink(file_at("deep.json")), 0);
	ck_assert_int_eq(mkfifo(file_at("pipe.json"), 0600), 0);
	ck_assert_int_eq(read_it(), MD_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "pipe.json: is not a file"));
}
END_TEST

START_TEST(a_copy_and_a_circle_are_found)
{
	put("1.json", A, "", "");
	put("2.json", A, "", "");
	ck_assert_int_eq(read_it(), MD_INVALID);
	ck_assert_str_eq(err.message, "1.json and 2.json are both revision " A);
	ck_assert_ptr_nonnull(strstr(err.hint, "copy"));
	put("1.json", A, "", "");
	put("2.json", B, C, "");
	put("3.json", C, B, "");
	ck_assert_int_eq(read_it(), MD_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "2.json: "));
	ck_assert_ptr_nonnull(strstr(err.message, "circle"));
}
END_TEST

START_TEST(a_revision_is_found_by_the_beginning_of_its_name)
{
	const struct md_revision *found;

	put("1.json", "abcd11111111", "", "");
	put("2.json", "abcd22222222", "abcd11111111", "");
	must_read();
	ck_assert_int_eq(md_revisions_find(revisions, "abcd2", &found, &err), MD_OK);
	ck_assert_str_eq(found->id, "abcd22222222");
	ck_assert_int_eq(md_revisions_find(revisions, "abcd11111111", &found, &err), MD_OK);
	ck_assert_int_eq(md_revisions_find(revisions, "abcd", &found, &err), MD_NOT_FOUND);
	ck_assert_str_eq(err.wire, "MD_REVISION");
	ck_assert_str_eq(err.details, "abcd11111111, abcd22222222");
	ck_assert_int_eq(md_revisions_find(revisions, "abc", &found, &err), MD_NOT_FOUND);
	ck_assert_int_eq(md_revisions_find(revisions, "abcd111111110", &found, &err), MD_NOT_FOUND);
	ck_assert_int_eq(md_revisions_find(revisions, "", &found, &err), MD_NOT_FOUND);
	revisions = md_revisions_free(revisions);
}
END_TEST

/* --- checksums --- */

START_TEST(the_checksum_is_of_what_counts_and_of_all_before)
{
	static const char base[] = "{\"revision\":\"" A "\",\"message\":\"x\",\"up\":[]}";
	static const char reordered[] = "{\"up\":[], \"created_at\":\"t\",\"modeld\":\"2\","
					"\"consent\":[\"user.bio\"],\"message\":\"y\","
					"\"revision\":\"" A "\"}";
	static const char other[] = "{\"revision\":\"" A "\",\"up\":[{\"op\":\"sql\"}]}";
	struct md_revision one, two, three, four;

	ck_assert_int_eq(md_revision_parse(base, strlen(base), "", &one, &err), MD_OK);
	ck_assert_int_eq(md_revision_parse(reordered, strlen(reordered), "", &two, &err), MD_OK);
	ck_assert_int_eq(md_revision_parse(other, strlen(other), "", &three, &err), MD_OK);
	ck_assert_int_eq(md_revision_parse(base, strlen(base), one.checksum, &four, &err), MD_OK);
	ck_assert_str_eq(one.checksum, two.checksum);
	ck_assert_str_ne(one.checksum, three.checksum);
	ck_assert_str_ne(one.checksum, four.checksum);
	ck_assert_uint_eq(strlen(one.checksum), 64);
	json_decref(one.document);
	json_decref(two.document);
	json_decref(three.document);
	json_decref(four.document);
}
END_TEST

START_TEST(a_change_of_an_old_file_is_told_of_that_file_alone)
{
	put("1.json", A, "", ADD("User", "a"));
	put("2.json", B, A, ADD("User", "b"));
	put("3.json", C, B, ADD("User", "c"));
	must_read();
	ck_assert_uint_eq(revisions->modified_count, 0);
	sum_up();
	must_read();
	ck_assert_uint_eq(revisions->modified_count, 0);
	put("2.json", B, A, ADD("User", "other"));
	must_read();
	ck_assert_uint_eq(revisions->modified_count, 1);
	ck_assert_str_eq(revisions->modified[0]->id, B);
	sum_up();
	must_read();
	ck_assert_uint_eq(revisions->modified_count, 0);
	/* A new file without a line is no change; a line without a file is missed. */
	put("4.json", D, C, "");
	must_read();
	ck_assert_uint_eq(revisions->modified_count, 0);
	ck_assert_uint_eq(revisions->missing_count, 0);
	sum_up();
	ck_assert_int_eq(unlink(file_at("4.json")), 0);
	must_read();
	ck_assert_uint_eq(revisions->missing_count, 1);
	ck_assert_str_eq(revisions->missing[0], D);
	revisions = md_revisions_free(revisions);
}
END_TEST

START_TEST(lines_of_migrations_sum_that_cannot_be_read_are_named)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "nonsense\n", "migrations.sum, line 1: is not" },
		{ "\n\n" A " 12 x\n", "line 3" },
		{ "<<<<<<< HEAD\n", "line 1: marks of a merge" },
		{ "\n=======\n", "line 2: marks of a merge" },
	};

	put("1.json", A, "", "");
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file("migrations.sum", cases[i].text);
		ck_assert_int_eq(read_it(), MD_INVALID);
		ck_assert_msg(strstr(err.message, cases[i].says), "%s", err.message);
		ck_assert_uint_gt(strlen(err.hint), 0);
	}
	sum_up();
	must_read();
	revisions = md_revisions_free(revisions);
}
END_TEST

START_TEST(lines_with_carriage_returns_are_the_same)
{
	char text[512], crlf[600];
	FILE *file;
	size_t len;

	put("1 with spaces.json", A, "", "");
	sum_up();
	file = fopen(file_at("migrations.sum"), "r");
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	ck_assert_ptr_nonnull(strstr(text, " 1 with spaces.json\n"));
	text[len - 1] = '\0';
	snprintf(crlf, sizeof(crlf), "%s\r\n", text);
	write_file("migrations.sum", crlf);
	must_read();
	ck_assert_uint_eq(revisions->modified_count + revisions->missing_count, 0);
	revisions = md_revisions_free(revisions);
}
END_TEST

/* --- writing --- */

static json_t *document(const char *id, const char *parent, const char *message)
{
	return json_pack("{s:s,s:s?,s:s,s:s,s:[],s:[]}", "revision", id, "down_revision",
			 *parent ? parent : NULL, "message", message, "created_at",
			 "2026-11-23T09:12:00Z", "up", "down");
}

static enum md_code write_it(const char *where, const char *id, const char *parent,
			     const char *message, char *file, size_t size)
{
	md_json_local made = document(id, parent, message);
	md_json_local snapshot = json_pack("{s:i}", "version", 1);

	md_error_clear(&err);
	return md_revision_write(where, revisions, made, snapshot, file, size, &err);
}

START_TEST(a_new_revision_has_a_file_a_line_and_a_snapshot)
{
	char file[128], where[128];

	snprintf(where, sizeof(where), "%s", file_at("new"));
	ck_assert_int_eq(write_it(where, A, "", "Add it's: Tags & more!", file, sizeof(file)),
			 MD_OK);
	ck_assert_str_eq(file, "20261123T091200_" A "_add_it_s_tags_more.json");
	ck_assert_int_eq(md_revisions_read(where, &revisions, &err), MD_OK);
	ck_assert_uint_eq(revisions->count, 1);
	ck_assert_str_eq(revisions->items[0].file, file);
	ck_assert_int_eq(access(file_at("new/snapshot.json"), R_OK), 0);
	ck_assert_int_eq(access(file_at("new/migrations.sum"), R_OK), 0);
	ck_assert_int_eq(write_it(where, B, A, "", file, sizeof(file)), MD_OK);
	ck_assert_str_eq(file, "20261123T091200_" B ".json");
	ck_assert_int_eq(write_it(where, B, A, "", file, sizeof(file)), MD_CONFLICT);
	revisions = md_revisions_free(revisions);
	ck_assert_int_eq(md_revisions_read(where, &revisions, &err), MD_OK);
	ck_assert_str_eq(line(), "a b");
	ck_assert_uint_eq(revisions->modified_count + revisions->missing_count, 0);
	revisions = md_revisions_free(revisions);
	ck_assert_int_eq(write_it(where, C, B,
				  "an extraordinarily long message that is longer than it may be",
				  file, sizeof(file)),
			 MD_OK);
	ck_assert_str_eq(file,
			 "20261123T091200_" C "_an_extraordinarily_long_message_that_is.json");
}
END_TEST

START_TEST(what_could_not_be_read_is_not_written)
{
	char where[128];

	snprintf(where, sizeof(where), "%s", file_at("new"));
	ck_assert_int_eq(write_it(where, "short", "", "x", NULL, 0), MD_INVALID);
	ck_assert_int_ne(access(where, F_OK), 0);
	ck_assert_int_eq(write_it(where, B, A, "x", NULL, 0), MD_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "follows revision " A));
	ck_assert_int_eq(md_revisions_read(where, &revisions, &err), MD_OK);
	ck_assert_uint_eq(revisions->count, 0);
	revisions = md_revisions_free(revisions);
	ck_assert_int_eq(write_it("/proc/nowhere", A, "", "x", NULL, 0), MD_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(err.message, "/proc/nowhere"));
	/* The line cannot be written: no file either. */
	ck_assert_int_eq(mkdir(file_at("new/migrations.sum"), 0700), 0);
	ck_assert_int_ne(write_it(where, A, "", "x", NULL, 0), MD_OK);
	ck_assert_int_eq(rmdir(file_at("new/migrations.sum")), 0);
	ck_assert_int_eq(md_revisions_read(where, &revisions, &err), MD_OK);
	ck_assert_uint_eq(revisions->count, 0);
	revisions = md_revisions_free(revisions);
}
END_TEST

START_TEST(names_of_revisions_are_new_each_time)
{
	char one[MD_REVISION_TEXT], other[MD_REVISION_TEXT];

	ck_assert_int_eq(md_revision_id(one, &err), MD_OK);
	ck_assert_int_eq(md_revision_id(other, &err), MD_OK);
	ck_assert_uint_eq(strspn(one, "0123456789abcdef"), 12);
	ck_assert_uint_eq(strlen(one), 12);
	ck_assert_str_ne(one, other);
}
END_TEST

/* --- branches --- */

START_TEST(branches_that_are_apart_are_put_in_one_line)
{
	unsigned moved = 99;

	put("1.json", A, "", ADD("User", "a"));
	put("2.json", B, A, ADD("User", "b"));
	put("3.json", C, A, ADD("User", "c"));
	put("4.json", D, B, ADD("User", "d"));
	must_read();
	ck_assert_str_eq(line(), "a b d c");
	ck_assert_uint_eq(revisions->head_count, 2);
	ck_assert_int_eq(md_revisions_align(revisions, &moved, &err), MD_OK);
	ck_assert_uint_eq(moved, 1);
	ck_assert_uint_eq(revisions->head_count, 1);
	ck_assert_str_eq(revisions->heads[0]->id, C);
	ck_assert_str_eq(revisions->items[3].parent, D);
	ck_assert_ptr_eq(revisions->items[3].previous, &revisions->items[2]);
	ck_assert_uint_eq(revisions->tip_count, 2);
	revisions = md_revisions_free(revisions);
}
END_TEST

START_TEST(branches_that_touch_the_same_are_refused_with_what_it_is)
{
	put("1.json", A, "", ADD("User", "a"));
	put("2.json", B, A, ADD("User", "bio"));
	put("3.json", C, A, ADD("User", "bio"));
	must_read();
	ck_assert_int_eq(md_revisions_align(revisions, NULL, &err), MD_CONFLICT);
	ck_assert_str_eq(err.wire, "MD_OUT_OF_ORDER");
	ck_assert_str_eq(err.details, "User.bio");
	ck_assert_ptr_nonnull(strstr(err.message, B));
	ck_assert_ptr_nonnull(strstr(err.message, C));
	ck_assert_uint_eq(revisions->head_count, 2);
	revisions = md_revisions_free(revisions);
}
END_TEST

/* A revision that changes what one of the branches made: it knows of both. */
START_TEST(a_revision_made_behind_several_heads_joins_them)
{
	char file[128];

	put("1.json", A, "", ADD("User", "a"));
	put("2.json", B, A, ADD("User", "b"));
	put("3.json", C, A, ADD("User", "c"));
	must_read();
	ck_assert_int_eq(md_revisions_align(revisions, NULL, &err), MD_OK);
	ck_assert_int_eq(write_it(here(), D, C, "join", file, sizeof(file)), MD_OK);
	must_read();
	ck_assert_uint_eq(revisions->head_count, 1);
	ck_assert_str_eq(line(), "a b c d");
	ck_assert_str_eq(md_revision_follows(&revisions->items[3], 0), C);
	ck_assert_str_eq(md_revision_follows(&revisions->items[3], 1), B);
	ck_assert_ptr_null(md_revision_follows(&revisions->items[3], 2));
	/* Beside it one more, which touches nothing that is new. */
	put("9.json", E, A, ADD("Post", "e"));
	must_read();
	ck_assert_uint_eq(revisions->head_count, 2);
	ck_assert_int_eq(md_revisions_align(revisions, NULL, &err), MD_OK);
	revisions = md_revisions_free(revisions);
}
END_TEST

static bool apart(const char *one, const char *other)
{
	md_json_local left = json_loads(one, 0, NULL);
	md_json_local right = json_loads(other, 0, NULL);
	bool is;

	ck_assert_msg(left && right, "%s %s", one, other);
	is = md_operations_are_apart(left, right);
	ck_assert(is == md_operations_are_apart(right, left));
	return is;
}

#define CREATE(model, definition) \
	"[{\"op\":\"create_table\",\"model\":\"" model "\",\"definition\":" definition "}]"
#define REFERS_TO(model) "{\"foreign_keys\":[{\"references\":{\"model\":\"" model "\"}}]}"
#define INDEX(field) \
	"[{\"op\":\"add_index\",\"model\":\"User\",\"definition\":{\"fields\":[\"" field "\"]}}]"
#define ALTER(field)                                                     \
	"[{\"op\":\"alter_field\",\"model\":\"User\",\"field\":\"" field \
	"\",\"from\":{\"type\":\"string\"},\"to\":{\"type\":\"text\"}}]"
#define RENAME "[{\"op\":\"rename_model\",\"from\":\"User\",\"to\":\"Person\"}]"

START_TEST(operations_are_apart_when_their_order_does_not_matter)
{
	static const struct {
		const char *one, *other;
		bool apart;
	} cases[] = {
		{ "[]", "[{\"op\":\"sql\",\"up\":\"x\"}]", true },
		{ "[{\"op\":\"sql\",\"up\":\"x\"}]", INDEX("a"), false },
		{ "[{\"op\":\"of a later version\"}]", INDEX("a"), false },
		{ CREATE("Post", "{}"), CREATE("Tag", "{}"), true },
		{ CREATE("Post", "{}"), CREATE("Post", "{}"), false },
		{ CREATE("Post", "{\"table\":\"t\"}"), CREATE("Tag", "{\"table\":\"t\"}"), false },
		{ CREATE("Post", REFERS_TO("User")), CREATE("Tag", REFERS_TO("User")), true },
		{ CREATE("Post", REFERS_TO("User")), CREATE("User", "{}"), false },
		{ CREATE("Post", REFERS_TO("User")), RENAME, false },
		{ CREATE("Post", REFERS_TO("User")), "[" ADD("User", "a") "]", true },
		{ CREATE("Post", REFERS_TO("User")), ALTER("id"), false },
		{ "[{\"op\":\"drop_table\",\"model\":\"User\",\"definition\":{}}]",
		  "[" ADD("User", "a") "]", false },
		{ RENAME, "[" ADD("User", "a") "]", false },
		{ RENAME, "[" ADD("Person", "a") "]", false },
		{ RENAME, "[" ADD("Post", "a") "]", true },
		{ "[" ADD("User", "a") "]", "[" ADD("User", "b") "]", true },
		{ "[" ADD("User", "a") "]", ALTER("b"), true },
		{ ALTER("a"), ALTER("b"), true },
		{ ALTER("a"), ALTER("a"), false },
		{ INDEX("a"), INDEX("b"), true },
		{ INDEX("a"), ALTER("a"), false },
		{ INDEX("a"), ALTER("b"), true },
		{ "[{\"op\":\"rename_field\",\"model\":\"User\",\"from\":\"a\",\"to\":\"b\"}]",
		  INDEX("a"), false },
		{ "[{\"op\":\"add_check\",\"model\":\"User\",\"definition\":{\"sql\":\"a > 0\"}}]",
		  "[{\"op\":\"drop_field\",\"model\":\"User\",\"field\":\"a\",\"definition\":{}}]",
		  false },
		{ "[{\"op\":\"alter_enum\",\"enum\":\"Kind\",\"from\":[\"a\"],\"to\":[\"b\"]}]",
		  "[{\"op\":\"add_field\",\"model\":\"User\",\"field\":\"k\",\"definition\":"
		  "{\"type\":\"enum\",\"enum\":\"Kind\"}}]",
		  false },
		{ "[{\"op\":\"backfill\",\"model\":\"User\",\"field\":\"a\",\"value\":"
		  "{\"sql\":\"b || 'x'\"}}]",
		  ALTER("b"), false },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(apart(cases[i].one, cases[i].other) == cases[i].apart, "%u: %s %s", i,
			      cases[i].one, cases[i].other);
}
END_TEST

START_TEST(a_thousand_revisions_are_read_in_no_time)
{
	char name[32], id[16], parent[16];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%04u.json", 1000 - i);
		snprintf(id, sizeof(id), "%012x", i + 1);
		snprintf(parent, sizeof(parent), "%012x", i);
		put(name, id, i ? parent : "", ADD("User", "a"));
	}
	sum_up();
	must_read();
	ck_assert_uint_eq(revisions->count, 1000);
	ck_assert_uint_eq(revisions->modified_count, 0);
	for (unsigned i = 1; i < 1000; i++)
		ck_assert_ptr_eq(revisions->items[i].previous, &revisions->items[i - 1]);
	revisions = md_revisions_free(revisions);
}
END_TEST

SUITE_MAIN("revision", a_folder_that_is_missing_or_empty_has_no_revisions,
	   parents_come_before_children_whatever_their_files_are_called,
	   what_is_wrong_with_a_file_is_said_with_its_name,
	   what_cannot_be_a_revision_file_is_refused, a_copy_and_a_circle_are_found,
	   a_revision_is_found_by_the_beginning_of_its_name,
	   the_checksum_is_of_what_counts_and_of_all_before,
	   a_change_of_an_old_file_is_told_of_that_file_alone,
	   lines_of_migrations_sum_that_cannot_be_read_are_named,
	   lines_with_carriage_returns_are_the_same,
	   a_new_revision_has_a_file_a_line_and_a_snapshot, what_could_not_be_read_is_not_written,
	   names_of_revisions_are_new_each_time, branches_that_are_apart_are_put_in_one_line,
	   branches_that_touch_the_same_are_refused_with_what_it_is,
	   a_revision_made_behind_several_heads_joins_them,
	   operations_are_apart_when_their_order_does_not_matter,
	   a_thousand_revisions_are_read_in_no_time)
