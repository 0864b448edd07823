/* Writing the history: a row per revision, from its beginning to its end. */
#include "core/migrate/history_private.h"

#include <stdio.h>
#include <string.h>

#include "core/base/str.h"

#include "core/base/banned.h"

enum { NUMBER_TEXT = 24 };

/* Of the row that is not rolled back; there is one at most. */
struct standing {
	int64_t sequence;
	bool found, settled; /* settled: applied or baseline */
};

static enum md_code take_standing(void *ctx, const char *const *values, unsigned count,
				  struct md_error *err)
{
	struct standing *standing = ctx;

	(void)count;
	(void)err;
	md_str_to_i64(md_str_of(values[0]), &standing->sequence);
	standing->found = true;
	standing->settled = strcmp(values[1], md_history_state_name(MD_HISTORY_APPLIED)) == 0 ||
			    strcmp(values[1], md_history_state_name(MD_HISTORY_BASELINE)) == 0;
	return MD_OK;
}

static enum md_code take_sequence(void *ctx, const char *const *values, unsigned count,
				  struct md_error *err)
{
	(void)count;
	(void)err;
	md_str_to_i64(md_str_of(values[0]), ctx);
	return MD_OK;
}

static enum md_code insert_row(struct md_db_schema *schema, const struct md_history_place *place,
			       struct md_history_row *row, struct md_error *err)
{
	char steps[NUMBER_TEXT], done[NUMBER_TEXT];
	const char *const params[] = { row->revision,
				       md_history_state_name(row->state),
				       steps,
				       done,
				       *row->parent ? row->parent : NULL,
				       row->message,
				       row->checksum,
				       row->body,
				       row->snapshot,
				       row->applied_by,
				       row->version };
	int64_t sequence = 0;
	const struct md_history_ask ask = { place->texts->insert, params,
					    sizeof(params) / sizeof(params[0]), take_sequence,
					    &sequence };
	enum md_code code;

	snprintf(steps, sizeof(steps), "%u", row->steps);
	snprintf(done, sizeof(done), "%u", row->steps_done);
	code = md_history_ask(schema, place, &ask, NULL, err);
	if (code == MD_OK)
		row->sequence = sequence;
	if (code == MD_CONFLICT) /* the index that lets a revision hold once only */
		return md_fail(err, MD_BUSY, "MD_MIGRATING",
			       "somebody else has begun revision %s at the same time",
			       row->revision);
	return code;
}

static enum md_code begin_again(struct md_db_schema *schema, const struct md_history_place *place,
				struct md_history_row *row, int64_t sequence, struct md_error *err)
{
	char steps[NUMBER_TEXT], done[NUMBER_TEXT], number[NUMBER_TEXT];
	const char *const params[] = { md_history_state_name(row->state),
				       steps,
				       done,
				       *row->parent ? row->parent : NULL,
				       row->message,
				       *row->checksum ? row->checksum : NULL,
				       row->body,
				       row->snapshot,
				       row->applied_by,
				       row->version,
				       number };
	const struct md_history_ask ask = { place->texts->again, params,
					    sizeof(params) / sizeof(params[0]), NULL, NULL };
	enum md_code code;

	snprintf(steps, sizeof(steps), "%u", row->steps);
	snprintf(done, sizeof(done), "%u", row->steps_done);
	snprintf(number, sizeof(number), "%lld", (long long)sequence);
	code = md_history_ask(schema, place, &ask, NULL, err);
	if (code == MD_OK)
		row->sequence = sequence;
	return code;
}

enum md_code md_history_begin(struct md_db_schema *schema, struct md_history_row *row,
			      struct md_error *err)
{
	const char *const params[] = { row->revision };
	struct standing standing = { .found = false };
	bool reverts = row->state == MD_HISTORY_REVERTING;
	struct md_history_place place;
	struct md_history_ask ask = { NULL, params, 1, take_standing, &standing };
	enum md_code code = md_history_need(schema, MD_HISTORY_MIGRATIONS, &place, err);

