#include "core/json/bulk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/json/body_reader.h"

#include "core/base/banned.h"

enum { FIXED_ROOM = 1024 * 1024, PART_MAX = 1024 * 1024 * 1024 };

struct md_bulk {
	struct md_bulk_options options;
	int fd;
	uint64_t size;      /* what was added */
	uint64_t at, lines; /* behind the part at hand: bytes, and line ends in them */
	uint64_t first;     /* line of the part at hand */
	bool begun;         /* there was a part */
	bool has_rows;      /* one with rows */
	struct md_arena *arena;
	struct md_arena *fixed;     /* columns */
	const struct md_str *names; /* of the first part with rows; NULL: not known yet */
	unsigned name_count;
	size_t header;         /* bytes at the beginning of `window` that every part begins with */
	struct md_buf window;  /* the header, and the part as it was read */
	struct md_error error; /* of add() */
};

/* ---- the file ---- */

static enum md_code fail_file(struct md_error *err, int number, const char *what)
{
	bool full = number == ENOSPC || number == EDQUOT || number == EFBIG;

	md_fail(err, MD_UNAVAILABLE, full ? "53100" : "58030", "the request body cannot be %s: %s",
		what, full ? "no space left" : strerror(number));
	md_error_hint(err, "it is kept in the folder named by the option bulk-folder meanwhile");
	return MD_UNAVAILABLE;
}

/* Without a name from the beginning where the file system can do that. */
static int open_file(const char *folder)
{
	char path[4096];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	if (snprintf(path, sizeof(path), "%s/modeld-XXXXXX", folder) >= (int)sizeof(path))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

enum md_code md_bulk_add(struct md_bulk *bulk, const void *data, size_t size, struct md_error *err)
{
	const char *p = data, *end = p + size;

	while (bulk->error.code == MD_OK && p < end) {
		ssize_t done = write(bulk->fd, p, (size_t)(end - p));

		if (done < 0 && errno != EINTR)
			fail_file(&bulk->error, errno, "kept");
		p += done > 0 ? done : 0;
	}
	bulk->size += size;
	if (bulk->error.code != MD_OK && err)
		*err = bulk->error;
	return bulk->error.code;
}

/* More of the file behind what is in the window. */
static enum md_code read_more(struct md_bulk *bulk, size_t more, struct md_error *err)
{
	char *room = md_buf_room(&bulk->window, more);
	size_t have = bulk->window.len - bulk->header;
	ssize_t done;

	if (!room)
		return md_fail_nomem(err);
	do
		done = pread(bulk->fd, room, more, (off_t)(bulk->at + have));
	while (done < 0 && errno == EINTR);
	if (done <= 0)
		return fail_file(err, done < 0 ? errno : EIO, "read");
	md_buf_wrote(&bulk->window, (size_t)done);
	return MD_OK;
}

/* ---- rows ---- */

/* Lines that end within `text`, and the place behind the last of them; of CSV those that end a row.
 */
static size_t find_end(const struct md_bulk *bulk, struct md_str text)
{
	bool quoted = false;
	size_t end = 0;
	const char *feed;

	if (bulk->options.kind != MD_BODY_CSV) {
		feed = memrchr(text.ptr, '\n', text.len);
		return feed ? (size_t)(feed - text.ptr) + 1 : 0;
	}
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '\n' || (c == '\r' && i + 1 < text.len)))
			end = i + 1; /* a CR at the end may be half of a line end */
	}
	return end;
}

/* As the readers count. */
static uint64_t count_lines(const struct md_bulk *bulk, struct md_str text)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool alone = i + 1 == text.len || text.ptr[i + 1] != '\n';

		lines += c == '\n' || (c == '\r' && alone && bulk->options.kind == MD_BODY_CSV);
	}
	return lines;
}

static struct md_str window_of(const struct md_bulk *bulk)
{
	return (struct md_str){ bulk->window.data + bulk->header, bulk->window.len - bulk->header };
}

/* Whole rows into the window, as many as a part may have, or one. The rest of the file is one, too.
 */
static enum md_code read_part(struct md_bulk *bulk, size_t *ret_len, struct md_error *err)
{
	const struct md_bulk_options *options = &bulk->options;
	size_t wanted = options->part;

	for (;; wanted *= 2) {
		uint64_t left = bulk->size - bulk->at;
		enum md_code code = MD_OK;
		size_t end;

		if (wanted > left)
			wanted = (size_t)left;
		while (code == MD_OK && window_of(bulk).len < wanted)
			code = read_more(bulk, wanted - window_of(bulk).len, err);
		if (code != MD_OK)
			return code;
		end = wanted == left ? wanted : find_end(bulk, window_of(bulk));
		if (end > 0 || wanted == left) {
			*ret_len = end;
			return MD_OK;
		}
		if (wanted > options->limits.size) {
			md_fail(err, MD_TOO_LARGE, "MD413",
				"line %llu of the request body has more than %zu bytes",
				(unsigned long long)bulk->lines + 1, options->limits.size);
			return MD_TOO_LARGE;
		}
	}
}

/* The first line of CSV names the columns of all parts. */
static void keep_header(struct md_bulk *bulk)
{
	struct md_str text = window_of(bulk);
	bool quoted = false;
	size_t i;

	if (bulk->options.kind != MD_BODY_CSV)
		return;
	for (i = 0; i < text.len && (quoted || (text.ptr[i] != '\n' && text.ptr[i] != '\r')); i++)
		quoted = quoted != (text.ptr[i] == '"');
	bulk->header = i < text.len ? i + 1 : i;
}

