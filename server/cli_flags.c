/* The options of the commands. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "config/settings.h"
#include "config/suggest.h"
#include "server/cli_migrate.h"
#include "server/cli_tables.h"

#include "core/base/banned.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static int usage_error(const struct md_cli_call *call)
{
	const struct md_cli_command *command = call->command;

	fprintf(call->cli->err, "Try: modeld %s%s--help\n", command ? command->name : "",
		command ? " " : "");
	return EX_USAGE;
}

static int add_override(struct md_cli_call *call, enum md_layer layer, const char *name,
			struct md_str key, const char *value)
{
	if (call->settings.override_count == MD_CLI_OVERRIDES_MAX) {
		fprintf(call->cli->err, "modeld: more than %d settings on the command line\n",
			MD_CLI_OVERRIDES_MAX);
		return EX_USAGE;
	}
	call->overrides[call->settings.override_count++] =
		(struct md_override){ layer, name, key.ptr, key.len, value };
	return EX_OK;
}

static int take_config(struct md_cli_call *call, const char *value)
{
	call->settings.config_path = value;
	return EX_OK;
}

static int take_db(struct md_cli_call *call, const char *value)
{
	return add_override(call, MD_LAYER_OPTION, "--db", MD_STR("db_url"), value);
}

static int take_models(struct md_cli_call *call, const char *value)
{
	return add_override(call, MD_LAYER_OPTION, "--models", MD_STR("models"), value);
}

static int take_listen(struct md_cli_call *call, const char *value)
{
	return add_override(call, MD_LAYER_OPTION, "--listen", MD_STR("listen"), value);
}

static int take_set(struct md_cli_call *call, const char *value)
{
	const char *equals = strchr(value, '=');
	struct md_str key = { value, equals ? (size_t)(equals - value) : 0 };

	key = md_str_trim(key);
	if (key.len == 0) {
		fprintf(call->cli->err, "modeld: --set needs KEY=VALUE\n");
		return usage_error(call);
	}
	return add_override(call, MD_LAYER_SET, "--set", key, equals + 1);
}

static int take_ready_fd(struct md_cli_call *call, const char *value)
{
	uint64_t fd;

	if (!md_str_to_u64(md_str_of(value), &fd) || fd > INT32_MAX ||
	    fcntl((int)fd, F_GETFD) < 0) {
		fprintf(call->cli->err, "modeld: --ready-fd %s is not an open file descriptor\n",
			value);
		return EX_USAGE;
	}
	call->settings.ready_fd = (int)fd;
	return EX_OK;
}

static int take_long(struct md_cli_call *call, const char *value)
{
	(void)value;
	call->models.long_form = true;
	return EX_OK;
}

static int take_force(struct md_cli_call *call, const char *value)
{
	(void)value;
	call->models.force = true;
	return EX_OK;
}

static int take_all(struct md_cli_call *call, const char *value)
{
	(void)value;
	call->models.all = true;
	return EX_OK;
}

static int take_dry_run(struct md_cli_call *call, const char *value)
{
	(void)value;
	call->models.dry_run = true;
	return EX_OK;
}

static int take_format(struct md_cli_call *call, const char *value)
{
	call->models.format = value;
	return EX_OK;
}

static int take_from_db(struct md_cli_call *call, const char *value)
{
	(void)value;
	call->models.from_db = true;
	return EX_OK;
}

static int take_managed(struct md_cli_call *call, const char *value)
{
	(void)value;
	call->models.managed = true;
	return EX_OK;
}

static int take_out(struct md_cli_call *call, const char *value)
{
	call->models.out = value;
	return EX_OK;
}

static int take_help(struct md_cli_call *call, const char *value)
{
	(void)value;
	call->help = true;
	return EX_OK;
}

/* clang-format off */
#define SWITCH(name, member, flags, help)                                                          \
	static int take_switch_##member(struct md_cli_call *call, const char *value)               \
	{                                                                                          \
		(void)value;                                                                       \
		call->migrate.member = true;                                                       \
		return EX_OK;                                                                      \
	}
#include "server/cli_migrate.def"
/* clang-format on */

static int take_message(struct md_cli_call *call, const char *value)
{
	call->migrate.message = value;
	return EX_OK;
}

static int take_to(struct md_cli_call *call, const char *value)
{
	call->migrate.to = value;
	return EX_OK;
}

static int take_write_models(struct md_cli_call *call, const char *value)
{
	call->migrate.write_models = value;
	return EX_OK;
}

