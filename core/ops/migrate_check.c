/* All that could be wrong, found before it hurts: files, their chain, the models, the database; and
 * everything from nothing, up, down and up again, where nobody has anything yet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/ops/migrate_private.h"

#include "core/base/banned.h"

struct checking {
	struct md_migrate *migrate;
	json_t *problems;
	bool failed; /* out of memory */
};

static void add(struct checking *checking, const char *kind, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void add(struct checking *checking, const char *kind, const char *hint, const char *fmt, ...)
{
	char message[MD_MESSAGE_MAX + 256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (json_array_append_new(checking->problems,
				  json_pack("{s:s,s:s,s:s?}", "kind", kind, "message", message,
					    "hint", hint && *hint ? hint : NULL)) != 0)
		checking->failed = true;
}

static void add_error(struct checking *checking, const char *kind, const struct md_error *error)
{
	add(checking, kind, error->hint, "%s%s%s", error->message,
	    error->details[0] && !error->details_json ? ": " : "",
	    error->details_json ? "" : error->details);
}

/* --- files -------------------------------------------------------------------------------------
 */

static const char repair[] = "When the change is meant, accept it with modeld db repair.";

static void check_files(struct checking *checking)
{
	const struct md_revisions *folder = checking->migrate->folder;

	if (checking->migrate->tangle.code != MD_OK)
		add_error(checking, "heads", &checking->migrate->tangle);
	for (unsigned i = 0; folder && i < folder->modified_count; i++)
		add(checking, "sums", repair, "%s is not what migrations.sum says",
		    folder->modified[i]->file);
	for (unsigned i = 0; folder && i < folder->missing_count; i++)
		add(checking, "sums", repair, "migrations.sum has revision %s, the folder does not",
		    folder->missing[i]);
}

/* Each revision must fit what those before it leave behind. */
static void check_chain(struct checking *checking)
{
	const struct md_revisions *folder = checking->migrate->folder;
	struct md_error failed = { .code = MD_OK };
	struct md_snapshot *now = NULL;
	enum md_code code = md_snapshot_parse(NULL, &now, &failed);

	for (unsigned i = 0; code == MD_OK && folder && i < folder->count; i++) {
		const struct md_revision *revision = &folder->items[i];
		struct md_snapshot *after = NULL;

		code = md_change_apply(now, revision->up, 0, json_array_size(revision->up), false,
				       &after, &failed);
		if (code != MD_OK) {
			add(checking, "chain", failed.hint, "revision %s does not fit: %s (%s)",
			    revision->id, failed.message, failed.details);
			break;
		}
		md_snapshot_free(now);
		now = after;
		if (revision->snapshot && folder->tip_count < 2 &&
		    strcmp(revision->snapshot, now->checksum) != 0)
			add(checking, "snapshot", NULL,
			    "revision %s does not lead to the models that it names", revision->id);
	}
	md_snapshot_free(now);
}

static void check_models(struct checking *checking)
{
	struct md_migrate *migrate = checking->migrate;
	struct md_error failed = { .code = MD_OK };
	md_auto_snapshot head = NULL;
	md_auto_snapshot models = NULL;

	if (!migrate->options.definitions || migrate->tangle.code != MD_OK)
		return;
	if (md_line_head(migrate, &head, &failed) != MD_OK ||
	    md_snapshot_of(migrate->options.definitions, &models, &failed) != MD_OK)
		add_error(checking, "models", &failed);
	else if (strcmp(head->checksum, models->checksum) != 0)
		add(checking, "models", "Run modeld db makemigrations.",
		    "the models are not what the newest revision leads to");
}

/* --- the database ------------------------------------------------------------------------------
 */

static void check_links(struct checking *checking)
{
	const struct md_line *line = &checking->migrate->line;

	for (unsigned i = 0; i < line->count; i++) {
		const struct md_link *link = &line->items[i];

		if (link->modified)
			add(checking, "modified", repair,
			    "revision %s was changed after it was applied", link->id);
		if (link->holds && !link->file && !link->replaced)
			add(checking, line->ahead ? "ahead" : "unknown",
			    "Get its file, or take it back with modeld db rollback.",
			    "the database has revision %s, the folder does not", link->id);
		if (link->half)
			add(checking, "failed",
			    "modeld db migrate goes on, rollback takes it back.",
			    "revision %s is done in part: %u of %u steps", link->id,
			    link->row->steps_done, link->row->steps);
		if (md_line_is_late(line, i))
			add(checking, "out_of_order", NULL,
			    "revision %s is not applied, but others behind it are", link->id);
	}
	if (line->pending > 0)
		add(checking, "pending", "Run modeld db migrate.", "%u revisions are not applied",
		    line->pending);
}

static enum md_code check_database(struct checking *checking, struct md_error *err)
{
	struct md_migrate *migrate = checking->migrate;
	md_auto_json drift = json_array();
	const json_t *item;
	size_t i;
	enum md_code code = md_migrate_load(migrate, false, err);

	if (code != MD_OK)
		return code;
	check_links(checking);
	if (!migrate->missing)
		code = md_migrate_find_drift(migrate, drift, err);
	json_array_foreach(drift, i, item)
		add(checking, "drift", json_string_value(json_object_get(item, "mend")), "%s: %s",
		    json_string_value(json_object_get(item, "path")),
		    json_string_value(json_object_get(item, "text")));
	return code;
}

/* --- everything from nothing -------------------------------------------------------------------
 */

static enum md_code run_all(struct md_migrate *other, bool down, const char *what,
			    struct checking *checking, struct md_error *err)
{
	struct md_migrate_go how = { .to = down ? "base" : "head", .consent = { .all = true } };
	struct md_error failed = { .code = MD_OK };
	json_t *document = NULL;
	enum md_code code =
		(down ? md_migrate_down : md_migrate_up)(other, &how, &document, &failed);

	json_decref(document);
	if (code == MD_NOMEM) {
		*err = failed;
		return code;
	}
	if (code != MD_OK)
		add(checking, "replay", failed.hint, "%s fails: %s%s%s", what, failed.message,
		    failed.details[0] ? " " : "", failed.details);
	return code;
}

/* What was made must be what the definitions say. */
static void compare(struct md_migrate *other, const char *what, struct checking *checking)
{
	struct md_error failed = { .code = MD_OK };
	md_auto_json drift = json_array();
	const json_t *item;
	size_t i;
	enum md_code code = md_migrate_load(other, false, &failed);

	if (code == MD_OK)
		code = md_migrate_find_drift(other, drift, &failed);
	if (code != MD_OK)
		add_error(checking, "replay", &failed);
	json_array_foreach(drift, i, item) add(checking, "replay", NULL, "%s: %s: %s", what,
					       json_string_value(json_object_get(item, "path")),
					       json_string_value(json_object_get(item, "text")));
}

static enum md_code replay_on(struct md_migrate *other, struct checking *checking,
			      struct md_error *err)
{
	enum md_code code = run_all(other, false, "up from nothing", checking, err);

	if (code == MD_OK)
		compare(other, "up from nothing", checking);
	if (code == MD_OK)
		code = run_all(other, true, "down to nothing", checking, err);
	if (code == MD_OK)
		code = run_all(other, false, "up again", checking, err);
	if (code == MD_OK)
		compare(other, "up again", checking);
	return code == MD_NOMEM ? code : MD_OK;
}

static enum md_code replay_file(struct checking *checking, struct md_error *err)
{
	static const char *const parts[] = { "/replay.db", "/replay.db-wal", "/replay.db-shm", "" };
	struct md_migrate_options options = checking->migrate->options;
	struct md_migrate *other = NULL;
	char folder[] = "/tmp/modeld-replay-XXXXXX", url[64], name[64];
	enum md_code code;

	if (!mkdtemp(folder))
		return md_fail(err, MD_UNAVAILABLE, "58030",
			       "no folder can be made for a new database");
	snprintf(url, sizeof(url), "sqlite:///%s/replay.db", folder);
	options.url = url;
	options.wal_owner = NULL;
	options.progress = NULL;
	code = md_migrate_open(&options, &other, err);
	if (code == MD_OK)
		code = replay_on(other, checking, err);
	md_migrate_close(other);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", folder, parts[i]);
		if (*parts[i])
			unlink(name);
		else
			rmdir(name);
	}
	return code;
}

/* In a schema of its own, and in a transaction that is never committed: what people wrote could
 * name tables of others. */
static enum md_code replay_server(struct checking *checking, struct md_error *err)
{
	struct md_migrate_options options = checking->migrate->options;
	struct md_migrate *other = NULL;
	enum md_code code;

	options.progress = NULL;
	code = md_migrate_open_inside(&options, "_modeld_replay", &other, err);
	if (code == MD_OK)
		code = replay_on(other, checking, err);
	md_migrate_close(other);
	return code;
}

enum md_code md_migrate_check(struct md_migrate *migrate, bool replay, json_t **ret_document,
			      struct md_error *err)
{
	md_auto_json problems = json_array();
	struct checking checking = { .migrate = migrate, .problems = problems };
	enum md_code code = problems ? md_migrate_begin(migrate, err) : md_fail_nomem(err);

	if (code != MD_OK)
		return code;
	check_files(&checking);
	check_chain(&checking);
	if (migrate->options.url)
		code = check_database(&checking, err);
	if (code == MD_OK)
		check_models(&checking);
	if (code == MD_OK && replay && migrate->db && migrate->tangle.code == MD_OK)
		code = (md_db_schema_is_file(migrate->db) ? replay_file : replay_server)(&checking,
											 err);
	if (code == MD_OK && checking.failed)
		code = md_fail_nomem(err);
	if (code != MD_OK)
		return code;
	return md_migrate_answer(json_pack("{s:O,s:b}", "problems", problems, "ok",
					   (int)(json_array_size(problems) == 0)),
				 ret_document, err);
}
