/* What an engine cannot do, and what one should know before it happens. */
#include "core/model/define_private.h"

#include "core/base/banned.h"

enum { EXACT_DIGITS = 15 }; /* of a decimal in a double */

struct check {
	struct md_def_loader *loader;
	unsigned engine; /* MD_ENGINE_… */
	unsigned number; /* the same in md_engines */
};

static void unsupported(const struct check *check, const struct md_def_place *place,
			const char *what)
{
	md_def_report_at(check->loader, place, MD_DEF_M231, "%s does not support %s",
			 md_engines[check->number].title, what);
}

/* SQL that has no text for the engine. */
static void check_sql(const struct check *check, const struct md_def_place *place,
		      const struct md_def_sql *sql, const char *what)
{
	if (!md_def_sql_is_given(sql) || sql->any || sql->own[check->number])
		return;
	md_def_report_at(check->loader, place, MD_DEF_M231, "%s has no SQL for %s", what,
			 md_engines[check->number].title);
}

static void check_field(const struct check *check, const struct md_def_field *field)
{
	const struct md_def_place *place = &field->place;

	check_sql(check, place, &field->value.sql, "the default");
	check_sql(check, place, &field->generated, "the generated value");
	check_sql(check, place, &field->check, "the check");
	check_sql(check, place, &field->backfill.sql, "backfill");
	if (check->engine == MD_ENGINE_POSTGRESQL && field->stored == MD_DEF_NO)
		unsupported(check, place, "generated values that are not stored");
	if (check->engine == MD_ENGINE_SQLITE && field->type == MD_DEF_DECIMAL &&
	    field->precision > EXACT_DIGITS && !field->reference)
		md_def_warn_at(
			check->loader, place, MD_DEF_M230,
			"SQLite keeps decimals of more than %d digits as text, which only modeld "
			"sorts and compares as numbers",
			EXACT_DIGITS);
}

static void check_index(const struct check *check, const struct md_def_index *index)
{
	static const unsigned known[] = {
		[MD_DEF_USING_UNSET] = MD_ENGINE_SQLITE | MD_ENGINE_POSTGRESQL | MD_ENGINE_MARIADB,
		[MD_DEF_BTREE] = MD_ENGINE_SQLITE | MD_ENGINE_POSTGRESQL | MD_ENGINE_MARIADB,
		[MD_DEF_HASH] = MD_ENGINE_POSTGRESQL,
		[MD_DEF_GIN] = MD_ENGINE_POSTGRESQL,
		[MD_DEF_GIST] = MD_ENGINE_POSTGRESQL,
		[MD_DEF_BRIN] = MD_ENGINE_POSTGRESQL,
		[MD_DEF_FULLTEXT] = MD_ENGINE_MARIADB,
	};

	check_sql(check, &index->place, &index->where, "where");
	if (!(known[index->using] & check->engine))
		unsupported(check, &index->place, "this kind of index");
	else if (check->engine == MD_ENGINE_POSTGRESQL && index->unique &&
		 index->using > MD_DEF_BTREE)
		unsupported(check, &index->place, "unique indexes of this kind");
	if (index->include.count > 0 && check->engine != MD_ENGINE_POSTGRESQL)
		unsupported(check, &index->place, "indexes that include fields");
	if (md_def_sql_is_given(&index->where) && check->engine == MD_ENGINE_MARIADB)
		unsupported(check, &index->place, "indexes of some rows only");
}

static void check_foreign_key(const struct check *check, const struct md_def_foreign_key *key)
{
	if (check->engine != MD_ENGINE_MARIADB)
		return;
	if (key->on_delete == MD_DEF_SET_DEFAULT || key->on_update == MD_DEF_SET_DEFAULT)
		unsupported(check, &key->place, "set default");
	if (key->deferrable)
		unsupported(check, &key->place, "deferrable foreign keys");
}

/* A model that would never be found. */
static void check_schema(const struct check *check, const struct md_def_model *model)
{
	const char *served = check->loader->limits.schema;

	if (check->engine != MD_ENGINE_POSTGRESQL || !model->schema || !served ||
	    strcmp(model->schema, served) == 0)
		return;
	md_def_report_at(check->loader, &model->place, MD_DEF_M231,
			 "the schema \"%s\" is not served: db_schemas is \"%s\"", model->schema,
			 served);
	md_def_hint(check->loader, "leave \"schema\" out: tables are in the schema that is served");
}

