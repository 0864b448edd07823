/* A table made anew: a new one from the definition, its rows copied, the old one dropped, the new
 * one renamed; then all that hung on the old one, from the shadow. Foreign keys are off meanwhile,
 * so that rows of other tables stay where they are; ALTER TABLE RENAME behaves as of old while the
 * name comes back, so that views and triggers that use the table do not stand in the way. */
#include <strings.h>

#include "core/migrate/plan_sqlite_private.h"

#include "core/base/banned.h"

enum { PIECE_ROWS = 50000, PIECES_MAX = 10, SMALL_ROWS = 10000 };

struct rebuild {
	struct md_lite *lite;
	const struct md_lite_rebuild *how;
	struct md_lite_source source;
	const struct md_lite_segment *segments; /* of the old table */
	const char *name, *fresh;               /* quoted */
	const char *rowid;                      /* of the old table; NULL: it has none */
	bool without_rowid, plain_key; /* the key counts without AUTOINCREMENT, and so it stays */
	struct md_step *step;
	struct md_lite_size size;
};

/* --- what the definition does not know ---------------------------------------------------------
 */

static const struct md_def_field *field_with(const struct md_def_model *model, const char *column)
{
	for (unsigned i = 0; model && i < model->field_count; i++)
		if (strcasecmp(md_def_column(&model->fields[i]), column) == 0)
			return &model->fields[i];
	return NULL;
}

/* A column that leaves for good: what it is kept under, when nothing is to be kept. */
static bool is_leaving(const struct rebuild *r, const char *column)
{
	const struct md_model_pair *pair = r->how->pair;
	char kept[MD_KEPT_NAME];

	for (unsigned i = 0; i < pair->column_count; i++) {
		const struct md_def_field *before = pair->columns[i].before;

		if (!before || pair->columns[i].after)
			continue;
		md_kept_name(r->lite->work->request->revision, md_def_column(before), kept);
		if ((strcmp(kept, column) == 0 && r->lite->work->request->forget) ||
		    (before->is_generated && strcmp(md_def_column(before), column) == 0))
			return true;
	}
	return false;
}

static bool is_extra(const struct rebuild *r, const char *column)
{
	return !field_with(r->how->model, column) && !is_leaving(r, column);
}

/* Strict tables know few types. */
static const char *type_for(const struct rebuild *r, const struct md_catalog_column *column)
{
	static const char *const strict[] = { "INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY" };

	if (r->how->model->options.strict == MD_DEF_NO)
		return column->declared;
	for (size_t i = 0; i < sizeof(strict) / sizeof(strict[0]); i++)
		if (strcasecmp(strict[i], column->declared) == 0)
			return column->declared;
	return "ANY";
}

static void put_extra_column(struct rebuild *r, struct md_buf *sql,
			     const struct md_catalog_column *column)
{
	const struct md_lite_segment *segment = r->segments;
	const char *type = type_for(r, column);

	while (segment &&
	       (segment->part != MD_LITE_COLUMN || strcasecmp(segment->name, column->name) != 0))
		segment = segment->next;
	md_buf_puts(sql, ",\n  ");
	if (segment && type == column->declared && !md_is_kept_name(column->name)) {
		md_buf_puts(sql, segment->text);
		return;
	}
	md_buf_printf(sql, "%s %s", md_lite_quote(r->lite, column->name), type);
	if (column->collation)
		md_buf_printf(sql, " COLLATE %s", md_lite_quote(r->lite, column->collation));
	if (md_is_kept_name(column->name))
		return;
	md_buf_puts(sql, column->nullable ? "" : " NOT NULL");
	if (column->fallback)
		md_buf_printf(sql, " DEFAULT (%s)", column->fallback);
}

