/* The steps of a nested write: each makes its body or its filters from what is known by now, and
 * runs a write, a read, or several writes as one in the session. */
#include "core/json/pieces.h"
#include "core/ops/nested_private.h"

#include "core/base/banned.h"

/* --- running something --- */

bool md_nest_fail_nomem(struct md_nested *nest)
{
	md_fail_nomem(&nest->error);
	md_nest_fail(nest, &nest->error);
	return false;
}

struct md_generation *md_nest_enter(struct md_nested *nest)
{
	struct md_generation *newest = nest->ops->newest;

	nest->ops->newest = nest->generation;
	return newest;
}

static void failed(struct md_nested *nest, const struct md_error *err)
{
	nest->error = *err;
	nest->error.errors = NULL; /* of a body of ours, that nobody has sent */
	if (nest->blame)
		md_nest_blame(nest, nest->blame, &nest->error);
	md_nest_fail(nest, &nest->error);
}

static void go_on(struct md_nested *nest, md_nest_taken_fn *taken)
{
	if (!nest->failed)
		taken(nest);
	nest->writing = NULL;
	nest->reading = NULL;
	nest->chain = NULL;
	md_nest_went_on(nest);
}

static void write_ready(struct md_write *write, void *arg)
{
	struct md_nested *nest = arg;

	nest->has_step = false;
	if (md_write_state(write) == MD_READ_FAILED)
		failed(nest, md_write_error(write));
	go_on(nest, nest->taken);
}

struct md_write_ask md_nest_write_ask(struct md_nested *nest, enum md_write_kind kind,
				      const struct md_model *model)
{
	const struct md_write_ask *ask = &nest->write->ask;

	return (struct md_write_ask){ .kind = kind,
				      .model = model,
				      .prelude = ask->prelude,
				      .deadline_ns = ask->deadline_ns,
				      .session = nest->session,
				      .arena = nest->work,
				      .out = &nest->out,
				      .ready = write_ready,
				      .arg = nest };
}

bool md_nest_start_write(struct md_nested *nest, const struct md_write_ask *ask,
			 md_nest_taken_fn *taken)
{
	struct md_generation *newest = md_nest_enter(nest);
	struct md_write *write = md_write_new(nest->ops, ask);

	nest->ops->newest = newest;
	nest->taken = taken;
	nest->writing = write;
	if (!write)
		return md_nest_fail_nomem(nest);
	if (md_write_state(write) == MD_READ_FAILED) {
		failed(nest, md_write_error(write));
		nest->writing = NULL;
		return false;
	}
	nest->has_step = true;
	md_session_run(nest->session, &write->unit);
	return true;
}

static void read_ready(struct md_read *read, void *arg)
{
	struct md_nested *nest = arg;

	if (md_read_state(read) == MD_READ_PIECE) {
		md_buf_put(&nest->shown, nest->out.data, nest->out.len);
		md_buf_clear(&nest->out);
		md_read_resume(read);
		return;
	}
	nest->has_step = false;
	if (md_read_state(read) == MD_READ_FAILED) {
		failed(nest, md_read_error(read));
	} else {
		md_buf_put(&nest->shown, nest->out.data, nest->out.len);
		if (nest->shown.no_memory)
			md_fail_nomem(&nest->error);
		else if (nest->shown.failed)
			md_fail(&nest->error, MD_TOO_LARGE, "54000", "the answer is too large");
		if (nest->shown.failed)
			md_nest_fail(nest, &nest->error);
	}
	go_on(nest, nest->taken);
}

bool md_nest_start_read(struct md_nested *nest, const struct md_read_request *what,
			md_nest_taken_fn *taken)
{
	struct md_read_request request = *what;
	struct md_generation *newest = md_nest_enter(nest);
	bool ended;

	request.prelude = nest->write->ask.prelude;
	request.deadline_ns = nest->write->ask.deadline_ns;
	request.session = nest->session;
	request.arena = nest->work;
	request.out = &nest->out;
	request.ready = read_ready;
	request.arg = nest;
	md_buf_clear(&nest->out);
	md_buf_clear(&nest->shown);
	nest->taken = taken;
	ended = md_read_start(nest->ops, &request, &nest->reading);
	nest->ops->newest = newest;
	if (!nest->reading)
		return md_nest_fail_nomem(nest);
	nest->has_step = !ended;
	if (!ended)
		return true;
	failed(nest, md_read_error(nest->reading)); /* in a session nothing has ended well yet */
	nest->reading = NULL;
	return false;
}

/* --- what becomes known --- */

bool md_nest_know(struct md_nested *nest, struct md_nest_row *row, struct md_str object)
{
	row->known = md_nest_keep(nest, object);
	return row->known.ptr || md_nest_fail_nomem(nest);
}

