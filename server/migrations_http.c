/* /-/migrations and /-/tables: the verbs of core/ops/migrate.h over HTTP, on the admin listener.
 * They block, so each request has a thread of its own while it works; its answer comes back through
 * the loop, and after a change of the database the models are read again first. */
#include <jansson.h>
#include <pthread.h>
#include <string.h>

#include "core/base/lock.h"
#include "core/db/db.h"
#include "core/model/json_load.h"
#include "core/ops/tables.h"
#include "server/migrations.h"
#include "server/models.h"
#include "server/reload.h"
#include "server/run.h"
#include "server/server.h"

#include "core/base/banned.h"

enum { JOBS_MAX = 8, NAMES_MAX = 256, DOCUMENT_MAX = 64 * 1024 * 1024, ARENA_MAX = 1 << 30 };

struct verb;

/* A request at work. */
struct md_job {
	struct md_reload_ask ask; /* first: the answer comes by its task, or by a reload */
	struct md_request *request;
	struct md_server *server;
	const struct verb *verb;
	const struct md_options *options; /* counted */
	const char *name;                 /* of a revision; in the request's arena */
	json_t *body;                     /* an object */
	/* The thread's. */
	const struct md_definitions *definitions;
	struct md_migrate *migrate;
	struct md_rename renames[NAMES_MAX];
	const char *consents[NAMES_MAX];
	json_t *document;
	struct md_error error;
	bool changed, over;
};

typedef enum md_code verb_fn(struct md_job *job);
struct verb {
	const char *name; /* the last part of the path */
	verb_fn *run;
	bool changes; /* the models are to be read again */
	bool makes;   /* 201 when a file was written */
};

/* How many threads there are; who stops the server waits until there are none. */
static struct {
	struct md_lock lock;
	unsigned count;
	bool closed;
} jobs = { .lock = MD_LOCK_INIT };

/* --- what the body says ------------------------------------------------------------------------
 */

static const char *text_of(const struct md_job *job, const char *key)
{
	return json_string_value(json_object_get(job->body, key));
}

static bool is_true(const struct md_job *job, const char *key)
{
	return json_is_true(json_object_get(job->body, key));
}

/* "allow_data_loss": true, or a list of names. */
static struct md_consent consent_of(struct md_job *job)
{
	const json_t *given = json_object_get(job->body, "allow_data_loss");
	struct md_consent consent = { .names = job->consents, .all = json_is_true(given) };
	size_t i;
	json_t *one;

	json_array_foreach(given, i, one) if (json_is_string(one) && consent.count < NAMES_MAX)
		job->consents[consent.count++] = json_string_value(one);
	return consent;
}

/* "rename": {"User.name": "full_name"}: the keys are taken apart in the request's arena. */
static unsigned renames_of(struct md_job *job)
{
	json_t *given = json_object_get(job->body, "rename");
	unsigned count = 0;
	const char *key;
	json_t *to;

	json_object_foreach(given, key, to)
	{
		const char *dot = strchr(key, '.');

		if (!json_is_string(to) || count == NAMES_MAX)
			continue;
		job->renames[count++] = (struct md_rename){
			.model = dot ? md_arena_strndup(job->request->arena, key,
							(size_t)(dot - key))
				     : NULL,
			.from = dot ? dot + 1 : key,
			.to = json_string_value(to),
		};
	}
	return count;
}

/* --- verbs -------------------------------------------------------------------------------------
 */

static enum md_code status(struct md_job *job)
{
	return md_migrate_status(job->migrate, true, &job->document, &job->error);
}

static enum md_code history(struct md_job *job)
{
	return md_migrate_history(job->migrate, &job->document, &job->error);
}

static enum md_code show(struct md_job *job)
{
	return md_migrate_show(job->migrate, job->name, &job->document, &job->error);
}

static enum md_code make(struct md_job *job)
{
	const struct md_migrate_make how = {
		.message = text_of(job, "message") ? text_of(job, "message") : "",
		.rename_count = renames_of(job),
		.renames = job->renames,
		.no_renames = is_true(job, "no_renames"),
		.empty = is_true(job, "empty"),
		.offline = is_true(job, "offline"),
		.check = is_true(job, "dry_run"),
		.consent = consent_of(job),
	};

