#include "server/models.h"

#include <string.h>

#include "core/base/arena.h"
#include "core/base/engine.h"
#include "core/ops/tables.h"

#include "core/base/banned.h"

enum { TEXT_MAX = 16 * 1024 * 1024, TABLES_MAX = 1024 * 1024 * 1024 };

unsigned md_models_targets(const struct md_options *options, bool for_database)
{
	const struct md_option_list *targets = &options->models_targets;
	const struct md_engine *engine = NULL;
	unsigned found = 0;

	for (unsigned i = 0; i < targets->count; i++) {
		engine = md_engine_named(md_str_of(targets->items[i]));
		found |= engine ? engine->bit : 0;
	}
	if (targets->count == 0 || for_database) {
		engine = md_engine_of_url(options->db_url);
		found |= engine ? engine->bit : 0;
	}
	return found;
}

struct md_def_limits md_models_limits(const struct md_options *options)
{
	return (struct md_def_limits){ .file = options->models_file,
				       .models = options->models_count,
				       .fields = options->models_fields,
				       .schema = options->db_schemas.count > 0
							 ? options->db_schemas.items[0]
							 : NULL };
}

void md_models_put_report(const struct md_def_report *report, struct md_buf *out)
{
	for (unsigned i = 0; i < report->count; i++)
		md_def_problem_print(&report->items[i], out);
	if (report->left_out > 0)
		md_buf_printf(out, "and %u more\n", report->left_out);
}

