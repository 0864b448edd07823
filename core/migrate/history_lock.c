/* Who may migrate: one at a time, and nobody waits for the dead. */
#include "core/migrate/history_private.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/str.h"

#include "core/base/banned.h"

/* For the server to end the session of a dead holder. */
enum { ENDING_TRIES = 40, ENDING_PAUSE_MS = 50, TOKEN_TEXT = MD_PROCESS_TEXT + 48 };
static const struct timespec ending_pause = { 0, (long)(ENDING_PAUSE_MS *MD_MS) };

/* --- who ---------------------------------------------------------------------------------------
 */

/* This connection of this process. */
struct self {
	char host[256], process[MD_PROCESS_TEXT], token[TOKEN_TEXT], pid[24];
};

static void know_self(const struct md_db_schema *schema, struct self *self)
{
	memset(self, 0, sizeof(*self));
	if (gethostname(self->host, sizeof(self->host) - 1) != 0)
		self->host[0] = '\0';
	if (!md_process_mark(getpid(), self->process))
		snprintf(self->process, sizeof(self->process), "?");
	snprintf(self->pid, sizeof(self->pid), "%d", (int)getpid());
	snprintf(self->token, sizeof(self->token), "%s %s %llu", self->process, self->pid,
		 (unsigned long long)md_db_schema_serial(schema));
}

enum holder_column {
	H_OWNER,
	H_HOST,
	H_PID,
	H_PURPOSE,
	H_ACQUIRED,
	H_BEAT,
	H_PROCESS,
	H_TOKEN,
	H_AGE,
	H_HELD,
	H_WORKING
};

struct look {
	const struct self *self;
	struct md_lock_holder holder;
};

static const char *text(const char *value)
{
	return value ? value : "";
}

static bool is_dead(const struct look *look, const char *const *values)
{
	enum md_process_state state = MD_PROCESS_UNKNOWN;
	int64_t age = 0;

	if (!values[H_TOKEN]) /* nothing is known of him but that he has it */
		return false;
	if (strcmp(look->holder.host, look->self->host) == 0)
		state = md_process_look(look->holder.pid, text(values[H_PROCESS]));
	if (state != MD_PROCESS_UNKNOWN)
		return state == MD_PROCESS_GONE;
	md_str_to_i64(md_str_of(text(values[H_AGE])), &age);
	return !values[H_WORKING] && (age > MD_LOCK_DEAD_S || age < -MD_LOCK_DEAD_S);
}

static enum md_code take_holder(void *ctx, const char *const *values, unsigned count,
				struct md_error *err)
{
	struct look *look = ctx;
	struct md_lock_holder *holder = &look->holder;

	(void)count;
	(void)err;
	snprintf(holder->owner, sizeof(holder->owner), "%s", text(values[H_OWNER]));
	snprintf(holder->host, sizeof(holder->host), "%s", text(values[H_HOST]));
	snprintf(holder->purpose, sizeof(holder->purpose), "%s", text(values[H_PURPOSE]));
	snprintf(holder->acquired_at, sizeof(holder->acquired_at), "%s", text(values[H_ACQUIRED]));
	snprintf(holder->heartbeat_at, sizeof(holder->heartbeat_at), "%s", text(values[H_BEAT]));
	md_str_to_i64(md_str_of(text(values[H_PID])), &holder->pid);
	holder->held = values[H_HELD];
	holder->mine = strcmp(text(values[H_TOKEN]), look->self->token) == 0;
	holder->dead = !holder->mine && is_dead(look, values);
	return MD_OK;
}

static enum md_code look_at(struct md_db_schema *schema, const struct md_history_place *place,
			    const struct self *self, struct md_lock_holder *ret_holder,
			    struct md_error *err)
{
	const char *const params[] = { place->name };
	struct look look = { .self = self };
	const struct md_history_ask ask = { place->texts->holder, params, 1, take_holder, &look };
	enum md_code code = md_history_ask(schema, place, &ask, NULL, err);

	if (code == MD_OK)
		*ret_holder = look.holder;
	return code;
}

enum md_code md_history_holder(struct md_db_schema *schema, struct md_lock_holder *ret_holder,
			       struct md_error *err)
{
	static const struct md_lock_holder nobody;
	struct md_history_place place;
	struct self self;
	enum md_code code = md_history_find(schema, MD_HISTORY_LOCK, &place, err);

	if (code != MD_OK)
		return code;
	if (!place.exists) {
		*ret_holder = nobody;
		return MD_OK;
	}
	know_self(schema, &self);
	return look_at(schema, &place, &self, ret_holder, err);
}

