/* Opening a database with its models. */
#include <stdlib.h>

#include "core/api/api.h"
#include "core/base/engine.h"
#include "core/model/define.h"
#include "core/ops/tables.h"

#include "core/base/banned.h"

enum {
	STATEMENT_TIMEOUT_MS = 30000,
	LOCK_TIMEOUT_MS = 5000,
	QUEUE_TIMEOUT_MS = 30000,
	CONNECTIONS = 8,
	READERS = 2,
	STATEMENTS = 256,
	PLANS = 256,
	EMBEDS = 256
};

/* What is needed while it is opened. */
struct opening {
	const char *url;
	const struct md_store_options *options;
	struct md_arena *arena;
	struct md_registry_source source;
	struct md_differences differences;
	struct md_registry *registry;
};

static unsigned or_else(unsigned value, unsigned otherwise)
{
	return value > 0 ? value : otherwise;
}

/* The first of the mistakes; how many there are is the message. */
static void tell_mistakes(const struct md_def_report *report, struct md_error *err)
{
	md_auto_buf text = MD_BUF(MD_DETAILS_MAX);

	if (!err || report->count == 0)
		return;
	if (err->code == MD_OK)
		md_fail(err, MD_INVALID, "MD422", "the definition files cannot be read");
	md_def_problem_print(&report->items[0], &text);
	if (md_buf_text(&text))
		md_error_details(err, "%s", text.data);
}

static enum md_code load_definitions(struct opening *o, struct md_error *err)
{
	const struct md_def_limits limits = { .schema = o->options->schema };
	const struct md_engine *engine = md_engine_of_url(o->url);
	struct md_def_report report = { .items = NULL };
	struct md_def_files files = { .sources = NULL };
	const struct md_definitions *definitions = NULL;
	enum md_code code = md_def_files_read(o->options->models, &limits, &report, &files, err);

	if (code == MD_OK)
		code = md_definitions_load(files.sources, files.count, &limits,
					   engine ? engine->bit : 0, &report, &definitions, err);
	if (code == MD_INVALID)
		tell_mistakes(&report, err);
	if (code == MD_OK)
		o->source.definitions = definitions;
	md_def_files_release(&files);
	md_def_report_release(&report);
	return code;
}

static enum md_code make_tables(struct opening *o, struct md_error *err)
{
	const struct md_tables_options how = {
		.url = o->url,
		.schema = o->options->schema,
		.definitions = o->source.definitions,
		.lock_timeout_ms = or_else(o->options->lock_timeout_ms, LOCK_TIMEOUT_MS),
		.keep_journal = o->options->keep_journal
	};
	struct md_tables tables;

	if (!o->options->migrate)
		return MD_OK;
	return md_tables_create(&how, o->arena, &tables, err);
}

static enum md_code refuse(const struct md_differences *differences, struct md_error *err)
{
	for (unsigned i = 0; i < differences->count; i++) {
		const struct md_difference *d = &differences->items[i];

		if (!d->blocking)
			continue;
		md_fail(err, MD_INVALID, "MD422", "table %s%s%s: %s", d->table,
			d->column ? ", column " : "", d->column ? d->column : "", d->text);
		if (d->mend)
			md_error_hint(err, "%s", d->mend);
		return MD_INVALID;
	}
	return MD_OK;
}

/* So many for sessions, and those that units outside of sessions share, where there is room for
 * them. */
static unsigned pool_size(const struct md_store_options *options)
{
	unsigned sessions = or_else(options->connections, CONNECTIONS);

	return sessions < 3 ? sessions : sessions + 2;
}

static enum md_code open_database(struct md_store *store, const struct opening *o,
				  struct md_error *err)
{
	const struct md_db_options options = {
		.url = o->url,
		.schema = o->options->schema,
		.readers = READERS,
		.statement_timeout_ms =
			or_else(o->options->statement_timeout_ms, STATEMENT_TIMEOUT_MS),
		.lock_timeout_ms = or_else(o->options->lock_timeout_ms, LOCK_TIMEOUT_MS),
		.queue_timeout_ms = QUEUE_TIMEOUT_MS,
		.statement_cache = STATEMENTS,
		.loops = 1,
		.pool_size = pool_size(o->options),
		.keep_journal = o->options->keep_journal,
	};

