/* Numbers to text. Nearly all doubles in databases are short decimals; those are found with a few
 * multiplications. The others take the way over printf. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/json/raw.h"

#include "core/base/banned.h"

enum { FAST_DECIMALS = 9, FIXED_DIGITS = 15 /* 1e15 and more: exponent form, as float8out */ };

static const double powers_of_ten[FAST_DECIMALS + 1] = { 1,   1e1, 1e2, 1e3, 1e4,
							 1e5, 1e6, 1e7, 1e8, 1e9 };

char *md_raw_i64(char *p, int64_t value)
{
	return p + md_i64_to_text(value, p);
}

/* Shift `digits` so that the last `decimals` of them stand behind a point. */
static char *put_fixed(char *p, uint64_t number, unsigned decimals)
{
	unsigned len = (unsigned)md_i64_to_text((int64_t)number, p);

	if (decimals == 0)
		return p + len;
	if (len <= decimals) {
		unsigned zeros = decimals - len;

		memmove(p + 2 + zeros, p, len);
		memset(p, '0', 2 + zeros);
		p[1] = '.';
		return p + 2 + decimals;
	}
	memmove(p + len - decimals + 1, p + len - decimals, decimals);
	p[len - decimals] = '.';
	return p + len + 1;
}

/* The smallest k for which value × 10^k is near an integer of at most 15 digits that divides back.
 * Decimals of up to 15 digits are distinct as doubles, so what is found is the shortest; both
 * operands of the division are exact, so it rounds once, like a reader. */
static char *put_short_decimal(char *p, double value)
{
	for (unsigned k = 0; k <= FAST_DECIMALS; k++) {
		double scaled = value * powers_of_ten[k];
		uint64_t number;

		if (scaled >= 1e15)
			return NULL;
		number = (uint64_t)(scaled + 0.5);
		if ((double)number / powers_of_ten[k] == value)
			return put_fixed(p, number, k);
	}
	return NULL;
}

/* d.ddd × 10^exponent, no trailing zeros. */
struct decimal {
	unsigned count;
	int exponent;
	char digits[20];
};

static struct decimal print_decimal(double value, int precision, double *ret_read_back)
{
	struct decimal decimal = { .count = 0 };
	char text[32], *s;

	snprintf(text, sizeof(text), "%.*e", precision - 1, value);
	*ret_read_back = strtod(text, NULL);
	for (s = text; *s != 'e'; s++)
		if (*s != '.')
			decimal.digits[decimal.count++] = *s;
	while (decimal.count > 1 && decimal.digits[decimal.count - 1] == '0')
		decimal.count--;
	decimal.exponent = (int)strtol(s + 1, NULL, 10);
	return decimal;
}

/* Does the decimal lie exactly between `value` and a neighbour? Then only readers that round half
 * to even get it right, and PostgreSQL takes a longer one. Short decimals do so only above 2^53. */
static bool is_midpoint(const struct decimal *decimal, double value)
{
	unsigned __int128 number = 0, exact;

	if (value < 0x1p53 || value > 0x1p120 || decimal->exponent + 1 < (int)decimal->count)
		return false;
	for (int i = 0; i <= decimal->exponent; i++)
		number = number * 10 +
			 (i < (int)decimal->count ? (unsigned)(decimal->digits[i] - '0') : 0);
	exact = (unsigned __int128)value;
	return 2 * number == exact + (unsigned __int128)nextafter(value, INFINITY) ||
	       2 * number == exact + (unsigned __int128)nextafter(value, 0);
}

/* In the form of printf's %g. */
static char *put_digits(char *p, const struct decimal *decimal)
{
	const char *digits = decimal->digits;
	unsigned count = decimal->count;
	int exponent = decimal->exponent;

	if (exponent >= -4 && exponent < FIXED_DIGITS) {
		int point = exponent + 1; /* digits before the point; may be ≤ 0 */

		if (point <= 0) {
			p = md_raw_literal(p, "0.000", (size_t)(2 - point));
			memcpy(p, digits, count);
			return p + count;
		}
		for (int i = 0; i < point || i < (int)count; i++) {
			if (i == point)
				*p++ = '.';
			if (i < (int)count)
				*p++ = digits[i];
			else
				*p++ = '0';
		}
		return p;
	}
	*p++ = digits[0];
	if (count > 1) {
		*p++ = '.';
		memcpy(p, digits + 1, count - 1);
		p += count - 1;
	}
	*p++ = 'e';
	*p++ = exponent < 0 ? '-' : '+';
	exponent = abs(exponent);
	if (exponent < 10)
		*p++ = '0';
	return md_raw_i64(p, exponent);
}

/* Powers of two have twice as much room above as below: the 16 digits next above may read back
 * where the nearest ones, below, do not. */
static bool bump(struct decimal *decimal, double value)
{
	char text[32];

	while (decimal->count < 16)
		decimal->digits[decimal->count++] = '0';
	if (decimal->digits[15] == '9')
		return false;
	decimal->digits[15]++;
	*put_digits(text, decimal) = '\0';
	return strtod(text, NULL) == value;
}

static char *put_by_printf(char *p, double value)
{
	/* Below the normal range fewer digits may do. */
	int precision = value < DBL_MIN ? 1 : 15;
	struct decimal decimal;
	double read_back;

	for (;; precision++) {
		decimal = print_decimal(value, precision, &read_back);
		if (precision == 17)
			break;
		if (read_back == value ? !is_midpoint(&decimal, value)
				       : precision == 16 && bump(&decimal, value))
			break;
	}
	return put_digits(p, &decimal);
}

char *md_raw_real(char *p, double value)
{
	char *end;

	if (isnan(value))
		return md_raw_literal(p, "\"NaN\"", 5);
	if (isinf(value))
		return value < 0 ? md_raw_literal(p, "\"-Infinity\"", 11)
				 : md_raw_literal(p, "\"Infinity\"", 10);
	if (signbit(value)) {
		*p++ = '-';
		value = -value;
	}
	end = value < 1e15 && (value >= 1e-4 || value == 0) ? put_short_decimal(p, value) : NULL;
	return end ? end : put_by_printf(p, value);
}
