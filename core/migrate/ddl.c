#include "core/migrate/ddl.h"

#include <stdio.h>
#include <string.h>

#include "core/base/sha256.h"
#include "core/db/dialect.h"
#include "core/migrate/ddl_private.h"

#include "core/base/banned.h"

enum { STATEMENT_MAX = 1024 * 1024 };

/* --- pieces ------------------------------------------------------------------------------------
 */

static const struct md_ddl_dialect *const dialects[] = {
	&md_sqlite_ddl,
#ifdef MD_HAVE_POSTGRES
	&md_postgres_ddl,
#endif
};
enum { DIALECTS = sizeof(dialects) / sizeof(dialects[0]) };

const struct md_ddl_dialect *md_ddl_dialect_of(const struct md_dialect *sql)
{
	for (size_t i = 0; i < DIALECTS; i++)
		if (dialects[i]->sql == sql)
			return dialects[i];
	return NULL;
}

const struct md_ddl_dialect *md_ddl_dialect_for(unsigned engine)
{
	for (size_t i = 0; i < DIALECTS; i++)
		if (dialects[i]->engine == engine)
			return dialects[i];
	return NULL;
}

bool md_ddl_is_made(const struct md_def_model *model)
{
	return !model->abstract && model->managed != MD_DEF_NO;
}

const char *md_ddl_own_sql(const struct md_ddl_dialect *dialect, const struct md_def_sql *sql)
{
	const char *own = sql->own[md_engine_place(dialect->engine)];

	return own ? own : sql->any;
}

void md_ddl_put_name(const struct md_ddl_dialect *dialect, struct md_buf *sql, const char *name)
{
	dialect->sql->put_name(sql, md_str_of(name));
}

void md_ddl_put_text(struct md_buf *sql, const char *text)
{
	md_buf_putc(sql, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			md_buf_putc(sql, '\'');
		md_buf_putc(sql, *text);
	}
	md_buf_putc(sql, '\'');
}

void md_ddl_put_template(struct md_buf *sql, const char *template, const struct md_ddl_slot *slots)
{
	for (const char *p = template; *p != '\0'; p++) {
		const struct md_ddl_slot *slot = slots;

		while (*p == '{' && slot->letter != 0 && slot->letter != p[1])
			slot++;
		if (*p != '{' || slot->letter == 0) {
			md_buf_putc(sql, *p);
			continue;
		}
		md_buf_puts(sql, slot->text);
		p += 2;
	}
}

static void put_names(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		      const struct md_def_field *const *fields, unsigned count)
{
	md_buf_putc(sql, '(');
	for (unsigned i = 0; i < count; i++) {
		md_buf_puts(sql, i > 0 ? ", " : "");
		md_ddl_put_name(dialect, sql, md_def_column(fields[i]));
	}
	md_buf_putc(sql, ')');
}

static void put_constraint(const struct md_ddl_dialect *dialect, struct md_buf *sql,
			   const char *name)
{
	md_buf_puts(sql, ",\n  CONSTRAINT ");
	md_ddl_put_name(dialect, sql, name);
	md_buf_putc(sql, ' ');
}

/* --- columns -----------------------------------------------------------------------------------
 */

void md_ddl_put_default(const struct md_ddl_dialect *dialect, struct md_buf *sql,
			const struct md_def_field *field)
{
	const struct md_ddl_function *function = dialect->functions;
	const char *own = md_ddl_own_sql(dialect, &field->value.sql);

	if (own) {
		md_buf_printf(sql, "(%s)", own);
		return;
	}
	if (field->value.literal.kind != MD_DEF_NO_VALUE) {
		if (field->value.literal.kind != MD_DEF_NULL)
			dialect->put_literal(sql, field, &field->value.literal);
		return;
	}
	for (; function->fn != MD_DEF_FN_NONE; function++) {
		if (function->fn != field->value.fn ||
		    (function->type != MD_DEF_NONE && function->type != field->type))
			continue;
		md_buf_printf(sql, "(%s)", function->sql);
		return;
	}
}

void md_ddl_put_generated(const struct md_ddl_dialect *dialect, struct md_buf *sql,
			  const struct md_def_field *field)
{
	const char *own = md_ddl_own_sql(dialect, &field->generated);

	md_buf_printf(sql, " GENERATED ALWAYS AS (%s) %s", own ? own : "NULL",
		      field->stored == MD_DEF_NO ? "VIRTUAL" : "STORED");
}

