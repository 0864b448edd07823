/* What stands beside the fields of a model: indexes, checks, foreign keys of several fields, and
 * options of the engines. */
#include <jansson.h>

#include "core/model/define_private.h"

#include "core/base/banned.h"

/* Room for the items of a list behind those that are there. */
static void *grow(struct md_def_loader *loader, const void *items, unsigned count, size_t more,
		  size_t size)
{
	char *grown = md_def_alloc(loader, count + more, size);

	if (grown && count > 0)
		memcpy(grown, items, count * size);
	return grown;
}

/* --- indexes -----------------------------------------------------------------------------------
 */

static const struct {
	const char *text;
	bool descending;
	enum md_def_nulls nulls;
} orders[] = {
	{ "", false, MD_DEF_NULLS_UNSET },
	{ " asc", false, MD_DEF_NULLS_UNSET },
	{ " desc", true, MD_DEF_NULLS_UNSET },
	{ " nulls first", false, MD_DEF_NULLS_FIRST },
	{ " nulls last", false, MD_DEF_NULLS_LAST },
	{ " asc nulls first", false, MD_DEF_NULLS_FIRST },
	{ " asc nulls last", false, MD_DEF_NULLS_LAST },
	{ " desc nulls first", true, MD_DEF_NULLS_FIRST },
	{ " desc nulls last", true, MD_DEF_NULLS_LAST },
};

bool md_def_take_order(const char *text, struct md_def_order *ret_order)
{
	struct md_str name = { text, strcspn(text, " ") };

	for (size_t i = 0; i < MD_DEF_LENGTH(orders) && md_def_is_name(name); i++) {
		if (strcmp(text + name.len, orders[i].text) != 0)
			continue;
		*ret_order = (struct md_def_order){ name, orders[i].descending, orders[i].nulls };
		return true;
	}
	return false;
}

void md_def_no_order(struct md_def_loader *loader, const struct md_def_here *at, const char *text)
{
	md_def_wrong(
		loader, at, MD_DEF_M106,
		"\"%s\" is not a field, with asc or desc and nulls first or nulls last behind it",
		text);
}

static void read_column(struct md_def_loader *loader, const struct md_def_here *at,
			struct md_def_index_column *into)
{
	const char *text = md_def_text(loader, at);
	struct md_def_order order;

	if (!text)
		return;
	if (!md_def_take_order(text, &order)) {
		md_def_no_order(loader, at, text);
		return;
	}
	into->name = md_def_copy(loader, order.name);
	into->descending = order.descending;
	into->nulls = order.nulls;
}

static void read_columns(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_def_index *index = into;
	struct md_def_here child = { .up = NULL };
	struct md_def_index_column *columns;
	size_t size = json_array_size(at->json);
	unsigned count = 0;

	if (!md_def_is_array(loader, at))
		return;
	if (size == 0 || size > MD_DEF_KEY_FIELDS) {
		md_def_wrong(loader, at, MD_DEF_M106, "expected 1 to %d fields, not %zu",
			     MD_DEF_KEY_FIELDS, size);
		return;
	}
	columns = md_def_alloc(loader, size, sizeof(*columns));
	while (columns && md_def_next(loader, at, &child)) {
		bool again = false;

		read_column(loader, &child, &columns[count]);
		for (unsigned i = 0; columns[count].name && i < count; i++)
			again = again || strcmp(columns[i].name, columns[count].name) == 0;
		if (again)
			md_def_wrong(loader, &child, MD_DEF_M103, "\"%s\" is there twice",
				     columns[count].name);
		else if (columns[count].name)
			count++;
	}
	index->columns = columns;
	index->count = count;
}

static bool print_columns(const void *from, struct md_buf *out)
{
	static const char *const nulls[] = { "", " nulls first", " nulls last" };
	const struct md_def_index *index = from;

	md_buf_putc(out, '[');
	for (unsigned i = 0; i < index->count; i++)
		md_buf_printf(out, "%s\"%s%s%s\"", i > 0 ? ", " : "", index->columns[i].name,
			      index->columns[i].descending ? " desc" : "",
			      nulls[index->columns[i].nulls]);
	md_buf_putc(out, ']');
	return true;
}

static const struct md_def_word usings[] = {
	{ "btree", MD_DEF_BTREE },
	{ "hash", MD_DEF_HASH },
	{ "gin", MD_DEF_GIN },
	{ "gist", MD_DEF_GIST },
	{ "brin", MD_DEF_BRIN },
	{ "fulltext", MD_DEF_FULLTEXT },
	{ NULL, 0 },
};

