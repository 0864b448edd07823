/* What is told of revisions: the status, the history, and one of them in full. Nothing is changed
 * and no lock is taken. */
#include <stdlib.h>
#include <string.h>

#include "core/ops/migrate_private.h"

#include "core/base/banned.h"

/* --- parts -------------------------------------------------------------------------------------
 */

static const char *message_of(const struct md_link *link)
{
	const char *message = link->file ? link->file->message : NULL;

	if (!message && link->row)
		message = link->row->message;
	return message ? message : "";
}

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

static json_t *show_applied(const struct md_link *link)
{
	return json_pack("{s:s,s:s,s:s?,s:I,s:s,s:s,s:s?}", "revision", link->id, "message",
			 message_of(link), "applied_at",
			 link->row->finished_at ? link->row->finished_at : link->row->started_at,
			 "ms", (json_int_t)link->row->ms, "checksum",
			 link->replaced   ? "replaced"
			 : !link->file    ? "missing"
			 : link->modified ? "modified"
					  : "ok",
			 "state", md_history_state_name(link->row->state), "applied_by",
			 link->row->applied_by);
}

/* A plan tells how many steps it takes and what would go. One that cannot be made is a warning:
 * the status is told all the same. */
static json_t *show_pending(struct md_migrate *migrate, const struct md_link *link,
			    struct md_snapshot **last, bool first)
{
	struct md_run run = { .migrate = migrate, .link = link };
	struct md_error failed = { .code = MD_OK };
	json_t *warnings = json_array();
	bool destructive = false;
	unsigned steps = 0;
	enum md_code code = MD_NOMEM;

	if (*last)
		code = md_run_prepare(&run, *last, &failed);
	*last = NULL;
	if (code == MD_OK)
		code = md_run_plan(&run, first, &failed);
	if (code != MD_OK && failed.message[0])
		json_array_append_new(warnings, json_string(failed.message));
	for (unsigned i = 0; code == MD_OK && i < run.plan.step_count; i++) {
		const struct md_step *step = &run.plan.steps[i];

		destructive = destructive || step->risk != MD_RISK_NONE;
		steps++;
		if (step->at_risk)
			json_array_append_new(warnings, json_string(step->at_risk));
	}
	for (unsigned i = 0; code == MD_OK && i < run.plan.note_count; i++)
		json_array_append_new(warnings, json_string(run.plan.notes[i]));
	if (run.after) {
		*last = run.after;
		run.after = NULL;
	}
	md_run_release(&run);
	return json_pack("{s:s,s:s,s:I,s:b,s:o,s:b}", "revision", link->id, "message",
			 message_of(link), "steps", (json_int_t)steps, "destructive",
			 (int)destructive, "warnings", warnings, "begun", (int)link->half);
}

static enum md_code list_pending(struct md_migrate *migrate, json_t *list, json_t *late,
				 struct md_error *err)
{
	const struct md_line *line = &migrate->line;
	struct md_snapshot *last = NULL;
	bool first = true;
	enum md_code code = md_line_snapshot(migrate, &last, err);

	for (unsigned i = 0; code == MD_OK && i < line->files; i++) {
		const struct md_link *link = &line->items[i];

		if (link->holds && !link->half)
			continue;
		if (json_array_append_new(list, show_pending(migrate, link, &last, first)) != 0)
			code = md_fail_nomem(err);
		if (md_line_is_late(line, i))
			json_array_append_new(late, json_string(link->id));
		first = false;
	}
	md_snapshot_free(last);
	return code;
}

static json_t *show_lock(struct md_migrate *migrate)
{
	struct md_lock_holder holder = { .held = false };

	if (!migrate->history.exists || md_history_holder(migrate->db, &holder, NULL) != MD_OK ||
	    !holder.held)
		return json_null();
	return md_holder_json(&holder);
}

json_t *md_holder_json(const struct md_lock_holder *holder)
{
	return json_pack("{s:s,s:s,s:I,s:s,s:s,s:s,s:b}", "owner", holder->owner, "host",
			 holder->host, "pid", (json_int_t)holder->pid, "purpose", holder->purpose,
			 "since", holder->acquired_at, "heartbeat", holder->heartbeat_at, "dead",
			 (int)holder->dead);
}

