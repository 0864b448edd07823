#include "core/json/pieces.h"

#include "core/json/body_reader.h"
#include "core/json/write.h"

#include "core/base/banned.h"

/* Longer names are decoded in memory of their own. */
enum { NAME_ROOM = 256, NAME_MAX_BYTES = 1u << 24 };

/* Behind the string whose first quote is at `p`. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : end;
}

static const char *skip_brackets(const char *p, const char *end)
{
	unsigned depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		p++;
		if (depth == 0)
			break;
	}
	return p;
}

static const char *skip_value(const char *p, const char *end)
{
	static const char stops[] = ",]} \t\r\n";

	if (p == end)
		return p;
	if (*p == '"')
		return skip_string(p, end);
	if (*p == '{' || *p == '[')
		return skip_brackets(p, end);
	while (p < end && !memchr(stops, *p, sizeof(stops) - 1))
		p++;
	return p;
}

void md_pieces_open(struct md_pieces *pieces, struct md_str text)
{
	pieces->end = text.ptr + text.len;
	pieces->at = md_json_blanks(text.ptr, pieces->end);
	if (pieces->at < pieces->end)
		pieces->at++;
}

/* The place of the next piece; NULL: there are no more. */
static const char *next_place(struct md_pieces *pieces)
{
	const char *p = md_json_blanks(pieces->at, pieces->end);

	if (p < pieces->end && *p == ',')
		p = md_json_blanks(p + 1, pieces->end);
	pieces->at = p;
	return p < pieces->end && *p != '}' && *p != ']' ? p : NULL;
}

static struct md_str take_value(struct md_pieces *pieces, const char *p)
{
	pieces->at = skip_value(p, pieces->end);
	return (struct md_str){ p, (size_t)(pieces->at - p) };
}

bool md_pieces_element(struct md_pieces *pieces, struct md_str *ret_value)
{
	const char *p = next_place(pieces);

	if (!p)
		return false;
	*ret_value = take_value(pieces, p);
	return true;
}

bool md_pieces_member(struct md_pieces *pieces, struct md_str *ret_name, struct md_str *ret_value)
{
	const char *p = next_place(pieces), *behind;

	if (!p)
		return false;
	behind = skip_string(p, pieces->end);
	*ret_name = (struct md_str){ p + 1, (size_t)(behind - p) - 2 };
	p = md_json_blanks(behind, pieces->end);
	*ret_value = take_value(pieces, md_json_blanks(p + 1, pieces->end));
	return true;
}

static bool decoded_is(struct md_str written, struct md_str name)
{
	md_auto_buf out = MD_BUF(NAME_MAX_BYTES);
	char room[NAME_ROOM];
	char *text = written.len <= sizeof(room) ? room : md_buf_room(&out, written.len);

	return text && md_str_equal((struct md_str){ text, md_json_unescape(text, written) }, name);
}

bool md_pieces_name_is(struct md_str written, struct md_str name)
{
	if (written.len < name.len)
		return false;
	if (written.len == 0 || !memchr(written.ptr, '\\', written.len))
		return md_str_equal(written, name);
	return decoded_is(written, name);
}

struct md_str md_pieces_find(struct md_str object, struct md_str name)
{
	struct md_pieces pieces;
	struct md_str written, value;

	md_pieces_open(&pieces, object);
	while (md_pieces_member(&pieces, &written, &value))
		if (md_pieces_name_is(written, name))
			return value;
	return (struct md_str){ NULL, 0 };
}

void md_pieces_put_plain(struct md_buf *out, struct md_str value)
{
	if (value.len >= 2 && value.ptr[0] == '"')
		md_json_put_plain(out, value.ptr + 1, value.len - 2);
	else
		md_buf_putstr(out, value);
}
