/* The characters of SQL texts that are read, not run: DDL that SQLite kept, expressions that are
 * compared. No state, any thread. */
#ifndef MD_CORE_BASE_SQL_TEXT_H
#define MD_CORE_BASE_SQL_TEXT_H
#include <stdbool.h>
#include <string.h>

static inline bool md_sql_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
/** Of a name that needs no quotes, or of a number. Everything that is not ASCII belongs to names,
 * as in SQLite. */
static inline bool md_sql_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '$' || (unsigned char)c >= 0x80;
}
/** Behind white space and comments. */
const char *md_sql_skip_blank(const char *p);
#endif
