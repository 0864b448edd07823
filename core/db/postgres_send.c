/* What a job sends, and when. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/db/postgres.h"

#include "core/base/banned.h"

/* --- jobs --- */

struct md_pg_job *md_pg_job_new(struct md_pg *pg, struct md_unit *unit)
{
	struct md_pg_job *job = pg->spare;

	if (job)
		pg->spare = job->next;
	else
		job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->next = NULL;
	job->unit = unit;
	job->ending = MD_NEXT_CALL;
	job->unnamed = pg->unprepared;
	job->pushed_ns = md_now_ns();
	job->deadline_ns = unit ? unit->deadline_ns : 0;
	job->counted = unit != NULL;
	return job;
}

/* As new, but for the memory it has got. */
static void clean(struct md_pg_job *job)
{
	struct md_call *calls = job->calls;
	struct md_pg_step *steps = job->steps;
	unsigned call_cap = job->call_cap, step_cap = job->step_cap;

	memset(job, 0, offsetof(struct md_pg_job, error));
	md_error_clear(&job->error);
	job->calls = calls;
	job->steps = steps;
	job->call_cap = call_cap;
	job->step_cap = step_cap;
}

void md_pg_job_recycle(struct md_pg *pg, struct md_pg_job *job)
{
	clean(job);
	job->next = pg->spare;
	pg->spare = job;
}

void md_pg_job_free(struct md_pg_job *job)
{
	free(job->calls);
	free(job->steps);
	free(job);
}

static bool has_room(void **list, unsigned *cap, unsigned count, size_t size)
{
	unsigned wanted = *cap ? *cap * 2 : 4;
	void *grown;

	if (count <= *cap)
		return true;
	if (wanted < count)
		wanted = count;
	grown = realloc(*list, wanted * size);
	if (!grown)
		return false;
	*list = grown;
	*cap = wanted;
	return true;
}

/* Ask for calls until the unit wants to see rows or to end. */
static void gather(struct md_pg_job *job)
{
	struct md_unit *unit = job->unit;
	struct md_call call;

	do {
		job->ending = unit->ops->next(unit, &call);
		if (job->ending != MD_NEXT_CALL)
			return;
		if (!has_room((void **)&job->calls, &job->call_cap, job->call_count + 1,
			      sizeof(call))) {
			md_fail_nomem(&job->error);
			job->ending = MD_NEXT_ROLLBACK;
			return;
		}
		job->calls[job->call_count++] = call;
	} while (true);
}

/* --- sending; all of it into libpq's buffer, which cannot fail but for memory or a lost connection
 */

static void add_step(struct md_pg_job *job, struct md_pg_step step)
{
	job->steps[job->step_count++] = step;
}

static bool send_text(struct md_pg *pg, struct md_pg_job *job, enum md_pg_kind kind,
		      const char *sql)
{
	if (!PQsendQueryParams(pg->db, sql, 0, NULL, NULL, NULL, NULL, 0))
		return false;
	add_step(job, (struct md_pg_step){ .kind = kind });
	return true;
}

static bool send_sync(struct md_pg *pg, struct md_pg_job *job)
{
#ifdef HAVE_PQSENDPIPELINESYNC /* leaves the write to the end of the turn */
	int ok = PQsendPipelineSync(pg->db);
#else
	int ok = PQpipelineSync(pg->db);
#endif
	if (!ok)
		return false;
	job->sync_sent = true;
	add_step(job, (struct md_pg_step){ .kind = MD_PG_SYNC });
	return true;
}

static bool send_prepare(struct md_pg *pg, struct md_pg_job *job, unsigned index,
			 const struct md_pg_name *name)
{
	const struct md_stmt *stmt = job->calls[index].stmt;
	char text[48];

	md_pg_name_text(name->id, name->generation, text, sizeof(text));
	if (!PQsendPrepare(pg->db, text, stmt->sql, (int)stmt->params, stmt->param_types))
		return false;
	add_step(job, (struct md_pg_step){ .kind = MD_PG_PREPARE,
					   .call = index,
					   .id = name->id,
					   .generation = name->generation });
	return true;
}

