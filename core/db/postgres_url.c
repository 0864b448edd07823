/* The address of a PostgreSQL database: libpq's own forms, with defaults that keep a daemon from
 * hanging on a dead network. One thing in it may block: libpq resolves host names while it dials,
 * so use addresses, sockets or a resolver on the same host. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/db/postgres.h"

#include "core/base/banned.h"

enum { CONNECT_TIMEOUT_S = 5, KEYS_MAX = 96 };

/* Used unless the address says otherwise; the last two in any case. */
static const struct {
	const char *key, *value;
	bool always;
} defaults[] = {
	{ "keepalives_idle", "30", false },
	{ "keepalives_interval", "10", false },
	{ "keepalives_count", "3", false },
	{ "tcp_user_timeout", "15000", false },
	{ "fallback_application_name", PACKAGE_NAME "/" PACKAGE_VERSION, true },
	{ "client_encoding", "UTF8", true },
};

struct pairs {
	const char *keys[KEYS_MAX], *values[KEYS_MAX];
	unsigned count;
};

static void add(struct pairs *pairs, const char *key, const char *value)
{
	if (pairs->count + 1 == KEYS_MAX)
		return;
	pairs->keys[pairs->count] = key;
	pairs->values[pairs->count++] = value;
}

static const char *find(const struct pairs *pairs, const char *key)
{
	for (unsigned i = 0; i < pairs->count; i++)
		if (strcmp(pairs->keys[i], key) == 0)
			return pairs->values[i];
	return NULL;
}

/* "postgresql+driver://…" is how other programs write it; libpq does not know it. */
static char *without_driver(const char *url)
{
	size_t scheme = strcspn(url, ":+");
	size_t skip = url[scheme] == '+' ? strcspn(url + scheme, ":") : 0;
	char *copy;

	if (skip == 0 || url[scheme + skip] != ':')
		return strdup(url);
	copy = strdup(url);
	if (copy)
		memmove(copy + scheme, copy + scheme + skip, strlen(url + scheme + skip) + 1);
	return copy;
}

static unsigned hosts_in(const struct pairs *pairs)
{
	const char *hosts = find(pairs, "hostaddr");
	unsigned count = 1;

	if (!hosts)
		hosts = find(pairs, "host");
	for (; hosts && *hosts; hosts++)
		if (*hosts == ',')
			count++;
	return count;
}

/* libpq leaves the connect timeout to those who poll; it holds for each host in turn. */
static uint64_t time_to_connect_ns(const struct pairs *pairs)
{
	const char *given = find(pairs, "connect_timeout");
	int64_t seconds = CONNECT_TIMEOUT_S;

	if (given && md_str_to_i64(md_str_of(given), &seconds) && seconds <= 0)
		return 0; /* as libpq: for ever */
	if (seconds < 2)
		seconds = 2;
	return (uint64_t)seconds * hosts_in(pairs) * MD_SEC;
}

static enum md_code dial(struct md_pg *pg, const struct pairs *pairs, struct md_error *err)
{
	const char *password = find(pairs, "password");
	uint64_t patience_ns = time_to_connect_ns(pairs);
	enum md_code code;

	pg->password = password ? strdup(password) : NULL;
	if (password && !pg->password)
		return md_fail_nomem(err);
	pg->db = PQconnectStartParams(pairs->keys, pairs->values, 0);
	if (!pg->db)
		return md_fail_nomem(err);
	pg->connect_by_ns = patience_ns ? md_now_ns() + patience_ns : 0;
	PQsetErrorVerbosity(pg->db, PQERRORS_VERBOSE); /* the SQLSTATE of a refusal */
	if (PQstatus(pg->db) != CONNECTION_BAD)
		return MD_OK;
	code = md_pg_conn_error(pg, err);
	PQfinish(pg->db);
	pg->db = NULL;
	return code;
}

/* In "postgresql://user:pass/word@host" libpq takes what stands before the '/' for host and port,
 * and says so with parts of the password in it. */
static bool is_torn(const struct pairs *pairs)
{
	const char *host = find(pairs, "host"), *port = find(pairs, "port");

	return (host && strchr(host, '@') > host) || (port && port[strspn(port, "0123456789,")]);
}

enum md_code md_pg_dial(struct md_pg *pg, const char *url, struct md_error *err)
{
	struct pairs pairs = { .count = 0 };
	char *text = without_driver(url), *message = NULL;
	PQconninfoOption *options = text ? PQconninfoParse(text, &message) : NULL;
	enum md_code code;

	free(text);
	if (!options) { /* libpq's message may quote the password */
		PQfreemem(message);
		md_fail(err, MD_INVALID, "08001", "not a PostgreSQL connection string");
		md_error_hint(err, "Write postgresql://user@host:port/database or key=value pairs "
				   "as libpq takes them.");
		return MD_INVALID;
	}
	for (PQconninfoOption *o = options; o->keyword; o++)
		if (o->val)
			add(&pairs, o->keyword, o->val);
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (defaults[i].always || !find(&pairs, defaults[i].key))
			add(&pairs, defaults[i].key, defaults[i].value);
	if (is_torn(&pairs)) {
		code = md_fail(err, MD_INVALID, "08001", "host and port of db_url cannot be read");
		md_error_hint(err, "In a password write %%40 for '@', %%2F for '/', %%3A for ':' "
				   "and %%25 for '%%'.");
	} else {
		code = dial(pg, &pairs, err);
	}
	PQconninfoFree(options);
	return code;
}
