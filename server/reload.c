#include "server/reload.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/lock.h"
#include "core/db/db.h"
#include "core/model/registry.h"
#include "server/log.h"
#include "server/migrations.h"
#include "server/models.h"
#include "server/notify.h"
#include "server/reread.h"
#include "server/serve.h"
#include "server/server.h"

#include "core/base/banned.h"

enum { CATALOG_LIMIT = 1024 * 1024 * 1024 };

/** What a helper is to do. */
struct wish {
	const struct md_options *options; /* counted */
	struct md_reload_ask *asks;
	bool files;  /* with the definition files; else the database alone, and only if it is not
			what it was */
	bool reread; /* it was a sign of the database that started it */
};

static struct {
	/* Main thread. */
	pthread_t thread;
	bool started;
	/* The thread that builds: main at the start, then the helper. */
	uint64_t generation, print; /* print: of the catalog that was read last */
	/* Guards what follows. */
	struct md_lock lock;
	bool busy;   /* there is a helper, and it will look once more at `wanted` */
	bool wanted; /* `wish` is to be fulfilled */
	bool closed;
	struct wish wish;
	struct md_reload_ask *asked; /* main has not read the settings for them yet */
} reload = { .lock = MD_LOCK_INIT };

/* --- a new registry ----------------------------------------------------------------------------
 */

enum md_code md_reload_prepare(const struct md_server *server, const struct md_options *options,
			       bool running, const struct md_definitions **ret_definitions,
			       unsigned *ret_made, struct md_error *err)
{
	const struct md_definitions *definitions = NULL;
	unsigned made = 0;
	bool managed = false;
	enum md_code code = md_models_load(options, &server->log, &definitions, err);

	/* Without models a database is served as it is: the folder may be of another one. */
	if (code == MD_OK && definitions)
		code = md_migrations_at_start(options, definitions,
					      running ? md_db_wal_owner(server->db) : NULL,
					      &server->log, &managed, err);
	if (code == MD_OK && definitions && !managed)
		code = md_models_make_tables(options, definitions,
					     running ? md_db_wal_owner(server->db) : NULL,
					     &server->log, &made, err);
	if (code != MD_OK) {
		md_definitions_free(definitions);
		return code;
	}
	*ret_definitions = definitions;
	*ret_made = made;
	return MD_OK;
}

static enum md_code build(const struct md_server *server, const struct md_options *options,
			  struct md_registry_source source, struct md_arena *arena,
			  struct md_registry **ret_registry, struct md_error *err)
{
	struct md_differences differences = { .items = NULL };
	enum md_code code = MD_OK;

	if (source.definitions)
		code = md_models_compare(options, md_db_dialect(server->db), source.definitions,
					 source.catalog, arena, &server->log, &differences, err);
	if (code != MD_OK)
		return code;
	source.differences = &differences;
	return md_registry_build(&source, ret_registry, err);
}

/* Connections beyond it are refused, and those who wait for them with a 504. */
static void warn_of_room(const struct md_server *server, const struct md_options *options,
			 const struct md_catalog *catalog)
{
	int64_t most = (int64_t)options->pool_size + options->max_overflow;

	if (catalog->room == 0 || options->pool_size == 0 || options->max_overflow < 0 ||
	    most <= catalog->room)
		return;
	md_log_line(&server->log, MD_LOG_WARN,
		    "pool_size and max_overflow allow %lld connections, and the database has room "
		    "for %u",
		    (long long)most, catalog->room);
}

static enum md_code read_and_build(const struct md_server *server, const struct md_options *options,
				   struct md_registry_source source,
				   struct md_registry **ret_registry, struct md_error *err)
{
	md_auto_arena arena = md_arena_new(CATALOG_LIMIT);
	enum md_code code =
		arena ? md_db_catalog(server->db, arena, &source.catalog, err) : md_fail_nomem(err);

