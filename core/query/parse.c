/* The query string: which parameter is what, and to which level it belongs. */
#include "core/query/scan.h"

#include "core/base/banned.h"

enum { FIRST_PATH = 4 };

const struct md_parse_limits md_parse_limits_default = {
	.parameters = 100,
	.embeds = 32,
	.embed_depth = 16,
	.filters = 64,
	.in_values = 1000,
	.order_terms = 8,
	.logic_depth = 8,
	.select_items = 500,
	.json_path = 16,
};

/* The embed that a parameter means by `name`: by alias or, without one, by what was embedded;
 * else, as PostgREST did once, by what was embedded in spite of its alias. */
static struct md_embed *find_embed(const struct md_level *level, struct md_str name)
{
	for (struct md_select *s = level->select; s; s = s->next)
		if (s->kind == MD_SELECT_EMBED &&
		    md_str_equal(md_str_is_given(s->embed->alias) ? s->embed->alias
								  : s->embed->relation,
				 name))
			return s->embed;
	for (struct md_select *s = level->select; s; s = s->next)
		if (s->kind == MD_SELECT_EMBED && md_str_equal(s->embed->relation, name)) {
			s->embed->legacy_name = true;
			return s->embed;
		}
	return NULL;
}

enum md_code md_scan_fail_embed(struct md_error *err, struct md_str name)
{
	md_fail(err, MD_INVALID, "PGRST108", "'%.*s' is not an embedded resource in this request",
		MD_STR_ARG(name));
	md_error_hint(err, "Verify that '%.*s' is included in the 'select' query parameter.",
		      MD_STR_ARG(name));
	return MD_INVALID;
}

static enum md_code find_level(struct md_scan *scan, const struct md_str *path, unsigned count,
			       struct md_level **ret_level)
{
	struct md_level *level = &scan->into.query->root;

	for (unsigned i = 0; i < count; i++) {
		struct md_embed *embed = find_embed(level, path[i]);

		if (!embed)
			return md_scan_fail_embed(scan->into.err, path[i]);
		level = &embed->level;
	}
	*ret_level = level;
	return MD_OK;
}

/* Names with points between: the levels, and at the end a column or a reserved word. */
static enum md_code parse_names(struct md_scan *scan, const char *what, struct md_str key,
				struct md_str **ret_names, unsigned *ret_count)
{
	struct md_str *names = NULL, *grown;
	unsigned count = 0, cap = 0;
	enum md_code code;

	md_scan_begin(scan, what, key);
	for (;; scan->p++) {
		if (count == cap) {
			cap = cap ? cap * 2 : FIRST_PATH;
			grown = md_arena_alloc(scan->into.arena, cap * sizeof(*names));
			if (!grown)
				return md_fail_nomem(scan->into.err);
			if (count)
				memcpy(grown, names, count * sizeof(*names));
			names = grown;
		}
		code = md_scan_name(scan, &names[count]);
		if (code)
			return code;
		count++;
		if (!md_scan_is(scan, '.'))
			break;
	}
	*ret_names = names;
	*ret_count = count;
	return MD_OK;
}

/* The level of a key and its last name. */
static enum md_code parse_key(struct md_scan *scan, struct md_str key, struct md_level **ret_level,
			      struct md_str *ret_name)
{
	struct md_str *names;
	unsigned count;
	enum md_code code;

	/* nearly every key is one plain name */
	md_scan_begin(scan, "failed to parse tree path", key);
	if (!memchr(key.ptr, '.', key.len)) {
		*ret_level = &scan->into.query->root;
		return md_scan_name(scan, ret_name);
	}
	code = parse_names(scan, "failed to parse tree path", key, &names, &count);
	if (code)
		return code;
	*ret_name = names[count - 1];
	return find_level(scan, names, count - 1, ret_level);
}

static enum md_code read_filter(struct md_scan *scan, const struct md_parameter *parameter)
{
	struct md_logic *node;
	struct md_level *level;
	enum md_code code = md_compose_node(&scan->into, MD_LOGIC_LEAF, &node);

	if (code)
		return code;
	code = parse_key(scan, parameter->name, &level, &node->leaf.column.name);
	if (code)
		return code;
	code = md_scan_path(scan, &node->leaf.column);
	if (code)
		return code;
	md_scan_begin(scan, "failed to parse filter", parameter->value);
	code = md_parse_operation(scan, false, &node->leaf);
	if (code)
		return code;
	md_compose_append(&level->where, node);
	return MD_OK;
}

