/* Revisions run up and down: which ones, with whose consent, one after the other. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/ops/migrate_private.h"

#include "core/base/banned.h"

/* What is to be run. */
struct way {
	struct md_migrate *migrate;
	const struct md_migrate_go *how;
	bool down;
	const struct md_link **links; /* in the arena of the past */
	unsigned count;
};

static enum md_code resolve(struct way *way, struct md_error *err)
{
	return (way->down ? md_way_down : md_way_up)(way->migrate, way->how->to, &way->links,
						     &way->count, err);
}

static bool is_idle(struct md_migrate *migrate, const void *ctx)
{
	struct way way = *(const struct way *)ctx;

	way.migrate = migrate;
	return resolve(&way, NULL) == MD_OK && way.count == 0;
}

/* --- one of them -------------------------------------------------------------------------------
 */

static enum md_code copy_snapshot(const struct md_snapshot *snapshot, struct md_snapshot **ret_copy,
				  struct md_error *err)
{
	json_t *document = json_incref(snapshot->document);
	enum md_code code = md_snapshot_read(document, ret_copy, err);

	if (code != MD_OK)
		json_decref(document);
	return code;
}

/* What was the database before the link at `at` of those that hold. */
static const char *snapshot_text(const struct md_line *line, unsigned at)
{
	return at > 0 ? line->applied[at - 1]->row->snapshot : NULL;
}

static unsigned place_of(const struct md_line *line, const struct md_link *link)
{
	unsigned at = 0;

	while (at < line->applied_count && line->applied[at] != link)
		at++;
	return at;
}

/* Where taking back leads is known: to what the revision before left behind. */
static enum md_code prepare_down(struct md_run *run, struct md_error *err)
{
	const struct md_line *line = &run->migrate->line;
	unsigned at = place_of(line, run->link);
	md_auto_snapshot before = NULL;
	struct md_snapshot *own = NULL;
	enum md_code code = md_snapshot_parse(snapshot_text(line, at), &before, err);

	if (code == MD_OK && run->link->half) {
		code = md_run_prepare(run, before, err);
		before = NULL;
		return code;
	}
	if (code == MD_OK)
		code = md_snapshot_parse(run->link->row->snapshot, &own, err);
	if (code == MD_OK)
		code = md_run_prepare(run, own, err);
	if (code != MD_OK || strcmp(run->after->checksum, before->checksum) == 0)
		return code;
	md_fail(err, MD_CONFLICT, "MD_HISTORY",
		"what revision %s has for taking back does not lead to what was before it",
		run->link->id);
	md_error_hint(err, "Its \"down\" was written by hand: take it out, and it is made from "
			   "\"up\".");
	return MD_CONFLICT;
}

/* `last`: what the run before leaves behind; NULL: this is the first. */
static enum md_code prepare(const struct way *way, unsigned at, const struct md_snapshot *last,
			    struct md_run *run, struct md_error *err)
{
	struct md_snapshot *before = NULL;
	enum md_code code;

	*run = (struct md_run){ .migrate = way->migrate,
				.link = way->links[at],
				.forget = way->how->forget };
	run->down = way->down ||
		    (at == 0 && run->link->half && run->link->row->state == MD_HISTORY_REVERTING);
	if (run->down)
		return prepare_down(run, err);
	code = last ? copy_snapshot(last, &before, err)
		    : md_line_snapshot(way->migrate, &before, err);
	return code == MD_OK ? md_run_prepare(run, before, err) : code;
}

/* --- all of them -------------------------------------------------------------------------------
 */

typedef enum md_code each_fn(const struct way *way, struct md_run *run, void *ctx,
			     struct md_error *err);

/* One after the other, each with its plan. `live`: what was before them is done when they are
 * planned; else only the first can look at the database as it will be. */
static enum md_code each(const struct way *way, bool live, each_fn *fn, void *ctx,
			 struct md_error *err)
{
	struct md_run run = { .migrate = way->migrate }, next;
	enum md_code code = MD_OK;

	for (unsigned i = 0; code == MD_OK && i < way->count; i++) {
		code = prepare(way, i, i > 0 ? run.after : NULL, &next, err);
		md_run_release(&run);
		run = next;
		if (code == MD_OK)
			code = md_run_plan(&run, live || i == 0, err);
		if (code == MD_OK)
			code = fn(way, &run, ctx, err);
	}
	md_run_release(&run);
	return code;
}

static enum md_code show_one(const struct way *way, struct md_run *run, void *ctx,
			     struct md_error *err)
{
	return json_array_append_new(ctx, md_run_json(run, way->how->sql)) == 0
		       ? MD_OK
		       : md_fail_nomem(err);
}

static enum md_code add_missing(const struct way *way, struct md_run *run, void *ctx,
				struct md_error *err)
{
	return md_run_consent(run, &way->how->consent, ctx, err);
}

/* For all of them, before anything is done. */
static enum md_code ask_consent(const struct way *way, struct md_error *err)
{
	md_auto_json missing = json_array();
	enum md_code code =
		missing ? each(way, false, add_missing, missing, err) : md_fail_nomem(err);

	return code == MD_OK ? md_consent_missing(missing, err) : code;
}

/* What only the database itself could tell may have come to light since. */
static enum md_code consent_now(const struct way *way, const struct md_run *run,
				struct md_error *err)
{
	md_auto_json missing = json_array();
	enum md_code code = missing ? md_run_consent(run, &way->how->consent, missing, err)
				    : md_fail_nomem(err);

	return code == MD_OK ? md_consent_missing(missing, err) : code;
}

