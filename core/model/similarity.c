/* Names that a client may have meant. The measure is that of PostgREST's fuzzy sets: candidates
 * share three letters in a row with the wanted name (or, if none is good enough, two), case does
 * not matter, and the one with the fewest edits for its length wins; the cosine of the letter
 * groups decides between equals. */
#include "core/model/private.h"

#include "core/base/banned.h"

enum { LONG_GRAM = 3, SHORT_GRAM = 2, MOST_LOOKS = 50 };

/* Characters of a name; MD_GUESS_MAX + 1: too many. A byte that is not UTF-8 counts as one. */
static unsigned decode(struct md_str name, bool fold, uint32_t *out)
{
	unsigned n = 0;

	for (size_t i = 0; i < name.len;) {
		uint32_t c = (unsigned char)name.ptr[i++];

		if (n == MD_GUESS_MAX)
			return MD_GUESS_MAX + 1;
		if (fold && c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if (c >= 0xC0)
			while (i < name.len && ((unsigned char)name.ptr[i] & 0xC0) == 0x80 &&
			       c < 1u << 24)
				c = c << 6 | ((unsigned char)name.ptr[i++] & 0x3F);
		out[n++] = c;
	}
	return n;
}

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein's distance; gives up, with more than `limit`, as soon as it cannot be less. */
static unsigned distance(const uint32_t *a, unsigned a_len, const uint32_t *b, unsigned b_len,
			 unsigned limit)
{
	unsigned row[MD_GUESS_MAX + 1];

	while (a_len > 0 && b_len > 0 && a[0] == b[0]) {
		a++, a_len--;
		b++, b_len--;
	}
	while (a_len > 0 && b_len > 0 && a[a_len - 1] == b[b_len - 1]) {
		a_len--;
		b_len--;
	}
	if (a_len > b_len + limit || b_len > a_len + limit)
		return limit + 1;
	for (unsigned j = 0; j <= b_len; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		unsigned diagonal = row[0], least = i;

		row[0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			unsigned edits = smallest(row[j] + 1, row[j - 1] + 1,
						  diagonal + (a[i - 1] != b[j - 1]));

			diagonal = row[j];
			row[j] = edits;
			least = edits < least ? edits : least;
		}
		if (least > limit)
			return limit + 1;
	}
	return row[b_len];
}

unsigned md_edit_distance(struct md_str a, struct md_str b, unsigned limit)
{
	uint32_t left[MD_GUESS_MAX], right[MD_GUESS_MAX];
	unsigned left_len = decode(a, false, left), right_len = decode(b, false, right);

	if (left_len > MD_GUESS_MAX || right_len > MD_GUESS_MAX)
		return limit + 1;
	return distance(left, left_len, right, right_len, limit);
}

/* What letter groups are taken from: letters, digits, spaces and commas between two hyphens. */
static unsigned normalise(const uint32_t *name, unsigned len, uint32_t *out)
{
	unsigned n = 0;

	out[n++] = '-';
	for (unsigned i = 0; i < len; i++) {
		uint32_t c = name[i];

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80 || c == ' ' ||
		    c == ',')
			out[n++] = c;
	}
	out[n++] = '-';
	return n;
}

/* Pairs of equal groups: the scalar product of the vectors that count each group. */
static unsigned product(const uint32_t *a, unsigned a_len, const uint32_t *b, unsigned b_len,
			unsigned size)
{
	unsigned pairs = 0;

	for (unsigned i = 0; i + size <= a_len; i++)
		for (unsigned j = 0; j + size <= b_len; j++)
			pairs += memcmp(&a[i], &b[j], size * sizeof(*a)) == 0;
	return pairs;
}

/* The size of the groups that the names share (0: none), and the square of the cosine of their
 * vectors. */
static unsigned shared_grams(const uint32_t *a, unsigned a_len, const uint32_t *b, unsigned b_len,
			     double *ret_cosine)
{
	uint32_t left[MD_GUESS_MAX + 2], right[MD_GUESS_MAX + 2];

	a_len = normalise(a, a_len, left);
	b_len = normalise(b, b_len, right);
	for (unsigned size = LONG_GRAM; size >= SHORT_GRAM; size--) {
		unsigned both = product(left, a_len, right, b_len, size);

		if (both == 0)
			continue;
		*ret_cosine = (double)both * both /
			      ((double)product(left, a_len, left, a_len, size) *
			       product(right, b_len, right, b_len, size));
		return size;
	}
	return 0;
}

