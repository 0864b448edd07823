/* Values of definition files, as far as engines write them alike. The reader of definitions has
 * seen to their form. */
#include <stdlib.h>
#include <string.h>

#include "core/migrate/ddl_private.h"

#include "core/base/banned.h"

enum { LITERAL_MAX = 1024 * 1024 };

static int two_digits(const char *p)
{
	return (p[0] - '0') * 10 + (p[1] - '0');
}

/* Seconds east of UTC. */
static int offset_of(const char *text)
{
	size_t len = strlen(text);
	const char *p = text + len - 6;

	if (len < MD_DDL_MOMENT + 6 || (*p != '+' && *p != '-'))
		return 0;
	return (*p == '-' ? -60 : 60) * (two_digits(p + 1) * 60 + two_digits(p + 4));
}

void md_ddl_utc(const char *text, struct tm *ret_utc)
{
	struct tm tm = { .tm_year = two_digits(text) * 100 + two_digits(text + 2) - 1900,
			 .tm_mon = two_digits(text + 5) - 1,
			 .tm_mday = two_digits(text + 8),
			 .tm_hour = two_digits(text + 11),
			 .tm_min = two_digits(text + 14),
			 .tm_sec = two_digits(text + 17) };
	time_t seconds = timegm(&tm) - offset_of(text);

	gmtime_r(&seconds, ret_utc);
}

void md_ddl_put_json(struct md_buf *sql, const struct md_def_value *value)
{
	md_auto_buf json = MD_BUF(LITERAL_MAX);
	const char *text = value->text;

	if (value->kind == MD_DEF_TEXTUAL) {
		md_buf_putc(&json, '"');
		for (const char *p = value->text; *p != '\0'; p++) {
			if ((unsigned char)*p < 0x20)
				md_buf_printf(&json, "\\u%04x", (unsigned char)*p);
			else
				md_buf_printf(&json, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
		}
		md_buf_putc(&json, '"');
		text = md_buf_text(&json);
	}
	if (text)
		md_ddl_put_text(sql, text);
	else
		sql->failed = true;
}

static void put_byte(struct md_buf *sql, unsigned byte, const char *digits)
{
	md_buf_putc(sql, digits[byte >> 4 & 15]);
	md_buf_putc(sql, digits[byte & 15]);
}

void md_ddl_put_hex(struct md_buf *sql, const char *text, const char *digits)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0, have = 0;

	if (text[0] == '\\' && text[1] == 'x') {
		for (text += 2; text[0] != '\0' && text[1] != '\0'; text += 2) {
			const char pair[] = { text[0], text[1], '\0' };

			put_byte(sql, (unsigned)strtoul(pair, NULL, 16), digits);
		}
		return;
	}
	for (; *text != '\0' && *text != '='; text++) {
		bits = bits << 6 | (unsigned)(strchr(letters, *text) - letters);
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		put_byte(sql, bits >> have, digits);
	}
}
