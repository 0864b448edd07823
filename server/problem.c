#include "server/problem.h"

#include "core/json/write.h"
#include "server/reply.h"

#include "core/base/banned.h"

bool md_problem_is_wanted(const struct md_request *request)
{
	struct md_accept accept = { .count = 0 };

	if (!request->has_head || !md_heads_has(&request->heads, MD_HEAD_ACCEPT))
		return false;
	md_accept_parse(request->heads.value[MD_HEAD_ACCEPT], &accept);
	for (unsigned i = 0; i < accept.count; i++)
		if (accept.media[i] == MD_MEDIA_PROBLEM)
			return true;
	return false;
}

void md_problem_to_json(const struct md_error *error, unsigned status, bool minimal,
			struct md_buf *out)
{
	const char *title = MHD_get_reason_phrase_for(status);

	md_buf_clear(out);
	md_buf_puts(out, "{\"type\":\"about:blank\",\"title\":");
	md_json_write_string(out, title, strlen(title));
	md_buf_printf(out, ",\"status\":%u,\"detail\":", status);
	md_json_write_string(out, error->message, strlen(error->message));
	md_buf_putc(out, ',');
	md_error_put_members(error, minimal, out);
	md_buf_putc(out, '}');
}