/* One bit per letter, so that most candidates are refused without counting edits: every letter
 * that only one of the names has costs an edit. */
static unsigned letters_of(const uint32_t *name, unsigned len)
{
	unsigned letters = 0;

	for (unsigned i = 0; i < len; i++)
		letters |= 1u << (name[i] & 31);
	return letters;
}

static double score_of(unsigned edits, unsigned longest)
{
	return longest == 0 ? 1 : 1 - (double)edits / longest;
}

void md_guess_init(struct md_guess *guess, struct md_str wanted, double minimum)
{
	*guess = (struct md_guess){ .minimum = minimum };
	guess->len = decode(wanted, true, guess->wanted);
	if (guess->len <= MD_GUESS_MAX)
		guess->letters = letters_of(guess->wanted, guess->len);
}

/* Edits between the wanted name and the candidate; more than `limit`: too many to count. */
static unsigned edits_to(const struct md_guess *guess, const uint32_t *name, unsigned len,
			 unsigned limit)
{
	unsigned letters = letters_of(name, len);
	unsigned lost = (unsigned)__builtin_popcount(guess->letters & ~letters);
	unsigned added = (unsigned)__builtin_popcount(letters & ~guess->letters);

	if (lost > limit || added > limit)
		return limit + 1;
	return distance(guess->wanted, guess->len, name, len, limit);
}

void md_guess_offer(struct md_guess *guess, struct md_str candidate)
{
	uint32_t name[MD_GUESS_MAX];
	unsigned len = decode(candidate, true, name), longest, limit, edits, grams;
	double score, cosine = 0;

	if (guess->len > MD_GUESS_MAX || len > MD_GUESS_MAX)
		return;
	longest = len > guess->len ? len : guess->len;
	limit = (unsigned)((1 - guess->minimum) * longest + 1e-9);
	edits = edits_to(guess, name, len, limit);
	if (edits > limit)
		return;
	score = score_of(edits, longest);
	/* Many equals are not told apart to the last: an answer must not take long. */
	if (guess->grams == LONG_GRAM &&
	    (score < guess->score || (score == guess->score && guess->looks >= MOST_LOOKS)))
		return;
	guess->looks++;
	grams = edits == 0 ? LONG_GRAM
			   : shared_grams(guess->wanted, guess->len, name, len, &cosine);
	if (edits == 0)
		cosine = 2;
	if (grams == 0 || grams < guess->grams)
		return;
	if (grams == guess->grams &&
	    (score < guess->score || (score == guess->score && cosine <= guess->cosine)))
		return;
	guess->best = candidate;
	guess->score = score;
	guess->cosine = cosine;
	guess->grams = grams;
}

double md_similarity(struct md_str a, struct md_str b)
{
	uint32_t left[MD_GUESS_MAX], right[MD_GUESS_MAX];
	unsigned a_len = decode(a, true, left), b_len = decode(b, true, right);
	unsigned longest = a_len > b_len ? a_len : b_len;
	double cosine;
	unsigned edits;

	if (longest > MD_GUESS_MAX)
		return md_str_equal(a, b) ? 1 : 0;
	edits = distance(left, a_len, right, b_len, longest);
	if (edits > 0 && shared_grams(left, a_len, right, b_len, &cosine) == 0)
		return 0;
	return score_of(edits, longest);
}

bool md_is_swapped(struct md_str a, struct md_str b)
{
	uint32_t left[MD_GUESS_MAX], right[MD_GUESS_MAX];
	unsigned a_len = decode(a, true, left), b_len = decode(b, true, right), i = 0;

	if (a_len != b_len || a_len > MD_GUESS_MAX)
		return false;
	while (i < a_len && left[i] == right[i])
		i++;
	return i + 1 < a_len && left[i] == right[i + 1] && left[i + 1] == right[i] &&
	       memcmp(&left[i + 2], &right[i + 2], (a_len - i - 2) * sizeof(*left)) == 0;
}

struct md_str md_name_shown(struct md_str name)
{
	unsigned shown = 0;
	size_t i = 0;

	for (; i < name.len; i++)
		if (((unsigned char)name.ptr[i] & 0xC0) != 0x80 && shown++ == MD_NAME_SHOWN)
			break;
	return (struct md_str){ name.ptr, i };
}
