/* The command line: commands, their options, help, and exit codes as in sysexits.h. Everything
 * comes in through struct md_cli, so that tests can run it. Main thread. */
#ifndef MD_SERVER_CLI_H
#define MD_SERVER_CLI_H
#include <stdio.h>

struct md_settings;

struct md_cli {
	int argc;
	char **argv;
	char *const *environment;
	FILE *out, *err;
	int (*serve)(struct md_settings *settings); /* md_serve() */
};

/** Run what the command line says; returns the exit code. */
int md_cli_run(const struct md_cli *cli);
#endif