static enum md_code list_kept(struct md_migrate *migrate, json_t *list, struct md_error *err)
{
	const struct md_kept *kept = NULL;
	unsigned count = 0;
	enum md_code code =
		migrate->missing ? MD_OK
				 : md_history_kept(migrate->db, migrate->arena, &kept, &count, err);

	for (unsigned i = 0; code == MD_OK && i < count; i++)
		if (json_array_append_new(
			    list, json_pack("{s:s,s:s?,s:s?,s:s,s:s?}", "object", kept[i].was,
					    "revision", kept[i].revision, "since", kept[i].since,
					    "table", kept[i].table, "column", kept[i].column)) != 0)
			code = md_fail_nomem(err);
	return code;
}

/* Whether the models are no longer what the folder leads to. */
static enum md_code find_models_changed(struct md_migrate *migrate, bool *ret_changed,
					struct md_error *err)
{
	md_auto_snapshot head = NULL;
	md_auto_snapshot models = NULL;
	enum md_code code;

	*ret_changed = false;
	if (!migrate->options.definitions)
		return MD_OK;
	code = md_line_head(migrate, &head, err);
	if (code == MD_OK)
		code = md_snapshot_of(migrate->options.definitions, &models, err);
	if (code == MD_OK)
		*ret_changed = strcmp(head->checksum, models->checksum) != 0;
	return code;
}

/* --- the status --------------------------------------------------------------------------------
 */

static bool has_failed(const struct md_migrate *migrate)
{
	const struct md_history_row *row = migrate->history.current;

	return migrate->line.half ||
	       (row && (row->state == MD_HISTORY_FAILED || row->state == MD_HISTORY_REVERTING));
}

static const char *state_of(const struct md_migrate *migrate, bool drifted)
{
	const struct md_line *line = &migrate->line;
	const struct {
		bool is;
		const char *name;
	} states[] = { { has_failed(migrate), "failed" },
		       { line->modified > 0, "modified" },
		       { line->ahead, "ahead" },
		       { line->unknown > 0, "unknown" },
		       { line->applied_count == 0 && line->files == 0, "none" },
		       { line->pending > 0, "pending" },
		       { drifted, "drift" } };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (states[i].is)
			return states[i].name;
	return "up_to_date";
}

static const char *current_of(const struct md_line *line)
{
	for (unsigned i = line->applied_count; i > 0; i--)
		if (!line->applied[i - 1]->half)
			return line->applied[i - 1]->id;
	return NULL;
}

static enum md_code fill_status(struct md_migrate *migrate, json_t *status, json_t *drift,
				struct md_error *err)
{
	const struct md_line *line = &migrate->line;
	const struct md_history_row *row = migrate->history.current;
	json_t *applied = json_array(), *pending = json_array(), *late = json_array();
	json_t *kept = json_array(), *heads = json_array();
	const char *label = md_migrate_label(migrate);
	bool changed = false;
	enum md_code code = find_models_changed(migrate, &changed, err);

	for (unsigned i = 0; i < line->applied_count; i++)
		json_array_append_new(applied, show_applied(line->applied[i]));
	for (unsigned i = 0; migrate->folder && i < migrate->folder->head_count; i++)
		json_array_append_new(heads, json_string(migrate->folder->heads[i]->id));
	json_object_set_new(status, "state",
			    json_string(state_of(migrate, json_array_size(drift) > 0)));
	json_object_set_new(status, "database", text_or_null(label));
	json_object_set_new(status, "current", text_or_null(current_of(line)));
	json_object_set_new(status, "head",
			    line->files > 0 ? json_string(line->items[line->files - 1].id)
					    : json_null());
	json_object_set_new(status, "heads", heads);
	json_object_set_new(status, "applied", applied);
	json_object_set_new(status, "pending", pending);
	json_object_set(status, "drift", drift);
	json_object_set_new(status, "models_changed", json_boolean(changed));
	json_object_set_new(status, "out_of_order", late);
	json_object_set_new(status, "lock", show_lock(migrate));
	json_object_set_new(status, "kept", kept);
	json_object_set_new(status, "error",
			    has_failed(migrate) && row ? text_or_null(row->error) : json_null());
	if (code == MD_OK)
		code = list_pending(migrate, pending, late, err);
	return code == MD_OK ? list_kept(migrate, kept, err) : code;
}

