/* One run of a command on rows, and its parts: reading the words, printing rows and errors. Private
 * to server/cli_data*.c. */
#ifndef MD_SERVER_CLI_DATA_RUN_H
#define MD_SERVER_CLI_DATA_RUN_H
#include <stdbool.h>
#include <stdio.h>

#include "config/options.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "include/modeld.h"
#include "server/cli.h"
#include "server/cli_data.h"

enum md_data_format { MD_DATA_JSON, MD_DATA_NDJSON, MD_DATA_CSV, MD_DATA_TABLE };

struct md_data_run {
	const char *name; /* of the command */
	const struct md_cli *cli;
	const struct md_options *options;
	const struct md_cli_models *words;
	const struct md_cli_data *data;
	struct md_arena *arena; /* of the words */
	struct md_store *store;
	struct md_work *work;
	struct md_ask *ask;
	enum md_data_format format;
	const char *model, *key; /* key NULL: conditions say which rows, or all are meant */
	struct md_value_text *values;
	unsigned count;
	struct md_buf json; /* of --json */
	struct md_error err;
};

/* cli_data_words.c: EX_OK, or what is wrong has been told. */

/** What a command takes. */
enum {
	MD_DATA_KEY = 1,    /* a key behind the model, required */
	MD_DATA_ROWS = 2,   /* a key, conditions, or --all */
	MD_DATA_VALUES = 4, /* field=value …, or --json */
	MD_DATA_WRITES = 8
};
int md_data_words(struct md_data_run *run, unsigned takes);
/** The conditions, to the ask. */
int md_data_where(struct md_data_run *run);
/** Say what is wrong with the command line, and where help is: EX_USAGE. */
int md_data_usage(const struct md_data_run *run, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* cli_data_print.c */

/** run->err, told: its exit code. */
int md_data_fail(const struct md_data_run *run);
/** Text of a database for a terminal: control characters and what changes the direction of writing
 * become escapes; longer than `most` columns, it is cut. Returns its columns. */
unsigned md_data_put_clean(struct md_buf *out, const char *text, unsigned most);
/** Rows, in a format other than CSV; `one`: a row that stands alone. */
int md_data_print(const struct md_data_run *run, const struct md_result *result, bool one);
/** All rows of the ask, in any format, piece by piece but for tables. */
int md_data_print_all(struct md_data_run *run);
/** What was printed has left: `code`, or EX_IOERR. */
int md_data_finish(const struct md_data_run *run, int code);
#endif
