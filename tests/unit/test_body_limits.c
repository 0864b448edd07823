/* Every limit lets its own number pass and refuses one more. */
#include "tests/unit/body.h"

#include "tests/support/suite.h"

enum { LIMIT = 10 };

/* `text` writes a body that has `n` of what is limited, counting what stands around it. */
struct limit {
	const char *what, *message;
	enum md_body_kind kind;
	size_t offset, size;
	void (*text)(struct md_buf *out, unsigned n);
};

static void repeat(struct md_buf *out, const char *piece, unsigned n)
{
	while (n-- > 0)
		md_buf_puts(out, piece);
}

static void around(struct md_buf *out, const char *before, const char *piece, unsigned n,
		   const char *behind)
{
	md_buf_puts(out, before);
	repeat(out, piece, n);
	md_buf_puts(out, behind);
}

static void json_size(struct md_buf *out, unsigned n)
{
	around(out, "{", " ", n - 2, "}");
}
static void csv_size(struct md_buf *out, unsigned n)
{
	around(out, "a\n", "x", n - 2, "");
}
static void form_size(struct md_buf *out, unsigned n)
{
	around(out, "a=", "x", n - 2, "");
}
static void json_string(struct md_buf *out, unsigned n)
{
	around(out, "{\"a\":\"", "x", n, "\"}");
}
static void json_deep_string(struct md_buf *out, unsigned n)
{
	around(out, "{\"a\":[\"", "x", n, "\"]}");
}
static void json_key(struct md_buf *out, unsigned n)
{
	around(out, "[{\"a\":1},{\"", "x", n, "\":1}]");
}
static void csv_field(struct md_buf *out, unsigned n)
{
	around(out, "a\n\"", "x", n, "\"\n");
}
static void csv_name(struct md_buf *out, unsigned n)
{
	around(out, "", "x", n, "\n1\n");
}
static void form_value(struct md_buf *out, unsigned n)
{
	around(out, "a=", "x", n, "&b=1");
}
static void form_name(struct md_buf *out, unsigned n)
{
	around(out, "", "x", n, "=1");
}
static void json_number(struct md_buf *out, unsigned n)
{
	around(out, "{\"a\":-", "1", n - 1, "}");
}
static void json_depth(struct md_buf *out, unsigned n)
{
	around(out, "[{\"a\":", "[", n - 2, "");
	repeat(out, "]", n - 2);
	md_buf_puts(out, "}]");
}
static void json_depth_of_objects(struct md_buf *out, unsigned n)
{
	around(out, "", "{\"a\":", n, "1");
	repeat(out, "}", n);
}
static void json_nodes(struct md_buf *out, unsigned n)
{
	around(out, "[{\"a\":[1", ",1", n - 4, "]}]");
}
static void json_nodes_in_no_rows(struct md_buf *out, unsigned n)
{
	around(out, "[1", ",[]", n - 2, "]");
}
static void form_nodes(struct md_buf *out, unsigned n)
{
	for (unsigned i = 0; i + 1 < n; i++)
		md_buf_printf(out, "k%u=1&", i);
}
static void numbered(struct md_buf *out, unsigned n, const char *format)
{
	for (unsigned i = 0; i < n; i++)
		if (*format == ',')
			md_buf_printf(out, "%sk%u", i > 0 ? "," : "", i);
		else if (*format == '&')
			md_buf_printf(out, "k%u=&", i);
		else
			md_buf_printf(out, "%s\"k%u\":1", i > 0 ? "," : "", i);
}
static void json_keys(struct md_buf *out, unsigned n)
{
	md_buf_putc(out, '{');
	numbered(out, n, "");
	md_buf_putc(out, '}');
}
static void json_deep_keys(struct md_buf *out, unsigned n)
{
	md_buf_puts(out, "{\"a\":{");
	numbered(out, n, "");
	md_buf_puts(out, "}}");
}
static void json_later_keys(struct md_buf *out, unsigned n)
{
	md_buf_puts(out, "[{\"k0\":1},{");
	numbered(out, n, "");
	md_buf_puts(out, "}]");
}
static void csv_keys(struct md_buf *out, unsigned n)
{
	numbered(out, n, ",");
}
static void form_keys(struct md_buf *out, unsigned n)
{
	numbered(out, n, "&");
}
static void json_rows(struct md_buf *out, unsigned n)
{
	around(out, "[{}", ",{}", n - 1, "]");
}
static void csv_rows(struct md_buf *out, unsigned n)
{
	around(out, "a\n", "1\n", n, "");
}

#define FIELD(name) \
	offsetof(struct md_body_limits, name), sizeof(((struct md_body_limits *)NULL)->name)

