#include "core/db/sqlite.h"

#include <string.h>

#include "core/base/banned.h"

/* Returns how many bytes of `in` were read, 0 when they cannot be part of a file name. */
static size_t decode_one(const char *in, char *ret_byte)
{
	int high, low;

	if (*in != '%') {
		*ret_byte = *in;
		return 1;
	}
	high = md_hex_digit(in[1]);
	low = high < 0 ? -1 : md_hex_digit(in[2]);
	if (low < 0 || (high == 0 && low == 0))
		return 0;
	*ret_byte = (char)(high << 4 | low);
	return 3;
}

static enum md_code decode(const char *in, char *path, size_t size, struct md_error *err)
{
	size_t len = 0;

	/* A build of SQLite that takes URIs by default would read options out of such a name. */
	if (strncmp(in, "file:", 5) == 0) {
		memcpy(path, "./", 2);
		len = 2;
	}
	while (*in) {
		size_t used = decode_one(in, &path[len]);

		if (used == 0)
			return md_fail(err, MD_INVALID, "08001",
				       "bad percent-encoding in the database url");
		in += used;
		len++;
		if (len == size)
			return md_fail(err, MD_INVALID, "08001",
				       "the path in the database url is too long");
	}
	path[len] = '\0';
	return MD_OK;
}

enum md_code md_sqlite_path(const char *url, char *path, size_t size, struct md_error *err)
{
	const char *rest = strchr(url, ':');

	if (!rest || strncmp(rest, "://", 3) != 0 || (rest[3] != '/' && rest[3] != '\0')) {
		md_fail(err, MD_INVALID, "08001", "not an SQLite url");
		md_error_hint(err, "Write sqlite:///relative.db, sqlite:////absolute/path.db or "
				   "sqlite:///:memory:.");
		return MD_INVALID;
	}
	rest += 3;
	if (*rest == '/')
		rest++;
	if (strpbrk(rest, "?#")) {
		md_fail(err, MD_INVALID, "08001", "an SQLite url takes no options");
		md_error_hint(err, "A '?' or '#' in a file name is written %%3F or %%23.");
		return MD_INVALID;
	}
	return decode(*rest ? rest : ":memory:", path, size, err);
}
