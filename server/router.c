#include "server/router.h"

#include "core/base/banned.h"

const struct md_route_info md_routes[MD_ROUTE_COUNT] = {
#define ROUTE(id, template, methods, listeners, access, run) \
	{ template, methods, listeners, access },
#include "server/routes.def"
#undef ROUTE
};

/* PostgREST's order in Allow, and nothing it does not have: QUERY is told by Accept-Query. */
static const enum md_method allow_table[] = { MD_METHOD_OPTIONS, MD_METHOD_GET, MD_METHOD_HEAD,
					      MD_METHOD_POST,    MD_METHOD_PUT, MD_METHOD_PATCH,
					      MD_METHOD_DELETE };

static enum md_code no_route(struct md_error *err)
{
	return md_fail(err, MD_NOT_FOUND, "PGRST125", "Invalid path specified in request URL");
}

/* Whether the path fits the template, segment by segment. */
static bool fits(const char *template, const struct md_path *path)
{
	const char *p = template;

	for (unsigned i = 0; i < path->count; i++) {
		size_t len;

		if (*p++ != '/')
			return false;
		len = strcspn(p, "/");
		if (len == 0 ||
		    (*p != '{' && !md_str_equal(path->segments[i], (struct md_str){ p, len })))
			return false;
		p += len;
	}
	return *p == '\0';
}

static enum md_code find_model(const struct md_registry *registry, struct md_str name,
			       struct md_route *route, struct md_error *err)
{
	route->relation = name;
	route->model = md_registry_find(registry, name);
	return route->model ? MD_OK : md_registry_fail_model(registry, name, err);
}

/* A relation whose rows are meant. */
static enum md_code find_relation(const struct md_registry *registry, struct md_str name,
				  struct md_route *route, struct md_error *err)
{
	enum md_code code = find_model(registry, name, route, err);

	return code == MD_OK ? md_model_check(route->model, err) : code;
}

/* Routes under /-/, which no relation can collide with. */
static enum md_code find_own(const struct md_path *path, unsigned listeners,
			     const struct md_registry *registry, struct md_route *route,
			     struct md_error *err)
{
	for (unsigned id = MD_ROUTE_LIVE; id < MD_ROUTE_COUNT; id++) {
		if (!(md_routes[id].listeners & listeners) || !fits(md_routes[id].template, path))
			continue;
		route->id = (enum md_route_id)id;
		if (id == MD_ROUTE_MODEL)
			return find_model(registry, path->segments[2], route, err);
		if (id == MD_ROUTE_QUERY)
			return find_relation(registry, path->segments[2], route, err);
		return MD_OK;
	}
	return no_route(err);
}

/* Where nothing but administration is answered PostgREST's names cannot collide with a relation. */
static enum md_code find_postgrest(const struct md_path *path, struct md_route *route,
				   struct md_error *err)
{
	static const struct {
		const char *name;
		enum md_route_id id;
	} names[] = { { "live", MD_ROUTE_LIVE },
		      { "ready", MD_ROUTE_READY },
		      { "metrics", MD_ROUTE_METRICS },
		      { "schema_cache", MD_ROUTE_SCHEMA } };

	for (size_t i = 0; path->count == 1 && i < sizeof(names) / sizeof(names[0]); i++)
		if (md_str_is(path->segments[0], names[i].name)) {
			route->id = names[i].id;
			return MD_OK;
		}
	return no_route(err);
}

static enum md_code find_item(const struct md_path *path, const struct md_registry *registry,
			      struct md_route *route, struct md_error *err)
{
	static const enum md_route_id by_count[] = {
		[2] = MD_ROUTE_ITEM, [3] = MD_ROUTE_RELATED, [4] = MD_ROUTE_LINK
	};

	if (path->count >= sizeof(by_count) / sizeof(by_count[0]))
		return no_route(err);
	route->relation = path->segments[0];
	route->model = md_registry_find(registry, route->relation);
	if (route->model && route->model->broken)
		return md_model_check(route->model, err);
	if (!route->model || route->model->key_count == 0)
		return no_route(err);
	route->id = by_count[path->count];
	route->key = path->segments[1];
	if (path->count > 2)
		route->relationship = path->segments[2];
	if (path->count > 3)
		route->other = path->segments[3];
	route->registry = registry;
	return MD_OK;
}

