#include "core/db/echo.h"

#include "core/base/buf.h"
#include "core/db/lane.h"

#include "core/base/banned.h"

/* As SQLAlchemy: of a longer value, its beginning and its end. */
enum { VALUE_MAX = 300, VALUE_END = 149, LINE_MAX = 8192 };

static void put_text(struct md_buf *line, struct md_str text)
{
	md_buf_putc(line, '\'');
	if (text.len <= VALUE_MAX) {
		md_buf_putstr(line, text);
	} else {
		md_buf_put(line, text.ptr, VALUE_END);
		md_buf_printf(line, " ... (%zu characters truncated) ... ",
			      text.len - 2 * VALUE_END);
		md_buf_put(line, text.ptr + text.len - VALUE_END, VALUE_END);
	}
	md_buf_putc(line, '\'');
}

static void put_value(struct md_buf *line, const struct md_value *value)
{
	switch (value->type) {
	case MD_NULL:
		md_buf_puts(line, "None");
		break;
	case MD_INT:
		md_buf_printf(line, "%lld", (long long)value->i);
		break;
	case MD_REAL:
		md_buf_printf(line, "%.17g", value->r);
		break;
	case MD_TEXT:
		put_text(line, (struct md_str){ value->text, value->len });
		break;
	case MD_BLOB:
		md_buf_printf(line, "<%u bytes>", value->len);
		break;
	}
}

static void tell_values(const struct md_db *db, const struct md_call *call)
{
	md_auto_buf line = MD_BUF(LINE_MAX);

	for (unsigned i = 0; i < call->stmt->params && !line.failed; i++) {
		if (i > 0)
			md_buf_puts(&line, ", ");
		if (call->stmt->secret && call->stmt->secret[i])
			md_buf_puts(&line, "***");
		else
			put_value(&line, &call->args[i]);
	}
	if (call->stmt->id == 0)
		md_log_line(&db->log, MD_LOG_INFO, "sql: [raw sql] (%.*s)", (int)line.len,
			    line.data ? line.data : "");
	else
		md_log_line(&db->log, MD_LOG_INFO, "sql: [statement %lu] (%.*s)", call->stmt->id,
			    (int)line.len, line.data ? line.data : "");
}

void md_echo_next(const struct md_db *db, struct md_unit *unit, enum md_next next,
		  const struct md_call *call)
{
	if (next == MD_NEXT_AFTER_ROWS)
		return;
	if (!unit->echoed)
		md_log_line(&db->log, MD_LOG_INFO, "sql: BEGIN (implicit)");
	unit->echoed = next == MD_NEXT_CALL;
	if (next != MD_NEXT_CALL) {
		md_log_line(&db->log, MD_LOG_INFO, "sql: %s",
			    next == MD_NEXT_COMMIT ? "COMMIT" : "ROLLBACK");
		return;
	}
	md_echo_call(db, call);
}

void md_echo_call(const struct md_db *db, const struct md_call *call)
{
	md_log_line(&db->log, MD_LOG_INFO, "sql: %s", call->stmt->sql);
	if (atomic_load_explicit(&db->echo, memory_order_relaxed) >= MD_DB_ECHO_ALL)
		tell_values(db, call);
	else if (call->stmt->params > 0)
		md_log_line(&db->log, MD_LOG_INFO, "sql: [%u parameters hidden; echo = debug]",
			    call->stmt->params);
}

void md_echo_pool(const struct md_db *db, enum md_echo level, const char *text)
{
	if (atomic_load_explicit(&db->echo_pool, memory_order_relaxed) >= (unsigned)level)
		md_log_line(&db->log, MD_LOG_INFO, "pool: %s", text);
}
