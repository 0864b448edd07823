/* Operators and values of filters. */
#include "core/query/scan.h"

#include "core/base/banned.h"

enum form { SIMPLE, QUANTIFIED, TEXT_SEARCH, LIST, TRUTH };

static const struct operation {
	struct md_str name;
	enum md_op op;
	enum form form;
} operations[] = {
#define OPERATION(name, op, form)                            \
	{                                                    \
		{ name, sizeof(name) - 1 }, MD_OP_##op, form \
	}
	OPERATION("eq", EQ, QUANTIFIED),
	OPERATION("in", IN, LIST),
	OPERATION("is", IS, TRUTH),
	OPERATION("gt", GT, QUANTIFIED),
	OPERATION("gte", GTE, QUANTIFIED),
	OPERATION("lt", LT, QUANTIFIED),
	OPERATION("lte", LTE, QUANTIFIED),
	OPERATION("neq", NEQ, SIMPLE),
	OPERATION("like", LIKE, QUANTIFIED),
	OPERATION("ilike", ILIKE, QUANTIFIED),
	OPERATION("match", MATCH, QUANTIFIED),
	OPERATION("imatch", IMATCH, QUANTIFIED),
	OPERATION("fts", FTS, TEXT_SEARCH),
	OPERATION("plfts", PLFTS, TEXT_SEARCH),
	OPERATION("phfts", PHFTS, TEXT_SEARCH),
	OPERATION("wfts", WFTS, TEXT_SEARCH),
	OPERATION("cs", CS, SIMPLE),
	OPERATION("cd", CD, SIMPLE),
	OPERATION("ov", OV, SIMPLE),
	OPERATION("sl", SL, SIMPLE),
	OPERATION("sr", SR, SIMPLE),
	OPERATION("nxr", NXR, SIMPLE),
	OPERATION("nxl", NXL, SIMPLE),
	OPERATION("adj", ADJ, SIMPLE),
	OPERATION("isdistinct", ISDISTINCT, SIMPLE)
#undef OPERATION
};
enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

static enum md_code fail_array(struct md_scan *scan, struct md_str text, const char *why)
{
	scan->failed_at = NULL;
	md_fail(scan->into.err, MD_INVALID, "22P02", "malformed array literal: \"%.*s\"",
		MD_STR_ARG(text));
	md_error_details(scan->into.err, "%s", why);
	return MD_INVALID;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

/* One element of an array literal as it is written. */
struct element {
	const char *begin, *end; /* without quotes and blanks around */
	const char *stop;        /* what follows: `,` or `}`; NULL: nothing does */
	bool quoted, escaped;
};

static struct element find_element(const char *p, const char *end)
{
	struct element e = { .quoted = p < end && *p == '"' };

	p += e.quoted;
	e.begin = e.end = p;
	for (; p < end; p++) {
		if (*p == '\\') {
			e.escaped = true;
			if (++p == end)
				return e;
		} else if (e.quoted ? *p == '"' : strchr(",}{\"", *p) != NULL) {
			e.stop = e.quoted ? skip_space(p + 1, end) : p;
			break;
		} else if (!e.quoted && is_space(*p)) {
			continue; /* belongs to it only if something follows */
		}
		e.end = p + 1;
	}
	if (e.stop == end)
		e.stop = NULL;
	return e;
}

/* What is wrong with it; NULL: nothing. */
static const char *element_problem(const struct element *e)
{
	if (!e->stop)
		return "Unexpected end of input.";
	if (*e->stop != ',' && *e->stop != '}')
		return "Unexpected array element.";
	if (!e->quoted && e->end == e->begin)
		return *e->stop == '}' ? "Unexpected \"}\" character."
				       : "Unexpected \",\" character.";
	return NULL;
}

/* NULL is a value that is not given. */
static enum md_code element_value(struct md_scan *scan, const struct element *e,
				  struct md_str *ret_value)
{
	size_t len = 0;
	char *copy;

	*ret_value = (struct md_str){ e->begin, (size_t)(e->end - e->begin) };
	if (!e->quoted && md_str_equal_nocase(*ret_value, MD_STR("null")))
		*ret_value = (struct md_str){ NULL, 0 };
	if (!e->escaped)
		return MD_OK;
	copy = md_arena_alloc(scan->into.arena, ret_value->len);
	if (!copy)
		return md_fail_nomem(scan->into.err);
	for (const char *p = e->begin; p < e->end; p++) {
		p += *p == '\\';
		copy[len++] = *p;
	}
	*ret_value = (struct md_str){ copy, len };
	return MD_OK;
}

static enum md_code array_elements(struct md_scan *scan, struct md_str text, const char **p,
				   struct md_filter *filter)
{
	const char *end = text.ptr + text.len, *problem;
	struct md_str value;
	struct element e;
	enum md_code code;

