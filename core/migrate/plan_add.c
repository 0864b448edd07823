/* What planners build their plans with: room, texts kept once, and the names of what is kept of
 * what is dropped. */
#include "core/migrate/plan.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/base/sha256.h"
#include "core/db/catalog.h"

#include "core/base/banned.h"

enum { FIRST_ROOM = 8, REVISION_DIGITS = 12, SHORT_SUM = 8 };

/* --- lists -------------------------------------------------------------------------------------
 */

/* A list has room for the next power of two; it is full when its length is one. */
static bool is_full(unsigned count)
{
	return count == 0 || (count >= FIRST_ROOM && (count & (count - 1)) == 0);
}

/* The list with room for one more, zeroed; NULL: out of memory. */
static void *grow(struct md_plan_work *work, const void *list, unsigned count, size_t size)
{
	unsigned room = count == 0 ? FIRST_ROOM : count * 2;
	void *grown = (void *)(uintptr_t)list; /* readers see it const; it is ours */

	if (is_full(count)) {
		grown = md_arena_zalloc(work->arena, room * size);
		if (grown && count > 0)
			memcpy(grown, list, count * size);
	}
	work->failed = work->failed || !grown;
	return grown;
}

struct md_step *md_plan_add_step(struct md_plan_work *work)
{
	struct md_plan *plan = work->plan;
	struct md_step *steps = grow(work, plan->steps, plan->step_count, sizeof(*steps));

	if (!steps)
		return NULL;
	plan->steps = steps;
	steps[plan->step_count].operation = work->operation;
	return &steps[plan->step_count++];
}

struct md_data_check *md_plan_add_check(struct md_plan_work *work)
{
	struct md_plan *plan = work->plan;
	struct md_data_check *checks = grow(work, plan->checks, plan->check_count, sizeof(*checks));

	if (!checks)
		return NULL;
	plan->checks = checks;
	return &checks[plan->check_count++];
}

static void add_text(struct md_plan_work *work, const char *const **list, unsigned *count,
		     const char *text)
{
	const char **texts, *kept;

	for (unsigned i = 0; i < *count; i++)
		if (strcmp((*list)[i], text) == 0)
			return;
	texts = grow(work, *list, *count, sizeof(*texts));
	kept = md_arena_strndup(work->arena, text, strlen(text));
	work->failed = work->failed || !kept;
	if (!texts || !kept)
		return;
	*list = texts;
	texts[(*count)++] = kept;
}

void md_plan_add_open(struct md_plan_work *work, const char *sql)
{
	add_text(work, &work->plan->open, &work->plan->open_count, sql);
}

void md_plan_add_close(struct md_plan_work *work, const char *sql)
{
	add_text(work, &work->plan->close, &work->plan->close_count, sql);
}

void md_plan_add_verify(struct md_plan_work *work, const char *sql)
{
	add_text(work, &work->plan->verify, &work->plan->verify_count, sql);
}

void md_plan_add_sql(struct md_plan_work *work, struct md_step *step, const char *sql)
{
	const char **texts = grow(work, step->sql, step->sql_count, sizeof(*texts));

	if (!texts)
		return;
	step->sql = texts;
	texts[step->sql_count++] = sql;
}

void md_plan_add_note(struct md_plan_work *work, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	add_text(work, &work->plan->notes, &work->plan->note_count, line);
}

const char *md_plan_keep(struct md_plan_work *work, const struct md_buf *text)
{
	const char *kept = text->failed ? NULL
					: md_arena_strndup(work->arena,
							   text->data ? text->data : "", text->len);

	work->failed = work->failed || !kept;
	return kept ? kept : "";
}

const char *md_plan_vprintf(struct md_plan_work *work, const char *fmt, va_list args)
{
	const char *text = md_arena_vprintf(work->arena, fmt, args);

	work->failed = work->failed || !text;
	return text ? text : "";
}

/* --- names of what is kept ---------------------------------------------------------------------
 */

#define KEPT "_dropped_"

void md_kept_name(const char *revision, const char *name, char out[MD_KEPT_NAME])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[MD_SHA256_SIZE];
	size_t len = strlen(name), used;

	used = (size_t)snprintf(out, MD_KEPT_NAME, KEPT "%.*s_", REVISION_DIGITS, revision);
	if (used + len < MD_KEPT_NAME) {
		memcpy(out + used, name, len + 1);
		return;
	}
	md_sha256(name, len, sum);
	len = MD_KEPT_NAME - 1 - used - 1 - SHORT_SUM;
	while (len > 0 && ((unsigned char)name[len] & 0xC0) == 0x80)
		len--;
	memcpy(out + used, name, len);
	used += len;
	out[used++] = '_';
	for (unsigned i = 0; i < SHORT_SUM / 2; i++) {
		out[used++] = digits[sum[i] >> 4];
		out[used++] = digits[sum[i] & 15];
	}
	out[used] = '\0';
}

bool md_is_kept_name(const char *name)
{
	return strncmp(name, "_modeld_", strlen("_modeld_")) == 0 || md_catalog_is_kept(name);
}