void md_ddl_put_type(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		     const struct md_def_field *field)
{
	const char *own = md_ddl_own_sql(dialect, &field->sql_type);

	if (!own && dialect->put_type)
		dialect->put_type(sql, field);
	else
		md_buf_puts(sql, own                              ? own
				 : md_ddl_is_long(dialect, field) ? dialect->long_decimal
								  : dialect->types[field->type]);
}

static bool is_text(enum md_def_type type)
{
	return type == MD_DEF_STRING || type == MD_DEF_TEXT || type == MD_DEF_ENUM;
}

/* One that nobody asked for only where there is text to be sorted. */
void md_ddl_put_collation(const struct md_ddl_dialect *dialect, struct md_buf *sql,
			  const struct md_def_field *field)
{
	const char *collation = dialect->collations[field->collate];

	if (collation && (field->collate != MD_DEF_COLLATE_UNSET ||
			  (!md_ddl_own_sql(dialect, &field->sql_type) &&
			   is_text(field->type == MD_DEF_ARRAY ? field->items : field->type))))
		md_buf_printf(sql, " COLLATE %s", collation);
}

void md_ddl_put_column(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		       const struct md_def_model *model, const struct md_def_field *field)
{
	size_t before;

	md_ddl_put_name(dialect, sql, md_def_column(field));
	md_buf_putc(sql, ' ');
	md_ddl_put_type(dialect, sql, field);
	if (field->identity) {
		md_buf_puts(sql, " CONSTRAINT ");
		md_ddl_put_name(dialect, sql, model->key_name);
		md_buf_putc(sql, ' ');
		md_buf_puts(sql, dialect->identity);
	}
	md_ddl_put_collation(dialect, sql, field);
	if (field->is_generated)
		md_ddl_put_generated(dialect, sql, field);
	if (!field->nullable)
		md_buf_puts(sql, " NOT NULL");
	if (field->is_generated)
		return;
	before = sql->len;
	md_buf_puts(sql, " DEFAULT ");
	md_ddl_put_default(dialect, sql, field);
	if (!sql->failed && sql->len == before + strlen(" DEFAULT "))
		sql->len = before;
}

/* --- tables ------------------------------------------------------------------------------------
 */

/* A foreign key that waits for its target. */
struct late {
	const struct md_def_model *model;
	const struct md_def_foreign_key *key;
};

struct plan {
	const struct md_ddl_dialect *dialect;
	const struct md_definitions *definitions;
	struct md_arena *arena;
	struct md_ddl_statement *statements;
	unsigned count;
	bool *waiting; /* by model */
	struct late *late;
	unsigned late_count;
};

static bool is_late(const struct plan *plan, const struct md_def_foreign_key *key)
{
	return plan->dialect->targets_first && plan->waiting &&
	       plan->waiting[key->to - plan->definitions->models];
}

static void put_key(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		    const struct md_def_model *model)
{
	if (model->key_count == 0 || (model->key[0]->identity && dialect->identity_is_key))
		return;
	put_constraint(dialect, sql, model->key_name);
	md_buf_puts(sql, "PRIMARY KEY ");
	put_names(dialect, sql, model->key, model->key_count);
}

bool md_ddl_is_constraint(const struct md_ddl_dialect *dialect, const struct md_def_index *index)
{
	for (unsigned i = 0; i < index->count; i++)
		if (index->columns[i].descending)
			return false;
	return index->unique && index->in_unique && !md_ddl_own_sql(dialect, &index->where);
}

static void put_index_columns(const struct md_ddl_dialect *dialect, struct md_buf *sql,
			      const struct md_def_index *index)
{
	static const char *const nulls[] = {
		[MD_DEF_NULLS_UNSET] = "",
		[MD_DEF_NULLS_FIRST] = " NULLS FIRST",
		[MD_DEF_NULLS_LAST] = " NULLS LAST",
	};

	md_buf_putc(sql, '(');
	for (unsigned i = 0; i < index->count; i++) {
		md_buf_puts(sql, i > 0 ? ", " : "");
		md_ddl_put_name(dialect, sql, md_def_column(index->columns[i].field));
		md_buf_puts(sql, index->columns[i].descending ? " DESC" : "");
		if (dialect->rich_indexes)
			md_buf_puts(sql, nulls[index->columns[i].nulls]);
	}
	md_buf_putc(sql, ')');
}

