#include "core/ops/idempotency.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/sha256.h"

#include "core/base/banned.h"

enum { FINGERPRINTED_MAX = 1024 * 1024 * 1024, MAKES_MAX = 6, ARGS_MAX = 4 };

/* The same on every engine. The second key is there to find what is old. */
static struct md_stmt make_table = {
	.sql = "CREATE TABLE IF NOT EXISTS _modeld_idempotency (key TEXT PRIMARY KEY,"
	       " fingerprint TEXT NOT NULL, created_at BIGINT NOT NULL, status INTEGER,"
	       " headers TEXT, body TEXT, UNIQUE (created_at, key))",
	.writes = true,
	.trusted = true,
};
static struct md_stmt forget = {
	.sql = "DELETE FROM _modeld_idempotency WHERE created_at < $1",
	.params = 1,
	.writes = true,
};
static struct md_stmt enter = {
	.sql = "INSERT INTO _modeld_idempotency (key, fingerprint, created_at)"
	       " VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING",
	.params = 3,
	.writes = true,
};
static struct md_stmt look = {
	.sql = "SELECT fingerprint, status, headers, body FROM _modeld_idempotency WHERE key = $1",
	.params = 1,
	.returns_rows = true,
};
static struct md_stmt keep = {
	.sql = "UPDATE _modeld_idempotency SET status = $1, headers = $2, body = $3 WHERE key = $4",
	.params = 4,
	.writes = true,
};

/* What one unit runs. */
static const struct md_stmt *const claiming[] = { &forget, &enter, &look, NULL };
static const struct md_stmt *const making[] = { &make_table, NULL };
static const struct md_stmt *const keeping[] = { &keep, NULL };

struct md_idempotency {
	struct md_unit unit; /* first */
	struct md_arena *arena;
	struct md_session *session;
	struct md_str key;
	const char *fingerprint;
	uint64_t lifetime_s, deadline_ns;
	void (*ready)(struct md_idempotency *what, void *arg);
	void *arg;
	const struct md_stmt *const *script;
	unsigned at, makes;
	struct md_value args[3][ARGS_MAX]; /* of claiming; [0] also of keeping */
	bool entered, found;
	char theirs[MD_FINGERPRINT_MAX]; /* fingerprint of the request that had the key first */
	struct md_kept_answer answer;
	struct md_error error;
};

static enum md_next next(struct md_unit *unit, struct md_call *ret_call)
{
	struct md_idempotency *what = (struct md_idempotency *)unit;

	if (!what->script[what->at])
		return MD_NEXT_COMMIT;
	*ret_call = (struct md_call){ .stmt = what->script[what->at],
				      .args = what->args[what->at % 3],
				      .tag = what->script[what->at] };
	what->at++;
	return MD_NEXT_CALL;
}

static bool keep_text(struct md_idempotency *what, const struct md_value *cell,
		      struct md_str *ret_text)
{
	char *copy;

	if (cell->type != MD_TEXT) {
		*ret_text = (struct md_str){ NULL, 0 };
		return true;
	}
	copy = md_arena_strndup(what->arena, cell->text, cell->len);
	*ret_text = (struct md_str){ copy, cell->len };
	return copy != NULL;
}

static bool take_row(struct md_idempotency *what, const struct md_value *cells)
{
	uint64_t status = 0;

	what->found = true;
	if (cells[0].type == MD_TEXT && cells[0].len < sizeof(what->theirs)) {
		memcpy(what->theirs, cells[0].text, cells[0].len);
		what->theirs[cells[0].len] = '\0';
	}
	if (cells[1].type == MD_INT)
		status = (uint64_t)cells[1].i;
	else if (cells[1].type == MD_TEXT)
		md_str_to_u64((struct md_str){ cells[1].text, cells[1].len }, &status);
	what->answer.status = (unsigned)status;
	return keep_text(what, &cells[2], &what->answer.headers) &&
	       keep_text(what, &cells[3], &what->answer.body);
}

static enum md_flow rows(struct md_unit *unit, const struct md_call *call, struct md_rows *rows)
{
	struct md_idempotency *what = (struct md_idempotency *)unit;
	const struct md_value *cells;

	if (call->tag == &enter)
		what->entered = unit->changes > 0;
	if (call->tag != &look)
		return MD_FLOW_ON;
	switch (rows->next(rows, &cells, &unit->error)) {
	case MD_STEP_WAIT:
		return MD_FLOW_WAIT;
	case MD_STEP_FAIL:
		return MD_FLOW_ABORT;
	case MD_STEP_END:
		return MD_FLOW_ON;
	case MD_STEP_ROW:
		break;
	}
	if (take_row(what, cells))
		return MD_FLOW_ON;
	md_fail_nomem(&unit->error);
	return MD_FLOW_ABORT;
}

