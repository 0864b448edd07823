#include "tests/support/fault.h"

#include <stdatomic.h>

static atomic_long left = -1;
static atomic_bool fired, soft;
static atomic_int paused;

void fault_arm(long calls)
{
	fired = soft = false;
	left = calls;
}

void fault_disarm(void)
{
	left = -1;
}

void fault_pause(void)
{
	paused++;
}

void fault_resume(void)
{
	paused--;
}

static bool tick(bool is_soft)
{
	if (left < 0 || paused > 0)
		return false;
	if (left-- > 0)
		return false;
	fired = true;
	soft = is_soft;
	return true;
}

bool fault_tick(void)
{
	return tick(false);
}

bool fault_tick_soft(void)
{
	return tick(true);
}

bool fault_fired(void)
{
	return fired;
}

bool fault_is_soft(void)
{
	return soft;
}