enum md_code md_migrate_status(struct md_migrate *migrate, bool with_drift, json_t **ret_document,
			       struct md_error *err)
{
	json_t *status = json_object();
	md_auto_json drift = json_array();
	enum md_code code = status && drift ? md_migrate_begin(migrate, err) : md_fail_nomem(err);

	if (code == MD_OK)
		code = md_migrate_load(migrate, false, err);
	if (code == MD_OK && with_drift && !migrate->missing)
		code = md_migrate_find_drift(migrate, drift, err);
	if (code == MD_OK)
		code = fill_status(migrate, status, drift, err);
	if (code == MD_OK)
		return md_migrate_answer(status, ret_document, err);
	json_decref(status);
	return code;
}

/* --- the history -------------------------------------------------------------------------------
 */

static json_t *show_row(const struct md_history_row *row)
{
	return json_pack("{s:I,s:s,s:o,s:s?,s:s,s:s?,s:s?,s:I,s:I,s:I,s:s?,s:s?,s:s?,s:s}",
			 "sequence", (json_int_t)row->sequence, "revision", row->revision,
			 "down_revision", text_or_null(row->parent), "message", row->message,
			 "state", md_history_state_name(row->state), "started_at", row->started_at,
			 "applied_at", row->finished_at, "ms", (json_int_t)row->ms, "steps",
			 (json_int_t)row->steps, "steps_done", (json_int_t)row->steps_done, "error",
			 row->error, "applied_by", row->applied_by, "version", row->version,
			 "checksum", row->checksum);
}

enum md_code md_migrate_history(struct md_migrate *migrate, json_t **ret_document,
				struct md_error *err)
{
	md_auto_json list = json_array();
	enum md_code code = list ? md_migrate_begin(migrate, err) : md_fail_nomem(err);

	if (code == MD_OK)
		code = md_migrate_load(migrate, false, err);
	for (unsigned i = migrate->history.count; code == MD_OK && i > 0; i--)
		if (json_array_append_new(list, show_row(&migrate->history.rows[i - 1])) != 0)
			code = md_fail_nomem(err);
	if (code != MD_OK)
		return code;
	return md_migrate_answer(json_pack("{s:O}", "history", list), ret_document, err);
}

/* --- one revision ------------------------------------------------------------------------------
 */

static json_t *texts_of(struct md_migrate *migrate, const json_t *operations)
{
	json_t *texts = json_array();
	const json_t *operation;
	size_t i;

	json_array_foreach(operations, i, operation)
	{
		const char *text = md_change_text(operation, migrate->arena);

		json_array_append_new(texts, json_string(text ? text : "?"));
	}
	return texts;
}

enum md_code md_migrate_show(struct md_migrate *migrate, const char *revision,
			     json_t **ret_document, struct md_error *err)
{
	const struct md_link *link = NULL;
	json_t *document = NULL;
	enum md_code code = md_migrate_begin(migrate, err);

	if (code == MD_OK)
		code = md_migrate_load(migrate, false, err);
	if (code == MD_OK)
		code = md_line_find(&migrate->line, revision, &link, err);
	if (code != MD_OK)
		return code;
	document = md_line_document(link);
	if (!document)
		return md_line_fail_document(link, err);
	json_object_set_new(document, "changes",
			    texts_of(migrate, json_object_get(document, "up")));
	json_object_set_new(document, "file",
			    link->file ? text_or_null(link->file->file) : json_null());
	json_object_set_new(
		document, "state",
		json_string(link->row ? md_history_state_name(link->row->state) : "pending"));
	json_object_set_new(document, "modified", json_boolean(link->modified));
	json_object_set_new(document, "applied_at",
			    link->row ? text_or_null(link->row->finished_at) : json_null());
	return md_migrate_answer(document, ret_document, err);
}
