#include "core/base/decimal.h"

#include <limits.h>

#include "core/base/banned.h"

enum { EXPONENT_MAX = 100000 };

/* The digits of a number without the point, which stands behind the first `point` of them. */
struct digits {
	char text[MD_DECIMAL_MAX];
	long count, point;
	bool negative;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One more digit; zeros in front of all others only move the point. */
static bool add_digit(struct digits *d, char digit, bool fraction)
{
	if (d->count == 0 && digit == '0') {
		d->point -= fraction;
		return true;
	}
	if (d->count == MD_DECIMAL_MAX)
		return false;
	d->text[d->count++] = digit;
	d->point += !fraction;
	return true;
}

static enum md_decimal_reading read_exponent(struct md_str text, struct digits *d)
{
	bool negative = text.len > 0 && text.ptr[0] == '-';
	size_t i = text.len > 0 && (negative || text.ptr[0] == '+');
	long exponent = 0;

	if (i == text.len)
		return MD_DECIMAL_BAD_SYNTAX;
	for (; i < text.len; i++) {
		if (!is_digit(text.ptr[i]))
			return MD_DECIMAL_BAD_SYNTAX;
		if (exponent < EXPONENT_MAX)
			exponent = exponent * 10 + (text.ptr[i] - '0');
	}
	d->point += negative ? -exponent : exponent;
	return MD_DECIMAL_READ;
}

static enum md_decimal_reading read_digits(struct md_str text, struct digits *d)
{
	bool fraction = false, any = false, full = false;
	size_t i = 0;

	*d = (struct digits){ .negative = text.len > 0 && text.ptr[0] == '-' };
	if (d->negative || (text.len > 0 && text.ptr[0] == '+'))
		i = 1;
	for (; i < text.len && (is_digit(text.ptr[i]) || (text.ptr[i] == '.' && !fraction)); i++) {
		if (text.ptr[i] == '.') {
			fraction = true;
			continue;
		}
		any = true;
		full = full || !add_digit(d, text.ptr[i], fraction);
	}
	if (!any)
		return MD_DECIMAL_BAD_SYNTAX;
	if (i < text.len) {
		if (text.ptr[i] != 'e' && text.ptr[i] != 'E')
			return MD_DECIMAL_BAD_SYNTAX;
		text = (struct md_str){ text.ptr + i + 1, text.len - i - 1 };
		if (read_exponent(text, d) != MD_DECIMAL_READ)
			return MD_DECIMAL_BAD_SYNTAX;
	}
	while (d->count > 0 && d->text[d->count - 1] == '0')
		d->count--;
	return full ? MD_DECIMAL_OUT_OF_RANGE : MD_DECIMAL_READ;
}

static size_t put_zeros(char *out, long count)
{
	if (count <= 0)
		return 0;
	memset(out, '0', (size_t)count);
	return (size_t)count;
}

static size_t put_digits(char *out, const char *digits, long count)
{
	if (count <= 0)
		return 0;
	memcpy(out, digits, (size_t)count);
	return (size_t)count;
}

enum md_decimal_reading md_decimal_normalize(struct md_str text, char *out, size_t *ret_len)
{
	struct digits d;
	enum md_decimal_reading reading = read_digits(text, &d);
	long whole;
	size_t len = 0;

	if (reading != MD_DECIMAL_READ)
		return reading;
	if (d.count == 0) {
		out[0] = '0';
		*ret_len = 1;
		return MD_DECIMAL_READ;
	}
	/* Sign, point and a zero in front of it are more than the digits and the zeros between. */
	if (d.point > MD_DECIMAL_MAX - 3 || d.count - d.point > MD_DECIMAL_MAX - 3 ||
	    d.count > MD_DECIMAL_MAX - 3)
		return MD_DECIMAL_OUT_OF_RANGE;
	if (d.negative)
		out[len++] = '-';
	whole = d.point < d.count ? d.point : d.count;
	if (d.point <= 0)
		out[len++] = '0';
	len += put_digits(out + len, d.text, whole);
	len += put_zeros(out + len, d.point - d.count);
	if (d.count > d.point) {
		out[len++] = '.';
		len += put_zeros(out + len, -d.point);
		whole = whole > 0 ? whole : 0;
		len += put_digits(out + len, d.text + whole, d.count - whole);
	}
	*ret_len = len;
	return MD_DECIMAL_READ;
}

static int compare_bytes(struct md_str a, struct md_str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Numbers without their sign: the same point, then the first digit that differs. */
static int compare_digits(const struct digits *a, const struct digits *b)
{
	if (a->count == 0 || b->count == 0)
		return (a->count > 0) - (b->count > 0);
	if (a->point != b->point)
		return a->point < b->point ? -1 : 1;
	return compare_bytes((struct md_str){ a->text, (size_t)a->count },
			     (struct md_str){ b->text, (size_t)b->count });
}

int md_decimal_compare(struct md_str a, struct md_str b)
{
	struct digits x, y;
	bool a_reads = read_digits(a, &x) == MD_DECIMAL_READ;
	bool b_reads = read_digits(b, &y) == MD_DECIMAL_READ;
	int order;

	if (!a_reads || !b_reads)
		return a_reads != b_reads ? b_reads - a_reads : compare_bytes(a, b);
	if (x.count == 0)
		x.negative = false;
	if (y.count == 0)
		y.negative = false;
	if (x.negative != y.negative)
		return x.negative ? -1 : 1;
	order = compare_digits(&x, &y);
	return x.negative ? -order : order;
}
