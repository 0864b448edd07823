/* Noting without running: a database that exists is taken over (baseline), or said to be at a
 * revision (stamp). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/ops/migrate_private.h"
#include "core/ops/schema.h"

#include "core/base/banned.h"

enum { MODELS_MAX = 64 << 20 };

/* --- stamp -------------------------------------------------------------------------------------
 */

/* All that holds and is not to: noted as taken back. */
static enum md_code forget_rest(struct md_migrate *migrate, unsigned end, bool purge,
				struct md_error *err)
{
	const struct md_line *line = &migrate->line;
	enum md_code code = MD_OK;

	for (unsigned i = 0; code == MD_OK && i < line->count; i++) {
		const struct md_link *link = &line->items[i];

		if (!link->holds || (i < end && link->file && !link->half))
			continue;
		if (!link->file && !purge)
			return md_fail(err, MD_CONFLICT, "MD_HISTORY",
				       "the folder does not have revision %s, which the database "
				       "has; purge takes it out of the history",
				       link->id);
		code = purge ? md_history_forget(migrate->db, link->id, err)
			     : md_history_end(migrate->db, link->row->sequence,
					      MD_HISTORY_ROLLED_BACK, 0, "taken out by stamp", err);
	}
	return code;
}

/* Note those up to `end` that are not. */
static enum md_code note_all(struct md_migrate *migrate, unsigned end, json_t *noted,
			     struct md_error *err)
{
	const struct md_line *line = &migrate->line;
	struct md_run run = { .migrate = migrate };
	struct md_snapshot *before = NULL;
	enum md_code code = md_snapshot_parse(NULL, &before, err);

	for (unsigned i = 0; code == MD_OK && i < end; i++) {
		md_run_release(&run);
		run.link = &line->items[i];
		code = md_run_prepare(&run, before, err);
		before = NULL;
		if (code == MD_OK && !line->items[i].holds) {
			code = md_run_fake(&run, MD_HISTORY_APPLIED, err);
			json_array_append_new(noted, json_string(line->items[i].id));
		}
		if (code == MD_OK) {
			before = run.after;
			run.after = NULL;
		}
	}
	md_run_release(&run);
	md_snapshot_free(before);
	return code;
}

static enum md_code stamp(struct md_migrate *migrate, const char *revision, bool purge,
			  json_t *noted, struct md_error *err)
{
	const struct md_link *link = NULL;
	unsigned end = 0;
	enum md_code code = MD_OK;

	if (revision && strcmp(revision, "head") == 0) {
		end = migrate->line.files;
	} else if (revision && strcmp(revision, "base") != 0) {
		code = md_line_find(&migrate->line, revision, &link, err);
		if (code == MD_OK && !link->file)
			code = md_fail(err, MD_NOT_FOUND, "MD_REVISION",
				       "the folder does not have revision %s", link->id);
		if (code == MD_OK)
			end = (unsigned)(link - migrate->line.items) + 1;
	}
	if (code == MD_OK)
		code = forget_rest(migrate, end, purge, err);
	if (code == MD_OK)
		code = md_migrate_reload(migrate, err);
	return code == MD_OK ? note_all(migrate, end, noted, err) : code;
}

enum md_code md_migrate_stamp(struct md_migrate *migrate, const char *revision, bool purge,
			      json_t **ret_document, struct md_error *err)
{
	md_auto_json noted = json_array();
	bool taken = false;
	enum md_code code = noted ? md_migrate_begin(migrate, err) : md_fail_nomem(err);

	if (code == MD_OK && migrate->tangle.code != MD_OK)
		code = md_line_sound(migrate, err);
	if (code == MD_OK)
		code = md_migrate_load(migrate, true, err);
	if (code == MD_OK)
		code = md_migrate_lock(migrate, "stamp", NULL, NULL, &taken, err);
	if (code == MD_OK)
		code = stamp(migrate, revision, purge, noted, err);
	if (code == MD_OK)
		code = md_migrate_reload(migrate, err);
	md_migrate_give(migrate);
	if (code != MD_OK)
		return code;
	return md_migrate_answer(
		json_pack("{s:s?,s:O}", "current",
			  migrate->line.applied_count > 0
				  ? migrate->line.applied[migrate->line.applied_count - 1]->id
				  : NULL,
			  "noted", noted),
		ret_document, err);
}

/* --- baseline ----------------------------------------------------------------------------------
 */

struct baseline {
	struct md_migrate *migrate;
	const struct md_migrate_baseline *how;
	const struct md_definitions *definitions; /* given, or `own` */
	const struct md_definitions *own;
	json_t *alembic; /* NULL: none is to be remembered */
	json_t *notes;
	char file[512];
	char id[MD_REVISION_TEXT];
};

static enum md_code take_version(void *ctx, const char *const *values, unsigned count,
				 struct md_error *err)
{
	return count > 0 && json_array_append_new(ctx, json_string(values[0])) == 0
		       ? MD_OK
		       : md_fail_nomem(err);
}

