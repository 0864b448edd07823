/* How long both passes take over 1,000 rows of 6 columns. Shown, not judged: that depends on the
 * machine and its neighbours; only the rows are checked. */
#include <time.h>

#include "tests/support/suite.h"
#include "tests/unit/body.h"

enum { ROWS = 1000, COLUMNS = 6, ROUNDS = 50 };

static void make_json(struct md_buf *out)
{
	for (int i = 0; i < ROWS; i++)
		md_buf_printf(
			out,
			"%s{\"id\":%d,\"name\":\"name of number %d\",\"email\":\"user%d@example."
			"org\",\"price\":%d.95,\"active\":%s,\"created_at\":"
			"\"2024-01-02T03:04:05.678Z\"}",
			i > 0 ? "," : "[", i, i, i, i, i % 2 ? "true" : "false");
	md_buf_putc(out, ']');
}

static void make_csv(struct md_buf *out)
{
	md_buf_puts(out, "id,name,email,price,active,created_at\n");
	for (int i = 0; i < ROWS; i++)
		md_buf_printf(out,
			      "%d,name of number %d,user%d@example.org,%d.95,%s,"
			      "2024-01-02T03:04:05.678Z\n",
			      i, i, i, i, i % 2 ? "true" : "false");
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void measure(const char *name, enum md_body_kind kind, struct md_str text)
{
	struct md_arena *arena = md_arena_new(1u << 20);
	double first = 1e18, second = 1e18;

	for (int round = 0; round < ROUNDS; round++) {
		const struct md_body *body = NULL;
		struct md_body_cursor cursor;
		struct md_body_cell cells[COLUMNS];
		double start = now(), middle, end;
		size_t rows = 0;

		md_arena_reset(arena, 1u << 20);
		ck_assert_int_eq(md_body_open(arena, kind, text, &no_limits, NULL, 0, &body, NULL),
				 MD_OK);
		middle = now();
		md_body_rewind(&cursor, body, NULL);
		while (md_body_next(&cursor, cells))
			rows += cells[COLUMNS - 1].kind != MD_CELL_ABSENT;
		end = now();
		ck_assert_uint_eq(rows, ROWS);
		first = middle - start < first ? middle - start : first;
		second = end - middle < second ? end - middle : second;
	}
	printf("%s: %.0f ns a row to check, %.0f ns to read\n", name, first / ROWS, second / ROWS);
	md_arena_free(arena);
}

START_TEST(a_thousand_rows_are_read_and_timed)
{
	md_auto_buf json = MD_BUF(1u << 20), csv = MD_BUF(1u << 20);

	make_json(&json);
	make_csv(&csv);
	measure("JSON", MD_BODY_JSON, (struct md_str){ json.data, json.len });
	measure("CSV", MD_BODY_CSV, (struct md_str){ csv.data, csv.len });
}
END_TEST

SUITE_MAIN("body_speed", a_thousand_rows_are_read_and_timed)
