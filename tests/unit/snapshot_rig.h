/* Snapshots of texts, for tests. Single quotes in models_text() stand for double ones; \' is one.
 */
#ifndef MD_TESTS_SNAPSHOT_RIG_H
#define MD_TESTS_SNAPSHOT_RIG_H
#include <jansson.h>

#include "core/base/buf.h"
#include "core/migrate/snapshot.h"
#include "tests/support/suite.h"

static inline const struct md_definitions *load_definitions(const char *text)
{
	struct md_def_source source = { "m.json", md_str_of(text) };
	struct md_def_report report = { .count = 0 };
	const struct md_definitions *definitions = NULL;
	struct md_error err = { .code = MD_OK };
	const struct md_def_limits limits = { .file = 64 << 20 };

	if (md_definitions_load(&source, 1, &limits, 0, &report, &definitions, &err) != MD_OK)
		ck_abort_msg("%s\n%s: %s", text,
			     report.count > 0 ? report.items[0].place.pointer : "",
			     report.count > 0 ? report.items[0].message : err.message);
	md_def_report_release(&report);
	return definitions;
}

static inline struct md_snapshot *snapshot_of(const struct md_definitions *definitions)
{
	struct md_snapshot *snapshot = NULL;
	struct md_error err = { .code = MD_OK };

	if (md_snapshot_of(definitions, &snapshot, &err) != MD_OK)
		ck_abort_msg("%s\n%s", err.message, err.details);
	return snapshot;
}

static inline struct md_snapshot *snapshot_of_text(const char *text)
{
	const struct md_definitions *definitions = load_definitions(text);
	struct md_snapshot *snapshot = snapshot_of(definitions);

	md_definitions_free(definitions);
	return snapshot;
}

static inline struct md_snapshot *read_snapshot(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	struct md_snapshot *snapshot = NULL;
	struct md_error err = { .code = MD_OK };

	ck_assert_msg(json != NULL, "%s: %s", text, error.text);
	if (md_snapshot_read(json, &snapshot, &err) != MD_OK)
		ck_abort_msg("%s\n%s\n%s", text, err.message, err.details);
	return snapshot;
}

/* JSON with double quotes; free it. */
static inline char *double_quoted(const char *text)
{
	char *out = strdup(text), *to = out;

	for (const char *p = text; *p != '\0'; p++) {
		if (p[0] == '\\' && p[1] == '\'')
			*to++ = *++p;
		else
			*to++ = (char)(*p == '\'' ? '"' : *p);
	}
	*to = '\0';
	return out;
}

/* A definition file of these models; free it. */
static inline char *models_text(const char *models)
{
	md_auto_buf text = MD_BUF(1 << 20);
	char *quoted = double_quoted(models);
	size_t len;

	md_buf_printf(&text, "{\"version\":1,\"models\":{%s}}", quoted);
	free(quoted);
	ck_assert_ptr_nonnull(md_buf_text(&text));
	return md_buf_take(&text, &len);
}

static inline const struct md_definitions *load_models(const char *models)
{
	char *text = models_text(models);
	const struct md_definitions *definitions = load_definitions(text);

	free(text);
	return definitions;
}

static inline struct md_snapshot *snapshot_of_models(const char *models)
{
	char *text = models_text(models);
	struct md_snapshot *snapshot = snapshot_of_text(text);

	free(text);
	return snapshot;
}
#endif