static enum md_code fail_busy(const struct md_lock_holder *holder, struct md_error *err)
{
	if (!*holder->owner)
		md_fail(err, MD_BUSY, "MD_MIGRATING", "somebody else runs migrations");
	else
		md_fail(err, MD_BUSY, "MD_MIGRATING", "%s runs migrations, on %s, as process %lld",
			holder->owner, holder->host, (long long)holder->pid);
	if (*holder->owner)
		md_error_details(err, "%s, since %s, last heard of at %s", holder->purpose,
				 holder->acquired_at, holder->heartbeat_at);
	md_error_hint(err, "Wait until it is done. modeld db unlock tells more, and with --force "
			   "takes the lock away.");
	return MD_BUSY;
}

/* --- taking ------------------------------------------------------------------------------------
 */

struct taking {
	struct md_db_schema *schema;
	struct md_history_place place;
	struct self self;
	const char *owner, *purpose;
	struct md_lock_holder holder; /* who had it */
};

static enum md_code write_row(struct taking *taking, struct md_error *err)
{
	const struct self *self = &taking->self;
	const char *const params[] = { taking->owner, self->host,  self->pid,
				       self->process, self->token, taking->purpose };
	const struct md_history_ask ask = { .text = taking->place.texts->take,
					    .params = params,
					    .count = 6 };

	return md_history_ask(taking->schema, &taking->place, &ask, NULL, err);
}

static enum md_code look(struct taking *taking, struct md_error *err)
{
	return look_at(taking->schema, &taking->place, &taking->self, &taking->holder, err);
}

static bool stands_in_the_way(const struct md_lock_holder *holder)
{
	return holder->held && !holder->dead && !holder->mine;
}

static enum md_code take_in_transaction(struct taking *taking, struct md_error *err)
{
	enum md_code code = look(taking, err);

	if (code == MD_OK && stands_in_the_way(&taking->holder))
		code = fail_busy(&taking->holder, err);
	if (code == MD_OK)
		code = write_row(taking, err);
	return code == MD_OK ? md_db_schema_commit(taking->schema, err) : code;
}

/* The row decides. It has been seen to be free, without waiting for a writer; now for certain. */
static enum md_code take_row(struct taking *taking, struct md_error *err)
{
	struct md_lock_holder holder;
	enum md_code code = md_db_schema_begin(taking->schema, err);

	if (code == MD_BUSY &&
	    look_at(taking->schema, &taking->place, &taking->self, &holder, NULL) == MD_OK &&
	    stands_in_the_way(&holder)) {
		taking->holder = holder;
		return fail_busy(&holder, err);
	}
	if (code != MD_OK)
		return code;
	code = take_in_transaction(taking, err);
	if (code != MD_OK)
		md_db_schema_rollback(taking->schema, NULL);
	return code;
}

static enum md_code take_yes(void *ctx, const char *const *values, unsigned count,
			     struct md_error *err)
{
	(void)count;
	(void)err;
	*(bool *)ctx = values[0];
	return MD_OK;
}

/* Ask one of the questions about sessions; its only parameter is the name of the lock. */
static enum md_code ask_session(struct md_db_schema *schema, const struct md_history_place *place,
				const char *question, bool *ret_yes, struct md_error *err)
{
	const char *const params[] = { place->name };
	const struct md_history_ask ask = { question, params, 1, ret_yes ? take_yes : NULL,
					    ret_yes };

	return md_history_ask(schema, place, &ask, NULL, err);
}

/* End the sessions that hold it and take it as soon as it is free. */
static enum md_code follow_dead(struct taking *taking, bool *ret_taken, struct md_error *err)
{
	const struct md_history_texts *texts = taking->place.texts;
	enum md_code code =
		ask_session(taking->schema, &taking->place, texts->end_session, NULL, err);

	for (unsigned i = 0; code == MD_OK && i < ENDING_TRIES; i++) {
		code = ask_session(taking->schema, &taking->place, texts->try_session, ret_taken,
				   err);
		if (code != MD_OK || *ret_taken)
			break;
		nanosleep(&ending_pause, NULL);
	}
	return code;
}

static enum md_code hold_session(struct taking *taking, struct md_error *err)
{
	const struct md_history_texts *texts = taking->place.texts;
	bool taken = false;
	enum md_code code =
		ask_session(taking->schema, &taking->place, texts->try_session, &taken, err);

	if (code == MD_OK && !taken)
		code = look(taking, err);
	if (code == MD_OK && !taken && taking->holder.dead)
		code = follow_dead(taking, &taken, err);
	if (code == MD_OK && !taken)
		code = fail_busy(&taking->holder, err);
	return code == MD_OK ? write_row(taking, err) : code;
}

