#include "server/cli_db.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "config/options.h"
#include "core/base/arena.h"
#include "core/ops/tables.h"
#include "server/cli.h"
#include "server/migrations.h"
#include "server/models.h"

#include "core/base/banned.h"

enum { ARENA_MAX = 1024 * 1024 * 1024, TEXT_MAX = 16 * 1024 * 1024 };

struct run {
	const struct md_cli *cli;
	const struct md_options *options;
	bool dry_run;
};

static void write_log(void *ctx, enum md_log_level level, const char *text)
{
	const struct run *run = ctx;

	fprintf(run->cli->err, "modeld: %s%s\n", level <= MD_LOG_WARN ? "warning: " : "", text);
}

/* A statement that cannot be run is the fault of the SQL in the definitions. */
static int exit_code(enum md_code code, const struct md_error *err)
{
	bool in_statement = err->details[0] != '\0';

	if (in_statement && (code == MD_NOT_FOUND || code == MD_INTERNAL))
		return EX_DATAERR;
	if (!in_statement && md_exit_of(code) == EX_DATAERR)
		return EX_CONFIG;
	return md_exit_of(code);
}

static int fail(const struct run *run, enum md_code code, const struct md_error *err)
{
	FILE *to = run->cli->err;

	fprintf(to, "modeld: %s\n", err->message);
	if (err->details[0])
		fprintf(to, "%s\n", err->details);
	if (err->hint[0])
		fprintf(to, "%s\n", err->hint);
	return exit_code(code, err);
}

static void print_differences(const struct run *run, const struct md_differences *differences)
{
	FILE *to = run->cli->err;

	for (unsigned i = 0; i < differences->count; i++) {
		const struct md_difference *one = &differences->items[i];
		md_auto_buf text = MD_BUF(TEXT_MAX);

		md_models_put_difference(one, &text);
		if (md_buf_text(&text))
			fprintf(to, "modeld: %s: %s", one->blocking ? "error" : "warning",
				text.data);
	}
	if (md_models_can_migrate(differences))
		fprintf(to, "modeld: %s\n", MD_MODELS_MIGRATE);
}

static void print_script(const struct run *run, const struct md_tables *tables)
{
	FILE *to = run->cli->out;

	if (tables->script_count == 0)
		return;
	fputs("BEGIN;\n", to);
	for (unsigned i = 0; i < tables->script_count; i++)
		fprintf(to, "%s;\n", tables->script[i]);
	fputs("COMMIT;\n", to);
}

static void print_made(const struct run *run, const struct md_tables *tables)
{
	FILE *to = run->cli->out;

	for (unsigned i = 0; i < tables->plan.count; i++) {
		const struct md_ddl_statement *made = &tables->plan.statements[i];

		if (made->makes == MD_MAKES_TABLE)
			fprintf(to, "made table %s\n", made->name);
		else
			fprintf(to, "made %s %s of %s\n",
				made->makes == MD_MAKES_INDEX ? "index" : "foreign key", made->name,
				made->model->table);
	}
	if (tables->plan.count == 0)
		fputs("nothing to make: every table is there\n", to);
}

static int report(const struct run *run, const struct md_tables *tables)
{
	unsigned blocking = tables->differences.blocking;

	print_differences(run, &tables->differences);
	if (blocking > 0) {
		fprintf(run->cli->err,
			"modeld: nothing was made: %u difference%s in the way, see above\n",
			blocking, blocking == 1 ? " is" : "s are");
		return EX_CONFIG;
	}
	if (run->dry_run)
		print_script(run, tables);
	else
		print_made(run, tables);
	return EX_OK;
}

static int create_tables(void *arg, const struct md_definitions *definitions)
{
	struct run *run = arg;
	const struct md_log log = { write_log, run, MD_LOG_WARN };
	const struct md_tables_options options = {
		.url = run->options->db_url,
		.schema = run->options->db_schemas.items[0],
		.definitions = definitions,
		.dry_run = run->dry_run,
		.lock_timeout_ms = (unsigned)run->options->lock_timeout,
		.keep_journal = run->options->sqlite_journal == MD_JOURNAL_KEEP,
		.log = &log,
	};
	md_auto_arena arena = md_arena_new(ARENA_MAX);
	struct md_tables tables;
	struct md_error err;
	enum md_code code;

	md_error_clear(&err);
	code = arena ? md_tables_create(&options, arena, &tables, &err) : md_fail_nomem(&err);
	return code == MD_OK ? report(run, &tables) : fail(run, code, &err);
}

int md_db_create_tables(const struct md_cli *cli, const struct md_options *options,
			const struct md_cli_models *words)
{
	struct run run = { .cli = cli, .options = options, .dry_run = words->dry_run };

	if (options->db_url[0] == '\0') {
		fprintf(cli->err, "modeld: no database: give --db URL, or set \"db_url\"\n");
		return EX_CONFIG;
	}
	return md_models_use(cli, options, words, create_tables, &run);
}
