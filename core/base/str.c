#include "core/base/str.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "core/base/banned.h"

enum { SHORT_DIGITS = 15 }; /* any so long are below 2^53 */

static unsigned char fold(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

bool md_str_equal_nocase(struct md_str a, struct md_str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (fold((unsigned char)a.ptr[i]) != fold((unsigned char)b.ptr[i]))
			return false;
	return true;
}

int md_str_compare(struct md_str a, struct md_str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

bool md_str_starts_with(struct md_str s, struct md_str prefix)
{
	return s.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct md_str md_str_trim(struct md_str s)
{
	while (s.len > 0 && is_blank(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* Up to seven bytes in one word; their number is not part of it. */
static uint64_t load_tail(const unsigned char *p, size_t len)
{
	uint32_t first, last;

	if (len >= 4) {
		memcpy(&first, p, 4);
		memcpy(&last, p + len - 4, 4);
		return (uint64_t)last << 32 | first;
	}
	return len > 0 ? (uint64_t)p[0] << 16 | (uint64_t)p[len / 2] << 8 | p[len - 1] : 0;
}

uint64_t md_hash(const void *data, size_t len, uint64_t seed)
{
	const unsigned char *p = data;
	uint64_t h = seed ^ len * 0xcbf29ce484222325u;
	uint64_t word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	h = (h ^ load_tail(p, len)) * 0x9e3779b97f4a7c15u;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	h ^= h >> 33;
	return h;
}

bool md_str_to_u64(struct md_str s, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned char)s.ptr[i] - (unsigned)'0';

		if (digit > 9 || __builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*ret_value = value;
	return true;
}

bool md_str_to_i64(struct md_str s, int64_t *ret_value)
{
	bool negative = s.len > 0 && s.ptr[0] == '-';
	uint64_t value;

	if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
		s.ptr++;
		s.len--;
	}
	if (!md_str_to_u64(s, &value) || value > (uint64_t)INT64_MAX + negative)
		return false;
	*ret_value = negative ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}

static size_t skip_sign(struct md_str s, size_t at)
{
	return at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+') ? at + 1 : at;
}

static size_t skip_digits(struct md_str s, size_t at)
{
	while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9')
		at++;
	return at;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before or after the point. Keeps strtod from
 * "inf" and hex. */
static bool looks_like_number(struct md_str s)
{
	size_t whole = skip_sign(s, 0), at = skip_digits(s, whole), digits = at - whole, exponent;

	if (at < s.len && s.ptr[at] == '.') {
		size_t fraction = at + 1;

		at = skip_digits(s, fraction);
		digits += at - fraction;
	}
	if (digits == 0)
		return false;
	if (at == s.len || (s.ptr[at] != 'e' && s.ptr[at] != 'E'))
		return at == s.len;
	exponent = skip_sign(s, at + 1);
	at = skip_digits(s, exponent);
	return at > exponent && at == s.len;
}

/* Few digits without an exponent, as most numbers are: both operands are exact, so that one
 * division rounds as strtod does, at a tenth of its price. */
static bool short_decimal(struct md_str s, double *ret_value)
{
	static const double powers[SHORT_DIGITS + 1] = { 1e0,  1e1,  1e2,  1e3, 1e4,  1e5,
							 1e6,  1e7,  1e8,  1e9, 1e10, 1e11,
							 1e12, 1e13, 1e14, 1e15 };
	size_t start = skip_sign(s, 0), point = s.len, count, fraction;
	uint64_t digits = 0;
	double value;

	if (s.len - start > SHORT_DIGITS + 1)
		return false;
	for (size_t i = start; i < s.len; i++) {
		unsigned digit = (unsigned)(unsigned char)s.ptr[i] - '0';

		if (digit <= 9)
			digits = digits * 10 + digit;
		else if (s.ptr[i] == '.' && point == s.len)
			point = i;
		else
			return false;
	}
	count = s.len - start - (point < s.len);
	fraction = point < s.len ? s.len - point - 1 : 0;
	if (count == 0 || count > SHORT_DIGITS)
		return false;
	value = (double)digits / powers[fraction];
	*ret_value = s.ptr[0] == '-' ? -value : value;
	return true;
}

bool md_str_to_double(struct md_str s, double *ret_value)
{
	char text[512];
	double value;

	if (FLT_EVAL_METHOD == 0 && short_decimal(s, ret_value))
		return true;
	if (s.len >= sizeof(text) || !looks_like_number(s))
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	value = strtod(text, NULL); /* locale is "C": setlocale is banned */
	if (!isfinite(value))
		return false;
	*ret_value = value;
	return true;
}

/* Length of the well-formed sequence at p, 0 if there is none (RFC 3629, table in section 4). */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
	size_t len;
	unsigned char low = 0x80, high = 0xBF;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xC2 && p[0] <= 0xDF)
		len = 2;
	else if (p[0] >= 0xE0 && p[0] <= 0xEF)
		len = 3;
	else if (p[0] >= 0xF0 && p[0] <= 0xF4)
		len = 4;
	else
		return 0;
	if (left < len)
		return 0;
	if (p[0] == 0xE0)
		low = 0xA0;
	if (p[0] == 0xED)
		high = 0x9F; /* surrogates */
	if (p[0] == 0xF0)
		low = 0x90;
	if (p[0] == 0xF4)
		high = 0x8F;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	return len;
}

bool md_utf8_is_valid(const char *ptr, size_t len)
{
	const unsigned char *p = (const unsigned char *)ptr;
	uint64_t word;

	while (len > 0) {
		size_t n;

		if (len >= 8) {
			memcpy(&word, p, 8);
			if ((word & 0x8080808080808080u) == 0) {
				p += 8;
				len -= 8;
				continue;
			}
		}
		n = utf8_sequence(p, len);
		if (n == 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

/* From the bit length (1233 / 4096 is a little more than log10 2), corrected by one comparison. */
static unsigned count_digits(uint64_t value)
{
	static const uint64_t powers[20] = {
		1u,
		10u,
		100u,
		1000u,
		10000u,
		100000u,
		1000000u,
		10000000u,
		100000000u,
		1000000000u,
		10000000000u,
		100000000000u,
		1000000000000u,
		10000000000000u,
		100000000000000u,
		1000000000000000u,
		10000000000000000u,
		100000000000000000u,
		1000000000000000000u,
		10000000000000000000u,
	};
	unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1), guess = bits * 1233 >> 12;

	return guess + (value >= powers[guess]);
}

size_t md_i64_to_text(int64_t value, char *out)
{
	static const char pairs[] =
		"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
		"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
		"8081828384858687888990919293949596979899";
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char *start = out + (value < 0), *end = start + count_digits(rest | (rest == 0));
	char *p = end;

	*out = '-';
	while (rest >= 100) {
		p -= 2;
		memcpy(p, pairs + 2 * (rest % 100), 2);
		rest /= 100;
	}
	if (rest >= 10)
		memcpy(start, pairs + 2 * rest, 2);
	else
		*start = (char)('0' + rest);
	return (size_t)(end - out);
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* 32 digits; a hyphen may stand behind every fourth, braces around the whole. */
bool md_uuid_from_text(struct md_str s, char out[36])
{
	size_t digits = 0, at = 0;

	if (s.len > 1 && s.ptr[0] == '{' && s.ptr[s.len - 1] == '}')
		s = (struct md_str){ s.ptr + 1, s.len - 2 };
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '-' && digits > 0 && digits % 4 == 0 && digits < 32 && s.ptr[i - 1] != '-')
			continue;
		if (!is_hex(c) || digits == 32)
			return false;
		if (digits == 8 || digits == 12 || digits == 16 || digits == 20)
			out[at++] = '-';
		out[at++] = c >= 'A' && c <= 'F' ? (char)(c + 32) : c;
		digits++;
	}
	return digits == 32;
}
