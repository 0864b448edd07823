/* select=: columns, casts, aggregates, embeds. */
#include "core/query/scan.h"

#include "core/base/banned.h"

#define ITEM_END (MD_EXPECT(CLOSE) | MD_EXPECT(LATE_COMMA) | MD_EXPECT(END))

static enum md_code parse_items(struct md_scan *scan, unsigned depth, struct md_select **ret_items);

static bool at_item_end(const struct md_scan *scan)
{
	return scan->p == scan->end || *scan->p == ',' || *scan->p == ')';
}

static enum md_code expect_item_end(struct md_scan *scan)
{
	md_scan_blanks(scan);
	md_scan_expect(scan, ITEM_END);
	return at_item_end(scan) ? MD_OK : md_scan_fail(scan);
}

/* ::type, or nothing. */
static enum md_code parse_cast(struct md_scan *scan, uint64_t expected, struct md_str *ret_cast)
{
	md_scan_expect(scan, expected);
	if (!md_scan_is(scan, ':'))
		return MD_OK;
	if (!md_scan_sees(scan, "::"))
		return md_scan_fail_at(scan, scan->p, scan->p + 1, MD_EXPECT(CAST));
	scan->p += 2;
	return md_scan_identifier(scan, ret_cast);
}

/* Behind the point of an aggregate that is none: what parsec would have tried. */
static enum md_code fail_aggregate(struct md_scan *scan, const char *name)
{
	static const struct {
		const char *name;
		uint64_t expected;
	} tried[] = { { "sum", MD_EXPECT(SUM) },
		      { "avg", MD_EXPECT(AVG) },
		      { "count", MD_EXPECT(COUNT) } };

	for (size_t i = 0; i < sizeof(tried) / sizeof(tried[0]); i++)
		if (name < scan->end && *name == tried[i].name[0])
			return md_scan_fail_at(scan, name,
					       md_scan_differs(scan, name, tried[i].name),
					       tried[i].expected);
	return md_scan_fail_at(scan, name, name,
			       MD_EXPECT(SUM) | MD_EXPECT(AVG) | MD_EXPECT(COUNT) | MD_EXPECT(MAX) |
				       MD_EXPECT(MIN));
}

/* .sum(), or nothing. */
static enum md_code parse_aggregate(struct md_scan *scan, enum md_aggregate *ret_aggregate)
{
	static const struct {
		const char *name;
		enum md_aggregate aggregate;
	} names[] = { { "sum", MD_AGG_SUM },
		      { "avg", MD_AGG_AVG },
		      { "count", MD_AGG_COUNT },
		      { "max", MD_AGG_MAX },
		      { "min", MD_AGG_MIN } };

	md_scan_expect(scan, MD_EXPECT(DOT));
	if (!md_scan_is(scan, '.'))
		return MD_OK;
	scan->p++;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!md_scan_sees(scan, names[i].name))
			continue;
		scan->p += strlen(names[i].name);
		if (!md_scan_sees(scan, "()"))
			return md_scan_fail_at(scan, scan->p, md_scan_differs(scan, scan->p, "()"),
					       MD_EXPECT(CALL));
		scan->p += 2;
		*ret_aggregate = names[i].aggregate;
		return MD_OK;
	}
	return fail_aggregate(scan, scan->p);
}

static enum md_code parse_column(struct md_scan *scan, struct md_select *item)
{
	enum md_code code = md_scan_path(scan, &item->column);

	item->kind = MD_SELECT_COLUMN;
	if (code)
		return code;
	md_scan_blanks(scan);
	code = parse_cast(scan, MD_EXPECT(CAST), &item->cast);
	if (code)
		return code;
	code = parse_aggregate(scan, &item->aggregate);
	if (code)
		return code;
	code = parse_cast(scan, MD_EXPECT(LATE_CAST), &item->aggregate_cast);
	return code ? code : expect_item_end(scan);
}

/* count()[::type]; false: it is something else, nothing was read. */
static bool parse_count(struct md_scan *scan, struct md_select *item)
{
	struct md_scan before = *scan;
	struct md_str cast = { NULL, 0 };

	if (!md_str_is(item->column.name, "count") || !md_scan_sees(scan, "()"))
		return false;
	scan->p += 2;
	scan->into.err = NULL;
	if (parse_cast(scan, 0, &cast) == MD_OK && expect_item_end(scan) == MD_OK) {
		scan->into.err = before.into.err;
		item->kind = MD_SELECT_COLUMN;
		item->column.name = (struct md_str){ NULL, 0 };
		item->aggregate = MD_AGG_COUNT;
		item->aggregate_cast = cast;
		return true;
	}
	*scan = before;
	return false;
}

/* !hint and !inner or !left, in any order. */
static enum md_code parse_hints(struct md_scan *scan, struct md_embed *embed)
{
	enum md_code code;

