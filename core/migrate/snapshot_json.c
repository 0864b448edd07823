/* JSON as text, always the same for the same value. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/sha256.h"
#include "core/migrate/snapshot_private.h"

#include "core/base/banned.h"

static void put_text(struct md_buf *out, const char *text, size_t len)
{
	md_buf_putc(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			md_buf_printf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7F)
			md_buf_printf(out, "\\u%04x", c);
		else
			md_buf_putc(out, (char)c);
	}
	md_buf_putc(out, '"');
}

/* With a point or an exponent, so that it stays a real. */
static void put_real(struct md_buf *out, double value)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		double again;

		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (md_str_to_double(md_str_of(text), &again) && again >= value && again <= value)
			break;
	}
	md_buf_puts(out, text);
	if (!strpbrk(text, ".e"))
		md_buf_puts(out, ".0");
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_sorted(struct md_buf *out, const json_t *object)
{
	size_t count = json_object_size(object), i = 0;
	const char **keys = malloc((count + 1) * sizeof(*keys)), *key;
	json_t *value;

	if (!keys) {
		out->failed = true;
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)object, key, value) keys[i++] = key;
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (i = 0; i < count; i++) {
		md_buf_putc(out, i > 0 ? ',' : '{');
		put_text(out, keys[i], strlen(keys[i]));
		md_buf_putc(out, ':');
		md_json_put(out, json_object_get(object, keys[i]), MD_JSON_SORTED);
	}
	md_buf_puts(out, count > 0 ? "}" : "{}");
	free(keys);
}

static void put_object(struct md_buf *out, const json_t *object, enum md_json_form form)
{
	const json_t *exact = json_object_get(object, MD_JSON_EXACT);
	const char *key, *separator = "";
	json_t *value;

	if (form == MD_JSON_LOADED && json_is_string(exact) && json_object_size(object) == 1) {
		md_buf_puts(out, json_string_value(exact));
		return;
	}
	md_buf_putc(out, '{');
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		md_buf_puts(out, separator);
		put_text(out, key, strlen(key));
		md_buf_putc(out, ':');
		md_json_put(out, value, form);
		separator = ",";
	}
	md_buf_putc(out, '}');
}

static void put_array(struct md_buf *out, const json_t *array, enum md_json_form form)
{
	md_buf_putc(out, '[');
	for (size_t i = 0; i < json_array_size(array); i++) {
		md_buf_puts(out, i > 0 ? "," : "");
		md_json_put(out, json_array_get(array, i), form);
	}
	md_buf_putc(out, ']');
}

/* Recursive; jansson reads nothing that is nested deeper than 2,048. */
void md_json_put(struct md_buf *out, const json_t *value, enum md_json_form form)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		if (form == MD_JSON_SORTED)
			put_sorted(out, value);
		else
			put_object(out, value, form);
		return;
	case JSON_ARRAY:
		put_array(out, value, form);
		return;
	case JSON_STRING:
		put_text(out, json_string_value(value), json_string_length(value));
		return;
	case JSON_INTEGER:
		md_buf_put_i64(out, json_integer_value(value));
		return;
	case JSON_REAL:
		put_real(out, json_real_value(value));
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		md_buf_puts(out, json_is_true(value) ? "true" : "false");
		return;
	case JSON_NULL:
		md_buf_puts(out, "null");
		return;
	}
}

enum md_code md_json_checksum(const json_t *value, char out[MD_CHECKSUM_TEXT], struct md_error *err)
{
	static const char digits[] = "0123456789abcdef";
	md_auto_buf text = MD_BUF(MD_JSON_MAX);
	unsigned char sum[MD_SHA256_SIZE];

	md_json_put(&text, value, MD_JSON_SORTED);
	if (text.failed)
		return md_fail_nomem(err);
	md_sha256(text.data, text.len, sum);
	for (unsigned i = 0; i < MD_SHA256_SIZE; i++) {
		out[2 * i] = digits[sum[i] >> 4];
		out[2 * i + 1] = digits[sum[i] & 15];
	}
	out[2 * MD_SHA256_SIZE] = '\0';
	return MD_OK;
}

/* --- copies ------------------------------------------------------------------------------------
 */

static json_t *whole(json_t *copy, const json_t *value)
{
	if (copy && json_equal(copy, value))
		return copy;
	json_decref(copy);
	return NULL;
}

json_t *md_json_copy(const json_t *value)
{
	return whole(json_copy((json_t *)(uintptr_t)value), value);
}

json_t *md_json_deep_copy(const json_t *value)
{
	return whole(json_deep_copy(value), value);
}

bool md_json_equal_but(const json_t *one, const json_t *other, const char *key)
{
	size_t first = json_object_size(one) - (json_object_get(one, key) != NULL);
	size_t second = json_object_size(other) - (json_object_get(other, key) != NULL);
	const char *name;
	json_t *value;

	if (!json_is_object(one) || !json_is_object(other) || first != second)
		return false;
	json_object_foreach(
		(json_t *)(uintptr_t)one, name,
		value) if (strcmp(name, key) != 0 &&
			   !json_equal(value, json_object_get(other, name))) return false;
	return true;
}

/* --- lists without order -----------------------------------------------------------------------
 */

const char *const md_snapshot_lists[] = { "unique", "indexes", "checks", "foreign_keys" };

struct sorted {
	char *text;
	json_t *item; /* borrowed from the list */
};

static int compare_items(const void *a, const void *b)
{
	return strcmp(((const struct sorted *)a)->text, ((const struct sorted *)b)->text);
}

/* What an item is goes before how it is called: names that come and go change no order. */
static char *text_of(const json_t *item)
{
	md_auto_buf text = MD_BUF(MD_JSON_MAX);
	md_auto_json rest = md_json_copy(item);
	const json_t *name = json_object_get(item, "name");
	size_t len;

	if (!rest)
		return NULL;
	json_object_del(rest, "name");
	md_json_put(&text, rest, MD_JSON_SORTED);
	md_buf_putc(&text, '\n');
	if (name)
		md_json_put(&text, name, MD_JSON_SORTED);
	return md_buf_text(&text) ? md_buf_take(&text, &len) : NULL;
}

static bool sort_list(json_t *list)
{
	size_t count = json_array_size(list), got = 0;
	struct sorted *items;
	bool ok = true;

	if (count < 2)
		return true;
	items = calloc(count, sizeof(*items));
	for (; items && got < count; got++) {
		items[got].item = json_array_get(list, got);
		items[got].text = text_of(items[got].item);
		ok = ok && items[got].text;
	}
	if (ok && items) {
		qsort(items, count, sizeof(*items), compare_items);
		for (size_t i = 0; i < count; i++)
			json_incref(items[i].item);
		/* Replacing allocates nothing. */
		for (size_t i = 0; i < count; i++)
			json_array_set_new(list, i, items[i].item);
	}
	for (size_t i = 0; i < got; i++)
		free(items[i].text);
	free(items);
	return ok && items;
}

bool md_snapshot_sort(json_t *document)
{
	json_t *model;
	const char *name;
	bool ok = true;

	json_object_foreach(json_object_get(document, "models"), name,
			    model) for (unsigned i = 0; i < MD_SNAPSHOT_LISTS; i++) ok =
		ok && sort_list(json_object_get(model, md_snapshot_lists[i]));
	return ok;
}
