/* JSON texts, written from the front to the back. */
#include "core/json/write.h"
#include "core/ops/schema_private.h"

#include "core/base/banned.h"

void md_schema_quote(struct md_buf *out, struct md_str text)
{
	md_json_write_string(out, text.ptr ? text.ptr : "", text.len);
}

static void put_line(struct md_json_out *json)
{
	if (!json->lines)
		return;
	md_buf_putc(json->out, '\n');
	for (unsigned i = 0; i < json->depth; i++)
		md_buf_puts(json->out, "  ");
}

static void put_key(struct md_json_out *json, struct md_str key)
{
	if (json->has_items)
		md_buf_putc(json->out, ',');
	if (json->depth > 0)
		put_line(json);
	if (key.ptr) {
		md_schema_quote(json->out, key);
		md_buf_puts(json->out, json->lines ? ": " : ":");
	}
	json->has_items = true;
}

void md_json_open(struct md_json_out *json, struct md_str key, char bracket)
{
	put_key(json, key);
	md_buf_putc(json->out, bracket);
	json->depth++;
	json->has_items = false;
}

void md_json_close(struct md_json_out *json, char bracket)
{
	json->depth--;
	if (json->has_items)
		put_line(json);
	md_buf_putc(json->out, bracket);
	json->has_items = true;
	if (json->depth == 0 && json->lines)
		md_buf_putc(json->out, '\n');
}

void md_json_text_value(struct md_json_out *json, struct md_str key, struct md_str text)
{
	put_key(json, key);
	md_schema_quote(json->out, text);
}

void md_json_text_if(struct md_json_out *json, struct md_str key, struct md_str text)
{
	if (text.ptr)
		md_json_text_value(json, key, text);
}

void md_json_plain(struct md_json_out *json, struct md_str key, const char *text)
{
	put_key(json, key);
	md_buf_puts(json->out, text);
}

void md_json_unsigned(struct md_json_out *json, struct md_str key, unsigned value)
{
	put_key(json, key);
	md_buf_put_i64(json->out, value);
}

void md_json_bool(struct md_json_out *json, struct md_str key, bool value)
{
	md_json_plain(json, key, value ? "true" : "false");
}

void md_json_flag(struct md_json_out *json, struct md_str key, bool value)
{
	if (value)
		md_json_bool(json, key, true);
}

void md_json_names(struct md_json_out *json, struct md_str key,
		   const struct md_field *const *fields, unsigned count)
{
	md_json_open(json, key, '[');
	for (unsigned i = 0; i < count; i++)
		md_json_text_value(json, MD_NO_KEY, fields[i]->name);
	md_json_close(json, ']');
}

/* Numbers and documents were read as JSON, so they are; one that could not be is a text. */
void md_json_value(struct md_json_out *json, struct md_str key, const struct md_def_value *value)
{
	enum { DEPTH = 64 };
	bool plain = value->kind == MD_DEF_BOOL ||
		     ((value->kind == MD_DEF_NUMBER || value->kind == MD_DEF_TREE) &&
		      md_json_is_valid(value->text, strlen(value->text), DEPTH));

	if (value->kind == MD_DEF_NO_VALUE)
		return;
	if (value->kind == MD_DEF_NULL)
		md_json_plain(json, key, "null");
	else if (plain)
		md_json_plain(json, key, value->text);
	else
		md_json_text_value(json, key, md_str_of(value->text));
}