/* [path.][not.]and=, or= */
static enum md_code read_logic(struct md_scan *scan, const struct md_parameter *parameter)
{
	struct md_logic *node;
	struct md_level *level;
	struct md_str *names;
	unsigned count, depth = 0;
	enum md_code code = md_compose_node(&scan->into, MD_LOGIC_AND, &node);

	if (code)
		return code;
	code = parse_names(scan, "failed to parse logic path", parameter->name, &names, &count);
	if (code)
		return code;
	for (unsigned i = 0; i + 1 < count; i++) {
		if (md_str_is(names[i], "not"))
			node->negated = true;
		else
			names[depth++] = names[i];
	}
	if (md_str_is(names[count - 1], "or"))
		node->kind = MD_LOGIC_OR;
	code = find_level(scan, names, depth, &level);
	if (code)
		return code;
	md_scan_begin(scan, "failed to parse logic tree", parameter->value);
	if (node->kind == MD_LOGIC_OR)
		scan->ahead = node->negated ? MD_STR("not.or") : MD_STR("or");
	else
		scan->ahead = node->negated ? MD_STR("not.and") : MD_STR("and");
	code = md_parse_logic(scan, 1, node);
	if (code)
		return code;
	md_compose_append(&level->where, node);
	return MD_OK;
}

/* Of several, the first. */
static enum md_code read_order(struct md_scan *scan, const struct md_parameter *parameter)
{
	struct md_level *level;
	struct md_order *order;
	struct md_str word;
	enum md_code code = parse_key(scan, parameter->name, &level, &word);

	if (code)
		return code;
	md_scan_begin(scan, "failed to parse order", parameter->value);
	code = md_parse_order(scan, &order);
	if (code == MD_OK && !level->order)
		level->order = order;
	return code;
}

/* An integer with blanks around; what does not fit is the nearest that does. */
static bool read_integer(struct md_str text, int64_t *ret_value)
{
	struct md_str digits = text = md_str_trim(text);
	bool negative = text.len > 0 && text.ptr[0] == '-';

	if (text.len > 0 && text.ptr[0] == '+')
		return false;
	digits.ptr += negative;
	digits.len -= negative;
	for (size_t i = 0; i < digits.len; i++)
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
			return false;
	if (digits.len == 0)
		return false;
	if (!md_str_to_i64(text, ret_value))
		*ret_value = negative ? INT64_MIN : INT64_MAX;
	return true;
}

/* Of several, the last; one that is no integer counts as not given, as in PostgREST. */
static enum md_code read_limit(struct md_scan *scan, const struct md_parameter *parameter)
{
	struct md_level *level;
	struct md_str word;
	enum md_code code = parse_key(scan, parameter->name, &level, &word);

	if (code)
		return code;
	level->limit = 0;
	level->has_limit = read_integer(parameter->value, &level->limit);
	return MD_OK;
}

static enum md_code read_offset(struct md_scan *scan, const struct md_parameter *parameter)
{
	struct md_level *level;
	struct md_str word;
	enum md_code code = parse_key(scan, parameter->name, &level, &word);

	if (code)
		return code;
	level->offset = 0;
	level->has_offset = read_integer(parameter->value, &level->offset);
	return MD_OK;
}

/* Column names with commas between; `ret_names` may be NULL to check only. */
static enum md_code read_columns(struct md_scan *scan, struct md_str *names, unsigned *ret_count)
{
	unsigned count = 0;
	struct md_str name;
	enum md_code code;

	for (;; count++) {
		code = md_scan_name(scan, &name);
		if (code)
			return code;
		if (names)
			names[count] = name;
		md_scan_blanks(scan);
		if (!md_scan_is(scan, ','))
			break;
		scan->p++;
		md_scan_blanks(scan);
	}
	*ret_count = count + 1;
	return MD_OK;
}

enum md_code md_parse_columns(struct md_arena *arena, struct md_str list, struct md_str **ret_names,
			      unsigned *ret_count, struct md_error *err)
{
	struct md_scan scan = { .into = { .arena = arena, .err = err } };
	struct md_str *names;
	size_t most = 1;
	enum md_code code;

	for (size_t i = 0; i < list.len; i++)
		most += list.ptr[i] == ',';
	names = md_arena_alloc(arena, most * sizeof(*names));
	if (!names)
		return md_fail_nomem(err);
	md_scan_begin(&scan, "failed to parse columns parameter", list);
	code = read_columns(&scan, names, ret_count);
	if (code == MD_OK)
		*ret_names = names;
	return code;
}

