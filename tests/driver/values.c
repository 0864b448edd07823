/* Connecting, values, prepared statements. */
#include "tests/driver/suite.h"

#include <stdlib.h>
#include <string.h>

START_TEST(connects_and_answers)
{
	struct rig rig;
	struct stmts s = stmts_new();

	rig_open(&rig);
	rig_expect(&rig, &s.count, NULL, "0|\n");
	ck_assert_uint_eq(rig.conn->depth, 0);
	ck_assert(!rig.conn->broken);
	rig_close(&rig);
}
END_TEST

static void expect_refusal(const struct suite_refusal *refusal)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct md_error err = { 0 };
	struct probe probe;
	enum md_code code = rig_connect(&rig, (struct md_conn_target){ .url = refusal->url }, &err);

	probe_init(&probe, MD_TX_IMPLICIT, STEPS(CALL(&s.count, NULL), COMMIT));
	if (code != MD_OK) {
		ck_assert_msg(rig.conn == NULL, "connect() failed and touched its output");
		ck_assert_int_eq(err.code, code);
	} else {
		code = rig_run(&rig, &probe);
		err = probe.unit.error;
		ck_assert(rig.conn->broken && !probe.unit.sent);
	}
	ck_assert_msg(code == refusal->code, "%s: code %d: %s", refusal->url, (int)code,
		      err.message);
	ck_assert(err.message[0] != '\0' && err.wire[0] != '\0');
	ck_assert_msg(!strstr(err.message, "geheim") && !strstr(err.details, "geheim") &&
			      !strstr(err.hint, "geheim"),
		      "the password is in the error");
	rig_close(&rig);
	probe_release(&probe);
}

START_TEST(refuses_what_is_not_there_without_telling_the_password)
{
	const struct suite_refusal *refusal = suite_engine()->refusals;

	suite_engine()->reset();
	for (; refusal->url; refusal++)
		expect_refusal(refusal);
}
END_TEST

START_TEST(every_type_of_value_comes_back)
{
	struct rig rig;
	struct stmts s = stmts_new();

	rig_open(&rig);
	rig_expect(&rig, &s.echo,
		   ARGS(md_value_int(INT64_MIN), md_value_real(0.1), md_value_text(MD_STR("a")),
			md_value_null()),
		   "-9223372036854775808|0.1|a|~|\n");
	rig_expect(&rig, &s.echo,
		   ARGS(md_value_int(INT64_MAX), md_value_real(0.1 + 0.2),
			md_value_text(MD_STR("")), md_value_text(MD_STR("b"))),
		   "9223372036854775807|0.30000000000000004||b|\n");
	rig_expect(&rig, &s.echo,
		   ARGS(md_value_null(), md_value_real(-1e300),
			md_value_text(MD_STR("O'Neill \"\\\xC3\xA4\xE2\x82\xAC\xF0\x9F\x99\x82")),
			md_value_text(MD_STR("$1 ?1 %s --\n\t"))),
		   "~|-1e+300|O'Neill \"\\\xC3\xA4\xE2\x82\xAC\xF0\x9F\x99\x82|"
		   "$1 ?1 %s --\n\t|\n");
	rig_close(&rig);
}
END_TEST

START_TEST(text_of_a_megabyte_comes_back)
{
	const size_t len = 1u << 20;
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;
	char *text = malloc(len);

	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + i % 23);
	rig_open(&rig);
	probe_init(&probe, MD_TX_IMPLICIT,
		   STEPS(CALL(&s.echo,
			      ARGS(md_value_null(), md_value_null(),
				   md_value_text((struct md_str){ text, len }), md_value_null())),
			 COMMIT));
	ck_assert_int_eq(rig_run(&rig, &probe), MD_OK);
	ck_assert_uint_eq(probe.out.len, len + 8);
	ck_assert_int_eq(memcmp(probe.out.data, "~|~|", 4), 0);
	ck_assert_int_eq(memcmp(probe.out.data + 4, text, len), 0);
	probe_release(&probe);
	rig_close(&rig);
	free(text);
}
END_TEST

START_TEST(text_of_which_a_part_is_bound_ends_where_it_ends)
{
	struct rig rig;
	struct stmts s = stmts_new();

	rig_open(&rig);
	rig_expect(&rig, &s.echo,
		   ARGS(md_value_null(), md_value_null(),
			md_value_text((struct md_str){ "abcdef", 3 }), md_value_null()),
		   "~|~|abc|~|\n");
	rig_close(&rig);
}
END_TEST

