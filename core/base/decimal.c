#include "core/base/decimal.h"

#include "core/base/banned.h"

enum { EXPONENT_MAX = 100000, UNIT_DIGITS = 18, APART_MAX = 256, SIGN_AND_POINT = 3 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* --- reading ---------------------------------------------------------------------------------- */

/* One more digit; zeros in front of all others only move the point. False: there is no room. */
static bool add_digit(struct md_decimal *decimal, char digit, bool behind)
{
	if (decimal->count == 0 && digit == '0') {
		decimal->point -= behind;
		return true;
	}
	if (decimal->count == MD_DECIMAL_MAX)
		return false;
	decimal->digits[decimal->count++] = digit;
	decimal->point += !behind;
	return true;
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

static void strip(struct md_decimal *decimal)
{
	while (decimal->count > 0 && decimal->digits[decimal->count - 1] == '0')
		decimal->count--;
	if (decimal->count == 0) {
		decimal->negative = false;
		decimal->point = 0;
	}
}

enum md_decimal_reading md_decimal_read(struct md_str text, struct md_decimal *decimal)
{
	const char *p = text.ptr, *end = p + text.len;
	bool behind = false, any = false, fits = true;
	int exponent = 0;

	decimal->negative = p < end && *p == '-'; /* the digits are not cleared: they are many */
	decimal->point = 0;
	decimal->count = 0;
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (; p < end && (is_digit(*p) || (*p == '.' && !behind)); p++) {
		if (*p == '.') {
			behind = true;
			continue;
		}
		any = true;
		fits = add_digit(decimal, *p, behind) && fits;
	}
	if (!any || !read_exponent(p, end, &exponent))
		return MD_DECIMAL_BAD_SYNTAX;
	if (!fits)
		return MD_DECIMAL_OUT_OF_RANGE;
	decimal->point += exponent;
	strip(decimal);
	return MD_DECIMAL_READ;
}

/* --- comparing -------------------------------------------------------------------------------- */

/* Of two that are not negative: the same point, then the first digit that differs. */
static int compare_size(const struct md_decimal *a, const struct md_decimal *b)
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

int md_decimal_compare(const struct md_decimal *a, const struct md_decimal *b)
{
	if (a->negative != b->negative)
		return a->negative ? -1 : 1;
	return a->negative ? compare_size(b, a) : compare_size(a, b);
}

int md_decimal_compare_texts(struct md_str a, struct md_str b)
{
	struct md_decimal x, y;
	bool a_reads = md_decimal_read(a, &x) == MD_DECIMAL_READ;
	bool b_reads = md_decimal_read(b, &y) == MD_DECIMAL_READ;

	if (a_reads && b_reads)
		return md_decimal_compare(&x, &y);
	return a_reads != b_reads ? b_reads - a_reads : md_str_compare(a, b);
}

/* --- rounding and dividing -------------------------------------------------------------------- */

/* One more in the last of `count` digits. */
static void round_up(struct md_decimal *decimal)
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

bool md_decimal_round(struct md_decimal *decimal, unsigned scale)
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

unsigned md_decimal_whole(const struct md_decimal *decimal)
{
	return decimal->count > 0 && decimal->point > 0 ? (unsigned)decimal->point : 0;
}

/* The digits of the unit as one number; 0: there are too many. */
static uint64_t whole_of(const struct md_decimal *unit)
{
	uint64_t number = 0;

	if (unit->count > UNIT_DIGITS)
		return 0;
	for (unsigned i = 0; i < unit->count; i++)
		number = number * 10 + (uint64_t)(unit->digits[i] - '0');
	return number;
}

bool md_decimal_is_multiple(const struct md_decimal *decimal, const struct md_decimal *unit)
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

/* --- writing ---------------------------------------------------------------------------------- */

static char *put_zeros(char *p, int count)
{
	if (count <= 0)
		return p;
	memset(p, '0', (size_t)count);
	return p + count;
}

static char *put_digits(char *p, const char *digits, int count)
{
	if (count <= 0)
		return p;
	memcpy(p, digits, (size_t)count);
	return p + count;
}

size_t md_decimal_write(const struct md_decimal *decimal, char *out)
{
	const int most = MD_DECIMAL_MAX - SIGN_AND_POINT; /* and a zero in front of the point */
	int count = (int)decimal->count, point = decimal->point;
	int whole = point < count ? point : count; /* of the digits, before the point */
	char *p = out;

	if (point > most || count - point > most || count > most)
		return 0;
	if (decimal->negative)
		*p++ = '-';
	if (point <= 0)
		*p++ = '0';
	p = put_digits(p, decimal->digits, whole);
	p = put_zeros(p, point - count);
	if (count > point) {
		*p++ = '.';
		p = put_zeros(p, -point);
		whole = whole > 0 ? whole : 0;
		p = put_digits(p, decimal->digits + whole, count - whole);
	}
	return (size_t)(p - out);
}

enum md_decimal_reading md_decimal_normalize(struct md_str text, char *out, size_t *ret_len)
{
	struct md_decimal decimal;
	enum md_decimal_reading reading = md_decimal_read(text, &decimal);
	size_t len;

	if (reading != MD_DECIMAL_READ)
		return reading;
	len = md_decimal_write(&decimal, out);
	if (len == 0)
		return MD_DECIMAL_OUT_OF_RANGE;
	*ret_len = len;
	return MD_DECIMAL_READ;
}
