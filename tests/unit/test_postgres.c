/* What the PostgreSQL driver does without a server; the rest is tests/driver. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/db/dialect.h"
#include "core/db/driver.h"

#include "tests/support/suite.h"

START_TEST(the_driver_is_found_by_scheme)
{
	ck_assert_ptr_eq(md_db_driver_find("postgresql://h/db"), &md_postgres_driver);
	ck_assert_ptr_eq(md_db_driver_find("postgres://h/db"), &md_postgres_driver);
	ck_assert_ptr_eq(md_db_driver_find("host=/run dbname=x"), &md_postgres_driver);
	ck_assert_ptr_null(md_db_driver_find("postgresqlx://h/db"));
}
END_TEST

START_TEST(names_are_quoted_and_parameters_numbered)
{
	md_auto_buf sql = { .max = 1000 };

	md_postgres_dialect.put_name(&sql, MD_STR("a\"b'c"));
	md_postgres_dialect.put_param(&sql, 12);
	ck_assert_str_eq(md_buf_text(&sql), "\"a\"\"b'c\"$12");
}
END_TEST

static void expect_refused(const char *url)
{
	struct md_conn_target target = { .url = url };
	struct md_conn *conn = NULL;
	struct md_error err = { 0 };

	ck_assert_int_eq(md_postgres_driver.connect(&target, &conn, &err), MD_INVALID);
	ck_assert_ptr_null(conn);
	ck_assert_ptr_null(strstr(err.message, "geheim"));
	ck_assert_ptr_null(strstr(err.details, "geheim"));
	ck_assert_str_ne(err.hint, "");
}

START_TEST(an_address_that_is_none_is_refused_without_its_password)
{
	expect_refused("postgresql://u:geheim@h:1:2/db?x");
	expect_refused("postgresql://u:geheim%zz@h/db");
	expect_refused("host=h password='geheim");
	expect_refused("host=h geheim");
	expect_refused("nonsense=geheim");
}
END_TEST

/* --- a server that lets everybody in and says no more --- */

static int listen_somewhere(char *url, size_t size)
{
	struct sockaddr_in where = { .sin_family = AF_INET,
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(where);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&where, len), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&where, &len), 0);
	snprintf(url, size,
		 "host=127.0.0.1 port=%d user=u dbname=d sslmode=disable gssencmode=disable "
		 "connect_timeout=2",
		 ntohs(where.sin_port));
	return fd;
}

/* Time passes for the connection. */
static void turn(struct md_conn *conn)
{
	struct pollfd fd = { .fd = md_postgres_driver.fd(conn), .events = POLLIN };

	if (poll(&fd, 1, 20) > 0)
		md_postgres_driver.process(conn, MD_READ);
	md_postgres_driver.flush(conn);
}

static int let_in(int listener, struct md_conn *conn)
{
	static const char welcome[] = "R\0\0\0\10\0\0\0\0Z\0\0\0\5I";
	char words[1024];
	int fd = accept(listener, NULL, NULL);

	ck_assert_int_ge(fd, 0);
	for (int i = 0; i < 100 && recv(fd, words, 1, MSG_PEEK | MSG_DONTWAIT) != 1; i++)
		turn(conn);
	ck_assert_int_gt(recv(fd, words, sizeof(words), MSG_DONTWAIT), 8); /* who it is */
	ck_assert_int_eq(send(fd, welcome, sizeof(welcome) - 1, 0), sizeof(welcome) - 1);
	return fd;
}

static enum md_next no_next(struct md_unit *unit, struct md_call *ret_call)
{
	(void)unit;
	(void)ret_call;
	return MD_NEXT_COMMIT;
}

static enum md_flow no_rows(struct md_unit *unit, const struct md_call *call, struct md_rows *rows)
{
	(void)unit;
	(void)call;
	(void)rows;
	return MD_FLOW_ON;
}

static int ends;

static void note_end(struct md_unit *unit, enum md_code code)
{
	ck_assert_int_eq(code, unit->error.code);
	ends++;
}

START_TEST(a_server_that_falls_silent_after_the_password_is_given_up)
{
	static const struct md_unit_ops ops = { .next = no_next,
						.rows = no_rows,
						.done = note_end };
	char url[256];
	int listener = listen_somewhere(url, sizeof(url)), server;
	struct md_conn_target target = { .url = url };
	struct md_unit unit = { .ops = &ops };
	uint64_t begin_ns = md_now_ns(), waited_ns;
	struct md_conn *conn = NULL;

	ck_assert_int_eq(md_postgres_driver.connect(&target, &conn, NULL), MD_OK);
	md_postgres_driver.push(conn, &unit);
	server = let_in(listener, conn);
	while (!conn->broken && md_now_ns() - begin_ns < 8 * MD_SEC)
		turn(conn);
	waited_ns = md_now_ns() - begin_ns;
	ck_assert(conn->broken);
	ck_assert_uint_ge(waited_ns, 1900 * MD_MS);
	ck_assert_int_eq(ends, 1);
	ck_assert_int_eq(unit.error.code, MD_UNAVAILABLE);
	ck_assert_str_eq(unit.error.wire, "08001");
	md_postgres_driver.close(conn);
	close(server);
	close(listener);
}
END_TEST

SUITE_MAIN("PostgreSQL", the_driver_is_found_by_scheme, names_are_quoted_and_parameters_numbered,
	   an_address_that_is_none_is_refused_without_its_password,
	   a_server_that_falls_silent_after_the_password_is_given_up)
