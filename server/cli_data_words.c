/* The words of commands on rows: model, key, values, conditions. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "server/cli_data_run.h"

#include "core/base/banned.h"

enum { READ_AT_ONCE = 64 * 1024 };

int md_data_usage(const struct md_data_run *run, const char *fmt, ...)
{
	va_list args;

	fputs("modeld: ", run->cli->err);
	va_start(args, fmt);
	vfprintf(run->cli->err, fmt, args);
	va_end(args);
	fprintf(run->cli->err, "\nTry: modeld %s --help\n", run->name);
	return EX_USAGE;
}

static int out_of_memory(const struct md_data_run *run)
{
	fprintf(run->cli->err, "modeld: out of memory\n");
	return EX_OSERR;
}

/* --- values ------------------------------------------------------------------------------------
 */

/* The name in front of "=" or ":=": its length, 0 when the word is nothing of the kind. */
static size_t name_of(const char *word, bool *ret_json)
{
	const char *equals = strchr(word, '=');

	*ret_json = equals && equals > word && equals[-1] == ':';
	return equals ? (size_t)(equals - word) - *ret_json : 0;
}

static int take_values(struct md_data_run *run, char *const *words, unsigned count)
{
	run->values = md_arena_zalloc(run->arena, count * sizeof(*run->values));
	if (!run->values)
		return out_of_memory(run);
	for (; run->count < count; run->count++) {
		struct md_value_text *value = &run->values[run->count];
		const char *word = words[run->count];
		size_t len = name_of(word, &value->json);

		if (len == 0)
			return md_data_usage(run, "\"%.64s\" is not FIELD=VALUE or FIELD:=JSON",
					     word);
		value->value = word + len + 1 + value->json;
		value->name = md_arena_strndup(run->arena, word, len);
		if (!value->name)
			return out_of_memory(run);
	}
	return EX_OK;
}

static int read_json(struct md_data_run *run, int fd, const char *name)
{
	for (;;) {
		char *room = md_buf_room(&run->json, READ_AT_ONCE);
		ssize_t got;

		if (!room) {
			fprintf(run->cli->err, "modeld: %s is too long\n", name);
			return EX_DATAERR;
		}
		got = read(fd, room, READ_AT_ONCE);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			fprintf(run->cli->err, "modeld: cannot read %s: %m\n", name);
			return EX_NOINPUT;
		}
		if (got == 0)
			return EX_OK;
		md_buf_wrote(&run->json, (size_t)got);
	}
}

/* --json TEXT, @FILE or - */
static int take_json(struct md_data_run *run, const char *text)
{
	bool input = strcmp(text, "-") == 0;
	int fd, code;

	if (!input && text[0] != '@') {
		md_buf_puts(&run->json, text);
	} else {
		fd = input ? STDIN_FILENO : open(text + 1, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			fprintf(run->cli->err, "modeld: cannot read %s: %m\n", text + 1);
			return EX_NOINPUT;
		}
		code = read_json(run, fd, input ? "standard input" : text + 1);
		if (!input)
			close(fd);
		if (code != EX_OK)
			return code;
	}
	if (!md_buf_text(&run->json))
		return out_of_memory(run);
	if (strlen(run->json.data) == run->json.len)
		return EX_OK;
	fprintf(run->cli->err, "modeld: a NUL byte is not JSON\n");
	return EX_DATAERR;
}

static int take_body(struct md_data_run *run, char *const *words, unsigned count)
{
	const char *json = run->data->texts[MD_CLI_JSON];

	if (json && count > 0)
		return md_data_usage(run, "either FIELD=VALUE or --json, not both");
	if (!json && count == 0)
		return md_data_usage(run, "%s needs FIELD=VALUE or --json", run->name);
	return json ? take_json(run, json) : take_values(run, words, count);
}

/* --- which rows --------------------------------------------------------------------------------
 */

/* Whoever forgets which rows are meant must not change one whose key is "name=x". */
static bool is_assignment(const char *word)
{
	bool json;
	size_t len = name_of(word, &json);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)word[i]) && word[i] != '_')
			return false;
	return len > 0;
}

/* The key, when there has to be one; *used is how many words are taken. */
static int take_key(struct md_data_run *run, unsigned takes, unsigned *used)
{
	const struct md_cli_models *words = run->words;
	bool chosen = (takes & MD_DATA_ROWS) && (run->data->where_count > 0 || words->all);

	if (!(takes & (MD_DATA_KEY | MD_DATA_ROWS)) || chosen) {
		if (chosen && words->all && run->data->where_count > 0)
			return md_data_usage(run, "either --where or --all, not both");
		return EX_OK;
	}
	if (words->count < 2 || ((takes & MD_DATA_VALUES) && is_assignment(words->words[1])))
		return md_data_usage(run, "%s needs a key%s", run->name,
				     takes & MD_DATA_ROWS ? ", --where, or --all for every row"
							  : "");
	run->key = words->words[1];
	*used = 2;
	return EX_OK;
}

