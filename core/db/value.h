/* One cell or one bind. Borrowed text lives until the cursor moves (cell) or the unit is done
 * (bind). */
#ifndef MD_CORE_DB_VALUE_H
#define MD_CORE_DB_VALUE_H
#include <stdint.h>

#include "core/base/str.h"

/** PostgreSQL cells are NULL or TEXT (its text format); SQLite cells are what is stored. */
enum md_value_type { MD_NULL, MD_INT, MD_REAL, MD_TEXT, MD_BLOB };

struct md_value {
	enum md_value_type type;
	uint32_t len; /* bytes of TEXT and BLOB; text has no NUL promised */
	union {
		int64_t i;
		double r;
		const char *text;
	};
};

static inline struct md_value md_value_null(void)
{
	return (struct md_value){ .type = MD_NULL, .len = 0, .i = 0 };
}
static inline struct md_value md_value_int(int64_t i)
{
	return (struct md_value){ .type = MD_INT, .len = 0, .i = i };
}
static inline struct md_value md_value_real(double r)
{
	return (struct md_value){ .type = MD_REAL, .len = 0, .r = r };
}
static inline struct md_value md_value_text(struct md_str s)
{
	return (struct md_value){ .type = MD_TEXT, .len = (uint32_t)s.len, .text = s.ptr };
}
#endif
