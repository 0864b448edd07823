#include "server/cli_data.h"

#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#include "config/suggest.h"
#include "core/model/define.h"
#include "server/cli_data_run.h"

#include "core/base/banned.h"

enum {
	ARENA_MAX = 64 * 1024 * 1024,
	JSON_MAX = 256 * 1024 * 1024,
	NO_STATEMENT_TIMEOUT_MS = 7 * 24 * 3600 * 1000 /* whoever waits can end the program */
};

static const char *const text_names[MD_CLI_TEXTS] = {
	[MD_CLI_SELECT] = "--select", [MD_CLI_ORDER] = "--order", [MD_CLI_LIMIT] = "--limit",
	[MD_CLI_OFFSET] = "--offset", [MD_CLI_JSON] = "--json",   [MD_CLI_WHERE] = "--where",
};

bool md_cli_data_take(struct md_cli_data *data, const char *name, const char *value)
{
	unsigned which = MD_CLI_SELECT;

	while (which < MD_CLI_WHERE && strcmp(text_names[which], name) != 0)
		which++;
	data->texts[which] = value;
	if (which < MD_CLI_WHERE)
		return true;
	if (data->where_count == MD_CLI_WHERE_MAX)
		return false;
	data->where[data->where_count++] = value;
	return true;
}

/* --- the query ---------------------------------------------------------------------------------
 */

static int no_model(struct md_data_run *run)
{
	struct md_suggest suggest = { .word = md_str_of(run->model) };
	const char *name;

	if (strcmp(run->err.wire, "PGRST205") != 0)
		return md_data_fail(run);
	for (unsigned i = 0; (name = md_store_model(run->store, i)); i++)
		md_suggest_offer(&suggest, name);
	fprintf(run->cli->err, "modeld: there is no model \"%.64s\"", run->model);
	if (suggest.best)
		fprintf(run->cli->err, "; did you mean \"%s\"?", suggest.best);
	fputc('\n', run->cli->err);
	return EX_NOINPUT;
}

static int read_count(const struct md_data_run *run, enum md_cli_text which, int64_t *ret_count)
{
	const char *text = run->data->texts[which];

	*ret_count = -1;
	if (text && (!md_str_to_i64(md_str_of(text), ret_count) || *ret_count < 0))
		return md_data_usage(run, "%s needs a number, not \"%.64s\"", text_names[which],
				     text);
	return EX_OK;
}

/* The ask with all that the command line says of it. What the API has against it is told by the
 * operation. */
static int make_ask(struct md_data_run *run)
{
	int64_t limit, offset;
	int code = read_count(run, MD_CLI_LIMIT, &limit);

	if (code == EX_OK)
		code = read_count(run, MD_CLI_OFFSET, &offset);
	if (code != EX_OK)
		return code;
	if (md_ask_new(run->work, run->model, &run->ask, &run->err))
		return no_model(run);
	if (run->data->texts[MD_CLI_SELECT])
		md_select(run->ask, run->data->texts[MD_CLI_SELECT]);
	if (run->key)
		md_filter_key(run->ask, run->key);
	code = md_data_where(run);
	if (code != EX_OK)
		return code;
	if (run->data->texts[MD_CLI_ORDER])
		md_order_by(run->ask, run->data->texts[MD_CLI_ORDER]);
	if (limit >= 0)
		md_limit(run->ask, limit);
	if (offset >= 0)
		md_offset(run->ask, offset);
	return EX_OK;
}

static int no_row(const struct md_data_run *run)
{
	fprintf(run->cli->err, "modeld: %.64s has no row with the key \"%.64s\"\n", run->model,
		run->key);
	return EX_NOINPUT;
}

/* --- the commands ------------------------------------------------------------------------------
 */

static int list(struct md_data_run *run)
{
	int code = make_ask(run);

	return code == EX_OK ? md_data_print_all(run) : code;
}

static int get(struct md_data_run *run)
{
	struct md_result *row;
	int code = make_ask(run);

	if (code != EX_OK)
		return code;
	if (md_one(run->ask, &row, &run->err))
		return strcmp(run->err.wire, "PGRST116") == 0 ? no_row(run) : md_data_fail(run);
	code = run->format == MD_DATA_CSV ? md_data_print_all(run) : md_data_print(run, row, true);
	md_result_free(row);
	return code;
}

static int count(struct md_data_run *run)
{
	uint64_t rows;
	int code = make_ask(run);

	if (code != EX_OK)
		return code;
	if (md_count(run->ask, &rows, &run->err))
		return md_data_fail(run);
	fprintf(run->cli->out, "%" PRIu64 "\n", rows);
	return EX_OK;
}

