/* The commands `modeld models export` and `modeld models import`: models written down for other
 * programs, and definition files made of databases. They return exit codes as in sysexits.h. Main
 * thread. */
#ifndef MD_SERVER_CLI_SCHEMA_H
#define MD_SERVER_CLI_SCHEMA_H
#include "server/cli_models.h"

/** Write the models of definition files, or of a database when there are none. */
int md_models_export(const struct md_cli *cli, const struct md_options *options,
		     const struct md_cli_models *words);
/** Write a definition file of what a database contains. What cannot be declared is told. */
int md_models_import(const struct md_cli *cli, const struct md_options *options,
		     const struct md_cli_models *words);
#endif
