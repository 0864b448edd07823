#include "core/base/arena.h"

#include <stdint.h>

#include "tests/support/suite.h"

START_TEST(hands_out_aligned_memory)
{
	md_auto_arena arena = md_arena_new(4096);

	for (size_t size = 0; size < 40; size++) {
		char *p = md_arena_zalloc(arena, size);

		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < size; i++)
			ck_assert_int_eq(p[i], 0);
	}
}
END_TEST

START_TEST(refuses_past_its_limit)
{
	md_auto_arena arena = md_arena_new(1024);

	ck_assert_ptr_nonnull(md_arena_alloc(arena, 1024));
	ck_assert_ptr_null(md_arena_alloc(arena, 1));
	md_arena_reset(arena, 512);
	ck_assert_ptr_null(md_arena_alloc(arena, 513));
	ck_assert_ptr_nonnull(md_arena_alloc(arena, 512));
	ck_assert_ptr_null(md_arena_alloc(arena, SIZE_MAX));
}
END_TEST

START_TEST(copies_text)
{
	md_auto_arena arena = md_arena_new(1u << 20);
	struct md_str copy = md_arena_str(arena, MD_STR("abc"));

	ck_assert_str_eq(copy.ptr, "abc");
	ck_assert(!md_str_is_given(md_arena_str(arena, (struct md_str){ NULL, 0 })));
	ck_assert_str_eq(md_arena_printf(arena, "%d-%s", 7, "x"), "7-x");
	ck_assert_str_eq(md_arena_strndup(arena, "hello", 2), "he");
}
END_TEST

START_TEST(keeps_many_chunks_apart)
{
	md_auto_arena arena = md_arena_new(1u << 24);
	unsigned char *blocks[500];

	for (int i = 0; i < 500; i++) {
		blocks[i] = md_arena_alloc(arena, (size_t)i * 7 + 1);
		ck_assert_ptr_nonnull(blocks[i]);
		memset(blocks[i], i & 0xFF, (size_t)i * 7 + 1);
	}
	for (int i = 0; i < 500; i++)
		for (int j = 0; j < i * 7 + 1; j++)
			ck_assert_int_eq(blocks[i][j], i & 0xFF);
}
END_TEST

SUITE_MAIN("arena", hands_out_aligned_memory, refuses_past_its_limit, copies_text,
	   keeps_many_chunks_apart)
