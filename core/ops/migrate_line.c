/* Folder and history held together: which revisions are applied, which wait, which nobody knows. */
#include <stdlib.h>
#include <string.h>

#include "core/model/json_load.h"
#include "core/ops/migrate_private.h"

#include "core/base/banned.h"

/* What this program keeps beside a revision's own members in the database. */
static const char plan_key[] = "plan";

/* --- what is where -----------------------------------------------------------------------------
 */

/* A revision of which nothing was done is as one that was never begun: its transaction was rolled
 * back. A rollback of which nothing was done left it applied. */
static bool row_holds(const struct md_history_row *row)
{
	switch (row->state) {
	case MD_HISTORY_APPLIED:
	case MD_HISTORY_BASELINE:
	case MD_HISTORY_REVERTING:
		return true;
	case MD_HISTORY_RUNNING:
	case MD_HISTORY_FAILED:
		return row->steps_done > 0;
	case MD_HISTORY_ROLLED_BACK:
		break;
	}
	return false;
}

static bool row_is_half(const struct md_history_row *row)
{
	return row->steps_done > 0 &&
	       (row->state == MD_HISTORY_RUNNING || row->state == MD_HISTORY_FAILED ||
		row->state == MD_HISTORY_REVERTING);
}

static struct md_link *link_of(struct md_line *line, const char *id)
{
	for (unsigned i = 0; i < line->count; i++)
		if (strcmp(line->items[i].id, id) == 0)
			return &line->items[i];
	return NULL;
}

static json_t *body_of(const struct md_history_row *row)
{
	bool no_memory;

	return row->body ? md_json_load(row->body, strlen(row->body), JSON_ALLOW_NUL, NULL,
					&no_memory)
			 : NULL;
}

json_t *md_line_document(const struct md_link *link)
{
	json_t *document;

	if (link->row && (link->row->body && (link->holds || !link->file))) {
		document = body_of(link->row);
		if (document)
			json_object_del(document, plan_key);
		return document;
	}
	return link->file ? json_deep_copy(link->file->document) : NULL;
}

enum md_code md_line_fail_document(const struct md_link *link, struct md_error *err)
{
	const struct md_history_row *row = link->row;
	bool no_memory = true;
	json_t *body = NULL;

	if (row && row->body)
		body = md_json_load(row->body, strlen(row->body), JSON_ALLOW_NUL, NULL, &no_memory);
	if (body || no_memory) {
		json_decref(body);
		return md_fail_nomem(err);
	}
	return md_fail(err, MD_CONFLICT, "MD_HISTORY",
		       "what the database keeps of revision %s is no revision", link->id);
}

json_t *md_line_plan(const struct md_history_row *row)
{
	md_auto_json body = body_of(row);

	return json_incref(json_object_get(body, plan_key));
}

/* Held against each other without the parents' checksums: a change is told of the revision that has
 * it, not of those behind it. */
static enum md_code find_change(struct md_link *link, struct md_error *err)
{
	char ours[MD_CHECKSUM_TEXT], theirs[MD_CHECKSUM_TEXT];
	md_auto_json applied = NULL;
	enum md_code code;

	if (!link->file || !link->holds || !link->row->body ||
	    strcmp(link->file->checksum, link->row->checksum) == 0)
		return MD_OK;
	applied = md_line_document(link);
	if (!applied)
		return md_line_fail_document(link, err);
	code = md_revision_checksum(link->file->document, "", ours, err);
	if (code == MD_OK)
		code = md_revision_checksum(applied, "", theirs, err);
	if (code == MD_OK)
		link->modified = strcmp(ours, theirs) != 0;
	return code;
}

/* A revision that took the place of others is another one in its file, and leads to the same. */
static enum md_code find_place(struct md_line *line, struct md_link *link, struct md_error *err)
{
	const json_t *replaces =
		link->file ? json_object_get(link->file->document, "replaces") : NULL;
	char checksum[MD_CHECKSUM_TEXT];
	md_auto_json snapshot = NULL;
	json_error_t where;
	const json_t *name;
	size_t i;
	enum md_code code = MD_OK;

