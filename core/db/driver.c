#include "core/db/driver.h"

#include <string.h>

#include "core/base/engine.h"

#include "core/base/banned.h"

static const struct md_db_driver *const drivers[] = {
	&md_sqlite_driver,
#ifdef MD_HAVE_POSTGRES
	&md_postgres_driver,
#endif
};

const struct md_db_driver *md_db_driver_find(const char *url)
{
	const struct md_engine *engine = md_engine_of_url(url);

	for (size_t i = 0; engine && i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(drivers[i]->engine, engine->name) == 0)
			return drivers[i];
	return NULL;
}
