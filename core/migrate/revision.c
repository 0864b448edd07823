/* One revision: its text, its checksum, its name. */
#include "core/migrate/revision_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "core/model/json_load.h"

#include "core/base/banned.h"

enum { ID_BYTES = 6, FIND_LEAST = 4, FIND_TOLD = 8 };

/* --- a document --------------------------------------------------------------------------------
 */

static bool is_hex(const char *text, size_t len)
{
	if (strlen(text) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (md_hex_digit(text[i]) < 0 || (text[i] >= 'A' && text[i] <= 'F'))
			return false;
	return true;
}

static bool is_id(const json_t *value)
{
	return json_is_string(value) && is_hex(json_string_value(value), MD_REVISION_TEXT - 1);
}

static bool is_parent(const json_t *value)
{
	return !value || json_is_null(value) || is_id(value) ||
	       (json_is_string(value) && json_string_length(value) == 0);
}

static bool is_text_or_none(const json_t *value)
{
	return !value || json_is_null(value) || json_is_string(value);
}

static bool are_operations(const json_t *value)
{
	size_t i;
	json_t *item;

	if (!json_is_array(value))
		return false;
	json_array_foreach((json_t *)(uintptr_t)value, i,
			   item) if (!json_is_string(json_object_get(item, "op"))) return false;
	return true;
}

static bool are_operations_or_none(const json_t *value)
{
	return !value || json_is_null(value) || are_operations(value);
}

static bool is_checksum_or_none(const json_t *value)
{
	return !value || json_is_null(value) ||
	       (json_is_string(value) && is_hex(json_string_value(value), MD_CHECKSUM_TEXT - 1));
}

static bool are_texts_or_none(const json_t *value)
{
	size_t i;
	json_t *item;

	if (!value || json_is_null(value))
		return true;
	json_array_foreach((json_t *)(uintptr_t)value, i,
			   item) if (!json_is_string(item)) return false;
	return json_is_array(value);
}

static bool are_ids_or_none(const json_t *value)
{
	size_t i;
	json_t *item;

	if (!are_texts_or_none(value))
		return false;
	json_array_foreach((json_t *)(uintptr_t)value, i, item) if (!is_id(item)) return false;
	return true;
}

static const struct {
	const char *key;
	bool (*fits)(const json_t *value);
	const char *must;
} members[] = {
	{ "revision", is_id, "must be 12 hexadecimal digits in lower case" },
	{ "down_revision", is_parent, "must be a revision, or null for the first" },
	{ "after", are_ids_or_none, "must be a list of revisions" },
	{ "message", is_text_or_none, "must be a text" },
	{ "created_at", is_text_or_none, "must be a text" },
	{ "consent", are_texts_or_none, "must be a list of texts" },
	{ "up", are_operations, "must be a list of operations, objects with \"op\"" },
	{ "down", are_operations_or_none, "must be a list of operations, or be left out" },
	{ "snapshot", is_checksum_or_none, "must be a checksum, or be left out" },
};

static enum md_code check_document(const json_t *document, struct md_error *err)
{
	if (!json_is_object(document))
		return md_fail(err, MD_INVALID, "MD422", "a revision is a JSON object");
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!members[i].fits(json_object_get(document, members[i].key)))
			return md_fail(err, MD_INVALID, "MD422", "\"%s\" %s", members[i].key,
				       members[i].must);
	return MD_OK;
}

/* Brackets inside of brackets, before a parser is bothered with them. */
static bool is_too_deep(struct md_str text)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '[') && ++depth > MD_REVISION_DEPTH)
			return true;
		else if (!quoted && (c == '}' || c == ']') && depth > 0)
			depth--;
	}
	return false;
}

static enum md_code load(struct md_str text, json_t **ret_document, struct md_error *err)
{
	unsigned line = md_revision_conflict_line(text);
	json_error_t where;
	bool no_memory;
	json_t *document;

	if (line > 0) {
		md_fail(err, MD_INVALID, "MD422", "line %u: marks of a merge with conflicts", line);
		md_error_hint(err, "Decide which of the two forms is to stay, and delete the lines "
				   "that begin with <<<<<<<, ======= and >>>>>>>.");
		return MD_INVALID;
	}
	if (text.len > MD_REVISION_BYTES)
		return md_fail(err, MD_INVALID, "MD422", "a revision has at most %d bytes",
			       (int)MD_REVISION_BYTES);
	if (is_too_deep(text))
		return md_fail(err, MD_INVALID, "MD422",
			       "more than %d brackets inside of each other",
			       (int)MD_REVISION_DEPTH);
	document = md_json_load(text.ptr, text.len, JSON_REJECT_DUPLICATES, &where, &no_memory);
	if (no_memory)
		return md_fail_nomem(err);
	if (!document)
		return md_fail(err, MD_INVALID, "MD422", "line %d, column %d: %s", where.line,
			       where.column, where.text);
	*ret_document = document;
	return MD_OK;
}

