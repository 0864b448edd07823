#include "core/migrate/snapshot.h"

#include <stdlib.h>

#include "core/migrate/snapshot_private.h"

#include "core/base/banned.h"

/* --- loading -----------------------------------------------------------------------------------
 */

enum {
	/* A file of definitions may not have more values than this many bytes can hold, so a large
	 * document is loaded as several. */
	CHUNK = 256 * 1024,
	DETAILS = 4096
};

struct chunks {
	struct md_buf *items;
	unsigned count;
};

static void release(struct chunks *chunks)
{
	for (unsigned i = 0; i < chunks->count; i++)
		md_buf_release(&chunks->items[i]);
	free(chunks->items);
}

static struct md_buf *add_chunk(struct chunks *chunks, const json_t *document)
{
	const json_t *enums = json_object_get(document, "enums");
	const json_t *defaults = json_object_get(document, "defaults");
	const json_t *version = json_object_get(document, "version");
	struct md_buf *items, *chunk;

	items = realloc(chunks->items, (chunks->count + 1) * sizeof(*items));
	if (!items)
		return NULL;
	chunks->items = items;
	chunk = &items[chunks->count++];
	md_buf_init(chunk, MD_JSON_MAX);
	md_buf_puts(chunk, "{");
	if (version) {
		md_buf_puts(chunk, "\"version\":");
		md_json_put(chunk, version, MD_JSON_LOADED);
		md_buf_puts(chunk, ",");
	}
	if (defaults) {
		md_buf_puts(chunk, "\"defaults\":");
		md_json_put(chunk, defaults, MD_JSON_LOADED);
		md_buf_puts(chunk, ",");
	}
	if (enums && chunks->count == 1) {
		md_buf_puts(chunk, "\"enums\":");
		md_json_put(chunk, enums, MD_JSON_LOADED);
		md_buf_puts(chunk, ",");
	}
	md_buf_puts(chunk, "\"models\":{");
	return chunk;
}

/* The text of a document in pieces, each a definition file. False: no memory. */
static bool cut(const json_t *document, struct chunks *chunks)
{
	struct md_buf *chunk = add_chunk(chunks, document);
	const char *name, *separator = "";
	json_t *model;

	json_object_foreach(json_object_get(document, "models"), name, model)
	{
		md_auto_json key = json_string(name);

		if (chunk && chunk->len > CHUNK) {
			md_buf_puts(chunk, "}}");
			if (chunk->failed)
				return false;
			chunk = add_chunk(chunks, document);
			separator = "";
		}
		if (!chunk || !key)
			return false;
		md_buf_puts(chunk, separator);
		md_json_put(chunk, key, MD_JSON_LOADED);
		md_buf_putc(chunk, ':');
		md_json_put(chunk, model, MD_JSON_LOADED);
		separator = ",";
	}
	if (!chunk)
		return false;
	md_buf_puts(chunk, "}}");
	return !chunk->failed;
}

static void tell(const struct md_def_report *report, struct md_error *err)
{
	md_auto_buf text = MD_BUF(DETAILS);

	for (unsigned i = 0; i < report->count && text.len < MD_DETAILS_MAX; i++)
		if (!report->items[i].warning)
			md_def_problem_print(&report->items[i], &text);
	while (text.len > 0 && text.data[text.len - 1] == '\n')
		text.len--;
	md_error_details(err, "%.*s", (int)text.len, text.data ? text.data : "");
}

static enum md_code load(const struct chunks *chunks, const struct md_definitions **ret_definitions,
			 struct md_error *err)
{
	const struct md_def_limits limits = { .file = MD_JSON_MAX };
	struct md_def_report report = { .count = 0 };
	struct md_def_source *sources = calloc(chunks->count, sizeof(*sources));
	enum md_code code;