	return md_migrate_make(job->migrate, &how, &job->document, &job->error);
}

static struct md_migrate_go go_of(struct md_job *job)
{
	return (struct md_migrate_go){
		.to = text_of(job, "to"),
		.plan = is_true(job, "dry_run"),
		.sql = is_true(job, "sql"),
		.fake = is_true(job, "fake"),
		.rehearse = is_true(job, "rehearse"),
		.forget = is_true(job, "drop_now"),
		.consent = consent_of(job),
	};
}

static enum md_code apply(struct md_job *job)
{
	const struct md_migrate_go how = go_of(job);

	job->changed = !how.plan && !how.rehearse;
	return md_migrate_up(job->migrate, &how, &job->document, &job->error);
}

static enum md_code rollback(struct md_job *job)
{
	const struct md_migrate_go how = go_of(job);

	job->changed = !how.plan && !how.rehearse;
	return md_migrate_down(job->migrate, &how, &job->document, &job->error);
}

static enum md_code stamp(struct md_job *job)
{
	const char *to = text_of(job, "to");

	if (!to)
		return md_fail(&job->error, MD_INVALID, "MD400",
			       "\"to\" is missing: a revision, head or base");
	return md_migrate_stamp(job->migrate, strcmp(to, "base") == 0 ? NULL : to,
				is_true(job, "purge"), &job->document, &job->error);
}

static enum md_code check(struct md_job *job)
{
	return md_migrate_check(job->migrate, is_true(job, "replay"), &job->document, &job->error);
}

static enum md_code drift(struct md_job *job)
{
	const struct md_consent consent = consent_of(job);

	job->changed = is_true(job, "fix");
	return md_migrate_drift(job->migrate, job->changed, &consent, &job->document, &job->error);
}

static enum md_code baseline(struct md_job *job)
{
	const struct md_migrate_baseline how = {
		.message = text_of(job, "message") ? text_of(job, "message") : "baseline",
		.from_alembic = is_true(job, "from_alembic"),
	};

	return md_migrate_baseline(job->migrate, &how, &job->document, &job->error);
}

static enum md_code repair(struct md_job *job)
{
	return md_migrate_repair(job->migrate, is_true(job, "accept_changes"), &job->document,
				 &job->error);
}

static enum md_code squash(struct md_job *job)
{
	const char *to = text_of(job, "to"), *message = text_of(job, "message");

	return md_migrate_squash(job->migrate, to ? to : "head", message ? message : "squashed",
				 &job->document, &job->error);
}

static enum md_code purge(struct md_job *job)
{
	const json_t *days = json_object_get(job->body, "older_than");
	const struct md_consent consent = consent_of(job);

	return md_migrate_purge(job->migrate,
				json_is_integer(days) && json_integer_value(days) > 0
					? (unsigned)json_integer_value(days)
					: 0,
				is_true(job, "dry_run"), &consent, &job->document, &job->error);
}

static enum md_code unlock(struct md_job *job)
{
	return md_migrate_unlock(job->migrate, is_true(job, "force"), &job->document, &job->error);
}

static const struct verb status_verb = { "", status, false, false },
			 make_verb = { "", make, false, true },
			 history_verb = { "history", history, false, false },
			 show_verb = { "", show, false, false };
/* What POST /-/migrations/{name} can do. */
static const struct verb verbs[] = {
	{ "apply", apply, true, false },    { "rollback", rollback, true, false },
	{ "stamp", stamp, false, false },   { "check", check, false, false },
	{ "drift", drift, true, false },    { "baseline", baseline, false, true },
	{ "repair", repair, false, false }, { "squash", squash, false, true },
	{ "purge", purge, false, false },   { "unlock", unlock, false, false },
};

/* POST /-/tables: what `modeld db create-tables` does. */
static enum md_code make_tables(struct md_job *job)
{
	const struct md_options *options = job->options;
	const struct md_tables_options how = {
		.url = options->db_url,
		.schema = options->db_schemas.items[0],
		.definitions = job->definitions,
		.dry_run = is_true(job, "dry_run"),
		.no_file = true,
		.lock_timeout_ms = (unsigned)options->lock_timeout,
		.keep_journal = options->sqlite_journal == MD_JOURNAL_KEEP,
		.log = &job->server->log,
		.wal_owner = md_db_wal_owner(job->server->db),
	};
	md_auto_arena arena = md_arena_new(ARENA_MAX);
	struct md_tables tables = { .script_count = 0 };
	json_t *made = json_array(), *sql = json_array();
	enum md_code code;