static void fill(struct md_revision *revision, json_t *document)
{
	const char *parent = json_string_value(json_object_get(document, "down_revision"));
	const char *message = json_string_value(json_object_get(document, "message"));
	const json_t *down = json_object_get(document, "down");

	*revision = (struct md_revision){ .document = document };
	snprintf(revision->id, sizeof(revision->id), "%s",
		 json_string_value(json_object_get(document, "revision")));
	snprintf(revision->parent, sizeof(revision->parent), "%s", parent ? parent : "");
	revision->message = message ? message : "";
	revision->up = json_object_get(document, "up");
	revision->down = json_is_array(down) ? down : NULL;
	revision->snapshot = json_string_value(json_object_get(document, "snapshot"));
}

enum md_code md_revision_parse(const char *text, size_t len, const char *parent_checksum,
			       struct md_revision *ret_revision, struct md_error *err)
{
	struct md_revision revision;
	json_t *document = NULL;
	enum md_code code = load((struct md_str){ text, len }, &document, err);

	if (code != MD_OK)
		return code;
	code = check_document(document, err);
	if (code == MD_OK) {
		fill(&revision, document);
		if (parent_checksum)
			code = md_revision_checksum(document, parent_checksum, revision.checksum,
						    err);
	}
	if (code != MD_OK) {
		json_decref(document);
		return code;
	}
	*ret_revision = revision;
	return MD_OK;
}

/* --- names and checksums -----------------------------------------------------------------------
 */

enum md_code md_revision_id(char out[MD_REVISION_TEXT], struct md_error *err)
{
	unsigned char bytes[ID_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return md_fail(err, MD_INTERNAL, "XX000", "no random numbers");
	for (unsigned i = 0; i < ID_BYTES; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return MD_OK;
}

enum md_code md_revision_checksum(const json_t *document, const char *parent_checksum,
				  char out[MD_CHECKSUM_TEXT], struct md_error *err)
{
	static const char *const left_out[] = { "message", "created_at", "modeld", "consent" };
	md_json_local rest = json_copy((json_t *)(uintptr_t)document);
	md_json_local link = json_object();

	for (unsigned i = 0; rest && i < sizeof(left_out) / sizeof(left_out[0]); i++)
		json_object_del(rest, left_out[i]);
	if (!rest || !link || json_object_set(link, "revision", rest) != 0 ||
	    json_object_set_new(link, "parent", json_string(parent_checksum)) != 0)
		return md_fail_nomem(err);
	return md_json_checksum(link, out, err);
}

/* The beginnings of file names, for those who have to say more. */
static enum md_code fail_ambiguous(const struct md_revisions *revisions, const char *name,
				   struct md_error *err)
{
	char text[FIND_TOLD * (MD_REVISION_TEXT + 1) + 8] = "";
	size_t len = 0;
	unsigned told = 0;

	for (unsigned i = 0; i < revisions->count && told < FIND_TOLD; i++) {
		const char *id = revisions->items[i].id;

		if (strncmp(id, name, strlen(name)) == 0)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
						told++ ? ", " : "", id);
	}
	md_fail(err, MD_NOT_FOUND, "MD_REVISION", "several revisions begin with %s", name);
	md_error_details(err, "%s", text);
	md_error_hint(err, "Give more digits.");
	return MD_NOT_FOUND;
}

enum md_code md_revisions_find(const struct md_revisions *revisions, const char *name,
			       const struct md_revision **ret_revision, struct md_error *err)
{
	const struct md_revision *found = NULL;
	size_t len = strlen(name);

	if (len < FIND_LEAST) {
		md_fail(err, MD_NOT_FOUND, "MD_REVISION", "there is no revision \"%s\"", name);
		md_error_hint(err, "Give at least %d digits of its name.", (int)FIND_LEAST);
		return MD_NOT_FOUND;
	}
	for (unsigned i = 0; i < revisions->count; i++) {
		if (strncmp(revisions->items[i].id, name, len) != 0)
			continue;
		if (found)
			return fail_ambiguous(revisions, name, err);
		found = &revisions->items[i];
	}
	if (!found) {
		md_fail(err, MD_NOT_FOUND, "MD_REVISION", "there is no revision \"%.60s\"", name);
		md_error_hint(err, "modeld db history lists them.");
		return MD_NOT_FOUND;
	}
	*ret_revision = found;
	return MD_OK;
}
