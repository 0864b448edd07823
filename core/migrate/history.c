#include "core/migrate/history_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/ddl.h"

#include "core/base/banned.h"

/* --- asking ------------------------------------------------------------------------------------
 */

static const struct md_history_texts *texts_of(const struct md_db_schema *schema)
{
	static const struct md_history_texts *const all[] = {
		&md_history_sqlite,
#ifdef MD_HAVE_POSTGRES
		&md_history_postgres,
#endif
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->sql == md_db_schema_dialect(schema))
			return all[i];
	return NULL;
}

static enum md_code take_place(void *ctx, const char *const *values, unsigned count,
			       struct md_error *err)
{
	struct md_history_place *place = ctx;

	(void)count;
	(void)err;
	snprintf(place->name, sizeof(place->name), "%s", values[0]);
	place->exists = values[1];
	return MD_OK;
}

enum md_code md_history_find(struct md_db_schema *schema, enum md_history_table table,
			     struct md_history_place *ret_place, struct md_error *err)
{
	const char *const params[] = { md_history_table_names[table], md_db_schema_name(schema) };
	struct md_history_place place = { .texts = texts_of(schema), .name = "" };
	enum md_code code;

	if (!place.texts)
		return md_fail(err, MD_INVALID, "MD400", "there are no migrations on this engine");
	code = md_db_schema_query(schema, place.texts->find, params, 2, take_place, &place, NULL,
				  err);
	if (code == MD_OK)
		*ret_place = place;
	return code;
}

enum md_code md_history_need(struct md_db_schema *schema, enum md_history_table table,
			     struct md_history_place *ret_place, struct md_error *err)
{
	enum md_code code = md_history_find(schema, table, ret_place, err);

	if (code == MD_OK && !ret_place->exists)
		code = md_fail(err, MD_NOT_FOUND, "42P01", "the table %s does not exist",
			       md_history_table_names[table]);
	return code;
}

/* {t} is the only thing in braces. */
static void put_text(struct md_buf *sql, const char *text, const char *name)
{
	for (const char *at = strstr(text, "{t}"); at; at = strstr(text, "{t}")) {
		md_buf_put(sql, text, (size_t)(at - text));
		md_buf_puts(sql, name);
		text = at + 3;
	}
	md_buf_puts(sql, text);
}

enum md_code md_history_ask(struct md_db_schema *schema, const struct md_history_place *place,
			    const struct md_history_ask *ask, uint64_t *ret_changed,
			    struct md_error *err)
{
	md_auto_buf sql = MD_BUF(MD_HISTORY_SQL_MAX);
	const char *text;

	put_text(&sql, ask->text, place->name);
	text = md_buf_text(&sql);
	if (!text)
		return md_fail_nomem(err);
	return md_db_schema_query(schema, text, ask->params, ask->count, ask->each, ask->ctx,
				  ret_changed, err);
}

/* --- making ------------------------------------------------------------------------------------
 */

static enum md_code make_objects(struct md_db_schema *schema, struct md_error *err)
{
	const struct md_ddl_dialect *ddl = md_ddl_dialect_of(md_db_schema_dialect(schema));

	return ddl ? md_db_schema_run(schema, ddl->objects_table, err) : MD_OK;
}

static enum md_code make_table(struct md_db_schema *schema, enum md_history_table table,
			       struct md_error *err)
{
	struct md_history_place place;
	enum md_code code = md_history_find(schema, table, &place, err);

	if (code == MD_OK && !*place.name) {
		md_fail(err, MD_INVALID, "3F000", "the schema \"%s\" does not exist",
			md_db_schema_name(schema) ? md_db_schema_name(schema) : "public");
		md_error_hint(err, "Create it, or name another in db_schemas.");
		return MD_INVALID;
	}
	if (code != MD_OK || place.exists)
		return code;
	if (table == MD_HISTORY_OBJECTS)
		return make_objects(schema, err);
	for (unsigned i = 0; code == MD_OK && place.texts->make[table][i]; i++) {
		const struct md_history_ask ask = { .text = place.texts->make[table][i] };

		code = md_history_ask(schema, &place, &ask, NULL, err);
	}
	return code;
}

static enum md_code make_all(struct md_db_schema *schema, struct md_error *err)
{
	enum md_code code = MD_OK;

