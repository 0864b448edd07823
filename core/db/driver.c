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

const struct md_db_driver *md_db_driver_find(const char *url)
{
	size_t len = strcspn(url, ":");
	struct md_str scheme = { url, strcspn(url, ":+") };

	if (url[len] != ':' || scheme.len > len)
		return NULL;
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (md_str_equal_nocase(scheme, md_str_of(drivers[i].scheme)))
			return drivers[i].driver;
	return NULL;
}
