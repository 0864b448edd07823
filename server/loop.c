#include "server/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "config/settings.h"
#include "core/base/clock.h"
#include "server/access_log.h"
#include "server/client.h"
#include "server/http.h"
#include "server/request.h"
#include "server/schema.h"
#include "server/server.h"
#include "server/transactions.h"

#include "core/base/banned.h"

enum { LOG_MAX = 1024 * 1024, MAX_HEADERS = 100 };
static const uint64_t janitor_every_ns = 250 * MD_MS, drain_every_ns = 20 * MD_MS;
/* After cancelling: how long the database may take to let go. */
static const uint64_t cancel_grace_ns = 3 * MD_SEC;

/* What the options say, in the form the gate and the parsers take. */
static void take_options(struct md_loop *loop, const struct md_options *options)
{
	loop->options = options;
	loop->gate = (struct md_gate_limits){ .request_line = options->request_line,
					      .header_size = options->header_size,
					      .headers_size = options->headers_size,
					      .body = options->body,
					      .headers = MAX_HEADERS };
	loop->parse = (struct md_parse_limits){ .parameters = options->parameters,
						.embeds = options->embeds,
						.embed_depth = options->embed_depth,
						.filters = options->filter_terms,
						.in_values = options->in_values,
						.order_terms = options->order_terms,
						.logic_depth = options->logic_depth,
						.select_items = options->select_items,
						.json_path = options->json_path };
}

void md_loop_wake_janitor(struct md_loop *loop)
{
	if (!loop->janitor.armed)
		md_reactor_arm(loop->reactor, &loop->janitor, md_loop_now(loop) + janitor_every_ns);
}

/* Drain: time is up. What still runs is cancelled, who still reads is cut off. */
static void cancel_all(struct md_loop *loop)
{
	loop->cancelled = true;
	for (struct md_client *client = loop->clients, *next; client; client = next) {
		next = client->next;
		md_client_cut(client);
		if (client->request)
			md_request_cancel(client->request);
	}
}

/* Nothing may be suspended when the library is stopped: it would abort. */
static void drain_step(struct md_loop *loop)
{
	uint64_t now = md_loop_now(loop);

	if (loop->client_count == 0 && loop->request_count == 0 && loop->session_count == 0) {
		md_reactor_stop(loop->reactor);
	} else if (!loop->cancelled && now >= loop->drain_until_ns) {
		cancel_all(loop);
	} else if (loop->cancelled && now >= loop->drain_until_ns + cancel_grace_ns) {
		loop->stuck = true;
		md_reactor_stop(loop->reactor);
	}
}

static void janitor(struct md_timer *timer)
{
	struct md_loop *loop = md_container_of(timer, struct md_loop, janitor);

	md_clients_sweep(loop);
	if (loop->draining)
		drain_step(loop);
	if (md_shrink_look(&loop->shrink, loop->client_count) || loop->draining ||
	    loop->client_count > 0)
		md_reactor_arm(loop->reactor, timer,
			       md_loop_now(loop) +
				       (loop->draining ? drain_every_ns : janitor_every_ns));
}

static void turn_end(struct md_turn_hook *hook)
{
	struct md_loop *loop = md_container_of(hook, struct md_loop, turn_end);

	md_access_log_flush(loop);
	atomic_store_explicit(&loop->counters.in_flight, loop->request_count, memory_order_relaxed);
}

/* Who asks in the next moment is answered, with "Connection: close"; who does not is cut off then.
 * A connection that has been idle is no exception: the next request may be on its way. */
static void drain(struct md_task *task)
{
	struct md_loop *loop = md_container_of(task, struct md_loop, drain_task);

	loop->draining = true;
	if (!loop->is_admin)
		md_transactions_drain(loop);
	for (unsigned i = 0; i < loop->site_count; i++)
		md_http_quiesce(&loop->sites[i]);
	for (struct md_client *client = loop->clients, *next; client; client = next) {
		next = client->next;
		md_client_part(client);
	}
	md_reactor_arm(loop->reactor, &loop->janitor, md_loop_now(loop) + drain_every_ns);
}

