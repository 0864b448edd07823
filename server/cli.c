#include "server/cli.h"

#include <string.h>
#include <sysexits.h>

#include "config/settings.h"
#include "server/cli_data.h"
#include "server/cli_db.h"
#include "server/cli_migrate.h"
#include "server/cli_models.h"
#include "server/cli_schema.h"
#include "server/cli_tables.h"

#include "core/base/banned.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
enum { SHOW_MAX = 16 * 1024 * 1024 };

static void print_problems(const struct md_cli_call *call)
{
	const struct md_problems *problems = &call->settings.problems;

	for (unsigned i = 0; i < problems->count; i++)
		fprintf(call->cli->err, "modeld: %s: %s\n",
			problems->items[i].warning ? "warning" : "error", problems->items[i].text);
	if (problems->left_out > 0)
		fprintf(call->cli->err, "modeld: and %u more\n", problems->left_out);
}

/* Read the configuration and tell what is wrong with it. */
static int load(struct md_cli_call *call)
{
	struct md_error err;
	enum md_code code = md_settings_load(&call->settings, &err);

	print_problems(call);
	if (code == MD_OK)
		return EX_OK;
	if (code == MD_INVALID)
		return EX_CONFIG;
	fprintf(call->cli->err, "modeld: %s\n", err.message);
	return code == MD_NOT_FOUND ? EX_NOINPUT : EX_OSERR;
}

static int finish(const struct md_cli_call *call, int code)
{
	if (fflush(call->cli->out) != 0 || ferror(call->cli->out)) {
		fprintf(call->cli->err, "modeld: cannot write: %m\n");
		return EX_IOERR;
	}
	return code;
}

static int run_serve(struct md_cli_call *call)
{
	int code;

	call->settings.serve = true;
	code = load(call);
	if (code == EX_OK)
		code = call->cli->serve(&call->settings);
	md_settings_release(&call->settings);
	return code;
}

static int run_config_show(struct md_cli_call *call)
{
	md_auto_buf text = { .max = SHOW_MAX };
	int code = load(call);

	md_settings_show(&call->settings, false, &text);
	md_settings_release(&call->settings);
	if (text.failed) {
		fprintf(call->cli->err, "modeld: out of memory\n");
		return EX_OSERR;
	}
	if (text.len > 0)
		fwrite(text.data, 1, text.len, call->cli->out);
	return finish(call, code);
}

static int run_config_check(struct md_cli_call *call)
{
	int code = load(call);

	md_settings_release(&call->settings);
	if (code == EX_OK)
		fputs("ok\n", call->cli->out);
	return finish(call, code);
}

/* Nothing is served: only mistakes of the configuration matter. */
static int run_models(struct md_cli_call *call,
		      int (*run)(const struct md_cli *cli, const struct md_options *options,
				 const struct md_cli_models *words))
{
	struct md_problems *problems = &call->settings.problems;
	struct md_error err;
	enum md_code code = md_settings_load(&call->settings, &err);
	int rc;

	if (code == MD_OK)
		rc = run(call->cli, call->settings.options, &call->models);
	else {
		for (unsigned i = 0; i < problems->count; i++)
			if (!problems->items[i].warning)
				fprintf(call->cli->err, "modeld: error: %s\n",
					problems->items[i].text);
		if (code != MD_INVALID)
			fprintf(call->cli->err, "modeld: %s\n", err.message);
		rc = code == MD_INVALID ? EX_CONFIG : code == MD_NOT_FOUND ? EX_NOINPUT : EX_OSERR;
	}
	md_settings_release(&call->settings);
	return rc;
}

static int run_models_check(struct md_cli_call *call)
{
	return run_models(call, md_models_check);
}

static int run_models_list(struct md_cli_call *call)
{
	return run_models(call, md_models_list);
}

static int run_models_show(struct md_cli_call *call)
{
	return run_models(call, md_models_show);
}

static int run_models_fmt(struct md_cli_call *call)
{
	return run_models(call, md_models_fmt);
}

static int run_models_export(struct md_cli_call *call)
{
	return run_models(call, md_models_export);
}

static int run_models_import(struct md_cli_call *call)
{
	return run_models(call, md_models_import);
}

static int run_db_create_tables(struct md_cli_call *call)
{
	call->models.for_database = true;
	return run_models(call, md_db_create_tables);
}

static int run_rows(struct md_cli_call *call)
{
	call->models.data = &call->data;
	call->models.command = call->command->name;
	return run_models(call, md_cli_data_run);
}

static int run_version(struct md_cli_call *call)
{
	fprintf(call->cli->out, "modeld %s\n", PACKAGE_VERSION);
	return finish(call, EX_OK);
}

static int run_help(struct md_cli_call *call);

