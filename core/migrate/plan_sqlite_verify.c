/* What must hold at the end: views of others can be read, and rows refer to rows that are there. */
#include "core/migrate/plan_sqlite_private.h"

#include "core/base/banned.h"

/* Views of others must still be views. */
void md_lite_check_views(struct md_lite *lite, const struct md_lite_row *views)
{
	for (; views && !lite->unsure && !md_lite_failed(lite); views = views->next) {
		const char *sql = md_lite_printf(lite, "SELECT 1 FROM %s LIMIT 0",
						 md_lite_quote(lite, views->one));

		if (md_lite_takes(lite, sql))
			continue;
		md_lite_fail(lite, MD_CONFLICT, "MD_DRIFT",
			     "the view \"%s\" could not be read any longer", views->one);
		md_error_hint(lite->err, "Drop or change the view first, in a revision of its "
					 "own or by hand: it is not one of modeld's.");
	}
}

/* Those that can be read now. */
const struct md_lite_row *md_lite_sound_views(struct md_lite *lite)
{
	const struct md_lite_row *row =
		md_lite_ask(lite, "SELECT name, NULL FROM sqlite_schema WHERE type = 'view'", NULL);
	struct md_lite_row *sound = NULL, *copy;

	for (; row; row = row->next) {
		if (!md_lite_takes(lite, md_lite_printf(lite, "SELECT 1 FROM %s LIMIT 0",
							md_lite_quote(lite, row->one))))
			continue;
		copy = md_arena_zalloc(lite->arena, sizeof(*copy));
		if (!copy)
			lite->work->failed = true;
		if (!copy)
			return NULL;
		*copy = (struct md_lite_row){ row->one, NULL, sound };
		sound = copy;
	}
	return sound;
}

static void touch(struct md_lite *lite, const char *table, bool is_small)
{
	struct md_lite_touched *touched = md_arena_zalloc(lite->arena, sizeof(*touched));

	if (!touched) {
		lite->work->failed = true;
		return;
	}
	*touched = (struct md_lite_touched){ table, is_small, lite->touched };
	lite->touched = touched;
}

/* The table, and those that refer to it. What was broken before is not told as ours. */
void md_lite_touch(struct md_lite *lite, const char *changed, bool is_small)
{
	static const char referring[] =
		"SELECT m.name, NULL FROM sqlite_schema AS m WHERE m.type = 'table' AND (m.name = "
		"?1 OR EXISTS (SELECT 1 FROM temp.pragma_foreign_key_list(m.name) AS k WHERE "
		"k.\"table\" "
		"= ?1 COLLATE NOCASE))";
	const struct md_lite_row *row = md_lite_ask(lite, referring, changed);

	for (; row && !md_lite_failed(lite); row = row->next) {
		if (md_lite_is_broken(lite, row->one))
			md_plan_add_note(lite->work,
					 "rows of \"%s\" refer to rows that are not there, as they "
					 "did before",
					 row->one);
		else
			touch(lite, row->one, is_small && strcmp(row->one, changed) == 0);
	}
}

void md_lite_verify(struct md_lite *lite)
{
	for (const struct md_lite_touched *one = lite->touched; one; one = one->next) {
		const char *table = one->table ? md_lite_text(lite, one->table) : NULL;

		if (!table)
			continue;
		md_plan_add_verify(lite->work,
				   md_lite_printf(lite,
						  "SELECT \"table\", rowid, parent FROM "
						  "temp.pragma_foreign_key_check(%s) LIMIT 1",
						  table));
		if (one->is_small)
			md_plan_add_verify(lite->work,
					   md_lite_printf(lite,
							  "SELECT integrity_check FROM "
							  "temp.pragma_integrity_check(%s) WHERE "
							  "integrity_check <> 'ok'",
							  table));
	}
}
