/* Rows and errors as they are shown: JSON, lines of it, CSV, and tables for people. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "core/json/write.h"
#include "server/cli_data_run.h"
#include "server/migrations.h"

#include "core/base/banned.h"

enum { CELL_COLUMNS = 80, LINE_MAX_BYTES = 64 * 1024 * 1024 };

/* --- text of a database on a terminal ----------------------------------------------------------
 */

/* The character at *text, which moves behind it. Bytes that are no UTF-8 stand for themselves. */
static unsigned next_char(const unsigned char **text, bool *ret_valid)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = *text;
	unsigned len = *p < 0x80   ? 1
		       : *p < 0xC0 ? 0
		       : *p < 0xE0 ? 2
		       : *p < 0xF0 ? 3
		       : *p < 0xF8 ? 4
				   : 0;
	unsigned c = len < 2 ? *p : *p & (0x7Fu >> len);

	for (unsigned i = 1; i < len; i++) {
		if ((p[i] & 0xC0) != 0x80) {
			len = 0;
			break;
		}
		c = c << 6 | (p[i] & 0x3F);
	}
	*ret_valid = len > 0 && c >= least[len] && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
	if (!*ret_valid)
		c = *p;
	*text = p + (*ret_valid ? len : 1);
	return c;
}

struct span {
	unsigned first, last;
};

static bool is_in(unsigned c, const struct span *spans, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (c >= spans[i].first && c <= spans[i].last)
			return true;
	return false;
}

#define IN(c, spans) is_in((c), (spans), sizeof(spans) / sizeof((spans)[0]))

/* Controls, and what turns the direction of writing or cannot be seen. */
static bool is_control(unsigned c)
{
	static const struct span spans[] = { { 0, 0x1F },         { 0x7F, 0x9F },
					     { 0x61C, 0x61C },    { 0x200B, 0x200F },
					     { 0x2028, 0x202E },  { 0x2060, 0x206F },
					     { 0xFEFF, 0xFEFF },  { 0xFFF9, 0xFFFB },
					     { 0xE0000, 0xE007F } };

	return IN(c, spans);
}

static unsigned columns_of(unsigned c)
{
	static const struct span none[] = { { 0x300, 0x36F },
					    { 0x20D0, 0x20FF },
					    { 0xFE00, 0xFE0F } };
	static const struct span two[] = { { 0x1100, 0x115F },   { 0x2E80, 0xA4CF },
					   { 0xAC00, 0xD7A3 },   { 0xF900, 0xFAFF },
					   { 0xFE30, 0xFE6F },   { 0xFF00, 0xFF60 },
					   { 0xFFE0, 0xFFE6 },   { 0x1F300, 0x1F64F },
					   { 0x1F900, 0x1F9FF }, { 0x20000, 0x3FFFD } };

	return IN(c, none) ? 0 : IN(c, two) ? 2 : 1;
}

