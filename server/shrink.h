/* Memory that goes back to the system when many connections have gone. The allocator keeps what was
 * freed between things that stay; asked to, it gives the pages back, which takes some milliseconds
 * for each hundred megabytes: not on a loop. Private to server/. */
#ifndef MD_SERVER_SHRINK_H
#define MD_SERVER_SHRINK_H
#include <stdbool.h>

/** How many connections a loop has had; all zero is none. */
struct md_shrink {
	unsigned most;   /* since memory was given back */
	unsigned lately; /* the most of … */
	unsigned looks;  /* … so many of the janitor's visits */
};

/** The loop has so many connections now. */
static inline void md_shrink_note(struct md_shrink *shrink, unsigned count)
{
	if (count > shrink->lately)
		shrink->lately = count;
}
/** The janitor has come by: when the connections are far fewer than they were, and have been for a
 * while, main gives memory back. False: there is nothing to come by for. The loop's thread. */
bool md_shrink_look(struct md_shrink *shrink, unsigned count);
/** Readable when memory is to be given back. */
int md_shrink_fd(void);
/** Give it back if it is time for that. Main thread. */
void md_shrink_now(void);
#endif
