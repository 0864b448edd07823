/* Steps of a plan in a transaction that somebody else ends: a rehearsal. */
#include <string.h>

#include "core/ops/migrate_private.h"

#include "core/base/banned.h"

enum { SQL_TEXT = 16 << 20 };

/* What would run by itself runs with the rest; blocks and batches are all at once. */
static enum md_code run_text(struct md_migrate *migrate, const char *text, struct md_error *err)
{
	static const struct {
		const char *hole, *value;
	} holes[] = { { "INDEX CONCURRENTLY ", "INDEX " },
		      { "{batch}", "1000000000" },
		      { "{from}", "0" },
		      { "{to}", "4294967295" } };
	enum { HOLES = sizeof(holes) / sizeof(holes[0]) };
	md_auto_buf sql = MD_BUF(SQL_TEXT);
	enum md_code code;

	for (const char *p = text; *p;) {
		unsigned i = 0;

		while (i < HOLES && strncmp(p, holes[i].hole, strlen(holes[i].hole)) != 0)
			i++;
		if (i < HOLES) {
			md_buf_puts(&sql, holes[i].value);
			p += strlen(holes[i].hole);
		} else {
			md_buf_putc(&sql, *p++);
		}
	}
	if (!md_buf_text(&sql))
		return md_fail_nomem(err);
	code = md_db_schema_run(migrate->db, sql.data, err);
	if (code != MD_OK && err && !err->details[0])
		md_error_details(err, "in: %.1400s", sql.data);
	return code;
}

enum md_code md_run_inside(const struct md_run *run, struct md_error *err)
{
	enum md_code code = md_run_check(run, err);

	for (unsigned i = run->done; code == MD_OK && i < run->plan.step_count; i++) {
		const struct md_step *step = &run->plan.steps[i];
		bool whole = step->kind == MD_STEP_TOGETHER || step->kind == MD_STEP_APART;

		if (whole)
			code = md_step_run(run, i, err);
		for (unsigned k = 0; !whole && code == MD_OK && k < step->sql_count; k++)
			code = run_text(run->migrate, step->sql[k], err);
	}
	return code == MD_OK ? md_run_verify(run, err) : code;
}
