#include "core/ops/migrate_private.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/url.h"

#include "core/base/banned.h"

enum { VERB_MEMORY = 512 << 20, LABEL_MAX = 4096 };

/* --- the handle --------------------------------------------------------------------------------
 */

static void name_owner(struct md_migrate *migrate)
{
	const char *who = migrate->options.who;
	struct passwd *user = who ? NULL : getpwuid(getuid());

	if (who)
		snprintf(migrate->owner, sizeof(migrate->owner), "%s", who);
	else if (user)
		snprintf(migrate->owner, sizeof(migrate->owner), "%s", user->pw_name);
	else
		snprintf(migrate->owner, sizeof(migrate->owner), "uid:%u", (unsigned)getuid());
}

/* Branches that came together are put in one line, where that is the same. */
static enum md_code read_folder(struct md_migrate *migrate, struct md_error *err)
{
	struct md_revisions *folder = NULL;
	enum md_code code = MD_OK;

	if (migrate->options.folder)
		code = md_revisions_read(migrate->options.folder, &folder, err);
	if (code != MD_OK)
		return code;
	md_revisions_free(migrate->folder);
	migrate->folder = folder;
	md_error_clear(&migrate->tangle);
	if (!folder || folder->head_count < 2)
		return MD_OK;
	code = md_revisions_align(folder, NULL, &migrate->tangle);
	if (code == MD_CONFLICT || code == MD_OK)
		return MD_OK;
	if (err)
		*err = migrate->tangle;
	return code;
}

enum md_code md_migrate_open(const struct md_migrate_options *options,
			     struct md_migrate **ret_migrate, struct md_error *err)
{
	struct md_migrate *migrate = calloc(1, sizeof(*migrate));
	enum md_code code = MD_OK;

	if (!migrate)
		return md_fail_nomem(err);
	migrate->options = *options;
	md_lock_init(&migrate->ticker.lock);
	md_cond_init(&migrate->ticker.wake);
	name_owner(migrate);
	migrate->arena = md_arena_new(VERB_MEMORY);
	migrate->past = md_arena_new(VERB_MEMORY);
	if (!migrate->arena || !migrate->past)
		code = md_fail_nomem(err);
	if (code == MD_OK)
		code = read_folder(migrate, err);
	if (code != MD_OK) {
		md_migrate_close(migrate);
		return code;
	}
	*ret_migrate = migrate;
	return MD_OK;
}

struct md_migrate *md_migrate_close(struct md_migrate *migrate)
{
	if (!migrate)
		return NULL;
	md_migrate_give(migrate);
	md_migrate_quiet(migrate);
	md_db_schema_close(migrate->db);
	md_revisions_free(migrate->folder);
	md_arena_free(migrate->past);
	md_arena_free(migrate->arena);
	pthread_cond_destroy(&migrate->ticker.wake);
	md_lock_release(&migrate->ticker.lock);
	free(migrate);
	return NULL;
}

enum md_code md_migrate_begin(struct md_migrate *migrate, struct md_error *err)
{
	(void)err;
	md_arena_reset(migrate->arena, VERB_MEMORY);
	return MD_OK;
}

/* --- the database ------------------------------------------------------------------------------
 */

/* A database that is not there yet is one in memory that is empty, until something is to be
 * changed. */
static enum md_code connect_to(struct md_migrate *migrate, bool change, bool scratch,
			       struct md_error *err)
{
	struct md_db_schema_options options = {
		.url = migrate->options.url,
		.create = change,
		.read_only = !change && !scratch,
		.scratch = scratch,
		.schema = migrate->options.schema,
		.lock_timeout_ms = migrate->options.lock_timeout_ms,
		.keep_journal = migrate->options.keep_journal,
		.log = migrate->options.log,
		.wal_owner = migrate->options.wal_owner,
	};
	enum md_code code = md_db_schema_open(&options, &migrate->db, err);

	if (code != MD_OK)
		return code;
	migrate->dialect = md_ddl_dialect_of(md_db_schema_dialect(migrate->db));
	migrate->writable = change;
	migrate->missing = scratch && !migrate->inside;
	if (!migrate->dialect) {
		migrate->db = md_db_schema_close(migrate->db);
		return md_fail(err, MD_INVALID, "MD400", "this engine cannot be migrated");
	}
	return MD_OK;
}

static enum md_code add_schema(void *ctx, const char *const *values, unsigned count,
			       struct md_error *err)
{
	struct md_buf *path = ctx;

	(void)count;
	(void)err;
	md_buf_printf(path, ", %s", values[0]);
	return MD_OK;
}