static void check_model(const struct check *check, const struct md_def_model *model)
{
	check_schema(check, model);
	for (unsigned i = 0; i < model->field_count; i++)
		check_field(check, &model->fields[i]);
	for (unsigned i = 0; i < model->index_count; i++)
		check_index(check, &model->indexes[i]);
	for (unsigned i = 0; i < model->foreign_key_count; i++)
		check_foreign_key(check, &model->foreign_keys[i]);
	for (unsigned i = 0; i < model->check_count; i++)
		check_sql(check, &model->checks[i].place, &model->checks[i].sql, "the check");
	for (unsigned i = 0; check->engine == MD_ENGINE_SQLITE && i < model->key_count; i++)
		if (model->key[i]->is_generated)
			unsupported(check, &model->key[i]->place, "generated primary keys");
	if (check->engine == MD_ENGINE_SQLITE && model->options.without_rowid == MD_DEF_YES &&
	    model->key_count == 1 && model->key[0]->identity) {
		unsupported(check, &model->place, "without_rowid when the key counts by itself");
		md_def_hint(check->loader, "add \"auto_increment\": false to %s.%s", model->name,
			    model->key[0]->name);
	}
}

void md_def_check_engines(struct md_def_resolver *resolver)
{
	for (unsigned e = 0; e < MD_ENGINES; e++) {
		struct check check = { resolver->loader, md_engines[e].bit, e };

		if (!(resolver->loader->targets & check.engine))
			continue;
		for (unsigned i = 0; i < resolver->count && !resolver->loader->failed; i++)
			if (!resolver->models[i].abstract)
				check_model(&check, &resolver->models[i]);
	}
}

/* --- cascades ----------------------------------------------------------------------------------
 */

/* A walk along the references that pass a deletion on, from the rows that are deleted. */
struct walk {
	struct md_def_resolver *resolver;
	enum md_def_state *states;
	struct step {
		unsigned model;       /* its rows are deleted … */
		unsigned holder, key; /* … and next to be looked at: whose rows go with them */
	} * path;
	unsigned depth;
};

static void warn_cycle(struct walk *walk, unsigned first, const struct md_def_foreign_key *key)
{
	md_auto_buf text = MD_BUF(400);
	const struct md_def_model *models = walk->resolver->models;
	const char *names;

	for (unsigned i = first; i < walk->depth; i++)
		md_buf_printf(&text, "%s, ", models[walk->path[i].model].name);
	md_buf_puts(&text, models[walk->path[first].model].name);
	names = md_buf_text(&text);
	md_def_warn_at(walk->resolver->loader, &key->place, MD_DEF_M232,
		       "deletions go round in a circle: %s", names ? names : "many models");
}

static void visit(struct walk *walk, const struct md_def_foreign_key *key, unsigned holder)
{
	unsigned first = 0;

	if (walk->states[holder] == MD_DEF_NEW) {
		walk->states[holder] = MD_DEF_OPEN;
		walk->path[walk->depth++] = (struct step){ holder, 0, 0 };
		return;
	}
	if (walk->states[holder] != MD_DEF_OPEN || walk->path[walk->depth - 1].model == holder)
		return; /* done, or a tree that refers to itself */
	while (walk->path[first].model != holder)
		first++;
	warn_cycle(walk, first, key);
}

/* One look at the innermost model's next incoming key. */
static void advance(struct walk *walk)
{
	struct step *step = &walk->path[walk->depth - 1];
	const struct md_def_model *models = walk->resolver->models, *holder;
	const struct md_def_foreign_key *key;

	if (step->holder == walk->resolver->count) {
		walk->states[step->model] = MD_DEF_DONE;
		walk->depth--;
		return;
	}
	holder = &models[step->holder];
	if (holder->abstract || step->key == holder->foreign_key_count) {
		step->holder++;
		step->key = 0;
		return;
	}
	key = &holder->foreign_keys[step->key++];
	if (key->to == &models[step->model] && key->on_delete == MD_DEF_CASCADE)
		visit(walk, key, step->holder);
}

void md_def_check_cascades(struct md_def_resolver *resolver)
{
	struct walk walk = { .resolver = resolver };

	walk.states = md_def_alloc(resolver->loader, resolver->count, sizeof(*walk.states));
	walk.path = md_def_alloc(resolver->loader, resolver->count, sizeof(*walk.path));
	for (unsigned i = 0; i < resolver->count && !resolver->loader->failed; i++) {
		if (walk.states[i] != MD_DEF_NEW)
			continue;
		walk.states[i] = MD_DEF_OPEN;
		walk.path[walk.depth++] = (struct step){ i, 0, 0 };
		while (walk.depth > 0)
			advance(&walk);
	}
}
