/* The tree as a query string. */
#include "core/query/scan.h"

#include "core/base/banned.h"

/* Bytes that are written as they are: all but those that split, decode or end a parameter. */
static const char plain[] = " !\"#$'()*,-./:<=>?@[\\]^_`{|}~";
static const char plain_in_name[] = " !\"#$'()*,-./:<>?@[\\]^_`{|}~";

static const char *const operator_names[] = {
	[MD_OP_EQ] = "eq",
	[MD_OP_NEQ] = "neq",
	[MD_OP_GT] = "gt",
	[MD_OP_GTE] = "gte",
	[MD_OP_LT] = "lt",
	[MD_OP_LTE] = "lte",
	[MD_OP_LIKE] = "like",
	[MD_OP_ILIKE] = "ilike",
	[MD_OP_MATCH] = "match",
	[MD_OP_IMATCH] = "imatch",
	[MD_OP_IN] = "in",
	[MD_OP_IS] = "is",
	[MD_OP_ISDISTINCT] = "isdistinct",
	[MD_OP_FTS] = "fts",
	[MD_OP_PLFTS] = "plfts",
	[MD_OP_PHFTS] = "phfts",
	[MD_OP_WFTS] = "wfts",
	[MD_OP_CS] = "cs",
	[MD_OP_CD] = "cd",
	[MD_OP_OV] = "ov",
	[MD_OP_SL] = "sl",
	[MD_OP_SR] = "sr",
	[MD_OP_NXR] = "nxr",
	[MD_OP_NXL] = "nxl",
	[MD_OP_ADJ] = "adj",
};
static const char *const truth_names[] = {
	[MD_IS_NULL] = "null",   [MD_IS_NOT_NULL] = "not_null", [MD_IS_TRUE] = "true",
	[MD_IS_FALSE] = "false", [MD_IS_UNKNOWN] = "unknown",
};
static const char *const aggregate_names[] = {
	[MD_AGG_COUNT] = "count", [MD_AGG_SUM] = "sum", [MD_AGG_AVG] = "avg",
	[MD_AGG_MIN] = "min",     [MD_AGG_MAX] = "max",
};

/* A way from the root to a level, as names of parameters say it. */
struct way {
	const struct way *up;
	struct md_str name;
};

struct printer {
	const struct md_query *query;
	struct md_buf *out;
	bool in_name;  /* = must be encoded, too */
	bool followed; /* something was written: & comes next */
};

static void put(struct printer *printer, struct md_str text)
{
	md_uri_encode(printer->out, text, printer->in_name ? plain_in_name : plain);
}

static void put_text(struct printer *printer, const char *literal)
{
	put(printer, md_str_of(literal));
}

static void put_quoted(struct printer *printer, struct md_str text)
{
	put_text(printer, "\"");
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			put_text(printer, "\\");
		put(printer, (struct md_str){ text.ptr + i, 1 });
	}
	put_text(printer, "\"");
}

static bool is_plain_name(struct md_str name)
{
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '$' || c >= 0x80))
			return false;
	}
	return name.len > 0;
}

/* Words that mean something else where a name can stand. */
static bool is_word(struct md_str name)
{
	static const char *const words[] = { "select",      "order",   "limit", "offset", "and",
					     "or",          "columns", "not",   "depth",  "left",
					     "on_conflict", "inner",   "count" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (md_str_is(name, words[i]))
			return true;
	return false;
}

static void put_name(struct printer *printer, struct md_str name)
{
	if (is_plain_name(name) && !is_word(name))
		put(printer, name);
	else
		put_quoted(printer, name);
}

/* Blanks and hyphens stand in many names, and are not misread where nothing follows but "=". */
static bool is_plain_key(struct md_str name)
{
	for (size_t i = 0; i < name.len; i++) {
		bool edge = i == 0 || i + 1 == name.len;
		bool inner = name.ptr[i] == ' ' || name.ptr[i] == '-';

		if (!is_plain_name((struct md_str){ name.ptr + i, 1 }) && (edge || !inner))
			return false;
	}
	return name.len > 0 && !is_word(name);
}

void md_query_print_key(struct md_str name, struct md_buf *out)
{
	md_auto_buf text = MD_BUF(64 * 1024);
	bool quoted = !is_plain_key(name);

	md_buf_puts(&text, quoted ? "\"" : "");
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '"' || name.ptr[i] == '\\')
			md_buf_putc(&text, '\\');
		md_buf_putc(&text, name.ptr[i]);
	}
	md_buf_puts(&text, quoted ? "\"" : "");
	md_buf_inherit(out, &text);
	md_uri_encode(out, md_buf_str(&text), "-_.~");
}