/* What was written lasts from here on, and is shown. */
static int keep(struct md_data_run *run, struct md_result *rows, bool one)
{
	bool dry = run->words->dry_run;
	enum md_code code =
		dry ? md_work_rollback(run->work, &run->err) : md_work_commit(run->work, &run->err);
	int rc;

	if (code) {
		md_result_free(rows);
		return md_data_fail(run);
	}
	rc = md_data_print(run, rows, one);
	md_result_free(rows);
	if (dry)
		fprintf(run->cli->err, "modeld: dry run: nothing was changed\n");
	return rc;
}

static int create(struct md_data_run *run)
{
	const char *json = run->json.data;
	struct md_result *rows;
	enum md_code code;
	int rc = make_ask(run); /* tells whether there is such a model */

	if (rc != EX_OK)
		return rc;
	code = json ? md_create(run->work, run->model, json, &rows, &run->err)
		    : md_create_values(run->work, run->model, run->values, run->count, &rows,
				       &run->err);
	if (code)
		return md_data_fail(run);
	return keep(run, rows, !json || json[strspn(json, " \t\r\n")] == '{');
}

static int change(struct md_data_run *run, bool delete)
{
	const char *json = run->json.data;
	struct md_result *rows;
	enum md_code code;
	int rc = make_ask(run);

	if (rc != EX_OK)
		return rc;
	if (delete)
		code = md_delete(run->ask, &rows, &run->err);
	else if (json)
		code = md_update(run->ask, json, &rows, &run->err);
	else
		code = md_update_values(run->ask, run->values, run->count, &rows, &run->err);
	if (code)
		return md_data_fail(run);
	if (run->key && md_result_rows(rows) == 0) {
		md_result_free(rows);
		return no_row(run);
	}
	return keep(run, rows, run->key);
}

static int update(struct md_data_run *run)
{
	return change(run, false);
}

static int delete (struct md_data_run *run)
{
	return change(run, true);
}

static const struct data_command {
	const char *name;
	unsigned takes;
	int (*run)(struct md_data_run *run);
} commands[] = {
	{ "list", 0, list },
	{ "get", MD_DATA_KEY, get },
	{ "create", MD_DATA_VALUES | MD_DATA_WRITES, create },
	{ "update", MD_DATA_ROWS | MD_DATA_VALUES | MD_DATA_WRITES, update },
	{ "delete", MD_DATA_ROWS | MD_DATA_WRITES, delete },
	{ "count", 0, count },
};

/* --- a run -------------------------------------------------------------------------------------
 */

/* The API tells the first mistake in the definitions; here are all. */
static int open_failed(struct md_data_run *run)
{
	const struct md_cli_models files = { .for_database = true };
	const struct md_definitions *definitions = NULL;
	int code = EX_OK;

	if (run->err.code == MD_INVALID && run->options->models[0])
		code = md_models_take(run->cli, run->options, &files, &definitions);
	md_definitions_free(definitions);
	if (code != EX_OK)
		return code;
	code = md_data_fail(run);
	return code == EX_DATAERR ? EX_CONFIG : code;
}

static int with_database(struct md_data_run *run, const struct data_command *command)
{
	const struct md_options *options = run->options;
	const struct md_store_options how = {
		.models = options->models[0] ? options->models : NULL,
		.schema = options->db_schemas.items[0],
		.statement_timeout_ms = NO_STATEMENT_TIMEOUT_MS,
		.lock_timeout_ms = (unsigned)options->lock_timeout,
		.keep_journal = true,
	};
	int code;

	if (md_store_open(options->db_url, &how, &run->store, &run->err))
		return open_failed(run);
	if (md_work_open(run->store, &run->work, &run->err))
		code = md_data_fail(run);
	else
		code = command->run(run);
	md_ask_free(run->ask);
	md_work_close(run->work);
	md_store_close(run->store);
	return code;
}

static const struct data_command *find(const char *name)
{
	const struct data_command *command = commands;

	while (strcmp(command->name, name) != 0)
		command++;
	return command;
}

int md_cli_data_run(const struct md_cli *cli, const struct md_options *options,
		    const struct md_cli_models *words)
{
	md_auto_arena arena = md_arena_new(ARENA_MAX);
	struct md_data_run run = { .name = words->command,
				   .cli = cli,
				   .options = options,
				   .words = words,
				   .data = words->data,
				   .arena = arena,
				   .json = MD_BUF(JSON_MAX) };
	const struct data_command *command = find(words->command);
	int code;

	md_error_clear(&run.err);
	if (!arena) {
		fprintf(cli->err, "modeld: out of memory\n");
		return EX_OSERR;
	}
	code = md_data_words(&run, command->takes);
	if (code == EX_OK && options->db_url[0] == '\0') {
		fprintf(cli->err, "modeld: no database: give --db URL, or set \"db_url\"\n");
		code = EX_CONFIG;
	}
	if (code == EX_OK)
		code = with_database(&run, command);
	md_buf_release(&run.json);
	return md_data_finish(&run, code);
}
