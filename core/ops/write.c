/* One write from request to durable rows:
 *
 *   start: columns ─► plans (cache, else build) ─► writer lane     (write_prepare.c)
 *   unit:  each row of the body, on the writer's thread            (write_unit.c)
 *          or all of them in one statement                         (write_whole.c)
 *   end:   DONE after COMMIT, or FAILED and undone
 */
#include "core/base/clock.h"
#include "core/ops/constraint.h"
#include "core/ops/nested.h"
#include "core/ops/write_private.h"

#include "core/base/banned.h"

enum { KEYS_MAX = 64 * 1024 * 1024, DOCUMENT_MAX = 1024 * 1024 * 1024 };

static void let_go(struct md_write *write)
{
	for (unsigned i = 0; i < write->variant_count; i++)
		if (write->variants[i].cached)
			md_plans_unuse(write->variants[i].cached);
	write->variant_count = 0;
	md_write_match_release(write);
	md_keys_clear(&write->merged);
	md_constraint_release(write->constraint);
	md_buf_release(&write->keys);
	md_buf_release(&write->document);
	write->row_arena = md_arena_free(write->row_arena);
	md_generation_leave(write->ops, write->generation);
}

/* Whether declared models show a column of this name, and none hides one. */
static bool is_shown(const struct md_model *models, unsigned count, struct md_str column)
{
	bool found = false;

	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; j < models[i].field_count; j++) {
			const struct md_field *field = &models[i].fields[j];

			if (!md_str_equal(field->column, column))
				continue;
			if (!md_field_is_visible(field))
				return false;
			found = true;
		}
	return found;
}

/* `Key (a, b)=(1, 2) already exists.` in any language. Anything but names of shown columns, such as
 * an expression, is not known to be for the client. */
static bool tells_shown_columns(const struct md_model *models, unsigned count, const char *details)
{
	const char *name = strchr(details, '('), *end = strstr(details, ")=(");

	if (!name || !end || name > end)
		return false;
	for (name++; name <= end;) {
		const char *comma = strstr(name, ", ");
		const char *stop = comma && comma < end ? comma : end;
		bool quoted = *name == '"' && stop > name + 1;

		if (!is_shown(models, count,
			      (struct md_str){ name + quoted, (size_t)(stop - name) - 2 * quoted }))
			return false;
		name = stop + 2;
	}
	return true;
}

static struct md_str field_name(const struct md_model *model, struct md_str column)
{
	for (unsigned i = 0; i < model->field_count; i++)
		if (md_str_equal(model->fields[i].column, column))
			return model->fields[i].name;
	return column;
}

/* The same with the names of fields, where they are not those of their columns. */
static void tell_fields(const struct md_model *model, struct md_error *err)
{
	md_auto_buf text = MD_BUF(2 * MD_DETAILS_MAX);
	const char *name = strchr(err->details, '('), *end = strstr(err->details, ")=(");

	if (!name || !end)
		return;
	md_buf_put(&text, err->details, (size_t)(++name - err->details));
	while (name < end) {
		const char *comma = strstr(name, ", ");
		const char *stop = comma && comma < end ? comma : end;
		struct md_str column = { name, (size_t)(stop - name) };

		md_buf_putstr(&text, field_name(model, column));
		md_buf_puts(&text, stop < end ? ", " : "");
		name = stop + (stop < end ? 2 : 0);
	}
	md_buf_puts(&text, end);
	if (!text.failed)
		md_error_details(err, "%.*s", (int)text.len, text.data);
}

/* With declared models, clients see fields and no other columns: what the engine says about a whole
 * row, or about keys that are not shown, is not for them. What the definitions say is. */
static void be_discreet(const struct md_write *write, struct md_error *err)
{
	const struct md_registry *registry = write->generation->registry;
	static const char *const of_rows[] = { "23502", "23514", "44000" };
	static const char *const of_keys[] = { "23503", "23505", "23P01" };
	const struct md_model *models;
	const char *words;
	unsigned count;

	models = md_registry_models(registry, &count);
	if (count == 0 || models[0].field_count == 0 || !models[0].fields[0].def)
		return;
	for (size_t i = 0; i < sizeof(of_rows) / sizeof(of_rows[0]); i++)
		if (strcmp(err->wire, of_rows[i]) == 0)
			err->details[0] = '\0';
	for (size_t i = 0; i < sizeof(of_keys) / sizeof(of_keys[0]); i++)
		if (strcmp(err->wire, of_keys[i]) == 0 &&
		    !tells_shown_columns(models, count, err->details))
			err->details[0] = '\0';
	tell_fields(write->ask.model, err);
	words = strcmp(err->wire, "23514") == 0
			? md_constraint_words(registry, write->ask.model, write->unit.violated)
			: NULL;
	if (words)
		md_error_details(err, "%s", words);
}

/* … for type uuid: "abc" */
static bool speaks_of(const char *message, struct md_str value)
{
	size_t len = strlen(message);

	return len >= value.len + 2 && message[len - 1] == '"' &&
	       message[len - value.len - 2] == '"' &&
	       memcmp(message + len - value.len - 1, value.ptr, value.len) == 0;
}

static bool body_has(const struct md_write *write, struct md_str text)
{
	for (unsigned i = 0; i < write->column_count; i++)
		if (write->cells[i].kind == MD_CELL_STRING &&
		    md_str_equal(write->cells[i].text, text))
			return true;
	return false;
}

