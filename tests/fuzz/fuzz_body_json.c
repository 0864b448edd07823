/* The reader of JSON bodies and jansson accept the same texts, but for what each leaves to itself,
 * and every cell is the value that jansson found. Differences: jansson refuses numbers out of its
 * range; the reader refuses arrays of anything but objects with the same keys, and has limits. */
#include <jansson.h>

#include "core/json/write.h"
#include "tests/fuzz/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *parse(const char *text, size_t size, json_error_t *error)
{
	return json_loadb(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, error);
}

/* Digits may differ between the two, never the number. */
static void compare_number(const json_t *value, struct md_str text)
{
	double number;
	char copy[1100];

	fuzz_require(json_is_number(value) && text.len < sizeof(copy));
	fuzz_require(md_json_is_number(text.ptr, text.len));
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	number = strtod(copy, NULL);
	fuzz_require(!(number < json_number_value(value)) && !(number > json_number_value(value)));
}

static void compare(const json_t *value, const struct md_body_cell *cell)
{
	json_error_t error;
	json_t *nested;

	switch (cell->kind) {
	case MD_CELL_ABSENT:
		fuzz_require(value == NULL);
		break;
	case MD_CELL_NULL:
		fuzz_require(json_is_null(value));
		break;
	case MD_CELL_BOOL:
		fuzz_require(cell->truth ? json_is_true(value) : json_is_false(value));
		break;
	case MD_CELL_NUMBER:
		compare_number(value, cell->text);
		break;
	case MD_CELL_STRING:
		fuzz_require(json_is_string(value) && json_string_length(value) == cell->text.len &&
			     memcmp(json_string_value(value), cell->text.ptr, cell->text.len) == 0);
		break;
	case MD_CELL_JSON:
		nested = parse(cell->text.ptr, cell->text.len, &error);
		fuzz_require(nested && json_equal(value, nested));
		json_decref(nested);
		break;
	}
}

static void look(void *arg, size_t row, const struct md_str *columns,
		 const struct md_body_cell *cells, unsigned count)
{
	json_t *json = arg;
	const json_t *object = json_is_array(json) ? json_array_get(json, row) : json;

	if (!json)
		return;
	fuzz_require(json_is_object(object));
	for (unsigned i = 0; i < count; i++)
		compare(json_object_getn(object, columns[i].ptr, columns[i].len), &cells[i]);
}

/* Or is it JSON that cannot be the rows of a table? */
static bool is_rows(const json_t *json)
{
	json_t *first = json_array_get(json, 0), *row, *value;
	const char *key;
	size_t i;

	if (!json_is_array(json))
		return true;
	json_array_foreach(json, i, row)
	{
		if (!json_is_object(row) || json_object_size(row) != json_object_size(first))
			return false;
		json_object_foreach((json_t *)(uintptr_t)first, key,
				    value) if (!json_object_get(row, key)) return false;
	}
	return true;
}

static bool is_too_deep(const uint8_t *text, size_t size)
{
	unsigned depth = 0;

	for (size_t i = 0; i < size; i++)
		depth += text[i] == '[' || text[i] == '{';
	return depth > fuzz_limits.depth;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct md_str given[] = { { "b", 1 }, { "a", 1 }, { "\xC3\xA9", 2 } };
	json_error_t error;
	json_t *json = parse((const char *)data, size, &error);
	enum json_error_code why = json ? json_error_unknown : json_error_code(&error);
	bool has_nul = size > 0 && memchr(data, 0, size); /* jansson loses one behind a number */
	enum md_code code = fuzz_body(MD_BODY_JSON, data, size, NULL, 0, look, json);

	fuzz_body(MD_BODY_JSON, data, size, given, 3, look, json);
	if (has_nul)
		fuzz_require(code != MD_OK);
	else if (code == MD_OK)
		fuzz_require(json || why == json_error_numeric_overflow);
	else if (code == MD_INVALID)
		fuzz_require(!json || !is_rows(json));
	else
		fuzz_require(is_too_deep(data, size) || size > fuzz_limits.number);
	json_decref(json);
	return 0;
}
