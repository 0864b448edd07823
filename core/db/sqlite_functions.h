/* Private to core/db/sqlite*.c: the SQL functions that generated statements call on SQLite, where
 * PostgreSQL has operators and casts of its own. All are deterministic and touch nothing but their
 * arguments; NULL in, NULL out. They run on the thread of their connection. */
#ifndef MD_CORE_DB_SQLITE_FUNCTIONS_H
#define MD_CORE_DB_SQLITE_FUNCTIONS_H
#include <sqlite3.h>
#include <stdint.h>

#include "core/base/str.h"

typedef void md_sqlite_function(sqlite3_context *ctx, int count, sqlite3_value **args);

enum { MD_SQLITE_NUMBER_MAX = 32 };

/** End the function with an error that md_sqlite_fail() turns back into `wire` and the message. */
void md_sqlite_raise(sqlite3_context *ctx, const char *wire, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** The value as text: numbers as PostgreSQL writes them, into `scratch`; blobs as their bytes.
 * `ptr` NULL: SQL NULL, or no memory. */
struct md_str md_sqlite_value_text(sqlite3_value *value, char scratch[MD_SQLITE_NUMBER_MAX]);
/** PostgreSQL's float8out: shortest text that reads back the same. Returns its length. */
size_t md_sqlite_real_text(double value, char out[MD_SQLITE_NUMBER_MAX]);
/** One code point at `*at`, which moves on; a byte that is not UTF-8 is a character of its own. */
uint32_t md_sqlite_next_char(const char **at, const char *end);
/** Simple Unicode case folding. */
uint32_t md_sqlite_fold(uint32_t c);

/* sqlite_like.c: (pattern, value, fold) */
md_sqlite_function md_sqlite_like;
/* sqlite_regex.c: (pattern, value, fold) */
#ifdef MD_HAVE_PCRE2
md_sqlite_function md_sqlite_regex;
#endif
/* sqlite_cast.c: (value); the function's user data says which integer type */
struct md_sqlite_int_type {
	const char *name;
	int64_t min, max;
};
md_sqlite_function md_sqlite_cast_int, md_sqlite_cast_real, md_sqlite_cast_numeric,
	md_sqlite_cast_bool, md_sqlite_cast_text, md_sqlite_cast_uuid, md_sqlite_round,
	md_sqlite_key_bytes;
/* sqlite_datetime.c: (value) */
md_sqlite_function md_sqlite_cast_date, md_sqlite_cast_time, md_sqlite_cast_timestamp,
	md_sqlite_cast_timestamptz;
/* sqlite_json.c: (value); sqlite_contains.c: (haystack, needle, 3rd: it is the
 * haystack that somebody asks for); sqlite_json_key.c: (value) */
md_sqlite_function md_sqlite_cast_json, md_sqlite_json_contains, md_sqlite_json_valid,
	md_sqlite_json_key;
/** sqlite_aggregates.c: add md_sum() and md_avg(). Returns SQLite's code. */
int md_sqlite_add_aggregates(sqlite3 *db);
/** Well-formed JSON, at most 200 levels; what is stored may have 2000. */
bool md_sqlite_is_json(struct md_str text);
bool md_sqlite_is_stored_json(struct md_str text);
/** One character inside a string of JSON, escapes taken away, as md_sqlite_next_char(). */
uint32_t md_sqlite_json_char(const char **at, const char *end);
/** The value of four hexadecimal digits; -1: they are none. */
int md_sqlite_hex4(const char *p);
#endif
