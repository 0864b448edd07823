/* The canonical document: all that a client may know, in one order. Models stand by name, fields in
 * the order of columns; members that say nothing are left out. */
#include "core/model/define_private.h"
#include "core/ops/schema_private.h"

#include "core/base/banned.h"

/* --- fields ------------------------------------------------------------------------------------
 */

static void put_labels(struct md_json_out *json, const struct md_shape *shape)
{
	md_json_open(json, MD_STR("enum"), '[');
	for (unsigned i = 0; i < shape->label_count; i++)
		md_json_text_value(json, MD_NO_KEY, md_str_of(shape->labels[i]));
	md_json_close(json, ']');
}

static void put_size(struct md_json_out *json, struct md_str key, unsigned size)
{
	if (size > 0)
		md_json_unsigned(json, key, size);
}

static void put_type(struct md_json_out *json, const struct md_field *field)
{
	const struct md_shape shape = md_shape_of(field);

	md_json_text_value(json, MD_STR("type"), md_str_of(md_shape_name(shape.type)));
	if (field->declared.len > 0)
		md_json_text_value(json, MD_STR("declared"), field->declared);
	if (shape.type == MD_DEF_ARRAY)
		md_json_text_value(json, MD_STR("items"), md_str_of(md_shape_name(shape.items)));
	if (shape.type == MD_DEF_ENUM)
		put_labels(json, &shape);
	put_size(json, MD_STR("max_length"), shape.max_length);
	put_size(json, MD_STR("precision"), shape.precision);
	put_size(json, MD_STR("scale"), shape.scale);
	md_json_flag(json, MD_STR("as_string"), shape.as_string);
}

static void put_limits(struct md_json_out *json, const struct md_def_field *def)
{
	put_size(json, MD_STR("min_length"), def->min_length);
	md_json_value(json, MD_STR("min"), &def->min);
	md_json_value(json, MD_STR("max"), &def->max);
	md_json_value(json, MD_STR("exclusive_min"), &def->exclusive_min);
	md_json_value(json, MD_STR("exclusive_max"), &def->exclusive_max);
	md_json_value(json, MD_STR("multiple_of"), &def->multiple_of);
	md_json_text_if(json, MD_STR("pattern"), md_str_of(def->pattern));
	if (def->format != MD_DEF_FORMAT_NONE)
		md_json_text_value(json, MD_STR("format"),
				   md_str_of(md_def_word_of(md_def_formats, def->format)));
}

static void put_default(struct md_json_out *json, const struct md_model *model,
			const struct md_field *field)
{
	const struct md_shown_default shown = md_field_default(model, field);
	enum md_def_fn fn = field->def ? field->def->value.fn : MD_DEF_FN_NONE;

	if (shown.value) {
		md_json_value(json, MD_STR("default"), shown.value);
	} else if (fn != MD_DEF_FN_NONE || shown.sql) {
		md_json_open(json, MD_STR("default"), '{');
		if (fn != MD_DEF_FN_NONE)
			md_json_text_value(json, MD_STR("fn"),
					   md_str_of(md_def_word_of(md_def_fns, fn)));
		else
			md_json_text_value(json, MD_STR("sql"), md_str_of(shown.sql));
		md_json_close(json, '}');
	}
}

static void put_field(struct md_json_out *json, const struct md_model *model,
		      const struct md_field *field)
{
	md_json_open(json, MD_NO_KEY, '{');
	md_json_text_value(json, MD_STR("name"), field->name);
	put_type(json, field);
	md_json_bool(json, MD_STR("nullable"), field->nullable);
	md_json_bool(json, MD_STR("required"),
		     md_field_is_in(field, MD_INSERT) && md_field_is_needed(field, MD_INSERT));
	md_json_flag(json, MD_STR("primary_key"), field->key_position >= 0);
	md_json_flag(json, MD_STR("unique"), field->unique);
	md_json_flag(json, MD_STR("identity"), field->identity);
	md_json_flag(json, MD_STR("generated"), field->generated);
	md_json_flag(json, MD_STR("readonly"), field->readonly || field->always);
	md_json_flag(json, MD_STR("writeonly"), field->writeonly);
	md_json_flag(json, MD_STR("immutable"), field->immutable);
	put_default(json, model, field);
	if (field->def)
		put_limits(json, field->def);
	md_json_text_if(json, MD_STR("title"), md_str_of(field->def ? field->def->title : NULL));
	md_json_text_if(json, MD_STR("description"), md_field_note(field));
	if (field->def)
		md_json_value(json, MD_STR("example"), &field->def->example);
	md_json_close(json, '}');
}

/* --- what stands beside fields -----------------------------------------------------------------
 */

static void put_keys(struct md_json_out *json, const struct md_model *model)
{
	unsigned first = model->keys_count > 0 && model->keys[0].primary;

	md_json_names(json, MD_STR("primary_key"), model->key, model->key_count);
	md_json_open(json, MD_STR("unique"), '[');
	for (unsigned i = first; i < model->keys_count; i++) {
		const struct md_key *key = &model->keys[i];

		if (!md_fields_are_known(key->fields, key->count))
			continue;
		md_json_open(json, MD_NO_KEY, '{');
		md_json_text_value(json, MD_STR("name"), key->name);
		md_json_names(json, MD_STR("fields"), key->fields, key->count);
		md_json_close(json, '}');
	}
	md_json_close(json, ']');
}

