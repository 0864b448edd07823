/* Steps for links: unlink what is not in a list, rows of a junction, one link to be cut; and what
 * is given back in the end. */
#include "core/json/pieces.h"
#include "core/model/define.h"
#include "core/ops/nested_private.h"

#include "core/base/banned.h"

static void nothing_to_take(struct md_nested *nest)
{
	(void)nest;
}

static bool fail(struct md_nested *nest, const struct md_nest_group *group, bool row,
		 unsigned number)
{
	md_nest_point(nest, group, row, number, &nest->error);
	md_nest_fail(nest, &nest->error);
	return false;
}

/* --- rows that are there no longer --- */

static bool is_nullable(const struct md_relation *via)
{
	bool any = false;

	for (unsigned i = 0; i < via->remote_count; i++)
		any = any || (via->remote[i]->nullable && via->remote[i]->key_position < 0);
	return any;
}

/* What its definition says becomes of rows without a parent. */
static bool deletes(const struct md_relation *via)
{
	const struct md_def_model *def = via->from->def;

	for (unsigned i = 0; def && i < def->relation_count; i++)
		if (md_str_is(via->name, def->relations[i].name))
			return def->relations[i].cascade_delete;
	return false;
}

/* Parts of a child's key that are its own. */
static const struct md_field **own_key(struct md_nested *nest, const struct md_nest_group *group,
				       unsigned *ret_count)
{
	const struct md_model *model = group->model;
	const struct md_field **fields =
		md_arena_alloc(nest->work, model->key_count * sizeof(*fields));
	unsigned count = 0;

	for (unsigned i = 0; fields && i < model->key_count; i++)
		if (!md_nest_is_inherited(group, model->key[i]))
			fields[count++] = model->key[i];
	*ret_count = count;
	return fields;
}

/* Those of a parent's rows that are there already: they stay. NULL: no memory. */
static struct md_str *staying(struct md_nested *nest, const struct md_nest_group *group,
			      unsigned first, unsigned end, unsigned *ret_count)
{
	struct md_str *objects =
		md_arena_alloc(nest->work, (size_t)(end - first) * sizeof(*objects));
	unsigned count = 0;

	for (unsigned i = first; objects && i < end; i++) {
		const struct md_nest_row *row = &group->rows[i];

		if (row->kind != MD_NEST_CREATE && row->kind != MD_NEST_MERGE_ONE)
			objects[count++] = row->known.ptr ? row->known : row->text;
	}
	*ret_count = count;
	return objects;
}

/* far values stand under the names of the far rows' columns. */
static bool where_far(struct md_nested *nest, struct md_query *query, const struct md_relation *via,
		      const struct md_str *objects, unsigned count, bool negated)
{
	struct md_str *renamed = md_arena_alloc(nest->work, count * sizeof(*renamed));

	for (unsigned i = 0; renamed && i < count; i++) {
		md_auto_buf out = MD_BUF(1u << 24);

		md_buf_putc(&out, '{');
		for (unsigned k = 0; k < via->remote_count; k++)
			md_nest_put_member(&out, via->far[k]->name,
					   md_nest_value(objects[i], via->remote[k]));
		md_buf_putc(&out, '}');
		renamed[i] = out.failed ? (struct md_str){ NULL, 0 }
					: md_arena_str(nest->work, md_buf_str(&out));
		if (!renamed[i].ptr)
			return false;
	}
	return renamed &&
	       md_nest_where_in(nest, query, via->far, via->remote_count, renamed, count, negated);
}

/* Children, or rows of the junction, of one row of the parent. NULL: no memory. */
static struct md_query *of_parent(struct md_nested *nest, const struct md_nest_group *group,
				  unsigned parent)
{
	const struct md_relation *via = group->via;
	const struct md_field *const *fields = via->junction ? via->near : via->remote;
	struct md_query *query = md_arena_zalloc(nest->work, sizeof(*query));

	for (unsigned i = 0; query && i < via->local_count; i++)
		if (!md_nest_where(nest, query, fields[i],
				   md_nest_value(group->up->rows[parent].known, via->local[i])))
			return NULL;
	return query;
}

