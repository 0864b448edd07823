#include "config/check.h"

#include <stdio.h>

#include "config/address.h"
#include "core/base/engine.h"
#include "core/base/url.h"

#include "core/base/banned.h"

struct check {
	const struct md_options *options;
	const struct md_engine *engine; /* of db_url; NULL: none that is known */
	const struct md_origin *origins;
	struct md_problems *problems;
	bool serve;
};
#define ERROR(check, name, ...) \
	md_problem_add((check)->problems, false, &(check)->origins[MD_OPTION_##name], __VA_ARGS__)
#define WARN(check, name, ...) \
	md_problem_add((check)->problems, true, &(check)->origins[MD_OPTION_##name], __VA_ARGS__)
enum { SECRET_MIN = 32 };

static void check_db_url(const struct check *c)
{
	static const char hint[] = "sqlite:///shop.db, sqlite:////srv/shop.db or "
				   "postgresql://user@host/name";
	const char *url = c->options->db_url;
	md_auto_buf shown = { .max = 2 * MD_OPTION_TEXT_MAX };

	if (url[0] == '\0') {
		md_problem_add(c->problems, !c->serve, &c->origins[MD_OPTION_db_url],
			       "db_url is not set; write it in the configuration file, in "
			       "MODELD_DB_URL or "
			       "as --db, for example %s",
			       hint);
		return;
	}
	if (c->engine)
		return;
	md_url_blank_password(url, &shown);
	ERROR(c, db_url, "db_url = \"%.80s\": expected a URL such as %s",
	      md_buf_text(&shown) ? shown.data : "", hint);
}

/* Requests are told apart from strangers: only then may others than this machine ask. */
static bool has_identity(const struct check *c)
{
	return c->options->allow_unauthenticated ||
	       (c->options->db_anon_role[0] != '\0' && c->engine && c->engine->roles);
}

static void check_listen(const struct check *c)
{
	const struct md_option_list *list = &c->options->listen;
	struct md_address address;
	unsigned local = 0;

	if (list->count == 0)
		ERROR(c, listen, "listen names no address");
	for (unsigned i = 0; i < list->count; i++) {
		const char *text = list->items[i], *wrong = md_address_parse(text, &address);

		for (unsigned j = 0; j < i; j++)
			if (strcmp(list->items[j], text) == 0 && !wrong &&
			    (address.is_unix || address.port != 0))
				ERROR(c, listen, "listen names \"%.200s\" twice", text);
		if (wrong)
			ERROR(c, listen, "listen = \"%.200s\": %s", text, wrong);
		else if (md_address_is_local(&address))
			local++;
		else if (!has_identity(c))
			ERROR(c, listen,
			      "listen = \"%.200s\" can be reached from other machines, and nobody "
			      "would be authenticated; set db_anon_role (PostgreSQL), or "
			      "allow_unauthenticated = true if this is meant",
			      text);
	}
	if (c->options->admin_on_public && local == 0)
		WARN(c, admin_on_public,
		     "admin_on_public has no effect: no listener is on a loopback address");
}

static void check_admin(const struct check *c)
{
	const char *text = c->options->admin_listen, *wrong;
	struct md_address address;

	if (text[0] == '\0' || strcmp(text, "none") == 0)
		return;
	wrong = md_address_parse(text, &address);
	if (wrong)
		ERROR(c, admin_listen, "admin_listen = \"%.200s\": %s (or none)", text, wrong);
	else if (!md_address_is_local(&address))
		ERROR(c, admin_listen,
		      "admin_listen = \"%.200s\" can be reached from other machines; use a "
		      "loopback address or unix:PATH",
		      text);
}

static void check_mode(const struct check *c, unsigned id, const char *text)
{
	bool octal = strlen(text) == 3 && strspn(text, "01234567") == 3;

	if (!octal || (text[0] != '6' && text[0] != '7'))
		md_problem_add(c->problems, false, &c->origins[id],
			       "%s = \"%.40s\": expected three octal digits from 600 to 777",
			       md_option_at(id)->name, text);
}

static void check_modes(const struct check *c)
{
	check_mode(c, MD_OPTION_server_unix_socket_mode, c->options->server_unix_socket_mode);
	check_mode(c, MD_OPTION_admin_server_unix_socket_mode,
		   c->options->admin_server_unix_socket_mode);
}

static void check_times(const struct check *c)
{
	const struct md_options *o = c->options;

	if (o->statement_timeout == 0 || o->statement_timeout >= o->request_deadline)
		WARN(c, statement_timeout,
		     "statement_timeout is not below request_deadline: a slow statement ends with "
		     "the deadline, without the database's own message");
	if (o->pool_timeout >= o->request_deadline)
		WARN(c, pool_timeout,
		     "pool_timeout is not below request_deadline: waiting for a connection ends "
		     "with the deadline, without the pool's own message");
}

/* `low` must not be above `high` (or, `strict`, not equal). */
static const struct order {
	unsigned low, high;
	bool strict;
	const char *why;
} orders[] = {
	{ MD_OPTION_headers_size, MD_OPTION_connection_memory, true,
	  "the header is kept in a connection's memory, beside its bookkeeping" },
	{ MD_OPTION_request_line, MD_OPTION_headers_size, false,
	  "the request line counts as part of the headers" },
	{ MD_OPTION_header_size, MD_OPTION_headers_size, false,
	  "one header is a part of all headers" },
	{ MD_OPTION_stream_piece, MD_OPTION_stream_threshold, false,
	  "an answer that is not streamed must not wait in pieces" },
	{ MD_OPTION_stream_threshold, MD_OPTION_request_memory, false,
	  "an answer below the threshold is kept in the request's memory" },
	{ MD_OPTION_body, MD_OPTION_request_memory, false,
	  "a body is kept in the request's memory" },
	{ MD_OPTION_request_memory, MD_OPTION_memory_limit, false,
	  "one request cannot have more than all together" },
};

static uint64_t size_of(const struct md_options *o, unsigned id)
{
	uint64_t value;

	memcpy(&value, (const char *)o + md_option_at(id)->offset, sizeof(value));
	return value;
}

static void check_sizes(const struct check *c)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		const struct order *order = &orders[i];
		uint64_t low = size_of(c->options, order->low);
		uint64_t high = size_of(c->options, order->high);
		const struct md_origin *a = &c->origins[order->low];
		const struct md_origin *b = &c->origins[order->high];
		const char *relation = order->strict ? "smaller than" : "at most";

		if (low < high || (low == high && !order->strict))
			continue;
		/* The one that was set is to blame. */
		md_problem_add(c->problems, false, a->layer >= b->layer ? a : b,
			       "%s (%llu bytes) must be %s %s (%llu bytes): %s",
			       md_option_at(order->low)->name, (unsigned long long)low, relation,
			       md_option_at(order->high)->name, (unsigned long long)high,
			       order->why);
	}
}

static void check_schemas(const struct check *c)
{
	if (c->options->db_schemas.count == 0)
		ERROR(c, db_schemas, "db_schemas names no schema");
	if (c->engine && c->engine->schemas && c->options->db_schemas.count > 1)
		ERROR(c, db_schemas, "db_schemas names %u schemas, and one can be served",
		      c->options->db_schemas.count);
	if (c->engine && !c->engine->schemas && c->options->db_schemas.count > 1)
		ERROR(c, db_schemas, "db_schemas names %u schemas, and a %s database has only one",
		      c->options->db_schemas.count, c->engine->title);
}

static void check_targets(const struct check *c)
{
	const struct md_option_list *list = &c->options->models_targets;

	for (unsigned i = 0; i < list->count; i++) {
		if (!md_engine_named(md_str_of(list->items[i])))
			ERROR(c, models_targets,
			      "models_targets = %.40s: expected sqlite, postgresql or mariadb",
			      list->items[i]);
	}
}

static void check_roles(const struct check *c)
{
	const char *secret = c->options->jwt_secret;

	if (c->engine && !c->engine->roles && c->options->db_anon_role[0] != '\0')
		WARN(c, db_anon_role, "db_anon_role has no effect: %s has no roles",
		     c->engine->title);
	/* A key set (JSON) has lengths of its own. */
	if (secret[0] != '\0' && secret[0] != '{' && strlen(secret) < SECRET_MIN)
		ERROR(c, jwt_secret, "jwt_secret has %zu bytes and needs at least %d",
		      strlen(secret), SECRET_MIN);
}

static void check_proxies(const struct check *c)
{
	const struct md_option_list *list = &c->options->trusted_proxies;

	for (unsigned i = 0; i < list->count; i++)
		if (!md_address_is_network(list->items[i]))
			ERROR(c, trusted_proxies,
			      "trusted_proxies names \"%.80s\": expected an address or a network "
			      "such as 10.0.0.0/8",
			      list->items[i]);
}

static void check_trace_header(const struct check *c)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789!#$%&'*+-.^_`|~";
	const char *name = c->options->server_trace_header;

	if (name[strspn(name, token)] != '\0')
		ERROR(c, server_trace_header,
		      "server_trace_header = \"%.80s\": expected the name of a header", name);
}

static void check_pool(const struct check *c)
{
	if (c->options->pool_size == 0)
		WARN(c, pool_size, "pool_size is 0: connections are opened without limit");
}

static bool is_ignored(const struct check *c, unsigned id)
{
	const struct md_option_list *list = &c->options->ignore_unsupported;
	unsigned named;

	for (unsigned i = 0; i < list->count; i++)
		if (md_option_find(md_str_of(list->items[i]), &named) && named == id)
			return true;
	return false;
}

static bool is_default(const struct check *c, unsigned id)
{
	struct md_arena *arena = md_arena_new(4 * MD_OPTION_TEXT_MAX);
	struct md_options other = *c->options;
	bool same = arena &&
		    md_option_parse(arena, id, md_str_of(md_option_at(id)->def), false, &other) ==
			    MD_OK &&
		    md_option_equal(id, c->options, &other);

	md_arena_free(arena);
	return same;
}

static void check_unsupported(const struct check *c)
{
	const struct md_option_list *list = &c->options->ignore_unsupported;
	unsigned id;

	for (unsigned i = 0; i < list->count; i++)
		if (!md_option_find(md_str_of(list->items[i]), &id))
			ERROR(c, ignore_unsupported,
			      "ignore_unsupported names \"%.80s\", which is no setting",
			      list->items[i]);
	for (id = 0; id < MD_OPTION_COUNT; id++) {
		const struct md_option *option = md_option_at(id);
		bool guard = option->flags & MD_OPTION_GUARD;

		if (!(guard || (option->flags & MD_OPTION_IDLE)) ||
		    c->origins[id].layer == MD_LAYER_DEFAULT || is_default(c, id))
			continue;
		if (guard && !is_ignored(c, id))
			md_problem_add(c->problems, false, &c->origins[id],
				       "%s is not implemented yet, and security may depend on it; "
				       "remove it, or add it to ignore_unsupported",
				       option->name);
		else
			md_problem_add(c->problems, true, &c->origins[id], "%s has no effect yet",
				       option->name);
	}
}

/* Somebody who brings PostgREST's configuration looks for it at port 3000. */
static void check_port(const struct check *c)
{
	const struct md_origin *url = &c->origins[MD_OPTION_db_url];

	if (c->origins[MD_OPTION_listen].layer != MD_LAYER_DEFAULT)
		return;
	if (url->layer == MD_LAYER_PGRST ||
	    (url->layer == MD_LAYER_FILE && strncmp(url->key, "db", 2) == 0 &&
	     strcmp(url->key + 3, "uri") == 0))
		WARN(c, db_url,
		     "listening on 127.0.0.1:8080, not on PostgREST's port 3000 of all addresses; "
		     "server_host and server_port choose others");
}

static void (*const checks[])(const struct check *check) = {
	check_db_url,       check_listen,  check_admin,   check_modes,       check_times,
	check_sizes,        check_schemas, check_targets, check_roles,       check_proxies,
	check_trace_header, check_pool,    check_port,    check_unsupported,
};

void md_check_options(const struct md_options *options, const struct md_origin *origins, bool serve,
		      struct md_problems *problems)
{
	struct check check = { options, md_engine_of_url(options->db_url), origins, problems,
			       serve };

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](&check);
}
