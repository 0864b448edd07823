/* Writes whose rows come in parts (core/json/bulk.h): one part after another on the executing
 * thread, all in one transaction. What a part needs lives as long as the part. */
#include "core/ops/write_private.h"

#include "core/base/banned.h"

/* The last part stays when there are no more: what stands against its rows may turn up later. */
static bool open_part(struct md_write *write, struct md_error *err)
{
	size_t rows = write->ask.body ? md_body_rows(write->ask.body) : 0;
	const struct md_body *part = NULL;

	if (md_bulk_next(write->ask.bulk, &part, err) != MD_OK) {
		write->ask.body = NULL;
		return false;
	}
	if (!part)
		return false;
	write->rows_before += rows;
	write->ask.body = part;
	return true;
}

bool md_write_next_part(struct md_write *write)
{
	struct md_error *err = &write->unit.error;

	if (!write->ask.bulk || write->explaining || !open_part(write, err))
		return false;
	write->scratch = md_arena_alloc(md_write_arena(write), md_body_scratch(write->ask.body));
	if (!write->scratch) {
		md_fail_nomem(err);
		return false;
	}
	md_keys_clear(&write->merged);
	md_body_rewind(&write->cursor, write->ask.body, write->scratch);
	return md_write_check_part(write, err) == MD_OK;
}

void md_write_first_part(struct md_write *write)
{
	if (!write->ask.bulk)
		return;
	md_bulk_rewind(write->ask.bulk);
	write->ask.body = NULL;
	write->rows_before = 0;
}

/* Where to look for what the database refused; what we refused ourselves has its line. */
void md_write_tell_part(struct md_write *write)
{
	static const char *const classes[] = { "22", "23", "21", "42", "44", "57", "P0" };
	struct md_error *err = &write->unit.error;
	uint64_t first, last;

	if (!write->ask.bulk || err->hint[0] != '\0' || err->errors)
		return;
	md_bulk_lines(write->ask.bulk, &first, &last);
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strncmp(err->wire, classes[i], 2) == 0)
			md_error_hint(err,
				      "Nothing was written. It happened in lines %llu to %llu.",
				      (unsigned long long)first, (unsigned long long)last);
}
