#include "server/serve.h"
#include "server/aside.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/engine.h"
#include "core/model/define.h"
#include "core/model/registry.h"
#include "server/http.h"
#include "server/life.h"
#include "server/log.h"
#include "server/migrations.h"
#include "server/notify.h"
#include "server/reload.h"
#include "server/reread.h"
#include "server/router.h"
#include "server/server.h"
#include "server/starting.h"
#include "server/tune.h"

#include "core/base/banned.h"

enum { ADMIN_CONNECTIONS = 16, LAST_WORDS_MS = 500 };

static int exit_code(enum md_code code)
{
	switch (code) {
	case MD_OK:
		return EX_OK;
	case MD_NOT_FOUND:
		return EX_NOINPUT;
	case MD_INVALID:
	case MD_TOO_LARGE:
		return EX_CONFIG;
	case MD_CONFLICT:
	case MD_UNAVAILABLE:
		return EX_UNAVAILABLE;
	case MD_BUSY:
	case MD_TIMEOUT:
	case MD_UNCERTAIN:
	case MD_CANCELLED:
		return EX_TEMPFAIL;
	case MD_NOMEM:
		return EX_OSERR;
	case MD_INTERNAL:
		return EX_SOFTWARE;
	}
	return EX_SOFTWARE;
}

static unsigned cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (unsigned)n;
}

static unsigned loops_wanted(const struct md_options *o)
{
	return o->threads > 0 ? o->threads : (cpus() < 4 ? cpus() : 4);
}

/* The schema that is served, then the extra ones, as PostgREST does. */
static unsigned search_path(const struct md_options *o, const char **names, unsigned most)
{
	unsigned count = 0;

	if (o->db_schemas.count > 0)
		names[count++] = o->db_schemas.items[0];
	for (unsigned i = 0; i < o->db_extra_search_path.count && count < most; i++)
		names[count++] = o->db_extra_search_path.items[i];
	return count;
}

void md_serve_db_options(const struct md_server *server, const struct md_options *o,
			 struct md_db_options *ret_options)
{
	unsigned readers = 2 * cpus();

	if (o->pool_size > 0 && o->pool_size < readers)
		readers = o->pool_size;
	*ret_options = (struct md_db_options){
		.url = o->db_url,
		.readers = readers,
		.statement_timeout_ms = (unsigned)o->statement_timeout,
		.lock_timeout_ms = (unsigned)o->lock_timeout,
		.inline_budget_us = (unsigned)o->inline_budget * 1000,
		.statement_cache = o->statement_cache,
		.stream_timeout_ms = (unsigned)o->stream_timeout,
		.queue_timeout_ms = (unsigned)o->pool_timeout,
		.keep_journal = o->sqlite_journal == MD_JOURNAL_KEEP,
		.schema = o->db_schemas.items[0],
		.loops = loops_wanted(o),
		.pool_size = o->pool_size,
		.max_overflow = (int)o->max_overflow,
		.pool_recycle_ms = (unsigned)o->pool_recycle,
		.pool_idle_ms = (unsigned)o->pool_idle,
		.end_timeout_ms = (unsigned)o->request_deadline,
		.role = o->db_anon_role,
		.unprepared = !o->db_prepared_statements,
		.echo = (enum md_echo)o->echo,
		.echo_pool = (enum md_echo)o->echo_pool,
		.changed = md_reread_hint,
		.log = server->log,
	};
}

static enum md_code open_database(struct md_server *server, const struct md_options *o,
				  struct md_error *err)
{
	const char *path[64];
	struct md_db_options options;

	md_serve_db_options(server, o, &options);
	options.search_path = path;
	options.search_path_count = search_path(o, path, sizeof(path) / sizeof(path[0]));
	return md_db_open(&options, &server->db, err);
}

static enum md_code check_inherited(const struct md_server *server,
				    const struct md_listener *listener, const struct md_options *o,
				    struct md_error *err)
{
	if (listener->is_unix || listener->is_loopback || server->has_identity ||
	    o->allow_unauthenticated)
		return MD_OK;
	md_fail(err, MD_INVALID, "MD403",
		"the inherited socket %s can be reached from other machines, and nobody would be "
		"authenticated",
		listener->url);
	md_error_hint(err, "set db_anon_role (PostgreSQL), or allow_unauthenticated = true if this "
			   "is meant");
	return MD_INVALID;
}

static bool has_listener(const struct md_server *server, unsigned routes)
{
	for (unsigned i = 0; i < server->listener_count; i++)
		if (server->listeners[i].routes == routes)
			return true;
	return false;
}

