/* md_sum() and md_avg(): exact sums and averages of numbers, with the digits that PostgreSQL's
 * numeric gives them. Whole numbers are added as such as long as they fit. All others, and what
 * doubles print as (0.1 is 0.1 here), are added in base 10^9 with a fixed point, wide enough for
 * any number that modeld reads. */
#include "core/db/sqlite_functions.h"

#include <math.h>
#include <string.h>

#include "core/base/decimal.h"

#include "core/base/banned.h"

enum {
	LIMB_DIGITS = 9,
	LIMB = 1000000000,
	WHOLE_LIMBS = 118,    /* before the point */
	FRACTION_LIMBS = 114, /* behind it */
	LIMBS = WHOLE_LIMBS + FRACTION_LIMBS,
	FRACTION_DIGITS = FRACTION_LIMBS * LIMB_DIGITS,
	WHOLE_DIGITS = WHOLE_LIMBS * LIMB_DIGITS,
	RESULT_MAX = (LIMBS + 1) * LIMB_DIGITS + 3,
	/* numeric's division: so many significant digits, in groups of four, and never more
	 * behind the point. */
	SIGNIFICANT = 16,
	GROUP = 4,
	SCALE_MAX = 1000
};

/* What is added up. SQLite clears it. Limbs count from the right; they may be negative and larger
 * than a limb until the end. */
struct sum {
	int64_t whole, count;
	unsigned scale;          /* digits behind the point */
	bool has_limbs, special; /* … not a number, or infinite: `real` then has it all */
	double real;
	int64_t limbs[LIMBS];
};

/* The sum with its sign apart: every limb is a limb. */
struct total {
	bool negative;
	int64_t limbs[LIMBS];
};

/* ---- adding ---- */

static void raise_range(sqlite3_context *ctx)
{
	md_sqlite_raise(ctx, "22003", "value overflows numeric format");
}

/* The digit whose value is 10^exponent. */
static void add_digit(struct sum *sum, int exponent, int digit)
{
	static const int64_t powers[LIMB_DIGITS] = { 1,      10,      100,      1000,     10000,
						     100000, 1000000, 10000000, 100000000 };
	unsigned place = (unsigned)(exponent + FRACTION_DIGITS);

	sum->limbs[place / LIMB_DIGITS] += digit * powers[place % LIMB_DIGITS];
}

/* False: it has too many digits. */
static bool add_decimal(struct sum *sum, const struct md_decimal *decimal)
{
	int scale = (int)decimal->count - decimal->point;

	if (decimal->point >= WHOLE_DIGITS - 4 * LIMB_DIGITS || scale > SCALE_MAX)
		return false;
	for (unsigned i = 0; i < decimal->count; i++) {
		int digit = decimal->digits[i] - '0';

		add_digit(sum, decimal->point - 1 - (int)i, decimal->negative ? -digit : digit);
	}
	if (scale > 0 && (unsigned)scale > sum->scale)
		sum->scale = (unsigned)scale;
	sum->has_limbs = true;
	return true;
}

static void add_text(sqlite3_context *ctx, struct sum *sum, struct md_str text)
{
	struct md_decimal decimal;

	switch (md_decimal_read(text, &decimal)) {
	case MD_DECIMAL_READ:
		if (add_decimal(sum, &decimal))
			return;
		raise_range(ctx);
		return;
	case MD_DECIMAL_OUT_OF_RANGE:
		raise_range(ctx);
		return;
	case MD_DECIMAL_BAD_SYNTAX:
		break;
	}
	md_sqlite_raise(ctx, "22P02", "invalid input syntax for type numeric: \"%.*s\"",
			(int)(text.len < 200 ? text.len : 200), text.ptr);
}

static void add_special(struct sum *sum, double value)
{
	sum->real = sum->special ? sum->real + value : value;
	sum->special = true;
}

