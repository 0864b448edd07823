#include "core/json/codec.h"

#include "core/base/banned.h"

static const bool timestamp_chars[256] = {
	['0' ... '9'] = true, [' '] = true, [':'] = true, ['.'] = true,
	['+'] = true,         ['-'] = true, ['B'] = true, ['C'] = true,
};

/* "2024-01-02 03:04:05.6+00" → "2024-01-02T03:04:05.6+00:00"; " BC" stays behind it. */
size_t md_timestamp_text(char *out, const char *ptr, size_t len)
{
	size_t i = 0, n = 0;
	bool has_minutes = false;

	if (len == 0 || len > MD_TIMESTAMP_ROOM - 4)
		return 0;
	for (size_t k = 0; k < len; k++)
		if (!timestamp_chars[(unsigned char)ptr[k]])
			return 0;
	while (i < len && ptr[i] != ' ')
		out[n++] = ptr[i++];
	if (i == len)
		return 0;
	out[n++] = 'T';
	i++;
	while (i < len && ptr[i] != '+' && ptr[i] != '-' && ptr[i] != ' ')
		out[n++] = ptr[i++];
	if (i == len || ptr[i] == ' ')
		has_minutes = true; /* without a zone there is nothing to complete */
	for (; i < len && ptr[i] != ' '; i++) {
		has_minutes = has_minutes || ptr[i] == ':';
		out[n++] = ptr[i];
	}
	for (const char *s = has_minutes ? "" : ":00"; *s; s++)
		out[n++] = *s;
	memcpy(out + n, ptr + i, len - i);
	return n + len - i;
}

size_t md_kept_text(char *out, const char *ptr, size_t len)
{
	enum { TIME = 15, TIMESTAMP = 26, TIMESTAMPTZ = 32, FRACTION = 7 };
	size_t point = len == TIME ? TIME - FRACTION : TIMESTAMP - FRACTION;
	size_t end = point + FRACTION;

	if ((len != TIME && len != TIMESTAMP && len != TIMESTAMPTZ) || ptr[point] != '.')
		return 0;
	while (ptr[end - 1] == '0')
		end--;
	end -= ptr[end - 1] == '.';
	memcpy(out, ptr, end);
	memcpy(out + end, ptr + point + FRACTION, len - point - FRACTION);
	return end + len - point - FRACTION;
}
