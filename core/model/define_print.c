/* Printing the values and objects of a definition file, by the tables of keys that also read them.
 */
#include "core/model/define_private.h"

#include "core/base/banned.h"

void md_def_print_text(const char *text, struct md_buf *out)
{
	md_buf_putc(out, '"');
	for (const char *p = text; *p != '\0'; p++) {
		static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
		const char *found = strchr(escaped, *p);

		if (found)
			md_buf_printf(out, "\\%c", letters[found - escaped]);
		else if ((unsigned char)*p < 0x20 || *p == 0x7F)
			md_buf_printf(out, "\\u%04x", (unsigned)*p);
		else
			md_buf_putc(out, *p);
	}
	md_buf_putc(out, '"');
}

void md_def_print_value(const struct md_def_value *value, struct md_buf *out)
{
	if (value->kind == MD_DEF_TEXTUAL)
		md_def_print_text(value->text, out);
	else
		md_buf_puts(out, value->text);
}

void md_def_print_names(const struct md_def_names *names, struct md_buf *out)
{
	md_buf_putc(out, '[');
	for (unsigned i = 0; i < names->count; i++) {
		if (i > 0)
			md_buf_puts(out, ", ");
		md_def_print_text(names->items[i], out);
	}
	md_buf_putc(out, ']');
}

/* Whether the key has something to say. */
static bool is_set(const struct md_def_key *key, const void *place)
{
	switch (key->reads) {
	case MD_DEF_READ_TEXT:
	case MD_DEF_READ_NAME:
	case MD_DEF_READ_IDENT:
		return *(const char *const *)place;
	case MD_DEF_READ_BOOL:
		return *(const bool *)place;
	case MD_DEF_READ_MAYBE:
	case MD_DEF_READ_UINT:
	case MD_DEF_READ_WORD:
		return *(const unsigned *)place != 0;
	case MD_DEF_READ_VALUE:
		return ((const struct md_def_value *)place)->kind != MD_DEF_NO_VALUE;
	case MD_DEF_READ_SQL:
		return md_def_sql_is_given(place);
	case MD_DEF_READ_NAMES:
	case MD_DEF_READ_ONE_NAME:
		return ((const struct md_def_names *)place)->count > 0;
	case MD_DEF_READ_CALL:
	case MD_DEF_READ_COMMENT:
		break;
	}
	return false;
}

static void print_key(const struct md_def_key *key, const void *place, struct md_buf *out)
{
	const struct md_def_names *names = place;

	switch (key->reads) {
	case MD_DEF_READ_TEXT:
	case MD_DEF_READ_NAME:
	case MD_DEF_READ_IDENT:
		md_def_print_text(*(const char *const *)place, out);
		break;
	case MD_DEF_READ_BOOL:
		md_buf_puts(out, "true");
		break;
	case MD_DEF_READ_MAYBE:
		md_buf_puts(out, *(const unsigned *)place == MD_DEF_YES ? "true" : "false");
		break;
	case MD_DEF_READ_UINT:
		md_buf_printf(out, "%u", *(const unsigned *)place);
		break;
	case MD_DEF_READ_WORD:
		md_def_print_text(md_def_word_of(key->words, *(const unsigned *)place), out);
		break;
	case MD_DEF_READ_VALUE:
		md_def_print_value(place, out);
		break;
	case MD_DEF_READ_SQL:
		md_def_print_sql(place, out);
		break;
	case MD_DEF_READ_ONE_NAME:
		if (names->count == 1) {
			md_def_print_text(names->items[0], out);
			break;
		}
		/* fall through */
	case MD_DEF_READ_NAMES:
		md_def_print_names(names, out);
		break;
	case MD_DEF_READ_CALL:
	case MD_DEF_READ_COMMENT:
		break;
	}
}

unsigned md_def_print_object(const void *from, const struct md_def_key *keys, unsigned count,
			     struct md_buf *out)
{
	unsigned printed = 0;

	for (unsigned i = 0; i < count; i++) {
		const void *place = (const char *)from + keys[i].offset;
		size_t before = out->len;
		bool calls = keys[i].reads == MD_DEF_READ_CALL && keys[i].print;

		if (!calls && !is_set(&keys[i], place))
			continue;
		md_buf_printf(out, "%s\"%s\": ", printed > 0 ? ", " : "", keys[i].name);
		if (!calls)
			print_key(&keys[i], place, out);
		else if (!keys[i].print(place, out)) {
			out->len = out->failed ? out->len : before;
			continue;
		}
		printed++;
	}
	return printed;
}