START_TEST(bytes_are_bound_as_bytes)
{
	struct md_value bytes = { .type = MD_BLOB, .len = 4, .text = "\0\x7f\xff'" };
	struct md_stmt hex;
	struct rig rig;

	if (!suite_engine()->texts.hex)
		return;
	hex = stmt_new(suite_engine()->texts.hex, 1, true, false);
	rig_open(&rig);
	rig_expect(&rig, &hex, &bytes, "007FFF27|\n");
	rig_close(&rig);
}
END_TEST

START_TEST(prepares_once_under_its_id)
{
	struct rig rig;
	struct stmts s = stmts_new();

	rig_open(&rig);
	for (int i = 0; i < 6; i++)
		rig_expect(&rig, &s.count, NULL, "0|\n");
	ck_assert_uint_eq(rig.conn->prepares, 1);
	for (int i = 0; i < 3; i++)
		rig_expect(&rig, &s.get, ARGS(md_value_int(i)), "");
	ck_assert_uint_eq(rig.conn->prepares, 2);
	rig_close(&rig);
}
END_TEST

START_TEST(never_keeps_a_statement_with_id_0)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct md_stmt count = s.count, get = s.get;

	count.id = get.id = 0;
	rig_open(&rig);
	for (int i = 0; i < 4; i++) { /* two texts under the same id: a kept one would answer */
		rig_expect(&rig, &count, NULL, "0|\n");
		rig_expect(&rig, &get, ARGS(md_value_int(1)), "");
	}
	rig_close(&rig);
}
END_TEST

START_TEST(keeps_no_more_statements_than_it_may)
{
	struct rig rig;
	struct md_stmt stmts[5];
	struct md_error err;
	uint64_t before;

	suite_engine()->reset();
	ck_assert_int_eq(rig_connect(&rig, (struct md_conn_target){ .statement_cache = 2 }, &err),
			 MD_OK);
	for (int i = 0; i < 5; i++) {
		stmts[i] = stmt_new(suite_engine()->texts.count, 0, true, false);
		for (int j = 0; j < 3; j++)
			rig_expect(&rig, &stmts[i], NULL, "0|\n");
	}
	ck_assert_uint_eq(rig.conn->prepares, 5);
	before = rig.conn->prepares;
	for (int j = 0; j < 3; j++) { /* the last two are still there */
		rig_expect(&rig, &stmts[3], NULL, "0|\n");
		rig_expect(&rig, &stmts[4], NULL, "0|\n");
	}
	ck_assert_uint_eq(rig.conn->prepares, before);
	for (int j = 0; j < 3; j++) /* the first is not */
		rig_expect(&rig, &stmts[0], NULL, "0|\n");
	ck_assert_uint_eq(rig.conn->prepares, before + 1);
	rig_expect(&rig, &stmts[4], NULL, "0|\n"); /* the least recently used had to go */
	ck_assert_uint_eq(rig.conn->prepares, before + 1);
	rig_close(&rig);
}
END_TEST

/* It is needed again before the engine has heard that it is not needed any more. After its rows a
 * unit cannot begin anew, so that this must go well at first. */
START_TEST(what_was_pushed_out_may_come_again_at_once)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;
	const struct md_value *one = ARGS(md_value_int(1));
	struct md_error err;

	suite_engine()->reset();
	ck_assert_int_eq(rig_connect(&rig, (struct md_conn_target){ .statement_cache = 1 }, &err),
			 MD_OK);
	probe_init(&probe, MD_TX_READ,
		   STEPS(CALL(&s.count, NULL), CALL(&s.count, NULL), AFTER_ROWS,
			 CALL(&s.series, one), CALL(&s.series, one), AFTER_ROWS,
			 CALL(&s.count, NULL), CALL(&s.series, one), COMMIT));
	ck_assert_int_eq(rig_run(&rig, &probe), MD_OK);
	ck_assert_uint_eq(probe.rows, 6);
	probe_release(&probe);
	rig_close(&rig);
}
END_TEST

