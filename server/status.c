#include "server/status.h"

#include <string.h>

#include "core/base/banned.h"

struct row {
	const char *wire; /* the whole code, or its beginning */
	unsigned status;
};

/* Codes that are known by their whole text. */
static const struct row exact_table[] = {
	{ "PGRST000", 503 },
	{ "PGRST001", 503 },
	{ "PGRST002", 503 },
	{ "PGRST003", 504 },
	{ "PGRST100", 400 },
	{ "PGRST101", 405 },
	{ "PGRST102", 400 },
	{ "PGRST103", 416 },
	{ "PGRST105", 405 },
	{ "PGRST106", 406 },
	{ "PGRST107", 406 },
	{ "PGRST108", 400 },
	{ "PGRST111", 500 },
	{ "PGRST112", 500 },
	{ "PGRST114", 400 },
	{ "PGRST115", 400 },
	{ "PGRST116", 406 },
	{ "PGRST117", 405 },
	{ "PGRST118", 400 },
	{ "PGRST120", 400 },
	{ "PGRST121", 500 },
	{ "PGRST122", 400 },
	{ "PGRST123", 400 },
	{ "PGRST124", 400 },
	{ "PGRST125", 404 },
	{ "PGRST126", 404 },
	{ "PGRST127", 400 },
	{ "PGRST128", 400 },
	{ "PGRST200", 400 },
	{ "PGRST201", 300 },
	{ "PGRST202", 404 },
	{ "PGRST203", 300 },
	{ "PGRST204", 400 },
	{ "PGRST205", 404 },
	{ "PGRST300", 500 },
	{ "PGRST301", 401 },
	{ "PGRST302", 401 },
	{ "PGRST303", 401 },
	{ "PGRSTX00", 500 },
	{ "MD414", 400 },
	{ "23503", 409 },
	{ "23505", 409 },
	{ "25006", 405 },
	{ "21000", 500 },
	{ "42883", 404 },
	{ "42P01", 404 },
	{ "42P17", 500 },
	{ "53400", 500 },
	{ "53100", 507 },
	{ "58030", 503 },
	{ "55P03", 503 }, /* somebody else holds the lock */
	{ "57P01", 503 },
	{ "P0001", 400 },
	/* Migrations, core/ops/migrate.h. */
	{ "MD_DATA_LOSS", 409 },
	{ "MD_AMBIGUOUS", 409 },
	{ "MD_DATA", 409 },
	{ "MD_HISTORY", 409 },
	{ "MD_DRIFT", 409 },
	{ "MD_OUT_OF_ORDER", 409 },
	{ "MD_IRREVERSIBLE", 409 },
	{ "MD_PENDING", 409 },
	{ "MD_REVISION", 404 },
	{ "MD_MIGRATING", 503 },
};

/* SQLSTATE classes; what is in neither table is the client's mistake. */
static const struct row class_table[] = {
	{ "08", 503 }, { "09", 500 }, { "0L", 403 }, { "0P", 403 }, { "25", 500 },
	{ "28", 403 }, { "2D", 500 }, { "38", 500 }, { "39", 500 }, { "3B", 500 },
	{ "40", 500 }, { "53", 503 }, { "54", 500 }, { "55", 500 }, { "57", 500 },
	{ "58", 500 }, { "F0", 500 }, { "HV", 500 }, { "P0", 500 }, { "XX", 500 },
};

/* Errors without a wire code. */
static const unsigned code_table[] = {
	[MD_OK] = 500,        [MD_INVALID] = 400,   [MD_NOT_FOUND] = 404, [MD_CONFLICT] = 409,
	[MD_TOO_LARGE] = 413, [MD_BUSY] = 503,      [MD_TIMEOUT] = 504,   [MD_UNAVAILABLE] = 503,
	[MD_UNCERTAIN] = 503, [MD_CANCELLED] = 499, [MD_NOMEM] = 503,     [MD_INTERNAL] = 500,
};

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* The three digits that follow a prefix, 0 when they are no status. PT418, MD404. */
static unsigned digits(const char *wire, const char *prefix)
{
	size_t len = strlen(prefix);
	unsigned status = 0;

	if (strncmp(wire, prefix, len) != 0 || strlen(wire) != len + 3)
		return 0;
	for (const char *p = wire + len; *p; p++) {
		if (*p < '0' || *p > '9')
			return 0;
		status = status * 10 + (unsigned)(*p - '0');
	}
	return status >= 200 && status <= 599 ? status : 0;
}

unsigned md_status_of(const struct md_error *err, bool authenticated)
{
	unsigned status;

	if (err->wire[0] == '\0')
		return (size_t)err->code < ROWS(code_table) ? code_table[err->code] : 500;
	if (strcmp(err->wire, "42501") == 0)
		return authenticated ? 403 : 401;
	if (strcmp(err->wire, "22023") == 0 && strncmp(err->message, "role ", 5) == 0)
		return 401;
	/* pg-safeupdate, and our own require-filter in its words. */
	if (strcmp(err->wire, "21000") == 0 && strstr(err->message, "requires a WHERE clause"))
		return 400;
	for (size_t i = 0; i < ROWS(exact_table); i++)
		if (strcmp(err->wire, exact_table[i].wire) == 0)
			return exact_table[i].status;
	status = digits(err->wire, "MD");
	if (status != 0)
		return status;
	if (strncmp(err->wire, "PT", 2) == 0 && strlen(err->wire) == 5) {
		status = digits(err->wire, "PT");
		return status != 0 ? status : 500;
	}
	for (size_t i = 0; i < ROWS(class_table); i++)
		if (strncmp(err->wire, class_table[i].wire, 2) == 0)
			return class_table[i].status;
	return err->code == MD_INTERNAL ? 500 : 400;
}

bool md_status_wants_retry(unsigned status, const struct md_error *err)
{
	/* No connection in time, or no answer: there may be one soon. */
	if (strcmp(err->wire, "PGRST003") == 0 || strcmp(err->wire, "MD504") == 0)
		return true;
	/* A model that differs from its table stays so until somebody mends it. */
	return status == 503 && err->code != MD_UNCERTAIN && err->code != MD_INTERNAL;
}