static void put_unique(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		       const struct md_def_index *index)
{
	if (!md_ddl_is_constraint(dialect, index))
		return;
	put_constraint(dialect, sql, index->name);
	md_buf_puts(sql, "UNIQUE ");
	put_index_columns(dialect, sql, index);
}

void md_ddl_put_foreign_key(const struct md_ddl_dialect *dialect, struct md_buf *sql,
			    const struct md_def_foreign_key *key)
{
	static const char *const actions[] = {
		[MD_DEF_RESTRICT] = "RESTRICT",
		[MD_DEF_CASCADE] = "CASCADE",
		[MD_DEF_SET_NULL] = "SET NULL",
		[MD_DEF_SET_DEFAULT] = "SET DEFAULT",
	};
	static const char *const deferrable[] = {
		[MD_DEF_NOT_DEFERRABLE] = "",
		[MD_DEF_IMMEDIATE] = " DEFERRABLE INITIALLY IMMEDIATE",
		[MD_DEF_DEFERRED] = " DEFERRABLE INITIALLY DEFERRED",
	};

	md_buf_puts(sql, "CONSTRAINT ");
	md_ddl_put_name(dialect, sql, key->name);
	md_buf_puts(sql, " FOREIGN KEY ");
	put_names(dialect, sql, key->fields, key->count);
	md_buf_puts(sql, " REFERENCES ");
	md_ddl_put_name(dialect, sql, key->to->table);
	md_buf_putc(sql, ' ');
	put_names(dialect, sql, key->targets, key->count);
	if (actions[key->on_delete])
		md_buf_printf(sql, " ON DELETE %s", actions[key->on_delete]);
	if (actions[key->on_update])
		md_buf_printf(sql, " ON UPDATE %s", actions[key->on_update]);
	md_buf_puts(sql, deferrable[key->deferrable]);
}

static void put_own_check(const struct md_ddl_dialect *dialect, struct md_buf *sql,
			  const struct md_def_check *check)
{
	const char *own = md_ddl_own_sql(dialect, &check->sql);

	if (!own)
		return;
	put_constraint(dialect, sql, check->name);
	md_buf_printf(sql, "CHECK (%s)", own);
}

static void put_table(const struct plan *plan, struct md_buf *sql, const struct md_def_model *model,
		      const struct md_ddl_extra *extra)
{
	const struct md_ddl_dialect *dialect = plan->dialect;

	if (dialect->put_create)
		dialect->put_create(sql, model);
	else
		md_buf_puts(sql, "CREATE TABLE ");
	md_ddl_put_name(dialect, sql, extra->name ? extra->name : model->table);
	md_buf_puts(sql, " (\n  ");
	for (unsigned i = 0; i < model->field_count; i++) {
		md_buf_puts(sql, i > 0 ? ",\n  " : "");
		md_ddl_put_column(dialect, sql, model, &model->fields[i]);
	}
	md_buf_puts(sql, extra->columns ? extra->columns : "");
	put_key(dialect, sql, model);
	for (unsigned i = 0; i < model->index_count; i++)
		put_unique(dialect, sql, &model->indexes[i]);
	for (unsigned i = 0; i < model->foreign_key_count; i++) {
		if (is_late(plan, &model->foreign_keys[i]))
			continue;
		md_buf_puts(sql, ",\n  ");
		md_ddl_put_foreign_key(dialect, sql, &model->foreign_keys[i]);
	}
	for (unsigned i = 0; i < model->field_count; i++)
		md_ddl_put_check(dialect, sql, &model->fields[i]);
	for (unsigned i = 0; i < model->check_count; i++)
		put_own_check(dialect, sql, &model->checks[i]);
	md_buf_puts(sql, extra->constraints ? extra->constraints : "");
	md_buf_puts(sql, "\n)");
	dialect->put_table_options(sql, model);
}

void md_ddl_put_table(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		      const struct md_def_model *model, const struct md_ddl_extra *extra)
{
	const struct plan plan = { .dialect = dialect };

	put_table(&plan, sql, model, extra);
}

/* A foreign key whose target was not there yet. */
static void put_late(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		     const struct md_def_model *model, const struct md_def_foreign_key *key)
{
	md_buf_puts(sql, "ALTER TABLE ");
	md_ddl_put_name(dialect, sql, model->table);
	md_buf_puts(sql, " ADD ");
	md_ddl_put_foreign_key(dialect, sql, key);
}

