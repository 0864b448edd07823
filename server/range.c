#include "server/range.h"

#include <inttypes.h>

#include "core/base/str.h"

#include "core/base/banned.h"

void md_content_range(const struct md_page *page, char out[MD_CONTENT_RANGE_MAX])
{
	bool empty = page->rows == 0 || (page->has_total && page->total == 0);
	char *p = out;

	if (empty) {
		*p++ = '*';
	} else {
		p += md_i64_to_text((int64_t)page->first, p);
		*p++ = '-';
		p += md_i64_to_text((int64_t)(page->first + page->rows - 1), p);
	}
	*p++ = '/';
	if (page->has_total)
		p += md_i64_to_text((int64_t)page->total, p);
	else
		*p++ = '*';
	*p = '\0';
}

unsigned md_page_status(const struct md_page *page, struct md_error *err)
{
	if (!page->has_total)
		return 200;
	if (page->first > page->total) {
		md_fail(err, MD_INVALID, "PGRST103", "Requested range not satisfiable");
		md_error_details(err,
				 "An offset of %" PRIu64
				 " was requested, but there are only %" PRIu64 " rows.",
				 page->first, page->total);
		return 416;
	}
	return page->rows < page->total ? 206 : 200;
}