void md_loop_post_drain(struct md_loop *loop, uint64_t drain_ms)
{
	loop->drain_until_ns = md_now_ns() + drain_ms * MD_MS;
	loop->drain_task.run = drain;
	md_reactor_post(loop->reactor, &loop->drain_task);
}

static void hurry(struct md_task *task)
{
	struct md_loop *loop = md_container_of(task, struct md_loop, hurry_task);

	loop->drain_until_ns = md_loop_now(loop);
	md_reactor_arm(loop->reactor, &loop->janitor, loop->drain_until_ns);
}

void md_loop_post_hurry(struct md_loop *loop)
{
	loop->hurry_task.run = hurry;
	md_reactor_post(loop->reactor, &loop->hurry_task);
}

static void answer_asked(struct md_task *task)
{
	struct md_loop *loop = md_container_of(task, struct md_loop, asked_task);

	atomic_store_explicit(&loop->asked, false, memory_order_release);
}

bool md_loop_ask(struct md_loop *loop)
{
	if (atomic_load_explicit(&loop->asked, memory_order_acquire))
		return false;
	atomic_store_explicit(&loop->asked, true, memory_order_relaxed);
	loop->asked_task.run = answer_asked;
	md_reactor_post(loop->reactor, &loop->asked_task);
	return true;
}

/* A new state on its way to a loop. */
struct adopt {
	struct md_task task; /* first */
	struct md_loop *loop;
	struct md_registry *registry;
	const struct md_options *options;
};

/* Conditions repeat embeds, and depth= has its own: the parser's limit is for what clients write.
 */
enum { RELATIONS_PER_EMBED = 8 };

static void fill_ops_options(const struct md_loop *loop, const struct md_options *options,
			     struct md_ops_options *ret_ops)
{
	const struct md_db *db = loop->server->db;

	*ret_ops = (struct md_ops_options){
		.db = loop->db,
		.dialect = md_db_dialect(db),
		.features = md_db_features(db),
		.plan_cache = options->plan_cache,
		.embeds = options->embeds * RELATIONS_PER_EMBED,
		.max_rows = options->db_max_rows == 0 ? UINT64_MAX : options->db_max_rows,
		.stream_threshold = options->stream_threshold,
		.stream_piece = options->stream_piece,
		.nested_depth = options->nested_depth,
		.nested_rows = options->body_rows,
		.aggregates = options->db_aggregates_enabled,
		.legacy_names = options->url_use_legacy_target_names,
	};
}

static void adopt(struct md_task *task)
{
	struct adopt *news = (struct adopt *)task;
	struct md_loop *loop = news->loop;

	if (news->options) {
		const struct md_options *old = loop->options;

		take_options(loop, news->options);
		md_options_unref(old);
	}
	if (loop->ops) {
		struct md_ops_options ops;

		fill_ops_options(loop, loop->options, &ops);
		md_ops_set(loop->ops, &ops);
	}
	if (news->registry && loop->ops) {
		md_ops_adopt(loop->ops, news->registry);
		loop->registry = md_ops_registry(loop->ops);
	} else if (news->registry) {
		md_registry_unref(loop->registry);
		loop->registry = news->registry;
	}
	free(news);
}

enum md_code md_loop_post_adopt(struct md_loop *loop, struct md_registry *registry,
				const struct md_options *options, struct md_error *err)
{
	struct adopt *news = malloc(sizeof(*news));

	if (!news)
		return md_fail_nomem(err);
	*news = (struct adopt){
		.task = { .run = adopt }, .loop = loop, .registry = registry, .options = options
	};
	md_reactor_post(loop->reactor, &news->task);
	return MD_OK;
}

static enum md_code join_database(struct md_loop *loop, const struct md_loop_options *options,
				  struct md_error *err)
{
	struct md_ops_options ops;
	enum md_code code = md_db_join(loop->server->db, loop->reactor, &loop->db, err);

	if (code != MD_OK)
		return code;
	fill_ops_options(loop, options->options, &ops);
	code = md_ops_new(&ops, md_registry_ref(options->registry), &loop->ops, err);
	if (code != MD_OK) {
		md_registry_unref(options->registry);
		return code;
	}
	loop->registry = md_ops_registry(loop->ops);
	return MD_OK;
}