	if (!json_is_array(replaces) || !link->holds)
		return MD_OK;
	json_array_foreach(replaces, i, name)
	{
		struct md_link *old =
			json_is_string(name) ? link_of(line, json_string_value(name)) : NULL;

		if (old && !old->file)
			old->replaced = true;
	}
	if (!link->modified || !link->file->snapshot || !link->row->snapshot)
		return MD_OK;
	snapshot = json_loads(link->row->snapshot, 0, &where);
	code = md_json_checksum(snapshot, checksum, err);
	if (code == MD_OK)
		link->modified = strcmp(checksum, link->file->snapshot) != 0;
	return code;
}

static int by_sequence(const void *a, const void *b)
{
	const struct md_link *const *left = a, *const *right = b;

	return ((*left)->row->sequence > (*right)->row->sequence) -
	       ((*left)->row->sequence < (*right)->row->sequence);
}

static void add_rows(struct md_line *line, const struct md_history *history)
{
	for (unsigned i = 0; i < history->count; i++) {
		const struct md_history_row *row = &history->rows[i];
		struct md_link *link = link_of(line, row->revision);

		if (!link) {
			link = &line->items[line->count++];
			memcpy(link->id, row->revision, sizeof(link->id));
		}
		link->row = row;
		link->holds = row_holds(row);
		link->half = row_is_half(row);
	}
}

/* What the folder lacks is newer when all that it has is applied, and was before. */
static bool is_ahead(const struct md_line *line)
{
	bool known_before = true;

	if (line->unknown == 0 || line->pending > 0)
		return false;
	for (unsigned i = 0; i < line->applied_count; i++) {
		bool known = line->applied[i]->file || line->applied[i]->replaced;

		if (known && !known_before)
			return false;
		known_before = known;
	}
	return true;
}

static enum md_code count(struct md_line *line, struct md_error *err)
{
	for (unsigned i = 0; i < line->files; i++) {
		enum md_code code = find_change(&line->items[i], err);

		if (code == MD_OK)
			code = find_place(line, &line->items[i], err);
		if (code != MD_OK)
			return code;
	}
	for (unsigned i = 0; i < line->count; i++) {
		struct md_link *link = &line->items[i];

		line->modified += link->modified;
		if (link->holds)
			line->applied[line->applied_count++] = link;
		if (link->half)
			line->half = link;
		if (link->file && (!link->holds || link->half))
			line->pending++;
		line->unknown += link->holds && !link->file && !link->replaced;
	}
	if (line->applied_count > 1)
		qsort(line->applied, line->applied_count, sizeof(*line->applied), by_sequence);
	line->ahead = is_ahead(line);
	return MD_OK;
}

enum md_code md_line_make(struct md_migrate *migrate, struct md_error *err)
{
	const struct md_revisions *folder = migrate->folder;
	unsigned room = (folder ? folder->count : 0) + migrate->history.count + 1;
	struct md_line line = { .count = 0 };
	enum md_code code;

	line.items = md_arena_zalloc(migrate->past, room * sizeof(*line.items));
	line.applied = md_arena_zalloc(migrate->past, room * sizeof(*line.applied));
	if (!line.items || !line.applied)
		return md_fail_nomem(err);
	for (unsigned i = 0; folder && i < folder->count; i++) {
		struct md_link *link = &line.items[line.count++];

		memcpy(link->id, folder->items[i].id, sizeof(link->id));
		link->file = &folder->items[i];
	}
	line.files = line.count;
	add_rows(&line, &migrate->history);
	code = count(&line, err);
	if (code == MD_OK)
		migrate->line = line;
	return code;
}

bool md_line_is_late(const struct md_line *line, unsigned at)
{
	for (unsigned i = at + 1; i < line->files; i++)
		if (line->items[i].holds && !line->items[i].half)
			return !line->items[at].holds;
	return false;
}

