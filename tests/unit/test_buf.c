#include "core/base/buf.h"

#include <stdlib.h>

#include "tests/support/suite.h"

START_TEST(grows_and_gives_its_bytes_away)
{
	struct md_buf buf;
	size_t len;
	char *data;

	md_buf_init(&buf, 1u << 20);
	for (int i = 0; i < 1000; i++)
		md_buf_printf(&buf, "%d,", i);
	md_buf_put_i64(&buf, INT64_MIN);
	ck_assert(!buf.failed);
	data = md_buf_take(&buf, &len);
	ck_assert_uint_eq(len, 3890 + 20);
	ck_assert_int_eq(memcmp(data + len - 20, "-9223372036854775808", 20), 0);
	free(data);
	ck_assert_ptr_null(buf.data);
}
END_TEST

START_TEST(fails_once_and_stays_failed)
{
	md_auto_buf buf;

	md_buf_init(&buf, 8);
	md_buf_puts(&buf, "12345678");
	ck_assert(!buf.failed);
	md_buf_putc(&buf, '9');
	ck_assert(buf.failed);
	md_buf_puts(&buf, "");
	ck_assert_uint_eq(buf.len, 8);
	ck_assert_ptr_null(md_buf_text(&buf));
	md_buf_clear(&buf);
	md_buf_puts(&buf, "ok");
	ck_assert_str_eq(md_buf_text(&buf), "ok");
}
END_TEST

SUITE_MAIN("buf", grows_and_gives_its_bytes_away, fails_once_and_stays_failed)