/* SQL of several lines stays readable: each of them is indented. */
static void put_indented(const char *text, struct md_buf *out)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		md_buf_printf(out, "        %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

void md_models_put_difference(const struct md_difference *difference, struct md_buf *out)
{
	const struct md_difference *d = difference;

	md_buf_printf(out, "table %s%s%s: %s", d->table, d->column ? ", column " : "",
		      d->column ? d->column : "", d->text);
	if (d->model)
		md_buf_printf(out, " (model %s, %s:%u)", d->model->name, d->model->place.file,
			      d->model->place.line);
	md_buf_putc(out, '\n');
	if (d->mend && strchr(d->mend, '\n')) {
		md_buf_puts(out, "    to mend it:\n");
		put_indented(d->mend, out);
	} else if (d->mend) {
		md_buf_printf(out, "    to mend it: %s\n", d->mend);
	}
}

bool md_models_can_migrate(const struct md_differences *differences)
{
	for (unsigned i = 0; i < differences->count; i++)
		if (differences->items[i].model &&
		    differences->items[i].model->managed != MD_DEF_NO)
			return true;
	return false;
}

/* The log takes lines. */
static void log_text(const struct md_log *log, enum md_log_level level, const struct md_buf *text)
{
	for (size_t at = 0; at < text->len;) {
		const char *line = text->data + at, *end = memchr(line, '\n', text->len - at);
		size_t len = end ? (size_t)(end - line) : text->len - at;

		md_log_line(log, level, "%.*s", (int)len, line);
		at += len + 1;
	}
}

/* --- files -------------------------------------------------------------------------------------
 */

static void log_report(const struct md_log *log, const struct md_def_report *report)
{
	for (unsigned i = 0; i < report->count; i++) {
		md_auto_buf text = MD_BUF(TEXT_MAX);

		md_def_problem_print(&report->items[i], &text);
		log_text(log, report->items[i].warning ? MD_LOG_WARN : MD_LOG_ERROR, &text);
	}
	if (report->left_out > 0)
		md_log_line(log, MD_LOG_ERROR, "and %u more", report->left_out);
}

/* As much of the text as an error can hold; the log has all of it. */
static void add_details(struct md_error *err, const struct md_buf *text)
{
	if (text->len > 0 && !text->failed)
		md_error_details(err, "%.*s", (int)text->len - 1, text->data);
}

static enum md_code fail_report(const struct md_def_report *report, enum md_code code,
				struct md_error *err)
{
	md_auto_buf text = MD_BUF(TEXT_MAX);

	if (code == MD_NOMEM)
		return md_fail_nomem(err);
	md_models_put_report(report, &text);
	md_fail(err, MD_INVALID, "MD422", "the definition files have %u mistake%s", report->errors,
		report->errors == 1 ? "" : "s");
	add_details(err, &text);
	return MD_INVALID;
}

enum md_code md_models_load(const struct md_options *options, const struct md_log *log,
			    const struct md_definitions **ret_definitions, struct md_error *err)
{
	const struct md_def_limits limits = md_models_limits(options);
	const struct md_definitions *definitions = NULL;
	struct md_def_report report = { .items = NULL };
	struct md_def_files files = { .sources = NULL };
	enum md_code code;

	if (options->models[0] == '\0') {
		*ret_definitions = NULL;
		return MD_OK;
	}
	code = md_def_files_read(options->models, &limits, &report, &files, err);
	if (code == MD_OK || code == MD_INVALID)
		code = md_definitions_load(files.sources, files.count, &limits,
					   md_models_targets(options, true), &report, &definitions,
					   err);
	if (code == MD_OK && report.errors > 0)
		code = MD_INVALID; /* of a file that cannot be read */
	log_report(log, &report);
	if (code == MD_OK)
		*ret_definitions = definitions;
	else
		md_definitions_free(definitions);
	if (code == MD_INVALID || code == MD_NOMEM)
		code = fail_report(&report, code, err);
	else if (code == MD_NOT_FOUND)
		md_error_hint(err, "the setting models names the definition files; an empty one "
				   "serves the tables as they are");
	md_def_files_release(&files);
	md_def_report_release(&report);
	return code;
}

/* --- tables ------------------------------------------------------------------------------------
 */

static void log_differences(const struct md_log *log, const struct md_differences *differences,
			    bool refuse)
{
	for (unsigned i = 0; i < differences->count; i++) {
		bool stops = differences->items[i].blocking && refuse;
		md_auto_buf text = MD_BUF(TEXT_MAX);

		md_models_put_difference(&differences->items[i], &text);
		log_text(log, stops ? MD_LOG_ERROR : MD_LOG_WARN, &text);
	}
	if (md_models_can_migrate(differences))
		md_log_line(log, MD_LOG_WARN, "%s", MD_MODELS_MIGRATE);
}

static enum md_code fail_differences(const struct md_options *options,
				     const struct md_differences *differences, struct md_error *err)
{
	unsigned blocking = differences->blocking;
	md_auto_buf text = MD_BUF(TEXT_MAX);

	for (unsigned i = 0; i < differences->count; i++)
		if (differences->items[i].blocking)
			md_models_put_difference(&differences->items[i], &text);
	md_fail(err, MD_INVALID, "MD422",
		"%u difference%s in the way: tables cannot serve their models", blocking,
		blocking == 1 ? " is" : "s are");
	add_details(err, &text);
	md_error_hint(err,
		      "modeld db makemigrations makes a revision of models that changed; "
		      "on_difference = warn serves the other models%s",
		      options->migrate == MD_MIGRATE_CHECK
			      ? "; migrate = true, or modeld db create-tables, makes tables"
			      : "");
	return MD_INVALID;
}

/* Log them; refuse when one of them is in the way. */
static enum md_code judge(const struct md_options *options,
			  const struct md_differences *differences, const struct md_log *log,
			  struct md_error *err)
{
	bool refuse = options->on_difference == MD_DIFFERENCE_REFUSE;

	log_differences(log, differences, refuse);
	if (refuse && differences->blocking > 0)
		return fail_differences(options, differences, err);
	if (differences->blocking > 0)
		md_log_line(log, MD_LOG_WARN,
			    "models with a difference in the way answer 503 (on_difference = "
			    "warn)");
	return MD_OK;
}

static unsigned log_made(const struct md_log *log, const struct md_tables *tables)
{
	unsigned made = 0;

	for (unsigned i = 0; i < tables->plan.count; i++) {
		const struct md_ddl_statement *one = &tables->plan.statements[i];

		if (one->makes != MD_MAKES_TABLE)
			continue;
		md_log_line(log, MD_LOG_INFO, "made table %s for model %s", one->name,
			    one->model->name);
		made++;
	}
	return made;
}

/* A statement that cannot be run is the fault of the SQL in the definitions. */
static enum md_code blame(enum md_code code, const struct md_log *log, struct md_error *err)
{
	struct md_error cause = *err;

	if (err->details[0] == '\0' ||
	    (code != MD_INVALID && code != MD_NOT_FOUND && code != MD_CONFLICT &&
	     code != MD_TOO_LARGE && code != MD_INTERNAL))
		return code;
	md_log_line(log, MD_LOG_ERROR, "%s", cause.details);
	md_fail(err, MD_INVALID, "MD422", "the SQL of the definition files is wrong: %s",
		cause.message);
	md_error_details(err, "%s", cause.details);
	md_error_hint(err, "%s", cause.hint);
	return MD_INVALID;
}

enum md_code md_models_make_tables(const struct md_options *options,
				   const struct md_definitions *definitions,
				   struct md_wal_owner *served, const struct md_log *log,
				   unsigned *ret_made, struct md_error *err)
{
	bool refuse = options->on_difference == MD_DIFFERENCE_REFUSE;
	const struct md_tables_options how = {
		.url = options->db_url,
		.schema = options->db_schemas.items[0],
		.definitions = definitions,
		.anyway = !refuse,
		.no_file = served != NULL,
		.wal_owner = served,
		.lock_timeout_ms = (unsigned)options->lock_timeout,
		.keep_journal = options->sqlite_journal == MD_JOURNAL_KEEP,
		.log = log,
	};
	md_auto_arena arena = NULL;
	struct md_tables tables;
	enum md_code code;

	if (options->migrate == MD_MIGRATE_CHECK) {
		*ret_made = 0;
		return MD_OK;
	}
	arena = md_arena_new(TABLES_MAX);
	if (!arena)
		return md_fail_nomem(err);
	code = md_tables_create(&how, arena, &tables, err);
	if (code != MD_OK)
		return blame(code, log, err);
	if (refuse && tables.differences.blocking > 0)
		return judge(options, &tables.differences, log, err);
	*ret_made = log_made(log, &tables);
	return MD_OK;
}

enum md_code md_models_compare(const struct md_options *options, const struct md_dialect *sql,
			       const struct md_definitions *definitions,
			       const struct md_catalog *catalog, struct md_arena *arena,
			       const struct md_log *log, struct md_differences *ret_differences,
			       struct md_error *err)
{
	struct md_differences found;
	enum md_code code = md_tables_compare(sql, definitions, catalog, arena, &found, err);

	if (code == MD_OK)
		code = judge(options, &found, log, err);
	if (code == MD_OK)
		*ret_differences = found;
	return code;
}
