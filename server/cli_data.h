/* The commands that work on rows without a server: list, get, create, update, delete, count. They
 * use the C API alone (include/modeld.h), open the database themselves, and return exit codes as in
 * sysexits.h. Main thread. */
#ifndef MD_SERVER_CLI_DATA_H
#define MD_SERVER_CLI_DATA_H
#include <stdbool.h>

#include "server/cli_models.h"

/** Options that have a text. */
enum md_cli_text {
	MD_CLI_SELECT,
	MD_CLI_ORDER,
	MD_CLI_LIMIT,
	MD_CLI_OFFSET,
	MD_CLI_JSON,
	MD_CLI_WHERE, /* may be repeated */
	MD_CLI_TEXTS
};
enum { MD_CLI_WHERE_MAX = 256 };

/** What the command line says besides words, --format, --all and --dry-run. */
struct md_cli_data {
	const char *texts[MD_CLI_TEXTS]; /* NULL: not given */
	const char *where[MD_CLI_WHERE_MAX];
	unsigned where_count;
};

/** Take the option of this name. False: there are too many of them. */
bool md_cli_data_take(struct md_cli_data *data, const char *name, const char *value);
/** Run words->command with words->data. */
int md_cli_data_run(const struct md_cli *cli, const struct md_options *options,
		    const struct md_cli_models *words);
#endif
