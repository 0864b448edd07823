/* Operations in words. */
#include "core/base/arena.h"
#include "core/migrate/change_private.h"

#include "core/base/banned.h"

enum { TEXT_MAX = 64 * 1024, SQL_SHOWN = 60 };

static void put(struct md_buf *out, const char *text)
{
	md_buf_puts(out, text ? text : "");
}

/* The beginning, up to the end of a character. */
static void put_start(struct md_buf *out, const char *text)
{
	size_t len = strnlen(text, SQL_SHOWN + 1);

	if (len <= SQL_SHOWN) {
		md_buf_put(out, text, len);
		return;
	}
	while (((unsigned char)text[len] & 0xC0) == 0x80)
		len--;
	md_buf_put(out, text, len);
	md_buf_puts(out, "...");
}

static void put_names(struct md_buf *out, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		put(out, i > 0 ? ", " : "");
		put(out, json_string_value(json_array_get(list, i)));
	}
}

/* The keys that differ; those on one side only included. */
static void put_differences(struct md_buf *out, const json_t *operation)
{
	json_t *from = json_object_get(operation, "from");
	json_t *to = json_object_get(operation, "to"), *value;
	const char *key, *separator = ": ";

	json_object_foreach(from, key, value)
	{
		if (json_equal(value, json_object_get(to, key)))
			continue;
		put(out, separator);
		put(out, key);
		separator = ", ";
	}
	json_object_foreach(to, key, value)
	{
		if (json_object_get(from, key))
			continue;
		put(out, separator);
		put(out, key);
		separator = ", ";
	}
}

static void put_index(struct md_buf *out, const json_t *operation, const char *verb,
		      const char *where)
{
	const json_t *definition = json_object_get(operation, "definition");

	md_buf_printf(out, "%s %s (", verb,
		      json_is_true(json_object_get(operation, "unique")) ? "unique key" : "index");
	put_names(out, json_object_get(definition, "fields"));
	md_buf_printf(out, ") %s ", where);
	put(out, md_change_str(operation, "model"));
}

static void put_check(struct md_buf *out, const json_t *operation, const char *verb,
		      const char *where)
{
	const json_t *definition = json_object_get(operation, "definition");
	const json_t *sql = json_object_get(definition, "sql");
	const char *name = md_change_str(definition, "name");
	const char *text = json_string_value(sql);

	md_buf_printf(out, "%s check ", verb);
	put(out, name ? name : "(");
	if (!name) {
		put_start(out, text ? text : "...");
		put(out, ")");
	}
	md_buf_printf(out, " %s ", where);
	put(out, md_change_str(operation, "model"));
}

static void put_key(struct md_buf *out, const json_t *operation, const char *verb,
		    const char *where)
{
	const json_t *definition = json_object_get(operation, "definition");

	md_buf_printf(out, "%s foreign key (", verb);
	put_names(out, json_object_get(definition, "fields"));
	put(out, ") to ");
	put(out, md_change_str(definition, "model"));
	md_buf_printf(out, " %s ", where);
	put(out, md_change_str(operation, "model"));
}

static void put_table(struct md_buf *out, const json_t *operation, const char *verb,
		      const char *other)
{
	const json_t *definition = json_object_get(operation, "definition");
	bool foreign = json_is_false(json_object_get(definition, "managed"));

	md_buf_printf(out, "%s table ", foreign ? other : verb);
	put(out, md_change_str(operation, "model"));
	put(out, foreign ? ", which is not managed" : "");
}

static bool is_among(const json_t *list, const json_t *label)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), label))
			return true;
	return false;
}

static const char *put_labels(struct md_buf *out, const json_t *list, const json_t *others,
			      const char *verb, const char *separator)
{
	const char *before = NULL;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *label = json_array_get(list, i);

		if (is_among(others, label))
			continue;
		if (!before)
			md_buf_printf(out, "%s %s ", separator, verb);
		put(out, before);
		put(out, json_string_value(label));
		before = ", ";
	}
	return before ? ";" : separator;
}

