/* From method and path to a route of routes.def. Pure but for looking names up in a registry; any
 * thread. */
#ifndef MD_SERVER_ROUTER_H
#define MD_SERVER_ROUTER_H
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/model/registry.h"
#include "core/query/parse.h"
#include "server/gate.h"

enum md_route_id {
#define ROUTE(id, template, methods, listeners, access, run) MD_ROUTE_##id,
#include "server/routes.def"
#undef ROUTE
	MD_ROUTE_COUNT
};

#define MD_METHOD_BIT(method) (1u << MD_METHOD_##method)
#define MD_METHODS_GET        (MD_METHOD_BIT(GET) | MD_METHOD_BIT(HEAD))
#define MD_METHODS_READ       (MD_METHODS_GET | MD_METHOD_BIT(OPTIONS))
#define MD_METHODS_CALL       (MD_METHOD_BIT(OPTIONS) | MD_METHOD_BIT(POST))
#define MD_METHODS_ITEM \
	(MD_METHODS_READ | MD_METHOD_BIT(PUT) | MD_METHOD_BIT(PATCH) | MD_METHOD_BIT(DELETE))
#define MD_METHODS_RELATED (MD_METHODS_READ | MD_METHOD_BIT(POST) | MD_METHOD_BIT(PUT))
#define MD_METHODS_LINK    (MD_METHODS_CALL | MD_METHOD_BIT(DELETE))
#define MD_METHODS_LIST    (MD_METHODS_ITEM | MD_METHOD_BIT(POST) | MD_METHOD_BIT(QUERY))

enum { MD_ON_PUBLIC = 1u, MD_ON_ADMIN = 2u };
enum md_access { MD_ACCESS_OPEN, MD_ACCESS_DATA, MD_ACCESS_ADMIN };

struct md_route_info {
	const char *template;
	unsigned methods, listeners;
	enum md_access access;
};
extern const struct md_route_info md_routes[MD_ROUTE_COUNT];

struct md_route {
	enum md_route_id id;
	const struct md_model *model; /* RELATION, ITEM, RELATED, LINK, QUERY, MODEL; else NULL */
	struct md_str relation, key, relationship; /* segments of the path; not given: none */
	struct md_str other;                       /* LINK: the key of the row at the far end */
	const struct md_registry *registry;        /* RELATED, LINK: where names are looked up */
};

/** Which route `path` is on a listener that answers `listeners`. PGRST125: none; PGRST205: no such
 * relation. An item route exists for relations with a primary key only. */
enum md_code md_route_find(const struct md_path *path, unsigned listeners,
			   const struct md_registry *registry, struct md_route *ret_route,
			   struct md_error *err);
/** MD_OK, or PGRST117: the route has no such method, or its relation cannot be written so. `name`
 * is the method as it was written. */
enum md_code md_route_check(const struct md_route *route, enum md_method method, struct md_str name,
			    struct md_error *err);
/** The Allow header: "OPTIONS,GET,HEAD". NULL: of what is nowhere, all that there are. */
void md_route_allow(const struct md_route *route, struct md_buf *out);
#endif