static struct md_query *not_staying(struct md_nested *nest, const struct md_nest_group *group,
				    unsigned parent, unsigned first, unsigned end)
{
	struct md_query *query = of_parent(nest, group, parent);
	const struct md_field **key;
	struct md_str *objects;
	unsigned count, key_count;
	bool ok;

	objects = staying(nest, group, first, end, &count);
	key = own_key(nest, group, &key_count);
	if (!query || !objects || !key)
		return NULL;
	ok = group->via->junction
		     ? where_far(nest, query, group->via, objects, count, true)
		     : md_nest_where_in(nest, query, key, key_count, objects, count, true);
	return ok ? query : NULL;
}

/* {"author_id":null} */
static bool put_nulls(struct md_nested *nest, const struct md_relation *via,
		      struct md_write_ask *ask)
{
	md_buf_clear(&nest->text);
	md_buf_putc(&nest->text, '{');
	for (unsigned i = 0; i < via->remote_count; i++)
		if (via->remote[i]->nullable && via->remote[i]->key_position < 0)
			md_nest_put_member(&nest->text, via->remote[i]->name, MD_STR("null"));
	md_buf_putc(&nest->text, '}');
	if (md_nest_open(nest, NULL, &ask->body, &nest->error) == MD_OK)
		return true;
	md_nest_fail(nest, &nest->error);
	return false;
}

static void fail_bound(struct md_nested *nest, unsigned parent)
{
	const struct md_nest_group *group = nest->blame;

	md_fail(&nest->error, MD_CONFLICT, "MD409",
		"rows of '%.*s' that are not named cannot stay without their '%.*s'",
		MD_STR_ARG(group->name), MD_STR_ARG(group->up->model->name));
	md_error_hint(&nest->error,
		      "Delete them first, or say cascade_delete for the relationship.");
	fail(nest, group, false, parent);
}

static void take_bound(struct md_nested *nest)
{
	if (nest->shown.len > 2) /* [] */
		fail_bound(nest, nest->blame->givers[nest->at - 1]);
}

/* Neither unlinked nor deleted: there must be none. */
static bool start_bound(struct md_nested *nest, const struct md_nest_group *group,
			struct md_query *query)
{
	struct md_read_request request = { .route = MD_READ_LIST,
					   .model = group->model,
					   .query = query };
	struct md_query *selected = md_nest_query(nest, group);

	if (!selected)
		return md_nest_fail_nomem(nest);
	query->has_select = true;
	query->root.select = selected->root.select;
	if (!query->root.select) {
		query->root.select = md_arena_zalloc(nest->work, sizeof(*query->root.select));
		if (!query->root.select)
			return md_nest_fail_nomem(nest);
		query->root.select->kind = MD_SELECT_STAR;
	}
	query->root.has_limit = true;
	query->root.limit = 1;
	return md_nest_start_read(nest, &request, take_bound);
}

static bool start_clear(struct md_nested *nest, const struct md_nest_group *group,
			struct md_query *query)
{
	const struct md_relation *via = group->via;
	bool unlinks = !via->junction && is_nullable(via);
	struct md_write_ask ask =
		md_nest_write_ask(nest, unlinks ? MD_WRITE_UPDATE : MD_WRITE_DELETE,
				  via->junction ? via->junction : group->model);

	if (!via->junction && !unlinks && !deletes(via))
		return start_bound(nest, group, query);
	ask.query = query;
	if (unlinks && !put_nulls(nest, via, &ask))
		return false;
	return md_nest_start_write(nest, &ask, nothing_to_take);
}

/* Rows of a new parent cannot be there yet; a row that is merged by its foreign key takes the place
 * of the one that is. */
static bool has_others(const struct md_nest_group *group, unsigned parent, unsigned first,
		       unsigned end)
{
	return group->up->rows[parent].kind != MD_NEST_CREATE &&
	       (first == end || group->rows[first].kind != MD_NEST_MERGE_ONE);
}

bool md_nest_clear(struct md_nested *nest, struct md_nest_group *group)
{
	while (nest->at < group->giver_count) {
		unsigned parent = group->givers[nest->at++], end,
			 first = md_nest_rows_of(group, parent, &end);
		struct md_query *query;

		if (!has_others(group, parent, first, end))
			continue;
		query = not_staying(nest, group, parent, first, end);
		return query ? start_clear(nest, group, query) : md_nest_fail_nomem(nest);
	}
	return false;
}

/* --- junctions --- */

static bool is_among(const struct md_field *field, const struct md_field *const *fields,
		     unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (fields[i] == field)
			return true;
	return false;
}

