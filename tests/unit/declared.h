/* A declared model without a database behind it: the first of a definition file, with the types
 * that values have on SQLite as far as they are plain. */
#ifndef MD_TESTS_DECLARED_H
#define MD_TESTS_DECLARED_H
#include <check.h>

#include "core/base/arena.h"
#include "core/model/define.h"
#include "core/model/model.h"
#include "core/model/rules.h"

struct declared {
	const struct md_definitions *definitions;
	struct md_arena *arena;
	struct md_model model;
	struct md_field *fields;
};

static inline enum md_type declared_type(enum md_def_type type)
{
	static const enum md_type types[MD_DEF_TYPE_COUNT] = {
		[MD_DEF_SMALLINT] = MD_TYPE_INT2,   [MD_DEF_INTEGER] = MD_TYPE_INT4,
		[MD_DEF_BIGINT] = MD_TYPE_INT8,     [MD_DEF_FLOAT] = MD_TYPE_FLOAT,
		[MD_DEF_DECIMAL] = MD_TYPE_NUMERIC, [MD_DEF_STRING] = MD_TYPE_TEXT,
		[MD_DEF_TEXT] = MD_TYPE_TEXT,       [MD_DEF_BOOLEAN] = MD_TYPE_BOOL,
		[MD_DEF_DATETIME] = MD_TYPE_TEXT,   [MD_DEF_DATETIME_LOCAL] = MD_TYPE_TEXT,
		[MD_DEF_DATE] = MD_TYPE_TEXT,       [MD_DEF_TIME] = MD_TYPE_TEXT,
		[MD_DEF_UUID] = MD_TYPE_TEXT,       [MD_DEF_JSON] = MD_TYPE_JSON,
		[MD_DEF_BYTES] = MD_TYPE_BYTES,     [MD_DEF_ENUM] = MD_TYPE_TEXT,
		[MD_DEF_ARRAY] = MD_TYPE_JSON,
	};

	return types[type];
}

static inline void declared_open(struct declared *declared, const char *file)
{
	struct md_def_source source = { "m.json", md_str_of(file) };
	struct md_def_report report = { .count = 0 };
	const struct md_def_model *def;

	*declared = (struct declared){ .arena = md_arena_new(1 << 20) };
	md_definitions_load(&source, 1, NULL, 0, &report, &declared->definitions, NULL);
	ck_assert_msg(declared->definitions != NULL, "%s",
		      report.count > 0 ? report.items[0].message : "");
	md_def_report_release(&report);
	def = &declared->definitions->models[0];
	declared->fields =
		md_arena_zalloc(declared->arena, def->field_count * sizeof(*declared->fields));
	for (unsigned i = 0; i < def->field_count; i++) {
		const struct md_def_field *from = &def->fields[i];
		struct md_field *field = &declared->fields[i];

		field->name = md_str_of(from->name);
		field->column = md_str_of(md_def_column(from));
		field->type = declared_type(from->type);
		field->index = i;
		field->nullable = from->nullable;
		field->generated = from->is_generated;
		field->def = from;
		field->hidden = from->hidden;
		field->writeonly = from->writeonly;
		field->readonly = from->readonly;
		field->immutable = from->immutable;
		ck_assert_int_eq(
			md_rules_new(declared->arena, def->table, from, &field->rules, NULL),
			MD_OK);
	}
	declared->model = (struct md_model){ .name = md_str_of(def->table),
					     .fields = declared->fields,
					     .field_count = def->field_count,
					     .def = def };
}

/* The field of this name; NULL: none that a body may name. */
static inline const struct md_field *declared_field(const struct declared *declared,
						    struct md_str name)
{
	for (unsigned i = 0; i < declared->model.field_count; i++)
		if (md_str_equal(declared->fields[i].name, name) && !declared->fields[i].hidden)
			return &declared->fields[i];
	return NULL;
}

static inline void declared_close(struct declared *declared)
{
	for (unsigned i = 0; i < declared->model.field_count; i++)
		md_rules_free(declared->fields[i].rules);
	md_arena_free(declared->arena);
	md_definitions_free(declared->definitions);
}
#endif
