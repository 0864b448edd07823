/* From what SQLite says of a violated constraint to what PostgreSQL would say: names of keys,
 * columns and checks are in constraint_names.c, foreign keys are found here, by looking.
 *
 * Of a deleted or changed row: whether another still refers to it. Of a new one: whether what it
 * refers to is there; of a change that gives a part of the key only: whether one of the rows would
 * then refer to nothing. A key of the table to itself comes last, because the rows of the body may
 * refer to one another. */
#include "core/ops/constraint.h"

#include <string.h>

#include "core/base/map.h"
#include "core/model/define.h"
#include "core/model/registry.h"
#include "core/ops/check.h"
#include "core/ops/keys.h"

#include "core/base/banned.h"

enum {
	LOOKS_MAX = 1000, /* look-ups for one error */
	ROWS_MAX = 10000, /* rows that may refer to one another */
	SQL_MAX = 1u << 18,
	TEXT_MAX = 64 * 1024
};

enum stage { CHILDREN, PARENTS, SELF, END };

struct md_constraint {
	struct md_constraint_ask ask;
	enum stage stage;
	unsigned at; /* of the model's relations: the next one */
	unsigned looks;
	struct md_written_row row;
	const struct md_relation *relation; /* looked at now; NULL: the next one is to be found */
	const struct md_value *values;      /* PARENTS and SELF: what must be there */
	struct md_value *room;              /* for them */
	bool partly;            /* the change gives a part of them: the rows have the others */
	struct md_keys offered; /* SELF: by the rows of the body */
	struct md_stmt stmt;
};

/* --- foreign keys ----------------------------------------------------------------------------- */

/* Whether the key was looked at when the error was found. */
static bool is_suspect(const struct md_constraint *c, const struct md_relation *relation)
{
	return (relation->deferred || c->ask.postponed) == c->ask.at_end;
}

/* NO ACTION may be deferred, RESTRICT never waits. */
static bool restricts(const struct md_constraint *c, const struct md_relation *relation,
		      enum md_fk_action action)
{
	if (action == MD_FK_RESTRICT)
		return !c->ask.at_end;
	return action == MD_FK_NO_ACTION && is_suspect(c, relation);
}

static bool is_written(const struct md_written_row *row, const struct md_relation *relation)
{
	for (unsigned i = 0; i < relation->local_count; i++)
		if (md_written_value(row, relation->local[i]))
			return true;
	return false;
}

static bool is_foreign_key(const struct md_relation *relation)
{
	return relation->cardinality != MD_MANY_TO_MANY && relation->to->kind == MD_REL_TABLE;
}

/* May other rows, by this key, stand against the change? */
static bool may_hold(const struct md_constraint *c, const struct md_relation *relation)
{
	if (relation->here || !is_foreign_key(relation))
		return false;
	if (c->ask.kind == MD_WRITE_DELETE)
		return restricts(c, relation, relation->on_delete);
	return restricts(c, relation, relation->on_update) && is_written(&c->row, relation);
}

static void put_name(const struct md_constraint *c, struct md_buf *sql, struct md_str name)
{
	c->ask.dialect->put_name(sql, name);
}

static void put_member(const struct md_constraint *c, struct md_buf *sql, unsigned alias,
		       const struct md_field *field)
{
	md_buf_printf(sql, "t%u.", alias);
	put_name(c, sql, field->column);
}

/* Only keys that change; the placeholder is that of the write. */
static void put_changed(const struct md_constraint *c, struct md_buf *sql,
			const struct md_relation *relation)
{
	md_buf_puts(sql, " AND NOT (1");
	for (unsigned i = 0; i < relation->local_count; i++) {
		const struct md_value *value = md_written_value(&c->row, relation->local[i]);

		if (!value)
			continue;
		md_buf_puts(sql, " AND ");
		put_member(c, sql, c->ask.plan->alias, relation->local[i]);
		md_buf_puts(sql, " IS ");
		c->ask.dialect->put_param(sql, (unsigned)(value - c->row.args) + 1);
	}
	md_buf_putc(sql, ')');
}