/* --- what is wrong -----------------------------------------------------------------------------
 */

/* The names of those for which `is` says so. */
static json_t *names_of(const struct md_line *line, bool (*is)(const struct md_link *link))
{
	json_t *names = json_array();

	for (unsigned i = 0; i < line->count; i++)
		if (is(&line->items[i]))
			json_array_append_new(names, json_string(line->items[i].id));
	return names;
}

static bool is_modified(const struct md_link *link)
{
	return link->modified;
}

static bool is_unknown(const struct md_link *link)
{
	return link->holds && !link->file && !link->replaced;
}

static const char *first_of(const json_t *names)
{
	return json_string_value(json_array_get(names, 0));
}

static enum md_code fail_modified(const struct md_line *line, struct md_error *err)
{
	json_t *names = names_of(line, is_modified);

	md_fail(err, MD_CONFLICT, "MD_HISTORY", "revision %s was changed after it was applied%s",
		first_of(names), json_array_size(names) > 1 ? ", and so were others" : "");
	md_error_hint(err, "Bring the file back as it was; or, when the change does not matter, "
			   "accept it with modeld db repair.");
	md_migrate_details(err, names);
	return MD_CONFLICT;
}

static enum md_code fail_unknown(const struct md_line *line, struct md_error *err)
{
	json_t *names = names_of(line, is_unknown);

	md_fail(err, MD_CONFLICT, "MD_HISTORY",
		line->ahead ? "the database is ahead: revision %s is not in the folder"
			    : "the folder does not have revision %s, which the database has",
		first_of(names));
	md_error_hint(err, "Get the files of these revisions (modeld db show tells what they do), "
			   "or take them back with modeld db rollback: the database has all that "
			   "this takes.");
	md_migrate_details(err, names);
	return MD_CONFLICT;
}

/* A file that waits and is not what migrations.sum says. Those that are applied were compared with
 * what the database has. */
static enum md_code fail_sums(const struct md_migrate *migrate, struct md_error *err)
{
	const struct md_revisions *folder = migrate->folder;

	for (unsigned i = 0; folder && i < folder->modified_count; i++) {
		const struct md_revision *changed = folder->modified[i];
		const struct md_link *link = NULL;

		for (unsigned k = 0; k < migrate->line.files; k++)
			if (migrate->line.items[k].file == changed)
				link = &migrate->line.items[k];
		if (link && link->holds)
			continue;
		md_fail(err, MD_CONFLICT, "MD_HISTORY", "%s is not what migrations.sum says",
			changed->file ? changed->file : changed->id);
		md_error_hint(err, "When it was changed on purpose, accept it with modeld db "
				   "repair.");
		return MD_CONFLICT;
	}
	return MD_OK;
}

enum md_code md_line_sound(struct md_migrate *migrate, struct md_error *err)
{
	if (migrate->tangle.code != MD_OK) {
		if (err)
			*err = migrate->tangle;
		return migrate->tangle.code;
	}
	if (migrate->line.modified > 0)
		return fail_modified(&migrate->line, err);
	if (migrate->line.unknown > 0)
		return fail_unknown(&migrate->line, err);
	return fail_sums(migrate, err);
}

enum md_code md_line_find(const struct md_line *line, const char *name,
			  const struct md_link **ret_link, struct md_error *err)
{
	const struct md_link *found = NULL;
	size_t len = strlen(name);

	for (unsigned i = 0; i < line->count; i++) {
		if (len < 4 || strncmp(line->items[i].id, name, len) != 0)
			continue;
		if (found)
			return md_fail(err, MD_NOT_FOUND, "MD_REVISION",
				       "several revisions begin with '%s': %s and %s", name,
				       found->id, line->items[i].id);
		found = &line->items[i];
	}
	if (!found) {
		md_fail(err, MD_NOT_FOUND, "MD_REVISION", "there is no revision '%.64s'", name);
		md_error_hint(err, "modeld db history lists them; the first four digits do.");
		return MD_NOT_FOUND;
	}
	*ret_link = found;
	return MD_OK;
}