/* A key in the path that its column cannot hold is one that is not there. The engine does not say
 * which value it does not take, but it shows it. */
static bool names_no_row(const struct md_write *write, const struct md_error *err)
{
	static const char *const of_values[] = { "22P02", "22003", "22007", "22008" };
	const struct md_write_ask *ask = &write->ask;
	bool is_value = false;

	for (size_t i = 0; i < sizeof(of_values) / sizeof(of_values[0]); i++)
		is_value = is_value || strcmp(err->wire, of_values[i]) == 0;
	if (!is_value || !ask->key || ask->kind == MD_WRITE_INSERT || ask->query->value_count > 0)
		return false;
	for (unsigned i = 0; i < ask->model->key_count; i++)
		if (ask->model->key[i]->type != MD_TYPE_TEXT &&
		    speaks_of(err->message, ask->key[i]) && !body_has(write, ask->key[i]))
			return true;
	return false;
}

void md_write_done(struct md_unit *unit, enum md_code code)
{
	struct md_write *write = (struct md_write *)unit;

	if (code != MD_OK)
		md_write_tell_part(write);
	if (code != MD_OK && !write->explaining) /* what was explained is in our own words */
		be_discreet(write, &unit->error);
	if (code != MD_OK && names_no_row(write, &unit->error))
		md_fail(&unit->error, MD_NOT_FOUND, "MD404", "no such row");
	let_go(write);
	write->state = code == MD_OK ? MD_READ_DONE : MD_READ_FAILED;
	write->ask.ready(write, write->ask.arg);
}

static enum md_code begin(struct md_write *write, const struct md_write_way *way,
			  struct md_error *err)
{
	enum md_code code = MD_OK;

	if (write->ask.match)
		code = md_write_match_prepare(write, way, err);
	if (code == MD_OK)
		code = md_write_prepare(write, err);
	return code == MD_OK && way->begin ? way->begin(write, err) : code;
}

void md_write_begin_again(struct md_write *write)
{
	write->result = (struct md_write_result){ .resolved = write->result.resolved,
						  .plan_ns = write->result.plan_ns };
	md_buf_clear(write->ask.out);
	if (write->sink)
		md_text_sink_reset(write->sink);
}

/* If-None-Match: * of a PUT. A row that comes between looking and writing is left alone, too. */
static bool makes_new_only(const struct md_write_ask *ask)
{
	return ask->match && ask->match->if_none_match.any && ask->kind == MD_WRITE_INSERT;
}

struct md_write *md_write_new(struct md_ops *ops, const struct md_write_ask *ask)
{
	struct md_write *write = md_arena_zalloc(ask->arena, sizeof(*write));
	const struct md_write_way *way;
	uint64_t begun_ns = ask->timed ? md_now_ns() : 0;

	if (!write)
		return NULL;
	write->ops = ops;
	write->ask = *ask;
	if (makes_new_only(ask))
		write->ask.resolution = MD_RESOLUTION_IGNORE;
	write->generation = ops->newest;
	write->generation->users++;
	md_buf_init(&write->keys, KEYS_MAX);
	md_buf_init(&write->document, DOCUMENT_MAX);
	way = md_write_is_whole(write) ? &md_write_whole : &md_write_by_row;
	if (begin(write, way, &write->unit.error) != MD_OK) {
		let_go(write);
		write->state = MD_READ_FAILED;
		return write;
	}
	if (ask->timed)
		write->result.plan_ns = md_now_ns() - begun_ns;
	way->start_over(write);
	write->unit.ops = ask->match ? &md_write_match_ops : &way->ops;
	write->unit.tx = ask->match ? MD_TX_WRITE : way->tx(write);
	write->unit.alone = write->ask.bulk || !md_write_plan_of(write)->bounded;
	write->unit.deadline_ns = ask->deadline_ns;
	write->unit.prelude = ask->prelude;
	return write;
}

bool md_write_start(struct md_ops *ops, const struct md_write_ask *ask, struct md_write **ret_write)
{
	struct md_write *write;

	if (ask->link != MD_LINK_NONE)
		return md_nest_start(ops, ask, ret_write);
	write = md_write_new(ops, ask);
	*ret_write = write;
	if (!write)
		return true;
	/* As columns, relationships are mistakes: other bodies need not be searched for them. */
	if (write->state == MD_READ_FAILED)
		return write->unit.error.code != MD_INVALID || !md_write_is_nested(ops, ask) ||
		       md_nest_start(ops, ask, ret_write);
	if (ask->session) {
		md_session_run(ask->session, &write->unit);
		return false;
	}
	write->unit.postpones = !md_write_is_whole(write) && md_write_refers_ahead(write);
	md_db_run(ops->options.db, &write->unit, MD_LANE_WRITE);
	return false;
}

enum md_read_state md_write_state(const struct md_write *write)
{
	return write->state;
}

const struct md_error *md_write_error(const struct md_write *write)
{
	return &write->unit.error;
}

const struct md_write_result *md_write_result(const struct md_write *write)
{
	return &write->result;
}

void md_write_cancel(struct md_write *write)
{
	if (write->state != MD_READ_RUNNING)
		return;
	if (write->nest)
		md_nest_cancel(write->nest);
	else if (write->ask.session)
		md_session_cancel(write->ask.session, &write->unit);
	else
		md_db_cancel(write->ops->options.db, &write->unit);
}