/* Rows that go, too, hold nothing: those of the same table that the filters mean. */
static void put_not_going(const struct md_constraint *c, struct md_buf *sql)
{
	const struct md_model *model = c->ask.model;

	md_buf_puts(sql, " AND NOT EXISTS (SELECT 1 FROM ");
	put_name(c, sql, model->name);
	md_buf_printf(sql, " AS t%u WHERE (", c->ask.plan->alias);
	md_buf_putstr(sql, c->ask.plan->where);
	md_buf_putc(sql, ')');
	for (unsigned i = 0; i < model->key_count; i++) {
		md_buf_puts(sql, " AND ");
		put_member(c, sql, c->ask.plan->alias, model->key[i]);
		md_buf_puts(sql, " = md_other.");
		put_name(c, sql, model->key[i]->column);
	}
	md_buf_putc(sql, ')');
}

/* What the field is. */
static void put_present(const struct md_constraint *c, struct md_buf *sql,
			const struct md_field *field)
{
	put_member(c, sql, c->ask.plan->alias, field);
}

/* EXISTS, left open: a row at the other end, of what `put` says of the fields at this one. */
static void put_other(const struct md_constraint *c, struct md_buf *sql,
		      const struct md_relation *relation,
		      void (*put)(const struct md_constraint *c, struct md_buf *sql,
				  const struct md_field *field))
{
	md_buf_puts(sql, "EXISTS (SELECT 1 FROM ");
	put_name(c, sql, relation->to->name);
	md_buf_puts(sql, " AS md_other WHERE ");
	for (unsigned i = 0; i < relation->local_count; i++) {
		md_buf_puts(sql, i > 0 ? " AND md_other." : "md_other.");
		put_name(c, sql, relation->remote[i]->column);
		md_buf_puts(sql, " = ");
		put(c, sql, relation->local[i]);
	}
}

/* The key of a row that is meant and that another row refers to. */
static void put_children(const struct md_constraint *c, struct md_buf *sql,
			 const struct md_relation *relation)
{
	bool deletes = c->ask.kind == MD_WRITE_DELETE;

	md_buf_puts(sql, "SELECT ");
	for (unsigned i = 0; i < relation->local_count; i++) {
		md_buf_puts(sql, i > 0 ? "," : "");
		put_member(c, sql, c->ask.plan->alias, relation->local[i]);
	}
	md_buf_puts(sql, " FROM ");
	put_name(c, sql, c->ask.model->name);
	md_buf_printf(sql, " AS t%u WHERE (", c->ask.plan->alias);
	if (c->ask.plan->where.len > 0)
		md_buf_putstr(sql, c->ask.plan->where);
	else
		md_buf_putc(sql, '1');
	md_buf_putc(sql, ')');
	if (!deletes)
		put_changed(c, sql, relation);
	md_buf_puts(sql, " AND ");
	put_other(c, sql, relation, put_present);
	if (deletes && relation->self)
		put_not_going(c, sql);
	md_buf_puts(sql, ") LIMIT 1");
}

static void put_parent(const struct md_constraint *c, struct md_buf *sql,
		       const struct md_relation *relation)
{
	md_buf_puts(sql, "SELECT 1 FROM ");
	put_name(c, sql, relation->to->name);
	for (unsigned i = 0; i < relation->local_count; i++) {
		md_buf_puts(sql, i > 0 ? " AND " : " WHERE ");
		put_name(c, sql, relation->remote[i]->column);
		md_buf_puts(sql, " = ");
		c->ask.dialect->put_param(sql, i + 1);
	}
	md_buf_puts(sql, " LIMIT 1");
}

/* What the field will be: a placeholder of the write, its default, or what it is. */
static void put_future(const struct md_constraint *c, struct md_buf *sql,
		       const struct md_field *field)
{
	const struct md_value *value = md_written_value(&c->row, field);

	if (value)
		c->ask.dialect->put_param(sql, (unsigned)(value - c->row.args) + 1);
	else if (md_written_lacks(&c->row, field))
		md_buf_printf(sql, "(%s)", field->fallback ? field->fallback : "NULL");
	else
		put_present(c, sql, field);
}

