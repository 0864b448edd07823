/* Values of definition files, as far as engines write them alike. The reader of definitions has
 * seen to their form. */
#include <stdlib.h>
#include <string.h>

#include "core/migrate/ddl_private.h"

#include "core/base/banned.h"

enum { LITERAL_MAX = 1024 * 1024 };

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