static bool send_call(struct md_pg *pg, struct md_pg_job *job, unsigned index,
		      const char *const *values)
{
	const struct md_stmt *stmt = job->calls[index].stmt;
	struct md_pg_step step = { .kind = MD_PG_QUERY, .call = index };
	struct md_pg_name *name = NULL;
	char text[48];
	int ok;

	if (!job->unnamed)
		name = md_pg_names_find(&pg->names, stmt->id);
	if (!name && !job->unnamed) {
		name = md_pg_names_add(&pg->names, stmt->id);
		if (name && !send_prepare(pg, job, index, name))
			return false;
	}
	if (name) {
		job->named = true;
		step.id = name->id;
		step.generation = name->generation;
		md_pg_name_text(name->id, name->generation, text, sizeof(text));
		ok = PQsendQueryPrepared(pg->db, text, (int)stmt->params, values, NULL, NULL, 0);
	} else {
		ok = PQsendQueryParams(pg->db, stmt->sql, (int)stmt->params, stmt->param_types,
				       values, NULL, NULL, 0);
	}
	if (!ok)
		return false;
	job->writes = job->writes || stmt->writes;
	add_step(job, step);
	return true;
}

/* Everything that needs memory of ours, for the calls not yet sent. */
static enum md_code make_ready(struct md_pg *pg, struct md_pg_job *job)
{
	unsigned calls = job->call_count - job->call_sent;

	if (job->step_at == job->step_count) /* all answered: begin anew */
		job->step_at = job->step_count = 0;
	if (!has_room((void **)&job->steps, &job->step_cap, job->step_count + 2 * calls + 8,
		      sizeof(*job->steps)))
		return md_fail_nomem(&job->error);
	return md_pg_binds_render(&pg->binds, job->calls + job->call_sent, calls, &job->error);
}

static bool send_calls(struct md_pg *pg, struct md_pg_job *job)
{
	const char *const *values = pg->binds.values;

	for (; job->call_sent < job->call_count; job->call_sent++) {
		if (!send_call(pg, job, job->call_sent, values))
			return false;
		values += job->calls[job->call_sent].stmt->params;
	}
	return true;
}

static bool send_commit(struct md_pg *pg, struct md_pg_job *job)
{
	if (pg->base.held)
		return send_text(pg, job, MD_PG_OTHER, "RELEASE SAVEPOINT md_unit") &&
		       send_sync(pg, job);
	job->commits = job->writes;
	return send_text(pg, job, MD_PG_COMMIT, "COMMIT") && send_sync(pg, job);
}

static bool send_undo(struct md_pg *pg, struct md_pg_job *job)
{
	const char *sql = pg->base.held ? "ROLLBACK TO SAVEPOINT md_unit" : "ROLLBACK";

	return send_text(pg, job, MD_PG_OTHER, sql) && send_sync(pg, job);
}

/* The end of a rehearsal: deferred constraints are looked at before everything is undone. */
static bool send_rehearsed(struct md_pg *pg, struct md_pg_job *job)
{
	return (!job->writes || job->unit->error.code != MD_OK ||
		send_text(pg, job, MD_PG_OTHER, "SET CONSTRAINTS ALL IMMEDIATE")) &&
	       send_undo(pg, job);
}

/* Let the server answer now: there is no Sync yet. */
static bool send_flush(struct md_pg *pg)
{
	return PQsendFlushRequest(pg->db) && PQflush(pg->db) >= 0;
}

static bool send_end(struct md_pg *pg, struct md_pg_job *job)
{
	if (job->error.code != MD_OK || job->stop != MD_OK || !job->unit)
		return send_undo(pg, job);
	return job->ending == MD_NEXT_COMMIT ? send_commit(pg, job) : send_rehearsed(pg, job);
}

void md_pg_send_rollback(struct md_pg *pg, struct md_pg_job *job)
{
	job->step_at = job->step_count = 0; /* there was room for more */
	job->commits = false;
	if (!send_undo(pg, job))
		md_pg_lost_conn(pg);
}

void md_pg_decide(struct md_pg *pg, struct md_pg_job *job)
{
	bool ok;

	if (job->error.code == MD_OK && job->stop == MD_OK && job->unit)
		while (job->ending == MD_NEXT_AFTER_ROWS && job->call_sent == job->call_count)
			gather(job);
	if (job->error.code == MD_OK && job->call_sent < job->call_count && job->unit)
		make_ready(pg, job);
	if (job->error.code == MD_OK && job->call_sent < job->call_count && job->unit) {
		ok = send_calls(pg, job) && send_flush(pg);
	} else {
		job->step_at = job->step_count = 0;
		ok = send_end(pg, job);
	}
	if (!ok)
		md_pg_lost_conn(pg);
}

