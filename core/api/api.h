/* Private to core/api: what is behind the handles of include/modeld.h. One thread. */
#ifndef MD_CORE_API_API_H
#define MD_CORE_API_API_H
#include "core/base/arena.h"
#include "core/base/reactor.h"
#include "core/db/session.h"
#include "core/model/registry.h"
#include "core/ops/read.h"
#include "core/ops/write.h"
#include "core/query/compose.h"
#include "include/modeld.h"

enum {
	MD_API_ARENA_MAX = 256 * 1024 * 1024,   /* of an operation */
	MD_API_RESULT_MAX = 1024 * 1024 * 1024, /* of the text of a result */
	MD_API_GROUPS_MAX = 16
};

struct md_store {
	struct md_reactor *reactor;
	struct md_db *db;
	struct md_db_loop *loop;
	struct md_ops *ops;
	struct md_ops *pieces; /* whose answers come in pieces; NULL: nobody has asked */
	struct md_ops_options options;
};

/** A row that waits for a flush. */
struct md_staged {
	struct md_staged *next;
	char *model, *json;
};
struct md_work {
	struct md_store *store;
	struct md_session *session;
	struct md_staged *first, **last;
	bool over; /* what is waited for has come */
	struct md_error error;
};

struct md_ask {
	struct md_work *work;
	struct md_arena *arena;
	const struct md_model *model;
	struct md_query query;
	struct md_composer composer;
	struct md_scope scopes[MD_API_GROUPS_MAX]; /* groups in groups; the first is the root */
	unsigned depth;
	struct md_error error; /* the first failure of a verb */
};

/** The model of this name. */
enum md_code md_api_model(const struct md_store *store, const char *name,
			  const struct md_model **ret_model, struct md_error *err);
/** Run turns until work->over. */
void md_api_wait(struct md_work *work);

/** Is the query whole? What is staged is written first. */
enum md_code md_api_ready(struct md_ask *ask, struct md_error *err);

/** A read and its answer. */
struct md_api_read {
	struct md_read_request request; /* route, model, key, query, count, head */
	uint64_t total;
};
/** Wait for a read. ret_result NULL: nobody wants the rows. */
enum md_code md_api_read(struct md_work *work, struct md_api_read *read,
			 struct md_result **ret_result, struct md_error *err);

/** What is written. */
struct md_api_body {
	const char *json;                   /* NULL: the values, if any */
	const struct md_value_text *values; /* NULL: no body */
	unsigned count;
};
enum md_code md_api_write(struct md_work *work, enum md_write_kind kind,
			  const struct md_model *model, const struct md_query *query,
			  const struct md_api_body *body, struct md_result **ret_result,
			  struct md_error *err);

/** A result of this text, JSON rows, which is taken over when it is made. */
enum md_code md_api_result(struct md_buf *text, struct md_result **ret_result,
			   struct md_error *err);
#endif
