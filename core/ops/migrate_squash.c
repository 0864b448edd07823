/* One revision in place of many: it keeps the name of the last one, so that what comes behind stays
 * as it is, makes everything from nothing, and names those whose place it takes, so that a database
 * that went through them is known to be there already. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/ops/migrate_private.h"

#include "core/base/banned.h"

enum { PATH_TEXT = 4096 };

struct squashing {
	struct md_migrate *migrate;
	unsigned count;   /* revisions that become one */
	json_t *replaces; /* their names, and whose place they took */
	json_t *left_out; /* what was done by hand, as texts */
	struct md_snapshot *after;
	json_t *document;
	char file[512];
};

/* --- the revision ------------------------------------------------------------------------------
 */

static enum md_code find_range(struct squashing *squashing, const char *revision,
			       struct md_error *err)
{
	struct md_migrate *migrate = squashing->migrate;
	const struct md_link *link = NULL;
	unsigned holding = 0;
	enum md_code code = md_line_sound(migrate, err);

	if (code == MD_OK && strcmp(revision, "head") == 0 && migrate->line.files > 0)
		link = &migrate->line.items[migrate->line.files - 1];
	else if (code == MD_OK)
		code = md_line_find(&migrate->line, revision, &link, err);
	if (code != MD_OK)
		return code;
	squashing->count = (unsigned)(link - migrate->line.items) + 1;
	if (squashing->count < 2)
		return md_fail(err, MD_INVALID, "MD400",
			       "there is nothing before revision %s to make one of", link->id);
	for (unsigned i = 0; i < squashing->count; i++)
		holding += migrate->line.items[i].holds && !migrate->line.items[i].half;
	if (migrate->line.half || (holding > 0 && holding < squashing->count)) {
		md_fail(err, MD_CONFLICT, "MD_PENDING",
			"the database is in the middle of what is to become one");
		md_error_hint(err, "Run modeld db migrate --to %s first.", link->id);
		return MD_CONFLICT;
	}
	return MD_OK;
}

static enum md_code take_in(struct squashing *squashing, const struct md_revision *revision,
			    bool last, struct md_error *err)
{
	const json_t *operation;
	struct md_snapshot *after = NULL;
	size_t i;
	enum md_code code = md_change_apply(squashing->after, revision->up, 0,
					    json_array_size(revision->up), false, &after, err);

	if (code != MD_OK)
		return code;
	md_snapshot_free(squashing->after);
	squashing->after = after;
	json_array_extend(squashing->replaces, json_object_get(revision->document, "replaces"));
	if (!last)
		json_array_append_new(squashing->replaces, json_string(revision->id));
	json_array_foreach(revision->up, i, operation)
	{
		const char *op = json_string_value(json_object_get(operation, "op"));
		const char *text;

		if (!op || (strcmp(op, "sql") != 0 && strcmp(op, "backfill") != 0))
			continue;
		text = md_change_text(operation, squashing->migrate->arena);
		json_array_append_new(squashing->left_out,
				      json_sprintf("%s: %s", revision->id, text ? text : op));
	}
	return MD_OK;
}

static enum md_code take_all(struct squashing *squashing, struct md_error *err)
{
	const struct md_line *line = &squashing->migrate->line;
	enum md_code code = md_snapshot_parse(NULL, &squashing->after, err);

	for (unsigned i = 0; code == MD_OK && i < squashing->count; i++)
		code = take_in(squashing, line->items[i].file, i + 1 == squashing->count, err);
	return code;
}

static enum md_code write_document(struct squashing *squashing, const char *message,
				   struct md_error *err)
{
	const struct md_link *last = &squashing->migrate->line.items[squashing->count - 1];
	const struct md_diff_options options = { .no_renames = true };
	const struct md_rename_question *questions = NULL;
	unsigned question_count = 0;
	md_auto_snapshot nothing = NULL;
	json_t *operations = NULL;
	char created[32];
	time_t now = time(NULL);
	struct tm utc;
	enum md_code code = md_snapshot_parse(NULL, &nothing, err);

	if (code == MD_OK)
		code = md_change_diff(nothing, squashing->after, &options,
				      squashing->migrate->arena, &operations, &questions,
				      &question_count, err);
	if (code != MD_OK)
		return code;
	gmtime_r(&now, &utc);
	strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &utc);
	squashing->document =
		json_pack("{s:s,s:n,s:s,s:s,s:s,s:[],s:o,s:O,s:s}", "revision", last->id,
			  "down_revision", "message", message ? message : "squashed", "created_at",
			  created, "modeld", PACKAGE_VERSION, "consent", "up", operations,
			  "replaces", squashing->replaces, "snapshot", squashing->after->checksum);
	return squashing->document ? MD_OK : md_fail_nomem(err);
}

