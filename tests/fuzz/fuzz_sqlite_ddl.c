/* Any text. Properties: what SQLite accepts as CREATE TABLE gives the tokenizer as many foreign
 * keys as SQLite itself sees, each with the same columns; whatever the text, nothing is read past
 * it. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/sqlite_ddl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int stop(void *arg)
{
	(void)arg;
	return 1;
}

static void must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

/* Columns in SQLite's order of the foreign keys: the last one first. */
static void compare(sqlite3_stmt *keys, const struct md_ddl_constraint *const *found,
		    unsigned count)
{
	while (sqlite3_step(keys) == SQLITE_ROW) {
		unsigned id = (unsigned)sqlite3_column_int(keys, 0);
		unsigned at = (unsigned)sqlite3_column_int(keys, 1);
		const char *column = (const char *)sqlite3_column_text(keys, 2);

		must(id < count, "a foreign key was not found");
		must(at < found[count - 1 - id]->count, "a column was not found");
		must(sqlite3_stricmp(found[count - 1 - id]->columns[at], column) == 0,
		     "another column was found");
	}
}

static void check_table(sqlite3 *db, struct md_arena *arena)
{
	const struct md_ddl_constraint *found[64];
	struct md_ddl_constraint *c = NULL;
	sqlite3_stmt *tables = NULL, *keys = NULL;
	unsigned count = 0;

	sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 't'",
			   -1, &tables, NULL);
	sqlite3_prepare_v2(db, "SELECT id, seq, \"from\" FROM pragma_foreign_key_list('t')", -1,
			   &keys, NULL);
	if (sqlite3_step(tables) == SQLITE_ROW &&
	    md_ddl_constraints(arena, (const char *)sqlite3_column_text(tables, 0), &c)) {
		for (; c && count < 64; c = c->next)
			if (c->kind == MD_DDL_FOREIGN_KEY)
				found[count++] = c;
		if (count < 64)
			compare(keys, found, count);
	}
	sqlite3_finalize(tables);
	sqlite3_finalize(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char start[] = "CREATE TABLE t (";
	md_auto_arena arena = md_arena_new(1 << 20);
	struct md_ddl_constraint *first;
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	char *text = malloc(sizeof(start) + size);

	memcpy(text, start, sizeof(start) - 1);
	memcpy(text + sizeof(start) - 1, data, size);
	text[sizeof(start) - 1 + size] = '\0';
	md_ddl_constraints(arena, text, &first);
	md_ddl_instead_of(text + sizeof(start) - 1);
	sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, NULL);
	if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) == SQLITE_OK) {
		sqlite3_progress_handler(db, 100000, stop, NULL);
		sqlite3_step(stmt);
		sqlite3_finalize(stmt);
		sqlite3_progress_handler(db, 0, NULL, NULL);
		md_arena_reset(arena, 1 << 20);
		check_table(db, arena);
	}
	sqlite3_close(db);
	free(text);
	return 0;
}
