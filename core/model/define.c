/* Definition files from text to documents and definitions. */
#include "core/model/define.h"

#include <jansson.h>
#include <stdlib.h>

#include "core/model/define_private.h"
#include "core/model/json_load.h"

#include "core/base/banned.h"

enum { ARENA_MAX = 512 * 1024 * 1024 };

/* One file while it is read. */
struct reading {
	char *text;
	json_t *json;
	struct md_def_node *nodes;
};

static void end_reading(struct reading *reading)
{
	free(reading->text);
	free(reading->nodes);
	json_decref(reading->json);
}

/* A mistake of the text: there is no tree that could tell the place. */
static void wrong_text(struct md_def_loader *loader, enum md_def_code code, size_t offset,
		       const char *message)
{
	struct md_def_place place = { loader->file, "", md_def_line(loader, offset) };

	md_def_report_at(loader, &place, code, "%s", message);
}

static bool blank(struct md_def_loader *loader, char *text, size_t *ret_nodes)
{
	struct md_def_blanked blanked = { .nodes = 0 };

	md_def_blank(text, loader->len, &blanked);
	loader->comments = blanked.comments;
	*ret_nodes = blanked.nodes;
	if (!blanked.problem)
		return true;
	wrong_text(loader, blanked.too_much ? MD_DEF_M108 : MD_DEF_M101, blanked.offset,
		   blanked.problem);
	return false;
}