/* Nobody else's tables are in sight; what extensions brought is. */
static enum md_code enter_schema(struct md_migrate *migrate, struct md_error *err)
{
	static const char extensions[] = "SELECT DISTINCT quote_ident(n.nspname) FROM pg_extension "
					 "e JOIN pg_namespace n ON n.oid = e.extnamespace";
	md_auto_buf make = MD_BUF(LABEL_MAX);
	md_auto_buf path = MD_BUF(LABEL_MAX);
	enum md_code code;

	md_buf_puts(&make, "CREATE SCHEMA ");
	md_ddl_put_name(migrate->dialect, &make, migrate->inside);
	md_buf_puts(&path, "SET LOCAL search_path = ");
	md_ddl_put_name(migrate->dialect, &path, migrate->inside);
	code = md_db_schema_query(migrate->db, extensions, NULL, 0, add_schema, &path, NULL, err);
	if (code == MD_OK && (!md_buf_text(&make) || !md_buf_text(&path)))
		code = md_fail_nomem(err);
	if (code == MD_OK)
		code = md_db_schema_run(migrate->db, make.data, err);
	return code == MD_OK ? md_db_schema_run(migrate->db, path.data, err) : code;
}

enum md_code md_migrate_open_inside(const struct md_migrate_options *options, const char *schema,
				    struct md_migrate **ret_migrate, struct md_error *err)
{
	struct md_migrate *migrate = NULL;
	enum md_code code = md_migrate_open(options, &migrate, err);

	if (code != MD_OK)
		return code;
	migrate->inside = schema;
	migrate->options.schema = schema;
	*ret_migrate = migrate;
	return MD_OK;
}

enum md_code md_migrate_load(struct md_migrate *migrate, bool change, struct md_error *err)
{
	struct md_error failed = { .code = MD_OK };
	enum md_code code;

	if (!migrate->options.url)
		return md_fail(err, MD_INVALID, "MD400", "no database is given");
	if (migrate->db && (migrate->writable || !change || migrate->inside) && !migrate->missing)
		return md_migrate_reload(migrate, err);
	migrate->db = md_db_schema_close(migrate->db);
	code = connect_to(migrate, change, migrate->inside, &failed);
	if (code == MD_OK && migrate->inside)
		code = enter_schema(migrate, &failed);
	if (code == MD_NOT_FOUND && !change)
		code = connect_to(migrate, false, true, &failed);
	if (code != MD_OK) {
		if (err)
			*err = failed;
		return code;
	}
	return md_migrate_reload(migrate, err);
}

enum md_code md_migrate_reload(struct md_migrate *migrate, struct md_error *err)
{
	enum md_code code;

	memset(&migrate->line, 0, sizeof(migrate->line));
	memset(&migrate->history, 0, sizeof(migrate->history));
	md_arena_reset(migrate->past, VERB_MEMORY);
	code = md_history_read(migrate->db, migrate->past, &migrate->history, err);
	return code == MD_OK ? md_line_make(migrate, err) : code;
}

enum md_code md_migrate_reread(struct md_migrate *migrate, struct md_error *err)
{
	enum md_code code;

	memset(&migrate->line, 0, sizeof(migrate->line));
	code = read_folder(migrate, err);
	return code == MD_OK && migrate->db ? md_migrate_reload(migrate, err) : code;
}

enum md_code md_migrate_look(struct md_migrate *migrate, unsigned *ret_pending, bool *ret_managed,
			     struct md_error *err)
{
	enum md_code code = md_migrate_begin(migrate, err);

	if (code == MD_OK)
		code = md_migrate_load(migrate, false, err);
	if (code != MD_OK)
		return code;
	*ret_pending = migrate->line.pending;
	*ret_managed = migrate->history.count > 0 || migrate->line.files > 0;
	return MD_OK;
}

/* --- answers -----------------------------------------------------------------------------------
 */

enum md_code md_migrate_answer(json_t *document, json_t **ret_document, struct md_error *err)
{
	if (!document)
		return md_fail_nomem(err);
	*ret_document = document;
	return MD_OK;
}

void md_migrate_details(struct md_error *err, json_t *list)
{
	char *text = NULL;

	while (err && list) {
		text = json_dumps(list, JSON_COMPACT);
		if (!text || strlen(text) < MD_DETAILS_MAX || json_array_size(list) == 0)
			break;
		json_array_remove(list, json_array_size(list) - 1);
		free(text);
		text = NULL;
	}
	if (text) {
		md_error_details(err, "%s", text);
		err->details_json = true;
	}
	free(text);
	json_decref(list);
}

const char *md_migrate_label(struct md_migrate *migrate)
{
	md_auto_buf label = MD_BUF(LABEL_MAX);

	if (!migrate->options.url)
		return "";
	md_url_blank_password(migrate->options.url, &label);
	return md_buf_text(&label) ? md_arena_strndup(migrate->arena, label.data, label.len) : NULL;
}