	do {
		e = find_element(skip_space(*p + 1, end), end);
		problem = element_problem(&e);
		if (problem)
			return fail_array(scan, text, problem);
		code = element_value(scan, &e, &value);
		if (code == MD_OK)
			code = md_compose_listed(&scan->into, filter, value);
		if (code)
			return code;
		*p = e.stop;
	} while (*e.stop == ',');
	return MD_OK;
}

/* A one-dimensional array literal as PostgreSQL reads it: its elements become values. */
static enum md_code parse_array(struct md_scan *scan, struct md_str text, struct md_filter *filter)
{
	const char *end = text.ptr + text.len, *p = skip_space(text.ptr, end), *first;
	enum md_code code;

	if (p == end || *p != '{')
		return fail_array(scan, text,
				  "Array value must start with \"{\" or dimension information.");
	first = skip_space(p + 1, end);
	if (first < end && *first == '}') {
		p = first;
	} else {
		code = array_elements(scan, text, &p, filter);
		if (code)
			return code;
	}
	if (skip_space(p + 1, end) != end)
		return fail_array(scan, text, "Junk after closing right brace.");
	return MD_OK;
}

/* The value: all that is left, or in a logic tree a quoted text, {…} or what stands before the next
 * `,` or `)`. */
static enum md_code take_value(struct md_scan *scan, bool in_tree, struct md_str *ret_value)
{
	const char *begin = scan->p, *p = begin;

	if (!in_tree) {
		*ret_value = (struct md_str){ begin, (size_t)(scan->end - begin) };
		scan->p = scan->end;
		return MD_OK;
	}
	if (md_scan_is(scan, '{')) {
		for (p++; p < scan->end && *p != '{' && *p != '}'; p++)
			;
		if (p < scan->end && *p == '}') {
			scan->p = p + 1;
			*ret_value = (struct md_str){ begin, (size_t)(scan->p - begin) };
			return MD_OK;
		}
	}
	return md_scan_element(scan, ret_value);
}

/* (a,"b,c",…) */
static enum md_code parse_list(struct md_scan *scan, struct md_filter *filter)
{
	struct md_str value;
	enum md_code code;

	md_scan_blanks(scan);
	md_scan_expect(scan, MD_EXPECT(OPEN));
	if (!md_scan_is(scan, '('))
		return md_scan_fail(scan);
	scan->p++;
	md_scan_blanks(scan);
	for (;; scan->p++) {
		code = md_scan_element(scan, &value);
		if (code)
			return code;
		code = md_compose_listed(&scan->into, filter, value);
		if (code)
			return code;
		if (!md_scan_is(scan, ','))
			break;
	}
	md_scan_expect(scan, MD_EXPECT(COMMA) | MD_EXPECT(CLOSE));
	if (!md_scan_is(scan, ')'))
		return md_scan_fail(scan);
	scan->p++;
	md_scan_blanks(scan);
	/* (): the empty set, not the empty text */
	if (filter->value_count == 1 && value.len == 0) {
		filter->value_count = 0;
		scan->into.query->value_count--;
	}
	return MD_OK;
}

/* null, not_null, … in any case; what follows is not looked at, as in PostgREST. */
static enum md_code parse_truth(struct md_scan *scan, struct md_filter *filter)
{
	static const struct {
		const char *name;
		enum md_is is;
	} names[] = { { "null", MD_IS_NULL },
		      { "not_null", MD_IS_NOT_NULL },
		      { "true", MD_IS_TRUE },
		      { "false", MD_IS_FALSE },
		      { "unknown", MD_IS_UNKNOWN } };
	const char *furthest = scan->p;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *p = scan->p, *word = names[i].name;

		while (p < scan->end && *word && (*p == *word || *p == *word - 32)) {
			p++;
			word++;
		}
		if (!*word) {
			filter->is = names[i].is;
			scan->p = p;
			return MD_OK;
		}
		if (p > furthest)
			furthest = p;
	}
	return md_scan_fail_at(scan, furthest, furthest, MD_EXPECT(IS_VALUE));
}

/* (any) or (all): stands on the parenthesis. Returns where it stopped; *ret_bad: the character that
 * is to blame, NULL when it was read. */
static const char *read_quantifier(const struct md_scan *scan, const char *open,
				   enum md_quantifier *ret_quantifier, const char **ret_bad)
{
	const char *word = open + 1, *stop;

