/* Reads the text of a configuration file: `key = value` lines in PostgREST's syntax. Knows lines,
 * keys and quotes, not settings. No state, any thread.
 *
 *	# a comment, also behind a value after a space
 *	key = value
 *	other-key = "value with \"quotes\""
 *
 * In quotes, \" \\ \n \r \t are escapes. Outside, a value ends at the line's end or at " #". */
#ifndef MD_CONFIG_FILE_H
#define MD_CONFIG_FILE_H
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/str.h"

/** Who takes what is read. Spans are valid during the call only. */
struct md_file_reader {
	void (*value)(struct md_file_reader *reader, unsigned line, struct md_str key,
		      struct md_str value);
	void (*problem)(struct md_file_reader *reader, unsigned line, const char *what);
};
enum { MD_FILE_MAX = 1024 * 1024 };

/** Read `text`, line by line from 1. Goes on after a bad line. MD_NOMEM is the only failure. */
enum md_code md_file_parse(struct md_str text, struct md_file_reader *reader);
/** Write `value` in quotes, so that it is read back as it is. False: it holds a byte that cannot be
 * written (a control character); nothing was written. */
bool md_file_quote(struct md_str value, struct md_buf *out);
/** The whole file, at most `max` bytes, regular files only. MD_NOT_FOUND, MD_INVALID (not a file,
 * not readable), MD_TOO_LARGE, MD_NOMEM. */
enum md_code md_file_read(const char *path, size_t max, struct md_buf *out, struct md_error *err);
#endif