static enum md_code read_alembic(struct baseline *baseline, struct md_error *err)
{
	enum md_code code;

	if (!baseline->how->from_alembic)
		return MD_OK;
	baseline->alembic = json_array();
	code = md_db_schema_query(baseline->migrate->db,
				  "SELECT version_num FROM alembic_version ORDER BY 1", NULL, 0,
				  take_version, baseline->alembic, NULL, err);
	if (code != MD_OK) {
		md_fail(err, MD_NOT_FOUND, "MD_REVISION",
			"there is no table alembic_version that could be read");
		md_error_hint(err, "Leave from_alembic away for a database without Alembic.");
		return MD_NOT_FOUND;
	}
	return MD_OK;
}

/* A new file; one that is there may be somebody's work, and stays. */
static enum md_code write_models(const char *path, const struct md_buf *text, struct md_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	size_t done = 0;
	bool ok = fd >= 0;

	while (ok && done < text->len) {
		ssize_t wrote = write(fd, text->data + done, text->len - done);

		ok = wrote >= 0 || errno == EINTR;
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	ok = ok && fsync(fd) == 0;
	if (!ok)
		md_fail(err, MD_UNAVAILABLE, "58030", "cannot write %s: %s", path,
			strerrordesc_np(errno));
	if (fd >= 0)
		close(fd);
	return ok ? MD_OK : MD_UNAVAILABLE;
}

static void add_notes(json_t *notes, const char *text)
{
	for (const char *line = text; line && *line;) {
		const char *end = strchrnul(line, '\n');

		json_array_append_new(notes, json_stringn(line, (size_t)(end - line)));
		line = *end ? end + 1 : end;
	}
}

/* Models made of what is there. */
static enum md_code import(struct baseline *baseline, struct md_error *err)
{
	struct md_migrate *migrate = baseline->migrate;
	struct md_schema_import source = { .dialect = md_db_schema_dialect(migrate->db),
					   .managed = true };
	md_auto_buf text = MD_BUF(MODELS_MAX);
	md_auto_buf notes = MD_BUF(MODELS_MAX);
	struct md_def_report report = { .items = NULL };
	enum md_code code = md_db_schema_catalog(migrate->db, migrate->arena, &source.catalog, err);

	if (code == MD_OK)
		code = md_schema_import(&source, &text, &notes, err);
	if (code == MD_OK) {
		struct md_def_source file = { baseline->how->write_models, md_buf_str(&text) };

		code = md_definitions_load(&file, 1, NULL, 0, &report, &baseline->own, err);
		if (code == MD_INVALID && report.count > 0)
			md_error_details(err, "%s", report.items[0].message);
		md_def_report_release(&report);
	}
	if (code == MD_OK)
		code = write_models(baseline->how->write_models, &text, err);
	if (code == MD_OK && md_buf_text(&notes))
		add_notes(baseline->notes, notes.data);
	baseline->definitions = baseline->own;
	return code;
}

/* What the database has besides is no obstacle: it stays as it is. */
static enum md_code compare(struct baseline *baseline, struct md_error *err)
{
	md_auto_json found = json_array();
	json_t *against = json_array();
	const json_t *item;
	size_t i;
	enum md_code code = md_migrate_hold_against(baseline->migrate, baseline->definitions, false,
						    found, err);

	json_array_foreach(found, i, item)
	{
		const char *kind = json_string_value(json_object_get(item, "kind"));
		const char *text = json_string_value(json_object_get(item, "text"));

		if (strcmp(kind, "unexpected") == 0 && !strstr(text, "must be given"))
			continue;
		/* There may be more than an error has room for. */
		md_log_line(baseline->migrate->options.log, MD_LOG_WARN, "%s: %s",
			    json_string_value(json_object_get(item, "path")), text);
		json_array_append_new(against,
				      json_sprintf("%s: %s",
						   json_string_value(json_object_get(item, "path")),
						   text));
	}
	if (code != MD_OK || json_array_size(against) == 0) {
		json_decref(against);
		return code;
	}
	md_fail(err, MD_CONFLICT, "MD_DRIFT", "models and tables differ in %zu things",
		json_array_size(against));
	md_error_hint(err, "Make the models fit, or have them written from the tables; changes "
			   "come as revisions afterwards.");
	md_migrate_details(err, against);
	return MD_CONFLICT;
}

static enum md_code check_empty(const struct md_migrate *migrate, struct md_error *err)
{
	if (migrate->missing)
		return md_fail(err, MD_NOT_FOUND, "58P01", "there is no such database");
	if (migrate->line.applied_count > 0)
		return md_fail(err, MD_CONFLICT, "MD_HISTORY",
			       "the database has a history already");
	if (migrate->line.files > 0) {
		md_fail(err, MD_CONFLICT, "MD_HISTORY", "the folder has revisions already");
		md_error_hint(err, "modeld db stamp says at which of them the database is.");
		return MD_CONFLICT;
	}
	return MD_OK;
}

static json_t *document_of(struct baseline *baseline, json_t *operations,
			   const struct md_snapshot *after)
{
	const char *message = baseline->how->message;
	char created[32];
	time_t now = time(NULL);
	struct tm utc;
	json_t *document;

	gmtime_r(&now, &utc);
	strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &utc);
	document = json_pack("{s:s,s:n,s:s,s:s,s:s,s:[],s:O,s:s}", "revision", baseline->id,
			     "down_revision", "message", message ? message : "baseline",
			     "created_at", created, "modeld", PACKAGE_VERSION, "consent", "up",
			     operations, "snapshot", after->checksum);
	if (document && baseline->alembic)
		json_object_set(document, "alembic", baseline->alembic);
	return document;
}

