#include "core/ops/schema.h"

#include "core/model/registry.h"
#include "core/ops/schema_private.h"

#include "core/base/banned.h"

enum { SCRATCH_MAX = 512 * 1024 * 1024 };

static const struct {
	const char *name, *type;
	void (*write)(struct md_schema *schema);
} formats_table[MD_SCHEMA_FORMATS] = {
	[MD_SCHEMA_JSON] = { "json", "application/json; charset=utf-8", md_schema_write_json },
	[MD_SCHEMA_JSON_SCHEMA] = { "json-schema", "application/schema+json",
				    md_schema_write_json_schema },
	[MD_SCHEMA_OPENAPI] = { "openapi", "application/openapi+json; charset=utf-8",
				md_schema_write_openapi },
	[MD_SCHEMA_TYPESCRIPT] = { "typescript", "text/plain; charset=utf-8",
				   md_schema_write_typescript },
	[MD_SCHEMA_SQL] = { "sql", "application/sql; charset=utf-8", md_schema_write_sql },
	[MD_SCHEMA_DBML] = { "dbml", "text/plain; charset=utf-8", md_schema_write_dbml },
	[MD_SCHEMA_MERMAID] = { "mermaid", "text/plain; charset=utf-8", md_schema_write_mermaid },
};

const char *md_schema_format_name(enum md_schema_format format)
{
	return formats_table[format].name;
}

const char *md_schema_format_type(enum md_schema_format format)
{
	return formats_table[format].type;
}

bool md_schema_format_find(struct md_str name, enum md_schema_format *ret_format)
{
	for (unsigned i = 0; i < MD_SCHEMA_FORMATS; i++)
		if (md_str_is(name, formats_table[i].name)) {
			*ret_format = (enum md_schema_format)i;
			return true;
		}
	return false;
}

enum md_code md_schema_write(const struct md_schema_source *source, enum md_schema_format format,
			     struct md_buf *out, struct md_error *err)
{
	md_auto_arena arena = md_arena_new(SCRATCH_MAX);
	struct md_schema schema = { .source = source, .out = out, .arena = arena };

	if (!arena)
		return md_fail_nomem(err);
	schema.models = md_registry_models(source->registry, &schema.count);
	if (source->empty && !md_registry_abstract(source->registry, arena, &schema.abstract,
						   &schema.abstract_count))
		return md_fail_nomem(err);
	formats_table[format].write(&schema);
	if (schema.no_memory || out->no_memory)
		return md_fail_nomem(err);
	if (out->failed)
		return md_fail(err, MD_TOO_LARGE, "54000", "the schema is longer than %zu bytes",
			       out->max);
	return MD_OK;
}
