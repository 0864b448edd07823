/* Bodies in parts: whatever the size of a part, the rows are those of the body as a whole. */
#include "core/json/bulk.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/support/suite.h"
#include "tests/unit/body.h"

static struct md_bulk *new_bulk(enum md_body_kind kind, size_t part, size_t row)
{
	struct md_bulk_options options = {
		.kind = kind, .folder = "/tmp", .part = part, .limits = no_limits
	};
	struct md_bulk *bulk = NULL;

	options.limits.size = row;
	ck_assert_int_eq(md_bulk_new(&options, &bulk, NULL), MD_OK);
	return bulk;
}

static void add(struct md_bulk *bulk, const char *text, size_t piece)
{
	size_t len = strlen(text);

	for (size_t at = 0; at < len; at += piece)
		ck_assert_int_eq(
			md_bulk_add(bulk, text + at, len - at < piece ? len - at : piece, NULL),
			MD_OK);
}

/* All parts as one body is shown: the columns of the first, and all rows; or the error. */
static const char *show_parts(struct md_bulk *bulk, unsigned *ret_parts)
{
	static struct md_buf out = { .max = 1u << 20 };
	const struct md_body *part;
	struct md_error err;

	md_error_clear(&err);
	md_buf_clear(&out);
	for (*ret_parts = 0;; ++*ret_parts) {
		char *scratch;

		if (md_bulk_next(bulk, &part, &err) != MD_OK) {
			md_buf_clear(&out);
			show_error(&out, &err);
			break;
		}
		if (!part)
			break;
		if (*ret_parts == 0) {
			show_body(&out, part);
			continue;
		}
		scratch = md_arena_alloc(md_bulk_arena(bulk), md_body_scratch(part));
		ck_assert_ptr_nonnull(scratch);
		show_rows(&out, part, scratch);
	}
	return md_buf_text(&out);
}

static const char *const lines_texts[] = {
	"{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n{\"b\":null,\"a\":[1,\"\\n\"]}\n",
	"{\"a\":1}\n\n\r\n{\"a\":\"\\u00e9 and more\"}\n{\"a\":3}\n\n\n{\"a\":4}",
	"\n\n\n{\"a\":1}\n{\"a\":2}\n \n \n",
	"\n\n\n\n",
	"{\"a\":1}\n{\"a\":2}\n{\"a\":}\n{\"a\":4}\n",
	"{\"a\":1}\n{\"a\":2}\n\n{\"b\":3}\n{\"a\":4}\n",
	"{}\n{}\n{}\n{}\n",
};
static const char *const csv_texts[] = {
	"a,b\n1,x\n2,\"y\n z\"\n3,\"q\"\"r\"\n4,NULL\n",
	"a,b\r\n1,x\r\n2,y\r\n\r\n\r\n3,\"\r\n\"",
	"a\r1\r2\r\r3\r4",
	"\"a,\n\"\"b\"\"\",c\n1,2\n3,4\n5,6",
	"\xEF\xBB\xBF"
	"a,b\n1,2\n3,4\n",
	"a,b\n",
	"a,b",
	"a,b\n1,2\n3,4\n5\n6,7\n",
	"a,b\n1,2\n3,4\n5,\"x\"y\n6,7\n",
	"a,b\r\n1,2\r\n3,4\r\n5,6\"\r\n6,7\n",
};

static void compare(enum md_body_kind kind, const char *text)
{
	char whole[4096];

	snprintf(whole, sizeof(whole), "%s", rows_of(kind, text));
	for (size_t part = 1; part < strlen(text) + 3; part++) {
		struct md_bulk *bulk = new_bulk(kind, part, 1 << 16);
		unsigned parts, again;

		add(bulk, text, 1 + part % 7);
		ck_assert_str_eq(show_parts(bulk, &parts), whole);
		ck_assert(parts <= 1 || part < strlen(text));
		md_bulk_rewind(bulk);
		ck_assert_str_eq(show_parts(bulk, &again), whole);
		ck_assert_uint_eq(parts, again);
		md_bulk_free(bulk);
	}
}

START_TEST(parts_have_the_rows_and_the_mistakes_of_the_whole)
{
	for (size_t i = 0; i < sizeof(lines_texts) / sizeof(lines_texts[0]); i++)
		compare(MD_BODY_LINES, lines_texts[i]);
	for (size_t i = 0; i < sizeof(csv_texts) / sizeof(csv_texts[0]); i++)
		compare(MD_BODY_CSV, csv_texts[i]);
}
END_TEST