static void put_using(struct md_buf *sql, enum md_def_using using)
{
	static const char *const names[] = {
		[MD_DEF_BTREE] = "btree", [MD_DEF_HASH] = "hash", [MD_DEF_GIN] = "gin",
		[MD_DEF_GIST] = "gist",   [MD_DEF_BRIN] = "brin", [MD_DEF_FULLTEXT] = NULL,
	};

	if (names[using])
		md_buf_printf(sql, "USING %s ", names[using]);
}

static const struct md_def_field *find_field(const struct md_def_model *model, const char *name)
{
	for (unsigned i = 0; i < model->field_count; i++)
		if (strcmp(model->fields[i].name, name) == 0)
			return &model->fields[i];
	return NULL;
}

static void put_include(const struct md_ddl_dialect *dialect, struct md_buf *sql,
			const struct md_def_model *model, const struct md_def_names *names)
{
	for (unsigned i = 0; i < names->count; i++) {
		const struct md_def_field *field = find_field(model, names->items[i]);

		md_buf_puts(sql, i > 0 ? ", " : " INCLUDE (");
		md_ddl_put_name(dialect, sql, field ? md_def_column(field) : names->items[i]);
	}
	if (names->count > 0)
		md_buf_putc(sql, ')');
}

void md_ddl_put_index(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		      const struct md_def_model *model, const struct md_def_index *index)
{
	const char *where = md_ddl_own_sql(dialect, &index->where);

	md_buf_printf(sql, "CREATE %sINDEX ", index->unique ? "UNIQUE " : "");
	md_ddl_put_name(dialect, sql, index->name);
	md_buf_puts(sql, " ON ");
	md_ddl_put_name(dialect, sql, model->table);
	md_buf_putc(sql, ' ');
	if (dialect->rich_indexes)
		put_using(sql, index->using);
	put_index_columns(dialect, sql, index);
	if (dialect->rich_indexes)
		put_include(dialect, sql, model, &index->include);
	if (where)
		md_buf_printf(sql, " WHERE %s", where);
}

/* --- the plan ----------------------------------------------------------------------------------
 */

/* `sql` is what makes it. */
static bool add(struct plan *plan, enum md_ddl_makes makes, const char *name,
		const struct md_def_model *model, const struct md_buf *sql)
{
	char *text = sql->failed ? NULL : md_arena_strndup(plan->arena, sql->data, sql->len);

	if (!text)
		return false;
	plan->statements[plan->count++] = (struct md_ddl_statement){
		.makes = makes, .name = name, .model = model, .sql = text
	};
	return true;
}

static bool add_index(struct plan *plan, const struct md_def_model *model,
		      const struct md_def_index *index)
{
	md_auto_buf sql = MD_BUF(STATEMENT_MAX);

	md_ddl_put_index(plan->dialect, &sql, model, index);
	return add(plan, MD_MAKES_INDEX, index->name, model, &sql);
}

static bool add_model(struct plan *plan, const struct md_def_model *model)
{
	static const struct md_ddl_extra nothing_extra = { .name = NULL };
	md_auto_buf sql = MD_BUF(STATEMENT_MAX);
	bool ok;

	put_table(plan, &sql, model, &nothing_extra);
	ok = add(plan, MD_MAKES_TABLE, model->table, model, &sql);
	for (unsigned i = 0; ok && i < model->index_count; i++)
		if (!md_ddl_is_constraint(plan->dialect, &model->indexes[i]))
			ok = add_index(plan, model, &model->indexes[i]);
	for (unsigned i = 0; i < model->foreign_key_count; i++)
		if (is_late(plan, &model->foreign_keys[i]))
			plan->late[plan->late_count++] =
				(struct late){ model, &model->foreign_keys[i] };
	return ok;
}

static bool add_late(struct plan *plan)
{
	bool ok = true;

	for (unsigned i = 0; ok && i < plan->late_count; i++) {
		const struct late *late = &plan->late[i];
		md_auto_buf sql = MD_BUF(STATEMENT_MAX);

		put_late(plan->dialect, &sql, late->model, late->key);
		ok = add(plan, MD_MAKES_FOREIGN_KEY, late->key->name, late->model, &sql);
	}
	return ok;
}

