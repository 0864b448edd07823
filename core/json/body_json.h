/* Private to core/json: the first pass over a JSON body, values (body_json_values.c) and the rows
 * made of them (body_json.c).
 *
 * Scanners take a place and return the one behind what they read; NULL: it is not there, and
 * json->code says why unless it is plainly no JSON. */
#ifndef MD_CORE_JSON_BODY_JSON_H
#define MD_CORE_JSON_BODY_JSON_H
#include "core/json/body_reader.h"

/* An open bracket, and where the keys of an object begin on the stack of keys. */
struct md_json_level {
	unsigned first_key;
	bool is_object;
};

struct md_json {
	struct md_fence *fence;
	const char *end;
	struct md_json_level *levels;
	unsigned depth;
	struct md_body_key *keys; /* of all open objects; of a row only those without a column */
	unsigned key_count, key_room;
	size_t *seen; /* by column: the last row that had it, counted from 1 */
	enum md_code code;
	bool escaped;    /* a string had a backslash since this was last cleared */
	bool is_scalar;  /* the text is neither object nor array */
	bool has_values; /* the array holds something that is no object */
	bool has_others; /* rows differ in their keys */
	size_t need;     /* scratch for this row */
};

/** Set the code; returns NULL. */
const char *md_json_refuse(struct md_json *json, enum md_code code);
/** The same for a limit. */
const char *md_json_too_large(struct md_json *json, size_t limit, const char *of_what);
/** A bracket opens. False: too deep. */
bool md_json_enter(struct md_json *json, bool is_object);
/** A bracket closes: its keys leave the stack. False: one of them is there twice. */
bool md_json_leave(struct md_json *json);
/** A key at its quote, and its name; json->escaped says whether they differ. */
const char *md_json_check_key(struct md_json *json, const char *p, struct md_str *ret_raw,
			      struct md_str *ret_name);
/** Put a key on the stack. False: out of memory. */
bool md_json_push_key(struct md_json *json, struct md_str raw, struct md_str name);
/** The colon behind a key; returns the place of the value. */
const char *md_json_check_colon(struct md_json *json, const char *p);
/** An object that is a row, at its brace. */
const char *md_json_check_row(struct md_json *json, const char *p);
/** Any value at `p`, with all that is in it. */
const char *md_json_check_value(struct md_json *json, const char *p);
#endif