static const struct md_cli_command commands[] = {
	{ "serve", "[OPTION]...", "serve a database over HTTP",
	  TAKES_SETTINGS | TAKES_READY_FD | TAKES_MODELS, run_serve,
	  "Runs in the foreground until SIGTERM or SIGINT; SIGHUP reads the configuration and the\n"
	  "definition files again. With definition files, missing tables are made.\n"
	  "Without --config, " MD_CONFIG_PATH " is read when it exists. Settings also come from\n"
	  "MODELD_NAME and PGRST_NAME in the environment; \"modeld help settings\" lists them.\n",
	  "  modeld serve --db sqlite:///shop.db\n"
	  "  modeld serve --db sqlite:///shop.db --models 'models.d/*.json'\n"
	  "  modeld serve --db postgresql://app@localhost/shop --listen 127.0.0.1:3000\n"
	  "  modeld serve --config shop.conf --set log_level=debug\n" },
	{ "config show", "[OPTION]...", "print every setting and where its value comes from",
	  TAKES_SETTINGS, run_config_show,
	  "Prints the syntax of the configuration file. Secrets are masked.\n",
	  "  modeld config show\n"
	  "  modeld config show --config shop.conf | grep -v default\n" },
	{ "config check", "[OPTION]...", "check the configuration without serving", TAKES_SETTINGS,
	  run_config_check, "Prints \"ok\", or everything that is wrong.\n",
	  "  modeld config check --config shop.conf\n" },
	{ "models check", "[OPTION]... [FILE]...", "check model definition files",
	  TAKES_SETTINGS | TAKES_FILES | TAKES_MODELS, run_models_check,
	  "Tells everything that is wrong, with file, line and what to do about it. Without "
	  "files,\n"
	  "those of the setting \"models\". Patterns of the shell are understood, too.\n",
	  "  modeld models check models.d/*.json\n"
	  "  modeld models check --set models_targets=sqlite,postgresql shop.json\n" },
	{ "models list", "[OPTION]... [FILE]...", "list the models of definition files",
	  TAKES_SETTINGS | TAKES_FILES | TAKES_MODELS | TAKES_ALL, run_models_list,
	  "One line a model: name, table, number of fields, file and line.\n",
	  "  modeld models list --all shop.json\n" },
	{ "models show", "[OPTION]... NAME [FILE]...", "print one model as it is understood",
	  TAKES_SETTINGS | TAKES_FILES | TAKES_MODELS, run_models_show,
	  "Prints the long form, with inherited fields, the implicit id and all names.\n",
	  "  modeld models show User shop.json\n" },
	{ "models fmt", "[OPTION]... [FILE]...", "rewrite definition files in a uniform way",
	  TAKES_SETTINGS | TAKES_FILES | TAKES_MODELS | TAKES_FORM, run_models_fmt,
	  "Uses the shorthand wherever it can say everything, with --long nowhere. Names the "
	  "files\n"
	  "that changed. A file with mistakes is left alone, and so is one with comments, because\n"
	  "they cannot be kept.\n",
	  "  modeld models fmt shop.json\n  modeld models fmt --long shop.json\n" },
	{ "models export", "--format FORMAT [OPTION]... [FILE]...",
	  "write models down for other programs",
	  TAKES_SETTINGS | TAKES_FILES | TAKES_MODELS | TAKES_ALL | TAKES_FORMAT, run_models_export,
	  "Writes what GET /-/schema answers, of definition files; without any, of the database.\n"
	  "SQL is that of the engine of --db, else SQLite's.\n",
	  "  modeld models export --format typescript --db sqlite:///shop.db >shop.ts\n"
	  "  modeld models export --format sql --db postgresql:///shop shop.json\n" },
	{ "models import", "--from-db [OPTION]...", "make a definition file of a database",
	  TAKES_SETTINGS | TAKES_IMPORT, run_models_import,
	  "The models are declared as somebody else's tables, which modeld never changes; with\n"
	  "--managed as its own. What cannot be declared is told and left out.\n",
	  "  modeld models import --from-db --db sqlite:///shop.db --out shop.json\n" },
	{ "db create-tables", "[OPTION]... [FILE]...", "make the tables that models miss",
	  TAKES_SETTINGS | TAKES_FILES | TAKES_MODELS | TAKES_DRY_RUN, run_db_create_tables,
	  "Makes all missing tables and their indexes, or none. Tables that exist are compared "
	  "with\n"
	  "their models and never changed; a difference that keeps a model from being served is "
	  "78.\n"
	  "A database file that is missing is made.\n",
	  "  modeld db create-tables --db sqlite:///shop.db --models 'models.d/*.json'\n"
	  "  modeld db create-tables --db sqlite:///shop.db --dry-run shop.json\n" },
	{ "list", "[OPTION]... MODEL", "print rows of a model",
	  TAKES_ROWS | TAKES_WHERE | TAKES_SELECT | TAKES_PAGE | TAKES_PRINT, run_rows,
	  "Without --where, all of them. Operators are those of the HTTP side, and =, !=, <, <=,\n"
	  ">, >=. "
	  "JSON, NDJSON and CSV are printed while the rows come in, however many they are.\n",
	  "  modeld list post --db sqlite:///blog.db --where 'author_id = 1' --order id.desc\n"
	  "  modeld list post --config blog.conf --where title=ilike.*radio* --format csv\n" },
	{ "get", "[OPTION]... MODEL KEY", "print one row", TAKES_ROWS | TAKES_SELECT | TAKES_PRINT,
	  run_rows, "A key of several columns is written A,B.\n",
	  "  modeld get user 1 --db sqlite:///blog.db --select 'username,posts(title)'\n" },
	{ "create", "[OPTION]... MODEL FIELD=VALUE...", "add a row, or rows",
	  TAKES_ROWS | TAKES_JSON | TAKES_ROLLBACK | TAKES_PRINT, run_rows,
	  "A value is a text, read as the type of its field; behind := it is JSON. With --json,\n"
	  "an object or an array of them. The new rows are printed.\n",
	  "  modeld create user username=ann is_active:=true --db sqlite:///blog.db\n"
	  "  modeld create user --json @users.json --db sqlite:///blog.db\n" },
	{ "update", "[OPTION]... MODEL [KEY] FIELD=VALUE...", "change rows",
	  TAKES_ROWS | TAKES_WHERE | TAKES_JSON | TAKES_ROLLBACK | TAKES_EVERY | TAKES_PRINT,
	  run_rows,
	  "The row with the key; or, without one, those that --where describes, or --all. They\n"
	  "are printed as they are now.\n",
	  "  modeld update user 1 is_active=false --db sqlite:///blog.db\n"
	  "  modeld update post --where 'author_id = 1' published:=false --db "
	  "sqlite:///blog.db\n" },
	{ "delete", "[OPTION]... MODEL [KEY]", "delete rows",
	  TAKES_ROWS | TAKES_WHERE | TAKES_ROLLBACK | TAKES_EVERY | TAKES_PRINT, run_rows,
	  "The row with the key; or, without one, those that --where describes, or --all. They\n"
	  "are printed as they were.\n",
	  "  modeld delete user 1 --db sqlite:///blog.db\n"
	  "  modeld delete post --where 'published is false' --dry-run --db sqlite:///blog.db\n" },
	{ "count", "[OPTION]... MODEL", "print how many rows there are", TAKES_ROWS | TAKES_WHERE,
	  run_rows, NULL, "  modeld count post --db sqlite:///blog.db --where 'id > 10'\n" },
#define COMMAND(name, arguments, summary, takes, text, examples) \
	{ name, arguments, summary, TAKES_SETTINGS | (takes), md_cli_migrate, text, examples },
#include "server/cli_migrate.def"
	{ "help", "[COMMAND | settings]", "explain a command, or list all settings", TAKES_WORDS,
	  run_help, NULL, "  modeld help config show\n  modeld help settings\n" },
	{ "version", "", "print the version; also --version", 0, run_version, NULL, NULL },
};

