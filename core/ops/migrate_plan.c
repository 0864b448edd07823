/* Plans of revisions: made, written down beside the revision so that a run that was cut off goes on
 * with the same steps, and shown. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/ops/migrate_private.h"

#include "core/base/banned.h"

enum { KINDS = MD_STEP_BATCHES + 1, RISKS = MD_RISK_LOSS + 1 };

static const char *const kinds[KINDS] = { [MD_STEP_TOGETHER] = "together",
					  [MD_STEP_ALONE] = "alone",
					  [MD_STEP_APART] = "apart",
					  [MD_STEP_BATCHES] = "batches" };
static const char *const risks[RISKS] = {
	[MD_RISK_NONE] = "none", [MD_RISK_KEPT] = "kept", [MD_RISK_LOSS] = "loss"
};

/* --- as JSON -----------------------------------------------------------------------------------
 */

static json_t *texts_of(const char *const *texts, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		if (json_array_append_new(list, json_string(texts[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *show_step(const struct md_step *step)
{
	return json_pack("{s:s,s:s,s:s,s:o,s:s?,s:b,s:b,s:o,s:b,s:s,s:s?}", "kind",
			 kinds[step->kind], "what", step->what, "object", step->object, "sql",
			 texts_of(step->sql, step->sql_count), "lock", step->lock, "lock_is_brief",
			 (int)step->lock_is_brief, "rewrites", (int)step->rewrites, "rows",
			 step->rows < 0 ? json_null() : json_integer((json_int_t)step->rows),
			 "reversible", (int)step->reversible, "risk", risks[step->risk], "at_risk",
			 step->at_risk);
}

/* With all that running it takes. */
static json_t *write_step(const struct md_step *step)
{
	json_t *json = show_step(step);
	json_t *more = json_pack("{s:s?,s:s?,s:s?,s:s?,s:I}", "probe", step->probe, "clean",
				 step->clean, "blocks", step->blocks, "remaining", step->remaining,
				 "operation", (json_int_t)step->operation);

	if (!json || !more || json_object_update(json, more) != 0) {
		json_decref(json);
		json = NULL;
	}
	json_decref(more);
	return json;
}

static json_t *show_check(const struct md_data_check *check)
{
	return json_pack("{s:s,s:s,s:s?,s:s,s:s?}", "object", check->object, "message",
			 check->message, "hint", check->hint, "sql", check->sql, "code",
			 check->wire);
}

/* A list of `count` things that `nth` makes. */
static json_t *list_steps(const struct md_plan *plan, json_t *(*make)(const struct md_step *step))
{
	json_t *list = json_array();

	for (unsigned i = 0; i < plan->step_count; i++)
		if (json_array_append_new(list, make(&plan->steps[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *list_checks(const struct md_plan *plan)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < plan->check_count; i++)
		if (json_array_append_new(list, show_check(&plan->checks[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

json_t *md_plan_show(const struct md_plan *plan)
{
	return json_pack("{s:o,s:o,s:o}", "steps", list_steps(plan, show_step), "checks",
			 list_checks(plan), "notes", texts_of(plan->notes, plan->note_count));
}

json_t *md_plan_write(const struct md_plan *plan)
{
	return json_pack("{s:o,s:o,s:o,s:o}", "steps", list_steps(plan, write_step), "open",
			 texts_of(plan->open, plan->open_count), "close",
			 texts_of(plan->close, plan->close_count), "verify",
			 texts_of(plan->verify, plan->verify_count));
}

/* --- read again --------------------------------------------------------------------------------
 */

struct reading {
	struct md_arena *arena;
	bool failed, no_memory;
};

static const char *read_text(struct reading *reading, const json_t *json, bool needed)
{
	const char *text = json_string_value(json);

	if (!text) {
		reading->failed |= needed || (json && !json_is_null(json));
		return NULL;
	}
	text = md_arena_strndup(reading->arena, text, strlen(text));
	reading->no_memory |= !text;
	return text;
}

static const char *const *read_texts(struct reading *reading, const json_t *list,
				     unsigned *ret_count)
{
	size_t count = json_array_size(list);
	const char **texts = md_arena_zalloc(reading->arena, (count + 1) * sizeof(*texts));

	reading->failed |= !json_is_array(list);
	reading->no_memory |= !texts;
	for (size_t i = 0; texts && i < count; i++)
		texts[i] = read_text(reading, json_array_get(list, i), true);
	*ret_count = texts ? (unsigned)count : 0;
	return texts;
}

static unsigned read_word(struct reading *reading, const json_t *json, const char *const *words,
			  unsigned count)
{
	const char *text = json_string_value(json);

	for (unsigned i = 0; text && i < count; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	reading->failed = true;
	return 0;
}

static void read_step(struct reading *reading, const json_t *json, struct md_step *step)
{
	const json_t *rows = json_object_get(json, "rows");

	step->kind = read_word(reading, json_object_get(json, "kind"), kinds, KINDS);
	step->risk = read_word(reading, json_object_get(json, "risk"), risks, RISKS);
	step->what = read_text(reading, json_object_get(json, "what"), true);
	step->object = read_text(reading, json_object_get(json, "object"), true);
	step->sql = read_texts(reading, json_object_get(json, "sql"), &step->sql_count);
	step->lock = read_text(reading, json_object_get(json, "lock"), false);
	step->lock_is_brief = json_is_true(json_object_get(json, "lock_is_brief"));
	step->rewrites = json_is_true(json_object_get(json, "rewrites"));
	step->rows = json_is_integer(rows) ? (double)json_integer_value(rows) : -1;
	step->reversible = json_is_true(json_object_get(json, "reversible"));
	step->at_risk = read_text(reading, json_object_get(json, "at_risk"), false);
	step->probe = read_text(reading, json_object_get(json, "probe"), false);
	step->clean = read_text(reading, json_object_get(json, "clean"), false);
	step->blocks = read_text(reading, json_object_get(json, "blocks"), false);
	step->remaining = read_text(reading, json_object_get(json, "remaining"), false);
	step->operation = (size_t)json_integer_value(json_object_get(json, "operation"));
}

enum md_code md_plan_read(const json_t *json, struct md_arena *arena, struct md_plan *ret_plan,
			  struct md_error *err)
{
	const json_t *list = json_object_get(json, "steps");
	struct reading reading = { arena, !json_is_array(list), false };
	struct md_plan plan = { .step_count = (unsigned)json_array_size(list) };
	struct md_step *steps = md_arena_zalloc(arena, (plan.step_count + 1) * sizeof(*steps));

	if (!steps)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < plan.step_count; i++)
		read_step(&reading, json_array_get(list, i), &steps[i]);
	plan.steps = steps;
	plan.open = read_texts(&reading, json_object_get(json, "open"), &plan.open_count);
	plan.close = read_texts(&reading, json_object_get(json, "close"), &plan.close_count);
	plan.verify = read_texts(&reading, json_object_get(json, "verify"), &plan.verify_count);
	if (reading.no_memory)
		return md_fail_nomem(err);
	if (reading.failed)
		return md_fail(err, MD_CONFLICT, "MD_HISTORY",
			       "the plan that was begun with cannot be read");
	*ret_plan = plan;
	return MD_OK;
}

/* --- a revision on its way ---------------------------------------------------------------------
 */

void md_run_release(struct md_run *run)
{
	json_decref(run->document);
	json_decref(run->operations);
	md_snapshot_free(run->before);
	md_snapshot_free(run->after);
	*run = (struct md_run){ .migrate = run->migrate };
}

static bool is_by_hand(const json_t *operation)
{
	const char *op = json_string_value(json_object_get(operation, "op"));

	return op && (strcmp(op, "sql") == 0 || strcmp(op, "backfill") == 0);
}

/* How many operations a run that was cut off has begun: up to the end of the stretch in which its
 * next step is. What is written by hand is done or it is not. */
static size_t operations_begun(const struct md_run *run, const json_t *up, struct md_error *err,
			       enum md_code *ret_code)
{
	const struct md_history_row *row = run->link->row;
	size_t count = json_array_size(up), at;
	struct md_plan plan = { .step_count = 0 };
	md_auto_json kept = md_line_plan(row);

	*ret_code = md_plan_read(kept, run->migrate->arena, &plan, err);
	if (*ret_code != MD_OK || row->steps_done >= plan.step_count)
		return count;
	at = plan.steps[row->steps_done].operation;
	while (at < count && !is_by_hand(json_array_get(up, at)))
		at++;
	return at;
}

/* What takes back as much as was begun, and the snapshot behind that. */
static enum md_code prepare_taking_back(struct md_run *run, struct md_snapshot *base,
					struct md_error *err)
{
	const json_t *up = json_object_get(run->document, "up");
	md_auto_json begun = json_array();
	enum md_code code;
	size_t count = operations_begun(run, up, err, &code);

	if (!begun)
		code = md_fail_nomem(err);
	for (size_t i = 0; code == MD_OK && i < count; i++)
		if (json_array_append(begun, json_array_get(up, i)) != 0)
			code = md_fail_nomem(err);
	if (code == MD_OK)
		code = md_change_apply(base, begun, 0, count, false, &run->before, err);
	if (code == MD_OK)
		code = md_change_invert(begun, &run->operations, err);
	if (code == MD_OK) {
		run->after = base;
		run->tolerant = true;
	}
	return code;
}

/* A plan was begun that only has to go on. */
static bool goes_on(const struct md_run *run)
{
	return run->link->half && run->down == (run->link->row->state == MD_HISTORY_REVERTING);
}

static enum md_code find_operations(struct md_run *run, struct md_error *err)
{
	json_t *up = json_object_get(run->document, "up");
	json_t *down = json_object_get(run->document, "down");
	enum md_code code = MD_OK;

	if (!run->down)
		run->operations = json_incref(up);
	else if (json_is_array(down))
		run->operations = json_incref(down);
	else
		code = md_change_invert(up, &run->operations, err);
	if (code == MD_OK && !json_is_array(run->operations))
		code = md_fail(err, MD_CONFLICT, "MD_HISTORY", "revision %s has no operations",
			       run->link->id);
	return code;
}

enum md_code md_run_prepare(struct md_run *run, struct md_snapshot *before, struct md_error *err)
{
	md_auto_snapshot owned = before;
	enum md_code code;

	run->document = md_line_document(run->link);
	if (!run->document)
		return md_line_fail_document(run->link, err);
	if (run->down && run->link->half) {
		code = goes_on(run) ? MD_OK : prepare_taking_back(run, owned, err);
		if (code != MD_OK)
			return code;
		run->after = owned;
		owned = NULL;
		return MD_OK;
	}
	code = find_operations(run, err);
	if (code == MD_OK)
		code = md_change_apply(owned, run->operations, 0, json_array_size(run->operations),
				       false, &run->after, err);
	if (code != MD_OK)
		return code;
	run->before = owned;
	owned = NULL;
	return MD_OK;
}

enum md_code md_run_plan(struct md_run *run, bool live, struct md_error *err)
{
	struct md_migrate *migrate = run->migrate;
	struct md_plan_request request = {
		.dialect = migrate->dialect,
		.before = run->before,
		.operations = run->operations,
		.revision = run->link->id,
		.forget = run->forget,
		.schema = migrate->options.schema,
		.live = live ? migrate->db : NULL,
	};
	md_auto_json kept = NULL;
	enum md_code code;

	memset(&run->plan, 0, sizeof(run->plan));
	run->done = 0;
	run->resumed = false;
	if (!goes_on(run))
		return md_plan_make(&request, migrate->arena, &run->plan, err);
	kept = md_line_plan(run->link->row);
	code = md_plan_read(kept, migrate->arena, &run->plan, err);
	if (code != MD_OK)
		return code;
	run->resumed = true;
	run->done = run->link->row->steps_done;
	return MD_OK;
}

/* All texts in their order, as they would run. */
static json_t *script_of(const struct md_plan *plan)
{
	json_t *script = texts_of(plan->open, plan->open_count);

	for (unsigned i = 0; script && i < plan->step_count; i++) {
		json_t *texts = texts_of(plan->steps[i].sql, plan->steps[i].sql_count);

		json_array_extend(script, texts);
		json_decref(texts);
	}
	if (script) {
		json_t *close = texts_of(plan->close, plan->close_count);

		json_array_extend(script, close);
		json_decref(close);
	}
	return script;
}

json_t *md_run_json(const struct md_run *run, bool script)
{
	json_t *json = md_plan_show(&run->plan);
	int bad = json ? 0 : -1;

	bad |= json_object_set_new(json, "revision", json_string(run->link->id));
	bad |= json_object_set(json, "message",
			       json_object_get(run->document, "message")
				       ? json_object_get(run->document, "message")
				       : json_null());
	bad |= json_object_set_new(json, "direction", json_string(run->down ? "down" : "up"));
	bad |= json_object_set_new(json, "resumed_from",
				   run->resumed ? json_integer(run->done) : json_null());
	if (script)
		bad |= json_object_set_new(json, "script", script_of(&run->plan));
	if (bad == 0)
		return json;
	json_decref(json);
	return NULL;
}

/* --- consent and data --------------------------------------------------------------------------
 */

static bool is_named(const struct md_run *run, const struct md_consent *consent, const char *object)
{
	const json_t *own = run->down ? NULL : json_object_get(run->document, "consent");
	const json_t *name;
	size_t i;

	if (consent && consent->all)
		return true;
	for (unsigned k = 0; consent && k < consent->count; k++)
		if (strcmp(consent->names[k], object) == 0)
			return true;
	json_array_foreach(own, i,
			   name) if (json_is_string(name) &&
				     strcmp(json_string_value(name), object) == 0) return true;
	return false;
}

static bool has_text(const json_t *list, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i,
			   item) if (strcmp(json_string_value(item), text) == 0) return true;
	return false;
}

enum md_code md_run_consent(const struct md_run *run, const struct md_consent *consent,
			    json_t *missing, struct md_error *err)
{
	for (unsigned i = 0; !run->resumed && i < run->plan.step_count; i++) {
		const struct md_step *step = &run->plan.steps[i];

		if (step->risk == MD_RISK_NONE || is_named(run, consent, step->object) ||
		    has_text(missing, step->object))
			continue;
		if (json_array_append_new(missing, json_string(step->object)) != 0)
			return md_fail_nomem(err);
	}
	return MD_OK;
}

enum md_code md_consent_missing(json_t *missing, struct md_error *err)
{
	size_t count = json_array_size(missing);
	const char *first = json_string_value(json_array_get(missing, 0));

	if (count == 0)
		return MD_OK;
	if (count == 1)
		md_fail(err, MD_CONFLICT, "MD_DATA_LOSS", "the data of %s would go", first);
	else
		md_fail(err, MD_CONFLICT, "MD_DATA_LOSS", "the data of %s and %zu more would go",
			first, count - 1);
	md_error_hint(err,
		      "Say so by name: --allow-data-loss=%s. The plan (--plan) tells what is kept "
		      "until modeld db purge, and what goes for good.",
		      first);
	md_migrate_details(err, json_incref(missing));
	return MD_CONFLICT;
}

static enum md_code take_key(void *ctx, const char *const *values, unsigned count,
			     struct md_error *err)
{
	json_t *keys = ctx;
	json_t *key = count > 0 && values[0] ? json_string(values[0]) : json_null();

	return json_array_append_new(keys, key) == 0 ? MD_OK : md_fail_nomem(err);
}

/* One question; what stands against it comes into `found`. */
static enum md_code ask(struct md_migrate *migrate, const struct md_data_check *check,
			json_t *found, struct md_error *err)
{
	md_auto_json keys = json_array();
	size_t count;
	enum md_code code =
		md_db_schema_query(migrate->db, check->sql, NULL, 0, take_key, keys, NULL, err);

	if (code != MD_OK) {
		md_error_details(err, "in: %.1400s", check->sql);
		return code;
	}
	count = json_array_size(keys);
	if (count == 0)
		return MD_OK;
	while (json_array_size(keys) > MD_CHECK_KEYS)
		json_array_remove(keys, json_array_size(keys) - 1);
	if (json_array_append_new(found, json_pack("{s:s,s:s,s:s?,s:s?,s:O,s:b}", "object",
						   check->object, "message", check->message, "code",
						   check->wire, "hint", check->hint, "keys", keys,
						   "more", (int)(count > MD_CHECK_KEYS))) != 0)
		return md_fail_nomem(err);
	return MD_OK;
}

enum md_code md_run_check(const struct md_run *run, struct md_error *err)
{
	md_auto_json found = json_array();
	const json_t *first;
	const char *hint;
	enum md_code code = found ? MD_OK : md_fail_nomem(err);

	for (unsigned i = 0; code == MD_OK && !run->resumed && i < run->plan.check_count; i++)
		code = ask(run->migrate, &run->plan.checks[i], found, err);
	if (code != MD_OK || json_array_size(found) == 0)
		return code;
	first = json_array_get(found, 0);
	md_fail(err, MD_CONFLICT, "MD_DATA", "%s",
		json_string_value(json_object_get(first, "message")));
	hint = json_string_value(json_object_get(first, "hint"));
	if (hint)
		md_error_hint(err, "%s", hint);
	md_migrate_details(err, json_incref(found));
	return MD_CONFLICT;
}
