/* Queries under construction; run.c runs them. */
#include <stdlib.h>
#include <string.h>

#include "core/api/api.h"

#include "core/base/banned.h"

enum { IN_MAX = 1000 };

enum md_code md_ask_new(struct md_work *work, const char *model, struct md_ask **ret_ask,
			struct md_error *err)
{
	const struct md_model *found;
	struct md_ask *ask;
	enum md_code code;

	if (err)
		md_error_clear(err);
	code = md_api_model(work->store, model, &found, err);
	if (code)
		return code;
	ask = calloc(1, sizeof(*ask));
	if (!ask)
		return md_fail_nomem(err);
	ask->arena = md_arena_new(MD_API_ARENA_MAX);
	if (!ask->arena) {
		free(ask);
		return md_fail_nomem(err);
	}
	ask->work = work;
	ask->model = found;
	ask->composer = (struct md_composer){ .arena = ask->arena,
					      .limits = &md_parse_limits_default,
					      .query = &ask->query,
					      .err = &ask->error };
	ask->scopes[0] = md_compose_root(&ask->composer);
	*ret_ask = ask;
	return MD_OK;
}

struct md_ask *md_ask_free(struct md_ask *ask)
{
	if (!ask)
		return NULL;
	ask->freed = true;
	if (ask->used)
		return NULL; /* when the verb has ended */
	md_arena_free(ask->arena);
	free(ask);
	return NULL;
}

void md_api_unuse(struct md_ask *ask)
{
	if (!ask)
		return;
	ask->used = false;
	if (ask->freed)
		md_ask_free(ask);
}

/* The first failure of a verb. What another thread may be reading must not change. */
static enum md_code changeable(struct md_ask *ask)
{
	if (ask->error.code == MD_OK && ask->used)
		md_fail(&ask->error, MD_INVALID, "MD400",
			"the query is in use by a verb on its way");
	return ask->error.code;
}

/* The last point of a column's name that stands in front of any arrow, outside quotes. */
static const char *last_point(const char *column)
{
	const char *found = NULL;
	bool quoted = false;

	for (const char *p = column; *p && (quoted || strncmp(p, "->", 2) != 0); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '.' && !quoted)
			found = p;
	}
	return found;
}

/* Where a condition on `column` belongs: its last word at *ret_name. */
static enum md_code scope_of(struct md_ask *ask, const char *column, struct md_scope *ret_scope,
			     const char **ret_name)
{
	const char *point = last_point(column);
	struct md_scope scope = ask->scopes[ask->depth];
	enum md_code code = changeable(ask);

	if (code == MD_OK && point && ask->depth > 0)
		code = md_fail(&ask->error, MD_INVALID, "MD400",
			       "in a group there are columns of the asked model only");
	else if (code == MD_OK && point)
		code = md_compose_find(&ask->composer,
				       (struct md_str){ column, (size_t)(point - column) }, &scope);
	if (code)
		return code;
	*ret_scope = scope;
	*ret_name = point ? point + 1 : column;
	return MD_OK;
}

enum md_code md_where(struct md_ask *ask, const char *column, const char *operation,
		      const char *value)
{
	struct md_scope scope;
	const char *name;
	enum md_code code = scope_of(ask, column, &scope, &name);

	return code ? code
		    : md_compose_where_text(&ask->composer, &scope, md_str_of(name),
					    md_str_of(operation), md_str_of(value));
}

enum md_code md_filter(struct md_ask *ask, const char *column, const char *value)
{
	struct md_str text = value ? md_str_of(value) : (struct md_str){ NULL, 0 };
	struct md_scope scope;
	const char *name;
	enum md_code code = scope_of(ask, column, &scope, &name);

	return code ? code : md_compose_filter(&ask->composer, &scope, md_str_of(name), &text, 1);
}

enum md_code md_filter_key(struct md_ask *ask, const char *key)
{
	const struct md_model *model = ask->model;
	unsigned count = model->key_count;
	struct md_str *parts = md_arena_zalloc(ask->arena, (count + 1) * sizeof(*parts));
	enum md_code code = changeable(ask);

	if (code)
		return code;
	if (!parts)
		return md_fail_nomem(&ask->error);
	if (count == 0)
		return md_fail(&ask->error, MD_INVALID, "MD400", "%.*s has no key",
			       MD_STR_ARG(model->name));
	code = md_parse_key(ask->arena, md_str_of(key), count, parts, &ask->error);
	for (unsigned i = 0; i < count && code == MD_OK; i++)
		code = md_compose_filter(&ask->composer, &ask->scopes[ask->depth],
					 model->key[i]->name, &parts[i], 1);
	return code;
}

