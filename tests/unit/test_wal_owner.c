/* Whose write-ahead log stands beside a file: told apart by what the names stand for. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/db/wal_owner.h"
#include "tests/support/suite.h"

static const char folder_form[] = "/tmp/md-wal-XXXXXX";
static char folder[sizeof(folder_form)], file[32], log_file[40], index_file[40], other[32];

static void touch(const char *name)
{
	int fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static bool exists(const char *name)
{
	return access(name, F_OK) == 0;
}

static void make_files(void)
{
	memcpy(folder, folder_form, sizeof(folder));
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/a.db", folder);
	snprintf(log_file, sizeof(log_file), "%s-wal", file);
	snprintf(index_file, sizeof(index_file), "%s-shm", file);
	snprintf(other, sizeof(other), "%s/other", folder);
	touch(file);
	touch(log_file);
	touch(index_file);
	touch(other);
}

static void remove_files(void)
{
	unlink(file);
	unlink(log_file);
	unlink(index_file);
	unlink(other);
	rmdir(folder);
}

START_TEST(leaves_the_log_of_the_same_file)
{
	struct md_wal_owner owner;

	make_files();
	md_wal_owner_init(&owner);
	ck_assert(!md_wal_owner_check(&owner, file)); /* knows nothing yet */
	md_wal_owner_note(&owner, file);
	ck_assert(!md_wal_owner_check(&owner, file));
	ck_assert(exists(log_file) && exists(index_file));
	md_wal_owner_release(&owner);
	remove_files();
}
END_TEST

START_TEST(removes_the_log_of_a_file_that_was_replaced)
{
	struct md_wal_owner owner;

	make_files();
	md_wal_owner_init(&owner);
	md_wal_owner_note(&owner, file);
	ck_assert_int_eq(rename(other, file), 0);
	ck_assert(md_wal_owner_check(&owner, file));
	ck_assert(!exists(log_file) && !exists(index_file));
	/* Once only: what is made now belongs to the new file. */
	touch(log_file);
	ck_assert(!md_wal_owner_check(&owner, file));
	ck_assert(exists(log_file));
	md_wal_owner_release(&owner);
	remove_files();
}
END_TEST

START_TEST(leaves_a_log_that_came_with_the_new_file)
{
	struct md_wal_owner owner;

	make_files();
	md_wal_owner_init(&owner);
	md_wal_owner_note(&owner, file);
	unlink(log_file);
	touch(log_file);
	ck_assert_int_eq(rename(other, file), 0);
	ck_assert(md_wal_owner_check(&owner, file));
	ck_assert(exists(log_file) && !exists(index_file)); /* the index was the old one's */
	md_wal_owner_release(&owner);
	remove_files();
}
END_TEST

START_TEST(remembers_the_log_while_the_file_is_away)
{
	struct md_wal_owner owner;

	make_files();
	md_wal_owner_init(&owner);
	md_wal_owner_note(&owner, file);
	unlink(file);
	ck_assert(!md_wal_owner_check(&owner, file));
	ck_assert_int_eq(rename(other, file), 0);
	ck_assert(md_wal_owner_check(&owner, file));
	ck_assert(!exists(log_file));
	md_wal_owner_release(&owner);
	remove_files();
}
END_TEST

SUITE_MAIN("owner of a log", leaves_the_log_of_the_same_file,
	   removes_the_log_of_a_file_that_was_replaced, leaves_a_log_that_came_with_the_new_file,
	   remembers_the_log_while_the_file_is_away)
