/* The driver conformance suite: the same cases for every engine, written against core/db/driver.h
 * and core/db/unit.h. A test program names its engine (texts, addresses, an administrator's door)
 * and calls suite_main(); the features of its driver decide which cases run.
 *
 * A rig drives one connection. Blocking drivers run through in push(); for the others a private
 * reactor watches the connection. A probe is a unit that follows a list of steps and writes down
 * what it sees. Everything belongs to the one thread of the test. */
#ifndef MD_TESTS_DRIVER_SUITE_H
#define MD_TESTS_DRIVER_SUITE_H
#include <check.h>
#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/reactor.h"
#include "core/db/driver.h"

/** Statements in the engine's own words. The tables are item (id integer key, name text), owner (id
 * integer key) and thing (id integer key, owner_id deferred reference to owner), all empty. */
struct suite_texts {
	const char *echo;         /* four parameters (integer, real, text, text): one row of them */
	const char *put;          /* item: id, name */
	const char *get;          /* name of item id */
	const char *count;        /* rows of item */
	const char *clear;        /* all items gone */
	const char *series;       /* rows 1..$1: number, 100 bytes of text */
	const char *slow;         /* a read that takes longer than any test */
	const char *wrong;        /* names a relation that does not exist */
	const char *put_thing;    /* thing: id, owner_id. NULL: engine has no deferred keys */
	const char *count_things; /* rows of thing */
	const char *put_returning; /* item: id, name; returns both. NULL: not MD_DB_RETURNING */
	const char *slow_put; /* a write (id, name) that stays undecided for long. NULL: none */
	const char *all;      /* every column of item, by id. NULL: columns cannot be changed */
	const char *widen;    /* for admin(): changes the type of item.name */
	const char *hex;      /* one BLOB parameter: its bytes in upper-case hex. NULL: no blobs */
	const char *forget;   /* makes the session forget its statements. NULL: it cannot */
	const char *put_late; /* a write (id) whose commit takes long, returning id. NULL: none */
	const char *prelude, *who; /* a prelude, and a read that sees "eve" after it. NULL: none */
};
struct suite_refusal {
	const char *url;
	enum md_code code; /* of connect() or of the first unit */
};
struct suite_engine {
	const char *name;
	const struct md_db_driver *driver;
	struct suite_texts texts;
	const char *url;                      /* set by prepare() or constant */
	const struct suite_refusal *refusals; /* up to one with url NULL; each url has the word
						 "geheim" where a password stands, if anywhere */
	bool groups; /* PostgreSQL: reads of one turn share a transaction on a shared connection */
	void (*reset)(void);            /* make the tables afresh */
	void (*admin)(const char *sql); /* run as somebody else, in a session of its own */
	void (*kill)(void); /* end every session of the database. NULL: there are none */
	bool (*sleeps)(
		void); /* whether a statement like `slow` has begun there; NULL: cannot tell */
	void (*freeze)(
		bool on); /* stop every session in its tracks, or let them go on. NULL: cannot */
};
/** Run all cases that fit; the value for main to return. */
int suite_main(const struct suite_engine *under_test);
/** The engine under test, for the cases. */
const struct suite_engine *suite_engine(void);

/* One connection and what drives it. */
struct rig {
	struct md_conn *conn;
	struct md_reactor *reactor; /* NULL: the driver is MD_DB_BLOCKING */
	struct md_source source;
	struct md_turn_hook hook;
};
/** Fresh tables, and a connection to them with default options. */
void rig_open(struct rig *rig);
/** A connection with these options, whatever is in the tables. `url` is filled in. Failure of
 * connect() is handed back. */
enum md_code rig_connect(struct rig *rig, struct md_conn_target target, struct md_error *err);
void rig_close(struct rig *rig);
bool rig_is_blocking(const struct rig *rig);

