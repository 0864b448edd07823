/* Pictures of models: DBML, and entity relationship diagrams of Mermaid. */
#include "core/ops/schema_private.h"

#include "core/base/banned.h"

/* --- DBML --------------------------------------------------------------------------------------
 */

/* Names have no way to hold a double quote. */
static void put_quoted(struct md_buf *out, struct md_str text)
{
	md_buf_putc(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		md_buf_putc(out, c == '"' ? '\'' : c == '\n' || c == '\r' ? ' ' : c);
	}
	md_buf_putc(out, '"');
}

/* 'text' of one line, or an expression in back quotes. */
static void put_text(struct md_buf *out, struct md_str text, char quote)
{
	md_buf_putc(out, quote);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (quote == '\'' && (c == '\'' || c == '\\'))
			md_buf_putc(out, '\\');
		md_buf_putc(out, c == '\n' || c == '\r'     ? ' '
				 : quote == '`' && c == '`' ? '\''
							    : c);
	}
	md_buf_putc(out, quote);
}

static void put_setting(struct md_buf *out, bool *any, const char *text)
{
	md_buf_puts(out, *any ? ", " : " [");
	md_buf_puts(out, text);
	*any = true;
}

static void put_dbml_type(struct md_buf *out, const struct md_field *field)
{
	const struct md_shape shape = md_shape_of(field);
	md_auto_buf type = MD_BUF(4096);

	if (!field->def && field->declared.len > 0) {
		put_quoted(out, field->declared);
		return;
	}
	md_buf_puts(&type, md_shape_name(shape.type == MD_DEF_ARRAY ? shape.items : shape.type));
	if (shape.type == MD_DEF_STRING)
		md_buf_printf(&type, "(%u)", shape.max_length);
	if (shape.type == MD_DEF_DECIMAL && shape.precision > 0)
		md_buf_printf(&type, "(%u,%u)", shape.precision, shape.scale);
	md_buf_puts(&type, shape.type == MD_DEF_ARRAY ? "[]" : "");
	if (type.failed)
		out->failed = out->no_memory = true;
	put_quoted(out, md_buf_str(&type));
}

static void put_dbml_default(struct md_buf *out, bool *any, const struct md_model *model,
			     const struct md_field *field)
{
	const struct md_shown_default shown = md_field_default(model, field);

	if (!shown.value && !shown.sql)
		return;
	put_setting(out, any, "default: ");
	if (shown.sql)
		put_text(out, md_str_of(shown.sql), '`');
	else if (shown.value->kind == MD_DEF_NULL)
		md_buf_puts(out, "null");
	else if (shown.value->kind == MD_DEF_NUMBER || shown.value->kind == MD_DEF_BOOL)
		md_buf_puts(out, shown.value->text);
	else
		put_text(out, md_str_of(shown.value->text), '\'');
}

static void put_dbml_field(struct md_buf *out, const struct md_model *model,
			   const struct md_field *field)
{
	bool any = false;

	md_buf_puts(out, "  ");
	put_quoted(out, field->name);
	md_buf_putc(out, ' ');
	put_dbml_type(out, field);
	if (field->key_position >= 0 && model->key_count == 1)
		put_setting(out, &any, "pk");
	if (field->identity)
		put_setting(out, &any, "increment");
	if (field->unique && !(field->key_position >= 0 && model->key_count == 1))
		put_setting(out, &any, "unique");
	if (!field->nullable)
		put_setting(out, &any, "not null");
	put_dbml_default(out, &any, model, field);
	if (md_field_note(field).ptr) {
		put_setting(out, &any, "note: ");
		put_text(out, md_field_note(field), '\'');
	}
	md_buf_puts(out, any ? "]\n" : "\n");
}

static void put_index_start(struct md_buf *out, bool *any)
{
	md_buf_puts(out, *any ? "    (" : "\n  indexes {\n    (");
	*any = true;
}

