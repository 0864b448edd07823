/* The validator and jansson give the same verdict about any text, wherever jansson has no limits of
 * its own (numbers out of range, NUL in keys, its depth); a text is valid as a number only if it
 * is valid JSON. What is left of valid JSON without members that are null is valid, and the same
 * when that is done again. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/write.h"

enum { DEPTH = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_too_deep(const char *text, size_t size)
{
	int depth = 0, deepest = 0;

	for (size_t i = 0; i < size; i++) {
		depth += (text[i] == '[' || text[i] == '{') - (text[i] == ']' || text[i] == '}');
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest > DEPTH;
}

static void check_stripped(const char *text, size_t size)
{
	char *stripped = malloc(size + 1);
	size_t len;

	if (!stripped)
		return;
	memcpy(stripped, text, size);
	len = md_json_strip_nulls(stripped, size);
	if (len > size || !md_json_is_valid(stripped, len, DEPTH))
		abort();
	if (md_json_strip_nulls(stripped, len) != len)
		abort();
	free(stripped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	bool valid = md_json_is_valid(text, size, DEPTH);
	json_error_t error;
	json_t *json = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	enum json_error_code code = json ? json_error_unknown : json_error_code(&error);

	bool has_nul = size > 0 && memchr(text, 0, size); /* jansson loses one behind a number */

	if (has_nul ? valid : json && !valid && !is_too_deep(text, size))
		abort();
	if (valid && !json && code != json_error_numeric_overflow &&
	    code != json_error_null_byte_in_key)
		abort();
	if (md_json_is_number(text, size) && !valid)
		abort();
	if (valid)
		check_stripped(text, size);
	json_decref(json);
	return 0;
}
