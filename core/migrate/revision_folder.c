/* Reading a folder of revisions. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/migrate/revision_private.h"

#include "core/base/banned.h"

enum { ARENA_MAX = 64 << 20, READ_SIZE = 16384 };

struct reading {
	struct md_revisions *revisions;
	struct md_arena *arena;
	int folder;
	bool sums; /* they count */
	const char **names;
	unsigned count, room;
};

/* --- files -------------------------------------------------------------------------------------
 */

static enum md_code fail_errno(const char *name, const char *what, struct md_error *err)
{
	int why = errno;

	return md_fail(err, why == ENOMEM ? MD_NOMEM : MD_INVALID,
		       why == ENOMEM ? "53200" : "58030", "%s: %s: %s", name, what,
		       strerrordesc_np(why));
}

static enum md_code read_all(int fd, const char *name, size_t max, struct md_buf *out,
			     struct md_error *err)
{
	for (;;) {
		char *room = md_buf_room(out, READ_SIZE);
		ssize_t got = room ? read(fd, room, READ_SIZE) : 0;

		if (!room)
			return md_fail_nomem(err);
		if (got == 0)
			return MD_OK;
		if (got < 0 && errno != EINTR)
			return fail_errno(name, "cannot be read", err);
		md_buf_wrote(out, got > 0 ? (size_t)got : 0);
		if (out->len > max)
			return md_fail(err, MD_INVALID, "MD422", "%s: has more than %zu bytes",
				       name, max);
	}
}

enum md_code md_revision_slurp(int folder, const char *name, size_t max, struct md_buf *out,
			       struct md_error *err)
{
	struct stat status;
	/* A pipe without a writer must not stop us. */
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	enum md_code code;

	if (fd < 0 && errno == ENOENT)
		return md_fail(err, MD_NOT_FOUND, "58P01", "%s: there is no such file", name);
	if (fd < 0)
		return fail_errno(name, "cannot be read", err);
	out->max = max + 2 * READ_SIZE;
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		code = md_fail(err, MD_INVALID, "58P01", "%s: is not a file", name);
	else
		code = read_all(fd, name, max, out, err);
	close(fd);
	return code;
}

static bool is_revision_file(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".json") == 0 &&
	       strcmp(name, MD_REVISION_SNAPSHOT) != 0;
}

static enum md_code add_name(struct reading *reading, const char *name, struct md_error *err)
{
	if (reading->count == MD_REVISION_FILES)
		return md_fail(err, MD_INVALID, "MD422",
			       "a folder has at most %d revision files; squash some of them",
			       (int)MD_REVISION_FILES);
	if (reading->count == reading->room) {
		unsigned room = reading->room ? 2 * reading->room : 16;
		const char **names = md_arena_alloc(reading->arena, room * sizeof(*names));

		if (!names)
			return md_fail_nomem(err);
		if (reading->count > 0)
			memcpy(names, reading->names, reading->count * sizeof(*names));
		reading->names = names;
		reading->room = room;
	}
	reading->names[reading->count] = md_arena_strndup(reading->arena, name, strlen(name));
	if (!reading->names[reading->count])
		return md_fail_nomem(err);
	reading->count++;
	return MD_OK;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum md_code list_files(struct reading *reading, struct md_error *err)
{
	int fd = openat(reading->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	enum md_code code = MD_OK;
	const struct dirent *entry;

	if (!dir) {
		code = fail_errno("the folder of revisions", "cannot be listed", err);
		if (fd >= 0)
			close(fd);
		return code;
	}
	while (code == MD_OK && (entry = readdir(dir)))
		if (is_revision_file(entry->d_name))
			code = add_name(reading, entry->d_name, err);
	closedir(dir);
	if (reading->count > 0)
		qsort(reading->names, reading->count, sizeof(*reading->names), by_name);
	return code;
}

/* Say the file before everything else. */
static void name_file(const char *name, struct md_error *err)
{
	char message[MD_MESSAGE_MAX];

	if (!err)
		return;
	memcpy(message, err->message, sizeof(message));
	snprintf(err->message, sizeof(err->message), "%.200s: %.300s", name, message);
}

static enum md_code read_file(struct reading *reading, const char *name, struct md_error *err)
{
	struct md_revisions *revisions = reading->revisions;
	struct md_revision *revision = &revisions->items[revisions->count];
	md_auto_buf text = MD_BUF(MD_REVISION_BYTES);
	enum md_code code = md_revision_slurp(reading->folder, name, MD_REVISION_BYTES, &text, err);

	if (code == MD_NOT_FOUND) /* it went meanwhile */
		return MD_OK;
	if (code != MD_OK)
		return code;
	code = md_revision_parse(md_buf_str(&text).ptr, text.len, NULL, revision, err);
	if (code != MD_OK) {
		name_file(name, err);
		return code;
	}
	revision->file = name;
	revisions->count++;
	return MD_OK;
}

/* --- checksums ---------------------------------------------------------------------------------
 */

static enum md_code sum_up(struct md_revisions *revisions, struct md_error *err)
{
	enum md_code code = MD_OK;

	for (unsigned i = 0; code == MD_OK && i < revisions->count; i++) {
		struct md_revision *revision = &revisions->items[i];
		const struct md_revision *parent = revision->previous;

		code = md_revision_checksum(revision->document, parent ? parent->checksum : "",
					    revision->checksum, err);
	}
	return code;
}

static const struct md_revision_sum *sum_of(const struct md_revision_sum *sums, unsigned count,
					    const char *id)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(sums[i].id, id) == 0)
			return &sums[i];
	return NULL;
}

