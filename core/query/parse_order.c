/* order=: terms of a level. */
#include "core/query/scan.h"

#include "core/base/banned.h"

#define TERM_END (MD_EXPECT(LATE_COMMA) | MD_EXPECT(END))
#define NULLS    (MD_EXPECT(NULLS_FIRST) | MD_EXPECT(NULLS_LAST))

/* .word: true and read when it stands here. */
static bool takes(struct md_scan *scan, const char *word)
{
	if (!md_scan_sees(scan, word))
		return false;
	scan->p += strlen(word);
	return true;
}

/* [.asc|.desc][.nullsfirst|.nullslast] and then `,` or the end. */
static enum md_code parse_direction(struct md_scan *scan, struct md_order *term)
{
	const char *word;

	if (takes(scan, ".asc"))
		term->direction = MD_DIR_ASC;
	else if (takes(scan, ".desc"))
		term->direction = MD_DIR_DESC;
	if (takes(scan, ".nullsfirst"))
		term->nulls = MD_NULLS_FIRST;
	else if (takes(scan, ".nullslast"))
		term->nulls = MD_NULLS_LAST;
	else
		md_scan_expect(scan, MD_EXPECT(DELIMITER));
	md_scan_expect(scan, TERM_END);
	if (scan->p == scan->end || *scan->p == ',')
		return MD_OK;
	if (*scan->p != '.' || term->nulls != MD_NULLS_DEFAULT) {
		md_scan_blanks(scan);
		md_scan_expect(scan, TERM_END);
		return scan->p == scan->end || *scan->p == ',' ? MD_OK : md_scan_fail(scan);
	}
	word = scan->p + 1;
	if (term->direction != MD_DIR_DEFAULT)
		return md_scan_fail_at(scan, word, md_scan_differs(scan, word, "nullsfirst"),
				       NULLS);
	return md_scan_fail_at(scan, word, md_scan_differs(scan, word, "asc"),
			       MD_EXPECT(ASC) | MD_EXPECT(DESC) | NULLS);
}

/* relation(column)…; false: it is not one, nothing was read. */
static bool parse_related(struct md_scan *scan, struct md_order *term)
{
	struct md_scan before = *scan;
	struct md_order related = { .direction = MD_DIR_DEFAULT };

	scan->into.err = NULL;
	if (md_scan_name(scan, &related.relation) == MD_OK && md_scan_is(scan, '(')) {
		scan->p++;
		if (md_scan_column(scan, &related.column) == MD_OK && md_scan_is(scan, ')')) {
			scan->p++;
			if (parse_direction(scan, &related) == MD_OK) {
				scan->into.err = before.into.err;
				*term = related;
				return true;
			}
		}
	}
	*scan = before;
	return false;
}

static bool has_parenthesis(const struct md_scan *scan)
{
	return memchr(scan->p, '(', (size_t)(scan->end - scan->p)) != NULL;
}

enum md_code md_parse_order(struct md_scan *scan, struct md_order **ret_order)
{
	struct md_order *first = NULL, **tail = &first;
	unsigned count = 0;
	enum md_code code;

	for (;;) {
		struct md_order *term;

		code = md_compose_term(&scan->into, count++, &term);
		if (code)
			return code;
		md_scan_blanks(scan);
		if (!has_parenthesis(scan) || !parse_related(scan, term)) {
			code = md_scan_column(scan, &term->column);
			if (code == MD_OK)
				code = parse_direction(scan, term);
			if (code)
				return code;
		}
		*tail = term;
		tail = &term->next;
		if (scan->p == scan->end)
			break;
		scan->p++; /* the comma */
	}
	*ret_order = first;
	return MD_OK;
}