	if (!sources)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < chunks->count; i++)
		sources[i] = (struct md_def_source){ "snapshot", md_buf_str(&chunks->items[i]) };
	code = md_definitions_load(sources, chunks->count, &limits, 0, &report, ret_definitions,
				   err);
	if (code == MD_INVALID)
		tell(&report, err);
	md_def_report_release(&report);
	free(sources);
	return code;
}

enum md_code md_snapshot_load(const json_t *document, const struct md_definitions **ret_definitions,
			      struct md_error *err)
{
	struct chunks chunks = { .items = NULL };
	enum md_code code;

	if (cut(document, &chunks))
		code = load(&chunks, ret_definitions, err);
	else
		code = md_fail_nomem(err);
	release(&chunks);
	return code;
}

/* --- reading -----------------------------------------------------------------------------------
 */

/* Texts of exact values could bring anything into the file. */
static bool is_exact_valid(const json_t *value)
{
	const char *text = json_string_value(json_object_get(value, MD_JSON_EXACT));
	md_auto_json exact = NULL;

	if (!text || json_object_size(value) != 1)
		return true;
	exact = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	return exact;
}

static bool are_exact_valid(const json_t *document)
{
	const char *name, *field_name, *key;
	json_t *model, *field, *value;

	json_object_foreach(json_object_get(document, "models"), name, model) json_object_foreach(
		json_object_get(model, "fields"), field_name, field)
		json_object_foreach(field, key, value) if (!is_exact_valid(value)) return false;
	return true;
}

static enum md_code check_form(const json_t *document, struct md_error *err)
{
	if (json_is_object(json_object_get(document, "models")) && are_exact_valid(document))
		return MD_OK;
	return md_fail(err, MD_INVALID, "MD422", "this is no snapshot of models");
}

static void forget_backfills(const json_t *document)
{
	const char *name, *field_name;
	json_t *model, *field;

	json_object_foreach(json_object_get(document, "models"), name, model)
		json_object_foreach(json_object_get(model, "fields"), field_name, field)
			json_object_del(field, "backfill");
}

struct md_snapshot *md_snapshot_free(struct md_snapshot *snapshot)
{
	if (!snapshot)
		return NULL;
	json_decref(snapshot->document);
	md_definitions_free(snapshot->definitions);
	free(snapshot);
	return NULL;
}

static enum md_code fill(struct md_snapshot *snapshot, json_t *document, struct md_error *err)
{
	enum md_code code = check_form(document, err);

	if (code == MD_OK && !md_snapshot_sort(document))
		code = md_fail_nomem(err);
	if (code == MD_OK)
		code = md_snapshot_load(document, &snapshot->definitions, err);
	if (code != MD_OK)
		return code;
	forget_backfills(document);
	return md_json_checksum(document, snapshot->checksum, err);
}

enum md_code md_snapshot_take(json_t *document, struct md_snapshot **ret_snapshot,
			      struct md_error *err)
{
	struct md_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	enum md_code code = snapshot ? fill(snapshot, document, err) : md_fail_nomem(err);

	if (code != MD_OK) {
		md_snapshot_free(snapshot);
		return code;
	}
	snapshot->document = document;
	*ret_snapshot = snapshot;
	return MD_OK;
}

enum md_code md_snapshot_read(json_t *document, struct md_snapshot **ret_snapshot,
			      struct md_error *err)
{
	md_auto_json empty = NULL;
	enum md_code code;

	if (document)
		return md_snapshot_take(document, ret_snapshot, err);
	empty = json_pack("{s:i, s:{s:s}, s:{}}", "version", 1, "defaults", "auto_id", "none",
			  "models");
	if (!empty)
		return md_fail_nomem(err);
	code = md_snapshot_take(empty, ret_snapshot, err);
	if (code == MD_OK)
		empty = NULL;
	return code;
}

/* --- from definitions --------------------------------------------------------------------------
 */

