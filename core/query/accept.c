/* Accept. */
#include "core/query/headers.h"

#include "core/base/banned.h"

static const struct type {
	struct md_str name;
	enum md_media media, stripped; /* stripped: with nulls=stripped */
} types[] = {
#define TYPE(name, media)                                                      \
	{                                                                      \
		{ name, sizeof(name) - 1 }, MD_MEDIA_##media, MD_MEDIA_##media \
	}
#define STRIPPABLE(name, media, stripped)                                         \
	{                                                                         \
		{ name, sizeof(name) - 1 }, MD_MEDIA_##media, MD_MEDIA_##stripped \
	}
	TYPE("application/json", JSON),
	TYPE("*/*", ANY),
	STRIPPABLE("application/vnd.pgrst.object+json", OBJECT, OBJECT_STRIPPED),
	STRIPPABLE("application/vnd.pgrst.object", OBJECT, OBJECT_STRIPPED),
	STRIPPABLE("application/vnd.pgrst.array+json", JSON, ARRAY_STRIPPED),
	STRIPPABLE("application/vnd.pgrst.array", JSON, ARRAY_STRIPPED),
	TYPE("text/csv", CSV),
	TYPE("application/openapi+json", OPENAPI),
	TYPE("application/vnd.pgrst.plan", PLAN),
	TYPE("application/vnd.pgrst.plan+json", PLAN),
	TYPE("application/vnd.pgrst.plan+text", PLAN),
	TYPE("application/geo+json", GEOJSON),
	TYPE("text/plain", TEXT),
	TYPE("text/html", HTML),
	TYPE("application/x-ndjson", NDJSON),
	TYPE("application/problem+json", PROBLEM),
	TYPE("application/*", ANY),
#undef STRIPPABLE
#undef TYPE
};

/* One media range. Ordered by q, then by how much it says, then by place. */
struct entry {
	struct md_str text; /* without q and what follows it */
	enum md_media media;
	double q;
	int specificity;
};

/* The next part up to `separator`, outside quotes, trimmed. */
static struct md_str next_part(const char **p, const char *end, char separator)
{
	const char *begin = *p, *stop = begin;
	bool quoted = false;

	for (; stop < end && (quoted || *stop != separator); stop++) {
		if (*stop == '"')
			quoted = !quoted;
		else if (*stop == '\\' && quoted && stop + 1 < end)
			stop++;
	}
	*p = stop < end ? stop + 1 : end;
	return md_str_trim((struct md_str){ begin, (size_t)(stop - begin) });
}

static bool is_q(struct md_str parameter)
{
	return parameter.len >= 2 && (parameter.ptr[0] | 0x20) == 'q' && parameter.ptr[1] == '=';
}

static struct entry read_entry(struct md_str text)
{
	const char *p = text.ptr, *end = text.ptr + text.len;
	struct md_str name = next_part(&p, end, ';');
	struct entry entry = { .text = text, .media = MD_MEDIA_OTHER, .q = 1 };
	bool stripped = false;

	for (size_t i = 0; i < name.len; i++)
		entry.specificity -= name.ptr[i] == '*';
	while (p < end) {
		struct md_str rest = { text.ptr, (size_t)(p - text.ptr) - 1 };
		struct md_str parameter = next_part(&p, end, ';');

		if (is_q(parameter)) {
			parameter.ptr += 2;
			parameter.len -= 2;
			if (!md_str_to_double(parameter, &entry.q))
				entry.q = 1;
			entry.text = md_str_trim(rest);
			break;
		}
		stripped = stripped || md_str_equal_nocase(parameter, MD_STR("nulls=stripped"));
		entry.specificity++;
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (md_str_equal_nocase(types[i].name, name))
			entry.media = stripped ? types[i].stripped : types[i].media;
	return entry;
}

static bool is_better(const struct entry *a, const struct entry *b)
{
	return a->q > b->q || (a->q == b->q && a->specificity > b->specificity);
}

void md_accept_parse(struct md_str header, struct md_accept *ret_accept)
{
	const char *p = header.ptr, *end = header.ptr + header.len;
	struct entry entries[MD_ACCEPT_MAX];
	unsigned count = 0, refused = 0, i;

	while (p < end && count < MD_ACCEPT_MAX) {
		struct md_str text = next_part(&p, end, ',');
		struct entry entry;

		if (text.len == 0)
			continue;
		entry = read_entry(text);
		if (entry.q <= 0) {
			refused |= 1u << entry.media;
			continue;
		}
		for (i = count++; i > 0 && is_better(&entry, &entries[i - 1]); i--)
			entries[i] = entries[i - 1];
		entries[i] = entry;
	}
	for (i = 0; i < count; i++) {
		ret_accept->media[i] = entries[i].media;
		ret_accept->text[i] = entries[i].text;
	}
	ret_accept->count = count;
	ret_accept->refused = refused;
}
