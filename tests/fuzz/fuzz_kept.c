/* Any text as a moment, a decimal, a UUID or bytes. Properties: what is accepted is written in one
 * form, and that form is accepted again as the same; what is refused says so with a code; the form
 * of a decimal is as large as the text it comes from, and rounding is done once. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/decimal.h"
#include "core/base/moment.h"
#include "core/query/kept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA = 1 << 20, SCALE = 3 };

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Values of these types are texts. */
static void check_kept(enum md_type type, struct md_str text, struct md_arena *arena)
{
	struct md_value value, again;
	struct md_error err;
	enum md_code code;

	md_error_clear(&err);
	code = md_kept_bind(type, text, arena, &value, &err);
	require(code == err.code && (code == MD_OK) == (err.wire[0] == '\0'));
	if (code != MD_OK)
		return;
	require(md_kept_bind(type, (struct md_str){ value.text, value.len }, arena, &again, &err) ==
		MD_OK);
	require(again.len == value.len && memcmp(again.text, value.text, value.len) == 0);
}

static void check_shown(struct md_str text)
{
	struct md_moment moment, again;
	char out[MD_MOMENT_ROOM];
	size_t len;

	if (md_moment_read(text, &moment) != MD_MOMENT_READ || !moment.has_date)
		return;
	len = md_moment_put_timestamp(out, moment.days, moment.time_us, false);
	if (md_moment_read((struct md_str){ out, len }, &again) == MD_MOMENT_READ)
		require(again.days * 86400 + again.time_us / 1000000 ==
			moment.days * 86400 + moment.time_us / 1000000);
}

static void check_decimal(struct md_str text)
{
	struct md_decimal decimal, again;
	char out[MD_DECIMAL_MAX];
	size_t len;

	if (md_decimal_read(text, &decimal) != MD_DECIMAL_READ)
		return;
	len = md_decimal_write(&decimal, out);
	if (len > 0)
		require(md_decimal_compare_texts(text, (struct md_str){ out, len }) == 0);
	md_decimal_round(&decimal, SCALE);
	len = md_decimal_write(&decimal, out);
	if (len == 0)
		return;
	require(md_decimal_read((struct md_str){ out, len }, &again) == MD_DECIMAL_READ);
	require(md_decimal_compare(&decimal, &again) == 0 && !md_decimal_round(&again, SCALE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum md_type types[] = {
		MD_TYPE_KEPT_DATE,        MD_TYPE_KEPT_TIME, MD_TYPE_KEPT_TIMESTAMP,
		MD_TYPE_KEPT_TIMESTAMPTZ, MD_TYPE_KEPT_UUID, MD_TYPE_KEPT_NUMERIC,
	};
	struct md_str text = { size > 0 ? (const char *)data : "", size };
	md_auto_arena arena = md_arena_new(ARENA);

	if (!arena)
		return 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		check_kept(types[i], text, arena);
	check_shown(text);
	check_decimal(text);
	return 0;
}
