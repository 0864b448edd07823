#include "server/cli_migrate.h"

#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/settings.h"
#include "server/cli_tables.h"
#include "server/migrations.h"

#include "core/base/banned.h"

/* A command while it runs. */
struct run {
	struct md_cli_call *call;
	const struct md_cli_migrate *says;
	const struct md_definitions *definitions;
	struct md_cli_progress progress;
	struct md_migrate *migrate;
	json_t *document;
	struct md_error error;
	char questions[MD_DETAILS_MAX]; /* about renames, as they were asked */
};
typedef enum md_code verb_fn(struct run *run);
struct verb {
	const char *command;
	int words_min, words_max;
	verb_fn *run;
	md_cli_print_fn *print;
	int (*exit_of)(const struct run *run); /* of what was found; NULL: EX_OK */
};

/* --- options -----------------------------------------------------------------------------------
 */

static int wrong(const struct md_cli_call *call, const char *option, const char *value,
		 const char *expected)
{
	fprintf(call->cli->err, "modeld: %s %s: %s\n", option, value, expected);
	return EX_USAGE;
}

/* "User:Person", "User.name:full_name"; the word is taken apart where it stands. */
int md_cli_take_rename(struct md_cli_call *call, const char *value)
{
	struct md_cli_migrate *says = &call->migrate;
	char *to = strchr(value, ':'), *dot = strchr(value, '.');
	bool field = dot && to && dot < to;

	if (!to || to == value || to[1] == '\0' || strchr(to + 1, ':') || (field && dot == value))
		return wrong(call, "--rename", value, "expected OLD:NEW or MODEL.OLD:NEW");
	if (says->rename_count == MD_CLI_NAMES_MAX)
		return wrong(call, "--rename", value, "there are too many of them");
	*to = '\0';
	if (field)
		*dot = '\0';
	says->renames[says->rename_count++] = (struct md_rename){ .model = field ? value : NULL,
								  .from = field ? dot + 1 : value,
								  .to = to + 1 };
	return EX_OK;
}

int md_cli_take_consent(struct md_cli_call *call, const char *value)
{
	struct md_cli_migrate *says = &call->migrate;

	if (strcmp(value, "*") == 0)
		says->consent_all = true;
	else if (says->consent_count == MD_CLI_NAMES_MAX)
		return wrong(call, "--allow-data-loss", value, "there are too many of them");
	else
		says->consents[says->consent_count++] = value;
	return EX_OK;
}

int md_cli_take_days(struct md_cli_call *call, const char *value)
{
	uint64_t days;

	if (!md_str_to_u64(md_str_of(value), &days) || days > 36500)
		return wrong(call, "--older-than", value, "expected a number of days");
	call->migrate.days = (unsigned)days;
	return EX_OK;
}

static struct md_consent consent_of(const struct md_cli_migrate *says)
{
	return (struct md_consent){ says->consents, says->consent_count, says->consent_all };
}

/* --- running -----------------------------------------------------------------------------------
 */

static int fail(const struct run *run)
{
	FILE *to = run->call->cli->err;
	const struct md_error *err = &run->error;

	fprintf(to, "modeld: %s\n", err->message);
	if (err->details[0])
		fprintf(to, "%s\n", err->details);
	if (err->hint[0])
		fprintf(to, "%s\n", err->hint);
	return md_migrations_exit(err);
}

static void write_log(void *ctx, enum md_log_level level, const char *text)
{
	const struct run *run = ctx;

	if (level <= MD_LOG_WARN)
		fprintf(run->call->cli->err, "modeld: warning: %s\n", text);
}

static enum md_code run_verb(struct run *run, verb_fn *verb)
{
	const struct md_log log = { write_log, run, MD_LOG_WARN };
	struct md_migrate_options how = md_migrations_options(run->call->settings.options, NULL);
	enum md_code code;

	how.definitions = run->definitions;
	how.progress = md_cli_print_progress;
	how.progress_ctx = &run->progress;
	how.log = &log;
	code = md_migrate_open(&how, &run->migrate, &run->error);
	if (code == MD_OK)
		code = verb(run);
	md_cli_end_progress(&run->progress);
	md_migrate_close(run->migrate);
	return code;
}