/* --- starting --- */

/* A read of one statement on a session that cannot write has its snapshot by nature. */
static bool needs_block(const struct md_pg *pg, const struct md_pg_job *job)
{
	if (job->ending != MD_NEXT_COMMIT || pg->base.held)
		return true;
	if (job->unit->tx == MD_TX_READ)
		return !pg->read_only || job->call_count > 1;
	return job->unit->tx == MD_TX_WRITE;
}

/* The name of the prelude that came last, once it has come twice. NULL: send it as text. */
static const struct md_pg_name *prelude_name(struct md_pg *pg, const char *sql, bool *ret_fresh)
{
	const struct md_pg_name *name;

	if (!pg->prelude || strcmp(pg->prelude, sql) != 0) {
		free(pg->prelude);
		pg->prelude = strdup(sql);
		pg->prelude_id = md_stmt_next_id();
	}
	if (!pg->prelude)
		return NULL;
	name = md_pg_names_find(&pg->names, pg->prelude_id);
	*ret_fresh = name == NULL;
	return name ? name : md_pg_names_add(&pg->names, pg->prelude_id);
}

static bool send_prelude(struct md_pg *pg, struct md_pg_job *job, const char *sql)
{
	bool fresh = false;
	const struct md_pg_name *name = job->unnamed ? NULL : prelude_name(pg, sql, &fresh);
	struct md_pg_step step = { .kind = MD_PG_PREPARE };
	char text[48];

	if (!name)
		return send_text(pg, job, MD_PG_PRELUDE, sql);
	job->named = true;
	step.id = name->id;
	step.generation = name->generation;
	md_pg_name_text(name->id, name->generation, text, sizeof(text));
	if (fresh) {
		if (!PQsendPrepare(pg->db, text, sql, 0, NULL))
			return false;
		add_step(job, step);
	}
	if (!PQsendQueryPrepared(pg->db, text, 0, NULL, NULL, NULL, 0))
		return false;
	step.kind = MD_PG_PRELUDE;
	add_step(job, step);
	return true;
}

/* Several statements read one snapshot, which is taken before the first has its lock. Where one
 * waits for a table that is written anew meanwhile, the server shows that table empty; so a read
 * that is alone takes its snapshot when it has the lock, as read committed does. */
static const char *opening(const struct md_pg *pg, const struct md_pg_job *job)
{
	if (pg->base.held)
		return "SAVEPOINT md_unit";
	if (job->unit->tx != MD_TX_READ)
		return "BEGIN";
	return job->call_count == 1 && job->ending == MD_NEXT_COMMIT
		       ? "BEGIN READ ONLY"
		       : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
}

static bool send_opening(struct md_pg *pg, struct md_pg_job *job)
{
	const struct md_unit *unit = job->unit;

	return (!job->block || send_text(pg, job, MD_PG_BEGIN, opening(pg, job))) &&
	       (!unit->prelude || send_prelude(pg, job, unit->prelude)) && send_calls(pg, job);
}

static bool send_job(struct md_pg *pg, struct md_pg_job *job)
{
	job->unit->sent = true;
	if (!send_opening(pg, job))
		return false;
	if (!job->block)
		job->commits = job->writes;
	if (job->shares)
		return true;
	if (!job->block) {
		return send_sync(pg, job);
	}
	if ((job->unit->tx == MD_TX_READ || pg->base.held) && job->ending == MD_NEXT_COMMIT)
		return send_commit(pg, job);
	return send_flush(pg); /* whether it commits is decided after its rows */
}

static void to_flight(struct md_pg *pg, struct md_pg_job *job)
{
	job->next = NULL;
	*pg->flight_end = job;
	pg->flight_end = &job->next;
	pg->in_flight++;
}

static struct md_pg_job *from_queue(struct md_pg *pg)
{
	struct md_pg_job *job = pg->queue;

	pg->queue = job->next;
	if (!pg->queue)
		pg->queue_end = &pg->queue;
	return job;
}

/* The unit ends without having sent anything. */
static void end_unsent(struct md_pg *pg, struct md_pg_job *job)
{
	from_queue(pg);
	md_pg_unit_done(pg, job, &job->error);
	pg->base.depth--;
	md_pg_job_recycle(pg, job);
}

