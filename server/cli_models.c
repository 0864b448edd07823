#include "server/cli_models.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/options.h"
#include "core/model/define.h"
#include "server/cli.h"
#include "server/models.h"

#include "core/base/banned.h"

enum { PRINTED_MAX = 256 * 1024 * 1024, PATH_MAX_BYTES = 4096 };

/* One run of one command. */
struct run {
	const struct md_cli *cli;
	const struct md_options *options;
	const struct md_cli_models *words;
	struct md_def_limits limits;
	struct md_def_report report;
	struct md_def_files *files; /* one for each pattern */
	unsigned count;
	struct md_def_source *sources; /* of all files */
	unsigned source_count;
};

static int out_of_memory(const struct run *run)
{
	fprintf(run->cli->err, "modeld: out of memory\n");
	return EX_OSERR;
}

/* --- reading -----------------------------------------------------------------------------------
 */

static void print_report(const struct run *run)
{
	md_auto_buf text = MD_BUF(16 * 1024 * 1024);

	md_models_put_report(&run->report, &text);
	if (text.len > 0)
		fwrite(text.data, 1, text.len, run->cli->err);
}

static int fail(const struct run *run, enum md_code code, const struct md_error *err)
{
	if (code == MD_NOMEM)
		return out_of_memory(run);
	fprintf(run->cli->err, "modeld: %s\n", err->message);
	return code == MD_NOT_FOUND ? EX_NOINPUT : EX_DATAERR;
}

static int read_pattern(struct run *run, const char *pattern)
{
	struct md_error err;
	struct md_def_files *files = &run->files[run->count];
	enum md_code code = md_def_files_read(pattern, &run->limits, &run->report, files, &err);
	struct md_def_source *sources;

	run->count++;
	if (code != MD_OK && code != MD_INVALID)
		return fail(run, code, &err);
	sources = realloc(run->sources,
			  (run->source_count + files->count + 1) * sizeof(*run->sources));
	if (!sources)
		return out_of_memory(run);
	run->sources = sources;
	for (unsigned i = 0; i < files->count; i++)
		sources[run->source_count++] = files->sources[i];
	return EX_OK;
}

/* Read all files; `skip` of the words are no files. */
static int begin(struct run *run, int skip)
{
	int count = run->words->count - skip, code = EX_OK;

	run->limits = md_models_limits(run->options);
	if (count == 0 && run->options->models[0] == '\0') {
		fprintf(run->cli->err,
			"modeld: no definition files: name some, or set \"models\"\n");
		return EX_NOINPUT;
	}
	run->files = calloc((size_t)count + 1, sizeof(*run->files));
	if (!run->files)
		return out_of_memory(run);
	if (count == 0)
		return read_pattern(run, run->options->models);
	for (int i = 0; i < count && code == EX_OK; i++)
		code = read_pattern(run, run->words->words[skip + i]);
	return code;
}

static int end(struct run *run, int code)
{
	for (unsigned i = 0; i < run->count; i++)
		md_def_files_release(&run->files[i]);
	free(run->files);
	free(run->sources);
	md_def_report_release(&run->report);
	if (fflush(run->cli->out) != 0 || ferror(run->cli->out)) {
		fprintf(run->cli->err, "modeld: cannot write: %m\n");
		return EX_IOERR;
	}
	return code;
}

/* All files together. What is wrong with them is told. */
static int load(struct run *run, int skip, const struct md_definitions **ret)
{
	struct md_error err;
	unsigned before;
	enum md_code code;
	int rc = begin(run, skip);

	if (rc != EX_OK)
		return rc;
	before = run->report.errors;
	code = md_definitions_load(run->sources, run->source_count, &run->limits,
				   md_models_targets(run->options, run->words->for_database),
				   &run->report, ret, &err);
	print_report(run);
	if (code == MD_NOMEM)
		return out_of_memory(run);
	if (code == MD_OK && before == 0)
		return EX_OK;
	fprintf(run->cli->err, "%u mistake%s, %u warning%s\n", run->report.errors,
		run->report.errors == 1 ? "" : "s", run->report.warnings,
		run->report.warnings == 1 ? "" : "s");
	return EX_DATAERR;
}

