/* Any bytes become a well-formed JSON string, which reads back as the same bytes when they were
 * UTF-8; the worst case of room is never exceeded. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/raw.h"
#include "core/json/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	json_t *json;
	md_auto_buf out;

	md_buf_init(&out, SIZE_MAX);
	md_json_write_string(&out, text, size);
	if (out.failed || out.len > md_raw_text_room(size) ||
	    !md_json_is_valid(out.data, out.len, 0))
		abort();
	json = json_loadb(out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!json)
		abort();
	if (md_utf8_is_valid(text, size) &&
	    (json_string_length(json) != size ||
	     (size > 0 && memcmp(json_string_value(json), text, size) != 0)))
		abort();
	json_decref(json);
	return 0;
}
