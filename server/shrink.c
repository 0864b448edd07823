#include "server/shrink.h"

#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/banned.h"

/* Fewer connections than these are not worth it; clients that come and go are not those that have
 * gone. */
enum { WORTH_IT = 256, LOOKS = 8 };

static struct {
	pthread_once_t once;
	int fd; /* eventfd: main is to give memory back */
} shrink_wish = { .once = PTHREAD_ONCE_INIT, .fd = -1 };

static void make_fd(void)
{
	shrink_wish.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int md_shrink_fd(void)
{
	pthread_once(&shrink_wish.once, make_fd);
	return shrink_wish.fd;
}

static void wish(void)
{
	static const uint64_t one = 1;

	if (write(md_shrink_fd(), &one, sizeof(one)) < 0)
		return; /* it is awake */
}

static bool is_worth_it(const struct md_shrink *shrink, unsigned count)
{
	return shrink->most >= count + WORTH_IT && shrink->most / 2 >= count;
}

bool md_shrink_look(struct md_shrink *shrink, unsigned count)
{
	if (++shrink->looks >= LOOKS) {
		if (shrink->lately > shrink->most)
			shrink->most = shrink->lately;
		if (is_worth_it(shrink, shrink->lately)) {
			shrink->most = shrink->lately;
			wish();
		}
		shrink->lately = count;
		shrink->looks = 0;
	}
	return is_worth_it(shrink, count) || shrink->lately >= count + WORTH_IT;
}

void md_shrink_now(void)
{
	uint64_t count;

	if (read(md_shrink_fd(), &count, sizeof(count)) != sizeof(count))
		return;
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}
