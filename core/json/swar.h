/* Private to core/json: eight bytes of text looked at in one word. Each test gives a word with the
 * high bit of a byte set where it found something, exact up to the first such byte; behind it a
 * borrow may mark bytes that are none. Words are little-endian. */
#ifndef MD_CORE_JSON_SWAR_H
#define MD_CORE_JSON_SWAR_H
#include <endian.h>
#include <stdint.h>
#include <string.h>

#define MD_EVERY(byte) (0x0101010101010101u * (byte))

static inline uint64_t md_swar_load(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return le64toh(word);
}
/** Bytes that cannot stand for themselves in a JSON string or need a look: control, quote,
 * backslash, not ASCII. */
static inline uint64_t md_swar_special(uint64_t word)
{
	return ((word - MD_EVERY(0x20)) | ((word ^ MD_EVERY('"')) - MD_EVERY(1)) |
		((word ^ MD_EVERY('\\')) - MD_EVERY(1)) | word) &
	       MD_EVERY(0x80);
}
/** Bytes equal to `byte`. */
static inline uint64_t md_swar_equal(uint64_t word, unsigned char byte)
{
	uint64_t zero = word ^ MD_EVERY(byte);

	return (zero - MD_EVERY(1)) & ~zero & MD_EVERY(0x80);
}
/** Place of the first mark, of which there is one. */
static inline unsigned md_swar_first(uint64_t marks)
{
	return (unsigned)__builtin_ctzll(marks) / 8;
}
#endif
