/* The database engines by name: what is known of one before it is opened. What an engine does is
 * its driver's (core/db/driver.h), how its SQL looks its dialect's (core/db/dialect.h). */
#ifndef MD_CORE_BASE_ENGINE_H
#define MD_CORE_BASE_ENGINE_H
#include <stdbool.h>

#include "core/base/str.h"

/** Sets of engines, as bits: where definitions must work. */
enum { MD_ENGINE_SQLITE = 1, MD_ENGINE_POSTGRESQL = 2, MD_ENGINE_MARIADB = 4, MD_ENGINES = 3 };

struct md_engine {
	unsigned bit;
	const char *name;  /* in definitions and settings: "postgresql" */
	const char *title; /* for people: "PostgreSQL" */
	/* Of URLs, without "+driver"; none: it can be declared for, and not be opened. */
	const char *schemes[2];
	bool roles;   /* a request may run as another role than the connection's */
	bool schemas; /* one database has several */
};

/** All of them, in the order of their bits. */
extern const struct md_engine md_engines[MD_ENGINES];

/** The place of an engine's bit in md_engines. */
static inline unsigned md_engine_place(unsigned bit)
{
	return (unsigned)__builtin_ctz(bit);
}

/** By its name, exactly. NULL: there is none. */
const struct md_engine *md_engine_named(struct md_str name);
/** By the scheme of a URL, in any case ("sqlite:…", "postgresql+psycopg:…"); libpq's "key=value …"
 * is PostgreSQL, too. NULL: of none. Says nothing about whether a driver is built in. */
const struct md_engine *md_engine_of_url(const char *url);
#endif
