/* Texts and steps of plans for PostgreSQL. */
#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/migrate/plan_postgres_private.h"

#include "core/base/banned.h"

enum { PIECE_MAX = 1024 * 1024, FIRST_ROOM = 8 };

/* --- texts -------------------------------------------------------------------------------------
 */

const char *pg_text(struct pg *pg, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = md_plan_vprintf(pg->work, fmt, ap);
	va_end(ap);
	return text;
}

const char *pg_name(struct pg *pg, const char *name)
{
	md_auto_buf text = MD_BUF(PIECE_MAX);

	md_ddl_put_name(&md_postgres_ddl, &text, name);
	return md_plan_keep(pg->work, &text);
}

const char *pg_literal(struct pg *pg, const char *value)
{
	md_auto_buf text = MD_BUF(PIECE_MAX);

	md_ddl_put_text(&text, value);
	return md_plan_keep(pg->work, &text);
}

const char *pg_put(struct pg *pg,
		   void (*put)(const struct md_ddl_dialect *dialect, struct md_buf *sql,
			       const struct md_def_field *field),
		   const struct md_def_field *field)
{
	md_auto_buf text = MD_BUF(PIECE_MAX);

	put(&md_postgres_ddl, &text, field);
	return md_plan_keep(pg->work, &text);
}

const char *pg_temporary(struct pg *pg, const char *name)
{
	char sum[MD_DDL_CHECKSUM];

	md_ddl_checksum(name, sum);
	return pg_text(pg, "_modeld_%.12s_%.12s", pg->work->request->revision, sum);
}

const char *pg_object(struct pg *pg, const struct pg_table *table, const char *column)
{
	const struct md_model_pair *pair = table->pair;
	const char *name = pair->after ? pair->after->table : pair->before->table;

	return column ? pg_text(pg, "%s.%s", name, column) : name;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (c & 0x80);
}

/* Literals are looked at, too: to see a name too often costs some work, to miss it a failure. */
bool pg_mentions(const char *sql, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = sql; *p; p++)
		if (strncasecmp(p, name, len) == 0 && (p == sql || !is_word(p[-1])) &&
		    !is_word(p[len]))
			return true;
	return false;
}

/* --- steps -------------------------------------------------------------------------------------
 */

static const enum md_step_kind kinds[PG_PHASES] = {
	[PG_REWRITE] = MD_STEP_APART,     [PG_FILL] = MD_STEP_BATCHES,
	[PG_FILL_REST] = MD_STEP_BATCHES, [PG_INDEXES] = MD_STEP_ALONE,
	[PG_VALIDATE] = MD_STEP_APART,    [PG_KEYS_VALIDATE] = MD_STEP_APART,
};

static bool grow(struct pg *pg, struct pg_steps *steps)
{
	unsigned room = steps->room ? steps->room * 2 : FIRST_ROOM;
	struct md_step *items;

	if (steps->count < steps->room)
		return true;
	items = md_arena_zalloc(pg->arena, room * sizeof(*items));
	if (!items)
		return false;
	if (steps->count > 0)
		memcpy(items, steps->items, steps->count * sizeof(*items));
	steps->items = items;
	steps->room = room;
	return true;
}

struct md_step *pg_step(struct pg *pg, enum pg_phase phase, const char *lock, const char *object,
			const char *what)
{
	struct pg_steps *steps = &pg->phases[phase];
	struct md_step *step = &pg->spare;

	if (grow(pg, steps))
		step = &steps->items[steps->count++];
	else
		pg->work->failed = true;
	*step = (struct md_step){ .kind = kinds[phase],
				  .what = what,
				  .object = object,
				  .lock = lock,
				  .lock_is_brief = true,
				  .reversible = true };
	return step;
}

void pg_sql(struct pg *pg, struct md_step *step, const char *sql)
{
	md_plan_add_sql(pg->work, step, sql);
}

void pg_alter(struct pg *pg, struct md_step *step, const char *table, const char *fmt, ...)
{
	const char *what;
	va_list ap;

	va_start(ap, fmt);
	what = md_plan_vprintf(pg->work, fmt, ap);
	va_end(ap);
	pg_sql(pg, step, pg_text(pg, "ALTER TABLE %s %s", pg_name(pg, table), what));
}

void pg_long(struct md_step *step, const struct pg_table *table)
{
	step->lock_is_brief = false;
	step->rows = table->rows;
}

void pg_check_data(struct pg *pg, const char *object, const char *sql, const char *message,
		   const char *hint, const char *wire)
{
	struct md_data_check *check;

	if (pg->work->no_checks)
		return;
	check = md_plan_add_check(pg->work);

	if (check)
		*check = (struct md_data_check){ object, sql, message, hint, wire };
}

void pg_fail(struct pg *pg, enum md_code code, const char *wire, const char *hint, const char *fmt,
	     ...)
{
	va_list ap;

	if (pg->code != MD_OK)
		return;
	va_start(ap, fmt);
	pg->code = md_fail(pg->err, code, wire, "%s", md_plan_vprintf(pg->work, fmt, ap));
	va_end(ap);
	if (hint)
		md_error_hint(pg->err, "%s", hint);
}

void pg_flush(struct pg *pg)
{
	for (unsigned p = 0; p < PG_PHASES; p++)
		for (unsigned i = 0; i < pg->phases[p].count; i++) {
			struct md_step *step = md_plan_add_step(pg->work);

			if (!step)
				return;
			*step = pg->phases[p].items[i];
			step->operation = pg->work->operation;
		}
}