static int take_format(struct md_data_run *run, unsigned takes)
{
	static const char *const names[] = { [MD_DATA_JSON] = "json",
					     [MD_DATA_NDJSON] = "ndjson",
					     [MD_DATA_CSV] = "csv",
					     [MD_DATA_TABLE] = "table" };
	const char *name = run->words->format;

	run->format = isatty(fileno(run->cli->out)) ? MD_DATA_TABLE : MD_DATA_JSON;
	if (!name)
		return EX_OK;
	for (int i = MD_DATA_JSON; i <= MD_DATA_TABLE; i++)
		if (strcmp(names[i], name) == 0) {
			run->format = (enum md_data_format)i;
			if (i == MD_DATA_CSV && (takes & MD_DATA_WRITES))
				return md_data_usage(run, "csv is for list and get");
			return EX_OK;
		}
	return md_data_usage(run, "there is no format \"%.64s\"; one of json, ndjson, csv, table",
			     name);
}

int md_data_words(struct md_data_run *run, unsigned takes)
{
	unsigned count = (unsigned)run->words->count, used = 1;
	char *const *words = run->words->words;
	int code;

	if (count == 0)
		return md_data_usage(run, "%s needs the name of a model", run->name);
	run->model = words[0];
	code = take_format(run, takes);
	if (code == EX_OK)
		code = take_key(run, takes, &used);
	if (code != EX_OK)
		return code;
	if (takes & MD_DATA_VALUES)
		return take_body(run, words + used, count - used);
	return count == used
		       ? EX_OK
		       : md_data_usage(run, "%s does not take \"%.64s\"", run->name, words[used]);
}

/* --- conditions --------------------------------------------------------------------------------
 */

static const char *after_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* The end of a column's name: a blank or "=", outside quotes. */
static const char *end_of_column(const char *text)
{
	bool quoted = false;

	for (; *text && (quoted || !strchr(" \t=", *text)); text++)
		if (*text == '"')
			quoted = !quoted;
	return text;
}

/* As operators are written elsewhere. */
static const char *operator_of(const char *word)
{
	static const char *const signs[][2] = { { "=", "eq" },   { "==", "eq" }, { "!=", "neq" },
						{ "<>", "neq" }, { ">", "gt" },  { ">=", "gte" },
						{ "<", "lt" },   { "<=", "lte" } };

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (strcmp(signs[i][0], word) == 0)
			return signs[i][1];
	return word;
}

static bool is_group(const char *word)
{
	word += strncmp(word, "not.", 4) == 0 ? 4 : 0;
	return strcmp(word, "or") == 0 || strcmp(word, "and") == 0;
}

/* COLUMN=OPERATOR.VALUE, or or=(…); `rest` is what stands behind "=". False: neither. */
static bool add_dotted(struct md_data_run *run, const char *column, const char *rest)
{
	size_t negated = strncmp(rest, "not.", 4) == 0 ? 4 : 0;
	const char *point = strchr(rest + negated, '.');
	char *operation;

	if (is_group(column)) {
		md_where_group(run->ask, column, rest);
		return true;
	}
	if (!point)
		return false;
	operation = md_arena_strndup(run->arena, rest, (size_t)(point - rest));
	if (operation)
		md_where(run->ask, column, operation, point + 1);
	return operation;
}

/* COLUMN OPERATOR VALUE; `rest` begins with the operator. */
static bool add_spaced(struct md_data_run *run, const char *column, const char *rest)
{
	size_t len = strcspn(rest, " \t");
	char *operation = md_arena_strndup(run->arena, rest, len);

	if (operation && len > 0)
		md_where(run->ask, column, operator_of(operation), after_blanks(rest + len));
	return operation && len > 0;
}

int md_data_where(struct md_data_run *run)
{
	for (unsigned i = 0; i < run->data->where_count; i++) {
		const char *text = after_blanks(run->data->where[i]), *end = end_of_column(text);
		char *column = md_arena_strndup(run->arena, text, (size_t)(end - text));
		bool ok;

		if (!column)
			return out_of_memory(run);
		ok = end > text && (*end == '=' ? add_dotted(run, column, end + 1)
						: add_spaced(run, column, after_blanks(end)));
		if (!ok)
			return md_data_usage(run,
					     "\"%.64s\" is not \"COLUMN OPERATOR VALUE\" or "
					     "COLUMN=OPERATOR.VALUE",
					     text);
	}
	return EX_OK;
}