static enum md_code listen_on(struct md_server *server, const char *text, unsigned routes,
			      const char *mode, bool reuseport, struct md_error *err)
{
	struct md_listener *listener = &server->listeners[server->listener_count];
	struct md_listen_options options = { .unix_mode = (unsigned)strtoul(mode, NULL, 8),
					     .reuseport = reuseport };
	enum md_code code;

	if (server->listener_count == MD_LISTENERS_MAX)
		return md_fail(err, MD_INVALID, "MD400", "more than %d addresses to listen on",
			       MD_LISTENERS_MAX - 1);
	code = md_listener_open(text, &options, listener, err);
	if (code != MD_OK)
		return code;
	listener->routes = routes;
	server->listener_count++;
	return MD_OK;
}

/* Where administration is when nothing is said: next to the service under systemd, else in the
 * user's run-time folder. False: there is no such place. */
static bool default_admin(const struct md_server *server, char *out, size_t size)
{
	const char *service = getenv("RUNTIME_DIRECTORY"), *user = getenv("XDG_RUNTIME_DIR");
	bool for_service = service && service[0] == '/';
	int port = server->listener_count > 0 ? server->listeners[0].port : 0, len;
	char folder[MD_SOCKET_PATH_MAX];

	if (!for_service && !(user && user[0] == '/'))
		return false;
	/* systemd names several folders with colons between them: the first is meant. */
	len = snprintf(folder, sizeof(folder), "%.*s",
		       (int)(for_service ? strcspn(service, ":") : strlen(user)),
		       for_service ? service : user);
	if (len <= 0 || (size_t)len >= sizeof(folder) || access(folder, W_OK) != 0)
		return false;
	if (for_service)
		len = snprintf(out, size, "unix:%s/admin.sock", folder);
	else
		len = snprintf(out, size, "unix:%s/modeld-%d.sock", folder,
			       port > 0 ? port : (int)getpid());
	return len > 0 && (size_t)len < size;
}

static enum md_code listen_admin(struct md_server *server, const struct md_options *o,
				 struct md_error *err)
{
	char text[MD_SOCKET_PATH_MAX + 8];
	const char *address = o->admin_listen;

	if (strcmp(address, "none") == 0)
		return MD_OK;
	if (address[0] == '\0') {
		if (!default_admin(server, text, sizeof(text))) {
			md_log_line(&server->log, MD_LOG_INFO,
				    "no administration socket: neither RUNTIME_DIRECTORY nor "
				    "XDG_RUNTIME_DIR is usable; set admin_listen");
			return MD_OK;
		}
		address = text;
	}
	return listen_on(server, address, MD_ON_ADMIN, o->admin_server_unix_socket_mode, false,
			 err);
}

/* systemd's sockets, if there are any, replace those of the settings. */
static enum md_code open_listeners(struct md_server *server, const struct md_options *o,
				   struct md_error *err)
{
	enum md_code code = md_listener_inherit(server->listeners, MD_LISTENERS_MAX - 1,
						&server->listener_count, err);
	unsigned own;

	for (unsigned i = 0; code == MD_OK && i < server->listener_count; i++)
		code = check_inherited(server, &server->listeners[i], o, err);
	own = has_listener(server, MD_ON_PUBLIC) ? 0 : o->listen.count;
	if (own == 0 && md_options_origin(o, MD_OPTION_listen)->layer != MD_LAYER_DEFAULT)
		md_log_line(&server->log, MD_LOG_WARN,
			    "the setting listen has no effect: the service manager gave the "
			    "sockets");
	for (unsigned i = 0; code == MD_OK && i < own; i++)
		code = listen_on(server, o->listen.items[i], MD_ON_PUBLIC,
				 o->server_unix_socket_mode, o->server_reuseport, err);
	if (code == MD_OK && !has_listener(server, MD_ON_ADMIN))
		code = listen_admin(server, o, err);
	return code;
}

static enum md_code new_loop(struct md_server *server, const struct md_options *o, bool is_admin,
			     struct md_registry *registry, struct md_error *err)
{
	unsigned threads = server->data_loops;
	struct md_loop_options options = {
		.server = server,
		.index = server->loop_count,
		.is_admin = is_admin,
		.listeners = server->listeners,
		.listener_count = server->listener_count,
		/* A quarter more than its share, so that no loop can hoard and none turns away
		 * what the others could not take. */
		.connections = is_admin ? ADMIN_CONNECTIONS
					: (o->connections * 5 + threads * 4 - 1) / (threads * 4),
		.registry = registry,
		.options = o,
	};
	enum md_code code = md_loop_new(&options, &server->loops[server->loop_count], err);

	if (code == MD_OK)
		server->loop_count++;
	return code;
}

static enum md_code make_loops(struct md_server *server, const struct md_options *o,
			       struct md_registry *registry, struct md_error *err)
{
	unsigned threads = loops_wanted(o);
	enum md_code code = MD_OK;

	server->loops = calloc(threads + 1, sizeof(struct md_loop *));
	if (!server->loops)
		return md_fail_nomem(err);
	server->data_loops = threads;
	for (unsigned i = 0; i < threads && code == MD_OK; i++)
		code = new_loop(server, o, false, registry, err);
	if (code == MD_OK && has_listener(server, MD_ON_ADMIN))
		code = new_loop(server, o, true, registry, err);
	for (unsigned i = 0; i < server->loop_count && code == MD_OK; i++)
		code = md_loop_start(server->loops[i], err);
	return code;
}

