#include "server/cli_tables.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "config/options.h"
#include "config/suggest.h"

#include "core/base/banned.h"

/* --- finding commands --------------------------------------------------------------------------
 */

const struct md_cli_command *md_cli_find(int argc, char **argv, int *ret_words)
{
	size_t count;
	const struct md_cli_command *commands = md_cli_commands(&count);

	for (size_t i = 0; i < count; i++) {
		const char *rest = commands[i].name;
		int words = 0;

		while (words < argc && *rest) {
			size_t len = strcspn(rest, " ");

			if (strlen(argv[words]) != len || memcmp(argv[words], rest, len) != 0)
				break;
			words++;
			rest += len + (rest[len] == ' ');
		}
		if (*rest == '\0') {
			*ret_words = words;
			return &commands[i];
		}
	}
	return NULL;
}

bool md_cli_is_family(const char *word)
{
	size_t count;
	const struct md_cli_command *commands = md_cli_commands(&count);
	size_t len = strlen(word);

	for (size_t i = 0; i < count; i++)
		if (strncmp(commands[i].name, word, len) == 0 && commands[i].name[len] == ' ')
			return true;
	return false;
}

int md_cli_unknown(const struct md_cli *cli, int argc, char **argv)
{
	size_t count;
	const struct md_cli_command *commands = md_cli_commands(&count);
	struct md_suggest suggest = { .word = md_str_of(argv[0]) };
	bool family = argc > 1 && argv[1][0] != '-' && md_cli_is_family(argv[0]);
	char words[128];

	snprintf(words, sizeof(words), "%s%s%s", argv[0], family ? " " : "", family ? argv[1] : "");
	if (family)
		suggest.word = md_str_of(words);
	for (size_t i = 0; i < count; i++)
		md_suggest_offer(&suggest, commands[i].name);
	fprintf(cli->err, "modeld: there is no command \"%s\"", words);
	if (suggest.best)
		fprintf(cli->err, "; did you mean \"%s\"?", suggest.best);
	fputs("\nTry: modeld --help\n", cli->err);
	return EX_USAGE;
}

/* --- help --------------------------------------------------------------------------------------
 */

void md_cli_print_overview(FILE *to)
{
	size_t count;
	const struct md_cli_command *commands = md_cli_commands(&count);

	fputs("Usage: modeld COMMAND [OPTION]...\n"
	      "Serves databases over HTTP and JSON.\n\nCommands:\n",
	      to);
	for (size_t i = 0; i < count; i++)
		fprintf(to, "  %-18s %s\n", commands[i].name, commands[i].summary);
	fputs("\n\"modeld COMMAND --help\" explains one. To try it: modeld serve --db "
	      "sqlite:///FILE\n"
	      "Exit codes: 0 done, 64 wrong command line, 65 wrong definitions or data, 66 no such "
	      "file, model or row,\n"
	      "69 database not reachable or address in use, 71 system error, 74 cannot write, 75 "
	      "try again,\n"
	      "77 not permitted, 78 wrong configuration; 3 to 7 are of modeld db, see "
	      "modeld(1).\n",
	      to);
}

void md_cli_print_help(const struct md_cli_command *command, FILE *to)
{
	size_t count;
	const struct md_cli_flag *flags = md_cli_flags(&count);
	char left[64];

	fprintf(to, "Usage: modeld %s %s\n%c%s.\n", command->name, command->arguments,
		command->summary[0] - 'a' + 'A', command->summary + 1);
	if (command->text)
		fprintf(to, "\n%s", command->text);
	fputs("\nOptions:\n", to);
	for (size_t i = 0; i < count; i++) {
		if (!flags[i].help || !md_cli_takes(command, &flags[i]))
			continue;
		snprintf(left, sizeof(left), "%s %s", flags[i].name,
			 flags[i].argument ? flags[i].argument : "");
		fprintf(to, "  %-16s %s\n", left, flags[i].help);
	}
	if (command->examples)
		fprintf(to, "\nExamples:\n%s", command->examples);
}

void md_cli_print_settings(FILE *to)
{
	for (unsigned id = 0; id < MD_OPTION_COUNT; id++) {
		const struct md_option *option = md_option_at(id);
		const char *heading = md_option_heading(id);
		md_auto_buf expected = { .max = 1024 };

		if (heading)
			fprintf(to, "%s%s\n", id > 0 ? "\n" : "", heading);
		md_option_expects(id, &expected);
		fprintf(to, "  %s = %s\n      %s%s\n      %s\n", option->name,
			option->def[0] != '\0' ? option->def : "\"\"", option->help,
			option->flags & (MD_OPTION_IDLE | MD_OPTION_GUARD) ? " (no effect yet)"
									   : "",
			expected.failed || !md_buf_text(&expected) ? "" : expected.data);
	}
}

void md_cli_print_family(const char *word, FILE *to)
{
	size_t count;
	const struct md_cli_command *commands = md_cli_commands(&count);
	size_t len = strlen(word);

	fprintf(to, "Usage: modeld %s COMMAND [OPTION]...\n\nCommands:\n", word);
	for (size_t i = 0; i < count; i++)
		if (strncmp(commands[i].name, word, len) == 0 && commands[i].name[len] == ' ')
			fprintf(to, "  %-18s %s\n", commands[i].name, commands[i].summary);
	fprintf(to, "\n\"modeld %s COMMAND --help\" explains one.\n", word);
}