static const struct md_cli_flag flags[] = {
	{ "--config", "FILE", TAKES_SETTINGS, take_config,
	  "configuration file (" MD_CONFIG_PATH ", when it exists)" },
	{ "--db", "URL", TAKES_SETTINGS, take_db, "database: the setting db_url" },
	{ "--listen", "ADDR", TAKES_SETTINGS, take_listen,
	  "HOST:PORT, [IPV6]:PORT or unix:PATH; may be repeated" },
	{ "--set", "KEY=VALUE", TAKES_SETTINGS, take_set, "any other setting; may be repeated" },
	{ "--ready-fd", "N", TAKES_READY_FD, take_ready_fd,
	  "write the URL of each listener to descriptor N when ready" },
	{ "--long", NULL, TAKES_FORM, take_long, "write objects, no shorthand" },
	{ "--force", NULL, TAKES_FORM, take_force, "rewrite files with comments, without them" },
	{ "--all", NULL, TAKES_ALL, take_all, "abstract models, too" },
	{ "--models", "GLOB", TAKES_MODELS, take_models, "definition files: the setting models" },
	{ "--dry-run", NULL, TAKES_DRY_RUN, take_dry_run, "print the SQL and change nothing" },
	{ "--format", "FORMAT", TAKES_FORMAT, take_format,
	  "json, json-schema, openapi, typescript, sql, dbml or mermaid" },
	{ "--from-db", NULL, TAKES_IMPORT, take_from_db, "from the database; required" },
	{ "--managed", NULL, TAKES_IMPORT, take_managed,
	  "modeld is to make and change the tables" },
	{ "--out", "FILE", TAKES_IMPORT, take_out, "write a new file, not to standard output" },
	{ "--where", "COND", TAKES_WHERE, NULL,
	  "\"COLUMN OPERATOR VALUE\" or COLUMN=OPERATOR.VALUE; may be repeated" },
	{ "--select", "LIST", TAKES_SELECT, NULL, "what to show: \"id,name,posts(title)\"" },
	{ "--order", "TERMS", TAKES_PAGE, NULL, "\"created_at.desc.nullslast,id\"" },
	{ "--limit", "N", TAKES_PAGE, NULL, "at most N rows" },
	{ "--offset", "N", TAKES_PAGE, NULL, "without the first N rows" },
	{ "--json", "TEXT", TAKES_JSON, NULL, "JSON; @FILE: of a file, -: of standard input" },
	{ "--all", NULL, TAKES_EVERY, take_all, "every row" },
	{ "--dry-run", NULL, TAKES_ROLLBACK, take_dry_run, "show the rows, and undo it" },
	{ "--format", "FORMAT", TAKES_PRINT, take_format,
	  "json, ndjson, csv (list, get) or table; table on a terminal, else json" },
#define FLAG(name, argument, flags, take, help)   { name, argument, flags, take, help },
#define SWITCH(name, member, flags, help)         { name, NULL, flags, take_switch_##member, help },
#define TEXT(name, argument, member, flags, help) { name, argument, flags, take_##member, help },
#include "server/cli_migrate.def"
	{ "--help", NULL, 0, take_help, "this text; also -h" },
	{ "-h", NULL, 0, take_help, NULL },
};

const struct md_cli_flag *md_cli_flags(size_t *ret_count)
{
	*ret_count = LENGTH(flags);
	return flags;
}

static const struct md_cli_flag *find_flag(const struct md_cli_call *call, struct md_str name)
{
	for (size_t i = 0; i < LENGTH(flags); i++)
		if (md_cli_takes(call->command, &flags[i]) && md_str_is(name, flags[i].name))
			return &flags[i];
	return NULL;
}

static int unknown_flag(const struct md_cli_call *call, struct md_str name)
{
	struct md_suggest suggest = { .word = name };

	for (size_t i = 0; i < LENGTH(flags); i++)
		if (md_cli_takes(call->command, &flags[i]))
			md_suggest_offer(&suggest, flags[i].name);
	fprintf(call->cli->err, "modeld: %s does not know %.*s", call->command->name,
		MD_STR_ARG(name));
	if (suggest.best)
		fprintf(call->cli->err, "; did you mean %s?", suggest.best);
	fputc('\n', call->cli->err);
	return usage_error(call);
}

/* "--name value" or "--name=value" at argv[i]; *i ends on the last word used. */
static int take_flag(struct md_cli_call *call, int *i)
{
	const char *word = call->argv[*i], *equals = strchr(word, '='), *value = NULL;
	struct md_str name = { word, equals ? (size_t)(equals - word) : strlen(word) };
	const struct md_cli_flag *flag = find_flag(call, name);

	if (!flag)
		return unknown_flag(call, name);
	if (flag->argument && !equals && *i + 1 == call->argc) {
		fprintf(call->cli->err, "modeld: %s needs %s\n", flag->name, flag->argument);
		return usage_error(call);
	}
	if (!flag->argument && equals) {
		fprintf(call->cli->err, "modeld: %s takes no value\n", flag->name);
		return usage_error(call);
	}
	if (flag->argument)
		value = equals ? equals + 1 : call->argv[++*i];
	if (flag->take)
		return flag->take(call, value);
	if (md_cli_data_take(&call->data, flag->name, value))
		return EX_OK;
	fprintf(call->cli->err, "modeld: %s is given too often\n", flag->name);
	return EX_USAGE;
}

/* "-2": two revisions back. */
static bool is_back(const struct md_cli_call *call, const char *word)
{
	size_t digits = strspn(word + 1, "0123456789");

	return (call->command->flags & TAKES_GO) && digits > 0 && word[1 + digits] == '\0';
}

int md_cli_take_flags(struct md_cli_call *call)
{
	bool words = call->command->flags & TAKES_FILES, only_words = false;
	int code = EX_OK;

	call->models.words = call->argv;
	for (int i = 0; code == EX_OK && i < call->argc; i++) {
		if (words && !only_words && strcmp(call->argv[i], "--") == 0) {
			only_words = true;
			continue;
		}
		if (words &&
		    (only_words || call->argv[i][0] != '-' || is_back(call, call->argv[i]))) {
			call->argv[call->models.count++] = call->argv[i];
			continue;
		}
		if (call->argv[i][0] != '-') {
			fprintf(call->cli->err, "modeld: %s does not take \"%s\"\n",
				call->command->name, call->argv[i]);
			if (strstr(call->argv[i], ".json"))
				fputs("A pattern of files for --models stands in quotes.\n",
				      call->cli->err);
			return usage_error(call);
		}
		code = take_flag(call, &i);
	}
	return code;
}
