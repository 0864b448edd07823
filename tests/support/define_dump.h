/* Everything that definitions say, as text, so that two of them can be compared: the long form, and
 * behind it what was worked out. */
#ifndef MD_TESTS_DEFINE_DUMP_H
#define MD_TESTS_DEFINE_DUMP_H
#include "core/model/define.h"

static inline void dump_fields(const struct md_def_model *model, struct md_buf *out)
{
	for (unsigned i = 0; i < model->field_count; i++) {
		const struct md_def_field *field = &model->fields[i];

		md_buf_printf(out, "  field %s type %d items %d (%u, %u) length %u%s%s check %s",
			      field->name, field->type, field->items, field->precision,
			      field->scale, field->max_length, field->identity ? " identity" : "",
			      field->required ? " required" : "",
			      field->check_name ? field->check_name : "-");
		for (unsigned k = 0; k < field->labels.count; k++)
			md_buf_printf(out, " '%s'", field->labels.items[k]);
		if (field->reference && field->reference->to)
			md_buf_printf(out, " -> %s.%s", field->reference->to->name,
				      field->reference->to_field->name);
		md_buf_puts(out, "\n");
	}
}

static inline void dump_keys(const struct md_def_model *model, struct md_buf *out)
{
	if (model->key_count > 0)
		md_buf_printf(out, "  key %s", model->key_name);
	for (unsigned i = 0; i < model->key_count; i++)
		md_buf_printf(out, " %s", model->key[i]->name);
	md_buf_puts(out, "\n");
	for (unsigned i = 0; i < model->index_count; i++) {
		const struct md_def_index *index = &model->indexes[i];

		md_buf_printf(out, "  %s %s", index->unique ? "unique" : "index",
			      index->name ? index->name : "-");
		for (unsigned k = 0; k < index->count; k++)
			md_buf_printf(out, " %s%s", index->columns[k].name,
				      index->columns[k].descending ? " desc" : "");
		md_buf_puts(out, "\n");
	}
	for (unsigned i = 0; i < model->foreign_key_count; i++) {
		const struct md_def_foreign_key *key = &model->foreign_keys[i];

		md_buf_printf(out, "  foreign key %s delete %d update %d%s",
			      key->name ? key->name : "-", key->on_delete, key->on_update,
			      key->unique ? " unique" : "");
		for (unsigned k = 0; k < key->count; k++)
			md_buf_printf(out, " %s -> %s.%s", key->fields[k]->name, key->to->name,
				      key->targets[k]->name);
		md_buf_puts(out, "\n");
	}
	for (unsigned i = 0; i < model->check_count; i++)
		md_buf_printf(out, "  check %s\n",
			      model->checks[i].name ? model->checks[i].name : "-");
}

static inline void dump_relations(const struct md_def_model *model, struct md_buf *out)
{
	static const char *const names[] = { "many-to-one", "one-to-many", "one-to-one",
					     "many-to-many" };

	for (unsigned i = 0; i < model->relation_count; i++) {
		const struct md_def_relation *relation = &model->relations[i];

		if (!relation->to)
			continue;
		md_buf_printf(out, "  %s %s %s by %s%s%s%s", names[relation->cardinality],
			      relation->name, relation->to->name, relation->key->name,
			      relation->to_one ? " one" : "", relation->here ? " here" : "",
			      relation->inverse ? " <-> " : "");
		md_buf_printf(out, "%s%s%s\n", relation->inverse ? relation->inverse->name : "",
			      relation->junction ? " via " : "",
			      relation->junction ? relation->junction->table : "");
	}
}

static inline void dump_definitions(const struct md_definitions *definitions, struct md_buf *out)
{
	md_definitions_print(definitions, NULL, MD_DEF_LONG, out);
	for (unsigned i = 0; i < definitions->model_count; i++) {
		const struct md_def_model *model = &definitions->models[i];

		md_buf_printf(out, "%s: %s\n", model->name, model->table ? model->table : "-");
		dump_fields(model, out);
		if (!model->abstract)
			dump_keys(model, out);
		dump_relations(model, out);
	}
	(void)md_buf_text(out);
}
#endif