/* A key of the junction that is made of both foreign keys: a link that is there is left alone. */
static const struct md_key *link_key(const struct md_relation *via)
{
	for (unsigned i = 0; i < via->junction->keys_count; i++) {
		const struct md_key *key = &via->junction->keys[i];
		unsigned own = 0;

		for (unsigned k = 0; k < key->count; k++)
			own += is_among(key->fields[k], via->near, via->local_count) ||
			       is_among(key->fields[k], via->far, via->remote_count);
		if (own == key->count)
			return key;
	}
	return NULL;
}

static void put_link(const struct md_nest_group *group, unsigned row, struct md_buf *out)
{
	const struct md_relation *via = group->via;
	const struct md_nest_row *own = &group->rows[row], *parent = &group->up->rows[own->parent];

	md_buf_putc(out, '{');
	for (unsigned i = 0; i < via->local_count; i++)
		md_nest_put_member(out, via->near[i]->name,
				   md_nest_value(parent->known, via->local[i]));
	for (unsigned i = 0; i < via->remote_count; i++)
		if (!is_among(via->far[i], via->near, via->local_count))
			md_nest_put_member(out, via->far[i]->name,
					   md_nest_value(own->known, via->remote[i]));
	md_buf_putc(out, '}');
}

bool md_nest_join(struct md_nested *nest, struct md_nest_group *group)
{
	const struct md_relation *via = group->via;
	struct md_write_ask ask = md_nest_write_ask(nest, MD_WRITE_INSERT, via->junction);
	const struct md_key *key = link_key(via);
	struct md_str *names = md_arena_alloc(nest->work, (key ? key->count : 0) * sizeof(*names));

	if (nest->at++ > 0 || group->count == 0)
		return false;
	nest->map = md_arena_alloc(nest->work, group->count * sizeof(*nest->map));
	ask.query = md_arena_zalloc(nest->work, sizeof(*ask.query));
	if (!names || !nest->map || !ask.query)
		return md_nest_fail_nomem(nest);
	for (unsigned i = 0; i < group->count; i++) {
		md_buf_putc(&nest->text, i == 0 ? '[' : ',');
		put_link(group, i, &nest->text);
		nest->map[nest->map_count++] = i;
	}
	md_buf_putc(&nest->text, ']');
	if (md_nest_open(nest, NULL, &ask.body, &nest->error) != MD_OK) {
		md_nest_fail(nest, &nest->error);
		return false;
	}
	for (unsigned i = 0; key && i < key->count; i++)
		names[i] = key->fields[i]->name;
	if (key) {
		ask.resolution = MD_RESOLUTION_IGNORE;
		ask.conflict = names;
		ask.conflict_count = key->count;
	}
	return md_nest_start_write(nest, &ask, nothing_to_take);
}

/* --- DELETE of a link --- */

static void take_cut(struct md_nested *nest)
{
	const struct md_write_result *result = md_write_result(nest->writing);

	nest->write->result.rows += result->rows;
	if (result->rows > 0)
		return;
	md_fail(&nest->error, MD_NOT_FOUND, "MD404", "no such link");
	md_nest_fail(nest, &nest->error);
}

bool md_nest_cut(struct md_nested *nest, struct md_nest_group *group)
{
	const struct md_relation *via = group->via;
	const struct md_field **key;
	struct md_query *query;
	unsigned key_count, row = nest->at++;
	bool ok;

	if (row == group->count)
		return false;
	query = of_parent(nest, group, group->rows[row].parent);
	key = own_key(nest, group, &key_count);
	if (!query || !key)
		return md_nest_fail_nomem(nest);
	ok = via->junction ? where_far(nest, query, via, &group->rows[row].known, 1, false)
			   : md_nest_where_in(nest, query, key, key_count, &group->rows[row].text,
					      1, false);
	if (!ok)
		return md_nest_fail_nomem(nest);
	if (via->junction || is_nullable(via) || deletes(via)) {
		bool unlinks = !via->junction && is_nullable(via);
		struct md_write_ask ask =
			md_nest_write_ask(nest, unlinks ? MD_WRITE_UPDATE : MD_WRITE_DELETE,
					  via->junction ? via->junction : group->model);

		ask.query = query;
		return (!unlinks || put_nulls(nest, via, &ask)) &&
		       md_nest_start_write(nest, &ask, take_cut);
	}
	fail_bound(nest, group->rows[row].parent);
	return false;
}
