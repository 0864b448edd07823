/* A query in a body: pairs that are read can be written again, and read as the same; as a query
 * string they have the same names and values. */
#include "core/base/buf.h"
#include "core/json/pairs.h"
#include "core/json/write.h"
#include "core/query/scan.h"
#include "tests/fuzz/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pairs {
	const struct md_pair *list;
	unsigned count;
};

static enum md_code read_pairs(struct md_arena *arena, struct md_str text, struct pairs *ret_pairs)
{
	struct md_error err;
	enum md_code code;

	md_error_clear(&err);
	code = md_pairs_read(arena, text, &fuzz_limits, &ret_pairs->list, &ret_pairs->count, &err);
	fuzz_require((code == MD_OK) == (err.wire[0] == '\0'));
	fuzz_require(code == MD_OK || code == MD_INVALID || code == MD_TOO_LARGE);
	return code;
}

/* Pairs of one name stand together. */
static void write_pairs(const struct pairs *pairs, struct md_buf *out)
{
	md_buf_putc(out, '{');
	for (unsigned i = 0; i < pairs->count; i++) {
		const struct md_pair *p = &pairs->list[i];
		bool more = i > 0 && md_str_equal(p->name, p[-1].name);

		if (!more) {
			md_buf_puts(out, i > 0 ? "]," : "");
			md_json_write_string(out, p->name.ptr, p->name.len);
			md_buf_puts(out, ":[");
		}
		md_buf_puts(out, more ? ", " : "");
		md_json_write_string(out, p->value.ptr, p->value.len);
	}
	md_buf_puts(out, pairs->count > 0 ? "]}" : "}");
}

static void check_query_string(struct md_arena *arena, const struct pairs *pairs)
{
	md_auto_buf out = MD_BUF(1u << 20);
	struct md_parameter *parameters;
	unsigned count;

	for (unsigned i = 0; i < pairs->count; i++) {
		md_buf_puts(&out, i > 0 ? "&" : "");
		md_uri_encode(&out, pairs->list[i].name, "-_.~");
		md_buf_putc(&out, '=');
		md_uri_encode(&out, pairs->list[i].value, "-_.~");
	}
	fuzz_require(md_uri_parameters(arena, md_buf_str(&out), 100000, &parameters, &count,
				       NULL) == MD_OK);
	fuzz_require(count == pairs->count);
	for (unsigned i = 0; i < count; i++)
		fuzz_require(md_str_equal(parameters[i].name, pairs->list[i].name) &&
			     md_str_equal(parameters[i].value, pairs->list[i].value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	md_auto_arena arena = md_arena_new(64u << 20);
	md_auto_buf out = MD_BUF(1u << 20);
	struct pairs once, twice;

	fuzz_require(arena != NULL);
	if (read_pairs(arena, (struct md_str){ (const char *)data, size }, &once) != MD_OK ||
	    size > 600) /* escaped, a longer text may be too long */
		return 0;
	write_pairs(&once, &out);
	fuzz_require(read_pairs(arena, md_buf_str(&out), &twice) == MD_OK);
	fuzz_require(once.count == twice.count);
	for (unsigned i = 0; i < once.count; i++)
		fuzz_require(md_str_equal(once.list[i].name, twice.list[i].name) &&
			     md_str_equal(once.list[i].value, twice.list[i].value));
	check_query_string(arena, &once);
	return 0;
}
