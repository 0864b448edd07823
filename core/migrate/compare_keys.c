/* Keys, indexes and foreign keys: those that are missing, those that are otherwise, and those that
 * the model does not know although they refuse rows. An index of no consequence but speed may be
 * there without being told. */
#include "core/migrate/compare_private.h"

#include "core/base/banned.h"

/* The same columns in the same order? */
static bool is_same(const struct comparison *c, const struct md_def_field *const *fields,
		    unsigned count, const unsigned *columns, unsigned column_count)
{
	if (count != column_count)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (strcmp(md_def_column(fields[i]), c->table->columns[columns[i]].name) != 0)
			return false;
	return true;
}

static const char *list(struct comparison *c, const struct md_def_field *const *fields,
			unsigned count)
{
	md_auto_buf text = MD_BUF(TEXT_MAX);

	for (unsigned i = 0; i < count; i++)
		md_buf_printf(&text, "%s%s", i > 0 ? ", " : "", md_def_column(fields[i]));
	return keep(c, &text);
}

static const char *list_columns(struct comparison *c, const unsigned *columns, unsigned count)
{
	md_auto_buf text = MD_BUF(TEXT_MAX);

	for (unsigned i = 0; i < count; i++)
		md_buf_printf(&text, "%s%s", i > 0 ? ", " : "", c->table->columns[columns[i]].name);
	return keep(c, &text);
}

/* --- the primary key --------------------------------------------------------------------------
 */

static void compare_primary_key(struct comparison *c)
{
	const struct md_catalog_key *key = c->table->key_count > 0 ? c->table->keys : NULL;
	const struct md_def_model *model = c->model;

	if (key && !key->primary)
		key = NULL;
	if (key ? !is_same(c, model->key, model->key_count, key->columns, key->count)
		: model->key_count > 0) {
		tell(c, BLOCKS, NULL,
		     md_arena_printf(c->arena, "the primary key is not (%s)",
				     list(c, model->key, model->key_count)),
		     "change the key of the model, or make the table anew and copy its rows");
		return;
	}
	if (key && model->key[0]->identity && model->managed != MD_DEF_NO &&
	    !c->table->columns[key->columns[0]].identity)
		tell(c, model->read_only ? WARNS : BLOCKS, md_def_column(model->key[0]),
		     "the database does not count this key: rows cannot be inserted without it",
		     "give the field \"auto_increment\": false, or make the table anew and copy "
		     "its rows");
}

/* --- indexes -----------------------------------------------------------------------------------
 */

/* NULL: no memory. */
static const struct md_def_field **fields_of(struct comparison *c, const struct md_def_index *index)
{
	const struct md_def_field **fields =
		md_arena_alloc(c->arena, index->count * sizeof(*fields));

	c->failed = c->failed || !fields;
	for (unsigned i = 0; fields && i < index->count; i++)
		fields[i] = index->columns[i].field;
	return fields;
}

static bool has_columns(struct comparison *c, const struct md_def_index *index,
			const unsigned *columns, unsigned count)
{
	const struct md_def_field **fields = fields_of(c, index);

	return fields && is_same(c, fields, index->count, columns, count);
}

static const char *predicate_of(const struct comparison *c, const struct md_def_index *index)
{
	return md_ddl_own_sql(c->dialect, &index->where);
}

/* Engines that rewrite SQL tell only that there is a condition. */
static bool has_predicate(struct comparison *c, const struct md_def_index *index,
			  const struct md_catalog_index *found)
{
	const char *wanted = predicate_of(c, index);

	if (!wanted || !found->partial)
		return !wanted && !found->partial;
	return !c->dialect->verbatim || !found->predicate ||
	       md_same_sql(c, wanted, found->predicate);
}

static bool is_index(struct comparison *c, const struct md_def_index *index,
		     const struct md_catalog_index *found)
{
	return found->whole && found->unique == index->unique &&
	       has_columns(c, index, found->columns, found->count) &&
	       has_predicate(c, index, found);
}

static bool is_key(struct comparison *c, const struct md_def_index *index,
		   const struct md_catalog_key *key)
{
	return index->unique && !predicate_of(c, index) &&
	       has_columns(c, index, key->columns, key->count);
}

static bool has_index(struct comparison *c, const struct md_def_index *index)
{
	for (unsigned i = 0; i < c->table->key_count; i++)
		if (is_key(c, index, &c->table->keys[i]))
			return true;
	for (unsigned i = 0; i < c->table->index_count; i++)
		if (is_index(c, index, &c->table->indexes[i]))
			return true;
	return false;
}

static const char *make_index(struct comparison *c, const struct md_def_index *index,
			      const char *before)
{
	md_auto_buf sql = MD_BUF(TEXT_MAX);

	md_buf_puts(&sql, before);
	md_ddl_put_index(c->dialect, &sql, c->model, index);
	return keep(c, &sql);
}

