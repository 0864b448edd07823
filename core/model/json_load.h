/* JSON text as a tree of jansson's, where a lack of memory is not taken for a mistake in the text:
 * when an allocation fails, jansson mostly says that a token is invalid, or drops a byte of a text.
 * The tree is the caller's. Any thread. */
#ifndef MD_CORE_MODEL_JSON_LOAD_H
#define MD_CORE_MODEL_JSON_LOAD_H
#include <jansson.h>
#include <stdbool.h>

/** json_loadb(); NULL with *ret_no_memory set, or with what is wrong in *where, which may be NULL.
 */
json_t *md_json_load(const char *text, size_t len, size_t flags, json_error_t *where,
		     bool *ret_no_memory);
#endif
