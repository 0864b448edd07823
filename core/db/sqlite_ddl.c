#include "core/db/sqlite_ddl.h"

#include <string.h>

#include "core/base/sql_text.h"

#include "core/base/banned.h"

enum kind { END, WORD, QUOTED, PUNCT };

struct token {
	enum kind kind;
	const char *ptr; /* with quotes */
	size_t len;
};

struct scan {
	struct md_arena *arena;
	const char *at;
	struct token token; /* the current one */
	bool failed;        /* no memory */
};

static char closing_quote(char c)
{
	if (c == '[')
		return ']';
	return c == '"' || c == '\'' || c == '`' ? c : '\0';
}

/* The end of the quoted text at `p`; a doubled quote stands for one, but not in brackets. */
static const char *skip_quoted(const char *p, char quote)
{
	for (p++; *p; p++) {
		if (*p != quote)
			continue;
		if (quote == ']' || p[1] != quote)
			return p + 1;
		p++;
	}
	return p;
}

static void advance(struct scan *scan)
{
	const char *p = md_sql_skip_blank(scan->at);
	const char *end = p;
	enum kind kind = PUNCT;

	if (*p == '\0') {
		kind = END;
	} else if (closing_quote(*p)) {
		kind = QUOTED;
		end = skip_quoted(p, closing_quote(*p));
	} else if (md_sql_is_word(*p)) {
		kind = WORD;
		while (md_sql_is_word(*end))
			end++;
	} else {
		end++;
	}
	scan->token = (struct token){ kind, p, (size_t)(end - p) };
	scan->at = end;
}

static bool is(const struct scan *scan, const char *word)
{
	return scan->token.kind == WORD &&
	       md_str_equal_nocase((struct md_str){ scan->token.ptr, scan->token.len },
				   md_str_of(word));
}

static bool is_punct(const struct scan *scan, char c)
{
	return scan->token.kind == PUNCT && *scan->token.ptr == c;
}

static bool take(struct scan *scan, const char *word)
{
	if (!is(scan, word))
		return false;
	advance(scan);
	return true;
}

static bool is_name(const struct scan *scan)
{
	return scan->token.kind == WORD || scan->token.kind == QUOTED;
}

/* The current token without its quotes, in the arena; NULL: no memory. */
static const char *name_text(struct scan *scan)
{
	const struct token *token = &scan->token;
	char quote = token->kind == QUOTED ? closing_quote(*token->ptr) : '\0';
	char *text = md_arena_strndup(scan->arena, token->ptr, token->len);
	size_t len = 0;

	if (!text) {
		scan->failed = true;
		return NULL;
	}
	if (!quote)
		return text;
	for (size_t i = 1; i + 1 < token->len; i++) {
		text[len++] = token->ptr[i];
		if (token->ptr[i] == quote) /* the first of two */
			i++;
	}
	text[len] = '\0';
	return text;
}

static const char *take_name(struct scan *scan)
{
	const char *name = is_name(scan) ? name_text(scan) : NULL;

	if (is_name(scan))
		advance(scan);
	return name;
}

/* From the "(" to behind its ")". */
static void skip_parens(struct scan *scan)
{
	unsigned depth = 0;

	do {
		if (is_punct(scan, '('))
			depth++;
		else if (is_punct(scan, ')'))
			depth--;
		advance(scan);
	} while (depth > 0 && scan->token.kind != END);
}

static bool add_column(struct scan *scan, struct md_ddl_constraint *c, const char *name)
{
	/* Room for 1, 2, 4, 8 … names: grown when the count reaches a power of two. */
	if ((c->count & (c->count - 1)) == 0) {
		size_t room = c->count == 0 ? 1 : c->count * 2u;
		const char **columns = md_arena_alloc(scan->arena, room * sizeof(*columns));

		if (!columns) {
			scan->failed = true;
			return false;
		}
		if (c->count > 0)
			memcpy(columns, c->columns, c->count * sizeof(*columns));
		c->columns = columns;
	}
	c->columns[c->count++] = name;
	return true;
}

