#include "server/raised.h"

#include <jansson.h>

#include "server/heads.h"

#include "core/base/banned.h"

enum { STATUS_MIN = 200, STATUS_MAX = 599 };

/* What decides where an answer ends is the library's business. */
static bool is_framing(const char *name)
{
	static const char *const names[] = { "content-length", "transfer-encoding", "connection",
					     "date", "keep-alive" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (md_str_equal_nocase(md_str_of(name), md_str_of(names[i])))
			return true;
	return false;
}

/* The text of a key that may be missing; false: there is something else. */
static bool take_optional(const json_t *object, const char *key, const char **ret_text)
{
	const json_t *value = json_object_get(object, key);

	*ret_text = json_string_value(value);
	return !value || json_is_null(value) || *ret_text;
}

static bool read_message(const json_t *object, struct md_error *ret_error)
{
	const char *code, *message, *details, *hint;

	if (!take_optional(object, "code", &code) || !take_optional(object, "message", &message) ||
	    !take_optional(object, "details", &details) || !take_optional(object, "hint", &hint) ||
	    !code || !message)
		return false;
	md_error_clear(ret_error);
	md_fail(ret_error, MD_INVALID, code, "%s", message);
	if (details)
		md_error_details(ret_error, "%s", details);
	if (hint)
		md_error_hint(ret_error, "%s", hint);
	return true;
}

static bool add_header(struct md_request *request, const char *name, const char *value)
{
	struct md_raised_header *header;

	if (is_framing(name))
		return true;
	header = md_arena_alloc(request->arena, sizeof(*header));
	if (!header)
		return false;
	*header = (struct md_raised_header){
		.name = md_arena_strndup(request->arena, name, strlen(name)),
		.value = md_arena_strndup(request->arena, value, strlen(value)),
		.next = request->raised,
	};
	request->raised = header;
	return header->name && header->value;
}

static bool read_headers(struct md_request *request, json_t *headers)
{
	const char *name;
	json_t *value;

	if (!json_is_object(headers))
		return false;
	json_object_foreach(
		headers, name,
		value) if (!json_is_string(value) || !md_is_token(md_str_of(name)) ||
			   !add_header(request, name, json_string_value(value))) return false;
	return true;
}

static bool read_detail(struct md_request *request, const json_t *object)
{
	const json_t *status = json_object_get(object, "status");
	const char *text;

	if (!json_is_integer(status) || !take_optional(object, "status_text", &text) ||
	    json_integer_value(status) < STATUS_MIN || json_integer_value(status) > STATUS_MAX)
		return false;
	request->status = (unsigned)json_integer_value(status);
	return read_headers(request, json_object_get(object, "headers"));
}

static void fail_detail(struct md_request *request, const struct md_error *raised)
{
	struct md_error *error = &request->error;

	request->status = 0;
	request->raised = NULL;
	md_fail(error, MD_INTERNAL, "PGRST121",
		"Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error");
	if (raised->details[0] == '\0')
		md_error_details(error, "DETAIL is missing in the RAISE statement");
	else
		md_error_details(error, "Invalid JSON value for DETAIL: '%s'", raised->details);
	md_error_hint(error, "DETAIL must be a JSON object with obligatory keys: 'status', "
			     "'headers' and optional key: 'status_text'.");
}

static void fail_message(struct md_request *request, const struct md_error *raised)
{
	struct md_error *error = &request->error;

	md_fail(error, MD_INTERNAL, "PGRST121",
		"Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error");
	md_error_details(error, "Invalid JSON value for MESSAGE: '%s'", raised->message);
	md_error_hint(error, "MESSAGE must be a JSON object with obligatory keys: 'code', "
			     "'message' and optional keys: 'details', 'hint'.");
}

void md_raised_apply(struct md_request *request)
{
	struct md_error raised;
	json_t *message, *detail;

	if (strcmp(request->error.wire, "PGRST") != 0)
		return;
	raised = request->error;
	message = json_loads(raised.message, 0, NULL);
	detail = json_loads(raised.details, 0, NULL);
	if (!read_message(message, &request->error))
		fail_message(request, &raised);
	else if (!read_detail(request, detail))
		fail_detail(request, &raised);
	json_decref(message);
	json_decref(detail);
}