/* What a row that is meant would refer to, and that is not there. */
static void put_orphan(const struct md_constraint *c, struct md_buf *sql,
		       const struct md_relation *relation)
{
	md_buf_puts(sql, "SELECT ");
	for (unsigned i = 0; i < relation->local_count; i++) {
		md_buf_puts(sql, i > 0 ? "," : "");
		put_future(c, sql, relation->local[i]);
	}
	md_buf_puts(sql, " FROM ");
	put_name(c, sql, c->ask.model->name);
	md_buf_printf(sql, " AS t%u WHERE (", c->ask.plan->alias);
	md_buf_putstr(sql, c->ask.plan->where.len > 0 ? c->ask.plan->where : MD_STR("1"));
	md_buf_putc(sql, ')');
	for (unsigned i = 0; i < relation->local_count; i++) {
		md_buf_puts(sql, " AND ");
		put_future(c, sql, relation->local[i]);
		md_buf_puts(sql, " IS NOT NULL");
	}
	md_buf_puts(sql, " AND NOT ");
	put_other(c, sql, relation, put_future);
	md_buf_puts(sql, ") LIMIT 1");
}

static bool keep(struct md_constraint *c, const struct md_buf *sql, unsigned params,
		 const bool *secret)
{
	const char *text = sql->failed ? NULL : md_arena_strndup(c->ask.arena, sql->data, sql->len);

	c->stmt = (struct md_stmt){
		.sql = text, .params = params, .secret = secret, .returns_rows = true
	};
	return text != NULL;
}

static enum md_next call(struct md_constraint *c, const struct md_value *args,
			 struct md_call *ret_call)
{
	if (c->looks++ == LOOKS_MAX)
		return MD_NEXT_ROLLBACK;
	*ret_call = (struct md_call){ .stmt = &c->stmt, .args = args };
	return MD_NEXT_CALL;
}

/* All rows of a table that goes as a whole go: none of them holds another. */
static bool is_moot(const struct md_constraint *c, const struct md_relation *relation)
{
	return relation->self && c->ask.kind == MD_WRITE_DELETE &&
	       (c->ask.plan->where.len == 0 || c->ask.model->key_count == 0);
}

static enum md_next next_children(struct md_constraint *c, struct md_call *ret_call)
{
	while (c->at < c->ask.model->relation_count) {
		const struct md_relation *relation = &c->ask.model->relations[c->at++];
		md_auto_buf sql = MD_BUF(SQL_MAX);

		if (!may_hold(c, relation) || is_moot(c, relation))
			continue;
		c->relation = relation;
		put_children(c, &sql, relation);
		return keep(c, &sql, c->row.stmt->stmt.params, c->row.stmt->stmt.secret)
			       ? call(c, c->row.args, ret_call)
			       : MD_NEXT_ROLLBACK;
	}
	return MD_NEXT_ROLLBACK;
}

/* What the row refers to by the key. NULL: nothing, or that cannot be said. */
static const struct md_value *target_of(struct md_constraint *c)
{
	for (unsigned i = 0; i < c->relation->local_count; i++) {
		const struct md_value *value = md_written_value(&c->row, c->relation->local[i]);

		if (!value || value->type == MD_NULL)
			return NULL;
		c->room[i] = *value;
	}
	return c->room;
}

/* Does a row of the body offer what another refers to? What is not known counts as offered. */
static bool is_offered(struct md_constraint *c)
{
	bool is_new = true;

	if (!c->relation->self)
		return false;
	if (c->ask.kind != MD_WRITE_INSERT)
		return md_written_value(&c->row, c->relation->remote[0]) != NULL;
	return md_keys_add(&c->offered, c->values, c->relation->local_count, c->ask.arena, &is_new,
			   NULL) != MD_OK ||
	       !is_new;
}