static bool is_named(const struct md_def_model *model, const char *name)
{
	bool found = model && model->key_name && strcmp(model->key_name, name) == 0;

	for (unsigned i = 0; model && i < model->index_count; i++)
		found = found || strcmp(model->indexes[i].name, name) == 0;
	for (unsigned i = 0; model && i < model->foreign_key_count; i++)
		found = found || strcmp(model->foreign_keys[i].name, name) == 0;
	for (unsigned i = 0; model && i < model->check_count; i++)
		found = found || strcmp(model->checks[i].name, name) == 0;
	for (unsigned i = 0; model && i < model->field_count; i++)
		found = found || (model->fields[i].check_name &&
				  strcmp(model->fields[i].check_name, name) == 0);
	return found;
}

/* Whether all names of "\na\nb\n" are columns of a key; each has one place in it. */
static bool names_key(const char *columns, const struct md_def_field *const *fields, unsigned count)
{
	unsigned lines = 0;

	for (const char *p = columns + 1; *p != '\0'; p = strchr(p, '\n') + 1) {
		size_t len = strcspn(p, "\n");
		bool found = false;

		for (unsigned i = 0; i < count; i++)
			found = found || (strncasecmp(md_def_column(fields[i]), p, len) == 0 &&
					  md_def_column(fields[i])[len] == '\0');
		if (!found)
			return false;
		lines++;
	}
	return lines == count;
}

/* A constraint without a name that says what the definition says. */
static bool is_told(const struct md_def_model *model, const struct md_lite_segment *segment)
{
	const struct md_def_field *fields[MD_DEF_KEY_FIELDS];

	if (segment->part == MD_LITE_FOREIGN_KEY)
		for (unsigned i = 0; i < model->foreign_key_count; i++)
			if (names_key(segment->columns, model->foreign_keys[i].fields,
				      model->foreign_keys[i].count))
				return true;
	if (segment->part != MD_LITE_UNIQUE)
		return false;
	for (unsigned i = 0; i < model->index_count; i++) {
		const struct md_def_index *index = &model->indexes[i];

		for (unsigned k = 0; k < index->count; k++)
			fields[k] = index->columns[k].field;
		if (index->unique && names_key(segment->columns, fields, index->count))
			return true;
	}
	return false;
}

static bool is_ours(const struct rebuild *r, const struct md_lite_segment *segment)
{
	const struct md_def_model *before = r->how->pair->before;

	if (segment->part == MD_LITE_PRIMARY_KEY)
		return true;
	if (segment->name &&
	    (is_named(before, segment->name) || is_named(r->how->model, segment->name)))
		return true;
	return is_told(r->how->model, segment) || (before && is_told(before, segment));
}

static void put_extra_columns(struct rebuild *r, struct md_buf *sql)
{
	for (unsigned i = 0; i < r->source.table->column_count; i++)
		if (is_extra(r, r->source.table->columns[i].name))
			put_extra_column(r, sql, &r->source.table->columns[i]);
}

static void put_extra_constraints(struct rebuild *r, struct md_buf *sql)
{
	for (const struct md_lite_segment *s = r->segments; s; s = s->next)
		if (s->part != MD_LITE_COLUMN && !is_ours(r, s))
			md_buf_printf(sql, ",\n  %s", s->text);
}

/* --- the new table -----------------------------------------------------------------------------
 */

/* The model with its columns in the order that they have; new ones at the end. */
static struct md_def_model in_order(struct rebuild *r)
{
	struct md_def_model model = *r->how->model;
	struct md_def_field *fields =
		md_arena_alloc(r->lite->arena, model.field_count * sizeof(*fields));
	unsigned count = 0;

	if (!fields) {
		r->lite->work->failed = true;
		return model;
	}
	for (unsigned i = 0; i < r->source.table->column_count; i++) {
		const struct md_def_field *field =
			field_with(r->how->model, r->source.table->columns[i].name);

		if (field)
			fields[count++] = *field;
	}
	for (unsigned i = 0; i < model.field_count; i++)
		if (!md_lite_has_column(r->source.table, md_def_column(&model.fields[i])))
			fields[count++] = model.fields[i];
	model.fields = fields;
	return model;
}