	if (!job->definitions)
		code = md_fail(&job->error, MD_INVALID, "MD400",
			       "there are no definition files (setting models)");
	else
		code = arena ? md_tables_create(&how, arena, &tables, &job->error)
			     : md_fail_nomem(&job->error);
	for (unsigned i = 0; code == MD_OK && i < tables.plan.count; i++) {
		if (tables.plan.statements[i].makes == MD_MAKES_TABLE)
			json_array_append_new(made, json_string(tables.plan.statements[i].name));
		json_array_append_new(sql, json_string(tables.plan.statements[i].sql));
	}
	job->changed = code == MD_OK && !how.dry_run && tables.plan.count > 0;
	if (code == MD_OK)
		job->document =
			json_pack("{s:O,s:O,s:i,s:b}", "tables", made, "sql", sql, "blocking",
				  (int)tables.differences.blocking, "made", job->changed);
	json_decref(made);
	json_decref(sql);
	return code;
}
static const struct verb tables_verb = { "tables", make_tables, true, false };

/* --- the thread --------------------------------------------------------------------------------
 */

static enum md_code run_verb(struct md_job *job)
{
	struct md_migrate_options how =
		md_migrations_options(job->options, md_db_wal_owner(job->server->db));
	enum md_code code =
		md_models_load(job->options, &job->server->log, &job->definitions, &job->error);

	if (code != MD_OK)
		return code;
	if (job->verb == &tables_verb)
		return job->verb->run(job);
	how.definitions = job->definitions;
	how.who = "admin";
	how.log = &job->server->log;
	how.lock_wait_ms = 0; /* who asks may ask again */
	code = md_migrate_open(&how, &job->migrate, &job->error);
	if (code == MD_OK)
		code = job->verb->run(job);
	job->migrate = md_migrate_close(job->migrate);
	return code;
}

/* What is not in the request's arena. */
static void release(struct md_job *job)
{
	json_decref(job->body);
	json_decref(job->document);
	md_options_unref(job->options);
	job->body = job->document = NULL;
	job->options = NULL;
}

/* On the loop: the last use of the job is here. */
static void finished(struct md_reload_ask *ask)
{
	struct md_job *job = (struct md_job *)ask;
	struct md_request *request = job->request;

	job->over = true;
	if (request->held & MD_HELD_BY_HTTP)
		md_request_resume(request);
	else
		release(job);
	md_request_let_go(request, MD_HELD_BY_RELOAD);
}

static void posted(struct md_task *task)
{
	finished((struct md_reload_ask *)task);
}

static void *work(void *arg)
{
	struct md_job *job = arg;
	enum md_code code = run_verb(job);
	struct md_reactor *home = job->ask.home;
	bool again = code == MD_OK && job->verb->changes && job->changed;

	md_definitions_free(job->definitions);
	job->definitions = NULL;
	job->ask.task.run = posted;
	/* From the post on, the job belongs to the loop. */
	if (!again || !md_reload_ask(&job->ask))
		md_reactor_post(home, &job->ask.task);
	md_lock_enter(&jobs.lock);
	jobs.count--;
	md_lock_leave(&jobs.lock);
	return NULL;
}

bool md_migrations_end(void)
{
	bool none;

	md_lock_enter(&jobs.lock);
	jobs.closed = true;
	none = jobs.count == 0;
	md_lock_leave(&jobs.lock);
	return none;
}

static bool start_thread(struct md_job *job)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool ok;

	if (pthread_attr_init(&attr) != 0)
		return false;
	ok = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
	     pthread_create(&thread, &attr, work, job) == 0;
	pthread_attr_destroy(&attr);
	return ok;
}

static enum md_code start(struct md_job *job)
{
	bool room;

	md_lock_enter(&jobs.lock);
	room = !jobs.closed && jobs.count < JOBS_MAX;
	jobs.count += room;
	md_lock_leave(&jobs.lock);
	if (!room)
		return md_fail(&job->request->error, MD_BUSY, "MD503",
			       "too many requests about migrations, or the server is stopping");
	if (start_thread(job))
		return MD_OK;
	md_lock_enter(&jobs.lock);
	jobs.count--;
	md_lock_leave(&jobs.lock);
	return md_fail(&job->request->error, MD_UNAVAILABLE, "58030", "cannot start a thread");
}

