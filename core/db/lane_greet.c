/* One connection to the end of its beginning, without a loop: what main does at the start. */
#include <poll.h>

#include "core/base/clock.h"
#include "core/db/lane_pipe.h"

#include "core/base/banned.h"

enum { GREET_MS = 30000 };

struct greeting {
	struct md_unit unit; /* first */
	bool asked, ended;
};

static enum md_next greet_next(struct md_unit *unit, struct md_call *ret_call)
{
	static const struct md_stmt nothing = { .sql = "" };
	struct greeting *greeting = (struct greeting *)unit;

	if (greeting->asked)
		return MD_NEXT_COMMIT;
	greeting->asked = true;
	*ret_call = (struct md_call){ .stmt = &nothing };
	return MD_NEXT_CALL;
}

static enum md_flow greet_rows(struct md_unit *unit, const struct md_call *call,
			       struct md_rows *rows)
{
	(void)unit;
	(void)call;
	(void)rows;
	return MD_FLOW_ON;
}

static void greet_done(struct md_unit *unit, enum md_code code)
{
	(void)code;
	((struct greeting *)unit)->ended = true;
}

enum md_code md_lane_greet(struct md_conn *conn, const char *prelude, struct md_error *err)
{
	static const struct md_unit_ops ops = { .next = greet_next,
						.rows = greet_rows,
						.done = greet_done };
	const struct md_db_driver *driver = conn->driver;
	struct greeting greeting = { .unit = { .ops = &ops,
					       .prelude = prelude,
					       .deadline_ns = md_now_ns() + GREET_MS * MD_MS } };

	driver->push(conn, &greeting.unit);
	while (!greeting.ended) {
		unsigned wants = driver->wants(conn);
		struct pollfd poll_fd = { .fd = driver->fd(conn),
					  .events = (short)((wants & MD_READ ? POLLIN : 0) |
							    (wants & MD_WRITE ? POLLOUT : 0)) };

		poll(&poll_fd, 1, 1000);
		driver->process(conn, wants);
	}
	if (greeting.unit.error.code != MD_OK && err)
		*err = greeting.unit.error;
	return greeting.unit.error.code;
}
