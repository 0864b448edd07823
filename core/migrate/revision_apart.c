/* What operations touch, and whether two lists of them have something in common. In doubt they do:
 * a revision that is put behind another must mean what it meant alone. Every word of a definition
 * counts as a name that it refers to, for it may be one: of a model, an enum, or a field in an
 * expression. */
#include <stdlib.h>
#include <string.h>

#include "core/base/sql_text.h"
#include "core/migrate/revision_private.h"

#include "core/base/banned.h"

enum touch_how {
	REFERS, /* needs it to be as it is */
	ADDS,   /* a field that was not there: nobody refers to it yet */
	CHANGES
};
struct touch {
	struct md_str name;  /* of a model or an enum, or a table when `table` */
	struct md_str field; /* ptr NULL: the whole */
	enum touch_how how;
	bool table;
};
struct touches {
	struct touch *items;
	size_t count, room;
	bool everything, failed;
};

/* --- what one list touches ---------------------------------------------------------------------
 */

static void add(struct touches *touches, struct touch touch)
{
	if (touches->count == touches->room) {
		size_t room = touches->room ? 2 * touches->room : 64;
		struct touch *items = realloc(touches->items, room * sizeof(*items));

		if (!items) {
			touches->failed = true;
			return;
		}
		touches->items = items;
		touches->room = room;
	}
	touches->items[touches->count++] = touch;
}

static struct md_str member(const json_t *operation, const char *key)
{
	const json_t *value = json_object_get(operation, key);

	return (struct md_str){ json_string_value(value), json_string_length(value) };
}

static void add_words(struct touches *touches, struct md_str model, enum touch_how how,
		      struct md_str text)
{
	const char *p = text.ptr, *end = text.ptr + text.len;

	while (p < end) {
		const char *start = p;
		struct md_str word;

		while (p < end && md_sql_is_word(*p))
			p++;
		word = (struct md_str){ start, (size_t)(p - start) };
		if (word.len == 0) {
			p++;
			continue;
		}
		add(touches, (struct touch){ .name = word, .how = REFERS });
		if (model.ptr)
			add(touches, (struct touch){ .name = model, .field = word, .how = how });
	}
}

static void add_all_words(struct touches *touches, struct md_str model, enum touch_how how,
			  const json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_string(value))
		add_words(touches, model, how,
			  (struct md_str){ json_string_value(value), json_string_length(value) });
	json_array_foreach((json_t *)(uintptr_t)value, i, item)
		add_all_words(touches, model, how, item);
	json_object_foreach((json_t *)(uintptr_t)value, key, item)
		add_all_words(touches, model, how, item);
}

static void add_definitions(struct touches *touches, struct md_str model, enum touch_how how,
			    const json_t *operation)
{
	static const char *const keys[] = { "definition", "from", "to", "backfill", "value" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		add_all_words(touches, model, how, json_object_get(operation, keys[i]));
}

static void add_whole(struct touches *touches, struct md_str name)
{
	if (name.ptr)
		add(touches, (struct touch){ .name = name, .how = CHANGES });
}

static void add_table_name(struct touches *touches, struct md_str table)
{
	if (table.ptr)
		add(touches, (struct touch){ .name = table, .how = CHANGES, .table = true });
}

static void add_table(struct touches *touches, const json_t *definition)
{
	add_table_name(touches, member(definition, "table"));
}

static void touch_model(struct touches *touches, const json_t *operation)
{
	static const struct md_str none = { NULL, 0 };

	add_whole(touches, member(operation, "model"));
	add_definitions(touches, none, REFERS, operation);
	add_table(touches, json_object_get(operation, "definition"));
	add_table(touches, json_object_get(operation, "from"));
	add_table(touches, json_object_get(operation, "to"));
}

static void touch_names(struct touches *touches, const json_t *operation)
{
	const json_t *tables = json_object_get(operation, "table");

	add_whole(touches, member(operation, "from"));
	add_whole(touches, member(operation, "to"));
	add_table_name(touches, member(tables, "from"));
	add_table_name(touches, member(tables, "to"));
}

static void touch_enum(struct touches *touches, const json_t *operation)
{
	add_whole(touches, member(operation, "enum"));
}

static void add_field(struct touches *touches, const json_t *operation, const char *key,
		      enum touch_how how)
{
	struct md_str model = member(operation, "model"), field = member(operation, key);

	add(touches, (struct touch){ .name = model, .field = field, .how = how });
}

static void touch_new_field(struct touches *touches, const json_t *operation)
{
	add_field(touches, operation, "field", ADDS);
	add_definitions(touches, member(operation, "model"), REFERS, operation);
}

static void touch_field(struct touches *touches, const json_t *operation)
{
	add_field(touches, operation, "field", CHANGES);
	add_definitions(touches, member(operation, "model"), REFERS, operation);
}

static void touch_field_names(struct touches *touches, const json_t *operation)
{
	add_field(touches, operation, "from", CHANGES);
	add_field(touches, operation, "to", CHANGES);
}

/* An index, a check, a key: over fields that it names somewhere. */
static void touch_part(struct touches *touches, const json_t *operation)
{
	add_definitions(touches, member(operation, "model"), CHANGES, operation);
}

static const struct {
	const char *op;
	void (*touch)(struct touches *touches, const json_t *operation);
} operations[] = {
	{ "create_table", touch_model },    { "drop_table", touch_model },
	{ "alter_model", touch_model },     { "rename_model", touch_names },
	{ "add_field", touch_new_field },   { "drop_field", touch_field },
	{ "alter_field", touch_field },     { "rename_field", touch_field_names },
	{ "backfill", touch_field },        { "alter_enum", touch_enum },
	{ "add_index", touch_part },        { "drop_index", touch_part },
	{ "rename_index", touch_part },     { "add_check", touch_part },
	{ "drop_check", touch_part },       { "add_foreign_key", touch_part },
	{ "drop_foreign_key", touch_part },
};

static void touch_one(struct touches *touches, const json_t *operation)
{
	const char *op = json_string_value(json_object_get(operation, "op"));

	for (size_t i = 0; op && i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(operations[i].op, op) != 0)
			continue;
		operations[i].touch(touches, operation);
		return;
	}
	touches->everything = true; /* SQL, or what a later version writes */
}