static void put_enum(struct md_buf *out, const json_t *operation)
{
	const json_t *from = json_object_get(operation, "from");
	const json_t *to = json_object_get(operation, "to");

	md_buf_printf(out, "%s enum ",
		      json_is_null(from) ? "add"
		      : json_is_null(to) ? "drop"
					 : "change");
	put(out, md_change_str(operation, "enum"));
	if (json_is_array(from) && json_is_array(to))
		put_labels(out, from, to, "drop", put_labels(out, to, from, "add", ":"));
}

static void put_rename(struct md_buf *out, const json_t *operation, const char *what)
{
	const char *from = md_change_str(operation, "from"), *to = md_change_str(operation, "to");
	const char *model = md_change_str(operation, "model");

	md_buf_printf(out, "rename %s ", what);
	if (from)
		put(out, from);
	else
		put_names(out, json_object_get(json_object_get(operation, "definition"), "fields"));
	if (model)
		md_buf_printf(out, " of %s", model);
	md_buf_printf(out, " to %s", to ? to : "what it is called by itself");
}

static void put_field(struct md_buf *out, const json_t *operation, const char *verb,
		      const char *where)
{
	md_buf_printf(out, "%s field ", verb);
	put(out, md_change_str(operation, "field"));
	md_buf_printf(out, " %s ", where);
	put(out, md_change_str(operation, "model"));
}

static void put_change(struct md_buf *out, const json_t *operation, const char *verb,
		       const char *where)
{
	if (json_object_get(operation, "field")) {
		put_field(out, operation, verb, where);
	} else {
		md_buf_printf(out, "%s model ", verb);
		put(out, md_change_str(operation, "model"));
	}
	put_differences(out, operation);
}

static void put_sql(struct md_buf *out, const json_t *operation, const char *verb,
		    const char *where)
{
	const char *text = md_change_str(operation, "up");

	(void)where;
	put(out, verb);
	if (text) {
		put(out, ": ");
		put_start(out, text);
	}
}

static void put_renamed(struct md_buf *out, const json_t *operation, const char *verb,
			const char *where)
{
	(void)where;
	put_rename(out, operation, verb);
}

static void put_enums(struct md_buf *out, const json_t *operation, const char *verb,
		      const char *where)
{
	(void)verb;
	(void)where;
	put_enum(out, operation);
}

static const struct {
	const char *op;
	void (*put)(struct md_buf *out, const json_t *operation, const char *verb,
		    const char *where);
	const char *verb, *where;
} texts[] = {
	{ "create_table", put_table, "create", "describe" },
	{ "drop_table", put_table, "drop", "forget" },
	{ "rename_model", put_renamed, "model", NULL },
	{ "alter_model", put_change, "change", "of" },
	{ "add_field", put_field, "add", "to" },
	{ "drop_field", put_field, "drop", "of" },
	{ "rename_field", put_renamed, "field", NULL },
	{ "alter_field", put_change, "change", "of" },
	{ "add_index", put_index, "add", "to" },
	{ "drop_index", put_index, "drop", "of" },
	{ "rename_index", put_renamed, "index", NULL },
	{ "add_check", put_check, "add", "to" },
	{ "drop_check", put_check, "drop", "of" },
	{ "add_foreign_key", put_key, "add", "of" },
	{ "drop_foreign_key", put_key, "drop", "of" },
	{ "alter_enum", put_enums, NULL, NULL },
	{ "sql", put_sql, "run SQL", NULL },
	{ "backfill", put_field, "fill", "of" },
};

const char *md_change_text(const json_t *operation, struct md_arena *arena)
{
	const char *op = md_change_str(operation, "op");
	md_auto_buf out = MD_BUF(TEXT_MAX);

	for (size_t i = 0; op && i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(op, texts[i].op) == 0)
			texts[i].put(&out, operation, texts[i].verb, texts[i].where);
	for (size_t i = 0; i < out.len; i++)
		if ((unsigned char)out.data[i] < 0x20)
			out.data[i] = ' ';
	return out.failed ? NULL : md_arena_strndup(arena, out.data ? out.data : "", out.len);
}