int md_models_use(const struct md_cli *cli, const struct md_options *options,
		  const struct md_cli_models *words,
		  int (*use)(void *arg, const struct md_definitions *definitions), void *arg)
{
	struct run run = { .cli = cli, .options = options, .words = words };
	const struct md_definitions *definitions = NULL;
	int code = load(&run, 0, &definitions);

	if (code == EX_OK)
		code = use(arg, definitions);
	md_definitions_free(definitions);
	return end(&run, code);
}

int md_models_take(const struct md_cli *cli, const struct md_options *options,
		   const struct md_cli_models *words, const struct md_definitions **ret_definitions)
{
	struct run run = { .cli = cli, .options = options, .words = words };
	const struct md_definitions *definitions = NULL;
	int code = load(&run, 0, &definitions);

	code = end(&run, code);
	if (code == EX_OK)
		*ret_definitions = definitions;
	else
		md_definitions_free(definitions);
	return code;
}

/* --- check, list, show -------------------------------------------------------------------------
 */

int md_models_check(const struct md_cli *cli, const struct md_options *options,
		    const struct md_cli_models *words)
{
	struct run run = { .cli = cli, .options = options, .words = words };
	const struct md_definitions *definitions = NULL;
	int code = load(&run, 0, &definitions);

	if (code == EX_OK)
		fprintf(cli->out, "ok: %u model%s in %u file%s\n", definitions->model_count,
			definitions->model_count == 1 ? "" : "s", run.source_count,
			run.source_count == 1 ? "" : "s");
	md_definitions_free(definitions);
	return end(&run, code);
}

int md_models_list(const struct md_cli *cli, const struct md_options *options,
		   const struct md_cli_models *words)
{
	struct run run = { .cli = cli, .options = options, .words = words };
	const struct md_definitions *definitions = NULL;
	int code = load(&run, 0, &definitions);

	for (unsigned i = 0; code == EX_OK && i < definitions->model_count; i++) {
		const struct md_def_model *model = &definitions->models[i];

		if (!model->abstract || words->all)
			fprintf(cli->out, "%-24s %-24s %3u field%s  %s:%u\n", model->name,
				model->abstract ? "(abstract)" : model->table, model->field_count,
				model->field_count == 1 ? " " : "s", model->place.file,
				model->place.line);
	}
	md_definitions_free(definitions);
	return end(&run, code);
}

/* By its name, or by that of its table. */
static const struct md_def_model *find_model(const struct md_definitions *definitions,
					     const char *name)
{
	const struct md_def_model *found = md_definitions_find(definitions, md_str_of(name));

	for (unsigned i = 0; !found && i < definitions->model_count; i++)
		if (!definitions->models[i].abstract &&
		    strcmp(definitions->models[i].table, name) == 0)
			found = &definitions->models[i];
	return found;
}

static int show(const struct run *run, const struct md_definitions *definitions)
{
	const char *name = run->words->words[0], *like;
	const struct md_def_model *model = find_model(definitions, name);
	md_auto_buf text = MD_BUF(PRINTED_MAX);

	if (!model) {
		like = md_definitions_like(definitions, md_str_of(name));
		fprintf(run->cli->err, "modeld: there is no model \"%.64s\"%s%s%s\n", name,
			like ? "; did you mean \"" : "", like ? like : "", like ? "\"?" : "");
		return EX_NOINPUT;
	}
	md_definitions_print(definitions, model, MD_DEF_LONG, &text);
	if (text.failed)
		return out_of_memory(run);
	fwrite(text.data, 1, text.len, run->cli->out);
	return EX_OK;
}