static void put_index(struct md_json_out *json, const struct md_model *model,
		      const struct md_catalog_index *index)
{
	if (!index->name || !md_index_is_known(model, index))
		return;
	md_json_open(json, MD_NO_KEY, '{');
	md_json_text_value(json, MD_STR("name"), md_str_of(index->name));
	md_json_open(json, MD_STR("fields"), '[');
	for (unsigned i = 0; i < index->count; i++)
		md_json_text_value(json, MD_NO_KEY, model->fields[index->columns[i]].name);
	md_json_close(json, ']');
	md_json_flag(json, MD_STR("unique"), index->unique);
	md_json_text_if(json, MD_STR("where"), md_str_of(index->predicate));
	md_json_close(json, '}');
}

static void put_indexes(struct md_json_out *json, const struct md_model *model)
{
	md_json_open(json, MD_STR("indexes"), '[');
	for (unsigned i = 0; i < model->index_count; i++)
		put_index(json, model, &model->indexes[i]);
	for (unsigned i = 0; i < model->unique_index_count; i++)
		if (model->unique_indexes[i].partial)
			put_index(json, model, &model->unique_indexes[i]);
	md_json_close(json, ']');
}

static void put_checks(struct md_json_out *json, const struct md_model *model)
{
	md_json_open(json, MD_STR("checks"), '[');
	for (unsigned i = 0; i < model->check_count; i++) {
		if (!md_sql_is_known(model, model->checks[i].expression))
			continue;
		md_json_open(json, MD_NO_KEY, '{');
		md_json_text_value(json, MD_STR("name"), md_str_of(model->checks[i].name));
		md_json_text_value(json, MD_STR("expression"),
				   md_str_of(model->checks[i].expression));
		md_json_close(json, '}');
	}
	md_json_close(json, ']');
}

static const char *action(enum md_fk_action on)
{
	static const char *const names[] = {
		[MD_FK_NO_ACTION] = "no action",     [MD_FK_RESTRICT] = "restrict",
		[MD_FK_CASCADE] = "cascade",         [MD_FK_SET_NULL] = "set null",
		[MD_FK_SET_DEFAULT] = "set default",
	};

	return names[on];
}

static void put_through(struct md_json_out *json, const struct md_relation *r)
{
	md_json_open(json, MD_STR("through"), '{');
	md_json_text_value(json, MD_STR("model"), r->junction->name);
	md_json_names(json, MD_STR("fields"), r->near, r->local_count);
	md_json_names(json, MD_STR("references"), r->far, r->remote_count);
	md_json_text_value(json, MD_STR("constraint"), r->far_constraint);
	md_json_close(json, '}');
}

static void put_relation(struct md_json_out *json, const struct md_relation *r)
{
	static const char *const names[] = { [MD_MANY_TO_ONE] = "many-to-one",
					     [MD_ONE_TO_MANY] = "one-to-many",
					     [MD_ONE_TO_ONE] = "one-to-one",
					     [MD_MANY_TO_MANY] = "many-to-many" };

	if (!md_relation_is_known(r))
		return;
	md_json_open(json, MD_NO_KEY, '{');
	md_json_text_value(json, MD_STR("name"), r->name);
	md_json_text_value(json, MD_STR("model"), r->to->name);
	md_json_text_value(json, MD_STR("cardinality"), md_str_of(names[r->cardinality]));
	md_json_text_value(json, MD_STR("constraint"), r->constraint);
	md_json_names(json, MD_STR("fields"), r->local, r->local_count);
	md_json_names(json, MD_STR("references"), r->remote, r->remote_count);
	if (r->junction)
		put_through(json, r);
	if (r->here) {
		md_json_text_value(json, MD_STR("on_delete"), md_str_of(action(r->on_delete)));
		md_json_text_value(json, MD_STR("on_update"), md_str_of(action(r->on_update)));
	}
	md_json_flag(json, MD_STR("always"), r->always);
	md_json_close(json, '}');
}

static void put_model(struct md_json_out *json, const struct md_model *model)
{
	bool abstract = model->def && model->def->abstract;

	md_json_open(json, MD_NO_KEY, '{');
	md_json_text_value(json, MD_STR("name"), model->name);
	md_json_text_if(json, MD_STR("model"), md_str_of(model->def ? model->def->name : NULL));
	md_json_text_value(json, MD_STR("kind"),
			   abstract                     ? MD_STR("abstract")
			   : model->kind == MD_REL_VIEW ? MD_STR("view")
							: MD_STR("table"));
	md_json_text_if(json, MD_STR("description"), md_model_note(model));
	md_json_flag(json, MD_STR("broken"), model->broken);
	md_json_bool(json, MD_STR("insertable"), model->insertable);
	md_json_bool(json, MD_STR("updatable"), model->updatable);
	md_json_bool(json, MD_STR("deletable"), model->deletable);
	md_json_open(json, MD_STR("fields"), '[');
	for (unsigned i = 0; i < model->field_count; i++)
		if (md_field_is_known(&model->fields[i]))
			put_field(json, model, &model->fields[i]);
	md_json_close(json, ']');
	put_keys(json, model);
	put_indexes(json, model);
	put_checks(json, model);
	md_json_open(json, MD_STR("relations"), '[');
	for (unsigned i = 0; i < model->relation_count; i++)
		put_relation(json, &model->relations[i]);
	md_json_close(json, ']');
	md_json_close(json, '}');
}

void md_schema_write_json(struct md_schema *schema)
{
	struct md_json_out json = { .out = schema->out, .lines = schema->source->lines };

	md_json_open(&json, MD_NO_KEY, '{');
	md_json_text_value(&json, MD_STR("schema"), md_registry_schema(schema->source->registry));
	md_json_open(&json, MD_STR("models"), '[');
	for (unsigned i = 0; i < schema->count; i++)
		put_model(&json, &schema->models[i]);
	for (unsigned i = 0; i < schema->abstract_count; i++)
		put_model(&json, &schema->abstract[i]);
	md_json_close(&json, ']');
	md_json_close(&json, '}');
}
