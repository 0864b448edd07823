/* A piece of SQL in a definition file: a text, or an object with a text per engine. */
#include <jansson.h>

#include "core/model/define_private.h"

#include "core/base/banned.h"

/* The first text of an engine's own. */
static const char *first_own(const struct md_def_sql *sql)
{
	for (unsigned i = 0; i < MD_ENGINES; i++)
		if (sql->own[i])
			return sql->own[i];
	return NULL;
}

const char *md_def_sql_first(const struct md_def_sql *sql)
{
	return sql->any ? sql->any : first_own(sql);
}

bool md_def_sql_is_given(const struct md_def_sql *sql)
{
	return md_def_sql_first(sql);
}

static void read_text(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	const char *text = md_def_text(loader, at), **place = into;

	if (!text)
		return;
	if (text[strspn(text, " \t\r\n")] == '\0')
		md_def_wrong(loader, at, MD_DEF_M106, "the SQL is empty");
	else
		*place = text;
}

void md_def_read_sql(struct md_def_loader *loader, const struct md_def_here *at,
		     struct md_def_sql *into)
{
	struct md_def_key keys[1 + MD_ENGINES] = {
		{ .name = "any",
		  .reads = MD_DEF_READ_CALL,
		  .offset = offsetof(struct md_def_sql, any),
		  .read = read_text },
	};

	for (unsigned i = 0; i < MD_ENGINES; i++)
		keys[1 + i] = (struct md_def_key){ .name = md_engines[i].name,
						   .reads = MD_DEF_READ_CALL,
						   .offset = offsetof(struct md_def_sql, own) +
							     i * sizeof(into->own[0]),
						   .read = read_text };
	if (json_is_string(at->json)) {
		read_text(loader, at, &into->any);
	} else if (!json_is_object(at->json)) {
		md_def_wrong_kind(loader, at, "SQL: a text, or an object with a text per engine");
	} else if (json_object_size(at->json) == 0) {
		md_def_wrong(loader, at, MD_DEF_M105,
			     "no SQL: any, sqlite, postgresql or mariadb is missing");
	} else {
		md_def_read_object(loader, at, keys, MD_DEF_LENGTH(keys), into);
	}
}

static void print_member(const char *name, const char *text, const char **separator,
			 struct md_buf *out)
{
	if (!text)
		return;
	md_buf_printf(out, "%s\"%s\": ", *separator, name);
	md_def_print_text(text, out);
	*separator = ", ";
}

void md_def_print_sql(const struct md_def_sql *sql, struct md_buf *out)
{
	const char *separator = "";

	if (sql->any && !first_own(sql)) {
		md_def_print_text(sql->any, out);
		return;
	}
	md_buf_puts(out, "{ ");
	print_member("any", sql->any, &separator, out);
	for (unsigned i = 0; i < MD_ENGINES; i++)
		print_member(md_engines[i].name, sql->own[i], &separator, out);
	md_buf_puts(out, " }");
}