	for (unsigned i = 0; code == MD_OK && i < MD_HISTORY_TABLES; i++)
		code = make_table(schema, (enum md_history_table)i, err);
	return code;
}

enum md_code md_history_prepare(struct md_db_schema *schema, struct md_error *err)
{
	struct md_history_place place = { .exists = true };
	enum md_code code = MD_OK;

	/* When all is there, nobody is made to wait. */
	for (unsigned i = 0; code == MD_OK && place.exists && i < MD_HISTORY_TABLES; i++)
		code = md_history_find(schema, (enum md_history_table)i, &place, err);
	if (code != MD_OK || place.exists)
		return code;
	if (md_db_schema_in_transaction(schema))
		return make_all(schema, err);
	code = md_db_schema_begin(schema, err);
	if (code == MD_OK)
		code = make_all(schema, err);
	if (code == MD_OK)
		code = md_db_schema_commit(schema, err);
	if (code != MD_OK)
		md_db_schema_rollback(schema, NULL);
	return code;
}

/* --- states ------------------------------------------------------------------------------------
 */

static const char *const state_names[] = {
	[MD_HISTORY_RUNNING] = "running",   [MD_HISTORY_APPLIED] = "applied",
	[MD_HISTORY_FAILED] = "failed",     [MD_HISTORY_ROLLED_BACK] = "rolled_back",
	[MD_HISTORY_BASELINE] = "baseline", [MD_HISTORY_REVERTING] = "reverting",
};
enum { STATES = sizeof(state_names) / sizeof(state_names[0]) };

const char *md_history_state_name(enum md_history_state state)
{
	return state_names[state];
}

static bool find_state(const char *name, enum md_history_state *ret_state)
{
	for (unsigned i = 0; name && i < STATES; i++) {
		if (strcmp(state_names[i], name) != 0)
			continue;
		*ret_state = (enum md_history_state)i;
		return true;
	}
	return false;
}

/* --- reading -----------------------------------------------------------------------------------
 */

enum row_column {
	C_SEQ,
	C_REVISION,
	C_PARENT,
	C_MESSAGE,
	C_CHECKSUM,
	C_BODY,
	C_SNAPSHOT,
	C_STARTED,
	C_FINISHED,
	C_MS,
	C_STEPS,
	C_DONE,
	C_STATUS,
	C_ERROR,
	C_BY,
	C_VERSION,
	C_COUNT
};

/* A list that doubles; what it outgrew stays in the arena. */
struct list {
	struct md_arena *arena;
	void *items;
	unsigned count, room;
};

static void *add_item(struct list *list, size_t size)
{
	if (list->count == list->room) {
		unsigned room = list->room ? list->room * 2 : 8;
		void *items = md_arena_zalloc(list->arena, room * size);

		if (!items)
			return NULL;
		if (list->count > 0)
			memcpy(items, list->items, list->count * size);
		list->items = items;
		list->room = room;
	}
	return (char *)list->items + size * list->count++;
}

/* NULL stays NULL; false: no memory. */
static bool keep(struct md_arena *arena, const char *text, const char **ret_copy)
{
	*ret_copy = text ? md_arena_strndup(arena, text, strlen(text)) : NULL;
	return !text || *ret_copy;
}

static int64_t number(const char *text)
{
	int64_t value = 0;

	md_str_to_i64(md_str_of(text ? text : ""), &value);
	return value;
}

static bool keep_texts(struct md_arena *arena, const char *const *values,
		       struct md_history_row *row)
{
	return keep(arena, values[C_MESSAGE] ? values[C_MESSAGE] : "", &row->message) &&
	       keep(arena, values[C_BODY], &row->body) &&
	       keep(arena, values[C_SNAPSHOT], &row->snapshot) &&
	       keep(arena, values[C_STARTED], &row->started_at) &&
	       keep(arena, values[C_FINISHED], &row->finished_at) &&
	       keep(arena, values[C_ERROR], &row->error) &&
	       keep(arena, values[C_BY], &row->applied_by) &&
	       keep(arena, values[C_VERSION], &row->version);
}

static enum md_code fail_row(const char *const *values, struct md_error *err)
{
	md_fail(err, MD_CONFLICT, "MD_HISTORY",
		"row %s of _modeld_migrations cannot be understood: revision %.40s, status %.40s",
		values[C_SEQ], values[C_REVISION] ? values[C_REVISION] : "null",
		values[C_STATUS] ? values[C_STATUS] : "null");
	md_error_hint(err, "It was written by a newer version of modeld, or by hand.");
	return MD_CONFLICT;
}

