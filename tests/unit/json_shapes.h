/* For the tests of the sinks: short ways to write shapes and cells, and a scripted cursor. Child
 * statements are tables too, found by their statement; a child row belongs to a parent when its
 * first cell equals the first argument. */
#ifndef MD_TESTS_JSON_SHAPES_H
#define MD_TESTS_JSON_SHAPES_H
#include <stdlib.h>
#include <string.h>

#include "core/db/rows.h"
#include "core/db/unit.h"
#include "core/json/shape.h"
#include "core/json/sink_text.h"

#define KEY(name) .key = "\"" name "\":", .key_len = sizeof(name) + 2
#define CELL(name, as, at)                                                     \
	{                                                                      \
		KEY(name), .nest = MD_NEST_CELL, .codec = (as), .column = (at) \
	}
/* Initializers of cells. */
#define NULL_CELL               \
	{                       \
		.type = MD_NULL \
	}
#define INT(n)                           \
	{                                \
		.type = MD_INT, .i = (n) \
	}
#define REAL(n)                           \
	{                                 \
		.type = MD_REAL, .r = (n) \
	}
#define TEXT(s)                                                    \
	{                                                          \
		.type = MD_TEXT, .len = sizeof(s) - 1, .text = (s) \
	}
#define BLOB(s)                                                    \
	{                                                          \
		.type = MD_BLOB, .len = sizeof(s) - 1, .text = (s) \
	}
#define SHAPE(list, ...)                                                                \
	{                                                                               \
		.items = (list), .count = sizeof(list) / sizeof((list)[0]), __VA_ARGS__ \
	}

enum { FAKE_COLUMNS = 8, FAKE_OPEN_MAX = 16, FAKE_NEVER = -1 };

struct fake_table {
	const struct md_stmt *stmt; /* NULL: the root */
	const struct md_value (*rows)[FAKE_COLUMNS];
	unsigned count;
};

struct fake_rows {
	struct md_rows base;
	struct fake_db *db;
	const struct fake_table *table;
	const struct md_value *filter; /* first argument of a child */
	unsigned at;
	bool waited, open;
	struct md_value cells[FAKE_COLUMNS]; /* spoilt by the next step, as in a database */
};

/* Counts the steps of all its cursors together. */
struct fake_db {
	const struct fake_table *tables; /* [0] is the root */
	unsigned table_count;
	bool wait;        /* every row of the root has to be asked for twice */
	bool child_waits; /* children say WAIT */
	int fail_step;    /* this step fails, FAKE_NEVER: none */
	int fail_open;    /* this child cannot be opened */
	int steps, opens, still_open;
	struct fake_rows cursors[FAKE_OPEN_MAX];
};

static inline enum md_step fake_next(struct md_rows *rows, const struct md_value **ret_cells,
				     struct md_error *err)
{
	struct fake_rows *fake = (struct fake_rows *)rows;
	const struct fake_table *table = fake->table;
	struct fake_db *db = fake->db;

	memset(fake->cells, 0xA5, sizeof(fake->cells));
	if (table->stmt ? db->child_waits : db->wait && !fake->waited) {
		fake->waited = true;
		return MD_STEP_WAIT;
	}
	fake->waited = false;
	if (db->steps++ == db->fail_step) {
		md_fail(err, MD_UNAVAILABLE, "08006", "the scripted step fails");
		return MD_STEP_FAIL;
	}
	while (fake->at < table->count && fake->filter &&
	       fake->filter->i != table->rows[fake->at][0].i)
		fake->at++;
	if (fake->at == table->count)
		return MD_STEP_END;
	memcpy(fake->cells, table->rows[fake->at++], sizeof(fake->cells));
	*ret_cells = fake->cells;
	return MD_STEP_ROW;
}

static inline void fake_close(struct md_rows *rows)
{
	struct fake_rows *fake = (struct fake_rows *)rows;

	fake->open = false;
	fake->db->still_open--;
}

static inline enum md_code fake_child(struct md_rows *rows, const struct md_call *call,
				      struct md_rows **ret_rows, struct md_error *err);

static inline struct md_rows *fake_open(struct fake_db *db, const struct fake_table *table,
					const struct md_value *filter)
{
	struct fake_rows *fake = db->cursors;

	while (fake->open)
		fake++;
	*fake = (struct fake_rows){
		.base = { FAKE_COLUMNS, fake_next, fake_child, fake_close },
		.db = db,
		.table = table,
		.filter = filter,
		.open = true,
	};
	db->still_open++;
	return &fake->base;
}