/* The names of the declared constraints of one list, in order, as definitions have them. */
static const char *next_name(const struct md_def_model *model, unsigned list, unsigned *at)
{
	static const unsigned indexes = 1, checks = 2;

	if (list <= indexes) {
		for (; *at < model->index_count; ++*at)
			if (model->indexes[*at].declared &&
			    model->indexes[*at].in_unique == (list < indexes))
				return model->indexes[(*at)++].name;
	} else if (list == checks) {
		if (*at < model->check_count)
			return model->checks[(*at)++].name;
	} else {
		for (; *at < model->foreign_key_count; ++*at)
			if (model->foreign_keys[*at].declared)
				return model->foreign_keys[(*at)++].name;
	}
	return NULL;
}

/* Give the items of `bare` the names of `full` where `loaded`, made of `bare`, calls them
 * otherwise. `all`: to each. Returns how many, or -1: no memory. */
static int give_names(json_t *bare, const json_t *full, const struct md_def_model *loaded,
		      unsigned list, bool all)
{
	unsigned at = 0;
	int given = 0;

	for (size_t i = 0; i < json_array_size(full); i++) {
		json_t *name = json_object_get(json_array_get(full, i), "name");
		const char *made = next_name(loaded, list, &at);

		if (!all && made && strcmp(made, json_string_value(name)) == 0)
			continue;
		if (json_object_set(json_array_get(bare, i), "name", name) != 0)
			return -1;
		given++;
	}
	return given;
}

/* The same for all models. */
static int give_all_names(json_t *bare, const json_t *full, const struct md_definitions *loaded,
			  bool all)
{
	int given = 0;

	for (unsigned i = 0; i < loaded->model_count; i++) {
		const struct md_def_model *model = &loaded->models[i];
		const json_t *from = json_object_get(json_object_get(full, "models"), model->name);
		const json_t *to = json_object_get(json_object_get(bare, "models"), model->name);

		for (unsigned k = 0; k < MD_SNAPSHOT_LISTS; k++) {
			const char *list = md_snapshot_lists[k];
			int one = give_names(json_object_get(to, list), json_object_get(from, list),
					     model, k, all);

			if (one < 0)
				return -1;
			given += one;
		}
	}
	return given;
}

static void take_names_away(json_t *document)
{
	const char *name;
	json_t *model, *item;
	size_t at;

	json_object_foreach(json_object_get(document, "models"), name,
			    model) for (unsigned i = 0; i < MD_SNAPSHOT_LISTS; i++)
		json_array_foreach(json_object_get(model, md_snapshot_lists[i]), at, item)
			json_object_del(item, "name");
}

/* Names that come by themselves are left out, so that they follow when a table is called otherwise.
 * Those that would come out as others (several unnamed checks have numbers by their order) stay. */
static enum md_code drop_names(const json_t *full, json_t *bare, struct md_error *err)
{
	enum { ROUNDS = 3 };
	int given = 1;

	take_names_away(bare);
	for (unsigned round = 0; round < ROUNDS && given > 0; round++) {
		const struct md_definitions *loaded = NULL;
		enum md_code code = md_snapshot_load(bare, &loaded, err);

		if (code != MD_OK)
			return code;
		given = give_all_names(bare, full, loaded, round == ROUNDS - 1);
		md_definitions_free(loaded);
		if (given < 0)
			return md_fail_nomem(err);
	}
	return MD_OK;
}

enum md_code md_snapshot_of(const struct md_definitions *definitions,
			    struct md_snapshot **ret_snapshot, struct md_error *err)
{
	md_auto_json full = md_snapshot_document(definitions);
	md_auto_json bare = full ? md_json_deep_copy(full) : NULL;
	enum md_code code;

	if (!bare)
		return md_fail_nomem(err);
	code = drop_names(full, bare, err);
	if (code == MD_OK)
		code = md_snapshot_take(bare, ret_snapshot, err);
	if (code == MD_OK)
		bare = NULL;
	return code;
}
