/* ETag, If-Match, If-None-Match. */
#include "core/query/headers.h"

#include "core/base/banned.h"

/* Eight bytes at a time; nobody gains by making two rows collide but who may write both. */
static uint64_t digest(const char *p, size_t len)
{
	const uint64_t odd = UINT64_C(0x9E3779B97F4A7C15);
	uint64_t h = len * odd, piece;

	for (; len >= sizeof(piece); p += sizeof(piece), len -= sizeof(piece)) {
		memcpy(&piece, p, sizeof(piece));
		h = (h ^ piece) * odd;
		h ^= h >> 29;
	}
	if (len > 0) {
		piece = 0;
		memcpy(&piece, p, len);
		h = (h ^ piece) * odd;
	}
	h ^= h >> 32;
	h *= UINT64_C(0xD6E8FEB86659FD93);
	return h ^ h >> 32;
}

void md_etag_of(const void *data, size_t len, char out[MD_ETAG_MAX])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t h = digest(data, len);
	char *p = out;

	*p++ = '"';
	for (int shift = 60; shift >= 0; shift -= 4)
		*p++ = digits[h >> shift & 15];
	*p++ = '"';
	*p = '\0';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void skip(struct md_str *rest, size_t len)
{
	rest->ptr += len;
	rest->len -= len;
}

/* The next tag with its quotes; one of no length: there are no more. False: malformed. */
static bool next_tag(struct md_str *rest, bool *ret_weak, struct md_str *ret_tag)
{
	size_t len = 1;

	while (rest->len > 0 && (is_blank(rest->ptr[0]) || rest->ptr[0] == ','))
		skip(rest, 1);
	ret_tag->len = 0;
	if (rest->len == 0)
		return true;
	*ret_weak = rest->len > 1 && rest->ptr[0] == 'W' && rest->ptr[1] == '/';
	if (*ret_weak)
		skip(rest, 2);
	if (rest->len == 0 || rest->ptr[0] != '"')
		return false;
	while (len < rest->len && rest->ptr[len] != '"') {
		unsigned char c = (unsigned char)rest->ptr[len++];

		if (c <= ' ' || c == 0x7f)
			return false;
	}
	if (len++ == rest->len)
		return false;
	*ret_tag = (struct md_str){ rest->ptr, len };
	skip(rest, len);
	while (rest->len > 0 && is_blank(rest->ptr[0]))
		skip(rest, 1);
	return rest->len == 0 || rest->ptr[0] == ',';
}

bool md_etags_parse(struct md_str header, struct md_etags *ret_etags)
{
	struct md_str rest, tag;
	unsigned count = 0;
	bool weak;

	header = md_str_trim(header);
	*ret_etags = (struct md_etags){ .given = true, .any = md_str_is(header, "*") };
	if (ret_etags->any)
		return true;
	ret_etags->list = rest = header;
	do {
		if (!next_tag(&rest, &weak, &tag))
			return false;
		count += tag.len > 0;
	} while (tag.len > 0);
	return count > 0;
}

bool md_etags_have(const struct md_etags *etags, const char *etag, bool weakly)
{
	struct md_str rest = etags->list, tag;
	bool weak;

	if (etags->any)
		return true;
	while (next_tag(&rest, &weak, &tag) && tag.len > 0)
		if ((weakly || !weak) && md_str_is(tag, etag))
			return true;
	return false;
}