	if (code == MD_OK)
		code = build(server, options, source, arena, ret_registry, err);
	if (code != MD_OK)
		return code;
	warn_of_room(server, options, source.catalog);
	reload.generation = source.generation;
	reload.print = md_catalog_print(source.catalog);
	return MD_OK;
}

static struct md_registry_source source_of(const struct md_options *options,
					   const struct md_definitions *definitions,
					   uint64_t generation)
{
	return (struct md_registry_source){ .schema = md_str_of(options->db_schemas.items[0]),
					    .generation = generation,
					    .definitions = definitions };
}

enum md_code md_reload_registry(const struct md_server *server, const struct md_options *options,
				const struct md_definitions *definitions, uint64_t generation,
				struct md_registry **ret_registry, struct md_error *err)
{
	enum md_code code = read_and_build(
		server, options, source_of(options, definitions, generation), ret_registry, err);

	if (code != MD_OK)
		md_definitions_free(definitions);
	return code;
}

/* Every loop gets the new state; one that cannot keeps the old. */
static void hand_out(struct md_server *server, struct md_registry *registry,
		     const struct md_options *options)
{
	struct md_error err;

	for (unsigned i = 0; i < server->loop_count; i++) {
		struct md_registry *mine = registry ? md_registry_ref(registry) : NULL;
		const struct md_options *theirs = options ? md_options_ref(options) : NULL;

		md_error_clear(&err);
		if (md_loop_post_adopt(server->loops[i], mine, theirs, &err) == MD_OK)
			continue;
		md_registry_unref(mine);
		md_options_unref(theirs);
		md_log_line(&server->log, MD_LOG_ERROR, "reload: %s", err.message);
	}
}

/* The limits of the pool, the role, what is told of statements. */
static void retune(struct md_server *server, const struct md_options *options)
{
	struct md_db_options db_options;
	struct md_error err;

	md_serve_db_options(server, options, &db_options);
	md_error_clear(&err);
	if (md_db_tune(server->db, &db_options, &err) != MD_OK)
		md_log_error(&server->log, "reload: ", &err);
}

static enum md_code run(struct md_server *server, const struct md_options *options,
			struct md_reload_result *result)
{
	const struct md_definitions *definitions = NULL;
	struct md_registry *registry = NULL;
	const struct md_differences *differences;
	enum md_code code = md_reload_prepare(server, options, true, &definitions, &result->made,
					      &result->error);

	if (code == MD_OK)
		code = md_reload_registry(server, options, definitions, reload.generation + 1,
					  &registry, &result->error);
	if (code != MD_OK)
		return code;
	md_registry_models(registry, &result->models);
	result->generation = md_registry_generation(registry);
	differences = md_registry_differences(registry);
	result->differences = differences->count;
	result->blocking = differences->blocking;
	hand_out(server, registry, NULL);
	md_registry_unref(registry);
	return MD_OK;
}

/* The definition files stay as they were read: they may be in the middle of an edit. So a change is
 * served where there are none, and told where there are. */
static enum md_code build_changed(struct md_server *server, const struct md_options *options,
				  struct md_arena *arena, const struct md_catalog *catalog,
				  struct md_reload_result *result)
{
	struct md_registry_source source = source_of(options, NULL, reload.generation + 1);
	struct md_registry *registry = NULL;
	enum md_code code;

	if (options->models[0] != '\0') {
		md_log_line(&server->log, MD_LOG_WARN,
			    "the database has changed; reload to serve it as it is");
		return MD_OK;
	}
	source.catalog = catalog;
	code = build(server, options, source, arena, &registry, &result->error);
	if (code != MD_OK)
		return code;
	md_registry_models(registry, &result->models);
	reload.generation = result->generation = source.generation;
	hand_out(server, registry, NULL);
	md_registry_unref(registry);
	return MD_OK;
}