/* The escape of a character that is not shown. */
static unsigned escape(char *to, size_t room, unsigned c)
{
	const char *named = c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\r' ? "\\r" : NULL;

	if (named)
		return (unsigned)snprintf(to, room, "%s", named);
	return (unsigned)snprintf(to, room, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
}

unsigned md_data_put_clean(struct md_buf *out, const char *text, unsigned most)
{
	const unsigned char *p = (const unsigned char *)text, *from = p;
	unsigned used = 0;

	for (; *p; from = p) {
		char shown[16];
		bool valid, control;
		unsigned c = next_char(&p, &valid), width;

		control = !valid || is_control(c);
		width = control ? escape(shown, sizeof(shown), c) : columns_of(c);
		if (used + width > most - (*p != '\0')) {
			md_buf_puts(out, "…");
			return used + 1;
		}
		if (control)
			md_buf_put(out, shown, width);
		else
			md_buf_put(out, from, (size_t)(p - from));
		used += width;
	}
	return used;
}

/* --- errors ------------------------------------------------------------------------------------
 */

static int exit_code(const struct md_error *err)
{
	static const struct {
		const char *wire;
		int code;
	} special[] = { { "PGRST100", EX_USAGE }, { "42501", EX_NOPERM }, { "25006", EX_NOPERM } };

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (strcmp(err->wire, special[i].wire) == 0)
			return special[i].code;
	return md_exit_of(err->code);
}

static void put_lines(FILE *to, const char *prefix, const char *text)
{
	while (*text) {
		md_auto_buf line = MD_BUF(MD_DETAILS_MAX), clean = MD_BUF(LINE_MAX_BYTES);
		size_t len = strcspn(text, "\n");

		md_buf_put(&line, text, len);
		if (md_buf_text(&line))
			md_data_put_clean(&clean, line.data, UINT32_MAX);
		if (md_buf_text(&clean))
			fprintf(to, "%s%s\n", prefix, clean.data);
		text += len + (text[len] == '\n');
	}
}

int md_data_fail(const struct md_data_run *run)
{
	put_lines(run->cli->err, "modeld: ", run->err.message);
	put_lines(run->cli->err, "", run->err.details);
	put_lines(run->cli->err, "", run->err.hint);
	return exit_code(&run->err);
}

int md_data_finish(const struct md_data_run *run, int code)
{
	if (fflush(run->cli->out) == 0 && !ferror(run->cli->out))
		return code;
	fprintf(run->cli->err, "modeld: cannot write: %m\n");
	return EX_IOERR;
}

/* --- JSON as text ------------------------------------------------------------------------------
 */

/* The value that begins at `text`, or the member: up to the comma or bracket behind it. */
static const char *end_of_value(const char *text)
{
	unsigned depth = 0;
	bool quoted = false;

	for (; *text; text++) {
		if (quoted) {
			quoted = *text != '"';
			text += *text == '\\' && text[1] != '\0';
		} else if (depth == 0 && strchr(",]}", *text)) {
			return text;
		} else if (*text == '"') {
			quoted = true;
		} else if (*text == '{' || *text == '[') {
			depth++;
		} else if (*text == '}' || *text == ']') {
			depth--;
		}
	}
	return text;
}

/* --- tables ------------------------------------------------------------------------------------
 */

static void put_cell(FILE *to, const char *text, unsigned most, unsigned width)
{
	md_auto_buf cell = MD_BUF(LINE_MAX_BYTES);
	unsigned used = md_data_put_clean(&cell, text ? text : "null", most);

	if (!cell.failed)
		fwrite(cell.data ? cell.data : "", 1, cell.len, to);
	fprintf(to, "%*s", used < width ? (int)(width - used) : 0, "");
}

static unsigned width_of(const char *text, unsigned most)
{
	md_auto_buf cell = MD_BUF(LINE_MAX_BYTES);

	return md_data_put_clean(&cell, text ? text : "null", most);
}

static const char *find_field(const struct md_result *result, const char *member, size_t len)
{
	const char *field;

	for (unsigned i = 0; (field = md_result_field(result, i)); i++) {
		md_auto_buf key = MD_BUF(LINE_MAX_BYTES);

		md_json_write_string(&key, field, strlen(field));
		if (!key.failed && key.len < len && memcmp(key.data, member, key.len) == 0 &&
		    member[key.len] == ':')
			return field;
	}
	return NULL;
}

/* The fields in the order of the rows, ended by NULL, and room for their widths. NULL: no memory.
 */
static const char **fields_of(const struct md_data_run *run, const struct md_result *result,
			      unsigned **ret_widths)
{
	unsigned count = 0, found = 0;
	const char **fields, *end = md_result_json(result) + 1;

	while (md_result_field(result, count))
		count++;
	fields = md_arena_zalloc(run->arena, (count + 1) * sizeof(*fields));
	*ret_widths = md_arena_zalloc(run->arena, (count + 1) * sizeof(**ret_widths));
	for (; fields && found < count && (*end == '{' || *end == ','); found++) {
		const char *member = end + 1;

		end = end_of_value(member);
		fields[found] = find_field(result, member, (size_t)(end - member));
		found -= !fields[found];
	}
	return fields;
}

/* A row that stands alone: a line for each field. */
static void print_fields(FILE *to, const struct md_result *result, const char *const *fields)
{
	unsigned width = 0;

	for (unsigned i = 0; fields[i]; i++)
		if (width_of(fields[i], CELL_COLUMNS) > width)
			width = width_of(fields[i], CELL_COLUMNS);
	for (unsigned i = 0; fields[i]; i++) {
		put_cell(to, fields[i], CELL_COLUMNS, width + 2);
		put_cell(to, md_result_text(result, 0, fields[i]), UINT32_MAX, 0);
		fputc('\n', to);
	}
}

/* A line of the table; `row` -2: the names, -1: what is between them and the rows. */
static void print_line(FILE *to, const struct md_result *result, const char *const *fields,
		       const unsigned *widths, int64_t row)
{
	for (unsigned i = 0; fields[i]; i++) {
		unsigned width = fields[i + 1] ? widths[i] : 0; /* no blanks at the end */
		const char *text =
			row >= 0 ? md_result_text(result, (unsigned)row, fields[i]) : fields[i];

		fputs(i > 0 ? "  " : "", to);
		for (unsigned n = 0; row == -1 && n < widths[i]; n++)
			fputc('-', to);
		if (row != -1)
			put_cell(to, text, CELL_COLUMNS, width);
	}
	fputc('\n', to);
}

static int print_table(const struct md_data_run *run, const struct md_result *result, bool one)
{
	unsigned rows = md_result_rows(result), *widths;
	const char **fields = fields_of(run, result, &widths);
	FILE *to = run->cli->out;

	if (!fields || !widths) {
		fprintf(run->cli->err, "modeld: out of memory\n");
		return EX_OSERR;
	}
	if (rows == 0)
		fputs("no rows\n", to);
	if (one && rows == 1)
		print_fields(to, result, fields);
	if (rows == 0 || one)
		return EX_OK;
	for (unsigned i = 0; fields[i]; i++) {
		widths[i] = width_of(fields[i], CELL_COLUMNS);
		for (unsigned row = 0; row < rows; row++) {
			unsigned width =
				width_of(md_result_text(result, row, fields[i]), CELL_COLUMNS);

			widths[i] = width > widths[i] ? width : widths[i];
		}
	}
	for (int64_t row = -2; row < (int64_t)rows; row++)
		print_line(to, result, fields, widths, row);
	return EX_OK;
}

/* --- JSON --------------------------------------------------------------------------------------
 */

/* A row a line; a line end between the values of a JSON column is a blank as well. */
static void print_lines(FILE *to, const char *array)
{
	for (const char *p = array + 1; *p && *p != ']';) {
		const char *end = end_of_value(p);

		for (; p < end; p++)
			fputc(*p == '\n' || *p == '\r' ? ' ' : *p, to);
		fputc('\n', to);
		p = *end == ',' ? end + 1 : end;
	}
}

static void print_json(FILE *to, const char *array, bool one)
{
	size_t len = strlen(array);

	if (one && len > 2)
		fprintf(to, "%.*s\n", (int)(len - 2), array + 1);
	else
		fprintf(to, "%s\n", array);
}

int md_data_print(const struct md_data_run *run, const struct md_result *result, bool one)
{
	const char *json = md_result_json(result);

	switch (run->format) {
	case MD_DATA_TABLE:
		return print_table(run, result, one);
	case MD_DATA_NDJSON:
		print_lines(run->cli->out, json);
		break;
	case MD_DATA_JSON:
	case MD_DATA_CSV:
		print_json(run->cli->out, json, one);
		break;
	}
	return EX_OK;
}

/* --- rows in pieces ----------------------------------------------------------------------------
 */

struct output {
	FILE *to;
	char last;
};

static bool take(void *arg, const char *text, size_t len)
{
	struct output *output = arg;

	output->last = text[len - 1];
	return fwrite(text, 1, len, output->to) == len;
}

int md_data_print_all(struct md_data_run *run)
{
	static const enum md_form forms[] = { [MD_DATA_JSON] = MD_FORM_JSON,
					      [MD_DATA_NDJSON] = MD_FORM_LINES,
					      [MD_DATA_CSV] = MD_FORM_CSV };
	struct output output = { .to = run->cli->out, .last = '\n' };
	struct md_result *result;
	enum md_code code;
	int rc;

	if (run->format == MD_DATA_TABLE) {
		if (md_all(run->ask, &result, &run->err))
			return md_data_fail(run);
		rc = print_table(run, result, false);
		md_result_free(result);
		return rc;
	}
	code = md_pieces(run->ask, forms[run->format], take, &output, &run->err);
	if (output.last != '\n')
		fputc('\n', run->cli->out);
	if (code && ferror(run->cli->out))
		return EX_IOERR; /* told by md_data_finish() */
	return code ? md_data_fail(run) : EX_OK;
}
