/* /-/pool: the connections to the database, in the words of SQLAlchemy's pool; /-/log: what is
 * logged. Both can be changed while the daemon runs. */
#include <inttypes.h>

#include "core/base/clock.h"
#include "core/json/pairs.h"
#include "server/run.h"
#include "server/server.h"
#include "server/tune.h"
#include "server/upload.h"

#include "core/base/banned.h"

static enum md_go finish(struct md_request *request)
{
	request->type = "application/json; charset=utf-8";
	request->status = 200;
	request->length = request->out.len;
	return MD_GO_ON;
}

/* --- changes --- */

enum { CHANGES_MAX = 8 };

/* A request that waits for its change. */
struct md_tune_wait {
	struct md_tune_ask ask; /* first */
	struct md_request *request;
	bool over;
	struct md_tune_change changes[CHANGES_MAX];
};

static void changed(struct md_tune_ask *ask)
{
	struct md_tune_wait *wait = (struct md_tune_wait *)ask;
	struct md_request *request = wait->request;

	wait->over = true;
	if (request->held & MD_HELD_BY_HTTP)
		md_request_resume(request);
	md_request_let_go(request, MD_HELD_BY_RELOAD);
}

static bool is_one_of(struct md_str name, const char *const *keys)
{
	for (; *keys; keys++)
		if (md_str_is(name, *keys))
			return true;
	return false;
}

/* "for": seconds. */
static enum md_code read_time(struct md_request *request, struct md_str text, uint64_t *ret_ms)
{
	uint64_t seconds;

	if (!md_str_to_u64(text, &seconds) || seconds == 0 || seconds > 7 * 86400)
		return md_fail(&request->error, MD_INVALID, "MD400",
			       "for is a number of seconds, a week at most");
	*ret_ms = seconds * 1000;
	return MD_OK;
}

static enum md_code read_change(struct md_request *request, const struct md_pair *pair,
				const char *const *keys, struct md_tune_wait *wait)
{
	struct md_tune_change *change = &wait->changes[wait->ask.count];

	if (md_str_is(pair->name, "for"))
		return read_time(request, pair->value, &wait->ask.for_ms);
	if (!is_one_of(pair->name, keys))
		return md_fail(&request->error, MD_INVALID, "MD400", "%.*s cannot be changed here",
			       MD_STR_ARG(pair->name));
	if (wait->ask.count == CHANGES_MAX)
		return md_fail(&request->error, MD_INVALID, "MD400", "too many changes");
	change->key = md_arena_strndup(request->arena, pair->name.ptr, pair->name.len);
	change->value = md_arena_strndup(request->arena, pair->value.ptr, pair->value.len);
	wait->ask.count++;
	return change->key && change->value ? MD_OK : md_fail_nomem(&request->error);
}

static enum md_code read_changes(struct md_request *request, const char *const *keys,
				 struct md_tune_wait *wait)
{
	const struct md_body_limits limits = md_upload_limits(request);
	struct md_str text = { request->body.data ? request->body.data : "", request->body.len };
	const struct md_pair *pairs;
	unsigned count;
	enum md_code code =
		md_pairs_read(request->arena, text, &limits, &pairs, &count, &request->error);

	for (unsigned i = 0; code == MD_OK && i < count; i++)
		code = read_change(request, &pairs[i], keys, wait);
	return code;
}

/* ON: it has been changed, or nothing was to be. */
static enum md_go change(struct md_request *request, const char *const *keys)
{
	struct md_tune_wait *wait = request->tune;

	if (request->method != MD_METHOD_PATCH)
		return MD_GO_ON;
	if (!wait) {
		wait = md_arena_zalloc(request->arena, sizeof(*wait));
		if (!wait) {
			md_fail_nomem(&request->error);
			return MD_GO_FAIL;
		}
		if (read_changes(request, keys, wait) != MD_OK)
			return MD_GO_FAIL;
		wait->request = request;
		wait->ask.changes = wait->changes;
		wait->ask.home = request->loop->reactor;
		wait->ask.done = changed;
		request->tune = wait;
		request->held |= MD_HELD_BY_RELOAD;
		if (md_tune_ask(&wait->ask))
			return MD_GO_SUSPEND;
		request->held &= ~(unsigned)MD_HELD_BY_RELOAD;
		md_fail(&request->error, MD_UNAVAILABLE, "MD503", "the server is stopping");
		return MD_GO_FAIL;
	}
	if (!wait->over)
		return MD_GO_SUSPEND;
	request->error = wait->ask.error;
	return request->error.code == MD_OK ? MD_GO_ON : MD_GO_FAIL;
}

/* --- /-/pool --- */

static void put_pool(struct md_request *request)
{
	struct md_buf *out = &request->out;
	struct md_pool_stats pool;

	md_db_pool(request->loop->server->db, &pool);
	md_buf_clear(out);
	md_buf_printf(out,
		      "{\"size\":%u,\"max_overflow\":%d,\"idle\":%u,\"in_use\":%u,\"shared\":%u,"
		      "\"overflow\":%u,\"waiting\":%u,",
		      pool.size, pool.max_overflow, pool.idle, pool.in_use, pool.reserved,
		      pool.overflow, pool.waiting);
	md_buf_printf(out,
		      "\"opened_total\":%" PRIu64 ",\"recycled_total\":%" PRIu64
		      ",\"invalidated_total\":%" PRIu64 ",\"timeouts_total\":%" PRIu64
		      ",\"failures_total\":%" PRIu64 ",\"reruns_total\":%" PRIu64 ",",
		      pool.opened, pool.recycled, pool.invalidated, pool.timeouts, pool.failures,
		      pool.reruns);
	md_buf_printf(out,
		      "\"wait_ms_p50\":%.3f,\"wait_ms_p95\":%.3f,\"wait_ms_p99\":%.3f,"
		      "\"up\":%s}",
		      pool.wait_ms_p50, pool.wait_ms_p95, pool.wait_ms_p99,
		      pool.alive ? "true" : "false");
}

enum md_go md_run_pool(struct md_request *request)
{
	static const char *const keys[] = { "pool_size",    "max_overflow", "pool_timeout",
					    "pool_recycle", "pool_idle",    NULL };
	enum md_go go = change(request, keys);

	if (go != MD_GO_ON)
		return go;
	put_pool(request);
	return finish(request);
}

/* --- /-/log --- */

enum md_go md_run_log(struct md_request *request)
{
	static const char *const keys[] = { "echo", "echo_pool", NULL };
	static const char *const words[] = { "false", "true", "\"debug\"" };
	enum md_go go = change(request, keys);
	unsigned echo, echo_pool;

	if (go != MD_GO_ON)
		return go;
	md_db_echoes(request->loop->server->db, &echo, &echo_pool);
	md_buf_clear(&request->out);
	md_buf_printf(&request->out, "{\"echo\":%s,\"echo_pool\":%s}", words[echo % 3],
		      words[echo_pool % 3]);
	return finish(request);
}