static bool offer(struct md_constraint *c)
{
	bool is_new;

	for (unsigned i = 0; i < c->relation->local_count; i++) {
		const struct md_value *value = md_written_value(&c->row, c->relation->remote[i]);

		if (!value)
			return true; /* nobody can refer to what the database is to make */
		c->room[i] = *value;
	}
	return md_keys_add(&c->offered, c->room, c->relation->local_count, c->ask.arena, &is_new,
			   NULL) == MD_OK;
}

/* What the rows up to the one at hand offer; that is the row at hand again then. */
static bool gather(struct md_constraint *c)
{
	bool ok = c->ask.row_count <= ROWS_MAX;

	md_keys_clear(&c->offered);
	for (uint64_t n = 0; ok && n < c->ask.row_count; n++)
		ok = c->ask.next(c->ask.arg, n == 0, &c->row) && offer(c);
	return ok;
}

/* Begin with a key. False: give up. */
static bool begin_relation(struct md_constraint *c)
{
	md_auto_buf sql = MD_BUF(SQL_MAX);
	bool *secret;

	put_parent(c, &sql, c->relation);
	secret = md_arena_alloc(c->ask.arena, c->relation->local_count * sizeof(*secret));
	for (unsigned i = 0; secret && i < c->relation->local_count; i++)
		secret[i] = !md_field_is_visible(c->relation->local[i]);
	c->room = md_arena_alloc(c->ask.arena, c->relation->local_count * sizeof(*c->room));
	if (!c->room || !secret || !keep(c, &sql, c->relation->local_count, secret))
		return false;
	if (c->relation->self && c->ask.kind == MD_WRITE_INSERT && !gather(c))
		return false;
	return c->ask.at_row || c->ask.next(c->ask.arg, true, &c->row);
}

static bool find_relation(struct md_constraint *c)
{
	const struct md_model *model = c->ask.model;

	while (c->at < model->relation_count) {
		const struct md_relation *relation = &model->relations[c->at++];

		if (!relation->here || !is_foreign_key(relation) ||
		    relation->self != (c->stage == SELF) || !is_suspect(c, relation))
			continue;
		c->relation = relation;
		return true;
	}
	return false;
}

/* Look for rows that the change would make refer to nothing, where it gives a part of the key.
 * False: it does not, or they cannot be looked for. */
static bool keep_orphan(struct md_constraint *c)
{
	bool changes = is_written(&c->row, c->relation);
	md_auto_buf sql = MD_BUF(SQL_MAX);

	for (unsigned i = 0; i < c->relation->local_count; i++)
		changes = changes || md_written_lacks(&c->row, c->relation->local[i]);
	if (c->ask.kind != MD_WRITE_UPDATE || !changes)
		return false;
	put_orphan(c, &sql, c->relation);
	c->partly = keep(c, &sql, c->row.stmt->stmt.params, c->row.stmt->stmt.secret);
	return c->partly;
}

/* Key by key, each through all rows that may be at fault. */
static enum md_next next_parent(struct md_constraint *c, struct md_call *ret_call)
{
	for (;;) {
		if (!c->relation) {
			if (!find_relation(c) || !begin_relation(c))
				return MD_NEXT_ROLLBACK;
		} else if (c->ask.at_row || !c->ask.next(c->ask.arg, false, &c->row)) {
			c->relation = NULL;
			continue;
		}
		c->partly = false;
		c->values = target_of(c);
		if (c->values)
			return call(c, c->values, ret_call);
		if (keep_orphan(c))
			return call(c, c->row.args, ret_call);
	}
}

enum md_next md_constraint_next(struct md_constraint *c, struct md_call *ret_call)
{
	enum md_next next = MD_NEXT_ROLLBACK;

	while (c->stage != END && next != MD_NEXT_CALL) {
		next = c->stage == CHILDREN ? next_children(c, ret_call) : next_parent(c, ret_call);
		if (next == MD_NEXT_CALL)
			return next;
		c->at = 0;
		c->relation = NULL;
		c->stage = c->ask.kind == MD_WRITE_DELETE ? END : c->stage + 1;
	}
	return MD_NEXT_ROLLBACK;
}

void md_constraint_release(struct md_constraint *c)
{
	if (c)
		md_keys_clear(&c->offered);
}

