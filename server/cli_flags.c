/* The options of the commands. */
#include <fcntl.h>
#include <stddef.h>
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

/* Where an option goes that only has to be noted: true, or its argument. The type is checked. */
#define MEMBER(member, type) \
	_Generic(((struct md_cli_call *)NULL)->member, type : offsetof(struct md_cli_call, member))
#define SETS(member)  .member_at = MEMBER(member, bool)
#define KEEPS(member) .member_at = MEMBER(member, const char *)
#define OF_ROWS       .take = NULL /* md_cli_data_take() */

static const struct md_cli_flag flags[] = {
	{ "--config", "FILE", TAKES_SETTINGS,
	  "configuration file (" MD_CONFIG_PATH ", when it exists)", KEEPS(settings.config_path) },
	{ "--db", "URL", TAKES_SETTINGS, "database: the setting db_url", .setting = "db_url" },
	{ "--listen", "ADDR", TAKES_SETTINGS,
	  "HOST:PORT, [IPV6]:PORT or unix:PATH; may be repeated", .setting = "listen" },
	{ "--set", "KEY=VALUE", TAKES_SETTINGS, "any other setting; may be repeated",
	  .take = take_set },
	{ "--ready-fd", "N", TAKES_READY_FD,
	  "write the URL of each listener to descriptor N when ready", .take = take_ready_fd },
	{ "--long", NULL, TAKES_FORM, "write objects, no shorthand", SETS(models.long_form) },
	{ "--force", NULL, TAKES_FORM, "rewrite files with comments, without them",
	  SETS(models.force) },
	{ "--all", NULL, TAKES_ALL, "abstract models, too", SETS(models.all) },
	{ "--models", "GLOB", TAKES_MODELS, "definition files: the setting models",
	  .setting = "models" },
	{ "--dry-run", NULL, TAKES_DRY_RUN, "print the SQL and change nothing",
	  SETS(models.dry_run) },
	{ "--format", "FORMAT", TAKES_FORMAT,
	  "json, json-schema, openapi, typescript, sql, dbml or mermaid", KEEPS(models.format) },
	{ "--from-db", NULL, TAKES_IMPORT, "from the database; required", SETS(models.from_db) },
	{ "--managed", NULL, TAKES_IMPORT, "modeld is to make and change the tables",
	  SETS(models.managed) },
	{ "--out", "FILE", TAKES_IMPORT, "write a new file, not to standard output",
	  KEEPS(models.out) },
	{ "--where", "COND", TAKES_WHERE,
	  "\"COLUMN OPERATOR VALUE\" or COLUMN=OPERATOR.VALUE; may be repeated", OF_ROWS },
	{ "--select", "LIST", TAKES_SELECT, "what to show: \"id,name,posts(title)\"", OF_ROWS },
	{ "--order", "TERMS", TAKES_PAGE, "\"created_at.desc.nullslast,id\"", OF_ROWS },
	{ "--limit", "N", TAKES_PAGE, "at most N rows", OF_ROWS },
	{ "--offset", "N", TAKES_PAGE, "without the first N rows", OF_ROWS },
	{ "--json", "TEXT", TAKES_JSON, "JSON; @FILE: of a file, -: of standard input", OF_ROWS },
	{ "--all", NULL, TAKES_EVERY, "every row", SETS(models.all) },
	{ "--dry-run", NULL, TAKES_ROLLBACK, "show the rows, and undo it", SETS(models.dry_run) },
	{ "--format", "FORMAT", TAKES_PRINT,
	  "json, ndjson, csv (list, get) or table; table on a terminal, else json",
	  KEEPS(models.format) },
#define FLAG(name, argument, flags, function, help) \
	{ name, argument, flags, help, .take = function },
#define SWITCH(name, member, flags, help) { name, NULL, flags, help, SETS(migrate.member) },
#define TEXT(name, argument, member, flags, help) \
	{ name, argument, flags, help, KEEPS(migrate.member) },
#include "server/cli_migrate.def"
	{ "--help", NULL, 0, "this text; also -h", SETS(help) },
	{ "-h", NULL, 0, NULL, SETS(help) },
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

static int give(struct md_cli_call *call, const struct md_cli_flag *flag, const char *value)
{
	void *member = (char *)call + flag->member_at;

	if (flag->take)
		return flag->take(call, value);
	if (flag->setting)
		return add_override(call, MD_LAYER_OPTION, flag->name, md_str_of(flag->setting),
				    value);
	if (flag->member_at > 0 && flag->argument)
		*(const char **)member = value;
	else if (flag->member_at > 0)
		*(bool *)member = true;
	else if (!md_cli_data_take(&call->data, flag->name, value)) {
		fprintf(call->cli->err, "modeld: %s is given too often\n", flag->name);
		return EX_USAGE;
	}
	return EX_OK;
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
	return give(call, flag, value);
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
