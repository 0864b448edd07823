/* The commands `modeld models …`, which look at definition files and open no database. They return
 * exit codes as in sysexits.h. Main thread. */
#ifndef MD_SERVER_CLI_MODELS_H
#define MD_SERVER_CLI_MODELS_H
#include <stdbool.h>

struct md_cli;
struct md_cli_data;
struct md_definitions;
struct md_options;

/** What the command line says. */
struct md_cli_models {
	char *const *words; /* files, or patterns of files; of `show`: first the model */
	int count;
	bool long_form, force, all;
	bool dry_run;                   /* of `db create-tables` */
	const char *format;             /* of `export` */
	bool from_db, managed;          /* of `import` */
	const char *out;                /* file to make; NULL: standard output */
	const char *command;            /* of commands on rows: its name */
	const struct md_cli_data *data; /* … its options */
	bool for_database; /* check for the engine of the database, whatever models_targets says */
};

/** Read the files and call `use`, which gives the exit code; what is wrong with them is told. */
int md_models_use(const struct md_cli *cli, const struct md_options *options,
		  const struct md_cli_models *words,
		  int (*use)(void *arg, const struct md_definitions *definitions), void *arg);
/** Read the files and give their definitions away. */
int md_models_take(const struct md_cli *cli, const struct md_options *options,
		   const struct md_cli_models *words,
		   const struct md_definitions **ret_definitions);
/** Tell everything that is wrong: EX_DATAERR; no file: EX_NOINPUT. */
int md_models_check(const struct md_cli *cli, const struct md_options *options,
		    const struct md_cli_models *words);
/** One line per model. */
int md_models_list(const struct md_cli *cli, const struct md_options *options,
		   const struct md_cli_models *words);
/** One model as it is understood. */
int md_models_show(const struct md_cli *cli, const struct md_options *options,
		   const struct md_cli_models *words);
/** Rewrite files in the short form, or the long one. */
int md_models_fmt(const struct md_cli *cli, const struct md_options *options,
		  const struct md_cli_models *words);
#endif