static enum md_code take_row(void *ctx, const char *const *values, unsigned count,
			     struct md_error *err)
{
	struct list *list = ctx;
	struct md_history_row *row = add_item(list, sizeof(*row));

	(void)count;
	if (!row)
		return md_fail_nomem(err);
	if (!values[C_REVISION] || strlen(values[C_REVISION]) >= MD_REVISION_TEXT ||
	    !find_state(values[C_STATUS], &row->state))
		return fail_row(values, err);
	row->sequence = number(values[C_SEQ]);
	snprintf(row->revision, sizeof(row->revision), "%s", values[C_REVISION]);
	snprintf(row->parent, sizeof(row->parent), "%s", values[C_PARENT] ? values[C_PARENT] : "");
	snprintf(row->checksum, sizeof(row->checksum), "%s",
		 values[C_CHECKSUM] ? values[C_CHECKSUM] : "");
	row->ms = number(values[C_MS]);
	row->steps = (unsigned)number(values[C_STEPS]);
	row->steps_done = (unsigned)number(values[C_DONE]);
	return keep_texts(list->arena, values, row) ? MD_OK : md_fail_nomem(err);
}

static const struct md_history_row *newest(const struct md_history_row *rows, unsigned count)
{
	while (count-- > 0)
		if (rows[count].state != MD_HISTORY_ROLLED_BACK)
			return &rows[count];
	return NULL;
}

enum md_code md_history_read(struct md_db_schema *schema, struct md_arena *arena,
			     struct md_history *ret_history, struct md_error *err)
{
	struct md_history history = { .count = 0 };
	struct list list = { .arena = arena };
	struct md_history_place place;
	enum md_code code = md_history_find(schema, MD_HISTORY_MIGRATIONS, &place, err);

	if (code != MD_OK)
		return code;
	history.exists = place.exists;
	if (place.exists) {
		const struct md_history_ask ask = { .text = place.texts->read,
						    .each = take_row,
						    .ctx = &list };

		code = md_history_ask(schema, &place, &ask, NULL, err);
	}
	if (code != MD_OK)
		return code;
	history.rows = list.items;
	history.count = list.count;
	history.current = newest(history.rows, history.count);
	*ret_history = history;
	return MD_OK;
}

/* --- what is kept ------------------------------------------------------------------------------
 */

/* "kept column": its table stands before the last "._dropped_" of the name. */
static bool read_kept(struct md_arena *arena, const char *const *values, struct md_kept *kept)
{
	static const char mark[] = "._dropped_";
	const char *name = values[1], *dot = NULL;

	if (strcmp(values[0], "kept column") == 0)
		for (const char *p = strstr(name, mark); p; p = strstr(p + 1, mark))
			dot = p;
	kept->table = md_arena_strndup(arena, name, dot ? (size_t)(dot - name) : strlen(name));
	return kept->table && keep(arena, dot ? dot + 1 : NULL, &kept->column) &&
	       keep(arena, values[2], &kept->was) && keep(arena, values[3], &kept->revision) &&
	       keep(arena, values[4], &kept->since);
}

static enum md_code take_kept(void *ctx, const char *const *values, unsigned count,
			      struct md_error *err)
{
	struct list *list = ctx;
	struct md_kept *kept = add_item(list, sizeof(*kept));

	(void)count;
	return kept && read_kept(list->arena, values, kept) ? MD_OK : md_fail_nomem(err);
}

enum md_code md_history_kept(struct md_db_schema *schema, struct md_arena *arena,
			     const struct md_kept **ret_kept, unsigned *ret_count,
			     struct md_error *err)
{
	struct list list = { .arena = arena };
	struct md_history_place place;
	enum md_code code = md_history_find(schema, MD_HISTORY_OBJECTS, &place, err);

	if (code == MD_OK && place.exists) {
		const struct md_history_ask ask = { .text = place.texts->kept,
						    .each = take_kept,
						    .ctx = &list };

		code = md_history_ask(schema, &place, &ask, NULL, err);
	}
	if (code != MD_OK)
		return code;
	*ret_kept = list.items;
	*ret_count = list.count;
	return MD_OK;
}
