#include "core/model/private.h"

#include "tests/support/suite.h"

static bool near_to(double value, double wanted)
{
	return value > wanted - 1e-9 && value < wanted + 1e-9;
}

static double similarity(const char *a, const char *b)
{
	return md_similarity(md_str_of(a), md_str_of(b));
}

/* Scores that the documentation of the fuzzy sets gives, and PostgREST's own hints. */
START_TEST(measures_names_like_a_fuzzy_set)
{
	ck_assert(near_to(similarity("Virgin Islands", "Burger Islands"), 10.0 / 14));
	ck_assert(near_to(similarity("Rhode Island", "Burger Islands"), 8.0 / 14));
	ck_assert(near_to(similarity("Pennsylvania", "Transylvania"), 0.75));
	ck_assert(near_to(similarity("Shaggy Rogers", "Shaggy Jones"), 10.0 / 13));
	ck_assert(near_to(similarity("ALASKA", "alaska"), 1));
	ck_assert(near_to(similarity("films", "film"), 0.8));
	ck_assert(near_to(similarity("", ""), 1));
	ck_assert(near_to(similarity("abc", "xyz"), 0));
	/* Two of three letters alike, but no two in a row. */
	ck_assert(near_to(similarity("1a2", "3a4"), 0));
}
END_TEST

START_TEST(counts_characters_not_bytes)
{
	ck_assert(near_to(similarity("große", "grose"), 0.8));
	ck_assert_uint_eq(md_edit_distance(MD_STR("größe"), MD_STR("grosse"), 9), 3);
	ck_assert_uint_eq(md_edit_distance(MD_STR("\xff\xfe"), MD_STR("\xff"), 9), 1);
}
END_TEST

START_TEST(counts_edits_up_to_a_limit)
{
	ck_assert_uint_eq(md_edit_distance(MD_STR("kitten"), MD_STR("sitting"), 9), 3);
	ck_assert_uint_eq(md_edit_distance(MD_STR("kitten"), MD_STR("sitting"), 3), 3);
	ck_assert_uint_gt(md_edit_distance(MD_STR("kitten"), MD_STR("sitting"), 2), 2);
	ck_assert_uint_eq(md_edit_distance(MD_STR(""), MD_STR("abc"), 3), 3);
	ck_assert_uint_eq(md_edit_distance(MD_STR("abc"), MD_STR("abc"), 0), 0);
	ck_assert_uint_eq(md_edit_distance(MD_STR("Abc"), MD_STR("abc"), 4), 1);
}
END_TEST

/* Plain Levenshtein without any short cut. */
static unsigned slow_distance(const char *a, const char *b)
{
	unsigned table[16][16];
	size_t n = strlen(a), m = strlen(b);

	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			unsigned best = (unsigned)(i + j);

			if (i > 0 && table[i - 1][j] + 1 < best)
				best = table[i - 1][j] + 1;
			if (j > 0 && table[i][j - 1] + 1 < best)
				best = table[i][j - 1] + 1;
			if (i > 0 && j > 0 && table[i - 1][j - 1] + (a[i - 1] != b[j - 1]) < best)
				best = table[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			table[i][j] = best;
		}
	return table[n][m];
}

static void random_name(char *out)
{
	int len = rand() % 10;

	for (int i = 0; i < len; i++)
		out[i] = (char)('a' + rand() % 3);
	out[len] = '\0';
}

START_TEST(agrees_with_the_plain_algorithm)
{
	char a[16], b[16];

	srand(7);
	for (int i = 0; i < 20000; i++) {
		unsigned limit = (unsigned)(rand() % 10), slow, fast;

		random_name(a);
		random_name(b);
		slow = slow_distance(a, b);
		fast = md_edit_distance(md_str_of(a), md_str_of(b), limit);
		if (slow <= limit)
			ck_assert_uint_eq(fast, slow);
		else
			ck_assert_uint_gt(fast, limit);
	}
}
END_TEST

