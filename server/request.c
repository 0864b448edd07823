#include "server/request.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/options.h"
#include "core/base/clock.h"
#include "server/access_log.h"
#include "server/aside.h"
#include "server/batch.h"
#include "server/client.h"
#include "server/inner.h"
#include "server/loop.h"
#include "server/once.h"
#include "server/transactions.h"
#include "server/upload.h"

#include "core/base/banned.h"

/* Parse tree, binds, error and scratch; rows never stand here. */
enum { ARENA_LIMIT = 1024 * 1024 };
/* What a request keeps for the next one. */
enum { KEPT_BYTES = 64 * 1024, KEPT_REQUESTS = 64 };

static struct md_request *request_take(struct md_loop *loop)
{
	struct md_request *request = loop->free_requests;

	if (request) {
		loop->free_requests = request->next_free;
		loop->free_request_count--;
		return request;
	}
	request = malloc(sizeof(*request));
	if (!request)
		return NULL;
	request->loop = loop;
	request->arena = md_arena_new(ARENA_LIMIT);
	md_buf_init(&request->out, 0);
	md_buf_init(&request->body, 0);
	if (!request->arena) {
		free(request);
		return NULL;
	}
	return request;
}

void md_request_free(struct md_request *request)
{
	md_buf_release(&request->out);
	md_buf_release(&request->body);
	md_arena_free(request->arena);
	free(request);
}

/* Back to the loop, as if new. */
static void request_give(struct md_request *request)
{
	struct md_loop *loop = request->loop;

	md_transaction_leave(request);
	md_upload_drop(request);
	loop->request_count--;
	atomic_store_explicit(&loop->counters.memory,
			      md_counted(&loop->counters.memory) - request->accounted,
			      memory_order_relaxed);
	if (loop->free_request_count >= KEPT_REQUESTS) {
		md_request_free(request);
		return;
	}
	md_arena_reset(request->arena, ARENA_LIMIT);
	if (request->out.cap > KEPT_BYTES)
		md_buf_release(&request->out);
	if (request->body.cap > KEPT_BYTES)
		md_buf_release(&request->body);
	request->next_free = loop->free_requests;
	loop->free_requests = request;
	loop->free_request_count++;
}

/* As new, with its target. */
static struct md_request *request_begin(struct md_loop *loop, struct md_str target)
{
	struct md_request *request = request_take(loop);
	char *copy;

	if (!request)
		return NULL;
	memset(&request->client, 0,
	       offsetof(struct md_request, heads) - offsetof(struct md_request, client));
	md_error_clear(&request->error);
	request->id[0] = '\0';
	md_buf_clear(&request->out);
	request->out.max = loop->options->request_memory;
	md_buf_clear(&request->body);
	request->body.max = loop->options->body;
	loop->request_count++;
	copy = md_arena_strndup(request->arena, target.ptr, target.len);
	if (!copy) {
		request_give(request);
		return NULL;
	}
	request->target = (struct md_str){ copy, target.len };
	request->started_ns = md_now_ns();
	return request;
}

struct md_request *md_request_new(struct md_client *client, struct MHD_Connection *mhd,
				  const char *target)
{
	struct md_request *request = request_begin(client->site->loop, md_str_of(target));

	if (!request)
		return NULL;
	request->mhd = mhd;
	request->client = client;
	client->request = request;
	request->held = MD_HELD_BY_HTTP;
	return request;
}

struct md_request *md_request_inside(const struct md_inner *inner, struct md_str target)
{
	struct md_request *request = request_begin(inner->outer->loop, target);

	if (!request)
		return NULL;
	request->client = inner->outer->client;
	request->inner = inner;
	request->held = MD_HELD_BY_OUTER;
	return request;
}