static void put_key(struct md_buf *out, bool *any, const struct md_key *key)
{
	put_index_start(out, any);
	for (unsigned i = 0; i < key->count; i++) {
		md_buf_puts(out, i > 0 ? ", " : "");
		put_quoted(out, key->fields[i]->name);
	}
	md_buf_puts(out, key->primary ? ") [pk" : ") [unique");
	if (!key->primary) {
		md_buf_puts(out, ", name: ");
		put_text(out, key->name, '\'');
	}
	md_buf_puts(out, "]\n");
}

static void put_dbml_indexes(struct md_buf *out, const struct md_model *model)
{
	bool any = false;

	for (unsigned i = 0; i < model->keys_count; i++)
		if (model->keys[i].count > 1 &&
		    md_fields_are_known(model->keys[i].fields, model->keys[i].count))
			put_key(out, &any, &model->keys[i]);
	for (unsigned i = 0; i < model->index_count; i++) {
		const struct md_catalog_index *index = &model->indexes[i];

		if (!index->name || index->unique || !md_index_is_known(model, index))
			continue;
		put_index_start(out, &any);
		for (unsigned c = 0; c < index->count; c++) {
			md_buf_puts(out, c > 0 ? ", " : "");
			put_quoted(out, model->fields[index->columns[c]].name);
		}
		md_buf_puts(out, ") [name: ");
		put_text(out, md_str_of(index->name), '\'');
		md_buf_puts(out, "]\n");
	}
	md_buf_puts(out, any ? "  }\n" : "");
}

static void put_dbml_table(struct md_buf *out, const struct md_model *model)
{
	md_buf_puts(out, "Table ");
	put_quoted(out, model->name);
	md_buf_puts(out, " {\n");
	for (unsigned i = 0; i < model->field_count; i++)
		if (md_field_is_known(&model->fields[i]))
			put_dbml_field(out, model, &model->fields[i]);
	put_dbml_indexes(out, model);
	if (md_model_note(model).ptr) {
		md_buf_puts(out, "\n  Note: ");
		put_text(out, md_model_note(model), '\'');
		md_buf_putc(out, '\n');
	}
	md_buf_puts(out, "}\n\n");
}

static void put_dbml_side(struct md_buf *out, const struct md_model *model,
			  const struct md_field *const *fields, unsigned count)
{
	put_quoted(out, model->name);
	md_buf_puts(out, count > 1 ? ".(" : ".");
	for (unsigned i = 0; i < count; i++) {
		md_buf_puts(out, i > 0 ? ", " : "");
		put_quoted(out, fields[i]->name);
	}
	md_buf_puts(out, count > 1 ? ")" : "");
}

static void put_dbml_ref(struct md_buf *out, const struct md_relation *r)
{
	static const char *const actions[] = {
		[MD_FK_NO_ACTION] = NULL,
		[MD_FK_RESTRICT] = "restrict",
		[MD_FK_CASCADE] = "cascade",
		[MD_FK_SET_NULL] = "set null",
		[MD_FK_SET_DEFAULT] = "set default",
	};
	bool any = false;

	md_buf_puts(out, "Ref ");
	put_quoted(out, r->constraint);
	md_buf_puts(out, ": ");
	put_dbml_side(out, r->from, r->local, r->local_count);
	md_buf_puts(out, r->cardinality == MD_ONE_TO_ONE ? " - " : " > ");
	put_dbml_side(out, r->to, r->remote, r->remote_count);
	if (actions[r->on_delete]) {
		put_setting(out, &any, "delete: ");
		md_buf_puts(out, actions[r->on_delete]);
	}
	if (actions[r->on_update]) {
		put_setting(out, &any, "update: ");
		md_buf_puts(out, actions[r->on_update]);
	}
	md_buf_puts(out, any ? "]\n" : "\n");
}

/* Foreign keys between tables, each once. */
static bool is_drawn(const struct md_relation *r)
{
	return r->here && !r->from->broken && !r->to->broken && r->from->kind == MD_REL_TABLE &&
	       r->to->kind == MD_REL_TABLE && md_relation_is_known(r);
}

