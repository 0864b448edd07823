#include "core/model/json_load.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/banned.h"

enum { PROBES = 64, PROBE = 512 };

/* Are there some blocks of the sizes that a parser takes? */
static bool has_memory(void)
{
	void *blocks[PROBES];
	unsigned count = 0;

	while (count < PROBES && (blocks[count] = malloc(PROBE)))
		count++;
	for (unsigned i = 0; i < count; i++)
		free(blocks[i]);
	return count == PROBES;
}

/* jansson (2.14) drops a byte of a text, and says nothing, when its buffer cannot grow: only what
 * was read twice with one outcome is believed. */
json_t *md_json_load(const char *text, size_t len, size_t flags, json_error_t *where,
		     bool *ret_no_memory)
{
	json_error_t first_error = { .line = 0 }, error = { .line = 0 };
	json_t *first = json_loadb(text, len, flags, &first_error);
	json_t *again = json_loadb(text, len, flags, &error);
	bool same = first ? again && json_equal(first, again)
			  : !again && first_error.position == error.position &&
				    error.text[0] != '\0' &&
				    strcmp(first_error.text, error.text) == 0 && has_memory();

	json_decref(again);
	*ret_no_memory = !same;
	if (where)
		*where = first_error;
	if (same)
		return first;
	json_decref(first);
	return NULL;
}