/* The session decides; the row is for the others to read. Whatever fails, it may have the lock
 * already. */
static enum md_code take_session(struct taking *taking, struct md_error *err)
{
	enum md_code code = hold_session(taking, err);

	if (code != MD_OK)
		ask_session(taking->schema, &taking->place, taking->place.texts->drop_session, NULL,
			    NULL);
	return code;
}

enum md_code md_history_lock(struct md_db_schema *schema, const char *owner, const char *purpose,
			     struct md_lock_holder *ret_holder, struct md_error *err)
{
	struct taking taking = { .schema = schema, .owner = owner, .purpose = purpose };
	enum md_code code = md_history_prepare(schema, err);

	if (code == MD_OK)
		code = md_history_need(schema, MD_HISTORY_LOCK, &taking.place, err);
	if (code != MD_OK)
		return code;
	know_self(schema, &taking.self);
	code = look(&taking, err);
	if (code != MD_OK)
		return code;
	if (stands_in_the_way(&taking.holder))
		code = fail_busy(&taking.holder, err);
	else if (taking.holder.mine)
		code = write_row(&taking, err);
	else
		code = taking.place.texts->try_session ? take_session(&taking, err)
						       : take_row(&taking, err);
	if (ret_holder && (code == MD_OK || code == MD_BUSY))
		*ret_holder = taking.holder;
	return code;
}

/* --- holding and giving up ---------------------------------------------------------------------
 */

enum md_code md_history_heartbeat(struct md_db_schema *schema, struct md_error *err)
{
	struct md_history_place place;
	uint64_t changed = 0;
	struct self self;
	const char *const params[] = { self.token };
	struct md_history_ask ask = { .params = params, .count = 1 };
	enum md_code code = md_history_need(schema, MD_HISTORY_LOCK, &place, err);

	if (code != MD_OK)
		return code;
	know_self(schema, &self);
	ask.text = place.texts->beat;
	code = md_history_ask(schema, &place, &ask, &changed, err);
	if (code == MD_OK && changed == 0)
		return md_fail(err, MD_BUSY, "MD_MIGRATING",
			       "the lock of the migrations was taken away");
	return code;
}

/* Delete the row of `holder`, or whosever it is. */
static enum md_code drop_row(struct md_db_schema *schema, const struct md_history_place *place,
			     const char *holder, struct md_error *err)
{
	const struct md_history_ask ask = { .text = place->texts->drop,
					    .params = &holder,
					    .count = 1 };

	return md_history_ask(schema, place, &ask, NULL, err);
}

enum md_code md_history_unlock(struct md_db_schema *schema, struct md_error *err)
{
	struct md_history_place place;
	struct md_lock_holder holder;
	struct self self;
	enum md_code code = md_history_find(schema, MD_HISTORY_LOCK, &place, err);

	if (code != MD_OK || !place.exists)
		return code;
	know_self(schema, &self);
	code = look_at(schema, &place, &self, &holder, err);
	if (code != MD_OK || !holder.mine)
		return code;
	code = drop_row(schema, &place, self.token, err);
	if (code == MD_OK && place.texts->drop_session)
		code = ask_session(schema, &place, place.texts->drop_session, NULL, err);
	return code;
}

/* Sessions that are told to end do so soon, not at once: whoever takes the lock next should find it
 * free. */
static enum md_code end_sessions(struct md_db_schema *schema, const struct md_history_place *place,
				 const struct self *self, struct md_error *err)
{
	struct md_lock_holder holder = { .held = true };
	enum md_code code = ask_session(schema, place, place->texts->end_session, NULL, err);

	for (unsigned i = 0; code == MD_OK && i < ENDING_TRIES; i++) {
		code = look_at(schema, place, self, &holder, err);
		if (code != MD_OK || !holder.held || holder.mine)
			break;
		nanosleep(&ending_pause, NULL);
	}
	return code;
}

enum md_code md_history_seize(struct md_db_schema *schema, struct md_lock_holder *ret_holder,
			      struct md_error *err)
{
	struct md_history_place place;
	struct md_lock_holder holder = { .held = false };
	struct self self;
	enum md_code code = md_history_find(schema, MD_HISTORY_LOCK, &place, err);

	know_self(schema, &self);
	if (code == MD_OK && place.exists)
		code = look_at(schema, &place, &self, &holder, err);
	if (code == MD_OK && place.exists && place.texts->end_session)
		code = end_sessions(schema, &place, &self, err);
	if (code == MD_OK && place.exists)
		code = drop_row(schema, &place, NULL, err);
	if (code == MD_OK && ret_holder)
		*ret_holder = holder;
	return code;
}
