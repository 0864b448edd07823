/* and=(…), or=(…): trees of conditions. */
#include "core/query/scan.h"

#include "core/base/banned.h"

/* [not.](and|or): its length, 0 when there is none. */
static size_t group_word(const struct md_scan *scan, bool *ret_negated, bool *ret_or)
{
	size_t left = (size_t)(scan->end - scan->p), len = 0;

	*ret_negated = left >= 4 && memcmp(scan->p, "not.", 4) == 0;
	if (*ret_negated)
		len = 4;
	*ret_or = left >= len + 2 && memcmp(scan->p + len, "or", 2) == 0;
	if (*ret_or)
		return len + 2;
	return left >= len + 3 && memcmp(scan->p + len, "and", 3) == 0 ? len + 3 : 0;
}

static const char *after_blanks(const struct md_scan *scan, const char *p)
{
	while (p < scan->end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

/* Neither a condition nor a group. parsec tries the group last and forgets the condition's error as
 * soon as the group has read a word. */
static enum md_code fail_child(struct md_scan *scan, const char *begin)
{
	const char *failed_at = scan->failed_at, *open;
	bool negated, is_or;
	size_t len;

	scan->p = begin;
	len = group_word(scan, &negated, &is_or);
	if (len > 0) {
		open = after_blanks(scan, begin + len);
		return md_scan_fail_at(scan, open, open, MD_EXPECT(OPEN));
	}
	if (negated)
		return md_scan_fail_at(scan, begin + 4, md_scan_differs(scan, begin + 4, "and"),
				       MD_EXPECT(LOGIC));
	if (failed_at == begin)
		return md_scan_fail_at(scan, begin, begin,
				       MD_EXPECT(NAME) | MD_EXPECT(NEGATION) | MD_EXPECT(LOGIC));
	return MD_INVALID;
}

static enum md_code parse_condition(struct md_scan *scan, struct md_filter *leaf)
{
	const char *begin = scan->p;
	enum md_code code = md_scan_column(scan, &leaf->column);

	if (code == MD_OK) {
		md_scan_expect(scan, MD_EXPECT(DELIMITER));
		if (md_scan_is(scan, '.')) {
			scan->p++;
			code = md_parse_operation(scan, true, leaf);
		} else {
			code = md_scan_fail(scan);
		}
	}
	return code && scan->failed_at ? fail_child(scan, begin) : code;
}

static enum md_code parse_child(struct md_scan *scan, unsigned depth, struct md_logic *child)
{
	bool negated, is_or;
	size_t len = group_word(scan, &negated, &is_or);
	const char *open = after_blanks(scan, scan->p + len);

	if (len == 0 || open == scan->end || *open != '(')
		return parse_condition(scan, &child->leaf);
	child->kind = is_or ? MD_LOGIC_OR : MD_LOGIC_AND;
	child->negated = negated;
	scan->p = open;
	return md_parse_logic(scan, depth, child);
}

enum md_code md_parse_logic(struct md_scan *scan, unsigned depth, struct md_logic *node)
{
	struct md_logic **tail = &node->child;
	enum md_code code;

	code = md_compose_depth(&scan->into, depth);
	if (code)
		return code;
	md_scan_blanks(scan);
	md_scan_expect(scan, MD_EXPECT(OPEN));
	if (!md_scan_is(scan, '('))
		return md_scan_fail(scan);
	do {
		struct md_logic *child;

		code = md_compose_node(&scan->into, MD_LOGIC_LEAF, &child);
		if (code)
			return code;
		scan->p++; /* the parenthesis or the comma */
		md_scan_blanks(scan);
		code = parse_child(scan, depth + 1, child);
		if (code)
			return code;
		*tail = child;
		tail = &child->next;
		md_scan_blanks(scan);
	} while (md_scan_is(scan, ','));
	md_scan_expect(scan, MD_EXPECT(COMMA) | MD_EXPECT(CLOSE));
	if (!md_scan_is(scan, ')'))
		return md_scan_fail(scan);
	scan->p++;
	md_scan_blanks(scan);
	return MD_OK;
}