enum md_code md_where_group(struct md_ask *ask, const char *word, const char *list)
{
	return changeable(ask) ? ask->error.code
			       : md_compose_group_text(&ask->composer, &ask->scopes[ask->depth],
						       md_str_of(word), md_str_of(list));
}

enum md_code md_filter_in(struct md_ask *ask, const char *column, const char *const *values,
			  unsigned count)
{
	struct md_comparison in = { .op = MD_OP_IN, .value_count = count };
	struct md_str *texts;
	struct md_scope scope;
	const char *name;
	enum md_code code = scope_of(ask, column, &scope, &name);

	if (code)
		return code;
	if (count > IN_MAX)
		return md_compose_too_many(&ask->composer, IN_MAX, "values in a list");
	texts = md_arena_alloc(ask->arena, count * sizeof(*texts));
	if (!texts)
		return md_fail_nomem(&ask->error);
	for (unsigned i = 0; i < count; i++)
		texts[i] = values[i] ? md_str_of(values[i]) : (struct md_str){ NULL, 0 };
	in.values = texts;
	return md_compose_where(&ask->composer, &scope, md_str_of(name), &in);
}

static enum md_code open_group(struct md_ask *ask, enum md_logic_kind kind, bool negated)
{
	enum md_code code = changeable(ask);

	if (code == MD_OK && ask->depth + 1 == MD_API_GROUPS_MAX)
		code = md_compose_too_many(&ask->composer, MD_API_GROUPS_MAX - 1, "groups");
	if (code == MD_OK)
		code = md_compose_group(&ask->composer, &ask->scopes[ask->depth], kind, negated,
					&ask->scopes[ask->depth + 1]);
	if (code == MD_OK)
		ask->depth++;
	return code;
}

enum md_code md_or(struct md_ask *ask)
{
	return open_group(ask, MD_LOGIC_OR, false);
}

enum md_code md_and(struct md_ask *ask)
{
	return open_group(ask, MD_LOGIC_AND, false);
}

enum md_code md_none(struct md_ask *ask)
{
	return open_group(ask, MD_LOGIC_OR, true);
}

enum md_code md_end(struct md_ask *ask)
{
	if (changeable(ask))
		return ask->error.code;
	if (ask->depth == 0)
		return md_fail(&ask->error, MD_INVALID, "MD400", "there is no group to end");
	if (!*ask->scopes[ask->depth].conditions)
		return md_fail(&ask->error, MD_INVALID, "MD400", "a group is empty");
	ask->depth--;
	return MD_OK;
}

enum md_code md_select(struct md_ask *ask, const char *list)
{
	return changeable(ask) ? ask->error.code
			       : md_compose_select_text(&ask->composer, md_str_of(list));
}

enum md_code md_join(struct md_ask *ask, const char *relation, const char *hint, bool inner)
{
	const struct md_joined joined = { .relation = md_str_of(relation),
					  .hint = hint ? md_str_of(hint)
						       : (struct md_str){ NULL, 0 },
					  .join = inner ? MD_JOIN_INNER : MD_JOIN_DEFAULT };
	struct md_scope scope;
	enum md_code code = changeable(ask);

	if (code == MD_OK)
		code = md_compose_join(&ask->composer, &ask->scopes[0], &joined, &scope);
	return code ? code : md_compose_select_all(&ask->composer, &scope);
}

enum md_code md_order_by(struct md_ask *ask, const char *terms)
{
	return changeable(ask)
		       ? ask->error.code
		       : md_compose_order_text(&ask->composer, &ask->scopes[0], md_str_of(terms));
}

enum md_code md_limit(struct md_ask *ask, int64_t limit)
{
	if (changeable(ask))
		return ask->error.code;
	if (limit < 0)
		return md_fail(&ask->error, MD_INVALID, "MD400", "a limit is not negative");
	md_compose_limit(&ask->scopes[0], limit);
	return MD_OK;
}

enum md_code md_offset(struct md_ask *ask, int64_t offset)
{
	if (changeable(ask))
		return ask->error.code;
	if (offset < 0)
		return md_fail(&ask->error, MD_INVALID, "MD400", "an offset is not negative");
	md_compose_offset(&ask->scopes[0], offset);
	return MD_OK;
}

enum md_code md_api_close_ask(struct md_ask *ask, struct md_error *err)
{
	if (ask->error.code == MD_OK && ask->depth > 0)
		md_fail(&ask->error, MD_INVALID, "MD400", "a group has no end");
	if (ask->error.code == MD_OK)
		md_compose_end(&ask->composer);
	if (ask->error.code && err)
		*err = ask->error;
	return ask->error.code;
}
