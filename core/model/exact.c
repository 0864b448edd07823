#include "core/model/exact.h"

#include "core/base/banned.h"

enum { EXPONENT_MAX = 100000, UNIT_DIGITS = 18, APART_MAX = 2 * MD_EXACT_DIGITS };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* e5, E-5; the whole rest. */
static bool read_exponent(const char *p, const char *end, int *ret_exponent)
{
	bool negative;
	int exponent = 0;

	if (p == end || (*p != 'e' && *p != 'E'))
		return p == end;
	p++;
	negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (p == end)
		return false;
	for (; p < end && is_digit(*p); p++)
		if (exponent < EXPONENT_MAX)
			exponent = exponent * 10 + (*p - '0');
	*ret_exponent = negative ? -exponent : exponent;
	return p == end;
}

static void strip(struct md_exact *decimal)
{
	while (decimal->count > 0 && decimal->digits[decimal->count - 1] == '0')
		decimal->count--;
	if (decimal->count == 0) {
		decimal->negative = false;
		decimal->point = 0;
	}
}

bool md_exact_read(struct md_str text, struct md_exact *ret_decimal)
{
	const char *p = text.ptr, *end = p + text.len;
	struct md_exact decimal = { .negative = false };
	bool behind = false;
	size_t read = 0;
	int exponent = 0;

	if (p < end && (*p == '-' || *p == '+'))
		decimal.negative = *p++ == '-';
	for (; p < end && (is_digit(*p) || (*p == '.' && !behind)); p++) {
		if (*p == '.') {
			behind = true;
			continue;
		}
		read++;
		if (decimal.count == 0 && *p == '0') { /* in front */
			decimal.point -= behind;
			continue;
		}
		decimal.point += !behind;
		if (decimal.count < MD_EXACT_DIGITS)
			decimal.digits[decimal.count++] = *p;
	}
	if (read == 0 || !read_exponent(p, end, &exponent))
		return false;
	decimal.point += exponent;
	strip(&decimal);
	*ret_decimal = decimal;
	return true;
}

/* Of two that are not negative. */
static int compare_size(const struct md_exact *a, const struct md_exact *b)
{
	unsigned common = a->count < b->count ? a->count : b->count;
	int order;

	if (a->count == 0 || b->count == 0)
		return (a->count > 0) - (b->count > 0);
	if (a->point != b->point)
		return a->point < b->point ? -1 : 1;
	order = memcmp(a->digits, b->digits, common);
	if (order != 0)
		return order < 0 ? -1 : 1;
	return (a->count > b->count) - (a->count < b->count);
}

int md_exact_compare(const struct md_exact *a, const struct md_exact *b)
{
	if (a->negative != b->negative)
		return a->negative ? -1 : 1;
	return a->negative ? compare_size(b, a) : compare_size(a, b);
}

/* One more in the last of `count` digits. */
static void round_up(struct md_exact *decimal)
{
	unsigned i = decimal->count;

	while (i > 0 && decimal->digits[i - 1] == '9')
		i--;
	decimal->count = i;
	if (i > 0) {
		decimal->digits[i - 1]++;
		return;
	}
	decimal->digits[0] = '1';
	decimal->count = 1;
	decimal->point++;
}

bool md_exact_round(struct md_exact *decimal, unsigned scale)
{
	int64_t keep = (int64_t)decimal->point + scale;
	bool up;

	if (keep >= (int64_t)decimal->count)
		return false;
	up = keep >= 0 && decimal->digits[keep] >= '5';
	decimal->count = keep > 0 ? (unsigned)keep : 0;
	if (up && decimal->count == 0)
		decimal->point = -(int)scale;
	if (up)
		round_up(decimal);
	strip(decimal);
	return true;
}

unsigned md_exact_whole(const struct md_exact *decimal)
{
	return decimal->count > 0 && decimal->point > 0 ? (unsigned)decimal->point : 0;
}

/* The digits of the unit as one number; 0: there are too many. */
static uint64_t whole_of(const struct md_exact *unit)
{
	uint64_t number = 0;

	if (unit->count > UNIT_DIGITS)
		return 0;
	for (unsigned i = 0; i < unit->count; i++)
		number = number * 10 + (uint64_t)(unit->digits[i] - '0');
	return number;
}

bool md_exact_is_multiple(const struct md_exact *decimal, const struct md_exact *unit)
{
	uint64_t divisor = whole_of(unit);
	int low = unit->point - (int)unit->count; /* 10^low is the unit's last digit */
	int64_t digits = (int64_t)decimal->point - low;
	unsigned __int128 rest = 0;

	if (decimal->count == 0)
		return true;
	if (divisor == 0 || digits < (int64_t)decimal->count || digits > APART_MAX)
		return false;
	for (int64_t i = 0; i < digits; i++) {
		unsigned digit =
			i < (int64_t)decimal->count ? (unsigned)decimal->digits[i] - '0' : 0;

		rest = (rest * 10 + digit) % divisor;
	}
	return rest == 0;
}

size_t md_exact_write(const struct md_exact *decimal, char *out)
{
	int whole = decimal->point > 0 ? decimal->point : 0;
	int behind = (int)decimal->count - decimal->point;
	char *p = out;

	if (decimal->negative)
		*p++ = '-';
	for (int i = 0; i < whole; i++)
		*p++ = i < (int)decimal->count ? decimal->digits[i] : '0';
	if (whole == 0)
		*p++ = '0';
	if (decimal->count == 0 || behind <= 0)
		return (size_t)(p - out);
	*p++ = '.';
	for (int i = decimal->point; i < (int)decimal->count; i++)
		*p++ = i >= 0 ? decimal->digits[i] : '0';
	return (size_t)(p - out);
}
