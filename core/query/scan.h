/* Private to core/query: one text of a request being read, with its position and what would have
 * been accepted there. Failures read as those of PostgREST, which come from the parsec library:
 * `unexpected "x" expecting digit or ","`, the place as line and column in characters.
 *
 * How expectations work: whoever looks for a token and does not find it notes what it looked for
 * with md_scan_expect(); notes made at the same place add up, a note further on forgets the older
 * ones. md_scan_fail() reports what was noted at the current place. */
#ifndef MD_CORE_QUERY_SCAN_H
#define MD_CORE_QUERY_SCAN_H
#include "core/query/compose.h"
#include "core/query/parse.h"

/* What can be expected; parsec lists expectations in the order in which they were tried, which is
 * the order of these bits. */
#define MD_EXPECT_LIST(X)                                                      \
	X(SPREAD, "\"...\"")                                                   \
	X(NAME, "field name (* or [a..z0..9_$])")                              \
	X(STAR, "\"*\"")                                                       \
	X(COUNT_CALL, "\"count()\"")                                           \
	X(LETTER, "letter")                                                    \
	X(DIGIT, "digit")                                                      \
	X(DASH, "\"-\"")                                                       \
	X(BANG, "\"!\"")                                                       \
	X(ARROW_TEXT, "\"->>\"")                                               \
	X(ARROW, "\"->\"")                                                     \
	X(CAST, "\"::\"")                                                      \
	X(DOT, "\".\"")                                                        \
	X(LATE_CAST, "\"::\"") /* after an aggregate */                        \
	X(JSON_KEY, "any non reserved character different from: .,>()")        \
	X(OPEN, "\"(\"")                                                       \
	X(DELIMITER, "delimiter (.)")                                          \
	X(NOT, "\"not\"")                                                      \
	X(OPERATOR, "operator (eq, gt, ...)")                                  \
	X(IS_VALUE, "isVal: (null, not_null, true, false, unknown)")           \
	X(ASC, "\"asc\"")                                                      \
	X(DESC, "\"desc\"")                                                    \
	X(NULLS_FIRST, "\"nullsfirst\"")                                       \
	X(NULLS_LAST, "\"nullslast\"")                                         \
	X(SUM, "\"sum\"")                                                      \
	X(AVG, "\"avg\"")                                                      \
	X(COUNT, "\"count\"")                                                  \
	X(MAX, "\"max\"")                                                      \
	X(MIN, "\"min\"")                                                      \
	X(CALL, "\"()\"")                                                      \
	X(NEGATION, "negation operator (not)")                                 \
	X(LOGIC, "logic operator (and, or)")                                   \
	X(BACKSLASH, "\"\\\\\"")                                               \
	X(QUOTE, "\"\\\"\"")                                                   \
	X(COMMA, "\",\"")                                                      \
	X(CLOSE, "\")\"")                                                      \
	X(LATE_COMMA, "\",\"") /* where the parenthesis is looked for first */ \
	X(END, "end of input")

enum md_expect_bit {
#define MD_EXPECT_BIT(name, text) MD_EXPECT_BIT_##name,
	MD_EXPECT_LIST(MD_EXPECT_BIT)
#undef MD_EXPECT_BIT
		MD_EXPECT_BITS
};
#define MD_EXPECT(name) (UINT64_C(1) << MD_EXPECT_BIT_##name)

/** State of md_parse_query(): what is built, and the one text being read. */
struct md_scan {
	struct md_composer into;

	const char *start, *p, *end;
	const char *what;        /* "failed to parse …", for messages */
	struct md_str shown;     /* the text as messages show it */
	struct md_str ahead;     /* counts as read before `start`, but is not there: "or" */
	const char *expected_at; /* where `expected` was noted */
	uint64_t expected;
	const char *failed_at; /* place of the syntax failure in err; NULL: none */
};

/** Read `text` from now on; `what` begins its error messages. */
void md_scan_begin(struct md_scan *scan, const char *what, struct md_str text);