static void put_column(struct printer *printer, const struct md_column_ref *column)
{
	put_name(printer, column->name);
	for (unsigned i = 0; i < column->path_len; i++) {
		const struct md_json_step *step = &column->path[i];

		put_text(printer, step->as_text ? "->>" : "->");
		if (step->is_index)
			md_buf_put_i64(printer->out, step->index);
		else if (step->key.len > 0 && step->key.ptr[0] >= '0' && step->key.ptr[0] <= '9')
			put_quoted(printer, step->key);
		else
			put_name(printer, step->key);
	}
}

static void put_items(struct printer *printer, const struct md_select *item);

static void put_embed(struct printer *printer, const struct md_embed *embed)
{
	if (embed->spread)
		put_text(printer, "...");
	if (md_str_is_given(embed->alias)) {
		put_name(printer, embed->alias);
		put_text(printer, ":");
	}
	put_name(printer, embed->relation);
	if (md_str_is_given(embed->hint)) {
		put_text(printer, "!");
		put_name(printer, embed->hint);
	}
	if (embed->join != MD_JOIN_DEFAULT)
		put_text(printer, embed->join == MD_JOIN_INNER ? "!inner" : "!left");
	put_text(printer, "(");
	put_items(printer, embed->level.select);
	put_text(printer, ")");
}

static void put_cast(struct printer *printer, struct md_str cast)
{
	if (!md_str_is_given(cast))
		return;
	put_text(printer, "::");
	/* a type is never quoted; one of blanks only has become empty */
	put(printer, cast.len > 0 ? cast : MD_STR(" "));
}

static void put_select_column(struct printer *printer, const struct md_select *item)
{
	if (md_str_is_given(item->alias)) {
		put_name(printer, item->alias);
		put_text(printer, ":");
	}
	if (!md_str_is_given(item->column.name)) {
		put_text(printer, "count()");
	} else {
		put_column(printer, &item->column);
		put_cast(printer, item->cast);
		if (item->aggregate != MD_AGG_NONE) {
			put_text(printer, ".");
			put_text(printer, aggregate_names[item->aggregate]);
			put_text(printer, "()");
		}
	}
	put_cast(printer, item->aggregate_cast);
}

static void put_items(struct printer *printer, const struct md_select *item)
{
	for (; item; item = item->next) {
		switch (item->kind) {
		case MD_SELECT_STAR:
			put_text(printer, "*");
			break;
		case MD_SELECT_COLUMN:
			put_select_column(printer, item);
			break;
		case MD_SELECT_EMBED:
			put_embed(printer, item->embed);
			break;
		}
		if (item->next)
			put_text(printer, ",");
	}
}

/* An array literal in quotes if it stands in a tree. Its own quotes need a second escape then. */
static void put_array(struct printer *printer, const struct md_filter *filter, bool in_tree)
{
	const char *quote = in_tree ? "\\\"" : "\"";

	put_text(printer, in_tree ? "\"{" : "{");
	for (unsigned i = 0; i < filter->value_count; i++) {
		struct md_str value = printer->query->values[filter->value + i];

		put_text(printer, i ? "," : "");
		if (!md_str_is_given(value)) {
			put_text(printer, "NULL");
			continue;
		}
		put_text(printer, quote);
		for (size_t j = 0; j < value.len; j++) {
			bool escape = value.ptr[j] == '"' || value.ptr[j] == '\\';

			if (escape)
				put_text(printer, in_tree ? "\\\\\\" : "\\");
			put(printer, (struct md_str){ value.ptr + j, 1 });
		}
		put_text(printer, quote);
	}
	put_text(printer, in_tree ? "}\"" : "}");
}

static void put_value(struct printer *printer, const struct md_filter *filter, bool in_tree)
{
	const struct md_str *values = printer->query->values + filter->value;

	if (filter->op == MD_OP_IS) {
		put_text(printer, truth_names[filter->is]);
	} else if (filter->op == MD_OP_IN) {
		put_text(printer, "(");
		for (unsigned i = 0; i < filter->value_count; i++) {
			put_text(printer, i ? "," : "");
			put_quoted(printer, values[i]);
		}
		put_text(printer, ")");
	} else if (filter->quantifier != MD_QUANT_NONE) {
		put_array(printer, filter, in_tree);
	} else if (in_tree) {
		put_quoted(printer, values[0]);
	} else {
		put(printer, values[0]);
	}
}