/* Only the database, and only if it is not what it was. */
static enum md_code run_database(struct md_server *server, const struct md_options *options,
				 struct md_reload_result *result)
{
	md_auto_arena arena = md_arena_new(CATALOG_LIMIT);
	const struct md_catalog *catalog;
	enum md_code code = arena ? md_db_catalog(server->db, arena, &catalog, &result->error)
				  : md_fail_nomem(&result->error);
	uint64_t print;

	if (code != MD_OK)
		return code;
	print = md_catalog_print(catalog);
	if (print == reload.print)
		return MD_OK;
	code = build_changed(server, options, arena, catalog, result);
	if (code == MD_OK)
		reload.print = print;
	return code;
}

static void fail(struct md_server *server, const struct md_error *err)
{
	atomic_fetch_add(&server->reload_failures, 1);
	md_log_error(&server->log, "reload failed, the old state stays: ", err);
}

static void reload_once(struct md_server *server, const struct wish *wish,
			struct md_reload_result *result)
{
	enum md_code code = wish->files ? run(server, wish->options, result)
					: run_database(server, wish->options, result);

	if (code != MD_OK) {
		fail(server, &result->error);
		return;
	}
	if (result->generation == 0)
		return;
	atomic_fetch_add(&server->reloads, 1);
	md_log_line(&server->log, MD_LOG_INFO, "%s generation=%llu relations=%u",
		    wish->files ? "reloaded" : "the database has changed: read it anew",
		    (unsigned long long)result->generation, result->models);
}

/* --- who asks ----------------------------------------------------------------------------------
 */

static void arrive(struct md_task *task)
{
	struct md_reload_ask *ask = (struct md_reload_ask *)task;

	ask->done(ask);
}

/* Posting is the last touch: the ask may be gone then. */
void md_reload_answer(struct md_reload_ask *asks, const struct md_reload_result *result)
{
	while (asks) {
		struct md_reload_ask *ask = asks;

		asks = ask->next;
		ask->result = *result;
		ask->task.run = arrive;
		md_reactor_post(ask->home, &ask->task);
	}
}

bool md_reload_ask(struct md_reload_ask *ask)
{
	bool taken;

	md_lock_enter(&reload.lock);
	taken = !reload.closed;
	if (taken) {
		ask->next = reload.asked;
		reload.asked = ask;
	}
	md_lock_leave(&reload.lock);
	if (taken) /* main sleeps in its signals */
		kill(getpid(), SIGHUP);
	return taken;
}

static struct md_reload_ask *take_asked(bool close)
{
	struct md_reload_ask *asks;

	md_lock_enter(&reload.lock);
	asks = reload.asked;
	reload.asked = NULL;
	reload.closed = reload.closed || close;
	md_lock_leave(&reload.lock);
	return asks;
}

/* --- the helper --------------------------------------------------------------------------------
 */

/* The next reload, if one is wanted; else there is no helper any more. */
static bool take_wish(struct wish *ret_wish)
{
	bool wanted;

	md_lock_enter(&reload.lock);
	wanted = reload.wanted;
	*ret_wish = reload.wish;
	reload.wish = (struct wish){ .options = NULL };
	reload.wanted = false;
	reload.busy = wanted;
	md_lock_leave(&reload.lock);
	return wanted;
}

/* Leave a wish; false: somebody must start a helper. */
static bool leave_wish(const struct wish *wish)
{
	const struct md_options *old;
	struct md_reload_ask **end;
	bool busy;

	md_lock_enter(&reload.lock);
	old = reload.wish.options;
	reload.wish.options = md_options_ref(wish->options);
	reload.wish.files = reload.wish.files || wish->files;
	reload.wish.reread = reload.wish.reread || wish->reread;
	for (end = &reload.wish.asks; *end; end = &(*end)->next)
		;
	*end = wish->asks;
	busy = reload.busy;
	reload.busy = reload.wanted = true;
	md_lock_leave(&reload.lock);
	md_options_unref(old);
	return busy;
}