enum md_code md_route_find(const struct md_path *path, unsigned listeners,
			   const struct md_registry *registry, struct md_route *ret_route,
			   struct md_error *err)
{
	struct md_route route = { .id = MD_ROUTE_ROOT };
	enum md_code code = MD_OK;

	if (path->count > 0 && md_str_is(path->segments[0], "-")) {
		code = find_own(path, listeners, registry, &route, err);
	} else if (!(listeners & MD_ON_PUBLIC)) {
		code = find_postgrest(path, &route, err);
	} else if (path->count == 1) {
		route.id = MD_ROUTE_RELATION;
		code = find_relation(registry, path->segments[0], &route, err);
	} else if (path->count > 1) {
		code = find_item(path, registry, &route, err);
	}
	if (code == MD_OK)
		*ret_route = route;
	return code;
}

/* What may be done with a relationship: links of a list are made, set and cut, one row is set. */
static unsigned link_methods(const struct md_relation *via)
{
	const struct md_model *written = via->junction ? via->junction : via->to;

	if (via->here)
		return via->from->updatable ? MD_METHOD_BIT(PUT) : 0;
	if (via->junction)
		return (written->insertable && written->deletable ? MD_METHOD_BIT(PUT) : 0) |
		       (written->insertable ? MD_METHOD_BIT(POST) : 0) |
		       (written->deletable ? MD_METHOD_BIT(DELETE) : 0);
	if (!written->updatable)
		return 0;
	return (written->insertable ? MD_METHOD_BIT(PUT) : 0) |
	       (via->to_one ? 0 : MD_METHOD_BIT(POST) | MD_METHOD_BIT(DELETE));
}

/* A relationship that does not exist is told when it is looked up. */
static unsigned related_methods(const struct md_route *route)
{
	static const unsigned writes =
		MD_METHOD_BIT(PUT) | MD_METHOD_BIT(POST) | MD_METHOD_BIT(DELETE);
	const struct md_relation *via;
	struct md_error ignored;
	unsigned methods = md_routes[route->id].methods;

	if (md_relation_resolve(route->registry, route->model, route->relationship,
				(struct md_str){ NULL, 0 }, &via, &ignored) != MD_OK)
		return methods;
	return methods & (~writes | link_methods(via));
}

/* Views are written through triggers; each kind of write needs one. */
static unsigned methods_of(const struct md_route *route)
{
	const struct md_model *model = route->model;
	unsigned methods = md_routes[route->id].methods;

	if (!model || route->id == MD_ROUTE_QUERY)
		return methods;
	if (route->id == MD_ROUTE_RELATED || route->id == MD_ROUTE_LINK)
		return related_methods(route);
	if (!model->insertable)
		methods &= ~(MD_METHOD_BIT(POST) | MD_METHOD_BIT(PUT));
	if (!model->updatable)
		methods &= ~(MD_METHOD_BIT(PATCH) | MD_METHOD_BIT(PUT));
	if (!model->deletable)
		methods &= ~MD_METHOD_BIT(DELETE);
	return methods;
}

enum md_code md_route_check(const struct md_route *route, enum md_method method, struct md_str name,
			    struct md_error *err)
{
	bool reads = method == MD_METHOD_GET || method == MD_METHOD_HEAD;

	if ((reads ? md_routes[route->id].methods : methods_of(route)) & 1u << method)
		return MD_OK;
	return md_fail(err, MD_INVALID, "PGRST117", "Unsupported HTTP method: %.*s",
		       MD_STR_ARG(name));
}

void md_route_allow(const struct md_route *route, struct md_buf *out)
{
	unsigned methods = route ? methods_of(route) : ~0u;
	bool first = true;

	if (route && route->model && route->model->key_count == 0)
		methods &= ~MD_METHOD_BIT(PUT);
	for (size_t i = 0; i < sizeof(allow_table) / sizeof(allow_table[0]); i++) {
		if (!(methods & 1u << allow_table[i]))
			continue;
		if (!first)
			md_buf_putc(out, ',');
		md_buf_puts(out, md_method_name(allow_table[i]));
		first = false;
	}
}
