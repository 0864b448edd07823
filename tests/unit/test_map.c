#include "core/base/map.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/suite.h"

START_TEST(finds_what_was_set_after_any_removals)
{
	struct md_map *map = md_map_new();
	static char names[2000][16];
	static bool there[2000];
	size_t count = 0;

	srand(1);
	for (int i = 0; i < 2000; i++)
		snprintf(names[i], sizeof(names[i]), "n%d", i);
	for (int step = 0; step < 20000; step++) {
		int i = rand() % 2000;

		if (rand() % 3 == 0) {
			ck_assert_ptr_eq(md_map_remove(map, md_str_of(names[i])),
					 there[i] ? names[i] : NULL);
			count -= there[i];
			there[i] = false;
		} else {
			ck_assert(md_map_set(map, md_str_of(names[i]), names[i]));
			count += !there[i];
			there[i] = true;
		}
	}
	ck_assert_uint_eq(md_map_count(map), count);
	for (int i = 0; i < 2000; i++)
		ck_assert_ptr_eq(md_map_get(map, md_str_of(names[i])), there[i] ? names[i] : NULL);
	ck_assert_ptr_null(md_map_free(map));
}
END_TEST

SUITE_MAIN("map", finds_what_was_set_after_any_removals)
