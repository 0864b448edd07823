#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/banned.h"

static const char escapes[][2] = {
	{ '"', '"' }, { '\\', '\\' }, { 'n', '\n' }, { 'r', '\r' }, { 't', '\t' },
};
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_key_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7F;
}

static struct md_str skip(struct md_str s, size_t count)
{
	return (struct md_str){ s.ptr + count, s.len - count };
}

static struct md_str skip_space(struct md_str s)
{
	while (s.len > 0 && is_space(s.ptr[0]))
		s = skip(s, 1);
	return s;
}

static bool put_escape(char c, struct md_buf *out)
{
	for (size_t i = 0; i < LENGTH(escapes); i++)
		if (escapes[i][0] == c) {
			md_buf_putc(out, escapes[i][1]);
			return true;
		}
	return false;
}

/* From behind the opening quote. Returns what is wrong, or NULL. */
static const char *read_quoted(struct md_str rest, struct md_buf *out)
{
	while (rest.len > 0 && rest.ptr[0] != '"') {
		if (rest.ptr[0] != '\\') {
			md_buf_putc(out, rest.ptr[0]);
			rest = skip(rest, 1);
			continue;
		}
		if (rest.len < 2 || !put_escape(rest.ptr[1], out))
			return "only \\\" \\\\ \\n \\r \\t may follow a backslash in quotes";
		rest = skip(rest, 2);
	}
	if (rest.len == 0)
		return "the closing quote is missing";
	rest = skip_space(skip(rest, 1));
	if (rest.len > 0 && rest.ptr[0] != '#')
		return "there is text behind the closing quote";
	return NULL;
}

static struct md_str read_bare(struct md_str rest)
{
	for (size_t i = 0; i < rest.len; i++)
		if (rest.ptr[i] == '#' && (i == 0 || is_space(rest.ptr[i - 1]))) {
			rest.len = i;
			break;
		}
	return md_str_trim(rest);
}

static const char *check_bytes(struct md_str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (is_control(line.ptr[i]))
			return "the line has a control character";
	return md_utf8_is_valid(line.ptr, line.len) ? NULL : "the line is not UTF-8";
}

/* One line. Returns what is wrong, or NULL. */
static const char *read_line(struct md_str line, unsigned number, struct md_file_reader *reader,
			     struct md_buf *scratch)
{
	struct md_str rest = skip_space(line), key = rest, value;
	const char *wrong = check_bytes(line);

	if (wrong)
		return wrong;
	if (rest.len == 0 || rest.ptr[0] == '#')
		return NULL;
	while (rest.len > 0 && is_key_byte(rest.ptr[0]))
		rest = skip(rest, 1);
	key.len -= rest.len;
	rest = skip_space(rest);
	if (key.len == 0 || rest.len == 0 || rest.ptr[0] != '=')
		return line.ptr[0] == '[' ? "expected KEY = VALUE; there are no sections"
					  : "expected KEY = VALUE";
	rest = skip_space(skip(rest, 1));
	if (rest.len > 0 && rest.ptr[0] == '"') {
		md_buf_clear(scratch);
		wrong = read_quoted(skip(rest, 1), scratch);
		if (wrong || scratch->failed)
			return wrong;
		value = (struct md_str){ scratch->data ? scratch->data : "", scratch->len };
	} else {
		value = read_bare(rest);
		if (value.len == 0)
			return "the value is missing; write \"\" for none";
	}
	reader->value(reader, number, key, value);
	return NULL;
}

enum md_code md_file_parse(struct md_str text, struct md_file_reader *reader)
{
	md_auto_buf scratch = { .max = text.len + 1 };

	for (unsigned number = 1; text.len > 0; number++) {
		const char *end = memchr(text.ptr, '\n', text.len), *wrong;
		struct md_str line = { text.ptr, end ? (size_t)(end - text.ptr) : text.len };

		text = skip(text, line.len + (end ? 1 : 0));
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		wrong = read_line(line, number, reader, &scratch);
		if (wrong)
			reader->problem(reader, number, wrong);
		if (scratch.failed)
			return MD_NOMEM;
	}
	return MD_OK;
}

static const char *escape_of(char c)
{
	for (size_t i = 0; i < LENGTH(escapes); i++)
		if (escapes[i][1] == c)
			return &escapes[i][0];
	return NULL;
}

bool md_file_quote(struct md_str value, struct md_buf *out)
{
	for (size_t i = 0; i < value.len; i++)
		if (is_control(value.ptr[i]) && !escape_of(value.ptr[i]))
			return false;
	md_buf_putc(out, '"');
	for (size_t i = 0; i < value.len; i++) {
		const char *escape = escape_of(value.ptr[i]);

		if (escape)
			md_buf_putc(out, '\\');
		md_buf_put(out, escape ? escape : &value.ptr[i], 1);
	}
	md_buf_putc(out, '"');
	return true;
}

static enum md_code read_all(int fd, const char *path, size_t max, struct md_buf *out,
			     struct md_error *err)
{
	enum { PIECE = 4096 };
	ssize_t got;

	do {
		char *room = md_buf_room(out, PIECE);

		if (!room)
			return md_fail_nomem(err);
		got = read(fd, room, PIECE);
		if (got < 0)
			return md_fail(err, MD_INVALID, "MD400", "cannot read %s: %m", path);
		md_buf_wrote(out, (size_t)got);
		if (out->len > max)
			return md_fail(err, MD_TOO_LARGE, "MD413", "%s is longer than %zu bytes",
				       path, max);
	} while (got > 0);
	return MD_OK;
}

enum md_code md_file_read(const char *path, size_t max, struct md_buf *out, struct md_error *err)
{
	/* O_NONBLOCK: opening a pipe by mistake must not hang the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	enum md_code code;
	struct stat st;

	if (fd < 0)
		return md_fail(err, errno == ENOENT ? MD_NOT_FOUND : MD_INVALID, "MD404",
			       "cannot open %s: %m", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		code = md_fail(err, MD_INVALID, "MD400", "%s is not a regular file", path);
	else
		code = read_all(fd, path, max, out, err);
	close(fd);
	return code;
}
