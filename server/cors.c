#include "server/cors.h"

#include "config/options.h"
#include "server/loop.h"

#include "core/base/banned.h"

bool md_cors_is_preflight(const struct md_request *request)
{
	return request->method == MD_METHOD_OPTIONS &&
	       md_heads_has(&request->heads, MD_HEAD_ORIGIN) &&
	       md_heads_has(&request->heads, MD_HEAD_CORS_METHOD);
}

bool md_cors_is_restricted(const struct md_request *request)
{
	return request->loop->options->server_cors_allowed_origins.count > 0;
}

const char *md_cors_origin(struct md_request *request)
{
	const struct md_option_list *origins = &request->loop->options->server_cors_allowed_origins;
	struct md_str origin = request->heads.value[MD_HEAD_ORIGIN];

	if (!request->has_head || !md_heads_has(&request->heads, MD_HEAD_ORIGIN))
		return NULL;
	if (origins->count == 0)
		return "*";
	for (unsigned i = 0; i < origins->count; i++)
		if (md_str_is(origin, origins->items[i]))
			return origins->items[i];
	return NULL;
}

const char *md_cors_headers(struct md_request *request)
{
	static const char always[] = "Accept, Accept-Language, Content-Language";
	struct md_str asked = request->heads.value[MD_HEAD_CORS_HEADERS];
	md_auto_buf out = { .max = 8192 };

	md_buf_puts(&out, "Authorization, ");
	while (asked.len > 0) {
		size_t len = 0;
		struct md_str name;

		while (len < asked.len && asked.ptr[len] != ',')
			len++;
		name = md_str_trim((struct md_str){ asked.ptr, len });
		len += len < asked.len;
		asked = (struct md_str){ asked.ptr + len, asked.len - len };
		if (!md_is_token(name))
			continue;
		md_buf_putstr(&out, name);
		md_buf_puts(&out, ", ");
	}
	md_buf_puts(&out, always);
	return out.failed ? NULL : md_arena_strndup(request->arena, out.data, out.len);
}
