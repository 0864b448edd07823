/* Putting right what people changed: repair, purge of what was kept, unlock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/ops/migrate_private.h"

#include "core/base/banned.h"

enum { DAY_S = 24 * 60 * 60 };

/* --- repair ------------------------------------------------------------------------------------
 */

static bool same_member(const json_t *a, const json_t *b, const char *key)
{
	const json_t *left = json_object_get(a, key), *right = json_object_get(b, key);

	return json_is_array(left) == json_is_array(right) &&
	       (!json_is_array(left) || json_equal(left, right));
}

static bool same_operations(const struct md_link *link)
{
	md_auto_json applied = md_line_document(link);

	return same_member(applied, link->file->document, "up") &&
	       same_member(applied, link->file->document, "down");
}

/* The plan that was run stays as it was. */
enum md_code md_line_accept(struct md_migrate *migrate, const struct md_link *link,
			    struct md_error *err)
{
	struct md_history_row row = { .sequence = link->row->sequence };
	md_auto_json body = json_deep_copy(link->file->document);
	json_t *plan = md_line_plan(link->row);
	char *text = NULL;
	enum md_code code;

	if (plan)
		json_object_set_new(body, "plan", plan);
	text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	if (!text)
		return md_fail_nomem(err);
	memcpy(row.revision, link->id, sizeof(row.revision));
	memcpy(row.parent, link->row->parent, sizeof(row.parent));
	memcpy(row.checksum, link->file->checksum, sizeof(row.checksum));
	row.message = link->file->message;
	row.body = text;
	code = md_history_amend(migrate->db, &row, err);
	free(text);
	return code;
}

static enum md_code accept_file(struct md_migrate *migrate, const struct md_link *link, bool all,
				struct md_error *err)
{
	if (all || same_operations(link))
		return md_line_accept(migrate, link, err);
	md_fail(err, MD_CONFLICT, "MD_HISTORY",
		"the operations of revision %s are others than those that were applied", link->id);
	md_error_hint(err, "Bring the file back as it was. Or accept it (all): then the database "
			   "is not as the file says.");
	return MD_CONFLICT;
}

/* A mark of a try that left nothing behind. What was done in part is for migrate or rollback. */
static enum md_code clear_mark(struct md_migrate *migrate, const struct md_history_row *row,
			       bool *ret_cleared, struct md_error *err)
{
	bool tried = row->state == MD_HISTORY_RUNNING || row->state == MD_HISTORY_FAILED;

	*ret_cleared = row->steps_done == 0 && (tried || row->state == MD_HISTORY_REVERTING);
	if (!*ret_cleared)
		return MD_OK;
	return md_history_end(migrate->db, row->sequence,
			      tried ? MD_HISTORY_ROLLED_BACK : MD_HISTORY_APPLIED, row->ms, NULL,
			      err);
}

static enum md_code repair_link(struct md_migrate *migrate, const struct md_link *link, bool all,
				json_t *done, struct md_error *err)
{
	bool stale = link->file && link->holds && !link->half &&
		     strcmp(link->file->checksum, link->row->checksum) != 0;
	bool cleared = false;
	enum md_code code = MD_OK;

	if (stale)
		code = accept_file(migrate, link, all, err);
	if (code == MD_OK && link->row)
		code = clear_mark(migrate, link->row, &cleared, err);
	if (code == MD_OK && link->modified)
		json_array_append_new(done, json_pack("{s:s,s:s}", "revision", link->id, "what",
						      "the file is accepted"));
	if (code == MD_OK && cleared)
		json_array_append_new(done, json_pack("{s:s,s:s}", "revision", link->id, "what",
						      "the mark of a failure is taken away"));
	return code;
}

static enum md_code repair_database(struct md_migrate *migrate, bool all, json_t *done,
				    struct md_error *err)
{
	bool taken = false;
	enum md_code code = md_migrate_load(migrate, true, err);

