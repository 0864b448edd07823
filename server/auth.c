#include "server/auth.h"

#include "config/options.h"
#include "server/client.h"
#include "server/request.h"
#include "server/server.h"

#include "core/base/banned.h"

/* Without the port, which is digits behind the last colon outside of brackets. */
static struct md_str host_name(struct md_str host)
{
	size_t end = host.len;

	while (end > 0 && host.ptr[end - 1] >= '0' && host.ptr[end - 1] <= '9')
		end--;
	if (end > 0 && host.ptr[end - 1] == ':' && memchr(host.ptr, ':', end - 1) == NULL)
		return (struct md_str){ host.ptr, end - 1 };
	if (end > 1 && host.ptr[end - 1] == ':' && host.ptr[end - 2] == ']')
		return (struct md_str){ host.ptr, end - 1 };
	return host;
}

static bool is_loopback_name(struct md_str name)
{
	return md_str_is(name, "127.0.0.1") || md_str_is(name, "[::1]") ||
	       md_str_equal_nocase(name, MD_STR("localhost"));
}

bool md_host_is_loopback(struct md_str host)
{
	return is_loopback_name(host_name(host));
}

static bool matches(struct md_str name, struct md_str allowed)
{
	if (allowed.len > 1 && allowed.ptr[0] == '.')
		return name.len > allowed.len &&
		       md_str_equal_nocase(
			       (struct md_str){ name.ptr + name.len - allowed.len, allowed.len },
			       allowed);
	return md_str_equal_nocase(name, allowed);
}

bool md_host_is_allowed(struct md_str host, const char *const *allowed, unsigned count)
{
	struct md_str name = host_name(host);

	if (is_loopback_name(name))
		return true;
	for (unsigned i = 0; i < count; i++)
		if (matches(name, md_str_of(allowed[i])))
			return true;
	return false;
}

/* Administration through a public listener: only for who sits at the machine itself. A browser
 * sends Origin, a proxy says that it forwards. */
static enum md_code check_admin(struct md_request *request)
{
	const struct md_heads *heads = &request->heads;

	if (!md_heads_has(heads, MD_HEAD_ORIGIN) && !md_heads_has(heads, MD_HEAD_FORWARDED) &&
	    !md_heads_has(heads, MD_HEAD_FORWARDED_FOR) &&
	    md_host_is_loopback(heads->value[MD_HEAD_HOST]))
		return MD_OK;
	md_fail(&request->error, MD_INVALID, "MD403",
		"administration is not answered through proxies or to web pages");
	md_error_hint(&request->error, "use the administration socket");
	return MD_INVALID;
}

static enum md_code check_host(struct md_request *request)
{
	const struct md_listener *listener = request->client->site->listener;
	const struct md_option_list *allowed = &request->loop->options->allowed_hosts;
	struct md_str host = request->heads.value[MD_HEAD_HOST];

	if (request->loop->server->has_identity || !listener->is_loopback ||
	    !md_str_is_given(host) || md_host_is_allowed(host, allowed->items, allowed->count))
		return MD_OK;
	md_fail(&request->error, MD_INVALID, "MD421",
		"this server does not answer to the host '%.*s'", MD_STR_ARG(host));
	md_error_hint(&request->error, "add the name to the option allowed-hosts");
	return MD_INVALID;
}

static enum md_code check_token(struct md_request *request)
{
	if (!md_heads_has(&request->heads, MD_HEAD_AUTHORIZATION))
		return MD_OK;
	if (request->loop->options->jwt_secret[0] == '\0')
		return md_fail(&request->error, MD_INTERNAL, "PGRST300", "Server lacks JWT secret");
	md_fail(&request->error, MD_INVALID, "PGRST301", "Tokens are not accepted yet");
	md_error_hint(&request->error, "send the request without Authorization");
	return MD_INVALID;
}

enum md_go md_step_auth(struct md_request *request)
{
	enum md_access access = md_routes[request->route.id].access;
	unsigned routes = request->client->site->listener->routes;
	enum md_code code;

	if (access == MD_ACCESS_OPEN || (routes & MD_ON_ADMIN))
		return MD_GO_ON; /* who reaches the administration's socket may */
	if (access == MD_ACCESS_ADMIN)
		code = check_admin(request);
	else
		code = check_host(request);
	if (code == MD_OK && access == MD_ACCESS_DATA)
		code = check_token(request);
	return code == MD_OK ? MD_GO_ON : MD_GO_FAIL;
}
