/* A folder of a test's own for files, made when first used and removed when the test's process ends
 * (Check runs each test in one). Include it once per program. */
#ifndef MD_TESTS_FOLDER_H
#define MD_TESTS_FOLDER_H
#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[64];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void remove_folder(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A path in a folder of this test's own. */
static const char *file_at(const char *name)
{
	static char path[128];

	if (folder[0] == '\0') {
		strncat(folder, "/tmp/md-test-XXXXXX", sizeof(folder) - 1);
		ck_assert_ptr_nonnull(mkdtemp(folder));
		ck_assert_int_eq(atexit(remove_folder), 0);
	}
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static inline void write_file(const char *name, const char *text)
{
	FILE *file = fopen(file_at(name), "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}
#endif