struct probe_step {
	enum md_next next;
	const struct md_stmt *stmt;
	const struct md_value *args;
};
struct probe {
	struct md_unit unit;
	const struct probe_step *steps; /* the last one is COMMIT or ROLLBACK */
	unsigned at;
	unsigned pause_every;        /* rows; 0: never */
	bool abort;                  /* after the first call's rows */
	bool no_rows;                /* "the rest is not wanted" after the first row */
	const struct md_call *child; /* run for each row, MD_DB_NESTED */
	/* What happened. */
	struct md_buf out; /* cells, each followed by '|', rows by '\n'; NULL is ~ */
	size_t rows;
	unsigned calls, pauses;
	uint64_t changes; /* of the last call */
	bool paused, done, wake;
	enum md_code code;
};
/** A unit of these steps that never pauses. */
void probe_init(struct probe *probe, enum md_tx tx, const struct probe_step *steps);
/** Let it pause every `rows` rows (0: it only says that it could). */
void probe_pausing(struct probe *probe, unsigned rows);
void probe_release(struct probe *probe);
/** Everything it has written down so far, NUL-terminated. */
const char *probe_text(struct probe *probe);

/** Push, and return at once when the driver does. */
void rig_push(struct rig *rig, struct probe *probe);
/** Until it is done, resuming it whenever it pauses. */
enum md_code rig_wait(struct rig *rig, struct probe *probe);
/** Until it is paused or done, at most. */
void rig_wait_pause(struct rig *rig, struct probe *probe);
/** Let the loop run for a while (nothing to do for a blocking driver). */
void rig_idle(struct rig *rig, unsigned ms);
/** Push and wait. */
enum md_code rig_run(struct rig *rig, struct probe *probe);
/** Run one statement as a unit of its own; `ret_text` (may be NULL) receives its rows, to be freed.
 */
enum md_code rig_one(struct rig *rig, const struct md_stmt *stmt, const struct md_value *args,
		     char **ret_text);
/** The same for a statement that must work; compares its rows. */
void rig_expect(struct rig *rig, const struct md_stmt *stmt, const struct md_value *args,
		const char *rows);

/** An assertion that allocates nothing when it holds (Check's do), so that it does not disturb the
 * counting of allocations. */
#define MUST(condition, ...)                       \
	do {                                       \
		if (!(condition))                  \
			ck_abort_msg(__VA_ARGS__); \
	} while (0)

/** A statement with an id of its own. */
struct md_stmt stmt_new(const char *sql, unsigned params, bool returns_rows, bool writes);
/* The statements every case needs, each with an id of its own. */
struct stmts {
	struct md_stmt echo, put, get, count, clear, series, slow, wrong;
};
struct stmts stmts_new(void);

#define CALL(statement, arguments)                                             \
	{                                                                      \
		.next = MD_NEXT_CALL, .stmt = (statement), .args = (arguments) \
	}
#define AFTER_ROWS                         \
	{                                  \
		.next = MD_NEXT_AFTER_ROWS \
	}
#define COMMIT                         \
	{                              \
		.next = MD_NEXT_COMMIT \
	}
#define ROLLBACK                         \
	{                                \
		.next = MD_NEXT_ROLLBACK \
	}
#define STEPS(...) ((const struct probe_step[]){ __VA_ARGS__ })
#define ARGS(...)  ((const struct md_value[]){ __VA_ARGS__ })

/** Add a case when the driver has all features of `needs` and none of `forbids`. */
void suite_add(TCase *tcase, const TTest *test, unsigned needs, unsigned forbids);
void suite_values(TCase *tcase); /* values.c: connecting, values, prepared statements */
void suite_units(TCase *tcase);  /* units.c: transactions, errors, order */
void suite_flow(TCase *tcase);   /* flow.c: pause, cancel, deadlines, nesting */
void suite_loss(TCase *tcase);   /* loss.c: close, kill, allocation failures */
void suite_groups(TCase *tcase); /* groups.c: reads that share a transaction */
#endif
