/* The question whether the columns of a table are what a plan took them for. */
#include "core/query/builder.h"

#include "core/base/banned.h"

enum { SQL_MAX = 1024 * 1024 };

/* ('id','integer'),('name','character varying(20)') */
static void put_columns(const struct md_dialect *dialect, const struct md_model *model,
			struct md_buf *out)
{
	for (unsigned i = 0; i < model->field_count; i++) {
		md_buf_puts(out, i == 0 ? "(" : ",(");
		dialect->put_text(out, model->fields[i].column);
		md_buf_putc(out, ',');
		dialect->put_text(out, model->fields[i].declared);
		md_buf_putc(out, ')');
	}
}

const char *md_altered_sql(const struct md_dialect *dialect, const struct md_model *model,
			   struct md_arena *arena)
{
	md_auto_buf name = MD_BUF(1024), table = MD_BUF(2048), columns = MD_BUF(SQL_MAX);
	md_auto_buf sql = MD_BUF(SQL_MAX);

	md_put_model(dialect, &name, model);
	dialect->put_text(&table, md_buf_str(&name));
	put_columns(dialect, model, &columns);
	md_put_template(&sql, dialect->templates[MD_SQL_ALTERED], md_buf_str(&columns),
			md_buf_str(&table));
	md_buf_inherit(&sql, &name);
	md_buf_inherit(&sql, &table);
	md_buf_inherit(&sql, &columns);
	return sql.failed ? NULL : md_arena_strndup(arena, sql.data, sql.len);
}