static struct md_str guess(const char *wanted, double minimum, const char *const *names)
{
	struct md_guess g;

	md_guess_init(&g, md_str_of(wanted), minimum);
	for (; *names; names++)
		md_guess_offer(&g, md_str_of(*names));
	return g.best;
}

START_TEST(finds_the_best_of_many)
{
	static const char *const states[] = { "Rhode Island", "Maryland", "Virgin Islands",
					      "Northern Marianas Islands", NULL };
	static const char *const tables[] = {
		"items", "items2", "items3", "projects", "fact", NULL
	};

	ck_assert(md_str_is(guess("Burger Islands", 0.33, states), "Virgin Islands"));
	ck_assert(!md_str_is_given(guess("Burger Islands", 0.75, states)));
	ck_assert(md_str_is(guess("itemsx", 0.75, tables), "items"));
	ck_assert(md_str_is(guess("ITEMS2", 0.75, tables), "items2"));
	ck_assert(md_str_is(guess("project", 0.75, tables), "projects"));
	ck_assert(!md_str_is_given(guess("garlic", 0.75, tables)));
	ck_assert(!md_str_is_given(guess("", 0.75, tables)));
}
END_TEST

START_TEST(guesses_what_similarity_says)
{
	char wanted[16], name[16];

	srand(11);
	for (int i = 0; i < 20000; i++) {
		const char *names[] = { name, NULL };
		double minimum = 0.33 + 0.42 * (rand() % 2);

		random_name(wanted);
		random_name(name);
		ck_assert_msg(md_str_is_given(guess(wanted, minimum, names)) ==
				      (similarity(wanted, name) >= minimum - 1e-9),
			      "%s %s", wanted, name);
	}
}
END_TEST

START_TEST(knows_two_letters_in_the_wrong_order)
{
	static const char *const swapped[][2] = { { "pots", "post" },
						  { "tga", "tag" },
						  { "ab", "ba" },
						  { "Tarck", "track" },
						  { "größe", "gröeß" } };
	static const char *const others[][2] = { { "post", "post" },  { "post", "posts" },
						 { "pots", "pots_" }, { "stop", "post" },
						 { "abba", "baab" },  { "a", "b" },
						 { "", "" },          { "pott", "post" } };
	char name[1000];

	for (size_t i = 0; i < sizeof(swapped) / sizeof(swapped[0]); i++) {
		struct md_str a = md_str_of(swapped[i][0]), b = md_str_of(swapped[i][1]);

		ck_assert_msg(md_is_swapped(a, b) && md_is_swapped(b, a), "%s", swapped[i][0]);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_msg(!md_is_swapped(md_str_of(others[i][0]), md_str_of(others[i][1])),
			      "%s", others[i][0]);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert(!md_is_swapped(md_str_of(name), md_str_of(name)));
}
END_TEST

START_TEST(leaves_very_long_names_alone)
{
	char name[1000];
	const char *names[] = { name, NULL };

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert(!md_str_is_given(guess(name, 0.33, names)));
	ck_assert(!md_str_is_given(guess("xxx", 0.33, names)));
	ck_assert(near_to(similarity(name, name), 1));
	ck_assert_uint_gt(md_edit_distance(md_str_of(name), md_str_of(name), 3), 3);
	ck_assert_uint_eq(md_name_shown(md_str_of(name)).len, MD_NAME_SHOWN);
	ck_assert_uint_eq(md_name_shown(MD_STR("größe")).len, sizeof("größe") - 1);
}
END_TEST

SUITE_MAIN("similarity", measures_names_like_a_fuzzy_set, counts_characters_not_bytes,
	   counts_edits_up_to_a_limit, agrees_with_the_plain_algorithm, finds_the_best_of_many,
	   guesses_what_similarity_says, knows_two_letters_in_the_wrong_order,
	   leaves_very_long_names_alone)
