/* The commands `modeld db …`, which change what a database contains. They return exit codes as in
 * sysexits.h. Main thread. */
#ifndef MD_SERVER_CLI_DB_H
#define MD_SERVER_CLI_DB_H
#include "server/cli_models.h"

/** Make the tables that declared models miss, and tell how the others differ. EX_CONFIG: a
 * difference is in the way, and nothing was made. */
int md_db_create_tables(const struct md_cli *cli, const struct md_options *options,
			const struct md_cli_models *words);
#endif
