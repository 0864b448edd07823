/* Writing revisions: what is written is on the disk when it has its name. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/migrate/revision_private.h"

#include "core/base/banned.h"

enum { SLUG_MAX = 40, FILE_NAME_MAX = 128, STAMP_TEXT = 16, JSON_STEP = 2 };

static enum md_code fail_disk(const char *name, struct md_error *err)
{
	int why = errno;

	md_fail(err, MD_UNAVAILABLE, "58030", "%.300s cannot be written: %s", name,
		strerrordesc_np(why));
	md_error_hint(err, "Look at the space on the disk, and at the rights of the folder.");
	return MD_UNAVAILABLE;
}

/* --- the folder --------------------------------------------------------------------------------
 */

/* What was made in a folder is there after a loss of power when the folder has been synced. */
static bool sync_parent(const char *path)
{
	char copy[PATH_MAX];
	int fd, ok;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = fsync(fd) == 0;
	close(fd);
	return ok;
}

/* The folder, locked against others who write into it. */
static enum md_code open_folder(const char *path, int *ret_folder, struct md_error *err)
{
	int fd;

	if (mkdir(path, 0777) == 0) {
		if (!sync_parent(path))
			return fail_disk(path, err);
	} else if (errno != EEXIST) {
		return fail_disk(path, err);
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_disk(path, err);
	while (flock(fd, LOCK_EX) != 0) {
		if (errno == EINTR)
			continue;
		fail_disk(path, err);
		close(fd);
		return MD_UNAVAILABLE;
	}
	*ret_folder = fd;
	return MD_OK;
}

/* --- one file ----------------------------------------------------------------------------------
 */

static bool put_all(int fd, struct md_str text)
{
	size_t done = 0;

	while (done < text.len) {
		ssize_t wrote = write(fd, text.ptr + done, text.len - done);

		if (wrote < 0 && errno != EINTR)
			return false;
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	return fsync(fd) == 0;
}

static bool put_aside(int folder, const char *aside, struct md_str text)
{
	int fd = openat(folder, aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
	bool ok;

	if (fd < 0)
		return false;
	ok = put_all(fd, text);
	return close(fd) == 0 && ok;
}

/* Whole or not at all: written aside, synced, renamed, and the folder synced. */
static enum md_code put_file(int folder, const char *name, struct md_str text, struct md_error *err)
{
	char aside[FILE_NAME_MAX + 8];
	bool ok;

	snprintf(aside, sizeof(aside), ".%.120s.new", name);
	ok = put_aside(folder, aside, text) && renameat(folder, aside, folder, name) == 0;
	if (!ok) {
		fail_disk(name, err);
		unlinkat(folder, aside, 0);
		return MD_UNAVAILABLE;
	}
	return fsync(folder) == 0 ? MD_OK : fail_disk(name, err);
}

static enum md_code put_json(int folder, const char *name, const json_t *value,
			     struct md_error *err)
{
	char *text = json_dumps(value, JSON_INDENT(JSON_STEP));
	md_auto_buf line = MD_BUF(SIZE_MAX / 2);

	if (text)
		md_buf_puts(&line, text);
	md_buf_putc(&line, '\n');
	if (text)
		free(text);
	if (!text || line.failed)
		return md_fail_nomem(err);
	return put_file(folder, name, md_buf_str(&line), err);
}

/* --- names -------------------------------------------------------------------------------------
 */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* The words of the message, in lower case. */
static void put_slug(char out[SLUG_MAX + 1], const char *message)
{
	size_t len = 0;
	bool gap = false;

	for (; *message && len < SLUG_MAX; message++) {
		if (!is_word(*message)) {
			gap = len > 0;
			continue;
		}
		if (gap && len + 1 < SLUG_MAX)
			out[len++] = '_';
		else if (gap)
			break;
		gap = false;
		out[len++] = *message >= 'A' && *message <= 'Z' ? (char)(*message - 'A' + 'a')
								: *message;
	}
	while (len > 0 && out[len - 1] == '_')
		len--;
	out[len] = '\0';
}

/* "2026-11-23T09:12:00Z" as "20261123T091200"; of another text, the time now. */
static void put_stamp(char out[STAMP_TEXT], const char *created_at)
{
	static const char form[] = "0000-00-00T00:00:00";
	time_t now = time(NULL);
	struct tm utc;
	size_t len = 0;

	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		char c = created_at && strnlen(created_at, i + 1) > i ? created_at[i] : '\0';

		if (form[i] == '0' ? c < '0' || c > '9' : c != form[i]) {
			gmtime_r(&now, &utc);
			strftime(out, STAMP_TEXT, "%Y%m%dT%H%M%S", &utc);
			return;
		}
		if (c != '-' && c != ':')
			out[len++] = c;
	}
	out[len] = '\0';
}

static void put_name(char out[FILE_NAME_MAX], const struct md_revision *revision)
{
	const char *created = json_string_value(json_object_get(revision->document, "created_at"));
	char slug[SLUG_MAX + 1], stamp[STAMP_TEXT];

	put_slug(slug, revision->message);
	put_stamp(stamp, created);
	snprintf(out, FILE_NAME_MAX, "%s_%s%s%s.json", stamp, revision->id, *slug ? "_" : "", slug);
}

/* --- migrations.sum ----------------------------------------------------------------------------
 */

static const struct md_revision_sum *sum_of(const struct md_revision_sum *sums, unsigned count,
					    const char *id)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(sums[i].id, id) == 0)
			return &sums[i];
	return NULL;
}