	*ret_bad = NULL;
	*ret_quantifier = MD_QUANT_ANY;
	stop = md_scan_differs(scan, word, "any");
	if (stop - word < 3) {
		*ret_quantifier = MD_QUANT_ALL;
		*ret_bad = stop;
		stop = md_scan_differs(scan, word, "all");
		if (stop - word < 3)
			return word;
		*ret_bad = NULL;
	}
	if (stop < scan->end && *stop == ')')
		return stop + 1;
	*ret_bad = stop;
	return stop;
}

/* (language): as read_quantifier. */
static const char *read_language(struct md_scan *scan, const char *open,
				 struct md_str *ret_language, const char **ret_bad)
{
	struct md_scan inner = *scan;

	inner.p = open + 1;
	inner.into.err = NULL;
	*ret_bad = NULL;
	if (md_scan_identifier(&inner, ret_language) == MD_OK && md_scan_is(&inner, ')'))
		return inner.p + 1;
	*ret_bad = inner.p;
	return inner.p;
}

/* No operator could be read: blame the place that the furthest attempt reached. */
static enum md_code fail_operator(struct md_scan *scan, bool negated)
{
	const char *furthest = scan->p, *bad;
	enum md_quantifier quantifier;
	struct md_str language;

	bad = negated ? md_scan_differs(scan, scan->p, "in")
		      : md_scan_differs(scan, scan->p, "not");
	for (unsigned i = 0; i < OPERATIONS; i++) {
		const struct operation *o = &operations[i];
		const char *stop = md_scan_differs(scan, scan->p, o->name.ptr), *inner = NULL;

		if ((size_t)(stop - scan->p) < o->name.len)
			continue;
		if (stop < scan->end && *stop == '(' && o->form == QUANTIFIED)
			stop = read_quantifier(scan, stop, &quantifier, &inner);
		else if (stop < scan->end && *stop == '(' && o->form == TEXT_SEARCH)
			stop = read_language(scan, stop, &language, &inner);
		if (stop > furthest) {
			furthest = stop;
			bad = inner ? inner : stop;
		}
	}
	if (!negated && furthest == scan->p && md_scan_sees(scan, "not"))
		return md_scan_fail_at(scan, scan->p + 3, scan->p + 3, MD_EXPECT(DELIMITER));
	return md_scan_fail_at(scan, furthest, bad,
			       MD_EXPECT(OPERATOR) |
				       (negated || furthest > scan->p ? 0 : MD_EXPECT(NOT)));
}

bool md_scan_op_is_quantified(enum md_op op)
{
	for (unsigned i = 0; i < OPERATIONS; i++)
		if (operations[i].op == op)
			return operations[i].form == QUANTIFIED;
	return false;
}

/* op[(modifier)]. — NULL: there is none. */
static const struct operation *take_operation(struct md_scan *scan, struct md_filter *filter)
{
	const struct operation *found = NULL;
	const char *p = scan->p, *bad = NULL;
	struct md_str name;

	while (p < scan->end && *p >= 'a' && *p <= 'z')
		p++;
	name = (struct md_str){ scan->p, (size_t)(p - scan->p) };
	for (unsigned i = 0; i < OPERATIONS && !found; i++)
		if (md_str_equal(operations[i].name, name))
			found = &operations[i];
	if (found && p < scan->end && *p == '(') {
		if (found->form == QUANTIFIED)
			p = read_quantifier(scan, p, &filter->quantifier, &bad);
		else if (found->form == TEXT_SEARCH)
			p = read_language(scan, p, &filter->language, &bad);
	}
	if (!found || bad || p == scan->end || *p != '.')
		return NULL;
	scan->p = p + 1;
	return found;
}

enum md_code md_parse_operation(struct md_scan *scan, bool in_tree, struct md_filter *filter)
{
	const struct operation *operation;
	struct md_str value;
	enum md_code code = md_compose_leaf(&scan->into, filter);

	if (code)
		return code;
	filter->negated = md_scan_sees(scan, "not.");
	if (filter->negated)
		scan->p += 4;
	operation = take_operation(scan, filter);
	if (!operation)
		return fail_operator(scan, filter->negated);
	filter->op = operation->op;
	if (operation->form == LIST)
		return parse_list(scan, filter);
	if (operation->form == TRUTH)
		return parse_truth(scan, filter);
	code = take_value(scan, in_tree, &value);
	if (code)
		return code;
	if (filter->quantifier != MD_QUANT_NONE)
		return parse_array(scan, value, filter);
	return md_compose_single(&scan->into, filter, value);
}