START_TEST(a_part_ends_at_the_last_row_that_fits)
{
	struct md_bulk *bulk = new_bulk(MD_BODY_LINES, 20, 1 << 16);
	uint64_t first, last;
	const struct md_body *part;

	add(bulk, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}\n{\"a\":5}\n", 100);
	ck_assert_int_eq(md_bulk_next(bulk, &part, NULL), MD_OK);
	ck_assert_uint_eq(md_body_rows(part), 2);
	md_bulk_lines(bulk, &first, &last);
	ck_assert_uint_eq(first, 1);
	ck_assert_uint_eq(last, 2);
	ck_assert_int_eq(md_bulk_next(bulk, &part, NULL), MD_OK);
	md_bulk_lines(bulk, &first, &last);
	ck_assert_uint_eq(first, 3);
	ck_assert_uint_eq(last, 4);
	ck_assert_int_eq(md_bulk_next(bulk, &part, NULL), MD_OK);
	ck_assert_uint_eq(md_body_rows(part), 1);
	ck_assert_int_eq(md_bulk_next(bulk, &part, NULL), MD_OK);
	ck_assert_ptr_null(part);
	md_bulk_free(bulk);
}
END_TEST

START_TEST(given_columns_hold_for_all_parts)
{
	static const struct md_str given[] = { { "b", 1 }, { "a", 1 } };
	struct md_bulk_options options = { .kind = MD_BODY_LINES,
					   .folder = "/tmp",
					   .part = 1,
					   .limits = no_limits,
					   .columns = given,
					   .column_count = 2 };
	struct md_bulk *bulk;
	unsigned parts;

	ck_assert_int_eq(md_bulk_new(&options, &bulk, NULL), MD_OK);
	add(bulk, "{\"a\":1}\n{\"b\":2,\"c\":0}\n{}\n", 5);
	ck_assert_str_eq(show_parts(bulk, &parts), "b a\n-|#1\n#2|-\n-|-");
	ck_assert_uint_eq(parts, 3);
	md_bulk_free(bulk);
}
END_TEST

START_TEST(a_row_has_a_limit)
{
	struct md_bulk *bulk = new_bulk(MD_BODY_LINES, 16, 64);
	char text[400];
	unsigned parts;

	snprintf(text, sizeof(text), "{\"a\":1}\n{\"a\":\"%0200d\"}\n{\"a\":1}\n", 7);
	add(bulk, text, 100);
	ck_assert_str_eq(show_parts(bulk, &parts),
			 "MD413 line 2 of the request body has more than 64 bytes");
	ck_assert_uint_eq(parts, 1);
	md_bulk_free(bulk);
}
END_TEST

START_TEST(nothing_that_was_read_stays_in_memory)
{
	struct md_bulk *bulk = new_bulk(MD_BODY_LINES, 4096, 1 << 16);
	const struct md_body *part;
	size_t most = 0, rows = 0;
	char line[100];

	for (int i = 0; i < 20000; i++) {
		snprintf(line, sizeof(line), "{\"number\":%d,\"text\":\"%040d\"}\n", i, i);
		add(bulk, line, 100);
	}
	for (;;) {
		ck_assert_int_eq(md_bulk_next(bulk, &part, NULL), MD_OK);
		if (!part)
			break;
		rows += md_body_rows(part);
		if (md_arena_used(md_bulk_arena(bulk)) > most)
			most = md_arena_used(md_bulk_arena(bulk));
	}
	ck_assert_uint_eq(rows, 20000);
	ck_assert_uint_lt(most, 8192);
	md_bulk_free(bulk);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_told)
{
	struct md_bulk_options options = {
		.kind = MD_BODY_LINES, .folder = "/nowhere/at/all", .part = 1, .limits = no_limits
	};
	struct md_bulk *bulk = NULL;
	struct md_error err;

	ck_assert_int_eq(md_bulk_new(&options, &bulk, &err), MD_UNAVAILABLE);
	ck_assert_str_eq(err.wire, "58030");
	ck_assert_ptr_null(bulk);
	ck_assert_ptr_null(md_bulk_free(NULL));
}
END_TEST

START_TEST(a_full_disk_is_told_by_everything_after_it)
{
	const struct rlimit small = { 1000, 1000 };
	struct md_bulk *bulk = new_bulk(MD_BODY_LINES, 100, 1 << 16);
	const struct md_body *part;
	char text[600] = "";
	struct md_error err;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_int_eq(md_bulk_add(bulk, text, sizeof(text), &err), MD_OK);
	ck_assert_int_eq(md_bulk_add(bulk, text, sizeof(text), &err), MD_UNAVAILABLE);
	ck_assert_str_eq(err.wire, "53100");
	ck_assert_int_eq(md_bulk_add(bulk, text, 1, &err), MD_UNAVAILABLE);
	ck_assert_int_eq(md_bulk_next(bulk, &part, &err), MD_UNAVAILABLE);
	ck_assert_str_eq(err.wire, "53100");
	md_bulk_free(bulk);
}
END_TEST

SUITE_MAIN("bulk", parts_have_the_rows_and_the_mistakes_of_the_whole,
	   a_part_ends_at_the_last_row_that_fits, given_columns_hold_for_all_parts,
	   a_row_has_a_limit, nothing_that_was_read_stays_in_memory,
	   a_folder_that_is_not_there_is_told, a_full_disk_is_told_by_everything_after_it)