/* For people a file is told with its folder; JSON has the name alone. */
static void add_folder(const struct run *run)
{
	const char *folder = run->call->settings.options->migrations;
	const char *file = json_string_value(json_object_get(run->document, "file"));
	size_t len = strlen(folder);

	while (len > 1 && folder[len - 1] == '/')
		len--;
	if (file)
		json_object_set_new(run->document, "file",
				    json_sprintf("%.*s/%s", (int)len, folder, file));
}

static void print(const struct run *run, md_cli_print_fn *as_text)
{
	FILE *out = run->call->cli->out;
	const char *script = json_string_value(json_object_get(run->document, "sql"));

	if (run->says->json) {
		json_dumpf(run->document, out, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		fputc('\n', out);
	} else if (run->says->sql && script) {
		fputs(script, out);
	} else {
		add_folder(run);
		as_text(run->document, out);
	}
}

/* Without definition files the folder and the database still have a history. */
static int load_models(struct run *run)
{
	const struct md_options *options = run->call->settings.options;

	run->call->models.for_database = true;
	run->call->models.count = 0; /* words of these commands are no files */
	if (options->models[0] == '\0')
		return EX_OK;
	return md_models_take(run->call->cli, options, &run->call->models, &run->definitions);
}

static int load(struct run *run)
{
	struct md_problems *problems = &run->call->settings.problems;
	enum md_code code = md_settings_load(&run->call->settings, &run->error);

	if (code == MD_OK)
		return load_models(run);
	for (unsigned i = 0; i < problems->count; i++)
		if (!problems->items[i].warning)
			fprintf(run->call->cli->err, "modeld: error: %s\n",
				problems->items[i].text);
	if (code != MD_INVALID)
		fprintf(run->call->cli->err, "modeld: %s\n", run->error.message);
	return code == MD_INVALID ? EX_CONFIG : code == MD_NOT_FOUND ? EX_NOINPUT : EX_OSERR;
}

static int run_command(struct md_cli_call *call, const struct verb *verb)
{
	struct run run = { .call = call,
			   .says = &call->migrate,
			   .progress = { .to = call->cli->err,
					 .terminal = isatty(fileno(call->cli->err)) } };
	int rc;

	md_error_clear(&run.error);
	rc = load(&run);
	if (rc == EX_OK && run_verb(&run, verb->run) != MD_OK)
		rc = fail(&run);
	else if (rc == EX_OK) {
		print(&run, verb->print);
		rc = verb->exit_of ? verb->exit_of(&run) : EX_OK;
	}
	json_decref(run.document);
	md_definitions_free(run.definitions);
	md_settings_release(&call->settings);
	if (fflush(call->cli->out) == 0 && !ferror(call->cli->out))
		return rc;
	fprintf(call->cli->err, "modeld: cannot write: %m\n");
	return EX_IOERR;
}

/* The one word that some commands take, or NULL. */
static const char *word_of(const struct run *run)
{
	return run->call->argc > 0 ? run->call->argv[0] : NULL;
}

/* --- verbs -------------------------------------------------------------------------------------
 */

/* One line "--rename User.name:full_name" of the questions. Nothing that can be understood is no.
 */
static bool ask(const struct run *run, const char *rename)
{
	char answer[16];

	fprintf(run->call->cli->err, "renamed? %s [y/N] ", rename);
	fflush(run->call->cli->err);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* Ask on a terminal what was renamed; what was not is dropped and added. */
static bool ask_all(struct run *run)
{
	static const char begin[] = "--rename ";
	struct md_cli_migrate *says = &run->call->migrate;
	char *rest = run->questions;

	if (!isatty(STDIN_FILENO) || !isatty(fileno(run->call->cli->err)) || says->no_renames)
		return false;
	fprintf(run->call->cli->err, "modeld: %s\n", run->error.message);
	snprintf(run->questions, sizeof(run->questions), "%s", run->error.details);
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
		if (strncmp(line, begin, strlen(begin)) == 0 && ask(run, line + strlen(begin)) &&
		    md_cli_take_rename(run->call, line + strlen(begin)) != EX_OK)
			return false;
	says->no_renames = true;
	return true;
}

static enum md_code try_make(struct run *run)
{
	const struct md_cli_migrate *says = run->says;
	const struct md_migrate_make how = {
		.message = says->message ? says->message : "",
		.renames = says->renames,
		.rename_count = says->rename_count,
		.no_renames = says->no_renames,
		.empty = says->empty,
		.offline = says->offline,
		.check = says->check,
		.consent = consent_of(says),
	};

	return md_migrate_make(run->migrate, &how, &run->document, &run->error);
}

static enum md_code make(struct run *run)
{
	enum md_code code = try_make(run);

	if (code == MD_CONFLICT && strcmp(run->error.wire, "MD_AMBIGUOUS") == 0 && ask_all(run)) {
		md_error_clear(&run->error);
		code = try_make(run);
	}
	return code;
}

/* --check asks whether there is something to do. */
static int exit_of_made(const struct run *run)
{
	size_t changes = json_array_size(json_object_get(run->document, "changes"));

	return run->says->check && changes > 0 ? MD_EXIT_PENDING : EX_OK;
}

static struct md_migrate_go go_of(const struct run *run)
{
	const struct md_cli_migrate *says = run->says;

	return (struct md_migrate_go){
		.to = word_of(run) ? word_of(run) : says->to,
		.plan = says->plan || says->sql,
		.sql = says->sql,
		.fake = says->fake,
		.rehearse = says->rehearse,
		.forget = says->forget,
		.consent = consent_of(says),
	};
}

static enum md_code up(struct run *run)
{
	const struct md_migrate_go how = go_of(run);

	return md_migrate_up(run->migrate, &how, &run->document, &run->error);
}

static enum md_code down(struct run *run)
{
	const struct md_migrate_go how = go_of(run);

	return md_migrate_down(run->migrate, &how, &run->document, &run->error);
}

static enum md_code status(struct run *run)
{
	return md_migrate_status(run->migrate, true, &run->document, &run->error);
}

static int exit_of_state(const struct run *run)
{
	static const struct {
		const char *state;
		int code;
	} exits[] = {
		{ "pending", MD_EXIT_PENDING }, { "failed", MD_EXIT_PENDING },
		{ "drift", MD_EXIT_DRIFT },     { "modified", MD_EXIT_HISTORY },
		{ "unknown", MD_EXIT_HISTORY }, { "ahead", MD_EXIT_HISTORY },
		{ "up_to_date", EX_OK },
	};
	const char *state = json_string_value(json_object_get(run->document, "state"));

	for (size_t i = 0; state && i < sizeof(exits) / sizeof(exits[0]); i++)
		if (strcmp(state, exits[i].state) == 0)
			return exits[i].code;
	return EX_OK;
}

static enum md_code history(struct run *run)
{
	return md_migrate_history(run->migrate, &run->document, &run->error);
}

static enum md_code show(struct run *run)
{
	return md_migrate_show(run->migrate, word_of(run) ? word_of(run) : "head", &run->document,
			       &run->error);
}

static enum md_code stamp(struct run *run)
{
	const char *word = word_of(run);

	return md_migrate_stamp(run->migrate, word && strcmp(word, "base") == 0 ? NULL : word,
				run->says->purge, &run->document, &run->error);
}

static enum md_code check(struct run *run)
{
	return md_migrate_check(run->migrate, run->says->replay, &run->document, &run->error);
}

/* The worst decides: what is wrong with the history, then drift, then what is yet to be done. */
static int exit_of_problems(const struct run *run)
{
	static const struct {
		const char *kind;
		int code;
	} exits[] = {
		{ "pending", MD_EXIT_PENDING },
		{ "failed", MD_EXIT_PENDING },
		{ "models", MD_EXIT_PENDING },
		{ "drift", MD_EXIT_DRIFT },
	};
	int worst = EX_OK;
	size_t i;
	json_t *one;

	json_array_foreach(json_object_get(run->document, "problems"), i, one)
	{
		const char *kind = json_string_value(json_object_get(one, "kind"));
		int code = MD_EXIT_HISTORY;

		for (size_t k = 0; kind && k < sizeof(exits) / sizeof(exits[0]); k++)
			if (strcmp(kind, exits[k].kind) == 0)
				code = exits[k].code;
		worst = code > worst ? code : worst;
	}
	return worst;
}

static enum md_code drift(struct run *run)
{
	const struct md_consent consent = consent_of(run->says);

	return md_migrate_drift(run->migrate, run->says->fix, &consent, &run->document,
				&run->error);
}

static int exit_of_drift(const struct run *run)
{
	return json_array_size(json_object_get(run->document, "drift")) > 0 ? MD_EXIT_DRIFT : EX_OK;
}

static enum md_code baseline(struct run *run)
{
	const struct md_migrate_baseline how = {
		.message = run->says->message ? run->says->message : "baseline",
		.from_alembic = run->says->from_alembic,
		.write_models = run->says->write_models,
	};

	return md_migrate_baseline(run->migrate, &how, &run->document, &run->error);
}

static enum md_code repair(struct run *run)
{
	return md_migrate_repair(run->migrate, run->says->accept, &run->document, &run->error);
}

static enum md_code squash(struct run *run)
{
	const char *to = word_of(run) ? word_of(run) : run->says->to;

	return md_migrate_squash(run->migrate, to ? to : "head",
				 run->says->message ? run->says->message : "squashed",
				 &run->document, &run->error);
}

static enum md_code purge(struct run *run)
{
	const struct md_consent consent = consent_of(run->says);

	return md_migrate_purge(run->migrate, run->says->days, run->says->plan, &consent,
				&run->document, &run->error);
}

static enum md_code unlock(struct run *run)
{
	return md_migrate_unlock(run->migrate, run->says->force, &run->document, &run->error);
}

/* --- the table ---------------------------------------------------------------------------------
 */

static const struct verb verbs[] = {
	{ "db makemigrations", 0, 0, make, md_cli_print_made, exit_of_made },
	{ "db migrate", 0, 1, up, md_cli_print_run, NULL },
	{ "db rollback", 0, 1, down, md_cli_print_run, NULL },
	{ "db status", 0, 0, status, md_cli_print_status, exit_of_state },
	{ "db history", 0, 0, history, md_cli_print_history, NULL },
	{ "db show", 0, 1, show, md_cli_print_revision, NULL },
	{ "db stamp", 1, 1, stamp, md_cli_print_done, NULL },
	{ "db check", 0, 0, check, md_cli_print_problems, exit_of_problems },
	{ "db drift", 0, 0, drift, md_cli_print_drift, exit_of_drift },
	{ "db baseline", 0, 0, baseline, md_cli_print_done, NULL },
	{ "db repair", 0, 0, repair, md_cli_print_done, NULL },
	{ "db squash", 0, 1, squash, md_cli_print_done, NULL },
	{ "db purge", 0, 0, purge, md_cli_print_purge, NULL },
	{ "db unlock", 0, 0, unlock, md_cli_print_lock, NULL },
};

int md_cli_migrate(struct md_cli_call *call)
{
	const struct verb *verb = verbs;

	while (strcmp(verb->command, call->command->name) != 0)
		verb++;
	call->argc = call->models.count; /* its words were moved to the front of argv */
	if (call->argc >= verb->words_min && call->argc <= verb->words_max)
		return run_command(call, verb);
	if (call->argc < verb->words_min)
		fprintf(call->cli->err, "modeld: %s needs a revision\n", verb->command);
	else
		fprintf(call->cli->err, "modeld: %s does not take \"%s\"\n", verb->command,
			call->argv[verb->words_max]);
	fprintf(call->cli->err, "Try: modeld %s --help\n", verb->command);
	return EX_USAGE;
}