/* The columns of the first rows are those of all. */
static enum md_code learn(struct md_bulk *bulk, const struct md_body *part, struct md_error *err)
{
	unsigned count;
	const struct md_str *names = md_body_columns(part, &count);
	struct md_str *copy = md_arena_alloc(bulk->fixed, count * sizeof(*copy));

	if (!copy)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < count; i++) {
		copy[i] = md_arena_str(bulk->fixed, names[i]);
		if (!copy[i].ptr)
			return md_fail_nomem(err);
	}
	bulk->names = copy;
	bulk->name_count = count;
	return MD_OK;
}

/* ---- parts ---- */

/* The bytes behind the part that is over go to the beginning. */
static void drop_part(struct md_bulk *bulk)
{
	bulk->window.len = bulk->header;
	md_arena_reset(bulk->arena, PART_MAX);
}

static enum md_code open_part(struct md_bulk *bulk, size_t len, const struct md_body **ret_part,
			      struct md_error *err)
{
	const struct md_bulk_options *options = &bulk->options;
	struct md_body_limits limits = options->limits;
	/* A part may be longer than its longest row, and begins with a header. */
	struct md_str text = { bulk->window.data ? bulk->window.data : "", bulk->header + len };
	enum md_code code;

	limits.size = SIZE_MAX;
	limits.exact = bulk->names && options->kind != MD_BODY_CSV;
	limits.lines_before = bulk->lines - (bulk->begun && options->kind == MD_BODY_CSV);
	bulk->first = bulk->lines + 1;
	code = md_body_open(bulk->arena, options->kind, text, &limits,
			    limits.exact ? bulk->names : options->columns,
			    limits.exact ? bulk->name_count : options->column_count, ret_part, err);
	if (code == MD_OK && !options->columns && !bulk->names && md_body_rows(*ret_part) > 0)
		code = learn(bulk, *ret_part, err);
	return code;
}

static enum md_code next_part(struct md_bulk *bulk, const struct md_body **ret_part,
			      struct md_error *err)
{
	enum md_code code;
	size_t len = 0;

	drop_part(bulk);
	if (!bulk->begun)
		bulk->window.len = bulk->header = 0;
	code = read_part(bulk, &len, err);
	if (code == MD_OK)
		code = open_part(bulk, len, ret_part, err);
	if (code != MD_OK)
		return code;
	bulk->lines += count_lines(bulk, (struct md_str){ window_of(bulk).ptr, len });
	bulk->at += len;
	if (!bulk->begun)
		keep_header(bulk);
	bulk->begun = true;
	bulk->has_rows = bulk->has_rows || md_body_rows(*ret_part) > 0;
	return MD_OK;
}

enum md_code md_bulk_next(struct md_bulk *bulk, const struct md_body **ret_part,
			  struct md_error *err)
{
	const struct md_body *part = NULL;

	if (bulk->error.code != MD_OK) {
		if (err)
			*err = bulk->error;
		return bulk->error.code;
	}
	do {
		enum md_code code;

		if (bulk->begun && bulk->at == bulk->size) {
			*ret_part = bulk->has_rows ? NULL : part;
			return MD_OK;
		}
		code = next_part(bulk, &part, err);
		if (code != MD_OK)
			return code;
	} while (md_body_rows(part) == 0);
	*ret_part = part;
	return MD_OK;
}

void md_bulk_rewind(struct md_bulk *bulk)
{
	bulk->at = bulk->lines = bulk->first = 0;
	bulk->begun = bulk->has_rows = false;
}

struct md_arena *md_bulk_arena(struct md_bulk *bulk)
{
	return bulk->arena;
}

void md_bulk_lines(const struct md_bulk *bulk, uint64_t *ret_first, uint64_t *ret_last)
{
	*ret_first = bulk->first;
	*ret_last = bulk->lines >= bulk->first ? bulk->lines : bulk->first;
}

/* ---- life ---- */

enum md_code md_bulk_new(const struct md_bulk_options *options, struct md_bulk **ret_bulk,
			 struct md_error *err)
{
	struct md_bulk *bulk = calloc(1, sizeof(*bulk));
	enum md_code code;

	if (!bulk)
		return md_fail_nomem(err);
	bulk->options = *options;
	md_error_clear(&bulk->error);
	md_buf_init(&bulk->window, PART_MAX);
	bulk->arena = md_arena_new(PART_MAX);
	bulk->fixed = md_arena_new(FIXED_ROOM + options->limits.size);
	bulk->fd = bulk->arena && bulk->fixed ? open_file(options->folder) : -1;
	if (bulk->fd >= 0) {
		*ret_bulk = bulk;
		return MD_OK;
	}
	code = bulk->arena && bulk->fixed ? fail_file(err, errno, "kept") : md_fail_nomem(err);
	md_bulk_free(bulk);
	return code;
}

struct md_bulk *md_bulk_free(struct md_bulk *bulk)
{
	if (!bulk)
		return NULL;
	if (bulk->fd >= 0)
		close(bulk->fd);
	md_buf_release(&bulk->window);
	md_arena_free(bulk->arena);
	md_arena_free(bulk->fixed);
	free(bulk);
	return NULL;
}