/* Names that fell out of the cache. */
static bool send_deallocations(struct md_pg *pg)
{
	struct md_pg_job *job;
	char sql[64] = "DEALLOCATE ";

	if (!pg->names.doomed)
		return true;
	job = md_pg_job_new(pg, NULL);
	if (!job)
		return true; /* another time */
	if (!has_room((void **)&job->steps, &job->step_cap, 8, sizeof(*job->steps))) {
		md_pg_job_recycle(pg, job);
		return true;
	}
	while (pg->names.doomed && job->step_count < 7) {
		struct md_pg_name *name = pg->names.doomed;

		md_pg_name_text(name->id, name->generation, sql + 11, sizeof(sql) - 11);
		if (!send_text(pg, job, MD_PG_OTHER, sql)) {
			md_pg_job_recycle(pg, job);
			return false;
		}
		pg->names.doomed = name->chain;
		free(name);
	}
	to_flight(pg, job);
	return send_sync(pg, job);
}

static const struct md_pg_job *last_in_flight(const struct md_pg *pg)
{
	return pg->flight ? (struct md_pg_job *)pg->flight_end : NULL; /* `next` is its first */
}

/* A cancel request that came before the statement began was lost, and is repeated only while
 * nothing is behind it that it could hit. */
static bool is_cutting(const struct md_pg *pg)
{
	return !pg->shared_use && pg->flight && pg->flight->give_up_ns;
}

/* Whether the first of the queue can be sent behind what is in flight: not behind a bracket, which
 * may have a job of ours before it. */
static bool may_start(struct md_pg *pg)
{
	struct md_pg_job *job = pg->queue;

	if (pg->state != MD_PG_READY || pg->gone || !job)
		return false;
	if (pg->in_flight >= MD_PG_FLIGHT_MAX || atomic_load(&pg->shared->cancelling) > 0 ||
	    is_cutting(pg))
		return false;
	if (pg->flight && (last_in_flight(pg)->block || pg->flight->paused))
		return false;
	if (job->ending == MD_NEXT_CALL)
		gather(job);
	job->block = needs_block(pg, job);
	return !job->block || !pg->flight;
}

static bool is_over(struct md_pg_job *job)
{
	if (job->error.code == MD_OK && atomic_load(&job->unit->cancelled))
		md_fail(&job->error, MD_CANCELLED, "57014", "canceled before it was started");
	else if (job->error.code == MD_OK && job->deadline_ns && md_now_ns() >= job->deadline_ns)
		md_fail(&job->error, MD_TIMEOUT, "57014", "too late before it was started");
	return job->error.code != MD_OK;
}

/* --- groups: several reads, one Sync --- */

struct group {
	struct md_pg_job *last; /* NULL: there is none */
	unsigned size, held;    /* statements since the server was asked for answers */
};

static bool may_share(const struct md_pg *pg, const struct md_pg_job *job)
{
	if (!pg->groups || job->block || job->alone || job->unit->tx == MD_TX_WRITE)
		return false;
	if (pg->commits && !job->unit->ops->reset)
		return false;
	for (unsigned i = 0; i < job->call_count; i++)
		if (job->calls[i].stmt->solo || (job->calls[i].stmt->writes && !pg->commits))
			return false;
	return true;
}