static void put_operation(struct printer *printer, const struct md_filter *filter, bool in_tree)
{
	if (filter->negated)
		put_text(printer, "not.");
	put_text(printer, operator_names[filter->op]);
	if (filter->quantifier != MD_QUANT_NONE)
		put_text(printer, filter->quantifier == MD_QUANT_ANY ? "(any)" : "(all)");
	if (md_str_is_given(filter->language)) {
		put_text(printer, "(");
		put(printer, filter->language.len > 0 ? filter->language : MD_STR(" "));
		put_text(printer, ")");
	}
	put_text(printer, ".");
	put_value(printer, filter, in_tree);
}

static void put_logic(struct printer *printer, const struct md_logic *node)
{
	put_text(printer, "(");
	for (node = node->child; node; node = node->next) {
		if (node->kind == MD_LOGIC_LEAF) {
			put_column(printer, &node->leaf.column);
			put_text(printer, ".");
			put_operation(printer, &node->leaf, true);
		} else {
			put_text(printer, node->negated ? "not." : "");
			put_text(printer, node->kind == MD_LOGIC_OR ? "or" : "and");
			put_logic(printer, node);
		}
		put_text(printer, node->next ? "," : "");
	}
	put_text(printer, ")");
}

static void put_way(struct printer *printer, const struct way *way)
{
	if (!way->up)
		return;
	put_way(printer, way->up);
	put_name(printer, way->name);
	put_text(printer, ".");
}

/* The name of a parameter up to its last word, with & before it. */
static void begin(struct printer *printer, const struct way *way)
{
	if (printer->followed)
		md_buf_putc(printer->out, '&');
	printer->followed = true;
	printer->in_name = true;
	if (way)
		put_way(printer, way);
}

static void equals(struct printer *printer)
{
	md_buf_putc(printer->out, '=');
	printer->in_name = false;
}

static void put_order(struct printer *printer, const struct md_order *term)
{
	for (; term; term = term->next) {
		bool related = md_str_is_given(term->relation);

		if (related) {
			put_name(printer, term->relation);
			put_text(printer, "(");
		}
		put_column(printer, &term->column);
		put_text(printer, related ? ")" : "");
		if (term->direction != MD_DIR_DEFAULT)
			put_text(printer, term->direction == MD_DIR_ASC ? ".asc" : ".desc");
		if (term->nulls != MD_NULLS_DEFAULT)
			put_text(printer,
				 term->nulls == MD_NULLS_FIRST ? ".nullsfirst" : ".nullslast");
		put_text(printer, term->next ? "," : "");
	}
}

static void put_where(struct printer *printer, const struct way *way, const struct md_logic *node)
{
	for (; node; node = node->next) {
		begin(printer, way);
		if (node->kind == MD_LOGIC_LEAF) {
			put_column(printer, &node->leaf.column);
			equals(printer);
			put_operation(printer, &node->leaf, false);
			continue;
		}
		put_text(printer, node->negated ? "not." : "");
		put_text(printer, node->kind == MD_LOGIC_OR ? "or" : "and");
		equals(printer);
		put_logic(printer, node);
	}
}

static void put_number(struct printer *printer, const struct way *way, const char *name,
		       int64_t value)
{
	begin(printer, way);
	put_text(printer, name);
	equals(printer);
	md_buf_put_i64(printer->out, value);
}

/* The parameters of a level and of those below it. */
static void put_level(struct printer *printer, const struct way *way, const struct md_level *level)
{
	put_where(printer, way, level->where);
	if (level->order) {
		begin(printer, way);
		put_text(printer, "order");
		equals(printer);
		put_order(printer, level->order);
	}
	if (level->has_limit)
		put_number(printer, way, "limit", level->limit);
	if (level->has_offset)
		put_number(printer, way, "offset", level->offset);
	for (const struct md_select *item = level->select; item; item = item->next) {
		struct way down = { .up = way };

		if (item->kind != MD_SELECT_EMBED)
			continue;
		down.name = md_str_is_given(item->embed->alias) && !item->embed->legacy_name
				    ? item->embed->alias
				    : item->embed->relation;
		put_level(printer, &down, &item->embed->level);
	}
}

static void put_parameter(struct printer *printer, const char *name, struct md_str value)
{
	if (!md_str_is_given(value))
		return;
	begin(printer, NULL);
	put_text(printer, name);
	equals(printer);
	put(printer, value);
}

void md_query_print(const struct md_query *query, struct md_buf *out)
{
	struct printer printer = { .query = query, .out = out };
	struct way root = { .up = NULL };

	if (query->has_select) {
		begin(&printer, NULL);
		put_text(&printer, "select");
		equals(&printer);
		put_items(&printer, query->root.select);
	}
	put_parameter(&printer, "columns", query->columns);
	put_parameter(&printer, "on_conflict", query->on_conflict);
	if (query->has_depth)
		put_number(&printer, NULL, "depth", query->depth);
	put_level(&printer, &root, &query->root);
}