/* --- snapshots ---------------------------------------------------------------------------------
 */

enum md_code md_snapshot_parse(const char *text, struct md_snapshot **ret_snapshot,
			       struct md_error *err)
{
	json_error_t where;
	bool no_memory = false;
	json_t *document =
		text ? md_json_load(text, strlen(text), JSON_ALLOW_NUL, &where, &no_memory) : NULL;
	enum md_code code;

	if (no_memory)
		return md_fail_nomem(err);
	if (text && !document)
		return md_fail(err, MD_CONFLICT, "MD_HISTORY",
			       "a snapshot in the database is no JSON: %s", where.text);
	code = md_snapshot_read(document, ret_snapshot, err);
	if (code != MD_OK)
		json_decref(document);
	return code;
}

enum md_code md_line_snapshot(const struct md_migrate *migrate, struct md_snapshot **ret_snapshot,
			      struct md_error *err)
{
	const struct md_line *line = &migrate->line;

	for (unsigned i = line->applied_count; i > 0; i--)
		if (!line->applied[i - 1]->half)
			return md_snapshot_parse(line->applied[i - 1]->row->snapshot, ret_snapshot,
						 err);
	return md_snapshot_read(NULL, ret_snapshot, err);
}

/* `snapshot` goes a revision on. */
static enum md_code advance(struct md_snapshot **snapshot, const struct md_revision *revision,
			    struct md_error *err)
{
	struct md_snapshot *after;
	enum md_code code = md_change_apply(*snapshot, revision->up, 0,
					    json_array_size(revision->up), false, &after, err);

	if (code != MD_OK) {
		md_error_hint(err, "in revision %s, %s", revision->id,
			      revision->file ? revision->file : "of the database");
		return code;
	}
	md_snapshot_free(*snapshot);
	*snapshot = after;
	return MD_OK;
}

/* snapshot.json spares the way from nothing, where it is the one that the head names. */
static struct md_snapshot *kept_head(const struct md_migrate *migrate)
{
	const struct md_revisions *folder = migrate->folder;
	struct md_snapshot *snapshot = NULL;
	md_auto_buf path = MD_BUF(4096);
	json_t *document = NULL;
	json_error_t where;

	if (!folder || folder->head_count != 1 || !folder->heads[0]->snapshot)
		return NULL;
	md_buf_printf(&path, "%s/snapshot.json", migrate->options.folder);
	if (md_buf_text(&path))
		document = json_load_file(path.data, JSON_ALLOW_NUL, &where);
	if (!document || md_snapshot_read(document, &snapshot, NULL) != MD_OK) {
		json_decref(document);
		return NULL;
	}
	if (strcmp(snapshot->checksum, folder->heads[0]->snapshot) == 0)
		return snapshot;
	return md_snapshot_free(snapshot);
}

enum md_code md_line_head(const struct md_migrate *migrate, struct md_snapshot **ret_snapshot,
			  struct md_error *err)
{
	const struct md_line *line = &migrate->line;
	bool from_database = migrate->db && line->applied_count > 0 && line->unknown == 0;
	md_auto_snapshot snapshot = from_database ? NULL : kept_head(migrate);
	enum md_code code = MD_OK;

	if (!snapshot) {
		code = from_database ? md_line_snapshot(migrate, &snapshot, err)
				     : md_snapshot_read(NULL, &snapshot, err);
		for (unsigned i = 0; code == MD_OK && migrate->folder && i < migrate->folder->count;
		     i++)
			if (!from_database || !line->items[i].holds || line->items[i].half)
				code = advance(&snapshot, &migrate->folder->items[i], err);
	}
	if (code != MD_OK)
		return code;
	*ret_snapshot = snapshot;
	snapshot = NULL;
	return MD_OK;
}