	if (code == MD_OK)
		code = md_migrate_lock(migrate, "repair", NULL, NULL, &taken, err);
	if (code == MD_OK)
		code = md_db_schema_begin(migrate->db, err);
	for (unsigned i = 0; code == MD_OK && i < migrate->line.count; i++)
		code = repair_link(migrate, &migrate->line.items[i], all, done, err);
	if (code == MD_OK)
		code = md_db_schema_commit(migrate->db, err);
	md_migrate_give(migrate);
	return code;
}

enum md_code md_migrate_repair(struct md_migrate *migrate, bool all, json_t **ret_document,
			       struct md_error *err)
{
	md_auto_json done = json_array();
	bool sums = migrate->folder && migrate->folder->count > 0;
	enum md_code code = done ? md_migrate_begin(migrate, err) : md_fail_nomem(err);

	if (code == MD_OK && migrate->options.url)
		code = md_migrate_load(migrate, false, err);
	if (code == MD_OK && migrate->history.count > 0)
		code = repair_database(migrate, all, done, err);
	if (code == MD_OK && sums)
		code = md_revisions_write_sums(migrate->options.folder, err);
	if (code == MD_OK)
		code = md_migrate_reread(migrate, err);
	if (code != MD_OK)
		return code;
	return md_migrate_answer(json_pack("{s:O,s:b}", "repaired", done, "sums", (int)sums),
				 ret_document, err);
}

/* --- purge -------------------------------------------------------------------------------------
 */

/* "2026-11-22 10:11:12+00" and "2026-11-22T10:11:12Z" are in the same order. */
static bool is_old(const struct md_kept *kept, unsigned days)
{
	time_t limit = time(NULL) - (time_t)days * DAY_S;
	char text[32];
	struct tm utc;

	if (days == 0)
		return true;
	if (!kept->since)
		return false;
	gmtime_r(&limit, &utc);
	strftime(text, sizeof(text), "%Y-%m-%d", &utc);
	if (strncmp(kept->since, text, 10) != 0)
		return strncmp(kept->since, text, 10) < 0;
	strftime(text, sizeof(text), "%H:%M:%S", &utc);
	return strlen(kept->since) >= 19 && strncmp(kept->since + 11, text, 8) <= 0;
}

static bool is_named(const struct md_consent *consent, const char *object)
{
	bool named = consent && consent->all;

	for (unsigned i = 0; consent && !named && i < consent->count; i++)
		named = strcmp(consent->names[i], object) == 0;
	return named;
}

static enum md_code run_buf(struct md_migrate *migrate, struct md_buf *sql, struct md_error *err)
{
	enum md_code code = md_buf_text(sql) ? md_db_schema_run(migrate->db, sql->data, err)
					     : md_fail_nomem(err);

	if (code != MD_OK && err && !err->details[0])
		md_error_details(err, "in: %.1400s", sql->data ? sql->data : "");
	return code;
}

static enum md_code drop(struct md_migrate *migrate, const struct md_kept *kept,
			 struct md_error *err)
{
	md_auto_buf sql = MD_BUF(1 << 16);
	md_auto_buf entry = MD_BUF(1 << 16);
	enum md_code code;

	md_buf_puts(&sql, kept->column ? "ALTER TABLE " : "DROP TABLE ");
	md_ddl_put_name(migrate->dialect, &sql, kept->table);
	md_buf_puts(&entry, "DELETE FROM \"_modeld_objects\" WHERE \"kind\" = ");
	md_ddl_put_text(&entry, kept->column ? "kept column" : "kept table");
	md_buf_puts(&entry, " AND \"name\" = ");
	if (kept->column) {
		md_auto_buf name = MD_BUF(1 << 12);

		md_buf_puts(&sql, " DROP COLUMN ");
		md_ddl_put_name(migrate->dialect, &sql, kept->column);
		md_buf_printf(&name, "%s.%s", kept->table, kept->column);
		md_ddl_put_text(&entry, md_buf_text(&name) ? name.data : "");
	} else {
		md_ddl_put_text(&entry, kept->table);
	}
	code = run_buf(migrate, &sql, err);
	return code == MD_OK ? run_buf(migrate, &entry, err) : code;
}