/* An index has the name, but is another. */
static void tell_index(struct comparison *c, const struct md_def_index *index,
		       const struct md_catalog_index *found)
{
	const char *mend = make_index(c, index, "drop it first: ");
	const char *wanted = predicate_of(c, index);
	const char *name = index->name;

	if (!found->whole || !has_columns(c, index, found->columns, found->count))
		tell(c, WARNS, NULL,
		     md_arena_printf(c->arena,
				     "the index \"%s\" has the columns (%s%s), the model "
				     "says (%s)",
				     name, list_columns(c, found->columns, found->count),
				     found->whole ? "" : ", …",
				     list(c, fields_of(c, index), c->failed ? 0 : index->count)),
		     mend);
	if (found->unique != index->unique)
		tell(c, WARNS, NULL,
		     md_arena_printf(c->arena, "the index \"%s\" is %sunique, the model says %s",
				     name, found->unique ? "" : "not ",
				     index->unique ? "it is" : "it is not"),
		     mend);
	if (!has_predicate(c, index, found))
		tell(c, WARNS, NULL,
		     md_arena_printf(c->arena,
				     "the index \"%s\" has the condition (%s), the model says (%s)",
				     name, found->predicate ? found->predicate : "",
				     wanted ? wanted : ""),
		     mend);
}

/* A unique constraint has the name, but is another. */
static void tell_key(struct comparison *c, const struct md_def_index *index,
		     const struct md_catalog_key *key)
{
	tell(c, WARNS, NULL,
	     md_arena_printf(c->arena,
			     "the unique key \"%s\" has the columns (%s), the model says (%s)",
			     index->name, list_columns(c, key->columns, key->count),
			     list(c, fields_of(c, index), c->failed ? 0 : index->count)),
	     MD_MAKE_ANEW);
}

static void compare_index(struct comparison *c, const struct md_def_index *index)
{
	if (has_index(c, index))
		return;
	for (unsigned i = 0; i < c->table->index_count; i++) {
		const struct md_catalog_index *found = &c->table->indexes[i];

		if (!found->name || strcmp(found->name, index->name) != 0)
			continue;
		tell_index(c, index, found);
		return;
	}
	for (unsigned i = 0; i < c->table->key_count; i++) {
		const struct md_catalog_key *key = &c->table->keys[i];

		if (key->primary || strcmp(key->name, index->name) != 0)
			continue;
		tell_key(c, index, key);
		return;
	}
	tell(c, WARNS, NULL,
	     md_arena_printf(c->arena, "the %s \"%s\" is missing",
			     index->unique ? "unique key" : "index", index->name),
	     make_index(c, index, ""));
}

static bool is_known_name(const struct comparison *c, const char *name)
{
	for (unsigned i = 0; i < c->model->index_count; i++)
		if (strcmp(c->model->indexes[i].name, name) == 0)
			return true;
	return false;
}

static bool is_known_key(struct comparison *c, const struct md_catalog_key *key)
{
	if (key->primary || is_known_name(c, key->name) ||
	    is_same(c, c->model->key, c->model->key_count, key->columns, key->count))
		return true;
	for (unsigned i = 0; i < c->model->index_count; i++)
		if (is_key(c, &c->model->indexes[i], key))
			return true;
	return false;
}

/* Unique keys are among the keys, too: here are those with a condition or of expressions. */
static bool is_known_index(struct comparison *c, const struct md_catalog_index *found)
{
	if (!found->unique || !found->name || (found->whole && !found->partial) ||
	    is_known_name(c, found->name))
		return true;
	for (unsigned i = 0; i < c->model->index_count; i++)
		if (is_index(c, &c->model->indexes[i], found))
			return true;
	return false;
}

static void tell_unknown(struct comparison *c, const char *name)
{
	tell(c, WARNS, NULL,
	     md_arena_printf(c->arena,
			     "the model has no unique key \"%s\", which may refuse its rows", name),
	     NULL);
}

static void see_extra_keys(struct comparison *c)
{
	for (unsigned i = 0; i < c->table->key_count; i++)
		if (!is_known_key(c, &c->table->keys[i]))
			tell_unknown(c, c->table->keys[i].name);
	for (unsigned i = 0; i < c->table->index_count; i++)
		if (!is_known_index(c, &c->table->indexes[i]))
			tell_unknown(c, c->table->indexes[i].name);
}

/* --- foreign keys ------------------------------------------------------------------------------
 */

static bool same_targets(const struct md_def_foreign_key *key,
			 const struct md_catalog_foreign_key *found)
{
	if (strcmp(key->to->table, found->target) != 0)
		return false;
	for (unsigned i = 0; i < key->count; i++)
		if (strcmp(md_def_column(key->targets[i]), found->target_columns[i]) != 0)
			return false;
	return true;
}

static bool same_fields(const struct comparison *c, const struct md_def_foreign_key *key,
			const struct md_catalog_foreign_key *found)
{
	return is_same(c, key->fields, key->count, found->columns, found->count);
}