/* The lines that are there stay as they are; those that are missing come behind them. */
static enum md_code put_sums(int folder, const struct md_revisions *revisions, bool anew,
			     struct md_error *err)
{
	md_auto_buf text = MD_BUF(MD_REVISION_SUMS_BYTES);
	md_auto_arena arena = md_arena_new(MD_REVISION_SUMS_BYTES * 4);
	const struct md_revision_sum *sums = NULL;
	unsigned count = 0;
	enum md_code code = arena ? MD_OK : md_fail_nomem(err);

	if (code == MD_OK && !anew)
		code = md_revision_sums_read(folder, arena, &sums, &count, err);
	if (code != MD_OK)
		return code;
	for (unsigned i = 0; i < count; i++)
		md_revision_sums_put(&text, sums[i].id, sums[i].checksum, sums[i].file);
	for (unsigned i = 0; i < revisions->count; i++) {
		const struct md_revision *revision = &revisions->items[i];

		if (!sum_of(sums, count, revision->id))
			md_revision_sums_put(&text, revision->id, revision->checksum,
					     revision->file);
	}
	return text.failed ? md_fail_nomem(err)
			   : put_file(folder, MD_REVISION_SUMS, md_buf_str(&text), err);
}

enum md_code md_revisions_write_sums(const char *folder, struct md_error *err)
{
	struct md_revisions *revisions = NULL;
	int fd = -1;
	enum md_code code = open_folder(folder, &fd, err);

	if (code != MD_OK)
		return code;
	code = md_revisions_read_files(folder, &revisions, err);
	if (code == MD_OK)
		code = put_sums(fd, revisions, true, err);
	md_revisions_free(revisions);
	close(fd);
	return code;
}

/* --- a new revision ----------------------------------------------------------------------------
 */

static bool is_tip(const struct md_revisions *revisions, const char *id)
{
	for (unsigned i = 0; i < revisions->tip_count; i++)
		if (strcmp(revisions->tips[i]->id, id) == 0)
			return true;
	return false;
}

/* Behind one of several tips it is made with the others in view. */
static enum md_code note_tips(json_t *document, const struct md_revisions *revisions,
			      const char *parent, struct md_error *err)
{
	json_t *after;

	if (!revisions || revisions->tip_count < 2 || !is_tip(revisions, parent) ||
	    json_object_get(document, "after"))
		return MD_OK;
	after = json_array();
	if (json_object_set_new(document, "after", after) != 0)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < revisions->tip_count; i++)
		if (strcmp(revisions->tips[i]->id, parent) != 0 &&
		    json_array_append_new(after, json_string(revisions->tips[i]->id)) != 0)
			return md_fail_nomem(err);
	return MD_OK;
}

/* As it will be read: what cannot be read is not written. */
static enum md_code prepare(const json_t *document, const struct md_revisions *revisions,
			    struct md_revision *ret_revision, struct md_error *err)
{
	md_json_local copy = json_deep_copy(document);
	const char *parent = json_string_value(json_object_get(document, "down_revision"));
	enum md_code code =
		copy ? note_tips(copy, revisions, parent ? parent : "", err) : md_fail_nomem(err);
	char *text = code == MD_OK ? json_dumps(copy, 0) : NULL;

	if (code == MD_OK && !text)
		code = md_fail_nomem(err);
	if (code == MD_OK)
		code = md_revision_parse(text, strlen(text), NULL, ret_revision, err);
	free(text);
	return code;
}

/* The file, then the line for it; without its line, no file. */
static enum md_code put_revision(int fd, const char *folder, const struct md_revision *revision,
				 const char *name, struct md_error *err)
{
	struct md_revisions *now = NULL;
	enum md_code code = put_json(fd, name, revision->document, err);

	if (code != MD_OK)
		return code;
	code = md_revisions_read(folder, &now, err);
	if (code == MD_OK)
		code = put_sums(fd, now, false, err);
	if (code != MD_OK)
		unlinkat(fd, name, 0);
	md_revisions_free(now);
	return code;
}

static enum md_code write_all(int fd, const char *folder, const struct md_revision *revision,
			      const json_t *snapshot, const char *name, struct md_error *err)
{
	enum md_code code;

	if (faccessat(fd, name, F_OK, 0) == 0)
		return md_fail(err, MD_CONFLICT, "MD_REVISION", "%s: there is such a file already",
			       name);
	code = put_revision(fd, folder, revision, name, err);
	return code == MD_OK && snapshot ? put_json(fd, MD_REVISION_SNAPSHOT, snapshot, err) : code;
}

enum md_code md_revision_write(const char *folder, const struct md_revisions *revisions,
			       const json_t *document, const json_t *snapshot, char *ret_file,
			       size_t file_size, struct md_error *err)
{
	struct md_revision revision;
	char name[FILE_NAME_MAX];
	int fd = -1;
	enum md_code code = prepare(document, revisions, &revision, err);

	if (code != MD_OK)
		return code;
	put_name(name, &revision);
	code = open_folder(folder, &fd, err);
	if (code == MD_OK) {
		code = write_all(fd, folder, &revision, snapshot, name, err);
		close(fd);
	}
	json_decref(revision.document);
	if (code == MD_OK && ret_file)
		snprintf(ret_file, file_size, "%s", name);
	return code;
}
