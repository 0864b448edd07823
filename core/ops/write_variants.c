/* With missing=default the rows of a body may lack different columns; each set of them that have
 * defaults is a variant with a plan of its own, because a column that is not named is what gets its
 * default. */
#include "core/ops/write_private.h"

#include "core/base/banned.h"

enum { VARIANTS_MAX = 256 };

static bool has_variants(const struct md_write *write)
{
	return write->ask.missing_default && !md_write_is_whole(write);
}

/* Whether the row at hand gets the default of this column, which is not NULL. */
static bool is_lacking(const struct md_write *write, unsigned column)
{
	const struct md_field *field = write->fields[column];

	return has_variants(write) && write->cells[column].kind == MD_CELL_ABSENT &&
	       (field->fallback || field->identity || md_is_made(field, false));
}

static bool has_same_columns(const struct md_write *write, const struct md_write_variant *variant)
{
	unsigned k = 0;

	for (unsigned i = 0; i < write->column_count; i++) {
		bool present = !is_lacking(write, i);
		bool listed = k < variant->count && variant->columns[k] == i;

		if (present != listed)
			return false;
		k += listed;
	}
	return true;
}

struct md_write_variant *md_write_find_variant(struct md_write *write)
{
	if (!write->ask.missing_default)
		return &write->variants[0];
	for (unsigned i = 0; i < write->variant_count; i++)
		if (has_same_columns(write, &write->variants[i]))
			return &write->variants[i];
	return NULL;
}

/* A variant of the columns that the row at hand has; all of them unless missing=default. */
enum md_code md_write_add_variant(struct md_write *write, struct md_error *err)
{
	struct md_write_variant *variant = &write->variants[write->variant_count];

	if (write->variant_count == VARIANTS_MAX)
		return md_fail(
			err, MD_TOO_LARGE, "MD413",
			"the rows of the body lack columns with defaults in more than %d ways",
			VARIANTS_MAX);
	*variant = (struct md_write_variant){ .count = 0 };
	variant->fields =
		md_arena_alloc(write->ask.arena, write->column_count * sizeof(*variant->fields));
	variant->columns =
		md_arena_alloc(write->ask.arena, write->column_count * sizeof(*variant->columns));
	variant->lacking =
		md_arena_alloc(write->ask.arena, write->column_count * sizeof(*variant->lacking));
	if (!variant->fields || !variant->columns || !variant->lacking)
		return md_fail_nomem(err);
	for (unsigned i = 0; i < write->column_count; i++) {
		if (is_lacking(write, i)) {
			variant->lacking[variant->lacking_count++] = write->fields[i];
			continue;
		}
		variant->fields[variant->count] = write->fields[i];
		variant->columns[variant->count++] = i;
	}
	write->variant_count++;
	return MD_OK;
}

enum md_code md_write_find_variants(struct md_write *write, struct md_error *err)
{
	enum md_code code = MD_OK;

	write->variants =
		md_arena_alloc(write->ask.arena,
			       (has_variants(write) ? VARIANTS_MAX : 1) * sizeof(*write->variants));
	if (!write->variants)
		return md_fail_nomem(err);
	if (has_variants(write) && write->ask.body) {
		md_body_rewind(&write->cursor, write->ask.body, write->scratch);
		while (code == MD_OK && md_body_next(&write->cursor, write->cells))
			if (!md_write_find_variant(write))
				code = md_write_add_variant(write, err);
	}
	if (code == MD_OK && write->variant_count == 0)
		code = md_write_add_variant(write, err);
	return code;
}