/* "(" name [COLLATE …] [ASC|DESC] "," … ")": the first name behind each bracket or comma counts. */
static void read_columns(struct scan *scan, struct md_ddl_constraint *c)
{
	bool first = true;

	if (!is_punct(scan, '('))
		return;
	advance(scan);
	while (scan->token.kind != END && !is_punct(scan, ')')) {
		if (is_punct(scan, '(')) {
			skip_parens(scan);
			continue;
		}
		if (first && is_name(scan)) {
			const char *name = name_text(scan);

			if (!name || !add_column(scan, c, name))
				return;
		}
		first = is_punct(scan, ',');
		advance(scan);
	}
	advance(scan);
}

struct parse {
	struct scan scan;
	struct md_ddl_constraint *first, **last;
	struct md_ddl_constraint *newest; /* a foreign key's clauses follow it */
	const char *column;  /* inside a column definition; NULL: among the table constraints */
	const char *pending; /* CONSTRAINT name, not used yet */
};

static struct md_ddl_constraint *add(struct parse *parse, enum md_ddl_kind kind)
{
	struct md_ddl_constraint *c = md_arena_zalloc(parse->scan.arena, sizeof(*c));

	if (!c) {
		parse->scan.failed = true;
		return NULL;
	}
	c->kind = kind;
	c->name = parse->pending;
	parse->pending = NULL;
	if (parse->column && kind != MD_DDL_CHECK && !add_column(&parse->scan, c, parse->column))
		return NULL;
	*parse->last = c;
	parse->last = &c->next;
	parse->newest = c;
	return c;
}

static void read_key(struct parse *parse, enum md_ddl_kind kind)
{
	struct md_ddl_constraint *c = add(parse, kind);

	if (c && !parse->column)
		read_columns(&parse->scan, c);
}

/* Behind REFERENCES; the columns there are told by the pragma. */
static void read_target(struct parse *parse, struct md_ddl_constraint *c)
{
	c->target = take_name(&parse->scan);
	if (is_punct(&parse->scan, '('))
		skip_parens(&parse->scan);
}

static void read_foreign_key(struct parse *parse)
{
	struct md_ddl_constraint *c = add(parse, MD_DDL_FOREIGN_KEY);

	if (!c)
		return;
	read_columns(&parse->scan, c);
	if (take(&parse->scan, "REFERENCES"))
		read_target(parse, c);
}

static const char *trimmed(struct scan *scan, const char *from, const char *end)
{
	const char *text;

	while (from < end && md_sql_is_blank(*from))
		from++;
	while (end > from && md_sql_is_blank(end[-1]))
		end--;
	text = md_arena_strndup(scan->arena, from, (size_t)(end - from));
	scan->failed = scan->failed || !text;
	return text;
}

static void read_check(struct parse *parse)
{
	struct md_ddl_constraint *c = add(parse, MD_DDL_CHECK);
	struct scan *scan = &parse->scan;
	const char *from = scan->token.ptr + 1;
	unsigned depth = 0;

	if (!c || !is_punct(scan, '('))
		return;
	for (; scan->token.kind != END && !scan->failed; advance(scan)) {
		depth += is_punct(scan, '(');
		depth -= is_punct(scan, ')');
		if (depth == 0)
			break;
		if (is_name(scan) && *scan->token.ptr != '\'') {
			const char *name = name_text(scan);

			if (!name || !add_column(scan, c, name))
				return;
		}
	}
	c->expression = trimmed(scan, from, scan->token.ptr);
	advance(scan);
}

/* [NOT] DEFERRABLE [INITIALLY DEFERRED | IMMEDIATE] */
static void read_deferrable(struct parse *parse, bool deferrable)
{
	struct scan *scan = &parse->scan;
	bool deferred = take(scan, "INITIALLY") && take(scan, "DEFERRED");

	if (!parse->newest || parse->newest->kind != MD_DDL_FOREIGN_KEY)
		return;
	parse->newest->deferrable = deferrable;
	parse->newest->deferred = deferrable && deferred;
}

