/* Prefer and Preference-Applied. */
#include "core/query/headers.h"

#include "core/base/banned.h"

/* Each preference that is a word, where it is kept, and as which value. */
static const struct preference {
	struct md_str text;
	size_t place;
	unsigned value;
} preferences[] = {
#define PREFERENCE(text, member, value)                                                         \
	{                                                                                       \
		{ text, sizeof(text) - 1 }, __builtin_offsetof(struct md_prefer, member), value \
	}
	PREFERENCE("return=minimal", ret, MD_RETURN_MINIMAL),
	PREFERENCE("return=headers-only", ret, MD_RETURN_HEADERS_ONLY),
	PREFERENCE("return=representation", ret, MD_RETURN_REPRESENTATION),
	PREFERENCE("count=exact", count, MD_COUNT_EXACT),
	PREFERENCE("count=planned", count, MD_COUNT_PLANNED),
	PREFERENCE("count=estimated", count, MD_COUNT_ESTIMATED),
	PREFERENCE("resolution=merge-duplicates", resolution, MD_RESOLUTION_MERGE),
	PREFERENCE("resolution=ignore-duplicates", resolution, MD_RESOLUTION_IGNORE),
	PREFERENCE("missing=default", missing, MD_MISSING_DEFAULT),
	PREFERENCE("missing=null", missing, MD_MISSING_NULL),
	PREFERENCE("tx=commit", tx, MD_TX_PREFER_COMMIT),
	PREFERENCE("tx=rollback", tx, MD_TX_PREFER_ROLLBACK),
	PREFERENCE("handling=strict", handling, MD_HANDLING_STRICT),
	PREFERENCE("handling=lenient", handling, MD_HANDLING_LENIENT),
#undef PREFERENCE
};

/* In the order of Preference-Applied, which is that of the bits. */
static const size_t places[] = {
	__builtin_offsetof(struct md_prefer, resolution),
	__builtin_offsetof(struct md_prefer, missing),
	__builtin_offsetof(struct md_prefer, ret),
	__builtin_offsetof(struct md_prefer, count),
	__builtin_offsetof(struct md_prefer, tx),
	__builtin_offsetof(struct md_prefer, handling),
};

/* All preferences that are words are enumerations with 0 for none. */
static unsigned kept(const struct md_prefer *prefer, size_t place)
{
	unsigned value;

	memcpy(&value, (const char *)prefer + place, sizeof(value));
	return value;
}

void md_prefer_init(struct md_prefer *prefer)
{
	memset(prefer, 0, sizeof(*prefer));
}

/* `prefix` taken from the front of text, or not given. */
static struct md_str after(struct md_str text, struct md_str prefix)
{
	if (!md_str_starts_with(text, prefix))
		return (struct md_str){ NULL, 0 };
	return (struct md_str){ text.ptr + prefix.len, text.len - prefix.len };
}

/* false: not understood. */
static bool take_word(struct md_prefer *prefer, struct md_str text)
{
	for (size_t i = 0; i < sizeof(preferences) / sizeof(preferences[0]); i++) {
		const struct preference *p = &preferences[i];

		if (!md_str_equal(p->text, text))
			continue;
		if (kept(prefer, p->place) == 0)
			memcpy((char *)prefer + p->place, &p->value, sizeof(p->value));
		return true;
	}
	return false;
}

static bool take_value(struct md_prefer *prefer, struct md_str text)
{
	struct md_str zone = after(text, MD_STR("timezone="));
	struct md_str most = after(text, MD_STR("max-affected="));
	int64_t number;

	if (zone.len > 0) {
		if (!md_str_is_given(prefer->timezone))
			prefer->timezone = zone;
		return true;
	}
	if (!md_str_to_i64(most, &number))
		return false;
	if (!prefer->has_max_affected) {
		prefer->has_max_affected = true;
		prefer->max_affected = number;
	}
	return true;
}

void md_prefer_parse(struct md_prefer *prefer, struct md_str header)
{
	const char *p = header.ptr, *end = header.ptr + header.len, *comma;
	unsigned room = sizeof(prefer->invalid) / sizeof(prefer->invalid[0]);

	for (; p < end; p = comma + 1) {
		struct md_str text;

		comma = memchr(p, ',', (size_t)(end - p));
		if (!comma)
			comma = end;
		text = md_str_trim((struct md_str){ p, (size_t)(comma - p) });
		if (text.len == 0 || take_word(prefer, text) || take_value(prefer, text))
			continue;
		if (prefer->invalid_count < room)
			prefer->invalid[prefer->invalid_count++] = text;
	}
}

static void separate(struct md_buf *out, bool *first)
{
	if (!*first)
		md_buf_puts(out, ", ");
	*first = false;
}

void md_prefer_applied(const struct md_prefer *prefer, unsigned applied, struct md_buf *out)
{
	bool first = true;

	for (unsigned bit = 0; bit < sizeof(places) / sizeof(places[0]); bit++) {
		unsigned value = kept(prefer, places[bit]);

		if (value == 0 || !(applied & 1u << bit))
			continue;
		for (size_t i = 0; i < sizeof(preferences) / sizeof(preferences[0]); i++)
			if (preferences[i].place == places[bit] && preferences[i].value == value) {
				separate(out, &first);
				md_buf_putstr(out, preferences[i].text);
			}
	}
	if ((applied & MD_PREFER_TIMEZONE) && md_str_is_given(prefer->timezone)) {
		separate(out, &first);
		md_buf_puts(out, "timezone=");
		md_buf_putstr(out, prefer->timezone);
	}
	if ((applied & MD_PREFER_MAX_AFFECTED) && prefer->has_max_affected) {
		separate(out, &first);
		md_buf_puts(out, "max-affected=");
		md_buf_put_i64(out, prefer->max_affected);
	}
}