/* --- two lists ---------------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
	const struct touch *one = a, *other = b;
	int by = (int)one->table - (int)other->table;

	by = by ? by : md_str_compare(one->name, other->name);
	by = by ? by : (one->field.ptr != NULL) - (other->field.ptr != NULL);
	by = by ? by : md_str_compare(one->field, other->field);
	return by ? by : (int)other->how - (int)one->how;
}

static bool is_same_place(const struct touch *one, const struct touch *other)
{
	return one->table == other->table && md_str_equal(one->name, other->name) &&
	       (one->field.ptr != NULL) == (other->field.ptr != NULL) &&
	       md_str_equal(one->field, other->field);
}

/* Sorted, and of each place the strongest touch only. */
static bool gather(const json_t *list, struct touches *touches)
{
	size_t i, kept = 0;
	json_t *operation;

	json_array_foreach((json_t *)(uintptr_t)list, i, operation) touch_one(touches, operation);
	if (touches->failed || touches->count == 0)
		return !touches->failed;
	qsort(touches->items, touches->count, sizeof(*touches->items), compare);
	for (i = 1; i < touches->count; i++)
		if (!is_same_place(&touches->items[kept], &touches->items[i]))
			touches->items[++kept] = touches->items[i];
	touches->count = kept + 1;
	return true;
}

/* Of the same model. A whole that is referred to may gain fields, but not go or be another; a field
 * that is referred to must stay as it is. */
static bool collide(const struct touch *one, const struct touch *other)
{
	const struct touch *weak = one->how <= other->how ? one : other;
	const struct touch *strong = weak == one ? other : one;
	bool same_field =
		one->field.ptr && other->field.ptr && md_str_equal(one->field, other->field);

	if (strong->how == REFERS)
		return false;
	if (same_field)
		return true;
	if (weak->how == REFERS) /* the key of what is referred to may be any of its fields */
		return !strong->field.ptr || (!weak->field.ptr && strong->how == CHANGES);
	return !one->field.ptr || !other->field.ptr;
}

static void put_common(struct md_buf *out, const struct touch *one, const struct touch *other)
{
	struct md_str field = one->field.ptr ? one->field : other->field;

	md_buf_puts(out, out->len > 0 ? ", " : "");
	md_buf_puts(out, one->table ? "table " : "");
	md_buf_putstr(out, one->name);
	if (!field.ptr)
		return;
	md_buf_putc(out, '.');
	md_buf_putstr(out, field);
}

/* Places of one name stand together. */
static size_t end_of_name(const struct touches *touches, size_t from)
{
	size_t end = from;

	while (end < touches->count && touches->items[end].table == touches->items[from].table &&
	       md_str_equal(touches->items[end].name, touches->items[from].name))
		end++;
	return end;
}

static void meet_name(const struct touches *one, size_t i, const struct touches *other, size_t j,
		      struct md_buf *out)
{
	size_t end_i = end_of_name(one, i), end_j = end_of_name(other, j);

	for (; i < end_i; i++)
		for (size_t k = j; k < end_j; k++)
			if (collide(&one->items[i], &other->items[k])) {
				put_common(out, &one->items[i], &other->items[k]);
				return; /* one is enough to name the model */
			}
}

static void meet(const struct touches *one, const struct touches *other, struct md_buf *out)
{
	size_t i = 0, j = 0;

	while (i < one->count && j < other->count) {
		const struct touch *a = &one->items[i], *b = &other->items[j];
		int by = (int)a->table - (int)b->table;

		by = by ? by : md_str_compare(a->name, b->name);
		if (by == 0)
			meet_name(one, i, other, j, out);
		if (by <= 0)
			i = end_of_name(one, i);
		if (by >= 0)
			j = end_of_name(other, j);
	}
}

enum md_code md_operations_common(const json_t *one, const json_t *other, struct md_buf *out,
				  struct md_error *err)
{
	struct touches left = { .items = NULL }, right = { .items = NULL };
	enum md_code code = MD_OK;

	if (!gather(one, &left) || !gather(other, &right))
		code = md_fail_nomem(err);
	else if ((left.everything && json_array_size(other) > 0) ||
		 (right.everything && json_array_size(one) > 0))
		md_buf_puts(out, "SQL, which may touch anything");
	else
		meet(&left, &right, out);
	free(left.items);
	free(right.items);
	return code;
}

bool md_operations_are_apart(const json_t *one, const json_t *other)
{
	md_auto_buf common = MD_BUF(1 << 20);

	return md_operations_common(one, other, &common, NULL) == MD_OK && common.len == 0 &&
	       !common.failed;
}
