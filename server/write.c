#include "server/write.h"

#include <stdlib.h>

#include "config/options.h"
#include "core/base/clock.h"
#include "core/ops/cell.h"
#include "server/conditions.h"
#include "server/links.h"
#include "server/loop.h"
#include "server/params.h"
#include "server/run.h"
#include "server/transactions.h"
#include "server/upload.h"

#include "core/base/banned.h"

/* What each method does, and which preferences mean something to it. */
static const struct method {
	bool writes, has_body;
	enum md_write_kind kind;
	unsigned preferences;
} methods_table[MD_METHOD_OTHER + 1] = {
	[MD_METHOD_POST] = { true, true, MD_WRITE_INSERT,
			     MD_PREFER_RESOLUTION | MD_PREFER_MISSING },
	[MD_METHOD_PUT] = { true, true, MD_WRITE_INSERT, 0 },
	[MD_METHOD_PATCH] = { true, true, MD_WRITE_UPDATE,
			      MD_PREFER_MISSING | MD_PREFER_MAX_AFFECTED },
	[MD_METHOD_DELETE] = { true, false, MD_WRITE_DELETE, MD_PREFER_MAX_AFFECTED },
};

bool md_is_write(const struct md_request *request)
{
	return methods_table[request->method].writes && request->route.id != MD_ROUTE_QUERY;
}

/* ---- what is asked ---- */

/* columns= and on_conflict= are sets. */
static enum md_code read_names(struct md_request *request, struct md_str list,
			       struct md_str **ret_names, unsigned *ret_count)
{
	struct md_str *names;
	unsigned count, kept = 0;
	enum md_code code = md_parse_columns(request->arena, list, &names, &count, &request->error);

	if (code != MD_OK)
		return code;
	for (unsigned i = 0, j; i < count; i++) {
		for (j = 0; j < kept && !md_str_equal(names[j], names[i]); j++)
			;
		if (j == kept)
			names[kept++] = names[i];
	}
	*ret_names = names;
	*ret_count = kept;
	return MD_OK;
}

static enum md_code check_filter(struct md_request *request)
{
	const char *verb = request->method == MD_METHOD_PATCH ? "UPDATE" : "DELETE";

	if (!request->loop->options->require_filter || request->query.root.where ||
	    request->route.id != MD_ROUTE_RELATION ||
	    (request->method != MD_METHOD_PATCH && request->method != MD_METHOD_DELETE))
		return MD_OK;
	return md_fail(&request->error, MD_INVALID, "21000", "%s requires a WHERE clause", verb);
}

static enum md_code bad_put(struct md_request *request)
{
	return md_fail(&request->error, MD_INVALID, "PGRST105",
		       "Filters must include all and only primary key columns with 'eq' operators");
}

/* The value that the filters want for a column of the key: column=eq.value. Not given: there is no
 * such filter. */
static struct md_str key_value(const struct md_request *request, struct md_str column)
{
	for (const struct md_logic *l = request->query.root.where; l; l = l->next)
		if (md_str_equal(l->leaf.column.name, column))
			return request->query.values[l->leaf.value];
	return (struct md_str){ NULL, 0 };
}

static bool is_plain_eq(const struct md_logic *logic)
{
	const struct md_filter *leaf = &logic->leaf;

	return logic->kind == MD_LOGIC_LEAF && leaf->op == MD_OP_EQ && !leaf->negated &&
	       leaf->quantifier == MD_QUANT_NONE && leaf->column.path_len == 0;
}

