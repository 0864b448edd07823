#include "core/db/catalog.h"

#include "core/base/banned.h"

const char *md_type_name(enum md_type type)
{
	static const char *const names[] = {
		[MD_TYPE_ANY] = "any",
		[MD_TYPE_INT2] = "smallint",
		[MD_TYPE_INT4] = "integer",
		[MD_TYPE_INT8] = "bigint",
		[MD_TYPE_FLOAT] = "double precision",
		[MD_TYPE_NUMERIC] = "numeric",
		[MD_TYPE_BOOL] = "boolean",
		[MD_TYPE_TEXT] = "text",
		[MD_TYPE_DATE] = "date",
		[MD_TYPE_TIME] = "time without time zone",
		[MD_TYPE_TIMESTAMP] = "timestamp without time zone",
		[MD_TYPE_TIMESTAMPTZ] = "timestamp with time zone",
		[MD_TYPE_UUID] = "uuid",
		[MD_TYPE_JSON] = "json",
		[MD_TYPE_BYTES] = "bytea",
		[MD_TYPE_OTHER] = "text",
		[MD_TYPE_KEPT_DATE] = "date",
		[MD_TYPE_KEPT_TIME] = "time without time zone",
		[MD_TYPE_KEPT_TIMESTAMP] = "timestamp without time zone",
		[MD_TYPE_KEPT_TIMESTAMPTZ] = "timestamp with time zone",
		[MD_TYPE_KEPT_UUID] = "uuid",
		[MD_TYPE_KEPT_NUMERIC] = "numeric",
		[MD_TYPE_KEPT_BYTES] = "bytea",
	};

	return names[type];
}
