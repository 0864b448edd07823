#include "core/base/engine.h"

#include <string.h>

#include "core/base/banned.h"

const struct md_engine md_engines[MD_ENGINES] = {
	{ .bit = MD_ENGINE_SQLITE, .name = "sqlite", .title = "SQLite", .schemes = { "sqlite" } },
	{ .bit = MD_ENGINE_POSTGRESQL,
	  .name = "postgresql",
	  .title = "PostgreSQL",
	  .schemes = { "postgresql", "postgres" },
	  .roles = true,
	  .schemas = true },
	{ .bit = MD_ENGINE_MARIADB, .name = "mariadb", .title = "MariaDB" },
};

const struct md_engine *md_engine_named(struct md_str name)
{
	for (unsigned i = 0; i < MD_ENGINES; i++)
		if (md_str_is(name, md_engines[i].name))
			return &md_engines[i];
	return NULL;
}

/* libpq's other form, "host=… dbname=…": a word and an equals sign. */
static bool is_keywords(const char *url)
{
	size_t word = strspn(url, "abcdefghijklmnopqrstuvwxyz_");

	return word > 0 && url[word + strspn(url + word, " ")] == '=';
}

static bool has_scheme(const struct md_engine *engine, struct md_str scheme)
{
	for (size_t i = 0; i < 2 && engine->schemes[i]; i++)
		if (md_str_equal_nocase(scheme, md_str_of(engine->schemes[i])))
			return true;
	return false;
}

const struct md_engine *md_engine_of_url(const char *url)
{
	struct md_str scheme = { url, strcspn(url, ":+") };

	if (is_keywords(url))
		return md_engine_named(MD_STR("postgresql"));
	if (!strchr(url, ':'))
		return NULL;
	for (unsigned i = 0; i < MD_ENGINES; i++)
		if (has_scheme(&md_engines[i], scheme))
			return &md_engines[i];
	return NULL;
}