static const struct md_catalog_foreign_key *find_key(const struct comparison *c,
						     const struct md_def_foreign_key *key)
{
	for (unsigned i = 0; i < c->table->foreign_key_count; i++)
		if (same_fields(c, key, &c->table->foreign_keys[i]) &&
		    same_targets(key, &c->table->foreign_keys[i]))
			return &c->table->foreign_keys[i];
	for (unsigned i = 0; i < c->table->foreign_key_count; i++)
		if (same_fields(c, key, &c->table->foreign_keys[i]))
			return &c->table->foreign_keys[i];
	return NULL;
}

static void compare_action(struct comparison *c, const char *name, const char *event,
			   enum md_def_action wanted, enum md_fk_action found)
{
	static const char *const actions[] = { [MD_FK_NO_ACTION] = "NO ACTION",
					       [MD_FK_RESTRICT] = "RESTRICT",
					       [MD_FK_CASCADE] = "CASCADE",
					       [MD_FK_SET_NULL] = "SET NULL",
					       [MD_FK_SET_DEFAULT] = "SET DEFAULT" };
	static const enum md_fk_action meant[] = {
		[MD_DEF_ACTION_UNSET] = MD_FK_NO_ACTION, [MD_DEF_NO_ACTION] = MD_FK_NO_ACTION,
		[MD_DEF_RESTRICT] = MD_FK_RESTRICT,      [MD_DEF_CASCADE] = MD_FK_CASCADE,
		[MD_DEF_SET_NULL] = MD_FK_SET_NULL,      [MD_DEF_SET_DEFAULT] = MD_FK_SET_DEFAULT
	};

	if (meant[wanted] != found)
		tell(c, WARNS, NULL,
		     md_arena_printf(c->arena,
				     "the foreign key \"%s\" is ON %s %s, the model says %s", name,
				     event, actions[found], actions[meant[wanted]]),
		     MD_MAKE_ANEW);
}

static void compare_deferral(struct comparison *c, const struct md_def_foreign_key *key,
			     const struct md_catalog_foreign_key *found)
{
	static const char *const texts[] = {
		[MD_DEF_NOT_DEFERRABLE] = "not deferrable",
		[MD_DEF_IMMEDIATE] = "deferrable, initially immediate",
		[MD_DEF_DEFERRED] = "deferrable, initially deferred",
	};
	enum md_def_deferrable is = !found->deferrable ? MD_DEF_NOT_DEFERRABLE
				    : found->deferred  ? MD_DEF_DEFERRED
						       : MD_DEF_IMMEDIATE;

	if (is != key->deferrable)
		tell(c, WARNS, NULL,
		     md_arena_printf(c->arena, "the foreign key \"%s\" is %s, the model says %s",
				     key->name, texts[is], texts[key->deferrable]),
		     MD_MAKE_ANEW);
}

static void compare_foreign_key(struct comparison *c, const struct md_def_foreign_key *key)
{
	const struct md_catalog_foreign_key *found = find_key(c, key);

	if (!found) {
		tell(c, WARNS, NULL,
		     md_arena_printf(c->arena, "the foreign key \"%s\" to %s is missing", key->name,
				     key->to->table),
		     MD_MAKE_ANEW);
		return;
	}
	if (!same_targets(key, found)) {
		tell(c, WARNS, NULL,
		     md_arena_printf(c->arena,
				     "the foreign key \"%s\" refers to %s (%s, …), the model says "
				     "%s (%s, …)",
				     key->name, found->target, found->target_columns[0],
				     key->to->table, md_def_column(key->targets[0])),
		     MD_MAKE_ANEW);
		return;
	}
	if (strcmp(found->name, key->name) != 0)
		tell(c, WARNS, NULL,
		     md_arena_printf(c->arena, "the foreign key \"%s\" is called \"%s\"", key->name,
				     found->name),
		     NULL);
	compare_action(c, key->name, "DELETE", key->on_delete, found->on_delete);
	compare_action(c, key->name, "UPDATE", key->on_update, found->on_update);
	compare_deferral(c, key, found);
}

static void see_extra_foreign_keys(struct comparison *c)
{
	for (unsigned i = 0; i < c->table->foreign_key_count; i++) {
		const struct md_catalog_foreign_key *found = &c->table->foreign_keys[i];
		bool known = false;

		for (unsigned k = 0; !known && k < c->model->foreign_key_count; k++)
			known = same_fields(c, &c->model->foreign_keys[k], found);
		if (!known)
			tell(c, WARNS, NULL,
			     md_arena_printf(
				     c->arena,
				     "the model has no foreign key \"%s\", which may refuse "
				     "its rows",
				     found->name),
			     NULL);
	}
}

void md_compare_keys(struct comparison *c)
{
	compare_primary_key(c);
	for (unsigned i = 0; i < c->model->index_count; i++)
		compare_index(c, &c->model->indexes[i]);
	for (unsigned i = 0; i < c->model->foreign_key_count; i++)
		compare_foreign_key(c, &c->model->foreign_keys[i]);
	if (c->model->managed == MD_DEF_NO)
		return;
	see_extra_keys(c);
	see_extra_foreign_keys(c);
}