static void each_relation(struct md_schema *schema,
			  void (*put)(struct md_buf *out, const struct md_relation *r))
{
	for (unsigned m = 0; m < schema->count; m++)
		for (unsigned i = 0; i < schema->models[m].relation_count; i++)
			if (is_drawn(&schema->models[m].relations[i]))
				put(schema->out, &schema->models[m].relations[i]);
}

void md_schema_write_dbml(struct md_schema *schema)
{
	for (unsigned i = 0; i < schema->count; i++)
		if (!schema->models[i].broken && schema->models[i].kind == MD_REL_TABLE)
			put_dbml_table(schema->out, &schema->models[i]);
	each_relation(schema, put_dbml_ref);
}

/* --- Mermaid -----------------------------------------------------------------------------------
 */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Between quotes. A percent sign could begin a directive, wherever it stands. */
static void put_label(struct md_buf *out, struct md_str text)
{
	md_buf_putc(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if ((unsigned char)c < ' ' || c == '%' || c == '\\')
			c = '_';
		md_buf_putc(out, c == '"' ? '\'' : c);
	}
	md_buf_putc(out, '"');
}

/* Attributes and types are words. */
static void put_word(struct md_buf *out, struct md_str text)
{
	if (text.len == 0 || (text.ptr[0] >= '0' && text.ptr[0] <= '9'))
		md_buf_putc(out, '_');
	for (size_t i = 0; i < text.len; i++)
		md_buf_putc(out, is_word(text.ptr[i]) ? text.ptr[i] : '_');
}

static bool is_foreign(const struct md_model *model, const struct md_field *field)
{
	for (unsigned i = 0; i < model->relation_count; i++) {
		const struct md_relation *r = &model->relations[i];

		for (unsigned c = 0; r->here && c < r->local_count; c++)
			if (r->local[c] == field)
				return true;
	}
	return false;
}

static void put_attribute(struct md_buf *out, const struct md_model *model,
			  const struct md_field *field)
{
	const struct md_shape shape = md_shape_of(field);
	const struct {
		const char *name;
		bool set;
	} keys[] = { { "PK", field->key_position >= 0 },
		     { "FK", is_foreign(model, field) },
		     { "UK", field->unique && field->key_position < 0 } };
	bool any = false;

	md_buf_puts(out, "    ");
	md_buf_puts(out, md_shape_name(shape.type == MD_DEF_ARRAY ? shape.items : shape.type));
	md_buf_puts(out, shape.type == MD_DEF_ARRAY ? "[] " : " ");
	put_word(out, field->name);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!keys[i].set)
			continue;
		md_buf_printf(out, "%s%s", any ? ", " : " ", keys[i].name);
		any = true;
	}
	if (md_field_note(field).ptr) {
		md_buf_putc(out, ' ');
		put_label(out, md_field_note(field));
	}
	md_buf_putc(out, '\n');
}

static void put_entity(struct md_buf *out, const struct md_model *model)
{
	md_buf_puts(out, "  ");
	put_label(out, model->name);
	md_buf_puts(out, " {\n");
	for (unsigned i = 0; i < model->field_count; i++)
		if (md_field_is_known(&model->fields[i]))
			put_attribute(out, model, &model->fields[i]);
	md_buf_puts(out, "  }\n");
}

static bool may_be_null(const struct md_relation *r)
{
	for (unsigned i = 0; i < r->local_count; i++)
		if (r->local[i]->nullable)
			return true;
	return false;
}

static void put_line(struct md_buf *out, const struct md_relation *r)
{
	md_buf_puts(out, "  ");
	put_label(out, r->to->name);
	md_buf_puts(out, may_be_null(r) ? " |o--" : " ||--");
	md_buf_puts(out, r->cardinality == MD_ONE_TO_ONE ? "o| " : "o{ ");
	put_label(out, r->from->name);
	md_buf_puts(out, " : ");
	put_label(out, r->constraint);
	md_buf_putc(out, '\n');
}

void md_schema_write_mermaid(struct md_schema *schema)
{
	md_buf_puts(schema->out, "erDiagram\n");
	for (unsigned i = 0; i < schema->count; i++)
		if (!schema->models[i].broken)
			put_entity(schema->out, &schema->models[i]);
	each_relation(schema, put_line);
}
