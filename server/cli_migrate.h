/* The commands `modeld db …` about migrations. Their verbs are core/ops/migrate.h; here they get
 * their options from the command line, and their documents become text for people, or JSON with
 * --json. Exit codes: docs/migrations.md. Main thread. */
#ifndef MD_SERVER_CLI_MIGRATE_H
#define MD_SERVER_CLI_MIGRATE_H
#include <stdbool.h>
#include <stdio.h>

#include "core/ops/migrate.h"

struct md_cli_call;

enum { MD_CLI_NAMES_MAX = 256 };

/** What the command line says. */
struct md_cli_migrate {
	const char *message, *to, *write_models;
	struct md_rename renames[MD_CLI_NAMES_MAX];
	const char *consents[MD_CLI_NAMES_MAX];
	unsigned rename_count, consent_count, days;
	bool consent_all, no_renames, empty, offline, check, plan, sql, fake, rehearse, forget,
		json, replay, fix, purge, from_alembic, accept, force;
};

/** Options with values: 0, or EX_USAGE when they make no sense (told). */
int md_cli_take_rename(struct md_cli_call *call, const char *value);
int md_cli_take_consent(struct md_cli_call *call, const char *value);
int md_cli_take_days(struct md_cli_call *call, const char *value);

/** Run the command of the call, one of those about migrations. */
int md_cli_migrate(struct md_cli_call *call);

/* cli_migrate_print.c: documents as text. */

typedef void md_cli_print_fn(json_t *document, FILE *to);
md_cli_print_fn md_cli_print_made, md_cli_print_run, md_cli_print_status, md_cli_print_history,
	md_cli_print_revision, md_cli_print_problems, md_cli_print_drift, md_cli_print_purge,
	md_cli_print_lock, md_cli_print_done;
/** Progress of a run, for a terminal or a file. */
struct md_cli_progress {
	FILE *to;
	bool terminal;
	char revision[64];        /* the one that was named last */
	unsigned step;            /* the one that was told last; 0: none */
	unsigned tenths, seconds; /* of it, when it was told last */
};
void md_cli_print_progress(void *ctx, const struct md_migrate_progress *now);
/** End a line that progress has begun. */
void md_cli_end_progress(struct md_cli_progress *progress);
#endif