void md_nest_take_rows(struct md_nested *nest, struct md_nest_group *group)
{
	struct md_pieces pieces;
	struct md_str object;
	unsigned count = 0;

	if (nest->out.len > 0) {
		md_pieces_open(&pieces, md_buf_str(&nest->out));
		for (; md_pieces_element(&pieces, &object); count++)
			if (count < nest->map_count &&
			    !md_nest_know(nest, &group->rows[nest->map[count]], object))
				return;
	}
	if (count == nest->map_count)
		return;
	md_fail(&nest->error, MD_CONFLICT, "MD409",
		"the database took %u of %u rows of '%.*s', so it is not known which", count,
		nest->map_count, MD_STR_ARG(group->model->name));
	md_nest_fail(nest, &nest->error);
}

static void take_inserted(struct md_nested *nest)
{
	struct md_nest_group *group = nest->blame;

	if (group->needed_count > 0)
		md_nest_take_rows(nest, group);
}

bool md_nest_make_map(struct md_nested *nest, unsigned most)
{
	nest->map_count = 0;
	nest->map = md_arena_alloc(nest->work, most * sizeof(*nest->map));
	return nest->map || md_nest_fail_nomem(nest);
}

/* --- the root --- */

static bool is_change(const struct md_nested *nest)
{
	return nest->write->ask.kind == MD_WRITE_UPDATE;
}

static void fail_count(struct md_nested *nest, uint64_t rows)
{
	struct md_error *err = &nest->error;

	if (nest->write->ask.singular && !nest->write->ask.key) {
		md_fail(err, MD_INVALID, "PGRST116",
			"Cannot coerce the result to a single JSON object");
		md_error_details(err, "The result contains %llu rows", (unsigned long long)rows);
	} else if (rows == 0) {
		md_fail(err, MD_NOT_FOUND, "MD404", "no such row");
	} else {
		md_fail(err, MD_INVALID, "MD400",
			"a body with relationships changes one row, but several are meant");
	}
	md_nest_fail(nest, err);
}

static bool check_count(struct md_nested *nest, uint64_t rows)
{
	if ((!is_change(nest) && !nest->write->ask.singular) || rows == 1)
		return true;
	fail_count(nest, rows);
	return false;
}

static void take_root(struct md_nested *nest)
{
	const struct md_write_result *result = md_write_result(nest->writing);

	nest->write->result = *result;
	nest->write->result.location = NULL;
	if (check_count(nest, result->rows) && !nest->write->ask.match)
		md_nest_take_rows(nest, nest->root);
}

static bool put_root(struct md_nested *nest)
{
	struct md_nest_group *root = nest->root;

	if (!md_nest_make_map(nest, root->count))
		return false;
	md_buf_puts(&nest->text, nest->root_list ? "[" : "");
	for (unsigned i = 0; i < root->count; i++) {
		md_buf_puts(&nest->text, i > 0 ? "," : "");
		md_nest_put_object(root, i, false, &nest->text);
		nest->map[nest->map_count++] = i;
	}
	md_buf_puts(&nest->text, nest->root_list ? "]" : "");
	return true;
}

/* The filters of the request, with a select of ours. */
static struct md_query *root_query(struct md_nested *nest)
{
	const struct md_query *asked = nest->write->ask.query;
	struct md_query *query = md_nest_query(nest, nest->root);

	if (!query)
		return NULL;
	query->root.where = asked->root.where;
	query->values = asked->values;
	query->value_count = asked->value_count;
	return query;
}

static bool write_root(struct md_nested *nest)
{
	struct md_write_ask ask = nest->write->ask;
	struct md_query *query;
	enum md_code code;

	if (nest->at++ > 0 || !put_root(nest))
		return false;
	query = root_query(nest);
	if (!query)
		return md_nest_fail_nomem(nest);
	code = md_nest_open(nest, NULL, &ask.body, &nest->error);
	if (code != MD_OK) {
		md_nest_fail(nest, &nest->error);
		return false;
	}
	ask.link = MD_LINK_NONE;
	ask.give = ask.match ? MD_GIVE_COUNT : MD_GIVE_ROWS;
	ask.query = ask.match ? ask.query : query;
	ask.answer = MD_ANSWER_JSON;
	ask.singular = ask.dry_run = false;
	ask.strip_nulls = ask.match && ask.strip_nulls;
	ask.session = nest->session;
	ask.arena = nest->work;
	ask.out = &nest->out;
	ask.ready = write_ready;
	ask.arg = nest;
	return md_nest_start_write(nest, &ask, take_root);
}

static void take_look(struct md_nested *nest)
{
	struct md_nest_row *row = &nest->blame->rows[nest->map[0]];
	struct md_str object = md_buf_str(&nest->shown);
	struct md_pieces pieces;
	unsigned count = 1;

	if (object.len > 0 && object.ptr[0] == '[') {
		struct md_str list = object, other;

		md_pieces_open(&pieces, list);
		for (count = 0; md_pieces_element(&pieces, &other); count++)
			object = other;
	}
	if (!nest->blame->up && is_change(nest))
		nest->write->result.rows = count;
	if (nest->blame->up || check_count(nest, count))
		md_nest_know(nest, row, object);
}