	if (code != MD_OK)
		return code;
	ask.text = place.texts->newest;
	code = md_history_ask(schema, &place, &ask, NULL, err);
	if (code != MD_OK)
		return code;
	if (standing.settled && !reverts)
		return md_fail(err, MD_CONFLICT, "MD_HISTORY",
			       "revision %s has been applied already", row->revision);
	if (!standing.found && reverts)
		return md_fail(err, MD_CONFLICT, "MD_HISTORY", "revision %s has not been applied",
			       row->revision);
	return standing.found ? begin_again(schema, &place, row, standing.sequence, err)
			      : insert_row(schema, &place, row, err);
}

/* Change the row with the number that is the first of the parameters. */
static enum md_code change_row(struct md_db_schema *schema, const struct md_history_place *place,
			       const struct md_history_ask *ask, struct md_error *err)
{
	uint64_t changed = 0;
	enum md_code code = md_history_ask(schema, place, ask, &changed, err);

	if (code == MD_OK && changed != 1)
		code = md_fail(err, MD_CONFLICT, "MD_HISTORY",
			       "row %s of _modeld_migrations is gone", ask->params[0]);
	return code;
}

enum md_code md_history_step(struct md_db_schema *schema, int64_t sequence, unsigned steps_done,
			     struct md_error *err)
{
	char number[NUMBER_TEXT], done[NUMBER_TEXT];
	const char *const params[] = { number, done };
	struct md_history_ask ask = { .params = params, .count = 2 };
	struct md_history_place place;
	enum md_code code = md_history_need(schema, MD_HISTORY_MIGRATIONS, &place, err);

	if (code != MD_OK)
		return code;
	ask.text = place.texts->step;
	snprintf(number, sizeof(number), "%lld", (long long)sequence);
	snprintf(done, sizeof(done), "%u", steps_done);
	return change_row(schema, &place, &ask, err);
}

enum md_code md_history_end(struct md_db_schema *schema, int64_t sequence,
			    enum md_history_state state, int64_t ms, const char *error,
			    struct md_error *err)
{
	char number[NUMBER_TEXT], duration[NUMBER_TEXT];
	const char *const params[] = { number, md_history_state_name(state), duration, error };
	struct md_history_ask ask = { .params = params, .count = 4 };
	struct md_history_place place;
	enum md_code code = md_history_need(schema, MD_HISTORY_MIGRATIONS, &place, err);

	if (code != MD_OK)
		return code;
	ask.text = place.texts->end;
	snprintf(number, sizeof(number), "%lld", (long long)sequence);
	snprintf(duration, sizeof(duration), "%lld", (long long)ms);
	return change_row(schema, &place, &ask, err);
}

enum md_code md_history_forget(struct md_db_schema *schema, const char *revision,
			       struct md_error *err)
{
	struct md_history_ask ask = { .params = &revision, .count = 1 };
	struct md_history_place place;
	enum md_code code = md_history_find(schema, MD_HISTORY_MIGRATIONS, &place, err);

	if (code != MD_OK || !place.exists)
		return code;
	ask.text = place.texts->forget;
	return md_history_ask(schema, &place, &ask, NULL, err);
}

enum md_code md_history_amend(struct md_db_schema *schema, const struct md_history_row *row,
			      struct md_error *err)
{
	char number[NUMBER_TEXT];
	const char *const params[] = { number,       *row->parent ? row->parent : NULL,
				       row->message, *row->checksum ? row->checksum : NULL,
				       row->body,    row->snapshot };
	struct md_history_ask ask = { .params = params,
				      .count = sizeof(params) / sizeof(params[0]) };
	struct md_history_place place;
	enum md_code code = md_history_need(schema, MD_HISTORY_MIGRATIONS, &place, err);

	if (code != MD_OK)
		return code;
	ask.text = place.texts->amend;
	snprintf(number, sizeof(number), "%lld", (long long)row->sequence);
	return change_row(schema, &place, &ask, err);
}
