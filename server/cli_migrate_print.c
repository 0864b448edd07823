#include <inttypes.h>
#include <string.h>

#include "server/cli_migrate.h"

#include "core/base/banned.h"

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : otherwise;
}

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* --- plans and runs ----------------------------------------------------------------------------
 */

static void print_facts(const json_t *step, FILE *to)
{
	const json_t *rows = json_object_get(step, "rows");
	const char *lock = text_of(step, "lock", NULL);

	fputs("       ", to);
	if (lock)
		fprintf(to, "lock %s%s; ", lock, is_true(step, "lock_is_brief") ? ", brief" : "");
	else
		fputs("no lock to speak of; ", to);
	if (is_true(step, "rewrites"))
		fputs("writes the table anew; ", to);
	if (json_is_number(rows) && json_number_value(rows) > 0)
		fprintf(to, "%.0f rows; ", json_number_value(rows));
	fprintf(to, "%s\n", is_true(step, "reversible") ? "reversible" : "not reversible");
	if (text_of(step, "at_risk", NULL))
		fprintf(to, "       data at risk: %s\n", text_of(step, "at_risk", ""));
}

static void print_indented(const char *text, FILE *to)
{
	fputs("         ", to);
	for (; *text; text++) {
		fputc(*text, to);
		if (*text == '\n')
			fputs("         ", to);
	}
	fputs(";\n", to);
}

static void print_step(const json_t *step, size_t number, FILE *to)
{
	const json_t *sql = json_object_get(step, "sql");
	size_t i;
	json_t *one;

	fprintf(to, "  %3zu. %s\n", number, text_of(step, "what", ""));
	print_facts(step, to);
	json_array_foreach(sql, i, one)
		print_indented(json_string_value(one) ? json_string_value(one) : "", to);
}

static void print_lines(const json_t *list, const char *before, FILE *to)
{
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one)
		fprintf(to, "%s%s\n", before,
			json_is_string(one) ? json_string_value(one)
					    : text_of(one, "message", text_of(one, "what", "")));
}

static void print_plan(const json_t *revision, FILE *to)
{
	const json_t *steps = json_object_get(revision, "steps");
	size_t i;
	json_t *step;

	fprintf(to, "%s %s (%s)\n", text_of(revision, "revision", ""),
		text_of(revision, "message", ""), text_of(revision, "direction", "up"));
	print_lines(json_object_get(revision, "checks"), "  first: see that not: ", to);
	json_array_foreach(steps, i, step) print_step(step, i + 1, to);
	if (json_array_size(steps) == 0)
		fputs("  nothing to run\n", to);
	print_lines(json_object_get(revision, "notes"), "  note: ", to);
}

static void print_ran(const json_t *revision, FILE *to)
{
	const json_t *ms = json_object_get(revision, "ms");
	size_t steps = json_array_size(json_object_get(revision, "steps"));

	fprintf(to, "%s %s %s: %zu step%s", text_of(revision, "direction", "up"),
		text_of(revision, "revision", ""), text_of(revision, "message", ""), steps,
		steps == 1 ? "" : "s");
	if (json_is_number(ms))
		fprintf(to, ", %.0f ms", json_number_value(ms));
	fputc('\n', to);
	print_lines(json_object_get(revision, "notes"), "  note: ", to);
}

void md_cli_print_run(json_t *document, FILE *to)
{
	const json_t *revisions = json_object_get(document, "revisions");
	bool applied = is_true(document, "applied");
	size_t i;
	json_t *one;

	if (json_array_size(revisions) == 0)
		fputs("nothing to do\n", to);
	json_array_foreach(revisions, i, one)(applied ? print_ran : print_plan)(one, to);
}

void md_cli_print_made(json_t *document, FILE *to)
{
	const json_t *changes = json_object_get(document, "changes");
	const char *file = text_of(document, "file", NULL);

	if (file)
		fprintf(to, "wrote %s\n", file);
	else if (json_array_size(changes) == 0)
		fputs("no changes: the models are as the newest revision has them\n", to);
	print_lines(changes, "  ", to);
}

