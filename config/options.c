#include "config/options.h"

#include <assert.h>
#include <stdio.h>

#include "config/suggest.h"

#include "core/base/banned.h"

#define SECONDS(n) ((n)*INT64_C(1000))
#define HOURS(n)   (SECONDS(3600) * (n))
#define DAYS(n)    (HOURS(24) * (n))
#define KIB(n)     ((n)*INT64_C(1024))
#define MIB(n)     (KIB(1024) * (n))
#define GIB(n)     (MIB(1024) * (n))
#define RELOAD     MD_OPTION_RELOAD
#define SECRET     MD_OPTION_SECRET
#define OFF        MD_OPTION_OFF
#define IDLE       MD_OPTION_IDLE
#define GUARD      MD_OPTION_GUARD
#define PART       MD_OPTION_PART

/* clang-format off */
static const struct md_option table[] = {
#define OPTION(name, type, def, min, max, flags, help) \
	{ #name, def, help, min, max, offsetof(struct md_options, name), MD_OPT_##type, flags },
#include "config/options.def"
};

static const struct alias {
	const char *name;
	unsigned id;
} aliases[] = {
#define ALIAS(alias, option) { #alias, MD_OPTION_##option },
#include "config/options.def"
};

static const struct choice {
	unsigned id;
	int value;
	const char *text;
} choices[] = {
#define CHOICE(option, constant, value, text) { MD_OPTION_##option, constant, text },
#include "config/options.def"
};

static const struct {
	unsigned id, other;
} same_choices[] = {
#define SAME_CHOICE(option, other) { MD_OPTION_##option, MD_OPTION_##other },
#include "config/options.def"
};

static const struct {
	unsigned first;
	const char *title;
} groups[] = {
#define GROUP(first, title) { MD_OPTION_##first, title },
#include "config/options.def"
};
/* clang-format on */

struct unit {
	const char *name;
	uint64_t factor;
};
/* Longest first: the first factor that divides a value is how it is printed. */
static const struct unit duration_units[] = {
	{ "d", DAYS(1) }, { "h", HOURS(1) }, { "m", 60000 },
	{ "s", 1000 },    { "min", 60000 },  { "ms", 1 },
};
static const struct unit size_units[] = {
	{ "GiB", GIB(1) }, { "MiB", MIB(1) }, { "KiB", KIB(1) }, { "GB", GIB(1) }, { "MB", MIB(1) },
	{ "KB", KIB(1) },  { "G", GIB(1) },   { "M", MIB(1) },   { "K", KIB(1) },  { "B", 1 },
};
static const struct {
	const char *text;
	bool value;
} booleans[] = {
	{ "true", true },   { "yes", true }, { "on", true },   { "1", true },
	{ "false", false }, { "no", false }, { "off", false }, { "0", false },
};
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

const struct md_option *md_option_at(unsigned id)
{
	assert(id < MD_OPTION_COUNT);
	return &table[id];
}

static bool is_key(struct md_str key, const char *name)
{
	if (strlen(name) != key.len)
		return false;
	for (size_t i = 0; i < key.len; i++)
		if ((key.ptr[i] == '-' ? '_' : key.ptr[i]) != name[i])
			return false;
	return true;
}

bool md_option_find(struct md_str key, unsigned *ret_id)
{
	for (unsigned i = 0; i < MD_OPTION_COUNT; i++)
		if (is_key(key, table[i].name)) {
			*ret_id = i;
			return true;
		}
	for (size_t i = 0; i < LENGTH(aliases); i++)
		if (is_key(key, aliases[i].name)) {
			*ret_id = aliases[i].id;
			return true;
		}
	return false;
}

const char *md_option_suggest(struct md_str key)
{
	struct md_suggest suggest = { .word = key };

	for (unsigned i = 0; i < MD_OPTION_COUNT; i++)
		md_suggest_offer(&suggest, table[i].name);
	for (size_t i = 0; i < LENGTH(aliases); i++)
		md_suggest_offer(&suggest, aliases[i].name);
	return suggest.best;
}

const char *md_option_heading(unsigned id)
{
	for (size_t i = 0; i < LENGTH(groups); i++)
		if (groups[i].first == id)
			return groups[i].title;
	return NULL;
}

static void *member(unsigned id, struct md_options *options)
{
	return (char *)options + table[id].offset;
}

static const void *const_member(unsigned id, const struct md_options *options)
{
	return (const char *)options + table[id].offset;
}

static bool in_range(const struct md_option *option, int64_t value)
{
	if (option->min == 0 && option->max == 0)
		return true;
	return value >= option->min && value <= option->max;
}

/* "12", "1.5": a number without sign times `factor`; false when the result is no whole number. */
static bool scale(struct md_str number, uint64_t factor, uint64_t *ret_value)
{
	uint64_t value = 0, decimals = 0, divisor = 1, product;
	size_t i = 0;

	if (number.len == 0 || number.ptr[0] == '.')
		return false;
	for (; i < number.len && number.ptr[i] != '.'; i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (unsigned)(number.ptr[i] - '0'), &value))
			return false;
	if (__builtin_mul_overflow(value, factor, &value))
		return false;
	if (i < number.len && (++i == number.len || number.len - i > 6))
		return false;
	for (; i < number.len; i++) {
		if (number.ptr[i] == '.')
			return false;
		decimals = decimals * 10 + (unsigned)(number.ptr[i] - '0');
		divisor *= 10;
	}
	if (__builtin_mul_overflow(decimals, factor, &product) || product % divisor != 0)
		return false;
	return !__builtin_add_overflow(value, product / divisor, ret_value);
}

