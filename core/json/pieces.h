/* The members of an object and the elements of a list in JSON text that is known to be well-formed
 * (md_body_open(), or made by ourselves), as spans of that text. Nothing is copied or decoded.
 * Pure; any thread. */
#ifndef MD_CORE_JSON_PIECES_H
#define MD_CORE_JSON_PIECES_H
#include <stdbool.h>

#include "core/base/buf.h"

/** A place between two pieces. */
struct md_pieces {
	const char *at, *end;
};

/** Stand before the first piece of `text`, an object or a list. */
void md_pieces_open(struct md_pieces *pieces, struct md_str text);
/** The next member: its name as it is written between the quotes, and its value. False: there are
 * no more. */
bool md_pieces_member(struct md_pieces *pieces, struct md_str *ret_name, struct md_str *ret_value);
/** The next element. False: there are no more. */
bool md_pieces_element(struct md_pieces *pieces, struct md_str *ret_value);
/** The value of the member with this name; not given: there is none. */
struct md_str md_pieces_find(struct md_str object, struct md_str name);
/** Whether a name as it is written stands for `name`. */
bool md_pieces_name_is(struct md_str written, struct md_str name);
/** The text that a value stands for: strings without their quotes, everything else as it is. */
void md_pieces_put_plain(struct md_buf *out, struct md_str value);
#endif
