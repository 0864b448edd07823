#include "core/db/unit.h"

#include <stdatomic.h>

#include "core/base/banned.h"

unsigned long md_stmt_next_id(void)
{
	static atomic_ulong last;

	return atomic_fetch_add(&last, 1) + 1;
}
