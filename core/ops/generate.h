/* Values that modeld makes for rows of declared models: defaults, and what every change brings. One
 * md_generator is one request's: `now` is the same in all its rows. One thread at a time. */
#ifndef MD_CORE_OPS_GENERATE_H
#define MD_CORE_OPS_GENERATE_H
#include "core/db/value.h"
#include "core/query/plan.h"

enum { MD_GENERATED_TEXT = 40 };

struct md_generator {
	int64_t seconds; /* now, since 1970 */
	unsigned micros;
	uint64_t last_ms;     /* of the last uuid7 */
	unsigned counter;     /* of uuid7 in that millisecond */
	unsigned random_left; /* at the end of `random` */
	unsigned char random[256];
};

/** A new request begins now. */
void md_generator_start(struct md_generator *generator);

/** What is made by us when a body does not give the field: for a new row (`update` false), or when
 * a row that is there changes. */
bool md_is_made(const struct md_field *field, bool update);
/** Whether each row needs a value of its own. */
bool md_is_made_per_row(const struct md_made *made);
/** Make the value. Text goes to `room`, of MD_GENERATED_TEXT bytes, or to the arena (literals).
 * MD_INTERNAL: the system has no random numbers; MD_NOMEM. */
enum md_code md_generate(struct md_generator *generator, const struct md_made *made,
			 struct md_arena *arena, char *room, struct md_value *ret_value,
			 struct md_error *err);
#endif