/* --- the request -------------------------------------------------------------------------------
 */

static enum md_code read_body(struct md_request *request, json_t **ret_body)
{
	bool no_memory = request->body.len == 0;
	json_t *body = no_memory ? json_object()
				 : md_json_load(request->body.data, request->body.len,
						JSON_REJECT_DUPLICATES, NULL, &no_memory);

	if (json_is_object(body)) {
		*ret_body = body;
		return MD_OK;
	}
	json_decref(body);
	return no_memory ? md_fail_nomem(&request->error)
			 : md_fail(&request->error, MD_INVALID, "MD400",
				   "the body is no JSON object");
}

static const struct verb *find_verb(const struct md_request *request, struct md_str name)
{
	if (request->route.id == MD_ROUTE_TABLES)
		return &tables_verb;
	if (name.len == 0)
		return request->method == MD_METHOD_POST ? &make_verb : &status_verb;
	if (request->method != MD_METHOD_POST)
		return md_str_is(name, "history") ? &history_verb : &show_verb;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (md_str_is(name, verbs[i].name))
			return &verbs[i];
	return NULL;
}

static enum md_go begin(struct md_request *request)
{
	struct md_str name =
		request->path.count > 2 ? request->path.segments[2] : (struct md_str){ "", 0 };
	struct md_job *job = md_arena_zalloc(request->arena, sizeof(*job));

	if (!job) {
		md_fail_nomem(&request->error);
		return MD_GO_FAIL;
	}
	job->request = request;
	job->server = request->loop->server;
	job->verb = find_verb(request, name);
	job->name = md_arena_strndup(request->arena, name.ptr, name.len);
	job->ask.home = request->loop->reactor;
	job->ask.done = finished;
	if (!job->verb) {
		md_fail(&request->error, MD_NOT_FOUND, "MD404", "migrations have no verb \"%.*s\"",
			MD_STR_ARG(name));
		return MD_GO_FAIL;
	}
	if (!job->name)
		md_fail_nomem(&request->error);
	if (!job->name || read_body(request, &job->body) != MD_OK)
		return MD_GO_FAIL;
	job->options = md_options_ref(request->loop->options);
	request->job = job;
	request->held |= MD_HELD_BY_RELOAD; /* the answer may not overtake us: it is posted to us */
	if (start(job) == MD_OK)
		return MD_GO_SUSPEND;
	request->held &= ~(unsigned)MD_HELD_BY_RELOAD;
	release(job);
	return MD_GO_FAIL;
}

static int put_text(const char *text, size_t len, void *out)
{
	md_buf_put(out, text, len);
	return 0;
}

/* What the reload made of it stands beside: the database is as it was asked for in any case. */
static void add_reload(struct md_job *job)
{
	const struct md_reload_result *result = &job->ask.result;

	if (!job->changed || !job->verb->changes)
		return;
	if (result->error.code != MD_OK)
		json_object_set_new(job->document, "reload", json_string(result->error.message));
	else
		json_object_set_new(job->document, "generation",
				    json_integer((json_int_t)result->generation));
}

static enum md_go answer(struct md_request *request, struct md_job *job)
{
	bool wrote = job->verb->makes && json_is_string(json_object_get(job->document, "file"));
	int rc;

	if (job->error.code != MD_OK) {
		request->error = job->error;
		release(job);
		return MD_GO_FAIL;
	}
	add_reload(job);
	md_buf_clear(&request->out);
	rc = json_dump_callback(job->document, put_text, &request->out, JSON_COMPACT);
	release(job);
	if (rc != 0 || request->out.failed) {
		md_fail_nomem(&request->error);
		return MD_GO_FAIL;
	}
	request->type = "application/json; charset=utf-8";
	request->status = wrote ? 201 : 200;
	request->length = request->out.len;
	return MD_GO_ON;
}

enum md_go md_run_migrations(struct md_request *request)
{
	if (!request->job)
		return begin(request);
	return request->job->over ? answer(request, request->job) : MD_GO_SUSPEND;
}