static bool parse_scaled(const struct unit *units, size_t count, struct md_str text, uint64_t plain,
			 uint64_t *ret_value)
{
	struct md_str number = { text.ptr, 0 }, unit;

	while (number.len < text.len &&
	       ((text.ptr[number.len] >= '0' && text.ptr[number.len] <= '9') ||
		text.ptr[number.len] == '.'))
		number.len++;
	unit = (struct md_str){ text.ptr + number.len, text.len - number.len };
	if (unit.len == 0)
		return scale(number, plain, ret_value);
	for (size_t i = 0; i < count; i++)
		if (md_str_equal_nocase(unit, md_str_of(units[i].name)))
			return scale(number, units[i].factor, ret_value);
	return false;
}

struct value {
	struct md_arena *arena;
	const struct md_option *option;
	unsigned id;
	struct md_str text;
	bool append;
	void *member;
};

static enum md_code parse_text(const struct value *v)
{
	char *copy = md_arena_strndup(v->arena, v->text.ptr, v->text.len);

	if (!copy)
		return MD_NOMEM;
	*(const char **)v->member = copy;
	return MD_OK;
}

/* Items separated by commas; an empty text is an empty list. */
static enum md_code parse_list(const struct value *v)
{
	struct md_option_list *list = v->member;
	struct md_str rest = md_str_trim(v->text);
	unsigned count = v->append ? list->count : 0, more = rest.len > 0;
	const char **items;

	for (size_t i = 0; i < rest.len; i++)
		more += rest.ptr[i] == ',';
	if (more > MD_OPTION_LIST_MAX || count + more > MD_OPTION_LIST_MAX)
		return MD_INVALID;
	items = md_arena_alloc(v->arena, (count + more) * sizeof(*items));
	if (!items)
		return MD_NOMEM;
	for (unsigned i = 0; i < count; i++)
		items[i] = list->items[i];
	for (; more > 0; more--) {
		const char *comma = memchr(rest.ptr, ',', rest.len);
		size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
		struct md_str item = md_str_trim((struct md_str){ rest.ptr, len });

		if (item.len == 0)
			return MD_INVALID;
		items[count] = md_arena_strndup(v->arena, item.ptr, item.len);
		if (!items[count++])
			return MD_NOMEM;
		if (comma)
			rest = (struct md_str){ comma + 1, rest.len - len - 1 };
	}
	*list = (struct md_option_list){ items, count };
	return MD_OK;
}

static enum md_code parse_bool(const struct value *v)
{
	for (size_t i = 0; i < LENGTH(booleans); i++)
		if (md_str_equal_nocase(v->text, md_str_of(booleans[i].text))) {
			*(bool *)v->member = booleans[i].value;
			return MD_OK;
		}
	return MD_INVALID;
}

static enum md_code parse_uint(const struct value *v)
{
	uint64_t value;

	if (!md_str_to_u64(v->text, &value) || value > UINT32_MAX ||
	    !in_range(v->option, (int64_t)value))
		return MD_INVALID;
	*(unsigned *)v->member = (unsigned)value;
	return MD_OK;
}

static enum md_code parse_int(const struct value *v)
{
	int64_t value;

	if (!md_str_to_i64(v->text, &value) || value < INT32_MIN || value > INT32_MAX ||
	    !in_range(v->option, value))
		return MD_INVALID;
	*(int *)v->member = (int)value;
	return MD_OK;
}

static enum md_code parse_count(const struct value *v)
{
	uint64_t value;