/* --- the folder --------------------------------------------------------------------------------
 */

/* Old files are put aside under a name that is none of a revision, and only go when all went well.
 */
static bool move(const struct squashing *squashing, unsigned at, bool back)
{
	const struct md_migrate *migrate = squashing->migrate;
	char name[PATH_TEXT], aside[PATH_TEXT + 16];

	snprintf(name, sizeof(name), "%s/%s", migrate->options.folder,
		 migrate->line.items[at].file->file);
	snprintf(aside, sizeof(aside), "%s.squashed", name);
	return rename(back ? aside : name, back ? name : aside) == 0;
}

static void remove_aside(const struct squashing *squashing, unsigned at)
{
	const struct md_migrate *migrate = squashing->migrate;
	char aside[PATH_TEXT];

	snprintf(aside, sizeof(aside), "%s/%s.squashed", migrate->options.folder,
		 migrate->line.items[at].file->file);
	unlink(aside);
}

static enum md_code change_folder(struct squashing *squashing, struct md_error *err)
{
	struct md_migrate *migrate = squashing->migrate;
	unsigned moved = 0;
	enum md_code code = MD_OK;

	while (moved < squashing->count && move(squashing, moved, false))
		moved++;
	if (moved < squashing->count)
		code = md_fail(err, MD_UNAVAILABLE, "58030", "cannot rename %s",
			       migrate->line.items[moved].file->file);
	if (code == MD_OK)
		code = md_revision_write(migrate->options.folder, NULL, squashing->document, NULL,
					 squashing->file, sizeof(squashing->file), err);
	if (code != MD_OK) {
		while (moved > 0)
			move(squashing, --moved, true);
		return code;
	}
	for (unsigned i = 0; i < squashing->count; i++)
		remove_aside(squashing, i);
	return md_revisions_write_sums(migrate->options.folder, err);
}

/* --- the database ------------------------------------------------------------------------------
 */

/* Rows of those that are gone go, too; the rest take over the sums of their files, which are a
 * chain. */
static enum md_code change_database(struct squashing *squashing, struct md_error *err)
{
	struct md_migrate *migrate = squashing->migrate;
	const json_t *name;
	size_t i;
	enum md_code code = md_db_schema_begin(migrate->db, err);

	json_array_foreach(squashing->replaces, i, name) if (code == MD_OK) code =
		md_history_forget(migrate->db, json_string_value(name), err);
	for (unsigned k = 0; code == MD_OK && k < migrate->line.files; k++)
		if (migrate->line.items[k].holds)
			code = md_line_accept(migrate, &migrate->line.items[k], err);
	if (code == MD_OK)
		code = md_db_schema_commit(migrate->db, err);
	if (code != MD_OK)
		md_db_schema_rollback(migrate->db, NULL);
	return code;
}

static enum md_code squash(struct squashing *squashing, const char *revision, const char *message,
			   struct md_error *err)
{
	struct md_migrate *migrate = squashing->migrate;
	enum md_code code = find_range(squashing, revision, err);

	if (code == MD_OK)
		code = take_all(squashing, err);
	if (code == MD_OK)
		code = write_document(squashing, message, err);
	if (code == MD_OK)
		code = change_folder(squashing, err);
	if (code == MD_OK)
		code = md_migrate_reread(migrate, err);
	return code == MD_OK && migrate->locked ? change_database(squashing, err) : code;
}

enum md_code md_migrate_squash(struct md_migrate *migrate, const char *revision,
			       const char *message, json_t **ret_document, struct md_error *err)
{
	struct squashing squashing = { .migrate = migrate,
				       .replaces = json_array(),
				       .left_out = json_array() };
	bool taken = false;
	enum md_code code = md_migrate_begin(migrate, err);

	if (code == MD_OK && !migrate->options.folder)
		code = md_fail(err, MD_INVALID, "MD400", "no folder of revisions is given");
	if (code == MD_OK)
		code = md_migrate_load(migrate, false, err);
	if (code == MD_OK && migrate->history.count > 0) {
		code = md_migrate_load(migrate, true, err);
		if (code == MD_OK)
			code = md_migrate_lock(migrate, "squash", NULL, NULL, &taken, err);
	}
	if (code == MD_OK)
		code = squash(&squashing, revision, message, err);
	md_migrate_give(migrate);
	if (code == MD_OK)
		code = md_migrate_answer(json_pack("{s:O,s:s,s:O,s:O}", "revision",
						   json_object_get(squashing.document, "revision"),
						   "file", squashing.file, "replaces",
						   squashing.replaces, "left_out",
						   squashing.left_out),
					 ret_document, err);
	json_decref(squashing.replaces);
	json_decref(squashing.left_out);
	json_decref(squashing.document);
	md_snapshot_free(squashing.after);
	return code;
}