static void create(struct rebuild *r)
{
	const struct md_def_model model = in_order(r);
	md_auto_buf columns = MD_BUF(MD_LITE_SQL), constraints = MD_BUF(MD_LITE_SQL);
	md_auto_buf sql = MD_BUF(MD_LITE_SQL);
	struct md_ddl_extra extra = { md_lite_printf(r->lite, "_modeld_new_%s", r->how->table),
				      NULL, NULL };
	struct md_ddl_dialect dialect = *r->lite->dialect;

	if (r->plain_key)
		dialect.identity = "PRIMARY KEY";
	put_extra_columns(r, &columns);
	put_extra_constraints(r, &constraints);
	extra.columns = md_buf_text(&columns);
	extra.constraints = md_buf_text(&constraints);
	md_ddl_put_table(&dialect, &sql, &model, &extra);
	md_buf_inherit(&sql, &columns);
	md_buf_inherit(&sql, &constraints);
	md_lite_run(r->lite, r->step, &sql);
}

/* Whether the number of a row is a column already. */
static bool is_rowid_a_column(const struct md_def_model *model)
{
	return model->key_count == 1 && md_def_is_integer(model->key[0]->type);
}

static void begin_item(struct md_buf *into, struct md_buf *from)
{
	md_buf_puts(into, into->len > 0 ? ", " : "");
	md_buf_puts(from, from->len > 0 ? ", " : "");
}

static void put_columns(struct rebuild *r, struct md_buf *into, struct md_buf *from)
{
	const struct md_model_pair *pair = r->how->pair;

	for (unsigned i = 0; i < pair->column_count; i++) {
		md_auto_buf value = MD_BUF(MD_LITE_SQL);

		if (!pair->columns[i].after ||
		    !md_lite_put_value(r->lite, &value, &r->source, &pair->columns[i]))
			continue;
		begin_item(into, from);
		md_buf_puts(into, md_lite_quote(r->lite, md_def_column(pair->columns[i].after)));
		md_buf_put(from, value.data, value.len);
		md_buf_inherit(from, &value);
	}
}

/* Of a table that is only put aside, all columns as they are. */
static void put_same_columns(struct rebuild *r, struct md_buf *into, struct md_buf *from)
{
	for (unsigned i = 0; i < r->how->model->field_count; i++) {
		const struct md_def_field *field = &r->how->model->fields[i];

		if (field->is_generated)
			continue;
		begin_item(into, from);
		md_buf_puts(into, md_lite_quote(r->lite, md_def_column(field)));
		md_buf_puts(from, md_lite_quote(r->lite, md_def_column(field)));
	}
}

static void put_lists(struct rebuild *r, struct md_buf *into, struct md_buf *from)
{
	const struct md_def_model *model = r->how->model;

	if (r->rowid && model->options.without_rowid != MD_DEF_YES && !is_rowid_a_column(model) &&
	    !field_with(model, r->rowid)) {
		md_buf_puts(into, r->rowid);
		md_buf_puts(from, r->rowid);
	}
	if (r->how->pair->after)
		put_columns(r, into, from);
	else
		put_same_columns(r, into, from);
	for (unsigned i = 0; i < r->source.table->column_count; i++) {
		const struct md_catalog_column *column = &r->source.table->columns[i];
		const char *name = md_lite_quote(r->lite, column->name);

		if (column->generated || !is_extra(r, column->name))
			continue;
		begin_item(into, from);
		md_buf_puts(into, name);
		md_buf_puts(from, name);
	}
}

/* Rows in pieces of about the same size, so that progress can be told; the first and the last have
 * no end, so that nothing is left out. */
