#include "server/cli_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/options.h"
#include "core/base/arena.h"
#include "core/ops/schema.h"
#include "server/cli.h"
#include "server/models.h"

#include "core/base/banned.h"

enum { TEXT_MAX = 256 * 1024 * 1024, ARENA_MAX = 1024 * 1024 * 1024 };

static int fail(const struct md_cli *cli, enum md_code code, const struct md_error *err)
{
	fprintf(cli->err, "modeld: %s\n", err->message);
	if (err->hint[0])
		fprintf(cli->err, "%s\n", err->hint);
	switch (code) {
	case MD_NOT_FOUND:
		return EX_NOINPUT;
	case MD_INVALID:
		return EX_CONFIG;
	case MD_NOMEM:
		return EX_OSERR;
	case MD_TOO_LARGE:
		return EX_DATAERR;
	case MD_BUSY:
	case MD_TIMEOUT:
		return EX_TEMPFAIL;
	case MD_OK:
	case MD_CONFLICT:
	case MD_UNAVAILABLE:
	case MD_UNCERTAIN:
	case MD_CANCELLED:
	case MD_INTERNAL:
		return EX_UNAVAILABLE;
	}
	return EX_UNAVAILABLE;
}

static struct md_schema_database database_of(const struct md_options *options)
{
	return (struct md_schema_database){ .url = options->db_url,
					    .schema = options->db_schemas.items[0] };
}

static int no_database(const struct md_cli *cli)
{
	fprintf(cli->err, "modeld: no database: give --db URL, or set \"db_url\"\n");
	return EX_CONFIG;
}

static int print(const struct md_cli *cli, const struct md_buf *text)
{
	fwrite(text->data ? text->data : "", 1, text->len, cli->out);
	if (fflush(cli->out) == 0 && !ferror(cli->out))
		return EX_OK;
	fprintf(cli->err, "modeld: cannot write: %m\n");
	return EX_IOERR;
}

/* --- export ------------------------------------------------------------------------------------
 */

struct export
{
	const struct md_cli *cli;
	const struct md_options *options;
	const struct md_cli_models *words;
	enum md_schema_format format;
	struct md_arena *arena;
};

/* The definitions belong to the registry when there is one. */
static enum md_code build(const struct export *export, const struct md_definitions *definitions,
			  struct md_registry **ret_registry, const struct md_dialect **ret_dialect,
			  struct md_error *err)
{
	const struct md_schema_database database = database_of(export->options);
	struct md_registry_source source = { .schema = md_str_of(database.schema),
					     .definitions = definitions };
	unsigned targets = md_models_targets(export->options, true);
	enum md_code code = MD_OK;

	if (definitions) {
		source.catalog = md_schema_catalog(definitions, export->arena);
		*ret_dialect = md_schema_dialect(targets);
		if (!source.catalog)
			return md_fail_nomem(err);
	} else {
		code = md_schema_read(&database, export->arena, &source.catalog, ret_dialect, err);
	}
	return code == MD_OK ? md_registry_build(&source, ret_registry, err) : code;
}

static int export_from(const struct export *export, const struct md_definitions *definitions)
{
	struct md_registry *registry = NULL;
	struct md_schema_source source = { .empty = export->words->all,
					   .lines = true,
					   .trusted = true };
	md_auto_buf text = MD_BUF(TEXT_MAX);
	struct md_error err;
	enum md_code code;

	md_error_clear(&err);
	code = build(export, definitions, &registry, &source.dialect, &err);
	if (code != MD_OK) {
		md_definitions_free(definitions);
		return fail(export->cli, code, &err);
	}
	source.registry = registry;
	code = md_schema_write(&source, export->format, &text, &err);
	md_registry_unref(registry);
	return code == MD_OK ? print(export->cli, &text) : fail(export->cli, code, &err);
}

static bool find_format(const struct md_cli *cli, const char *name,
			enum md_schema_format *ret_format)
{
	if (name && md_schema_format_find(md_str_of(name), ret_format))
		return true;
	if (name)
		fprintf(cli->err, "modeld: there is no format \"%.64s\"\n", name);
	fputs("modeld: models export needs --format, one of:", cli->err);
	for (unsigned i = 0; i < MD_SCHEMA_FORMATS; i++)
		fprintf(cli->err, " %s", md_schema_format_name((enum md_schema_format)i));
	fputc('\n', cli->err);
	return false;
}

int md_models_export(const struct md_cli *cli, const struct md_options *options,
		     const struct md_cli_models *words)
{
	md_auto_arena arena = md_arena_new(ARENA_MAX);
	struct export export = { .cli = cli, .options = options, .words = words, .arena = arena };
	const struct md_definitions *definitions = NULL;
	int code = EX_OK;

	if (!find_format(cli, words->format, &export.format))
		return EX_USAGE;
	if (!arena) {
		fprintf(cli->err, "modeld: out of memory\n");
		return EX_OSERR;
	}
	if (words->count > 0 || options->models[0] != '\0')
		code = md_models_take(cli, options, words, &definitions);
	else if (options->db_url[0] == '\0')
		return no_database(cli);
	return code == EX_OK ? export_from(&export, definitions) : code;
}

/* --- import ------------------------------------------------------------------------------------
 */

/* A new file; one that is there may be somebody's work, and stays. */
static int write_file(const struct md_cli *cli, const char *path, const struct md_buf *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	size_t done = 0;
	bool ok = fd >= 0;

	while (ok && done < text->len) {
		ssize_t wrote = write(fd, text->data + done, text->len - done);

		ok = wrote >= 0 || errno == EINTR;
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	if (fd >= 0) {
		ok = ok && fsync(fd) == 0;
		ok = close(fd) == 0 && ok;
	}
	if (ok)
		return EX_OK;
	fprintf(cli->err, "modeld: cannot write %s: %m\n", path);
	if (fd >= 0)
		unlink(path);
	return EX_CANTCREAT;
}

static int import_into(const struct md_cli *cli, const struct md_options *options,
		       const struct md_cli_models *words, struct md_arena *arena)
{
	const struct md_schema_database database = database_of(options);
	struct md_schema_import source = { .managed = words->managed };
	md_auto_buf text = MD_BUF(TEXT_MAX), notes = MD_BUF(TEXT_MAX);
	struct md_error err;
	enum md_code code;

	md_error_clear(&err);
	code = md_schema_read(&database, arena, &source.catalog, &source.dialect, &err);
	if (code == MD_OK)
		code = md_schema_import(&source, &text, &notes, &err);
	if (code != MD_OK)
		return fail(cli, code, &err);
	if (notes.len > 0)
		fwrite(notes.data, 1, notes.len, cli->err);
	return words->out ? write_file(cli, words->out, &text) : print(cli, &text);
}

int md_models_import(const struct md_cli *cli, const struct md_options *options,
		     const struct md_cli_models *words)
{
	md_auto_arena arena = md_arena_new(ARENA_MAX);

	if (!words->from_db) {
		fprintf(cli->err, "modeld: models import needs --from-db\n"
				  "Try: modeld models import --help\n");
		return EX_USAGE;
	}
	if (options->db_url[0] == '\0')
		return no_database(cli);
	if (arena)
		return import_into(cli, options, words, arena);
	fprintf(cli->err, "modeld: out of memory\n");
	return EX_OSERR;
}