/* What a prelude sets holds until the Sync: nobody may run behind that of somebody else. */
static bool same_prelude(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool end_group(struct md_pg *pg, struct group *group)
{
	struct md_pg_job *last = group->last;

	*group = (struct group){ 0 };
	return !last || send_sync(pg, last);
}

static bool add_to_group(struct md_pg *pg, struct md_pg_job *job, struct group *group)
{
	group->last = job;
	group->size++;
	group->held += job->call_count;
	if (group->held < MD_PG_HELD_MAX || pg->commits)
		return true;
	group->held = 0;
	return PQsendFlushRequest(pg->db);
}

static bool start_job(struct md_pg *pg, struct md_pg_job *job, struct group *group)
{
	bool joins;

	job->shares = may_share(pg, job);
	joins = job->shares && group->last &&
		group->size < (pg->commits ? MD_PG_WRITES_MAX : MD_PG_GROUP_MAX) &&
		same_prelude(group->last->unit->prelude, job->unit->prelude);
	if (!joins && (!end_group(pg, group) || !send_deallocations(pg))) {
		to_flight(pg, job);
		return false;
	}
	if (joins)
		group->last->grouped = true;
	to_flight(pg, job);
	if (!send_job(pg, job))
		return false;
	return !job->shares || add_to_group(pg, job, group);
}

void md_pg_start(struct md_pg *pg)
{
	struct group group = { 0 };

	/* Those who wait for a commit make up the next group. */
	if (pg->commits && (pg->flight || pg->answered))
		return;
	while (may_start(pg)) {
		struct md_pg_job *job = pg->queue;

		if (job->call_count == 0 && job->error.code == MD_OK && job->unit->error.code)
			job->error = job->unit->error;
		if (is_over(job) || job->call_count == 0 || make_ready(pg, job) != MD_OK) {
			end_unsent(pg, job);
			continue;
		}
		from_queue(pg);
		if (!start_job(pg, job, &group)) {
			md_pg_lost_conn(pg);
			return;
		}
	}
	if (pg->state == MD_PG_READY && !end_group(pg, &group))
		md_pg_lost_conn(pg);
}

static void put_setting(struct md_buf *sql, const char *name, const char *value)
{
	md_buf_printf(sql, "%sset_config('%s', '%s', false)", sql->len == 0 ? "SELECT " : ", ",
		      name, value);
}

static void put_number(struct md_buf *sql, const char *name, unsigned value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	if (value > 0)
		put_setting(sql, name, text);
}

static void put_doubled(struct md_buf *sql, const char *text, char quote)
{
	for (; *text; text++) {
		if (*text == quote || *text == '\'')
			md_buf_putc(sql, *text);
		md_buf_putc(sql, *text);
	}
}

static void put_search_path(struct md_buf *sql, const struct md_pg *pg)
{
	if (!pg->search_path)
		return;
	md_buf_puts(sql, ", set_config('search_path', '");
	for (unsigned i = 0; i < pg->search_path_count; i++) {
		md_buf_puts(sql, i > 0 ? ", \"" : "\"");
		put_doubled(sql, pg->search_path[i], '"');
		md_buf_putc(sql, '"');
	}
	md_buf_puts(sql, "', false)");
}

/* One statement after the connection stands, not start-up options: poolers refuse those. */
static void put_settings(struct md_buf *sql, const struct md_pg *pg)
{
	put_setting(sql, "DateStyle", "ISO");
	put_setting(sql, "extra_float_digits", "1");
	put_setting(sql, "bytea_output", "hex");
	put_setting(sql, "standard_conforming_strings", "on");
	put_setting(sql, "idle_in_transaction_session_timeout", "60000");
	put_number(sql, "statement_timeout", pg->statement_timeout_ms);
	put_number(sql, "lock_timeout", pg->lock_timeout_ms);
	if (pg->read_only)
		put_setting(sql, "default_transaction_read_only", "on");
	put_search_path(sql, pg);
}

void md_pg_send_settings(struct md_pg *pg)
{
	struct md_pg_job *job = md_pg_job_new(pg, NULL);
	md_auto_buf sql = MD_BUF(65536);

	put_settings(&sql, pg);
	if (!md_buf_text(&sql) || !job ||
	    !has_room((void **)&job->steps, &job->step_cap, 8, sizeof(*job->steps))) {
		struct md_error err;

		if (job)
			md_pg_job_recycle(pg, job);
		md_fail_nomem(&err);
		md_pg_lost(pg, &err);
		return;
	}
	job->vital = true;
	to_flight(pg, job);
	if (!send_text(pg, job, MD_PG_OTHER, sql.data) || !send_sync(pg, job))
		md_pg_lost_conn(pg);
}

static void put_local(struct md_buf *sql, const char *name, struct md_str value)
{
	md_buf_puts(sql, sql->len == 0 ? "SELECT " : ", ");
	md_buf_printf(sql, "set_config('%s', '", name);
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] == '\'')
			md_buf_putc(sql, '\'');
		md_buf_putc(sql, value.ptr[i]);
	}
	md_buf_puts(sql, "', true)");
}

void md_pg_put_role(struct md_buf *sql, struct md_str role)
{
	put_local(sql, "role", role);
}

void md_pg_put_zone(struct md_buf *sql, struct md_str zone)
{
	put_local(sql, "TimeZone", zone);
}