	return md_db_open(&options, &store->db, err);
}

/* The registry: what there is, held against what is declared. */
static enum md_code read_models(struct md_store *store, struct opening *o, struct md_error *err)
{
	enum md_code code = md_db_catalog(store->db, o->arena, &o->source.catalog, err);

	if (code == MD_OK && o->source.definitions)
		code = md_tables_compare(md_db_dialect(store->db), o->source.definitions,
					 o->source.catalog, o->arena, &o->differences, err);
	if (code == MD_OK)
		code = refuse(&o->differences, err);
	if (code)
		return code;
	o->source.schema = md_str_of(o->options->schema ? o->options->schema : "public");
	o->source.generation = 1;
	o->source.differences = &o->differences;
	code = md_registry_build(&o->source, &o->registry, err);
	if (code == MD_OK)
		o->source.definitions = NULL; /* they belong to the registry */
	return code;
}

static enum md_code join(struct md_store *store, struct opening *o, struct md_error *err)
{
	struct md_ops_options options = { .plan_cache = PLANS,
					  .embeds = EMBEDS,
					  .max_rows = UINT64_MAX,
					  .aggregates = true,
					  .stream_threshold = MD_API_RESULT_MAX,
					  .stream_piece = MD_API_RESULT_MAX };
	enum md_code code = md_reactor_new(&store->reactor, err);

	if (code == MD_OK)
		code = md_db_join(store->db, store->reactor, &store->loop, err);
	if (code)
		return code;
	options.db = store->loop;
	options.dialect = md_db_dialect(store->db);
	options.features = md_db_features(store->db);
	store->options = options;
	code = md_ops_new(&options, o->registry, &store->ops, err);
	if (code == MD_OK)
		o->registry = NULL; /* the ops have it */
	return code;
}

static enum md_code open_all(struct md_store *store, struct opening *o, struct md_error *err)
{
	enum md_code code = MD_OK;

	if (o->options->models)
		code = load_definitions(o, err);
	if (code == MD_OK && o->source.definitions)
		code = make_tables(o, err);
	if (code == MD_OK)
		code = open_database(store, o, err);
	if (code == MD_OK)
		code = read_models(store, o, err);
	return code ? code : join(store, o, err);
}

enum md_code md_store_open(const char *url, const struct md_store_options *options,
			   struct md_store **ret_store, struct md_error *err)
{
	static const struct md_store_options none = { .models = NULL };
	struct opening o = { .url = url, .options = options ? options : &none };
	struct md_store *store = calloc(1, sizeof(*store));
	enum md_code code;

	if (err)
		md_error_clear(err);
	o.arena = md_arena_new(MD_API_RESULT_MAX);
	code = store && o.arena ? open_all(store, &o, err) : md_fail_nomem(err);
	if (code == MD_OK)
		*ret_store = store;
	else
		md_store_close(store);
	md_registry_unref(o.registry);
	md_definitions_free(o.source.definitions);
	md_arena_free(o.arena);
	return code;
}

struct md_store *md_store_close(struct md_store *store)
{
	if (!store)
		return NULL;
	if (store->closing > 0)
		md_api_turns(store, &store->settled);
	md_ops_free(store->pieces);
	md_ops_free(store->ops);
	md_db_leave(store->loop);
	md_db_close(store->db);
	md_reactor_free(store->reactor);
	free(store);
	return NULL;
}

enum md_code md_api_model(const struct md_store *store, const char *name,
			  const struct md_model **ret_model, struct md_error *err)
{
	const struct md_registry *registry = md_ops_registry(store->ops);
	const struct md_model *model = md_registry_find(registry, md_str_of(name));
	enum md_code code;

	if (!model)
		return md_registry_fail_model(registry, md_str_of(name), err);
	code = md_model_check(model, err);
	if (code == MD_OK)
		*ret_model = model;
	return code;
}
