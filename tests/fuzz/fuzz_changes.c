/* The operations of a revision file, applied to models. Properties: what fits leads to models that
 * can be loaded and written; when its inverse fits there, that leads back to the same models; each
 * operation has a text in valid UTF-8; the difference between the two models leads there, too. */
#include <stdint.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/migrate/change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char models[] =
	"{\"version\":1,\"defaults\":{\"auto_id\":\"none\"},\"enums\":{\"K\":[\"a\",\"b\"]},"
	"\"models\":{"
	"\"A\":{\"table\":\"a\",\"primary_key\":[\"id\"],\"fields\":{\"id\":{\"type\":\"bigint\"},"
	"\"k\":{\"enum\":\"K\",\"default\":\"a\"},\"x\":{\"type\":\"integer\",\"nullable\":true},"
	"\"c\":{\"type\":\"string\",\"max_length\":9,\"unique\":true},\"a\":{\"references\":{"
	"\"model\":\"A\"},\"nullable\":true}},\"relations\":{\"bs\":{\"model\":\"B\",\"uselist\":"
	"true,"
	"\"via\":\"a\",\"back_populates\":\"of\",\"order_by\":[\"y "
	"desc\"]},\"cs\":{\"model\":\"C\","
	"\"uselist\":true,\"via\":\"AC\"}},\"indexes\":[{\"fields\":[\"x\",\"c "
	"desc\"]},{\"fields\":"
	"[\"x\"],\"name\":\"i\",\"where\":\"x > 1\"}],\"checks\":[{\"sql\":\"x > 0\"}]},"
	"\"B\":{\"table\":\"b\",\"primary_key\":[\"id\"],\"fields\":{\"id\":{\"type\":\"bigint\"},"
	"\"a\":{\"references\":{\"model\":\"A\"}},\"c\":{\"references\":{\"model\":\"A\",\"field\":"
	"\"c\"}},\"y\":{\"type\":\"text\"}},\"unique\":[{\"fields\":[\"a\",\"y\"]}],\"relations\":{"
	"\"of\":{\"model\":\"A\",\"via\":\"a\",\"back_populates\":\"bs\"}},"
	"\"foreign_keys\":[{\"fields\":[\"c\",\"y\"],\"model\":\"D\",\"references\":[\"p\",\"q\"]}]"
	"},"
	"\"C\":{\"table\":\"c\",\"primary_key\":[\"id\"],\"fields\":{\"id\":{\"type\":\"uuid\"}}},"
	"\"AC\":{\"table\":\"link\",\"primary_key\":[\"l\",\"r\"],\"fields\":{\"l\":{"
	"\"references\":{"
	"\"model\":\"A\"}},\"r\":{\"references\":{\"model\":\"C\"}}}},"
	"\"D\":{\"table\":\"d\",\"managed\":false,\"primary_key\":[\"p\",\"q\"],\"fields\":{"
	"\"p\":{\"type\":\"string\",\"max_length\":9},\"q\":{\"type\":\"text\"}}}}}";

static struct md_snapshot *before;

static const struct md_snapshot *start(void)
{
	json_t *json;

	if (before)
		return before;
	json = json_loads(models, 0, NULL);
	if (!json || md_snapshot_read(json, &before, NULL) != MD_OK)
		abort();
	return before;
}

static void check_texts(const json_t *operations)
{
	md_auto_arena arena = md_arena_new(16 << 20);

	for (size_t i = 0; i < json_array_size(operations); i++) {
		const char *text = md_change_text(json_array_get(operations, i), arena);

		if (!text || !md_utf8_is_valid(text, strlen(text)))
			abort();
	}
}

static void must_lead(const struct md_snapshot *from, const json_t *operations,
		      const struct md_snapshot *to, bool always)
{
	struct md_snapshot *there = NULL;
	enum md_code code = md_change_apply(from, operations, 0, json_array_size(operations), false,
					    &there, NULL);

	if (code == MD_OK ? strcmp(there->checksum, to->checksum) != 0 : always)
		abort();
	md_snapshot_free(there);
}

static void check_difference(const struct md_snapshot *after)
{
	const struct md_diff_options options = { .no_renames = true };
	md_auto_arena arena = md_arena_new(16 << 20);
	const struct md_rename_question *questions;
	json_t *operations = NULL, *inverse = NULL;
	unsigned count;

	if (md_change_diff(start(), after, &options, arena, &operations, &questions, &count,
			   NULL) != MD_OK ||
	    md_change_invert(operations, &inverse, NULL) != MD_OK)
		abort();
	must_lead(start(), operations, after, true);
	must_lead(after, inverse, start(), true);
	json_decref(operations);
	json_decref(inverse);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *operations = json_loadb((const char *)data, size, 0, NULL), *inverse = NULL;
	struct md_snapshot *after = NULL;
	enum md_code code = operations ? md_change_check(operations, NULL) : MD_INVALID;

	if (code == MD_OK) {
		check_texts(operations);
		code = md_change_apply(start(), operations, 0, json_array_size(operations), false,
				       &after, NULL);
	}
	if (code == MD_OK) {
		check_difference(after);
		if (md_change_invert(operations, &inverse, NULL) == MD_OK)
			must_lead(after, inverse, start(), false);
	}
	json_decref(inverse);
	json_decref(operations);
	md_snapshot_free(after);
	return 0;
}