static inline bool md_scan_is(const struct md_scan *scan, char c)
{
	return scan->p < scan->end && *scan->p == c;
}
/** Do the next bytes read `text`? */
static inline bool md_scan_sees(const struct md_scan *scan, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(scan->end - scan->p) >= len && memcmp(scan->p, text, len) == 0;
}
static inline void md_scan_blanks(struct md_scan *scan)
{
	while (scan->p < scan->end && (*scan->p == ' ' || *scan->p == '\t'))
		scan->p++;
}
/** Note that these (MD_EXPECT bits) would have been accepted here. */
static inline void md_scan_expect(struct md_scan *scan, uint64_t what)
{
	scan->expected = scan->expected_at == scan->p ? scan->expected | what : what;
	scan->expected_at = scan->p;
}
/** Fail here, with what was expected here. */
enum md_code md_scan_fail(struct md_scan *scan);
/** Fail at `at` because of the character at `bad`, expecting `expected` only. parsec reports a word
 * that does not match at its start, with the first character that differs. */
enum md_code md_scan_fail_at(struct md_scan *scan, const char *at, const char *bad,
			     uint64_t expected);
/** First place where the text at `at` differs from `word`. */
const char *md_scan_differs(const struct md_scan *scan, const char *at, const char *word);

/** A field name: quoted, or letters, digits, _ $ and spaces with single dashes between. */
enum md_code md_scan_name(struct md_scan *scan, struct md_str *ret_name);
/** Type or language name: letters, digits, _ $ and spaces. */
enum md_code md_scan_identifier(struct md_scan *scan, struct md_str *ret_name);
/** A quoted text; the scanner stands on the quote. */
enum md_code md_scan_quoted(struct md_scan *scan, struct md_str *ret_text);
/** The arrows of a JSON path, none is fine: fills path and path_len. */
enum md_code md_scan_path(struct md_scan *scan, struct md_column_ref *column);
/** A column with its JSON path and blanks around. */
enum md_code md_scan_column(struct md_scan *scan, struct md_column_ref *ret_column);
/** An element of in.(…) or a value in a logic tree: quoted and followed by `,` `)` or the end, else
 * everything up to the next `,` or `)`. */
enum md_code md_scan_element(struct md_scan *scan, struct md_str *ret_value);

/** PGRST108: no embed of this query is called `name`. */
enum md_code md_scan_fail_embed(struct md_error *err, struct md_str name);
/** Whether (any) and (all) may follow the operator. */
bool md_scan_op_is_quantified(enum md_op op);
/** `select=`: the scanner stands at its start. */
enum md_code md_parse_select(struct md_scan *scan);
/** `[not.]op[(modifier)].value` of one filter; `in_tree`: inside and=(…). */
enum md_code md_parse_operation(struct md_scan *scan, bool in_tree, struct md_filter *filter);
/** `(…)` of and=, or=; adds to node. `depth` is that of node. */
enum md_code md_parse_logic(struct md_scan *scan, unsigned depth, struct md_logic *node);
/** `order=`. */
enum md_code md_parse_order(struct md_scan *scan, struct md_order **ret_order);

/** Decode %XX (malformed ones stay as they are) and, if `plus`, + as space. A span of `raw` when
 * there is nothing to decode. `raw` must be valid UTF-8. Fails on NUL and invalid UTF-8. */
enum md_code md_uri_decode(struct md_arena *arena, struct md_str raw, bool plus,
			   struct md_str *ret_text, struct md_error *err);
/** One parameter of a query string, decoded. */
struct md_parameter {
	struct md_str name, value; /* value not given: there was no '=' */
};
/** The byte of %XX at p; 0: there is none, or it is %00. */
int md_uri_is_escape(const char *p, const char *end);
/** Split on & and ;, decode. Empty pieces are left out. */
enum md_code md_uri_parameters(struct md_arena *arena, struct md_str raw, unsigned limit,
			       struct md_parameter **ret_parameters, unsigned *ret_count,
			       struct md_error *err);
#endif
