/* Patterns: POSIX extended regular expressions that match in bounded time and memory. The compiler
 * of the C library takes gigabytes for nested repetitions, so these are refused before it sees
 * them. */
#include <regex.h>
#include <stdlib.h>

#include "core/model/define_private.h"

#include "core/base/banned.h"

enum { REPEAT_MAX = 255, EXPANDED_MAX = 4096, GROUPS_MAX = 32 };

struct scan {
	const char *at;
	unsigned depth;
	bool repeats[GROUPS_MAX + 1]; /* a quantifier stands in this group */
	bool atom;                    /* something that can be repeated ended here */
	bool atom_repeats;            /* and it has a quantifier inside, or is one */
	unsigned long expanded;       /* states, roughly */
	const char *problem;
};

static void take_bracket(struct scan *scan)
{
	const char *p = scan->at + 1;

	p += *p == '^';
	p += *p == ']';
	while (*p != '\0' && *p != ']') {
		if (p[0] == '[' && p[1] != '\0' && strchr(".:=", p[1])) {
			char kind = p[1];

			for (p += 2; *p != '\0' && !(p[0] == kind && p[1] == ']'); p++)
				;
			p += *p != '\0';
		}
		p += *p != '\0';
	}
	if (*p == '\0')
		scan->problem = "\"[\" without \"]\"";
	scan->at = *p == '\0' ? p : p + 1;
	scan->atom = true;
	scan->atom_repeats = false;
}

/* {n}, {n,}, {n,m}: how often at most; 0: not well-formed, and ret_end untouched. */
static unsigned long bound(const char *p, const char **ret_end)
{
	unsigned long low = 0, high = 0;
	char *end;

	if (p[1] < '0' || p[1] > '9')
		return 0;
	low = strtoul(p + 1, &end, 10);
	high = low;
	if (*end == ',') {
		p = end + 1;
		if (*p >= '0' && *p <= '9')
			high = strtoul(p, &end, 10);
		else
			end++;
	}
	if (*end != '}')
		return 0;
	*ret_end = end + 1;
	return (high > low ? high : low) + 1;
}

static void take_quantifier(struct scan *scan)
{
	const char *end = scan->at + 1;
	unsigned long times = 1;

	if (*scan->at == '{')
		times = bound(scan->at, &end);
	if (times == 0)
		scan->problem = "\"{\" needs numbers, as in {2,5}";
	else if (times > REPEAT_MAX + 1)
		scan->problem = "a repetition of more than 255";
	else if (!scan->atom)
		scan->problem = "nothing to repeat";
	else if (scan->atom_repeats)
		scan->problem = "a repetition of a repetition";
	scan->expanded += times;
	scan->atom_repeats = true;
	scan->repeats[scan->depth] = true;
	scan->at = end;
}

static void take_group(struct scan *scan)
{
	if (*scan->at == '(') {
		if (scan->depth == GROUPS_MAX) {
			scan->problem = "too many groups in groups";
			return;
		}
		scan->repeats[++scan->depth] = false;
		scan->atom = false;
	} else {
		if (scan->depth == 0) {
			scan->problem = "\")\" without \"(\"";
			return;
		}
		scan->atom = true;
		scan->atom_repeats = scan->repeats[scan->depth];
		scan->depth--;
		scan->repeats[scan->depth] = scan->repeats[scan->depth] || scan->atom_repeats;
	}
	scan->at++;
}

static void take_escape(struct scan *scan)
{
	if (scan->at[1] == '\0')
		scan->problem = "\"\\\" at the end";
	else if (!strchr(".[]{}()*+?|^$\\/-", scan->at[1]))
		scan->problem = "\"\\\" stands only in front of a special character";
	scan->at += scan->at[1] == '\0' ? 1 : 2;
	scan->atom = true;
	scan->atom_repeats = false;
}

static void take_one(struct scan *scan)
{
	char c = *scan->at;

	if (c == '[') {
		take_bracket(scan);
	} else if (c == '(' || c == ')') {
		take_group(scan);
	} else if (strchr("*+?{", c)) {
		take_quantifier(scan);
	} else if (c == '\\') {
		take_escape(scan);
	} else {
		scan->atom = c != '|' && c != '^' && c != '$';
		scan->atom_repeats = false;
		scan->at++;
	}
}

const char *md_def_bad_pattern(struct md_def_loader *loader, const char *pattern)
{
	struct scan scan = { .at = pattern };
	regex_t regex;
	char text[128];
	int rc;

	if (strlen(pattern) > MD_DEF_PATTERN)
		return md_def_printf(loader, "more than %d bytes", MD_DEF_PATTERN);
	while (*scan.at != '\0' && !scan.problem)
		take_one(&scan);
	if (scan.problem)
		return scan.problem;
	if (scan.depth > 0)
		return "\"(\" without \")\"";
	if (scan.expanded > EXPANDED_MAX)
		return "too many repetitions";
	rc = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (rc == REG_ESPACE) {
		loader->failed = true;
		return NULL;
	}
	if (rc != 0) {
		regerror(rc, &regex, text, sizeof(text));
		return md_def_copy(loader, md_str_of(text));
	}
	regfree(&regex);
	return NULL;
}
