#include "core/ops/generate.h"

#include <sys/random.h>
#include <time.h>

#include "core/base/moment.h"
#include "core/model/define.h"
#include "core/ops/cell.h"

#include "core/base/banned.h"

enum { UUID_BYTES = 16, COUNTER_START = 0x7FF, COUNTER_MAX = 0xFFF };

void md_generator_start(struct md_generator *generator)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	generator->seconds = now.tv_sec;
	generator->micros = (unsigned)(now.tv_nsec / 1000);
	generator->last_ms = 0;
	generator->counter = 0;
	generator->random_left = 0;
}

bool md_is_made(const struct md_field *field, bool update)
{
	const struct md_def_field *def = field->def;

	if (!def || field->generated)
		return false;
	if (update)
		return def->on_update_now;
	return def->value.fn != MD_DEF_FN_NONE || def->value.literal.kind != MD_DEF_NO_VALUE;
}

bool md_is_made_per_row(const struct md_made *made)
{
	enum md_def_fn fn = made->update ? MD_DEF_NOW : made->field->def->value.fn;

	return fn == MD_DEF_UUID4 || fn == MD_DEF_UUID7 || fn == MD_DEF_RANDOM_HEX;
}

static enum md_code take_random(struct md_generator *generator, unsigned char *out, unsigned count,
				struct md_error *err)
{
	unsigned size = sizeof(generator->random);

	if (generator->random_left < count) {
		/* Up to 256 bytes come whole, and no signal stops them. */
		if (getrandom(generator->random, size, 0) != (ssize_t)size)
			return md_fail(err, MD_INTERNAL, "58000",
				       "the system gives no random numbers");
		generator->random_left = size;
	}
	memcpy(out, generator->random + size - generator->random_left, count);
	generator->random_left -= count;
	return MD_OK;
}

static size_t put_hex(const unsigned char *bytes, unsigned count, bool hyphens, char *out)
{
	static const char digits[] = "0123456789abcdef";
	char *p = out;

	for (unsigned i = 0; i < count; i++) {
		if (hyphens && (i == 4 || i == 6 || i == 8 || i == 10))
			*p++ = '-';
		*p++ = digits[bytes[i] >> 4];
		*p++ = digits[bytes[i] & 15];
	}
	return (size_t)(p - out);
}

static uint64_t milliseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* RFC 9562: 48 bits of milliseconds, then 12 that count within one, from a random start, so that
 * those of a request sort as they were made. */
static void put_time(struct md_generator *generator, unsigned char *bytes)
{
	uint64_t ms = milliseconds_now();

	if (ms > generator->last_ms) {
		generator->last_ms = ms;
		generator->counter = ((unsigned)bytes[6] << 8 | bytes[7]) & COUNTER_START;
	} else if (++generator->counter > COUNTER_MAX) {
		generator->last_ms++;
		generator->counter = 0;
	}
	for (unsigned i = 0; i < 6; i++)
		bytes[i] = (unsigned char)(generator->last_ms >> (40 - 8 * i));
	bytes[6] = (unsigned char)(0x70 | generator->counter >> 8);
	bytes[7] = (unsigned char)generator->counter;
}

static enum md_code make_random(struct md_generator *generator, enum md_def_fn fn, char *room,
				struct md_value *ret_value, struct md_error *err)
{
	unsigned char bytes[UUID_BYTES];
	enum md_code code = take_random(generator, bytes, sizeof(bytes), err);
	bool uuid = fn != MD_DEF_RANDOM_HEX;

	if (code != MD_OK)
		return code;
	if (fn == MD_DEF_UUID4)
		bytes[6] = (unsigned char)(0x40 | (bytes[6] & 0x0F));
	if (fn == MD_DEF_UUID7)
		put_time(generator, bytes);
	if (uuid)
		bytes[8] = (unsigned char)(0x80 | (bytes[8] & 0x3F));
	*ret_value =
		md_value_text((struct md_str){ room, put_hex(bytes, sizeof(bytes), uuid, room) });
	return MD_OK;
}

/* A value of a definition file as a cell that a client would have sent. */
static struct md_body_cell cell_of(const struct md_def_value *literal)
{
	static const enum md_body_cell_kind kinds[] = {
		[MD_DEF_NO_VALUE] = MD_CELL_NULL,  [MD_DEF_NULL] = MD_CELL_NULL,
		[MD_DEF_BOOL] = MD_CELL_BOOL,      [MD_DEF_NUMBER] = MD_CELL_NUMBER,
		[MD_DEF_TEXTUAL] = MD_CELL_STRING, [MD_DEF_TREE] = MD_CELL_JSON,
	};

	return (struct md_body_cell){ .kind = kinds[literal->kind],
				      .truth = literal->kind == MD_DEF_BOOL &&
					       literal->text[0] == 't',
				      .text = md_str_of(literal->text) };
}

enum md_code md_generate(struct md_generator *generator, const struct md_made *made,
			 struct md_arena *arena, char *room, struct md_value *ret_value,
			 struct md_error *err)
{
	const struct md_def_field *def = made->field->def;
	enum md_def_fn fn = made->update ? MD_DEF_NOW : def->value.fn;
	struct md_body_cell cell;
	struct md_moment now;
	size_t len;

	switch (fn) {
	case MD_DEF_NOW:
	case MD_DEF_TODAY:
		now = md_moment_at(generator->seconds, generator->micros);
		len = md_moment_keep(&now, md_def_moment(def->type), room);
		*ret_value = md_value_text((struct md_str){ room, len });
		return MD_OK;
	case MD_DEF_UUID4:
	case MD_DEF_UUID7:
	case MD_DEF_RANDOM_HEX:
		return make_random(generator, fn, room, ret_value, err);
	case MD_DEF_AUTH: /* nobody has a name yet */
		*ret_value = md_value_null();
		return MD_OK;
	case MD_DEF_FN_NONE:
		break;
	}
	cell = cell_of(&def->value.literal);
	return md_cell_field(&cell, made->field, false, arena, ret_value, err);
}
