#include "server/reload.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/base/arena.h"
#include "core/db/db.h"
#include "core/model/registry.h"
#include "server/log.h"
#include "server/notify.h"
#include "server/server.h"

#include "core/base/banned.h"

enum { CATALOG_LIMIT = 256 * 1024 * 1024 };

/* Idle: no helper, or it has nothing more to do. Again: once more when it is done. */
enum { IDLE, RUNNING, AGAIN };

/* Main thread, except `state`, and `generation` while the helper runs. */
static struct {
	pthread_t thread;
	bool started;
	atomic_int state;
	uint64_t generation;
	const struct md_options *options; /* counted while the helper runs */
} reload;

enum md_code md_reload_registry(struct md_db *db, const struct md_options *options,
				uint64_t generation, struct md_registry **ret_registry,
				struct md_error *err)
{
	md_auto_arena arena = md_arena_new(CATALOG_LIMIT);
	struct md_registry_source source = { .schema = md_str_of(options->db_schemas.items[0]),
					     .generation = generation };
	const struct md_catalog *catalog;
	enum md_code code;

	if (!arena)
		return md_fail_nomem(err);
	code = md_db_catalog(db, arena, &catalog, err);
	if (code != MD_OK)
		return code;
	if (generation > reload.generation)
		reload.generation = generation;
	source.catalog = catalog;
	return md_registry_build(&source, ret_registry, err);
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

static void reload_once(struct md_server *server)
{
	struct md_registry *registry = NULL;
	struct md_error err;
	unsigned count = 0;

	md_error_clear(&err);
	if (md_reload_registry(server->db, reload.options, reload.generation + 1, &registry,
			       &err) != MD_OK) {
		atomic_fetch_add(&server->reload_failures, 1);
		md_log_line(&server->log, MD_LOG_ERROR, "reload failed, the old schema stays: %s",
			    err.message);
		return;
	}
	md_registry_models(registry, &count);
	hand_out(server, registry, NULL);
	atomic_fetch_add(&server->reloads, 1);
	md_log_line(&server->log, MD_LOG_INFO, "reloaded generation=%llu relations=%u",
		    (unsigned long long)md_registry_generation(registry), count);
	md_registry_unref(registry);
}

static void *help(void *cls)
{
	struct md_server *server = cls;
	int state;

	do {
		atomic_store(&reload.state, RUNNING);
		reload_once(server);
		md_notify("READY=1\nSTATUS=serving");
		state = RUNNING;
	} while (!atomic_compare_exchange_strong(&reload.state, &state, IDLE));
	return NULL;
}

void md_reload_wait(void)
{
	if (reload.started)
		pthread_join(reload.thread, NULL);
	reload.started = false;
	reload.options = md_options_unref(reload.options);
}

static bool reload_settings(struct md_server *server, struct md_settings *settings)
{
	struct md_error err;

	md_error_clear(&err);
	if (md_settings_reload(settings, &err) != MD_OK) {
		md_log_line(&server->log, MD_LOG_ERROR, "reload failed, the old settings stay: %s",
			    err.message);
		for (unsigned i = 0; i < settings->problems.count; i++)
			md_log_line(&server->log, MD_LOG_ERROR, "%s",
				    settings->problems.items[i].text);
		return false;
	}
	for (unsigned i = 0; i < settings->needs_restart.count; i++)
		md_log_line(&server->log, MD_LOG_WARN, "%s has changed and needs a restart",
			    settings->needs_restart.items[i]);
	hand_out(server, NULL, settings->options);
	return true;
}

void md_reload(struct md_server *server, struct md_settings *settings)
{
	int state = RUNNING;

	md_notify_reloading();
	if (!reload_settings(server, settings))
		atomic_fetch_add(&server->reload_failures, 1);
	if (atomic_compare_exchange_strong(&reload.state, &state, AGAIN) || state == AGAIN)
		return; /* the helper sees the wish */
	md_reload_wait();
	reload.options = md_options_ref(settings->options);
	atomic_store(&reload.state, RUNNING);
	reload.started = pthread_create(&reload.thread, NULL, help, server) == 0;
	if (!reload.started) {
		atomic_store(&reload.state, IDLE);
		md_notify("READY=1\nSTATUS=serving");
		md_log_line(&server->log, MD_LOG_ERROR, "reload failed: cannot start a thread");
	}
}