static bool look_root(struct md_nested *nest)
{
	const struct md_str *key = nest->write->ask.key;
	struct md_read_request request = { .route = MD_READ_LIST, .model = nest->root->model };
	struct md_query *query = root_query(nest);

	if (nest->at++ > 0 || !md_nest_make_map(nest, 1))
		return false;
	if (!query)
		return md_nest_fail_nomem(nest);
	nest->map[nest->map_count++] = 0;
	if (!is_change(nest)) {
		key = md_nest_key(nest, nest->root, 0);
		if (!key)
			return md_nest_fail_nomem(nest);
		query->root.where = NULL;
	}
	if (key) {
		request.route = MD_READ_ITEM;
		request.key = key;
	} else {
		query->root.has_limit = true;
		query->root.limit = 2;
	}
	request.query = query;
	return md_nest_start_read(nest, &request, take_look);
}

/* --- other groups --- */

static bool look(struct md_nested *nest, struct md_nest_group *group)
{
	struct md_read_request request = { .route = MD_READ_ITEM, .model = group->model };

	while (nest->at < group->count &&
	       (group->rows[nest->at].kind != MD_NEST_LINK || group->rows[nest->at].known.ptr))
		nest->at++;
	if (nest->at == group->count || !md_nest_make_map(nest, 1))
		return false;
	nest->map[nest->map_count++] = nest->at;
	request.key = md_nest_key(nest, group, nest->at++);
	request.query = md_nest_query(nest, group);
	if (!request.key || !request.query)
		return md_nest_fail_nomem(nest);
	return md_nest_start_read(nest, &request, take_look);
}

static bool put_rows(struct md_nested *nest, struct md_nest_group *group, enum md_nest_kind kind)
{
	if (!md_nest_make_map(nest, group->count))
		return false;
	for (unsigned i = 0; i < group->count; i++) {
		if (group->rows[i].kind != kind)
			continue;
		md_buf_putc(&nest->text, nest->map_count == 0 ? '[' : ',');
		md_nest_put_object(group, i, false, &nest->text);
		nest->map[nest->map_count++] = i;
	}
	md_buf_putc(&nest->text, ']');
	return true;
}

/* The names of the foreign key, in which rows of a one-to-one relationship conflict. */
static bool set_conflict(struct md_nested *nest, const struct md_relation *via,
			 struct md_write_ask *ask)
{
	struct md_str *names = md_arena_alloc(nest->work, via->remote_count * sizeof(*names));

	for (unsigned i = 0; names && i < via->remote_count; i++)
		names[i] = via->remote[i]->name;
	ask->conflict = names;
	ask->conflict_count = via->remote_count;
	return names || md_nest_fail_nomem(nest);
}

static bool insert(struct md_nested *nest, struct md_nest_group *group, enum md_nest_kind kind)
{
	struct md_write_ask ask = md_nest_write_ask(nest, MD_WRITE_INSERT, group->model);
	struct md_nest_columns columns;

	if (nest->at++ > 0 || !put_rows(nest, group, kind))
		return false;
	ask.query = md_nest_query(nest, group);
	if (!ask.query || !md_nest_columns(nest, group, &columns))
		return md_nest_fail_nomem(nest);
	if (md_nest_open(nest, &columns, &ask.body, &nest->error) != MD_OK) {
		md_nest_fail(nest, &nest->error);
		return false;
	}
	ask.give = group->needed_count > 0 ? MD_GIVE_ROWS : MD_GIVE_COUNT;
	ask.missing_default = true;
	if (kind != MD_NEST_CREATE)
		ask.resolution = MD_RESOLUTION_MERGE;
	if (kind == MD_NEST_MERGE_ONE && !set_conflict(nest, group->via, &ask))
		return false;
	return md_nest_start_write(nest, &ask, take_inserted);
}

bool md_nest_start_step(struct md_nested *nest)
{
	const struct md_nest_step *step = &nest->steps[nest->step];
	struct md_nest_group *group = step->group;

	md_arena_reset(nest->work, nest->write->ask.out->max);
	md_buf_clear(&nest->text);
	md_buf_clear(&nest->out);
	nest->blame = group;
	nest->map_count = 0;
	switch (step->act) {
	case MD_NEST_LOOK_ROOT:
		return look_root(nest);
	case MD_NEST_WRITE_ROOT:
		return write_root(nest);
	case MD_NEST_LOOK:
		return look(nest, group);
	case MD_NEST_CLEAR:
		return md_nest_clear(nest, group);
	case MD_NEST_INSERT:
		return insert(nest, group, MD_NEST_CREATE);
	case MD_NEST_UPSERT:
		return insert(nest, group, MD_NEST_MERGE);
	case MD_NEST_UPSERT_ONE:
		return insert(nest, group, MD_NEST_MERGE_ONE);
	case MD_NEST_UPDATE:
		return md_nest_update(nest, group);
	case MD_NEST_JOIN:
		return md_nest_join(nest, group);
	case MD_NEST_CUT:
		return md_nest_cut(nest, group);
	case MD_NEST_SHOW:
		return md_nest_show(nest, group);
	}
	return false;
}