static void copy(struct rebuild *r)
{
	md_auto_buf into = MD_BUF(MD_LITE_SQL), from = MD_BUF(MD_LITE_SQL);
	md_auto_buf source = MD_BUF(MD_LITE_SQL);
	double span = (double)r->size.high - (double)r->size.low, pieces;

	pieces = r->size.rows / PIECE_ROWS;
	pieces = !r->rowid || pieces < 2 ? 1 : pieces > PIECES_MAX ? PIECES_MAX : (int)pieces;
	put_lists(r, &into, &from);
	md_lite_put_from(r->lite, &source, &r->source, r->rowid);
	for (unsigned i = 0; i < pieces; i++) {
		int64_t low = r->size.low + (int64_t)(span * i / pieces);
		int64_t high = r->size.low + (int64_t)(span * (i + 1) / pieces);
		md_auto_buf sql = MD_BUF(MD_LITE_SQL);

		md_buf_printf(&sql, "INSERT INTO %s (%s)\nSELECT %s FROM %s", r->fresh,
			      md_buf_text(&into) ? md_buf_text(&into) : "",
			      md_buf_text(&from) ? md_buf_text(&from) : "",
			      md_buf_text(&source) ? md_buf_text(&source) : "");
		if (i > 0)
			md_buf_printf(&sql, " WHERE %s > %lld", r->rowid, (long long)low);
		if (i + 1 < pieces)
			md_buf_printf(&sql, " %s %s <= %lld", i > 0 ? "AND" : "WHERE", r->rowid,
				      (long long)high);
		md_buf_inherit(&sql, &into);
		md_buf_inherit(&sql, &from);
		md_buf_inherit(&sql, &source);
		md_lite_run(r->lite, r->step, &sql);
	}
}

/* Numbers that were given once are not given again. */
static void carry_mark(struct rebuild *r)
{
	const char *old = md_lite_text(r->lite, r->how->table);
	const char *fresh =
		md_lite_text(r->lite, md_lite_printf(r->lite, "_modeld_new_%s", r->how->table));

	if (r->plain_key || r->how->model->key_count == 0 || !r->how->model->key[0]->identity)
		return;
	md_lite_runf(r->lite, r->step,
		     "UPDATE sqlite_sequence SET seq = max(seq, coalesce((SELECT max(o.seq) FROM "
		     "sqlite_sequence AS o WHERE o.name = %s), 0)) WHERE name = %s",
		     old, fresh);
	md_lite_runf(r->lite, r->step,
		     "INSERT INTO sqlite_sequence (name, seq) SELECT %s, o.seq FROM "
		     "sqlite_sequence AS o WHERE o.name = %s AND NOT EXISTS (SELECT 1 FROM "
		     "sqlite_sequence AS n WHERE n.name = %s)",
		     fresh, old, fresh);
}

/* --- what hangs on it --------------------------------------------------------------------------
 */

static const char hangs_on[] =
	"SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name "
	"= ?1 COLLATE NOCASE ORDER BY rowid";
static const char triggers_on[] = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND "
				  "tbl_name = ?1 COLLATE NOCASE ORDER BY rowid";

static bool has_index(const struct md_def_model *model, const char *name)
{
	for (unsigned i = 0; model && i < model->index_count; i++)
		if (strcmp(model->indexes[i].name, name) == 0)
			return true;
	return false;
}

static void make_indexes(struct rebuild *r, const struct md_lite_row *extra)
{
	const struct md_def_model *model = r->how->model;

	for (unsigned i = 0; !r->how->bare && i < model->index_count; i++) {
		md_auto_buf sql = MD_BUF(MD_LITE_SQL);

		if (md_ddl_is_constraint(r->lite->dialect, &model->indexes[i]))
			continue;
		md_ddl_put_index(r->lite->dialect, &sql, model, &model->indexes[i]);
		md_lite_run(r->lite, r->step, &sql);
	}
	for (; extra; extra = extra->next)
		if (!has_index(model, extra->one) && !has_index(r->how->pair->before, extra->one))
			md_lite_runf(r->lite, r->step, "%s", extra->other);
}

