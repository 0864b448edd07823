/* Content-Range and the status that follows from it, by PostgREST's rules (200, 206, 416). Pure.
 */
#ifndef MD_SERVER_RANGE_H
#define MD_SERVER_RANGE_H
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

/** The page that was found. */
struct md_page {
	uint64_t first, rows;
	bool has_total;
	uint64_t total;
};
enum { MD_CONTENT_RANGE_MAX = 64 };

/** "a-b/total", "*" in place of what is empty or unknown. NUL-terminated. */
void md_content_range(const struct md_page *page, char out[MD_CONTENT_RANGE_MAX]);
/** 200; 206 when the total is known and larger than the page; 416 when the page begins behind the
 * total, and then `err` is filled. */
unsigned md_page_status(const struct md_page *page, struct md_error *err);
#endif