/* Does a table that is still to come stand before this one? */
static bool is_blocked(const struct plan *plan, unsigned number)
{
	const struct md_def_model *models = plan->definitions->models;

	for (unsigned i = 0; i < models[number].foreign_key_count; i++) {
		const struct md_def_model *to = models[number].foreign_keys[i].to;

		if (to != &models[number] && plan->waiting[to - models])
			return true;
	}
	return false;
}

/* Round after round those that wait for nobody; in a circle the first one goes ahead. */
static bool add_models(struct plan *plan, unsigned left)
{
	unsigned count = plan->definitions->model_count, first, before;

	while (left > 0) {
		first = count;
		before = left;
		for (unsigned i = 0; i < count; i++) {
			if (!plan->waiting[i])
				continue;
			if (is_blocked(plan, i)) {
				first = first < i ? first : i;
				continue;
			}
			plan->waiting[i] = false;
			left--;
			if (!add_model(plan, &plan->definitions->models[i]))
				return false;
		}
		if (left < before || left == 0)
			continue;
		plan->waiting[first] = false;
		left--;
		if (!add_model(plan, &plan->definitions->models[first]))
			return false;
	}
	return true;
}

enum md_code md_ddl_plan(const struct md_ddl_dialect *dialect,
			 const struct md_definitions *definitions, const bool *wanted,
			 struct md_arena *arena, struct md_ddl_plan *ret_plan, struct md_error *err)
{
	struct plan plan = { .dialect = dialect, .definitions = definitions, .arena = arena };
	unsigned tables = 0, room = 0, keys = 0;

	plan.waiting = md_arena_alloc(arena, definitions->model_count * sizeof(*plan.waiting));
	for (unsigned i = 0; plan.waiting && i < definitions->model_count; i++) {
		plan.waiting[i] = wanted[i];
		tables += wanted[i];
		room += wanted[i] ? 1 + definitions->models[i].index_count : 0;
		keys += wanted[i] ? definitions->models[i].foreign_key_count : 0;
	}
	plan.late = md_arena_alloc(arena, keys * sizeof(*plan.late));
	plan.statements = md_arena_alloc(arena, (room + keys) * sizeof(*plan.statements));
	if (!plan.waiting || !plan.late || !plan.statements || !add_models(&plan, tables) ||
	    !add_late(&plan))
		return md_fail_nomem(err);
	*ret_plan = (struct md_ddl_plan){ plan.statements, plan.count };
	return MD_OK;
}

/* --- ownership ---------------------------------------------------------------------------------
 */

const char *md_ddl_kind(enum md_ddl_makes makes)
{
	static const char *const kinds[MD_MAKES_KINDS] = { "table", "index", "foreign key" };

	return kinds[makes];
}

void md_ddl_checksum(const char *sql, char out[MD_DDL_CHECKSUM])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[MD_SHA256_SIZE];

	md_sha256(sql, strlen(sql), sum);
	for (unsigned i = 0; i < MD_SHA256_SIZE; i++) {
		out[2 * i] = digits[sum[i] >> 4];
		out[2 * i + 1] = digits[sum[i] & 15];
	}
	out[2 * MD_SHA256_SIZE] = '\0';
}

void md_ddl_put_entry(const struct md_ddl_dialect *dialect, struct md_buf *sql,
		      const struct md_ddl_statement *made)
{
	md_auto_buf name = MD_BUF(STATEMENT_MAX), model = MD_BUF(STATEMENT_MAX);
	char checksum[MD_DDL_CHECKSUM + 2] = "'", kind[16];
	struct md_ddl_slot slots[] = {
		{ 'k', kind }, { 'n', NULL }, { 'm', NULL }, { 's', checksum }, { 0, NULL }
	};

	md_ddl_checksum(made->sql, checksum + 1);
	checksum[MD_DDL_CHECKSUM] = '\'';
	checksum[MD_DDL_CHECKSUM + 1] = '\0';
	snprintf(kind, sizeof(kind), "'%s'", md_ddl_kind(made->makes));
	md_ddl_put_text(&name, made->name);
	md_ddl_put_text(&model, made->model->name);
	slots[1].text = md_buf_text(&name);
	slots[2].text = md_buf_text(&model);
	if (!slots[1].text || !slots[2].text)
		sql->failed = true;
	else
		md_ddl_put_template(sql, dialect->objects_entry, slots);
}
