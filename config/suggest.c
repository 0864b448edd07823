#include "config/suggest.h"

#include "core/base/banned.h"

enum { LONGEST = 48 };

static char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	if (c == '-')
		return '_';
	return c;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned low = a < b ? a : b;

	return low < c ? low : c;
}

/* Edits between two words, where swapping two neighbours is one edit (optimal string alignment). */
static unsigned edits(struct md_str a, struct md_str b)
{
	unsigned rows[3][LONGEST + 1];

	for (unsigned j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			char x = fold(a.ptr[i - 1]), y = fold(b.ptr[j - 1]);

			now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == fold(b.ptr[j - 2]) && fold(a.ptr[i - 2]) == y &&
			    before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
	}
	return rows[a.len % 3][b.len];
}

void md_suggest_offer(struct md_suggest *suggest, const char *candidate)
{
	struct md_str known = md_str_of(candidate), word = suggest->word;
	unsigned distance, allowed = word.len < 4 ? 1 : word.len < 9 ? 2 : 3;

	if (word.len == 0 || word.len > LONGEST || known.len > LONGEST)
		return;
	distance = edits(word, known);
	if (distance > allowed || (suggest->best && distance >= suggest->distance))
		return;
	suggest->best = candidate;
	suggest->distance = distance;
}