	for (int i = 0; i < 2; i++) {
		struct md_str name;
		bool quoted;

		md_scan_expect(scan, MD_EXPECT(BANG));
		if (!md_scan_is(scan, '!'))
			break;
		scan->p++;
		quoted = md_scan_is(scan, '"');
		code = md_scan_name(scan, &name);
		if (code)
			return code;
		if (!quoted && (md_str_is(name, "left") || md_str_is(name, "inner"))) {
			if (embed->join == MD_JOIN_DEFAULT)
				embed->join = name.ptr[0] == 'l' ? MD_JOIN_LEFT : MD_JOIN_INNER;
		} else if (!md_str_is_given(embed->hint)) {
			embed->hint = name;
		}
	}
	md_scan_expect(scan, MD_EXPECT(OPEN));
	return md_scan_is(scan, '(') ? MD_OK : md_scan_fail(scan);
}

/* (…) of an embed. */
static enum md_code parse_embed(struct md_scan *scan, unsigned depth, struct md_select *item,
				struct md_embed *embed)
{
	enum md_code code = md_compose_embed_item(&scan->into, depth, item, embed);

	if (code)
		return code;
	scan->p++;
	code = parse_items(scan, depth + 1, &embed->level.select);
	if (code)
		return code;
	md_scan_expect(scan, MD_EXPECT(COMMA) | MD_EXPECT(CLOSE));
	if (!md_scan_is(scan, ')'))
		return md_scan_fail(scan);
	scan->p++;
	return MD_OK;
}

static enum md_code parse_spread(struct md_scan *scan, unsigned depth, struct md_select *item)
{
	struct md_embed *embed;
	enum md_code code = md_compose_embed(&scan->into, &embed);

	if (code)
		return code;
	embed->spread = true;
	scan->p += 3;
	code = md_scan_name(scan, &embed->relation);
	if (code)
		return code;
	code = parse_hints(scan, embed);
	return code ? code : parse_embed(scan, depth, item, embed);
}

/* Behind the name: is this an embed? false: no, nothing was read; *ret_code: memory. */
static bool try_hints(struct md_scan *scan, struct md_select *item, struct md_embed **ret_embed,
		      enum md_code *ret_code)
{
	struct md_scan before = *scan;
	struct md_embed *embed;

	*ret_code = MD_OK;
	if (!md_scan_is(scan, '!') &&
	    (!md_scan_is(scan, '(') || md_str_is(item->column.name, "count")))
		return false;
	*ret_code = md_compose_embed(&scan->into, &embed);
	if (*ret_code)
		return false;
	scan->into.err = NULL;
	if (parse_hints(scan, embed) == MD_OK) {
		scan->into.err = before.into.err;
		embed->relation = item->column.name;
		item->column.name = (struct md_str){ NULL, 0 };
		*ret_embed = embed;
		return true;
	}
	*scan = before;
	return false;
}

/* [alias:]name */
static enum md_code parse_names(struct md_scan *scan, struct md_select *item)
{
	enum md_code code;

	md_scan_expect(scan, MD_EXPECT(SPREAD) | MD_EXPECT(STAR) | MD_EXPECT(COUNT_CALL));
	code = md_scan_name(scan, &item->column.name);
	if (code || !md_scan_is(scan, ':') || md_scan_sees(scan, "::"))
		return code;
	scan->p++;
	item->alias = item->column.name;
	md_scan_blanks(scan);
	md_scan_expect(scan, MD_EXPECT(COUNT_CALL));
	return md_scan_name(scan, &item->column.name);
}

static enum md_code parse_item(struct md_scan *scan, unsigned depth, struct md_select *item)
{
	struct md_embed *embed;
	enum md_code code;

	if (md_scan_sees(scan, "..."))
		return parse_spread(scan, depth, item);
	if (md_scan_is(scan, '*')) {
		scan->p++;
		return expect_item_end(scan);
	}
	code = parse_names(scan, item);
	if (code)
		return code;
	if (try_hints(scan, item, &embed, &code))
		return parse_embed(scan, depth, item, embed);
	if (code || parse_count(scan, item))
		return code;
	return parse_column(scan, item);
}

/* Items up to `)` or the end; blank: none. */
static enum md_code parse_items(struct md_scan *scan, unsigned depth, struct md_select **ret_items)
{
	struct md_select **tail = ret_items;
	unsigned count = 0;
	enum md_code code;

	md_scan_blanks(scan);
	if (scan->p == scan->end || *scan->p == ')')
		return MD_OK;
	for (;;) {
		struct md_select *item;

		code = md_compose_item(&scan->into, count++, &item);
		if (code)
			return code;
		code = parse_item(scan, depth, item);
		if (code)
			return code;
		*tail = item;
		tail = &item->next;
		md_scan_blanks(scan);
		if (!md_scan_is(scan, ','))
			return MD_OK;
		scan->p++;
		md_scan_blanks(scan);
	}
}

/* What stands behind a complete list is not looked at, as in PostgREST. */
enum md_code md_parse_select(struct md_scan *scan)
{
	return parse_items(scan, 0, &scan->into.query->root.select);
}
