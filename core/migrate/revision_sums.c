/* migrations.sum: a line per revision. */
#include <stdio.h>
#include <string.h>

#include "core/migrate/revision_private.h"

#include "core/base/banned.h"

/* The next line without its end; false: there is none. */
static bool next_line(struct md_str *rest, struct md_str *ret_line)
{
	const char *end;

	if (rest->len == 0)
		return false;
	end = memchr(rest->ptr, '\n', rest->len);
	*ret_line = (struct md_str){ rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len };
	rest->len -= ret_line->len + (end != NULL);
	rest->ptr += ret_line->len + (end != NULL);
	if (ret_line->len > 0 && ret_line->ptr[ret_line->len - 1] == '\r')
		ret_line->len--;
	return true;
}

unsigned md_revision_conflict_line(struct md_str text)
{
	static const char *const marks[] = { "<<<<<<< ", "=======", ">>>>>>> ", "||||||| " };
	struct md_str line;

	for (unsigned number = 1; next_line(&text, &line); number++)
		for (unsigned i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
			if (md_str_starts_with(line, md_str_of(marks[i])))
				return number;
	return 0;
}

/* Take the hexadecimal digits and the space behind them. */
static bool take_hex(struct md_str *line, char *out, size_t digits)
{
	if (line->len <= digits || line->ptr[digits] != ' ')
		return false;
	for (size_t i = 0; i < digits; i++)
		if (md_hex_digit(line->ptr[i]) < 0 || (line->ptr[i] >= 'A' && line->ptr[i] <= 'F'))
			return false;
	memcpy(out, line->ptr, digits);
	out[digits] = '\0';
	line->ptr += digits + 1;
	line->len -= digits + 1;
	return true;
}

/* Names of files without marks of control, so that they stay in their line. */
static bool is_plain(struct md_str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7F)
			return false;
	return text.len > 0;
}

static bool read_line(struct md_str line, struct md_revision_sum *sum)
{
	return take_hex(&line, sum->id, MD_REVISION_TEXT - 1) &&
	       take_hex(&line, sum->checksum, MD_CHECKSUM_TEXT - 1) && is_plain(line);
}

static enum md_code fail_line(unsigned number, const char *what, struct md_error *err)
{
	md_fail(err, MD_INVALID, "MD422", "%s, line %u: %s", MD_REVISION_SUMS, number, what);
	md_error_hint(err, "modeld db repair writes the file anew.");
	return MD_INVALID;
}

static enum md_code fail_merge(unsigned number, struct md_error *err)
{
	md_fail(err, MD_INVALID, "MD422", "%s, line %u: marks of a merge with conflicts",
		MD_REVISION_SUMS, number);
	md_error_hint(err, "Two people have added revisions. Keep the lines of both and delete "
			   "those that begin with <<<<<<<, ======= and >>>>>>>.");
	return MD_INVALID;
}

static const struct md_revision_sum *find_sum(const struct md_revision_sum *sums, unsigned count,
					      const char *id)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(sums[i].id, id) == 0)
			return &sums[i];
	return NULL;
}

static unsigned count_lines(struct md_str text)
{
	struct md_str line;
	unsigned count = 0;

	while (next_line(&text, &line))
		count++;
	return count;
}

enum md_code md_revision_sums_parse(struct md_str text, struct md_arena *arena,
				    const struct md_revision_sum **ret_sums, unsigned *ret_count,
				    struct md_error *err)
{
	unsigned conflict = md_revision_conflict_line(text), lines = count_lines(text), count = 0;
	struct md_revision_sum *sums;
	struct md_str line;

	if (conflict > 0)
		return fail_merge(conflict, err);
	if (lines > MD_REVISION_FILES)
		return fail_line(lines, "there are too many lines", err);
	sums = md_arena_zalloc(arena, lines * sizeof(*sums));
	if (!sums)
		return md_fail_nomem(err);
	for (unsigned number = 1; next_line(&text, &line); number++) {
		struct md_revision_sum *sum = &sums[count];

		if (line.len == 0)
			continue;
		if (!read_line(line, sum))
			return fail_line(number, "is not a revision, a checksum and a file", err);
		if (find_sum(sums, count, sum->id))
			return fail_line(number, "names a revision for the second time", err);
		line.ptr += MD_REVISION_TEXT + MD_CHECKSUM_TEXT;
		line.len -= MD_REVISION_TEXT + MD_CHECKSUM_TEXT;
		sum->file = md_arena_strndup(arena, line.ptr, line.len);
		if (!sum->file)
			return md_fail_nomem(err);
		count++;
	}
	*ret_sums = sums;
	*ret_count = count;
	return MD_OK;
}

void md_revision_sums_put(struct md_buf *out, const char *id, const char *checksum,
			  const char *file)
{
	md_buf_printf(out, "%s %s %s\n", id, checksum, file);
}

enum md_code md_revision_sums_read(int folder, struct md_arena *arena,
				   const struct md_revision_sum **ret_sums, unsigned *ret_count,
				   struct md_error *err)
{
	md_auto_buf text = MD_BUF(MD_REVISION_SUMS_BYTES);
	enum md_code code =
		md_revision_slurp(folder, MD_REVISION_SUMS, MD_REVISION_SUMS_BYTES, &text, err);

	if (code == MD_NOT_FOUND) {
		*ret_sums = NULL;
		*ret_count = 0;
		return MD_OK;
	}
	return code == MD_OK
		       ? md_revision_sums_parse(md_buf_str(&text), arena, ret_sums, ret_count, err)
		       : code;
}