/* One word, bracket or clause at the level of the definitions. */
static void read_part(struct parse *parse)
{
	struct scan *scan = &parse->scan;

	if (is_punct(scan, '(')) {
		skip_parens(scan);
	} else if (take(scan, "CONSTRAINT")) {
		parse->pending = take_name(scan);
	} else if (take(scan, "PRIMARY")) {
		take(scan, "KEY");
		read_key(parse, MD_DDL_PRIMARY_KEY);
	} else if (take(scan, "UNIQUE")) {
		read_key(parse, MD_DDL_UNIQUE);
	} else if (take(scan, "FOREIGN")) {
		take(scan, "KEY");
		read_foreign_key(parse);
	} else if (take(scan, "REFERENCES")) {
		struct md_ddl_constraint *c = add(parse, MD_DDL_FOREIGN_KEY);

		if (c)
			read_target(parse, c);
	} else if (take(scan, "CHECK")) {
		read_check(parse);
	} else if (take(scan, "DEFERRABLE")) {
		read_deferrable(parse, true);
	} else if (take(scan, "NOT")) {
		parse->pending = NULL;
		if (take(scan, "DEFERRABLE"))
			read_deferrable(parse, false);
	} else {
		/* The other clauses take the name that stands before them. */
		if (is(scan, "NULL") || is(scan, "DEFAULT") || is(scan, "COLLATE") ||
		    is(scan, "GENERATED") || is(scan, "AS"))
			parse->pending = NULL;
		advance(scan);
	}
}

static bool starts_constraint(const struct scan *scan)
{
	return is(scan, "CONSTRAINT") || is(scan, "PRIMARY") || is(scan, "UNIQUE") ||
	       is(scan, "CHECK") || is(scan, "FOREIGN");
}

/* A column definition begins with its name, whatever that is. */
static void start_item(struct parse *parse)
{
	parse->pending = NULL;
	parse->column = starts_constraint(&parse->scan) ? NULL : take_name(&parse->scan);
}

static bool skip_to_body(struct scan *scan)
{
	advance(scan);
	if (!take(scan, "CREATE"))
		return false;
	while (scan->token.kind != END && !is_punct(scan, '('))
		advance(scan);
	return scan->token.kind != END;
}

bool md_ddl_constraints(struct md_arena *arena, const char *sql,
			struct md_ddl_constraint **ret_first)
{
	struct parse parse = { .scan = { .arena = arena, .at = sql } };
	struct scan *scan = &parse.scan;

	parse.last = &parse.first;
	if (skip_to_body(scan)) {
		advance(scan);
		start_item(&parse);
	}
	while (!scan->failed && scan->token.kind != END && !is_punct(scan, ')')) {
		if (is_punct(scan, ',')) {
			advance(scan);
			start_item(&parse);
		} else {
			read_part(&parse);
		}
	}
	if (scan->failed)
		return false;
	*ret_first = parse.first;
	return true;
}

const char *md_ddl_predicate(const char *sql)
{
	struct scan scan = { .at = sql };

	if (!skip_to_body(&scan))
		return NULL;
	skip_parens(&scan);
	return is(&scan, "WHERE") ? md_sql_skip_blank(scan.at) : NULL;
}

unsigned md_ddl_instead_of(const char *sql)
{
	struct scan scan = { .at = sql };

	/* Names may be anything, also INSTEAD: count what stands before, [x.]name. */
	advance(&scan);
	if (!take(&scan, "CREATE"))
		return 0;
	if (!take(&scan, "TEMP"))
		take(&scan, "TEMPORARY");
	if (!take(&scan, "TRIGGER"))
		return 0;
	if (take(&scan, "IF") && take(&scan, "NOT"))
		take(&scan, "EXISTS");
	advance(&scan);
	if (is_punct(&scan, '.')) {
		advance(&scan);
		advance(&scan);
	}
	if (!take(&scan, "INSTEAD") || !take(&scan, "OF"))
		return 0;
	if (is(&scan, "INSERT"))
		return MD_DDL_INSERT;
	if (is(&scan, "UPDATE"))
		return MD_DDL_UPDATE;
	return is(&scan, "DELETE") ? MD_DDL_DELETE : 0;
}

bool md_ddl_each_word(struct md_arena *arena, const char *sql,
		      bool (*see)(void *arg, const char *word, bool quoted), void *arg)
{
	struct scan scan = { .arena = arena, .at = sql };

	for (advance(&scan); scan.token.kind != END; advance(&scan)) {
		const char *word;

		if (!is_name(&scan))
			continue;
		word = name_text(&scan);
		if (!word || !see(arg, word, scan.token.kind == QUOTED))
			return false;
	}
	return true;
}