/* PUT names its row by key=eq.value for each column of the key; on an item route by the path. */
static enum md_code read_put_key(struct md_request *request, const struct md_str *path_key,
				 const struct md_str **ret_key)
{
	const struct md_model *model = request->route.model;
	const struct md_level *root = &request->query.root;
	struct md_str *key = md_arena_alloc(request->arena, model->key_count * sizeof(*key));
	unsigned filters = 0;

	if (!key)
		return md_fail_nomem(&request->error);
	if (root->has_limit || root->has_offset)
		return md_fail(&request->error, MD_INVALID, "PGRST114",
			       "limit/offset querystring parameters are not allowed for PUT");
	for (const struct md_logic *l = root->where; l; l = l->next, filters++)
		if (!is_plain_eq(l))
			return bad_put(request);
	*ret_key = path_key;
	if (path_key)
		return filters == 0 ? MD_OK : bad_put(request);
	if (model->key_count == 0 || filters != model->key_count)
		return bad_put(request);
	for (unsigned i = 0; i < model->key_count; i++) {
		key[i] = key_value(request, model->key[i]->name);
		if (!md_str_is_given(key[i]))
			return bad_put(request);
	}
	*ret_key = key;
	return MD_OK;
}

/* The cell of this column; NULL: the body does not have it. */
static const struct md_body_cell *cell_of(const struct md_body *body,
					  const struct md_body_cell *cells, struct md_str column)
{
	unsigned count;
	const struct md_str *columns = md_body_columns(body, &count);

	for (unsigned i = 0; i < count; i++)
		if (md_str_equal(columns[i], column))
			return &cells[i];
	return NULL;
}

static bool has_key(const struct md_request *request, const struct md_body_cell *cells,
		    const struct md_str *key)
{
	const struct md_model *model = request->route.model;

	for (unsigned i = 0; i < model->key_count; i++) {
		const struct md_body_cell *cell =
			cell_of(request->write_ask.body, cells, model->key[i]->name);

		if (!cell || !md_cell_is(cell, model->key[i], key[i], request->arena))
			return false;
	}
	return true;
}

/* The body of a PUT is one row, the one that the URL names. */
static enum md_code check_put_body(struct md_request *request, const struct md_str *key)
{
	const struct md_body *body = request->write_ask.body;
	struct md_body_cursor cursor;
	struct md_body_cell *cells;
	unsigned count;
	char *scratch;

	md_body_columns(body, &count);
	cells = md_arena_alloc(request->arena, count * sizeof(*cells));
	scratch = md_arena_alloc(request->arena, md_body_scratch(body));
	if (!cells || !scratch)
		return md_fail_nomem(&request->error);
	md_body_rewind(&cursor, body, scratch);
	if (md_body_rows(body) == 1 && md_body_next(&cursor, cells) && has_key(request, cells, key))
		return MD_OK;
	return md_fail(&request->error, MD_INVALID, "PGRST115",
		       "Payload values do not match URL in primary key column(s)");
}

/* Nothing is kept: db-tx-end, and Prefer: tx where that may be asked. */
bool md_write_is_dry_run(const struct md_request *request)
{
	static const bool dry[][3] = {
		[MD_TX_END_COMMIT] = { false, false, false },
		[MD_TX_END_COMMIT_OVERRIDE] = { false, false, true },
		[MD_TX_END_ROLLBACK] = { true, true, true },
		[MD_TX_END_ROLLBACK_OVERRIDE] = { true, false, true },
	};

	return dry[request->loop->options->db_tx_end][request->prefer.tx];
}

static enum md_give give_of(const struct md_request *request)
{
	if (request->prefer.ret == MD_RETURN_REPRESENTATION)
		return MD_GIVE_ROWS;
	if (request->prefer.ret == MD_RETURN_HEADERS_ONLY && request->method == MD_METHOD_POST &&
	    request->route.model->key_count > 0)
		return MD_GIVE_KEYS;
	return MD_GIVE_COUNT;
}

/* Preferences that this method knows, as long as they are given. */
static bool prefers(const struct md_request *request, enum md_prefer_bit bit)
{
	return methods_table[request->method].preferences & (unsigned)bit;
}

static void write_ready(struct md_write *write, void *arg);

