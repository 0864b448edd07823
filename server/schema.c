#include "server/schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"
#include "core/base/sha256.h"
#include "core/db/db.h"
#include "core/ops/schema.h"
#include "server/aside.h"
#include "server/loop.h"
#include "server/run.h"
#include "server/server.h"

#include "core/base/banned.h"

enum { ETAG_BYTES = 16, ETAG_ROOM = 2 * ETAG_BYTES + 3 };

struct text {
	struct md_buf text;
	char etag[ETAG_ROOM]; /* "": it is not made yet */
};

struct md_schema_texts {
	uint64_t generation;                     /* of the registry they were made of */
	struct text texts[MD_SCHEMA_FORMATS][2]; /* without and with abstract models */
};

static void clear(struct md_schema_texts *texts)
{
	for (unsigned i = 0; i < MD_SCHEMA_FORMATS; i++)
		for (unsigned empty = 0; empty < 2; empty++) {
			md_buf_release(&texts->texts[i][empty].text);
			texts->texts[i][empty].etag[0] = '\0';
		}
}

void md_schema_texts_free(struct md_schema_texts *texts)
{
	if (texts)
		clear(texts);
	free(texts);
}

/* --- the query string --------------------------------------------------------------------------
 */

/* The value of a parameter, as it was sent; not given: there is none. The values that count need no
 * escapes. */
static struct md_str find_value(struct md_str query, const char *name)
{
	struct md_str found = { NULL, 0 };
	size_t len = strlen(name);

	for (size_t at = 0; at < query.len;) {
		const char *pair = query.ptr + at, *end = memchr(pair, '&', query.len - at);
		size_t size = end ? (size_t)(end - pair) : query.len - at;

		if (size > len && pair[len] == '=' && memcmp(pair, name, len) == 0)
			found = (struct md_str){ pair + len + 1, size - len - 1 };
		at += size + 1;
	}
	return found;
}

bool md_schema_wants_empty(struct md_request *request, bool *ret_empty)
{
	struct md_str value = find_value(request->raw_query, "include_empty");

	if (value.ptr && !md_str_is(value, "true") && !md_str_is(value, "false")) {
		md_fail(&request->error, MD_INVALID, "MD400",
			"include_empty is true or false, not \"%.*s\"", MD_STR_ARG(value));
		return false;
	}
	*ret_empty = md_str_is(value, "true");
	return true;
}

static bool find_format(struct md_request *request, enum md_schema_format *ret_format)
{
	struct md_str value = find_value(request->raw_query, "format");
	md_auto_buf all = MD_BUF(1024);

	*ret_format = request->route.id == MD_ROUTE_OPENAPI ? MD_SCHEMA_OPENAPI : MD_SCHEMA_JSON;
	if (!value.ptr || md_schema_format_find(value, ret_format))
		return true;
	for (unsigned i = 0; i < MD_SCHEMA_FORMATS; i++)
		md_buf_printf(&all, "%s%s", i > 0 ? ", " : "",
			      md_schema_format_name((enum md_schema_format)i));
	md_fail(&request->error, MD_INVALID, "MD400", "there is no format \"%.*s\"",
		MD_STR_ARG(value));
	if (md_buf_text(&all))
		md_error_hint(&request->error, "Formats: %s", all.data);
	return false;
}

/* --- the texts ---------------------------------------------------------------------------------
 */

static void name_text(struct text *text)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[MD_SHA256_SIZE];
	char *p = text->etag;

	md_sha256(text->text.data ? text->text.data : "", text->text.len, sum);
	*p++ = '"';
	for (unsigned i = 0; i < ETAG_BYTES; i++) {
		*p++ = digits[sum[i] >> 4];
		*p++ = digits[sum[i] & 15];
	}
	*p++ = '"';
	*p = '\0';
}

static struct md_schema_texts *texts_of(struct md_loop *loop)
{
	uint64_t generation = md_registry_generation(loop->registry);

