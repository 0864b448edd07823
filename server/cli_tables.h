/* What the parts of the command line share: the table of commands, that of their options, and a run
 * of one of them. Private to server/cli*.c. */
#ifndef MD_SERVER_CLI_TABLES_H
#define MD_SERVER_CLI_TABLES_H
#include <stdbool.h>
#include <stddef.h>

#include "config/settings.h"
#include "server/cli.h"
#include "server/cli_data.h"
#include "server/cli_migrate.h"
#include "server/cli_models.h"

enum { MD_CLI_OVERRIDES_MAX = 256 };

/* Which options a command takes. */
enum {
	TAKES_SETTINGS = 1 << 0,
	TAKES_READY_FD = 1 << 1,
	TAKES_WORDS = 1 << 2,
	TAKES_FILES = 1 << 3, /* words among the options */
	TAKES_ALL = 1 << 4,
	TAKES_FORM = 1 << 5,
	TAKES_MODELS = 1 << 6,
	TAKES_DRY_RUN = 1 << 7,
	TAKES_FORMAT = 1 << 8,
	TAKES_IMPORT = 1 << 9,
	TAKES_WHERE = 1 << 10,
	TAKES_SELECT = 1 << 11,
	TAKES_PAGE = 1 << 12,
	TAKES_PRINT = 1 << 13,
	TAKES_JSON = 1 << 14,
	TAKES_ROLLBACK = 1 << 15,
	TAKES_EVERY = 1 << 16,
	/* Of migrations. */
	TAKES_AS_JSON = 1 << 17,
	TAKES_MESSAGE = 1 << 18,
	TAKES_MAKE = 1 << 19,
	TAKES_GO = 1 << 20,
	TAKES_CONSENT = 1 << 21,
	TAKES_STAMP = 1 << 22,
	TAKES_CHECK = 1 << 23,
	TAKES_DRIFT = 1 << 24,
	TAKES_BASELINE = 1 << 25,
	TAKES_REPAIR = 1 << 26,
	TAKES_PURGE = 1 << 27,
	TAKES_UNLOCK = 1 << 28,
	TAKES_ROWS = TAKES_SETTINGS | TAKES_FILES | TAKES_MODELS /* commands on rows */
};

struct md_cli_call;
struct md_cli_command {
	const char *name; /* its words */
	const char *arguments;
	const char *summary;
	unsigned flags; /* TAKES_…: which options it takes */
	int (*run)(struct md_cli_call *call);
	const char *text; /* what help says besides */
	const char *examples;
};
struct md_cli_flag {
	const char *name, *argument; /* argument NULL: takes none */
	unsigned for_commands;       /* 0: all */
	const char *help;            /* NULL: not told */
	/* One of these tells what becomes of it; none: md_cli_data_take(), of commands on rows. */
	size_t member_at;    /* in struct md_cli_call: a bool; with an argument, a text */
	const char *setting; /* that gets the argument */
	int (*take)(struct md_cli_call *call, const char *value);
};

/* One run of one command. */
struct md_cli_call {
	const struct md_cli *cli;
	const struct md_cli_command *command;
	struct md_settings settings;
	struct md_override overrides[MD_CLI_OVERRIDES_MAX];
	int argc; /* what is left behind the command's words */
	char **argv;
	bool help;
	struct md_cli_models models;
	struct md_cli_data data; /* what models.data points to */
	struct md_cli_migrate migrate;
};

/** The commands, or the options, in the order of help; `ret_count` is how many. */
const struct md_cli_command *md_cli_commands(size_t *ret_count);
const struct md_cli_flag *md_cli_flags(size_t *ret_count);
/** Does the command take this option? */
static inline bool md_cli_takes(const struct md_cli_command *command,
				const struct md_cli_flag *flag)
{
	return flag->for_commands == 0 || (command->flags & flag->for_commands);
}

/** The command whose words begin argv; *ret_words is how many they are. */
const struct md_cli_command *md_cli_find(int argc, char **argv, int *ret_words);
/** Is `word` the first of commands with two words? */
bool md_cli_is_family(const char *word);
/** Say that the words are no command, and which may be meant. EX_USAGE. */
int md_cli_unknown(const struct md_cli *cli, int argc, char **argv);

/** Read the options behind the command's words into `call`, and words among them where it takes
 * such. EX_OK, or EX_USAGE and why is told. */
int md_cli_take_flags(struct md_cli_call *call);

/* cli_help.c */

void md_cli_print_overview(FILE *to);
void md_cli_print_help(const struct md_cli_command *command, FILE *to);
void md_cli_print_family(const char *word, FILE *to);
void md_cli_print_settings(FILE *to);
#endif