/* --- all of it ---------------------------------------------------------------------------------
 */

/* Whether the key of a table that modeld did not make is INTEGER PRIMARY KEY and no more. */
static bool counts_plainly(const struct rebuild *r)
{
	const struct md_def_model *before = r->how->pair->before;

	for (const struct md_lite_segment *s = r->segments; s; s = s->next)
		if (strcasestr(s->text, "AUTOINCREMENT"))
			return false;
	return before && before->key_count == 1 && before->key[0]->identity;
}

static bool look(struct rebuild *r)
{
	static const char text[] = "SELECT sql, NULL FROM sqlite_schema WHERE type = 'table' AND "
				   "name = ?1";
	const struct md_lite_row *row = md_lite_ask(r->lite, text, r->how->table);

	r->source.table = md_lite_table(r->lite, r->how->table);
	if (!md_lite_failed(r->lite) && (!row || !r->source.table))
		md_lite_fail(r->lite, MD_CONFLICT, "MD_DRIFT", "the table \"%s\" is not there",
			     r->how->table);
	if (md_lite_failed(r->lite))
		return false;
	r->segments = md_lite_segments(r->lite, row->one, &r->without_rowid);
	r->plain_key = counts_plainly(r);
	r->rowid = r->without_rowid ? NULL : md_lite_rowid(r->source.table);
	r->size = md_lite_size(r->lite, r->how->table, !r->without_rowid);
	r->name = md_lite_quote(r->lite, r->how->table);
	r->fresh = md_lite_quote(r->lite, md_lite_printf(r->lite, "_modeld_new_%s", r->how->table));
	return true;
}

/* Pages of a table that was copied are not written over before they are let go; many builds of
 * SQLite do that, and it takes as long as the copying. */
static void set_up(struct md_lite *lite)
{
	const struct md_lite_row *usual = md_lite_ask(lite, "PRAGMA secure_delete", NULL);

	md_plan_add_open(lite->work, "PRAGMA foreign_keys=OFF");
	md_plan_add_close(lite->work, "PRAGMA legacy_alter_table=OFF");
	if (usual && usual->one && strcmp(usual->one, "1") == 0) {
		md_plan_add_open(lite->work, "PRAGMA secure_delete=FAST");
		md_plan_add_close(lite->work, "PRAGMA secure_delete=ON");
	}
	md_plan_add_close(lite->work, "PRAGMA foreign_keys=ON");
}

void md_lite_rebuild(struct md_lite *lite, const struct md_lite_rebuild *how)
{
	struct rebuild r = { .lite = lite, .how = how, .source = { how->pair, NULL, true } };
	const struct md_lite_row *indexes, *triggers, *views;

	if (md_lite_failed(lite) || !look(&r))
		return;
	indexes = md_lite_ask(lite, hangs_on, how->table);
	triggers = md_lite_ask(lite, triggers_on, how->table);
	views = md_lite_sound_views(lite);
	set_up(lite);
	r.step = md_lite_step(lite, how->table, "%s", how->what);
	if (!r.step)
		return;
	r.step->lock_is_brief = false;
	r.step->rewrites = true;
	r.step->rows = r.size.rows;
	create(&r);
	copy(&r);
	carry_mark(&r);
	md_lite_runf(lite, r.step, "DROP TABLE %s", r.name);
	md_lite_runf(lite, r.step, "PRAGMA legacy_alter_table=ON");
	md_lite_runf(lite, r.step, "ALTER TABLE %s RENAME TO %s", r.fresh, r.name);
	md_lite_runf(lite, r.step, "PRAGMA legacy_alter_table=OFF");
	make_indexes(&r, indexes);
	for (; triggers; triggers = triggers->next)
		md_lite_runf(lite, r.step, "%s", triggers->other);
	md_lite_check_views(lite, views);
	md_lite_touch(lite, how->table, r.size.rows >= 0 && r.size.rows <= SMALL_ROWS);
}