static inline enum md_code fake_child(struct md_rows *rows, const struct md_call *call,
				      struct md_rows **ret_rows, struct md_error *err)
{
	struct fake_db *db = ((struct fake_rows *)rows)->db;

	if (db->opens++ == db->fail_open)
		return md_fail(err, MD_BUSY, "55P03", "the scripted child fails");
	for (unsigned i = 0; i < db->table_count; i++)
		if (db->tables[i].stmt == call->stmt) {
			*ret_rows = fake_open(db, &db->tables[i], call->args);
			return MD_OK;
		}
	return md_fail(err, MD_INTERNAL, "XX000", "no such table");
}

#define FAKE_DB(list)                                                              \
	{                                                                          \
		.tables = (list), .table_count = sizeof(list) / sizeof((list)[0]), \
		.fail_step = FAKE_NEVER, .fail_open = FAKE_NEVER                   \
	}

static inline struct md_rows *fake_root(struct fake_db *db)
{
	db->steps = db->opens = 0;
	return fake_open(db, &db->tables[0], NULL);
}

/* ---- one example that has everything in it ---- */

static const struct md_stmt tags_stmt = { .id = 1, .sql = "tags", .params = 1 };
static const struct md_stmt profile_stmt = { .id = 2, .sql = "profile", .params = 1 };
static const struct md_shape_bind by_id[] = { { .param = 0, .column = 0 } };
static const struct md_shape_call tags_call = { &tags_stmt, 0, by_id, 1 };
static const struct md_shape_call profile_call = { &profile_stmt, 1, by_id, 1 };

static const struct md_shape_item tag_items[] = { CELL("tag", MD_AS_STRING, 1) };
static const struct md_shape tag_shape = SHAPE(tag_items);
static const struct md_shape_item profile_items[] = { CELL("bio", MD_AS_STRING, 1),
						      CELL("age", MD_AS_ANY, 2) };
static const struct md_shape profile_shape = SHAPE(profile_items);
static const struct md_shape_item team_items[] = { CELL("id", MD_AS_ANY, 2),
						   CELL("team", MD_AS_STRING, 3) };
static const struct md_shape team_shape = SHAPE(team_items);
static const struct md_shape_item user_items[] = {
	CELL("id", MD_AS_ANY, 0),
	CELL("a name longer than one block", MD_AS_STRING, 1),
	{ KEY("team"), .nest = MD_NEST_OBJECT, .column = 2, .child = &team_shape },
	{ KEY("profile"), .nest = MD_NEST_ROW, .child = &profile_shape, .call = &profile_call },
	{ KEY("tags"), .nest = MD_NEST_ARRAY, .child = &tag_shape, .call = &tags_call },
};
static const struct md_shape user_shape = SHAPE(user_items);

static const struct md_value user_rows[][FAKE_COLUMNS] = {
	{ INT(1), TEXT("Ann"), INT(7), TEXT("red") },
	{ INT(2), TEXT("Bob \"B\""), NULL_CELL, NULL_CELL },
	{ INT(3), NULL_CELL, INT(8), NULL_CELL },
};
static const struct md_value tag_rows[][FAKE_COLUMNS] = {
	{ INT(1), TEXT("x") },
	{ INT(3), TEXT("y") },
	{ INT(1), TEXT("z") },
};
static const struct md_value profile_rows[][FAKE_COLUMNS] = {
	{ INT(2), TEXT("likes C"), INT(41) },
	{ INT(3), NULL_CELL, NULL_CELL },
};
#define ROWS(list) (list), sizeof(list) / sizeof((list)[0])
static const struct fake_table user_tables[] = {
	{ NULL, ROWS(user_rows) },
	{ &tags_stmt, ROWS(tag_rows) },
	{ &profile_stmt, ROWS(profile_rows) },
};
#define USERS_JSON                                                                           \
	"[{\"id\":1,\"a name longer than one block\":\"Ann\",\"team\":{\"id\":7,\"team\":"   \
	"\"red\"},\"profile\":null,\"tags\":[{\"tag\":\"x\"},{\"tag\":\"z\"}]},"             \
	"{\"id\":2,\"a name longer than one block\":\"Bob \\\"B\\\"\",\"team\":null,"        \
	"\"profile\":{\"bio\":\"likes C\",\"age\":41},\"tags\":[]},"                         \
	"{\"id\":3,\"a name longer than one block\":null,\"team\":{\"id\":8,\"team\":null}," \
	"\"profile\":{\"bio\":null,\"age\":null},\"tags\":[{\"tag\":\"y\"}]}]"
#endif
