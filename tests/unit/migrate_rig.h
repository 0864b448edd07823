/* A database and a folder of revisions for tests of migrations, on SQLite or, with ON_POSTGRES, on
 * a server of the program's own. The verbs give their document, or fail the test; refused() wants
 * the wire code. */
#ifndef MD_TESTS_MIGRATE_RIG_H
#define MD_TESTS_MIGRATE_RIG_H
#include <check.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/db/schema.h"
#include "core/ops/migrate.h"
#include "tests/support/suite.h"
#ifdef ON_POSTGRES
#include "tests/support/pg_server.h"
#endif

static char rig_dir[64], rig_folder[96], rig_url[256];
static const struct md_definitions *rig_models;
static struct md_migrate_options rig_options;
static struct md_error err;

static inline void rig_begin(void)
{
	snprintf(rig_dir, sizeof(rig_dir), "/tmp/modeld-migrate-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(rig_dir));
	snprintf(rig_folder, sizeof(rig_folder), "%s/migrations", rig_dir);
#ifdef ON_POSTGRES
	snprintf(rig_url, sizeof(rig_url), "%s", pg_url);
	pg_admin("SET client_min_messages = warning; DROP SCHEMA IF EXISTS public CASCADE; CREATE "
		 "SCHEMA public");
#else
	snprintf(rig_url, sizeof(rig_url), "sqlite:///%s/test.db", rig_dir);
#endif
	rig_models = NULL;
	rig_options = (struct md_migrate_options){ .url = rig_url,
						   .folder = rig_folder,
						   .lock_timeout_ms = 2000,
						   .lock_wait_ms = 20000,
						   .who = "test" };
}

static inline void rig_remove(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	char *name;

	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (asprintf(&name, "%s/%s", path, entry->d_name) < 0)
			continue;
		if (unlink(name) != 0)
			rig_remove(name);
		free(name);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static inline void rig_end(void)
{
	rig_models = md_definitions_free(rig_models);
	rig_remove(rig_dir);
}

/** The models as they are from now on: the members of "models". */
static inline void models(const char *text)
{
	char file[8192];
	struct md_def_source source = { "test.json", { file, 0 } };
	struct md_def_report report = { .items = NULL };
	enum md_code code;

	source.text.len =
		(size_t)snprintf(file, sizeof(file), "{\"version\":1,\"models\":{%s}}", text);
	rig_models = md_definitions_free(rig_models);
	md_error_clear(&err);
	code = md_definitions_load(&source, 1, NULL, 0, &report, &rig_models, &err);
	ck_assert_msg(code == MD_OK, "%s", report.items ? report.items[0].message : err.message);
	md_def_report_release(&report);
	rig_options.definitions = rig_models;
}

static struct md_migrate *rig_open(void)
{
	struct md_migrate *migrate = NULL;

	md_error_clear(&err);
	ck_assert_msg(md_migrate_open(&rig_options, &migrate, &err) == MD_OK, "open: %s",
		      err.message);
	return migrate;
}

static inline json_t *rig_answer(enum md_code code, json_t *document)
{
	ck_assert_msg(code == MD_OK, "%s %s\n%s\n%s", err.wire, err.message, err.details, err.hint);
	ck_assert_ptr_nonnull(document);
	return document;
}

/** `call` is a verb without its last two arguments, with `m` for the handle. */
#define VERB(name, ...)                                                         \
	({                                                                      \
		struct md_migrate *m_ = rig_open();                             \
		json_t *document_ = NULL;                                       \
		enum md_code code_ = name(m_, ##__VA_ARGS__, &document_, &err); \
		md_migrate_close(m_);                                           \
		rig_answer(code_, document_);                                   \
	})
#define REFUSED(wire_, name, ...)                                                                 \
	do {                                                                                      \
		struct md_migrate *m_ = rig_open();                                               \
		json_t *document_ = NULL;                                                         \
		enum md_code code_ = name(m_, ##__VA_ARGS__, &document_, &err);                   \
		md_migrate_close(m_);                                                             \
		ck_assert_msg(code_ != MD_OK, "it was not refused");                              \
		ck_assert_ptr_null(document_);                                                    \
		ck_assert_msg(strcmp(err.wire, wire_) == 0, "%s: %s (%s)", err.wire, err.message, \
			      err.details);                                                       \
	} while (0)

/** Of a document: /a/0/b as text; numbers and truth as JSON, "null" when it is not there. */
static inline const char *at(const json_t *json, const char *path)
{
	static char text[4][2048];
	static unsigned turn;
	char *out = text[turn++ % 4];
	char *dumped;

	while (*path && json) {
		char key[128];
		size_t len = strcspn(++path, "/");

		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		json = json_is_array(json) ? json_array_get(json, strtoul(key, NULL, 10))
					   : json_object_get(json, key);
		path += len;
	}
	dumped = json_is_string(json) ? NULL : json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	snprintf(out, sizeof(text[0]), "%s",
		 json_is_string(json) ? json_string_value(json)
		 : dumped             ? dumped
				      : "null");
	free(dumped);
	return out;
}

static inline size_t count_of(const json_t *json, const char *key)
{
	return json_array_size(json_object_get(json, key));
}

/* --- the database ------------------------------------------------------------------------------
 */

static inline struct md_db_schema *rig_connect(void)
{
	struct md_db_schema_options options = { .url = rig_url,
						.create = true,
						.lock_timeout_ms = 2000 };
	struct md_db_schema *db = NULL;

	md_error_clear(&err);
	ck_assert_msg(md_db_schema_open(&options, &db, &err) == MD_OK, "%s", err.message);
	return db;
}

static inline void sql(const char *text)
{
	struct md_db_schema *db = rig_connect();

	ck_assert_msg(md_db_schema_run(db, text, &err) == MD_OK, "%s: %s", text, err.message);
	md_db_schema_close(db);
}

static enum md_code rig_take(void *ctx, const char *const *values, unsigned count,
			     struct md_error *e)
{
	char *text = ctx;
	size_t len = strlen(text);

	(void)e;
	for (unsigned i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, 2048 - len, "%s%s", i > 0 ? "," : "",
					values[i] ? values[i] : "null");
	snprintf(text + len, 2048 - len, ";");
	return MD_OK;
}

/** The rows: "1,a;2,null;". */
static inline const char *ask(const char *text)
{
	static char answer[2048];
	struct md_db_schema *db = rig_connect();

	answer[0] = '\0';
	ck_assert_msg(md_db_schema_query(db, text, NULL, 0, rig_take, answer, NULL, &err) == MD_OK,
		      "%s: %s", text, err.message);
	md_db_schema_close(db);
	return answer;
}

static inline bool has_table(const char *name)
{
	char text[256];

#ifdef ON_POSTGRES
	snprintf(text, sizeof(text), "SELECT count(*) FROM pg_tables WHERE tablename = '%s'", name);
#else
	snprintf(text, sizeof(text), "SELECT count(*) FROM sqlite_schema WHERE name = '%s'", name);
#endif
	return strcmp(ask(text), "1;") == 0;
}

/* --- short forms -------------------------------------------------------------------------------
 */

static inline json_t *make(const char *message)
{
	struct md_migrate_make how = { .message = message };

	return VERB(md_migrate_make, &how);
}

static inline json_t *up(void)
{
	struct md_migrate_go how = { .to = NULL };

	return VERB(md_migrate_up, &how);
}

static inline json_t *down(const char *to)
{
	struct md_migrate_go how = { .to = to, .consent = { .all = true } };

	return VERB(md_migrate_down, &how);
}

/** Make a revision of what changed and apply it. */
static inline void step(const char *text)
{
	models(text);
	json_decref(make("step"));
	json_decref(up());
}

static inline const char *state(void)
{
	json_t *status = VERB(md_migrate_status, true);
	const char *text = at(status, "/state");

	json_decref(status);
	return text;
}

/** The path of the nth revision file, from 0, as migrations.sum has them. */
static inline const char *rig_file(unsigned n)
{
	static char path[512];
	char line[512], name[256] = "";
	FILE *sums;

	snprintf(path, sizeof(path), "%s/migrations.sum", rig_folder);
	sums = fopen(path, "r");
	ck_assert_ptr_nonnull(sums);
	for (unsigned i = 0; i <= n; i++)
		ck_assert_msg(fgets(line, sizeof(line), sums), "there is no file %u", n);
	fclose(sums);
	ck_assert_int_eq(sscanf(line, "%*s %*s %255s", name), 1);
	snprintf(path, sizeof(path), "%s/%s", rig_folder, name);
	return path;
}

/** Write a revision by hand, behind the newest; `operations` is a list of JSON. */
static inline void write_by_hand(unsigned n, const char *operations)
{
	struct md_migrate_make how = { .message = "by hand", .empty = true };
	json_t *document, *list;
	json_error_t where;

	json_decref(VERB(md_migrate_make, &how));
	document = json_load_file(rig_file(n), 0, &where);
	list = json_loads(operations, 0, &where);
	ck_assert_msg(list, "%s", where.text);
	json_object_set_new(document, "up", list);
	json_object_set_new(document, "down", json_null());
	ck_assert_int_eq(json_dump_file(document, rig_file(n), 0), 0);
	json_decref(document);
	json_decref(VERB(md_migrate_repair, false));
}
#endif