	if (!md_str_to_u64(v->text, &value) || value > INT64_MAX ||
	    !in_range(v->option, (int64_t)value))
		return MD_INVALID;
	*(uint64_t *)v->member = value;
	return MD_OK;
}

static enum md_code parse_duration(const struct value *v)
{
	uint64_t value;

	if ((v->option->flags & MD_OPTION_OFF) &&
	    (md_str_is(v->text, "-1") || md_str_equal_nocase(v->text, MD_STR("off"))))
		value = 0;
	else if (!parse_scaled(duration_units, LENGTH(duration_units), v->text, 1000, &value))
		return MD_INVALID;
	if (value > INT64_MAX || !in_range(v->option, (int64_t)value))
		return MD_INVALID;
	*(uint64_t *)v->member = value;
	return MD_OK;
}

static enum md_code parse_size(const struct value *v)
{
	uint64_t value;

	if (!parse_scaled(size_units, LENGTH(size_units), v->text, 1, &value) ||
	    value > INT64_MAX || !in_range(v->option, (int64_t)value))
		return MD_INVALID;
	*(uint64_t *)v->member = value;
	return MD_OK;
}

static unsigned choices_of(unsigned id)
{
	for (size_t i = 0; i < LENGTH(same_choices); i++)
		if (same_choices[i].id == id)
			return same_choices[i].other;
	return id;
}

static const struct choice *find_choice(unsigned id, struct md_str text)
{
	for (size_t i = 0; i < LENGTH(choices); i++)
		if (choices[i].id == id && md_str_equal_nocase(text, md_str_of(choices[i].text)))
			return &choices[i];
	return NULL;
}

/* Where true and false are choices, the other spellings of them are, too. */
static enum md_code parse_choice(const struct value *v)
{
	unsigned id = choices_of(v->id);
	const struct choice *found = find_choice(id, v->text);

	for (size_t i = 0; !found && i < LENGTH(booleans); i++)
		if (md_str_equal_nocase(v->text, md_str_of(booleans[i].text)))
			found = find_choice(id,
					    booleans[i].value ? MD_STR("true") : MD_STR("false"));
	if (!found)
		return MD_INVALID;
	*(int *)v->member = found->value;
	return MD_OK;
}

static void put_scaled(struct md_buf *out, const struct unit *units, size_t count, uint64_t value)
{
	for (size_t i = 0; i < count; i++) {
		assert(units[i].factor > 0);
		if (value >= units[i].factor && value % units[i].factor == 0) {
			md_buf_printf(out, "%llu%s", (unsigned long long)(value / units[i].factor),
				      units[i].name);
			return;
		}
	}
	md_buf_putc(out, '0');
}

static void put_text(unsigned id, const void *from, struct md_buf *out)
{
	(void)id;
	md_buf_puts(out, *(const char *const *)from);
}

static void put_list(unsigned id, const void *from, struct md_buf *out)
{
	const struct md_option_list *list = from;

	(void)id;
	for (unsigned i = 0; i < list->count; i++) {
		md_buf_puts(out, i > 0 ? "," : "");
		md_buf_puts(out, list->items[i]);
	}
}

static void put_bool(unsigned id, const void *from, struct md_buf *out)
{
	(void)id;
	md_buf_puts(out, *(const bool *)from ? "true" : "false");
}

static void put_uint(unsigned id, const void *from, struct md_buf *out)
{
	(void)id;
	md_buf_put_i64(out, *(const unsigned *)from);
}

static void put_int(unsigned id, const void *from, struct md_buf *out)
{
	(void)id;
	md_buf_put_i64(out, *(const int *)from);
}

static void put_count(unsigned id, const void *from, struct md_buf *out)
{
	(void)id;
	md_buf_put_i64(out, (int64_t) * (const uint64_t *)from);
}

static void put_duration(unsigned id, const void *from, struct md_buf *out)
{
	uint64_t value = *(const uint64_t *)from;

	if (value == 0 && (table[id].flags & MD_OPTION_OFF))
		md_buf_puts(out, "off");
	else
		put_scaled(out, duration_units, LENGTH(duration_units), value);
}

static void put_size(unsigned id, const void *from, struct md_buf *out)
{
	(void)id;
	put_scaled(out, size_units, LENGTH(size_units), *(const uint64_t *)from);
}

static void put_choice(unsigned id, const void *from, struct md_buf *out)
{
	unsigned set = choices_of(id);

	for (size_t i = 0; i < LENGTH(choices); i++)
		if (choices[i].id == set && choices[i].value == *(const int *)from)
			md_buf_puts(out, choices[i].text);
}

