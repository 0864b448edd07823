#include "core/base/sql_text.h"

#include "core/base/banned.h"

const char *md_sql_skip_blank(const char *p)
{
	for (;;) {
		while (md_sql_is_blank(*p))
			p++;
		if (p[0] == '-' && p[1] == '-') {
			p += strcspn(p, "\n");
		} else if (p[0] == '/' && p[1] == '*') {
			const char *end = strstr(p + 2, "*/");

			p = end ? end + 2 : p + strlen(p);
		} else {
			return p;
		}
	}
}
