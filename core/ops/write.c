/* One write from request to durable rows:
 *
 *   start: columns ─► plans (cache, else build) ─► writer lane     (write_prepare.c)
 *   unit:  each row of the body, on the writer's thread            (write_unit.c)
 *   end:   DONE after COMMIT, or FAILED and undone
 */
#include "core/ops/write_private.h"

#include "core/base/banned.h"

enum { KEYS_MAX = 64 * 1024 * 1024 };

static void let_go(struct md_write *write)
{
	for (unsigned i = 0; i < write->variant_count; i++)
		if (write->variants[i].cached)
			md_plans_unuse(write->variants[i].cached);
	write->variant_count = 0;
	md_keys_clear(&write->merged);
	md_buf_release(&write->keys);
	md_generation_leave(write->ops, write->generation);
}

void md_write_done(struct md_unit *unit, enum md_code code)
{
	struct md_write *write = (struct md_write *)unit;

	let_go(write);
	write->state = code == MD_OK ? MD_READ_DONE : MD_READ_FAILED;
	write->ask.ready(write, write->ask.arg);
}

bool md_write_start(struct md_ops *ops, const struct md_write_ask *ask, struct md_write **ret_write)
{
	struct md_write *write = md_arena_zalloc(ask->arena, sizeof(*write));

	*ret_write = write;
	if (!write)
		return true;
	write->ops = ops;
	write->ask = *ask;
	write->generation = ops->newest;
	write->generation->users++;
	md_buf_init(&write->keys, KEYS_MAX);
	if (md_write_prepare(write, &write->unit.error) != MD_OK) {
		let_go(write);
		write->state = MD_READ_FAILED;
		return true;
	}
	md_write_start_over(write);
	write->unit.ops = &md_write_unit_ops;
	write->unit.tx = MD_TX_WRITE;
	write->unit.alone = !md_write_plan_of(write)->bounded;
	write->unit.deadline_ns = ask->deadline_ns;
	md_db_run(ops->options.db, &write->unit, MD_LANE_WRITE);
	return false;
}

enum md_read_state md_write_state(const struct md_write *write)
{
	return write->state;
}

const struct md_error *md_write_error(const struct md_write *write)
{
	return &write->unit.error;
}

const struct md_write_result *md_write_result(const struct md_write *write)
{
	return &write->result;
}

void md_write_cancel(struct md_write *write)
{
	if (write->state == MD_READ_RUNNING)
		md_db_cancel(write->ops->options.db, &write->unit);
}