/* --- what there is -----------------------------------------------------------------------------
 */

static void print_applied(const json_t *list, FILE *to)
{
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one)
	{
		const char *checksum = text_of(one, "checksum", "ok");

		fprintf(to, "  [x] %s  %s  %s%s%s\n", text_of(one, "revision", ""),
			text_of(one, "applied_at", "-"), text_of(one, "message", ""),
			strcmp(checksum, "ok") == 0 ? "" : "  checksum: ",
			strcmp(checksum, "ok") == 0 ? "" : checksum);
	}
}

static void print_pending(const json_t *list, FILE *to)
{
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one) fprintf(
		to, "  [ ] %s  %s%s\n", text_of(one, "revision", ""), text_of(one, "message", ""),
		is_true(one, "destructive") ? "  (data at risk: see --plan)" : "");
}

static void print_drift(const json_t *list, FILE *to)
{
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one)
	{
		fprintf(to, "  %s %s", text_of(one, "kind", ""), text_of(one, "path", ""));
		fprintf(to, text_of(one, "text", NULL) ? ": %s\n" : "%s\n",
			text_of(one, "text", ""));
		if (text_of(one, "mend", NULL))
			fprintf(to, "      %s\n", text_of(one, "mend", ""));
	}
}

void md_cli_print_status(json_t *document, FILE *to)
{
	const json_t *drift = json_object_get(document, "drift");
	const json_t *order = json_object_get(document, "out_of_order");

	fprintf(to, "%s: %s\n", text_of(document, "database", ""), text_of(document, "state", ""));
	print_applied(json_object_get(document, "applied"), to);
	print_pending(json_object_get(document, "pending"), to);
	if (is_true(document, "models_changed"))
		fputs("the models differ from the newest revision: modeld db makemigrations\n", to);
	if (json_array_size(order) > 0)
		fputs("older than what was applied already:\n", to);
	print_lines(order, "  ", to);
	if (json_array_size(drift) > 0)
		fputs("the database is not as its history says:\n", to);
	print_drift(drift, to);
}

void md_cli_print_history(json_t *document, FILE *to)
{
	const json_t *list = json_object_get(document, "history");
	size_t i;
	json_t *one;

	if (json_array_size(list) == 0)
		fputs("no revisions\n", to);
	json_array_foreach(list, i, one)
		fprintf(to, "%s <- %-12s  %-11s %s  %s\n", text_of(one, "revision", ""),
			text_of(one, "down_revision", "base"), text_of(one, "state", ""),
			text_of(one, "applied_at", "-"), text_of(one, "message", ""));
}

void md_cli_print_revision(json_t *document, FILE *to)
{
	fprintf(to, "revision  %s\nafter     %s\nmessage   %s\nstate     %s\nchecksum  %s\n",
		text_of(document, "revision", ""), text_of(document, "down_revision", "base"),
		text_of(document, "message", ""), text_of(document, "state", "-"),
		text_of(document, "checksum", "-"));
	if (text_of(document, "file", NULL))
		fprintf(to, "file      %s\n", text_of(document, "file", ""));
	fputs("changes\n", to);
	print_lines(json_object_get(document, "changes"), "  ", to);
}

void md_cli_print_problems(json_t *document, FILE *to)
{
	const json_t *list = json_object_get(document, "problems");
	size_t i;
	json_t *one;

	if (json_array_size(list) == 0)
		fputs("ok\n", to);
	json_array_foreach(list, i, one)
	{
		fprintf(to, "%s: %s\n", text_of(one, "kind", ""), text_of(one, "message", ""));
		if (text_of(one, "hint", NULL))
			fprintf(to, "    %s\n", text_of(one, "hint", ""));
	}
}

void md_cli_print_drift(json_t *document, FILE *to)
{
	const json_t *list = json_object_get(document, "drift");

	if (json_array_size(list) == 0)
		fputs("no drift: the database is as its history says\n", to);
	print_drift(list, to);
}