static enum md_code run_one(const struct way *way, struct md_run *run, struct md_error *err)
{
	if (way->how->rehearse)
		return md_run_inside(run, err);
	if (way->how->fake)
		return md_run_fake(run, run->down ? MD_HISTORY_ROLLED_BACK : MD_HISTORY_APPLIED,
				   err);
	return md_run_go(run, err);
}

static enum md_code do_one(const struct way *way, struct md_run *run, void *ctx,
			   struct md_error *err)
{
	uint64_t began = md_now_ns();
	json_t *shown = md_run_json(run, way->how->sql);
	enum md_code code = shown ? consent_now(way, run, err) : md_fail_nomem(err);

	if (code == MD_OK)
		code = run_one(way, run, err);
	if (code == MD_OK)
		code = json_object_set_new(
			       shown, "ms",
			       json_integer((json_int_t)((md_now_ns() - began) / MD_MS))) == 0 &&
				       json_array_append(ctx, shown) == 0
			       ? MD_OK
			       : md_fail_nomem(err);
	json_decref(shown);
	return code;
}

static enum md_code do_all(const struct way *way, json_t *done, struct md_error *err)
{
	enum md_code code = ask_consent(way, err);

	return code == MD_OK ? each(way, true, do_one, done, err) : code;
}

/* --- rehearsals --------------------------------------------------------------------------------
 */

/* What stands around the plans, once each. */
struct around {
	json_t *open, *close;
};

static enum md_code add_around(const struct way *way, struct md_run *run, void *ctx,
			       struct md_error *err)
{
	struct around *around = ctx;
	int bad = 0;

	(void)way;
	for (unsigned i = 0; i < run->plan.open_count; i++)
		bad |= json_object_set_new(around->open, run->plan.open[i], json_null());
	for (unsigned i = 0; i < run->plan.close_count; i++)
		bad |= json_object_set_new(around->close, run->plan.close[i], json_null());
	return bad == 0 ? MD_OK : md_fail_nomem(err);
}

static enum md_code run_keys(struct md_db_schema *db, json_t *texts, struct md_error *err)
{
	enum md_code code = MD_OK;
	const char *sql;
	json_t *value;

	json_object_foreach(texts, sql, value) if (code == MD_OK) code =
		md_db_schema_run(db, sql, err);
	return code;
}

/* Everything is really done, in a transaction that is rolled back. */
static enum md_code rehearse(struct way *way, json_t *done, struct md_error *err)
{
	struct around around = { json_object(), json_object() };
	struct md_db_schema *db;
	enum md_code code = md_migrate_load(way->migrate, true, err);

	db = way->migrate->db;
	if (code == MD_OK)
		code = resolve(way, err);
	if (code == MD_OK)
		code = each(way, false, add_around, &around, err);
	if (code == MD_OK)
		code = run_keys(db, around.open, err);
	if (code == MD_OK)
		code = md_db_schema_begin(db, err);
	if (code == MD_OK)
		code = do_all(way, done, err);
	md_migrate_quiet(way->migrate);
	if (db) {
		md_db_schema_rollback(db, NULL);
		run_keys(db, around.close, NULL);
	}
	json_decref(around.open);
	json_decref(around.close);
	return code;
}

/* --- doing it ----------------------------------------------------------------------------------
 */

/* Nothing to do: neither a lock is taken nor a table made. */
static enum md_code go(struct way *way, json_t *done, struct md_error *err)
{
	bool taken = false;
	enum md_code code = md_migrate_load(way->migrate, true, err);

	if (code == MD_OK)
		code = md_migrate_lock(way->migrate, way->down ? "rollback" : "migrate", is_idle,
				       way, &taken, err);
	if (code != MD_OK || !taken)
		return code;
	code = resolve(way, err);
	if (code == MD_OK)
		code = do_all(way, done, err);
	md_migrate_give(way->migrate);
	return code;
}

static enum md_code answer(const struct md_migrate_go *how, json_t *revisions,
			   json_t **ret_document, struct md_error *err)
{
	bool applied = !how->plan && !how->rehearse && json_array_size(revisions) > 0;
	json_t *document = json_pack("{s:O,s:b}", "revisions", revisions, "applied", (int)applied);

	if (document && how->rehearse)
		json_object_set_new(document, "rehearsed", json_true());
	return md_migrate_answer(document, ret_document, err);
}

static enum md_code run_way(struct md_migrate *migrate, const struct md_migrate_go *how, bool down,
			    json_t **ret_document, struct md_error *err)
{
	struct way way = { .migrate = migrate, .how = how, .down = down };
	md_auto_json revisions = json_array();
	enum md_code code = revisions ? md_migrate_begin(migrate, err) : md_fail_nomem(err);

	if (code == MD_OK)
		code = md_migrate_load(migrate, false, err);
	if (code == MD_OK)
		code = resolve(&way, err);
	if (code == MD_OK && way.count > 0) {
		if (how->plan)
			code = each(&way, false, show_one, revisions, err);
		else
			code = (how->rehearse ? rehearse : go)(&way, revisions, err);
	}
	return code == MD_OK ? answer(how, revisions, ret_document, err) : code;
}

enum md_code md_migrate_up(struct md_migrate *migrate, const struct md_migrate_go *how,
			   json_t **ret_document, struct md_error *err)
{
	return run_way(migrate, how, false, ret_document, err);
}

enum md_code md_migrate_down(struct md_migrate *migrate, const struct md_migrate_go *how,
			     json_t **ret_document, struct md_error *err)
{
	return run_way(migrate, how, true, ret_document, err);
}