/* The asks last: they look at what has become of it. */
static void end_wish(const struct wish *wish, const struct md_reload_result *result)
{
	md_options_unref(wish->options);
	md_notify("READY=1\nSTATUS=serving");
	md_reload_answer(md_reread_ended(result->generation, wish->reread), result);
	md_reload_answer(wish->asks, result);
}

static void *help(void *cls)
{
	struct md_server *server = cls;
	struct wish wish;

	while (take_wish(&wish)) {
		struct md_reload_result result = { .generation = 0 };

		md_error_clear(&result.error);
		reload_once(server, &wish, &result);
		end_wish(&wish, &result);
	}
	return NULL;
}

static void join(void)
{
	if (reload.started)
		pthread_join(reload.thread, NULL);
	reload.started = false;
}

/* --- the main thread ---------------------------------------------------------------------------
 */

void md_reload_end(void)
{
	struct md_reload_result result = { .generation = 0 };
	struct md_reload_ask *asks = take_asked(true);

	md_fail(&result.error, MD_UNAVAILABLE, "MD503", "the server is stopping");
	md_reload_answer(asks, &result);
	md_reload_answer(md_reread_end(), &result);
	join();
}

/* The first problems; the log has all of them. */
static void add_problems(struct md_error *err, const struct md_problems *problems)
{
	md_auto_buf text = MD_BUF(64 * 1024);

	for (unsigned i = 0; i < problems->count; i++)
		if (!problems->items[i].warning)
			md_buf_printf(&text, "%s%s", text.len > 0 ? "\n" : "",
				      problems->items[i].text);
	if (text.len > 0)
		md_error_details(err, "%.*s", (int)text.len, text.data);
}

enum md_code md_reload_settings(struct md_server *server, struct md_settings *settings,
				struct md_error *err)
{
	enum md_code code = md_settings_reload(settings, err);

	if (code != MD_OK) {
		fail(server, err);
		for (unsigned i = 0; i < settings->problems.count; i++)
			md_log_line(&server->log, MD_LOG_ERROR, "%s",
				    settings->problems.items[i].text);
		add_problems(err, &settings->problems);
		return code;
	}
	for (unsigned i = 0; i < settings->needs_restart.count; i++)
		md_log_line(&server->log, MD_LOG_WARN, "%s has changed and needs a restart",
			    settings->needs_restart.items[i]);
	retune(server, settings->options);
	hand_out(server, NULL, settings->options);
	return MD_OK;
}

/* Nobody will look at the wish. */
static void give_up(struct md_server *server)
{
	struct md_reload_result result = { .generation = 0 };
	struct wish wish;

	take_wish(&wish);
	md_lock_enter(&reload.lock);
	reload.busy = false;
	md_lock_leave(&reload.lock);
	md_fail(&result.error, MD_UNAVAILABLE, "58030", "cannot start a thread");
	fail(server, &result.error);
	end_wish(&wish, &result);
}

static void start(struct md_server *server, const struct wish *wish)
{
	if (leave_wish(wish))
		return;
	join();
	reload.started = pthread_create(&reload.thread, NULL, help, server) == 0;
	if (!reload.started)
		give_up(server);
}

void md_reload_reread(struct md_server *server, const struct md_options *options,
		      struct md_reload_ask *asks)
{
	start(server, &(struct wish){ .options = options, .asks = asks, .reread = true });
}

void md_reload_models(struct md_server *server, const struct md_options *options)
{
	md_notify_reloading();
	start(server, &(struct wish){ .options = options, .files = true });
}

void md_reload(struct md_server *server, struct md_settings *settings)
{
	struct md_reload_result result = { .generation = 0 };
	struct md_reload_ask *asks = take_asked(false);

	md_notify_reloading();
	md_error_clear(&result.error);
	if (md_reload_settings(server, settings, &result.error) != MD_OK) {
		md_notify("READY=1\nSTATUS=serving");
		md_reload_answer(asks, &result);
		return;
	}
	start(server, &(struct wish){ .options = settings->options, .asks = asks, .files = true });
}