static enum md_code list_old(struct md_migrate *migrate, unsigned days,
			     const struct md_consent *consent, json_t *shown, json_t *missing,
			     struct md_error *err)
{
	const struct md_kept *kept = NULL;
	unsigned count = 0;
	enum md_code code = md_history_kept(migrate->db, migrate->arena, &kept, &count, err);

	for (unsigned i = 0; code == MD_OK && i < count; i++) {
		if (!is_old(&kept[i], days))
			continue;
		json_array_append_new(shown, json_pack("{s:s,s:s?,s:s?,s:s,s:s?}", "object",
						       kept[i].was, "revision", kept[i].revision,
						       "since", kept[i].since, "table",
						       kept[i].table, "column", kept[i].column));
		if (!is_named(consent, kept[i].was))
			json_array_append_new(missing, json_string(kept[i].was));
	}
	return code;
}

static enum md_code drop_old(struct md_migrate *migrate, unsigned days,
			     const struct md_consent *consent, json_t *dropped,
			     struct md_error *err)
{
	const struct md_kept *kept = NULL;
	unsigned count = 0;
	bool taken = false;
	enum md_code code = md_migrate_load(migrate, true, err);

	if (code == MD_OK)
		code = md_migrate_lock(migrate, "purge", NULL, NULL, &taken, err);
	if (code == MD_OK)
		code = md_db_schema_begin(migrate->db, err);
	if (code == MD_OK)
		code = md_history_kept(migrate->db, migrate->arena, &kept, &count, err);
	for (unsigned i = 0; code == MD_OK && i < count; i++) {
		if (!is_old(&kept[i], days) || !is_named(consent, kept[i].was))
			continue;
		code = drop(migrate, &kept[i], err);
		json_array_append_new(dropped, json_string(kept[i].was));
	}
	if (code == MD_OK)
		code = md_db_schema_commit(migrate->db, err);
	md_migrate_give(migrate);
	return code;
}

/* Names alone are consent for these; without any, nothing is dropped and all is told. */
enum md_code md_migrate_purge(struct md_migrate *migrate, unsigned days, bool plan,
			      const struct md_consent *consent, json_t **ret_document,
			      struct md_error *err)
{
	md_auto_json shown = json_array();
	md_auto_json missing = json_array();
	md_auto_json dropped = json_array();
	bool some = consent && (consent->all || consent->count > 0);
	enum md_code code =
		shown && missing && dropped ? md_migrate_begin(migrate, err) : md_fail_nomem(err);

	if (code == MD_OK)
		code = md_migrate_load(migrate, false, err);
	if (code == MD_OK && !migrate->missing)
		code = list_old(migrate, days, consent, shown, missing, err);
	if (code == MD_OK && !plan && !some)
		code = md_consent_missing(missing, err);
	if (code == MD_OK && !plan && json_array_size(shown) > 0)
		code = drop_old(migrate, days, consent, dropped, err);
	if (code != MD_OK)
		return code;
	return md_migrate_answer(json_pack("{s:O,s:O}", "kept", shown, "dropped", dropped),
				 ret_document, err);
}

/* --- unlock ------------------------------------------------------------------------------------
 */

enum md_code md_migrate_unlock(struct md_migrate *migrate, bool force, json_t **ret_document,
			       struct md_error *err)
{
	struct md_lock_holder holder = { .held = false };
	bool taken = false;
	enum md_code code = md_migrate_begin(migrate, err);

	if (code == MD_OK)
		code = md_migrate_load(migrate, false, err);
	if (code == MD_OK && migrate->history.exists)
		code = md_history_holder(migrate->db, &holder, err);
	if (code == MD_OK && holder.held && force) {
		code = md_migrate_load(migrate, true, err);
		if (code == MD_OK)
			code = md_history_seize(migrate->db, NULL, err);
		taken = code == MD_OK;
	}
	if (code != MD_OK)
		return code;
	return md_migrate_answer(json_pack("{s:o,s:b}", "lock",
					   holder.held ? md_holder_json(&holder) : json_null(),
					   "taken", (int)taken),
				 ret_document, err);
}