/* clang-format off */
#define KEY(key, how, type, member) \
	{ .name = (key), .reads = MD_DEF_READ_##how, .offset = offsetof(struct type, member) }
static const struct md_def_key index_keys[] = {
	{ .name = "fields", .reads = MD_DEF_READ_CALL, .read = read_columns, .print = print_columns },
	KEY("name", IDENT, md_def_index, name),
	KEY("unique", BOOL, md_def_index, unique),
	KEY("where", SQL, md_def_index, where),
	{ .name = "using", .reads = MD_DEF_READ_WORD, .offset = offsetof(struct md_def_index, using),
	  .words = usings },
	KEY("include", NAMES, md_def_index, include),
	KEY("renamed_from", IDENT, md_def_index, renamed_from),
};
/* clang-format on */

static void wrong_index(struct md_def_loader *loader, const struct md_def_here *at)
{
	md_def_wrong(loader, at, MD_DEF_M104, "expected a list of fields or an object");
	if (json_is_string(at->json))
		md_def_hint(loader, "write [\"%s\"]: a list for each of them",
			    json_string_value(at->json));
}

static void read_index(struct md_def_loader *loader, const struct md_def_here *at,
		       struct md_def_index *index)
{
	index->place = md_def_place_of(loader, at);
	index->declared = true;
	if (json_is_array(at->json))
		read_columns(loader, at, index);
	else if (!json_is_object(at->json))
		wrong_index(loader, at);
	else if (md_def_read_object(loader, at, index_keys, MD_DEF_LENGTH(index_keys), index) &&
		 !json_object_get(at->json, "fields"))
		md_def_wrong(loader, at, MD_DEF_M105, "\"fields\" is missing");
}

static void read_list(struct md_def_loader *loader, const struct md_def_here *at,
		      struct md_def_model *model, bool unique)
{
	struct md_def_here child = { .up = NULL };
	struct md_def_index *list;

	if (!md_def_is_array(loader, at))
		return;
	list = grow(loader, model->indexes, model->index_count, json_array_size(at->json),
		    sizeof(*list));
	model->indexes = list;
	while (list && md_def_next(loader, at, &child)) {
		struct md_def_index *index = &list[model->index_count];

		read_index(loader, &child, index);
		index->unique = index->unique || unique;
		index->in_unique = unique;
		model->index_count += index->count > 0;
	}
}

void md_def_read_unique(struct md_def_loader *loader, const struct md_def_here *at, void *model)
{
	read_list(loader, at, model, true);
}

void md_def_read_indexes(struct md_def_loader *loader, const struct md_def_here *at, void *model)
{
	read_list(loader, at, model, false);
}

void md_def_print_index(const struct md_def_index *index, struct md_buf *out)
{
	struct md_def_index shown = *index;

	shown.unique = index->unique && !index->in_unique;
	md_buf_puts(out, "{ ");
	md_def_print_object(&shown, index_keys, MD_DEF_LENGTH(index_keys), out);
	md_buf_puts(out, " }");
}

/* --- checks ------------------------------------------------------------------------------------
 */

static const struct md_def_key check_keys[] = {
	KEY("name", IDENT, md_def_check, name),
	KEY("sql", SQL, md_def_check, sql),
	KEY("message", TEXT, md_def_check, message),
};

void md_def_read_checks(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	struct md_def_model *model = into;
	struct md_def_here child = { .up = NULL };
	struct md_def_check *list;

	if (!md_def_is_array(loader, at))
		return;
	list = md_def_alloc(loader, json_array_size(at->json), sizeof(*list));
	model->checks = list;
	while (list && md_def_next(loader, at, &child)) {
		struct md_def_check *check = &list[model->check_count];

		check->place = md_def_place_of(loader, &child);
		if (json_is_string(child.json))
			md_def_read_sql(loader, &child, &check->sql);
		else if (!json_is_object(child.json))
			md_def_wrong(loader, &child, MD_DEF_M104, "expected SQL or an object");
		else if (md_def_read_object(loader, &child, check_keys, MD_DEF_LENGTH(check_keys),
					    check) &&
			 !json_object_get(child.json, "sql"))
			md_def_wrong(loader, &child, MD_DEF_M105, "\"sql\" is missing");
		model->check_count += md_def_sql_is_given(&check->sql);
	}
}

void md_def_print_check(const struct md_def_check *check, struct md_buf *out)
{
	md_buf_puts(out, "{ ");
	md_def_print_object(check, check_keys, MD_DEF_LENGTH(check_keys), out);
	md_buf_puts(out, " }");
}

/* --- foreign keys ------------------------------------------------------------------------------
 */

#define ACTION(key, member)                                                                    \
	{                                                                                      \
		.name = (key), .reads = MD_DEF_READ_WORD,                                      \
		.offset = offsetof(struct md_def_foreign_key, member), .words = md_def_actions \
	}
static const struct md_def_key foreign_key_keys[] = {
	KEY("fields", NAMES, md_def_foreign_key, names),
	KEY("model", NAME, md_def_foreign_key, model),
	KEY("references", NAMES, md_def_foreign_key, target_names),
	ACTION("on_delete", on_delete),
	ACTION("on_update", on_update),
	{ .name = "deferrable",
	  .reads = MD_DEF_READ_CALL,
	  .offset = offsetof(struct md_def_foreign_key, deferrable),
	  .read = md_def_read_deferrable,
	  .print = md_def_print_deferrable },
	KEY("name", IDENT, md_def_foreign_key, name),
};

static void read_foreign_key(struct md_def_loader *loader, const struct md_def_here *at,
			     struct md_def_foreign_key *key)
{
	static const char *const needed[] = { "fields", "model" };

	key->place = md_def_place_of(loader, at);
	key->declared = true;
	if (!md_def_read_object(loader, at, foreign_key_keys, MD_DEF_LENGTH(foreign_key_keys), key))
		return;
	for (size_t i = 0; i < MD_DEF_LENGTH(needed); i++)
		if (!json_object_get(at->json, needed[i]))
			md_def_wrong(loader, at, MD_DEF_M105, "\"%s\" is missing", needed[i]);
	if (key->target_names.count > 0 && key->target_names.count != key->names.count)
		md_def_wrong(loader, at, MD_DEF_M112,
			     "\"fields\" and \"references\" differ in number: %u and %u",
			     key->names.count, key->target_names.count);
}

void md_def_read_foreign_keys(struct md_def_loader *loader, const struct md_def_here *at,
			      void *into)
{
	struct md_def_model *model = into;
	struct md_def_here child = { .up = NULL };
	struct md_def_foreign_key *list;

	if (!md_def_is_array(loader, at))
		return;
	list = md_def_alloc(loader, json_array_size(at->json), sizeof(*list));
	model->foreign_keys = list;
	while (list && md_def_next(loader, at, &child)) {
		struct md_def_foreign_key *key = &list[model->foreign_key_count];
		unsigned targets;

		read_foreign_key(loader, &child, key);
		targets = key->target_names.count;
		model->foreign_key_count += key->model && key->names.count > 0 &&
					    (targets == 0 || targets == key->names.count);
	}
}

void md_def_print_foreign_key(const struct md_def_foreign_key *key, struct md_buf *out)
{
	md_buf_puts(out, "{ ");
	md_def_print_object(key, foreign_key_keys, MD_DEF_LENGTH(foreign_key_keys), out);
	md_buf_puts(out, " }");
}

/* --- options -----------------------------------------------------------------------------------
 */

static const struct md_def_key sqlite_keys[] = {
	KEY("strict", MAYBE, md_def_options, strict),
	KEY("without_rowid", MAYBE, md_def_options, without_rowid),
};
static const struct md_def_key postgresql_keys[] = {
	KEY("unlogged", MAYBE, md_def_options, unlogged),
	{ .name = "fillfactor",
	  .reads = MD_DEF_READ_UINT,
	  .offset = offsetof(struct md_def_options, fillfactor),
	  .min = 10,
	  .max = 100 },
	KEY("tablespace", IDENT, md_def_options, tablespace),
};
static const struct md_def_key mariadb_keys[] = {
	KEY("engine", NAME, md_def_options, engine),
	KEY("collate", NAME, md_def_options, collate),
};

#define ENGINE(engine)                                                                             \
	static void read_##engine(struct md_def_loader *loader, const struct md_def_here *at,      \
				  void *into)                                                      \
	{                                                                                          \
		md_def_read_object(loader, at, engine##_keys, MD_DEF_LENGTH(engine##_keys), into); \
	}                                                                                          \
	static bool print_##engine(const void *from, struct md_buf *out)                           \
	{                                                                                          \
		unsigned count;                                                                    \
                                                                                                   \
		md_buf_puts(out, "{ ");                                                            \
		count = md_def_print_object(from, engine##_keys, MD_DEF_LENGTH(engine##_keys),     \
					    out);                                                  \
		md_buf_puts(out, " }");                                                            \
		return count > 0;                                                                  \
	}
ENGINE(sqlite)
ENGINE(postgresql)
ENGINE(mariadb)

static const struct md_def_key engine_keys[] = {
	{ .name = "sqlite", .reads = MD_DEF_READ_CALL, .read = read_sqlite, .print = print_sqlite },
	{ .name = "postgresql",
	  .reads = MD_DEF_READ_CALL,
	  .read = read_postgresql,
	  .print = print_postgresql },
	{ .name = "mariadb",
	  .reads = MD_DEF_READ_CALL,
	  .read = read_mariadb,
	  .print = print_mariadb },
};

void md_def_read_options(struct md_def_loader *loader, const struct md_def_here *at, void *into)
{
	md_def_read_object(loader, at, engine_keys, MD_DEF_LENGTH(engine_keys), into);
}

bool md_def_print_options(const void *from, struct md_buf *out)
{
	unsigned count;

	md_buf_puts(out, "{ ");
	count = md_def_print_object(from, engine_keys, MD_DEF_LENGTH(engine_keys), out);
	md_buf_puts(out, " }");
	return count > 0;
}
