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

/* The same mistake twice at the same place, and memory after it: then it is one. */
json_t *md_json_load(const char *text, size_t len, size_t flags, json_error_t *where,
		     bool *ret_no_memory)
{
	json_error_t first, again;
	json_t *json = json_loadb(text, len, flags, &first);

	*ret_no_memory = false;
	if (json)
		return json;
	json = json_loadb(text, len, flags, &again);
	*ret_no_memory = json || first.position != again.position || first.text[0] == '\0' ||
			 strcmp(first.text, again.text) != 0 || !has_memory();
	json_decref(json);
	if (where)
		*where = first;
	return NULL;
}