START_TEST(prepares_again_when_the_table_has_changed_under_it)
{
	const struct suite_engine *engine = suite_engine();
	struct rig rig;
	struct stmts s = stmts_new();
	struct md_stmt all;

	if (!engine->texts.widen)
		return;
	all = stmt_new(engine->texts.all, 0, true, false);
	rig_open(&rig);
	rig_expect(&rig, &s.put, ARGS(md_value_int(1), md_value_text(MD_STR("7"))), "");
	for (int i = 0; i < 3; i++)
		rig_expect(&rig, &all, NULL, "1|7|\n");
	engine->admin(engine->texts.widen);
	for (int i = 0; i < 3; i++)
		rig_expect(&rig, &all, NULL, "1|7|\n");
	rig_close(&rig);
}
END_TEST

START_TEST(prepares_again_what_the_session_has_forgotten)
{
	const struct suite_engine *engine = suite_engine();
	struct rig rig;
	struct stmts s = stmts_new();
	struct md_stmt forget;
	struct probe probes[3];
	const struct probe_step steps[] = { CALL(&s.count, NULL), COMMIT };

	if (!engine->texts.forget)
		return;
	forget = stmt_new(engine->texts.forget, 0, false, false);
	forget.id = 0;
	rig_open(&rig);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++)
			rig_expect(&rig, &s.count, NULL, "0|\n");
		rig_expect(&rig, &forget, NULL, "");
		for (int i = 0; i < 3; i++) { /* all are on their way before one fails */
			probe_init(&probes[i], i == 1 ? MD_TX_WRITE : MD_TX_IMPLICIT, steps);
			rig_push(&rig, &probes[i]);
		}
		for (int i = 0; i < 3; i++) {
			ck_assert_int_eq(rig_wait(&rig, &probes[i]), MD_OK);
			ck_assert_str_eq(probe_text(&probes[i]), "0|\n");
			probe_release(&probes[i]);
		}
	}
	rig_close(&rig);
}
END_TEST

START_TEST(a_wrong_statement_is_told_as_such_and_hurts_nobody)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct probe probe;

	rig_open(&rig);
	for (int i = 0; i < 3; i++) {
		probe_init(&probe, MD_TX_IMPLICIT, STEPS(CALL(&s.wrong, NULL), COMMIT));
		ck_assert_int_eq(rig_run(&rig, &probe), MD_NOT_FOUND);
		ck_assert_str_eq(probe.unit.error.wire, "42P01");
		probe_release(&probe);
		rig_expect(&rig, &s.count, NULL, "0|\n");
	}
	ck_assert(!rig.conn->broken);
	rig_close(&rig);
}
END_TEST

START_TEST(a_read_only_connection_takes_no_writes)
{
	struct rig rig;
	struct stmts s = stmts_new();
	struct md_error err;
	struct probe probe;

	suite_engine()->reset();
	ck_assert_int_eq(rig_connect(&rig, (struct md_conn_target){ .read_only = true }, &err),
			 MD_OK);
	probe_init(&probe, MD_TX_IMPLICIT,
		   STEPS(CALL(&s.put, ARGS(md_value_int(1), md_value_null())), COMMIT));
	ck_assert_int_ne(rig_run(&rig, &probe), MD_OK);
	ck_assert_str_eq(probe.unit.error.wire, "25006");
	probe_release(&probe);
	rig_expect(&rig, &s.count, NULL, "0|\n");
	rig_close(&rig);
}
END_TEST

void suite_values(TCase *tcase)
{
	suite_add(tcase, connects_and_answers, 0, 0);
	suite_add(tcase, refuses_what_is_not_there_without_telling_the_password, 0, 0);
	suite_add(tcase, every_type_of_value_comes_back, 0, 0);
	suite_add(tcase, text_of_a_megabyte_comes_back, 0, 0);
	suite_add(tcase, text_of_which_a_part_is_bound_ends_where_it_ends, 0, 0);
	suite_add(tcase, bytes_are_bound_as_bytes, 0, 0);
	suite_add(tcase, prepares_once_under_its_id, 0, 0);
	suite_add(tcase, never_keeps_a_statement_with_id_0, 0, 0);
	suite_add(tcase, what_was_pushed_out_may_come_again_at_once, 0, 0);
	suite_add(tcase, keeps_no_more_statements_than_it_may, 0, 0);
	suite_add(tcase, prepares_again_when_the_table_has_changed_under_it, 0, 0);
	suite_add(tcase, prepares_again_what_the_session_has_forgotten, 0, 0);
	suite_add(tcase, a_wrong_statement_is_told_as_such_and_hurts_nobody, 0, 0);
	suite_add(tcase, a_read_only_connection_takes_no_writes, 0, 0);
}