static const struct limit limits[] = {
	{ "size", "bytes", MD_BODY_JSON, FIELD(size), json_size },
	{ "CSV size", "bytes", MD_BODY_CSV, FIELD(size), csv_size },
	{ "form size", "bytes", MD_BODY_FORM, FIELD(size), form_size },
	{ "string", "bytes in a string", MD_BODY_JSON, FIELD(string), json_string },
	{ "deep string", "bytes in a string", MD_BODY_JSON, FIELD(string), json_deep_string },
	{ "key", "bytes in a string", MD_BODY_JSON, FIELD(string), json_key },
	{ "CSV field", "bytes in a field", MD_BODY_CSV, FIELD(string), csv_field },
	{ "CSV name", "bytes in a field", MD_BODY_CSV, FIELD(string), csv_name },
	{ "form value", "bytes in a field", MD_BODY_FORM, FIELD(string), form_value },
	{ "form name", "bytes in a field", MD_BODY_FORM, FIELD(string), form_name },
	{ "number", "bytes in a number", MD_BODY_JSON, FIELD(number), json_number },
	{ "depth", "levels of nesting", MD_BODY_JSON, FIELD(depth), json_depth },
	{ "objects", "levels of nesting", MD_BODY_JSON, FIELD(depth), json_depth_of_objects },
	{ "nodes", "values", MD_BODY_JSON, FIELD(nodes), json_nodes },
	{ "no rows", "values", MD_BODY_JSON, FIELD(nodes), json_nodes_in_no_rows },
	{ "form nodes", "values", MD_BODY_FORM, FIELD(nodes), form_nodes },
	{ "keys", "keys in an object", MD_BODY_JSON, FIELD(keys), json_keys },
	{ "deep keys", "keys in an object", MD_BODY_JSON, FIELD(keys), json_deep_keys },
	{ "later keys", "keys in an object", MD_BODY_JSON, FIELD(keys), json_later_keys },
	{ "columns", "columns", MD_BODY_CSV, FIELD(keys), csv_keys },
	{ "fields", "fields", MD_BODY_FORM, FIELD(keys), form_keys },
	{ "rows", "rows", MD_BODY_JSON, FIELD(rows), json_rows },
	{ "CSV rows", "rows", MD_BODY_CSV, FIELD(rows), csv_rows },
};

static struct md_body_limits limits_with(const struct limit *limit, unsigned number)
{
	struct md_body_limits made = no_limits;
	size_t wide = number;

	if (limit->size == sizeof(wide))
		memcpy((char *)&made + limit->offset, &wide, sizeof(wide));
	else
		memcpy((char *)&made + limit->offset, &number, sizeof(number));
	return made;
}

static bool is_refused(const struct limit *limit, unsigned n, unsigned number)
{
	struct md_body_limits made = limits_with(limit, number);
	md_auto_buf text = MD_BUF(1u << 20);
	char shown[128];

	limit->text(&text, n);
	snprintf(shown, sizeof(shown), "MD413 the request body has more than %u %s", number,
		 limit->message);
	return strcmp(body_of(limit->kind, text.data, text.len, &made, NULL, 0), shown) == 0;
}

START_TEST(each_limit_refuses_one_more)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const char *what = limits[i].what;

		ck_assert_msg(!is_refused(&limits[i], LIMIT - 1, LIMIT), "%s: one less", what);
		ck_assert_msg(!is_refused(&limits[i], LIMIT, LIMIT), "%s: as many", what);
		ck_assert_msg(is_refused(&limits[i], LIMIT + 1, LIMIT), "%s: one more", what);
	}
}
END_TEST

START_TEST(rows_and_fields_of_csv_are_values)
{
	struct md_body_limits made = no_limits;

	made.nodes = 2 + 2 * 3; /* names, rows with their fields */
	ck_assert_str_eq(body_of(MD_BODY_CSV, "a,b\n1,2\n3,4", 11, &made, NULL, 0),
			 "a b\n'1'|'2'\n'3'|'4'");
	made.nodes--;
	ck_assert_str_eq(body_of(MD_BODY_CSV, "a,b\n1,2\n3,4", 11, &made, NULL, 0),
			 "MD413 the request body has more than 7 values");
}
END_TEST

START_TEST(what_is_within_the_limits_is_read)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct md_body_limits made = limits_with(&limits[i], LIMIT);
		md_auto_buf text = MD_BUF(1u << 20);

		limits[i].text(&text, LIMIT);
		ck_assert_msg(!strstr(body_of(limits[i].kind, text.data, text.len, &made, NULL, 0),
				      "MD413"),
			      "%s", limits[i].what);
	}
}
END_TEST

SUITE_MAIN("body_limits", each_limit_refuses_one_more, rows_and_fields_of_csv_are_values,
	   what_is_within_the_limits_is_read)
