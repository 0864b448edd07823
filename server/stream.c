#include "server/stream.h"

#include "core/base/clock.h"
#include "server/client.h"
#include "server/server.h"

#include "core/base/banned.h"

/* What the library asks for at a time; a client must take 4 KiB of it per second. */
enum { BLOCK = 16 * 1024, WRITE_BYTES_PER_SECOND = 4096 };

static ssize_t failed(struct md_request *request)
{
	const struct md_error *error = md_read_error(request->read);
	bool slow = error->code == MD_CANCELLED || error->code == MD_TIMEOUT;

	if (!request->gone && !request->client->cut)
		md_log_line(&request->loop->server->log, slow ? MD_LOG_WARN : MD_LOG_ERROR,
			    "answer cut off after %llu bytes: %s id=%s code=%s",
			    (unsigned long long)request->length, error->message,
			    md_request_id(request), error->wire);
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* The client has proved that it reads. */
static void earn_time(struct md_client *client, size_t bytes)
{
	if (client->deadline_ns != 0)
		client->deadline_ns += bytes * MD_SEC / WRITE_BYTES_PER_SECOND;
}

static ssize_t next_bytes(struct md_request *request, char *to, size_t max)
{
	size_t left = request->out.len - request->stream_at;

	if (left > max)
		left = max;
	memcpy(to, request->out.data + request->stream_at, left);
	request->stream_at += left;
	request->length += left;
	earn_time(request->client, left);
	return (ssize_t)left;
}

/* Content reader. Zero bytes without a suspension would make the library spin. */
static ssize_t read_piece(void *cls, uint64_t at, char *to, size_t max)
{
	struct md_request *request = cls;

	(void)at;
	if (request->gone)
		return failed(request);
	for (;;) {
		enum md_read_state state = md_read_state(request->read);

		if (state == MD_READ_FAILED)
			return failed(request);
		if (state != MD_READ_RUNNING && request->stream_at < request->out.len)
			return next_bytes(request, to, max);
		if (state == MD_READ_DONE)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (state == MD_READ_PIECE) {
			md_buf_clear(&request->out);
			request->stream_at = 0;
			md_read_resume(request->read);
			if (md_read_state(request->read) != MD_READ_RUNNING)
				continue;
		}
		md_request_suspend(request);
		return 0;
	}
}

static void released(void *cls)
{
	md_request_let_go(cls, MD_HELD_BY_RESPONSE);
}

struct MHD_Response *md_stream_response(struct md_request *request)
{
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK, read_piece, request, released);

	if (!response)
		return NULL;
	request->held |= MD_HELD_BY_RESPONSE;
	request->streaming = true;
	request->length = 0;
	md_count(&request->loop->counters.streams, 1);
	return response;
}