	if (!loop->schema_texts)
		loop->schema_texts = calloc(1, sizeof(*loop->schema_texts));
	if (loop->schema_texts && loop->schema_texts->generation != generation) {
		clear(loop->schema_texts);
		loop->schema_texts->generation = generation;
	}
	return loop->schema_texts;
}

/* A text on its way. */
struct making {
	enum md_schema_format format;
	bool empty;
	struct text made;
	uint64_t generation;
};

static enum md_code make_text(struct md_aside *aside, struct md_error *err)
{
	struct making *making = aside->arg;
	const struct md_loop *loop = aside->request->loop;
	const struct md_schema_source source = { .registry = aside->registry,
						 .dialect = md_db_dialect(loop->server->db),
						 .empty = making->empty };
	enum md_code code = md_schema_write(&source, making->format, &making->made.text, err);

	making->generation = md_registry_generation(aside->registry);
	if (code == MD_OK)
		name_text(&making->made);
	return code;
}

/* For whoever asks next; what is old by now goes. */
static void keep_text(struct md_aside *aside)
{
	struct making *making = aside->arg;
	struct md_schema_texts *texts = texts_of(aside->request->loop);
	struct text *text = texts ? &texts->texts[making->format][making->empty] : NULL;

	if (!text || making->made.etag[0] == '\0' || making->generation != texts->generation) {
		md_buf_release(&making->made.text);
		return;
	}
	md_buf_release(&text->text); /* another request may have made it, too */
	*text = making->made;
}

/* ON: *ret_text is there. */
static enum md_go find_text(struct md_request *request, enum md_schema_format format, bool empty,
			    const struct text **ret_text)
{
	struct md_loop *loop = request->loop;
	struct md_aside work = { .make = make_text, .keep = keep_text };
	struct md_schema_texts *texts = texts_of(loop);
	struct making *making;

	if (!texts) {
		md_fail_nomem(&request->error);
		return MD_GO_FAIL;
	}
	*ret_text = &texts->texts[format][empty];
	if ((*ret_text)->etag[0] != '\0')
		return MD_GO_ON;
	if (request->aside && request->aside->over && request->aside->error.code == MD_OK)
		request->aside = NULL; /* of a registry that has gone since: once more */
	if (!request->aside) {
		making = md_arena_zalloc(request->arena, sizeof(*making));
		if (!making) {
			md_fail_nomem(&request->error);
			return MD_GO_FAIL;
		}
		making->format = format;
		making->empty = empty;
		md_buf_init(&making->made.text, loop->options->request_memory);
		work.arg = making;
	}
	return md_aside_run(request, &work);
}

/* The client has it already. Tags are compared weakly, as RFC 9110 has it for GET. */
static bool is_known(const struct md_request *request, const char *etag)
{
	struct md_str value = request->heads.value[MD_HEAD_IF_NONE_MATCH];
	size_t len = strlen(etag);

	if (!md_heads_has(&request->heads, MD_HEAD_IF_NONE_MATCH))
		return false;
	if (md_str_is(md_str_trim(value), "*"))
		return true;
	for (size_t i = 0; i + len <= value.len; i++)
		if (memcmp(value.ptr + i, etag, len) == 0)
			return true;
	return false;
}

enum md_go md_run_schema(struct md_request *request)
{
	enum md_schema_format format;
	const struct text *text;
	enum md_go go;
	bool empty;

	if (!find_format(request, &format) || !md_schema_wants_empty(request, &empty))
		return MD_GO_FAIL;
	go = find_text(request, format, empty, &text);
	if (go != MD_GO_ON)
		return go;
	md_buf_clear(&request->out);
	request->etag = md_arena_printf(request->arena, "%s", text->etag);
	if (!is_known(request, text->etag)) {
		md_buf_put(&request->out, text->text.data, text->text.len);
		request->type = md_schema_format_type(format);
	}
	if (request->out.failed || !request->etag) {
		md_fail_nomem(&request->error);
		return MD_GO_FAIL;
	}
	request->status = request->type ? 200 : 304;
	request->length = request->out.len;
	return MD_GO_ON;
}
