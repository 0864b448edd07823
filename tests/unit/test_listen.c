#include "server/listen.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/suite.h"

static const struct md_listen_options options = { .unix_mode = 0640, .reuseport = false };

START_TEST(port_0_is_told_and_taken_ports_are_refused_with_a_hint)
{
	struct md_listener first, second;
	struct md_error err;
	char taken[64];

	md_error_clear(&err);
	ck_assert_int_eq(md_listener_open("127.0.0.1:0", &options, &first, &err), MD_OK);
	ck_assert_int_gt(first.port, 0);
	ck_assert(first.is_loopback && !first.is_unix);
	snprintf(taken, sizeof(taken), "http://127.0.0.1:%d", first.port);
	ck_assert_str_eq(first.url, taken);
	ck_assert_int_eq(md_listener_open(taken + 7, &options, &second, &err), MD_CONFLICT);
	ck_assert_ptr_nonnull(strstr(err.hint, "--listen 127.0.0.1:8081"));
	md_listener_close(&first);
}
END_TEST

START_TEST(every_address_is_no_loopback)
{
	struct md_listener listener;

	ck_assert_int_eq(md_listener_open("0.0.0.0:0", &options, &listener, NULL), MD_OK);
	ck_assert(!listener.is_loopback);
	md_listener_close(&listener);
}
END_TEST

START_TEST(nonsense_is_no_address)
{
	struct md_listener listener;

	ck_assert_int_eq(md_listener_open("8080", &options, &listener, NULL), MD_INVALID);
	ck_assert_int_eq(md_listener_open("::1:8080", &options, &listener, NULL), MD_INVALID);
}
END_TEST

START_TEST(a_socket_file_has_its_mode_and_a_dead_one_is_replaced)
{
	char folder[] = "/tmp/modeld-listen-XXXXXX", text[128], path[112];
	struct md_listener listener, second;
	struct stat st;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	snprintf(text, sizeof(text), "unix:%s", path);
	ck_assert_int_eq(md_listener_open(text, &options, &listener, NULL), MD_OK);
	ck_assert(listener.is_unix);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0640);
	ck_assert_int_eq(md_listener_open(text, &options, &second, NULL), MD_CONFLICT);
	close(listener.fd); /* its server dies and leaves the file */
	ck_assert_int_eq(md_listener_open(text, &options, &second, NULL), MD_OK);
	md_listener_close(&second);
	ck_assert_int_ne(stat(path, &st), 0);
	rmdir(folder);
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_left_alone)
{
	char path[] = "/tmp/modeld-listen-XXXXXX", text[64];
	struct md_listener listener;
	struct stat st;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	snprintf(text, sizeof(text), "unix:%s", path);
	ck_assert_int_eq(md_listener_open(text, &options, &listener, NULL), MD_CONFLICT);
	ck_assert_int_eq(stat(path, &st), 0);
	unlink(path);
}
END_TEST

SUITE_MAIN("listen", port_0_is_told_and_taken_ports_are_refused_with_a_hint,
	   every_address_is_no_loopback, nonsense_is_no_address,
	   a_socket_file_has_its_mode_and_a_dead_one_is_replaced,
	   a_file_that_is_no_socket_is_left_alone)