static void add_whole(struct sum *sum, int64_t whole)
{
	for (unsigned i = FRACTION_LIMBS; whole != 0; i++) {
		sum->limbs[i] += whole % LIMB;
		whole /= LIMB;
	}
}

static void add_integer(struct sum *sum, int64_t value)
{
	int64_t whole;

	if (!__builtin_add_overflow(sum->whole, value, &whole)) {
		sum->whole = whole;
		return;
	}
	add_whole(sum, value);
	sum->has_limbs = true;
}

static void step(sqlite3_context *ctx, int count, sqlite3_value **args)
{
	int type = sqlite3_value_type(args[0]);
	char scratch[MD_SQLITE_NUMBER_MAX];
	struct md_str text;
	struct sum *sum;

	(void)count;
	if (type == SQLITE_NULL)
		return;
	sum = sqlite3_aggregate_context(ctx, sizeof(*sum));
	text = md_sqlite_value_text(args[0], scratch);
	if (!sum || !text.ptr) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	sum->count++;
	if (type == SQLITE_INTEGER)
		add_integer(sum, sqlite3_value_int64(args[0]));
	else if (type == SQLITE_FLOAT && !isfinite(sqlite3_value_double(args[0])))
		add_special(sum, sqlite3_value_double(args[0]));
	else
		add_text(ctx, sum, text);
}

/* ---- the end ---- */

/* Carry until every limb is one; what is left over is the sign: 0, or -1 for a negative number. */
static int64_t carry(int64_t limbs[LIMBS])
{
	int64_t over = 0;

	for (unsigned i = 0; i < LIMBS; i++) {
		int64_t limb = limbs[i] + over;

		over = limb / LIMB;
		limb %= LIMB;
		if (limb < 0) {
			limb += LIMB;
			over--;
		}
		limbs[i] = limb;
	}
	return over;
}

static void total_of(struct sum *sum, struct total *total)
{
	add_whole(sum, sum->whole);
	sum->whole = 0;
	memcpy(total->limbs, sum->limbs, sizeof(total->limbs));
	total->negative = carry(total->limbs) < 0;
	if (!total->negative)
		return;
	for (unsigned i = 0; i < LIMBS; i++)
		total->limbs[i] = -sum->limbs[i];
	carry(total->limbs);
}

static int digit_at(const struct total *total, int exponent)
{
	unsigned place = (unsigned)(exponent + FRACTION_DIGITS);
	int64_t limb = total->limbs[place / LIMB_DIGITS];

	for (unsigned i = place % LIMB_DIGITS; i > 0; i--)
		limb /= 10;
	return (int)(limb % 10);
}

/* Exponent of the first digit; 0 when there is none before the point. */
static int first_digit(const struct total *total)
{
	int exponent = WHOLE_DIGITS - 1;

	while (exponent > 0 && digit_at(total, exponent) == 0)
		exponent--;
	return exponent;
}

/* To `scale` digits, half away from zero. */
static void round_total(struct total *total, unsigned scale)
{
	bool up;
	unsigned place;

	if (scale >= FRACTION_DIGITS)
		return;
	up = digit_at(total, -(int)scale - 1) >= 5;
	place = FRACTION_DIGITS - scale; /* the last digit that stays */
	memset(total->limbs, 0, place / LIMB_DIGITS * sizeof(total->limbs[0]));
	if (place % LIMB_DIGITS > 0) {
		int64_t unit = 1;

		for (unsigned i = place % LIMB_DIGITS; i > 0; i--)
			unit *= 10;
		total->limbs[place / LIMB_DIGITS] -= total->limbs[place / LIMB_DIGITS] % unit;
		total->limbs[place / LIMB_DIGITS] += up ? unit : 0;
	} else if (up) {
		total->limbs[place / LIMB_DIGITS]++;
	}
	carry(total->limbs);
}

static bool is_zero(const struct total *total)
{
	for (unsigned i = 0; i < LIMBS; i++)
		if (total->limbs[i] != 0)
			return false;
	return true;
}

