/* Range. */
#include "core/query/headers.h"

#include "core/base/banned.h"

/* Digits from *p on; what does not fit is the greatest number. false: there are none. */
static bool take_number(const char **p, const char *end, int64_t *ret_value)
{
	const char *begin = *p;

	while (*p < end && **p >= '0' && **p <= '9')
		++*p;
	if (*p == begin)
		return false;
	if (!md_str_to_i64((struct md_str){ begin, (size_t)(*p - begin) }, ret_value))
		*ret_value = INT64_MAX;
	return true;
}

void md_range_parse(struct md_str header, struct md_range *ret_range)
{
	const struct md_str unit = MD_STR("items=");
	struct md_range range = { .given = false };
	const char *p, *end;

	*ret_range = range;
	header = md_str_trim(header);
	if (md_str_starts_with(header, unit)) {
		header.ptr += unit.len;
		header.len -= unit.len;
	}
	p = header.ptr;
	end = p + header.len;
	if (!take_number(&p, end, &range.first) || p == end || *p != '-')
		return;
	p++;
	range.has_last = take_number(&p, end, &range.last);
	if (p != end)
		return;
	range.given = true;
	*ret_range = range;
}