int md_models_show(const struct md_cli *cli, const struct md_options *options,
		   const struct md_cli_models *words)
{
	struct run run = { .cli = cli, .options = options, .words = words };
	const struct md_definitions *definitions = NULL;
	int code;

	if (words->count == 0) {
		fprintf(cli->err, "modeld: models show needs the name of a model\n"
				  "Try: modeld models show --help\n");
		return EX_USAGE;
	}
	code = load(&run, 1, &definitions);
	if (code == EX_OK)
		code = show(&run, definitions);
	md_definitions_free(definitions);
	return end(&run, code);
}

/* --- fmt ---------------------------------------------------------------------------------------
 */

static bool write_all(int fd, const struct md_buf *text)
{
	size_t done = 0;

	while (done < text->len) {
		ssize_t wrote = write(fd, text->data + done, text->len - done);

		if (wrote < 0 && errno != EINTR)
			return false;
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	return fsync(fd) == 0;
}

/* A new file beside the old one takes its place; the old one stays when anything fails. */
static bool replace(const char *path, const struct md_buf *text)
{
	char *real = realpath(path, NULL), temporary[PATH_MAX_BYTES];
	struct stat status;
	bool ok = false;
	int fd = -1, len;

	if (!real)
		return false;
	len = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", real);
	if (len < 0 || (size_t)len >= sizeof(temporary))
		errno = ENAMETOOLONG;
	else if (stat(real, &status) == 0)
		fd = mkostemp(temporary, O_CLOEXEC);
	if (fd >= 0) {
		ok = fchmod(fd, status.st_mode & 07777) == 0 && write_all(fd, text);
		ok = close(fd) == 0 && ok;
		ok = ok && rename(temporary, real) == 0;
		if (!ok)
			unlink(temporary);
	}
	free(real);
	return ok;
}

/* A file with mistakes is left alone. EX_OK: `text` is the new content. */
static int reformat(struct run *run, const struct md_def_source *source, struct md_buf *text)
{
	const struct md_definitions *document = NULL;
	struct md_error err;
	int rc = EX_OK;
	enum md_code code =
		md_definitions_read(source, &run->limits, &run->report, &document, &err);

	if (code == MD_NOMEM)
		return out_of_memory(run);
	if (code != MD_OK)
		return EX_DATAERR;
	if (document->has_comments && !run->words->force) {
		fprintf(run->cli->err,
			"%s: has comments, which would be lost; --force rewrites it nevertheless\n",
			source->name);
		rc = EX_DATAERR;
	} else {
		md_definitions_print(document, NULL,
				     run->words->long_form ? MD_DEF_LONG : MD_DEF_SHORT, text);
		if (text->failed)
			rc = out_of_memory(run);
	}
	md_definitions_free(document);
	return rc;
}

static int fmt_file(struct run *run, const struct md_def_source *source)
{
	md_auto_buf text = MD_BUF(PRINTED_MAX);
	int code = reformat(run, source, &text);

	if (code != EX_OK)
		return code;
	if (text.len == source->text.len && memcmp(text.data, source->text.ptr, text.len) == 0)
		return EX_OK;
	if (!replace(source->name, &text)) {
		fprintf(run->cli->err, "modeld: cannot write %s: %m\n", source->name);
		return EX_IOERR;
	}
	fprintf(run->cli->out, "%s\n", source->name);
	return EX_OK;
}

static int fmt_files(struct run *run)
{
	int code = run->report.errors > 0 ? EX_DATAERR : EX_OK;

	for (unsigned i = 0; i < run->source_count; i++) {
		struct md_def_source source = run->sources[i];
		int one = fmt_file(run, &source);

		if (one == EX_OSERR)
			return one;
		code = one == EX_OK ? code : one;
	}
	return code;
}

int md_models_fmt(const struct md_cli *cli, const struct md_options *options,
		  const struct md_cli_models *words)
{
	struct run run = { .cli = cli, .options = options, .words = words };
	int code = begin(&run, 0);

	if (code == EX_OK)
		code = fmt_files(&run);
	print_report(&run);
	return end(&run, code);
}