void md_write_fill_ask(struct md_request *request, const struct md_str *key)
{
	const struct md_prefer *prefer = &request->prefer;
	bool object =
		request->media == MD_MEDIA_OBJECT || request->media == MD_MEDIA_OBJECT_STRIPPED;

	request->write_ask = (struct md_write_ask){
		.kind = methods_table[request->method].kind,
		.give = give_of(request),
		.model = request->route.model,
		.key = key,
		.query = &request->query,
		.replace = request->method == MD_METHOD_PUT,
		.missing_default = prefers(request, MD_PREFER_MISSING) &&
				   prefer->missing == MD_MISSING_DEFAULT,
		.singular = object || key,
		.strip_nulls = request->media == MD_MEDIA_ARRAY_STRIPPED ||
			       request->media == MD_MEDIA_OBJECT_STRIPPED,
		.answer = md_media_answer(request->media),
		.dry_run = md_write_is_dry_run(request),
		.timed = request->loop->options->server_timing_enabled,
		.has_max_affected = prefers(request, MD_PREFER_MAX_AFFECTED) &&
				    prefer->has_max_affected &&
				    prefer->handling == MD_HANDLING_STRICT,
		.max_affected = prefer->max_affected,
		.prelude = request->prelude,
		.deadline_ns = md_request_deadline(request),
		.arena = request->arena,
		.out = &request->out,
		.ready = write_ready,
		.arg = request,
	};
	if (request->method == MD_METHOD_PUT)
		request->write_ask.resolution = MD_RESOLUTION_MERGE;
	else if (prefers(request, MD_PREFER_RESOLUTION))
		request->write_ask.resolution = prefer->resolution;
}

static int by_name(const void *a, const void *b)
{
	return md_str_compare(*(const struct md_str *)a, *(const struct md_str *)b);
}

/* on_conflict= of a POST, columns= of a POST or PATCH, and the rows. The columns stand in the order
 * of those that come from a body: it decides which of several mistakes is told. */
static enum md_code read_body(struct md_request *request)
{
	struct md_write_ask *ask = &request->write_ask;
	const struct md_query *query = &request->query;
	struct md_str *columns = NULL, *conflict = NULL;
	unsigned count = 0;
	enum md_code code = MD_OK;

	if (request->method == MD_METHOD_POST && md_str_is_given(query->on_conflict))
		code = read_names(request, query->on_conflict, &conflict, &ask->conflict_count);
	ask->conflict = conflict;
	if (code == MD_OK && request->method != MD_METHOD_PUT && md_str_is_given(query->columns))
		code = read_names(request, query->columns, &columns, &count);
	if (count > 0)
		qsort(columns, count, sizeof(*columns), by_name);
	return code == MD_OK ? md_upload_open(request, columns, count) : code;
}

enum md_code md_write_parse(struct md_request *request, const struct md_str *key)
{
	bool put = request->method == MD_METHOD_PUT;
	enum md_code code;

	if (md_links_are_asked(request))
		return md_links_parse(request, key);
	code = check_filter(request);
	if (code == MD_OK && put)
		code = read_put_key(request, key, &key);
	if (code != MD_OK)
		return code;
	md_write_fill_ask(request, request->route.id == MD_ROUTE_ITEM ? key : NULL);
	code = md_conditions_ask(request, key);
	if (code == MD_OK && methods_table[request->method].has_body)
		code = read_body(request);
	if (code == MD_OK && put)
		code = check_put_body(request, key);
	return code;
}

/* ---- writing ---- */

static void write_ready(struct md_write *write, void *arg)
{
	struct md_request *request = arg;

	(void)write;
	if (request->held & MD_HELD_BY_ASKER) {
		md_request_account(request);
		md_request_resume(request);
	}
	md_request_let_go(request, MD_HELD_BY_WRITE);
}

static enum md_go start_write(struct md_request *request)
{
	bool ended;

	request->write_ask.session = md_transaction_session(request);
	request->held |= MD_HELD_BY_WRITE;
	ended = md_write_start(request->loop->ops, &request->write_ask, &request->write);
	if (ended)
		request->held &= ~(unsigned)MD_HELD_BY_WRITE;
	if (request->write)
		return MD_GO_ON;
	md_fail_nomem(&request->error);
	return MD_GO_FAIL;
}

