/* The files that a pattern of the shell names. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/model/define_private.h"

#include "core/base/banned.h"

static void refuse(struct md_def_loader *loader, const char *path, enum md_def_code code,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void refuse(struct md_def_loader *loader, const char *path, enum md_def_code code,
		   const char *fmt, ...)
{
	struct md_def_place place = { path, "", 0 };
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	md_def_report_at(loader, &place, code, "%s", text);
}

/* Everything of an open file; false: that has been told. */
static bool read_all(struct md_def_loader *loader, const char *path, int fd, struct md_buf *into)
{
	while (!into->failed) {
		char *room = md_buf_room(into, 16384);
		ssize_t got = room ? read(fd, room, 16384) : 0;

		if (got > 0 && into->len + (size_t)got > loader->limits.file) {
			refuse(loader, path, MD_DEF_M108, "a file has at most %zu bytes",
			       loader->limits.file);
			return false;
		}
		if (got > 0)
			md_buf_wrote(into, (size_t)got);
		else if (got == 0)
			break;
		else if (errno != EINTR) {
			refuse(loader, path, MD_DEF_M100, "cannot be read: %m");
			return false;
		}
	}
	loader->failed = loader->failed || into->failed;
	return !into->failed;
}

static bool read_file(struct md_def_loader *loader, const char *path, struct md_buf *into)
{
	struct stat status = { .st_mode = 0 };
	/* A pipe without a writer must not stop us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool ok = false;

	if (fd < 0) {
		refuse(loader, path, MD_DEF_M100, "cannot be read: %m");
		return false;
	}
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		refuse(loader, path, MD_DEF_M100, "is not a file");
		if (S_ISDIR(status.st_mode))
			md_def_hint(loader, "name the files in it: %s/*.json", path);
	} else {
		ok = read_all(loader, path, fd, into);
	}
	close(fd);
	return ok;
}

static void take_file(struct md_def_loader *loader, const char *path, struct md_def_files *files)
{
	md_auto_buf text = MD_BUF(loader->limits.file + 32768);
	struct md_def_source *source = &files->sources[files->count];
	size_t len;

	if (!read_file(loader, path, &text))
		return;
	if (!md_buf_text(&text)) {
		loader->failed = true;
		return;
	}
	source->name = strdup(path);
	if (!source->name) {
		loader->failed = true;
		return;
	}
	files->texts[files->count] = md_buf_take(&text, &len);
	source->text = (struct md_str){ files->texts[files->count], len };
	files->count++;
}

enum md_code md_def_files_read(const char *pattern, const struct md_def_limits *limits,
			       struct md_def_report *report, struct md_def_files *files,
			       struct md_error *err)
{
	struct md_def_loader loader = { .report = report };
	unsigned errors = report->errors;
	glob_t found;
	int rc = glob(pattern, GLOB_BRACE, NULL, &found);

	*files = (struct md_def_files){ NULL, 0, NULL };
	loader.limits.file = limits && limits->file > 0 ? limits->file : MD_DEF_FILE;
	if (rc == GLOB_NOMATCH)
		return md_fail(err, MD_NOT_FOUND, "MD404", "no file matches %s", pattern);
	if (rc != 0)
		return rc == GLOB_NOSPACE
			       ? md_fail_nomem(err)
			       : md_fail(err, MD_NOT_FOUND, "MD404", "cannot read %s: %m", pattern);
	files->sources = calloc(found.gl_pathc, sizeof(*files->sources));
	files->texts = calloc(found.gl_pathc, sizeof(*files->texts));
	loader.failed = !files->sources || !files->texts;
	for (size_t i = 0; i < found.gl_pathc && !loader.failed; i++)
		take_file(&loader, found.gl_pathv[i], files);
	globfree(&found);
	if (loader.failed)
		return md_fail_nomem(err);
	if (report->errors > errors)
		return md_fail(err, MD_INVALID, "MD422", "a definition file cannot be read");
	return MD_OK;
}

void md_def_files_release(struct md_def_files *files)
{
	for (unsigned i = 0; i < files->count; i++) {
		free((void *)(uintptr_t)files->sources[i].name);
		free(files->texts[i]);
	}
	free(files->sources);
	free(files->texts);
	*files = (struct md_def_files){ NULL, 0, NULL };
}
