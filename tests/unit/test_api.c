/* The C API on SQLite, also when memory runs out. */
#include "tests/support/fault.h"
#include "tests/unit/api_points_steps.h"
#include "tests/unit/api_steps.h"

static const char *api_url(void)
{
	static char url[160];

	snprintf(url, sizeof(url), "sqlite:///%s", file_at("api.db"));
	return url;
}

static bool take_any(void *arg, const char *text, size_t len)
{
	return !arg && text && len > 0;
}

/* Every verb once. */
static enum md_code use_everything(struct md_work *in, struct md_error *error)
{
	const struct md_value_text value = { "name", "v", false };
	const struct md_value_text json = { "name", "\"w\"", true };
	struct md_result *rows = NULL;
	struct md_ask *ask = NULL;
	uint64_t count;
	unsigned outer, inner;
	enum md_code code = md_create(in, "User", "{\"name\":\"x\"}", &rows, error);

	md_result_free(rows);
	if (code == MD_OK)
		code = md_create_values(in, "User", &value, 1, NULL, error);
	if (code == MD_OK)
		code = md_create_values(in, "User", &json, 1, NULL, error);
	if (code == MD_OK)
		code = md_add(in, "User", "{\"name\":\"y\"}", error);
	if (code == MD_OK)
		code = md_work_savepoint(in, &outer, error);
	if (code == MD_OK)
		code = md_work_savepoint(in, &inner, error);
	if (code == MD_OK)
		code = md_work_rollback_to(in, inner, error);
	if (code == MD_OK)
		code = md_work_release(in, outer, error);
	if (code == MD_OK)
		code = md_get(in, "User", "1", &rows, error);
	if (code == MD_OK)
		md_result_free(rows);
	if (code == MD_OK)
		code = md_ask_new(in, "User", &ask, error);
	if (code)
		return code;
	md_or(ask);
	md_filter(ask, "name", "x");
	md_filter_in(ask, "name", (const char *[]){ "x", "y" }, 2);
	md_where(ask, "age", "gt", "1");
	md_where_group(ask, "and", "(id.eq.1,age.gt.1)");
	md_filter_key(ask, "1");
	md_end(ask);
	md_order_by(ask, "id");
	code = md_count(ask, &count, error);
	if (code == MD_OK)
		code = md_one(ask, &rows, error) == MD_CONFLICT ? MD_OK : error->code;
	if (code == MD_OK)
		code = md_update(ask, "{\"age\":3}", &rows, error);
	if (code == MD_OK)
		md_result_free(rows);
	if (code == MD_OK)
		code = md_delete(ask, NULL, error);
	if (code == MD_OK)
		md_join(ask, "posts", NULL, false);
	if (code == MD_OK)
		code = md_all(ask, &rows, error);
	if (code == MD_OK)
		md_result_free(rows);
	if (code == MD_OK)
		code = md_pieces(ask, MD_FORM_CSV, take_any, NULL, error);
	md_ask_free(ask);
	return code ? code : md_work_rollback(in, error);
}

START_TEST(every_allocation_of_the_verbs_may_fail)
{
	struct md_work *mine;
	int failed = 0;

	start();
	fill();
	for (int n = 0;; n++) {
		struct md_error error;
		enum md_code code;

		mine = NULL;
		md_error_clear(&error);
		fault_arm(n);
		code = md_work_open(store, &mine, &error);
		if (code == MD_OK)
			code = use_everything(mine, &error);
		fault_disarm();
		md_work_close(mine);
		if (!fault_fired())
			break;
		ck_assert_msg(code == error.code, "allocation %d: %d, %d", n, code, error.code);
		ck_assert_msg(code == MD_OK || code == MD_NOMEM || error.message[0], "%d", n);
		failed += code != MD_OK;
		ck_assert_uint_eq(count_of("User"), 3);
		OK(md_work_rollback(work, &err));
	}
	ck_assert_int_gt(failed, 20);
	stop();
}
END_TEST

SUITE_MAIN("api", API_TESTS, POINT_TESTS, every_allocation_of_the_verbs_may_fail)