/* The library has no more use for it: say what became of it. */
static void http_let_go(struct md_request *request)
{
	struct md_client *client = request->client;

	md_access_log(request);
	md_client_unwatch(client);
	md_client_enter(client, MD_CLIENT_IDLE, 0);
	if (client->site->loop->draining)
		md_client_part(client);
	client->request = NULL;
	request->client = NULL;
	request->mhd = NULL;
	request->suspended = false;
}

void md_request_let_go(struct md_request *request, unsigned holder)
{
	if (holder == MD_HELD_BY_HTTP)
		http_let_go(request);
	request->held &= ~holder;
	if (holder == MD_HELD_BY_HTTP &&
	    (request->held & (MD_HELD_BY_DATABASE | MD_HELD_BY_BATCH))) {
		md_request_cancel(request);
		return; /* may be gone by now */
	}
	if (request->held == MD_HELD_BY_ONCE) {
		md_request_cancel(request);
		md_once_abandon(request);
		return;
	}
	if (request->replied && !(request->held & MD_HELD_BY_DATABASE))
		md_transaction_leave(request);
	if (request->held == 0)
		request_give(request);
}

void md_request_cancel(struct md_request *request)
{
	if (request->gone)
		return;
	request->gone = true;
	if (request->held & MD_HELD_BY_READ)
		md_read_cancel(request->read);
	if (request->held & MD_HELD_BY_WRITE)
		md_write_cancel(request->write);
	if (request->held & MD_HELD_BY_BATCH)
		md_batch_cancel(request);
	if (request->held & MD_HELD_BY_ONCE)
		md_once_cancel(request);
	if (request->aside)
		md_aside_cancel(request);
}

uint64_t md_request_deadline(struct md_request *request)
{
	if (request->deadline_ns == 0)
		request->deadline_ns =
			md_now_ns() + request->loop->options->request_deadline * MD_MS;
	return request->deadline_ns;
}

void md_request_account(struct md_request *request)
{
	_Atomic uint64_t *memory = &request->loop->counters.memory;
	uint64_t used = request->out.cap + request->body.len + md_arena_used(request->arena);

	atomic_store_explicit(memory, md_counted(memory) - request->accounted + used,
			      memory_order_relaxed);
	request->accounted = used;
}

/* A name of the client's that is safe to log and to send back. */
static bool is_plain_id(struct md_str s)
{
	static const bool plain[256] = {
		['-'] = true,         ['.'] = true,         ['_'] = true,
		['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true
	};

	for (size_t i = 0; i < s.len; i++)
		if (!plain[(unsigned char)s.ptr[i]])
			return false;
	return s.len > 0 && s.len < MD_REQUEST_ID_MAX;
}

const char *md_request_id(struct md_request *request)
{
	struct md_loop *loop = request->loop;
	struct md_str given = { NULL, 0 };

	if (request->id[0] != '\0')
		return request->id;
	if (request->has_head && md_heads_has(&request->heads, MD_HEAD_TRACE))
		given = request->heads.value[MD_HEAD_TRACE];
	if (is_plain_id(given)) {
		memcpy(request->id, given.ptr, given.len);
		request->id[given.len] = '\0';
	} else {
		static const char digits[] = "0123456789abcdef";
		uint64_t number = loop->id_base + loop->id_next++;

		for (int i = 15; i >= 0; i--, number >>= 4)
			request->id[i] = digits[number & 15];
		request->id[16] = '\0';
	}
	return request->id;
}

void md_request_suspend(struct md_request *request)
{
	request->suspended = true;
	request->suspended_ns = md_loop_now(request->loop);
	MHD_suspend_connection(request->mhd);
}

void md_request_resume(struct md_request *request)
{
	if (request->inner) {
		request->inner->ready(request, request->inner->arg);
		return;
	}
	if (!request->suspended)
		return;
	request->suspended = false;
	md_client_unwatch(request->client);
	/* Waiting for the database is not the client's slowness. */
	if (request->streaming && request->client->deadline_ns != 0)
		request->client->deadline_ns += md_loop_now(request->loop) - request->suspended_ns;
	MHD_resume_connection(request->mhd);
}
