#include "core/db/dialect.h"

#include "core/base/banned.h"

static void put_name(struct md_buf *sql, struct md_str name)
{
	md_buf_putc(sql, '"');
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '"')
			md_buf_putc(sql, '"');
		md_buf_putc(sql, name.ptr[i]);
	}
	md_buf_putc(sql, '"');
}

static void put_param(struct md_buf *sql, unsigned number)
{
	md_buf_putc(sql, '$');
	md_buf_put_i64(sql, number);
}

const struct md_dialect md_postgres_dialect = { .name = "postgresql",
						.put_name = put_name,
						.put_param = put_param };
