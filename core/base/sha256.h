/* SHA-256 (FIPS 180-4) of a text in memory, for names and fingerprints, not for secrets. No state,
 * any thread. */
#ifndef MD_CORE_BASE_SHA256_H
#define MD_CORE_BASE_SHA256_H
#include <stddef.h>

enum { MD_SHA256_SIZE = 32 };

void md_sha256(const void *data, size_t len, unsigned char out[MD_SHA256_SIZE]);
#endif