/* --- what was found --------------------------------------------------------------------------- */

static void tell_held(struct md_constraint *c, const struct md_value *cells)
{
	const struct md_relation *relation = c->relation;
	const struct md_value **values =
		md_arena_alloc(c->ask.arena, relation->local_count * sizeof(*values));
	struct md_error *err = &c->ask.unit->error;
	md_auto_buf pairs = MD_BUF(TEXT_MAX);

	for (unsigned i = 0; values && i < relation->local_count; i++)
		values[i] = &cells[i];
	md_fail(err, MD_CONFLICT, "23503",
		"update or delete on table \"%.*s\" violates foreign key constraint \"%.*s\" on "
		"table \"%.*s\"",
		MD_STR_ARG(c->ask.model->name), MD_STR_ARG(relation->constraint),
		MD_STR_ARG(relation->to->name));
	if (values &&
	    md_constraint_put_pairs(&pairs, relation->local, relation->local_count, values, false))
		md_error_details(err, "Key %.*s is still referenced from table \"%.*s\".",
				 (int)pairs.len, pairs.data, MD_STR_ARG(relation->to->name));
}

static void tell_absent(struct md_constraint *c)
{
	const struct md_relation *relation = c->relation;
	const struct md_value **values =
		md_arena_alloc(c->ask.arena, relation->local_count * sizeof(*values));
	struct md_error *err = &c->ask.unit->error;
	md_auto_buf pairs = MD_BUF(TEXT_MAX);

	for (unsigned i = 0; values && i < relation->local_count; i++)
		values[i] = &c->values[i];
	md_fail(err, MD_CONFLICT, "23503",
		"insert or update on table \"%.*s\" violates foreign key constraint \"%.*s\"",
		MD_STR_ARG(c->ask.model->name), MD_STR_ARG(relation->constraint));
	if (values &&
	    md_constraint_put_pairs(&pairs, relation->local, relation->local_count, values, false))
		md_error_details(err, "Key %.*s is not present in table \"%.*s\".", (int)pairs.len,
				 pairs.data, MD_STR_ARG(relation->to->name));
}

enum md_flow md_constraint_rows(struct md_constraint *c, struct md_rows *rows)
{
	const struct md_value *cells;
	enum md_step step = rows->next(rows, &cells, NULL);

	if (step != MD_STEP_ROW && step != MD_STEP_END)
		return MD_FLOW_ABORT;
	if (c->partly && step == MD_STEP_ROW)
		c->values = cells;
	if (c->stage == CHILDREN && step == MD_STEP_ROW)
		tell_held(c, cells);
	else if (c->stage != CHILDREN && (step == MD_STEP_ROW) == c->partly && !is_offered(c))
		tell_absent(c);
	else
		return MD_FLOW_ON;
	c->stage = END;
	return MD_FLOW_ON;
}

/* --- beginning -------------------------------------------------------------------------------- */

/* What can be said in any case. */
static void name_table(const struct md_constraint_ask *ask)
{
	md_fail(&ask->unit->error, MD_CONFLICT, "23503",
		"%s on table \"%.*s\" violates foreign key constraint",
		ask->kind == MD_WRITE_DELETE ? "update or delete" : "insert or update",
		MD_STR_ARG(ask->model->name));
}

static struct md_constraint *look_for_keys(const struct md_constraint_ask *ask)
{
	struct md_constraint *c = md_arena_zalloc(ask->arena, sizeof(*c));

	name_table(ask);
	/* Behind a view stand tables that the write does not name. */
	if (!c || ask->model->kind == MD_REL_VIEW)
		return NULL;
	c->ask = *ask;
	c->stage = ask->kind == MD_WRITE_INSERT ? PARENTS : CHILDREN;
	if (ask->at_row)
		ask->row(ask->arg, &c->row);
	return c;
}

struct md_constraint *md_constraint_new(const struct md_constraint_ask *ask)
{
	if (strcmp(ask->unit->error.wire, "23503") == 0)
		return look_for_keys(ask);
	md_constraint_find_name(ask);
	return NULL;
}