static enum md_code note(struct baseline *baseline, const struct md_link *link,
			 struct md_error *err)
{
	struct md_run run = { .migrate = baseline->migrate, .link = link };
	struct md_snapshot *before = NULL;
	enum md_code code = md_snapshot_parse(NULL, &before, err);

	if (code == MD_OK)
		code = md_run_prepare(&run, before, err);
	if (code == MD_OK)
		code = md_run_fake(&run, MD_HISTORY_BASELINE, err);
	md_run_release(&run);
	return code;
}

/* The file first: should noting it fail, modeld db stamp does the rest. */
static enum md_code write_and_note(struct baseline *baseline, struct md_error *err)
{
	struct md_migrate *migrate = baseline->migrate;
	const struct md_diff_options options = { .no_renames = true };
	const struct md_rename_question *questions = NULL;
	unsigned question_count = 0;
	const struct md_link *link = NULL;
	md_auto_snapshot nothing = NULL;
	md_auto_snapshot after = NULL;
	md_auto_json operations = NULL;
	md_auto_json document = NULL;
	enum md_code code = md_snapshot_parse(NULL, &nothing, err);

	if (code == MD_OK)
		code = md_snapshot_of(baseline->definitions, &after, err);
	if (code == MD_OK)
		code = md_change_diff(nothing, after, &options, migrate->arena, &operations,
				      &questions, &question_count, err);
	if (code == MD_OK)
		code = md_revision_id(baseline->id, err);
	if (code == MD_OK) {
		document = document_of(baseline, operations, after);
		code = document ? md_revision_write(migrate->options.folder, migrate->folder,
						    document, after->document, baseline->file,
						    sizeof(baseline->file), err)
				: md_fail_nomem(err);
	}
	if (code == MD_OK)
		code = md_migrate_reread(migrate, err);
	if (code == MD_OK)
		code = md_line_find(&migrate->line, baseline->id, &link, err);
	return code == MD_OK ? note(baseline, link, err) : code;
}

static enum md_code take_over(struct baseline *baseline, struct md_error *err)
{
	struct md_migrate *migrate = baseline->migrate;
	bool taken = false;
	enum md_code code = md_migrate_load(migrate, false, err);

	if (code == MD_OK)
		code = check_empty(migrate, err);
	if (code == MD_OK)
		code = md_migrate_load(migrate, true, err);
	if (code == MD_OK)
		code = read_alembic(baseline, err);
	if (code == MD_OK && baseline->how->write_models)
		code = import(baseline, err);
	if (code == MD_OK && !baseline->definitions)
		code = md_fail(err, MD_INVALID, "MD400", "no model definitions are given");
	if (code == MD_OK)
		code = compare(baseline, err);
	if (code == MD_OK)
		code = md_migrate_lock(migrate, "baseline", NULL, NULL, &taken, err);
	if (code == MD_OK)
		code = check_empty(migrate, err);
	if (code == MD_OK)
		code = write_and_note(baseline, err);
	md_migrate_give(migrate);
	return code;
}

enum md_code md_migrate_baseline(struct md_migrate *migrate, const struct md_migrate_baseline *how,
				 json_t **ret_document, struct md_error *err)
{
	struct baseline baseline = { .migrate = migrate,
				     .how = how,
				     .definitions = migrate->options.definitions,
				     .notes = json_array() };
	enum md_code code = md_migrate_begin(migrate, err);

	if (code == MD_OK && !migrate->options.folder)
		code = md_fail(err, MD_INVALID, "MD400", "no folder of revisions is given");
	if (code == MD_OK)
		code = take_over(&baseline, err);
	if (code == MD_OK)
		code = md_migrate_answer(json_pack("{s:s,s:s,s:O?,s:O,s:s?}", "revision",
						   baseline.id, "file", baseline.file, "alembic",
						   baseline.alembic, "notes", baseline.notes,
						   "models", how->write_models),
					 ret_document, err);
	json_decref(baseline.alembic);
	json_decref(baseline.notes);
	md_definitions_free(baseline.own);
	return code;
}
