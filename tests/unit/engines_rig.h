/* Tests that run on each engine: a new database, and connections of md_db_schema to it. In each
 * test: for_each_engine(body), where body(void) begins with rig_new(). Include it once per program;
 * ENGINES_MAIN("name", tests …) is its main. */
#ifndef MD_TESTS_ENGINES_RIG_H
#define MD_TESTS_ENGINES_RIG_H
#include <sys/stat.h>

#include "core/base/buf.h"
#include "core/db/schema.h"
#include "tests/support/suite.h"

#include "tests/support/folder.h"
#ifdef MD_HAVE_POSTGRES
#include "tests/support/pg_server.h"
#endif

static bool on_server; /* which engine it is now */
static char rig_url[512];
static struct md_error err;

static const char *rig_schema(void)
{
	return on_server ? "it's" : NULL;
}

/* One more connection. */
static inline struct md_db_schema *rig_open_as(struct md_db_schema_options how)
{
	struct md_db_schema *schema = NULL;

	how.url = rig_url;
	how.schema = rig_schema();
	how.create = !how.read_only;
	ck_assert_msg(md_db_schema_open(&how, &schema, &err) == MD_OK, "%s", err.message);
	return schema;
}

static inline struct md_db_schema *rig_open(void)
{
	return rig_open_as((struct md_db_schema_options){ .lock_timeout_ms = 2000 });
}

/* An empty database, and a connection. */
static inline struct md_db_schema *rig_new(void)
{
	static unsigned number;
	char name[32];

	if (!on_server) {
		snprintf(name, sizeof(name), "%u.db", number++);
		snprintf(rig_url, sizeof(rig_url), "sqlite:///%s", file_at(name));
	}
#ifdef MD_HAVE_POSTGRES
	if (on_server) {
		snprintf(rig_url, sizeof(rig_url), "%s", pg_url);
		pg_admin("SET client_min_messages = warning; DROP SCHEMA IF EXISTS \"it's\" "
			 "CASCADE; CREATE SCHEMA \"it's\"");
	}
#endif
	return rig_open();
}

static inline void for_each_engine(void (*body)(void))
{
	on_server = false;
	body();
#ifdef MD_HAVE_POSTGRES
	on_server = true;
	body();
#endif
}

static inline void rig_run(struct md_db_schema *schema, const char *sql)
{
	md_error_clear(&err);
	ck_assert_msg(md_db_schema_run(schema, sql, &err) == MD_OK, "%s: %s", sql, err.message);
}

static enum md_code rig_put_row(void *ctx, const char *const *values, unsigned count,
				struct md_error *error)
{
	struct md_buf *out = ctx;

	(void)error;
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			md_buf_putc(out, '|');
		md_buf_puts(out, values[i] ? values[i] : "-");
	}
	md_buf_putc(out, ';');
	return MD_OK;
}

/* The rows of an answer, "a|b;c|-;", to the next call. */
static inline const char *rig_ask(struct md_db_schema *schema, const char *sql)
{
	static struct md_buf out = MD_BUF(1 << 20);

	md_buf_clear(&out);
	md_error_clear(&err);
	ck_assert_msg(md_db_schema_query(schema, sql, NULL, 0, rig_put_row, &out, NULL, &err) ==
			      MD_OK,
		      "%s: %s", sql, err.message);
	return md_buf_text(&out);
}

#ifdef MD_HAVE_POSTGRES
#define ENGINES_MAIN(title, ...)                                    \
	SUITE_RUN(title, __VA_ARGS__)                               \
	int main(void)                                              \
	{                                                           \
		if (!pg_start()) {                                  \
			fprintf(stderr, "cannot start a server\n"); \
			return EXIT_FAILURE;                        \
		}                                                   \
		return suite_run();                                 \
	}
#else
#define ENGINES_MAIN(title, ...) SUITE_MAIN(title, __VA_ARGS__)
#endif
#endif
