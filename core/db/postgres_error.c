/* What PostgreSQL and libpq say about failures, as codes to react on. */
#include <string.h>

#include "core/base/str.h"
#include "core/db/postgres.h"

#include "core/base/banned.h"

/* The longest prefix of the SQLSTATE decides. Clients see the SQLSTATE itself. */
static const struct {
	const char *prefix;
	enum md_code code;
} codes[] = {
	{ "08", MD_UNAVAILABLE },  { "21", MD_INVALID },      { "22", MD_INVALID },
	{ "23", MD_CONFLICT },     { "25", MD_INVALID },      { "25P03", MD_UNAVAILABLE },
	{ "26", MD_INTERNAL },     { "3D", MD_NOT_FOUND },    { "3F", MD_NOT_FOUND },
	{ "40", MD_CONFLICT },     { "40001", MD_BUSY },      { "40003", MD_UNCERTAIN },
	{ "40P01", MD_BUSY },      { "42P01", MD_NOT_FOUND }, { "42P05", MD_INTERNAL },
	{ "42703", MD_NOT_FOUND }, { "42883", MD_NOT_FOUND }, { "53", MD_UNAVAILABLE },
	{ "54", MD_TOO_LARGE },    { "55006", MD_BUSY },      { "55P03", MD_BUSY },
	{ "57", MD_UNAVAILABLE },  { "57014", MD_TIMEOUT },   { "58", MD_UNAVAILABLE },
	{ "F0", MD_INTERNAL },     { "XX", MD_INTERNAL },
};

static enum md_code code_of(const char *state)
{
	enum md_code code = MD_INVALID;
	size_t best = 0;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		size_t len = strlen(codes[i].prefix);

		if (len > best && strncmp(codes[i].prefix, state, len) == 0) {
			best = len;
			code = codes[i].code;
		}
	}
	return code;
}

/* One line, no closing newline. */
static void flatten(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		text[--len] = '\0';
	for (char *p = text; *p; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
}

enum md_code md_pg_result_error(const struct md_pg *pg, const PGresult *result,
				struct md_error *err)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *details = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);

	if (!state)
		return md_pg_conn_error(pg, err);
	md_fail(err, code_of(state), state, "%s", message ? message : "unknown error");
	if (details)
		md_error_details(err, "%s", details);
	if (hint)
		md_error_hint(err, "%s", hint);
	return code_of(state);
}

bool md_pg_is_fatal(const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

static bool is_state(const char *text)
{
	for (int i = 0; i < 5; i++)
		if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'A' && text[i] <= 'Z'))
			return false;
	return text[5] == ':' && text[6] == ' ';
}

/* In verbose messages the SQLSTATE stands behind the severity: "FATAL:  3D000: database …". */
static const char *find_state(const char *text)
{
	for (const char *p = strstr(text, ":  "); p; p = strstr(p + 1, ":  "))
		if (is_state(p + 3))
			return p + 3;
	return NULL;
}

/* The parsed address knows the password; whatever was said with it in it is said without. */
static void hide(char *text, const char *secret)
{
	size_t len = secret ? strlen(secret) : 0;

	if (len == 0)
		return;
	for (char *p = strstr(text, secret); p; p = strstr(p, secret))
		for (size_t i = 0; i < len; i++)
			*p++ = '*';
}

enum md_code md_pg_conn_error(const struct md_pg *pg, struct md_error *err)
{
	const char *text = PQerrorMessage(pg->db);
	const char *state = find_state(text);
	char wire[6] = "08006", *location;
	enum md_code code = MD_UNAVAILABLE;

	if (!err)
		return code;
	if (state) {
		memcpy(wire, state, 5);
		text = state + 7;
	} else if (pg->state == MD_PG_CONNECTING) {
		memcpy(wire, "08001", 5);
	}
	if (strcmp(wire, "3D000") == 0)
		code = MD_NOT_FOUND;
	md_fail(err, code, wire, "%s", *text ? text : "the connection to the database was lost");
	location = state ? strstr(err->message, "\nLOCATION:") : NULL;
	if (location)
		*location = '\0';
	flatten(err->message);
	hide(err->message, pg->password);
	return code;
}
