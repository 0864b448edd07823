/* A small database of users, posts and tags behind the real registry, planner, lanes and SQLite
 * driver, for tests of core/ops. One at a time, in `store`. */
#ifndef MD_TESTS_STORE_H
#define MD_TESTS_STORE_H
#include "core/ops/write.h"

struct store {
	char path[64], url[512];
	const char *schema;
	struct md_reactor *reactor;
	struct md_db *db;
	struct md_db_loop *loop;
	struct md_registry *registry;
	struct md_ops *ops;
	struct md_arena *arena;
	struct md_buf out;
	char answer[1 << 16];
	struct md_error error;
	struct md_read_result result;
	struct md_write_result written;
	unsigned pieces;
	uint64_t bytes;
	bool ended;
	struct md_session *session; /* requests run in it; NULL */
};
extern struct store store;
extern const char store_schema[];

/** Make the database and everything on it. */
void store_start_with(unsigned budget_us, uint64_t max_rows);
void store_start(void);
/** Likewise, with more tables or rows. */
void store_start_on(const char *sql);
/** The same with declared models: a definition file, whose tables are made where `schema` (NULL: no
 * tables at all) has none. */
void store_start_models(const char *schema, const char *models);
void store_stop(void);
/** On a database that is there already: the tables of `schema`, and those of `models` (or NULL)
 * made in it. */
void store_start_at(const char *url, const char *schema, const char *models);
/** Let the turn of the loop come to its end. */
void store_end_turn(void);
/** A statement from outside, past the daemon. */
void store_execute(const char *sql);

/** From here on requests run in a session; store_commit() ends it. */
void store_begin(void);
enum md_code store_commit(void);

/** A GET. */
struct store_ask {
	const char *path, *query;
	enum md_prefer_count count;
	bool singular;
	struct md_range range;
};
/** The answer, or the wire code of the failure; store.error, store.result. */
const char *store_run(struct store_ask ask);
const char *store_get(const char *path, const char *query);

/** A write. `settings` are the parts of md_write_ask that matter; body NULL: none. */
const char *store_write(const char *path, const char *query, const char *body,
			struct md_write_ask settings);
#endif