static enum md_code check_columns(struct md_scan *scan, const char *what, struct md_str list)
{
	unsigned count;

	md_scan_begin(scan, what, list);
	return read_columns(scan, NULL, &count);
}

/* The parameters without a level. Of several, the first. */
static enum md_code read_columns_parameter(struct md_scan *scan,
					   const struct md_parameter *parameter)
{
	if (md_str_is_given(scan->into.query->columns))
		return MD_OK;
	scan->into.query->columns = parameter->value;
	return check_columns(scan, "failed to parse columns parameter", parameter->value);
}

static enum md_code read_on_conflict(struct md_scan *scan, const struct md_parameter *parameter)
{
	if (md_str_is_given(scan->into.query->on_conflict))
		return MD_OK;
	scan->into.query->on_conflict = parameter->value;
	return check_columns(scan, "failed to parse on_conflict parameter", parameter->value);
}

/* select= was read before all others. */
static enum md_code skip(struct md_scan *scan, const struct md_parameter *parameter)
{
	(void)scan;
	(void)parameter;
	return MD_OK;
}

typedef enum md_code reader(struct md_scan *scan, const struct md_parameter *parameter);

static const struct reserved {
	struct md_str name;
	bool embeddable; /* may have the path of a level before it */
	reader *read;
} reserved[] = {
	{ { "select", 6 }, false, skip },
	{ { "order", 5 }, true, read_order },
	{ { "limit", 5 }, true, read_limit },
	{ { "offset", 6 }, true, read_offset },
	{ { "and", 3 }, true, read_logic },
	{ { "or", 2 }, true, read_logic },
	{ { "columns", 7 }, false, read_columns_parameter },
	{ { "on_conflict", 11 }, false, read_on_conflict },
};

/* A name is reserved by its last word, quoted or not. */
static reader *find_reader(struct md_str name)
{
	struct md_str last = name;

	for (size_t i = name.len; i > 0; i--)
		if (name.ptr[i - 1] == '.') {
			last.ptr = name.ptr + i;
			last.len = name.len - i;
			break;
		}
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (md_str_equal(reserved[i].embeddable ? last : name, reserved[i].name))
			return reserved[i].read;
	return read_filter;
}

static enum md_code read_select(struct md_scan *scan, const struct md_parameter *parameters,
				unsigned count)
{
	struct md_query *query = scan->into.query;

	for (unsigned i = 0; i < count; i++) {
		if (!md_str_is_given(parameters[i].value) ||
		    !md_str_is(parameters[i].name, "select"))
			continue;
		query->has_select = true;
		md_scan_begin(scan, "failed to parse select parameter", parameters[i].value);
		return md_parse_select(scan);
	}
	return md_compose_star(&scan->into);
}

/* depth= of item routes; false: it is a filter. */
static bool read_depth(struct md_query *query, const struct md_parameter *parameter)
{
	int64_t depth = 1;

	if (!md_str_is(parameter->name, "depth"))
		return false;
	if (parameter->value.len > 0 && !read_integer(parameter->value, &depth))
		return false;
	query->has_depth = true;
	query->depth = depth;
	return true;
}

enum md_code md_parse_query(struct md_arena *arena, struct md_str raw,
			    const struct md_parse_limits *limits, bool item_route,
			    struct md_query *ret_query, struct md_error *err)
{
	struct md_query query = { .value_count = 0 };
	struct md_scan scan = {
		.into = { .arena = arena, .limits = limits, .query = &query, .err = err },
	};
	struct md_parameter *parameters = NULL;
	unsigned count = 0;
	enum md_code code = MD_OK;

	if (raw.len > 0)
		code = md_uri_parameters(arena, raw, limits->parameters, &parameters, &count, err);
	if (code == MD_OK)
		code = read_select(&scan, parameters, count);
	for (unsigned i = 0; i < count && code == MD_OK; i++) {
		const struct md_parameter *parameter = &parameters[i];

		if (!md_str_is_given(parameter->value) || parameter->name.len == 0 ||
		    (item_route && read_depth(&query, parameter)))
			continue;
		code = find_reader(parameter->name)(&scan, parameter);
	}
	if (code == MD_OK)
		*ret_query = query;
	return code;
}