/* What differs between the types. */
static const struct type {
	enum md_code (*parse)(const struct value *value);
	void (*put)(unsigned id, const void *from, struct md_buf *out);
	const char *expects;
	size_t size; /* members that are compared as bytes; 0: texts */
} types[] = {
	[MD_OPT_TEXT] = { parse_text, put_text, "a text of at most 64 KiB", 0 },
	[MD_OPT_LIST] = { parse_list, put_list, "a list separated by commas, without empty items",
			  0 },
	[MD_OPT_BOOL] = { parse_bool, put_bool, "true or false", sizeof(bool) },
	[MD_OPT_UINT] = { parse_uint, put_uint, "a whole number", sizeof(unsigned) },
	[MD_OPT_INT] = { parse_int, put_int, "a whole number", sizeof(int) },
	[MD_OPT_COUNT] = { parse_count, put_count, "a whole number", sizeof(uint64_t) },
	[MD_OPT_DURATION] = { parse_duration, put_duration, "a duration such as 500ms, 30s or 2m",
			      sizeof(uint64_t) },
	[MD_OPT_SIZE] = { parse_size, put_size, "a size such as 24KiB or 1MiB", sizeof(uint64_t) },
	[MD_OPT_CHOICE] = { parse_choice, put_choice, "one of", sizeof(int) },
};

enum md_code md_option_parse(struct md_arena *arena, unsigned id, struct md_str text, bool append,
			     struct md_options *options)
{
	const struct md_option *option = md_option_at(id);
	struct value value = { arena, option, id, text, append, member(id, options) };

	if (text.len > MD_OPTION_TEXT_MAX || (text.len > 0 && memchr(text.ptr, '\0', text.len)))
		return MD_INVALID;
	return types[option->type].parse(&value);
}

static void put_limit(const struct md_option *option, int64_t limit, struct md_buf *out)
{
	if (option->type == MD_OPT_DURATION)
		put_scaled(out, duration_units, LENGTH(duration_units), (uint64_t)limit);
	else if (option->type == MD_OPT_SIZE)
		put_scaled(out, size_units, LENGTH(size_units), (uint64_t)limit);
	else
		md_buf_put_i64(out, limit);
}

void md_option_expects(unsigned id, struct md_buf *out)
{
	const struct md_option *option = md_option_at(id);
	const char *between = " ";

	md_buf_puts(out, types[option->type].expects);
	if (option->type == MD_OPT_CHOICE)
		for (size_t i = 0; i < LENGTH(choices); i++)
			if (choices[i].id == choices_of(id)) {
				md_buf_printf(out, "%s%s", between, choices[i].text);
				between = ", ";
			}
	if (option->min != 0 || option->max != 0) {
		md_buf_puts(out, " from ");
		put_limit(option, option->min, out);
		md_buf_puts(out, " to ");
		put_limit(option, option->max, out);
	}
	if (option->flags & MD_OPTION_OFF)
		md_buf_puts(out, ", or off");
}

void md_option_format(unsigned id, const struct md_options *options, struct md_buf *out)
{
	types[md_option_at(id)->type].put(id, const_member(id, options), out);
}

static bool same_list(const struct md_option_list *a, const struct md_option_list *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

bool md_option_equal(unsigned id, const struct md_options *a, const struct md_options *b)
{
	const struct md_option *option = md_option_at(id);
	const void *left = const_member(id, a), *right = const_member(id, b);

	if (option->type == MD_OPT_LIST)
		return same_list(left, right);
	if (option->type == MD_OPT_TEXT)
		return strcmp(*(const char *const *)left, *(const char *const *)right) == 0;
	return memcmp(left, right, types[option->type].size) == 0;
}

enum md_code md_option_copy(struct md_arena *arena, unsigned id, const struct md_options *from,
			    struct md_options *to)
{
	const struct md_option *option = md_option_at(id);
	const struct md_option_list *list = const_member(id, from);
	const char **items;

	if (option->type == MD_OPT_TEXT) {
		const char *text = *(const char *const *)const_member(id, from);

		return md_option_parse(arena, id, md_str_of(text), false, to);
	}
	if (option->type != MD_OPT_LIST) {
		memcpy(member(id, to), const_member(id, from), types[option->type].size);
		return MD_OK;
	}
	items = md_arena_alloc(arena, list->count * sizeof(*items));
	if (!items)
		return MD_NOMEM;
	for (unsigned i = 0; i < list->count; i++) {
		items[i] = md_arena_strndup(arena, list->items[i], strlen(list->items[i]));
		if (!items[i])
			return MD_NOMEM;
	}
	*(struct md_option_list *)member(id, to) = (struct md_option_list){ items, list->count };
	return MD_OK;
}
