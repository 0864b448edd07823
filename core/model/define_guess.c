/* "Did you mean …?": the name most like one that does not exist. */
#include "core/model/define_private.h"

#include "core/base/banned.h"

void md_def_guess_init(struct md_def_guess *guess, struct md_str wanted)
{
	guess->wanted = wanted;
	guess->swapped = NULL;
	md_guess_init(&guess->likeness, wanted, MD_DEF_LIKE);
}

static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Two letters that changed places, the commonest slip: in a short word it counts as two of three
 * letters that are wrong. */
static bool is_swapped(struct md_str a, struct md_str b)
{
	size_t i = 0;

	if (a.len != b.len)
		return false;
	while (i < a.len && small(a.ptr[i]) == small(b.ptr[i]))
		i++;
	if (i + 1 >= a.len || small(a.ptr[i]) != small(b.ptr[i + 1]) ||
	    small(a.ptr[i + 1]) != small(b.ptr[i]))
		return false;
	for (i += 2; i < a.len; i++)
		if (small(a.ptr[i]) != small(b.ptr[i]))
			return false;
	return true;
}

void md_def_guess_offer(struct md_def_guess *guess, const char *candidate)
{
	struct md_str name = md_str_of(candidate);

	if (is_swapped(guess->wanted, name))
		guess->swapped = candidate;
	md_guess_offer(&guess->likeness, name);
}

const char *md_def_guess_best(const struct md_def_guess *guess)
{
	return guess->swapped ? guess->swapped : guess->likeness.best.ptr;
}

void md_def_guess_hint(struct md_def_loader *loader, const struct md_def_guess *guess)
{
	const char *best = md_def_guess_best(guess);

	if (best)
		md_def_hint(loader, "did you mean \"%s\"?", best);
}

/* What SQL and other programs call our types. */
static const struct {
	const char *name, *type;
} foreign_types[] = {
	{ "varchar", "string" },   { "nvarchar", "string" },  { "char", "string" },
	{ "character", "string" }, { "clob", "text" },        { "citext", "text" },
	{ "longtext", "text" },    { "numeric", "decimal" },  { "money", "decimal" },
	{ "real", "float" },       { "float4", "float" },     { "float8", "float" },
	{ "tinyint", "smallint" }, { "int2", "smallint" },    { "int4", "integer" },
	{ "int8", "bigint" },      { "int64", "bigint" },     { "long", "bigint" },
	{ "serial", "integer" },   { "bigserial", "bigint" }, { "timestamptz", "datetime" },
	{ "jsonb", "json" },       { "object", "json" },      { "dict", "json" },
	{ "blob", "bytes" },       { "bytea", "bytes" },      { "binary", "bytes" },
	{ "list", "array" },       { "guid", "uuid" },
};

const char *md_def_type_like(struct md_str text)
{
	char name[16];

	if (text.len < sizeof(name)) {
		for (size_t i = 0; i < text.len; i++)
			name[i] = small(text.ptr[i]);
		for (size_t i = 0; i < MD_DEF_LENGTH(foreign_types); i++)
			if (md_str_is((struct md_str){ name, text.len }, foreign_types[i].name))
				return foreign_types[i].type;
	}
	return md_def_word_like(md_def_types, text);
}

static const struct {
	const char *word, *hint;
} said_otherwise[] = {
	{ "nullable", "write \"?\" behind the type" },
	{ "null", "write \"?\" behind the type" },
	{ "optional", "write \"?\" behind the type" },
	{ "not", "a field cannot be null unless \"?\" stands behind its type" },
	{ "required", "a field cannot be null unless \"?\" stands behind its type" },
	{ "default", "write \"= …\"" },
	{ "primary_key", "did you mean \"pk\"?" },
	{ "primary", "did you mean \"pk\"?" },
	{ "key", "did you mean \"pk\"?" },
	{ "references", "write \"-> Model\" in place of the type" },
	{ "on_delete", "write \"on delete …\"" },
	{ "on_update", "write \"on update …\"" },
	{ "renamed_from", "write \"was(old_name)\"" },
};

const char *md_def_said_otherwise(struct md_str word)
{
	for (size_t i = 0; i < MD_DEF_LENGTH(said_otherwise); i++)
		if (md_str_equal_nocase(word, md_str_of(said_otherwise[i].word)))
			return said_otherwise[i].hint;
	return NULL;
}