const struct md_cli_command *md_cli_commands(size_t *ret_count)
{
	*ret_count = LENGTH(commands);
	return commands;
}

static int run_help(struct md_cli_call *call)
{
	int words = 0;
	const struct md_cli_command *command = md_cli_find(call->argc, call->argv, &words);
	FILE *out = call->cli->out;

	if (call->argc == 0)
		md_cli_print_overview(out);
	else if (call->argc == 1 && strcmp(call->argv[0], "settings") == 0)
		md_cli_print_settings(out);
	else if (call->argc == 1 && md_cli_is_family(call->argv[0]))
		md_cli_print_family(call->argv[0], out);
	else if (command && words == call->argc)
		md_cli_print_help(command, out);
	else
		return md_cli_unknown(call->cli, call->argc, call->argv);
	return finish(call, EX_OK);
}

static bool is_help(const char *word)
{
	return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
}

static int run_command(struct md_cli_call *call)
{
	int code = EX_OK;

	if (!(call->command->flags & TAKES_WORDS) || (call->argc > 0 && is_help(call->argv[0])))
		code = md_cli_take_flags(call);
	if (code != EX_OK)
		return code;
	if (!call->help)
		return call->command->run(call);
	md_cli_print_help(call->command, call->cli->out);
	return finish(call, EX_OK);
}

int md_cli_run(const struct md_cli *cli)
{
	struct md_cli_call call = { .cli = cli,
				    .settings = { .environment = cli->environment, .ready_fd = -1 },
				    .argc = cli->argc > 0 ? cli->argc - 1 : 0,
				    .argv = cli->argv + (cli->argc > 0) };
	int words = 0;

	call.settings.overrides = call.overrides;
	if (call.argc == 0) {
		md_cli_print_overview(cli->err);
		return EX_USAGE;
	}
	if (is_help(call.argv[0])) {
		md_cli_print_overview(cli->out);
		return finish(&call, EX_OK);
	}
	if (strcmp(call.argv[0], "--version") == 0)
		return run_version(&call);
	if (md_cli_is_family(call.argv[0]) && (call.argc == 1 || call.argv[1][0] == '-')) {
		bool asked = call.argc > 1 && is_help(call.argv[1]);

		md_cli_print_family(call.argv[0], asked ? cli->out : cli->err);
		return asked ? finish(&call, EX_OK) : EX_USAGE;
	}
	call.command = md_cli_find(call.argc, call.argv, &words);
	if (!call.command)
		return md_cli_unknown(cli, call.argc, call.argv);
	call.argc -= words;
	call.argv += words;
	return run_command(&call);
}