static void give_text(sqlite3_context *ctx, const struct total *total, unsigned scale)
{
	char text[RESULT_MAX];
	size_t len = 0;

	if (total->negative && !is_zero(total))
		text[len++] = '-';
	for (int exponent = first_digit(total); exponent >= -(int)scale; exponent--) {
		if (exponent == -1)
			text[len++] = '.';
		text[len++] = (char)('0' + digit_at(total, exponent));
	}
	sqlite3_result_text(ctx, text, (int)len, SQLITE_TRANSIENT);
}

/* The context of a group that has values; NULL: the result is given already. */
static struct sum *finish(sqlite3_context *ctx)
{
	struct sum *sum = sqlite3_aggregate_context(ctx, 0);

	if (!sum || sum->count == 0) {
		sqlite3_result_null(ctx);
		return NULL;
	}
	if (!sum->special)
		return sum;
	sqlite3_result_text(ctx,
			    isnan(sum->real) ? "NaN"
			    : sum->real > 0  ? "Infinity"
					     : "-Infinity",
			    -1, SQLITE_STATIC);
	return NULL;
}

static void finish_sum(sqlite3_context *ctx)
{
	struct sum *sum = finish(ctx);
	struct total total;

	if (!sum)
		return;
	if (!sum->has_limbs) {
		sqlite3_result_int64(ctx, sum->whole);
		return;
	}
	total_of(sum, &total);
	give_text(ctx, &total, sum->scale);
}

/* Where a number begins, in groups of four digits from the point, and its first group. */
static int first_group(const struct total *total, int *ret_group)
{
	int exponent = WHOLE_DIGITS - 1, weight;

	while (exponent >= -FRACTION_DIGITS && digit_at(total, exponent) == 0)
		exponent--;
	*ret_group = 0;
	if (exponent < -FRACTION_DIGITS)
		return 0;
	weight = (exponent >= 0 ? exponent : exponent - (GROUP - 1)) / GROUP;
	for (int i = GROUP - 1; i >= 0; i--)
		if (weight * GROUP + i >= -FRACTION_DIGITS)
			*ret_group = *ret_group * 10 + digit_at(total, weight * GROUP + i);
	return weight;
}

/* How many digits behind the point numeric's division gives. */
static unsigned quotient_scale(const struct total *total, int64_t count, unsigned scale)
{
	int weight = 0, group, dividend_group;
	int dividend_weight = first_group(total, &dividend_group);
	int result;

	while (count >= 10000) {
		count /= 10000;
		weight++;
	}
	group = (int)count;
	weight = dividend_weight - weight - (dividend_group <= group);
	result = SIGNIFICANT - weight * GROUP;
	if (result < (int)scale)
		result = (int)scale;
	return result < 0 ? 0 : result > SCALE_MAX ? SCALE_MAX : (unsigned)result;
}

static void finish_avg(sqlite3_context *ctx)
{
	struct sum *sum = finish(ctx);
	unsigned __int128 rest = 0;
	struct total total;
	unsigned scale;

	if (!sum)
		return;
	total_of(sum, &total);
	scale = quotient_scale(&total, sum->count, sum->scale);
	for (unsigned i = LIMBS; i-- > 0;) {
		rest = rest * LIMB + (uint64_t)total.limbs[i];
		total.limbs[i] = (int64_t)(rest / (uint64_t)sum->count);
		rest %= (uint64_t)sum->count;
	}
	round_total(&total, scale);
	give_text(ctx, &total, scale);
}

int md_sqlite_add_aggregates(sqlite3 *db)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
	int rc = sqlite3_create_function_v2(db, "md_sum", 1, flags, NULL, NULL, step, finish_sum,
					    NULL);

	if (rc != SQLITE_OK)
		return rc;
	return sqlite3_create_function_v2(db, "md_avg", 1, flags, NULL, NULL, step, finish_avg,
					  NULL);
}
