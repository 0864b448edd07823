#include "core/db/driver.h"

#include <string.h>

#include "core/base/banned.h"

static const struct {
	const char *scheme;
	const struct md_db_driver *driver;
} drivers[] = {
	{ "sqlite", &md_sqlite_driver },
#ifdef MD_HAVE_POSTGRES
	{ "postgresql", &md_postgres_driver },
	{ "postgres", &md_postgres_driver },
#endif
};

/* libpq's other form, "host=… dbname=…": a word and an equals sign. */
static bool is_keywords(const char *url)
{
	size_t word = strspn(url, "abcdefghijklmnopqrstuvwxyz_");

	return word > 0 && url[word + strspn(url + word, " ")] == '=';
}

const struct md_db_driver *md_db_driver_find(const char *url)
{
	struct md_str scheme = { url, strcspn(url, ":+") };

	if (is_keywords(url))
		scheme = MD_STR("postgresql");
	else if (!strchr(url, ':'))
		return NULL;
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (md_str_equal_nocase(scheme, md_str_of(drivers[i].scheme)))
			return drivers[i].driver;
	return NULL;
}
