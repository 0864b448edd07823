/* A revision file. Properties: reading never crashes and says why it refuses; what is accepted has
 * a name of 12 digits and a list of operations; written again it is read as the same, with the same
 * checksum, which depends on the parent; nothing at all is apart from anything, and being apart
 * does not depend on which list comes first. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/migrate/revision_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_again(const struct md_revision *revision)
{
	char *text = json_dumps(revision->document, JSON_COMPACT);
	struct md_revision again, child;

	require(text != NULL);
	require(md_revision_parse(text, strlen(text), "", &again, NULL) == MD_OK);
	require(strcmp(again.id, revision->id) == 0);
	require(strcmp(again.parent, revision->parent) == 0);
	require(strcmp(again.checksum, revision->checksum) == 0);
	require(md_revision_parse(text, strlen(text), revision->checksum, &child, NULL) == MD_OK);
	require(strcmp(child.checksum, revision->checksum) != 0);
	json_decref(again.document);
	json_decref(child.document);
	free(text);
}

static void check_apart(const struct md_revision *revision)
{
	json_t *none = json_array();
	const json_t *down = revision->down ? revision->down : none;

	require(md_operations_are_apart(revision->up, none));
	require(md_operations_are_apart(none, revision->up));
	require(md_operations_are_apart(revision->up, down) ==
		md_operations_are_apart(down, revision->up));
	json_decref(none);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct md_error err = { .code = MD_OK };
	struct md_revision revision;
	enum md_code code =
		md_revision_parse(size > 0 ? (const char *)data : "", size, "", &revision, &err);

	if (code != MD_OK) {
		require(code == MD_INVALID && err.code == code && err.message[0]);
		return 0;
	}
	require(strlen(revision.id) == MD_REVISION_TEXT - 1);
	require(json_is_array(revision.up) && strlen(revision.checksum) == 64);
	check_again(&revision);
	check_apart(&revision);
	json_decref(revision.document);
	return 0;
}
