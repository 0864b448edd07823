#include "server/migrations.h"

#include <string.h>
#include <sysexits.h>

#include "core/model/model.h"
#include "server/notify.h"

#include "core/base/banned.h"

struct md_migrate_options md_migrations_options(const struct md_options *options,
						struct md_wal_owner *served)
{
	return (struct md_migrate_options){
		.url = options->db_url,
		.schema = options->db_schemas.items[0],
		.folder = options->migrations,
		.lock_timeout_ms = (unsigned)options->lock_timeout,
		.lock_wait_ms = (unsigned)options->migrate_wait,
		.lock_tries = (unsigned)options->migrate_tries,
		.keep_journal = options->sqlite_journal == MD_JOURNAL_KEEP,
		.wal_owner = served,
	};
}

/* --- exit codes --------------------------------------------------------------------------------
 */

int md_exit_of(enum md_code code)
{
	static const int codes[] = {
		[MD_OK] = EX_OK,
		[MD_INVALID] = EX_DATAERR,
		[MD_NOT_FOUND] = EX_NOINPUT,
		[MD_CONFLICT] = EX_DATAERR,
		[MD_TOO_LARGE] = EX_DATAERR,
		[MD_BUSY] = EX_TEMPFAIL,
		[MD_TIMEOUT] = EX_TEMPFAIL,
		[MD_UNAVAILABLE] = EX_UNAVAILABLE,
		[MD_UNCERTAIN] = EX_UNAVAILABLE,
		[MD_CANCELLED] = EX_UNAVAILABLE,
		[MD_NOMEM] = EX_OSERR,
		[MD_INTERNAL] = EX_SOFTWARE,
	};

	return codes[code];
}

int md_migrations_exit(const struct md_error *err)
{
	static const struct {
		const char *wire;
		int code;
	} of_wires[] = {
		{ "MD_PENDING", MD_EXIT_PENDING },   { "MD_DRIFT", MD_EXIT_DRIFT },
		{ "MD_HISTORY", MD_EXIT_HISTORY },   { "MD_OUT_OF_ORDER", MD_EXIT_HISTORY },
		{ "MD_DATA_LOSS", MD_EXIT_CONSENT }, { "MD_AMBIGUOUS", MD_EXIT_AMBIGUOUS },
		{ "MD_REVISION", EX_DATAERR },       { "MD_DATA", EX_DATAERR },
		{ "MD_IRREVERSIBLE", EX_DATAERR },
	};
	for (size_t i = 0; i < sizeof(of_wires) / sizeof(of_wires[0]); i++)
		if (strcmp(err->wire, of_wires[i].wire) == 0)
			return of_wires[i].code;
	/* A statement that names what is not there: the fault of somebody's SQL. */
	if (err->code == MD_NOT_FOUND && err->details[0] != '\0')
		return EX_DATAERR;
	return md_exit_of(err->code);
}

/* --- at a start --------------------------------------------------------------------------------
 */

struct start {
	const struct md_options *options;
	const struct md_log *log;
	struct md_migrate *migrate;
	bool begins;   /* it is not served yet */
	unsigned told; /* number of the step that was logged last */
};

/* A service manager's patience with a start; it is asked for more at least every second or so. */
#define MORE_TIME "EXTEND_TIMEOUT_USEC=60000000\nSTATUS=migrating"

/* A step when it begins, and every ten seconds while it runs. */
static void tell(void *ctx, const struct md_migrate_progress *now)
{
	struct start *start = ctx;

	if (start->begins)
		md_notify(MORE_TIME);
	if (now->waiting) {
		md_log_line(start->log, MD_LOG_INFO, "migration: waiting: %s", now->what);
		return;
	}
	if (now->step == start->told && now->seconds % 10 != 0)
		return;
	start->told = now->step;
	if (now->rows > 0 && now->rows_done > 0)
		md_log_line(start->log, MD_LOG_INFO,
			    "migration %s: step %u of %u: %s: %.0f of %.0f rows", now->revision,
			    now->step, now->steps, now->what, now->rows_done, now->rows);
	else
		md_log_line(start->log, MD_LOG_INFO, "migration %s: step %u of %u: %s",
			    now->revision, now->step, now->steps, now->what);
}

static enum md_code apply(struct start *start, struct md_error *err)
{
	const struct md_migrate_go how = { .to = NULL };
	json_t *document = NULL, *one;
	enum md_code code = md_migrate_up(start->migrate, &how, &document, err);
	size_t i;

	json_array_foreach(json_object_get(document, "revisions"), i, one)
		md_log_line(start->log, MD_LOG_INFO, "migrated to %s: %s",
			    json_string_value(json_object_get(one, "revision")),
			    json_string_value(json_object_get(one, "message")));
	json_decref(document);
	return code;
}

/* migrate = auto: what changed in the models becomes a revision. */
static enum md_code make(struct start *start, struct md_error *err)
{
	const struct md_migrate_make how = { .message = "made at a start" };
	json_t *document = NULL;
	enum md_code code = md_migrate_make(start->migrate, &how, &document, err);
	const char *file = json_string_value(json_object_get(document, "file"));

	if (file)
		md_log_line(start->log, MD_LOG_INFO, "the models have changed: wrote %s/%s",
			    start->options->migrations, file);
	json_decref(document);
	return code;
}

static enum md_code act(struct start *start, bool *ret_managed, struct md_error *err)
{
	bool automatic = start->options->migrate == MD_MIGRATE_AUTO;
	bool applies = automatic || (start->options->migrate == MD_MIGRATE_APPLY && start->begins);
	unsigned pending = 0;
	enum md_code code = md_migrate_look(start->migrate, &pending, ret_managed, err);

	if (code == MD_OK && pending > 0 && !applies) {
		md_log_line(start->log, MD_LOG_WARN,
			    "%u revision%s to be applied (modeld db migrate)", pending,
			    pending == 1 ? " is" : "s are");
		return MD_OK;
	}
	if (code == MD_OK && pending > 0)
		code = apply(start, err);
	if (code == MD_OK && automatic) {
		*ret_managed = true;
		code = make(start, err);
	}
	return code == MD_OK && automatic ? apply(start, err) : code;
}

enum md_code md_migrations_at_start(const struct md_options *options,
				    const struct md_definitions *definitions,
				    struct md_wal_owner *served, const struct md_log *log,
				    bool *ret_managed, struct md_error *err)
{
	struct start start = { .options = options, .log = log, .begins = !served };
	struct md_migrate_options how = md_migrations_options(options, served);
	bool managed = false;
	enum md_code code;

	how.definitions = definitions;
	how.who = "daemon";
	how.log = log;
	how.progress = tell;
	how.progress_ctx = &start;
	code = md_migrate_open(&how, &start.migrate, err);
	if (code == MD_OK)
		code = act(&start, &managed, err);
	md_migrate_close(start.migrate);
	if (code == MD_OK)
		*ret_managed = managed;
	return code;
}