static void run(struct md_idempotency *what, const struct md_stmt *const *script);

/* Somebody else makes the table at the same time. */
static bool is_raced(const char *wire)
{
	static const char *const states[] = { "23505", "42P07", "42710", "40P01" };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(wire, states[i]) == 0)
			return true;
	return false;
}

/* The table is made by whoever needs it first. */
static bool tries_again(struct md_idempotency *what, enum md_code code)
{
	const char *wire = what->unit.error.wire;
	bool absent = strcmp(wire, "42P01") == 0;

	if (what->script == keeping || (code == MD_OK && what->script == claiming))
		return false;
	if (code != MD_OK && what->makes++ >= MAKES_MAX)
		return false;
	if (what->script == making ? code == MD_OK || is_raced(wire) : is_raced(wire))
		run(what, claiming);
	else if (what->script == claiming && absent)
		run(what, making);
	else
		return false;
	return true;
}

static void judge(struct md_idempotency *what)
{
	bool theirs = what->found && !what->entered;

	if (!theirs) {
		what->found = false;
	} else if (strcmp(what->theirs, what->fingerprint) != 0) {
		md_fail(&what->error, MD_INVALID, "MD422",
			"the Idempotency-Key was used with another request");
		md_error_hint(&what->error, "Use a new key for a new request.");
	}
}

static void done(struct md_unit *unit, enum md_code code)
{
	struct md_idempotency *what = (struct md_idempotency *)unit;

	if (tries_again(what, code))
		return;
	if (code != MD_OK)
		what->error = unit->error;
	else if (what->script == claiming)
		judge(what);
	what->ready(what, what->arg);
}

static const struct md_unit_ops unit_ops = { .next = next, .rows = rows, .done = done };

static void run(struct md_idempotency *what, const struct md_stmt *const *script)
{
	memset(&what->unit, 0, offsetof(struct md_unit, error));
	md_error_clear(&what->unit.error);
	what->unit.ops = &unit_ops;
	what->unit.tx = MD_TX_WRITE;
	what->unit.deadline_ns = what->deadline_ns;
	what->script = script;
	what->at = 0;
	what->entered = what->found = false;
	md_session_run(what->session, &what->unit);
}

struct md_idempotency *md_idempotency_new(struct md_arena *arena, struct md_session *session,
					  struct md_str key, const char *fingerprint,
					  uint64_t lifetime_s,
					  void (*ready)(struct md_idempotency *what, void *arg),
					  void *arg)
{
	struct md_idempotency *what = md_arena_zalloc(arena, sizeof(*what));

	if (!what)
		return NULL;
	what->arena = arena;
	what->session = session;
	what->key = key;
	what->fingerprint = fingerprint;
	what->lifetime_s = lifetime_s;
	what->ready = ready;
	what->arg = arg;
	return what;
}

void md_idempotency_claim(struct md_idempotency *what, uint64_t deadline_ns)
{
	int64_t now = (int64_t)time(NULL);

	what->deadline_ns = deadline_ns;
	what->args[0][0] = md_value_int(now - (int64_t)what->lifetime_s);
	what->args[1][0] = what->args[2][0] = md_value_text(what->key);
	what->args[1][1] = md_value_text(md_str_of(what->fingerprint));
	what->args[1][2] = md_value_int(now);
	run(what, claiming);
}

void md_idempotency_keep(struct md_idempotency *what, const struct md_kept_answer *answer,
			 uint64_t deadline_ns)
{
	what->deadline_ns = deadline_ns;
	what->args[0][0] = md_value_int(answer->status);
	what->args[0][1] = md_value_text(answer->headers);
	what->args[0][2] = md_value_text(answer->body);
	what->args[0][3] = md_value_text(what->key);
	run(what, keeping);
}

void md_idempotency_cancel(struct md_idempotency *what)
{
	md_session_cancel(what->session, &what->unit);
}

const struct md_error *md_idempotency_error(const struct md_idempotency *what)
{
	return &what->error;
}

const struct md_kept_answer *md_idempotency_answer(const struct md_idempotency *what)
{
	return what->found ? &what->answer : NULL;
}

bool md_idempotency_fingerprint(const struct md_str *texts, unsigned count,
				char out[MD_FINGERPRINT_MAX])
{
	md_auto_buf all = MD_BUF(FINGERPRINTED_MAX);
	unsigned char sum[MD_SHA256_SIZE];

	for (unsigned i = 0; i < count; i++) {
		md_buf_printf(&all, "%zu:", texts[i].len);
		md_buf_putstr(&all, texts[i]);
	}
	if (all.failed)
		return false;
	md_sha256(all.data, all.len, sum);
	for (unsigned i = 0; i < MD_SHA256_SIZE; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", sum[i]);
	return true;
}