/* What is served: the definition files, their tables, and then the database, whose file may only
 * exist by now. */
static enum md_code open_models(struct md_server *server, const struct md_options *o,
				struct md_registry **ret_registry, struct md_error *err)
{
	const struct md_definitions *definitions = NULL;
	unsigned made = 0;
	enum md_code code = md_reload_prepare(server, o, false, &definitions, &made, err);

	if (code != MD_OK)
		return code;
	code = open_database(server, o, err);
	if (code == MD_OK)
		return md_reload_registry(server, o, definitions, 1, ret_registry, err);
	md_definitions_free(definitions);
	return code;
}

/* Everything that can fail. Returns the exit code. */
static int start(struct md_server *server, const struct md_options *o, struct md_error *err)
{
	struct md_registry *registry = NULL;
	struct md_starting starting;
	enum md_code code;

	server->ips = md_ip_table_new(o->connections_per_ip);
	if (!server->ips)
		return exit_code(md_fail_nomem(err));
	md_starting_begin(&starting, &server->log);
	md_starting_raise_descriptors(o, &server->log);
	code = open_models(server, o, &registry, err);
	md_starting_end(&starting);
	if (code == MD_OK)
		code = open_listeners(server, o, err);
	if (code == MD_OK)
		code = make_loops(server, o, registry, err);
	md_registry_unref(registry);
	/* Migrations have exit codes of their own. */
	return code != MD_OK && strncmp(err->wire, "MD_", 3) == 0 ? md_migrations_exit(err)
								  : exit_code(code);
}

static void tell_ready(const struct md_server *server, int ready_fd)
{
	for (unsigned i = 0; i < server->listener_count; i++) {
		const struct md_listener *listener = &server->listeners[i];
		bool admin = listener->routes == MD_ON_ADMIN;

		md_log_line(&server->log, MD_LOG_INFO, "listening url=%s%s", listener->url,
			    admin ? " for=administration" : "");
		md_log_flush(LAST_WORDS_MS); /* who hears that we are ready may read why */
		if (ready_fd >= 0 && !admin)
			dprintf(ready_fd, "%s\n", listener->url);
	}
	if (ready_fd >= 0)
		close(ready_fd);
	md_notify("READY=1\nSTATUS=serving");
}

static void release(struct md_server *server)
{
	md_aside_end();
	for (unsigned i = 0; i < server->loop_count; i++)
		md_loop_free(server->loops[i]);
	free(server->loops);
	for (unsigned i = 0; i < server->listener_count; i++)
		md_listener_close(&server->listeners[i]);
	md_db_close(server->db);
	md_transactions_release(&server->transactions);
	md_ip_table_free(server->ips);
}

static void init(struct md_server *server, const struct md_options *o)
{
	const struct md_engine *engine = md_engine_of_url(o->db_url);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	md_log_setup();
	*server = (struct md_server){
		.log = md_log_stderr((enum md_log_level)o->log_level),
		.memory_limit = o->memory_limit,
		.started_ns = md_now_ns(),
		.started_at = now.tv_sec,
		.has_identity = o->db_anon_role[0] != '\0' && engine && engine->roles,
		.admin_on_public = o->admin_on_public,
	};
	md_transactions_init(&server->transactions);
}

/* Everything but what a stuck request still uses; that ends the process as it is. */
static void finish(struct md_server *server, struct md_life *life, const struct md_options *o)
{
	bool migrated = md_life_await_migrations(life);

	md_tune_end();
	md_reload_end();
	if (md_life_stop(life, o->drain_timeout) && migrated)
		return;
	md_log_line(&server->log, MD_LOG_ERROR,
		    "requests did not end within the drain timeout; leaving them");
	md_log_flush(LAST_WORDS_MS);
	_exit(EX_TEMPFAIL);
}

int md_serve(struct md_settings *settings)
{
	const struct md_options *options = md_options_ref(settings->options);
	struct md_server server;
	struct md_life life;
	struct md_error err;
	int rc = EX_OSERR;

	md_life_init(&life, &server);
	init(&server, options);
	md_http_init(&server);
	md_error_clear(&err);
	md_log_start();
	if (life.signals < 0)
		md_fail(&err, MD_UNAVAILABLE, "58030", "no file descriptor for signals");
	else
		rc = start(&server, options, &err);
	if (rc == EX_OK) {
		tell_ready(&server, settings->ready_fd);
		md_life_obey(&life, settings);
	} else {
		md_log_error(&server.log, "", &err);
	}
	finish(&server, &life, settings->options);
	release(&server);
	md_life_release(&life);
	md_log_end();
	md_options_unref(options);
	return rc;
}