/* Advice for what people write who know another language better. */
static void hint_syntax(struct md_def_loader *loader, const json_error_t *error)
{
	const char *near = strstr(error->text, "near '");
	char c = near ? near[strlen("near '")] : '\0';

	if (json_error_code((json_error_t *)(uintptr_t)error) == json_error_numeric_overflow)
		md_def_hint(loader, "a number of so many digits is written as a text");
	else if (strncmp(error->text, "'[' or '{' expected", 19) == 0)
		md_def_hint(loader, "a file begins with { \"version\": 1, \"models\": {");
	else if (c == '#')
		md_def_hint(loader, "comments begin with //, or stand between /* and */");
	else if (c == '\'' || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		md_def_hint(loader, "keys and texts stand in double quotes");
}

static void wrong_syntax(struct md_def_loader *loader, const json_error_t *error, size_t offset)
{
	enum json_error_code code = json_error_code((json_error_t *)(uintptr_t)error);

	if (code == json_error_null_character || code == json_error_null_byte_in_key) {
		wrong_text(loader, MD_DEF_M101, offset, "\\u0000 cannot stand in a text");
		return;
	}
	wrong_text(loader, code == json_error_duplicate_key ? MD_DEF_M103 : MD_DEF_M101, offset,
		   error->text);
	hint_syntax(loader, error);
}

enum { TWICE_MAX = 20 }; /* each makes the parser begin again */

/* What the parser stops at. True: that has been told and taken out, the rest can be read. */
static bool go_on(struct md_def_loader *loader, struct reading *reading, const json_error_t *error,
		  bool last)
{
	enum json_error_code code = json_error_code((json_error_t *)(uintptr_t)error);
	size_t offset = error->position > 0 ? (size_t)error->position : 0;
	unsigned errors = loader->report->errors;

	/* Most of jansson's failing allocations leave no text. */
	if (code == json_error_out_of_memory || error->text[0] == '\0') {
		loader->failed = true;
		return false;
	}
	if (code == json_error_duplicate_key && !last) {
		if (md_def_take_out(loader, reading->text, offset))
			return true;
		if (loader->report->errors > errors)
			return false;
	}
	wrong_syntax(loader, error, offset < loader->len ? offset : loader->len);
	return false;
}

static bool parse(struct md_def_loader *loader, struct reading *reading)
{
	json_error_t error;

	for (unsigned twice = 0; !loader->failed; twice++) {
		reading->json = md_json_load(reading->text, loader->len, JSON_REJECT_DUPLICATES,
					     &error, &loader->failed);
		if (reading->json)
			return true;
		if (loader->failed)
			return false;
		if (!go_on(loader, reading, &error, twice == TWICE_MAX))
			return false;
	}
	return false;
}

/* The file as a tree, with the place of each value. False: that has been told. */
static bool open_source(struct md_def_loader *loader, const struct md_def_source *source,
			struct reading *reading)
{
	struct md_def_place place = { source->name, "", 0 };
	size_t nodes;

	loader->file = md_def_copy(loader, md_str_of(source->name));
	loader->nodes = NULL;
	loader->line_at = 0;
	loader->line = 1;
	if (source->text.len > loader->limits.file) {
		md_def_report_at(loader, &place, MD_DEF_M108, "a file has at most %zu bytes",
				 loader->limits.file);
		return false;
	}
	reading->text = malloc(source->text.len + 1);
	loader->failed = loader->failed || !reading->text;
	if (!reading->text)
		return false;
	if (source->text.len > 0)
		memcpy(reading->text, source->text.ptr, source->text.len);
	reading->text[source->text.len] = '\0';
	loader->text = reading->text;
	loader->len = source->text.len;
	if (!blank(loader, reading->text, &nodes) || !parse(loader, reading))
		return false;
	reading->nodes = calloc(nodes, sizeof(*reading->nodes));
	loader->failed = loader->failed || !reading->nodes;
	if (!reading->nodes)
		return false;
	md_def_locate(loader->text, loader->len, reading->nodes, nodes);
	loader->nodes = reading->nodes;
	return true;
}

/* False: there is no tree, and what is said about other files may be wrong. */
static bool read_source(struct md_def_loader *loader, const struct md_def_source *source,
			struct md_definitions *into)
{
	struct reading reading = { NULL, NULL, NULL };
	bool opened = open_source(loader, source, &reading);
	bool comments = loader->comments;

	if (opened) {
		md_def_read_document(loader, &(struct md_def_here){ .json = reading.json }, into);
		into->has_comments = into->has_comments || comments;
	}
	end_reading(&reading);
	loader->nodes = NULL;
	loader->text = NULL;
	loader->len = 0;
	return opened;
}

static void init_loader(struct md_def_loader *loader, const struct md_def_limits *limits,
			struct md_def_report *report)
{
	*loader = (struct md_def_loader){ .report = report };
	loader->limits = limits ? *limits : (struct md_def_limits){ .file = 0 };
	if (loader->limits.file == 0)
		loader->limits.file = MD_DEF_FILE;
	if (loader->limits.file > UINT32_MAX / 2)
		loader->limits.file = UINT32_MAX / 2;
	if (loader->limits.models == 0)
		loader->limits.models = MD_DEF_MODELS;
	if (loader->limits.fields == 0)
		loader->limits.fields = MD_DEF_FIELDS;
	loader->arena = md_arena_new(ARENA_MAX);
	loader->failed = !loader->arena;
}

/* The end of a load: success hands `made` out, everything else frees it. */
static enum md_code finish(struct md_def_loader *loader, unsigned errors_before,
			   struct md_definitions *made, const struct md_definitions **ret,
			   struct md_error *err)
{
	unsigned errors = loader->report->errors - errors_before;

	if (!loader->failed && errors == 0) {
		made->arena = loader->arena;
		*ret = made;
		return MD_OK;
	}
	md_arena_free(loader->arena);
	if (loader->failed)
		return md_fail_nomem(err);
	return md_fail(err, MD_INVALID, "MD422", "the model definitions have %u mistake%s", errors,
		       errors == 1 ? "" : "s");
}

enum md_code md_definitions_read(const struct md_def_source *source,
				 const struct md_def_limits *limits, struct md_def_report *report,
				 const struct md_definitions **ret_document, struct md_error *err)
{
	struct md_def_loader loader;
	struct md_definitions *document = NULL;
	unsigned errors = report->errors, told = report->count;

	init_loader(&loader, limits, report);
	if (!loader.failed)
		document = md_def_alloc(&loader, 1, sizeof(*document));
	if (document)
		read_source(&loader, source, document);
	md_def_report_sort(report, told);
	return finish(&loader, errors, document, ret_document, err);
}

static void resolve(struct md_def_loader *loader, struct md_definitions *documents, unsigned count,
		    struct md_definitions *into)
{
	struct md_def_resolver resolver = { .loader = loader,
					    .documents = documents,
					    .document_count = count };

	resolver.by_name = md_map_new();
	resolver.by_table = md_map_new();
	resolver.enums = md_map_new();
	resolver.names = md_map_new();
	if (!resolver.by_name || !resolver.by_table || !resolver.enums || !resolver.names)
		loader->failed = true;
	else if (md_def_resolve(&resolver)) {
		/* Other models have a key by now; those without must not get one. */
		for (unsigned i = 0; i < resolver.count; i++)
			if (!resolver.models[i].abstract && resolver.models[i].key_count == 0)
				into->defaults.auto_id = MD_DEF_ID_NONE;
		into->models = resolver.models;
		into->model_count = resolver.count;
		into->enums = resolver.enum_list;
		into->enum_count = resolver.enum_count;
	}
	md_map_free(resolver.by_name);
	md_map_free(resolver.by_table);
	md_map_free(resolver.enums);
	md_map_free(resolver.names);
}

enum md_code md_definitions_load(const struct md_def_source *sources, unsigned count,
				 const struct md_def_limits *limits, unsigned targets,
				 struct md_def_report *report,
				 const struct md_definitions **ret_definitions,
				 struct md_error *err)
{
	struct md_def_loader loader;
	struct md_definitions *all = NULL, *documents = NULL;
	unsigned errors = report->errors, told = report->count;
	bool whole = true;

	init_loader(&loader, limits, report);
	loader.targets = targets;
	if (!loader.failed) {
		all = md_def_alloc(&loader, 1, sizeof(*all));
		documents = md_def_alloc(&loader, count, sizeof(*documents));
	}
	for (unsigned i = 0; i < count && !loader.failed; i++)
		whole = read_source(&loader, &sources[i], &documents[i]) && whole;
	/* Without one of the files, mistakes would be told that are none. */
	if (whole && !loader.failed)
		resolve(&loader, documents, count, all);
	md_def_report_sort(report, told);
	return finish(&loader, errors, all, ret_definitions, err);
}

const struct md_definitions *md_definitions_free(const struct md_definitions *definitions)
{
	if (definitions)
		md_arena_free(definitions->arena);
	return NULL;
}

const struct md_def_model *md_definitions_find(const struct md_definitions *definitions,
					       struct md_str name)
{
	for (unsigned i = 0; i < definitions->model_count; i++)
		if (md_str_is(name, definitions->models[i].name))
			return &definitions->models[i];
	return NULL;
}

const char *md_definitions_like(const struct md_definitions *definitions, struct md_str name)
{
	struct md_def_guess guess;

	md_def_guess_init(&guess, name);
	for (unsigned i = 0; i < definitions->model_count; i++)
		md_def_guess_offer(&guess, definitions->models[i].name);
	return md_def_guess_best(&guess);
}