static enum md_code start_sites(struct md_loop *loop, const struct md_loop_options *options,
				struct md_error *err)
{
	unsigned wanted = loop->is_admin ? MD_ON_ADMIN : MD_ON_PUBLIC;
	enum md_code code;

	loop->sites = calloc(options->listener_count, sizeof(*loop->sites));
	if (!loop->sites)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < options->listener_count; i++) {
		struct md_site *site = &loop->sites[loop->site_count];

		if (options->listeners[i].routes != wanted)
			continue;
		*site = (struct md_site){ .loop = loop, .listener = &options->listeners[i] };
		code = md_http_start(site, options->connections, err);
		if (code != MD_OK)
			return code;
		loop->site_count++;
	}
	return md_http_attach(loop, err);
}

/* Ids of requests: start time and loop in the upper half, so that two runs do not share any. */
static uint64_t id_base(unsigned index)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ((uint64_t)now.tv_sec << 32 ^ (uint64_t)now.tv_nsec << 12) + ((uint64_t)index << 56);
}

static enum md_code build(struct md_loop *loop, const struct md_loop_options *options,
			  struct md_error *err)
{
	enum md_code code = md_reactor_new(&loop->reactor, err);

	if (code == MD_OK && !loop->is_admin)
		code = join_database(loop, options, err);
	else if (code == MD_OK)
		loop->registry = md_registry_ref(options->registry);
	if (code == MD_OK)
		code = start_sites(loop, options, err);
	if (code != MD_OK)
		return code;
	loop->turn_end.end = turn_end;
	md_reactor_at_turn_end(loop->reactor, &loop->turn_end);
	return MD_OK;
}

enum md_code md_loop_new(const struct md_loop_options *options, struct md_loop **ret_loop,
			 struct md_error *err)
{
	/* A cache line of its own: the counters of two loops must not share one. */
	struct md_loop *loop = aligned_alloc(64, (sizeof(*loop) + 63) / 64 * 64);
	enum md_code code;

	if (!loop)
		return md_fail_nomem(err);
	memset(loop, 0, sizeof(*loop));
	loop->server = options->server;
	loop->index = options->index;
	loop->is_admin = options->is_admin;
	loop->front_epoll = -1;
	loop->janitor.due = janitor;
	loop->id_base = id_base(options->index);
	md_buf_init(&loop->log, LOG_MAX);
	take_options(loop, md_options_ref(options->options));
	code = build(loop, options, err);
	if (code != MD_OK) {
		md_loop_free(loop);
		return code;
	}
	*ret_loop = loop;
	return MD_OK;
}

static void *thread_main(void *cls)
{
	struct md_loop *loop = cls;
	char name[16];

	snprintf(name, sizeof(name), loop->is_admin ? "modeld-admin" : "modeld-loop-%u",
		 loop->index);
	pthread_setname_np(pthread_self(), name);
	md_reactor_run(loop->reactor, NULL);
	md_access_log_flush(loop);
	return NULL;
}

enum md_code md_loop_start(struct md_loop *loop, struct md_error *err)
{
	if (pthread_create(&loop->thread, NULL, thread_main, loop) != 0)
		return md_fail(err, MD_UNAVAILABLE, "58030", "cannot start a thread");
	loop->started = true;
	return MD_OK;
}

static void free_lists(struct md_loop *loop)
{
	while (loop->free_requests) {
		struct md_request *request = loop->free_requests;

		loop->free_requests = request->next_free;
		md_request_free(request);
	}
	while (loop->free_clients) {
		struct md_client *client = loop->free_clients;

		loop->free_clients = client->next;
		free(client);
	}
}

struct md_loop *md_loop_free(struct md_loop *loop)
{
	if (!loop || loop->stuck)
		return NULL;
	for (unsigned i = 0; i < loop->site_count; i++)
		md_http_stop(&loop->sites[i]);
	if (loop->front_epoll >= 0)
		close(loop->front_epoll);
	if (!loop->ops)
		md_registry_unref(loop->registry);
	md_ops_free(loop->ops);
	md_db_leave(loop->db);
	md_reactor_free(loop->reactor);
	free_lists(loop);
	free(loop->sites);
	md_buf_release(&loop->log);
	md_schema_texts_free(loop->schema_texts);
	md_options_unref(loop->options);
	free(loop);
	return NULL;
}