/* A change of one revision changes the checksums of all behind it. Whose own change it is, shows
 * with the parent's checksum as it is listed. */
static enum md_code is_modified(const struct md_revision *revision,
				const struct md_revision_sum *sums, unsigned count,
				bool *ret_modified, struct md_error *err)
{
	const struct md_revision_sum *own = sum_of(sums, count, revision->id), *parent = NULL;
	char checksum[MD_CHECKSUM_TEXT];
	const char *before = "";
	enum md_code code;

	*ret_modified = false;
	if (!own || strcmp(own->checksum, revision->checksum) == 0)
		return MD_OK;
	if (revision->previous) {
		parent = sum_of(sums, count, revision->previous->id);
		before = parent ? parent->checksum : revision->previous->checksum;
	}
	code = md_revision_checksum(revision->document, before, checksum, err);
	if (code == MD_OK)
		*ret_modified = strcmp(own->checksum, checksum) != 0;
	return code;
}

static enum md_code compare_sums(struct reading *reading, struct md_error *err)
{
	struct md_revisions *revisions = reading->revisions;
	const struct md_revision **modified;
	const struct md_revision_sum *sums;
	const char **missing;
	unsigned count;
	enum md_code code =
		md_revision_sums_read(reading->folder, reading->arena, &sums, &count, err);

	if (code != MD_OK)
		return code;
	modified = md_arena_alloc(reading->arena, revisions->count * sizeof(const void *));
	missing = md_arena_alloc(reading->arena, count * sizeof(*missing));
	if (!modified || !missing)
		return md_fail_nomem(err);
	for (unsigned i = 0; code == MD_OK && i < revisions->count; i++) {
		bool is = false;

		code = is_modified(&revisions->items[i], sums, count, &is, err);
		if (is)
			modified[revisions->modified_count++] = &revisions->items[i];
	}
	for (unsigned i = 0; code == MD_OK && i < count; i++) {
		bool there = false;

		for (unsigned j = 0; j < revisions->count && !there; j++)
			there = strcmp(revisions->items[j].id, sums[i].id) == 0;
		if (!there)
			missing[revisions->missing_count++] = sums[i].id;
	}
	revisions->modified = modified;
	revisions->missing = missing;
	return code;
}

/* --- the whole ---------------------------------------------------------------------------------
 */

static enum md_code read_files(struct reading *reading, struct md_error *err)
{
	struct md_revisions *revisions = reading->revisions;
	enum md_code code = list_files(reading, err);

	if (code != MD_OK)
		return code;
	revisions->items =
		md_arena_zalloc(reading->arena, reading->count * sizeof(*revisions->items));
	if (!revisions->items)
		return md_fail_nomem(err);
	for (unsigned i = 0; code == MD_OK && i < reading->count; i++)
		code = read_file(reading, reading->names[i], err);
	if (code == MD_OK)
		code = md_revision_order(revisions, err);
	if (code == MD_OK)
		code = sum_up(revisions, err);
	return code == MD_OK && reading->sums ? compare_sums(reading, err) : code;
}

static enum md_code fail_folder(const char *folder, struct md_error *err)
{
	int why = errno;

	md_fail(err, MD_INVALID, "58P01", "the folder of revisions, %.300s, cannot be read: %s",
		folder, strerrordesc_np(why));
	md_error_hint(err, "Name another with the setting migrations, or give the user that runs "
			   "this program the right to read it.");
	return MD_INVALID;
}

static enum md_code read_folder(const char *folder, bool sums, struct md_revisions **ret_revisions,
				struct md_error *err)
{
	struct md_arena *arena = md_arena_new(ARENA_MAX);
	struct reading reading = { .arena = arena, .folder = -1, .sums = sums };
	enum md_code code = MD_OK;

	reading.revisions = arena ? md_arena_zalloc(arena, sizeof(*reading.revisions)) : NULL;
	if (!reading.revisions) {
		md_arena_free(arena);
		return md_fail_nomem(err);
	}
	reading.revisions->arena = arena;
	reading.folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (reading.folder < 0 && errno != ENOENT)
		code = fail_folder(folder, err);
	if (reading.folder >= 0) {
		code = read_files(&reading, err);
		close(reading.folder);
	}
	if (code != MD_OK) {
		md_revisions_free(reading.revisions);
		return code;
	}
	*ret_revisions = reading.revisions;
	return MD_OK;
}

enum md_code md_revisions_read(const char *folder, struct md_revisions **ret_revisions,
			       struct md_error *err)
{
	return read_folder(folder, true, ret_revisions, err);
}

enum md_code md_revisions_read_files(const char *folder, struct md_revisions **ret_revisions,
				     struct md_error *err)
{
	return read_folder(folder, false, ret_revisions, err);
}

struct md_revisions *md_revisions_free(struct md_revisions *revisions)
{
	if (!revisions)
		return NULL;
	for (unsigned i = 0; i < revisions->count; i++)
		json_decref(revisions->items[i].document);
	md_arena_free(revisions->arena);
	return NULL;
}