void md_cli_print_purge(json_t *document, FILE *to)
{
	const json_t *list = json_object_get(document, "kept");
	size_t i;
	json_t *one;

	if (json_array_size(list) == 0)
		fputs("nothing is kept\n", to);
	json_array_foreach(list, i, one)
		fprintf(to, "kept: %s, dropped by %s, %s\n", text_of(one, "object", ""),
			text_of(one, "revision", ""), text_of(one, "since", ""));
	print_lines(json_object_get(document, "dropped"), "purged: ", to);
}

void md_cli_print_lock(json_t *document, FILE *to)
{
	const json_t *lock = json_object_get(document, "lock");

	if (!json_is_object(lock)) {
		fputs("nobody holds the lock\n", to);
		return;
	}
	fprintf(to, "%s: %s on %s, process %" JSON_INTEGER_FORMAT ", since %s, last sign %s%s\n",
		is_true(document, "unlocked") ? "taken away from" : "held by",
		text_of(lock, "owner", ""), text_of(lock, "host", ""),
		json_integer_value(json_object_get(lock, "pid")), text_of(lock, "acquired_at", ""),
		text_of(lock, "heartbeat_at", ""), is_true(lock, "dead") ? ", dead" : "");
}

void md_cli_print_done(json_t *document, FILE *to)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)document, key, value)
	{
		if (json_is_string(value))
			fprintf(to, "%s: %s\n", key, json_string_value(value));
		else if (json_is_integer(value))
			fprintf(to, "%s: %" JSON_INTEGER_FORMAT "\n", key,
				json_integer_value(value));
		else if (json_array_size(value) > 0) {
			fprintf(to, "%s:\n", key);
			print_lines(value, "  ", to);
		}
	}
}

/* --- progress ----------------------------------------------------------------------------------
 */

enum { TELL_S = 10 };

/* Of a step that was told before: whether it came on since. */
static bool is_news(struct md_cli_progress *progress, const struct md_migrate_progress *now)
{
	unsigned tenths = now->rows > 0 && now->rows_done > 0
				  ? (unsigned)(10 * now->rows_done / now->rows)
				  : 0;

	if (progress->terminal)
		return true;
	if (tenths <= progress->tenths && now->seconds < progress->seconds + TELL_S)
		return false;
	progress->tenths = tenths;
	progress->seconds = now->seconds;
	return true;
}

/* A terminal sees one line that changes, a file a line for each step, for each tenth of its rows,
 * and every ten seconds. */
void md_cli_print_progress(void *ctx, const struct md_migrate_progress *now)
{
	struct md_cli_progress *progress = ctx;
	bool same = now->step == progress->step && !now->waiting &&
		    strncmp(progress->revision, now->revision, sizeof(progress->revision)) == 0;

	if (!same)
		progress->tenths = progress->seconds = 0;
	else if (!is_news(progress, now))
		return;
	if (progress->terminal && same)
		fputs("\r\033[K", progress->to);
	else if (progress->terminal)
		md_cli_end_progress(progress);
	if (now->waiting)
		fprintf(progress->to, "waiting: %s", now->what);
	else
		fprintf(progress->to, "%s %u/%u %s", now->revision, now->step, now->steps,
			now->what);
	if (now->rows > 0 && now->rows_done >= 0)
		fprintf(progress->to, " %.0f of %.0f rows (%.0f %%)", now->rows_done, now->rows,
			100 * now->rows_done / now->rows);
	if (now->seconds > 0)
		fprintf(progress->to, ", %u s", now->seconds);
	if (!progress->terminal)
		fputc('\n', progress->to);
	fflush(progress->to);
	progress->step = now->waiting ? 0 : now->step;
	snprintf(progress->revision, sizeof(progress->revision), "%s", now->revision);
}

void md_cli_end_progress(struct md_cli_progress *progress)
{
	if (progress->terminal && progress->revision[0] != '\0')
		fputc('\n', progress->to);
	progress->step = 0;
	progress->revision[0] = '\0';
}
