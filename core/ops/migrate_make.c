/* makemigrations: what differs between the head of the folder and the models becomes a revision. */
#include <string.h>
#include <time.h>

#include "core/ops/migrate_private.h"

#include "core/base/banned.h"

enum { FILE_NAME = 512 };

/* A database that is to be asked must be where the folder ends: what is made is to fit it. */
static enum md_code check_state(struct md_migrate *migrate, const struct md_migrate_make *how,
				struct md_error *err)
{
	enum md_code code;

	if (how->offline || !migrate->options.url)
		return md_line_sound(migrate, err);
	code = md_migrate_load(migrate, false, err);
	if (code == MD_OK)
		code = md_line_sound(migrate, err);
	if (code != MD_OK || migrate->line.pending == 0 || how->allow_pending)
		return code;
	md_fail(err, MD_CONFLICT, "MD_PENDING",
		"the database is not up to date: %u revision%s to be applied first",
		migrate->line.pending, migrate->line.pending == 1 ? " is" : "s are");
	md_error_hint(err, "Run modeld db migrate; or make the revision without looking at the "
			   "database: --offline.");
	return MD_CONFLICT;
}

/* --- the revision ------------------------------------------------------------------------------
 */

static const char *parent_of(const struct md_migrate *migrate)
{
	const struct md_revisions *folder = migrate->folder;

	return folder && folder->count > 0 ? folder->items[folder->count - 1].id : NULL;
}

static json_t *consent_of(const struct md_consent *consent)
{
	json_t *names = json_array();

	for (unsigned i = 0; i < consent->count; i++)
		json_array_append_new(names, json_string(consent->names[i]));
	return names;
}

/* The operations that take it back are in it, too, so that they can be read and changed. */
static json_t *document_of(const struct md_migrate *migrate, const struct md_migrate_make *how,
			   const char *id, json_t *operations, const struct md_snapshot *after)
{
	char created[32];
	time_t now = time(NULL);
	struct tm utc;
	json_t *down = NULL;

	gmtime_r(&now, &utc);
	strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &utc);
	if (md_change_invert(operations, &down, NULL) != MD_OK)
		down = json_null();
	return json_pack("{s:s,s:s?,s:s,s:s,s:s,s:o,s:O,s:o,s:s}", "revision", id, "down_revision",
			 parent_of(migrate), "message", how->message ? how->message : "",
			 "created_at", created, "modeld", PACKAGE_VERSION, "consent",
			 consent_of(&how->consent), "up", operations, "down", down, "snapshot",
			 after->checksum);
}

static json_t *texts_of(struct md_migrate *migrate, const json_t *operations)
{
	json_t *texts = json_array();
	const json_t *operation;
	size_t i;

	json_array_foreach(operations, i, operation)
	{
		const char *text = md_change_text(operation, migrate->arena);

		if (!text || json_array_append_new(texts, json_string(text)) != 0) {
			json_decref(texts);
			return NULL;
		}
	}
	return texts;
}

/* Null where no database can be asked. */
static enum md_code plan_of(struct md_migrate *migrate, const char *id,
			    const struct md_snapshot *before, const json_t *operations,
			    json_t **ret_plan, struct md_error *err)
{
	struct md_plan_request request = { .dialect = migrate->dialect,
					   .before = before,
					   .operations = operations,
					   .revision = id,
					   .schema = migrate->options.schema,
					   .live = migrate->line.pending == 0 ? migrate->db
									      : NULL };
	struct md_plan plan = { .step_count = 0 };
	enum md_code code;

	if (!migrate->db) {
		*ret_plan = json_null();
		return MD_OK;
	}
	code = md_plan_make(&request, migrate->arena, &plan, err);
	if (code != MD_OK)
		return code;
	*ret_plan = md_plan_show(&plan);
	return *ret_plan ? MD_OK : md_fail_nomem(err);
}

struct making {
	struct md_migrate *migrate;
	const struct md_migrate_make *how;
	struct md_snapshot *before, *after;
	json_t *operations;
	char id[MD_REVISION_TEXT], file[FILE_NAME];
};

static enum md_code find_changes(struct making *making, struct md_error *err)
{
	struct md_migrate *migrate = making->migrate;
	const struct md_migrate_make *how = making->how;
	const struct md_diff_options options = { migrate->options.definitions, how->renames,
						 how->rename_count, how->no_renames };
	const struct md_rename_question *questions = NULL;
	unsigned question_count = 0;
	enum md_code code = md_line_head(migrate, &making->before, err);

	if (code != MD_OK)
		return code;
	if (how->empty) {
		making->operations = json_array();
		code = md_line_head(migrate, &making->after, err);
		return code == MD_OK && !making->operations ? md_fail_nomem(err) : code;
	}
	code = md_snapshot_of(migrate->options.definitions, &making->after, err);
	return code == MD_OK
		       ? md_change_diff(making->before, making->after, &options, migrate->arena,
					&making->operations, &questions, &question_count, err)
		       : code;
}

static enum md_code write_file(struct making *making, json_t *plan, json_t *changes,
			       json_t **ret_document, struct md_error *err)
{
	struct md_migrate *migrate = making->migrate;
	md_auto_json document =
		document_of(migrate, making->how, making->id, making->operations, making->after);
	enum md_code code = document ? MD_OK : md_fail_nomem(err);

	if (code == MD_OK)
		code = md_revision_write(migrate->options.folder, migrate->folder, document,
					 making->after->document, making->file,
					 sizeof(making->file), err);
	if (code == MD_OK)
		code = md_migrate_reread(migrate, err);
	if (code != MD_OK)
		return code;
	return md_migrate_answer(json_pack("{s:O,s:s,s:s,s:O}", "changes", changes, "revision",
					   making->id, "file", making->file, "plan", plan),
				 ret_document, err);
}

static enum md_code make_revision(struct making *making, json_t **ret_document,
				  struct md_error *err)
{
	struct md_migrate *migrate = making->migrate;
	md_auto_json changes = NULL;
	md_auto_json plan = NULL;
	enum md_code code = find_changes(making, err);

	if (code == MD_OK)
		changes = texts_of(migrate, making->operations);
	if (code == MD_OK && !changes)
		code = md_fail_nomem(err);
	if (code == MD_OK && json_array_size(making->operations) == 0 && !making->how->empty)
		return md_migrate_answer(json_pack("{s:O}", "changes", changes), ret_document, err);
	if (code == MD_OK)
		code = md_revision_id(making->id, err);
	if (code == MD_OK)
		code = plan_of(migrate, making->id, making->before, making->operations, &plan, err);
	if (code != MD_OK)
		return code;
	if (making->how->check)
		return md_migrate_answer(json_pack("{s:O,s:n,s:n,s:O}", "changes", changes,
						   "revision", "file", "plan", plan),
					 ret_document, err);
	return write_file(making, plan, changes, ret_document, err);
}

enum md_code md_migrate_make(struct md_migrate *migrate, const struct md_migrate_make *how,
			     json_t **ret_document, struct md_error *err)
{
	struct making making = { .migrate = migrate, .how = how };
	enum md_code code = md_migrate_begin(migrate, err);

	if (!migrate->options.definitions && !how->empty)
		return md_fail(err, MD_INVALID, "MD400", "no model definitions are given");
	if (!migrate->options.folder)
		return md_fail(err, MD_INVALID, "MD400", "no folder of revisions is given");
	if (code == MD_OK)
		code = check_state(migrate, how, err);
	if (code == MD_OK)
		code = make_revision(&making, ret_document, err);
	json_decref(making.operations);
	md_snapshot_free(making.before);
	md_snapshot_free(making.after);
	return code;
}
