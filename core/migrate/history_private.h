/* Private to core/migrate/history*.c: the texts of the engines, and how they are asked. One thread.
 */
#ifndef MD_CORE_MIGRATE_HISTORY_PRIVATE_H
#define MD_CORE_MIGRATE_HISTORY_PRIVATE_H
#include "core/base/buf.h"
#include "core/db/schema.h"
#include "core/migrate/history.h"

enum md_history_table {
	MD_HISTORY_MIGRATIONS,
	MD_HISTORY_LOCK,
	MD_HISTORY_OBJECTS,
	MD_HISTORY_TABLES
};
extern const char *const md_history_table_names[MD_HISTORY_TABLES];

/** Longer than any text without parameters; names of schemas are short. */
enum { MD_HISTORY_SQL_MAX = 16 * 1024, MD_HISTORY_NAME_MAX = 512 };

/** Texts of an engine. {t} is the table they are about, with its schema, quoted. */
struct md_history_texts {
	const struct md_dialect *sql;
	/** Name, schema (null: the session's): the quoted name, and "y" when it exists. */
	const char *find;
	const char *make[MD_HISTORY_TABLES][3]; /* one after the other; NULL: no more */
	const char *read;                       /* columns as enum in history.c */
	const char *newest; /* revision: sequence and status of its row that is not rolled back */
	const char *insert, *again, *step, *end, *forget, *amend;
	const char *kept;
	/** The lock; `name` is the quoted name of its table. */
	const char *try_session;  /* name: "y"; NULL: sessions hold no locks */
	const char *end_session;  /* name: ends those that hold it; NULL: as above */
	const char *drop_session; /* name; NULL: as above */
	const char *holder;       /* name: columns as enum in history_lock.c */
	const char *take;         /* owner, host, pid, process, holder, purpose */
	const char *beat;         /* holder */
	const char *drop;         /* holder; null: any */
};
extern const struct md_history_texts md_history_sqlite;
#ifdef MD_HAVE_POSTGRES
extern const struct md_history_texts md_history_postgres;
#endif

/** A table, as it is now. */
struct md_history_place {
	const struct md_history_texts *texts;
	char name[MD_HISTORY_NAME_MAX]; /* quoted; "": not even its schema is there */
	bool exists;
};
enum md_code md_history_find(struct md_db_schema *schema, enum md_history_table table,
			     struct md_history_place *ret_place, struct md_error *err);
/** The same; MD_NOT_FOUND when it is not there. */
enum md_code md_history_need(struct md_db_schema *schema, enum md_history_table table,
			     struct md_history_place *ret_place, struct md_error *err);

/** A text with its parameters. */
struct md_history_ask {
	const char *text;
	const char *const *params;
	unsigned count;
	md_db_schema_row_fn *each; /* NULL: no rows are wanted */
	void *ctx;
};
enum md_code md_history_ask(struct md_db_schema *schema, const struct md_history_place *place,
			    const struct md_history_ask *ask, uint64_t *ret_changed,
			    struct md_error *err);

/* process.c */
enum { MD_PROCESS_TEXT = 128 };
/** What tells the process `pid` of this machine from all others, earlier and later ones included:
 * machine since its last start, space of process numbers, start of the process. False: it is not to
 * be had. */
bool md_process_mark(int64_t pid, char out[MD_PROCESS_TEXT]);
enum md_process_state { MD_PROCESS_UNKNOWN, MD_PROCESS_ALIVE, MD_PROCESS_GONE };
/** What has become of the process that had this mark. */
enum md_process_state md_process_look(int64_t pid, const char *mark);
#endif