enum md_go md_run_rows(struct md_request *request)
{
	if (!md_is_write(request))
		return md_run_read(request);
	if (!request->write && start_write(request) == MD_GO_FAIL)
		return MD_GO_FAIL;
	switch (md_write_state(request->write)) {
	case MD_READ_RUNNING:
		return MD_GO_SUSPEND;
	case MD_READ_FAILED:
		request->error = *md_write_error(request->write);
		return MD_GO_FAIL;
	case MD_READ_PIECE: /* writes do not stream */
	case MD_READ_DONE:
		break;
	}
	return MD_GO_ON;
}

/* ---- the answer ---- */

/* Created, or changed: 201 and 200; nothing to show: 204, but for POST, which has no 204. */
static unsigned status_of(const struct md_request *request)
{
	const struct md_write_result *result = md_write_result(request->write);
	bool shows = request->write_ask.give == MD_GIVE_ROWS;

	switch (request->method) {
	case MD_METHOD_POST:
		return request->prefer.resolution == MD_RESOLUTION_MERGE && result->inserted == 0
			       ? 200
			       : 201;
	case MD_METHOD_PUT:
		return !shows ? 204 : (result->inserted > 0 ? 201 : 200);
	case MD_METHOD_PATCH:
	case MD_METHOD_DELETE:
	case MD_METHOD_GET:
	case MD_METHOD_HEAD:
	case MD_METHOD_OPTIONS:
	case MD_METHOD_QUERY:
	case MD_METHOD_OTHER:
		break;
	}
	return shows ? 200 : 204;
}

static void note_preferences(struct md_request *request)
{
	const struct md_write_ask *ask = &request->write_ask;

	request->applied |= MD_PREFER_RETURN | MD_PREFER_COUNT;
	if (prefers(request, MD_PREFER_MISSING))
		request->applied |= MD_PREFER_MISSING;
	if (prefers(request, MD_PREFER_RESOLUTION) && md_write_result(request->write)->resolved)
		request->applied |= MD_PREFER_RESOLUTION;
	if (ask->has_max_affected)
		request->applied |= MD_PREFER_MAX_AFFECTED;
}

/* POST and DELETE tell how many rows when asked; PATCH also which, as if they were a page. */
static void note_range(struct md_request *request)
{
	const struct md_write_result *result = md_write_result(request->write);
	uint64_t rows = result->grouped ? result->groups : result->rows;
	enum md_prefer_count count = request->prefer.count;

	if (request->route.id != MD_ROUTE_RELATION || request->method == MD_METHOD_PUT)
		return;
	request->has_page = true;
	request->page = (struct md_page){
		.rows = request->method == MD_METHOD_PATCH ? rows : 0,
		.has_total = count == MD_COUNT_EXACT || count == MD_COUNT_ESTIMATED,
		.total = rows,
	};
}

static void note_location(struct md_request *request)
{
	const struct md_write_result *result = md_write_result(request->write);
	md_auto_buf out = { .max = 1024 * 1024 };

	if (request->method != MD_METHOD_POST || result->rows != 1)
		return;
	request->lost_header = result->lost_location;
	if (!result->location)
		return;
	md_buf_putc(&out, '/');
	md_uri_encode(&out,
		      md_links_are_asked(request) ? md_links_target(request)
						  : request->route.relation,
		      "-_.~");
	md_buf_puts(&out, result->location);
	if (!out.failed)
		request->location = md_arena_strndup(request->arena, out.data, out.len);
	request->lost_header = request->lost_header || !request->location;
}

void md_write_describe(struct md_request *request)
{
	request->status =
		md_links_are_asked(request) ? md_links_status(request) : status_of(request);
	note_preferences(request);
	note_range(request);
	note_location(request);
	if (request->write_ask.give != MD_GIVE_ROWS)
		return;
	request->type = md_media_type(request->media);
	request->length = request->out.len;
	if (request->method == MD_METHOD_PATCH && request->route.id == MD_ROUTE_ITEM)
		md_conditions_tag(request);
}
