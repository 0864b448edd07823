/* What is shown on terminals of texts that nobody can trust. The commands themselves are tried on
 * both engines by tests/http/test_cli_data.py. */
#include "server/cli_data_run.h"

#include "tests/support/suite.h"

static char shown[512];

/* The columns; what is shown is in `shown`. */
static unsigned show(const char *text, unsigned most)
{
	struct md_buf out = MD_BUF(sizeof(shown) - 1);
	unsigned columns = md_data_put_clean(&out, text, most);

	ck_assert(!out.failed);
	snprintf(shown, sizeof(shown), "%.*s", (int)out.len, out.data ? out.data : "");
	md_buf_release(&out);
	return columns;
}

START_TEST(bytes_that_are_no_text_are_shown_as_numbers)
{
	static const char *const texts[][2] = {
		{ "\xff", "\\xff" },
		{ "a\xc3", "a\\xc3" },                 /* ends too early */
		{ "\xe2\x82", "\\xe2\\x82" },          /* ends too early */
		{ "\xc3(", "\\xc3(" },                 /* begins and does not go on */
		{ "\xc0\x9b[2J", "\\xc0\\x9b[2J" },    /* ESC, longer than it may be */
		{ "\xe0\x80\x9b", "\\xe0\\x80\\x9b" }, /* likewise */
		{ "\xf0\x80\x80\x9b", "\\xf0\\x80\\x80\\x9b" },
		{ "\xc2\x9b", "\\x9b" }, /* CSI as one character */
		{ "\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80" },
		{ "\xe2\x80\xa8", "\\u2028" },
		{ "\xf3\xa0\x81\x81", "\\ue0041" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		show(texts[i][0], UINT32_MAX);
		ck_assert_str_eq(shown, texts[i][1]);
	}
}
END_TEST

START_TEST(no_byte_makes_a_control_character)
{
	for (unsigned first = 1; first < 256; first++)
		for (unsigned second = 0; second < 256; second++) {
			char text[4] = { (char)first, (char)second, '\x9b' };

			show(text, UINT32_MAX);
			for (const char *p = shown; *p; p++)
				ck_assert((unsigned char)*p >= 0x20 && *p != 0x7f);
			ck_assert(md_utf8_is_valid(shown, strlen(shown)));
			ck_assert_ptr_null(strstr(shown, "\xc2\x9b"));
		}
}
END_TEST

START_TEST(what_is_too_wide_is_cut_between_characters)
{
	ck_assert_uint_eq(show("abcdef", 6), 6);
	ck_assert_str_eq(shown, "abcdef");
	ck_assert_uint_eq(show("abcdefg", 6), 6);
	ck_assert_str_eq(shown, "abcde…");
	ck_assert_uint_eq(show("日本語", 6), 6);
	ck_assert_str_eq(shown, "日本語");
	ck_assert_uint_eq(show("日本語x", 6), 5);
	ck_assert_str_eq(shown, "日本…");
	ck_assert_uint_eq(show("ab\n\ncd", 6), 5);
	ck_assert_str_eq(shown, "ab\\n…");
	ck_assert_uint_eq(show("", 6), 0);
	ck_assert_str_eq(shown, "");
}
END_TEST

SUITE_MAIN("cli data", bytes_that_are_no_text_are_shown_as_numbers,
	   no_byte_makes_a_control_character, what_is_too_wide_is_cut_between_characters)
